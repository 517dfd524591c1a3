/* base/log: each call is one JSON line, whole, whatever it is given and however many threads log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "cli/stop.h"

/* stderr of the process goes to a file while a test runs. */
struct capture {
	FILE *file;
	int saved;
};

static int capture_setup(void **state)
{
	struct capture *capture = calloc(1, sizeof *capture);
	capture->file = tmpfile();
	fflush(stderr);
	capture->saved = dup(STDERR_FILENO);
	dup2(fileno(capture->file), STDERR_FILENO);
	log_set_level(LOG_INFO);
	*state = capture;
	return 0;
}

static int capture_teardown(void **state)
{
	struct capture *capture = *state;
	dup2(capture->saved, STDERR_FILENO);
	close(capture->saved);
	fclose(capture->file);
	free(capture);
	return 0;
}

/* The i-th line as JSON, new; NULL where there is none. A line that is not JSON fails. */
static json_t *line_at(struct capture *capture, size_t i)
{
	static char text[LOG_LINE_MAX + 2];
	rewind(capture->file);
	while (fgets(text, sizeof text, capture->file) != NULL) {
		assert_int_equal(text[strlen(text) - 1], '\n');
		if (i-- > 0)
			continue;
		json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(line);
		return line;
	}
	return NULL;
}

static const char *text_of(const json_t *line, const char *name)
{
	const char *text = json_string_value(json_object_get(line, name));
	return text != NULL ? text : "(none)";
}

static void a_line_has_its_keys(void **state)
{
	log_emit(LOG_WARN, "account", "a sentence", "{s:s, s:I}", "key", "c1", "count",
		 (json_int_t)7);
	json_t *line = line_at(*state, 0);
	int64_t ms = 0;
	assert_true(time_parse(text_of(line, "ts"), &ms));
	assert_in_range(time_wall_ms() - ms, 0, 60000);
	assert_string_equal(text_of(line, "level"), "warn");
	assert_string_equal(text_of(line, "stage"), "account");
	assert_string_equal(text_of(line, "msg"), "a sentence");
	assert_string_equal(text_of(line, "key"), "c1");
	assert_int_equal(json_integer_value(json_object_get(line, "count")), 7);
	assert_int_equal(json_object_size(line), 6);
	json_decref(line);
}

static void levels_below_are_silent(void **state)
{
	log_emit(LOG_DEBUG, "s", "not shown", NULL);
	log_set_level(LOG_ERROR);
	log_emit(LOG_WARN, "s", "not shown", NULL);
	log_emit(LOG_ERROR, "s", "shown", NULL);
	log_set_level(LOG_OFF);
	log_emit(LOG_ERROR, "s", "not shown", NULL);
	json_t *line = line_at(*state, 0);
	assert_string_equal(text_of(line, "msg"), "shown");
	json_decref(line);
	assert_null(line_at(*state, 1));
	enum log_level level = LOG_INFO;
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_false(log_level_parse("loud", &level));
	assert_int_equal(level, LOG_DEBUG);
}

static void fields_do_not_replace_the_keys(void **state)
{
	log_emit(LOG_INFO, "s", "mine", "{s:s, s:s}", "msg", "yours", "level", "none");
	json_t *line = line_at(*state, 0);
	assert_string_equal(text_of(line, "msg"), "mine");
	assert_string_equal(text_of(line, "level"), "info");
	json_decref(line);
}

static void bad_text_is_still_a_line(void **state)
{
	log_emit(LOG_INFO, "s", "caf\xe9 \"quoted\"\n", NULL);
	log_emit(LOG_INFO, "s", "bad field", "{s:s}", "key", "\xff\xfe");
	log_emit(LOG_INFO, "s", "no object", "[i]", 1);
	json_t *line = line_at(*state, 0);
	assert_string_equal(text_of(line, "msg"), "caf? \"quoted\"\n");
	json_decref(line);
	for (size_t i = 1; i <= 2; i++) {
		line = line_at(*state, i);
		assert_non_null(json_object_get(line, "log_error"));
		json_decref(line);
	}
}

static void long_texts_are_cut(void **state)
{
	static char huge[100000];
	memset(huge, 'x', sizeof huge - 1);
	memcpy(huge + LOG_TEXT_MAX - 1, "\xc3\xa9", 2); /* the cut falls into a character */
	log_emit(LOG_INFO, "s", huge, "{s:s}", "field", huge);
	json_t *line = line_at(*state, 0);
	assert_int_equal(strlen(text_of(line, "msg")), LOG_TEXT_MAX - 1);
	assert_int_equal(strlen(text_of(line, "field")), LOG_TEXT_MAX - 1);
	json_decref(line);
	log_emit(LOG_INFO, "s", "many", "{s:[s,s,s,s,s,s,s,s,s]}", "list", "1", huge, huge, huge,
		 huge, huge, huge, huge, huge);
	line = line_at(*state, 1);
	assert_string_equal(text_of(line, "msg"), "many");
	assert_string_equal(text_of(line, "log_error"), "the fields were too long");
	json_decref(line);
}

enum { THREADS = 4, LINES = 500 };

static void *log_many(void *name)
{
	for (int i = 0; i < LINES; i++)
		log_emit(LOG_INFO, name, "a line of a thread", "{s:i}", "i", i);
	return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
	struct capture *capture = *state;
	pthread_t threads[THREADS];
	static char names[THREADS][2] = { "a", "b", "c", "d" };
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, names[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	char text[LOG_LINE_MAX];
	int count = 0, next[THREADS] = { 0 };
	rewind(capture->file);
	while (fgets(text, sizeof text, capture->file) != NULL) {
		json_t *line = json_loads(text, 0, NULL);
		assert_non_null(line);
		int who = text_of(line, "stage")[0] - 'a';
		assert_int_equal(json_integer_value(json_object_get(line, "i")), next[who]++);
		json_decref(line);
		count++;
	}
	assert_int_equal(count, THREADS * LINES);
}

/* Whoever reads stderr may die: that is none of what the process is for. */
static void a_reader_that_dies_ends_nobody(void **state)
{
	(void)state;
	int ends[2], status = 0;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		stop_outlive_readers();
		log_emit(LOG_INFO, "s", "nobody reads this", NULL);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_its_keys, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(levels_below_are_silent, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(fields_do_not_replace_the_keys, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(bad_text_is_still_a_line, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(long_texts_are_cut, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(threads_do_not_mix_lines, capture_setup,
						capture_teardown),
		cmocka_unit_test_setup_teardown(a_reader_that_dies_ends_nobody, capture_setup,
						capture_teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
