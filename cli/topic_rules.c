#include "cli/topic_rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"

/* A weekend and some: shorter, and an outage that nobody notices at once loses input. */
#define INPUT_KEPT_MS (7 * MS_PER_DAY)

struct rules {
	struct rule *rules;
	size_t count, count_max;
};

static struct rule *add(struct rules *rules, const char *name, enum rule_kind kind, int64_t value,
			const char *why)
{
	CHECK(rules->count < rules->count_max);
	struct rule *rule = &rules->rules[rules->count++];
	*rule = (struct rule){ .name = name, .kind = kind, .why = why };
	snprintf(rule->value, sizeof rule->value, "%" PRId64, value);
	return rule;
}

static struct rule *add_text(struct rules *rules, const char *name, const char *value,
			     const char *why)
{
	struct rule *rule = add(rules, name, RULE_SAME, 0, why);
	snprintf(rule->value, sizeof rule->value, "%s", value);
	return rule;
}

/* ---- topics --------------------------------------------------------------------------------- */

/* The sources own their topics: what they keep is their affair, as long as an outage fits in. */
static void add_input_retention(struct rules *rules)
{
	add(rules, "retention.ms", RULE_KEPT, INPUT_KEPT_MS,
	    "what retention deletes before it is processed is lost: an outage must fit in");
	struct rule *rule = add(rules, "retention.ms", RULE_KEPT, -1,
				"a replay (--from-beginning) sees only what is kept");
	rule->weight = RULE_RISK;
	rule->created = true;
	rule = add(rules, "retention.bytes", RULE_KEPT, -1,
		   "under load a bound in bytes may delete what is not processed yet");
	rule->weight = RULE_RISK;
}

static void add_retention(struct rules *rules, const struct topic_row *row)
{
	bool internal = row->role == TOPIC_INTERNAL;
	add(rules, "retention.ms", RULE_KEPT, row->retention_ms,
	    internal ? "it is the log from which state is recovered and replayed"
		     : "readers and replays would miss what is deleted earlier")
		->created = true;
	struct rule *rule =
		add(rules, "retention.bytes", RULE_KEPT, -1,
		    internal ? "a bound in bytes may delete what recovery must replay"
			     : "a bound in bytes may delete what readers have not seen");
	rule->weight = internal ? RULE_BROKEN : RULE_RISK;
}

static void add_copies(struct rules *rules, int replicas)
{
	add_text(rules, "unclean.leader.election.enable", "false",
		 "a copy that lags would become the leader, and acknowledged records vanish");
	if (replicas < 1)
		return;
	add(rules, "min.insync.replicas", RULE_AT_MOST, replicas,
	    "with more than there are copies, nothing can be written");
	if (replicas >= 3)
		add(rules, "min.insync.replicas", RULE_AT_LEAST, 2,
		    "an acknowledged record must survive the loss of a broker")
			->created = true;
}

size_t rules_of_topic(const struct topic_row *row, int replicas, struct rule *out)
{
	struct rules rules = { out, 0, TOPIC_RULES_MAX };
	add_text(&rules, "cleanup.policy", row->compacted ? "compact" : "delete",
		 row->compacted ? "the latest state of each key must stay, and only that"
				: "compaction would drop all but the last record of a key")
		->created = true;
	add_text(&rules, "message.timestamp.type", "LogAppendTime",
		 "event times lie in the values; with CreateTime, retention would delete or the "
		 "broker refuse records by them")
		->created = true;
	add(&rules, "max.message.bytes", RULE_AT_LEAST, row->message_bytes_max,
	    strcmp(row->logical, "dlq") == 0
		    ? "dlq must hold the largest record of any input, and its headers"
		    : "a record that a stage accepts must fit")
		->created = true;
	if (row->role == TOPIC_INPUT)
		add_input_retention(&rules);
	else if (!row->compacted)
		add_retention(&rules, row);
	add_copies(&rules, replicas);
	return rules.count;
}

/* ---- brokers -------------------------------------------------------------------------------- */

size_t rules_of_broker(int64_t session_ms, struct rule *out)
{
	struct rules rules = { out, 0, BROKER_RULES_MAX };
	add(&rules, "transaction.max.timeout.ms", RULE_AT_LEAST, CLIENT_TRANSACTION_MS,
	    "foretell's transactions may take that long; with less none can begin");
	add(&rules, "offset.metadata.max.bytes", RULE_AT_LEAST, POSITION_TEXT_MAX,
	    "the commit of a tick that is partly done carries a cursor; the broker would refuse "
	    "it");
	add(&rules, "group.max.session.timeout.ms", RULE_AT_LEAST, session_ms,
	    "members that ask for a longer session can't join");
	add(&rules, "group.min.session.timeout.ms", RULE_AT_MOST, session_ms,
	    "members that ask for a shorter session can't join");
	add(&rules, "offsets.retention.minutes", RULE_AT_LEAST, MS_PER_DAY / MS_PER_MINUTE,
	    "a stop that is longer loses the positions: the application must start over");
	add(&rules, "offsets.retention.minutes", RULE_AT_LEAST, MS_PER_WEEK / MS_PER_MINUTE,
	    "a stop that is longer loses the positions: the application must start over")
		->weight = RULE_RISK;
	add(&rules, "transactional.id.expiration.ms", RULE_AT_LEAST, MS_PER_HOUR,
	    "a producer that says nothing for longer is forgotten, and its next transaction fails "
	    "once")
		->weight = RULE_RISK;
	add_text(&rules, "auto.create.topics.enable", "false",
		 "a topic that is deleted by mistake comes back with settings that lose states")
		->weight = RULE_RISK;
	add_text(&rules, "log.cleaner.enable", "true",
		 "compaction is off: the topics of states grow for ever, and so does a restore");
	return rules.count;
}

/* ---- judging -------------------------------------------------------------------------------- */

static bool number_of(const char *text, int64_t *number)
{
	char *end;
	errno = 0;
	*number = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

bool rule_holds(const struct rule *rule, const char *actual)
{
	int64_t need, have;
	if (rule->kind == RULE_SAME)
		return strcmp(actual, rule->value) == 0;
	if (!number_of(rule->value, &need) || !number_of(actual, &have))
		return false;
	if (rule->kind == RULE_AT_MOST)
		return have <= need;
	if (rule->kind == RULE_KEPT && (have < 0 || need < 0))
		return have < 0;
	return have >= need;
}

void rule_text(const struct rule *rule, char *text, size_t text_max)
{
	static const char *const before[] = { "", "at least ", "at most ", "kept at least " };
	bool forever = rule->kind == RULE_KEPT && rule->value[0] == '-';
	snprintf(text, text_max, "%s%s%s", forever ? "" : before[rule->kind], rule->value,
		 forever ? " (unlimited)" : "");
}
