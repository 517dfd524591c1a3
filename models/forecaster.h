/* Point and quantile forecasts of one series of period totals (revenue a week, usage a day), made
 * anew each time that a period closes, at a cost that a stream can bear.
 *
 * Method: a combination of single methods (enum forecaster_member; their sources are in their own
 * headers), weighed by the inverse fourth power of their mean errors on this very series, recent
 * ones more (models/combination.h, with squared errors): of those one period ahead for the first
 * period, of those at the end of the horizon for the last one, of both between. What needs a search
 * is kept between closes: whether there is a season, the form and the smoothing parameters. What
 * follows from them by least squares or backcasting (first states, seasonal indices) is computed at
 * each close from the history as it is then, so that a corrected period corrects all that comes
 * later. Forms are searched when the history has grown by half, later every FORECASTER_SEARCH_EVERY
 * closes, and when the caller asks (a drift); parameters of the kept form every
 * FORECASTER_ESTIMATE_EVERY closes, from the kept ones. Series begin these rounds at different
 * closes, so that they don't all search at once.
 *
 * Before that the history is cleaned: a lone point farther from the median of its neighbours than
 * OUTLIER times the usual distance is replaced by it; but for the last two, of which nobody knows
 * whether they are the first of a new level. Demand with a tenth of zeros is left as it is. (A
 * cheap form of models/clean.h.)
 *
 * Where the caller's detector says that the series behaves otherwise, and it did so in one step,
 * the history before is lifted to the new level (models/level_shift.h).
 *
 * What signals from outside do to the series is estimated at each close from the history as it is
 * (models/regressors.h), taken out before all this, and put back for the periods ahead.
 *
 * Quantiles come from the errors of the forecasts that were out: models/interval.h.
 *
 * Plain data, zeroed when new. Deterministic to the bit. No allocation; some 60 KiB of stack.
 * Units: those of the series. Threads: pure functions. Errors: none. */
#ifndef MODELS_FORECASTER_H
#define MODELS_FORECASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "models/autoregression.h"
#include "models/ces.h"
#include "models/ets.h"
#include "models/intermittent.h"
#include "models/interval.h"
#include "models/level_shift.h"
#include "models/theta.h"

enum {
	FORECASTER_HORIZON_MAX = INTERVAL_HORIZON_MAX,
	FORECASTER_PERIOD_MAX = 60,
	FORECASTER_POINTS_MAX = 256,	/* older points are ignored */
	FORECASTER_RECENT_MAX = 128,	/* that smoothing and autoregression look at */
	FORECASTER_ESTIMATE_EVERY = 32, /* closes */
	FORECASTER_SEARCH_EVERY = 256,
	FORECASTER_SIGNALS_MAX = 4,
};

enum forecaster_member {
	FORECASTER_NAIVE, /* the last season again, or the last point where there is none */
	FORECASTER_SES,
	FORECASTER_ETS, /* of the series less its season */
	FORECASTER_THETA,
	FORECASTER_CES,
	FORECASTER_AUTOREGRESSION,
	FORECASTER_DEMAND, /* intermittent, where there are zeros; else the naive forecast */
	FORECASTER_MEDIAN, /* the same; of the last points */
	FORECASTER_MEMBER_COUNT
};

/* What is kept of a series between closes. */
struct forecaster {
	/* when parameters were last looked for */
	int64_t search_points; /* history then; 0: never */
	int64_t since_search, since_estimate;
	/* found by search */
	int period; /* of the season; 1: none */
	double ses_alpha;
	struct ets ets;	    /* form, alpha, beta, phi count */
	struct theta theta; /* alpha counts */
	struct ces ces;	    /* the parameter counts */
	struct autoregression autoregression;
	struct intermittent intermittent;
	/* how the members did */
	int64_t error_count;
	bool has_next;
	double next[FORECASTER_MEMBER_COUNT];  /* what they said of the open period */
	double error[FORECASTER_MEMBER_COUNT]; /* mean absolute, one period ahead */
	/* what they said of the last period of each horizon, the latest first, and how that did */
	int far_horizon, far_count;
	double far[FORECASTER_HORIZON_MAX][FORECASTER_MEMBER_COUNT];
	int64_t far_error_count;
	double far_error[FORECASTER_MEMBER_COUNT];
	struct interval interval; /* how the forecasts that were out did */
	struct level_shifts shifts;
};

struct forecaster_options {
	int horizon_count;  /* 1 to FORECASTER_HORIZON_MAX periods ahead */
	int season_period;  /* periods a season, to FORECASTER_PERIOD_MAX; 0 or 1: none known */
	uint64_t phase;	    /* any number, the same for a series at all times */
	int changed_points; /* the series behaves otherwise since so many: search now; 0: no */
	/* What is known from outside, past and future: a row of signal_count values, to
	 * FORECASTER_SIGNALS_MAX, for each of history_count + horizon_count periods. */
	const double *signals;
	int signal_count;
};

struct forecaster_result {
	int horizon_count; /* 0: there was no history */
	double size;	   /* that errors of this forecast are to be taken in proportion to */
	bool nonnegative;  /* the series never fell below 0: nor do its quantiles */
	bool estimated, searched;
	/* quantile[h - 1] is h periods ahead; finite, not decreasing */
	double quantile[FORECASTER_HORIZON_MAX][INTERVAL_QUANTILE_COUNT];
};

/* The period that was open is known: how did the members do? */
void forecaster_learn(struct forecaster *forecaster, double actual);

/* Forecasts from `history`[0..history_count), oldest first, borrowed, all finite and below 1e30
 * in size. history_count >= 0. */
void forecaster_predict(struct forecaster *forecaster, const double *history, int history_count,
			const struct forecaster_options *options, struct forecaster_result *out);

#endif
