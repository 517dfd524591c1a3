#include "cli/identity_totals.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/names.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/identity.h"
#include "schemas/registry.h"
#include "schemas/states.h"

enum { ROWS_MAX = 64 * 1000 * 1000, CAPACITY_MIN = 1024 };

/* What the latest record of a key adds to the totals. Keys are told apart by 128 bits. */
struct row {
	uint64_t print[2];
	struct identity_totals adds;
	bool used;
};

struct totals_reading {
	struct identity_totals *totals;
	struct registry *registry;
	char log[TOPIC_NAME_MAX + 2]; /* "APP.identity.events/": before a key's kind */
	struct row *rows;
	size_t count, capacity; /* capacity: 0 or a power of two */
	struct account_record account;
};

/* ---- the latest of each key ----------------------------------------------------------------- */

static struct row *find(const struct totals_reading *reading, const uint64_t print[2])
{
	size_t mask = reading->capacity - 1, at = (size_t)print[0] & mask;
	while (reading->rows[at].used &&
	       memcmp(reading->rows[at].print, print, sizeof reading->rows[at].print) != 0)
		at = (at + 1) & mask;
	return &reading->rows[at];
}

static void grow(struct totals_reading *reading)
{
	struct row *old = reading->rows;
	size_t old_capacity = reading->capacity;
	reading->capacity = old_capacity > 0 ? 2 * old_capacity : CAPACITY_MIN;
	reading->rows = check_calloc(reading->capacity, sizeof *reading->rows);
	for (size_t i = 0; i < old_capacity; i++)
		if (old[i].used)
			*find(reading, old[i].print) = old[i];
	free(old);
}

static void add(struct identity_totals *to, const struct identity_totals *from, int64_t times)
{
	enum { FIELDS = sizeof *to / sizeof(int64_t) };
	int64_t sums[FIELDS], more[FIELDS];
	memcpy(sums, to, sizeof sums);
	memcpy(more, from, sizeof more);
	for (size_t i = 0; i < FIELDS; i++)
		sums[i] += times * more[i];
	memcpy(to, sums, sizeof sums);
}

_Static_assert(sizeof(struct identity_totals) % sizeof(int64_t) == 0, "it is counts alone");

static struct err *put(struct totals_reading *reading, const struct record *record,
		       const struct identity_totals *adds)
{
	const uint64_t print[2] = { hash_table64(record->key), hash_key64(record->key, 1) };
	if (2 * reading->count >= reading->capacity)
		grow(reading);
	struct row *row = find(reading, print);
	if (!row->used && reading->count == ROWS_MAX)
		return err_new(ERR_FATAL, "IDENTITY_TOO_MANY", "more than %d states", ROWS_MAX);
	reading->count += !row->used;
	add(reading->totals, &row->adds, -1);
	add(reading->totals, adds, 1);
	memcpy(row->print, print, sizeof print);
	row->adds = *adds;
	row->used = true;
	return NULL;
}

/* ---- what each record adds ------------------------------------------------------------------ */

static struct err *count_event(const struct totals_reading *reading, struct bytes item,
			       struct identity_totals *adds)
{
	const char *type = NULL;
	struct err *err = registry_record_name(reading->registry, item, &type);
	adds->waiting += err == NULL && strcmp(type, "foretell.AccountEvent") == 0;
	return err;
}

static struct err *name_adds(const struct totals_reading *reading, const struct record *record,
			     struct bytes key, struct identity_totals *adds)
{
	struct identity_name_record name;
	struct err *err =
		registry_decode(reading->registry, &identity_name_type, record->value, &name);
	if (err != NULL)
		return err;
	adds->names = 1;
	adds->settled = name.account.len > 0;
	adds->repeats = name.duplicate_count;
	adds->outrun = name.outrun_count;
	adds->of_places = name_is_place(key) ? name.event_count : 0;
	for (size_t i = 0; err == NULL && i < name.held_count; i++)
		err = count_event(reading, name.held[i].bytes, adds);
	return err;
}

/* The first part of a large event has its frame, which says that it is one. */
static struct err *waiting_adds(const struct totals_reading *reading, const struct record *record,
				struct identity_totals *adds)
{
	struct identity_waiting_record waiting;
	struct err *err =
		registry_decode(reading->registry, &identity_waiting_type, record->value, &waiting);
	for (size_t i = 0; err == NULL && i < waiting.record_count; i++)
		err = count_event(reading, waiting.records[i].bytes, adds);
	bool begins = err == NULL && waiting.record_count == 0 && waiting.part == 0;
	return begins ? count_event(reading, waiting.bytes, adds) : err;
}

static struct err *mark_adds(const struct totals_reading *reading, const struct record *record,
			     struct identity_totals *adds)
{
	struct identity_erased mark;
	struct err *err =
		registry_decode(reading->registry, &identity_erased_type, record->value, &mark);
	adds->erased_names = 1;
	adds->erased = err == NULL ? mark.dropped_count : 0;
	return err;
}

/* What follows "<log>/<kind>/" in a key of identity.meta; absent: it is of another kind. */
static struct bytes after(const struct totals_reading *reading, struct bytes key, const char *kind)
{
	size_t log_len = strlen(reading->log), len = log_len + strlen(kind);
	bool is = key.len > len && memcmp(key.data, reading->log, log_len) == 0 &&
		  memcmp(key.data + log_len, kind, len - log_len) == 0;
	return is ? bytes_of(key.data + len, key.len - len) : bytes_of(NULL, 0);
}

static struct err *take_identity(void *context, const struct record *record)
{
	struct totals_reading *reading = context;
	struct identity_totals adds = { 0 };
	struct bytes name = after(reading, record->key, "name/");
	bool waits = after(reading, record->key, "waiting/").len > 0;
	bool erased = after(reading, record->key, "erased/").len > 0;
	struct err *err = NULL;
	if (name.len == 0 && !waits && !erased)
		return NULL;
	if (record->value.data == NULL)
		return put(reading, record, &adds);
	if (name.len > 0)
		err = name_adds(reading, record, name, &adds);
	else if (waits)
		err = waiting_adds(reading, record, &adds);
	else
		err = mark_adds(reading, record, &adds);
	return err != NULL ? err : put(reading, record, &adds);
}

static struct err *take_resolve(void *context, const struct record *record)
{
	struct totals_reading *reading = context;
	struct identity_totals adds = { 0 };
	struct resolve_input input;
	const char *type = NULL;
	if (record->value.data == NULL)
		return NULL;
	struct err *err = registry_record_name(reading->registry, record->value, &type);
	if (err != NULL || strcmp(type, "foretell.ResolveInput") != 0)
		return err;
	err = registry_decode(reading->registry, &resolve_input_type, record->value, &input);
	adds.events = input.event_count;
	adds.late = input.late_count;
	adds.erased_before = input.erased_count;
	return err != NULL ? err : put(reading, record, &adds);
}

static struct err *take_account(void *context, const struct record *record)
{
	struct totals_reading *reading = context;
	struct identity_totals adds = { 0 };
	struct err *err = NULL;
	if (record->value.data != NULL)
		err = registry_decode(reading->registry, &account_record_type, record->value,
				      &reading->account);
	if (err == NULL && record->value.data != NULL) {
		adds.accounts = 1;
		adds.merged = reading->account.merged_into.len > 0;
		adds.in_accounts = reading->account.event_count;
	}
	return err != NULL ? err : put(reading, record, &adds);
}

static struct err *take_letter(void *context, const struct record *record)
{
	struct totals_reading *reading = context;
	for (size_t i = 0; i < record->header_count; i++) {
		const struct header *header = &record->headers[i];
		if (strcmp(header->name, "stage") != 0)
			continue;
		reading->totals->refused += bytes_equal(header->value, bytes_str("resolve"));
		reading->totals->unknown += bytes_equal(header->value, bytes_str("identify"));
	}
	return NULL;
}

/* ---- all of it ------------------------------------------------------------------------------ */

struct err *identity_totals_read(const struct conf *conf, const struct client_options *client,
				 struct identity_totals *totals)
{
	static const struct {
		const char *logical;
		struct err *(*take)(void *context, const struct record *record);
	} topics[] = { { "resolve.meta", take_resolve },
		       { "identity.meta", take_identity },
		       { "accounts", take_account },
		       { "dlq", take_letter } };
	const char *app_id = conf_string(conf, "app.id");
	char topic[TOPIC_NAME_MAX + 1];
	struct totals_reading *reading = check_calloc(1, sizeof *reading);
	*totals = (struct identity_totals){ 0 };
	reading->totals = totals;
	topics_name(app_id, "identity.events", topic);
	snprintf(reading->log, sizeof reading->log, "%s/", topic);
	struct err *err = registry_open(conf_string(conf, "registry.url"), &reading->registry);
	for (size_t i = 0; err == NULL && i < sizeof topics / sizeof topics[0]; i++) {
		const struct reader_options options = { .client = client,
							.topic = topic,
							.partition = -1 };
		topics_name(app_id, topics[i].logical, topic);
		err = reader_run(&options, topics[i].take, reading, NULL);
	}
	registry_close(&reading->registry);
	free(reading->rows);
	free(reading);
	return err;
}

void identity_totals_print(const struct identity_totals *t, FILE *out)
{
	int64_t found =
		t->in_accounts + t->of_places + t->waiting + t->repeats + t->unknown + t->erased;
	fprintf(out, "%12" PRId64 " events came through resolve, %" PRId64 " of them late\n",
		t->events, t->late);
	fprintf(out, "%12" PRId64 " in %" PRId64 " accounts", t->in_accounts,
		t->accounts - t->merged);
	fprintf(out, ", into which %" PRId64 " others went\n", t->merged);
	fprintf(out, "%12" PRId64 " of regions and sites, which are in no account\n", t->of_places);
	fprintf(out, "%12" PRId64 " wait for their account\n", t->waiting);
	fprintf(out, "%12" PRId64 " repeats dropped\n", t->repeats);
	fprintf(out, "%12" PRId64 " dead letters of identify\n", t->unknown);
	fprintf(out, "%12" PRId64 " gone with %" PRId64 " erased names\n", t->erased,
		t->erased_names);
	if (found == t->events)
		fprintf(out, "%12s that is every one of them\n", "");
	else
		fprintf(out,
			"%12" PRId64 " in none of these: on their way, or in states not published "
			"yet\n",
			t->events - found);
	fprintf(out,
		"not let through: %" PRId64 " dead letters of resolve, %" PRId64
		" events of erased names\n"
		"%" PRId64 " names, %" PRId64 " of them with an account; %" PRId64
		" events too fast for the window of repeats\n",
		t->refused, t->erased_before, t->names, t->settled, t->outrun);
}
