/* The churn model on the simulated company: the same features and the same learner as in the
 * stream, fed with the simulation's events, beside the oracle that knows the true hazards.
 *
 * Who is who is taken from the simulation's truth: names that no event links stay unknown. Every
 * ORACLE_DAYS_BETWEEN days each customer is looked at; the model predicts from what was delivered
 * until then, and learns an example when its HAZARD_HORIZON_DAYS are over, in the order of
 * (matured at, account). Every second look of an account is an example, by its number.
 *
 * Ownership: rows belong to the table until company_table_fini. Threads: one. */
#ifndef EVALUATE_COMPANY_H
#define EVALUATE_COMPANY_H

#include "models/hazard.h"
#include "simulate/oracle.h"

struct company_row {
	uint64_t seed;
	int32_t day, left_day; /* left_day: INT32_MAX where it has not left */
	uint32_t number;
	float probability, oracle, baseline, silence; /* silence: by own rhythm, for ranking */
	uint8_t cause, is_shown, is_example;
	uint8_t reasons[3]; /* enum feature_group, most important first; GROUP_PEERS: none */
};

struct company_table {
	struct company_row *rows;
	float *features; /* FEATURE_COUNT of each row; NULL unless asked for */
	size_t count, size;
};

struct company_options {
	uint64_t seed;
	uint32_t account_count;
	int month_count, future_count; /* future_count 0: no oracle */
	bool keep_features;
	const volatile int *stop; /* may be NULL */
};

void company_table_fini(struct company_table *table);

static inline bool company_left(const struct company_row *row)
{
	return row->left_day <= row->day + HAZARD_HORIZON_DAYS;
}

/* Plays one company and appends its looks whose horizon lies within it. Errors: of simulate_run and
 * oracle_run; FATAL INTERRUPTED. */
ERR_MUST_USE struct err *company_play(const struct company_options *options,
				      struct company_table *table);

#endif
