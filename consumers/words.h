/* A sentence in English and Chinese, made in step: what reasons are told with.
 *
 * The caller gives both buffers and reads their lengths (base/phrase). Threads: pure. Errors: none;
 * what doesn't fit is cut. */
#ifndef CONSUMERS_WORDS_H
#define CONSUMERS_WORDS_H

#include "base/phrase.h"

struct words {
	struct phrase en, zh;
};

void words_say(struct words *words, const char *en, const char *zh);

/* Rounded, and with one decimal; the same in both. */
void words_number(struct words *words, double number);
void words_tenths(struct words *words, double number);

#endif
