#define _GNU_SOURCE /* memmem */

#include "cli/traces.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/topic_setup.h"
#include "consumers/names.h"
#include "kafka/reader.h"
#include "schemas/event_types.h"
#include "schemas/identity.h"
#include "schemas/registry.h"
#include "schemas/states.h"

enum { PLAIN_LEN_MIN = 6 }; /* of a value that is looked for in bytes: shorter ones say little */

struct traces {
	struct registry *registry;
	struct name_text *names;
	size_t name_count;
	int64_t records, newest_ms; /* of the topic at hand */
	/* scratch */
	struct account_event event;
	struct identity_note note;
	struct account_change change;
	struct identity_suggestion suggestion;
	struct example example;
	struct lesson lesson;
};

static int by_bytes(const void *a, const void *b)
{
	return bytes_compare(name_text_bytes(a), name_text_bytes(b));
}

static bool is_one(const struct traces *traces, struct bytes text)
{
	struct name_text wanted;
	if (text.len == 0 || text.len > KEY_LEN_MAX)
		return false;
	name_text_set(&wanted, text);
	return bsearch(&wanted, traces->names, traces->name_count, sizeof wanted, by_bytes) != NULL;
}

static bool is_named(const struct traces *traces, struct bytes scheme, struct bytes value)
{
	struct name_key key;
	struct err *err = name_key_make(scheme, value, &key);
	bool named = err == NULL && is_one(traces, name_bytes(&key));
	err_free(&err);
	return named;
}

static bool event_tells(const struct traces *traces, const struct source_event *event)
{
	bool tells = is_named(traces, event->subject_scheme, event->subject);
	for (size_t i = 0; !tells && i < event->identifier_count; i++)
		tells = is_named(traces, event->identifiers[i].scheme, event->identifiers[i].value);
	if (!tells && event->has_crm && event->crm.has_account)
		tells = is_named(traces, bytes_str("crm.account"), event->crm.account.merged_into);
	return tells;
}

/* A row of what a record of a type tells of. */
static struct err *look_inside(struct traces *traces, const char *type, struct bytes value,
			       bool *tells)
{
	struct registry *registry = traces->registry;
	struct err *err = NULL;
	if (strcmp(type, "foretell.AccountEvent") == 0) {
		err = registry_decode(registry, &account_event_type, value, &traces->event);
		*tells = err == NULL && (is_one(traces, traces->event.account) ||
					 event_tells(traces, &traces->event.event));
	} else if (strcmp(type, "foretell.IdentityNote") == 0) {
		const struct identity_note *note = &traces->note;
		err = registry_decode(registry, &identity_note_type, value, &traces->note);
		*tells =
			err == NULL && (is_one(traces, note->name) || is_one(traces, note->other) ||
					is_one(traces, note->account));
	} else if (strcmp(type, "foretell.AccountChange") == 0) {
		err = registry_decode(registry, &account_change_type, value, &traces->change);
		*tells = err == NULL && (is_one(traces, traces->change.account) ||
					 is_one(traces, traces->change.other));
	} else if (strcmp(type, "foretell.IdentitySuggestion") == 0) {
		err = registry_decode(registry, &identity_suggestion_type, value,
				      &traces->suggestion);
		*tells = err == NULL && (is_one(traces, traces->suggestion.name) ||
					 is_one(traces, traces->suggestion.other));
	} else if (strcmp(type, "foretell.Example") == 0) {
		err = registry_decode(registry, &example_type, value, &traces->example);
		*tells = err == NULL && is_one(traces, traces->example.account);
	} else if (strcmp(type, "foretell.Lesson") == 0) {
		err = registry_decode(registry, &lesson_type, value, &traces->lesson);
		*tells = err == NULL && is_one(traces, traces->lesson.account);
	}
	return err;
}

static struct err *look(struct traces *traces, struct bytes value, bool *tells)
{
	const char *name = NULL;
	struct err *err = registry_record_name(traces->registry, value, &name);
	const struct record_type *type = err == NULL ? event_source_schema(name) : NULL;
	if (err == NULL && type == NULL)
		return look_inside(traces, name, value, tells);
	if (err == NULL)
		err = registry_decode(traces->registry, type, value, &traces->event.event);
	if (err == NULL)
		*tells = event_tells(traces, &traces->event.event);
	return err;
}

/* Without its scheme, as a source may have written it. */
static struct bytes value_of(struct bytes name)
{
	const uint8_t *colon = memchr(name.data, ':', name.len);
	size_t from = colon != NULL ? (size_t)(colon - name.data) + 1 : 0;
	return bytes_of(name.data + from, name.len - from);
}

static bool stands_in(const struct traces *traces, struct bytes value)
{
	for (size_t i = 0; i < traces->name_count; i++) {
		struct bytes text = value_of(name_text_bytes(&traces->names[i]));
		if (text.len >= PLAIN_LEN_MIN &&
		    memmem(value.data, value.len, text.data, text.len) != NULL)
			return true;
	}
	return false;
}

static struct err *take(void *context, const struct record *record)
{
	struct traces *traces = context;
	bool tells = is_one(traces, record->key) || stands_in(traces, record->key);
	if (!tells && record->value.data != NULL) {
		struct err *err = look(traces, record->value, &tells);
		if (err != NULL && err_verdict(err) != ERR_POISON)
			return err;
		err_free(&err);
		tells = tells || stands_in(traces, record->value);
	}
	traces->records += tells;
	if (tells && record->timestamp_ms > traces->newest_ms)
		traces->newest_ms = record->timestamp_ms;
	return NULL;
}

/* ---- until when ----------------------------------------------------------------------------- */

static int64_t config_ms(const struct admin_configs *configs, const char *name)
{
	const char *text = admin_config(configs, name);
	return text != NULL ? strtoll(text, NULL, 10) : -1;
}

/* A segment goes as a whole, when its newest record is old enough. */
static void print_log(const struct traces *traces, const char *topic,
		      const struct admin_configs *configs, FILE *out)
{
	char time[TIME_TEXT_LEN + 1];
	int64_t kept_ms = config_ms(configs, "retention.ms");
	int64_t segment_ms = config_ms(configs, "segment.ms");
	fprintf(out, "  %-32s %8" PRId64 " records  ", topic, traces->records);
	if (kept_ms < 0 || segment_ms < 0 || kept_ms > EVENT_MS_MAX || segment_ms > EVENT_MS_MAX) {
		fprintf(out, "for ever (retention.ms=-1)\n");
		return;
	}
	time_format(traces->newest_ms + kept_ms + segment_ms, time);
	fprintf(out, "until %s at the latest (retention.ms and segment.ms)\n", time);
}

static void print_compacted(const char *topic, const struct admin_configs *configs, FILE *out)
{
	int64_t lag_ms = config_ms(configs, "max.compaction.lag.ms");
	int64_t gone_ms = config_ms(configs, "delete.retention.ms");
	fprintf(out, "  %-32s older versions  ", topic);
	if (lag_ms < 0 || lag_ms > EVENT_MS_MAX)
		fprintf(out, "until the brokers compact (max.compaction.lag.ms sets no bound)");
	else
		fprintf(out, "%" PRId64 " hours at the most (max.compaction.lag.ms)",
			lag_ms / MS_PER_HOUR);
	fprintf(out, ", the deleted keys %" PRId64 " hours longer\n", gone_ms / MS_PER_HOUR);
}

/* States whose keys are names or accounts; the others hold sums, models and hashes. */
static bool holds_names(const struct topic_row *row)
{
	static const char *const rows[] = { "identity.meta", "accounts", "gather.meta" };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (strcmp(row->logical, rows[i]) == 0)
			return true;
	return false;
}

static struct err *print_topic(struct traces *traces, const struct client_options *client,
			       struct admin *admin, const struct topic_row *row, const char *topic,
			       FILE *out)
{
	struct admin_configs *configs = NULL;
	const struct reader_options reading = { .client = client, .topic = topic, .partition = -1 };
	traces->records = traces->newest_ms = 0;
	if (row->compacted && !holds_names(row))
		return NULL;
	struct err *err = NULL;
	if (!row->compacted)
		err = reader_run(&reading, take, traces, NULL);
	if (err == NULL && (row->compacted || traces->records > 0))
		err = admin_configs_read(admin, ADMIN_TOPIC, topic, &configs);
	if (configs != NULL && row->compacted)
		print_compacted(topic, configs, out);
	else if (configs != NULL)
		print_log(traces, topic, configs, out);
	admin_configs_free(&configs);
	return err;
}

struct err *traces_print(const struct conf *conf, const struct client_options *client,
			 struct name_text *names, size_t count, FILE *out)
{
	struct traces *traces = check_calloc(1, sizeof *traces);
	struct topic_list *list = check_malloc(sizeof *list);
	struct admin *admin = NULL;
	traces->names = names;
	traces->name_count = count;
	qsort(names, count, sizeof *names, by_bytes);
	topic_list_init(list, conf);
	struct err *err = registry_open(conf_string(conf, "registry.url"), &traces->registry);
	if (err == NULL)
		err = admin_open(client, &admin);
	for (size_t i = 0; err == NULL && i < list->count; i++)
		err = print_topic(traces, client, admin, list->rows[i], list->names[i], out);
	admin_close(&admin);
	registry_close(&traces->registry);
	free(list);
	free(traces);
	return err;
}
