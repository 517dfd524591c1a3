/* The names of one account, or of the account that a name stands under, and how each link was
 * learned: read from identity.meta, and from accounts where one went into another. */
#ifndef CLI_NAME_TABLE_H
#define CLI_NAME_TABLE_H

#include "base/conf.h"
#include "consumers/identity_state.h"
#include "consumers/names.h"
#include "kafka/client.h"

struct name_row {
	struct name_text key;
	struct name_state state; /* as it was last published */
};

struct name_table {
	struct name_text account; /* where the events of all rows end up; empty: nowhere yet */
	struct name_text *merged; /* accounts that went into it, in the order found */
	size_t merged_count;
	struct name_row *rows; /* sorted: the account first, who leads to whom */
	size_t count, capacity;
};

/* Reads into *table, which is zeroed first; key: an account or a name's key. No row: unknown.
 * Errors: as reader_run; FATAL IDENTITY_TOO_MANY. */
ERR_MUST_USE struct err *name_table_read(struct name_table *table, const struct conf *conf,
					 const struct client_options *client, struct bytes key);

/* The names alone that stand under one of these accounts, whatever became of it, or end up there:
 * no account, and none that merged, is looked for. Errors: as name_table_read. */
ERR_MUST_USE struct err *name_table_read_under(struct name_table *table, const struct conf *conf,
					       const struct client_options *client,
					       const struct name_text *accounts,
					       size_t account_count);

/* What a person typed: "email:Anna@GTX.example" in normal form; what has no known scheme is an
 * account. Errors: FATAL USAGE. */
ERR_MUST_USE struct err *name_table_operand(const char *text, struct name_key *key);
void name_table_fini(struct name_table *table);

#endif
