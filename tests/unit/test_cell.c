/* Texts of exports as numbers, dates and missing values; folds that keep groups together. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "evaluate/cell.h"
#include "models/folds.h"

static void numbers_are_read_as_people_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double number;
	} good[] = { { "12", 12 },
		     { "-3.5", -3.5 },
		     { "+7", 7 },
		     { "1,234", 1234 },
		     { "1,234,567", 1234567 },
		     { "1,234.5", 1234.5 },
		     { "12,5", 12.5 },
		     { "0,25", 0.25 },
		     { "$1,234.50", 1234.5 },
		     { "-$5", -5 },
		     { "$-5", -5 },
		     { "99 %", 99 },
		     { "12.5%", 12.5 },
		     { "\xe2\x82\xac 20", 20 },
		     { "20 EUR", 20 },
		     { "1e3", 1000 },
		     { "2.5E-1", 0.25 },
		     { ".5", 0.5 } };
	static const char *const bad[] = { "",	   "abc",	 "1.2.3", "12a", "--5", "e5",
					   "1-2",  "2024-01-02", "$",	  "%",	 "inf", "nan",
					   "0x10", "1e999",	 "1 2",	  "Yes", "1e",	"-" };
	double number;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_true(cell_number(bytes_str(good[i].text), &number));
		assert_true(number == good[i].number);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (cell_number(bytes_str(bad[i]), &number))
			fail_msg("\"%s\" was read as %g", bad[i], number);
}

static void dates_are_read_in_their_order(void **state)
{
	(void)state;
	double days, other;
	assert_true(cell_date(bytes_str("1970-01-02"), CELL_YMD, &days) && days == 1);
	assert_true(cell_date(bytes_str("2024/03/01"), CELL_YMD, &days));
	assert_true(cell_date(bytes_str("01.03.2024"), CELL_DMY, &other) && other == days);
	assert_true(cell_date(bytes_str("3/1/2024"), CELL_MDY, &other) && other == days);
	assert_true(cell_date(bytes_str("2024-03-01T06:00:00Z"), CELL_YMD, &other));
	assert_true(other == days + 0.25);
	assert_true(cell_date(bytes_str("3/1/2024 6:00 PM"), CELL_MDY, &other));
	assert_true(other == days + 0.75);
	assert_false(cell_date(bytes_str("13/13/2024"), CELL_MDY, &other));
	assert_false(cell_date(bytes_str("2024-00-10"), CELL_YMD, &other));
	assert_false(cell_date(bytes_str("2024"), CELL_YMD, &other));
	assert_false(cell_date(bytes_str("2024-01"), CELL_YMD, &other));
	assert_false(cell_date(bytes_str("2024-01-01 soon"), CELL_YMD, &other));
	assert_false(cell_date(bytes_str("2024-01/01"), CELL_YMD, &other));
	assert_false(cell_date(bytes_str(""), CELL_YMD, &other));
}

static void words_for_nothing_are_nothing(void **state)
{
	(void)state;
	static const char *const missing[] = { "", "NA", "n/a", "NULL", "None", "-", "?", "NaN" };
	static const char *const present[] = { "0", "No", "unknown", "none of these", "a" };
	for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
		assert_true(cell_is_missing(bytes_str(missing[i])));
	for (size_t i = 0; i < sizeof present / sizeof present[0]; i++)
		assert_false(cell_is_missing(bytes_str(present[i])));
}

enum { ROWS = 1000 };

static void every_row_is_held_out_once(void **state)
{
	(void)state;
	uint8_t labels[ROWS];
	int held[ROWS] = { 0 };
	struct folds folds;
	for (int i = 0; i < ROWS; i++)
		labels[i] = i % 10 == 0;
	const struct dataset dataset = { .row_count = ROWS, .labels = labels };
	folds_init(&folds, &dataset, 3);
	assert_int_equal(folds.count, FOLDS_MAX);
	for (size_t k = 0; k < folds.count; k++) {
		int positive = 0;
		const struct fold *fold = &folds.folds[k];
		assert_int_equal(fold->held_count + fold->train_count, ROWS);
		for (size_t i = 0; i < fold->held_count; i++) {
			held[fold->held[i]]++;
			positive += labels[fold->held[i]];
		}
		assert_int_equal(positive, 20); /* dealt out evenly */
	}
	for (int i = 0; i < ROWS; i++)
		assert_int_equal(held[i], 1);
	folds_fini(&folds);
}

static void a_group_is_held_out_whole(void **state)
{
	(void)state;
	uint8_t labels[ROWS] = { 0 };
	uint32_t groups[ROWS];
	size_t fold_of[ROWS];
	struct folds folds;
	for (uint32_t i = 0; i < ROWS; i++)
		groups[i] = i % 97;
	const struct dataset dataset = { .row_count = ROWS, .labels = labels, .groups = groups };
	folds_init(&folds, &dataset, 3);
	for (size_t k = 0; k < folds.count; k++) {
		assert_true(folds.folds[k].held_count > 0);
		for (size_t i = 0; i < folds.folds[k].held_count; i++)
			fold_of[folds.folds[k].held[i]] = k;
	}
	for (uint32_t i = 97; i < ROWS; i++)
		assert_int_equal(fold_of[i], fold_of[i % 97]);
	folds_fini(&folds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_as_people_write_them),
		cmocka_unit_test(dates_are_read_in_their_order),
		cmocka_unit_test(words_for_nothing_are_nothing),
		cmocka_unit_test(every_row_is_held_out_once),
		cmocka_unit_test(a_group_is_held_out_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
