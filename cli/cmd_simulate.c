#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/oracle_table.h"
#include "cli/progress.h"
#include "cli/simulate_out.h"
#include "cli/stop.h"
#include "simulate/manifest.h"

static const struct args_flag flags[] = {
	{ "seed", "N", NULL, "everything follows from it (1)" },
	{ "accounts", "A", NULL, "customers, those that come later included (2000)" },
	{ "months", "M", NULL, "of the calendar (12)" },
	{ "start", "DAY", NULL, "first day, a Monday (2024-01-01)" },
	{ "out", "DIR", NULL, "write the feeds as Avro containers, the truth and a manifest here" },
	{ "kafka", NULL, NULL, "publish the feeds on their topics" },
	{ "http", "URL", NULL, "post the feeds to an HTTP door (foretell serve)" },
	{ "token", "TOKEN", NULL, "for --http, where the door wants one" },
	{ "feeds", "LIST", NULL, "only these, e.g. crm,erp,support (all)" },
	{ "follow", NULL, NULL, "at the pace of --rate instead of as fast as possible" },
	{ "rate", "R", NULL, "records a second with --follow (100)" },
	{ "oracle", NULL, NULL, "no feeds: how well anybody could foretell this company's churn" },
	{ "futures", "K", NULL, "that the oracle lets each customer live (16)" },
	{ "vehicles", NULL, NULL,
	  "dealers sell electric vehicles, besides (docs/allocations.md)" },
	{ "clean", NULL, NULL, "plant nothing: no share below, no outages, no skewed clocks" },
	{ "unlinked", "SHARE", NULL, "of systems that nothing links to the account (0.01)" },
	{ "mislinked", "SHARE", NULL, "of ERP customers linked to a wrong account (0)" },
	{ "duplicates", "SHARE", NULL, "of events that come twice (0.01)" },
	{ "late", "SHARE", NULL, "of events that come hours or days late (0.02)" },
	{ "malformed", "SHARE", NULL, "of events with a broken record beside them (0.0005)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = { "kafka.bootstrap.servers", "registry.url", NULL };

static const char *const examples[] = {
	"foretell simulate --seed 7 --accounts 2000 --months 18 --out company",
	"foretell simulate --accounts 200 --kafka --follow --rate 500",
	"foretell simulate --oracle --seed 7",
	NULL,
};

static const struct args_spec spec = {
	.command = "simulate",
	.operands = "",
	.about =
		"Plays a company that does not exist: the linked events of its customers over all\n"
		"source topics, from causes that are known, so that foretell can be judged by the\n"
		"truth. The same flags give the same records. It is a simulation: no figure about\n"
		"it holds for a real company. See docs/simulate.md.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

enum { PATH_LEN_MAX = 4096 };

static struct err *share_flag(const struct args *args, const char *name, double *share)
{
	const char *text = args_value(args, name, NULL);
	if (text == NULL)
		return NULL;
	char *end;
	double value = strtod(text, &end);
	if (end == text || *end != '\0' || !(value >= 0 && value <= 0.5))
		return err_new(ERR_FATAL, "USAGE",
			       "--%s can't be \"%.80s\": expected a share from 0 to 0.5", name,
			       text);
	*share = value;
	return NULL;
}

static struct err *start_flag(const struct args *args, int64_t *start_ms)
{
	const char *text = args_value(args, "start", NULL);
	if (text == NULL)
		return NULL;
	if (time_parse(text, start_ms) && *start_ms % MS_PER_DAY == 0 &&
	    time_floor(*start_ms, MS_PER_WEEK, WEEK_ORIGIN_MS) == *start_ms)
		return NULL;
	return err_new(ERR_FATAL, "USAGE",
		       "--start can't be \"%.80s\": expected a Monday, e.g. 2024-01-01", text);
}

static struct err *options_read(const struct args *args, struct simulate_options *options)
{
	int64_t seed, accounts, months;
	*options = simulate_defaults();
	options->has_vehicles = args_switch(args, "vehicles");
	if (args_switch(args, "clean")) {
		options->unlinked = options->mislinked = 0;
		options->duplicates = options->late = options->malformed = 0;
		options->has_outages = options->has_skew = false;
	}
	struct err *err = args_number(args, "seed", 1, 0, INT64_MAX, &seed);
	if (err == NULL)
		err = args_number(args, "accounts", options->account_count, 1, IDENTITY_COUNT_MAX,
				  &accounts);
	if (err == NULL)
		err = args_number(args, "months", options->month_count, 1, SIMULATION_MONTHS_MAX,
				  &months);
	if (err == NULL)
		err = start_flag(args, &options->start_ms);
	if (err == NULL)
		err = share_flag(args, "unlinked", &options->unlinked);
	if (err == NULL)
		err = share_flag(args, "mislinked", &options->mislinked);
	if (err == NULL)
		err = share_flag(args, "duplicates", &options->duplicates);
	if (err == NULL)
		err = share_flag(args, "late", &options->late);
	if (err == NULL)
		err = share_flag(args, "malformed", &options->malformed);
	if (err != NULL)
		return err;
	options->seed = (uint64_t)seed;
	options->account_count = (uint32_t)accounts;
	options->month_count = (int)months;
	options->stop = stop_flag();
	return NULL;
}

static void day_show(void *context, int day, int day_count)
{
	(void)day_count;
	progress_update(context, day, -1);
}

/* ---- the oracle ---- */

static struct err *oracle(const struct args *args, const struct simulate_options *simulation)
{
	int64_t futures;
	struct oracle_report report;
	struct err *err = args_number(args, "futures", 16, 1, ORACLE_FUTURES_MAX, &futures);
	if (err != NULL)
		return err;
	struct progress *progress = progress_new(
		"oracle", "days", simulate_days(simulation->start_ms, simulation->month_count));
	const struct oracle_options options = { .seed = simulation->seed,
						.account_count = simulation->account_count,
						.month_count = simulation->month_count,
						.start_ms = simulation->start_ms,
						.future_count = (int)futures,
						.stop = simulation->stop,
						.progress = day_show,
						.progress_context = progress };
	err = oracle_run(&options, &report);
	progress_finish(&progress);
	if (err == NULL && report.stopped)
		return err_new(ERR_FATAL, "INTERRUPTED", "interrupted");
	if (err == NULL)
		oracle_table_print(stdout, &options, &report);
	return err;
}

/* ---- the feeds ---- */

static struct err *folder_make(const char *path)
{
	if (mkdir(path, 0777) == 0 || errno == EEXIST)
		return NULL;
	return err_new(ERR_FATAL, "SIMULATION_FILE", "can't make the folder %s: %s", path,
		       strerror(errno));
}

/* Makes DIR and DIR/truth, and opens the truth. */
static struct err *truth_make(const char *folder, struct truth **truth)
{
	char path[PATH_LEN_MAX];
	if (snprintf(path, sizeof path, "%s/truth", folder) >= (int)sizeof path)
		return err_new(ERR_FATAL, "USAGE", "--out is too long");
	struct err *err = folder_make(folder);
	if (err == NULL)
		err = folder_make(path);
	return err != NULL ? err : truth_open(path, truth);
}

static void result_print(const struct simulate_result *result)
{
	int64_t events = 0, others = 0;
	printf("%-18s %10s %10s %9s %9s %9s %9s\n", "a simulation", "events", "duplicates",
	       "malformed", "unlinked", "mislinked", "late");
	for (int i = 0; i < FEED_COUNT; i++) {
		const struct post_counts *counts = &result->counts[i];
		printf("%-18s %10" PRId64 " %10" PRId64 " %9" PRId64 " %9" PRId64 " %9" PRId64
		       " %9" PRId64 "\n",
		       feed_facts[i].topic, counts->events, counts->duplicates, counts->malformed,
		       counts->unlinked, counts->mislinked, counts->late);
		events += counts->events;
		others += counts->duplicates + counts->malformed;
	}
	printf("%" PRId64 " events, %" PRId64 " records; %" PRId64 " customers, %" PRId64 " left\n",
	       events, events + others, result->customers, result->left);
}

static struct err *refuse_future(const struct simulate_options *options)
{
	int64_t end_ms = options->start_ms +
			 simulate_days(options->start_ms, options->month_count) * MS_PER_DAY;
	char end[TIME_TEXT_LEN + 1];
	if (end_ms <= time_wall_ms())
		return NULL;
	time_format(end_ms, end);
	return err_new(ERR_FATAL, "USAGE",
		       "it would end at %s, and events of the future are refused: take an earlier "
		       "--start or fewer --months",
		       end);
}

static struct err *finish(struct err *err, struct err *next)
{
	if (err == NULL)
		return next;
	err_free(&next);
	return err;
}

/* Plays it into an open `out`. */
static struct err *play(struct simulate_options *options, struct simulate_out *out,
			struct simulate_result *result)
{
	struct progress *progress = progress_new(
		"simulate", "days", simulate_days(options->start_ms, options->month_count));
	options->sink = (struct post_sink){ simulate_out_send, out };
	options->progress = day_show;
	options->progress_context = progress;
	struct err *err = simulate_run(options, result);
	progress_finish(&progress);
	if (err == NULL && result->stopped)
		err = err_new(ERR_FATAL, "INTERRUPTED", "interrupted; no topic is marked as ended");
	if (err == NULL)
		err = simulate_out_end(out, result->end_ms);
	return err;
}

static struct err *feeds(const struct args *args, struct simulate_options *options)
{
	const char *folder = args_value(args, "out", NULL);
	struct simulate_out_options to = { .folder = folder,
					   .to_kafka = args_switch(args, "kafka"),
					   .url = args_value(args, "http", NULL),
					   .token = args_value(args, "token", NULL),
					   .feeds = args_value(args, "feeds", NULL),
					   .conf = args_conf(args),
					   .seed = options->seed,
					   .stop = options->stop };
	struct simulate_out *out = NULL;
	struct simulate_result result = { 0 };
	int64_t refused = 0;
	char manifest[PATH_LEN_MAX + 32];
	struct err *err = args_number(args, "rate", 100, 1, 100000000, &to.rate);
	if (!args_switch(args, "follow"))
		to.rate = 0;
	if (err == NULL && (to.to_kafka || to.url != NULL))
		err = refuse_future(options);
	if (err == NULL && folder != NULL)
		err = truth_make(folder, &options->truth);
	if (err == NULL)
		err = simulate_out_open(&to, &out);
	if (err == NULL)
		err = play(options, out, &result);
	refused = out == NULL ? 0 : simulate_out_refused(out);
	err = finish(err, simulate_out_close(&out));
	if (err == NULL && folder != NULL) {
		snprintf(manifest, sizeof manifest, "%s/truth/manifest.json", folder);
		err = manifest_write(options, &result, manifest);
	}
	err = finish(err, truth_close(&options->truth));
	if (err == NULL)
		result_print(&result);
	if (err == NULL && to.url != NULL)
		printf("%" PRId64 " malformed ones were refused by the door, and told so\n",
		       refused);
	return err;
}

int cmd_simulate(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct simulate_options options;
	struct err *err = options_read(args, &options);
	if (err == NULL)
		err = args_switch(args, "oracle") ? oracle(args, &options) : feeds(args, &options);
	args_close(&args);
	return exit_report("simulate", &err);
}
