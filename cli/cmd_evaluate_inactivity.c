#include <stdio.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "evaluate/inactivity.h"
#include "models/crew.h"

static const struct args_flag flags[] = {
	{ "orders", "FILE", NULL, "orders, one line each or several (required)" },
	{ "map", "FILE", NULL, "the mapping from columns to events, JSON (required)" },
	{ "cutoff", "DATE", NULL, "the moment to predict at; only what is before is learnt from" },
	{ "horizon-days", "N", NULL, "how long a silence is asked about (default 90)" },
	{ "active-days", "N", NULL,
	  "only customers who ordered in the N days before (default all)" },
	{ "out", "FILE", NULL, "the predictions; charts go to a folder beside it (required)" },
	{ "seed", "N", NULL, "of inner folds and draws (default 1)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell evaluate inactivity --orders orders.csv --map orders.json --cutoff 2011-09-01 "
	"--horizon-days 90 --out P.csv",
	NULL,
};

static const struct args_spec spec = {
	.command = "evaluate inactivity",
	.operands = "",
	.about =
		"Predicts from a file of orders which customers will order nothing within the\n"
		"horizon. It learns from the file as it was at several moments before the cutoff,\n"
		"and judges itself where the file goes on for the horizon behind it, beside the\n"
		"base rate, recency and a logistic baseline.",
	.flags = flags,
	.examples = examples,
	.quiet = true,
};

enum { HORIZON_DAYS_DEFAULT = 90, DAYS_MAX = 3660 };

static void step_show(void *context, const char *what, double share)
{
	(void)what;
	progress_update(context, (int64_t)(100 * share), share);
}

static struct err *evaluate(const struct args *args)
{
	struct inactivity_evaluation evaluation = { .orders_path = args_value(args, "orders", NULL),
						    .map_path = args_value(args, "map", NULL),
						    .out_path = args_value(args, "out", NULL),
						    .classifier = classifier_defaults(),
						    .out = stdout };
	const char *cutoff = args_value(args, "cutoff", NULL);
	int64_t seed = 1, horizon = 0, active = 0;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	if (evaluation.orders_path == NULL || evaluation.map_path == NULL ||
	    evaluation.out_path == NULL || cutoff == NULL)
		return err_new(ERR_FATAL, "USAGE",
			       "--orders, --map, --cutoff and --out are all needed; see --help");
	if (!time_parse(cutoff, &evaluation.cutoff_ms))
		return err_new(ERR_FATAL, "USAGE",
			       "--cutoff can't be \"%.80s\": expected a day such as 2011-09-01",
			       cutoff);
	struct err *err = args_number(args, "seed", 1, 0, INT64_MAX, &seed);
	if (err == NULL)
		err = args_number(args, "horizon-days", HORIZON_DAYS_DEFAULT, 7, DAYS_MAX,
				  &horizon);
	if (err == NULL)
		err = args_number(args, "active-days", 0, 0, DAYS_MAX, &active);
	if (err != NULL)
		return err;
	struct progress *progress = progress_new("evaluate", "%", 100);
	evaluation.horizon_days = (int)horizon;
	evaluation.active_days = (int)active;
	evaluation.classifier.seed = (uint64_t)seed;
	evaluation.classifier.thread_count = processors < 1	     ? 1
					     : processors > CREW_MAX ? CREW_MAX
								     : (size_t)processors;
	evaluation.classifier.progress = step_show;
	evaluation.classifier.progress_context = progress;
	err = inactivity_evaluate(&evaluation);
	progress_finish(&progress);
	return err;
}

int cmd_evaluate_inactivity(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = evaluate(args);
	args_close(&args);
	return exit_report("evaluate inactivity", &err);
}
