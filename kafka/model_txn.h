/* The model's transaction coordinator: what the brokers know of each transactional id.
 *
 *   EMPTY --first write--> ONGOING --end, time-out, init by another--> ENDING --markers--> EMPTY
 *
 * The outcome is certain when ENDING begins; the markers follow one by one, each partition's at its
 * own time, and the group's committed positions with a marker of their own. Until the last one is
 * written the id's next transaction has to wait (CONCURRENT_TRANSACTIONS).
 *
 * Who initialises an id, or lets a transaction time out, raises its epoch: whatever comes with an
 * older one is refused (INVALID_PRODUCER_EPOCH). Threads: one. */
#ifndef KAFKA_MODEL_TXN_H
#define KAFKA_MODEL_TXN_H

#include "kafka/model_group.h"

enum model_answer {
	MODEL_OK,
	MODEL_FENCED,
	MODEL_BUSY, /* the transaction before isn't over: ask again */
	MODEL_NONE, /* no transaction is open that this could end */
};

struct model_producer;

struct model_txns {
	struct model_log *log;	   /* borrowed */
	struct model_clock *clock; /* borrowed */
	struct model_producer **producers;
	size_t count, room;
	int64_t timeout_ms; /* transaction.timeout.ms */
};

void model_txns_init(struct model_txns *txns, struct model_log *log, struct model_clock *clock);
void model_txns_fini(struct model_txns *txns);

/* What is known of an id, made where it is new. */
struct model_producer *model_txn_producer(struct model_txns *txns, const char *id);

/* InitProducerId: aborts what is open, fences others. MODEL_OK sets *epoch. */
enum model_answer model_txn_init(struct model_txns *txns, struct model_producer *producer,
				 unsigned *epoch);

/* Whether a write would be taken now. */
enum model_answer model_txn_ask(const struct model_producer *producer, unsigned epoch);

/* AddPartitionsToTxn and Produce. */
enum model_answer model_txn_write(struct model_txns *txns, struct model_producer *producer,
				  unsigned epoch, struct model_partition *partition,
				  const struct outgoing *out);

/* AddOffsetsToTxn and TxnOffsetCommit; the group has said yes to the member. */
enum model_answer model_txn_offsets(struct model_txns *txns, struct model_producer *producer,
				    unsigned epoch, struct model_group *group,
				    const struct model_positions *positions);

/* EndTxn. A transaction without writes is ended without the brokers' knowing. */
enum model_answer model_txn_end(struct model_txns *txns, struct model_producer *producer,
				unsigned epoch, bool commit);

/* Whether a transaction that isn't over holds a position of `group` for this partition. */
bool model_txn_holds(const struct model_txns *txns, const struct model_group *group,
		     const struct model_partition *partition);

/* Markers whose time has come; transactions whose time is over. */
void model_txns_run(struct model_txns *txns);

#endif
