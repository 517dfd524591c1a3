/* The reader of series, and forecasts of whatever it lets in: never NaN, the same bits from any
 * number of threads. Their scores: by hand, and as published. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/prng.h"
#include "evaluate/forecast_score.h"
#include "evaluate/forecast_trial.h"
#include "evaluate/series_table.h"

static struct series_table *parsed(const char *text)
{
	struct series_table *table;
	struct err *err = series_table_parse(text, strlen(text), "test", &table);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	return table;
}

static void assert_refused(const char *text, const char *part)
{
	struct series_table *table;
	struct err *err = series_table_parse(text, strlen(text), "test", &table);
	assert_non_null(err);
	assert_null(table);
	assert_string_equal(err_code(err), "SERIES_FILE");
	if (strstr(err_text(err), part) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", err_text(err), part);
	err_free(&err);
}

static void rows_of_any_length_are_read(void **state)
{
	(void)state;
	struct series_table *table = parsed("\"V1\",\"V2\",\"V3\",\"V4\"\r\n"
					    "\"a,1\",\"1\",\"-2.5e3\",,\r\n\n"
					    "b,7\n"
					    "c,,3,NA,,5,,\n");
	assert_int_equal(table->count, 3);
	assert_string_equal(table->series[0].id, "a,1");
	assert_int_equal(table->series[0].count, 2);
	assert_true(table->series[0].values[1] == -2500.0);
	assert_int_equal(table->series[1].count, 1);
	const struct series *c = series_table_find(table, "c");
	assert_non_null(c);
	assert_int_equal(c->count, 5);
	assert_true(isnan(c->values[0]) && isnan(c->values[2]) && isnan(c->values[3]));
	assert_true(c->values[1] == 3 && c->values[4] == 5);
	assert_null(series_table_find(table, "d"));
	series_table_free(&table);
	table = parsed("\xEF\xBB\xBFx,1,2"); /* no header, no line end */
	assert_string_equal(table->series[0].id, "x");
	assert_int_equal(table->series[0].count, 2);
	series_table_free(&table);
}

static void damage_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("", "no series");
	assert_refused("id,value\n", "no series");
	assert_refused("a,1\nb,2x\n", "line 2: a value is no number");
	assert_refused("a,1\nb,inf\n", "no number");
	assert_refused("a,1\nb,1e31\n", "larger than 1e30");
	assert_refused("a,1\na,2\n", "twice");
	assert_refused("a,1\n,2\n", "line 2: an id is empty");
	assert_refused("a,1\n\"b,2\n", "line end");
	assert_refused("a,1\n\"b", "not closed");
	assert_refused("a,1\n\"b\"x,2\n", "expected a comma");
}

static struct forecast_trial *tried(const struct series_table *table, int period, int horizon,
				    int threads)
{
	struct forecast_trial_options options = { .period = period,
						  .horizon = horizon,
						  .parallel = { .threads = threads } };
	struct forecast_trial *trial;
	struct err *err = forecast_trial_run(table, &options, &trial);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	return trial;
}

static void assert_sensible(const struct forecast_trial *trial)
{
	for (size_t i = 0; i < trial->count; i++)
		for (int h = 0; h < trial->horizon; h++) {
			const struct forecast_trial_series *s = &trial->series[i];
			assert_true(isfinite(s->point[h]));
			for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++) {
				assert_true(isfinite(s->quantile[q][h]));
				assert_true(q == 0 || s->quantile[q][h] >= s->quantile[q - 1][h]);
			}
		}
}

static const char NASTY[] = "one,5\n"
			    "two,5,6\n"
			    "constant,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3,3\n"
			    "zero,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0\n"
			    "gaps,1,,,4,NaN,6,7,,9,10,11,12,,14,15,16\n"
			    "negative,-1,-5,-2,-8,-1,-4,-3,-7,-1,-5,-2,-8,-1,-4,-3,-7\n"
			    "huge,1e30,-1e30,1e30,-1e30,1e30,1e30,1e30,1e30,-1e30,1e30,1e30\n"
			    "tiny,1e-300,2e-300,1e-300,3e-300,1e-300,2e-300,1e-300,1e-300\n"
			    "wild,1,1e30,1e-30,1e15,3,1e29,1e-300,5,1e30,1e-30,1e15,3,1e29\n"
			    "rare,0,0,0,5,0,0,0,0,3,0,0,0,0,0,0,2,0,0,0,0,0,0,7,0,0,0,0,0\n";

static void nasty_series_give_numbers(void **state)
{
	(void)state;
	struct series_table *table = parsed(NASTY);
	for (int horizon = 1; horizon <= 13; horizon += 4) {
		struct forecast_trial *trial = tried(table, 4, horizon, 2);
		assert_sensible(trial);
		assert_true(fabs(trial->series[0].point[0] - 5) < 1e-9);
		for (int h = 0; h < horizon; h++) {
			assert_true(fabs(trial->series[2].point[h] - 3) < 1e-9);
			assert_true(trial->series[3].point[h] == 0);
			assert_true(trial->series[9].quantile[0][h] >= 0);
		}
		forecast_trial_free(&trial);
	}
	series_table_free(&table);
}

/* No error at the one origin, so no scale: found by fuzzing. */
static void what_was_foretold_exactly_has_a_scale(void **state)
{
	(void)state;
	struct series_table *table = parsed("id,v1\na,1,2,3,4,,0,,NA,,NA,,0\n");
	struct forecast_trial *trial = tried(table, 4, 3, 1);
	assert_sensible(trial);
	forecast_trial_free(&trial);
	series_table_free(&table);
}

static void an_empty_series_is_named(void **state)
{
	(void)state;
	struct series_table *table = parsed("a,1\nhollow,NA,NA\n");
	struct forecast_trial_options options = { .period = 1, .horizon = 2 };
	struct forecast_trial *trial;
	struct err *err = forecast_trial_run(table, &options, &trial);
	assert_non_null(err);
	assert_null(trial);
	assert_string_equal(err_code(err), "SERIES_EMPTY");
	assert_non_null(strstr(err_text(err), "hollow"));
	err_free(&err);
	series_table_free(&table);
}

static void threads_do_not_show(void **state)
{
	(void)state;
	struct series_table *table = parsed(NASTY);
	struct forecast_trial *one = tried(table, 4, 5, 1), *three = tried(table, 4, 5, 3);
	for (size_t i = 0; i < one->count; i++)
		for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
			assert_memory_equal(one->series[i].quantile[q],
					    three->series[i].quantile[q], 5 * sizeof(double));
	forecast_trial_free(&one);
	forecast_trial_free(&three);
	series_table_free(&table);
}

/* Series a of 12 points and b of 10; a regressor for both, and one of b's own in its place. */
static void regressors_are_known_as_far_as_told(void **state)
{
	(void)state;
	static const struct portfolio_periods NONE = { .count = 0 };
	char path[] = "/tmp/foretell-regressors-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	FILE *file = fdopen(fd, "w");
	assert_non_null(file);
	fputs("price,1,2,3,4,,6,7,8,9,10,11,12,13\n"
	      "price@b,5,5,5,5,5,5,5,5,5,7\n"
	      "promotion,0,0,1,0,0,1,0,0,1,0,0,1,0,0,1\n",
	      file);
	fclose(file);
	struct series_table *series =
		parsed("a,1,2,3,4,5,6,7,8,9,10,11,12\nb,1,2,3,4,5,6,7,8,9,10\n");
	struct regressor_table *table;
	struct err *err = regressor_table_read(path, NULL, series, 3, &table);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	assert_int_equal(table->sets[0].count, 2);
	assert_int_equal(table->sets[1].count, 2);
	assert_string_equal(table->sets[1].column[0].name, "price");
	double x[15][2];
	/* of a one price is told beyond its end, so one is known beyond each origin */
	regressor_set_fill(&table->sets[0], 12, 8, &NONE, 3, x[0]);
	for (int t = 0; t < 9; t++)
		assert_true(x[t][0] == t + 1);
	assert_true(x[9][0] > 7 && x[9][0] < 13 && x[9][0] != 10);
	for (int t = 0; t < 11; t++) /* promotions are told to the end */
		assert_true(x[t][1] == (t % 3 == 2));
	/* of b's price nothing is told: the 7 is not seen from before */
	regressor_set_fill(&table->sets[1], 10, 9, &NONE, 3, x[0]);
	for (int t = 0; t < 12; t++)
		assert_true(fabs(x[t][0] - 5) < 1e-9);
	regressor_table_free(&table);
	series_table_free(&series);
	unlink(path);
}

/* ---- intervals where little is known ---- */

enum { MADE_SERIES = 120, MADE_POINTS = 40 };

/* What is drawn goes on behind `count`, into actual[series][...]. */
static struct series_table *drawn(int count, int horizon, bool seasonal,
				  double (*actual)[MADE_POINTS])
{
	struct prng random = prng_new(31, 1);
	size_t size = (size_t)MADE_SERIES * (MADE_POINTS + 1) * 24, len = 0;
	char *text = check_malloc(size);
	static const double season[] = { 1.3, 0.8, 1.1, 0.8 };
	for (int i = 0; i < MADE_SERIES; i++) {
		double level = 100 + 900 * prng_uniform(&random);
		len += (size_t)snprintf(text + len, size - len, "s%d", i);
		for (int t = 0; t < count + horizon; t++) {
			double noise = 0;
			for (int k = 0; k < 12; k++)
				noise += prng_uniform(&random) - 0.5;
			double y = seasonal ? level * season[t % 4] * (1 + 0.02 * noise)
					    : (level *= 1 + 0.02 * noise);
			if (t < count)
				len += (size_t)snprintf(text + len, size - len, ",%.6f", y);
			else
				actual[i][t - count] = y;
		}
		len += (size_t)snprintf(text + len, size - len, "\n");
	}
	struct series_table *table = parsed(text);
	free(text);
	return table;
}

/* Share of the points within the 95 % interval, and its mean width in proportion to the point. */
static double coverage_of(int count, int period, int horizon, bool seasonal, double *width)
{
	static double actual[MADE_SERIES][MADE_POINTS];
	struct series_table *table = drawn(count, horizon, seasonal, actual);
	struct forecast_trial *trial = tried(table, period, horizon, 2);
	int within = 0;
	*width = 0;
	for (int i = 0; i < MADE_SERIES; i++)
		for (int h = 0; h < horizon; h++) {
			const struct forecast_trial_series *s = &trial->series[i];
			double low = s->quantile[0][h], high = s->quantile[4][h];
			within += low <= actual[i][h] && actual[i][h] <= high;
			*width += (high - low) / s->point[h] / MADE_SERIES / horizon;
		}
	forecast_trial_free(&trial);
	series_table_free(&table);
	return within / (double)(MADE_SERIES * horizon);
}

/* Errors at origins that can't see the season yet are no errors of a forecast that can: the noise
 * alone asks for a width of 2 x 1.96 x .02 = .078, .087 with what a mean of five cycles lacks. */
static void a_short_season_has_no_wide_interval(void **state)
{
	(void)state;
	double width, covers = coverage_of(30, 4, 8, true, &width);
	print_message("# covers %.3f, width %.4f\n", covers, width);
	assert_true(covers > 0.93 && covers < 0.98);
	assert_true(width < 0.12);
}

/* Of 16 points all origins' errors overlap: scale and weights must not know what they are tried on.
 */
static void few_points_have_no_narrow_interval(void **state)
{
	(void)state;
	double width, covers = coverage_of(16, 1, 6, false, &width);
	print_message("# covers %.3f, width %.4f\n", covers, width);
	assert_true(covers > 0.91 && covers < 0.98);
}

/* ---- the scores ---- */

static void assert_near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("got %.17g, want %.17g", got, want);
}

/* Worked out by hand. */
static void scores_are_those_of_the_competition(void **state)
{
	(void)state;
	static const double train[] = { 10, 12, 10, 14 }, actual[] = { 15, 13 };
	static const double point[] = { 14, 14 };
	static const double ends[5][2] = {
		{ 10, 13.5 }, { 12, 13.5 }, { 14, 14 }, { 16, 16 }, { 18, 18 }
	};
	const double *quantile[5] = { ends[0], ends[1], ends[2], ends[3], ends[4] };
	struct forecast_scored scored = { .train = train,
					  .count = 4,
					  .period = 1,
					  .horizon = 2,
					  .actual = actual,
					  .point = point,
					  .quantile = quantile };
	struct forecast_score score = { 0 }, naive2 = { 0 }, exact = { 0 };
	double made[2];
	forecast_score_add(&score, &scored);
	assert_near(forecast_score_smape(&score), (200.0 / 29 + 200.0 / 27) / 2, 1e-12);
	assert_near(forecast_score_mase(&score), 1 / (8.0 / 3), 1e-12);
	assert_near(forecast_score_msis(&score), (8 + 4.5 + 40 * 0.5) / 2 / (8.0 / 3), 1e-12);
	assert_near(forecast_score_pinball(&score), 2.9625 / 10 / (8.0 / 3), 1e-12);
	assert_true(score.intervals == 2 && score.covered_95 == 1 && score.covered_80 == 1);
	forecast_naive2(train, 4, 1, 2, made);
	assert_true(made[0] == 14 && made[1] == 14);
	forecast_score_add(&naive2, &scored);
	assert_near(forecast_score_owa(&score, &naive2), 1, 1e-12);
	scored.point = actual;
	forecast_score_add(&exact, &scored);
	assert_near(forecast_score_owa(&exact, &naive2), 0, 1e-12);
	forecast_snaive(train, 4, 2, 2, made);
	assert_true(made[0] == 10 && made[1] == 14);
	scored.period = 2; /* of which the naive error is 1 */
	scored.point = point;
	exact = (struct forecast_score){ 0 };
	forecast_score_add(&exact, &scored);
	assert_near(forecast_score_mase(&exact), 1, 1e-12);
}

/* A set's published Naive2 and sNaive rows: sMAPE and MASE, which give the OWA. */
struct published {
	const char *name;
	int period, horizon;
	double naive2[2], snaive[2], snaive_owa;
};

static struct series_table *part_of(const char *name, const char *part)
{
	const char *folder = getenv("DATA_DIR");
	struct series_table *table = NULL;
	char path[512];
	snprintf(path, sizeof path, "%s/m4/%s-%s.csv.xz",
		 folder != NULL ? folder : "../shared/data", name, part);
	if (access(path, R_OK) != 0) {
		print_message("# skipped: there is no %s\n", path);
		return NULL;
	}
	struct err *err = series_table_read(path, &table);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	return table;
}

static void reproduce(const struct published *row, const struct series_table *train,
		      const struct series_table *test)
{
	struct forecast_score naive2 = { 0 }, snaive = { 0 };
	double made[48];
	for (size_t i = 0; i < train->count; i++) {
		const struct series *from = &train->series[i];
		struct forecast_scored scored = { .train = from->values,
						  .count = from->count,
						  .period = row->period,
						  .horizon = row->horizon,
						  .point = made };
		scored.actual = series_table_find(test, from->id)->values;
		forecast_naive2(from->values, from->count, row->period, row->horizon, made);
		forecast_score_add(&naive2, &scored);
		forecast_snaive(from->values, from->count, row->period, row->horizon, made);
		forecast_score_add(&snaive, &scored);
	}
	assert_near(forecast_score_smape(&naive2), row->naive2[0], 0.0005);
	assert_near(forecast_score_mase(&naive2), row->naive2[1], 0.0005);
	assert_near(forecast_score_smape(&snaive), row->snaive[0], 0.0005);
	assert_near(forecast_score_mase(&snaive), row->snaive[1], 0.0005);
	assert_near(forecast_score_owa(&snaive, &naive2), row->snaive_owa, 0.0005);
}

static void published_rows_are_reproduced(void **state)
{
	(void)state;
	static const struct published rows[] = {
		{ "Weekly", 1, 13, { 9.161, 2.777 }, { 9.161, 2.777 }, 1 },
		{ "Hourly", 24, 48, { 18.383, 2.395 }, { 13.912, 1.193 }, 0.628 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct series_table *train = part_of(rows[i].name, "train");
		if (train == NULL)
			skip();
		struct series_table *test = part_of(rows[i].name, "test");
		assert_non_null(test);
		reproduce(&rows[i], train, test);
		series_table_free(&train);
		series_table_free(&test);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_any_length_are_read),
		cmocka_unit_test(damage_is_refused_with_its_line),
		cmocka_unit_test(nasty_series_give_numbers),
		cmocka_unit_test(what_was_foretold_exactly_has_a_scale),
		cmocka_unit_test(an_empty_series_is_named),
		cmocka_unit_test(threads_do_not_show),
		cmocka_unit_test(regressors_are_known_as_far_as_told),
		cmocka_unit_test(a_short_season_has_no_wide_interval),
		cmocka_unit_test(few_points_have_no_narrow_interval),
		cmocka_unit_test(scores_are_those_of_the_competition),
		cmocka_unit_test(published_rows_are_reproduced),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
