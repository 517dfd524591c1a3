/* What drives a series, by what was planted: effects are found and nothing else is; the calendar's
 * days; outliers and shifts, and walks that have neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/timestamp.h"
#include "models/calendar.h"
#include "models/clean.h"
#include "models/driven.h"
#include "models/regressors.h"

enum { POINTS = 120, DRIVERS = 5, HORIZON = 8, MANY = 2000 };

static double uniform(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) * 0x1p-53;
}

static double noise(uint64_t *state)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(state);
	return sum;
}

static void assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.17g, want %.17g", got, want);
}

/* A price that wanders, an own and a competitor's promotion, an index that is noise, a constant. */
static void drivers_make(uint64_t *seed, int points, double x[][DRIVERS])
{
	double price = 100;
	for (int t = 0; t < points; t++) {
		price += noise(seed);
		x[t][0] = price;
		x[t][1] = t % 11 == 3 || t % 17 == 5;
		x[t][2] = uniform(seed) < 0.2;
		x[t][3] = noise(seed);
		x[t][4] = 7;
	}
}

/* ---- regressors ---- */

static void effects_are_found(void **state)
{
	(void)state;
	for (int logs = 0; logs < 2; logs++) {
		uint64_t seed = 5;
		double x[POINTS][DRIVERS], y[POINTS], rest[POINTS], carried = 0;
		drivers_make(&seed, POINTS, x);
		for (int t = 0; t < POINTS; t++) {
			carried = 0.7 * carried + 0.03 * noise(&seed);
			double moved =
				carried - 0.02 * (x[t][0] - 100) + 0.4 * x[t][1] - 0.25 * x[t][2];
			y[t] = logs ? 500 * exp(3 * moved) : 500 + 100 * moved;
		}
		struct regressors model;
		regressors_fit(y, x[0], POINTS, DRIVERS, NULL, &model);
		double unit = logs ? 3 : 100;
		assert_int_equal(model.logs, logs);
		assert_near(model.weight[0], -0.02 * unit, 0.008 * unit);
		assert_near(model.weight[1], 0.4 * unit, 0.03 * unit);
		assert_near(model.weight[2], -0.25 * unit, 0.03 * unit);
		for (int k = 0; k < 3; k++) {
			assert_true(model.sure[k] > 0.9);
			assert_true(model.error[k] > 0 && model.error[k] < 0.02 * unit);
		}
		assert_near(model.weight[3], 0, 0.003 * unit);
		assert_true(model.sure[3] < 0.4);
		assert_true(model.weight[4] == 0 && model.sure[4] == 0);
		assert_true(model.rho > 0.4 && model.rho < 1);
		/* and out again, and in */
		regressors_remove(&model, x[0], y, POINTS, rest);
		regressors_add(&model, x[0], rest, POINTS, rest);
		for (int t = 0; t < POINTS; t++)
			assert_near(rest[t], y[t], 1e-9 * fabs(y[t]));
	}
}

/* A walk meets another walk: levels that go together by chance are no effect. */
static void chance_is_no_effect(void **state)
{
	(void)state;
	int counted = 0;
	for (uint64_t trial = 1; trial <= 200; trial++) {
		uint64_t seed = trial * 7919;
		double x[60][2], y[60], walk = 0, level = 0;
		for (int t = 0; t < 60; t++) {
			walk += noise(&seed);
			level += noise(&seed);
			x[t][0] = walk;
			x[t][1] = uniform(&seed) < 0.15;
			y[t] = level;
		}
		struct regressors model;
		regressors_fit(y, x[0], 60, 2, NULL, &model);
		counted += (model.sure[0] > 0.5) + (model.sure[1] > 0.5);
	}
	if (counted > 28) /* 7 % */
		fail_msg("%d of 400 effects that are not there", counted);
}

static void little_or_nothing_is_no_effect(void **state)
{
	(void)state;
	struct regressors model;
	double x[POINTS][2], y[POINTS];
	for (int t = 0; t < POINTS; t++) {
		x[t][0] = t % 3 == 0;
		x[t][1] = 1e30 * (t % 5 == 0 ? -1 : 1);
		y[t] = 3;
	}
	regressors_fit(y, x[0], POINTS, 2, NULL, &model); /* a constant series */
	assert_true(model.weight[0] == 0 && model.weight[1] == 0);
	for (int t = 0; t < POINTS; t++)
		y[t] = 1e30 * (t % 5 == 0 ? 1 : -1);
	regressors_fit(y, x[0], 7, 2, NULL, &model); /* too few points */
	assert_true(model.weight[0] == 0 && model.weight[1] == 0);
	assert_true(regressors_effect(&model, x[3]) == 0);
	regressors_fit(y, x[0], 0, 2, NULL, &model);
	assert_true(regressors_effect(&model, x[3]) == 0);
	regressors_fit(y, x[0], POINTS, 2, NULL, &model); /* explained to the last bit */
	assert_near(model.weight[1], -1, 0.02);
	assert_true(isfinite(model.weight[0]) && isfinite(model.error[1]));
}

#include "tests/unit/clean_golden.inc"
#include "tests/unit/regressors_golden.inc"

/* The same by other arithmetic: whole covariance matrices, in Python. */
static void python_says_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof GOLDEN / sizeof *GOLDEN; i++) {
		const struct golden *g = &GOLDEN[i];
		struct regressors model;
		regressors_fit(g->y, g->x[0], GOLDEN_POINTS, GOLDEN_COUNT, NULL, &model);
		assert_int_equal(model.logs, g->logs);
		assert_near(model.rho, g->rho, 1e-7);
		for (int k = 0; k < GOLDEN_COUNT; k++) {
			assert_near(model.weight[k], g->weight[k], 1e-7 * fabs(g->error[k]));
			assert_near(model.error[k], g->error[k], 1e-6 * g->error[k]);
			assert_near(model.sure[k], g->sure[k], 1e-7);
		}
	}
}

static void promotions_to_come_are_foretold(void **state)
{
	(void)state;
	static const struct portfolio_periods NONE = { .count = 0 };
	uint64_t seed = 12;
	double x[POINTS + HORIZON][1], y[POINTS + HORIZON];
	double with[PORTFOLIO_METHOD_COUNT * HORIZON], without[PORTFOLIO_METHOD_COUNT * HORIZON];
	for (int t = 0; t < POINTS + HORIZON; t++) {
		x[t][0] = uniform(&seed) < 0.3 || t == POINTS + 2;
		y[t] = (100 + 5 * noise(&seed)) * (x[t][0] > 0 ? 1.6 : 1);
	}
	struct regressors model;
	driven_forecast(y, POINTS, &NONE, x[0], 1, HORIZON, NULL, &model, with);
	double per_unit = model.logs ? exp(model.weight[0]) - 1 : model.weight[0] / 100;
	assert_near(per_unit, 0.6, 0.05);
	portfolio_forecast(y, POINTS, &NONE, HORIZON, NULL, without);
	for (int h = 0; h < HORIZON; h++) {
		double want = x[POINTS + h][0] > 0 ? 160 : 100;
		assert_near(with[PORTFOLIO_SES * HORIZON + h], want, 0.08 * want);
	}
	driven_forecast(y, POINTS, &NONE, x[0], 0, HORIZON, NULL, &model, with);
	assert_memory_equal(with, without, sizeof with);
}

/* A week's season in the series and in what drives it is not taken for an effect. */
static void seasons_are_no_effect(void **state)
{
	(void)state;
	static const struct portfolio_periods WEEK = { 1, { 7 } };
	uint64_t seed = 31;
	double x[140 + HORIZON][1], y[140], out[PORTFOLIO_METHOD_COUNT * HORIZON];
	for (int t = 0; t < 140 + HORIZON; t++) {
		x[t][0] = (t % 7 < 5 ? 10 : 4) + 0.5 * noise(&seed);
		if (t < 140)
			y[t] = (t % 7 < 5 ? 100 : 30) + 3 * noise(&seed);
	}
	struct regressors model;
	driven_forecast(y, 140, &WEEK, x[0], 1, HORIZON, NULL, &model, out);
	assert_true(model.sure[0] < 0.5);
	for (int h = 0; h < HORIZON; h++)
		assert_near(out[PORTFOLIO_ETS * HORIZON + h], (140 + h) % 7 < 5 ? 100 : 30, 6);
}

/* ---- the calendar ---- */

static int64_t day_of(int64_t year, unsigned month, unsigned day)
{
	return time_days_from_civil(year, month, day);
}

static void days_are_counted(void **state)
{
	(void)state;
	const int64_t holiday[] = { day_of(2024, 12, 25), day_of(2024, 12, 26),
				    day_of(2024, 12, 28), day_of(2025, 1, 1) };
	const struct calendar calendar = { CALENDAR_WEEKEND, holiday, 4 };
	struct calendar_period p;
	calendar_count(&calendar, day_of(2024, 12, 1), day_of(2025, 1, 1), &p);
	assert_int_equal(p.days, 31);
	assert_int_equal(p.holidays, 2); /* the 28th is a Saturday */
	assert_int_equal(p.working_days, 20);
	calendar_count(&calendar, day_of(2024, 12, 30), day_of(2025, 1, 6), &p);
	assert_int_equal(p.holidays, 1);
	assert_int_equal(p.working_days, 4);
	calendar_count(&calendar, day_of(1969, 12, 28), day_of(1969, 12, 29), &p); /* a Sunday */
	assert_int_equal(p.days, 1);
	assert_int_equal(p.working_days, 0);
	const struct calendar plain = { 0, NULL, 0 };
	calendar_count(&plain, day_of(2023, 2, 1), day_of(2023, 3, 1), &p);
	assert_int_equal(p.working_days, 28);
}

static void periods_follow_one_another(void **state)
{
	(void)state;
	assert_int_equal(calendar_advance(day_of(2024, 1, 31), CALENDAR_MONTH, 1),
			 day_of(2024, 2, 1));
	assert_int_equal(calendar_advance(day_of(2024, 3, 5), CALENDAR_MONTH, -3),
			 day_of(2023, 12, 1));
	assert_int_equal(calendar_advance(day_of(2024, 5, 5), CALENDAR_QUARTER, 0),
			 day_of(2024, 4, 1));
	assert_int_equal(calendar_advance(day_of(2024, 11, 5), CALENDAR_QUARTER, 1),
			 day_of(2025, 1, 1));
	assert_int_equal(calendar_advance(day_of(2024, 11, 5), CALENDAR_YEAR, 2),
			 day_of(2026, 1, 1));
	assert_int_equal(calendar_advance(100, CALENDAR_DAY, -101), -1);
	assert_int_equal(calendar_advance(100, CALENDAR_WEEK, 3), 121);
}

static void numpy_counts_the_same(void **state)
{
	(void)state;
	const struct calendar calendar = { CALENDAR_WEEKEND, CALENDAR_GOLDEN_HOLIDAYS,
					   sizeof CALENDAR_GOLDEN_HOLIDAYS /
						   sizeof *CALENDAR_GOLDEN_HOLIDAYS };
	for (int i = 0; i < CALENDAR_GOLDEN_DAYS; i++) {
		struct calendar_period p;
		calendar_count(&calendar, CALENDAR_GOLDEN[i][0], CALENDAR_GOLDEN[i][1], &p);
		assert_int_equal(p.working_days, CALENDAR_GOLDEN[i][2]);
	}
}

/* ---- cleaning ---- */

static void pandas_cleans_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof CLEAN_GOLDEN / sizeof *CLEAN_GOLDEN; i++) {
		double y[CLEAN_GOLDEN_POINTS];
		memcpy(y, CLEAN_GOLDEN[i].y, sizeof y);
		assert_int_equal(clean_outliers(y, CLEAN_GOLDEN_POINTS), CLEAN_GOLDEN[i].outliers);
		for (int t = 0; t < CLEAN_GOLDEN_POINTS; t++)
			assert_near(y[t], CLEAN_GOLDEN[i].cleaned[t], 1e-9);
	}
}

static void outliers_are_put_back(void **state)
{
	(void)state;
	uint64_t seed = 8;
	double y[POINTS], walk[MANY], before[MANY];
	for (int t = 0; t < POINTS; t++)
		y[t] = 50 + 0.2 * t + noise(&seed);
	y[30] += 40;
	y[77] = 0;
	y[POINTS - 1] += 40; /* may be the beginning of something */
	assert_int_equal(clean_outliers(y, POINTS), 2);
	assert_near(y[30], 56, 3);
	assert_near(y[77], 65.4, 3);
	assert_true(y[POINTS - 1] > 100);
	assert_int_equal(clean_outliers(y, POINTS), 0);
	for (int t = 0; t < MANY; t++)
		before[t] = walk[t] = (t > 0 ? walk[t - 1] : 0) + noise(&seed);
	int changed = clean_outliers(walk, MANY);
	assert_true(changed <= MANY / 200);
	for (int t = 0; t < POINTS; t++) /* now and then something comes: not one of them is odd */
		y[t] = t % 9 == 0 ? 30 : 0;
	assert_int_equal(clean_outliers(y, POINTS), 0);
	assert_int_equal(clean_outliers(before, 5), 0);
}

static void levels_that_were_left_are_lifted(void **state)
{
	(void)state;
	uint64_t seed = 14;
	double y[POINTS], walk[MANY], line[POINTS];
	struct clean_shift shift[CLEAN_SHIFTS_MAX];
	for (int t = 0; t < POINTS; t++) {
		y[t] = (t < 40 ? 100 : t < 90 ? 160 : 130) + 2 * noise(&seed);
		line[t] = 3 * t + noise(&seed);
	}
	assert_int_equal(clean_find_shifts(y, POINTS, shift), 2);
	assert_int_equal(shift[0].at, 40);
	assert_near(shift[0].size, 60, 4);
	assert_int_equal(shift[1].at, 90);
	assert_near(shift[1].size, -30, 4);
	clean_level(shift, 2, y);
	for (int t = 0; t < POINTS; t++)
		assert_near(y[t], 130, 12);
	assert_int_equal(clean_find_shifts(y, POINTS, shift), 0);
	assert_int_equal(clean_find_shifts(line, POINTS, shift), 0);
	int found = 0;
	for (int i = 0; i < 20; i++) {
		for (int t = 0; t < 100; t++)
			walk[t] = (t > 0 ? walk[t - 1] : 0) + noise(&seed);
		found += clean_find_shifts(walk, 100, shift);
	}
	if (found > 4)
		fail_msg("%d shifts in 20 walks", found);
	for (int t = 0; t < POINTS; t++)
		y[t] = t < 50 ? 5 : 9; /* without any noise */
	assert_int_equal(clean_find_shifts(y, POINTS, shift), 1);
	assert_int_equal(shift[0].at, 50);
	assert_near(shift[0].size, 4, 0);
}

/* A week's season is not what is far off, and stays; values above 0 stay there. */
static void seasons_survive_cleaning(void **state)
{
	(void)state;
	static const int WEEK[] = { 7 };
	uint64_t seed = 25;
	double y[POINTS], was[POINTS];
	for (int t = 0; t < POINTS; t++)
		was[t] = y[t] =
			(t < 50 ? 1 : 2) * (t % 7 < 5 ? 100 : 30) * (1 + 0.03 * noise(&seed));
	y[80] = was[80] * 5;
	struct clean_found found = clean_series(y, POINTS, WEEK, 1);
	assert_true(found.outliers >= 1 && found.shifts >= 1);
	assert_near(y[80], was[80], 0.2 * was[80]);
	for (int t = 0; t < POINTS; t++) {
		double level = t % 7 < 5 ? 200 : 60;
		assert_near(y[t], level, 0.35 * level);
	}
	memcpy(y, was + 60, 30 * sizeof *y);
	found = clean_series(y, 30, WEEK, 1);
	assert_int_equal(found.outliers + found.shifts, 0);
	assert_memory_equal(y, was + 60, 30 * sizeof *y); /* to the bit */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(effects_are_found),
		cmocka_unit_test(chance_is_no_effect),
		cmocka_unit_test(little_or_nothing_is_no_effect),
		cmocka_unit_test(python_says_the_same),
		cmocka_unit_test(promotions_to_come_are_foretold),
		cmocka_unit_test(seasons_are_no_effect),
		cmocka_unit_test(days_are_counted),
		cmocka_unit_test(periods_follow_one_another),
		cmocka_unit_test(numpy_counts_the_same),
		cmocka_unit_test(pandas_cleans_the_same),
		cmocka_unit_test(outliers_are_put_back),
		cmocka_unit_test(levels_that_were_left_are_lifted),
		cmocka_unit_test(seasons_survive_cleaning),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
