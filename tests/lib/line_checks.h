/* What the drivers of the whole line say of a run: all fail, or end, the running test. */
#ifndef TESTS_LIB_LINE_CHECKS_H
#define TESTS_LIB_LINE_CHECKS_H

#include <stddef.h>

#include "base/err.h"

/* A test can't go on after an error here: it says which, and aborts. */
void must(struct err *err);

/* How often `part` is in `text`. */
size_t count_of(const char *text, const char *part);

/* Two dumps (memory_line_dump) are the same, or the first line in which they differ is shown. */
void expect_same(const char *expected, const char *actual, const char *what);

/* The same for a run with crashes by `seed`. */
void expect_same_of_seed(const char *expected, const char *actual, unsigned long long seed);

#endif
