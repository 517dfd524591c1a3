#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/decode.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "cli/webhook_watch.h"
#include "consumers/topics.h"
#include "consumers/webhook.h"
#include "kafka/follower.h"
#include "kafka/writer.h"

static const struct args_flag flags[] = {
	{ "historic", NULL, NULL, "send alerts about a loaded history, too" },
	{ "from-end", NULL, NULL, "at the very first start: only what comes from now on" },
	{ "parked", NULL, NULL, "send what was parked, once again, and end" },
	{ "until-end", NULL, NULL, "end when everything that is there is done" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = {
	"kafka.bootstrap.servers",
	"app.id",
	"webhook.url",
	"webhook.name",
	"webhook.secret.file",
	"webhook.authorization.file",
	"webhook.ca.file",
	"webhook.timeout.ms",
	"webhook.retry.max.ms",
	"webhook.parallel",
	"instance",
	"http.listen",
	NULL,
};

static const char *const examples[] = {
	"foretell webhook --webhook.url https://crm.example/hooks/foretell "
	"--webhook.secret.file secret",
	"foretell webhook --parked --webhook.url https://crm.example/hooks/foretell",
	NULL,
};

static const struct args_spec spec = {
	.command = "webhook",
	.operands = "",
	.about = "Posts each alert to an address as a CloudEvent, at least once, until SIGINT or\n"
		 "SIGTERM. What comes again has the same Idempotency-Key. Refused alerts, and "
		 "those\n"
		 "that could not be delivered in webhook.retry.max.ms, are parked on the topic\n"
		 "webhook.parked.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
};

enum { WAIT_MS = 100, ANSWER_WAIT_MS = 10, FLUSH_MS = 10000, SECRET_FILE_MAX = 4096 };

struct sink {
	const struct conf *conf;
	struct options_client client;
	struct registry *registry;
	struct decoder *decoder;
	struct writer *writer;
	struct follower *follower;
	struct webhook *webhook;
	struct webhook_watch *watch; /* NULL: nobody watches */
	char topic[TOPIC_NAME_MAX + 1], parked[TOPIC_NAME_MAX + 1];
	char group[TOPIC_NAME_MAX + 1], source[TOPIC_NAME_MAX + 16];
	char authorization[SECRET_FILE_MAX];
	bool full[PARTITIONS_MAX]; /* partitions that wait for room */
};

/* ---- what the sink is told -------------------------------------------------------------------*/

static bool on_record(void *context, const struct record *record)
{
	struct sink *sink = context;
	bool room = webhook_take(sink->webhook, record);
	sink->full[record->partition] = !room;
	return room;
}

static void on_forget(void *context, int32_t partition)
{
	struct sink *sink = context;
	webhook_forget(sink->webhook, partition);
	sink->full[partition] = false;
}

static struct err *on_decode(void *context, const struct record *record, json_t **alert)
{
	struct sink *sink = context;
	struct err *err = decode_value(sink->decoder, record->value, alert);
	if (err != NULL && err_verdict(err) == ERR_RETRY)
		return err_wrap(err, "%s [%" PRId32 "] at %" PRId64, record->topic,
				record->partition, record->offset);
	return err;
}

static struct err *on_park(void *context, const struct outgoing *record)
{
	struct sink *sink = context;
	struct outgoing out = *record;
	out.topic = sink->parked;
	struct err *err = writer_send(sink->writer, &out);
	return err != NULL ? err : writer_flush(sink->writer, FLUSH_MS);
}

static void on_done(void *context, int32_t partition, int64_t offset)
{
	struct sink *sink = context;
	follower_done(sink->follower, partition, offset);
	if (!sink->full[partition])
		return;
	sink->full[partition] = false;
	follower_resume(sink->follower, partition);
}

/* ---- setting up ------------------------------------------------------------------------------*/

/* The file's text without white space at its end into text[SECRET_FILE_MAX]; "" for no path. */
static struct err *file_read(const char *path, char text[SECRET_FILE_MAX])
{
	text[0] = '\0';
	if (*path == '\0')
		return NULL;
	char *whole = NULL;
	size_t len = 0;
	struct err *err = file_text_read(path, SECRET_FILE_MAX - 1, "WEBHOOK_FILE", &whole, &len);
	if (err != NULL)
		return err;
	while (len > 0 && strchr(" \t\r\n", whole[len - 1]) != NULL)
		len--;
	memcpy(text, whole, len);
	text[len] = '\0';
	free(whole);
	return NULL;
}

static struct err *webhook_set_up(struct sink *sink, const struct args *args)
{
	const struct conf *conf = sink->conf;
	char secrets[SECRET_FILE_MAX];
	struct webhook_options options = {
		.url = conf_string(conf, "webhook.url"),
		.source = sink->source,
		.authorization = sink->authorization,
		.ca_file = conf_string(conf, "webhook.ca.file"),
		.timeout_ms = conf_int(conf, "webhook.timeout.ms"),
		.retry_max_ms = conf_int(conf, "webhook.retry.max.ms"),
		.parallel_count = (int)conf_int(conf, "webhook.parallel"),
		.historic = args_switch(args, "historic") || args_switch(args, "parked"),
	};
	const struct webhook_outside outside = { sink, on_decode, on_park, on_done };
	struct err *err =
		file_read(conf_string(conf, "webhook.authorization.file"), sink->authorization);
	if (err == NULL)
		err = file_read(conf_string(conf, "webhook.secret.file"), secrets);
	if (err == NULL && *conf_string(conf, "webhook.secret.file") != '\0')
		err = webhook_secrets_parse(secrets, &options.secrets);
	if (err == NULL && *options.url == '\0')
		err = err_new(ERR_FATAL, "USAGE", "where to? Give --webhook.url https://...");
	return err != NULL ? err : webhook_open(&options, &outside, &sink->webhook);
}

static void names_make(struct sink *sink, bool parked)
{
	const char *app_id = conf_string(sink->conf, "app.id");
	topics_name(app_id, parked ? "webhook.parked" : "alerts", sink->topic);
	topics_name(app_id, "webhook.parked", sink->parked);
	snprintf(sink->source, sizeof sink->source, "/foretell/%s", app_id);
	snprintf(sink->group, sizeof sink->group, "%s.webhook.%s%s", app_id,
		 conf_string(sink->conf, "webhook.name"), parked ? ".parked" : "");
}

static struct err *follower_set_up(struct sink *sink, const struct args *args)
{
	const char *instance = conf_string(sink->conf, "instance");
	const struct follower_sink on = { sink, on_record, on_forget };
	const struct follower_options options = {
		.client = &sink->client.options,
		.topic = sink->topic,
		.group = sink->group,
		.instance = *instance == '\0' ? NULL : instance,
		.from_end = args_switch(args, "from-end"),
		.until_end = args_switch(args, "until-end") || args_switch(args, "parked"),
	};
	return follower_open(&options, &on, &sink->follower);
}

/* The topic of what is parked must be there before the first alert has to go to it. */
static struct err *writer_set_up(struct sink *sink)
{
	int32_t count = 0;
	struct err *err = writer_open(&sink->client.options, &sink->writer);
	return err != NULL ? err : writer_partition_count(sink->writer, sink->parked, &count);
}

static struct err *set_up(struct sink *sink, const struct args *args)
{
	options_client_init(&sink->client, sink->conf);
	names_make(sink, args_switch(args, "parked"));
	struct err *err = registry_open(conf_string(sink->conf, "registry.url"), &sink->registry);
	if (err != NULL)
		return err;
	sink->decoder = decoder_new(sink->registry);
	err = webhook_set_up(sink, args);
	if (err == NULL)
		err = webhook_watch_start(conf_string(sink->conf, "http.listen"),
					  conf_string(sink->conf, "webhook.name"), &sink->watch);
	if (err == NULL)
		err = writer_set_up(sink);
	if (err == NULL)
		err = follower_set_up(sink, args);
	return err;
}

static void tear_down(struct sink *sink)
{
	follower_close(&sink->follower);
	webhook_close(&sink->webhook);
	writer_close(&sink->writer);
	webhook_watch_stop(&sink->watch);
	decoder_free(&sink->decoder);
	registry_close(&sink->registry);
}

/* ---- running ---------------------------------------------------------------------------------*/

static struct err *step(struct sink *sink)
{
	const struct webhook_moment now = { time_monotonic_ms(), time_wall_ms() };
	return webhook_step(sink->webhook, &now, ANSWER_WAIT_MS);
}

static struct err *loop(struct sink *sink, bool until_end)
{
	struct err *err = NULL;
	while (err == NULL && !stop_requested()) {
		bool flying = webhook_stats(sink->webhook)->flying > 0;
		err = follower_step(sink->follower, flying ? 0 : WAIT_MS);
		if (err == NULL)
			err = step(sink);
		webhook_watch_tell(sink->watch, webhook_stats(sink->webhook));
		if (until_end && follower_at_end(sink->follower) && webhook_is_idle(sink->webhook))
			break;
	}
	return err;
}

/* What is on its way at the end may still be answered; then it need not be sent again. */
static struct err *land(struct sink *sink)
{
	struct err *err = NULL;
	int64_t end_ms = time_monotonic_ms() + conf_int(sink->conf, "webhook.timeout.ms");
	webhook_hold(sink->webhook);
	while (err == NULL && webhook_stats(sink->webhook)->flying > 0 &&
	       time_monotonic_ms() < end_ms)
		err = step(sink);
	return err;
}

static struct err *webhook_run(const struct args *args)
{
	struct sink *sink = check_calloc(1, sizeof *sink);
	sink->conf = args_conf(args);
	struct err *err = set_up(sink, args);
	if (err == NULL) {
		log_emit(LOG_INFO, "webhook", "alerts are posted", "{s:s,s:s,s:s}", "topic",
			 sink->topic, "group", sink->group, "url",
			 conf_string(sink->conf, "webhook.url"));
		err = loop(sink, args_switch(args, "until-end") || args_switch(args, "parked"));
		if (err == NULL)
			err = land(sink);
		const struct webhook_stats *stats = webhook_stats(sink->webhook);
		log_emit(LOG_INFO, "webhook", "ended", "{s:I,s:I,s:I,s:I,s:I}", "taken",
			 (json_int_t)stats->taken, "delivered", (json_int_t)stats->delivered,
			 "skipped", (json_int_t)stats->skipped, "parked", (json_int_t)stats->parked,
			 "retried", (json_int_t)stats->retried);
	}
	tear_down(sink);
	free(sink);
	return err;
}

int cmd_webhook(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	stop_outlive_readers();
	struct err *err = webhook_run(args);
	args_close(&args);
	return exit_report("webhook", &err);
}
