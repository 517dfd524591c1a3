/* What is true of the simulated company, written beside its events: tables of comma-separated
 * values with a header line each, and a manifest in JSON.
 *
 *   identities.csv     who is who: each name of each customer, and how it is linked
 *   hazards.csv        the true daily hazards and latent causes of each customer, once a week
 *   churn.csv          who left, when, of what cause, whether an event had told of it
 *   opportunities.csv  each deal's true probability of being won, when opened and when closed
 *   anomalies.csv      each planted anomaly;  shipments.csv: each diverted shipment
 *   regimes.csv, outages.csv
 *
 * Times are ISO 8601 in UTC, hazards are a day, probabilities 0 to 1. No text needs quotes.
 *
 * Ownership: a truth owns its files. Threads: one. Errors: FATAL SIMULATION_FILE, kept until
 * truth_close: rows after it are dropped. */
#ifndef SIMULATE_TRUTH_H
#define SIMULATE_TRUTH_H

#include "base/err.h"
#include "simulate/identity.h"

enum truth_table {
	TRUTH_IDENTITIES,
	TRUTH_HAZARDS,
	TRUTH_CHURN,
	TRUTH_OPPORTUNITIES,
	TRUTH_ANOMALIES,
	TRUTH_SHIPMENTS,
	TRUTH_REGIMES,
	TRUTH_OUTAGES,
	TRUTH_TABLE_COUNT,
};

struct truth;

/* A new truth in `folder`, which exists; files that are there are replaced. */
ERR_MUST_USE struct err *truth_open(const char *folder, struct truth **truth);

/* One row: begin, its fields in the order of the header, end. NULL-safe: without a truth nothing is
 * written. Texts are borrowed; decimals have nine places. */
void truth_begin(struct truth *truth, enum truth_table table);
void truth_text(struct truth *truth, const char *text);
void truth_int(struct truth *truth, int64_t value);
void truth_decimal(struct truth *truth, double value);
void truth_time(struct truth *truth, int64_t ms);
void truth_end(struct truth *truth);

int64_t truth_rows(const struct truth *truth, enum truth_table table); /* 0 for NULL */
const char *truth_table_name(enum truth_table table);		       /* "churn" */

/* Flushes and closes; NULL-safe, *truth becomes NULL. Returns the first error of all. */
ERR_MUST_USE struct err *truth_close(struct truth **truth);

#endif
