#include "consumers/alert_life.h"

#include <string.h>

#include "base/dmath.h"
#include "base/phrase.h"
#include "base/timestamp.h"
#include "models/features.h"

/* An alert is about the present: what was raised by something ingested this long after it happened
 * belongs to a history that is being loaded. */
#define HISTORIC_MS   (2 * MS_PER_DAY)
#define COOL_MS	      (14 * MS_PER_DAY)
#define COOL_WRONG_MS (60 * MS_PER_DAY)

enum { VERDICTS_COUNTED_MAX = 4 };

/* As answers are kept. */
enum { ANSWER_BITS = 5, TOLD_USEFUL = 1, TOLD_WRONG = 2, TOLD_MASK = 3, LEAD_SHIFT = 2 };
#define LEAD_MASK UINT64_C(7)
_Static_assert(ALERT_ANSWERS_MAX *(int)ANSWER_BITS <= 64 && GROUP_COUNT <= 8, "they fit");

const char *const alert_rule_names[ALERT_RULE_COUNT] = { "churn.silence", "churn.risk",
							 "opportunity" };

const char *const verdict_names[VERDICT_COUNT] = { "ack", "snooze", "useful", "wrong" };

const char *const alert_step_names[] = { "OPENED",  "UPDATED",	    "RESOLVED",
					 "EXPIRED", "ACKNOWLEDGED", "SNOOZED" };

struct bytes alert_life_id(const struct alert_state *alert, struct bytes account,
			   char id[ALERT_ID_MAX])
{
	struct phrase phrase = phrase_in(id, ALERT_ID_MAX);
	phrase_bytes(&phrase, account);
	phrase_text(&phrase, "/");
	phrase_text(&phrase, alert_rule_names[alert->rule]);
	phrase_text(&phrase, "/");
	phrase_int(&phrase, alert->episode, 1);
	return bytes_of(id, phrase_end(&phrase));
}

struct alert alert_life_record(const struct alert_state *alert, struct bytes account,
			       const struct alert_news *news, char id[ALERT_ID_MAX])
{
	enum alert_status status = news->status > ALERT_EXPIRED ? ALERT_UPDATED : news->status;
	return (struct alert){
		.alert_id = alert_life_id(alert, account, id),
		.revision = alert->revision,
		.account = account,
		.rule = bytes_str(alert_rule_names[alert->rule]),
		.status = (int32_t)status,
		.step = bytes_str(alert_step_names[news->status]),
		.severity = alert->severity,
		.at_ms = news->at_ms,
		.opened_ms = alert->opened_ms,
		.trigger_event_id = news->trigger_event_id,
		.historic = news->ingest_ms - news->at_ms > HISTORIC_MS,
	};
}

double alert_life_open(const struct alert_state *alert, double open)
{
	/* each wrong alert more than useful ones asks for about half as much again in odds */
	int32_t wrong = alert->wrong_count - alert->useful_count;
	if (wrong <= 0 || open <= 0 || open >= 1)
		return open;
	wrong = wrong < VERDICTS_COUNTED_MAX ? wrong : VERDICTS_COUNTED_MAX;
	return dm_sigmoid(dm_log(open / (1 - open)) + 0.4 * wrong);
}

/* As another alert opens, that the reason leads. */
static uint64_t answers_next(const struct alert_state *alert, uint64_t lead)
{
	return alert->answers << ANSWER_BITS | lead << LEAD_SHIFT;
}

static bool step_closed(struct alert_state *alert, const struct alert_view *view,
			enum alert_status *status)
{
	bool is_cool = view->at_ms >= alert->cool_until_ms || view->severity >= SEVERITY_HIGH;
	double open = view->rule == ALERT_RULE_OPPORTUNITY ? view->open
							   : alert_life_open(alert, view->open);
	if (!view->may_open || view->is_over || !is_cool || view->probability < open)
		return false;
	*alert = (struct alert_state){ .open = true,
				       .episode = alert->episode + 1,
				       .opened_ms = view->at_ms,
				       .severity = view->severity,
				       .rule = view->rule,
				       .wrong_count = alert->wrong_count,
				       .useful_count = alert->useful_count,
				       .answers = answers_next(alert, (uint64_t)view->lead) };
	*status = ALERT_OPENED;
	return true;
}

static void end(struct alert_state *alert, int64_t cool_until_ms)
{
	alert->open = alert->acknowledged = false;
	alert->snoozed_until_ms = 0;
	if (alert->rule != ALERT_RULE_OPPORTUNITY)
		alert->cool_until_ms = cool_until_ms;
	alert->revision++;
}

bool alert_life_step(struct alert_state *alert, const struct alert_view *view,
		     enum alert_status *status)
{
	if (!alert->open)
		return step_closed(alert, view, status);
	if (view->probability < view->close || view->is_over) {
		*status = view->probability < view->close ? ALERT_RESOLVED : ALERT_EXPIRED;
		end(alert, view->at_ms + COOL_MS);
		return true;
	}
	bool snoozed = view->at_ms < alert->snoozed_until_ms;
	bool woke = !snoozed && alert->snoozed_until_ms != 0;
	bool rose = view->severity > alert->severity &&
		    (!snoozed || view->severity == SEVERITY_CRITICAL);
	if (!woke && !rose)
		return false;
	if (woke)
		alert->snoozed_until_ms = 0;
	if (view->severity > alert->severity || woke)
		alert->severity = view->severity;
	alert->revision++;
	*status = ALERT_UPDATED;
	return true;
}

bool alert_life_leave(struct alert_state *alert)
{
	if (!alert->open)
		return false;
	end(alert, alert->cool_until_ms);
	return true;
}

bool alert_life_take_over(struct alert_state *alert, const struct alert_state *from,
			  double probability, double close)
{
	if (!from->open || alert->open || probability < close)
		return false;
	*alert = (struct alert_state){ .open = true,
				       .episode = alert->episode + 1,
				       .opened_ms = from->opened_ms,
				       .severity = from->severity,
				       .rule = from->rule,
				       .wrong_count = alert->wrong_count,
				       .useful_count = alert->useful_count,
				       .answers = answers_next(alert, from->answers >> LEAD_SHIFT &
									      LEAD_MASK) };
	return true;
}

static void count(struct alert_state *alert, uint64_t told, int32_t change)
{
	int32_t *counts = told == TOLD_WRONG ? &alert->wrong_count : &alert->useful_count;
	if (told != 0 && (change < 0 ? *counts > 0 : *counts < INT32_MAX))
		*counts += change;
}

/* What somebody thinks of a warning, whether it is still open or not: instead of what was said of
 * it before. */
static void count_verdict(struct alert_state *alert, int32_t episode, enum alert_verdict verdict,
			  int64_t at_ms)
{
	int32_t back = alert->episode - episode;
	if (verdict < VERDICT_USEFUL || back >= ALERT_ANSWERS_MAX)
		return;
	uint64_t told = verdict == VERDICT_WRONG ? TOLD_WRONG : TOLD_USEFUL;
	uint64_t before = alert->answers >> ANSWER_BITS * back & TOLD_MASK;
	if (told == before)
		return;
	alert->answers ^= (before ^ told) << ANSWER_BITS * back;
	count(alert, before, -1);
	count(alert, told, 1);
	int64_t wrong_ms = at_ms + COOL_WRONG_MS, usual_ms = at_ms + COOL_MS;
	if (told == TOLD_WRONG && alert->cool_until_ms < wrong_ms)
		alert->cool_until_ms = wrong_ms;
	if (before == TOLD_WRONG && alert->cool_until_ms > usual_ms)
		alert->cool_until_ms = usual_ms;
}

bool alert_life_answer(uint64_t before, uint64_t after, struct alert_answer *answer)
{
	if (before == after)
		return false;
	while (((before ^ after) & TOLD_MASK) == 0) {
		before >>= ANSWER_BITS;
		after >>= ANSWER_BITS;
	}
	uint64_t was = before & TOLD_MASK, is = after & TOLD_MASK;
	*answer = (struct alert_answer){
		.reason = (int32_t)(after >> LEAD_SHIFT & LEAD_MASK),
		.useful = (is == TOLD_USEFUL) - (was == TOLD_USEFUL),
		.wrong = (is == TOLD_WRONG) - (was == TOLD_WRONG),
	};
	return answer->reason != GROUP_PEERS;
}

bool alert_life_feedback(struct alert_state *alert, enum alert_verdict verdict, int64_t at_ms,
			 int64_t until_ms, enum alert_status *status)
{
	if (alert->rule != ALERT_RULE_OPPORTUNITY)
		count_verdict(alert, alert->episode, verdict, at_ms);
	if (!alert->open || verdict == VERDICT_USEFUL ||
	    (verdict == VERDICT_ACK && alert->acknowledged) ||
	    (verdict == VERDICT_SNOOZE && until_ms <= at_ms))
		return false;
	if (verdict == VERDICT_WRONG) {
		end(alert, alert->cool_until_ms);
		*status = ALERT_RESOLVED;
		return true;
	}
	alert->revision++;
	if (verdict == VERDICT_ACK) {
		alert->acknowledged = true;
		*status = ALERT_ACKNOWLEDGED;
	} else {
		alert->snoozed_until_ms = until_ms;
		*status = ALERT_SNOOZED;
	}
	return true;
}

bool alert_life_mark(struct alert_state *alert, const struct alert_state *from,
		     enum alert_verdict mark, int64_t at_ms, enum alert_status *status)
{
	bool had = mark == VERDICT_ACK ? from->acknowledged : from->snoozed_until_ms > at_ms;
	return had && alert_life_feedback(alert, mark, at_ms, from->snoozed_until_ms, status);
}

static int32_t add_counts(int32_t a, int32_t b)
{
	return a > INT32_MAX - b ? INT32_MAX : a + b;
}

void alert_life_merge(struct alert_state *alert, const struct alert_state *from)
{
	alert->wrong_count = add_counts(alert->wrong_count, from->wrong_count);
	alert->useful_count = add_counts(alert->useful_count, from->useful_count);
	if (from->cool_until_ms > alert->cool_until_ms)
		alert->cool_until_ms = from->cool_until_ms;
}

static struct bytes attribute(const struct source_event *event, const char *name)
{
	for (size_t i = 0; i < event->attr_count; i++)
		if (bytes_equal(event->attrs[i].key, bytes_str(name)))
			return event->attrs[i].value;
	return bytes_of(NULL, 0);
}

/* The number behind the last slash of an id; 0: there is none. */
static int32_t episode_of(struct bytes id)
{
	int64_t episode = 0, ten = 1;
	while (id.len > 0 && ten <= INT32_MAX) {
		uint8_t byte = id.data[--id.len];
		if (byte < '0' || byte > '9')
			return byte == '/' && episode <= INT32_MAX ? (int32_t)episode : 0;
		episode += (byte - '0') * ten;
		ten *= 10;
	}
	return 0;
}

/* Whether an id is that of an earlier warning of the account. */
static bool is_earlier(const struct alert_state *alert, struct bytes account, struct bytes id)
{
	struct alert_state earlier = { .episode = episode_of(id) };
	char text[ALERT_ID_MAX];
	if (earlier.episode <= 0 || earlier.episode >= alert->episode)
		return false;
	for (; earlier.rule < ALERT_RULE_OPPORTUNITY; earlier.rule++)
		if (bytes_equal(alert_life_id(&earlier, account, text), id))
			return true;
	return false;
}

static bool verdict_of(const struct source_event *event, enum alert_verdict *verdict)
{
	struct bytes told = attribute(event, "verdict");
	for (int i = 0; i < VERDICT_COUNT; i++)
		if (bytes_equal(told, bytes_str(verdict_names[i]))) {
			*verdict = (enum alert_verdict)i;
			return true;
		}
	return false;
}

bool alert_life_take(struct alert_state *alert, struct bytes account,
		     const struct source_event *event, int64_t at_ms, enum alert_status *status)
{
	struct bytes id = attribute(event, "alert_id"), until = attribute(event, "until");
	char own[ALERT_ID_MAX], text[TIME_TEXT_LEN + 8] = "";
	enum alert_verdict verdict;
	int64_t until_ms = 0;
	if (alert->episode == 0 || !verdict_of(event, &verdict))
		return false;
	if (!bytes_equal(alert_life_id(alert, account, own), id)) {
		if (is_earlier(alert, account, id))
			count_verdict(alert, episode_of(id), verdict, at_ms);
		return false;
	}
	if (until.len > 0 && until.len < sizeof text) {
		memcpy(text, until.data, until.len);
		if (!time_parse(text, &until_ms))
			until_ms = 0;
	}
	return alert_life_feedback(alert, verdict, at_ms, until_ms, status);
}
