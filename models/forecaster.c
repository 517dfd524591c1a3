/* See forecaster.h. */
#include "models/forecaster.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/combination.h"
#include "models/median.h"
#include "models/regressors.h"
#include "models/season.h"
#include "models/smoothing.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	SEARCH_POINTS_MIN = 4, /* below, there is nothing to be found */
	SES_GRID = 20,
	NEIGHBOURS = 5, /* of a point, itself included */
	CLEAN_POINTS_MIN = 10,
	OUTLIERS_PER = 10, /* more than one in so many points is a pattern */
	LEVEL_POINTS = 13,
	SIZE_POINTS = 26,
	LEARNT_MIN = 3,	  /* errors before weights differ */
	TRUSTED_MIN = 10, /* before an error is held against them */
};

static const double STRENGTH_MIN = 0.1, ZEROS_MIN = 0.1, CYCLE_WEIGHT = 0.8;
static const double OUTLIER = 12.0, USUAL = 3.0;	      /* mean distances */
static const double ERROR_FORGETTING = 0.05, ERROR_MAX = 5.0; /* of the mean */
static const double SIZE_FLOOR_SHARE = 0.2;
static const double WILD = 1e32;

struct work {
	struct forecaster *kept;
	const double *y;   /* as it is cleaned: */
	const double *raw; /* less the effect of signals */
	int count, horizon;
	double adjusted[FORECASTER_POINTS_MAX]; /* less the season, cleaned */
	const double *x;			/* the recent ones of these */
	int recent;
	bool is_sporadic, positive;
	struct regressors effects;	       /* of the signals; count 0: there are none */
	const double *signals_ahead;	       /* rows of the horizon */
	double without[FORECASTER_POINTS_MAX]; /* their effect, the series */
	double lifted[FORECASTER_POINTS_MAX];
	struct season season;
	double member[FORECASTER_MEMBER_COUNT][FORECASTER_HORIZON_MAX];
};

/* ---- cleaning ---- */

static double mean_distance(const double *distance, int count, double most)
{
	double sum = 0;
	int used = 0;
	for (int t = 0; t < count; t++) {
		double size = fabs(distance[t]);
		if (size > most)
			continue;
		sum += size;
		used++;
	}
	return used > 0 ? sum / (double)used : 0;
}

/* Replaces lone points in x but for the last ones; returns how many. */
static int clean(double *x, int count)
{
	double middle[FORECASTER_POINTS_MAX], distance[FORECASTER_POINTS_MAX];
	if (count < CLEAN_POINTS_MIN)
		return 0;
	for (int t = 0; t < count; t++) {
		int from = t - NEIGHBOURS / 2;
		from = from < 0 ? 0 : from + NEIGHBOURS > count ? count - NEIGHBOURS : from;
		middle[t] = median_of(x + from, NEIGHBOURS);
		distance[t] = x[t] - middle[t];
	}
	double most = USUAL * mean_distance(distance, count, HUGE_VAL);
	double limit = OUTLIER * mean_distance(distance, count, most);
	int found = 0, end = count - NEIGHBOURS / 2;
	for (int t = 0; t < end; t++)
		found += fabs(distance[t]) > limit;
	if (!(limit > 0) || found == 0 || found * OUTLIERS_PER > count)
		return 0;
	for (int t = 0; t < end; t++)
		if (fabs(distance[t]) > limit)
			x[t] = middle[t];
	return found;
}

static void adjust(struct work *w)
{
	season_fit(w->y, w->count, CYCLE_WEIGHT, &w->season);
	season_remove(&w->season, w->y, 0, w->count, w->adjusted);
}

static void prepare(struct work *w, const struct forecaster_options *options, bool search)
{
	struct forecaster *kept = w->kept;
	int period = options->season_period;
	w->season.logs = w->positive;
	if (search && period > 1)
		season_choose(w->y, w->count, &period, 1, STRENGTH_MIN, &w->season);
	else if (kept->period > 1)
		w->season.count = 1, w->season.period[0] = kept->period;
	w->season.logs = w->positive && w->season.count > 0;
	adjust(w);
	kept->period = w->season.count > 0 ? w->season.period[0] : 1;
	if (!w->is_sporadic && clean(w->adjusted, w->count) > 0 && w->season.count > 0) {
		double cleaned[FORECASTER_POINTS_MAX];
		const double *raw = w->y;
		season_add(&w->season, w->adjusted, 0, w->count, cleaned);
		w->y = cleaned;
		adjust(w);
		w->y = raw;
		(void)clean(w->adjusted, w->count);
	}
}

/* ---- levels that were left ---- */

static void lift(struct work *w)
{
	w->y = w->raw;
	if (w->kept->shifts.count == 0)
		return;
	level_shifts_lift(&w->kept->shifts, w->raw, w->count, w->positive, w->lifted);
	w->y = w->lifted;
}

/* By the season that prepare has found; what was found there is then prepared anew. */
static void levels_weigh(struct work *w, const struct forecaster_options *options)
{
	struct level_shifts *shifts = &w->kept->shifts;
	double plain[FORECASTER_POINTS_MAX];
	if (w->is_sporadic || (options->changed_points == 0 && !level_shifts_unsettled(shifts)))
		return;
	season_remove(&w->season, w->raw, 0, w->count, plain);
	level_shifts_weigh(shifts, plain, w->count, options->changed_points);
	lift(w);
	prepare(w, options, false);
}

/* ---- signals ---- */

static void effects_take_out(struct work *w, const struct forecaster_options *options, int skipped)
{
	struct season season = { .count = w->kept->period > 1, .period = { w->kept->period } };
	const double *rows = options->signals + skipped * options->signal_count;
	w->signals_ahead = rows + w->count * options->signal_count;
	regressors_fit(w->y, rows, w->count, options->signal_count, &season, &w->effects);
	regressors_remove(&w->effects, rows, w->y, w->count, w->without);
	w->y = w->without;
}

static void effects_put_back(struct work *w)
{
	for (int m = 0; w->effects.count > 0 && m < FORECASTER_MEMBER_COUNT; m++)
		regressors_add(&w->effects, w->signals_ahead, w->member[m], w->horizon,
			       w->member[m]);
}

/* ---- members ---- */

enum effort { REFRESH, ESTIMATE, SEARCH };

static void add_season(struct work *w, enum forecaster_member member)
{
	season_add(&w->season, w->member[member], w->count, w->horizon, w->member[member]);
}

static void naive(struct work *w)
{
	int period = w->kept->period;
	for (int h = 0; h < w->horizon; h++)
		w->member[FORECASTER_NAIVE][h] = w->adjusted[w->count - period + h % period];
	add_season(w, FORECASTER_NAIVE);
}

static void fill(struct work *w, enum forecaster_member member, double value)
{
	for (int h = 0; h < w->horizon; h++)
		w->member[member][h] = value;
}

static void ses(struct work *w, enum effort effort)
{
	double level[FORECASTER_RECENT_MAX], best = HUGE_VAL;
	for (int i = 1; effort != REFRESH && i <= SES_GRID; i++) {
		double error = smoothing_ses(w->x, w->recent, (double)i / SES_GRID, level);
		if (error < best) {
			best = error;
			w->kept->ses_alpha = (double)i / SES_GRID;
		}
	}
	double alpha = w->kept->ses_alpha > 0 ? w->kept->ses_alpha : 0.5;
	(void)smoothing_ses(w->x, w->recent, alpha, level);
	fill(w, FORECASTER_SES, level[w->recent - 1]);
}

static void smooth(struct work *w, enum effort effort)
{
	struct forecaster *kept = w->kept;
	if (effort == SEARCH) {
		ets_fit(w->x, w->recent, 1, &kept->ets);
		theta_fit(w->x, w->recent, &kept->theta);
		ces_fit(w->x, w->recent, &kept->ces);
	} else if (effort == ESTIMATE) {
		ets_estimate(&kept->ets, w->x, w->recent);
		theta_estimate(&kept->theta, w->x, w->recent);
		ces_estimate(&kept->ces, w->x, w->recent);
	} else {
		ets_refresh(&kept->ets, w->x, w->recent);
		theta_refresh(&kept->theta, w->x, w->recent);
		ces_refresh(&kept->ces, w->x, w->recent);
	}
	ets_forecast(&kept->ets, w->x, w->recent, w->horizon, w->member[FORECASTER_ETS]);
	theta_forecast(&kept->theta, w->x, w->recent, w->horizon, w->member[FORECASTER_THETA]);
	ces_forecast(&kept->ces, w->x, w->recent, w->horizon, w->member[FORECASTER_CES]);
	if (effort != REFRESH)
		autoregression_fit(w->x, w->recent, &kept->autoregression);
	autoregression_forecast(&kept->autoregression, w->x, w->recent, w->horizon,
				w->member[FORECASTER_AUTOREGRESSION]);
}

static void sporadic(struct work *w, enum effort effort)
{
	struct intermittent *kept = &w->kept->intermittent;
	const size_t size = sizeof w->member[0];
	memcpy(w->member[FORECASTER_DEMAND], w->member[FORECASTER_NAIVE], size);
	memcpy(w->member[FORECASTER_MEDIAN], w->member[FORECASTER_NAIVE], size);
	if (!w->is_sporadic)
		return;
	const double *y = w->y + w->count - w->recent;
	if (effort != REFRESH || !(kept->size_alpha > 0))
		intermittent_fit(y, w->recent, kept);
	fill(w, FORECASTER_DEMAND, intermittent_forecast(kept, y, w->recent));
	int used = w->recent < LEVEL_POINTS ? w->recent : LEVEL_POINTS;
	fill(w, FORECASTER_MEDIAN, median_of(w->x + w->recent - used, used));
}

static void forecast_each(struct work *w, enum effort effort)
{
	w->recent = w->count < FORECASTER_RECENT_MAX ? w->count : FORECASTER_RECENT_MAX;
	w->x = w->adjusted + w->count - w->recent;
	naive(w);
	ses(w, effort);
	smooth(w, effort);
	sporadic(w, effort);
	for (int m = FORECASTER_SES; m <= FORECASTER_AUTOREGRESSION; m++)
		add_season(w, (enum forecaster_member)m);
	if (w->is_sporadic)
		add_season(w, FORECASTER_MEDIAN);
	effects_put_back(w);
	for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++)
		for (int h = 0; h < w->horizon; h++)
			if (!dm_is_finite(w->member[m][h]) || fabs(w->member[m][h]) > WILD)
				w->member[m][h] = w->member[FORECASTER_NAIVE][h];
}

/* ---- effort ---- */

/* Rounds begin at another close for each series. */
static void begin_rounds(struct forecaster *kept, uint64_t phase)
{
	kept->since_estimate = (int64_t)(phase % FORECASTER_ESTIMATE_EVERY);
	kept->since_search = (int64_t)(phase / FORECASTER_ESTIMATE_EVERY % FORECASTER_SEARCH_EVERY);
}

static enum effort effort_choose(struct forecaster *kept, int count,
				 const struct forecaster_options *options)
{
	bool is_new = kept->search_points == 0;
	kept->since_search++;
	kept->since_estimate++;
	if (count < SEARCH_POINTS_MIN)
		return REFRESH;
	bool grown =
		kept->search_points < FORECASTER_RECENT_MAX && 2 * count >= 3 * kept->search_points;
	if (options->changed_points > 0 || grown || kept->since_search >= FORECASTER_SEARCH_EVERY) {
		bool in_round = kept->since_search >= FORECASTER_SEARCH_EVERY;
		kept->search_points = count;
		if (is_new)
			begin_rounds(kept, options->phase);
		else if (in_round)
			kept->since_search = 0;
		return SEARCH;
	}
	if (kept->since_estimate < FORECASTER_ESTIMATE_EVERY)
		return REFRESH;
	kept->since_estimate = 0;
	return ESTIMATE;
}

/* Before anything was searched. */
static void defaults(struct forecaster *kept)
{
	kept->period = 1;
	kept->ets = (struct ets){ .period = 1, .alpha = 0.5, .phi = 1, .aicc = HUGE_VAL };
	kept->theta.alpha = 0.5;
	kept->ces = (struct ces){ .real = 1, .imaginary = 0.9999 };
}

static double size_of(const struct work *w)
{
	int used = w->count < SIZE_POINTS ? w->count : SIZE_POINTS;
	double all = 0, recent = 0;
	for (int t = 0; t < w->count; t++)
		all += fabs(w->y[t]) / (double)w->count;
	for (int t = w->count - used; t < w->count; t++)
		recent += fabs(w->y[t]) / (double)used;
	double floor = SIZE_FLOOR_SHARE * all;
	return recent > floor ? recent : floor;
}

/* ---- weights ---- */

static void learn(double *mean, int64_t *count, const double *forecast, double actual)
{
	double weight = 1.0 / (double)(*count + 1);
	weight = weight > ERROR_FORGETTING ? weight : ERROR_FORGETTING;
	for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++) {
		double error = fabs(actual - forecast[m]), most = ERROR_MAX * mean[m];
		if (*count >= TRUSTED_MIN && most > 0 && error > most)
			error = most; /* one day must not decide between the members */
		mean[m] += weight * (error - mean[m]);
	}
	++*count;
}

void forecaster_learn(struct forecaster *kept, double actual)
{
	if (!kept->has_next)
		return;
	learn(kept->error, &kept->error_count, kept->next, actual);
	if (kept->far_horizon > 1 && kept->far_count == kept->far_horizon)
		learn(kept->far_error, &kept->far_error_count, kept->far[kept->far_count - 1],
		      actual);
	kept->has_next = false;
}

/* Squared errors at horizon h (from 0), each in proportion to that of the naive forecast there. */
static const double *errors_at(const struct work *w, int h, double *error)
{
	const struct forecaster *kept = w->kept;
	if (kept->error_count < LEARNT_MIN)
		return NULL;
	double far = kept->far_error_count >= LEARNT_MIN && w->horizon > 1
			     ? (double)h / (double)(w->horizon - 1)
			     : 0;
	double near_unit = kept->error[FORECASTER_NAIVE];
	double far_unit = kept->far_error[FORECASTER_NAIVE];
	if (!(near_unit > 0) || !(far_unit > 0))
		far = 0;
	for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++) {
		error[m] = kept->error[m];
		if (far > 0)
			error[m] = (1.0 - far) * kept->error[m] / near_unit +
				   far * kept->far_error[m] / far_unit;
		error[m] *= error[m];
	}
	return error;
}

static void combine(const struct work *w, double *point)
{
	double prior[FORECASTER_MEMBER_COUNT], weight[FORECASTER_MEMBER_COUNT];
	double error[FORECASTER_MEMBER_COUNT];
	for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++)
		prior[m] = 1.0 / FORECASTER_MEMBER_COUNT;
	for (int h = 0; h < w->horizon; h++) {
		combination_weights(prior, errors_at(w, h, error), FORECASTER_MEMBER_COUNT, weight);
		point[h] = 0;
		for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++)
			point[h] += weight[m] * w->member[m][h];
	}
}

/* What each member says now, for the closes at which it can be judged. */
static void remember(const struct work *w)
{
	struct forecaster *kept = w->kept;
	if (kept->far_horizon != w->horizon) {
		kept->far_horizon = w->horizon;
		kept->far_count = 0;
		kept->far_error_count = 0;
		memset(kept->far_error, 0, sizeof kept->far_error);
	}
	if (kept->far_count < w->horizon)
		kept->far_count++;
	memmove(kept->far[1], kept->far[0], (size_t)(kept->far_count - 1) * sizeof kept->far[0]);
	for (int m = 0; m < FORECASTER_MEMBER_COUNT; m++) {
		kept->next[m] = w->member[m][0];
		kept->far[0][m] = w->member[m][w->horizon - 1];
	}
	kept->has_next = true;
}

/* ---- the whole ---- */

void forecaster_predict(struct forecaster *kept, const double *history, int history_count,
			const struct forecaster_options *options, struct forecaster_result *out)
{
	CHECK(history_count >= 0);
	CHECK(options->horizon_count >= 1 && options->horizon_count <= FORECASTER_HORIZON_MAX);
	CHECK(options->signal_count >= 0 && options->signal_count <= FORECASTER_SIGNALS_MAX);
	CHECK(options->season_period >= 0 && options->season_period <= FORECASTER_PERIOD_MAX);
	*out = (struct forecaster_result){ .horizon_count = 0 };
	if (history_count == 0)
		return;
	int skipped =
		history_count > FORECASTER_POINTS_MAX ? history_count - FORECASTER_POINTS_MAX : 0;
	struct work w = { .kept = kept,
			  .y = history + skipped,
			  .count = history_count - skipped,
			  .horizon = options->horizon_count,
			  .positive = true };
	out->nonnegative = true;
	for (int t = 0; t < w.count; t++)
		out->nonnegative = out->nonnegative && w.y[t] >= 0;
	w.is_sporadic = intermittent_zeros(w.y, w.count) >= ZEROS_MIN;
	if (kept->search_points == 0)
		defaults(kept);
	if (options->signal_count > 0)
		effects_take_out(&w, options, skipped);
	for (int t = 0; t < w.count; t++)
		w.positive = w.positive && w.y[t] > 0;
	enum effort effort = effort_choose(kept, w.count, options);
	w.raw = w.y;
	level_shifts_age(&kept->shifts);
	lift(&w);
	prepare(&w, options, effort == SEARCH);
	levels_weigh(&w, options);
	forecast_each(&w, effort);
	double point[FORECASTER_HORIZON_MAX];
	combine(&w, point);
	remember(&w);
	out->horizon_count = w.horizon;
	out->size = size_of(&w);
	out->searched = effort == SEARCH;
	out->estimated = effort == ESTIMATE;
	interval_quantiles(&kept->interval, point, w.horizon, out->size, out->nonnegative,
			   out->quantile);
}
