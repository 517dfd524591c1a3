/* What of some names lies in the topics: how many records of each log tell of them, and until when
 * they stay there.
 *
 * An event tells of a name where it is its subject, its account or one of its identifiers, a note
 * or a result where it is its key or one of its names, and any record where the name's value stands
 * in its bytes as it is. */
#ifndef CLI_TRACES_H
#define CLI_TRACES_H

#include <stdio.h>

#include "base/conf.h"
#include "consumers/identity_state.h"
#include "kafka/client.h"

/* Reads all inputs and topics of the application, and prints a row for each that has something.
 * `names` gets sorted. Errors: as reader_run and admin_topic_config. */
ERR_MUST_USE struct err *traces_print(const struct conf *conf, const struct client_options *client,
				      struct name_text *names, size_t count, FILE *out);

#endif
