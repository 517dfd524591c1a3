/* Names in Kafka: the inputs are shared and carry no prefix, everything that an application writes
 * is "<app.id>.<logical name>", so that a second application can run beside the first. */
#ifndef RUNTIME_NAMES_H
#define RUNTIME_NAMES_H

#include "base/limits.h"

enum { NAME_LEN_MAX = TOPIC_NAME_MAX };

/* name[NAME_LEN_MAX + 1]: "<app_id>.<logical>". */
void names_output(const char *app_id, const char *logical, char *name);

#endif
