/* The command line of a subcommand: its own flags, configuration flags, operands, and --help.
 *
 * Any configuration option may be given as --NAME=VALUE or --NAME VALUE (see cli/options.h); short
 * forms that every command knows: --app, --brokers, --config, --registry, --help. Flags and
 * operands may be mixed; "--" ends the flags; names are not abbreviated.
 *
 *   int cmd_tail(int argc, char **argv)
 *   {
 *           struct args *args;
 *           int code = args_open(&tail_spec, argc, argv, &args);
 *           if (args == NULL)
 *                   return code;
 *           struct err *err = tail(args);
 *           args_close(&args);
 *           return exit_report("tail", &err);
 *   }
 *
 * Ownership: getters return borrowed values, good until args_close. Threads: one. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/conf.h"
#include "cli/exit.h"

enum {
	ARGS_FLAG_MAX = 24, /* a command's own flags */
	ARGS_OPERAND_MAX = 256,
};

struct args_flag {
	const char *name;	/* without the dashes: "limit" */
	const char *value_name; /* "N"; NULL: a switch, which takes no value */
	const char *option; /* the configuration option that this is short for; NULL: an own flag */
	const char *doc;
};

struct args_spec {
	const char *command;  /* "tail" */
	const char *operands; /* for the usage line: "TOPIC"; "" where there are none */
	size_t operand_count_min, operand_count_max;
	const char *about;	       /* what it does, in lines of at most 80 columns */
	const struct args_flag *flags; /* ends with a NULL name; may be NULL */
	const char *const *options;    /* configuration options worth showing in --help; NULL-ended,
					* may be NULL */
	const char *const *examples;   /* command lines, NULL-ended */
	bool quiet; /* logs errors only, unless log.level is set: a command that ends by itself */
};

struct args;

/* Parses argv (argv[0] is the command's name), loads the configuration (defaults, file,
 * environment, flags) and sets the log level. *args is new; NULL where there is nothing left to do:
 * --help was printed (EXIT_OK), or something was wrong and was said on stderr (EXIT_USAGE). */
int args_open(const struct args_spec *spec, int argc, char **argv, struct args **args);
void args_close(struct args **args);

const struct conf *args_conf(const struct args *args);

/* Own flags: whether a switch was given; a flag's value, `fallback` where it was not given. */
bool args_switch(const struct args *args, const char *name);
const char *args_value(const struct args *args, const char *name, const char *fallback);

/* An own flag's value as a whole number from min to max. Errors: FATAL USAGE. */
ERR_MUST_USE struct err *args_number(const struct args *args, const char *name, int64_t fallback,
				     int64_t min, int64_t max, int64_t *number);

size_t args_operand_count(const struct args *args);
const char *args_operand(const struct args *args, size_t i); /* NULL beyond the last */

#endif
