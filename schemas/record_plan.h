/* Inside of the record module: plans. A plan is the writer's schema resolved against a field table
 * and the project's own schema, into the steps that record_decode.h runs.
 *
 * Ownership: a plan owns its steps and both schemas. Nothing outside of schemas/ includes this,
 * except tests. Threads: plans are read-only once made. */
#ifndef SCHEMAS_RECORD_PLAN_H
#define SCHEMAS_RECORD_PLAN_H

#include "schemas/record_decode.h"

struct record_plan {
	struct schema *own, *writer;
	struct steps *steps;
	void **blocks; /* all that was allocated for steps */
	size_t block_count, block_capacity;
};

/* The text of schemas/NAME.avsc as it was built in, or NULL; borrowed, lives for ever. */
const char *record_own_text(const char *name);

/* The project's own schema of a type, parsed from `text` (NULL is an error). Errors: FATAL
 * SCHEMA_TABLE. */
ERR_MUST_USE struct err *record_own_parse(const struct record_type *type, const char *text,
					  struct schema **schema, const struct schema_node **root);

/* record_plan_new with another text for the project's own schema: for tests of what no schema of
 * the project needs yet (aliases, other defaults). */
ERR_MUST_USE struct err *record_plan_resolve(const struct record_type *type, const char *own_schema,
					     const char *writer_schema, struct record_plan **plan);

#endif
