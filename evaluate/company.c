#include "evaluate/company.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/account_features.h"
#include "consumers/region.h"
#include "schemas/record_plan.h"
#include "schemas/texts.h"
#include "simulate/directory.h"

enum { LOOKS_MAX = SIMULATION_DAYS_MAX / ORACLE_DAYS_BETWEEN + 1 };

struct player {
	const struct company_options *options;
	struct company_table *table;
	int day_count, day;
	struct directory *directory;
	struct record_plan *plans[FEED_COUNT];
	struct source_event event;
	struct features *features; /* of each customer */
	int *region, *segment;	   /* numbers; -1: unknown */
	struct region_state regions[REGION_COUNT];
	int region_slot[REGION_COUNT];
	int32_t *left_day;
	uint8_t *cause, *is_shown;
	float *oracle; /* look by look; negative: not there */
	struct hazard_learner learner, baseline;
	size_t look_first[LOOKS_MAX]; /* row of each look's first customer */
	int look_count, learnt_count;
	float *examples;    /* features of all rows of this company, row by row */
	size_t first, room; /* its first row in the table; rows that `examples` has room for */
	int64_t offset;	    /* of the delivery, as in a log */
};

/* ---- events ---- */

static int region_number(struct bytes code)
{
	for (int i = 0; i < REGION_COUNT; i++)
		if (bytes_equal(code, bytes_str(region_facts[i].code)))
			return i;
	return -1;
}

static void take(struct player *player, const struct source_event *event)
{
	if (region_is_subject(event)) {
		int region = region_number(event->subject);
		if (region >= 0)
			region_add(&player->regions[region], event, player->offset);
		return;
	}
	uint32_t number;
	if (!directory_find(player->directory, event->subject, &number))
		return;
	if (event->has_crm && event->crm.has_account) {
		const struct crm_account *account = &event->crm.account;
		if (account->region.len > 0)
			player->region[number] = region_number(account->region);
		if (account->segment.len > 0)
			player->segment[number] =
				features_slot(account->segment.data, account->segment.len);
	}
	account_features_add(&player->features[number], event);
}

static struct err *receive(void *context, const struct delivery *delivery)
{
	struct player *player = context;
	player->offset++;
	if (delivery->is_malformed || delivery->is_raw || delivery->is_duplicate)
		return NULL;
	struct err *err =
		record_decode(player->plans[delivery->feed], delivery->value, &player->event);
	if (err == NULL)
		take(player, &player->event);
	return err;
}

/* ---- looks ---- */

static float *features_of(struct player *player, size_t row)
{
	return player->examples + (row - player->first) * FEATURE_COUNT;
}

static struct company_row *row_new(struct player *player)
{
	struct company_table *table = player->table;
	if (table->count == table->size) {
		table->size = table->size == 0 ? 1 << 16 : table->size * 2;
		table->rows = check_realloc(table->rows, table->size * sizeof *table->rows);
		if (player->options->keep_features)
			table->features =
				check_realloc(table->features, table->size * FEATURE_COUNT *
								       sizeof *table->features);
	}
	if (table->count - player->first == player->room) {
		player->room = player->room == 0 ? 1 << 14 : player->room * 2;
		player->examples = check_realloc(
			player->examples, player->room * FEATURE_COUNT * sizeof *player->examples);
	}
	return &table->rows[table->count++];
}

/* The baseline is a logistic regression of recency, frequency, age and size alone. */
static void keep_simple(double features[FEATURE_COUNT])
{
	static const bool simple[FEATURE_COUNT] = {
		[FEATURE_NEW] = true,	  [FEATURE_AGE] = true,	       [FEATURE_SIZE] = true,
		[FEATURE_SILENCE] = true, [FEATURE_ORDER_RATE] = true, [FEATURE_ORDER_DRIFT] = true
	};
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		if (!simple[i])
			features[i] = hazard_mean(i);
}

/* The first three reasons, where they are reasons to worry. */
static void reasons_set(const struct hazard_score *score, uint8_t reasons[3])
{
	enum feature_group ranked[GROUP_COUNT];
	size_t count = hazard_rank(score, ranked);
	for (size_t i = 0; i < 3; i++)
		reasons[i] = (uint8_t)(i < count && hazard_matters(score, ranked[i]) ? ranked[i]
										     : GROUP_PEERS);
}

static void look_at(struct player *player, uint32_t number, int64_t now_ms, float oracle)
{
	double features[FEATURE_COUNT];
	struct surroundings around;
	struct hazard_score score, simple;
	struct company_row *row = row_new(player);
	int region = player->region[number];
	region_read(region < 0 ? NULL : &player->regions[region], player->offset, now_ms, &around);
	int slot = region < 0 ? -1 : player->region_slot[region];
	features_read(&player->features[number], &around, slot, player->segment[number], now_ms,
		      features);
	float *kept = features_of(player, player->table->count - 1);
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		kept[i] = (float)features[i];
	if (player->options->keep_features)
		memcpy(player->table->features + (player->table->count - 1) * FEATURE_COUNT, kept,
		       FEATURE_COUNT * sizeof *kept);
	hazard_score(&player->learner.model, features, &score);
	hazard_add_silence(&score, features_alive(&player->features[number], now_ms));
	*row = (struct company_row){ .seed = player->options->seed,
				     .day = player->day,
				     .left_day = player->left_day[number],
				     .number = number,
				     .probability = (float)score.probability,
				     .oracle = oracle,
				     .silence = (float)features[FEATURE_SILENCE],
				     .cause = player->cause[number],
				     .is_shown = player->is_shown[number],
				     .is_example = (player->look_count + (int)number) % 2 == 0 };
	reasons_set(&score, row->reasons);
	keep_simple(features);
	hazard_score(&player->baseline.model, features, &simple);
	row->baseline = (float)simple.probability;
}

/* Learns the looks whose horizon is over. */
static void learn(struct player *player)
{
	while (player->learnt_count < player->look_count) {
		size_t row = player->look_first[player->learnt_count];
		int day = (player->learnt_count + 1) * ORACLE_DAYS_BETWEEN;
		if (day + HAZARD_HORIZON_DAYS > player->day)
			return;
		size_t end = player->learnt_count + 1 < player->look_count
				     ? player->look_first[player->learnt_count + 1]
				     : player->table->count;
		for (; row < end; row++) {
			const struct company_row *example = &player->table->rows[row];
			double features[FEATURE_COUNT];
			if (!example->is_example)
				continue;
			for (size_t i = 0; i < FEATURE_COUNT; i++)
				features[i] = (double)features_of(player, row)[i];
			hazard_learn(&player->learner, features, company_left(example));
			keep_simple(features);
			hazard_learn(&player->baseline, features, company_left(example));
		}
		hazard_batch_end(&player->learner);
		hazard_batch_end(&player->baseline);
		player->learnt_count++;
	}
}

static void day_over(void *context, int day, int day_count)
{
	struct player *player = context;
	player->day = day - 1;
	if (player->day == 0 || player->day % ORACLE_DAYS_BETWEEN != 0 ||
	    player->day + HAZARD_HORIZON_DAYS >= day_count)
		return;
	learn(player);
	int64_t now_ms = simulate_defaults().start_ms + day * MS_PER_DAY;
	uint32_t count = player->options->account_count;
	const float *oracle = player->oracle + (size_t)player->look_count * count;
	player->look_first[player->look_count] = player->table->count;
	for (uint32_t i = 0; i < count; i++)
		if (oracle[i] >= 0)
			look_at(player, i, now_ms, oracle[i]);
	player->look_count++;
}

/* ---- the oracle ---- */

static void looked(void *context, int day, uint32_t number, double probability)
{
	struct player *player = context;
	size_t look = (size_t)(day / ORACLE_DAYS_BETWEEN) - 1;
	player->oracle[look * player->options->account_count + number] = (float)probability;
}

static void left(void *context, int day, uint32_t number, enum cause cause, bool is_shown)
{
	struct player *player = context;
	player->left_day[number] = day;
	player->cause[number] = (uint8_t)cause;
	player->is_shown[number] = is_shown;
}

static struct err *ask_oracle(struct player *player)
{
	const struct company_options *options = player->options;
	struct oracle_report report;
	const struct oracle_options oracle = { .seed = options->seed,
					       .account_count = options->account_count,
					       .month_count = options->month_count,
					       .start_ms = simulate_defaults().start_ms,
					       .future_count = options->future_count,
					       .stop = options->stop,
					       .looked = looked,
					       .left = left,
					       .compare_context = player };
	struct err *err = oracle_run(&oracle, &report);
	if (err == NULL && report.stopped)
		err = err_new(ERR_FATAL, "INTERRUPTED", "interrupted");
	return err;
}

/* ---- all of it ---- */

static struct err *plans_init(struct player *player)
{
	struct err *err = NULL;
	for (int feed = 0; feed < FEED_COUNT && err == NULL; feed++)
		for (size_t i = 0; i < schema_text_count && err == NULL; i++)
			if (strcmp(schema_texts[i].name, feed_facts[feed].type->name) == 0)
				err = record_plan_new(feed_facts[feed].type, schema_texts[i].text,
						      &player->plans[feed]);
	return err;
}

static void player_init(struct player *player, const struct simulate_options *simulation)
{
	uint32_t count = simulation->account_count;
	player->day_count = simulate_days(simulation->start_ms, simulation->month_count);
	size_t cells = ((size_t)player->day_count / ORACLE_DAYS_BETWEEN + 1) * count;
	player->features = check_calloc(count, sizeof *player->features);
	player->region = check_calloc(count, sizeof *player->region);
	player->segment = check_calloc(count, sizeof *player->segment);
	player->left_day = check_calloc(count, sizeof *player->left_day);
	player->cause = check_calloc(count, sizeof *player->cause);
	player->is_shown = check_calloc(count, sizeof *player->is_shown);
	player->oracle = check_calloc(cells, sizeof *player->oracle);
	for (size_t i = 0; i < cells; i++)
		player->oracle[i] = -1;
	for (int i = 0; i < REGION_COUNT; i++) {
		struct bytes code = bytes_str(region_facts[i].code);
		player->region_slot[i] = features_slot(code.data, code.len);
	}
	for (uint32_t i = 0; i < count; i++) {
		player->region[i] = player->segment[i] = -1;
		player->left_day[i] = INT32_MAX;
	}
	hazard_learner_init(&player->learner);
	hazard_learner_init_flat(&player->baseline);
	player->directory = directory_new(simulation);
}

static void player_fini(struct player *player)
{
	for (int feed = 0; feed < FEED_COUNT; feed++)
		record_plan_free(&player->plans[feed]);
	directory_free(&player->directory);
	free(player->features);
	free(player->region);
	free(player->segment);
	free(player->left_day);
	free(player->cause);
	free(player->is_shown);
	free(player->oracle);
	free(player->examples);
}

void company_table_fini(struct company_table *table)
{
	free(table->rows);
	free(table->features);
	*table = (struct company_table){ 0 };
}

struct err *company_play(const struct company_options *options, struct company_table *table)
{
	struct simulate_options simulation = simulate_defaults();
	struct simulate_result result;
	struct player *player = check_calloc(1, sizeof *player);
	simulation.seed = options->seed;
	simulation.account_count = options->account_count;
	simulation.month_count = options->month_count;
	simulation.stop = options->stop;
	simulation.sink = (struct post_sink){ receive, player };
	simulation.progress = day_over;
	simulation.progress_context = player;
	player->options = options;
	player->table = table;
	player->first = table->count;
	player_init(player, &simulation);
	struct err *err = plans_init(player);
	if (err == NULL)
		err = ask_oracle(player);
	if (err == NULL)
		err = simulate_run(&simulation, &result);
	if (err == NULL && result.stopped)
		err = err_new(ERR_FATAL, "INTERRUPTED", "interrupted");
	player_fini(player);
	free(player);
	return err;
}
