#include "cli/name_table.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/names.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"
#include "schemas/states.h"

enum { ROWS_MAX = 1000000, FORWARDS_MAX = 1000000, HOPS_MAX = 64 };

/* An account that went into another one; into "": it was erased since. */
struct forward {
	struct name_text from, into;
};

struct reading {
	struct name_table *table;
	struct registry *registry;
	const char *app_id;
	struct forward *forwards;
	size_t forward_count, forward_capacity;
	uint32_t *slots;   /* by hash of `from`: its place in forwards plus one, or 0 */
	size_t slot_count; /* 0 or a power of two, at least twice the forwards */
	char prefix[TOPIC_NAME_MAX + 16]; /* of names in identity.meta */
	struct bytes wanted;		  /* absent: only the accounts are */
	struct name_text wanted_account;
	const struct name_text *accounts; /* whose names are wanted; borrowed */
	size_t account_count;
	struct account_record record;
};

static struct err *too_many(void)
{
	return err_new(ERR_FATAL, "IDENTITY_TOO_MANY", "more than %d names of one account",
		       ROWS_MAX);
}

/* The slot of an account, or the free one where it would stand. */
static uint32_t *slot_of(const struct reading *reading, struct bytes from)
{
	size_t mask = reading->slot_count - 1, at = (size_t)hash_table64(from) & mask;
	while (reading->slots[at] != 0 &&
	       !bytes_equal(name_text_bytes(&reading->forwards[reading->slots[at] - 1].from), from))
		at = (at + 1) & mask;
	return &reading->slots[at];
}

static struct forward *forward_of(const struct reading *reading, struct bytes from)
{
	uint32_t slot = reading->slot_count > 0 ? *slot_of(reading, from) : 0;
	return slot == 0 ? NULL : &reading->forwards[slot - 1];
}

/* Room for one more, found by its slot. */
static void grow_forwards(struct reading *reading)
{
	size_t capacity = reading->forward_capacity ? 2 * reading->forward_capacity : 64;
	reading->forwards = check_realloc(reading->forwards, capacity * sizeof *reading->forwards);
	reading->forward_capacity = capacity;
	free(reading->slots);
	reading->slot_count = 2 * capacity;
	reading->slots = check_calloc(reading->slot_count, sizeof *reading->slots);
	for (size_t i = 0; i < reading->forward_count; i++)
		*slot_of(reading, name_text_bytes(&reading->forwards[i].from)) = (uint32_t)i + 1;
}

static struct err *take_account(void *context, const struct record *record)
{
	struct reading *reading = context;
	if (record->key.len > KEY_LEN_MAX)
		return NULL;
	struct forward *known = forward_of(reading, record->key);
	if (record->value.data == NULL) { /* it was erased */
		if (known != NULL)
			known->into.len = 0;
		return NULL;
	}
	struct err *err = registry_decode(reading->registry, &account_record_type, record->value,
					  &reading->record);
	struct bytes into = reading->record.merged_into;
	if (err != NULL || into.len == 0 || into.len > KEY_LEN_MAX)
		return err;
	if (known == NULL && reading->forward_count == FORWARDS_MAX)
		return too_many();
	if (known == NULL && reading->forward_count == reading->forward_capacity)
		grow_forwards(reading);
	if (known == NULL) {
		known = &reading->forwards[reading->forward_count++];
		name_text_set(&known->from, record->key);
		*slot_of(reading, record->key) = (uint32_t)reading->forward_count;
	}
	name_text_set(&known->into, into);
	return NULL;
}

/* Where what comes for an account ends up. */
static struct bytes end_of(const struct reading *reading, struct bytes account)
{
	for (int hops = 0; hops < HOPS_MAX; hops++) {
		const struct forward *forward = forward_of(reading, account);
		if (forward == NULL || forward->into.len == 0)
			break;
		account = name_text_bytes(&forward->into);
	}
	return account;
}

/* The name that a record of identity.meta is about; absent: it is about something else. */
static struct bytes name_of(const struct reading *reading, const struct record *record)
{
	size_t len = strlen(reading->prefix);
	if (record->key.len <= len || record->key.len - len > KEY_LEN_MAX ||
	    memcmp(record->key.data, reading->prefix, len) != 0)
		return bytes_of(NULL, 0);
	return bytes_of(record->key.data + len, record->key.len - len);
}

static struct err *read_state(const struct reading *reading, const struct record *record,
			      struct name_state *state)
{
	struct identity_name_record decoded;
	struct err *err =
		registry_decode(reading->registry, &identity_name_type, record->value, &decoded);
	return err != NULL ? err : name_from_record(&decoded, state);
}

static struct err *take_wanted(void *context, const struct record *record)
{
	struct reading *reading = context;
	struct name_state state;
	struct bytes name = name_of(reading, record);
	if (name.len == 0 || !bytes_equal(name, reading->wanted))
		return NULL;
	if (record->value.data == NULL) { /* it was erased */
		reading->wanted_account.len = 0;
		return NULL;
	}
	struct err *err = read_state(reading, record, &state);
	if (err == NULL)
		reading->wanted_account = state.account;
	return err;
}

static struct name_row *row_of(struct name_table *table, struct bytes name)
{
	for (size_t i = 0; i < table->count; i++)
		if (bytes_equal(name_text_bytes(&table->rows[i].key), name))
			return &table->rows[i];
	return NULL;
}

static bool is_account_wanted(const struct reading *reading, struct bytes account)
{
	for (size_t i = 0; i < reading->account_count; i++)
		if (bytes_equal(name_text_bytes(&reading->accounts[i]), account))
			return true;
	return false;
}

static bool is_ours(const struct reading *reading, struct bytes name,
		    const struct name_state *state)
{
	struct bytes account = name_text_bytes(&state->account);
	return bytes_equal(name, reading->wanted) ||
	       (account.len > 0 && (is_account_wanted(reading, account) ||
				    is_account_wanted(reading, end_of(reading, account))));
}

/* A later record of a name replaces an earlier one, and may take it to another account. */
static struct err *take_name(void *context, const struct record *record)
{
	struct reading *reading = context;
	struct name_table *table = reading->table;
	struct name_state state;
	struct bytes name = name_of(reading, record);
	if (name.len == 0)
		return NULL;
	bool is_there = record->value.data != NULL;
	struct err *err = is_there ? read_state(reading, record, &state) : NULL;
	if (err != NULL)
		return err;
	bool ours = is_there && is_ours(reading, name, &state);
	struct name_row *row = row_of(table, name);
	if (!ours && row != NULL)
		*row = table->rows[--table->count];
	if (!ours)
		return NULL;
	if (row == NULL && table->count == ROWS_MAX)
		return too_many();
	if (row == NULL && table->count == table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 64;
		table->rows = check_realloc(table->rows, table->capacity * sizeof *table->rows);
	}
	if (row == NULL)
		row = &table->rows[table->count++];
	name_text_set(&row->key, name);
	row->state = state;
	return NULL;
}

static struct err *read_topic(struct reading *reading, const struct client_options *client,
			      const char *logical,
			      struct err *(*each)(void *context, const struct record *record))
{
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(reading->app_id, logical, topic);
	const struct reader_options options = { .client = client, .topic = topic, .partition = -1 };
	return reader_run(&options, each, reading, NULL);
}

static int by_order(const void *a, const void *b)
{
	const struct name_row *left = a, *right = b;
	return name_compare(name_text_bytes(&left->key), name_text_bytes(&right->key));
}

static void keep_merged(const struct reading *reading, struct name_table *table)
{
	table->merged = check_calloc(reading->forward_count + 1, sizeof *table->merged);
	for (size_t i = 0; i < reading->forward_count; i++)
		if (reading->forwards[i].into.len > 0 &&
		    bytes_equal(end_of(reading, name_text_bytes(&reading->forwards[i].from)),
				name_text_bytes(&table->account)))
			table->merged[table->merged_count++] = reading->forwards[i].from;
}

static struct err *open_reading(const struct conf *conf, struct name_table *table,
				struct reading **out)
{
	char log[TOPIC_NAME_MAX + 1];
	struct reading *reading = check_calloc(1, sizeof *reading);
	*table = (struct name_table){ 0 };
	reading->table = table;
	reading->app_id = conf_string(conf, "app.id");
	topics_name(reading->app_id, "identity.events", log);
	snprintf(reading->prefix, sizeof reading->prefix, "%s/name/", log);
	*out = reading;
	return registry_open(conf_string(conf, "registry.url"), &reading->registry);
}

static void close_reading(struct reading *reading)
{
	struct name_table *table = reading->table;
	if (table->count > 1)
		qsort(table->rows, table->count, sizeof *table->rows, by_order);
	registry_close(&reading->registry);
	free(reading->forwards);
	free(reading->slots);
	free(reading);
}

struct err *name_table_read(struct name_table *table, const struct conf *conf,
			    const struct client_options *client, struct bytes key)
{
	struct reading *reading = NULL;
	struct err *err = open_reading(conf, table, &reading);
	reading->wanted = key;
	if (err == NULL)
		err = read_topic(reading, client, "accounts", take_account);
	if (err == NULL)
		err = read_topic(reading, client, "identity.meta", take_wanted);
	struct bytes account = name_text_bytes(&reading->wanted_account);
	name_text_set(&table->account, end_of(reading, account.len > 0 ? account : key));
	reading->accounts = &table->account;
	reading->account_count = 1;
	if (err == NULL)
		err = read_topic(reading, client, "identity.meta", take_name);
	if (err == NULL)
		keep_merged(reading, table);
	close_reading(reading);
	return err;
}

struct err *name_table_read_under(struct name_table *table, const struct conf *conf,
				  const struct client_options *client,
				  const struct name_text *accounts, size_t account_count)
{
	struct reading *reading = NULL;
	struct err *err = open_reading(conf, table, &reading);
	reading->accounts = accounts;
	reading->account_count = account_count;
	if (err == NULL)
		err = read_topic(reading, client, "accounts", take_account);
	if (err == NULL)
		err = read_topic(reading, client, "identity.meta", take_name);
	close_reading(reading);
	return err;
}

void name_table_fini(struct name_table *table)
{
	free(table->rows);
	free(table->merged);
	*table = (struct name_table){ 0 };
}

struct err *name_table_operand(const char *text, struct name_key *key)
{
	const char *colon = strchr(text, ':');
	struct bytes scheme = bytes_of(text, colon != NULL ? (size_t)(colon - text) : 0);
	bool is_bare = colon == NULL || name_scheme_find(scheme) < 0;
	struct err *err = name_key_make(is_bare ? bytes_of(NULL, 0) : scheme,
					bytes_str(is_bare ? text : colon + 1), key);
	if (err == NULL)
		return NULL;
	struct err *usage =
		err_new(ERR_FATAL, "USAGE",
			"\"%.200s\" is no name: %s. Expected is an account, such as C-0000017, or "
			"SCHEME:VALUE, such as email:anna@gtx.example",
			text, err_text(err));
	err_free(&err);
	return usage;
}
