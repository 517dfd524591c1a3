/* The stages by name: what each reads, how it runs, and its processor. */
#ifndef CONSUMERS_STAGES_H
#define CONSUMERS_STAGES_H

#include "consumers/churn.h"
#include "consumers/decisions.h"
#include "consumers/network.h"
#include "consumers/risk.h"
#include "consumers/series.h"
#include "runtime/processor.h"

enum {
	STAGE_COUNT = 8,
	STAGE_RESOLVE = 0,
	STAGE_IDENTIFY,
	STAGE_ACCOUNT,
	STAGE_FORECAST,
	STAGE_LEVELS,
	STAGE_ALLOCATE, /* only where there is a network */
	STAGE_GATHER,
	STAGE_LEARN,
	LEARN_CACHE_ENTRIES = 1000,
	ALLOCATE_CACHE_ENTRIES = 4000
};

/* In the order in which events flow through them. */
extern const char *const stage_names[STAGE_COUNT];

struct stage_options {
	const char *app_id;
	const char *const *inputs; /* of the line: topic names; borrowed */
	size_t input_count;
	int32_t partition_count; /* of every topic */
	int64_t tick_ms, future_ms;
	bool live; /* clock=live */
	int64_t identity_wait_ms;
	bool identity_unknown_to_dlq;
	uint32_t identity_accounts; /* as identify_options.accounts */
	struct churn_options churn;
	struct risk_options risk;
	struct decisions *decisions; /* about names; borrowed; NULL: none */
	bool activate; /* a learnt model becomes active by itself */
	struct series_table series;
	struct network network; /* of allocations */
};

struct stage;

/* A new stage; name is one of stage_names, options are copied, registry is borrowed. */
struct stage *stage_new(const char *name, const struct stage_options *options,
			struct registry *registry);
void stage_free(struct stage **stage);

const struct processor *stage_processor(const struct stage *stage); /* borrowed */

/* The log that a stage reads, by its logical name; NULL: the inputs. */
const char *stage_log(const char *name);

/* Full names of the topics that it reads; borrowed. */
const char *const *stage_inputs(const struct stage *stage, size_t *count);

/* Whether every state must go with its commit, whatever checkpoint.interval.ms says. */
bool stage_publishes_always(const struct stage *stage);

/* How many states a worker of the stage keeps in memory, where `entries` were asked for. */
uint32_t stage_cache_limit(const struct stage *stage, uint32_t entries);

#endif
