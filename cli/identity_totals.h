/* Where every event is: what resolve has let through, by what became of it. Read from the states
 * that resolve and identify publish, from accounts and from dlq, each as it last was. */
#ifndef CLI_IDENTITY_TOTALS_H
#define CLI_IDENTITY_TOTALS_H

#include <stdio.h>

#include "base/conf.h"
#include "kafka/client.h"

struct identity_totals {
	/* resolve: events let through, those among them that were late, those of erased names; and
	 * dead letters */
	int64_t events, late, erased_before, refused;
	int64_t names, settled;	 /* settled: with an account */
	int64_t repeats, outrun; /* repeats dropped; events forgotten before their window's end */
	int64_t accounts, merged, in_accounts; /* merged: those that went into another one */
	int64_t of_places, waiting, unknown;   /* events; unknown: dead letters of identify */
	int64_t erased, erased_names; /* events that went with their names, or after them */
};

/* Errors: as reader_run; FATAL IDENTITY_TOO_MANY. */
ERR_MUST_USE struct err *identity_totals_read(const struct conf *conf,
					      const struct client_options *client,
					      struct identity_totals *totals);

void identity_totals_print(const struct identity_totals *totals, FILE *out);

#endif
