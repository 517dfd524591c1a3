/* The methods by what they must get right: series whose continuation is known, planted seasons,
 * intervals around noise of known size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "models/autoregression.h"
#include "models/ces.h"
#include "models/combination.h"
#include "models/ets.h"
#include "models/gaps.h"
#include "models/intermittent.h"
#include "models/lagged.h"
#include "models/optimize.h"
#include "models/portfolio.h"
#include "models/rate.h"
#include "models/reconcile.h"
#include "models/season.h"
#include "models/share.h"
#include "models/spread.h"
#include "models/theta.h"

enum { LONG = 24 * 7 * 5, HORIZON = 48 };

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

/* ---- the search ---- */

static double banana(const double *x, void *context)
{
	(*(int *)context)++;
	double a = 1 - x[0], b = x[1] - x[0] * x[0];
	return a * a + 100 * b * b;
}

static double edge(const double *x, void *context)
{
	(void)context;
	return x[0] + x[1];
}

static double valley(const double *x, void *context)
{
	(void)context;
	return (*x - 0.3) * (*x - 0.3) + 2;
}

static void simplex_finds_the_least(void **state)
{
	(void)state;
	int calls = 0;
	const struct optimize_box box = { 2, { -2, -2 }, { 2, 2 } };
	double x[2] = { -1.2, 1 };
	assert_true(optimize_simplex(banana, &calls, &box, 1000, 1e-12, x) < 1e-6);
	assert_near(x[0], 1, 1e-2);
	calls = 0;
	double y[2] = { -1.2, 1 };
	(void)optimize_simplex(banana, &calls, &box, 20, 1e-12, y);
	assert_true(calls < 20 + 4);
	double z[2] = { 1, 1 };
	(void)optimize_simplex(edge, NULL, &box, 500, 1e-12, z);
	assert_near(z[0] + z[1], -4, 1e-3); /* the corner of the box */
	double at;
	assert_near(optimize_line(valley, NULL, 0, 1, 5, 20, &at), 2, 1e-6);
	assert_near(at, 0.3, 1e-3);
}

/* ---- one method at a time ---- */

static void lines_go_on(void **state)
{
	(void)state;
	double y[40], out[6];
	for (int t = 0; t < 40; t++)
		y[t] = 100 + 3 * t;
	struct ets ets;
	ets_fit(y, 40, 1, &ets);
	assert_int_not_equal(ets.trend, ETS_FLAT);
	ets_forecast(&ets, y, 40, 6, out);
	for (int h = 0; h < 6; h++)
		assert_near(out[h], 100 + 3 * (40 + h), 1.5);
	struct theta theta;
	theta_fit(y, 40, &theta);
	theta_forecast(&theta, y, 40, 6, out);
	for (int h = 0; h < 6; h++)
		assert_near(out[h], 100 + 3 * (40 + h), 1.5);
	theta_fit_standard(y, 40, &theta);
	theta_forecast(&theta, y, 40, 6, out);
	assert_near(out[5] - out[0], 5 * 1.5, 0.1); /* half the slope, by construction */
	struct ces ces;
	ces_fit(y, 40, &ces);
	ces_forecast(&ces, y, 40, 6, out);
	for (int h = 0; h < 6; h++)
		assert_near(out[h], 100 + 3 * (40 + h), 4);
}

/* Around a steady level, what is best known: the mean. */
static void noise_is_averaged(void **state)
{
	(void)state;
	uint64_t seed = 11;
	double y[200], out[4], mean = 0;
	for (int t = 0; t < 200; t++) {
		y[t] = 50 + noise(&seed);
		mean += y[t] / 200;
	}
	struct ets ets;
	ets_fit(y, 200, 1, &ets);
	assert_int_equal(ets.trend, ETS_FLAT);
	ets_forecast(&ets, y, 200, 4, out);
	assert_near(out[3], mean, 0.3);
	struct theta theta;
	theta_fit(y, 200, &theta);
	theta_forecast(&theta, y, 200, 4, out);
	assert_near(out[3], mean, 0.4);
}

/* y[t] = 10 + 0.8 (y[t-1] - 10) + noise goes back to 10; a walk with a drift goes on. */
static void autoregression_knows_pull_from_drift(void **state)
{
	(void)state;
	enum { COUNT = 300, STEPS = 20 };
	uint64_t seed = 17;
	double pulled[COUNT], walk[COUNT], out[STEPS];
	pulled[0] = walk[0] = 10;
	for (int t = 1; t < COUNT; t++) {
		pulled[t] = 10 + 0.8 * (pulled[t - 1] - 10) + noise(&seed);
		walk[t] = walk[t - 1] + 2 + noise(&seed);
	}
	pulled[COUNT - 1] = 16;
	struct autoregression model;
	autoregression_fit(pulled, COUNT, &model);
	assert_near(1 + model.pull, 0.8, 0.1);
	autoregression_forecast(&model, pulled, COUNT, STEPS, out);
	assert_near(out[STEPS - 1], 10, 0.8);
	autoregression_fit(walk, COUNT, &model);
	autoregression_forecast(&model, walk, COUNT, STEPS, out);
	assert_near(out[STEPS - 1] - walk[COUNT - 1], 2 * STEPS, 6);
	autoregression_fit(walk, 3, &model);
	autoregression_forecast(&model, walk, 3, STEPS, out);
	assert_true(out[STEPS - 1] == walk[2]);
}

static void ets_chooses_the_season(void **state)
{
	(void)state;
	static const double INDEX[4] = { 0.6, 1.3, 0.9, 1.2 };
	uint64_t seed = 5;
	double y[60], out[4];
	for (int t = 0; t < 60; t++)
		y[t] = (100 + 4 * t) * INDEX[t % 4] * (1 + 0.01 * noise(&seed));
	struct ets ets;
	ets_fit(y, 60, 4, &ets);
	assert_int_equal(ets.season, ETS_MULTIPLICATIVE);
	assert_true(ets.relative_errors);
	ets_forecast(&ets, y, 60, 4, out);
	for (int h = 0; h < 4; h++)
		assert_near(out[h] / ((100 + 4 * (60 + h)) * INDEX[(60 + h) % 4]), 1, 0.04);
}

/* Five every fourth time, until nothing comes any more. */
static void rare_demand_is_a_rate(void **state)
{
	(void)state;
	double y[120];
	struct intermittent model;
	for (int t = 0; t < 120; t++)
		y[t] = t % 4 == 3 && t < 80 ? 5 : 0;
	intermittent_fit(y, 80, &model);
	assert_near(intermittent_forecast(&model, y, 80), 1.25, 0.25);
	model.fades = true;
	assert_true(intermittent_forecast(&model, y, 120) < 0.5);
	intermittent_fit(y, 3, &model); /* nothing came yet */
	assert_true(intermittent_forecast(&model, y, 3) == 0);
	assert_near(intermittent_zeros(y, 80), 0.75, 1e-12);
	for (int t = 0; t < 120; t++)
		y[t] = 7;
	intermittent_fit(y, 120, &model);
	assert_near(intermittent_forecast(&model, y, 120), 7, 1e-9);
}

/* Twenty orders a week become forty; one of them is huge. */
static void the_number_tells_the_level(void **state)
{
	(void)state;
	enum { WEEKS = 60 };
	uint64_t seed = 41;
	double sum[WEEKS], number[WEEKS];
	for (int t = 0; t < WEEKS; t++) {
		number[t] = (t < 50 ? 20 : 40) + floor(3 * uniform(&seed));
		sum[t] = 10 * number[t];
	}
	double flat[2], sloped[2];
	rate_forecast(sum, number, WEEKS, 2, flat, sloped);
	assert_near(flat[0], 410, 20);
	assert_true(flat[1] == flat[0] && sloped[0] > flat[0] && sloped[1] > sloped[0]);
	sum[WEEKS - 1] += 5000;
	rate_forecast(sum, number, WEEKS, 2, flat, sloped);
	assert_true(flat[0] < 1100); /* a tenth of it counts */
	for (int t = 0; t < WEEKS; t++)
		sum[t] = 10 * (number[t] = 100 + 2 * t); /* half the slope, from one step ahead */
	rate_forecast(sum, number, WEEKS, 2, flat, sloped);
	assert_near(sloped[0] - flat[0], 20, 1e-9);
	assert_near(sloped[1] - flat[0], 30, 1e-9);
	rate_forecast(sum, number, 1, 2, flat, sloped);
	assert_true(flat[0] == sum[0] && sloped[1] == sum[0]);
	for (int t = 0; t < WEEKS; t++)
		number[t] = sum[t] = 0;
	rate_forecast(sum, number, WEEKS, 2, flat, sloped);
	assert_true(flat[0] == 0 && sloped[1] == 0);
}

/* A fifth of a total that grows; twice all of it, which says nothing of the next week. */
static void a_part_goes_with_its_total(void **state)
{
	(void)state;
	enum { WEEKS = 40 };
	double part[WEEKS], total[WEEKS];
	for (int t = 0; t < WEEKS; t++) {
		total[t] = 100 * (t + 1);
		part[t] = t == 35 || t == 38 ? total[t] : 0.2 * total[t];
	}
	assert_near(share_median(part, total, WEEKS), 0.2, 1e-12);
	for (int t = 0; t < WEEKS; t++)
		part[t] = t % 2 == 0 ? 0.3 * total[t] : t % 4 == 1 ? 0 : 0.1 * total[t];
	assert_near(share_median(part, total, WEEKS), 0.2, 1e-12); /* of sixteen */
	assert_true(share_median(part, total, 1) == 0.3);
	for (int t = 0; t < WEEKS; t++)
		total[t] = -total[t];
	assert_true(share_median(part, total, WEEKS) == 0);
	assert_true(share_median(part, total, 0) == 0);
}

static void median_is_simple(void **state)
{
	(void)state;
	static const struct portfolio_periods NONE = { .count = 0 };
	enum { COUNT = 40, STEPS = 4 };
	double y[COUNT], out[PORTFOLIO_METHOD_COUNT * STEPS];
	for (int t = 0; t < COUNT; t++)
		y[t] = 100 + 2 * t;
	portfolio_forecast(y, COUNT, &NONE, STEPS, NULL, out);
	assert_near(out[PORTFOLIO_MEDIAN * STEPS + 3], y[COUNT - 1] - 7, 1e-9); /* of eight */
	for (int t = 0; t < COUNT; t++)
		y[t] = t % 3 == 0 ? 9 : 0;
	portfolio_forecast(y, COUNT, &NONE, STEPS, NULL, out);
	assert_near(out[PORTFOLIO_MEDIAN * STEPS], 0, 1e-12);
}

/* ---- seasons ---- */

static double day_and_week(int t)
{
	int day = t / 24 % 7, hour = t % 24;
	double level = hour < 6 ? 40 : hour < 18 ? 100 : 70;
	return day >= 5 ? 0.5 * level : level;
}

static void seasons_are_found(void **state)
{
	(void)state;
	static const int CANDIDATES[] = { 7, 12, 24, 168 };
	uint64_t seed = 3;
	double y[LONG], walk[LONG];
	for (int t = 0; t < LONG; t++) {
		y[t] = day_and_week(t) + noise(&seed);
		walk[t] = (t > 0 ? walk[t - 1] : 100) + noise(&seed);
	}
	assert_true(season_strength(y, LONG, 24) > 0.5);
	assert_true(season_strength(y, LONG, 7) < 0.05);
	struct season season = { .logs = true };
	season_choose(y, LONG, CANDIDATES, 4, 0.1, &season);
	assert_int_equal(season.count, 2);
	assert_int_equal(season.period[0], 24);
	assert_int_equal(season.period[1], 168);
	season_fit(y, LONG, 0.8, &season);
	double out[LONG];
	season_remove(&season, y, 0, LONG, out);
	season_add(&season, out, 0, LONG, out);
	for (int t = 0; t < LONG; t++)
		assert_near(out[t], y[t], 1e-9);
	struct season none = { .logs = false };
	season_choose(walk, LONG, CANDIDATES, 4, 0.1, &none);
	assert_int_equal(none.count, 0);
}

static void two_seasons_are_foretold(void **state)
{
	(void)state;
	static const struct portfolio_periods PERIODS = { 2, { 24, 168 } };
	double y[LONG + HORIZON], out[PORTFOLIO_METHOD_COUNT * HORIZON];
	uint64_t seed = 9;
	for (int t = 0; t < LONG + HORIZON; t++)
		y[t] = day_and_week(t) + 0.5 * noise(&seed);
	portfolio_forecast(y, LONG, &PERIODS, HORIZON, NULL, out);
	for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++) {
		double error = 0;
		for (int h = 0; h < HORIZON; h++)
			error += fabs(out[m * HORIZON + h] - y[LONG + h]) / HORIZON;
		if (error > 4)
			fail_msg("%s is off by %.2f on average",
				 portfolio_method_name((enum portfolio_method)m), error);
	}
}

/* ---- together ---- */

static void the_better_method_weighs_more(void **state)
{
	(void)state;
	enum { CASES = 300, STEPS = 3 };
	static double forecast[CASES][2][STEPS], actual[CASES][STEPS];
	struct combination_case cases[CASES];
	uint64_t seed = 21;
	for (int i = 0; i < CASES; i++) {
		for (int h = 0; h < STEPS; h++) {
			actual[i][h] = 100 + 5 * noise(&seed);
			forecast[i][0][h] = actual[i][h] + noise(&seed);
			forecast[i][1][h] = actual[i][h] + 8 * noise(&seed);
		}
		cases[i] = (struct combination_case){ forecast[i][0], actual[i], 1 };
	}
	double prior[2], weight[2];
	combination_prior(cases, CASES, 2, STEPS, prior);
	assert_near(prior[0] + prior[1], 1, 1e-12);
	assert_true(prior[0] > 0.85);
	combination_prior(cases, 0, 2, STEPS, weight);
	assert_near(weight[0], 0.5, 1e-12);
	combination_weights(weight, (double[]){ 2, 1 }, 2, weight);
	assert_near(weight[0], 0.2, 1e-12);
	combination_weights(prior, NULL, 2, weight);
	assert_near(weight[0], prior[0], 1e-12);
	/* the same error twice: one stood in for the other */
	double three[3];
	combination_weights((double[]){ 0.2, 0.5, 0.3 }, (double[]){ 4, 2, 4 }, 3, three);
	assert_true(three[0] == 0);
	assert_near(three[2], 0.3 / 4 / (0.3 / 4 + 0.5), 1e-12);
}

static void quantiles_cover(void **state)
{
	(void)state;
	enum { ORIGINS = 3000, STEPS = 4 };
	struct spread *spread = spread_new(STEPS, ORIGINS);
	uint64_t seed = 33;
	for (int i = 0; i < ORIGINS; i++) {
		double error[STEPS], scale = 1 + i % 7;
		for (int h = 0; h < STEPS; h++)
			error[h] = noise(&seed) * scale * sqrt(h + 1.0);
		spread_add(spread, error, scale);
	}
	spread_finish(spread);
	for (int step = 1; step <= STEPS; step++) {
		double root = sqrt(step);
		assert_near(spread_offset(spread, step, 0, 2), -1.96 * 2 * root, 0.3 * root);
		assert_near(spread_offset(spread, step, 1, 2), -1.28 * 2 * root, 0.2 * root);
		assert_true(spread_offset(spread, step, 2, 2) == 0);
		assert_near(spread_offset(spread, step, 4, 2), 1.96 * 2 * root, 0.3 * root);
	}
	spread_free(&spread);
	spread = spread_new(STEPS, 0);
	spread_finish(spread); /* nothing known: a normal guess that widens */
	assert_true(spread_offset(spread, 4, 4, 1) > spread_offset(spread, 1, 4, 1));
	spread_free(&spread);
}

static void forecasts_add_up(void **state)
{
	(void)state;
	double country[] = { 60, 30 }, product[] = { 50, 50, 20 };
	static const double SURE[] = { 1, 3 }, UNSURE[] = { 8, 8, 16 };
	struct reconcile_parting partings[] = { { 2, country, SURE, 0 },
						{ 3, product, UNSURE, 0 } };
	/* precisions 1/4, 1/4 and 1/32 of 100, 90 and 120 */
	double total = reconcile_total(100, 4, partings, 2);
	assert_near(total, (100 / 4.0 + 90 / 4.0 + 120 / 32.0) / (0.25 + 0.25 + 1 / 32.0), 1e-9);
	assert_near(country[0] + country[1], total, 1e-9);
	assert_near(product[0] + product[1] + product[2], total, 1e-9);
	assert_near(country[0], 2 * country[1], 1e-9); /* shared by their sizes */
	/* errors that go together make the sum less sure */
	double together[] = { 60, 30 };
	static const double SPREADS[] = { 1, 9 }; /* 1 and 3; of the sum 16 if they always agree */
	struct reconcile_parting same = { 2, together, SPREADS, 16 };
	total = reconcile_total(100, 16, &same, 1);
	assert_near(total, 95, 1e-9);
	assert_near(together[0], 60 + 5 * 60 / 90.0, 1e-9);
	double nothing[] = { 0, 0 };
	same = (struct reconcile_parting){ 2, nothing, SPREADS, 16 };
	total = reconcile_total(100, 16, &same, 1);
	assert_true(nothing[0] == total / 2 && nothing[1] == total / 2);
	int64_t whole[3];
	static const double VALUE[] = { 1.6, -0.7, 2.2 };
	reconcile_round(VALUE, 3, 3, whole);
	assert_int_equal(whole[0] + whole[1] + whole[2], 3);
	assert_int_equal(whole[0], 2);
	assert_int_equal(whole[1], -1);
	reconcile_round(VALUE, 3, -100, whole);
	assert_int_equal(whole[0] + whole[1] + whole[2], -100);
}

static void gaps_are_filled(void **state)
{
	(void)state;
	double y[] = { NAN, 2, NAN, NAN, 5, NAN };
	static const double FILLED[] = { 2, 2, 3, 4, 5, 5 };
	assert_int_equal(gaps_fill(y, 6), 2);
	for (int t = 0; t < 6; t++)
		assert_near(y[t], FILLED[t], 1e-12);
	double none[] = { NAN, NAN };
	assert_int_equal(gaps_fill(none, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simplex_finds_the_least),
		cmocka_unit_test(lines_go_on),
		cmocka_unit_test(noise_is_averaged),
		cmocka_unit_test(autoregression_knows_pull_from_drift),
		cmocka_unit_test(ets_chooses_the_season),
		cmocka_unit_test(rare_demand_is_a_rate),
		cmocka_unit_test(the_number_tells_the_level),
		cmocka_unit_test(a_part_goes_with_its_total),
		cmocka_unit_test(median_is_simple),
		cmocka_unit_test(seasons_are_found),
		cmocka_unit_test(two_seasons_are_foretold),
		cmocka_unit_test(the_better_method_weighs_more),
		cmocka_unit_test(quantiles_cover),
		cmocka_unit_test(forecasts_add_up),
		cmocka_unit_test(gaps_are_filled),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
