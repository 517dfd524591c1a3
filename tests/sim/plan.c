#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "runtime/names.h"
#include "schemas/types.h"
#include "tests/sim/tally.h"

enum {
	STEPS_MIN = 40,
	STEPS_SPREAD = 120,
	RECORDS_MAX = 4, /* of one step */
	VALUE_MAX = 512,
	WRITERS_COUNT_MAX = 2,
	KEYS_MAX = 30,
	READ_MAX = 64,
};

static const char *const topics[] = { TALLY_SAID, TALLY_TICKS, TALLY_STATES, TALLY_META, "dlq" };
enum { TOPIC_COUNT = sizeof topics / sizeof topics[0], STATES_FROM = 2, STATES_TO = 3 };

enum step_kind { STEP_PLAIN, STEP_COMMITTED, STEP_ABORTED };

struct piece {
	char key[TALLY_KEY_LEN_MAX];
	uint8_t value[VALUE_MAX];
	size_t value_len;
};

struct step {
	enum step_kind kind;
	int32_t partition;
	size_t count;
	struct piece pieces[RECORDS_MAX];
};

struct plan {
	int32_t partition_count;
	struct step *steps;
	size_t step_count;
	int32_t event_schema;
	struct registry *registry;
	char *expected;
};

/* ---- the input ------------------------------------------------------------------------------ */

/* What a partition's writers have come to. */
struct drawing {
	struct plan *plan;
	struct prng *prng;
	int64_t now_ms; /* event time */
	uint64_t serial;
	int64_t ticked_ms[WRITERS_COUNT_MAX];
	int32_t writer_count;
	uint32_t key_count;
};

static void put_control(struct drawing *drawing, struct piece *piece, const struct control *control)
{
	struct err *err =
		registry_encode(drawing->plan->registry, PLAN_INPUT, &control_type, control,
				piece->value, sizeof piece->value, &piece->value_len);
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
	uint32_t writer = prng_below(drawing->prng, (uint32_t)drawing->writer_count);
	snprintf(name, sizeof name, "src/%" PRIu32, writer);
	drawing->ticked_ms[writer] = drawing->now_ms;
	const struct control control = { .kind = CONTROL_TICK,
					 .writer = bytes_str(name),
					 .at_ms = drawing->now_ms,
					 .ingest_ms = drawing->now_ms };
	put_control(drawing, piece, &control);
}

static void put_event(struct drawing *drawing, struct piece *piece)
{
	int64_t late_ms = prng_below(drawing->prng, 6) == 0 ? prng_below(drawing->prng, 40) : 0;
	drawing->now_ms += prng_below(drawing->prng, 8);
	snprintf(piece->key, sizeof piece->key, "k%u",
		 (unsigned)prng_below(drawing->prng, drawing->key_count));
	const struct tally_event event = {
		.serial = ++drawing->serial,
		.at_ms = drawing->now_ms - late_ms,
		.second = (uint8_t)(prng_below(drawing->prng, 3) != 0
					    ? 1 + prng_below(drawing->prng, 9)
					    : 0),
	};
	tally_encode(&event, drawing->plan->event_schema, piece->value);
	piece->value_len = TALLY_VALUE_LEN;
}

static void put_poison(struct drawing *drawing, struct piece *piece)
{
	snprintf(piece->key, sizeof piece->key, "bad");
	piece->value_len = (size_t)snprintf((char *)piece->value, VALUE_MAX, "poison %" PRIu64,
					    ++drawing->serial);
}

static void put_piece(struct drawing *drawing, struct piece *piece)
{
	uint32_t what = prng_below(drawing->prng, 40);
	if (what < 5)
		put_tick(drawing, piece);
	else if (what == 5)
		put_poison(drawing, piece);
	else if (what == 6 && prng_below(drawing->prng, 8) == 0)
		put_inputs(drawing, piece, 1 + (int32_t)prng_below(drawing->prng, 2));
	else
		put_event(drawing, piece);
}

static void draw_steps(struct plan *plan, struct prng *prng)
{
	struct drawing *drawings = check_calloc((size_t)plan->partition_count, sizeof *drawings);
	for (int32_t p = 0; p < plan->partition_count; p++) {
		drawings[p] = (struct drawing){ .plan = plan, .prng = prng, .now_ms = 1000 };
		drawings[p].key_count = 2 + prng_below(prng, KEYS_MAX - 2);
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

void plan_append(const struct plan *plan, size_t index, struct memory_kafka *kafka)
{
	const struct step *step = &plan->steps[index];
	struct outgoing outs[RECORDS_MAX];
	for (size_t i = 0; i < step->count; i++)
		outs[i] = (struct outgoing){
			.topic = PLAN_INPUT,
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

/* ---- lines ---------------------------------------------------------------------------------- */

struct line {
	size_t topic, sequence;
	int32_t partition;
	struct bytes key, value;
	uint8_t bytes[64 + VALUE_MAX];
};

struct lines {
	struct line *items;
	size_t count, room;
};

static void lines_add(struct lines *lines, size_t topic, int32_t partition, struct bytes key,
		      struct bytes value)
{
	if (lines->count == lines->room) {
		lines->room = lines->room == 0 ? 256 : 2 * lines->room;
		lines->items = check_realloc(lines->items, lines->room * sizeof *lines->items);
	}
	struct line *line = &lines->items[lines->count];
	*line = (struct line){ .topic = topic,
			       .sequence = lines->count,
			       .partition = partition,
			       .key = bytes_of(NULL, key.len),
			       .value = bytes_of(NULL, value.len) };
	lines->count++;
	CHECK(key.len + value.len <= sizeof line->bytes);
	memcpy(line->bytes, key.data, key.len);
	if (value.len > 0)
		memcpy(line->bytes + key.len, value.data, value.len);
}

static int compare_place(const struct line *a, const struct line *b)
{
	if (a->topic != b->topic)
		return a->topic < b->topic ? -1 : 1;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return bytes_compare(bytes_of(a->bytes, a->key.len), bytes_of(b->bytes, b->key.len));
}

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = compare_place(x, y);
	return order != 0 ? order : (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static void print_line(const struct line *line, FILE *out)
{
	fprintf(out, "%s/%d %.*s ", topics[line->topic], (int)line->partition, (int)line->key.len,
		(const char *)line->bytes);
	for (size_t i = 0; i < line->value.len; i++)
		fprintf(out, "%02x", (unsigned)line->bytes[line->key.len + i]);
	fputc('\n', out);
}

/* Sorted, of states the last ones, as text (new); the lines are freed. */
static char *lines_text(struct lines *lines)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	if (lines->count > 1)
		qsort(lines->items, lines->count, sizeof *lines->items, compare_lines);
	for (size_t i = 0; i < lines->count; i++) {
		const struct line *line = &lines->items[i];
		bool state = line->topic >= STATES_FROM && line->topic <= STATES_TO;
		if (!state || i + 1 == lines->count ||
		    compare_place(line, &lines->items[i + 1]) != 0)
			print_line(line, out);
	}
	CHECK(fclose(out) == 0);
	free(lines->items);
	return text;
}

/* ---- what is there -------------------------------------------------------------------------- */

char *plan_actual(const struct plan *plan, struct memory_kafka *kafka, const char *app_id)
{
	struct lines lines = { .count = 0 };
	struct record records[READ_MAX];
	struct bytes clock = bytes_str(PLAN_INPUT "/clock/"); /* the runtime's own */
	for (size_t t = 0; t < TOPIC_COUNT; t++) {
		char name[NAME_LEN_MAX + 1];
		names_output(app_id, topics[t], name);
		for (int32_t p = 0; p < plan->partition_count; p++) {
			size_t from = 0, got;
			do {
				got = memory_kafka_read(kafka, name, p, from, records, READ_MAX);
				for (size_t i = 0; i < got; i++)
					if (!bytes_equal(records[i].key, clock))
						lines_add(&lines, t, p, records[i].key,
							  records[i].value);
				from += got;
			} while (got > 0);
		}
	}
	return lines_text(&lines);
}

/* ---- what should be there ------------------------------------------------------------------- */

struct cell {
	uint8_t kind;
	char key[TALLY_KEY_LEN_MAX];
	size_t key_len;
	struct tally state;
};

/* One partition in the course of the pass. */
struct pass {
	struct plan *plan;
	struct lines *lines;
	int32_t partition;
	struct cell cells[2 * KEYS_MAX];
	size_t cell_count;
	int64_t ticks_ms[WRITERS_COUNT_MAX];
	int32_t writer_count;
	int64_t clock_ms;
};

#define NO_TICK INT64_MIN

static struct bytes cell_key(const struct cell *cell)
{
	return bytes_of(cell->key, cell->key_len);
}

static struct cell *cell_get(struct pass *pass, uint8_t kind, struct bytes key)
{
	for (size_t i = 0; i < pass->cell_count; i++)
		if (pass->cells[i].kind == kind && bytes_equal(cell_key(&pass->cells[i]), key))
			return &pass->cells[i];
	CHECK(pass->cell_count < sizeof pass->cells / sizeof pass->cells[0]);
	struct cell *cell = &pass->cells[pass->cell_count++];
	*cell = (struct cell){ .kind = kind, .key_len = key.len };
	memcpy(cell->key, key.data, key.len);
	return cell;
}

static void note_word(struct pass *pass, const struct cell *cell, const struct tally_word *word)
{
	if (word->said)
		lines_add(pass->lines, 0, pass->partition, cell_key(cell),
			  bytes_of(&word->value, sizeof word->value));
}

static void pass_fire(struct pass *pass, struct cell *cell)
{
	struct tally_word word;
	tally_fire(&cell->state, cell->kind, cell->state.due_ms, &word);
	note_word(pass, cell, &word);
}

static void pass_touch(struct pass *pass, uint8_t kind, struct bytes key, int64_t offset,
		       const struct tally_event *event)
{
	struct tally_word word;
	struct cell *cell = cell_get(pass, kind, key);
	while (tally_due(&cell->state) <= event->at_ms)
		pass_fire(pass, cell);
	tally_apply(&cell->state, kind, offset, event, &word);
	note_word(pass, cell, &word);
}

/* The first that is due, in the order of (due, kind, key). */
static struct cell *first_due(struct pass *pass)
{
	struct cell *first = NULL;
	for (size_t i = 0; i < pass->cell_count; i++) {
		struct cell *cell = &pass->cells[i];
		if (tally_due(&cell->state) > pass->clock_ms)
			continue;
		if (first == NULL || cell->state.due_ms < first->state.due_ms ||
		    (cell->state.due_ms == first->state.due_ms &&
		     (cell->kind < first->kind ||
		      (cell->kind == first->kind &&
		       bytes_compare(cell_key(cell), cell_key(first)) < 0))))
			first = cell;
	}
	return first;
}

static void pass_tick(struct pass *pass, const struct control *control, int32_t writer)
{
	if (control->at_ms <= pass->ticks_ms[writer])
		return;
	pass->ticks_ms[writer] = control->at_ms;
	int64_t lowest = INT64_MAX;
	for (int32_t i = 0; i < pass->writer_count; i++)
		lowest = pass->ticks_ms[i] < lowest ? pass->ticks_ms[i] : lowest;
	if (lowest <= pass->clock_ms)
		return;
	pass->clock_ms = lowest;
	for (struct cell *cell = first_due(pass); cell != NULL; cell = first_due(pass))
		pass_fire(pass, cell);
	lines_add(pass->lines, 1, pass->partition, bytes_str("clock"),
		  bytes_of(&pass->clock_ms, sizeof pass->clock_ms));
}

static void pass_control(struct pass *pass, const struct record *record)
{
	struct control control;
	struct err *err =
		registry_decode(pass->plan->registry, &control_type, record->value, &control);
	CHECK(err == NULL);
	if (control.kind == CONTROL_TICK) {
		int32_t writer = control.writer.data[control.writer.len - 1] - '0';
		if (writer < pass->writer_count)
			pass_tick(pass, &control, writer);
		else /* its set of writers was in a transaction that is aborted */
			lines_add(pass->lines, 4, pass->partition, record->key, record->value);
		return;
	}
	for (int32_t i = pass->writer_count; i < control.inputs[0].partition_count; i++)
		pass->ticks_ms[i] = NO_TICK;
	pass->writer_count = control.inputs[0].partition_count;
}

static void pass_record(struct pass *pass, const struct record *record)
{
	struct tally_event event;
	uint8_t second[TALLY_KEY_LEN_MAX];
	if (bytes_equal(record->key, bytes_str("c"))) {
		pass_control(pass, record);
	} else if (!tally_decode(record->key, record->value, &event)) {
		lines_add(pass->lines, 4, pass->partition, record->key, record->value);
	} else {
		pass_touch(pass, 0, record->key, record->offset, &event);
		if (event.second != 0)
			pass_touch(pass, 1, tally_second_key(&event, second), record->offset,
				   &event);
	}
}

static void note_states(struct pass *pass)
{
	for (size_t i = 0; i < pass->cell_count; i++) {
		const struct cell *cell = &pass->cells[i];
		char key[64];
		int len = snprintf(key, sizeof key, PLAN_INPUT "/second/%.*s", (int)cell->key_len,
				   cell->key);
		struct bytes composed = bytes_of(key, (size_t)len);
		lines_add(pass->lines, cell->kind == 0 ? STATES_FROM : STATES_TO, pass->partition,
			  cell->kind == 0 ? cell_key(cell) : composed,
			  bytes_of(&cell->state, sizeof cell->state));
	}
}

static void pass_partition(struct plan *plan, struct memory_kafka *kafka, int32_t partition,
			   struct lines *lines)
{
	struct pass pass = { .plan = plan,
			     .lines = lines,
			     .partition = partition,
			     .ticks_ms = { NO_TICK, NO_TICK },
			     .clock_ms = NO_TICK };
	struct record records[READ_MAX];
	size_t from = 0, got;
	do {
		got = memory_kafka_read(kafka, PLAN_INPUT, partition, from, records, READ_MAX);
		for (size_t i = 0; i < got; i++)
			pass_record(&pass, &records[i]);
		from += got;
	} while (got > 0);
	note_states(&pass);
}

static char *expect(struct plan *plan)
{
	struct memory_kafka *kafka = memory_kafka_new();
	struct lines lines = { .count = 0 };
	memory_kafka_topic(kafka, PLAN_INPUT, plan->partition_count);
	for (size_t i = 0; i < plan->step_count; i++)
		plan_append(plan, i, kafka);
	for (int32_t p = 0; p < plan->partition_count; p++)
		pass_partition(plan, kafka, p, &lines);
	memory_kafka_free(&kafka);
	return lines_text(&lines);
}

struct plan *plan_new(struct prng *prng, int32_t partition_count, struct registry *registry)
{
	struct plan *plan = check_calloc(1, sizeof *plan);
	plan->partition_count = partition_count;
	plan->registry = registry;
	plan->steps = check_calloc((size_t)partition_count + STEPS_MIN + STEPS_SPREAD,
				   sizeof *plan->steps);
	struct err *err = registry_writer_id(registry, "series.points", &series_point_type,
					     &plan->event_schema);
	CHECK(err == NULL);
	draw_steps(plan, prng);
	plan->expected = expect(plan);
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

const char *plan_expected(const struct plan *plan)
{
	return plan->expected;
}
