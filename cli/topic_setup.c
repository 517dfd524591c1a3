#include "cli/topic_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/topics.h"

enum { TOPICS_MAX = 32, NUMBER_LEN = 24, VALUE_MAX = 256, CONFIGS_MAX = 6 };

/* One setting that a topic must have, and why, for the person who has to mend it. */
struct wanted {
	const char *name;
	char value[NUMBER_LEN];
	enum { WANT_SAME, WANT_AT_LEAST, WANT_KEPT } how; /* KEPT: a time, -1 is for ever */
	const char *why;
};

struct topics {
	const struct conf *conf;
	const char *brokers;
	FILE *out;
	struct admin *admin;
	int32_t partition_count;
	int replication;
	size_t count;
	const struct topic_row *rows[TOPICS_MAX];
	char names[TOPICS_MAX][TOPIC_NAME_MAX + 1];
	size_t mismatch_count;
};

/* ---- what a topic must be ------------------------------------------------------------------ */

static void wanted_set(struct wanted *wanted, const char *name, int how, int64_t value,
		       const char *why)
{
	wanted->name = name;
	wanted->how = (unsigned)how;
	wanted->why = why;
	snprintf(wanted->value, sizeof wanted->value, "%" PRId64, value);
}

/* The settings of a row into wanted[CONFIGS_MAX]; returns how many. */
static size_t wanted_list(const struct topics *topics, const struct topic_row *row,
			  struct wanted *wanted)
{
	size_t count = 0;
	wanted_set(&wanted[count++], "cleanup.policy", WANT_SAME, 0,
		   row->compacted ? "without compaction the latest states would be deleted"
				  : "compaction would drop all but the last record of a key");
	snprintf(wanted[0].value, NUMBER_LEN, "%s", row->compacted ? "compact" : "delete");
	wanted_set(&wanted[count++], "message.timestamp.type", WANT_SAME, 0,
		   "event times lie in the values; with CreateTime, retention would delete or the "
		   "broker refuse records by them");
	snprintf(wanted[1].value, NUMBER_LEN, "LogAppendTime");
	wanted_set(&wanted[count++], "max.message.bytes", WANT_AT_LEAST, row->message_bytes_max,
		   strcmp(row->logical, "dlq") == 0
			   ? "dlq must hold the largest record of any input, and its headers"
			   : "a record that a stage accepts must fit");
	if (!row->compacted)
		wanted_set(&wanted[count++], "retention.ms", WANT_KEPT, row->retention_ms,
			   strcmp(row->logical, "account.events") == 0
				   ? "it is the log from which state is recovered and replayed"
				   : "readers and replays would miss what is deleted earlier");
	if (topics->replication >= 3)
		wanted_set(&wanted[count++], "min.insync.replicas", WANT_AT_LEAST, 2,
			   "an acknowledged record must survive the loss of a broker");
	CHECK(count <= CONFIGS_MAX);
	return count;
}

static bool wanted_holds(const struct wanted *wanted, const char *actual)
{
	if (wanted->how == WANT_SAME)
		return strcmp(actual, wanted->value) == 0;
	char *end;
	errno = 0;
	int64_t need = strtoll(wanted->value, NULL, 10), have = strtoll(actual, &end, 10);
	if (errno != 0 || end == actual || *end != '\0')
		return false;
	if (wanted->how == WANT_KEPT && (have < 0 || need < 0))
		return have < 0;
	return have >= need;
}

/* ---- create -------------------------------------------------------------------------------- */

/* The topics in question: the configured inputs, and everything that the application writes. */
static void topics_collect(struct topics *topics)
{
	size_t input_count;
	const char *const *inputs = conf_list(topics->conf, "inputs", &input_count);
	const char *app_id = conf_string(topics->conf, "app.id");
	for (size_t i = 0; i < input_count; i++) {
		topics->rows[topics->count] = topics_find_input(inputs[i]);
		snprintf(topics->names[topics->count++], sizeof topics->names[0], "%s", inputs[i]);
	}
	for (size_t i = 0; i < topics_count; i++) {
		const struct topic_row *row = &topics_table[i];
		if (row->role == TOPIC_INPUT)
			continue;
		CHECK(topics->count < TOPICS_MAX);
		topics_name(app_id, row->logical, topics->names[topics->count]);
		topics->rows[topics->count++] = row;
	}
}

static struct err *create_missing(struct topics *topics)
{
	struct topic_spec *specs = check_calloc(TOPICS_MAX, sizeof *specs);
	struct wanted(*wanted)[CONFIGS_MAX] = check_calloc(TOPICS_MAX, sizeof *wanted);
	bool created[TOPICS_MAX] = { false };
	for (size_t i = 0; i < topics->count; i++) {
		size_t count = wanted_list(topics, topics->rows[i], wanted[i]);
		specs[i].name = topics->names[i];
		specs[i].partition_count = topics->partition_count;
		specs[i].replication_factor = (int16_t)topics->replication;
		for (size_t j = 0; j < count; j++)
			specs[i].configs[j] =
				(struct topic_config){ wanted[i][j].name, wanted[i][j].value };
	}
	struct err *err = admin_create(topics->admin, specs, topics->count, created);
	for (size_t i = 0; err == NULL && topics->out != NULL && i < topics->count; i++)
		fprintf(topics->out, "%-8s %-32s %s\n", created[i] ? "created" : "exists",
			topics->names[i], topics->rows[i]->doc);
	free(wanted);
	free(specs);
	return err;
}

/* ---- check --------------------------------------------------------------------------------- */

static void mismatch_print(struct topics *topics, const char *topic, const char *name,
			   const char *actual, const char *expected, const char *why)
{
	topics->mismatch_count++;
	fprintf(topics->out, "%s: %s is %s, must be %s\n    why: %s\n", topic, name, actual,
		expected, why);
}

static struct err *settings_check(struct topics *topics, size_t i)
{
	static const char *const bounds[] = { "", "at least ", "kept at least " };
	struct wanted wanted[CONFIGS_MAX];
	size_t count = wanted_list(topics, topics->rows[i], wanted);
	for (size_t j = 0; j < count; j++) {
		char actual[VALUE_MAX], expected[VALUE_MAX];
		struct err *err = admin_topic_config(topics->admin, topics->names[i],
						     wanted[j].name, actual, sizeof actual);
		if (err != NULL)
			return err;
		if (wanted_holds(&wanted[j], actual))
			continue;
		bool forever = wanted[j].how == WANT_KEPT && wanted[j].value[0] == '-';
		snprintf(expected, sizeof expected, "%s%s%s", forever ? "" : bounds[wanted[j].how],
			 wanted[j].value, forever ? " (unlimited)" : "");
		mismatch_print(topics, topics->names[i], wanted[j].name,
			       actual[0] != '\0' ? actual : "unknown", expected, wanted[j].why);
		fprintf(topics->out,
			"    mend: kafka-configs.sh --bootstrap-server %s --alter --entity-type "
			"topics --entity-name %s --add-config %s=%s\n",
			topics->brokers, topics->names[i], wanted[j].name, wanted[j].value);
	}
	return NULL;
}

static struct err *topic_check(struct topics *topics, size_t i)
{
	int32_t count;
	const char *name = topics->names[i];
	char actual[NUMBER_LEN], expected[NUMBER_LEN];
	struct err *err = admin_partition_count(topics->admin, name, &count);
	if (err != NULL)
		return err;
	if (count < 0) {
		mismatch_print(topics, name, "the topic", "missing", "there",
			       "the stages read and write it");
		fprintf(topics->out, "    mend: foretell topics create --brokers %s --app %s\n",
			topics->brokers, conf_string(topics->conf, "app.id"));
		return NULL;
	}
	snprintf(actual, sizeof actual, "%" PRId32, count);
	snprintf(expected, sizeof expected, "%" PRId32, topics->partition_count);
	if (count != topics->partition_count) {
		mismatch_print(
			topics, name, "the partition count", actual, expected,
			"a key has the same partition in all of foretell's topics, for good");
		fprintf(topics->out,
			"    mend: if all topics have %s, set the option partitions to %s; else "
			"use "
			"another --app,\n          or delete the topic and create it again with "
			"foretell topics create\n",
			actual, actual);
	}
	return settings_check(topics, i);
}

static void topics_init(struct topics *topics, const struct conf *conf, struct admin *admin,
			int32_t partition_count, FILE *out)
{
	*topics = (struct topics){
		.conf = conf,
		.brokers = conf_string(conf, "kafka.bootstrap.servers"),
		.out = out,
		.admin = admin,
		.partition_count = partition_count,
		.replication = (int)conf_int(conf, "replication"),
	};
	topics_collect(topics);
}

struct err *topic_setup_create(const struct conf *conf, struct admin *admin,
			       int32_t partition_count, FILE *out)
{
	struct topics *topics = check_malloc(sizeof *topics);
	topics_init(topics, conf, admin, partition_count, out);
	struct err *err = create_missing(topics);
	free(topics);
	return err;
}

struct err *topic_setup_check(const struct conf *conf, struct admin *admin, FILE *out,
			      size_t *mismatch_count)
{
	struct topics *topics = check_malloc(sizeof *topics);
	topics_init(topics, conf, admin, (int32_t)conf_int(conf, "partitions"), out);
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < topics->count; i++)
		err = topic_check(topics, i);
	*mismatch_count = topics->mismatch_count;
	free(topics);
	return err;
}
