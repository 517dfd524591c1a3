/* A report as JSON: what /status serves and `foretell status` reads. Times are wall milliseconds,
 * ages milliseconds, -1 or null where something is not known. Fields may be added. */
#ifndef CLI_STATUS_JSON_H
#define CLI_STATUS_JSON_H

#include <jansson.h>

#include "cli/status_report.h"

json_t *status_json(const struct status_report *report); /* new */

#endif
