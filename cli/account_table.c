#include "cli/account_table.h"

#include <stdlib.h>

#include "base/check.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"

struct reading {
	struct account_table *table;
	struct registry *registry;
	struct bytes only;
	int64_t sequence;
	struct account_record record;
};

static struct err *add_row(struct reading *reading, const struct record *record)
{
	struct account_table *table = reading->table;
	if (table->count == ACCOUNT_ROWS_MAX)
		return err_new(ERR_FATAL, "ACCOUNTS_TOO_MANY", "more than %d account records",
			       ACCOUNT_ROWS_MAX);
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 1024;
		table->rows = check_realloc(table->rows, table->capacity * sizeof *table->rows);
	}
	struct account_row *row = &table->rows[table->count];
	memset(row, 0, sizeof *row);
	row->key_len = (uint8_t)record->key.len;
	memcpy(row->key, record->key.data, record->key.len);
	row->sequence = reading->sequence++;
	if (record->value.data != NULL) {
		struct err *err = registry_decode(reading->registry, &account_record_type,
						  record->value, &reading->record);
		if (err == NULL)
			err = account_state_from_record(&reading->record, &row->state);
		if (err != NULL)
			return err;
	}
	table->count++;
	return NULL;
}

static struct err *take_record(void *context, const struct record *record)
{
	struct reading *reading = context;
	if (record->key.len == 0 || record->key.len > KEY_LEN_MAX ||
	    (reading->only.data != NULL && !bytes_equal(record->key, reading->only)))
		return NULL;
	return add_row(reading, record);
}

static int by_key_and_sequence(const void *a, const void *b)
{
	const struct account_row *left = a, *right = b;
	int order = bytes_compare(account_row_key(left), account_row_key(right));
	if (order != 0)
		return order;
	return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

/* Keeps the last record of each key, and none of a deleted account. */
static void keep_latest(struct account_table *table)
{
	if (table->count > 1)
		qsort(table->rows, table->count, sizeof *table->rows, by_key_and_sequence);
	size_t kept = 0;
	for (size_t i = 0; i < table->count; i++) {
		bool last =
			i + 1 == table->count || !bytes_equal(account_row_key(&table->rows[i]),
							      account_row_key(&table->rows[i + 1]));
		if (last && table->rows[i].state.event_count > 0)
			table->rows[kept++] = table->rows[i];
	}
	table->count = kept;
}

struct err *account_table_read(struct account_table *table, const struct conf *conf,
			       const struct client_options *client, struct bytes only)
{
	*table = (struct account_table){ 0 };
	struct reading reading = { .table = table, .only = only };
	struct err *err = registry_open(conf_string(conf, "registry.url"), &reading.registry);
	if (err != NULL)
		return err;
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(conf, "app.id"), "accounts", topic);
	const struct reader_options options = { .client = client, .topic = topic, .partition = -1 };
	err = reader_run(&options, take_record, &reading, NULL);
	registry_close(&reading.registry);
	if (err == NULL)
		keep_latest(table);
	return err;
}

void account_table_fini(struct account_table *table)
{
	free(table->rows);
	*table = (struct account_table){ 0 };
}

static int compare_to_key(const void *key, const void *row)
{
	const struct bytes *wanted = key;
	return bytes_compare(*wanted, account_row_key(row));
}

const struct account_row *account_table_find(const struct account_table *table, struct bytes key)
{
	if (table->count == 0)
		return NULL;
	return bsearch(&key, table->rows, table->count, sizeof *table->rows, compare_to_key);
}
