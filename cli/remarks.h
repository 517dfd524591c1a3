/* What a person has to know of a line that works and yet brings nothing: inputs that hold time
 * back, since no record has ever come to them, and forecasts that were never made. */
#ifndef CLI_REMARKS_H
#define CLI_REMARKS_H

#include <stdio.h>

#include "base/conf.h"
#include "kafka/client.h"
#include "kafka/group.h"

/* Names the inputs of which a partition has never held a record, after `before` and without an end
 * of line; nothing where there is none. `inputs` is of the resolve stage's group. Returns how many
 * inputs it has named. */
size_t remarks_empty_inputs(const struct group_view *inputs, const char *before, FILE *out);

/* Whether a line by clock=data has come to its end without moving time, or without a forecast, and
 * what to do. Errors: as group_view_read, identity_totals_read. */
ERR_MUST_USE struct err *remarks_at_end(const struct conf *conf,
					const struct client_options *client, FILE *out);

#endif
