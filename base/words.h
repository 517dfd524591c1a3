/* A sentence in English and Chinese, made in step: what reasons are told with.
 *
 * The caller gives both buffers, and ends both with phrase_end. Threads: pure. Errors: none; what
 * doesn't fit is cut. */
#ifndef BASE_WORDS_H
#define BASE_WORDS_H

#include "base/limits.h"
#include "base/phrase.h"

struct words {
	struct phrase en, zh;
};

/* The sentences of up to REASONS_MAX reasons; what borrows them ends with this. */
struct reason_texts {
	char en[REASONS_MAX][REASON_TEXT_MAX], zh[REASONS_MAX][REASON_TEXT_MAX];
};

static inline struct words words_in(struct reason_texts *texts, size_t i)
{
	return (struct words){ phrase_in(texts->en[i], REASON_TEXT_MAX),
			       phrase_in(texts->zh[i], REASON_TEXT_MAX) };
}

void words_say(struct words *words, const char *en, const char *zh);

/* Rounded, and with one decimal; the same in both. */
void words_number(struct words *words, double number);
void words_tenths(struct words *words, double number);

#endif
