/* base/conf: what is accepted, what is refused and how it is said, and which source wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"

static const struct conf_option rows[] = {
	{ .name = "app.id",
	  .kind = CONF_STRING,
	  .fallback = "demo",
	  .min = 1,
	  .max = 8,
	  .pattern = "^[a-z0-9-]+$",
	  .pattern_text = "lower-case letters, digits and -",
	  .doc = "Name." },
	{ .name = "commit.interval.ms",
	  .kind = CONF_DURATION,
	  .fallback = "100",
	  .min = 1,
	  .max = 60000,
	  .unit = "ms",
	  .doc = "Commit | often." },
	{ .name = "partitions",
	  .kind = CONF_INT,
	  .fallback = "16",
	  .min = -1,
	  .max = 1024,
	  .doc = "Count." },
	{ .name = "alert.open",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.8",
	  .min = 0,
	  .max = 1,
	  .doc = "Open." },
	{ .name = "eager", .kind = CONF_BOOL, .fallback = "false", .doc = "Eager." },
	{ .name = "clock",
	  .kind = CONF_ENUM,
	  .fallback = "live",
	  .choices = "live|data",
	  .doc = "Clock." },
	{ .name = "cache.size",
	  .kind = CONF_SIZE,
	  .fallback = "1M",
	  .min = 0,
	  .max = 1 << 30,
	  .doc = "Bytes." },
	{ .name = "inputs",
	  .kind = CONF_LIST,
	  .fallback = "a,b",
	  .min = 0,
	  .max = 3,
	  .pattern = "^[a-z]+$",
	  .pattern_text = "topics",
	  .doc = "Topics." },
	{ .name = "registry.password",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 4,
	  .doc = "Secret." },
	{ .name = "registry.url",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 64,
	  .doc = "Url." },
};

static const struct conf_table table = {
	.options = rows,
	.option_count = sizeof rows / sizeof rows[0],
	.env_prefix = "FORETELL_",
	.env_file = "FORETELL_CONFIG",
	.open_prefix = "kafka.",
	.open_doc = "For the client.",
};

static int conf_setup(void **state)
{
	*state = conf_new(&table);
	return 0;
}

static int conf_teardown(void **state)
{
	struct conf *conf = *state;
	conf_free(&conf);
	return 0;
}

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s", err_text(err));
}

/* err has this code and its text holds all of the words (NULL-ended). */
static void expect_err(struct err *err, const char *code, const char *const *words)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	assert_int_equal(err_verdict(err), ERR_FATAL);
	for (; *words != NULL; words++)
		if (strstr(err_text(err), *words) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", *words, err_text(err));
	err_free(&err);
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void defaults_are_parsed(void **state)
{
	struct conf *conf = *state;
	assert_string_equal(conf_string(conf, "app.id"), "demo");
	assert_int_equal(conf_int(conf, "commit.interval.ms"), 100);
	assert_int_equal(conf_int(conf, "partitions"), 16);
	assert_true(conf_double(conf, "alert.open") == 0.8);
	assert_false(conf_bool(conf, "eager"));
	assert_int_equal(conf_int(conf, "clock"), 0);
	assert_int_equal(conf_int(conf, "cache.size"), 1048576);
	size_t count;
	const char *const *items = conf_list(conf, "inputs", &count);
	assert_int_equal(count, 2);
	assert_string_equal(items[1], "b");
	assert_false(conf_is_set(conf, "app.id"));
}

static void values_are_parsed_by_kind(void **state)
{
	static const struct {
		const char *name, *text;
		int64_t whole;
	} good[] = {
		{ "commit.interval.ms", "60000", 60000 },
		{ "commit.interval.ms", "1m", 60000 },
		{ "commit.interval.ms", "30s", 30000 },
		{ "commit.interval.ms", "7ms", 7 },
		{ "partitions", "-1", -1 },
		{ "cache.size", "64k", 65536 },
		{ "cache.size", "1G", 1073741824 },
		{ "clock", "data", 1 },
	};
	struct conf *conf = *state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		expect_ok(conf_set(conf, good[i].name, good[i].text, "a test"));
		assert_int_equal(conf_int(conf, good[i].name), good[i].whole);
	}
	expect_ok(conf_set(conf, "eager", "true", "a test"));
	assert_true(conf_bool(conf, "eager"));
	size_t count;
	expect_ok(conf_set(conf, "inputs", " x , yy,z", "a test"));
	const char *const *items = conf_list(conf, "inputs", &count);
	assert_int_equal(count, 3);
	assert_string_equal(items[0], "x");
	assert_string_equal(items[1], "yy");
	expect_ok(conf_set(conf, "inputs", "", "a test"));
	conf_list(conf, "inputs", &count);
	assert_int_equal(count, 0);
}

static void wrong_values_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{ "app.id", "" },
		{ "app.id", "Demo" },
		{ "app.id", "ninechars" },
		{ "commit.interval.ms", "" },
		{ "commit.interval.ms", "0" },
		{ "commit.interval.ms", "60001" },
		{ "commit.interval.ms", "2h" },
		{ "commit.interval.ms", "5 s" },
		{ "commit.interval.ms", "9223372036854775807d" },
		{ "partitions", "16.0" },
		{ "partitions", " 16" },
		{ "partitions", "0x10" },
		{ "partitions", "99999999999999999999" },
		{ "partitions", "5s" },
		{ "alert.open", "nan" },
		{ "alert.open", "1.01" },
		{ "alert.open", "" },
		{ "alert.open", "0.5x" },
		{ "eager", "yes" },
		{ "eager", "" },
		{ "clock", "live|data" },
		{ "clock", "" },
		{ "clock", "liv" },
		{ "cache.size", "1K" },
		{ "cache.size", "2G" },
		{ "inputs", "a,,b" },
		{ "inputs", "a,B" },
		{ "inputs", "a,b,c,d" },
		{ "inputs", "a," },
	};
	struct conf *conf = *state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_err(conf_set(conf, bad[i][0], bad[i][1], "the moon"), "CONF_INVALID",
			   WORDS(bad[i][0], "the moon", "expected"));
	assert_int_equal(conf_int(conf, "partitions"), 16);
}

static void errors_say_what_was_expected(void **state)
{
	struct conf *conf = *state;
	expect_err(conf_set(conf, "partitions", "5000", "the flag --partitions"), "CONF_INVALID",
		   WORDS("partitions", "\"5000\"", "the flag --partitions",
			 "a whole number from -1 to 1024"));
	expect_err(conf_set(conf, "commit.intervall.ms", "5", "the flag"), "CONF_UNKNOWN",
		   WORDS("\"commit.intervall.ms\"", "did you mean \"commit.interval.ms\""));
	expect_err(conf_set(conf, "zzzzzzzz", "5", "the flag"), "CONF_UNKNOWN",
		   WORDS("foretell config"));
	struct err *err = conf_set(conf, "registry.password", "hunter22", "the flag");
	assert_non_null(err);
	assert_null(strstr(err_text(err), "hunter22"));
	err_free(&err);
}

static void file_write(char path[32], const char *text)
{
	snprintf(path, 32, "%s/test_conf.XXXXXX", P_tmpdir);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (long)strlen(text));
	close(fd);
}

static void later_sources_win(void **state)
{
	struct conf *conf = *state;
	char path[32];
	file_write(path,
		   "{\"app.id\": \"file\", \"partitions\": 4, \"alert.open\": 0.7,\n"
		   "\"inputs\": [\"x\", \"y\"], \"eager\": true, \"commit.interval.ms\": \"2s\","
		   "\"kafka.security.protocol\": \"SSL\"}");
	expect_ok(conf_load_file(conf, path));
	unlink(path);
	char *environment[] = { (char[]){ "FORETELL_PARTITIONS=5" },
				(char[]){ "FORETELL_COMMIT_INTERVAL_MS=3s" },
				(char[]){ "FORETELL_KAFKA_SASL_USERNAME=me" },
				(char[]){ "FORETELL_CONFIG=elsewhere" },
				(char[]){ "PATH=/bin" },
				NULL };
	expect_ok(conf_load_env(conf, environment));
	expect_ok(conf_set(conf, "commit.interval.ms", "4s", "a flag"));
	assert_string_equal(conf_string(conf, "app.id"), "file");
	assert_int_equal(conf_int(conf, "partitions"), 5);
	assert_int_equal(conf_int(conf, "commit.interval.ms"), 4000);
	assert_true(conf_double(conf, "alert.open") == 0.7);
	assert_true(conf_bool(conf, "eager"));
	assert_true(conf_is_set(conf, "app.id"));
	const char *name, *value;
	assert_int_equal(conf_open_count(conf), 2);
	conf_open_at(conf, 0, &name, &value);
	assert_string_equal(name, "security.protocol");
	assert_string_equal(value, "SSL");
	conf_open_at(conf, 1, &name, &value);
	assert_string_equal(name, "sasl.username");
}

static void wrong_files_are_refused(void **state)
{
	struct conf *conf = *state;
	static const char *const bad[][3] = {
		{ "{\"app.id\": \"a\",}", "CONF_FILE", "line 1" },
		{ "[1]", "CONF_FILE", "one JSON object" },
		{ "{\"app.id\": \"a\", \"app.id\": \"b\"}", "CONF_FILE", "uplicate" },
		{ "{\"app\": {\"id\": \"a\"}}", "CONF_UNKNOWN", "\"app\"" },
		{ "{\"app.id\": null}", "CONF_INVALID", "app.id" },
		{ "{\"inputs\": [\"a,b\"]}", "CONF_INVALID", "inputs" },
		{ "{\"partitions\": 1.5}", "CONF_INVALID", "\"1.5\"" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char path[32];
		file_write(path, bad[i][0]);
		expect_err(conf_load_file(conf, path), bad[i][1], WORDS(path, bad[i][2]));
		unlink(path);
	}
	expect_err(conf_load_file(conf, "/nowhere/x.json"), "CONF_FILE", WORDS("/nowhere/x.json"));
}

static void unknown_variables_are_refused(void **state)
{
	struct conf *conf = *state;
	char *environment[] = { (char[]){ "FORETELL_PARTITION=5" }, NULL };
	expect_err(conf_load_env(conf, environment), "CONF_UNKNOWN",
		   WORDS("FORETELL_PARTITION", "did you mean \"partitions\""));
}

/* What conf_print or conf_print_reference writes. New. */
static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	if (conf != NULL)
		conf_print(conf, out);
	else
		conf_print_reference(&table, out);
	fclose(out);
	return text;
}

static void secrets_are_not_shown(void **state)
{
	struct conf *conf = *state;
	expect_ok(conf_set(conf, "registry.password", "abc1", "a flag"));
	expect_ok(conf_set(conf, "kafka.sasl.password", "abc2", "a flag"));
	expect_ok(conf_set(conf, "kafka.ssl.key.pem", "abc3", "a flag"));
	expect_ok(conf_set(conf, "registry.url", "https://me:abc4@host:1", "a flag"));
	expect_ok(conf_set(conf, "partitions", "7", "the flag --partitions"));
	char *text = printed(conf);
	assert_null(strstr(text, "abc"));
	assert_non_null(strstr(text, "https://me:***@host:1"));
	assert_non_null(strstr(text, "= 7  (from the flag --partitions)"));
	free(text);
}

static void reference_names_every_option(void **state)
{
	(void)state;
	char *text = printed(NULL);
	for (size_t i = 0; i < table.option_count; i++)
		assert_non_null(strstr(text, table.options[i].name));
	assert_non_null(strstr(text, "Commit \\| often."));
	assert_non_null(strstr(text, "`kafka.*`"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(defaults_are_parsed, conf_setup, conf_teardown),
		cmocka_unit_test_setup_teardown(values_are_parsed_by_kind, conf_setup,
						conf_teardown),
		cmocka_unit_test_setup_teardown(wrong_values_are_refused, conf_setup,
						conf_teardown),
		cmocka_unit_test_setup_teardown(errors_say_what_was_expected, conf_setup,
						conf_teardown),
		cmocka_unit_test_setup_teardown(later_sources_win, conf_setup, conf_teardown),
		cmocka_unit_test_setup_teardown(wrong_files_are_refused, conf_setup, conf_teardown),
		cmocka_unit_test_setup_teardown(unknown_variables_are_refused, conf_setup,
						conf_teardown),
		cmocka_unit_test_setup_teardown(secrets_are_not_shown, conf_setup, conf_teardown),
		cmocka_unit_test(reference_names_every_option),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
