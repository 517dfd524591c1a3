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
#include "cli/typed_topic.h"
#include "consumers/topics.h"
#include "kafka/writer.h"
#include "producers/ingest.h"
#include "schemas/event_types.h"

static const struct args_flag flags[] = {
	{ "map", "FILE", NULL, "the mapping from columns to event fields, JSON (csv: required)" },
	{ "topic", "TOPIC", NULL, "write here instead of the mapping's topic" },
	{ "from", "TIME", NULL, "only events at or after this time (1997-09-30, or ISO 8601)" },
	{ "until", "TIME", NULL, "only events before this time" },
	{ "limit", "N", NULL, "only the first N rows of the file" },
	{ "again", NULL, NULL, "send it once more, with the same ids, though it was sent before" },
	{ "accept-refused", NULL, NULL, "though none of the first rows is an event" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
					     NULL };

static const char *const examples[] = {
	"foretell ingest csv --map orders.json orders.csv.xz",
	"foretell ingest csv --map orders.json --until 1997-10-01 orders.csv",
	"foretell ingest jsonl --map tickets.json tickets.jsonl.gz",
	"foretell ingest avro company/crm.events.avro",
	NULL,
};

static const struct args_spec spec = {
	.command = "ingest",
	.operands = "csv|jsonl|avro FILE",
	.operand_count_min = 2,
	.operand_count_max = 2,
	.about =
		"Publishes the rows of a file (plain, .gz or .xz) as events, as the mapping says:\n"
		"delimited text, a JSON object a line, or an Avro object container. Files of\n"
		"foretell's own events need no mapping. A row that can't be one goes to the\n"
		"application's dlq; where none of the first 100 is an event, nothing is sent.\n"
		"Each file is sent exactly once: killed in the middle, the same command goes on\n"
		"where it stood. At the end the input is marked as ended, so that time goes on to\n"
		"its last moment.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

enum { ATTEMPTS_MAX = 4, NAME_DIGEST_LEN = 16, NAME_MAX_LEN = APP_ID_MAX + 32 };

static const char done_metadata[] = "v=1;complete", part_metadata[] = "v=1";

/* Kafka as a place for a file's records: a transaction at a time, the position in each. */
struct place {
	const struct client_options *client;
	const char *app_id, *topic, *dlq_topic; /* topic: from begin on */
	bool again;
	struct writer *writer; /* from begin on */
};

static struct err *place_send(void *context, const struct outgoing *out)
{
	struct place *place = context;
	return writer_send(place->writer, out);
}

static struct err *place_begin(void *context, const char *topic, const char *identity,
			       struct ingest_start *start)
{
	struct place *place = context;
	struct position position;
	char name[NAME_MAX_LEN];
	snprintf(name, sizeof name, "%s.ingest.%.*s", place->app_id, NAME_DIGEST_LEN, identity);
	place->topic = topic;
	struct err *err =
		writer_open_transactional(place->client, name, topic, &position, &place->writer);
	if (err == NULL)
		err = writer_partition_count(place->writer, topic, &start->partition_count);
	if (err == NULL)
		err = writer_partition_count(place->writer, place->dlq_topic,
					     &start->dlq_partition_count);
	if (err != NULL || place->again || position.offset < 0)
		return err;
	start->done = position.offset;
	start->complete = strcmp(position.metadata, done_metadata) == 0;
	return NULL;
}

static struct err *place_commit(void *context, int64_t done, bool complete)
{
	struct place *place = context;
	struct position position = { .topic = place->topic, .offset = done };
	snprintf(position.metadata, sizeof position.metadata, "%s",
		 complete ? done_metadata : part_metadata);
	/* from now on an attempt goes on where this one stood */
	struct err *err = writer_commit(place->writer, &position);
	place->again = place->again && err != NULL;
	/* whoever reads next, `run --until-end` for one, must see all of it */
	return err == NULL && complete ? writer_settle(place->writer, &position) : err;
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

/* When the events were, and what will make them of little use. */
static void times_print(const struct ingest_result *result)
{
	char first[TIME_TEXT_LEN + 1], last[TIME_TEXT_LEN + 1];
	if (result->last_ms == TIME_NONE) {
		printf("all of them are dated in the future, so the resolve stage will refuse them "
		       "(TIME_FUTURE)\n");
		return;
	}
	time_format(result->first_ms, first);
	time_format(result->last_ms, last);
	printf("events from %s to %s\n", first, last);
	if (result->disordered > result->events / 10)
		printf("%" PRId64 " of them are dated a day or more before one above them, and "
		       "will count as late: a mapping with \"order_by\": \"time\" sorts them\n",
		       result->disordered);
}

static void result_print(const struct ingest_result *result, const char *dlq)
{
	if (result->complete) {
		printf("the file was sent before, all %" PRId64
		       " records of it: nothing is sent; --again sends it once more\n",
		       result->resumed);
		return;
	}
	printf("%" PRId64 " rows: %" PRId64 " events to %s, %" PRId64 " to %s, %" PRId64
	       " outside the time asked for\n",
	       result->rows, result->events, result->topic, result->dlq_rows, dlq,
	       result->outside_rows);
	if (result->resumed > 0)
		printf("%" PRId64 " of these records were there already, from an earlier run\n",
		       result->resumed);
	if (result->events > 0)
		times_print(result);
	if (result->dlq_rows > 0)
		printf("see what was wrong with them: foretell tail dlq --raw\n");
}

/* One attempt: from where the last one's last commit stands. */
static struct err *file_send(struct place *place, struct ingest_options *options,
			     struct ingest_result *result)
{
	struct progress *progress = progress_new("ingest", "rows", -1);
	options->progress = progress_show;
	options->progress_context = progress;
	struct err *err = typed_topic_explain(ingest_run(options, result), place->topic);
	progress_finish(&progress);
	writer_close(&place->writer);
	return err;
}

static struct err *file_ingest(struct place *place, struct ingest_options *options)
{
	struct ingest_result result = { 0 };
	options->sink.send = place_send;
	options->sink.begin = place_begin;
	options->sink.commit = place_commit;
	options->sink.context = place;
	options->stop = stop_flag();
	struct err *err = file_send(place, options, &result);
	for (int i = 1;
	     i < ATTEMPTS_MAX && err != NULL && err_verdict(err) == ERR_ABORT && !result.stopped;
	     i++) {
		err_free(&err);
		err = file_send(place, options, &result);
	}
	if (err == NULL)
		result_print(&result, options->dlq_topic);
	if (err == NULL && result.stopped)
		return err_new(ERR_FATAL, "INTERRUPTED",
			       "interrupted; the input is not marked as ended. The same command "
			       "goes on where it stood");
	return err;
}

/* The format, and what says which events the rows are. */
static struct err *choose_rows(const struct args *args, struct ingest_options *options)
{
	static const char *const formats[] = { "csv", "jsonl", "avro" };
	const char *format = args_operand(args, 0), *map = args_value(args, "map", NULL);
	size_t i = 0;
	while (i < sizeof formats / sizeof formats[0] && strcmp(format, formats[i]) != 0)
		i++;
	if (i == sizeof formats / sizeof formats[0])
		return err_new(ERR_FATAL, "USAGE",
			       "\"%.80s\" is no format; there are csv, jsonl and avro", format);
	options->format = (enum row_format)i;
	options->topic = args_value(args, "topic", NULL);
	if (map != NULL)
		return mapping_load(map, &options->mapping);
	if (options->format == ROWS_CSV)
		return err_new(ERR_FATAL, "USAGE", "csv needs --map FILE");
	if (options->format == ROWS_AVRO)
		return NULL;
	const struct event_source *source =
		options->topic == NULL ? NULL : event_source_find(options->topic);
	if (source == NULL)
		return err_new(ERR_FATAL, "USAGE",
			       "jsonl needs --map FILE, or, where the lines are events as their "
			       "schema has them, --topic with one of the input topics");
	options->type = source->schema;
	return NULL;
}

static struct err *ingest_file(const struct args *args)
{
	const struct conf *conf = args_conf(args);
	char dlq[TOPIC_NAME_MAX + 1];
	struct options_client client;
	struct place place = { .client = &client.options,
			       .app_id = conf_string(conf, "app.id"),
			       .dlq_topic = dlq,
			       .again = args_switch(args, "again") };
	struct ingest_options options = { .path = args_operand(args, 1),
					  .dlq_topic = dlq,
					  .now_ms = time_wall_ms(),
					  .accept_refused = args_switch(args, "accept-refused") };
	topics_name(place.app_id, "dlq", dlq);
	options_client_init(&client, conf);

	struct err *err = choose_rows(args, &options);
	if (err == NULL)
		err = time_flag(args, "from", &options.from_ms);
	if (err == NULL)
		err = time_flag(args, "until", &options.until_ms);
	if (err == NULL)
		err = args_number(args, "limit", 0, 1, INT64_MAX, &options.limit);
	if (err == NULL)
		err = registry_open(conf_string(conf, "registry.url"), &options.registry);
	if (err == NULL)
		err = file_ingest(&place, &options);
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
