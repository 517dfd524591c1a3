#include "tests/bench/job/churn.h"

#include "base/dmath.h"
#include "base/dmath_each.h"

/* "7 and 30 days", at 10 s of event time a day. */
#define TAU_7_MS  70000.0
#define TAU_30_MS 300000.0
#define BIAS	  (-2.5)
#define ALERT_AT  0.8
#define CLEAR_AT  0.7

enum { ALERT_SCHEMA_ID = 2, ALERT_RATIOS = 8 };

/* Of each kind: count, ratio, recency. The kinds are login, purchase, ticket, cancel, refund,
 * usage, email, failed payment. */
static const double weights[JOB_KINDS][3] = {
	{ -0.05, -0.30, -0.40 }, { -0.20, -0.60, -0.80 }, { 0.15, 0.50, 0.70 },
	{ 0.45, 1.10, 1.60 },	 { 0.25, 0.60, 0.80 },	  { -0.05, -0.40, -0.50 },
	{ -0.02, -0.10, -0.10 }, { 0.35, 0.90, 1.30 },
};

static double since_ms(int64_t now_ms, int64_t then_ms)
{
	return now_ms > then_ms ? (double)(now_ms - then_ms) : 0;
}

static void count_event(struct job_kind *kind, const struct job_event *event)
{
	double gap_ms = kind->last_ms == 0 ? 0 : since_ms(event->at_ms, kind->last_ms);
	double decay[] = { -gap_ms / TAU_7_MS, -gap_ms / TAU_30_MS };
	dm_exp_each(decay, 2);
	kind->count++;
	kind->sum += event->amount;
	kind->decayed_7 = kind->decayed_7 * decay[0] + event->amount;
	kind->decayed_30 = kind->decayed_30 * decay[1] + event->amount;
	if (event->at_ms > kind->last_ms)
		kind->last_ms = event->at_ms;
}

/* The margin; what was never seen has features of 0. */
static double look_at_kinds(const struct job_state *state, int64_t now_ms, double *features)
{
	double margin = BIAS, ages[JOB_KINDS], decays[2 * JOB_KINDS], logs[JOB_KINDS];
	size_t seen = 0;
	for (int k = 0; k < JOB_KINDS; k++) {
		const struct job_kind *kind = &state->kinds[k];
		if (kind->count == 0)
			continue;
		double age = since_ms(now_ms, kind->last_ms) / TAU_7_MS;
		ages[seen] = age;
		decays[2 * seen] = -age;
		decays[2 * seen + 1] = -since_ms(now_ms, kind->last_ms) / TAU_30_MS;
		logs[seen++] = 1 + (double)kind->count;
	}
	dm_exp_each(decays, 2 * seen);
	dm_log_each(logs, seen);
	for (int k = 0, s = 0; k < JOB_KINDS; k++) {
		const struct job_kind *kind = &state->kinds[k];
		double *f = &features[3 * k];
		if (kind->count == 0) {
			f[0] = f[1] = f[2] = 0;
			continue;
		}
		double fast = kind->decayed_7 * decays[2 * s];
		double slow = kind->decayed_30 * decays[2 * s + 1];
		f[0] = logs[s];
		f[1] = fast / (slow + 1);
		f[2] = 1 / (1 + ages[s++]);
		margin += weights[k][0] * f[0] + weights[k][1] * f[1] + weights[k][2] * f[2];
	}
	return margin;
}

void job_state_apply(struct job_state *state, const struct job_event *event,
		     struct job_outcome *outcome)
{
	if (state->version == 0) {
		state->version = 1;
		state->first_ms = event->at_ms;
	}
	count_event(&state->kinds[event->kind], event);
	state->total++;
	double margin = look_at_kinds(state, event->at_ms, outcome->features);
	outcome->score_before = state->score;
	outcome->score = 1 / (1 + dm_exp(-margin));
	bool crossed = state->in_alert == 0 && outcome->score >= ALERT_AT;
	state->score = outcome->score;
	if (crossed)
		state->in_alert = 1;
	else if (state->in_alert != 0 && outcome->score < CLEAR_AT)
		state->in_alert = 0;
	outcome->alert = crossed || event->flagged;
	if (outcome->alert) {
		state->last_alert_ms = event->at_ms;
		state->alert_count++;
	}
	memcpy(state->event_tail,
	       event->event_id.data + JOB_EVENT_ID_LEN - sizeof state->event_tail,
	       sizeof state->event_tail);
}

size_t job_alert_encode(const struct job_event *event, const struct job_outcome *outcome,
			uint8_t *out)
{
	uint8_t id[3 + JOB_EVENT_ID_LEN] = "AL-";
	memcpy(id + 3, event->event_id.data, JOB_EVENT_ID_LEN);
	const uint8_t header[] = { 0, 0, 0, 0, ALERT_SCHEMA_ID };
	memcpy(out, header, sizeof header);
	uint8_t *at = job_put_text(out + sizeof header, bytes_of(id, sizeof id));
	at = job_put_text(at, event->account);
	at = job_put_text(at, event->event_id);
	at = job_put_long(at, event->at_ms);
	at = job_put_double(at, outcome->score);
	at = job_put_double(at, outcome->score_before);
	at = job_put_long(at, event->kind);
	at = job_put_text(at, bytes_str("score crossed 0.8"));
	at = job_put_long(at, ALERT_RATIOS);
	for (int i = 0; i < ALERT_RATIOS; i++)
		at = job_put_double(at, outcome->features[3 * i + 1]);
	at = job_put_long(at, 0);
	return (size_t)(at - out);
}
