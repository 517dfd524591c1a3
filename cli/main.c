/* foretell: `foretell SUBCOMMAND ...`. Each subcommand is a file cli/cmd_*.c. */
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/stop.h"
#include "kafka/client.h"

#ifndef FORETELL_VERSION
#define FORETELL_VERSION "0.1.0"
#endif

struct command {
	const char *name, *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "topics", "create foretell's topics, or check those that exist", cmd_topics },
	{ "ingest", "publish the rows of a file as events", cmd_ingest },
	{ "serve", "take events in over HTTP", cmd_serve },
	{ "schemas", "list schemas, check a changed one before it is deployed", cmd_schemas },
	{ "simulate", "play a company whose truth is known", cmd_simulate },
	{ "run", "run the stages, all or some", cmd_run },
	{ "status", "show positions, lag, owners, and what a process tells", cmd_status },
	{ "webhook", "post alerts to an address, each until it is taken", cmd_webhook },
	{ "tail", "print a topic's records as JSON lines", cmd_tail },
	{ "timeline", "show what happened to an account, and its alerts", cmd_timeline },
	{ "explain", "show an account's state, score and reasons", cmd_explain },
	{ "feedback", "say something about an alert", cmd_feedback },
	{ "models", "show what was learnt, and make a version active", cmd_models },
	{ "series", "show the series that were deployed, and deploy others", cmd_series },
	{ "identity", "show the names of an account, and who told of each link", cmd_identity },
	{ "erase", "forget an account, and tell what remains where", cmd_erase },
	{ "risk", "rank the accounts by their risk", cmd_risk },
	{ "forecast", "plot forecasts against what came, and judge them", cmd_forecast },
	{ "allocations", "show what stock to move where, and why", cmd_allocations },
	{ "evaluate", "judge models on files, before connecting anything", cmd_evaluate },
	{ "diff", "compare the outputs of two applications", cmd_diff },
	{ "config", "print the configuration in effect, or the reference page", cmd_config },
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void help_print(FILE *out)
{
	fprintf(out,
		"foretell turns business events on Kafka into early warnings and forecasts.\n\n"
		"Usage: foretell SUBCOMMAND [FLAGS] [OPERANDS]\n\nSubcommands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
	fprintf(out,
		"\n`foretell SUBCOMMAND --help` says more. Configuration comes from defaults, a "
		"file\n(--config FILE or FORETELL_CONFIG), the environment "
		"(FORETELL_APP_ID=...) and flags\n(--app.id=...), in this order.\n\n");
	exit_print_codes(out);
}

static int unknown_report(const char *name)
{
	const char *names[COMMAND_COUNT];
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i].name;
	const char *nearest = conf_nearest(name, names, COMMAND_COUNT);
	fprintf(stderr, "foretell: there is no subcommand \"%s\"%s%s%s See `foretell --help`.\n",
		name, nearest ? "; did you mean \"" : ".", nearest ? nearest : "",
		nearest ? "\"?" : "");
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		help_print(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		help_print(stdout);
		return EXIT_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("foretell %s (librdkafka %s)\n", FORETELL_VERSION, client_version());
		return EXIT_OK;
	}
	const struct command *command = command_find(argv[1]);
	if (command == NULL)
		return unknown_report(argv[1]);
	stop_install();
	int code = command->run(argc - 1, argv + 1);
	/* a full disk or a closed pipe shows only here */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("foretell: can't write to stdout");
		return code == EXIT_OK ? EXIT_FAILED : code;
	}
	return code;
}
