#include "kafka/model_txn.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
	PRODUCERS_MAX = 1024,
	TOUCHED_MAX = TASKS_MAX * 4,
	TIMEOUT_MS = 60000,
};

enum txn_phase {
	TXN_EMPTY,
	TXN_ONGOING,
	TXN_ENDING,
};

/* A partition that the transaction has written to. */
struct touched {
	struct model_partition *partition;
	int64_t marker_ms; /* when its marker is written, once it is ENDING */
	bool marked;
};

struct model_producer {
	char *id;
	unsigned epoch;
	enum txn_phase phase;
	bool commits; /* ENDING: the outcome */
	size_t txn;
	int64_t began_ms;
	struct touched *touched;
	size_t touched_count, touched_room;
	struct model_group *group; /* of the pending positions */
	struct model_positions pending;
	int64_t positions_ms; /* when they are applied or dropped */
	bool positions_done;
};

void model_txns_init(struct model_txns *txns, struct model_log *log, struct model_clock *clock)
{
	*txns = (struct model_txns){ .log = log, .clock = clock, .timeout_ms = TIMEOUT_MS };
}

void model_txns_fini(struct model_txns *txns)
{
	for (size_t i = 0; i < txns->count; i++) {
		free(txns->producers[i]->id);
		free(txns->producers[i]->touched);
		model_positions_fini(&txns->producers[i]->pending);
		free(txns->producers[i]);
	}
	free(txns->producers);
}

struct model_producer *model_txn_producer(struct model_txns *txns, const char *id)
{
	for (size_t i = 0; i < txns->count; i++)
		if (strcmp(txns->producers[i]->id, id) == 0)
			return txns->producers[i];
	CHECK(txns->count < PRODUCERS_MAX);
	txns->producers = model_grow(txns->producers, txns->count, &txns->room,
				     sizeof(struct model_producer *));
	struct model_producer *producer = check_calloc(1, sizeof *producer);
	producer->id = check_strdup(id);
	txns->producers[txns->count++] = producer;
	return producer;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void begin_end(struct model_txns *txns, struct model_producer *producer, bool commit)
{
	model_log_decide(txns->log, producer->txn, commit);
	producer->phase = TXN_ENDING;
	producer->commits = commit;
	for (size_t i = 0; i < producer->touched_count; i++)
		producer->touched[i].marker_ms = model_much_later(txns->clock);
	producer->positions_ms = model_much_later(txns->clock);
}

static void write_markers(struct model_txns *txns, struct model_producer *producer)
{
	int64_t now_ms = txns->clock->now_ms;
	bool all = true;
	for (size_t i = 0; i < producer->touched_count; i++) {
		struct touched *touched = &producer->touched[i];
		if (!touched->marked && touched->marker_ms <= now_ms) {
			model_log_mark(txns->log, touched->partition, producer->txn);
			touched->marked = true;
		}
		all = all && touched->marked;
	}
	if (!producer->positions_done && producer->positions_ms <= now_ms) {
		if (producer->commits && producer->group != NULL)
			model_group_commit(producer->group, &producer->pending);
		producer->positions_done = true;
	}
	if (!all || !producer->positions_done)
		return;
	producer->touched_count = 0;
	producer->pending.count = 0;
	producer->group = NULL;
	producer->txn = 0;
	producer->phase = TXN_EMPTY;
}

void model_txns_run(struct model_txns *txns)
{
	for (size_t i = 0; i < txns->count; i++) {
		struct model_producer *producer = txns->producers[i];
		if (producer->phase == TXN_ONGOING &&
		    txns->clock->now_ms - producer->began_ms > txns->timeout_ms) {
			producer->epoch++;
			begin_end(txns, producer, false);
		}
		if (producer->phase == TXN_ENDING)
			write_markers(txns, producer);
	}
}

enum model_answer model_txn_end(struct model_txns *txns, struct model_producer *producer,
				unsigned epoch, bool commit)
{
	if (epoch != producer->epoch)
		return MODEL_FENCED;
	if (producer->phase != TXN_ONGOING)
		return MODEL_NONE;
	begin_end(txns, producer, commit);
	write_markers(txns, producer);
	return MODEL_OK;
}

enum model_answer model_txn_init(struct model_txns *txns, struct model_producer *producer,
				 unsigned *epoch)
{
	if (producer->phase == TXN_ONGOING) {
		producer->epoch++;
		begin_end(txns, producer, false);
	}
	if (producer->phase == TXN_ENDING)
		write_markers(txns, producer);
	if (producer->phase == TXN_ENDING)
		return MODEL_BUSY;
	*epoch = ++producer->epoch;
	return MODEL_OK;
}

/* ---- the course ----------------------------------------------------------------------------- */

enum model_answer model_txn_ask(const struct model_producer *producer, unsigned epoch)
{
	if (epoch != producer->epoch)
		return MODEL_FENCED;
	return producer->phase == TXN_ENDING ? MODEL_BUSY : MODEL_OK;
}

static enum model_answer join_in(struct model_txns *txns, struct model_producer *producer,
				 unsigned epoch)
{
	enum model_answer answer = model_txn_ask(producer, epoch);
	if (answer != MODEL_OK || producer->phase == TXN_ONGOING)
		return answer;
	producer->phase = TXN_ONGOING;
	producer->txn = model_log_begin(txns->log);
	producer->began_ms = txns->clock->now_ms;
	producer->positions_done = false;
	return MODEL_OK;
}

static void touch(struct model_producer *producer, struct model_partition *partition)
{
	for (size_t i = 0; i < producer->touched_count; i++)
		if (producer->touched[i].partition == partition)
			return;
	CHECK(producer->touched_count < TOUCHED_MAX);
	producer->touched = model_grow(producer->touched, producer->touched_count,
				       &producer->touched_room, sizeof *producer->touched);
	producer->touched[producer->touched_count++] = (struct touched){ .partition = partition };
}

enum model_answer model_txn_write(struct model_txns *txns, struct model_producer *producer,
				  unsigned epoch, struct model_partition *partition,
				  const struct outgoing *out)
{
	enum model_answer answer = join_in(txns, producer, epoch);
	if (answer != MODEL_OK)
		return answer;
	touch(producer, partition);
	model_log_append(txns->log, partition, out, producer->txn);
	return MODEL_OK;
}

enum model_answer model_txn_offsets(struct model_txns *txns, struct model_producer *producer,
				    unsigned epoch, struct model_group *group,
				    const struct model_positions *positions)
{
	enum model_answer answer = join_in(txns, producer, epoch);
	if (answer != MODEL_OK)
		return answer;
	producer->group = group;
	for (size_t i = 0; i < positions->count; i++)
		model_positions_put(&producer->pending, &positions->items[i]);
	return MODEL_OK;
}

bool model_txn_holds(const struct model_txns *txns, const struct model_group *group,
		     const struct model_partition *partition)
{
	for (size_t i = 0; i < txns->count; i++)
		if (txns->producers[i]->group == group && !txns->producers[i]->positions_done &&
		    model_positions_find(&txns->producers[i]->pending, partition) != NULL)
			return true;
	return false;
}
