/* Text of a file's own encoding into UTF-8, and into error messages.
 *
 * Ownership: results are borrowed from the input or from the caller's arena. Threads: any. */
#ifndef PRODUCERS_TEXT_H
#define PRODUCERS_TEXT_H

#include "base/arena.h"
#include "base/bytes.h"

enum text_encoding { TEXT_UTF8, TEXT_LATIN1 };

/* `text` in `encoding` as UTF-8 into *out: borrowed from `text` where nothing changes, else from
 * `arena` (at most 2 * text.len bytes). False where it is not text in that encoding, or holds a
 * NUL, which no key or attribute may. */
bool text_to_utf8(enum text_encoding encoding, struct bytes text, struct arena *arena,
		  struct bytes *out);

enum { TEXT_SHOWN_LEN = 60 };

/* `text` for a message into shown: printable ASCII is kept, every other byte becomes '?', and what
 * is cut off leaves "..." behind. Returns shown. */
const char *text_show(struct bytes text, char shown[TEXT_SHOWN_LEN + 1]);

#endif
