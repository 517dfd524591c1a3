#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/exit.h"

/* What can be evaluated: each is a file cli/cmd_evaluate_*.c whose argv[0] is the kind's name. */
struct kind {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
};

static const struct kind kinds[] = {
	{ "churn", "who leaves, from any table of customers", cmd_evaluate_churn },
	{ "inactivity", "who falls silent, from a file of orders", cmd_evaluate_inactivity },
	{ "forecast", "series of a file, scored as in the M4 competition", cmd_evaluate_forecast },
	{ "company", "the churn model on simulated companies, beside an oracle",
	  cmd_evaluate_company },
	{ "vehicles", "signals for the demand of simulated vehicles, and what they save",
	  cmd_evaluate_vehicles },
	{ NULL, NULL, NULL },
};

static void help_print(FILE *out)
{
	fprintf(out, "Judges models on your own files, before anything is connected.\n\n"
		     "Usage: foretell evaluate KIND [FLAGS]\n\nKinds:\n");
	for (const struct kind *kind = kinds; kind->name != NULL; kind++)
		fprintf(out, "  %-12s %s\n", kind->name, kind->summary);
	fprintf(out, "\n`foretell evaluate KIND --help` says more.\n\n");
	exit_print_codes(out);
}

int cmd_evaluate(int argc, char **argv)
{
	if (argc < 2) {
		help_print(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_print(stdout);
		return EXIT_OK;
	}
	for (const struct kind *kind = kinds; kind->name != NULL; kind++)
		if (strcmp(kind->name, argv[1]) == 0)
			return kind->run(argc - 1, argv + 1);
	fprintf(stderr,
		"foretell evaluate: \"%.80s\" can't be evaluated. See `foretell evaluate "
		"--help`.\n",
		argv[1]);
	return EXIT_USAGE;
}
