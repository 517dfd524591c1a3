/* One account's purchases: their sufficient statistics, and a first churn score with reasons.
 *
 * struct buyer is plain data of fixed size, updated in place by each purchase; its owner persists
 * the fields one by one. Its decayed sums stand for the moment decay_ms and are brought forward on
 * reading, so silence costs nothing.
 *
 * The score is the probability of NO purchase within the next BUYER_HORIZON_DAYS days: a logistic
 * regression with the coefficients of buyer_prior.h, which names their data. On CDNOW, with
 * nothing later than 1997-09-30, it ranks "buys again in the 39 weeks after" with AUC .772 over
 * all 23,570 customers (recency alone .759); on UCI Online Retail, unchanged, it ranks "no purchase
 * in the next 90 days" among customers active at 2011-08-19 with AUC .757 (recency alone .600),
 * but its probabilities are about .09 too high there: trust the rank before the level elsewhere.
 * tools/fit_prior.py reproduces all of these.
 *
 * Monotone: for a fixed history the probability doesn't fall while now_ms grows, up to a rounding
 * step (1e-12). It may fall or rise with a purchase: a purchase ends the silence, but an account
 * that only ever bought much at a time looks smaller after a small order.
 *
 * Units: time int64 UTC ms, money int64 minor units, days of 86,400,000 ms, doubles only for
 * decayed sums and scores. Threads: pure functions. Errors: none; counts and sums saturate. */
#ifndef MODELS_BUYER_H
#define MODELS_BUYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/words.h"

enum {
	BUYER_HORIZON_DAYS = 90, /* the score's "next 90 days" */
	BUYER_DECAY_COUNT = 3,	 /* decayed order counts kept, see BUYER_DECAY_* */
	BUYER_ALERT_ORDERS_MIN = 3,
};

/* Index of a decayed count; an order of age a counts e^(-a / 30, 90 or 365 days). */
enum buyer_decay { BUYER_DECAY_30, BUYER_DECAY_90, BUYER_DECAY_365 };

/* All zero is an account without a purchase. */
struct buyer {
	int64_t order_count; /* purchase occasions: all events of one UTC day are one */
	int64_t event_count; /* purchases as they came, >= order_count */
	int64_t first_ms;    /* earliest and latest purchase; 0 while order_count is 0 */
	int64_t last_ms;
	int64_t sum_minor; /* amounts of purchases less refunds, saturating */
	int64_t decay_ms;  /* the moment at which decayed[] holds; the latest one applied */
	double decayed[BUYER_DECAY_COUNT]; /* in enum buyer_decay order */
};

/* What a contribution is about, in the order in which contributions are added to the base. */
enum buyer_reason {
	BUYER_REASON_OVERDUE, /* silence against the account's own rhythm */
	BUYER_REASON_FADING,  /* few orders lately: count decayed by 90 days */
	BUYER_REASON_FEW,     /* few orders at all */
	BUYER_REASON_SMALL,   /* small orders on average */
	BUYER_REASON_COUNT
};

/* Why a score is good for ranking only and must not raise an alert. */
enum buyer_abstain {
	BUYER_ABSTAIN_NO,
	BUYER_ABSTAIN_NO_ORDERS,  /* nothing bought yet: probability is the reference account's */
	BUYER_ABSTAIN_FEW_ORDERS, /* below BUYER_ALERT_ORDERS_MIN: no rhythm to be broken */
	BUYER_ABSTAIN_SLOW_RHYTHM /* own mean gap exceeds the horizon: silence for it is normal */
};

struct buyer_score {
	double probability; /* of no purchase in (now, now + horizon], 0 to 1 */
	double margin;	    /* its log odds */
	double base_margin; /* log odds of the reference account, see buyer_prior.h */
	/* ((base_margin + c[0]) + c[1]) + ... in index order is bit for bit the margin; a positive
	 * contribution speaks for churn, compared with the reference account. */
	double contribution[BUYER_REASON_COUNT];
	/* The reasons, the one that speaks most for churn first; equal ones in enum order. */
	enum buyer_reason ranked[BUYER_REASON_COUNT];
	enum buyer_abstain abstain;
	/* The account's own values, for showing. */
	double silence_days;  /* since the last purchase, >= 0 */
	double gap_days_mean; /* between orders; 0 while there is none */
	double recent_orders; /* decayed by 90 days, at now */
	int64_t order_count;
	int64_t order_minor_mean; /* mean value of an order, >= 0, rounded down */
};

/* Applies a purchase of `amount_minor` at `at_ms` that stands for `event_count` >= 1 events. A
 * negative amount is a refund: it lowers sum_minor and changes nothing else. Late purchases are
 * welcome: first_ms and the decayed sums come out as if in order; only whether a late purchase's
 * day was already counted isn't remembered, except for the days of first_ms and last_ms, so a
 * second purchase of a day in between counts as an occasion of its own. */
void buyer_update(struct buyer *buyer, int64_t at_ms, int64_t amount_minor, int64_t event_count);

/* What two accounts bought becomes one: counts and sums add, decayed counts add as of the later of
 * their moments. Occasions on the same day of both count twice, since days aren't remembered. */
void buyer_merge(struct buyer *into, const struct buyer *from);

/* A moment up to which the margin stays below `margin` if nothing is bought: a lower bound of the
 * true one, at least now_ms. `score` is the account's at `now_ms`, which is not before its last
 * purchase; an infinite margin is never reached (INT64_MAX).
 *
 * Bound: margin(s) <= m + a (sqrt(s) - sqrt(s0)) + k (s - s0) for a silence of s >= s0 days, with
 * the overdue term as it is and for the fading term its slope at s0, where it is steepest; solved
 * for margin - m, less 1e-9 for rounding. */
int64_t buyer_quiet_until(const struct buyer *buyer, const struct buyer_score *score,
			  int64_t now_ms, double margin);

/* The decayed order count at `now_ms`; a moment before decay_ms is taken as decay_ms. */
double buyer_decayed(const struct buyer *buyer, enum buyer_decay decay, int64_t now_ms);

/* Scores the account at `now_ms`. With a `now_ms` before its last purchase the silence is 0.
 *
 * Formula: margin = base + sum of weight x (feature - the reference account's), with features
 * sqrt(silence / shrunk gap), shrunk gap = (last - first + 30 days) / orders (the "30 days" as one
 * more gap is a prior, as in a gamma-Poisson rate); -log(1 + decayed 90-day count); -log orders;
 * -log(1 + min(mean order / typical order, 32)). The probability is 1 / (1 + e^-margin). */
void buyer_score(const struct buyer *buyer, int64_t now_ms, struct buyer_score *out);

/* A sentence for a reason with the account's own values, in English and Chinese, onto words.
 * `currency` is a code to print with money, such as "USD", and `minor_digits` its decimals, 0 to 4.
 */
void buyer_reason_say(const struct buyer_score *score, enum buyer_reason reason,
		      const char *currency, int minor_digits, struct words *words);

/* Stable upper-case name of a reason ("OVERDUE") or of an abstention ("FEW_ORDERS", "NO"), for
 * schemas and logs. Borrowed, static. */
const char *buyer_reason_name(enum buyer_reason reason);
const char *buyer_abstain_name(enum buyer_abstain abstain);

/* True if the fields can have come from buyer_update: what a decoder asks of persisted bytes. */
bool buyer_is_valid(const struct buyer *buyer);

/* Names the coefficients in use, e.g. "cdnow-1997-06-30/09e6c93e". Borrowed, static. */
const char *buyer_model_id(void);

#endif
