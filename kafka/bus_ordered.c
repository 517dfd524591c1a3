#include "kafka/bus_ordered.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
	ORDERED_PAUSE_AT = 4000, /* records of a partition that wait: reading it pauses, */
	ORDERED_RESUME_AT = 250, /* and goes on from here */
	ORDERED_BYTES = 32 << 20,
	ORDERED_WAIT_MS = 500,
	ORDERED_GATED_MS = 5000,
	RING_ROOM_MIN = 64, /* records */
};

#define NO_TIME	 INT64_MIN   /* before a lane's first time is known */
#define LIVE_MS	 MS_PER_DAY  /* younger than that when it came in: of the present */
#define SLACK_MS MS_PER_HOUR /* by which partitions may overtake, so that runs are long */

/* The bytes of a run of records: of one poll, of one partition. So blocks are let go in the order
 * in which they came, and what is ahead in one partition keeps nothing of another. */
struct block {
	struct lane *lane;
	size_t left; /* records that point into it */
	size_t cost; /* bytes, with what it takes to keep them */
	uint8_t bytes[];
};

struct held {
	int64_t offset, timestamp_ms;
	struct bytes key, value;
	int64_t time_ms;
	struct block *block;
};

/* A partition: what was read of it and waits, a ring. */
struct lane {
	const char *topic;
	int32_t partition;
	bool is_paused;
	int64_t dry_since_ms; /* monotonic; 0: it has something, or has ended */
	int64_t last_ms;      /* of the record that came last */
	struct held *ring;
	size_t first, count, room; /* room: a power of 2, or 0 */
	size_t bytes;		   /* of its blocks */
};

struct bus_ordered {
	struct bus bus;
	struct bus_ordered_options options;
	struct bus *inner;
	struct bus_listener listener; /* of the one who polls */
	struct lane *lanes;
	size_t lane_count, held_count, held_bytes;
	int64_t gated_since_ms;			 /* monotonic; 0: the gate holds nothing */
	bool is_blocked;			 /* what waits may not go yet */
	struct record records[POLL_RECORDS_MAX]; /* handed out */
	struct block *blocks[POLL_RECORDS_MAX];	 /* of these */
	size_t out_count;
};

static struct bus_ordered *ordered_of(struct bus *bus)
{
	return (struct bus_ordered *)bus;
}

/* ---- lanes ---------------------------------------------------------------------------------- */

static void block_release(struct bus_ordered *ordered, struct block *block)
{
	struct lane *lane = block->lane;
	if (--block->left > 0)
		return;
	ordered->held_bytes -= block->cost;
	lane->bytes -= block->cost;
	free(block);
	if (lane->count > 0 || lane->room == RING_ROOM_MIN)
		return;
	free(lane->ring);
	lane->ring = NULL;
	lane->room = lane->first = 0;
}

static void lane_pop(struct bus_ordered *ordered, struct lane *lane)
{
	lane->first = (lane->first + 1) & (lane->room - 1);
	lane->count--;
	ordered->held_count--;
}

static void lane_clear(struct bus_ordered *ordered, struct lane *lane)
{
	while (lane->count > 0) {
		struct block *block = lane->ring[lane->first].block;
		lane_pop(ordered, lane);
		block_release(ordered, block);
	}
	lane->last_ms = NO_TIME;
}

static void lanes_free(struct bus_ordered *ordered)
{
	for (size_t i = 0; i < ordered->lane_count; i++) {
		lane_clear(ordered, &ordered->lanes[i]);
		free(ordered->lanes[i].ring);
	}
	free(ordered->lanes);
	ordered->lanes = NULL;
	ordered->lane_count = 0;
}

static void release_handed_out(struct bus_ordered *ordered)
{
	for (size_t i = 0; i < ordered->out_count; i++)
		block_release(ordered, ordered->blocks[i]);
	ordered->out_count = 0;
}

static struct lane *lane_find(const struct bus_ordered *ordered, const char *topic,
			      int32_t partition)
{
	for (size_t i = 0; i < ordered->lane_count; i++)
		if (ordered->lanes[i].partition == partition &&
		    (ordered->lanes[i].topic == topic ||
		     strcmp(ordered->lanes[i].topic, topic) == 0))
			return &ordered->lanes[i];
	return NULL;
}

static void lane_push(struct lane *lane, const struct held *held)
{
	if (lane->count == lane->room) {
		size_t room = lane->room == 0 ? RING_ROOM_MIN : 2 * lane->room;
		struct held *ring = check_malloc(room * sizeof *ring);
		for (size_t i = 0; i < lane->count; i++)
			ring[i] = lane->ring[(lane->first + i) & (lane->room - 1)];
		free(lane->ring);
		lane->ring = ring;
		lane->room = room;
		lane->first = 0;
	}
	lane->ring[(lane->first + lane->count++) & (lane->room - 1)] = *held;
}

static bool is_live(int64_t timestamp_ms, int64_t time_ms)
{
	return time_ms >= timestamp_ms - LIVE_MS;
}

/* A record without a time, or from the future, goes with the one before it: else one wrong date
 * would hold its partition up. */
static int64_t time_in(const struct bus_ordered *ordered, const struct lane *lane,
		       const struct record *record)
{
	int64_t time_ms = ordered->options.time_of(record->value);
	return time_ms == TIME_NONE || time_ms > record->timestamp_ms ? lane->last_ms : time_ms;
}

/* ---- taking records in ---------------------------------------------------------------------- */

static struct bytes keep(struct block *block, size_t *at, struct bytes from)
{
	if (from.data == NULL)
		return from;
	uint8_t *to = block->bytes + *at;
	if (from.len > 0)
		memcpy(to, from.data, from.len);
	*at += from.len;
	return bytes_of(to, from.len);
}

/* How many records from `first` on are of one partition, and their bytes. */
static size_t run_of(const struct record *first, size_t count, size_t *len)
{
	size_t n = 0;
	for (*len = 0;
	     n < count && first[n].topic == first->topic && first[n].partition == first->partition;
	     n++)
		*len += first[n].key.len + first[n].value.len;
	return n;
}

static void take_run(struct bus_ordered *ordered, struct lane *lane, const struct record *records,
		     size_t count, size_t len)
{
	/* a ring has at most twice the room that it needs */
	size_t at = 0, cost = sizeof(struct block) + len + 2 * count * sizeof(struct held);
	struct block *block = check_malloc(sizeof *block + len + 1);
	*block = (struct block){ .lane = lane, .left = count, .cost = cost };
	ordered->held_bytes += cost;
	ordered->held_count += count;
	lane->bytes += cost;
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];
		const struct held held = {
			.offset = record->offset,
			.timestamp_ms = record->timestamp_ms,
			.key = keep(block, &at, record->key),
			.value = keep(block, &at, record->value),
			.time_ms = time_in(ordered, lane, record),
			.block = block,
		};
		lane->last_ms = held.time_ms;
		lane_push(lane, &held);
	}
}

static void take_in(struct bus_ordered *ordered, const struct bus_batch *batch)
{
	size_t len, n;
	for (size_t i = 0; i < batch->count; i += n) {
		const struct record *first = &batch->records[i];
		struct lane *lane = lane_find(ordered, first->topic, first->partition);
		n = run_of(first, batch->count - i, &len);
		if (lane != NULL) /* else it is not assigned any more */
			take_run(ordered, lane, first, n, len);
	}
}

/* Whether a batch can go as it is: nothing waits, and all of it is of the present. */
static bool passes(const struct bus_ordered *ordered, const struct bus_batch *batch)
{
	if (ordered->held_count > 0)
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		int64_t time_ms = ordered->options.time_of(batch->records[i].value);
		if (time_ms != TIME_NONE && !is_live(batch->records[i].timestamp_ms, time_ms))
			return false;
	}
	return true;
}

/* ---- handing records out -------------------------------------------------------------------- */

static const struct held *head_of(const struct lane *lane)
{
	return &lane->ring[lane->first];
}

static bool head_is_live(const struct lane *lane)
{
	return is_live(head_of(lane)->timestamp_ms, head_of(lane)->time_ms);
}

/* The lane with the earliest record (of the present, if only that may go), and until when it is
 * that, with some slack; NULL: none. */
static struct lane *earliest(const struct bus_ordered *ordered, bool live_only, int64_t *until_ms)
{
	struct lane *first = NULL;
	int64_t first_ms = INT64_MAX, second_ms = INT64_MAX;
	for (size_t i = 0; i < ordered->lane_count; i++) {
		struct lane *lane = &ordered->lanes[i];
		if (lane->count == 0 || (live_only && !head_is_live(lane)))
			continue;
		int64_t time_ms = head_of(lane)->time_ms;
		if (first == NULL || time_ms < first_ms) {
			second_ms = first == NULL ? INT64_MAX : first_ms;
			first_ms = time_ms;
			first = lane;
		} else if (time_ms < second_ms) {
			second_ms = time_ms;
		}
	}
	*until_ms = second_ms > INT64_MAX - SLACK_MS ? INT64_MAX : second_ms + SLACK_MS;
	return first;
}

/* Whether a partition may have an earlier record than those that wait. */
static bool is_dry(const struct bus_ordered *ordered, const struct lane *lane)
{
	return lane->count == 0 &&
	       bus_end_reached(ordered->inner, lane->topic, lane->partition) < 0;
}

static bool must_wait(struct bus_ordered *ordered, int64_t now_ms)
{
	bool wait = false;
	for (size_t i = 0; i < ordered->lane_count; i++) {
		struct lane *lane = &ordered->lanes[i];
		if (!is_dry(ordered, lane)) {
			lane->dry_since_ms = 0;
			continue;
		}
		if (lane->dry_since_ms == 0)
			lane->dry_since_ms = now_ms;
		wait |= now_ms - lane->dry_since_ms < ORDERED_WAIT_MS;
	}
	return wait;
}

/* Whether what is of the past may go. */
static bool gate_is_open(struct bus_ordered *ordered, int64_t time_ms, int64_t now_ms)
{
	const struct bus_ordered_options *options = &ordered->options;
	if (options->may_pass == NULL || options->may_pass(options->context, time_ms)) {
		ordered->gated_since_ms = 0;
		return true;
	}
	if (ordered->gated_since_ms == 0)
		ordered->gated_since_ms = now_ms;
	return false;
}

/* A run that begins in the present goes no further than that. */
static void hand_out_run(struct bus_ordered *ordered, struct lane *lane, int64_t until_ms)
{
	bool live = head_is_live(lane);
	while (lane->count > 0 && ordered->out_count < POLL_RECORDS_MAX &&
	       head_of(lane)->time_ms <= until_ms && (!live || head_is_live(lane))) {
		const struct held *held = head_of(lane);
		ordered->records[ordered->out_count] = (struct record){
			.topic = lane->topic,
			.partition = lane->partition,
			.offset = held->offset,
			.timestamp_ms = held->timestamp_ms,
			.key = held->key,
			.value = held->value,
		};
		ordered->blocks[ordered->out_count++] = held->block;
		lane_pop(ordered, lane);
	}
}

static void hand_out(struct bus_ordered *ordered)
{
	const struct time_source *time = ordered->options.time;
	int64_t now_ms = time->monotonic_ns(time->context) / 1000000 + 1, until_ms;
	struct lane *lane;
	bool wait = false, looked = false, live_only = false, blocked = false;
	while (ordered->out_count < POLL_RECORDS_MAX &&
	       (lane = earliest(ordered, live_only, &until_ms)) != NULL) {
		int64_t time_ms = head_of(lane)->time_ms;
		bool live = head_is_live(lane);
		if (!looked)
			wait = must_wait(ordered, now_ms);
		if (!live && (wait || !gate_is_open(ordered, time_ms, now_ms))) {
			blocked = true;
			if (wait || now_ms - ordered->gated_since_ms < ORDERED_GATED_MS)
				break;
			live_only = true;
			continue;
		}
		/* a gate is asked for each stretch, not for a whole history at once */
		int64_t stretch_ms = time_ms + (live ? LIVE_MS : SLACK_MS);
		hand_out_run(ordered, lane, until_ms < stretch_ms ? until_ms : stretch_ms);
		looked = lane->count > 0;
	}
	ordered->is_blocked = blocked && ordered->out_count == 0;
}

/* ---- pausing -------------------------------------------------------------------------------- */

/* From half of bytes_max on, who has half of a partition's share pauses: what the others may still
 * take is the other half. One that has nothing is never paused: it may hold up the others. */
static bool must_pause(const struct bus_ordered *ordered, const struct lane *lane)
{
	size_t bytes = ordered->options.bytes_max > 0 ? ordered->options.bytes_max : ORDERED_BYTES;
	size_t share = bytes / ordered->lane_count;
	if (lane->count == 0)
		return false;
	if (!lane->is_paused)
		return lane->count >= ORDERED_PAUSE_AT ||
		       (ordered->held_bytes >= bytes / 2 && lane->bytes >= share / 2);
	return lane->count > ORDERED_RESUME_AT ||
	       (ordered->held_bytes > bytes / 4 && lane->bytes > share / 4);
}

static struct err *pause_lanes(struct bus_ordered *ordered)
{
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < ordered->lane_count; i++) {
		struct lane *lane = &ordered->lanes[i];
		bool pause = must_pause(ordered, lane);
		if (pause == lane->is_paused)
			continue;
		err = bus_pause(ordered->inner, lane->topic, lane->partition, pause);
		lane->is_paused = pause;
	}
	return err;
}

static struct err *ordered_poll(struct bus *bus, int timeout_ms, struct bus_batch *batch)
{
	struct bus_ordered *ordered = ordered_of(bus);
	struct bus_batch inner;
	bool has_some = ordered->held_count > 0 && !ordered->is_blocked;
	release_handed_out(ordered);
	*batch = (struct bus_batch){ .records = ordered->records };
	struct err *err = bus_poll(ordered->inner, has_some ? 0 : timeout_ms, &inner);
	if (err != NULL)
		return err;
	if (passes(ordered, &inner)) {
		*batch = inner;
		return pause_lanes(ordered); /* a seek may have emptied one that is paused */
	}
	take_in(ordered, &inner);
	hand_out(ordered);
	batch->count = ordered->out_count;
	return pause_lanes(ordered);
}

/* ---- the group ------------------------------------------------------------------------------ */

static struct err *on_assigned(void *context, struct position *positions, size_t count)
{
	struct bus_ordered *ordered = context;
	struct err *err = ordered->listener.assigned(ordered->listener.context, positions, count);
	release_handed_out(ordered);
	lanes_free(ordered);
	if (err != NULL || count == 0)
		return err;
	ordered->lanes = check_calloc(count, sizeof *ordered->lanes);
	ordered->lane_count = count;
	for (size_t i = 0; i < count; i++)
		ordered->lanes[i] = (struct lane){ .topic = positions[i].topic,
						   .partition = positions[i].partition,
						   .last_ms = NO_TIME };
	return NULL;
}

static struct err *on_revoked(void *context, const struct position *positions, size_t count,
			      bool lost)
{
	struct bus_ordered *ordered = context;
	release_handed_out(ordered);
	lanes_free(ordered);
	return ordered->listener.revoked(ordered->listener.context, positions, count, lost);
}

static struct err *ordered_subscribe(struct bus *bus, const char *const *topics, size_t count,
				     const struct bus_listener *listener)
{
	struct bus_ordered *ordered = ordered_of(bus);
	CHECK(listener->no_headers);
	ordered->listener = *listener;
	const struct bus_listener own = { ordered, on_assigned, on_revoked, true };
	return bus_subscribe(ordered->inner, topics, count, &own);
}

static struct err *ordered_seek(struct bus *bus, const struct position *positions, size_t count)
{
	struct bus_ordered *ordered = ordered_of(bus);
	release_handed_out(ordered);
	for (size_t i = 0; i < count; i++) {
		struct lane *lane = lane_find(ordered, positions[i].topic, positions[i].partition);
		if (lane != NULL)
			lane_clear(ordered, lane);
	}
	return bus_seek(ordered->inner, positions, count);
}

static int64_t ordered_end_reached(struct bus *bus, const char *topic, int32_t partition)
{
	struct bus_ordered *ordered = ordered_of(bus);
	const struct lane *lane = lane_find(ordered, topic, partition);
	return lane != NULL && lane->count > 0 ? -1
					       : bus_end_reached(ordered->inner, topic, partition);
}

/* ---- what the inner bus does ---------------------------------------------------------------- */

static struct err *ordered_begin(struct bus *bus)
{
	return bus_begin(ordered_of(bus)->inner);
}

static struct err *ordered_produce(struct bus *bus, const struct outgoing *out)
{
	return bus_produce(ordered_of(bus)->inner, out);
}

static struct err *ordered_send_offsets(struct bus *bus, const struct position *positions,
					size_t count)
{
	return bus_send_offsets(ordered_of(bus)->inner, positions, count);
}

static struct err *ordered_commit_start(struct bus *bus)
{
	return bus_commit_start(ordered_of(bus)->inner);
}

static struct err *ordered_commit_end(struct bus *bus, bool wait, bool *done)
{
	return bus_commit_end(ordered_of(bus)->inner, wait, done);
}

static struct err *ordered_abort(struct bus *bus)
{
	return bus_abort(ordered_of(bus)->inner);
}

static struct err *ordered_committed(struct bus *bus, struct position *positions, size_t count)
{
	return bus_committed(ordered_of(bus)->inner, positions, count);
}

static struct err *ordered_pause(struct bus *bus, const char *topic, int32_t partition, bool pause)
{
	return bus_pause(ordered_of(bus)->inner, topic, partition, pause);
}

static struct err *ordered_watermarks(struct bus *bus, const char *topic, int32_t partition,
				      int64_t *low, int64_t *high)
{
	return bus_watermarks(ordered_of(bus)->inner, topic, partition, low, high);
}

static struct err *ordered_ends(struct bus *bus, struct position *positions, size_t count)
{
	return bus_ends(ordered_of(bus)->inner, positions, count);
}

static struct err *ordered_stable_ends(struct bus *bus, struct position *positions, size_t count)
{
	return bus_stable_ends(ordered_of(bus)->inner, positions, count);
}

static struct err *ordered_partition_count(struct bus *bus, const char *topic, int32_t *count)
{
	return bus_partition_count(ordered_of(bus)->inner, topic, count);
}

static struct err *ordered_read_all(struct bus *bus, const char *topic, int32_t partition,
				    struct err *(*each)(void *, const struct record *),
				    void *context)
{
	return bus_read_all(ordered_of(bus)->inner, topic, partition, each, context);
}

static struct err *ordered_read_from(struct bus *bus, const struct position *start,
				     struct err *(*each)(void *, const struct record *),
				     void *context)
{
	return bus_read_from(ordered_of(bus)->inner, start, each, context);
}

static int64_t ordered_known_end(struct bus *bus, const char *topic, int32_t partition)
{
	return bus_known_end(ordered_of(bus)->inner, topic, partition);
}

static struct err *ordered_ids(struct bus *bus, const char *const *topics, size_t count,
			       uint64_t *ids, char cluster[CLUSTER_ID_MAX + 1], int timeout_ms)
{
	return bus_ids(ordered_of(bus)->inner, topics, count, ids, cluster, timeout_ms);
}

size_t bus_ordered_waiting(const struct bus *bus)
{
	return ((const struct bus_ordered *)bus)->held_count;
}

size_t bus_ordered_bytes(const struct bus *bus)
{
	return ((const struct bus_ordered *)bus)->held_bytes;
}

struct bus *bus_ordered_unwrap(struct bus **bus)
{
	struct bus_ordered *ordered = ordered_of(*bus);
	struct bus *inner = ordered->inner;
	release_handed_out(ordered);
	lanes_free(ordered);
	free(ordered);
	*bus = NULL;
	return inner;
}

/* The inner bus leaves the group first: whom it tells is still there. */
static void ordered_close(struct bus *bus)
{
	struct bus_ordered *ordered = ordered_of(bus);
	bus_close(&ordered->inner);
	(void)bus_ordered_unwrap(&bus);
}

struct bus *bus_ordered_new(const struct bus_ordered_options *options, struct bus *inner)
{
	static const struct bus_ops ops = {
		.subscribe = ordered_subscribe,
		.poll = ordered_poll,
		.begin = ordered_begin,
		.produce = ordered_produce,
		.send_offsets = ordered_send_offsets,
		.commit_start = ordered_commit_start,
		.commit_end = ordered_commit_end,
		.abort = ordered_abort,
		.committed = ordered_committed,
		.seek = ordered_seek,
		.pause = ordered_pause,
		.watermarks = ordered_watermarks,
		.ends = ordered_ends,
		.stable_ends = ordered_stable_ends,
		.partition_count = ordered_partition_count,
		.read_all = ordered_read_all,
		.read_from = ordered_read_from,
		.end_reached = ordered_end_reached,
		.known_end = ordered_known_end,
		.ids = ordered_ids,
		.close = ordered_close,
	};
	struct bus_ordered *ordered = check_calloc(1, sizeof *ordered);
	ordered->bus.ops = &ops;
	ordered->options = *options;
	ordered->inner = inner;
	return &ordered->bus;
}
