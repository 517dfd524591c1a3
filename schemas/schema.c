#include "schemas/schema.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { SCHEMA_NAME_MAX = 512 };

struct schema {
	json_t *json;
	struct schema_node **nodes;
	size_t node_count, node_capacity;
	char **names; /* full names, owned */
	size_t name_count, name_capacity;
};

static const char *const kind_names[] = {
	[SCHEMA_NULL] = "null",	  [SCHEMA_BOOLEAN] = "boolean", [SCHEMA_INT] = "int",
	[SCHEMA_LONG] = "long",	  [SCHEMA_FLOAT] = "float",	[SCHEMA_DOUBLE] = "double",
	[SCHEMA_BYTES] = "bytes", [SCHEMA_STRING] = "string",	[SCHEMA_RECORD] = "record",
	[SCHEMA_ENUM] = "enum",	  [SCHEMA_ARRAY] = "array",	[SCHEMA_MAP] = "map",
	[SCHEMA_UNION] = "union", [SCHEMA_FIXED] = "fixed",
};

const char *schema_kind_name(enum schema_kind kind)
{
	return kind_names[kind];
}

const char *schema_short_name(const char *full_name)
{
	const char *dot = strrchr(full_name, '.');
	return dot ? dot + 1 : full_name;
}

size_t schema_child_index(const struct schema_node *node, const char *name)
{
	size_t index = 0;
	while (index < node->child_count && strcmp(node->children[index].name, name) != 0)
		index++;
	return index;
}

static struct err *invalid(const char *what, const char *detail)
{
	return err_new(ERR_FATAL, "SCHEMA_INVALID", "not an Avro schema: %s%s%s", what,
		       detail ? ": " : "", detail ? detail : "");
}

static struct err *node_add(struct schema *schema, enum schema_kind kind, struct schema_node **node)
{
	*node = NULL;
	if (schema->node_count == SCHEMA_NODES_MAX)
		return invalid("more types than are allowed", NULL);
	if (schema->node_count == schema->node_capacity) {
		schema->node_capacity = schema->node_capacity ? 2 * schema->node_capacity : 32;
		schema->nodes =
			check_realloc(schema->nodes, schema->node_capacity * sizeof *schema->nodes);
	}
	*node = check_calloc(1, sizeof **node);
	(*node)->kind = kind;
	schema->nodes[schema->node_count++] = *node;
	return NULL;
}

/* Full name of `name` seen from `space` ("" for none), copied into the schema. */
static struct err *name_add(struct schema *schema, const char *name, const char *space,
			    const char **full)
{
	char text[SCHEMA_NAME_MAX];
	bool qualified = strchr(name, '.') != NULL || space[0] == '\0';
	int len = snprintf(text, sizeof text, "%s%s%s", qualified ? "" : space,
			   qualified ? "" : ".", name);
	if (len <= 0 || (size_t)len >= sizeof text)
		return invalid("a name is empty or too long", NULL);
	if (schema->name_count == schema->name_capacity) {
		schema->name_capacity = schema->name_capacity ? 2 * schema->name_capacity : 16;
		schema->names =
			check_realloc(schema->names, schema->name_capacity * sizeof *schema->names);
	}
	char *copy = check_strdup(text);
	schema->names[schema->name_count++] = copy;
	*full = copy;
	return NULL;
}

static const struct schema_node *named_find(const struct schema *schema, const char *full)
{
	for (size_t i = 0; i < schema->node_count; i++)
		if (schema->nodes[i]->name && strcmp(schema->nodes[i]->name, full) == 0)
			return schema->nodes[i];
	return NULL;
}

static bool primitive_kind(const char *name, enum schema_kind *kind)
{
	for (int k = SCHEMA_NULL; k <= SCHEMA_STRING; k++) {
		if (strcmp(name, kind_names[k]) == 0) {
			*kind = (enum schema_kind)k;
			return true;
		}
	}
	return false;
}

static struct err *parse_type(struct schema *schema, const json_t *json, const char *space,
			      unsigned depth, const struct schema_node **out);

/* A primitive or a reference to a type that was named before. */
static struct err *parse_name(struct schema *schema, const char *name, const char *space,
			      const struct schema_node **out)
{
	enum schema_kind kind;
	if (primitive_kind(name, &kind)) {
		struct schema_node *node = NULL;
		struct err *err = node_add(schema, kind, &node);
		*out = err ? NULL : node;
		return err;
	}
	const char *full;
	struct err *err = name_add(schema, name, space, &full);
	if (err)
		return err;
	*out = named_find(schema, full);
	if (*out == NULL)
		*out = named_find(schema, name);
	return *out ? NULL : invalid("unknown type", full);
}

static struct err *parse_union(struct schema *schema, const json_t *json, const char *space,
			       unsigned depth, const struct schema_node **out)
{
	struct schema_node *node = NULL;
	struct err *err = node_add(schema, SCHEMA_UNION, &node);
	if (err)
		return err;
	size_t count = json_array_size(json);
	if (count == 0)
		return invalid("a union without branches", NULL);
	node->children = check_calloc(count, sizeof *node->children);
	node->child_count = count;
	for (size_t i = 0; i < count && err == NULL; i++) {
		err = parse_type(schema, json_array_get(json, i), space, depth + 1,
				 &node->children[i].node);
		if (err == NULL && node->children[i].node->kind == SCHEMA_UNION)
			err = invalid("a union directly within a union", NULL);
	}
	*out = node;
	return err;
}

static struct err *parse_fields(struct schema *schema, struct schema_node *node, const json_t *json,
				const char *space, unsigned depth)
{
	const json_t *fields = json_object_get(json, "fields");
	if (!json_is_array(fields))
		return invalid("a record without fields", node->name);
	size_t count = json_array_size(fields);
	node->children = check_calloc(count ? count : 1, sizeof *node->children);
	for (size_t i = 0; i < count; i++) {
		const json_t *field = json_array_get(fields, i);
		const char *name = json_string_value(json_object_get(field, "name"));
		if (name == NULL)
			return invalid("a field without a name", node->name);
		if (schema_child_index(node, name) < node->child_count)
			return invalid("a field twice", name);
		struct schema_child *child = &node->children[i];
		struct err *err = parse_type(schema, json_object_get(field, "type"), space,
					     depth + 1, &child->node);
		if (err)
			return err_wrap(err, "field %s", name);
		child->name = name;
		child->value_default = json_object_get(field, "default");
		child->aliases = json_object_get(field, "aliases");
		node->child_count++;
	}
	return NULL;
}

static struct err *parse_symbols(struct schema_node *node, const json_t *json)
{
	const json_t *symbols = json_object_get(json, "symbols");
	size_t count = json_array_size(symbols);
	if (count == 0)
		return invalid("an enum without symbols", node->name);
	node->children = check_calloc(count, sizeof *node->children);
	for (size_t i = 0; i < count; i++) {
		const char *symbol = json_string_value(json_array_get(symbols, i));
		if (symbol == NULL)
			return invalid("a symbol that is not a string", node->name);
		node->children[node->child_count++].name = symbol;
	}
	return NULL;
}

static struct err *parse_named(struct schema *schema, const json_t *json, enum schema_kind kind,
			       const char *space, unsigned depth, const struct schema_node **out)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *own_space = json_string_value(json_object_get(json, "namespace"));
	if (name == NULL)
		return invalid("a type without a name", NULL);
	const char *full;
	struct err *err = name_add(schema, name, own_space ? own_space : space, &full);
	if (err)
		return err;
	if (named_find(schema, full))
		return invalid("a type named twice", full);
	struct schema_node *node = NULL;
	err = node_add(schema, kind, &node);
	if (err)
		return err;
	node->name = full;
	node->aliases = json_object_get(json, "aliases");
	*out = node;
	if (kind == SCHEMA_ENUM)
		return parse_symbols(node, json);
	if (kind == SCHEMA_FIXED) {
		const json_t *size = json_object_get(json, "size");
		if (!json_is_integer(size) || json_integer_value(size) < 0)
			return invalid("a fixed without a size", full);
		node->fixed_size = (size_t)json_integer_value(size);
		return NULL;
	}
	char inner[SCHEMA_NAME_MAX];
	size_t space_len = (size_t)(schema_short_name(full) - full);
	memcpy(inner, full, space_len);
	inner[space_len ? space_len - 1 : 0] = '\0';
	return parse_fields(schema, node, json, inner, depth);
}

static struct err *parse_items(struct schema *schema, const json_t *items, enum schema_kind kind,
			       const char *space, unsigned depth, const struct schema_node **out)
{
	struct schema_node *node = NULL;
	struct err *err = node_add(schema, kind, &node);
	if (err)
		return err;
	node->children = check_calloc(1, sizeof *node->children);
	node->child_count = 1;
	*out = node;
	return parse_type(schema, items, space, depth + 1, &node->children[0].node);
}

static struct err *parse_object(struct schema *schema, const json_t *json, const char *space,
				unsigned depth, const struct schema_node **out)
{
	const json_t *type = json_object_get(json, "type");
	if (!json_is_string(type))
		return parse_type(schema, type, space, depth + 1, out);
	const char *name = json_string_value(type);
	if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0)
		return parse_named(schema, json, SCHEMA_RECORD, space, depth, out);
	if (strcmp(name, "enum") == 0)
		return parse_named(schema, json, SCHEMA_ENUM, space, depth, out);
	if (strcmp(name, "fixed") == 0)
		return parse_named(schema, json, SCHEMA_FIXED, space, depth, out);
	if (strcmp(name, "array") == 0)
		return parse_items(schema, json_object_get(json, "items"), SCHEMA_ARRAY, space,
				   depth, out);
	if (strcmp(name, "map") == 0)
		return parse_items(schema, json_object_get(json, "values"), SCHEMA_MAP, space,
				   depth, out);
	return parse_name(schema, name, space, out);
}

static struct err *parse_type(struct schema *schema, const json_t *json, const char *space,
			      unsigned depth, const struct schema_node **out)
{
	if (depth > SCHEMA_DEPTH_MAX)
		return invalid("types nested too deep", NULL);
	if (json_is_string(json))
		return parse_name(schema, json_string_value(json), space, out);
	if (json_is_array(json))
		return parse_union(schema, json, space, depth, out);
	if (json_is_object(json))
		return parse_object(schema, json, space, depth, out);
	return invalid("a type is missing", NULL);
}

/* avro-c knows rules that the tree does not need (names, symbols, unions of twins). It comes after
 * the tree because it recurses without a bound of its own. */
static struct err *avro_accepts(const char *text, size_t len)
{
	avro_schema_t avro;
	if (avro_schema_from_json_length(text, len, &avro) != 0)
		return invalid("avro-c", avro_strerror());
	avro_schema_decref(avro);
	return NULL;
}

struct err *schema_parse(const char *text, struct schema **schema, const struct schema_node **root)
{
	*schema = NULL;
	size_t len = strlen(text);
	if (len > SCHEMA_TEXT_MAX)
		return invalid("the text is too long", NULL);
	json_error_t where;
	json_t *json = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);
	if (json == NULL)
		return invalid("not JSON", where.text);
	*schema = check_calloc(1, sizeof **schema);
	(*schema)->json = json;
	struct err *err = parse_type(*schema, json, "", 0, root);
	if (err == NULL)
		err = avro_accepts(text, len);
	if (err)
		schema_free(schema);
	return err;
}

void schema_free(struct schema **schema)
{
	if (*schema == NULL)
		return;
	for (size_t i = 0; i < (*schema)->node_count; i++) {
		free((*schema)->nodes[i]->children);
		free((*schema)->nodes[i]);
	}
	for (size_t i = 0; i < (*schema)->name_count; i++)
		free((*schema)->names[i]);
	free((*schema)->nodes);
	free((*schema)->names);
	json_decref((*schema)->json);
	free(*schema);
	*schema = NULL;
}
