/* The simulated company, played: customers live, systems tell of them, the truth is noted.
 *
 * A simulation, not data: what is found with it holds for it. The same options give the same
 * deliveries in the same order, byte for byte, on every machine, and the same truth. What happens
 * (customer_step, world_step) depends on seed, accounts and months only; the other options change
 * how it is told.
 *
 * No printing, no clock. Ownership: all options are borrowed. Threads: one. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

#include "simulate/identity.h"
#include "simulate/post.h"
#include "simulate/truth.h"

enum { SIMULATION_MONTHS_MAX = 120 };

struct simulate_options {
	uint64_t seed;
	uint32_t account_count; /* 1 to IDENTITY_COUNT_MAX */
	int month_count;	/* of the calendar, 1 to SIMULATION_MONTHS_MAX */
	int64_t start_ms;	/* a Monday, 00:00 UTC */
	double unlinked, mislinked, duplicates, late, malformed; /* shares, 0 to 1 */
	bool has_outages, has_skew;
	bool has_vehicles; /* dealers sell vehicles, besides (dealers.h) */
	struct post_sink sink;	  /* send may be NULL: counted only */
	struct truth *truth;	  /* may be NULL */
	const volatile int *stop; /* non-zero: end after the day; may be NULL */
	void (*progress)(void *context, int day, int day_count); /* may be NULL */
	void *progress_context;
};

struct simulate_result {
	int day_count;
	int64_t end_ms; /* after the last day */
	bool stopped;
	struct post_counts counts[FEED_COUNT];
	int64_t account_days; /* of customers, each day that one was there */
	int64_t customers, left, left_unshown;
	int64_t left_of[CAUSE_COUNT];
	int64_t identities_linked, identities_unlinked, identities_mislinked;
};

/* Shares and switches as they are unless said otherwise; sink, truth and the like are empty. */
struct simulate_options simulate_defaults(void);

/* Days from start_ms over that many calendar months. */
int simulate_days(int64_t start_ms, int month_count);

/* Sales people of a company with so many customers. */
int simulate_sales_count(uint32_t account_count);

/* Plays it all; *result tells, after an error too, how far it came. Errors: FATAL SIMULATION_SIZE;
 * those of the sink and of truth_close. */
ERR_MUST_USE struct err *simulate_run(const struct simulate_options *options,
				      struct simulate_result *result);

#endif
