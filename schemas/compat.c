#include "schemas/compat.h"

#include <stdio.h>
#include <string.h>

enum { PAIRS_MAX = 1024 };

/* A pair of named types under comparison: a type within itself is compared once. */
struct pair {
	const struct schema_node *reader, *writer;
};

struct comparison {
	struct compat *compat;
	char path[COMPAT_PATH_MAX];
	size_t path_len, pair_count;
	struct pair pairs[PAIRS_MAX];
};

static void compare(struct comparison *at, const struct schema_node *reader,
		    const struct schema_node *writer);

static void fault(struct comparison *at, const char *what, const char *detail)
{
	struct compat *compat = at->compat;
	if (compat->fault_count == COMPAT_FAULTS_MAX) {
		compat->has_more = true;
		return;
	}
	struct compat_fault *found = &compat->faults[compat->fault_count++];
	snprintf(found->path, sizeof found->path, "%s", at->path);
	snprintf(found->what, sizeof found->what, "%s%s", what, detail);
}

static void unread(struct comparison *at)
{
	struct compat *compat = at->compat;
	if (compat->unread_count < COMPAT_FAULTS_MAX)
		snprintf(compat->unread[compat->unread_count], COMPAT_PATH_MAX, "%s", at->path);
	compat->unread_count++;
}

/* Goes one step down the path; path_leave with what this returns goes back. */
static size_t path_enter(struct comparison *at, const char *name)
{
	size_t before = at->path_len, room = sizeof at->path - before;
	int len = snprintf(at->path + before, room, "%s%s", before == 0 ? "" : ".", name);
	at->path_len = before + ((size_t)len < room ? (size_t)len : room - 1);
	return before;
}

static void path_leave(struct comparison *at, size_t before)
{
	at->path_len = before;
	at->path[before] = '\0';
}

static bool seen(struct comparison *at, const struct schema_node *reader,
		 const struct schema_node *writer)
{
	for (size_t i = 0; i < at->pair_count; i++)
		if (at->pairs[i].reader == reader && at->pairs[i].writer == writer)
			return true;
	if (at->pair_count < PAIRS_MAX)
		at->pairs[at->pair_count++] = (struct pair){ reader, writer };
	return false;
}

static bool is_alias(const json_t *aliases, const char *name)
{
	for (size_t i = 0; i < json_array_size(aliases); i++) {
		const char *alias = json_string_value(json_array_get(aliases, i));
		if (alias != NULL && strcmp(schema_short_name(alias), name) == 0)
			return true;
	}
	return false;
}

static bool names_match(const struct schema_node *reader, const struct schema_node *writer)
{
	const char *name = schema_short_name(writer->name);
	return strcmp(schema_short_name(reader->name), name) == 0 ||
	       is_alias(reader->aliases, name);
}

/* What has no name, or the same one: so far it may be the same type. */
static bool kinds_match(const struct schema_node *reader, const struct schema_node *writer)
{
	enum schema_kind r = reader->kind, w = writer->kind;
	if (r == w)
		return reader->name == NULL || names_match(reader, writer);
	switch (w) {
	case SCHEMA_INT: return r == SCHEMA_LONG || r == SCHEMA_FLOAT || r == SCHEMA_DOUBLE;
	case SCHEMA_LONG: return r == SCHEMA_FLOAT || r == SCHEMA_DOUBLE;
	case SCHEMA_FLOAT: return r == SCHEMA_DOUBLE;
	case SCHEMA_STRING: return r == SCHEMA_BYTES;
	case SCHEMA_BYTES: return r == SCHEMA_STRING;
	default: return false;
	}
}

static const struct schema_node *writer_field(const struct schema_child *field,
					      const struct schema_node *writer)
{
	size_t index = schema_child_index(writer, field->name);
	for (size_t i = 0; index == writer->child_count && i < writer->child_count; i++)
		if (is_alias(field->aliases, writer->children[i].name))
			index = i;
	return index == writer->child_count ? NULL : writer->children[index].node;
}

static bool is_read(const struct schema_node *reader, const char *name)
{
	for (size_t i = 0; i < reader->child_count; i++)
		if (strcmp(reader->children[i].name, name) == 0 ||
		    is_alias(reader->children[i].aliases, name))
			return true;
	return false;
}

static void compare_records(struct comparison *at, const struct schema_node *reader,
			    const struct schema_node *writer)
{
	if (seen(at, reader, writer))
		return;
	for (size_t i = 0; i < reader->child_count; i++) {
		const struct schema_child *field = &reader->children[i];
		const struct schema_node *written = writer_field(field, writer);
		size_t before = path_enter(at, field->name);
		if (written != NULL)
			compare(at, field->node, written);
		else if (field->value_default == NULL)
			fault(at, "has no default, and the writer lacks it", "");
		path_leave(at, before);
	}
	for (size_t i = 0; i < writer->child_count; i++) {
		size_t before = path_enter(at, writer->children[i].name);
		if (!is_read(reader, writer->children[i].name))
			unread(at);
		path_leave(at, before);
	}
}

static void compare_symbols(struct comparison *at, const struct schema_node *reader,
			    const struct schema_node *writer)
{
	for (size_t i = 0; i < writer->child_count; i++)
		if (schema_child_index(reader, writer->children[i].name) == reader->child_count)
			fault(at, "does not know the writer's symbol ", writer->children[i].name);
}

static void compare_union_writer(struct comparison *at, const struct schema_node *reader,
				 const struct schema_node *writer)
{
	for (size_t i = 0; i < writer->child_count; i++)
		compare(at, reader, writer->children[i].node);
}

/* The branch that a reader takes: the first of the same kind, else the first that it promotes to.
 */
static void compare_union_reader(struct comparison *at, const struct schema_node *reader,
				 const struct schema_node *writer)
{
	const struct schema_node *branch = NULL;
	for (size_t i = 0; i < reader->child_count; i++) {
		const struct schema_node *node = reader->children[i].node;
		bool same = node->kind == writer->kind && kinds_match(node, writer);
		if (same || (branch == NULL && kinds_match(node, writer)))
			branch = node;
		if (same)
			break;
	}
	if (branch == NULL)
		fault(at, "has no branch for the writer's ",
		      writer->name != NULL ? writer->name : schema_kind_name(writer->kind));
	else
		compare(at, branch, writer);
}

static void compare(struct comparison *at, const struct schema_node *reader,
		    const struct schema_node *writer)
{
	if (writer->kind == SCHEMA_UNION) {
		compare_union_writer(at, reader, writer);
		return;
	}
	if (reader->kind == SCHEMA_UNION) {
		compare_union_reader(at, reader, writer);
		return;
	}
	if (!kinds_match(reader, writer)) {
		fault(at, "can't hold the writer's ",
		      writer->name != NULL ? writer->name : schema_kind_name(writer->kind));
		return;
	}
	if (reader->kind == SCHEMA_RECORD)
		compare_records(at, reader, writer);
	else if (reader->kind == SCHEMA_ENUM)
		compare_symbols(at, reader, writer);
	else if (reader->kind == SCHEMA_FIXED && reader->fixed_size != writer->fixed_size)
		fault(at, "has another size", "");
	else if (reader->kind == SCHEMA_ARRAY || reader->kind == SCHEMA_MAP)
		compare(at, reader->children[0].node, writer->children[0].node);
}

void compat_check(const struct schema_node *reader, const struct schema_node *writer,
		  struct compat *compat)
{
	struct comparison at = { .compat = compat };
	compat->fault_count = compat->unread_count = 0;
	compat->has_more = false;
	compare(&at, reader, writer);
}
