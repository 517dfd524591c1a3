#include "schemas/record_plan.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/check.h"

/* The value of a map's entry is decoded as if it were the field of a struct attr. */
static const struct field attr_value_field = { .name = "value",
					       .kind = FIELD_STRING,
					       .offset = offsetof(struct attr, value) };

static void *plan_alloc(struct record_plan *plan, size_t count, size_t size)
{
	if (plan->block_count == plan->block_capacity) {
		plan->block_capacity = plan->block_capacity ? 2 * plan->block_capacity : 16;
		plan->blocks =
			check_realloc(plan->blocks, plan->block_capacity * sizeof *plan->blocks);
	}
	void *block = check_calloc(count ? count : 1, size);
	plan->blocks[plan->block_count++] = block;
	return block;
}

static struct err *mismatch(const struct field *field, const char *what, const char *writer_has)
{
	return err_new(ERR_FATAL, "SCHEMA_MISMATCH", "field %s: %s%s", field->name, what,
		       writer_has);
}

static bool step_set(struct step *step, enum step_op op, bool fits)
{
	step->op = op;
	return fits;
}

/* Fields that are one value on the wire: which step reads what the writer has. */
static bool resolve_scalar(const struct field *field, enum schema_kind has, struct step *step)
{
	bool text = has == SCHEMA_STRING || has == SCHEMA_BYTES;
	switch (field->kind) {
	case FIELD_STRING: return step_set(step, STEP_STRING, text);
	case FIELD_BYTES: return step_set(step, STEP_BYTES, text);
	case FIELD_LONG:
		if (has == SCHEMA_INT)
			return step_set(step, STEP_INT_AS_LONG, true);
		return step_set(step, STEP_LONG, has == SCHEMA_LONG);
	case FIELD_INT: return step_set(step, STEP_INT, has == SCHEMA_INT);
	case FIELD_DOUBLE:
		if (has == SCHEMA_INT || has == SCHEMA_LONG)
			return step_set(step, STEP_LONG_AS_DOUBLE, true);
		if (has == SCHEMA_FLOAT)
			return step_set(step, STEP_FLOAT_AS_DOUBLE, true);
		return step_set(step, STEP_DOUBLE, has == SCHEMA_DOUBLE);
	case FIELD_BOOL: return step_set(step, STEP_BOOL, has == SCHEMA_BOOLEAN);
	default: return false;
	}
}

static int32_t symbol_index(const struct field *field, const char *symbol)
{
	for (int32_t i = 0; field->symbols[i] != NULL; i++)
		if (strcmp(field->symbols[i], symbol) == 0)
			return i;
	return -1;
}

static void resolve_enum(struct record_plan *plan, const struct field *field,
			 const struct schema_node *writer, struct step *step)
{
	step->op = STEP_ENUM;
	step->count = writer->child_count;
	step->symbols = plan_alloc(plan, step->count, sizeof *step->symbols);
	for (size_t i = 0; i < step->count; i++)
		step->symbols[i] = symbol_index(field, writer->children[i].name);
}

static struct err *steps_new(struct record_plan *plan, const struct record_type *type,
			     const struct schema_node *own, const struct schema_node *writer,
			     struct steps **steps);

static struct err *resolve(struct record_plan *plan, const struct field *field,
			   const struct schema_node *own, const struct schema_node *writer,
			   struct step *step);

/* A union of null and one type becomes the step of that type, with the null beside it. */
static void merge_optional(struct step *step)
{
	const struct step *branches = step->branches;
	size_t null_branch = branches[0].op == STEP_NULL ? 0 : 1;
	if (step->count != 2 || branches[null_branch].op != STEP_NULL ||
	    branches[1 - null_branch].op == STEP_NULL ||
	    branches[1 - null_branch].op == STEP_REFUSED)
		return;
	*step = branches[1 - null_branch];
	step->null_branch = null_branch;
}

/* A branch that does not fit is no error before a record comes with it. */
static struct err *resolve_union(struct record_plan *plan, const struct field *field,
				 const struct schema_node *own, const struct schema_node *writer,
				 struct step *step)
{
	step->op = STEP_UNION;
	step->count = writer->child_count;
	step->branches = plan_alloc(plan, step->count, sizeof *step->branches);
	size_t fitting = 0;
	for (size_t i = 0; i < step->count; i++) {
		struct err *err =
			resolve(plan, field, own, writer->children[i].node, &step->branches[i]);
		if (err)
			step->branches[i].op = STEP_REFUSED;
		else
			fitting++;
		err_free(&err);
	}
	merge_optional(step);
	return fitting ? NULL : mismatch(field, "no branch of the writer's union fits", "");
}

/* The own schema's node for the field's value, without the union that makes it optional. */
static const struct schema_node *own_value(const struct field *field, const struct schema_node *own)
{
	return field->optional ? own->children[own->child_count - 1].node : own;
}

static struct err *resolve_items(struct record_plan *plan, const struct field *field,
				 const struct schema_node *own, const struct schema_node *writer,
				 struct step *step)
{
	const struct field *item_field = &attr_value_field;
	if (field->kind == FIELD_ARRAY) {
		struct field *element = plan_alloc(plan, 1, sizeof *element);
		*element = (struct field){ .name = field->name,
					   .kind = FIELD_RECORD,
					   .type = field->type };
		item_field = element;
	}
	step->op = field->kind == FIELD_ARRAY ? STEP_ARRAY : STEP_MAP;
	step->branches = plan_alloc(plan, 1, sizeof *step->branches);
	return resolve(plan, item_field, own_value(field, own)->children[0].node,
		       writer->children[0].node, &step->branches[0]);
}

/* Fills *step so that it reads a value of the writer's type into the field. */
static struct err *resolve(struct record_plan *plan, const struct field *field,
			   const struct schema_node *own, const struct schema_node *writer,
			   struct step *step)
{
	bool has = field->optional && !field_absent_by_pointer(field);
	*step = (struct step){ .field = field,
			       .name = field->name,
			       .offset = field->offset,
			       .has_offset = has ? field->has_offset : STEP_NO_HAS,
			       .null_branch = STEP_NO_NULL,
			       .writer = writer };
	if (writer->kind == SCHEMA_UNION)
		return resolve_union(plan, field, own, writer, step);
	if (writer->kind == SCHEMA_NULL && field->optional) {
		step->op = STEP_NULL;
		step->has_offset = STEP_NO_HAS;
		return NULL;
	}
	bool fits = false;
	if (field->kind == FIELD_ENUM && writer->kind == SCHEMA_ENUM) {
		resolve_enum(plan, field, writer, step);
		fits = true;
	} else if ((field->kind == FIELD_MAP && writer->kind == SCHEMA_MAP) ||
		   (field->kind == FIELD_ARRAY && writer->kind == SCHEMA_ARRAY)) {
		return resolve_items(plan, field, own, writer, step);
	} else if (field->kind == FIELD_RECORD && writer->kind == SCHEMA_RECORD) {
		step->op = STEP_RECORD;
		return steps_new(plan, field->type, own_value(field, own), writer, &step->nested);
	} else {
		fits = resolve_scalar(field, writer->kind, step);
	}
	return fits ? NULL
		    : mismatch(field, "can't hold the writer's ", schema_kind_name(writer->kind));
}

static bool default_integer(const json_t *value, int64_t min, int64_t max, int64_t *out)
{
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= min && *out <= max;
}

/* Puts a default into the image; false where its form is not one that the tables need. Strings stay
 * in the own schema's JSON, which lives as long as the plan. */
static bool default_put(const struct field *field, const json_t *value, uint8_t *image)
{
	void *member = image + field->offset;
	int64_t integer = 0;
	if (json_is_null(value))
		return field->optional;
	switch (field->kind) {
	case FIELD_STRING:
		*(struct bytes *)member =
			bytes_of(json_string_value(value), json_string_length(value));
		return json_is_string(value);
	case FIELD_LONG:
		if (!default_integer(value, INT64_MIN, INT64_MAX, &integer))
			return false;
		*(int64_t *)member = integer;
		return !field->optional;
	case FIELD_INT:
		if (!default_integer(value, INT32_MIN, INT32_MAX, &integer))
			return false;
		*(int32_t *)member = (int32_t)integer;
		return !field->optional;
	case FIELD_DOUBLE:
		*(double *)member = json_number_value(value);
		return json_is_number(value) && !field->optional;
	case FIELD_BOOL:
		*(bool *)member = json_is_true(value);
		return json_is_boolean(value) && !field->optional;
	case FIELD_ENUM:
		if (!json_is_string(value))
			return false;
		*(int32_t *)member = symbol_index(field, json_string_value(value));
		return *(int32_t *)member >= 0 && !field->optional;
	case FIELD_MAP: return json_is_object(value) && json_object_size(value) == 0;
	case FIELD_ARRAY: return json_is_array(value) && json_array_size(value) == 0;
	case FIELD_BYTES:
	case FIELD_RECORD: return false;
	}
	return false;
}

/* Where the writer has the field: by its name, else by one of its aliases, else child_count. */
static size_t writer_index(const struct schema_node *writer, const struct schema_child *own)
{
	size_t index = schema_child_index(writer, own->name);
	for (size_t i = 0; index == writer->child_count && i < json_array_size(own->aliases); i++) {
		const char *alias = json_string_value(json_array_get(own->aliases, i));
		if (alias)
			index = schema_child_index(writer, alias);
	}
	return index;
}

/* One field of the table: a step at its place in the writer's order, or a default in the image. */
static struct err *field_place(struct record_plan *plan, struct steps *steps,
			       const struct field *field, const struct schema_node *own,
			       const struct schema_node *writer)
{
	size_t own_at = schema_child_index(own, field->name);
	if (own_at == own->child_count)
		return err_new(ERR_FATAL, "SCHEMA_TABLE", "%s.%s is not in the schema",
			       steps->type->name, field->name);
	const struct schema_child *child = &own->children[own_at];
	size_t at = writer_index(writer, child);
	if (at < writer->child_count && steps->list[at].op == STEP_SKIP)
		return resolve(plan, field, child->node, writer->children[at].node,
			       &steps->list[at]);
	if (child->value_default == NULL)
		return mismatch(field, "neither written nor defaulted", "");
	if (!default_put(field, child->value_default, steps->image))
		return err_new(ERR_FATAL, "SCHEMA_TABLE", "%s.%s: a default of this form",
			       steps->type->name, field->name);
	return NULL;
}

/* What no reader looks at before a step has filled it: the items of maps and arrays, and optional
 * records. An image that leaves it out is copied sooner. */
static bool is_filled_later(const struct field *field)
{
	return field->kind == FIELD_MAP || field->kind == FIELD_ARRAY ||
	       (field->kind == FIELD_RECORD && field->optional);
}

static size_t filled_later_len(const struct field *field)
{
	if (field->kind == FIELD_RECORD)
		return field->type->size;
	return field->element_max *
	       (field->kind == FIELD_MAP ? sizeof(struct attr) : field->type->size);
}

/* The field to be filled later that comes first at or after `offset`; NULL where none does. */
static const struct field *next_filled_later(const struct record_type *type, size_t offset)
{
	const struct field *next = NULL;
	for (size_t i = 0; i < type->field_count; i++) {
		const struct field *field = &type->fields[i];
		if (is_filled_later(field) && field->offset >= offset &&
		    (next == NULL || field->offset < next->offset))
			next = field;
	}
	return next;
}

static void add_parts(struct record_plan *plan, const struct record_type *type, struct steps *steps)
{
	steps->parts = plan_alloc(plan, type->field_count + 1, sizeof *steps->parts);
	size_t offset = 0;
	for (const struct field *later; (later = next_filled_later(type, offset)) != NULL;
	     offset = later->offset + filled_later_len(later))
		if (later->offset > offset)
			steps->parts[steps->part_count++] =
				(struct image_part){ offset, later->offset - offset };
	size_t end = type->image_size != 0 ? type->image_size : type->size;
	if (offset < end)
		steps->parts[steps->part_count++] = (struct image_part){ offset, end - offset };
}

/* A field that the table lacks. One that is optional is mostly null, which costs no call then. */
static struct step step_over(const struct schema_child *child)
{
	struct step step = { .op = STEP_SKIP,
			     .has_offset = STEP_NO_HAS,
			     .null_branch = STEP_NO_NULL,
			     .name = child->name,
			     .writer = child->node };
	const struct schema_node *node = child->node;
	if (node->kind != SCHEMA_UNION || node->child_count != 2)
		return step;
	bool first = node->children[0].node->kind == SCHEMA_NULL;
	if (!first && node->children[1].node->kind != SCHEMA_NULL)
		return step;
	step.null_branch = first ? 0 : 1;
	step.writer = node->children[first ? 1 : 0].node;
	return step;
}

static struct err *steps_new(struct record_plan *plan, const struct record_type *type,
			     const struct schema_node *own, const struct schema_node *writer,
			     struct steps **out)
{
	struct steps *steps = plan_alloc(plan, 1, sizeof *steps);
	*steps = (struct steps){ .type = type, .count = writer->child_count };
	steps->list = plan_alloc(plan, steps->count, sizeof *steps->list);
	steps->image = plan_alloc(plan, 1, type->size);
	add_parts(plan, type, steps);
	for (size_t i = 0; i < steps->count; i++)
		steps->list[i] = step_over(&writer->children[i]);
	for (size_t i = 0; i < type->field_count; i++) {
		struct err *err = field_place(plan, steps, &type->fields[i], own, writer);
		if (err)
			return err;
	}
	while (type->head_only && steps->count > 0 && steps->list[steps->count - 1].op == STEP_SKIP)
		steps->count--;
	*out = steps;
	return NULL;
}

/* Avro matches records by their name without namespace, or by an alias of the reader's. */
static bool names_match(const struct schema_node *own, const struct schema_node *writer)
{
	const char *name = schema_short_name(writer->name);
	if (strcmp(schema_short_name(own->name), name) == 0)
		return true;
	for (size_t i = 0; i < json_array_size(own->aliases); i++) {
		const char *alias = json_string_value(json_array_get(own->aliases, i));
		if (alias && strcmp(schema_short_name(alias), name) == 0)
			return true;
	}
	return false;
}

struct err *record_plan_resolve(const struct record_type *type, const char *own_schema,
				const char *writer_schema, struct record_plan **out)
{
	struct record_plan *plan = check_calloc(1, sizeof *plan);
	const struct schema_node *own, *writer;
	struct err *err = record_own_parse(type, own_schema, &plan->own, &own);
	if (err == NULL)
		err = schema_parse(writer_schema, &plan->writer, &writer);
	if (err == NULL && (writer->kind != SCHEMA_RECORD || !names_match(own, writer)))
		err = err_new(ERR_FATAL, "SCHEMA_MISMATCH", "the writer's schema is %s, not %s",
			      writer->name ? writer->name : schema_kind_name(writer->kind),
			      own->name);
	if (err == NULL)
		err = steps_new(plan, type, own, writer, &plan->steps);
	if (err) {
		record_plan_free(&plan);
		*out = NULL;
		return err_wrap(err, "%s", type->name);
	}
	*out = plan;
	return NULL;
}

struct err *record_plan_new(const struct record_type *type, const char *writer_schema,
			    struct record_plan **plan)
{
	return record_plan_resolve(type, record_own_text(type->name), writer_schema, plan);
}

void record_plan_free(struct record_plan **plan)
{
	if (*plan == NULL)
		return;
	for (size_t i = 0; i < (*plan)->block_count; i++)
		free((*plan)->blocks[i]);
	free((*plan)->blocks);
	schema_free(&(*plan)->own);
	schema_free(&(*plan)->writer);
	free(*plan);
	*plan = NULL;
}

struct err *record_decode(const struct record_plan *plan, struct bytes avro, void *record)
{
	return steps_decode(plan->steps, avro, record);
}
