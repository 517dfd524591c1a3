#include "tests/bench/job/reference.h"

static struct err *parse(void *context, const struct record *record, struct origin *origin,
			 const void **parsed)
{
	struct reference *reference = context;
	(void)origin;
	*parsed = &reference->event;
	return job_event_decode(record->value, &reference->event);
}

static size_t route(void *context, const void *parsed, struct target targets[TARGETS_MAX])
{
	const struct job_event *event = parsed;
	(void)context;
	targets[0] = (struct target){ 0, event->account, NO_TIMERS };
	return 1;
}

static void apply(void *context, const struct origin *origin, const void *parsed, struct bytes key,
		  void *state, struct effects *effects, bool *must_publish)
{
	(void)must_publish;
	struct reference *reference = context;
	const struct job_event *event = parsed;
	struct job_outcome *outcome = &reference->outcome;
	job_state_apply(state, event, outcome);
	if (!outcome->alert)
		return;
	size_t len = job_alert_encode(event, outcome, reference->alert);
	effects_pass(effects, REFERENCE_ALERTS, origin->partition, key,
		     bytes_of(reference->alert, len), NULL, 0);
}

static struct err *encode(void *context, const char *topic, struct bytes key, const void *state,
			  uint8_t *out, size_t *len)
{
	(void)context;
	(void)topic;
	(void)key;
	memcpy(out, state, sizeof(struct job_state));
	*len = sizeof(struct job_state);
	return NULL;
}

static struct err *decode(void *context, struct bytes value, void *state)
{
	(void)context;
	if (value.len != sizeof(struct job_state))
		return err_new(ERR_FATAL, "STATE_FOREIGN", "not a state of the reference job");
	memcpy(state, value.data, value.len);
	return NULL;
}

struct processor reference_processor(struct reference *reference)
{
	return (struct processor){
		.name = "reference",
		.logic_version = 1,
		.meta_topic = REFERENCE_META,
		.keyed = true,
		.no_headers = true,
		.kinds = { { .name = "account",
			     .state_topic = REFERENCE_STATES,
			     .published = true,
			     .state_size = sizeof(struct job_state),
			     .encode = encode,
			     .decode = decode,
			     .apply = apply } },
		.kind_count = 1,
		.context = reference,
		.parse = parse,
		.route = route,
	};
}
