#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "consumers/topics.h"
#include "kafka/writer.h"
#include "producers/ingest.h"

static const struct args_flag flags[] = {
	{ "map", "FILE", NULL, "the mapping from columns to event fields, JSON (required)" },
	{ "topic", "TOPIC", NULL, "write here instead of the mapping's topic" },
	{ "from", "TIME", NULL, "only events at or after this time (1997-09-30, or ISO 8601)" },
	{ "until", "TIME", NULL, "only events before this time" },
	{ "limit", "N", NULL, "only the first N rows of the file" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
					     NULL };

static const char *const examples[] = {
	"foretell ingest csv --map orders.json orders.csv.xz",
	"foretell ingest csv --map orders.json --until 1997-10-01 orders.csv",
	NULL,
};

static const struct args_spec spec = {
	.command = "ingest",
	.operands = "csv FILE",
	.operand_count_min = 2,
	.operand_count_max = 2,
	.about = "Publishes the rows of a delimited text file (plain, .gz or .xz) as events, as "
		 "the\n"
		 "mapping says. A row that can't be one goes to the application's dlq. The same\n"
		 "file gives the same events, ids and order again. At the end the input is marked\n"
		 "as ended, so that time goes on to its last moment.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

enum { FLUSH_MS = 60000 };

static struct err *record_send(void *context, const struct outgoing *out)
{
	return writer_send(context, out);
}

static void progress_show(void *context, const struct ingest_progress *now)
{
	double share = now->total > 0 ? (double)now->done / (double)now->total : -1;
	/* reading and sending are one bar: where rows are sorted first, reading is half of it */
	if (now->phase == INGEST_SENDING)
		share = share < 0 ? share : (1 + share) / 2;
	else if (now->events == 0)
		share /= 2;
	progress_update(context, now->rows, share);
}

static struct err *time_flag(const struct args *args, const char *name, int64_t *ms)
{
	const char *text = args_value(args, name, NULL);
	*ms = TIME_NONE;
	if (text == NULL || time_parse(text, ms))
		return NULL;
	return err_new(ERR_FATAL, "USAGE",
		       "--%s can't be \"%.80s\": expected a day (1997-09-30) or a time "
		       "(1997-09-30T12:00:00Z)",
		       name, text);
}

static void result_print(const struct ingest_result *result, const char *topic, const char *dlq)
{
	printf("%" PRId64 " rows: %" PRId64 " events to %s, %" PRId64 " to %s, %" PRId64
	       " outside the time asked for\n",
	       result->rows, result->events, topic, result->dlq_rows, dlq, result->outside_rows);
	if (result->events > 0) {
		char first[TIME_TEXT_LEN + 1], last[TIME_TEXT_LEN + 1];
		time_format(result->first_ms, first);
		time_format(result->last_ms, last);
		printf("events from %s to %s\n", first, last);
	}
	if (result->dlq_rows > 0)
		printf("see what was wrong with them: foretell tail dlq --raw\n");
}

/* Sends the file; `writer` is open. */
static struct err *file_send(struct writer *writer, struct ingest_options *options)
{
	struct ingest_result result = { 0 };
	options->sink.send = record_send;
	options->sink.context = writer;
	struct err *err =
		writer_partition_count(writer, options->topic, &options->sink.partition_count);
	if (err == NULL)
		err = writer_partition_count(writer, options->dlq_topic,
					     &options->sink.dlq_partition_count);
	if (err != NULL)
		return err;
	struct progress *progress = progress_new("ingest", "rows", -1);
	options->progress = progress_show;
	options->progress_context = progress;
	options->stop = stop_flag();
	err = ingest_run(options, &result);
	struct err *flush_err = writer_flush(writer, FLUSH_MS);
	progress_finish(&progress);
	if (err == NULL) {
		err = flush_err;
		flush_err = NULL;
	}
	err_free(&flush_err);
	if (result.rows > 0 || err == NULL)
		result_print(&result, options->topic, options->dlq_topic);
	if (err == NULL && result.stopped)
		err = err_new(
			ERR_FATAL, "INTERRUPTED",
			"interrupted; the input is not marked as ended. The same command sends "
			"the same events, with the same ids, from the start");
	return err;
}

static struct err *ingest_file(const struct args *args)
{
	const struct conf *conf = args_conf(args);
	const char *map = args_value(args, "map", NULL);
	char dlq[TOPIC_NAME_MAX + 1];
	struct options_client client;
	struct writer *writer = NULL;
	struct ingest_options options = { .path = args_operand(args, 1), .dlq_topic = dlq };
	if (strcmp(args_operand(args, 0), "csv") != 0)
		return err_new(ERR_FATAL, "USAGE", "\"%.80s\" is no format; there is csv",
			       args_operand(args, 0));
	if (map == NULL)
		return err_new(ERR_FATAL, "USAGE", "it needs --map FILE");
	topics_name(conf_string(conf, "app.id"), "dlq", dlq);
	options_client_init(&client, conf);

	struct err *err = time_flag(args, "from", &options.from_ms);
	if (err == NULL)
		err = time_flag(args, "until", &options.until_ms);
	if (err == NULL)
		err = args_number(args, "limit", 0, 1, INT64_MAX, &options.limit);
	if (err == NULL)
		err = mapping_load(map, &options.mapping);
	if (err == NULL)
		err = registry_open(conf_string(conf, "registry.url"), &options.registry);
	if (err == NULL)
		err = writer_open(&client.options, &writer);
	if (err == NULL) {
		options.topic = args_value(args, "topic", mapping_info(options.mapping).topic);
		err = file_send(writer, &options);
	}
	if (writer != NULL)
		writer_close(&writer);
	registry_close(&options.registry);
	mapping_free(&options.mapping);
	return err;
}

int cmd_ingest(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = ingest_file(args);
	args_close(&args);
	return exit_report("ingest", &err);
}
