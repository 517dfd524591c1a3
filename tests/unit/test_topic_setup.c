/* What is refused before any topic is made. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_of_all_inputs_fit_into_one_log),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
