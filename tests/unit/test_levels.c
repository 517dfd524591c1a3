/* Totals as sums of their parts: to the minor unit, each close once, and what they were worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "consumers/level_state.h"

enum { PARTS = 5, AHEAD = 3, CLOSES = 120 };

static const struct calendar days = { .unit = CALENDAR_DAY, .iso = "P1D", .period_ms = MS_PER_DAY };

static struct series_part part_of(int close, int part)
{
	struct series_part made = { .series = bytes_str("x"),
				    .origin_ms = close * MS_PER_DAY,
				    .tick_offset = close,
				    .actual = 1000 * (part + 1) + close * 7 % 90,
				    .step_count = AHEAD };
	for (int h = 0; h < AHEAD; h++)
		made.steps[h] = (struct series_step){ 1000 * (part + 1) + 40 + h, 1000 * part };
	return made;
}

static void add_close(struct level_state *level, int close)
{
	for (int i = 0; i < PARTS; i++) {
		struct series_part part = part_of(close, i);
		level_state_add(level, MS_PER_DAY, &part);
	}
}

static void a_total_is_the_sum_of_its_parts(void **state)
{
	(void)state;
	static struct level_state level;
	struct outstanding_forecast made[HORIZON_MAX];
	memset(&level, 0, sizeof level);
	assert_int_equal(level_state_due(&level), TIME_NONE);
	add_close(&level, 10);
	assert_int_equal(level_state_due(&level), 10 * MS_PER_DAY);
	assert_int_equal(level_state_judge(&level, &days, made), 0);
	assert_int_equal(level_state_predict(&level, &days, made), AHEAD);
	for (int h = 0; h < AHEAD; h++) {
		assert_int_equal(made[h].point, 15000 + PARTS * (40 + h));
		assert_int_equal(made[h].naive, 10000);
		assert_int_equal(made[h].target_ms, (10 + h) * MS_PER_DAY);
		assert_true(
			made[h].lower_95 <= made[h].lower_80 && made[h].lower_80 <= made[h].point &&
			made[h].point <= made[h].upper_80 && made[h].upper_80 <= made[h].upper_95);
	}
	assert_int_equal(level_state_due(&level), TIME_NONE);
}

static void a_close_is_said_once(void **state)
{
	(void)state;
	static struct level_state level;
	struct outstanding_forecast made[HORIZON_MAX];
	struct series_part late = part_of(10, 7);
	memset(&level, 0, sizeof level);
	add_close(&level, 10);
	(void)level_state_predict(&level, &days, made);
	level_state_add(&level, MS_PER_DAY, &late); /* its total is out */
	assert_int_equal(level_state_due(&level), TIME_NONE);
	add_close(&level, 11);
	late.origin_ms = 9 * MS_PER_DAY;
	level_state_add(&level, MS_PER_DAY, &late);
	assert_int_equal(level.part_count, PARTS);
	late = part_of(11, 7); /* one that began late counts from here on */
	level_state_add(&level, MS_PER_DAY, &late);
	late.tick_offset = 12; /* another one's past close, with a later tick */
	level_state_add(&level, MS_PER_DAY, &late);
	(void)level_state_judge(&level, &days, made);
	assert_int_equal(level_state_predict(&level, &days, made), AHEAD);
	assert_int_equal(made[0].point, 15000 + 8000 + (PARTS + 1) * 40);
}

static void totals_too_large_stay_within_bounds(void **state)
{
	(void)state;
	static struct level_state level;
	struct outstanding_forecast made[HORIZON_MAX];
	memset(&level, 0, sizeof level);
	for (int i = 0; i < 4; i++) {
		struct series_part huge = part_of(3, 1);
		huge.actual = INT64_MAX - 5;
		huge.steps[0] = (struct series_step){ INT64_MAX - 5, INT64_MIN + 5 };
		level_state_add(&level, MS_PER_DAY, &huge);
	}
	assert_int_equal(level_state_predict(&level, &days, made), AHEAD);
	assert_int_equal(made[0].point, INT64_MAX);
	assert_int_equal(made[0].naive, INT64_MIN);
}

/* Actuals scatter by 1 % around what was said: the intervals come to that, whatever they were at
 * first, and the state from its record goes on in the same way. */
static void what_a_total_was_worth_is_learnt(void **state)
{
	(void)state;
	static struct level_state level, back;
	static struct level_record record;
	struct outstanding_forecast made[HORIZON_MAX], again[HORIZON_MAX];
	int inside = 0, judged = 0;
	int64_t first_width = 0;
	memset(&level, 0, sizeof level);
	for (int close = 1; close <= CLOSES; close++) {
		add_close(&level, close);
		level_state_to_record(&level, &record);
		level_state_from_record(&record, &back);
		size_t count = level_state_judge(&level, &days, made);
		assert_int_equal(level_state_judge(&back, &days, again), count);
		for (size_t i = 0; i < count; i++) {
			inside += level.actual >= made[i].lower_80 &&
				  level.actual <= made[i].upper_80;
			judged++;
		}
		size_t ahead = level_state_predict(&level, &days, made);
		assert_int_equal(level_state_predict(&back, &days, again), ahead);
		for (size_t i = 0; i < ahead; i++)
			assert_true(made[i].point == again[i].point &&
				    made[i].lower_95 == again[i].lower_95 &&
				    made[i].upper_80 == again[i].upper_80 &&
				    made[i].scale == again[i].scale);
		if (close == 1)
			first_width = made[0].upper_95 - made[0].lower_95;
	}
	assert_in_range(1000 * inside / judged, 700, 950);
	assert_true(made[0].upper_95 - made[0].lower_95 < first_width / 8);
	assert_true(level.scale > 0);
}

/* Under the same name periods were weeks and are days now: what was foretold of weeks to come takes
 * the place of more of days, and no more than that. */
static void shorter_periods_under_a_name_end_nothing(void **state)
{
	(void)state;
	static struct level_state level;
	static const struct calendar weeks = { .unit = CALENDAR_WEEK,
					       .iso = "P1W",
					       .period_ms = MS_PER_WEEK };
	struct outstanding_forecast made[HORIZON_MAX];
	memset(&level, 0, sizeof level);
	for (int close = 1; close <= 8 * HORIZON_MAX; close++) {
		const bool is_weekly = close <= HORIZON_MAX;
		struct series_part part = part_of(close, 0);
		part.origin_ms = is_weekly ? WEEK_ORIGIN_MS + close * MS_PER_WEEK
					   : WEEK_ORIGIN_MS + HORIZON_MAX * MS_PER_WEEK +
						     (close - HORIZON_MAX) * MS_PER_DAY;
		part.step_count = HORIZON_MAX;
		level_state_add(&level, is_weekly ? MS_PER_WEEK : MS_PER_DAY, &part);
		(void)level_state_judge(&level, is_weekly ? &weeks : &days, made);
		assert_int_equal(level_state_predict(&level, is_weekly ? &weeks : &days, made),
				 HORIZON_MAX);
		assert_true(level.outstanding_count <= SERIES_OUTSTANDING_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_total_is_the_sum_of_its_parts),
		cmocka_unit_test(a_close_is_said_once),
		cmocka_unit_test(totals_too_large_stay_within_bounds),
		cmocka_unit_test(what_a_total_was_worth_is_learnt),
		cmocka_unit_test(shorter_periods_under_a_name_end_nothing),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
