/* The single methods against statsmodels 0.15.0 and numpy (values pasted from a session with the
 * series AIRLINE below and the parameters named at each place), the combination and its intervals
 * by their properties, and the bits of its results by a hash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "models/accuracy.h"
#include "models/forecaster.h"
#include "models/smoothing.h"

enum { AIRLINE_COUNT = 24 };

/* Box and Jenkins' airline passengers, 1949 and 1950, thousands a month. */
static const double AIRLINE[AIRLINE_COUNT] = { 112, 118, 132, 129, 121, 135, 148, 148,
					       136, 119, 104, 118, 115, 126, 141, 135,
					       125, 149, 170, 170, 158, 133, 114, 140 };

static void assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.17g, want %.17g", got, want);
}

static double uniform(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (double)(*state >> 11) * 0x1p-53;
}

/* Nearly normal, mean 0, variance 1: a sum of twelve uniforms. */
static double noise(uint64_t *state)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += uniform(state);
	return sum;
}

/* SimpleExpSmoothing, initial level known = y[0], smoothing_level .3. */
static void ses_equals_statsmodels(void **state)
{
	(void)state;
	double level[AIRLINE_COUNT];
	double error = smoothing_ses(AIRLINE, AIRLINE_COUNT, 0.3, level);
	assert_near(level[AIRLINE_COUNT - 1], 138.38846681163835, 1e-10);
	assert_near(error, 14.182966123641368, 1e-10);
}

/* Holt(damped_trend), known initial level y[0] and trend 0, .5, .15, damping .8. */
static void damped_trend_equals_statsmodels(void **state)
{
	(void)state;
	double level[AIRLINE_COUNT];
	double trend[AIRLINE_COUNT];
	double error = smoothing_damped(AIRLINE, AIRLINE_COUNT, 0.5, 0.15, 0.8, level, trend);
	double l = level[AIRLINE_COUNT - 1];
	double b = trend[AIRLINE_COUNT - 1];
	assert_near(l, 134.38264977389457, 1e-10);
	assert_near(b, -1.542377629709783, 1e-10);
	assert_near(smoothing_damped_forecast(l, b, 0.8, 1), 133.14874767012674, 1e-10);
	assert_near(smoothing_damped_forecast(l, b, 0.8, 3), 131.37192864070107, 1e-10);
	assert_near(error, 14.017706121029722, 1e-10);
}

/* The drift is half of numpy.polyfit's slope; the forecast is the mean of the extrapolated line
 * and SES of the theta = 2 line, as first published. The two forms start SES differently, which
 * still shows in the fourth digit after 24 points. */
static void theta_equals_its_two_lines(void **state)
{
	(void)state;
	double level[AIRLINE_COUNT];
	double base[AIRLINE_COUNT];
	double drift[AIRLINE_COUNT];
	(void)smoothing_ses(AIRLINE, AIRLINE_COUNT, 0.3, level);
	smoothing_theta(AIRLINE, AIRLINE_COUNT, 0.3, level, base, drift);
	assert_near(drift[9], 1.0303030303030316, 1e-12);
	assert_near(drift[AIRLINE_COUNT - 1], 0.4852173913043469, 1e-12);
	double b = base[AIRLINE_COUNT - 1];
	double d = drift[AIRLINE_COUNT - 1];
	assert_near(b + d, 140.00554825416847, 0.02);
	assert_near(b + 8 * d, 143.4020699932989, 0.02);
}

/* seasonal_decompose(model="additive"): even periods 12 and 4, odd period 7. */
static void seasonal_indices_equal_statsmodels(void **state)
{
	(void)state;
	static const double MONTHS[12] = {
		-14.819444444444445, -5.652777777777787, 7.513888888888871,   0.013888888888898832,
		-10.98611111111113,  11.680555555555555, 22.6388888888889,    22.180555555555557,
		9.472222222222227,   -8.152777777777759, -23.569444444444443, -10.319444444444445
	};
	static const double SEVEN[7] = { 12.768707482993191,   0.2687074829931917,
					 -15.731292517006795,  -8.159863945578243,
					 -0.15986394557822003, 3.6972789115646365,
					 7.316326530612237 };
	static const double FOUR[4] = { -4.987500000000001, -3.4125, 4.4625, 3.9375000000000004 };
	double index[12];
	smoothing_seasonal(AIRLINE, AIRLINE_COUNT, 12, index);
	for (int p = 0; p < 12; p++)
		assert_near(index[p], MONTHS[p], 1e-11);
	smoothing_seasonal(AIRLINE, AIRLINE_COUNT, 7, index);
	for (int p = 0; p < 7; p++)
		assert_near(index[p], SEVEN[p], 1e-11);
	smoothing_seasonal(AIRLINE, AIRLINE_COUNT, 4, index);
	for (int p = 0; p < 4; p++)
		assert_near(index[p], FOUR[p], 1e-11);
}

static void seasonality_is_found_only_where_it_is(void **state)
{
	(void)state;
	/* By statsmodels' acf none of these lags passes the limit. */
	assert_false(smoothing_is_seasonal(AIRLINE, AIRLINE_COUNT, 4));
	assert_false(smoothing_is_seasonal(AIRLINE, AIRLINE_COUNT, 7));
	assert_false(smoothing_is_seasonal(AIRLINE, AIRLINE_COUNT, 12)); /* below 3 seasons */
	double week[70];
	uint64_t seed = 7;
	for (int t = 0; t < 70; t++)
		week[t] = (t % 7 == 5 ? 0 : 100) + 10 * noise(&seed);
	assert_true(smoothing_is_seasonal(week, 70, 7));
	for (int t = 0; t < 70; t++)
		week[t] = 5;
	assert_false(smoothing_is_seasonal(week, 70, 7));
}

static void assert_sane(const struct forecaster_result *f)
{
	for (int h = 0; h < f->horizon_count; h++) {
		const double *q = f->step[h].quantile;
		for (int i = 0; i < FORECASTER_QUANTILE_COUNT; i++) {
			assert_true(q[i] == q[i] && fabs(q[i]) <= DBL_MAX);
			assert_true(i == 0 || q[i - 1] <= q[i]);
		}
		if (h > 0)
			assert_true(q[FORECASTER_Q975] - q[FORECASTER_Q500] >=
				    (f->step[h - 1].quantile[FORECASTER_Q975] -
				     f->step[h - 1].quantile[FORECASTER_Q500]) *
					    (1 - 1e-12));
	}
}

static void few_points_are_answered_plainly(void **state)
{
	(void)state;
	const struct forecaster_options options = { .horizon_count = 14, .season_period = 7 };
	struct forecaster_result f;
	forecaster_predict(NULL, 0, &options, &f);
	assert_int_equal(f.method, FORECASTER_NONE);
	assert_true(f.step[13].quantile[FORECASTER_Q975] == 0);
	static const double HISTORY[] = { 40, 60 };
	forecaster_predict(HISTORY, 1, &options, &f);
	assert_int_equal(f.method, FORECASTER_SES);
	assert_true(f.step[0].quantile[FORECASTER_Q500] == 40);
	/* 1.28155 x 30 % of 40 */
	assert_near(f.step[0].quantile[FORECASTER_Q900], 55.3786, 1e-3);
	assert_sane(&f);
	forecaster_predict(HISTORY, 2, &options, &f);
	assert_true(f.step[0].quantile[FORECASTER_Q500] >= 40);
	assert_true(f.step[0].quantile[FORECASTER_Q500] <= 60);
	assert_sane(&f);
	for (int n = 1; n <= AIRLINE_COUNT; n++) {
		forecaster_predict(AIRLINE, n, &options, &f);
		assert_sane(&f);
	}
}

static void constant_series_are_forecast_exactly(void **state)
{
	(void)state;
	static const double VALUES[] = { 0, 1, -3.7, 1e29, 9.2e18 };
	const struct forecaster_options options = { .horizon_count = 14, .season_period = 7 };
	for (size_t v = 0; v < sizeof VALUES / sizeof VALUES[0]; v++) {
		double y[120];
		for (int t = 0; t < 120; t++)
			y[t] = VALUES[v];
		struct forecaster_result f;
		forecaster_predict(y, 120, &options, &f);
		assert_sane(&f);
		for (int h = 0; h < 14; h++)
			for (int q = 0; q < FORECASTER_QUANTILE_COUNT; q++)
				assert_near(f.step[h].quantile[q], VALUES[v],
					    1e-12 * fabs(VALUES[v]));
	}
}

static void a_lone_outlier_hardly_moves_the_forecast(void **state)
{
	(void)state;
	double y[60];
	uint64_t seed = 3;
	for (int t = 0; t < 60; t++)
		y[t] = 1000 + 50 * noise(&seed);
	const struct forecaster_options options = { .horizon_count = 4, .nonnegative = true };
	struct forecaster_result before;
	struct forecaster_result after;
	forecaster_predict(y, 60, &options, &before);
	y[40] = 20000;
	forecaster_predict(y, 60, &options, &after);
	for (int h = 0; h < 4; h++) {
		double moved = after.step[h].quantile[FORECASTER_Q500] -
			       before.step[h].quantile[FORECASTER_Q500];
		assert_true(fabs(moved) < 400);
		assert_true(after.step[h].quantile[FORECASTER_Q900] < 3000);
	}
}

/* On an exact trend of 4 a period, SES (alpha 1) is 4 h behind and Theta, with half the slope, 2 h;
 * the damped trend is nearer, the seasonal naive 28 or 56 behind, never less than 4 h. So the
 * median of three is 2 h behind, the median of four (2 h + 4 h) / 2. That is a weakness, pinned
 * here until the combination changes; the season itself comes out whole. */
static void an_exact_trend_is_followed_as_far_as_the_median_goes(void **state)
{
	(void)state;
	double trend[84];
	double season[84];
	for (int t = 0; t < 84; t++) {
		trend[t] = 500 + 4 * t;
		season[t] = trend[t] + (t % 7 == 6 ? -300 : 50);
	}
	const struct forecaster_options plain = { .horizon_count = 14 };
	const struct forecaster_options weekly = { .horizon_count = 14, .season_period = 7 };
	struct forecaster_result a;
	struct forecaster_result b;
	forecaster_predict(trend, 84, &plain, &a);
	forecaster_predict(season, 84, &weekly, &b);
	assert_int_equal(a.method, FORECASTER_MEDIAN);
	assert_int_equal(b.method, FORECASTER_SEASONAL_MEDIAN);
	for (int h = 1; h <= 14; h++) {
		double line = 500 + 4 * (83 + h);
		double shift = (83 + h) % 7 == 6 ? -300 : 50;
		assert_near(a.step[h - 1].quantile[FORECASTER_Q500], line - 2 * h, 1e-9);
		assert_near(b.step[h - 1].quantile[FORECASTER_Q500], line + shift - 3 * h, 1e-9);
	}
}

/* On 40 series each, half of them with a changing level: the intervals are meant to hold. */
static void intervals_cover_about_what_they_say(void **state)
{
	(void)state;
	const struct forecaster_options options = { .horizon_count = 4, .nonnegative = true };
	int covered80 = 0;
	int covered95 = 0;
	int count = 0;
	uint64_t seed = 11;
	for (int series = 0; series < 40; series++) {
		double y[80];
		double level = 1000;
		for (int t = 0; t < 80; t++) {
			level += series % 2 == 0 ? 0 : 20 * noise(&seed);
			y[t] = level + 60 * noise(&seed);
		}
		for (int t = 40; t + 4 <= 80; t += 4) {
			struct forecaster_result f;
			forecaster_predict(y, t, &options, &f);
			for (int h = 0; h < 4; h++) {
				const double *q = f.step[h].quantile;
				covered80 += accuracy_covered(y[t + h], q[FORECASTER_Q100],
							      q[FORECASTER_Q900]);
				covered95 += accuracy_covered(y[t + h], q[FORECASTER_Q025],
							      q[FORECASTER_Q975]);
				count++;
			}
		}
	}
	double share80 = (double)covered80 / count;
	double share95 = (double)covered95 / count;
	if (share80 < 0.75 || share80 > 0.90 || share95 < 0.92 || share95 > 0.99)
		fail_msg("coverage %.3f and %.3f of %d", share80, share95, count);
}

static void nonnegative_series_stay_so_and_long_ones_are_cut(void **state)
{
	(void)state;
	double y[400];
	for (int t = 0; t < 400; t++)
		y[t] = t < 200 ? 1e9 : (t % 5 == 0 ? 30 : 0);
	const struct forecaster_options options = { .horizon_count = 14, .nonnegative = true };
	struct forecaster_result whole;
	struct forecaster_result recent;
	forecaster_predict(y, 400, &options, &whole);
	forecaster_predict(y + 400 - FORECASTER_HISTORY_MAX, FORECASTER_HISTORY_MAX, &options,
			   &recent);
	assert_memory_equal(whole.step, recent.step, sizeof whole.step);
	for (int h = 0; h < 14; h++)
		assert_true(whole.step[h].quantile[FORECASTER_Q025] >= 0);
}

static void error_measures_equal_values_by_hand(void **state)
{
	(void)state;
	assert_true(accuracy_absolute(3, 5) == 2 && accuracy_squared(3, 5) == 4);
	assert_near(accuracy_smape(100, 150), 40, 1e-12); /* 200 x 50 / 250 */
	assert_true(accuracy_smape(0, 0) == 0 && accuracy_smape(0, 7) == 200);
	/* Steps of AIRLINE[0..5]: 6, 14, 3, 8, 14; over 2: 20, 11, 11, 6. */
	assert_near(accuracy_mase_scale(AIRLINE, 6, 1), 9, 1e-12);
	assert_near(accuracy_mase_scale(AIRLINE, 6, 2), 12, 1e-12);
	assert_true(accuracy_mase_scale(AIRLINE, 2, 2) == 0);
	assert_near(accuracy_pinball(10, 6, 0.9), 3.6, 1e-12);
	assert_near(accuracy_pinball(6, 10, 0.9), 0.4, 1e-12);
	assert_true(accuracy_covered(1, 1, 2) && !accuracy_covered(2.5, 1, 2));
}

/* FNV-1a over the bits of all quantiles for every prefix of AIRLINE, plain and with period 3. A
 * red test means that forecasts change: if that is meant, bump the logic version. */
static void result_bits_are_golden(void **state)
{
	(void)state;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (int n = 1; n <= AIRLINE_COUNT; n++) {
		for (int period = 0; period <= 3; period += 3) {
			struct forecaster_options options = { .horizon_count = 14,
							      .season_period = period };
			struct forecaster_result f;
			forecaster_predict(AIRLINE, n, &options, &f);
			for (int i = 0; i < 14 * FORECASTER_QUANTILE_COUNT; i++) {
				uint64_t bits;
				memcpy(&bits,
				       &f.step[i / FORECASTER_QUANTILE_COUNT]
						.quantile[i % FORECASTER_QUANTILE_COUNT],
				       sizeof bits);
				for (int b = 0; b < 64; b += 8)
					hash = (hash ^ (bits >> b & 0xff)) *
					       UINT64_C(0x100000001b3);
			}
		}
	}
	if (hash != UINT64_C(0xd176a8eed7700b9d))
		fail_msg("hash 0x%016llx", (unsigned long long)hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ses_equals_statsmodels),
		cmocka_unit_test(damped_trend_equals_statsmodels),
		cmocka_unit_test(theta_equals_its_two_lines),
		cmocka_unit_test(seasonal_indices_equal_statsmodels),
		cmocka_unit_test(seasonality_is_found_only_where_it_is),
		cmocka_unit_test(few_points_are_answered_plainly),
		cmocka_unit_test(constant_series_are_forecast_exactly),
		cmocka_unit_test(a_lone_outlier_hardly_moves_the_forecast),
		cmocka_unit_test(an_exact_trend_is_followed_as_far_as_the_median_goes),
		cmocka_unit_test(intervals_cover_about_what_they_say),
		cmocka_unit_test(nonnegative_series_stay_so_and_long_ones_are_cut),
		cmocka_unit_test(error_measures_equal_values_by_hand),
		cmocka_unit_test(result_bits_are_golden),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
