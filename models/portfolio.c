/* See portfolio.h. */
#include "models/portfolio.h"

#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "models/autoregression.h"
#include "models/ces.h"
#include "models/ets.h"
#include "models/intermittent.h"
#include "models/lagged.h"
#include "models/median.h"
#include "models/smoothing.h"
#include "models/theta.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	MEMORY_POINTS_MIN = 200, /* with fewer, each new point changes the parameters */
	MEDIAN_POINTS = 8,
	MEDIAN_RARE_POINTS = 13, /* where there are zeros */
	SES_POINTS = 200,
};

static const double STRENGTH_MIN = 0.1, ZEROS_MIN = 0.1;
static const double CYCLE_WEIGHT = 0.8, RIDGE = 0.05, LAGGED_MEMORY = 0.999;

struct work {
	const double *y;
	int skipped, count, horizon;
	struct portfolio_memory *memory; /* may be NULL */
	bool positive;
	struct season season;
	double adjusted[PORTFOLIO_POINTS_MAX];
	double *out;
};

static double *out_of(struct work *w, enum portfolio_method method)
{
	return w->out + (size_t)method * (size_t)w->horizon;
}

static void naive(struct work *w)
{
	double *out = out_of(w, PORTFOLIO_NAIVE);
	int period = w->season.count > 0 ? w->season.period[w->season.count - 1] : 1;
	for (int h = 0; h < w->horizon; h++)
		out[h] = w->y[w->count - period + h % period];
}

static void season_back(struct work *w, double *out)
{
	season_add(&w->season, out, w->count, w->horizon, out);
}

static void ets(struct work *w)
{
	double *out = out_of(w, PORTFOLIO_ETS);
	bool in_model = w->season.count == 1 && w->season.period[0] <= ETS_PERIOD_MAX;
	int period = in_model ? w->season.period[0] : 1;
	const double *y = in_model ? w->y : w->adjusted;
	struct portfolio_memory new = { .skipped = w->skipped, .period = period };
	struct portfolio_memory *memory =
		w->memory != NULL && w->count >= MEMORY_POINTS_MIN ? w->memory : &new;
	if (!memory->known || memory->skipped != new.skipped || memory->period != period) {
		*memory = new;
		memory->known = true;
		ets_fit(y, w->count, period, &memory->ets);
	}
	ets_forecast(&memory->ets, y, w->count, w->horizon, out);
	if (!in_model)
		season_back(w, out);
}

static void ses(struct work *w)
{
	double level[SES_POINTS];
	double *out = out_of(w, PORTFOLIO_SES);
	int n = w->count < SES_POINTS ? w->count : SES_POINTS;
	out[0] = smoothing_ses_best(w->adjusted + w->count - n, n, level);
	for (int h = 1; h < w->horizon; h++)
		out[h] = out[0];
	season_back(w, out);
}

static void theta(struct work *w)
{
	struct theta model;
	double *out = out_of(w, PORTFOLIO_THETA);
	theta_fit(w->adjusted, w->count, &model);
	theta_forecast(&model, w->adjusted, w->count, w->horizon, out);
	season_back(w, out);
}

static void ces(struct work *w)
{
	struct ces model;
	double *out = out_of(w, PORTFOLIO_CES);
	ces_fit(w->adjusted, w->count, &model);
	ces_forecast(&model, w->adjusted, w->count, w->horizon, out);
	season_back(w, out);
}

static void autoregression(struct work *w)
{
	struct autoregression model;
	double *out = out_of(w, PORTFOLIO_AUTOREGRESSION);
	autoregression_fit(w->adjusted, w->count, &model);
	autoregression_forecast(&model, w->adjusted, w->count, w->horizon, out);
	season_back(w, out);
}

static void lagged(struct work *w)
{
	double *out = out_of(w, PORTFOLIO_LAGGED);
	struct lagged_options options = { .period_count = w->season.count,
					  .logs = w->positive,
					  .ridge = RIDGE,
					  .memory = LAGGED_MEMORY };
	memcpy(options.period, w->season.period, sizeof options.period);
	if (!lagged_forecast(w->y, w->count, &options, w->horizon, out))
		memcpy(out, out_of(w, PORTFOLIO_NAIVE), (size_t)w->horizon * sizeof *out);
}

static void intermittent(struct work *w)
{
	struct intermittent model;
	double *out = out_of(w, PORTFOLIO_INTERMITTENT);
	memcpy(out, out_of(w, PORTFOLIO_NAIVE), (size_t)w->horizon * sizeof *out);
	if (intermittent_zeros(w->y, w->count) < ZEROS_MIN)
		return;
	intermittent_fit(w->y, w->count, &model);
	double flat = intermittent_forecast(&model, w->y, w->count);
	for (int h = 0; h < w->horizon; h++)
		out[h] = flat;
}

static void median(struct work *w)
{
	double last[MEDIAN_RARE_POINTS];
	double *out = out_of(w, PORTFOLIO_MEDIAN);
	bool is_rare = intermittent_zeros(w->y, w->count) >= ZEROS_MIN;
	int most = is_rare ? MEDIAN_RARE_POINTS : MEDIAN_POINTS;
	int n = w->count < most ? w->count : most;
	memcpy(last, w->adjusted + w->count - n, (size_t)n * sizeof *last);
	double middle = median_sort(last, n);
	for (int h = 0; h < w->horizon; h++)
		out[h] = middle;
	season_back(w, out);
}

static void replace_wild(struct work *w)
{
	const double *safe = out_of(w, PORTFOLIO_NAIVE);
	for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++)
		for (int h = 0; h < w->horizon; h++) {
			double *value = out_of(w, (enum portfolio_method)m) + h;
			if (!dm_is_finite(*value) || fabs(*value) > 1e32)
				*value = safe[h];
		}
}

void portfolio_forecast(const double *y, int count, const struct portfolio_periods *periods,
			int horizon, struct portfolio_memory *memory, double *out)
{
	CHECK(count >= 1 && horizon >= 1 && horizon <= PORTFOLIO_HORIZON_MAX);
	struct work w = { .horizon = horizon, .memory = memory, .out = out, .positive = true };
	int skipped = count > PORTFOLIO_POINTS_MAX ? count - PORTFOLIO_POINTS_MAX : 0;
	w.skipped = skipped;
	w.y = y + skipped;
	w.count = count - skipped;
	for (int t = 0; t < w.count; t++)
		w.positive = w.positive && w.y[t] > 0;
	w.season.logs = w.positive;
	season_choose(w.y, w.count, periods->period, periods->count, STRENGTH_MIN, &w.season);
	season_fit(w.y, w.count, CYCLE_WEIGHT, &w.season);
	season_remove(&w.season, w.y, 0, w.count, w.adjusted);
	naive(&w);
	ses(&w);
	ets(&w);
	theta(&w);
	ces(&w);
	autoregression(&w);
	lagged(&w);
	intermittent(&w);
	median(&w);
	replace_wild(&w);
}

const char *portfolio_method_name(enum portfolio_method method)
{
	static const char *const NAMES[] = { "naive", "ses",	"ets",	  "theta",  "ces",
					     "ar",    "lagged", "demand", "median" };
	CHECK((int)method >= 0 && method < PORTFOLIO_METHOD_COUNT);
	return NAMES[method];
}
