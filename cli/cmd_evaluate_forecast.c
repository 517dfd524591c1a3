#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/forecast_orders.h"
#include "cli/forecast_regressors.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "evaluate/forecast_plot.h"
#include "evaluate/forecast_score.h"
#include "evaluate/forecast_trial.h"
#include "models/gaps.h"

static const struct args_flag flags[] = {
	{ "train", "T.csv", NULL, "series to learn from: a row each, id, then values" },
	{ "test", "S.csv", NULL, "what came after, by the same ids; for the scores alone" },
	{ "period", "M", NULL, "points of a season in MASE and Naive2 (1)" },
	{ "horizon", "H", NULL, "points to forecast; needed" },
	{ "orders", "FILE", NULL,
	  "instead: orders, whose weekly revenue is forecast by rolling origin" },
	{ "map", "MAP.json", NULL, "the mapping of that file, as for ingest" },
	{ "by", "NAMES", NULL, "its attributes to split by: country,product:2 (first 2 bytes)" },
	{ "regressors", "R.csv", NULL,
	  "what drives the series: rows NAME or NAME@ID, with the future as far as known" },
	{ "start", "DATE", NULL, "of the first values: the calendar's effects are looked for" },
	{ "step", "STEP", NULL, "with it: day, week, month, quarter or year" },
	{ "holidays", "FILE", NULL, "with it: a date a line" },
	{ "clean", NULL, NULL, "forecast without lone outliers and levels that were left" },
	{ "out", "F.csv", NULL, "write the forecasts here" },
	{ "plots", "DIR", NULL, "draw some of the series into this folder, as SVG" },
	{ "threads", "N", NULL, "as many as there are processors" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell evaluate forecast --train T.csv --test S.csv --period 12 --horizon 18",
	"foretell evaluate forecast --train T.csv.xz --horizon 13 --out F.csv --plots charts",
	"foretell evaluate forecast --train T.csv --test S.csv --horizon 4 --regressors R.csv",
	"foretell evaluate forecast --orders O.csv --map orders.json --by country,product:2",
	NULL,
};

static const struct args_spec spec = {
	.command = "evaluate forecast",
	.operands = "",
	.about = "Forecasts every series of a file and, given what came, scores the forecasts as\n"
		 "the M4 competition did, beside its naive ones and beside each single method.\n"
		 "Seasons, weights and intervals are learnt from the training file alone. Files "
		 "are\n"
		 "plain, gzip or xz. See docs/evaluate.md.",
	.flags = flags,
	.examples = examples,
	.quiet = true,
};

struct evaluation {
	const char *train_path, *test_path, *out_path, *plots_path;
	int period, horizon, threads;
	bool clean;
	struct series_table *train, *test;
	struct regressor_table *regressors; /* NULL: none */
	struct forecast_trial *trial;
	struct forecast_trial *without; /* the regressors; NULL where there are none to judge */
};

static struct err *options_read(const struct args *args, struct evaluation *e)
{
	int64_t period, horizon, threads;
	e->train_path = args_value(args, "train", NULL);
	e->test_path = args_value(args, "test", NULL);
	e->out_path = args_value(args, "out", NULL);
	e->plots_path = args_value(args, "plots", NULL);
	if (args_value(args, "by", NULL) != NULL || args_value(args, "map", NULL) != NULL)
		return err_new(ERR_FATAL, "USAGE", "--map and --by belong to --orders");
	if (e->train_path == NULL || args_value(args, "horizon", NULL) == NULL)
		return err_new(ERR_FATAL, "USAGE", "--train and --horizon are needed, or --orders");
	struct err *err = args_number(args, "period", 1, 1, SEASON_PERIOD_MAX, &period);
	if (err == NULL)
		err = args_number(args, "horizon", 0, 1, PORTFOLIO_HORIZON_MAX, &horizon);
	if (err == NULL)
		err = args_number(args, "threads", 0, 0, PARALLEL_THREADS_MAX, &threads);
	if (err != NULL)
		return err;
	e->period = (int)period;
	e->horizon = (int)horizon;
	e->threads = (int)threads;
	e->clean = args_switch(args, "clean");
	return NULL;
}

/* ---- what came ---- */

/* Every series must have its continuation, without gaps, as far as it is forecast. */
static struct err *test_check(const struct evaluation *e)
{
	for (size_t i = 0; i < e->train->count; i++) {
		const char *id = e->train->series[i].id;
		const struct series *actual = series_table_find(e->test, id);
		if (actual == NULL || actual->count < e->horizon)
			return err_new(ERR_FATAL, "SERIES_FILE",
				       "%s: %d values of series %s are needed, %d are there",
				       e->test_path, e->horizon, id,
				       actual == NULL ? 0 : actual->count);
		for (int h = 0; h < e->horizon; h++)
			if (isnan(actual->values[h]))
				return err_new(ERR_FATAL, "SERIES_FILE",
					       "%s: series %s lacks a value, so it can't be scored",
					       e->test_path, id);
	}
	return NULL;
}

/* ---- the scores ---- */

enum {
	ROW_NAIVE2,
	ROW_SNAIVE,
	ROW_METHODS,
	ROW_WITHOUT = ROW_METHODS + PORTFOLIO_METHOD_COUNT, /* regressors */
	ROW_FORETELL,
	ROW_COUNT
};

static void score_series(const struct evaluation *e, size_t i, struct forecast_score *rows)
{
	const struct series *from = &e->train->series[i];
	const struct forecast_trial_series *made = &e->trial->series[i];
	double *train = check_calloc((size_t)from->count, sizeof *train);
	double *naive = check_calloc((size_t)e->horizon, sizeof *naive);
	memcpy(train, from->values, (size_t)from->count * sizeof *train);
	(void)gaps_fill(train, from->count);
	struct forecast_scored scored = { .train = train,
					  .count = from->count,
					  .period = e->period,
					  .horizon = e->horizon,
					  .actual = series_table_find(e->test, from->id)->values };
	scored.point = naive;
	forecast_naive2(train, from->count, e->period, e->horizon, naive);
	forecast_score_add(&rows[ROW_NAIVE2], &scored);
	forecast_snaive(train, from->count, e->period, e->horizon, naive);
	forecast_score_add(&rows[ROW_SNAIVE], &scored);
	for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++) {
		scored.point = made->method[m];
		forecast_score_add(&rows[ROW_METHODS + m], &scored);
	}
	if (e->without != NULL) {
		scored.point = e->without->series[i].point;
		scored.quantile = (const double *const *)e->without->series[i].quantile;
		forecast_score_add(&rows[ROW_WITHOUT], &scored);
	}
	scored.point = made->point;
	scored.quantile = (const double *const *)made->quantile;
	forecast_score_add(&rows[ROW_FORETELL], &scored);
	free(naive);
	free(train);
}

static void row_print(const char *name, const struct forecast_score *score,
		      const struct forecast_score *naive2, const double *weight)
{
	printf("%-12s %9.3f %9.3f %7.3f", name, forecast_score_smape(score),
	       forecast_score_mase(score), forecast_score_owa(score, naive2));
	if (weight != NULL)
		printf(" %7.3f", *weight);
	printf("\n");
}

static double less(double with, double without)
{
	return without > 0 ? 100.0 * (1.0 - with / without) : 0;
}

/* The same forecast without the regressors, and what they were worth. */
static void without_print(const struct forecast_score *without, const struct forecast_score *made,
			  const struct forecast_score *naive2)
{
	row_print("without", without, naive2, NULL);
	printf("\nthe regressors make MASE %.1f %% less, sMAPE %.1f %%, the pinball loss %.1f %%\n",
	       less(forecast_score_mase(made), forecast_score_mase(without)),
	       less(forecast_score_smape(made), forecast_score_smape(without)),
	       less(forecast_score_pinball(made), forecast_score_pinball(without)));
}

static void scores_print(const struct evaluation *e)
{
	struct forecast_score rows[ROW_COUNT] = { 0 };
	for (size_t i = 0; i < e->train->count; i++)
		score_series(e, i, rows);
	const struct forecast_score *naive2 = &rows[ROW_NAIVE2], *made = &rows[ROW_FORETELL];
	printf("%-12s %9s %9s %7s %7s\n", "method", "sMAPE", "MASE", "OWA", "weight");
	row_print("Naive2", naive2, naive2, NULL);
	row_print("sNaive", &rows[ROW_SNAIVE], naive2, NULL);
	for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++)
		row_print(portfolio_method_name((enum portfolio_method)m), &rows[ROW_METHODS + m],
			  naive2, &e->trial->prior[m]);
	row_print("foretell", made, naive2, NULL);
	if (e->without != NULL)
		without_print(&rows[ROW_WITHOUT], made, naive2);
	printf("\n95 %% interval: MSIS %.3f, coverage %.2f %%   80 %% interval: coverage %.2f %%   "
	       "pinball %.4f\n",
	       forecast_score_msis(made), 100.0 * made->covered_95 / (double)made->intervals,
	       100.0 * made->covered_80 / (double)made->intervals, forecast_score_pinball(made));
	if (made->unscaled > 0)
		printf("%zu series repeat themselves exactly: they have no MASE and no MSIS\n",
		       made->unscaled);
}

static void found_print(const struct forecast_trial *trial)
{
	int outliers = 0, shifts = 0;
	for (size_t i = 0; i < trial->count; i++) {
		outliers += trial->series[i].found.outliers;
		shifts += trial->series[i].found.shifts;
	}
	printf("%d outliers put back, %d shifts of level taken out\n", outliers, shifts);
}

static void head_print(const struct evaluation *e)
{
	const struct forecast_trial *trial = e->trial;
	size_t learnt = 0;
	for (size_t i = 0; i < trial->count; i++)
		learnt += (size_t)trial->series[i].origin_count;
	printf("%zu series, horizon %d, learnt from %zu origins within them; season", trial->count,
	       trial->horizon, learnt);
	for (int k = 0; k < trial->periods.count; k++)
		printf("%s %d", k > 0 ? "," : "", trial->periods.period[k]);
	printf("%s\n", trial->periods.count == 0 ? " none" : "");
	if (e->clean)
		found_print(trial);
	printf("\n");
}

/* ---- the file ---- */

static struct err *out_write(const struct evaluation *e)
{
	FILE *file = fopen(e->out_path, "w");
	if (file == NULL)
		return err_new(ERR_FATAL, "FILE", "can't write %s: %s", e->out_path,
			       strerror(errno));
	fputs("id,step,point,q2.5,q10,q50,q90,q97.5\n", file);
	for (size_t i = 0; i < e->train->count; i++) {
		const struct forecast_trial_series *made = &e->trial->series[i];
		const char *id = e->train->series[i].id;
		for (int h = 0; h < e->horizon; h++) {
			if (strpbrk(id, ",\"") == NULL) {
				fputs(id, file);
			} else {
				fputc('"', file);
				for (const char *c = id; *c != '\0'; c++)
					fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
				fputc('"', file);
			}
			fprintf(file, ",%d,%.10g", h + 1, made->point[h]);
			for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
				fprintf(file, ",%.10g", made->quantile[q][h]);
			fputc('\n', file);
		}
	}
	bool failed = ferror(file) != 0;
	failed = fclose(file) != 0 || failed;
	return failed ? err_new(ERR_FATAL, "FILE", "can't write %s: is the disk full?", e->out_path)
		      : NULL;
}

/* ---- the whole ---- */

static void progress_show(void *context, size_t done)
{
	progress_update(context, (int64_t)done, -1);
}

static struct err *trial_run(struct evaluation *e, const struct regressor_table *regressors,
			     struct forecast_trial **trial)
{
	struct progress *progress = progress_new("forecast", "series", (int64_t)e->train->count);
	const struct forecast_trial_options options = {
		.period = e->period,
		.horizon = e->horizon,
		.clean = e->clean,
		.regressors = regressors,
		.parallel = { .threads = e->threads,
			      .progress = progress_show,
			      .progress_context = progress,
			      .stop = stop_flag() },
	};
	struct err *err = forecast_trial_run(e->train, &options, trial);
	progress_finish(&progress);
	return err;
}

static struct err *files_read(const struct args *args, struct evaluation *e)
{
	struct err *err = series_table_read(e->train_path, &e->train);
	if (err == NULL && e->test_path != NULL)
		err = series_table_read(e->test_path, &e->test);
	if (err == NULL && e->test != NULL)
		err = test_check(e);
	if (err == NULL)
		err = forecast_regressors_read(args, e->train, e->horizon, &e->regressors);
	return err;
}

static struct err *evaluate(const struct args *args, struct evaluation *e)
{
	struct err *err = files_read(args, e);
	if (err == NULL)
		err = trial_run(e, e->regressors, &e->trial);
	if (err == NULL && e->regressors != NULL && e->test != NULL)
		err = trial_run(e, NULL, &e->without);
	if (err == NULL && e->out_path != NULL)
		err = out_write(e);
	if (err == NULL && e->plots_path != NULL)
		err = forecast_plot_some(e->plots_path, e->train, e->test, e->trial);
	if (err == NULL)
		head_print(e);
	if (err == NULL && e->regressors != NULL)
		forecast_regressors_print(e->regressors, e->trial);
	if (err == NULL && e->test != NULL)
		scores_print(e);
	return err;
}

static struct err *orders(const struct args *args)
{
	static const char *const OTHERS[] = { "train",	    "test",  "period", "horizon",
					      "regressors", "start", "step",   "holidays" };
	int64_t threads;
	for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
		if (args_value(args, OTHERS[i], NULL) != NULL)
			return err_new(ERR_FATAL, "USAGE", "--orders takes no --%s", OTHERS[i]);
	if (args_switch(args, "clean"))
		return err_new(ERR_FATAL, "USAGE", "--orders takes no --clean");
	struct err *err = args_number(args, "threads", 0, 0, PARALLEL_THREADS_MAX, &threads);
	if (err != NULL)
		return err;
	const struct forecast_orders options = { .orders_path = args_value(args, "orders", NULL),
						 .map_path = args_value(args, "map", NULL),
						 .by = args_value(args, "by", NULL),
						 .out_path = args_value(args, "out", NULL),
						 .plots_path = args_value(args, "plots", NULL),
						 .threads = (int)threads };
	return forecast_orders(&options);
}

int cmd_evaluate_forecast(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	stop_install();
	struct evaluation e = { 0 };
	struct err *err = NULL;
	if (args_value(args, "orders", NULL) != NULL)
		err = orders(args);
	else if ((err = options_read(args, &e)) == NULL)
		err = evaluate(args, &e);
	forecast_trial_free(&e.trial);
	forecast_trial_free(&e.without);
	regressor_table_free(&e.regressors);
	series_table_free(&e.test);
	series_table_free(&e.train);
	args_close(&args);
	return exit_report("evaluate forecast", &err);
}
