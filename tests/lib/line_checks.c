#include "tests/lib/line_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void must(struct err *err)
{
	if (err == NULL)
		return;
	fprintf(stderr, "%s: %s\n", err_code(err), err_text(err));
	abort();
}

size_t count_of(const char *text, const char *part)
{
	size_t count = 0;
	for (; (text = strstr(text, part)) != NULL; text++)
		count++;
	return count;
}

void expect_same(const char *expected, const char *actual, const char *what)
{
	size_t start = 0;
	if (strcmp(expected, actual) == 0)
		return;
	for (size_t i = 0; expected[i] == actual[i]; i++)
		if (expected[i] == '\n')
			start = i + 1;
	fail_msg("%s:\nexpected %.900s\ngot      %.900s", what, expected + start, actual + start);
}

void expect_same_of_seed(const char *expected, const char *actual, unsigned long long seed)
{
	char what[48];
	snprintf(what, sizeof what, "crashes of seed %llu", seed);
	expect_same(expected, actual, what);
}
