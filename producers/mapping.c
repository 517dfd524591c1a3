#include "producers/mapping.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/file_text.h"
#include "producers/mapping_read.h"

struct err *mapping_parse(const char *name, struct bytes json, struct mapping **out)
{
	struct mapping *mapping = check_calloc(1, sizeof *mapping);
	mapping->name = check_strdup(name);
	hash_sha256_hex(json, mapping->digest);
	struct err *err = mapping_read(json, mapping);
	if (err != NULL)
		mapping_free(&mapping);
	*out = mapping;
	return err;
}

struct err *mapping_load(const char *path, struct mapping **mapping)
{
	*mapping = NULL;
	char *json = NULL;
	size_t len = 0;
	struct err *err = file_text_read(path, MAPPING_LEN_MAX, "MAPPING_FILE", &json, &len);
	if (err == NULL)
		err = mapping_parse(path, bytes_of(json, len), mapping);
	free(json);
	return err;
}

void mapping_free(struct mapping **mapping)
{
	if (*mapping == NULL)
		return;
	time_zone_close(&(*mapping)->time.zone);
	for (size_t i = 0; i < (*mapping)->payload_count; i++)
		time_zone_close(&(*mapping)->payload[i].time.zone);
	free((*mapping)->given_columns);
	free((*mapping)->name);
	free(*mapping);
	*mapping = NULL;
}

struct mapping_info mapping_info(const struct mapping *mapping)
{
	return (struct mapping_info){
		.name = mapping->name,
		.topic = mapping->topic,
		.source = mapping->source,
		.type = mapping->type,
		.csv = mapping->csv,
		.has_header = mapping->has_header,
		.is_csv = mapping->is_csv,
		.digest = mapping->digest,
		.order_by_time = mapping->order_by_time,
		.end_at_next_day = mapping->end_at_next_day,
	};
}

/* The names of all columns for a message, cut where they would fill it. */
static const char *list_names(const struct bytes *names, size_t count, char list[400])
{
	size_t used = 0;
	char shown[TEXT_SHOWN_LEN + 1];
	list[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *name = text_show(names[i], shown);
		if (used + strlen(name) + sizeof ", ..." >= 400) {
			snprintf(list + used, 400 - used, ", ...");
			break;
		}
		used += (size_t)snprintf(list + used, 400 - used, "%s%s", i > 0 ? ", " : "", name);
	}
	return list;
}

static struct err *find_column(const struct mapping *mapping, struct mapping_column *column,
			       const char *file, int64_t line, const struct bytes *names,
			       size_t count)
{
	char list[400];
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		if (!bytes_equal(names[i], bytes_str(column->name)))
			continue;
		column->field = i;
		found++;
	}
	if (found == 1)
		return NULL;
	return err_new(ERR_FATAL, "MAPPING_COLUMNS",
		       "%s: line %lld: expected one column \"%s\", which %s needs at %s; there are "
		       "%zu of that name; the columns are: %s",
		       file, (long long)line, column->name, mapping->name, column->path, found,
		       list_names(names, count, list));
}

struct err *mapping_bind(struct mapping *mapping, const char *file, const struct row *header,
			 struct arena *arena, size_t *field_count)
{
	struct bytes names[CSV_FIELD_COUNT_MAX];
	size_t count = mapping->has_header ? header->field_count : mapping->given_count;
	CHECK(count <= CSV_FIELD_COUNT_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!mapping->has_header)
			names[i] = bytes_str(mapping->given_columns[i]);
		else if (!text_to_utf8(mapping->encoding, header->fields[i], arena, &names[i]))
			return err_new(ERR_FATAL, "MAPPING_COLUMNS",
				       "%s: line %lld: column %zu: the name is not %s; set "
				       "csv.encoding in %s, or convert the file",
				       file, (long long)header->line, i + 1,
				       mapping->encoding == TEXT_UTF8 ? "UTF-8" : "latin-1 text",
				       mapping->name);
	}
	for (size_t i = 0; i < mapping->column_count; i++) {
		struct err *err = find_column(mapping, &mapping->columns[i], file,
					      mapping->has_header ? header->line : 1, names, count);
		if (err != NULL)
			return err;
	}
	*field_count = count;
	return NULL;
}

static struct bytes field_of(const struct mapping *mapping, const struct row *row, int column)
{
	size_t field = mapping->columns[column].field;
	CHECK(field < row->field_count);
	return row->fields[field];
}

static bool is_empty(const struct mapping *mapping, const struct row *row, int column)
{
	return field_of(mapping, row, column).len == 0;
}

/* A POISON error about one column's content. */
static struct err *bad_field(const struct mapping *mapping, const struct row *row, int column,
			     const char *code, const char *expected)
{
	char shown[TEXT_SHOWN_LEN + 1];
	return err_new(ERR_POISON, code, "column \"%s\": \"%s\": expected %s",
		       mapping->columns[column].name,
		       text_show(field_of(mapping, row, column), shown), expected);
}

/* A column's content as UTF-8 of at most len_max bytes. */
static struct err *read_field(const struct mapping *mapping, const struct row *row, int column,
			      struct arena *arena, size_t len_max, const char *code,
			      struct bytes *text)
{
	char expected[64];
	struct bytes field = field_of(mapping, row, column);
	snprintf(expected, sizeof expected, "at most %zu bytes of UTF-8", len_max);
	if (field.len > len_max) /* first, so that the arena's use is bounded */
		return bad_field(mapping, row, column, code, expected);
	if (!text_to_utf8(mapping->encoding, field, arena, text))
		return bad_field(mapping, row, column, "EVENT_ENCODING",
				 mapping->encoding == TEXT_UTF8 ? "UTF-8 without NUL bytes"
								: "latin-1 text without NUL bytes");
	if (text->len <= len_max)
		return NULL;
	return bad_field(mapping, row, column, code, expected);
}

static struct err *read_time(const struct mapping *mapping, const struct row *row,
			     const struct time_rule *rule, const char *code, int64_t *event_ms)
{
	char expected[256];
	switch (time_text_parse(&rule->format, rule->zone, field_of(mapping, row, rule->column),
				event_ms)) {
	case TIME_TEXT_OK: return NULL;
	case TIME_TEXT_GAP:
		snprintf(expected, sizeof expected,
			 "a time that exists in %s (there the clocks were put forward)",
			 rule->zone_name);
		break;
	case TIME_TEXT_RANGE:
		snprintf(expected, sizeof expected, "a time from 1900 to 2199");
		break;
	default: snprintf(expected, sizeof expected, "a time as %s", rule->format_text); break;
	}
	return bad_field(mapping, row, rule->column, code, expected);
}

struct err *mapping_read_time(const struct mapping *mapping, const struct row *row,
			      int64_t *event_ms)
{
	return read_time(mapping, row, &mapping->time, "EVENT_TIME", event_ms);
}

static bool case_matches(const struct type_case *rule, struct bytes field)
{
	struct bytes text = bytes_str(rule->text);
	if (rule->match == MATCH_BEGINS_WITH && field.len > text.len)
		field.len = text.len;
	return bytes_equal(field, text);
}

static struct err *apply_type(const struct mapping *mapping, const struct row *row,
			      struct bytes *type, bool *is_return)
{
	const struct type_rule *rule = &mapping->type_rule;
	*is_return = false;
	for (size_t i = 0; i < rule->case_count; i++) {
		const struct type_case *one = &rule->cases[i];
		if (!case_matches(one, field_of(mapping, row, rule->column)))
			continue;
		if (one->reject[0] != '\0')
			return bad_field(mapping, row, rule->column, "EVENT_REJECTED", one->reject);
		*type = bytes_str(one->type);
		*is_return = one->is_return;
		return NULL;
	}
	*type = bytes_str(rule->otherwise);
	if (type->len == 0)
		return bad_field(mapping, row, rule->column, "EVENT_TYPE",
				 "a value that a rule of the mapping knows");
	return NULL;
}

static struct err *apply_subject(const struct mapping *mapping, const struct row *row,
				 struct arena *arena, struct bytes *subject)
{
	const struct subject_rule *rule = &mapping->subject;
	struct bytes text, prefix = bytes_str(rule->prefix), suffix = bytes_str(rule->strip_suffix);
	struct err *err =
		read_field(mapping, row, rule->column, arena, KEY_LEN_MAX, "EVENT_SUBJECT", &text);
	if (err != NULL)
		return err;
	if (suffix.len > 0 && text.len >= suffix.len &&
	    memcmp(text.data + text.len - suffix.len, suffix.data, suffix.len) == 0)
		text.len -= suffix.len;
	if (text.len == 0) {
		*subject = bytes_str(rule->otherwise);
		return subject->len > 0 ? NULL
					: bad_field(mapping, row, rule->column, "EVENT_SUBJECT",
						    "an identifier");
	}
	if (prefix.len + text.len > KEY_LEN_MAX)
		return bad_field(mapping, row, rule->column, "EVENT_SUBJECT",
				 "a shorter identifier");
	*subject = text;
	if (prefix.len > 0) {
		uint8_t *joined = arena_alloc(arena, prefix.len + text.len);
		memcpy(joined, prefix.data, prefix.len);
		memcpy(joined + prefix.len, text.data, text.len);
		*subject = bytes_of(joined, prefix.len + text.len);
	}
	return NULL;
}

static struct err *read_integer(const struct mapping *mapping, const struct row *row, int column,
				const char *code, int64_t *value)
{
	struct decimal decimal;
	struct decimal_syntax syntax = mapping->amount.syntax;
	if (syntax.point == 0)
		syntax.point = '.';
	if (!decimal_parse(field_of(mapping, row, column), &syntax, &decimal) ||
	    !decimal_to_units(&decimal, 1, 0, value))
		return bad_field(mapping, row, column, code, "a whole number");
	return NULL;
}

static struct err *apply_quantity(const struct mapping *mapping, const struct row *row,
				  bool is_return, struct source_event *event)
{
	if (mapping->quantity == NO_COLUMN ||
	    (mapping->quantity_optional && is_empty(mapping, row, mapping->quantity)))
		return NULL;
	struct err *err =
		read_integer(mapping, row, mapping->quantity, "EVENT_QUANTITY", &event->quantity);
	if (err != NULL)
		return err;
	if (event->quantity < 0 && !is_return)
		return bad_field(mapping, row, mapping->quantity, "EVENT_QUANTITY",
				 "a number not below zero, as the row is no return");
	if (event->quantity < 0)
		event->quantity = -event->quantity; /* decimals stay far above INT64_MIN */
	event->has_quantity = true;
	return NULL;
}

static struct err *apply_currency(const struct mapping *mapping, const struct row *row,
				  struct source_event *event)
{
	const struct text_rule *rule = &mapping->amount.currency;
	if (rule->column == NO_COLUMN) {
		event->currency = bytes_str(rule->constant);
		return NULL;
	}
	event->currency = field_of(mapping, row, rule->column);
	bool valid = event->currency.len == 3;
	for (size_t i = 0; valid && i < event->currency.len; i++)
		valid = event->currency.data[i] >= 'A' && event->currency.data[i] <= 'Z';
	return valid ? NULL
		     : bad_field(mapping, row, rule->column, "EVENT_CURRENCY",
				 "a currency of three capitals (ISO 4217)");
}

static struct err *apply_amount(const struct mapping *mapping, const struct row *row,
				bool is_return, struct source_event *event)
{
	const struct amount_rule *rule = &mapping->amount;
	struct decimal price;
	int64_t factor = 1, minor;
	char expected[128];
	struct err *err = NULL;
	if (!rule->given || (rule->optional && is_empty(mapping, row, rule->column)))
		return NULL;
	if (rule->times != NO_COLUMN)
		err = read_integer(mapping, row, rule->times, "EVENT_QUANTITY", &factor);
	if (err != NULL)
		return err;
	if (!decimal_parse(field_of(mapping, row, rule->column), &rule->syntax, &price))
		return bad_field(mapping, row, rule->column, "EVENT_AMOUNT", "a decimal number");
	if (!decimal_to_units(&price, factor, rule->scale, &minor)) {
		snprintf(expected, sizeof expected,
			 "an amount of at most %d decimals%s, as nothing is rounded, and of less "
			 "than 2^63 minor units",
			 rule->scale, rule->times == NO_COLUMN ? "" : " when multiplied");
		return bad_field(mapping, row, rule->column, "EVENT_AMOUNT", expected);
	}
	if (!rule->sign_as_given && minor < 0 && !is_return)
		return bad_field(mapping, row, rule->column, "EVENT_AMOUNT",
				 "an amount not below zero, as the row is no return");
	event->amount_minor = !rule->sign_as_given && is_return && minor > 0 ? -minor : minor;
	event->has_amount = true;
	return apply_currency(mapping, row, event);
}

/* A decimal number with a point and an optional exponent; strtod alone would take hex, "inf" and
 * blanks. The program never leaves the "C" locale, so the point is a point. */
static bool parse_double(struct bytes text, double *value)
{
	char copy[64];
	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == 0 || strchr("0123456789+-.eE", text.data[i]) == NULL)
			return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	char *end;
	*value = strtod(copy, &end);
	return *end == '\0' && *value <= 1e300 && *value >= -1e300;
}

static struct err *apply_text_rule(const struct mapping *mapping, const struct row *row,
				   const struct text_rule *rule, struct arena *arena,
				   struct bytes *text)
{
	if (!rule->given)
		return NULL;
	*text = bytes_str(rule->constant);
	if (rule->column == NO_COLUMN)
		return NULL;
	return read_field(mapping, row, rule->column, arena, ATTR_LEN_MAX, "EVENT_ATTRIBUTE", text);
}

static struct err *apply_value(const struct mapping *mapping, const struct row *row,
			       struct arena *arena, struct source_event *event)
{
	struct err *err = apply_text_rule(mapping, row, &mapping->label, arena, &event->name);
	if (err == NULL)
		err = apply_text_rule(mapping, row, &mapping->unit, arena, &event->unit);
	if (err != NULL || mapping->value == NO_COLUMN ||
	    (mapping->value_optional && is_empty(mapping, row, mapping->value)))
		return err;
	event->has_value = true;
	if (!parse_double(field_of(mapping, row, mapping->value), &event->value))
		return bad_field(mapping, row, mapping->value, "EVENT_VALUE", "a finite number");
	return NULL;
}

static struct err *apply_attributes(const struct mapping *mapping, const struct row *row,
				    struct arena *arena, struct source_event *event)
{
	for (size_t i = 0; i < mapping->attribute_count; i++) {
		const struct named_rule *rule = &mapping->attributes[i];
		struct bytes value;
		struct err *err = read_field(mapping, row, rule->column, arena, ATTR_LEN_MAX,
					     "EVENT_ATTRIBUTE", &value);
		if (err != NULL)
			return err;
		if (value.len == 0)
			continue; /* an empty cell says that nothing is known, as no attribute does
				   */
		event->attrs[event->attr_count++] =
			(struct attr){ .key = bytes_str(rule->key), .value = value };
	}
	return NULL;
}

/* ---- identifiers and payloads ---- */

static struct err *apply_names(const struct mapping *mapping, const struct row *row,
			       struct arena *arena, struct source_event *event)
{
	struct err *err = NULL;
	if (mapping->subject.scheme[0] != '\0')
		event->subject_scheme = bytes_str(mapping->subject.scheme);
	if (mapping->id != NO_COLUMN) {
		err = read_field(mapping, row, mapping->id, arena, EVENT_ID_MAX, "EVENT_ID",
				 &event->event_id);
		if (err == NULL && event->event_id.len == 0)
			err = bad_field(mapping, row, mapping->id, "EVENT_ID",
					"the event's identifier");
	}
	if (err == NULL && mapping->trace_id != NO_COLUMN)
		err = read_field(mapping, row, mapping->trace_id, arena, EVENT_ID_MAX,
				 "EVENT_ATTRIBUTE", &event->trace_id);
	if (event->trace_id.len == 0)
		event->trace_id = (struct bytes){ 0 };
	if (err == NULL)
		err = apply_text_rule(mapping, row, &mapping->data_version, arena,
				      &event->data_version);
	for (size_t i = 0; i < mapping->identifier_count && err == NULL; i++) {
		const struct named_rule *rule = &mapping->identifiers[i];
		struct bytes value;
		err = read_field(mapping, row, rule->column, arena, KEY_LEN_MAX, "EVENT_IDENTIFIER",
				 &value);
		if (err != NULL || value.len == 0)
			continue;
		if (event->identifier_count == IDENTIFIER_COUNT_MAX)
			return bad_field(mapping, row, rule->column, "EVENT_IDENTIFIER",
					 "at most 8 identifiers in one event");
		event->identifiers[event->identifier_count++] =
			(struct identifier){ .scheme = bytes_str(rule->key), .value = value };
	}
	return err;
}

/* A number into its field; an empty cell says nothing. */
static struct err *apply_number(const struct mapping *mapping, const struct row *row,
				const struct payload_rule *rule, struct bytes text, uint8_t *at)
{
	struct decimal decimal;
	const struct decimal_syntax syntax = { .point = mapping->amount.syntax.point == 0
								? '.'
								: mapping->amount.syntax.point,
					       .thousands = mapping->amount.syntax.thousands };
	bool good;
	if (rule->is_time)
		return read_time(mapping, row, &rule->time, "EVENT_PAYLOAD", (int64_t *)(void *)at);
	if (rule->field->kind == FIELD_DOUBLE)
		good = parse_double(text, (double *)(void *)at);
	else
		good = decimal_parse(text, &syntax, &decimal) &&
		       decimal_to_units(&decimal, 1, rule->scale < 0 ? 0 : rule->scale,
					(int64_t *)(void *)at);
	if (good)
		return NULL;
	const char *expected = rule->field->kind == FIELD_DOUBLE ? "a finite number"
			       : rule->scale < 0		 ? "a whole number"
						 : "an amount of no more decimals than its scale";
	if (rule->text.column == NO_COLUMN)
		return err_new(ERR_POISON, "EVENT_PAYLOAD", "payload.%s.%s: \"%s\": expected %s",
			       rule->block->name, rule->field->name, rule->text.constant, expected);
	return bad_field(mapping, row, rule->text.column, "EVENT_PAYLOAD", expected);
}

static struct err *apply_field(const struct mapping *mapping, const struct row *row,
			       const struct payload_rule *rule, struct arena *arena, uint8_t *block)
{
	uint8_t *at = block + rule->field->offset;
	struct bytes text = bytes_str(rule->text.constant);
	struct err *err = NULL;
	if (rule->text.column != NO_COLUMN)
		err = read_field(mapping, row, rule->text.column, arena, ATTR_LEN_MAX,
				 "EVENT_PAYLOAD", &text);
	if (err != NULL)
		return err;
	if (text.len == 0)
		return rule->field->optional ? NULL
					     : bad_field(mapping, row, rule->text.column,
							 "EVENT_PAYLOAD", "something");
	if (rule->field->kind == FIELD_STRING) {
		*(struct bytes *)(void *)at = text;
		return NULL;
	}
	err = apply_number(mapping, row, rule, text, at);
	if (rule->field->optional)
		*(bool *)(void *)(block + rule->field->has_offset) = err == NULL;
	return err;
}

/* The block that belongs to the event's type; of a source's own word, the only one there is. */
static bool block_belongs(const struct mapping *mapping, const struct event_type *type,
			  const struct field *block)
{
	if (type != NULL)
		return type->block != NULL && strcmp(type->block, block->name) == 0;
	return mapping->payload[0].block == block &&
	       mapping->payload[mapping->payload_count - 1].block == block;
}

static struct err *apply_payload(const struct mapping *mapping, const struct row *row,
				 struct arena *arena, struct source_event *event)
{
	const struct field *payload = event_payload_field(mapping->type);
	const struct event_type *type =
		mapping->payload_count > 0 ? event_type_find(event->type) : NULL;
	struct err *err = NULL;
	for (size_t i = 0; i < mapping->payload_count && err == NULL; i++) {
		const struct payload_rule *rule = &mapping->payload[i];
		uint8_t *section = (uint8_t *)event + payload->offset;
		if (!block_belongs(mapping, type, rule->block))
			continue;
		*(bool *)(void *)((uint8_t *)event + payload->has_offset) = true;
		*(bool *)(void *)(section + rule->block->has_offset) = true;
		err = apply_field(mapping, row, rule, arena, section + rule->block->offset);
	}
	return err;
}

struct err *mapping_apply(const struct mapping *mapping, const struct row *row, struct arena *arena,
			  struct source_event *event)
{
	bool is_return = false;
	*event = (struct source_event){ .source = bytes_str(mapping->source) };
	struct err *err = mapping_read_time(mapping, row, &event->event_ms);
	if (err == NULL)
		err = apply_type(mapping, row, &event->type, &is_return);
	if (err == NULL)
		err = apply_subject(mapping, row, arena, &event->subject);
	if (err == NULL)
		err = apply_quantity(mapping, row, is_return, event);
	if (err == NULL)
		err = apply_amount(mapping, row, is_return, event);
	if (err == NULL)
		err = apply_value(mapping, row, arena, event);
	if (err == NULL)
		err = apply_attributes(mapping, row, arena, event);
	if (err == NULL)
		err = apply_names(mapping, row, arena, event);
	if (err == NULL)
		err = apply_payload(mapping, row, arena, event);
	return err;
}
