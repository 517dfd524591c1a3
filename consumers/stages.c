#include "consumers/stages.h"

#include <stdlib.h>

#include "base/check.h"
#include "consumers/account.h"
#include "consumers/allocate.h"
#include "consumers/forecast.h"
#include "consumers/gather.h"
#include "consumers/identify.h"
#include "consumers/learn.h"
#include "consumers/levels.h"
#include "consumers/resolve.h"
#include "runtime/names.h"

const char *const stage_names[STAGE_COUNT] = { "resolve", "identify", "account", "forecast",
					       "levels",  "allocate", "gather",	 "learn" };

static const char *const logs[STAGE_COUNT] = {
	NULL,		"identity.events", "account.events", "series.points",
	"series.parts", "supply.events",   "examples",	     "lessons"
};

struct stage {
	struct stage_options options;
	struct processor processor;
	struct resolve *resolve; /* one of these */
	struct identify *identify;
	struct account_stage *account;
	struct forecast_stage *forecast;
	struct levels_stage *levels;
	struct allocate_stage *allocate;
	struct gather_stage *gather;
	struct learn_stage *learn;
	struct control_input controls[TOPICS_PER_STAGE_MAX];
	char own_input[NAME_LEN_MAX + 1];
	const char *inputs[TOPICS_PER_STAGE_MAX];
	size_t input_count;
};

static void make_resolve(struct stage *stage, struct registry *registry)
{
	const struct stage_options *options = &stage->options;
	CHECK(options->input_count <= TOPICS_PER_STAGE_MAX);
	for (size_t i = 0; i < options->input_count; i++) {
		stage->inputs[i] = options->inputs[i];
		stage->controls[i] = (struct control_input){ bytes_str(options->inputs[i]),
							     options->partition_count };
	}
	stage->input_count = options->input_count;
	const struct resolve_options resolve = { stage->controls,  options->input_count,
						 options->tick_ms, options->future_ms,
						 options->live,	   options->decisions,
						 &options->network };
	stage->resolve = resolve_new(&resolve, registry);
	stage->processor = resolve_processor(stage->resolve);
}

const char *stage_log(const char *name)
{
	for (size_t i = 0; i < STAGE_COUNT; i++)
		if (strcmp(name, stage_names[i]) == 0)
			return logs[i];
	return NULL;
}

static void read_own_log(struct stage *stage, const char *name)
{
	names_output(stage->options.app_id, stage_log(name), stage->own_input);
	stage->inputs[0] = stage->own_input;
	stage->input_count = 1;
}

static void make_identify(struct stage *stage, struct registry *registry)
{
	const struct stage_options *options = &stage->options;
	const struct identify_options identify = { options->identity_wait_ms,
						   options->identity_unknown_to_dlq,
						   options->identity_accounts,
						   options->partition_count };
	stage->identify = identify_new(&identify, registry);
	stage->processor = identify_processor(stage->identify);
}

static void make_account(struct stage *stage, struct registry *registry)
{
	const struct stage_options *options = &stage->options;
	const struct account_options account = { options->churn, options->risk, options->series,
						 options->tick_ms, options->partition_count };
	stage->account = account_stage_new(&account, registry);
	stage->processor = account_processor(stage->account);
}

static void make_forecast(struct stage *stage, struct registry *registry)
{
	const struct stage_options *options = &stage->options;
	const struct forecast_options forecast = { &options->series, &options->network,
						   options->partition_count };
	stage->forecast = forecast_stage_new(&forecast, registry);
	stage->processor = forecast_processor(stage->forecast);
}

static void make_levels(struct stage *stage, struct registry *registry)
{
	stage->levels = levels_stage_new(&stage->options.series, registry);
	stage->processor = levels_processor(stage->levels);
}

static void make_allocate(struct stage *stage, struct registry *registry)
{
	stage->allocate = allocate_stage_new(&stage->options.network, registry);
	stage->processor = allocate_processor(stage->allocate);
}

static void make_gather(struct stage *stage, struct registry *registry)
{
	stage->gather = gather_stage_new(stage->options.partition_count, registry);
	stage->processor = gather_processor(stage->gather);
}

static void make_learn(struct stage *stage, struct registry *registry)
{
	stage->learn = learn_stage_new(stage->options.activate, registry);
	stage->processor = learn_processor(stage->learn);
}

struct stage *stage_new(const char *name, const struct stage_options *options,
			struct registry *registry)
{
	struct stage *stage = check_calloc(1, sizeof *stage);
	stage->options = *options;
	if (stage_log(name) != NULL)
		read_own_log(stage, name);
	if (strcmp(name, "resolve") == 0)
		make_resolve(stage, registry);
	else if (strcmp(name, "identify") == 0)
		make_identify(stage, registry);
	else if (strcmp(name, "account") == 0)
		make_account(stage, registry);
	else if (strcmp(name, "forecast") == 0)
		make_forecast(stage, registry);
	else if (strcmp(name, "levels") == 0)
		make_levels(stage, registry);
	else if (strcmp(name, "allocate") == 0)
		make_allocate(stage, registry);
	else if (strcmp(name, "gather") == 0)
		make_gather(stage, registry);
	else if (strcmp(name, "learn") == 0)
		make_learn(stage, registry);
	CHECK(stage->input_count > 0);
	return stage;
}

void stage_free(struct stage **stage)
{
	if (*stage == NULL)
		return;
	resolve_free(&(*stage)->resolve);
	identify_free(&(*stage)->identify);
	account_stage_free(&(*stage)->account);
	forecast_stage_free(&(*stage)->forecast);
	levels_stage_free(&(*stage)->levels);
	allocate_stage_free(&(*stage)->allocate);
	gather_stage_free(&(*stage)->gather);
	learn_stage_free(&(*stage)->learn);
	free(*stage);
	*stage = NULL;
}

const struct processor *stage_processor(const struct stage *stage)
{
	return &stage->processor;
}

const char *const *stage_inputs(const struct stage *stage, size_t *count)
{
	*count = stage->input_count;
	return stage->inputs;
}

bool stage_publishes_always(const struct stage *stage)
{
	return stage->resolve != NULL;
}

uint32_t stage_cache_limit(const struct stage *stage, uint32_t entries)
{
	/* few keys, and a state is large */
	uint32_t most = stage->learn != NULL	  ? LEARN_CACHE_ENTRIES
			: stage->allocate != NULL ? ALLOCATE_CACHE_ENTRIES
						  : entries;
	return entries < most ? entries : most;
}
