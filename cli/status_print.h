/* `foretell status` for a person and for programs. */
#ifndef CLI_STATUS_PRINT_H
#define CLI_STATUS_PRINT_H

#include <jansson.h>
#include <stdio.h>

#include "cli/status_positions.h"

/* The stages' positions as tables. */
void status_print_positions(const struct status_positions *positions, FILE *out);

/* What a process answered to /status (borrowed). Fields that it lacks are left out. */
void status_print_process(const json_t *status, const char *address, FILE *out);

/* The positions as JSON, new. */
json_t *status_positions_json(const struct status_positions *positions);

#endif
