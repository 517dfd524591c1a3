/* How well anybody could do: the simulated company judged with its own truth.
 *
 * The oracle knows every latent cause of a customer and of the world as they are on a day, and how
 * they move, but not what chance will bring. It lets each customer live many futures from there
 * (customer_step and world_step with other random numbers) and takes the mean probability of having
 * left after ORACLE_HORIZON_DAYS. No model can rank better on average, and one that sees only
 * events must rank worse.
 *
 * The difficulty is frozen: monthly churn of ORACLE_CHURN_MIN to ORACLE_CHURN_MAX, an AUC of
 * ORACLE_AUC_MIN to ORACLE_AUC_MAX at 90 days, at least ORACLE_UNSHOWN_MIN of those who left
 * without an event that told of the cause 21 days before.
 *
 * No printing, no clock. Threads: one. */
#ifndef SIMULATE_ORACLE_H
#define SIMULATE_ORACLE_H

#include "simulate/simulate.h"

enum {
	ORACLE_HORIZON_DAYS = 90,
	ORACLE_DAYS_BETWEEN = 14, /* looks at every customer */
	ORACLE_LEAD_COUNT = 7,
	ORACLE_BUDGET_COUNT = 3,
	ORACLE_ACCOUNTS_MAX = 20000,
	ORACLE_FUTURES_MAX = 1000,
};

#define ORACLE_CHURN_MIN   0.01 /* a month */
#define ORACLE_CHURN_MAX   0.04
#define ORACLE_AUC_MIN	   0.78
#define ORACLE_AUC_MAX	   0.85
#define ORACLE_UNSHOWN_MIN 0.30

extern const int oracle_leads[ORACLE_LEAD_COUNT];	 /* days before somebody left */
extern const double oracle_budgets[ORACLE_BUDGET_COUNT]; /* share of customers that is warned of */

struct oracle_options {
	uint64_t seed;
	uint32_t account_count; /* to ORACLE_ACCOUNTS_MAX */
	int month_count;
	int64_t start_ms;
	int future_count;	  /* that each customer lives, 1 to ORACLE_FUTURES_MAX */
	const volatile int *stop; /* non-zero: end early; may be NULL */
	void (*progress)(void *context, int day, int day_count); /* may be NULL */
	void *progress_context;
	/* For who compares: each look's probability of a customer, at the end of `day`; and who
	 * left. May be NULL. */
	void (*looked)(void *context, int day, uint32_t number, double probability);
	void (*left)(void *context, int day, uint32_t number, enum cause cause, bool is_shown);
	void *compare_context;
};

struct oracle_rate {
	int64_t account_days, left;
};

struct oracle_report {
	bool stopped;
	struct oracle_rate all, regions[REGION_COUNT], segments[SEGMENT_COUNT],
		regimes[REGIME_COUNT_MAX];
	int regime_count;
	int64_t left_of[CAUSE_COUNT], unshown_of[CAUSE_COUNT];
	int64_t looks, looks_left; /* with the whole horizon in the simulation; those that left */
	double auc;		   /* of the oracle's probability; NAN where there are too few */
	double auc_today;	   /* of today's true hazard alone */
	double probability_mean;   /* of the oracle, to be held against looks_left / looks */
	/* Of those who left: share that was among the riskiest `budget` at the last look at least
	 * `lead` days before; and how many had one. */
	double warned[ORACLE_BUDGET_COUNT][ORACLE_LEAD_COUNT];
	int64_t warned_of[ORACLE_LEAD_COUNT];
	double precision[ORACLE_BUDGET_COUNT]; /* of those warned of, share that left in 90 days */
};

/* Share of customers that left, a month of 365.25 / 12 days. */
double oracle_monthly(const struct oracle_rate *rate);

/* Errors: FATAL SIMULATION_SIZE (too many accounts). */
ERR_MUST_USE struct err *oracle_run(const struct oracle_options *options,
				    struct oracle_report *report);

/* Whether each of the three frozen bounds holds. */
bool oracle_churn_holds(const struct oracle_report *report);
bool oracle_auc_holds(const struct oracle_report *report);
bool oracle_unshown_holds(const struct oracle_report *report);
double oracle_unshown(const struct oracle_report *report);

#endif
