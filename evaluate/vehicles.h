/* What signals are worth on the simulated company's vehicles (simulate/dealers.h): the same
 * forecast of each region's weekly demand with and without them, and what is lost when stock is
 * moved by it.
 *
 * Signals: the energy charged and the distance driven in the region three weeks before, and the
 * competitors' promotion that is known to run there. Rolling origin, a forecast of
 * VEHICLES_HORIZON weeks from each. The median of the portfolio's methods (models/driven.h);
 * quantiles from the ratios of actual to forecast that were known by then, of all regions.
 *
 * The same by the stream's method (models/forecaster.h), closed week by week, its signals as
 * `series deploy` fills them in: behind the last known value that one again.
 *
 * Decision: at each origin transfers and orders by models/allocate.h, from the stock that the
 * simulation has there; then the demand that came is served from what each site has by then.
 *
 * Ownership: plain data. Threads: one. Errors: those of allocate. */
#ifndef EVALUATE_VEHICLES_H
#define EVALUATE_VEHICLES_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum {
	VEHICLES_HORIZON = 4,	 /* weeks */
	VEHICLES_WEEKS_MIN = 60, /* of history before the first forecast */
	VEHICLES_WARM_UP = 12,	 /* origins whose errors only make quantiles */
	VEHICLES_WEEKS_MAX = 520,
};

enum vehicles_way {
	VEHICLES_NAIVE, /* the last week again */
	VEHICLES_PLAIN, /* the series alone */
	VEHICLES_SIGNALS,
	VEHICLES_STREAM,	 /* the series alone, by the stream's method */
	VEHICLES_STREAM_SIGNALS, /* and with signals, as they are deployed each week */
	VEHICLES_TRUTH, /* decisions only: the demand that came */
	VEHICLES_WAYS,
};

struct vehicles_score {
	int64_t forecasts;
	double absolute, actual, pinball;
	int64_t inside_80, inside_95;
	int64_t decisions;
	double wanted, lost, lost_idle, cost_minor;
	double moved, ordered;
};

/* Plays the company of that seed over so many months and adds to scores[VEHICLES_WAYS]. */
ERR_MUST_USE struct err *vehicles_play(uint64_t seed, int month_count,
				       struct vehicles_score *scores);

void vehicles_print(FILE *out, const struct vehicles_score *scores);

#endif
