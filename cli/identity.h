/* Who this process is to Kafka: a name in a file beside its store, made at random the first time.
 * Whoever has the store has the identity, so a restart takes its partitions back at once (static
 * membership) and settles its own old transaction. */
#ifndef CLI_IDENTITY_H
#define CLI_IDENTITY_H

#include "base/err.h"

enum { IDENTITY_LEN = 16 };

/* Reads `path`, or makes it. Errors: FATAL IDENTITY (unreadable, damaged: the text says what to
 * do). */
ERR_MUST_USE struct err *identity_load(const char *path, char identity[IDENTITY_LEN + 1]);

#endif
