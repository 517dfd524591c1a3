#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "evaluate/churn.h"
#include "models/crew.h"

static const struct args_flag flags[] = {
	{ "train", "FILE", NULL, "rows to learn from: delimited text with a header (required)" },
	{ "test", "FILE", NULL,
	  "rows to predict, and to judge by if they have the label (required)" },
	{ "label", "COLUMN", NULL, "the column that says what came (required)" },
	{ "positive", "VALUE", NULL, "what it says where the outcome came; found out if clear" },
	{ "id", "COLUMN", NULL, "names the rows in the predictions; found out if there is one" },
	{ "drop", "COLUMNS", NULL, "columns to leave out, with commas between" },
	{ "out", "FILE", NULL, "the predictions; charts go to a folder beside it (required)" },
	{ "model", "FILE", NULL, "a model of XGBoost (JSON) or LightGBM (text) to judge beside" },
	{ "golden", "FILE", NULL, "what its own program predicts: its columns and \"prediction\"" },
	{ "seed", "N", NULL, "of inner folds and draws (default 1)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell evaluate churn --train A.csv --test B.csv --label Churn --out P.csv",
	"foretell evaluate churn --train A.csv --test B.csv --label Status --positive Churned "
	"--out P.csv",
	NULL,
};

static const struct args_spec spec = {
	.command = "evaluate churn",
	.operands = "",
	.about = "Learns from one export who leaves and predicts another's rows: logistic\n"
		 "regression and boosted trees, chosen and calibrated on inner folds of the "
		 "training\n"
		 "file. Where the test file has the label, too, it says how good that is, beside "
		 "the\n"
		 "base rate and a logistic baseline; it says so where nothing can be known. "
		 "Columns\n"
		 "of numbers, dates and categories are found by themselves.",
	.flags = flags,
	.examples = examples,
	.quiet = true,
};

enum { DROPPED_MAX = 60 };

static void step_show(void *context, const char *what, double share)
{
	(void)what;
	progress_update(context, (int64_t)(100 * share), share);
}

/* Every name between commas; text is cut up in place. */
static struct err *split_names(char *text, const char *names[DROPPED_MAX + 1])
{
	size_t count = 0;
	while (text != NULL && *text != '\0') {
		char *comma = strchr(text, ',');
		if (count == DROPPED_MAX)
			return err_new(ERR_FATAL, "USAGE", "--drop takes up to %d columns",
				       DROPPED_MAX);
		names[count++] = text;
		if (comma != NULL)
			*comma = '\0';
		text = comma != NULL ? comma + 1 : NULL;
	}
	names[count] = NULL;
	return NULL;
}

static size_t processor_count(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count < 1 ? 1 : count > CREW_MAX ? CREW_MAX : (size_t)count;
}

static struct err *evaluate(const struct args *args)
{
	const char *names[DROPPED_MAX + 1] = { NULL };
	struct churn_evaluation evaluation = { .train_path = args_value(args, "train", NULL),
					       .test_path = args_value(args, "test", NULL),
					       .out_path = args_value(args, "out", NULL),
					       .label = args_value(args, "label", NULL),
					       .positive = args_value(args, "positive", NULL),
					       .id = args_value(args, "id", NULL),
					       .model_path = args_value(args, "model", NULL),
					       .golden_path = args_value(args, "golden", NULL),
					       .dropped = names,
					       .classifier = classifier_defaults(),
					       .out = stdout };
	int64_t seed = 1;
	if (evaluation.train_path == NULL || evaluation.test_path == NULL ||
	    evaluation.label == NULL || evaluation.out_path == NULL)
		return err_new(ERR_FATAL, "USAGE",
			       "--train, --test, --label and --out are all needed; see --help");
	if ((evaluation.model_path == NULL) != (evaluation.golden_path == NULL))
		return err_new(ERR_FATAL, "USAGE",
			       "--model and --golden belong together: a model whose predictions "
			       "can't be checked is not used");
	struct err *err = args_number(args, "seed", 1, 0, INT64_MAX, &seed);
	if (err != NULL)
		return err;
	char *dropped = check_strdup(args_value(args, "drop", ""));
	err = split_names(dropped, names);
	if (err == NULL) {
		struct progress *progress = progress_new("evaluate", "%", 100);
		evaluation.classifier.seed = (uint64_t)seed;
		evaluation.classifier.thread_count = processor_count();
		evaluation.classifier.progress = step_show;
		evaluation.classifier.progress_context = progress;
		err = churn_evaluate(&evaluation);
		progress_finish(&progress);
	}
	free(dropped);
	return err;
}

int cmd_evaluate_churn(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = evaluate(args);
	args_close(&args);
	return exit_report("evaluate churn", &err);
}
