#include "cli/exit.h"

#include <string.h>

static const struct {
	enum exit_code code;
	const char *meaning;
} codes[] = {
	{ EXIT_OK, "done" },
	{ EXIT_FAILED, "failed; stderr says why" },
	{ EXIT_USAGE, "wrong usage or configuration" },
	{ EXIT_UNREACHABLE, "broker or schema registry can't be reached" },
	{ EXIT_DIFFERENT, "a check failed or differences were found" },
	{ EXIT_INTERRUPTED, "interrupted before the work was done" },
};

void exit_print_codes(FILE *out)
{
	fputs("Exit codes:\n", out);
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		fprintf(out, "  %3d  %s\n", (int)codes[i].code, codes[i].meaning);
}

static enum exit_code code_of(const struct err *err)
{
	const char *code = err_code(err);
	if (strcmp(code, "USAGE") == 0 || strncmp(code, "CONF_", strlen("CONF_")) == 0 ||
	    strcmp(code, "BUS_OPTION") == 0 || strcmp(code, "REGISTRY_URL") == 0)
		return EXIT_USAGE;
	if (strcmp(code, "BUS_UNREACHABLE") == 0 || strcmp(code, "REGISTRY_UNREACHABLE") == 0)
		return EXIT_UNREACHABLE;
	if (strcmp(code, "CHECK_FAILED") == 0 || strcmp(code, "DIFFERENT") == 0)
		return EXIT_DIFFERENT;
	if (strcmp(code, "INTERRUPTED") == 0)
		return EXIT_INTERRUPTED;
	return EXIT_FAILED;
}

int exit_report(const char *command, struct err **err)
{
	if (*err == NULL)
		return EXIT_OK;
	int code = (int)code_of(*err);
	fprintf(stderr, "foretell %s: %s\n", command, err_text(*err));
	if (strcmp(err_code(*err), "BUS_UNREACHABLE") == 0)
		fprintf(stderr,
			"Is the broker up? Its address is the option kafka.bootstrap.servers "
			"(--brokers host:port).\n");
	err_free(err);
	return code;
}
