/* The life of an account's alert: one conversation, whatever raised it.
 *
 *                p >= open, not cooling down
 *      closed ─────────────────────────────► open ──┐ severity rose, snooze over: UPDATED
 *        ▲                                   │ ▲────┘ ACKNOWLEDGED, SNOOZED: somebody said so
 *        ├──── p < close, or called wrong: RESOLVED
 *        └──── the account left, or was silent too long: EXPIRED
 *
 * Between close and open nothing is said (hysteresis). After an alert has ended, the next one opens
 * only after a cool-down, unless its severity is high. While it is snoozed, only the end and the
 * highest severity are said. An alert that was called wrong raises what it takes to open the next
 * of this account; what it takes of all that the same reason leads is models/trust's. What was said
 * last of an alert counts, and once, of the last ALERT_ANSWERS_MAX.
 *
 * An opportunity (consumers/opportunity) lives the same life in the same place, so that an account
 * has one conversation. It delays no warning of churn, and what is said of it does not count there.
 *
 * Plain data. Threads: pure. Errors: none. */
#ifndef CONSUMERS_ALERT_LIFE_H
#define CONSUMERS_ALERT_LIFE_H

#include "schemas/types.h"

enum alert_rule { ALERT_RULE_SILENCE, ALERT_RULE_RISK, ALERT_RULE_OPPORTUNITY, ALERT_RULE_COUNT };

extern const char *const alert_rule_names[ALERT_RULE_COUNT];

struct alert_state {
	bool open;
	int32_t episode, revision;
	int64_t opened_ms;
	int32_t severity; /* enum severity */
	int32_t rule;	  /* enum alert_rule: what opened it */
	bool acknowledged;
	int64_t snoozed_until_ms, cool_until_ms; /* 0: not */
	int32_t wrong_count, useful_count;
	/* of the last alerts, the latest lowest, 5 bits each: useful (1) or wrong (2), and above
	 * these two bits the reason that led it when it opened, enum feature_group */
	uint64_t answers;
};

enum { ALERT_ANSWERS_MAX = 12 };

/* What is known at a moment. */
struct alert_view {
	int64_t at_ms;
	double probability, open, close; /* close < open */
	int32_t severity, rule;
	int32_t lead;  /* enum feature_group: its first reason; 0: not by a model of causes */
	bool may_open; /* false: too little is known */
	bool is_over;  /* the account has left, or is given up */
};

enum { ALERT_ID_MAX = KEY_LEN_MAX + 32 };

/* "account/rule/episode", in `id`. */
struct bytes alert_life_id(const struct alert_state *alert, struct bytes account,
			   char id[ALERT_ID_MAX]);

extern const char *const alert_step_names[]; /* by enum alert_status */

/* A revision of it, as it is said: who, what, when and whether it is about history that is being
 * loaded. The rest is the judge's to fill in. The name stands in `id`. */
struct alert_news {
	enum alert_status status;
	int64_t at_ms, ingest_ms;      /* ingest: when what caused it came in */
	struct bytes trigger_event_id; /* absent: the clock */
};
struct alert alert_life_record(const struct alert_state *alert, struct bytes account,
			       const struct alert_news *news, char id[ALERT_ID_MAX]);

/* One step; whether something is to be said, and what. */
bool alert_life_step(struct alert_state *alert, const struct alert_view *view,
		     enum alert_status *status);

/* The account goes into another one: its alert ends here. Whether RESOLVED is to be said. */
bool alert_life_leave(struct alert_state *alert);

/* An alert that is `from`, of an account that came into this one, goes on here, under its rule and
 * open since it opened. Whether OPENED is to be said: not where one is open anyway, nor where the
 * probability of both accounts together would end it at once. */
bool alert_life_take_over(struct alert_state *alert, const struct alert_state *from,
			  double probability, double close);

enum alert_verdict { VERDICT_ACK, VERDICT_SNOOZE, VERDICT_USEFUL, VERDICT_WRONG, VERDICT_COUNT };

extern const char *const verdict_names[VERDICT_COUNT]; /* "ack", "snooze", ... */

/* The type of event by which feedback comes back: attrs alert_id, verdict, until (a time). */
#define FEEDBACK_TYPE "foretell.feedback"

/* Takes such an event: alert_life_feedback with what it says. Useful or wrong is counted, also of
 * an earlier warning of the account, and not of opportunities; what names another alert, or says it
 * badly, is passed over. */
bool alert_life_take(struct alert_state *alert, struct bytes account,
		     const struct source_event *event, int64_t at_ms, enum alert_status *status);

/* What somebody said of the alert; `until_ms` is for a snooze. What changes nothing says nothing.
 */
bool alert_life_feedback(struct alert_state *alert, enum alert_verdict verdict, int64_t at_ms,
			 int64_t until_ms, enum alert_status *status);

/* What was said anew, from the answers before it: of which first reason, and by how much its counts
 * change (-1, 0 or 1). False: nothing, or the reason is not known. */
struct alert_answer {
	int32_t reason; /* enum feature_group, not 0 */
	int32_t useful, wrong;
};
bool alert_life_answer(uint64_t before, uint64_t after, struct alert_answer *answer);

/* Puts a mark (ACK, SNOOZE) that an alert had onto the one that goes on in its place. Whether it
 * had it, and something is to be said. */
bool alert_life_mark(struct alert_state *alert, const struct alert_state *from,
		     enum alert_verdict mark, int64_t at_ms, enum alert_status *status);

/* Two accounts become one: what was said of earlier alerts adds up, and the later cool-down holds.
 */
void alert_life_merge(struct alert_state *alert, const struct alert_state *from);

/* The probability from which an alert opens, given what was said of earlier ones. */
double alert_life_open(const struct alert_state *alert, double open);

#endif
