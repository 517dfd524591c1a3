#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/exit.h"
#include "cli/stop.h"
#include "evaluate/company_fit.h"
#include "evaluate/company_report.h"

static const struct args_flag flags[] = {
	{ "seed", "N", NULL, "first company's seed (301)" },
	{ "companies", "N", NULL, "how many, with the seeds that follow (5)" },
	{ "accounts", "N", NULL, "customers of each (2000)" },
	{ "months", "M", NULL, "of the calendar (24)" },
	{ "from-day", "D", NULL, "looks before that day are learnt from but not judged (182)" },
	{ "futures", "K", NULL, "that the oracle lets each customer live (16)" },
	{ "fit", "FILE", NULL, "no judgement: fit the model's prior and write it here" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const no_options[] = { NULL };

static const char *const examples[] = {
	"foretell evaluate company",
	"foretell evaluate company --seed 7 --companies 1 --accounts 500",
	NULL,
};

static const struct args_spec spec = {
	.command = "evaluate company",
	.operands = "",
	.about = "Judges the churn model of the stream on simulated companies whose truth is "
		 "known,\n"
		 "beside an oracle that knows every cause. It learns as in the stream: an example\n"
		 "when its 90 days are over, after it was tested.",
	.flags = flags,
	.options = no_options,
	.examples = examples,
	.quiet = true,
};

struct job {
	int64_t seed, companies, accounts, months, from_day, futures;
	const char *fit;
};

static struct err *job_read(const struct args *args, struct job *job)
{
	job->fit = args_value(args, "fit", NULL);
	struct err *err = args_number(args, "seed", 301, 1, INT32_MAX, &job->seed);
	if (err == NULL)
		err = args_number(args, "companies", 5, 1, 100, &job->companies);
	if (err == NULL)
		err = args_number(args, "accounts", 2000, 10, ORACLE_ACCOUNTS_MAX, &job->accounts);
	if (err == NULL)
		err = args_number(args, "months", 24, 6, SIMULATION_MONTHS_MAX, &job->months);
	if (err == NULL)
		err = args_number(args, "from-day", 182, 0, SIMULATION_DAYS_MAX, &job->from_day);
	if (err == NULL)
		err = args_number(args, "futures", 16, 1, ORACLE_FUTURES_MAX, &job->futures);
	return err;
}

static struct err *fit(const struct job *job, const struct company_table *table)
{
	char from[128];
	FILE *out = fopen(job->fit, "w");
	if (out == NULL)
		return err_new(ERR_FATAL, "FILE", "can't write %s", job->fit);
	snprintf(from, sizeof from,
		 "--seed %" PRId64 " --companies %" PRId64 " --accounts %" PRId64
		 " --months %" PRId64,
		 job->seed, job->companies, job->accounts, job->months);
	company_fit_print(out, table, from);
	if (fclose(out) != 0)
		return err_new(ERR_FATAL, "FILE", "can't write %s", job->fit);
	return NULL;
}

static struct err *judge(const struct job *job, const struct company_table *table)
{
	printf("Simulated companies, seeds %" PRId64 " to %" PRId64 ": %" PRId64
	       " customers, %" PRId64
	       " months each. A look at each\ncustomer every %d days, judged "
	       "from day %" PRId64
	       " on; the model's prior was fitted on other seeds, and it\nlearns "
	       "each example %d days later, after it was tested.\n\n",
	       job->seed, job->seed + job->companies - 1, job->accounts, job->months,
	       ORACLE_DAYS_BETWEEN, job->from_day, HAZARD_HORIZON_DAYS);
	company_report_print(stdout, table, (int)job->from_day);
	return NULL;
}

int cmd_evaluate_company(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct job job;
	struct company_table table = { 0 };
	struct err *err = job_read(args, &job);
	for (int64_t i = 0; i < job.companies && err == NULL; i++) {
		const struct company_options options = { .seed = (uint64_t)(job.seed + i),
							 .account_count = (uint32_t)job.accounts,
							 .month_count = (int)job.months,
							 /* a fit asks the oracle nothing */
							 .future_count =
								 job.fit ? 1 : (int)job.futures,
							 .keep_features = job.fit != NULL,
							 .stop = stop_flag() };
		err = company_play(&options, &table);
	}
	if (err == NULL)
		err = job.fit != NULL ? fit(&job, &table) : judge(&job, &table);
	company_table_fini(&table);
	args_close(&args);
	return exit_report("evaluate company", &err);
}
