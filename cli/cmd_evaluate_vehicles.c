#include <inttypes.h>
#include <stdio.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "evaluate/vehicles.h"
#include "simulate/simulate.h"

static const struct args_flag flags[] = {
	{ "seed", "N", NULL, "first company's seed (101)" },
	{ "companies", "N", NULL, "how many, with the seeds that follow (5)" },
	{ "months", "M", NULL, "of the calendar (30)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const no_options[] = { NULL };

static const char *const examples[] = { "foretell evaluate vehicles",
					"foretell evaluate vehicles --seed 7 --companies 1", NULL };

static const struct args_spec spec = {
	.command = "evaluate vehicles",
	.operands = "",
	.about = "Judges what charging, driving and competitors' promotions are worth for the\n"
		 "demand of the simulated company's vehicles, by region: forecasts of the next\n"
		 "weeks with and without them, and the sales that are lost when stock is moved\n"
		 "and ordered by each (docs/allocations.md). It is a simulation.",
	.flags = flags,
	.options = no_options,
	.examples = examples,
	.quiet = true,
};

enum { MONTHS_MIN = 19, MONTHS_LONGEST = VEHICLES_WEEKS_MAX / 5 };

int cmd_evaluate_vehicles(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	int64_t seed = 0, companies = 0, months = 0;
	struct vehicles_score scores[VEHICLES_WAYS] = { 0 };
	struct err *err = args_number(args, "seed", 101, 1, INT32_MAX, &seed);
	if (err == NULL)
		err = args_number(args, "companies", 5, 1, 100, &companies);
	if (err == NULL)
		err = args_number(args, "months", 30, MONTHS_MIN, MONTHS_LONGEST, &months);
	for (int64_t i = 0; err == NULL && i < companies; i++)
		err = vehicles_play((uint64_t)(seed + i), (int)months, scores);
	if (err == NULL) {
		printf("Simulated companies, seeds %" PRId64 " to %" PRId64 ", %" PRId64
		       " months each: the next %d weeks' demand of\n%d regions, from week %d "
		       "on.\n\n",
		       seed, seed + companies - 1, months, VEHICLES_HORIZON, REGION_COUNT,
		       VEHICLES_WEEKS_MIN + VEHICLES_WARM_UP);
		vehicles_print(stdout, scores);
	}
	args_close(&args);
	return exit_report("evaluate vehicles", &err);
}
