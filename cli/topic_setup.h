/* Making and checking the topics that the configuration needs. */
#ifndef CLI_TOPIC_SETUP_H
#define CLI_TOPIC_SETUP_H

#include <stdio.h>

#include "base/conf.h"
#include "kafka/admin.h"

/* Creates what is missing of the inputs and the application's own topics, with partition_count
 * partitions each; says each topic on `out` (NULL: silently). Errors: as admin_create. */
ERR_MUST_USE struct err *topic_setup_create(const struct conf *conf, struct admin *admin,
					    int32_t partition_count, FILE *out);

/* Compares every topic with what foretell needs; says each mismatch, what it does and how to mend
 * it on `out`, and counts them. */
ERR_MUST_USE struct err *topic_setup_check(const struct conf *conf, struct admin *admin, FILE *out,
					   size_t *mismatch_count);

#endif
