/* What one customer's orders up to a moment say about the time after it: recency, frequency, own
 * rhythm, money, trend, season, and the buyer score of models/buyer.h.
 *
 * Counts and money are on a logarithmic scale (log(1 + x)), so that a linear model can use them;
 * the texts speak of the values themselves. Threads: pure. */
#ifndef EVALUATE_HISTORY_H
#define EVALUATE_HISTORY_H

#include "evaluate/orders.h"

enum history_feature {
	HISTORY_SILENCE,  /* days since the last order */
	HISTORY_ORDERS,	  /* days with an order */
	HISTORY_TENURE,	  /* days since the first one */
	HISTORY_GAP_MEAN, /* days between orders */
	HISTORY_GAP_LAST,
	HISTORY_GAP_MAX,
	HISTORY_GAP_SPREAD, /* standard deviation over mean */
	HISTORY_OVERDUE,    /* silence over the mean gap, which counts 30 days as one more gap */
	HISTORY_BEYOND,	    /* silence over the longest gap */
	HISTORY_RECENT_30,  /* orders in the last 30, 90, 180 and 365 days */
	HISTORY_RECENT_90,
	HISTORY_RECENT_180,
	HISTORY_RECENT_365,
	HISTORY_DECAYED_30, /* orders, an old one counting less */
	HISTORY_DECAYED_90,
	HISTORY_DECAYED_365,
	HISTORY_TREND, /* orders of the last 90 days over those of the 90 before */
	HISTORY_PACE,  /* orders of the last 90 days over the customer's own average */
	HISTORY_SPENT, /* money, in the currency's main unit */
	HISTORY_SPENT_90,
	HISTORY_VALUE_MEAN, /* of an order */
	HISTORY_VALUE_LAST, /* of the last one over the mean */
	HISTORY_LINES,	    /* lines an order */
	HISTORY_LINES_LAST, /* of the last order */
	HISTORY_RETURNS,    /* returns, as a share of lines */
	HISTORY_YEAR_AGO,   /* orders a year before the time asked about */
	HISTORY_BUYER,	    /* the buyer score's log odds of silence */
	HISTORY_COUNT
};

/* Fills values[HISTORY_COUNT] from the customer's orders before at_ms, NaN where nothing can be
 * said; false where there is none. first_ms: since when the file knows orders; horizon_days: how
 * far one wants to see. */
bool history_values(const struct orders *orders, uint32_t customer, int64_t at_ms, int64_t first_ms,
		    int horizon_days, double *values);

/* Whether an order comes in [at_ms, until_ms). */
bool history_orders_within(const struct orders *orders, uint32_t customer, int64_t at_ms,
			   int64_t until_ms);

/* What several features are about. Those of one kind move together, so a linear model may set them
 * against each other: as a reason, their contributions are taken as one. */
enum history_kind {
	HISTORY_KIND_RHYTHM,
	HISTORY_KIND_ORDERS,
	HISTORY_KIND_MONEY,
	HISTORY_KIND_LINES,
	HISTORY_KIND_RETURNS,
	HISTORY_KIND_COUNT
};

enum history_kind history_kind_of(size_t feature);

/* "56 days since the last order", "2.1 orders in the last 90 days". */
void history_text(size_t feature, double value, char *text, size_t text_max);

#endif
