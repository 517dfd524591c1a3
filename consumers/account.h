/* The account stage: keeps each account's state, judges it on events and on silence, and adds up
 * the amounts of the series on their way to the forecast stage.
 *
 * Two kinds of state: "account" (on the accounts topic), and "totals" (in account.meta): the
 * amounts of one series that came in since the last tick, so that the forecast stage gets one
 * record a series, partition and tick instead of one an event. */
#ifndef CONSUMERS_ACCOUNT_H
#define CONSUMERS_ACCOUNT_H

#include "consumers/churn.h"
#include "consumers/risk.h"
#include "consumers/series.h"
#include "runtime/processor.h"

struct account_options {
	struct churn_options churn;
	struct risk_options risk;
	struct series_table series;
	int64_t tick_ms;	 /* as the resolve stage has it */
	int32_t partition_count; /* of account.events: the writers of series.points */
};

struct account_stage;

/* A new stage; registry is borrowed. */
struct account_stage *account_stage_new(const struct account_options *options,
					struct registry *registry);
void account_stage_free(struct account_stage **stage);

/* The processor; its context is `stage`, which must outlive it. */
struct processor account_processor(struct account_stage *stage);

#endif
