/* What settings must be for foretell's promise to hold: rules as data, judged by one pure function.
 *
 * BROKEN: records or states will be lost, or the stages can't run. RISK: it works now, and costs
 * something when a broker, a process or a person fails. */
#ifndef CLI_TOPIC_RULES_H
#define CLI_TOPIC_RULES_H

#include <stdbool.h>

#include "consumers/topics.h"
#include "kafka/admin.h"

enum rule_weight { RULE_BROKEN, RULE_RISK };

enum rule_kind {
	RULE_SAME,     /* this text */
	RULE_AT_LEAST, /* a number */
	RULE_AT_MOST,
	RULE_KEPT, /* a time or a size to keep records: at least this; -1 is without end */
};

enum { RULE_VALUE_MAX = 24, TOPIC_RULES_MAX = 12, BROKER_RULES_MAX = 12 };

struct rule {
	const char *name; /* of the setting */
	enum rule_kind kind;
	enum rule_weight weight;
	char value[RULE_VALUE_MAX];
	const char *why; /* what happens otherwise, for a person */
	bool created;	 /* `topics create` sets it */
};

/* The rules of a topic that exists with `replicas` copies (those of one to be created), into
 * rules[TOPIC_RULES_MAX]; returns how many. */
size_t rules_of_topic(const struct topic_row *row, int replicas, struct rule *rules);

/* The rules of the brokers' own settings into rules[BROKER_RULES_MAX]; session_ms: what members of
 * the groups ask for. */
size_t rules_of_broker(int64_t session_ms, struct rule *rules);

/* Whether the actual value fits; one that is no number where one must be doesn't. */
bool rule_holds(const struct rule *rule, const char *actual);

/* What must be, in words: "at least 2". */
void rule_text(const struct rule *rule, char *text, size_t text_max);

#endif
