/* Poison never stops the line: its bytes go to the dlq as they came, with where they came from and
 * what is wrong with them in the headers (error, reason, topic, partition, offset, stage). */
#ifndef RUNTIME_DEAD_LETTER_H
#define RUNTIME_DEAD_LETTER_H

#include "runtime/effects.h"

#define DEAD_LETTER_TOPIC "dlq"

/* `why` is borrowed. The dlq has as many partitions as the inputs: it keeps the record's own. */
void dead_letter_send(struct effects *effects, const char *stage, const struct record *record,
		      const struct err *why);

#endif
