/* The clock of one partition of an internal log: the lowest tick of the log's writers.
 *
 * Control records move it: INPUTS gives the set of writers, TICK a writer's own clock. The clock
 * never goes back; before the set is known, and until every writer has ticked, there is none.
 *
 * For recovery two clocks matter: as of now, and as of Y, from where a replay would read the
 * control records again. The journal keeps the ticks between them, bounded by CLOCK_JOURNAL_MAX:
 * when it is full, log_clock_wants_drain asks for a checkpoint with Y = X.
 *
 * Layout of the encoded form (LOG_CLOCK_VERSION), integers little-endian: {u8 version, i64 clock,
 * u16 input_count, per input {u8 len, name, u32 partitions, i64 tick * partitions}}. */
#ifndef RUNTIME_LOG_CLOCK_H
#define RUNTIME_LOG_CLOCK_H

#include "schemas/types.h"

#define CLOCK_NONE INT64_MIN

enum {
	LOG_CLOCK_VERSION = 1,
	LOG_CLOCK_LEN_MAX = 16 + TOPICS_PER_STAGE_MAX * (8 + TOPIC_NAME_MAX) + WRITERS_MAX * 8
};

struct log_clock;

struct log_clock *log_clock_new(void);
void log_clock_free(struct log_clock **clock);

int64_t log_clock_now(const struct log_clock *clock); /* CLOCK_NONE: there is none yet */

/* Applies the control record at `offset`; *moved: whether the clock is ahead of where it was
 * (TICK), or the set of writers another one (INPUTS). Errors: POISON CLOCK_WRITER (not in the set),
 * CLOCK_INPUTS (too many writers). */
ERR_MUST_USE struct err *log_clock_apply(struct log_clock *clock, int64_t offset,
					 const struct control *control, bool *moved);

bool log_clock_wants_drain(const struct log_clock *clock);

/* The clock as of `y` (every control record below it), into out[LOG_CLOCK_LEN_MAX]; what the
 * journal holds below y is forgotten, so y must not fall between calls. */
size_t log_clock_encode(struct log_clock *clock, int64_t y, uint8_t *out);

/* Starts from an encoded clock; empty bytes: from none. Errors: FATAL CLOCK_INVALID. */
ERR_MUST_USE struct err *log_clock_decode(struct log_clock *clock, struct bytes encoded);

#endif
