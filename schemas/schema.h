/* An Avro schema as a tree that plans are made from: kinds, names, defaults, aliases.
 *
 * avro-c judges whether the text is a schema; the tree is built from the same text by Jansson,
 * because avro-c's own tree lacks defaults and aliases. References to named types point to the one
 * node of that type, so the tree of a recursive schema is a graph.
 *
 * Ownership: every node and string belongs to the schema. Threads: read-only once parsed. */
#ifndef SCHEMAS_SCHEMA_H
#define SCHEMAS_SCHEMA_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"

enum {
	SCHEMA_TEXT_MAX = 256 * 1024, /* bytes */
	SCHEMA_NODES_MAX = 8192,
	SCHEMA_DEPTH_MAX = 32, /* types within types, in the text and in a value */
};

enum schema_kind {
	SCHEMA_NULL,
	SCHEMA_BOOLEAN,
	SCHEMA_INT,
	SCHEMA_LONG,
	SCHEMA_FLOAT,
	SCHEMA_DOUBLE,
	SCHEMA_BYTES,
	SCHEMA_STRING,
	SCHEMA_RECORD,
	SCHEMA_ENUM,
	SCHEMA_ARRAY,
	SCHEMA_MAP,
	SCHEMA_UNION,
	SCHEMA_FIXED,
};

struct schema_node;

/* A record's field, a union's branch, an enum's symbol, the items of an array or a map. */
struct schema_child {
	const char *name;		/* field or symbol; else NULL */
	const struct schema_node *node; /* NULL for a symbol */
	const json_t *value_default;	/* field; NULL where it has none */
	const json_t *aliases;		/* field; an array of strings, or NULL */
};

struct schema_node {
	enum schema_kind kind;
	const char *name; /* full name ("foretell.Alert") of a record, enum or fixed; else NULL */
	const json_t *aliases; /* of a named type, or NULL */
	size_t child_count;
	struct schema_child *children;
	size_t fixed_size; /* bytes */
};

struct schema;

/* A new schema from its text; *root is borrowed from it. Errors: FATAL SCHEMA_INVALID. */
ERR_MUST_USE struct err *schema_parse(const char *text, struct schema **schema,
				      const struct schema_node **root);
void schema_free(struct schema **schema);

/* "long", "record", ...; a literal. */
const char *schema_kind_name(enum schema_kind kind);

/* A full name without its namespace; borrowed. */
const char *schema_short_name(const char *full_name);

/* The position of the child of that name, or child_count. */
size_t schema_child_index(const struct schema_node *node, const char *name);

#endif
