/* Orders into weeks, and forecasts of them that add up to the cent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "evaluate/order_history.h"
#include "evaluate/order_trial.h"

enum { WEEKS = 40, PATH_MAX_LEN = 64 };

static const char MAPPING[] =
	"{\"topic\":\"erp.events\",\"schema\":\"erp_event\",\"source\":\"s\","
	"\"csv\":{\"delimiter\":\",\"},\"type\":{\"column\":\"who\",\"rules\":[{\"equals\":\"no\","
	"\"reject\":\"no\"}],\"otherwise\":"
	"\"erp.order\"},"
	"\"subject\":{\"column\":\"who\"},\"time\":{\"column\":\"when\",\"format\":\"unix_s\"},"
	"\"amount\":{\"column\":\"paid\",\"scale\":2,\"currency\":\"EUR\"},"
	"\"attributes\":{\"land\":\"country\",\"item\":\"product\"}}";

struct files {
	char map[PATH_MAX_LEN], orders[PATH_MAX_LEN];
};

static FILE *file_make(char *path, const char *pattern)
{
	snprintf(path, PATH_MAX_LEN, "%s", pattern);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	assert_non_null(file);
	return file;
}

/* From Wednesday of one week to Tuesday of another: orders of 10.01 in A and of 5.50 in B each day,
 * three of each in every fourth week, and a row that is none. */
static void files_make(struct files *files)
{
	FILE *file = file_make(files->map, "/tmp/foretell-map-XXXXXX");
	fputs(MAPPING, file);
	fclose(file);
	file = file_make(files->orders, "/tmp/foretell-orders-XXXXXX");
	fputs("who,when,paid,land,item\nx,never,1.00,A,1\n", file);
	int64_t monday_s = WEEK_ORIGIN_MS / 1000 + INT64_C(2600) * 604800;
	for (int day = 2; day < 7 * WEEKS + 2; day++)
		for (int i = 0; i < (day / 7 % 4 == 0 ? 3 : 1); i++) {
			long long at = monday_s + day * INT64_C(86400) + 3600;
			fprintf(file, "x,%lld,10.01,A,11%d\nx,%lld,5.50,B,22%d\n", at, i, at, i);
		}
	fclose(file);
}

static void files_remove(const struct files *files)
{
	unlink(files->map);
	unlink(files->orders);
}

static struct order_history *history_read(const struct files *files)
{
	static const struct order_dimension BY[] = { { "country", 0 }, { "product", 2 } };
	const struct order_history_options options = { .orders_path = files->orders,
						       .map_path = files->map,
						       .dimension_count = 2,
						       .dimension = BY };
	struct order_history *history;
	struct err *err = order_history_read(&options, &history);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	return history;
}

static void whole_weeks_are_summed(void **state)
{
	(void)state;
	struct files files;
	files_make(&files);
	struct order_history *h = history_read(&files);
	assert_int_equal(h->weeks, WEEKS - 1); /* the first one is not whole, nor the last */
	assert_int_equal(h->refused, 1);
	assert_int_equal(h->node_count, 5);
	assert_string_equal(h->nodes[0].name, "total");
	assert_string_equal(h->nodes[1].name, "A");
	assert_string_equal(h->nodes[3].name, "11");
	for (int week = 0; week < h->weeks; week++) {
		int64_t orders = (week + 1) % 4 == 0 ? 21 : 7;
		assert_int_equal(h->nodes[1].amount[week], orders * 1001);
		assert_int_equal(h->nodes[4].amount[week], orders * 550);
		assert_int_equal(h->nodes[0].amount[week], orders * 1551);
		assert_int_equal(h->nodes[0].number[week], 2 * orders);
		assert_int_equal(h->nodes[4].number[week], orders);
	}
	order_history_free(&h);
	files_remove(&files);
}

static void forecasts_add_up_to_the_cent(void **state)
{
	(void)state;
	struct files files;
	files_make(&files);
	struct order_history *h = history_read(&files);
	struct order_trial *trial;
	struct err *err = order_trial_run(h, &(struct parallel_options){ .threads = 2 }, &trial);
	assert_null(err);
	assert_int_equal(trial->incoherent_max, 0);
	for (int origin = 0; origin < ORDER_ORIGINS; origin++)
		for (int step = 1; step <= ORDER_HORIZON; step++) {
			const int64_t *at = trial->point + order_trial_at(trial, origin, step, 0);
			assert_int_equal(at[0], at[1] + at[2]);
			assert_int_equal(at[0], at[3] + at[4]);
		}
	/* 13 origins, of which the last three don't reach all four weeks */
	assert_int_equal(trial->scores[0].forecasts, 4 * ORDER_ORIGINS - 6);
	assert_true(trial->scores[0].error < trial->scores[0].naive_error);
	order_trial_free(&trial);
	order_history_free(&h);
	files_remove(&files);
}

static void too_little_is_refused(void **state)
{
	(void)state;
	struct files files;
	files_make(&files);
	struct order_history *h = history_read(&files);
	h->weeks = ORDER_WEEKS_MIN;
	struct order_trial *trial;
	struct err *err = order_trial_run(h, &(struct parallel_options){ .threads = 1 }, &trial);
	assert_non_null(err);
	assert_string_equal(err_code(err), "ORDERS");
	err_free(&err);
	order_history_free(&h);
	files_remove(&files);
}

static void an_attribute_that_no_order_has_is_refused(void **state)
{
	(void)state;
	static const struct order_dimension BY[] = { { "country", 0 }, { "land", 0 } };
	struct files files;
	files_make(&files);
	const struct order_history_options options = { .orders_path = files.orders,
						       .map_path = files.map,
						       .dimension_count = 2,
						       .dimension = BY };
	struct order_history *h;
	struct err *err = order_history_read(&options, &h);
	assert_non_null(err);
	assert_string_equal(err_code(err), "USAGE");
	assert_non_null(strstr(err_text(err), "--by land"));
	assert_non_null(strstr(err_text(err), "country, product"));
	err_free(&err);
	files_remove(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_weeks_are_summed),
		cmocka_unit_test(forecasts_add_up_to_the_cent),
		cmocka_unit_test(too_little_is_refused),
		cmocka_unit_test(an_attribute_that_no_order_has_is_refused),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
