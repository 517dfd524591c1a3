/* Splitting an account: a link between two names is cut, for whatever resolve reads after that, and
 * so for every application that begins anew. An account can't be split where it stands, since its
 * sums don't tell what came from whom: both halves are made anew from the inputs, by another
 * application, if these still have all. */
#ifndef CLI_SPLIT_H
#define CLI_SPLIT_H

#include <stdio.h>

#include "base/conf.h"
#include "consumers/names.h"
#include "kafka/client.h"

/* Cuts the link, or takes that back, and says what follows. Errors: FATAL LINK_UNKNOWN where no
 * event told of it (the text lists those of `name`), SPLIT_IMPOSSIBLE where an input has lost
 * records; those of reading and writing. */
ERR_MUST_USE struct err *split_run(const struct conf *conf, const struct client_options *client,
				   const struct name_key *name, const struct name_key *other,
				   bool undo, FILE *out);

#endif
