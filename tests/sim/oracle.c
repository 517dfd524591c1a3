#include "tests/sim/oracle.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "schemas/types.h"
#include "tests/sim/tally.h"

enum { CELLS_MAX = 60, READ_MAX = 64, TICKERS_MAX = 2 };
enum { SAID, TICKS, STATES, META, DLQ }; /* subject_tally.topics */

#define NO_TICK INT64_MIN

struct cell {
	uint8_t kind;
	char key[TALLY_KEY_LEN_MAX];
	size_t key_len;
	struct tally state;
};

/* One partition in the course of the pass. */
struct pass {
	struct registry *registry;
	struct lines *lines;
	int32_t partition;
	uint32_t logic; /* version, of the record at hand */
	struct cell cells[CELLS_MAX];
	size_t cell_count;
	int64_t ticks_ms[TICKERS_MAX];
	int32_t writer_count;
	int64_t clock_ms;
};

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
		lines_add(pass->lines, SAID, pass->partition, cell_key(cell),
			  bytes_of(&word->value, sizeof word->value));
}

static void pass_fire(struct pass *pass, struct cell *cell)
{
	const struct tally_rule rule = { pass->logic, cell->kind, pass->lines->subject->names };
	struct tally_word word;
	tally_fire(&cell->state, &rule, cell->state.due_ms, &word);
	note_word(pass, cell, &word);
}

/* What it named; 0: nothing. */
static uint8_t pass_touch(struct pass *pass, uint8_t kind, struct bytes key, int64_t offset,
			  const struct tally_event *event)
{
	const struct tally_rule rule = { pass->logic, kind, pass->lines->subject->names };
	struct tally_word word;
	struct cell *cell = cell_get(pass, kind, key);
	while (tally_due(&cell->state) <= event->at_ms)
		pass_fire(pass, cell);
	tally_apply(&cell->state, &rule, offset, event, &word);
	note_word(pass, cell, &word);
	return word.names;
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
	lines_add(pass->lines, TICKS, pass->partition, bytes_str("clock"),
		  bytes_of(&pass->clock_ms, sizeof pass->clock_ms));
}

static void pass_control(struct pass *pass, const struct record *record)
{
	struct control control;
	struct err *err = registry_decode(pass->registry, &control_type, record->value, &control);
	CHECK(err == NULL);
	if (control.kind == CONTROL_TICK) {
		int32_t writer = control.writer.data[control.writer.len - 1] - '0';
		if (writer < pass->writer_count)
			pass_tick(pass, &control, writer);
		else /* its set of writers was in a transaction that is aborted */
			lines_add(pass->lines, DLQ, pass->partition, record->key, record->value);
		return;
	}
	for (int32_t i = pass->writer_count; i < control.inputs[0].partition_count; i++)
		pass->ticks_ms[i] = NO_TICK;
	pass->writer_count = control.inputs[0].partition_count;
}

static void pass_record(struct pass *pass, const struct record *record)
{
	struct tally_event event;
	uint8_t second[TALLY_KEY_LEN_MAX], third[TALLY_KEY_LEN_MAX];
	if (bytes_equal(record->key, bytes_str("c"))) {
		pass_control(pass, record);
	} else if (!tally_decode(record->key, record->value, &event)) {
		lines_add(pass->lines, DLQ, pass->partition, record->key, record->value);
	} else {
		uint8_t names = pass_touch(pass, 0, record->key, record->offset, &event), more = 0;
		if (event.second != 0)
			more = pass_touch(pass, 1, tally_second_key(&event, second), record->offset,
					  &event);
		names = more != 0 ? more : names;
		if (names != 0)
			(void)pass_touch(pass, 2, tally_third_key(names, third), record->offset,
					 &event);
	}
}

static void note_states(struct pass *pass)
{
	for (size_t i = 0; i < pass->cell_count; i++) {
		const struct cell *cell = &pass->cells[i];
		char key[64];
		int len = snprintf(key, sizeof key, "%s/%s/%.*s", subject_tally.input,
				   cell->kind == 1 ? "second" : "third", (int)cell->key_len,
				   cell->key);
		struct bytes composed = bytes_of(key, (size_t)len);
		lines_add(pass->lines, cell->kind == 0 ? STATES : META, pass->partition,
			  cell->kind == 0 ? cell_key(cell) : composed,
			  bytes_of(&cell->state, sizeof cell->state));
	}
}

static void pass_partition(struct pass *pass, struct memory_kafka *kafka, int64_t upgraded_at)
{
	struct record records[READ_MAX];
	size_t from = 0, got;
	do {
		got = memory_kafka_read(kafka, subject_tally.input, pass->partition, from, records,
					READ_MAX);
		for (size_t i = 0; i < got; i++) {
			pass->logic = records[i].offset < upgraded_at ? 1 : 2;
			pass_record(pass, &records[i]);
		}
		from += got;
	} while (got > 0);
	note_states(pass);
}

void oracle_pass(struct memory_kafka *kafka, struct registry *registry, int32_t partition_count,
		 const int64_t *upgraded_at, struct lines *lines)
{
	for (int32_t p = 0; p < partition_count; p++) {
		struct pass pass = { .registry = registry,
				     .lines = lines,
				     .partition = p,
				     .ticks_ms = { NO_TICK, NO_TICK },
				     .clock_ms = NO_TICK };
		pass_partition(&pass, kafka, upgraded_at[p]);
	}
}
