/* Every configuration option of foretell: one table row each. `foretell config --reference` prints
 * the page docs/configuration.md from it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/conf.h"
#include "kafka/client.h"

extern const struct conf_table options_table;

/* What no single row can say: relations between options. Errors: FATAL CONF_INVALID. */
ERR_MUST_USE struct err *options_check(const struct conf *conf);

/* How to reach Kafka, as the configuration says: brokers, and every kafka.* name. */
struct options_client {
	struct client_property properties[CONF_OPEN_MAX];
	struct client_options options;
};

/* Fills *client, which must stay where it is while client->options is in use. Borrows from conf. */
void options_client_init(struct options_client *client, const struct conf *conf);

#endif
