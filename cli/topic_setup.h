/* The topics that the configuration needs, and making them. cli/topic_check looks at those that
 * are there. */
#ifndef CLI_TOPIC_SETUP_H
#define CLI_TOPIC_SETUP_H

#include <stdio.h>

#include "base/conf.h"
#include "consumers/topics.h"
#include "kafka/admin.h"

enum { TOPIC_LIST_MAX = 48 };

_Static_assert(TOPIC_LIST_MAX >= TOPICS_PER_STAGE_MAX + 28, "inputs and the application's own");

/* The configured inputs, then everything that the application writes. Rows are borrowed. */
struct topic_list {
	size_t count;
	const struct topic_row *rows[TOPIC_LIST_MAX];
	char names[TOPIC_LIST_MAX][TOPIC_NAME_MAX + 1];
};

void topic_list_init(struct topic_list *list, const struct conf *conf);

/* Creates what is missing of the inputs and the application's own topics, with partition_count
 * partitions each; says each topic on `out` (NULL: silently). Errors: as admin_create. */
ERR_MUST_USE struct err *topic_setup_create(const struct conf *conf, struct admin *admin,
					    int32_t partition_count, FILE *out);

/* Whether one log can take the clocks of all configured inputs, of so many partitions each.
 * Errors: CHECK_FAILED. */
ERR_MUST_USE struct err *topic_setup_writers_fit(const struct conf *conf, int32_t partition_count);

/* Before anything is created: whether the inputs that are there have partition_count partitions.
 * Errors: CHECK_FAILED, else as admin_partition_count. */
ERR_MUST_USE struct err *topic_setup_inputs_fit(const struct conf *conf, struct admin *admin,
						int32_t partition_count);

#endif
