#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "runtime/names.h"
#include "schemas/types.h"
#include "tests/sim/clean.h"
#include "tests/sim/lines.h"
#include "tests/sim/oracle.h"

enum {
	STEPS_MIN = 40,
	STEPS_SPREAD = 120,
	RECORDS_MAX = 4, /* of one step */
	WRITERS_COUNT_MAX = 2,
	KEYS_MAX = 30,
	READ_MAX = 64,
	UPGRADES_CHANCE = 5,
};

enum step_kind { STEP_PLAIN, STEP_COMMITTED, STEP_ABORTED };

struct piece {
	char key[DRAFT_KEY_MAX];
	uint8_t value[DRAFT_VALUE_MAX];
	size_t value_len;
};

struct step {
	enum step_kind kind;
	int32_t partition;
	size_t count;
	struct piece pieces[RECORDS_MAX];
};

struct plan {
	const struct subject *subject;
	int32_t partition_count;
	struct step *steps;
	size_t step_count, upgrade_step;
	struct registry *registry;
	char *expected; /* NULL: nobody has asked yet */
};

/* ---- the input ------------------------------------------------------------------------------ */

/* What a partition's writers have come to. */
struct drawing {
	const struct plan *plan;
	struct draft draft;
	int32_t writer_count;
};

static void put_control(struct drawing *drawing, struct piece *piece, const struct control *control)
{
	struct err *err = registry_encode(drawing->plan->registry, drawing->plan->subject->input,
					  &control_type, control, piece->value, sizeof piece->value,
					  &piece->value_len);
	CHECK(err == NULL);
	snprintf(piece->key, sizeof piece->key, "c");
}

static void put_inputs(struct drawing *drawing, struct piece *piece, int32_t writer_count)
{
	struct control control = { .kind = CONTROL_INPUTS,
				   .writer = bytes_str(""),
				   .input_count = 1 };
	control.inputs[0] = (struct control_input){ bytes_str("src"), writer_count };
	put_control(drawing, piece, &control);
	drawing->writer_count = writer_count;
}

static void put_tick(struct drawing *drawing, struct piece *piece)
{
	char name[16];
	uint32_t writer = prng_below(drawing->draft.prng, (uint32_t)drawing->writer_count);
	snprintf(name, sizeof name, "src/%" PRIu32, writer);
	const struct control control = { .kind = CONTROL_TICK,
					 .writer = bytes_str(name),
					 .at_ms = drawing->draft.now_ms,
					 .ingest_ms = drawing->draft.now_ms };
	put_control(drawing, piece, &control);
}

static void put_event(struct drawing *drawing, struct piece *piece)
{
	struct draft *draft = &drawing->draft;
	draft->serial++;
	drawing->plan->subject->draw(draft);
	memcpy(piece->key, draft->key, sizeof piece->key);
	memcpy(piece->value, draft->value, draft->value_len);
	piece->value_len = draft->value_len;
}

static void put_poison(struct drawing *drawing, struct piece *piece)
{
	snprintf(piece->key, sizeof piece->key, "bad");
	piece->value_len = (size_t)snprintf((char *)piece->value, sizeof piece->value,
					    "poison %" PRIu64, ++drawing->draft.serial);
}

static void put_piece(struct drawing *drawing, struct piece *piece)
{
	struct prng *prng = drawing->draft.prng;
	uint32_t what = prng_below(prng, 40);
	if (what < 5)
		put_tick(drawing, piece);
	else if (what == 5)
		put_poison(drawing, piece);
	else if (what == 6 && prng_below(prng, 8) == 0)
		put_inputs(drawing, piece, 1 + (int32_t)prng_below(prng, 2));
	else
		put_event(drawing, piece);
}

static struct drawing drawing_of(const struct plan *plan, struct prng *prng, int32_t partition)
{
	return (struct drawing){ .plan = plan,
				 .draft = { .prng = prng,
					    .registry = plan->registry,
					    .partition = partition,
					    .partition_count = plan->partition_count,
					    .key_count = 2 + prng_below(prng, KEYS_MAX - 2),
					    .now_ms = plan->subject->begin_ms } };
}

static void draw_steps(struct plan *plan, struct prng *prng)
{
	struct drawing *drawings = check_calloc((size_t)plan->partition_count, sizeof *drawings);
	for (int32_t p = 0; p < plan->partition_count; p++) {
		drawings[p] = drawing_of(plan, prng, p);
		struct step *step = &plan->steps[plan->step_count++];
		*step = (struct step){ .kind = STEP_PLAIN, .partition = p, .count = 1 };
		put_inputs(&drawings[p], &step->pieces[0], 1 + (int32_t)prng_below(prng, 2));
	}
	size_t count = plan->step_count + STEPS_MIN + prng_below(prng, STEPS_SPREAD);
	while (plan->step_count < count) {
		struct step *step = &plan->steps[plan->step_count++];
		uint32_t kind = prng_below(prng, 8);
		*step = (struct step){ .kind = kind == 0   ? STEP_ABORTED
					       : kind == 1 ? STEP_COMMITTED
							   : STEP_PLAIN };
		step->partition = (int32_t)prng_below(prng, (uint32_t)plan->partition_count);
		step->count = 1 + prng_below(prng, RECORDS_MAX);
		for (size_t i = 0; i < step->count; i++)
			put_piece(&drawings[step->partition], &step->pieces[i]);
	}
	free(drawings);
}

size_t plan_step_count(const struct plan *plan)
{
	return plan->step_count;
}

size_t plan_upgrade_step(const struct plan *plan)
{
	return plan->upgrade_step;
}

void plan_append(const struct plan *plan, size_t index, struct memory_kafka *kafka)
{
	const struct step *step = &plan->steps[index];
	struct outgoing outs[RECORDS_MAX];
	for (size_t i = 0; i < step->count; i++)
		outs[i] = (struct outgoing){
			.topic = plan->subject->input,
			.partition = step->partition,
			.key = bytes_str(step->pieces[i].key),
			.value = bytes_of(step->pieces[i].value, step->pieces[i].value_len),
		};
	if (step->kind != STEP_PLAIN) {
		memory_kafka_append_txn(kafka, outs, step->count, step->kind == STEP_COMMITTED);
		return;
	}
	for (size_t i = 0; i < step->count; i++)
		memory_kafka_append(kafka, &outs[i]);
}

/* ---- what is there, and what should be ------------------------------------------------------- */

static void read_partition(struct lines *lines, struct memory_kafka *kafka, size_t topic,
			   int32_t partition)
{
	char name[NAME_LEN_MAX + 1], own[TOPIC_NAME_MAX + 16];
	struct record records[READ_MAX];
	size_t from = 0, got;
	snprintf(own, sizeof own, "%s/clock/", lines->subject->input); /* the runtime's */
	names_output(SIM_APP, lines->subject->topics[topic].logical, name);
	do {
		got = memory_kafka_read(kafka, name, partition, from, records, READ_MAX);
		for (size_t i = 0; i < got; i++)
			if (!bytes_equal(records[i].key, bytes_str(own)))
				lines_add(lines, topic, partition, records[i].key,
					  records[i].value);
		from += got;
	} while (got > 0);
}

char *plan_actual(const struct plan *plan, struct memory_kafka *kafka)
{
	struct lines lines = { .subject = plan->subject };
	for (size_t t = 0; plan->subject->topics[t].logical != NULL; t++)
		for (int32_t p = 0; p < plan->partition_count; p++)
			read_partition(&lines, kafka, t, p);
	return lines_text(&lines);
}

void plan_topics(const struct plan *plan, struct memory_kafka *kafka)
{
	memory_kafka_topic(kafka, plan->subject->input, plan->partition_count);
	for (size_t t = 0; plan->subject->topics[t].logical != NULL; t++) {
		char name[NAME_LEN_MAX + 1];
		names_output(SIM_APP, plan->subject->topics[t].logical, name);
		memory_kafka_topic(kafka, name, plan->partition_count);
	}
}

static char *ask_oracle(struct plan *plan, struct memory_kafka *kafka, const int64_t *upgraded_at)
{
	struct lines lines = { .subject = plan->subject };
	oracle_pass(kafka, plan->registry, plan->partition_count, upgraded_at, &lines);
	return lines_text(&lines);
}

const char *plan_expected(struct plan *plan, const char *folder)
{
	int64_t upgraded_at[PLAN_PARTITIONS_MAX];
	if (plan->expected != NULL)
		return plan->expected;
	struct memory_kafka *kafka = memory_kafka_new();
	plan_topics(plan, kafka);
	for (int32_t p = 0; p < plan->partition_count; p++)
		upgraded_at[p] = INT64_MAX;
	for (size_t i = 0; i < plan->step_count; i++) {
		for (int32_t p = 0; i == plan->upgrade_step && p < plan->partition_count; p++)
			upgraded_at[p] = memory_kafka_end(kafka, plan->subject->input, p);
		plan_append(plan, i, kafka);
	}
	if (plan->subject->has_oracle) {
		plan->expected = ask_oracle(plan, kafka, upgraded_at);
	} else {
		clean_pass(plan->subject, kafka, plan->partition_count, plan->registry, folder);
		plan->expected = plan_actual(plan, kafka);
	}
	memory_kafka_free(&kafka);
	return plan->expected;
}

/* ---- its life ------------------------------------------------------------------------------- */

struct plan *plan_new(const struct subject *subject, struct prng *prng, int32_t partition_count,
		      struct registry *registry)
{
	struct plan *plan = check_calloc(1, sizeof *plan);
	CHECK(partition_count <= PLAN_PARTITIONS_MAX);
	plan->subject = subject;
	plan->partition_count = partition_count;
	plan->registry = registry;
	plan->steps = check_calloc((size_t)partition_count + STEPS_MIN + STEPS_SPREAD,
				   sizeof *plan->steps);
	draw_steps(plan, prng);
	plan->upgrade_step = plan->step_count;
	if (subject->logic_versions > 1 && prng_below(prng, UPGRADES_CHANCE) == 0)
		plan->upgrade_step =
			plan->step_count / 4 + prng_below(prng, (uint32_t)plan->step_count / 2);
	return plan;
}

void plan_free(struct plan **plan)
{
	if (*plan == NULL)
		return;
	free((*plan)->steps);
	free((*plan)->expected);
	free(*plan);
	*plan = NULL;
}
