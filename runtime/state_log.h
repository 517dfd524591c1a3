/* The compacted topics that hold a stage's states, and what a record of them says: the meta topic
 * (clocks, and kinds that are not published), then one topic for each published kind.
 *
 * Errors of reading: FATAL STATE_FOREIGN: foretell did not write it; FATAL STATE_UNREADABLE; RETRY
 * where the registry is away. */
#ifndef RUNTIME_STATE_LOG_H
#define RUNTIME_STATE_LOG_H

#include "kafka/bus.h"
#include "runtime/processor.h"
#include "state/shelf.h"

enum { STATE_LOGS_MAX = STATE_KINDS_MAX + 1 };

struct state_log {
	const char *logical; /* name of the topic */
	int kind;	     /* whose states it holds; -1: the meta topic */
};

/* Fills logs; returns how many a processor has. */
size_t state_logs(const struct processor *processor, struct state_log logs[STATE_LOGS_MAX]);

enum state_saying {
	STATE_NOTHING, /* of another input's task */
	STATE_IS,
	STATE_GONE,
	STATE_CLOCK, /* value: the clock; absent: none */
};

struct state_word {
	enum state_saying saying;
	uint8_t kind;
	struct bytes key, value; /* borrowed from the record */
	int64_t lsn, due_ms;
};

/* What a record of `log` says to the task of `input`. scratch: room for the largest state. */
ERR_MUST_USE struct err *state_log_read(const struct processor *processor, const char *input,
					const struct state_log *log, const struct record *record,
					void *scratch, struct state_word *word);

/* Adds a state, or its end, to the batch (which may hold no other of its key), in place of the one
 * in the shelf. Errors: as shelf_get. */
ERR_MUST_USE struct err *state_word_add(const struct state_word *word, struct shelf *shelf,
					struct store_batch *batch);

#endif
