/* What is known of an account for judging whether it leaves: signals as they come in, and the
 * features that the models of churn read.
 *
 * Each signal keeps decayed counts and sums at three horizons, so the state has a fixed size
 * whatever comes. Rates are shrunk: a decayed sum is divided by the span that it can have seen,
 * with a little of what is usual added to both, so that a young or quiet account stands in the
 * middle. Trends compare an account with itself: the last weeks with its last year.
 *
 * Ownership: plain data, zeroed when new. Threads: pure. Times are UTC ms. Errors: none. */
#ifndef MODELS_FEATURES_H
#define MODELS_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum signal {
	SIGNAL_ORDER,	     /* value: 1 */
	SIGNAL_USE,	     /* of the product; value: uses */
	SIGNAL_VISIT,	     /* of the web site */
	SIGNAL_READING,	     /* of a device; value: the measured level */
	SIGNAL_CHARGING,     /* a charging session */
	SIGNAL_TICKET,	     /* opened */
	SIGNAL_ANSWER,	     /* to a ticket; value: hours that it took */
	SIGNAL_ESCALATION,   /* of a ticket */
	SIGNAL_SATISFACTION, /* value: the answer, 0 to 1 */
	SIGNAL_DELIVERY,     /* value: days late, 0 where in time */
	SIGNAL_FAULT,	     /* of a device */
	SIGNAL_MAIL,	     /* sent to the account; value: 1 */
	SIGNAL_MAIL_OPENED,
	SIGNAL_PAYMENT, /* value: days after it was due, negative: before */
	SIGNAL_OVERDUE,
	SIGNAL_ACTIVITY, /* of a sales person */
	SIGNAL_WON,	 /* a deal */
	SIGNAL_LOST,
	SIGNAL_RETURN,
	SIGNAL_PRICE,	 /* of what it buys; value: change in per cent */
	SIGNAL_SEATS,	 /* in use, as a share of those of its plan */
	SIGNAL_INTEREST, /* it looked at prices or at sales content */
	SIGNAL_COUNT,
};

enum horizon { HORIZON_WEEKS, HORIZON_QUARTER, HORIZON_YEAR, HORIZON_COUNT };

/* Decayed to last_ms; days of horizon h: features_horizon_days[h]. */
struct trace {
	int64_t first_ms, last_ms;
	uint32_t count; /* saturates */
	float counts[HORIZON_COUNT], sums[HORIZON_COUNT];
};

extern const double features_horizon_days[HORIZON_COUNT];

/* 0 in a time: not known. */
struct features {
	int64_t first_ms;		/* a customer since */
	int64_t renewal_ms;		/* the next one that was told */
	int64_t ended_ms;		/* the contract's end */
	int64_t seats_cut_ms;		/* seats were last reduced */
	int64_t sign_first_ms, sign_ms; /* the first and last thing that the account itself did */
	int64_t sign_days;		/* on which it did anything */
	int64_t seats, seats_usual, seats_active, employees;
	double cut_share;	     /* of seats, the last time */
	double late_days;	     /* of the last late delivery */
	double price_percent, score; /* the last ones */
	bool is_subscriber;
	struct trace traces[SIGNAL_COUNT];
};

/* One signal; earlier ones than the last count as if they came with it. */
void features_add(struct features *features, enum signal signal, int64_t at_ms, double value);

void features_seats(struct features *features, int64_t at_ms, int64_t seats);

/* What both knew, in one: decayed sums at the later time of the two, the earliest first, the latest
 * last. Days on which both were active count twice. */
void features_merge(struct features *into, const struct features *from);

/* What surrounds an account at a moment: of its region. */
struct surroundings {
	double promotion;      /* a competitor's offer that runs, per cent; 0: none */
	double promotions;     /* per cent, decayed over a quarter since each began */
	double promotion_days; /* that it still runs */
	double climate;	       /* of business, in tenths of the usual level; 0: usual or unknown */
};

/* Features in groups: a group is one reason that people are told. */
enum feature {
	/* what kind of account it is: its peers */
	FEATURE_NEW,
	FEATURE_AGE,
	FEATURE_SIZE,
	FEATURE_SUBSCRIBER,
	FEATURE_DEVICES,
	FEATURE_SEASON_SIN,
	FEATURE_SEASON_COS,
	FEATURE_CLIMATE,
	FEATURE_ORDER_RATE,
	FEATURE_LEVEL, /* 1: the company as it is now */
	FEATURE_REGION_FIRST,
	FEATURE_REGION_LAST = FEATURE_REGION_FIRST + 15,
	FEATURE_SEGMENT_FIRST,
	FEATURE_SEGMENT_LAST = FEATURE_SEGMENT_FIRST + 7,
	/* renewal */
	FEATURE_RENEWAL_SOON,
	FEATURE_RENEWAL_NEAR,
	/* usage */
	FEATURE_SILENCE,
	FEATURE_ORDER_TREND,
	FEATURE_ORDER_DRIFT,
	FEATURE_USE_TREND,
	FEATURE_USE_DRIFT,
	FEATURE_USE_LEVEL,
	FEATURE_VISIT_TREND,
	FEATURE_VISIT_DRIFT,
	FEATURE_READING_TREND,
	FEATURE_READING_DRIFT,
	FEATURE_CHARGING_LEVEL,
	FEATURE_VISIT_LEVEL,
	FEATURE_SEATS_CUT,
	/* service */
	FEATURE_LATE_WEEKS,
	FEATURE_LATE_QUARTER,
	FEATURE_FAULT_WEEKS,
	FEATURE_FAULT_QUARTER,
	FEATURE_ESCALATION_WEEKS,
	FEATURE_LOAD,
	FEATURE_LOAD_SQUARE,
	FEATURE_LOAD_DISCONTENT,
	/* satisfaction */
	FEATURE_SCORE,
	FEATURE_SCORE_RECENT,
	FEATURE_ANSWER,
	FEATURE_ESCALATION_YEAR,
	FEATURE_TICKET_RATE,
	FEATURE_TICKET_TREND,
	FEATURE_MAIL_LEVEL,
	FEATURE_MAIL_TREND,
	FEATURE_RETURN,
	FEATURE_PAYMENT,
	FEATURE_PAYMENT_TREND,
	FEATURE_OVERDUE,
	FEATURE_WON,
	FEATURE_LOST,
	FEATURE_ACTIVITY,
	FEATURE_USE_RATE,
	FEATURE_SEATS,
	/* price */
	FEATURE_PRICE_GAP,
	FEATURE_PRICE_WEEKS,
	FEATURE_PRICE_PROMOTION,
	/* competitors */
	FEATURE_PROMOTION,
	FEATURE_PROMOTIONS,
	FEATURE_EXPOSURE,
	FEATURE_PROMOTION_DISCONTENT,
	FEATURE_COUNT,
};

/* The causes of which something tells that one could show, as bits 1 << group: a late delivery, a
 * fault, an escalation, a bad rating, less use, seats given up, a price rise, a competitor's offer,
 * about the last 120 days. */
unsigned features_signs(const double features[FEATURE_COUNT]);

/* "new", "age", ...: as lessons are exported, and a model that is brought calls them. */
extern const char *const features_names[FEATURE_COUNT];

enum feature_group {
	GROUP_PEERS,
	GROUP_RENEWAL,
	/* causes, which add up: see models/hazard.h */
	GROUP_CAUSE_FIRST,
	GROUP_USAGE = GROUP_CAUSE_FIRST,
	GROUP_SERVICE,
	GROUP_SATISFACTION,
	GROUP_PRICE,
	GROUP_COMPETITOR,
	GROUP_CAUSE_LAST = GROUP_COMPETITOR,
	GROUP_SILENCE, /* of the whole account: no feature, see hazard_add_silence */
	GROUP_COUNT,
};

/* The first feature of each group, and the end of the last: a group's features stand together. */
extern const size_t features_first[GROUP_SILENCE + 1];

/* A number for a name such as a region's or a segment's, for features_read. The same everywhere and
 * for good (FNV-1a), since models learn by it. */
int features_slot(const uint8_t *name, size_t len);

/* The features at `now_ms`, not before the last signal. `region` and `segment` are numbers of
 * features_slot; -1: unknown. */
void features_read(const struct features *features, const struct surroundings *surroundings,
		   int region, int segment, int64_t now_ms, double out[FEATURE_COUNT]);

/* The usual distance of orders, days; 0 where there are none. */
double features_gap_days(const struct features *features);

/* How long the account itself has done nothing, days; and how often it usually does anything, days
 * between two active days. 0: it never did anything. */
double features_silence_days(const struct features *features, int64_t now_ms);
double features_sign_days(const struct features *features);

/* The probability that the account is still there, given how long it has been silent against its
 * own rhythm: 1 / (1 + m / (l + m) (e^((l + m) s) - 1)) with active days at rate l, leaving at rate
 * m and a silence of s days (D. C. Schmittlein, D. G. Morrison and R. Colombo, "Counting your
 * customers", 1987, equation 11, for known rates). A day or a weekend says nothing. */
double features_alive(const struct features *features, int64_t now_ms);

#endif
