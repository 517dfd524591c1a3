#include "cli/topic_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/status_positions.h"
#include "cli/topic_rules.h"
#include "cli/topic_setup.h"

enum { TEXT_MAX = 256 };

struct check {
	const struct conf *conf;
	const struct client_options *client;
	struct admin *admin;
	FILE *out;
	struct topic_findings *findings;
	struct topic_list list;
	struct topic_layout layouts[TOPIC_LIST_MAX];
	bool missing;	  /* a topic is */
	int broker_count; /* of the cluster */
	int32_t broker_id;
};

/* Begins a finding: its heading and why; the caller adds how to mend it. */
static void say(struct check *check, enum rule_weight weight, const char *what, const char *name,
		const char *actual, const char *expected, const char *why)
{
	*(weight == RULE_BROKEN ? &check->findings->broken_count : &check->findings->risk_count) +=
		1;
	fprintf(check->out, "%s: %s: %s is %s, %s %s\n    why: %s\n",
		weight == RULE_BROKEN ? "BROKEN" : "risk", what, name, actual,
		weight == RULE_BROKEN ? "must be" : "better", expected, why);
}

static const char *mend_word(enum rule_weight weight)
{
	return weight == RULE_BROKEN ? "mend" : "advice";
}

static const char *brokers_of(const struct check *check)
{
	return conf_string(check->conf, "kafka.bootstrap.servers");
}

/* Whether a stricter finding about the same setting was made just before. */
static bool said_before(const struct rule *rules, size_t i, const struct admin_configs *configs)
{
	for (size_t k = 0; k < i; k++) {
		const char *actual = admin_config(configs, rules[k].name);
		if (strcmp(rules[k].name, rules[i].name) == 0 && actual != NULL &&
		    !rule_holds(&rules[k], actual))
			return true;
	}
	return false;
}

/* ---- topics --------------------------------------------------------------------------------- */

static void check_settings(struct check *check, size_t i, const struct admin_configs *configs)
{
	struct rule rules[TOPIC_RULES_MAX];
	const char *topic = check->list.names[i];
	size_t count = rules_of_topic(check->list.rows[i], check->layouts[i].replicas_min, rules);
	for (size_t k = 0; k < count; k++) {
		char expected[TEXT_MAX];
		const char *actual = admin_config(configs, rules[k].name);
		if (actual == NULL || rule_holds(&rules[k], actual) ||
		    said_before(rules, k, configs))
			continue;
		rule_text(&rules[k], expected, sizeof expected);
		say(check, rules[k].weight, topic, rules[k].name, actual, expected, rules[k].why);
		fprintf(check->out,
			"    %s: kafka-configs.sh --bootstrap-server %s --alter --entity-type "
			"topics --entity-name %s --add-config %s=%s\n",
			mend_word(rules[k].weight), brokers_of(check), topic, rules[k].name,
			rules[k].value);
	}
}

static void check_partitions(struct check *check, const char *topic, int32_t count)
{
	char actual[32], expected[32];
	if (count == check->findings->partition_count)
		return;
	snprintf(actual, sizeof actual, "%" PRId32, count);
	snprintf(expected, sizeof expected, "%" PRId32, check->findings->partition_count);
	say(check, RULE_BROKEN, topic, "the partition count", actual, expected,
	    "a key has the same partition in all of foretell's topics, for good");
	fprintf(check->out,
		"    mend: if all topics have %s, set the option partitions to %s; else use "
		"another "
		"--app,\n          or delete the topic and create it again with foretell topics "
		"create\n",
		actual, actual);
}

/* How many copies there are, against how many there could be. */
static void check_copies(struct check *check, const char *topic, const struct topic_layout *layout)
{
	if (layout->leaderless_count > 0) {
		char actual[32];
		snprintf(actual, sizeof actual, "%d", layout->leaderless_count);
		say(check, RULE_BROKEN, topic, "the number of partitions without a leader", actual,
		    "0", "they can be neither read nor written");
		fputs("    mend: start the brokers that hold them\n", check->out);
	}
	if (layout->broker_count < 2 || layout->replicas_min < 0 || layout->replicas_min >= 3 ||
	    (layout->broker_count == 2 && layout->replicas_min == 2))
		return;
	char actual[32];
	snprintf(actual, sizeof actual, "%d", layout->replicas_min);
	say(check, layout->replicas_min < 2 ? RULE_BROKEN : RULE_RISK, topic,
	    "the number of copies", actual, layout->broker_count >= 3 ? "3" : "2",
	    "what only a lost broker holds is lost, or can't be written while it is away");
	fprintf(check->out,
		"    %s: kafka-reassign-partitions.sh --bootstrap-server %s (with more replicas); "
		"new topics: foretell topics create --replication 3\n",
		mend_word(layout->replicas_min < 2 ? RULE_BROKEN : RULE_RISK), brokers_of(check));
}

static void check_in_sync(struct check *check, const char *topic, const struct topic_layout *layout,
			  const struct admin_configs *configs)
{
	const char *text = admin_config(configs, "min.insync.replicas");
	long need = text == NULL ? 0 : strtol(text, NULL, 10);
	char actual[32], expected[64];
	/* more than there are copies at all is another finding */
	if (layout->in_sync_min < 0 || layout->in_sync_min >= need || need > layout->replicas_min)
		return;
	snprintf(actual, sizeof actual, "%d", layout->in_sync_min);
	snprintf(expected, sizeof expected, "at least %ld (min.insync.replicas)", need);
	say(check, RULE_BROKEN, topic, "the number of copies in sync", actual, expected,
	    "brokers refuse every write until there are more");
	fputs("    mend: start the brokers that hold the others\n", check->out);
}

static void say_unknown(struct check *check, const char *what, struct err **err)
{
	check->findings->risk_count++;
	fprintf(check->out,
		"risk: %s: the settings can't be read: %s\n    advice: allow "
		"DescribeConfigs, or check them by docs/operate.md\n",
		what, err_text(*err));
	err_free(err);
}

/* Rights to read settings may be missing, on a managed Kafka for instance; then that is said. */
static struct err *read_configs(struct check *check, enum admin_resource kind, const char *name,
				struct admin_configs **configs)
{
	struct err *err = admin_configs_read(check->admin, kind, name, configs);
	if (err != NULL && strcmp(err_code(err), "BUS_UNREACHABLE") != 0)
		say_unknown(check, name, &err);
	return err;
}

static struct err *check_topic(struct check *check, size_t i)
{
	const char *topic = check->list.names[i];
	const struct topic_layout *layout = &check->layouts[i];
	struct admin_configs *configs = NULL;
	if (layout->partition_count < 0) {
		say(check, RULE_BROKEN, topic, "the topic", "missing", "there",
		    "the stages read and write it");
		fprintf(check->out, "    mend: foretell topics create --brokers %s --app %s\n",
			brokers_of(check), conf_string(check->conf, "app.id"));
		return NULL;
	}
	if (check->list.rows[i]->role != TOPIC_SHARED) /* which is read as a whole */
		check_partitions(check, topic, layout->partition_count);
	check_copies(check, topic, layout);
	struct err *err = read_configs(check, ADMIN_TOPIC, topic, &configs);
	if (err == NULL && configs != NULL) {
		check_settings(check, i, configs);
		check_in_sync(check, topic, layout, configs);
	}
	admin_configs_free(&configs);
	return err;
}

/* ---- brokers -------------------------------------------------------------------------------- */

static int64_t session_ms(const struct conf *conf)
{
	for (size_t i = 0; i < conf_open_count(conf); i++) {
		const char *name, *value;
		conf_open_at(conf, i, &name, &value);
		if (strcmp(name, "session.timeout.ms") == 0)
			return strtoll(value, NULL, 10);
	}
	return CLIENT_SESSION_MS;
}

static struct err *check_broker(struct check *check)
{
	struct rule rules[BROKER_RULES_MAX];
	char name[16], what[TEXT_MAX];
	struct admin_configs *configs = NULL;
	snprintf(name, sizeof name, "%" PRId32, check->broker_id);
	snprintf(what, sizeof what, "broker %s", name);
	struct err *err = read_configs(check, ADMIN_BROKER, name, &configs);
	if (err != NULL || configs == NULL)
		return err;
	size_t count = rules_of_broker(session_ms(check->conf), rules);
	for (size_t i = 0; i < count; i++) {
		char expected[TEXT_MAX];
		const char *actual = admin_config(configs, rules[i].name);
		if (actual == NULL || rule_holds(&rules[i], actual) ||
		    said_before(rules, i, configs))
			continue;
		rule_text(&rules[i], expected, sizeof expected);
		say(check, rules[i].weight, what, rules[i].name, actual, expected, rules[i].why);
		fprintf(check->out, "    %s: set %s=%s in server.properties of every broker\n",
			mend_word(rules[i].weight), rules[i].name, rules[i].value);
	}
	admin_configs_free(&configs);
	return NULL;
}

/* The brokers' own topics, in which positions and transactions live. They come with first use. */
static struct err *check_brokers(struct check *check)
{
	static const char *const topics[] = { "__consumer_offsets", "__transaction_state" };
	if (check->broker_id < 0)
		return NULL;
	if (check->broker_count == 1) {
		check->findings->risk_count++;
		fputs("risk: one broker holds the only copy of everything\n    advice: run three, "
		      "and create topics with --replication 3\n",
		      check->out);
	}
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
		struct topic_layout layout;
		struct err *err = admin_topic_layout(check->admin, topics[i], &layout);
		if (err != NULL)
			return err;
		if (layout.partition_count >= 0)
			check_copies(check, topics[i], &layout);
	}
	return check_broker(check);
}

/* ---- positions ------------------------------------------------------------------------------ */

static void say_positions(struct check *check, const struct stage_positions *stage)
{
	for (size_t i = 0; i < stage->view.position_count; i++) {
		const struct group_position *committed = &stage->view.positions[i];
		if (stage->positions[i].fault <= POSITION_NONE)
			continue;
		check->findings->broken_count++;
		fprintf(check->out,
			"BROKEN: %s: the position on %s [%d] is %" PRId64
			" (%s), the log has %" PRId64 " to %" PRId64 "\n    mend: %s\n",
			stage->group, committed->topic, (int)committed->partition,
			committed->offset, committed->metadata, committed->low, committed->end,
			position_fault_text(stage->positions[i].fault));
	}
}

static struct err *check_positions(struct check *check)
{
	struct status_positions *positions = check_malloc(sizeof *positions);
	struct err *err = status_positions_read(positions, check->conf, check->client);
	for (size_t i = 0; err == NULL && i < STAGE_COUNT; i++)
		say_positions(check, &positions->stages[i]);
	if (err == NULL)
		status_positions_fini(positions);
	free(positions);
	return err;
}

/* ---- all ------------------------------------------------------------------------------------ */

/* Everyone's partition count is the option's where it is set, else the first topic's that exists.
 */
static struct err *look_at_layouts(struct check *check)
{
	int32_t found = -1;
	check->broker_id = -1;
	for (size_t i = 0; i < check->list.count; i++) {
		struct topic_layout *layout = &check->layouts[i];
		struct err *err = admin_topic_layout(check->admin, check->list.names[i], layout);
		if (err != NULL)
			return err;
		check->missing = check->missing || layout->partition_count < 0;
		if (found < 0)
			found = layout->partition_count;
		if (layout->broker_id >= 0) {
			check->broker_id = layout->broker_id;
			check->broker_count = layout->broker_count;
		}
	}
	bool given = conf_is_set(check->conf, "partitions") || found < 0;
	check->findings->partition_count =
		given ? (int32_t)conf_int(check->conf, "partitions") : found;
	return NULL;
}

struct err *topic_check(const struct conf *conf, const struct client_options *client,
			struct admin *admin, FILE *out, struct topic_findings *findings)
{
	struct check *check = check_calloc(1, sizeof *check);
	*findings = (struct topic_findings){ .broken_count = 0 };
	check->conf = conf;
	check->client = client;
	check->admin = admin;
	check->out = out;
	check->findings = findings;
	topic_list_init(&check->list, conf);
	struct err *err = look_at_layouts(check);
	for (size_t i = 0; err == NULL && i < check->list.count; i++)
		err = check_topic(check, i);
	if (err == NULL)
		err = check_brokers(check);
	if (err == NULL && !check->missing)
		err = check_positions(check);
	free(check);
	return err;
}
