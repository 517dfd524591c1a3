/* The text that travels with a committed offset: where recovery has to begin, and under which logic
 * the states were made.
 *
 *     Y=123;v=1;i=0badcafe;s=12345678    X is the committed offset; i and s: of which logs, below
 *     Y=123;v=1;d=870000000000;k=0;c=…   the record at X is a tick that is partly done: every timer
 *                                        up to (due d, kind k, key c in hex) has fired
 */
#ifndef RUNTIME_CHECKPOINT_H
#define RUNTIME_CHECKPOINT_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

/* How far a tick has come. */
struct tick_cursor {
	bool present;
	int64_t due_ms;
	uint8_t kind, key_len;
	uint8_t key[KEY_LEN_MAX];
};

struct checkpoint {
	int64_t x, y;
	uint32_t logic_version;
	uint32_t input_id;  /* of the log that x and y are offsets of; 0: not known */
	uint32_t states_id; /* of the topics that hold the states; 0: not known */
	struct tick_cursor cursor;
};

/* Order of (due, kind, key) against the cursor: <= 0 where it has fired. An absent cursor: > 0. */
int tick_cursor_compare(const struct tick_cursor *cursor, int64_t due_ms, uint8_t kind,
			struct bytes key);
void tick_cursor_set(struct tick_cursor *cursor, int64_t due_ms, uint8_t kind, struct bytes key);

void checkpoint_format(const struct checkpoint *checkpoint, char text[POSITION_TEXT_MAX]);

/* Whether they are of the same commit, as far as can be told. */
bool checkpoint_equal(const struct checkpoint *a, const struct checkpoint *b);

/* Errors: FATAL CHECKPOINT_FOREIGN: not foretell's, or damaged. */
ERR_MUST_USE struct err *checkpoint_parse(int64_t x, const char *text,
					  struct checkpoint *checkpoint);

#endif
