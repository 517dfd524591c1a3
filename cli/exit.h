/* How a command ends: the exit codes, documented in this one place, and the last words. */
#ifndef CLI_EXIT_H
#define CLI_EXIT_H

#include <stdio.h>

#include "base/err.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_UNREACHABLE = 3,
	EXIT_DIFFERENT = 4,
	EXIT_INTERRUPTED = 130,
};

/* The table of exit codes, as every --help shows it. */
void exit_print_codes(FILE *out);

/* Says on stderr what went wrong ("foretell COMMAND: text") and returns the code that belongs to
 * it. NULL is EXIT_OK. *err is freed and becomes NULL. */
int exit_report(const char *command, struct err **err);

#endif
