/* The column that says what came: which of its spellings mean yes.
 *
 * Spellings are compared without capitals; yes, y, true, t and 1 (and 1.0) are one answer, no, n,
 * false, f and 0 another. Without a value that is said to be positive, the column must have two
 * answers, and one of them must be a known yes, or speak of leaving (churned, left, lost ...).
 *
 * Ownership: a label owns its answers. Threads: read only. */
#ifndef EVALUATE_LABEL_H
#define EVALUATE_LABEL_H

#include "evaluate/table.h"

enum { LABEL_NONE = 2, LABEL_ANSWER_MAX = 64 };

struct label {
	size_t column;			     /* of the table it was made from */
	char positive[LABEL_ANSWER_MAX];     /* as the file spells it, for messages */
	char positive_key[LABEL_ANSWER_MAX]; /* as it is compared */
	char negative_key[LABEL_ANSWER_MAX]; /* "": everything else is negative */
	size_t others;			     /* answers beside the positive one */
};

/* Finds column `name` and what it says; `positive`: the value that means yes, NULL: found out.
 * Errors: FATAL LABEL_MISSING (no such column; it names those there are), LABEL_VALUES (no answers,
 * one only, or more than two without `positive`), LABEL_POSITIVE (`positive` never occurs, or it
 * isn't clear which of two it is). */
ERR_MUST_USE struct err *label_init(struct label *label, const struct table *table,
				    const char *name, const char *positive);

/* 1, 0, or LABEL_NONE where the text is missing or, in a column of two answers, neither. */
uint8_t label_of(const struct label *label, struct bytes text);

#endif
