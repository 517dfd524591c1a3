/* The latest state of every account, or of one, read from the accounts topic. */
#ifndef CLI_ACCOUNT_TABLE_H
#define CLI_ACCOUNT_TABLE_H

#include "base/conf.h"
#include "consumers/account_state.h"
#include "kafka/client.h"

struct account_row {
	uint8_t key_len;
	uint8_t key[KEY_LEN_MAX];
	int64_t sequence; /* of the record it came from */
	struct account_state state;
};

struct account_table {
	struct account_row *rows; /* sorted by key, one a key */
	size_t count, capacity;
};

enum { ACCOUNT_ROWS_MAX = 20 * 1000 * 1000 };

/* Reads into *table, which is zeroed first; only: an account's key, or absent for all. Errors: as
 * reader_run; FATAL ACCOUNTS_TOO_MANY. */
ERR_MUST_USE struct err *account_table_read(struct account_table *table, const struct conf *conf,
					    const struct client_options *client, struct bytes only);
void account_table_fini(struct account_table *table);

/* NULL where the account isn't there. */
const struct account_row *account_table_find(const struct account_table *table, struct bytes key);

static inline struct bytes account_row_key(const struct account_row *row)
{
	return bytes_of(row->key, row->key_len);
}

#endif
