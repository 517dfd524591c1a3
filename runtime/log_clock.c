#include "runtime/log_clock.h"

#include <stdlib.h>

#include "base/check.h"

struct writers {
	char topic[TOPIC_NAME_MAX + 1];
	int32_t partition_count;
	size_t first; /* index of partition 0's tick */
};

/* The ticks of a fixed set of writers. */
struct ticks {
	int64_t clock_ms;
	int64_t of_writer[WRITERS_MAX];
};

struct journal_item {
	int64_t offset, at_ms;
	size_t writer;
};

struct log_clock {
	struct writers inputs[TOPICS_PER_STAGE_MAX];
	size_t input_count, writer_count;
	struct ticks now, as_of_y;
	struct journal_item journal[CLOCK_JOURNAL_MAX];
	size_t journal_first, journal_count; /* a ring */
	bool inputs_changed;		     /* since the last encode: as_of_y has another set */
};

struct log_clock *log_clock_new(void)
{
	struct log_clock *clock = check_calloc(1, sizeof *clock);
	clock->now.clock_ms = clock->as_of_y.clock_ms = CLOCK_NONE;
	return clock;
}

void log_clock_free(struct log_clock **clock)
{
	free(*clock);
	*clock = NULL;
}

int64_t log_clock_now(const struct log_clock *clock)
{
	return clock->now.clock_ms;
}

bool log_clock_wants_drain(const struct log_clock *clock)
{
	return clock->inputs_changed || clock->journal_count >= CLOCK_JOURNAL_MAX - 1;
}

static bool apply_tick(struct ticks *ticks, size_t writer_count, size_t writer, int64_t at_ms)
{
	if (at_ms <= ticks->of_writer[writer])
		return false;
	ticks->of_writer[writer] = at_ms;
	int64_t lowest = INT64_MAX;
	for (size_t i = 0; i < writer_count; i++)
		if (ticks->of_writer[i] < lowest)
			lowest = ticks->of_writer[i];
	if (lowest <= ticks->clock_ms)
		return false;
	ticks->clock_ms = lowest;
	return true;
}

/* "topic/partition" to the writer's index; SIZE_MAX where it is not in the set. */
static size_t find_writer(const struct log_clock *clock, struct bytes name)
{
	size_t slash = name.len;
	while (slash > 0 && name.data[slash - 1] != '/')
		slash--;
	if (slash == 0 || slash == name.len || name.len - slash > 6)
		return SIZE_MAX;
	int32_t partition = 0;
	for (size_t i = slash; i < name.len; i++) {
		if (name.data[i] < '0' || name.data[i] > '9')
			return SIZE_MAX;
		partition = partition * 10 + (name.data[i] - '0');
	}
	struct bytes topic = bytes_of(name.data, slash - 1);
	for (size_t i = 0; i < clock->input_count; i++) {
		const struct writers *input = &clock->inputs[i];
		if (bytes_equal(topic, bytes_str(input->topic)))
			return partition < input->partition_count ? input->first + (size_t)partition
								  : SIZE_MAX;
	}
	return SIZE_MAX;
}

static bool same_inputs(const struct log_clock *clock, const struct control *control)
{
	if (control->input_count != clock->input_count)
		return false;
	for (size_t i = 0; i < clock->input_count; i++)
		if (!bytes_equal(control->inputs[i].topic, bytes_str(clock->inputs[i].topic)) ||
		    control->inputs[i].partition_count != clock->inputs[i].partition_count)
			return false;
	return true;
}

/* A set that there is room for, of topics that have names. Whoever may write to the log can say
 * something else. */
static bool is_sound(const struct control *control)
{
	size_t total = 0;
	for (size_t i = 0; i < control->input_count; i++) {
		const struct control_input *input = &control->inputs[i];
		if (input->partition_count < 1 || input->partition_count > PARTITIONS_MAX ||
		    input->topic.len == 0 || input->topic.len > TOPIC_NAME_MAX)
			return false;
		for (size_t j = 0; j < i; j++)
			if (bytes_equal(control->inputs[j].topic, input->topic))
				return false;
		total += (size_t)input->partition_count;
	}
	return total <= WRITERS_MAX;
}

/* Takes a new set over; writers that stay keep their ticks, and the clock never goes back. */
static struct err *apply_inputs(struct log_clock *clock, const struct control *control,
				bool *changed)
{
	if (same_inputs(clock, control))
		return NULL;
	if (!is_sound(control))
		return err_new(ERR_POISON, "CLOCK_INPUTS",
			       "the writers of a log have a name each and partitions, %d at most "
			       "in all",
			       WRITERS_MAX);
	struct log_clock *old = check_malloc(sizeof *old);
	memcpy(old, clock, sizeof *old);
	clock->input_count = control->input_count;
	clock->writer_count = 0;
	for (size_t i = 0; i < control->input_count; i++) {
		struct writers *input = &clock->inputs[i];
		struct bytes topic = control->inputs[i].topic;
		memcpy(input->topic, topic.data, topic.len);
		input->topic[topic.len] = '\0';
		input->partition_count = control->inputs[i].partition_count;
		input->first = clock->writer_count;
		for (int32_t p = 0; p < input->partition_count; p++)
			clock->now.of_writer[clock->writer_count++] = CLOCK_NONE;
		for (size_t j = 0; j < old->input_count; j++)
			if (strcmp(old->inputs[j].topic, input->topic) == 0)
				for (int32_t p = 0; p < input->partition_count &&
						    p < old->inputs[j].partition_count;
				     p++)
					clock->now.of_writer[input->first + (size_t)p] =
						old->now.of_writer[old->inputs[j].first +
								   (size_t)p];
	}
	free(old);
	clock->inputs_changed = *changed = true;
	clock->journal_first = clock->journal_count = 0;
	return NULL;
}

struct err *log_clock_apply(struct log_clock *clock, int64_t offset, const struct control *control,
			    bool *moved)
{
	*moved = false;
	if (control->kind == CONTROL_INPUTS)
		return apply_inputs(clock, control, moved);
	if (control->kind != CONTROL_TICK)
		return NULL;
	size_t writer = find_writer(clock, control->writer);
	if (writer == SIZE_MAX)
		return err_new(ERR_POISON, "CLOCK_WRITER",
			       "a tick of %.*s, which is not among this log's writers",
			       (int)control->writer.len, (const char *)control->writer.data);
	CHECK(clock->inputs_changed || clock->journal_count < CLOCK_JOURNAL_MAX);
	if (!clock->inputs_changed) {
		size_t at = (clock->journal_first + clock->journal_count++) % CLOCK_JOURNAL_MAX;
		clock->journal[at] = (struct journal_item){ offset, control->at_ms, writer };
	}
	*moved = apply_tick(&clock->now, clock->writer_count, writer, control->at_ms);
	return NULL;
}

static uint8_t *put_le(uint8_t *at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint64_t take_le(const uint8_t **at, size_t len)
{
	uint64_t value = 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t) * (*at)++ << (8 * i);
	return value;
}

/* Of what there is only. There is a clock for each partition, each with room for the most: memory
 * that is never touched is none. */
static void take_now(struct log_clock *clock)
{
	clock->as_of_y.clock_ms = clock->now.clock_ms;
	memcpy(clock->as_of_y.of_writer, clock->now.of_writer,
	       clock->writer_count * sizeof clock->now.of_writer[0]);
}

static void advance_as_of_y(struct log_clock *clock, int64_t y)
{
	if (clock->inputs_changed) { /* the seal that follows a change is drained: Y is X */
		take_now(clock);
		clock->inputs_changed = false;
		clock->journal_first = clock->journal_count = 0;
		return;
	}
	while (clock->journal_count > 0 && clock->journal[clock->journal_first].offset < y) {
		const struct journal_item *item = &clock->journal[clock->journal_first];
		(void)apply_tick(&clock->as_of_y, clock->writer_count, item->writer, item->at_ms);
		clock->journal_first = (clock->journal_first + 1) % CLOCK_JOURNAL_MAX;
		clock->journal_count--;
	}
	if (clock->journal_count == 0) /* the places that were used before are used again */
		clock->journal_first = 0;
}

size_t log_clock_encode(struct log_clock *clock, int64_t y, uint8_t *out)
{
	advance_as_of_y(clock, y);
	uint8_t *at = out;
	*at++ = LOG_CLOCK_VERSION;
	at = put_le(at, (uint64_t)clock->as_of_y.clock_ms, 8);
	at = put_le(at, clock->input_count, 2);
	for (size_t i = 0; i < clock->input_count; i++) {
		const struct writers *input = &clock->inputs[i];
		size_t len = strlen(input->topic);
		at = put_le(at, len, 1);
		memcpy(at, input->topic, len);
		at = put_le(at + len, (uint64_t)input->partition_count, 4);
		for (int32_t p = 0; p < input->partition_count; p++)
			at = put_le(at,
				    (uint64_t)clock->as_of_y.of_writer[input->first + (size_t)p],
				    8);
	}
	CHECK((size_t)(at - out) <= LOG_CLOCK_LEN_MAX);
	return (size_t)(at - out);
}

static bool decode_input(struct log_clock *clock, const uint8_t **at, const uint8_t *end)
{
	struct writers *input = &clock->inputs[clock->input_count];
	if (end - *at < 1)
		return false;
	size_t len = (size_t)take_le(at, 1);
	if (len > TOPIC_NAME_MAX || (size_t)(end - *at) < len + 4)
		return false;
	memcpy(input->topic, *at, len);
	input->topic[len] = '\0';
	*at += len;
	uint64_t count = take_le(at, 4);
	if (count > PARTITIONS_MAX || clock->writer_count + count > WRITERS_MAX ||
	    (size_t)(end - *at) < count * 8)
		return false;
	input->partition_count = (int32_t)count;
	input->first = clock->writer_count;
	for (uint64_t p = 0; p < count; p++)
		clock->now.of_writer[clock->writer_count++] = (int64_t)take_le(at, 8);
	clock->input_count++;
	return true;
}

struct err *log_clock_decode(struct log_clock *clock, struct bytes encoded)
{
	clock->input_count = clock->writer_count = 0;
	clock->journal_first = clock->journal_count = 0;
	clock->inputs_changed = false;
	clock->now.clock_ms = clock->as_of_y.clock_ms = CLOCK_NONE;
	if (encoded.len == 0)
		return NULL;
	const uint8_t *at = encoded.data, *end = at + encoded.len;
	bool valid = encoded.len >= 11 && *at++ == LOG_CLOCK_VERSION;
	if (valid) {
		clock->now.clock_ms = (int64_t)take_le(&at, 8);
		uint64_t count = take_le(&at, 2);
		valid = count <= TOPICS_PER_STAGE_MAX;
		for (uint64_t i = 0; valid && i < count; i++)
			valid = decode_input(clock, &at, end);
	}
	if (!valid || at != end)
		return err_new(
			ERR_FATAL, "CLOCK_INVALID",
			"the saved clock can't be read: it is damaged or of another version");
	take_now(clock);
	return NULL;
}
