#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "consumers/alert_life.h"
#include "consumers/names.h"
#include "consumers/topics.h"
#include "kafka/publish.h"
#include "kafka/reader.h"
#include "schemas/registry.h"

static const struct args_flag flags[] = {
	{ "ack", NULL, NULL, "somebody takes it on" },
	{ "snooze", "DAYS", NULL, "nothing is said about it for so many days" },
	{ "useful", NULL, NULL, "it was right to warn" },
	{ "wrong", NULL, NULL, "it was not: it is resolved, and the next one takes more" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
				       "inputs", NULL };

static const char *const examples[] = { "foretell feedback C-0000017/churn.risk/1 --ack",
					"foretell feedback C-0000017/churn.risk/1 --snooze 7",
					NULL };

static const struct args_spec spec = {
	.command = "feedback",
	.operands = "ALERT_ID",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "Says something about an alert of the application, as an event on crm.events (or\n"
		 "the input that ends so): it goes through the line like any other, and a replay\n"
		 "hears it again.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum { SNOOZE_DAYS_MAX = 365, VALUE_MAX = 4096 };

static const char logical[] = "crm.events";

struct feedback {
	const char *alert_id, *verdict;
	struct bytes account;
	int64_t at_ms, until_ms; /* until_ms 0: none */
};

static struct err *feedback_read(const struct args *args, struct feedback *feedback)
{
	int64_t days = 0;
	int given = 0;
	feedback->at_ms = time_wall_ms();
	feedback->alert_id = args_operand(args, 0);
	for (int i = 0; i < VERDICT_COUNT; i++) {
		bool is = i == VERDICT_SNOOZE ? args_value(args, "snooze", NULL) != NULL
					      : args_switch(args, verdict_names[i]);
		given += is;
		if (is)
			feedback->verdict = verdict_names[i];
	}
	if (given != 1)
		return err_new(ERR_FATAL, "USAGE",
			       "one of --ack, --snooze DAYS, --useful, --wrong is expected");
	const char *episode = strrchr(feedback->alert_id, '/'), *rule = episode;
	while (rule != NULL && rule > feedback->alert_id && rule[-1] != '/')
		rule--;
	if (rule == NULL || rule <= feedback->alert_id + 1)
		return err_new(ERR_FATAL, "USAGE",
			       "\"%.200s\" is not an alert's id, such as C-0000017/churn.risk/1",
			       feedback->alert_id);
	feedback->account = bytes_of(feedback->alert_id, (size_t)(rule - 1 - feedback->alert_id));
	if (strcmp(feedback->verdict, "snooze") != 0)
		return NULL;
	struct err *err = args_number(args, "snooze", 7, 1, SNOOZE_DAYS_MAX, &days);
	feedback->until_ms = feedback->at_ms + days * MS_PER_DAY;
	return err;
}

/* The input that hears it; borrowed. */
static struct err *feedback_topic(const struct conf *conf, const char **topic)
{
	size_t count;
	const char *const *inputs = conf_list(conf, "inputs", &count);
	for (size_t i = 0; i < count; i++) {
		const struct topic_row *row = topics_find_input(inputs[i]);
		if (row == NULL || strcmp(row->logical, logical) != 0)
			continue;
		*topic = inputs[i];
		return NULL;
	}
	return err_new(ERR_FATAL, "USAGE",
		       "no %s is among the inputs, so the application would not hear it", logical);
}

struct search {
	struct registry *registry;
	struct bytes alert_id;
	volatile int found;
};

static struct err *look_for(void *context, const struct record *record)
{
	struct search *search = context;
	struct alert alert;
	struct err *err = registry_decode(search->registry, &alert_type, record->value, &alert);
	if (err == NULL && bytes_equal(alert.alert_id, search->alert_id))
		search->found = 1;
	return err;
}

/* The line would pass over an alert that it has not, without a word, and know one name more. */
static struct err *alert_find(const struct conf *conf, const struct client_options *client,
			      struct registry *registry, const char *alert_id)
{
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(conf, "app.id"), "alerts", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	struct search search = { .registry = registry, .alert_id = bytes_str(alert_id) };
	struct err *err = reader_run(&reader, look_for, &search, &search.found);
	if (err == NULL && search.found == 0)
		err = err_new(ERR_FATAL, "ALERT_UNKNOWN",
			      "%s holds no alert %.200s: `foretell tail alerts` shows those that "
			      "there are (--app: the application that gave it)",
			      topic, alert_id);
	return err;
}

/* A new one each time: who thinks otherwise, and then as before again, is heard. What is said twice
 * counts once by the alert's own state. */
static void event_id(const struct feedback *feedback, char id[EVENT_ID_MAX + 1])
{
	char hex[HASH_SHA256_HEX_LEN + 1];
	hash_sha256_hex(bytes_str(feedback->alert_id), hex);
	snprintf(id, EVENT_ID_MAX + 1, "%s-%" PRId64 "-%.16s", feedback->verdict, feedback->at_ms,
		 hex);
}

static struct err *feedback_send(const struct args *args, const struct feedback *feedback)
{
	char id[EVENT_ID_MAX + 1], until[TIME_TEXT_LEN + 1] = "";
	uint8_t value[VALUE_MAX];
	size_t len = 0;
	struct options_client client;
	struct registry *registry = NULL;
	struct bytes scheme, subject;
	options_client_init(&client, args_conf(args));
	name_key_split(feedback->account, &scheme, &subject);
	event_id(feedback, id);
	if (feedback->until_ms > 0)
		time_format(feedback->until_ms, until);
	const struct source_event event = {
		.event_id = bytes_str(id),
		.source = bytes_str("foretell"),
		.type = bytes_str(FEEDBACK_TYPE),
		.subject_scheme = scheme,
		.subject = subject,
		.event_ms = feedback->at_ms,
		.attr_count = feedback->until_ms > 0 ? 3 : 2,
		.attrs = { { bytes_str("alert_id"), bytes_str(feedback->alert_id) },
			   { bytes_str("verdict"), bytes_str(feedback->verdict) },
			   { bytes_str("until"), bytes_str(until) } },
	};
	const char *topic = NULL;
	struct err *err = feedback_topic(args_conf(args), &topic);
	if (err == NULL)
		err = registry_open(conf_string(args_conf(args), "registry.url"), &registry);
	if (err == NULL)
		err = alert_find(args_conf(args), &client.options, registry, feedback->alert_id);
	if (err == NULL)
		err = registry_encode(registry, topic, &crm_event_type, &event, value, sizeof value,
				      &len);
	if (err == NULL)
		err = publish_one(&client.options, topic, feedback->account, bytes_of(value, len));
	registry_close(&registry);
	return err;
}

int cmd_feedback(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct feedback feedback = { 0 };
	struct err *err = feedback_read(args, &feedback);
	if (err == NULL)
		err = feedback_send(args, &feedback);
	args_close(&args);
	return exit_report("feedback", &err);
}
