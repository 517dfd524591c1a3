/* Errors as values: NULL is success, anything else says what happened and what the caller should
 * do about it. Callers branch on the verdict, never on the text.
 *
 * Ownership: every function that returns a struct err * returns a new one; err_free it, or hand it
 * on. Threads: an err belongs to one thread at a time. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

enum err_verdict {
	ERR_RETRY = 1, /* the same call may succeed later */
	ERR_ABORT,     /* the transaction is lost: drop memory, recover, go on */
	ERR_FATAL,     /* nothing here can mend it: stop and say so */
	ERR_POISON,    /* this record is at fault: dead letter, the line goes on */
};

struct err;

#define ERR_MUST_USE __attribute__((warn_unused_result))

/* A new error. `code` is a literal in capitals ("SCHEMA_ID_UNKNOWN"), stable for machines; the text
 * tells a person what happened and what to do. Text beyond ERR_TEXT_MAX (limits.h) is cut, and what
 * is not UTF-8 in it becomes '?': it goes into logs, answers and headers, which need that. */
struct err *err_new(enum err_verdict verdict, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* `cause` (stolen) with "text: " put before its own text; verdict and code are kept. */
struct err *err_wrap(struct err *cause, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum err_verdict err_verdict(const struct err *err);
const char *err_code(const struct err *err); /* borrowed, a literal */
const char *err_text(const struct err *err); /* borrowed, lives as long as err */

void err_free(struct err **err); /* NULL-safe; *err becomes NULL */

#endif
