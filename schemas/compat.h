/* Whether records written by one schema can be read by another.
 *
 * Source: Apache Avro specification 1.11, "Schema Resolution": fields by name or the reader's
 * alias, a field that the writer lacks by its default, the numeric promotions, string and bytes
 * alike, a union branch by branch. Stricter in one point, as foretell's own reader is: a symbol of
 * an enum that the reader does not know is a fault, whatever default the enum has.
 *
 * Threads: pure. */
#ifndef SCHEMAS_COMPAT_H
#define SCHEMAS_COMPAT_H

#include "schemas/schema.h"

enum { COMPAT_PATH_MAX = 512, COMPAT_WHAT_MAX = 256, COMPAT_FAULTS_MAX = 64 };

struct compat_fault {
	char path[COMPAT_PATH_MAX]; /* "payload.order.site"; "" at the top; cut if too long */
	char what[COMPAT_WHAT_MAX]; /* "has no default, and the writer lacks it" */
};

struct compat {
	size_t fault_count; /* 0: compatible */
	struct compat_fault faults[COMPAT_FAULTS_MAX];
	bool has_more; /* than are listed */
	/* Fields that are written and not read: no fault, but a renamed field looks so, too. */
	size_t unread_count; /* of all */
	char unread[COMPAT_FAULTS_MAX][COMPAT_PATH_MAX];
};

/* Fills *compat with what of `writer`'s records `reader` can't read. */
void compat_check(const struct schema_node *reader, const struct schema_node *writer,
		  struct compat *compat);

#endif
