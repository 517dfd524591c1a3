#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/decode.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "cli/typed_topic.h"
#include "consumers/topics.h"
#include "kafka/reader.h"

static const struct args_flag flags[] = {
	{ "follow", NULL, NULL, "go on at the end and wait for more" },
	{ "from-end", NULL, NULL, "only what comes from now on; with --follow" },
	{ "limit", "N", NULL, "end after N records" },
	{ "raw", NULL, NULL, "do not decode values: show their bytes" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
					     NULL };

static const char *const examples[] = {
	"foretell tail alerts --follow --from-end",
	"foretell tail scores --limit 5",
	"foretell tail dlq | jq -r '.headers.reason' | sort | uniq -c",
	"foretell tail some.other.topic --brokers kafka-1:9092",
	NULL,
};

static const struct args_spec spec = {
	.command = "tail",
	.operands = "TOPIC",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "Prints a topic's committed records as JSON lines: topic, partition, offset,\n"
		 "timestamp (ms), key, headers, value. TOPIC is one of foretell's logical names\n"
		 "(alerts, scores, accounts, forecasts, forecast.accuracy, dlq, ...) or any full\n"
		 "name. Order holds within a partition. A value that can't be decoded shows as\n"
		 "{\"base64\": ..., \"error\": ...}, a deleted one as null.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

struct tail {
	struct decoder *decoder; /* NULL with --raw */
	int64_t left;		 /* records; negative: no limit */
};

static struct err *record_print(void *context, const struct record *record)
{
	struct tail *tail = context;
	json_t *json;
	struct err *err = decode_record(tail->decoder, record, &json);
	if (err != NULL)
		return err;
	int failed = json_dumpf(json, stdout, JSON_COMPACT | JSON_REAL_PRECISION(17));
	json_decref(json);
	if (failed != 0 || fputc('\n', stdout) == EOF || fflush(stdout) != 0)
		return err_new(ERR_FATAL, "TAIL_STDOUT", "can't write to stdout: %s",
			       strerror(errno));
	if (tail->left > 0 && --tail->left == 0)
		return err_new(ERR_FATAL, "TAIL_LIMIT", "the limit is reached");
	/* the reader looks at the flag only while it follows */
	return stop_requested() ? err_new(ERR_FATAL, "INTERRUPTED", "interrupted") : NULL;
}

static struct err *topic_print(const struct args *args, struct tail *tail)
{
	const struct conf *conf = args_conf(args);
	char topic[TOPIC_NAME_MAX + 1];
	if (!topics_resolve(conf_string(conf, "app.id"), args_operand(args, 0), topic))
		return err_new(ERR_FATAL, "USAGE", "a topic's name has 1 to %d characters",
			       TOPIC_NAME_MAX);
	struct options_client client;
	options_client_init(&client, conf);
	const struct reader_options reader = { .client = &client.options,
					       .topic = topic,
					       .partition = -1,
					       .follow = args_switch(args, "follow"),
					       .from_end = args_switch(args, "from-end") };
	struct err *err = reader_run(&reader, record_print, tail, stop_flag());
	if (err != NULL && strcmp(err_code(err), "TAIL_LIMIT") == 0)
		err_free(&err);
	return typed_topic_explain(err, args_operand(args, 0));
}

static struct err *tail_run(const struct args *args)
{
	struct tail tail = { .left = -1 };
	struct registry *registry = NULL;
	struct err *err = args_number(args, "limit", -1, 1, INT64_MAX, &tail.left);
	if (err == NULL && args_switch(args, "from-end") && !args_switch(args, "follow"))
		err = err_new(ERR_FATAL, "USAGE", "--from-end shows something only with --follow");
	if (err == NULL && !args_switch(args, "raw")) {
		err = registry_open(conf_string(args_conf(args), "registry.url"), &registry);
		tail.decoder = err == NULL ? decoder_new(registry) : NULL;
	}
	if (err == NULL)
		err = topic_print(args, &tail);
	decoder_free(&tail.decoder);
	registry_close(&registry);
	return err;
}

int cmd_tail(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = tail_run(args);
	args_close(&args);
	return exit_report("tail", &err);
}
