/* Looks for what will break the promise before it does: missing topics, partition counts, settings
 * of topics and brokers, copies, and committed positions from which no start is possible. Nothing
 * is changed. */
#ifndef CLI_TOPIC_CHECK_H
#define CLI_TOPIC_CHECK_H

#include <stdio.h>

#include "base/conf.h"
#include "kafka/admin.h"

struct topic_findings {
	size_t broken_count, risk_count;
	int32_t partition_count; /* that all topics should have */
};

/* Says each finding on `out`: what it is, what it does, and the command or setting that mends it;
 * counts them. Errors: RETRY BUS_UNREACHABLE; as admin_topic_layout. */
ERR_MUST_USE struct err *topic_check(const struct conf *conf, const struct client_options *client,
				     struct admin *admin, FILE *out,
				     struct topic_findings *findings);

#endif
