/* What is refused before anything is begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"
#include "cli/topic_setup.h"

static void clocks_of_all_inputs_fit_into_one_log(void **state)
{
	(void)state;
	struct conf *conf = conf_new(&options_table);
	assert_null(topic_setup_writers_fit(conf, WRITERS_MAX / 7));
	struct err *err = topic_setup_writers_fit(conf, WRITERS_MAX / 7 + 1);
	assert_non_null(err);
	assert_string_equal(err_code(err), "CHECK_FAILED");
	assert_non_null(strstr(err_text(err), "7 inputs of 293 partitions"));
	err_free(&err);
	assert_null(conf_set(conf, "inputs", "erp.events", "test"));
	assert_null(topic_setup_writers_fit(conf, PARTITIONS_MAX));
	conf_free(&conf);
}

static void addresses_have_ports_that_there_are(void **state)
{
	(void)state;
	static const char *const good[] = { "127.0.0.1:0", "h.example:9464", "[::1]:65535" };
	static const char *const bad[] = { "127.0.0.1:65536", "h:99999", "::1:80", "h", "[::1]" };
	struct conf *conf = conf_new(&options_table);
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_null(conf_set(conf, "http.listen", good[i], "test"));
		assert_null(conf_set(conf, "serve.listen", good[i], "test"));
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err *err = conf_set(conf, "http.listen", bad[i], "test");
		assert_non_null(err);
		err_free(&err);
		err = conf_set(conf, "serve.listen", bad[i], "test");
		assert_non_null(err);
		err_free(&err);
	}
	conf_free(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_of_all_inputs_fit_into_one_log),
		cmocka_unit_test(addresses_have_ports_that_there_are),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
