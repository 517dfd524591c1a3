#include "schemas/event_check.h"

#include <inttypes.h>

#include "base/timestamp.h"

struct text_rule {
	const char *name;
	struct bytes text;
	size_t len_max;
	bool required;
};

static struct err *check_texts(const struct source_event *event)
{
	const struct text_rule rules[] = {
		{ "event_id", event->event_id, EVENT_ID_MAX, true },
		{ "source", event->source, EVENT_TYPE_MAX, true },
		{ "type", event->type, EVENT_TYPE_MAX, true },
		{ "subject", event->subject, KEY_LEN_MAX, true },
		{ "trace_id", event->trace_id, EVENT_ID_MAX, false },
		{ "name", event->name, ATTR_LEN_MAX, false },
		{ "unit", event->unit, EVENT_TYPE_MAX, false },
	};
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
		if (rules[i].required && rules[i].text.len == 0)
			return err_new(ERR_POISON, "EVENT_FIELD", "%s is empty", rules[i].name);
		if (rules[i].text.len > rules[i].len_max)
			return err_new(ERR_POISON, "EVENT_FIELD",
				       "%s has %zu bytes, at most %zu are accepted", rules[i].name,
				       rules[i].text.len, rules[i].len_max);
	}
	return NULL;
}

static struct err *check_attrs(const struct source_event *event)
{
	for (size_t i = 0; i < event->attr_count; i++)
		if (event->attrs[i].key.len > EVENT_TYPE_MAX ||
		    event->attrs[i].value.len > ATTR_LEN_MAX)
			return err_new(
				ERR_POISON, "EVENT_FIELD",
				"attribute %.*s is too long (name at most %d bytes, value %d)",
				(int)(event->attrs[i].key.len < 40 ? event->attrs[i].key.len : 40),
				(const char *)event->attrs[i].key.data, EVENT_TYPE_MAX,
				ATTR_LEN_MAX);
	return NULL;
}

static struct err *check_time(const struct source_event *event, int64_t ingest_ms,
			      int64_t future_ms)
{
	if (event->event_ms < EVENT_MS_MIN || event->event_ms > EVENT_MS_MAX)
		return err_new(ERR_POISON, "TIME_ABSURD",
			       "event_ms %" PRId64 " lies outside the years 1900 to 2200 (is it in "
			       "milliseconds?)",
			       event->event_ms);
	if (event->event_ms > ingest_ms + future_ms)
		return err_new(ERR_POISON, "TIME_FUTURE",
			       "event_ms lies %" PRId64
			       " ms after it was ingested, at most %" PRId64
			       " are accepted (late.future.ms)",
			       event->event_ms - ingest_ms, future_ms);
	return NULL;
}

static struct err *check_amounts(const struct source_event *event)
{
	if (event->has_quantity && event->quantity < 0)
		return err_new(ERR_POISON, "QUANTITY_NEGATIVE", "quantity is %" PRId64,
			       event->quantity);
	if (!event->has_amount)
		return NULL;
	bool valid = event->currency.len == 3;
	for (size_t i = 0; valid && i < 3; i++)
		valid = event->currency.data[i] >= 'A' && event->currency.data[i] <= 'Z';
	if (!valid)
		return err_new(ERR_POISON, "CURRENCY_INVALID",
			       "an amount needs a currency of three capital letters (ISO 4217)");
	return NULL;
}

struct err *event_check(const struct source_event *event, int64_t ingest_ms, int64_t future_ms)
{
	struct err *err = check_texts(event);
	if (err == NULL)
		err = check_attrs(event);
	if (err == NULL)
		err = check_time(event, ingest_ms, future_ms);
	if (err == NULL)
		err = check_amounts(event);
	return err;
}
