/* The command line of a bench program: NAME=VALUE words. A name that the program does not ask for
 * itself must be one of foretell's own options (cli/options.h), so that what a bench runs with is
 * the shipped defaults unless it is said.
 *
 * Ownership: values are borrowed from argv. Threads: one. */
#ifndef TESTS_BENCH_JOB_SETTINGS_H
#define TESTS_BENCH_JOB_SETTINGS_H

#include "base/conf.h"

struct settings {
	char **words;
	int word_count;
	struct conf *conf; /* owned */
};

/* `own`: the program's names, NULL-ended. Errors: FATAL USAGE, as conf_set. */
ERR_MUST_USE struct err *settings_open(int argc, char **argv, const char *const *own,
				       struct settings *settings);
void settings_close(struct settings *settings);

const char *settings_text(const struct settings *settings, const char *name, const char *fallback);

/* Errors: FATAL USAGE. */
ERR_MUST_USE struct err *settings_number(const struct settings *settings, const char *name,
					 int64_t fallback, int64_t min, int64_t max,
					 int64_t *number);

#endif
