/* JSON into rules. A reader carries the first error it met; everything after that is passed over,
 * so the functions below read like the mapping's own reference. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "producers/mapping_read.h"

struct reader {
	struct mapping *mapping;
	struct err *err;
};

/* A value in the document and the path to it; json NULL where it is not there. */
struct node {
	const json_t *json;
	char path[MAPPING_PATH_MAX];
};

static const char *type_name(const json_t *json)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",
		[JSON_STRING] = "a string",  [JSON_INTEGER] = "an integer",
		[JSON_REAL] = "a fraction",  [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",	     [JSON_NULL] = "null",
	};
	return json == NULL ? "nothing" : names[json_typeof(json)];
}

__attribute__((format(printf, 3, 4))) static void fail(struct reader *reader,
						       const struct node *node, const char *format,
						       ...)
{
	char text[ERR_TEXT_MAX / 2];
	va_list args;
	if (reader->err != NULL)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	reader->err = err_new(ERR_FATAL, "MAPPING_INVALID", "%s: %s: %s", reader->mapping->name,
			      node->path, text);
}

static void fail_type(struct reader *reader, const struct node *node, const char *expected)
{
	if (json_is_string(node->json)) {
		char shown[TEXT_SHOWN_LEN + 1];
		struct bytes text =
			bytes_of(json_string_value(node->json), json_string_length(node->json));
		fail(reader, node, "expected %s, found \"%s\"", expected, text_show(text, shown));
		return;
	}
	fail(reader, node, "expected %s, found %s", expected, type_name(node->json));
}

static struct node child(const struct node *parent, const char *key)
{
	struct node node = { .json = json_object_get(parent->json, key) };
	char shown[TEXT_SHOWN_LEN + 1];
	snprintf(node.path, sizeof node.path, "%.90s.%s", parent->path,
		 text_show(bytes_str(key), shown));
	return node;
}

static struct node item(const struct node *parent, size_t index)
{
	struct node node = { .json = json_array_get(parent->json, index) };
	snprintf(node.path, sizeof node.path, "%.120s[%zu]", parent->path, index);
	return node;
}

/* Whether `key` is one of the words in `allowed`, which are separated by single blanks. */
static bool is_allowed(const char *key, const char *allowed)
{
	size_t len = strlen(key);
	while (*allowed != '\0') {
		size_t word_len = strcspn(allowed, " ");
		if (word_len == len && memcmp(allowed, key, len) == 0)
			return true;
		allowed += word_len;
		allowed += *allowed == ' ';
	}
	return false;
}

/* `node` must be an object with keys out of `allowed` only. */
static bool check_object(struct reader *reader, const struct node *node, const char *allowed)
{
	const char *key;
	json_t *value;
	if (!json_is_object(node->json)) {
		fail_type(reader, node, "an object");
		return false;
	}
	json_object_foreach((json_t *)node->json, key, value) {
		if (is_allowed(key, allowed))
			continue;
		struct node unknown = child(node, key);
		fail(reader, &unknown, "unknown key; expected one of: %s", allowed);
	}
	return true;
}

/* A string of len_min to MAPPING_TEXT_MAX bytes. */
static void read_text(struct reader *reader, const struct node *node, size_t len_min,
		      const char *expected, mapping_text text)
{
	size_t len = json_string_length(node->json);
	const char *value = json_string_value(node->json);
	if (value == NULL || len < len_min) {
		fail_type(reader, node, expected);
	} else if (len > MAPPING_TEXT_MAX || memchr(value, 0, len) != NULL) {
		fail(reader, node, "expected %s of at most %d bytes, without NUL", expected,
		     MAPPING_TEXT_MAX);
	} else {
		memcpy(text, value, len);
		text[len] = '\0';
	}
}

/* What an event has no room for would make a dead letter of each. */
static void check_len(struct reader *reader, const struct node *node, const char *expected,
		      const char *text)
{
	if (strlen(text) > EVENT_TYPE_MAX)
		fail(reader, node, "expected %s of at most %d bytes", expected, EVENT_TYPE_MAX);
}

/* An optional string: "" where it is not there. */
static void read_optional(struct reader *reader, const struct node *parent, const char *key,
			  const char *expected, mapping_text text)
{
	struct node node = child(parent, key);
	text[0] = '\0';
	if (node.json != NULL)
		read_text(reader, &node, 1, expected, text);
}

/* An index of the words in `names` (NULL at the end), `fallback` where the key is not there. */
static int read_choice(struct reader *reader, const struct node *parent, const char *key,
		       const char *const *names, int fallback, const char *expected)
{
	struct node node = child(parent, key);
	if (node.json == NULL)
		return fallback;
	for (int i = 0; names[i] != NULL && json_is_string(node.json); i++)
		if (strcmp(json_string_value(node.json), names[i]) == 0)
			return i;
	fail_type(reader, &node, expected);
	return fallback;
}

/* The column of that name among those in use, added where it is new. */
static int use_column(struct reader *reader, const struct node *node, const char *name)
{
	struct mapping *mapping = reader->mapping;
	for (size_t i = 0; i < mapping->column_count; i++)
		if (strcmp(mapping->columns[i].name, name) == 0)
			return (int)i;
	if (mapping->column_count == MAPPING_COLUMNS_MAX) {
		fail(reader, node, "expected at most %d columns in use", MAPPING_COLUMNS_MAX);
		return NO_COLUMN;
	}
	struct mapping_column *column = &mapping->columns[mapping->column_count++];
	snprintf(column->name, sizeof column->name, "%s", name);
	memcpy(column->path, node->path, sizeof column->path);
	return (int)mapping->column_count - 1;
}

static int read_column(struct reader *reader, const struct node *parent, const char *key)
{
	mapping_text name = "";
	struct node node = child(parent, key);
	read_text(reader, &node, 1, "the name of a column", name);
	return reader->err == NULL ? use_column(reader, &node, name) : NO_COLUMN;
}

/* A string, or {"column": name}. */
static void read_text_rule(struct reader *reader, const struct node *node, struct text_rule *rule)
{
	*rule = (struct text_rule){ .column = NO_COLUMN };
	if (node->json == NULL)
		return;
	rule->given = true;
	if (!json_is_object(node->json))
		read_text(reader, node, 1, "a constant, or {\"column\": its name}", rule->constant);
	else if (check_object(reader, node, "column"))
		rule->column = read_column(reader, node, "column");
}

/* One byte of printable ASCII or a tab. */
static int read_byte(struct reader *reader, const struct node *node, const char *expected)
{
	const char *text = json_string_value(node->json);
	if (text != NULL && json_string_length(node->json) == 1 &&
	    (text[0] == '\t' || (text[0] >= ' ' && text[0] < 0x7f)))
		return text[0];
	fail_type(reader, node, expected);
	return 0;
}

static void read_given_columns(struct reader *reader, const struct node *node)
{
	struct mapping *mapping = reader->mapping;
	size_t count = json_array_size(node->json);
	if (!json_is_array(node->json) || count == 0 || count > CSV_FIELD_COUNT_MAX) {
		fail(reader, node, "expected a list of 1 to %d names of columns",
		     CSV_FIELD_COUNT_MAX);
		return;
	}
	mapping->given_count = count;
	mapping->given_columns = check_calloc(count, sizeof *mapping->given_columns);
	for (size_t i = 0; i < count; i++) {
		struct node name = item(node, i);
		read_text(reader, &name, 1, "the name of a column", mapping->given_columns[i]);
	}
}

static void read_csv(struct reader *reader, const struct node *node)
{
	static const char *const encodings[] = { "utf-8", "latin-1", NULL };
	struct mapping *mapping = reader->mapping;
	mapping->csv = (struct csv_options){ .delimiter = ',', .quote = '"' };
	mapping->has_header = true;
	mapping->is_csv = node->json != NULL;
	if (node->json == NULL || !check_object(reader, node, "delimiter quote columns encoding"))
		return;
	struct node delimiter = child(node, "delimiter");
	if (json_is_string(delimiter.json) &&
	    strcmp(json_string_value(delimiter.json), "whitespace") == 0)
		mapping->csv.delimiter = CSV_WHITESPACE;
	else if (delimiter.json != NULL)
		mapping->csv.delimiter =
			read_byte(reader, &delimiter, "one character, or \"whitespace\"");
	struct node quote = child(node, "quote");
	if (json_is_string(quote.json) && json_string_length(quote.json) == 0)
		mapping->csv.quote = CSV_NO_QUOTE;
	else if (quote.json != NULL)
		mapping->csv.quote =
			read_byte(reader, &quote, "one character, or \"\" where nothing is quoted");
	if (mapping->csv.quote == mapping->csv.delimiter)
		fail(reader, &quote, "expected another character than the delimiter");
	struct node columns = child(node, "columns");
	mapping->has_header = columns.json == NULL;
	if (columns.json != NULL)
		read_given_columns(reader, &columns);
	mapping->encoding = (enum text_encoding)read_choice(reader, node, "encoding", encodings,
							    TEXT_UTF8, "\"utf-8\" or \"latin-1\"");
}

static bool read_flag(struct reader *reader, const struct node *parent, const char *key)
{
	struct node node = child(parent, key);
	if (node.json != NULL && !json_is_boolean(node.json))
		fail_type(reader, &node, "true or false");
	return json_is_true(node.json);
}

static void read_case(struct reader *reader, const struct node *node, struct type_case *rule)
{
	if (!check_object(reader, node, "begins_with equals type return reject"))
		return;
	struct node begins = child(node, "begins_with"), equals = child(node, "equals");
	if ((begins.json == NULL) == (equals.json == NULL))
		fail(reader, node, "expected either \"begins_with\" or \"equals\"");
	rule->match = begins.json != NULL ? MATCH_BEGINS_WITH : MATCH_EQUALS;
	read_text(reader, begins.json != NULL ? &begins : &equals, begins.json != NULL, "a text",
		  rule->text);
	read_optional(reader, node, "type", "a type such as \"erp.order\"", rule->type);
	read_optional(reader, node, "reject", "the reason for which such rows go to dlq",
		      rule->reject);
	if ((rule->type[0] == '\0') == (rule->reject[0] == '\0'))
		fail(reader, node, "expected either \"type\" or \"reject\"");
	rule->is_return = read_flag(reader, node, "return");
}

static void read_type(struct reader *reader, const struct node *node)
{
	struct type_rule *rule = &reader->mapping->type_rule;
	rule->column = NO_COLUMN;
	if (json_is_string(node->json)) {
		read_text(reader, node, 1, "a type", rule->otherwise);
		check_len(reader, node, "a type", rule->otherwise);
		return;
	}
	if (!check_object(reader, node, "column rules otherwise"))
		return;
	rule->column = read_column(reader, node, "column");
	read_optional(reader, node, "otherwise", "a type such as \"erp.order\"", rule->otherwise);
	check_len(reader, node, "a type", rule->otherwise);
	struct node rules = child(node, "rules");
	rule->case_count = json_array_size(rules.json);
	if (!json_is_array(rules.json) || rule->case_count == 0 ||
	    rule->case_count > MAPPING_RULES_MAX) {
		fail(reader, &rules, "expected a list of 1 to %d rules", MAPPING_RULES_MAX);
		return;
	}
	for (size_t i = 0; i < rule->case_count; i++) {
		struct node one = item(&rules, i);
		read_case(reader, &one, &rule->cases[i]);
		check_len(reader, &one, "a type", rule->cases[i].type);
	}
}

static void read_subject(struct reader *reader, const struct node *node)
{
	struct subject_rule *rule = &reader->mapping->subject;
	if (!check_object(reader, node, "column prefix strip_suffix otherwise scheme"))
		return;
	read_optional(reader, node, "scheme", "a scheme such as \"erp.customer\"", rule->scheme);
	check_len(reader, node, "a scheme", rule->scheme);
	rule->column = read_column(reader, node, "column");
	read_optional(reader, node, "prefix", "a text", rule->prefix);
	read_optional(reader, node, "strip_suffix", "a text", rule->strip_suffix);
	read_optional(reader, node, "otherwise", "the subject of rows without one",
		      rule->otherwise);
}

static void read_time(struct reader *reader, const struct node *node, const char *allowed,
		      struct time_rule *rule)
{
	if (!check_object(reader, node, allowed))
		return;
	rule->column = read_column(reader, node, "column");
	struct node format = child(node, "format"), zone = child(node, "zone");
	read_text(reader, &format, 1, "a time format", rule->format_text);
	read_optional(reader, node, "zone", "the name of a time zone", rule->zone_name);
	if (zone.json == NULL)
		snprintf(rule->zone_name, sizeof rule->zone_name, "UTC");
	if (reader->err != NULL)
		return;
	struct err *err = time_format_init(rule->format_text, &rule->format);
	if (err != NULL) {
		reader->err = err_wrap(err, "%s: %s", reader->mapping->name, format.path);
		return;
	}
	err = time_zone_open(rule->zone_name, &rule->zone);
	if (err != NULL)
		reader->err = err_wrap(err, "%s: %s", reader->mapping->name, zone.path);
}

static bool is_currency(const char *text)
{
	return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static void read_amount(struct reader *reader, const struct node *node)
{
	static const char *const signs[] = { "by_type", "as_given", NULL };
	struct amount_rule *rule = &reader->mapping->amount;
	*rule = (struct amount_rule){ .times = NO_COLUMN, .scale = 2, .syntax = { .point = '.' } };
	if (node->json == NULL ||
	    !check_object(reader, node,
			  "column times scale point thousands currency sign optional"))
		return;
	rule->given = true;
	rule->optional = read_flag(reader, node, "optional");
	rule->column = read_column(reader, node, "column");
	struct node times = child(node, "times"), scale = child(node, "scale");
	if (times.json != NULL)
		rule->times = read_column(reader, node, "times");
	json_int_t digits = scale.json == NULL ? rule->scale : json_integer_value(scale.json);
	if ((scale.json != NULL && !json_is_integer(scale.json)) || digits < 0 ||
	    digits > DECIMAL_SCALE_MAX)
		fail(reader, &scale, "expected the digits of the minor unit, 0 to %d",
		     DECIMAL_SCALE_MAX);
	else
		rule->scale = (int)digits;
	struct node point = child(node, "point"), thousands = child(node, "thousands");
	if (point.json != NULL)
		rule->syntax.point = (char)read_byte(reader, &point, "one character");
	if (thousands.json != NULL)
		rule->syntax.thousands = (char)read_byte(reader, &thousands, "one character");
	if (strchr("0123456789+-", rule->syntax.point) != NULL ||
	    rule->syntax.thousands == rule->syntax.point)
		fail(reader, node,
		     "expected \"point\" and \"thousands\" to differ from each other "
		     "and from digits and signs");
	struct node currency = child(node, "currency");
	if (currency.json == NULL)
		fail_type(reader, &currency,
			  "a currency such as \"USD\", or {\"column\": its name}");
	read_text_rule(reader, &currency, &rule->currency);
	if (rule->currency.column == NO_COLUMN && !is_currency(rule->currency.constant))
		fail_type(reader, &currency, "a currency of three capitals, such as \"USD\"");
	rule->sign_as_given =
		read_choice(reader, node, "sign", signs, 0, "\"by_type\" or \"as_given\"") == 1;
}

/* A column that may be said to be optional. */
static int read_measure(struct reader *reader, const struct node *node, bool *optional)
{
	if (node->json == NULL || !check_object(reader, node, "column optional"))
		return NO_COLUMN;
	*optional = read_flag(reader, node, "optional");
	return read_column(reader, node, "column");
}

/* {"column": name}, or NO_COLUMN where the key is not there. */
static int read_plain_column(struct reader *reader, const struct node *node)
{
	if (node->json == NULL || !check_object(reader, node, "column"))
		return NO_COLUMN;
	return read_column(reader, node, "column");
}

/* An object of columns, each with what it is called in the event. */
static size_t read_named(struct reader *reader, const struct node *node, size_t count_max,
			 bool once, struct named_rule *rules)
{
	const char *name;
	json_t *value;
	size_t count = 0;
	if (node->json == NULL)
		return 0;
	if (!json_is_object(node->json) || json_object_size(node->json) > count_max) {
		fail(reader, node, "expected an object of at most %zu columns", count_max);
		return 0;
	}
	json_object_foreach((json_t *)node->json, name, value) {
		struct named_rule *rule = &rules[count++];
		struct node one = child(node, name);
		if (strlen(name) == 0 || strlen(name) > MAPPING_TEXT_MAX)
			fail(reader, &one, "expected a column's name of 1 to %d bytes",
			     MAPPING_TEXT_MAX);
		read_text(reader, &one, 1, "the name of the attribute", rule->key);
		check_len(reader, &one, "a name", rule->key);
		for (size_t i = 0; once && i + 1 < count; i++)
			if (strcmp(rules[i].key, rule->key) == 0)
				fail(reader, &one, "the attribute \"%s\" is given twice",
				     rule->key);
		if (reader->err != NULL)
			return 0;
		rule->column = use_column(reader, &one, name);
	}
	return count;
}

/* ---- payloads ---- */

static void read_payload_field(struct reader *reader, const struct node *node,
			       struct payload_rule *rule)
{
	const bool is_long = rule->field->kind == FIELD_LONG;
	struct node scale = child(node, "scale"), constant = child(node, "constant");
	rule->scale = -1;
	rule->text = (struct text_rule){ .column = NO_COLUMN, .given = true };
	if (json_is_string(node->json)) {
		mapping_text name = "";
		read_text(reader, node, 1, "the name of a column", name);
		if (reader->err == NULL)
			rule->text.column = use_column(reader, node, name);
		return;
	}
	if (!check_object(reader, node, "column constant format zone scale"))
		return;
	if (constant.json != NULL) {
		read_text(reader, &constant, 1, "a constant", rule->text.constant);
		return;
	}
	rule->is_time = is_long && child(node, "format").json != NULL;
	if (rule->is_time) {
		read_time(reader, node, "column constant format zone scale", &rule->time);
		rule->text.column = rule->time.column;
		return;
	}
	rule->text.column = read_column(reader, node, "column");
	if (scale.json == NULL)
		return;
	json_int_t digits = json_integer_value(scale.json);
	if (!is_long || !json_is_integer(scale.json) || digits < 0 || digits > DECIMAL_SCALE_MAX)
		fail(reader, &scale,
		     "expected the digits of the minor unit, 0 to %d, for an amount",
		     DECIMAL_SCALE_MAX);
	rule->scale = (int)digits;
}

static void read_block(struct reader *reader, const struct node *node, const struct field *block)
{
	struct mapping *mapping = reader->mapping;
	const char *name;
	json_t *value;
	if (!json_is_object(node->json)) {
		fail_type(reader, node, "an object of the block's fields");
		return;
	}
	json_object_foreach((json_t *)node->json, name, value) {
		struct node one = child(node, name);
		const struct field *field = NULL;
		for (size_t i = 0; i < block->type->field_count; i++)
			if (strcmp(block->type->fields[i].name, name) == 0)
				field = &block->type->fields[i];
		if (field == NULL)
			fail(reader, &one, "the block %s has no such field", block->name);
		if (mapping->payload_count == MAPPING_FIELDS_MAX)
			fail(reader, &one, "expected at most %d fields of payloads",
			     MAPPING_FIELDS_MAX);
		if (reader->err != NULL)
			return;
		struct payload_rule *rule = &mapping->payload[mapping->payload_count++];
		rule->block = block;
		rule->field = field;
		read_payload_field(reader, &one, rule);
	}
	for (size_t i = 0; i < block->type->field_count; i++)
		if (!block->type->fields[i].optional &&
		    json_object_get(node->json, block->type->fields[i].name) == NULL)
			fail(reader, node, "expected \"%s\", which the block can't be without",
			     block->type->fields[i].name);
}

static void read_payload(struct reader *reader, const struct node *node)
{
	const struct record_type *type = reader->mapping->type;
	const char *name;
	json_t *value;
	if (node->json == NULL || type == NULL)
		return;
	if (!json_is_object(node->json)) {
		fail_type(reader, node, "an object of blocks, such as {\"order\": {...}}");
		return;
	}
	json_object_foreach((json_t *)node->json, name, value) {
		struct node one = child(node, name);
		const struct field *block = event_block_field(type, name);
		if (block == NULL)
			fail(reader, &one, "the payload of the schema %s has no such block",
			     type->name);
		else
			read_block(reader, &one, block);
	}
}

/* A key whose field the schema lacks would vanish silently: refused. */
static void check_field(struct reader *reader, const struct node *root, const char *key,
			size_t offset)
{
	const struct record_type *type = reader->mapping->type;
	struct node node = child(root, key);
	if (node.json == NULL || type == NULL)
		return;
	for (size_t i = 0; i < type->field_count; i++)
		if (type->fields[i].offset == offset)
			return;
	fail(reader, &node, "the schema %s has no such field", type->name);
}

static void read_schema(struct reader *reader, const struct node *root)
{
	static const char expected[] = "\"erp_event\", \"crm_event\", \"iot_event\", "
				       "\"marketing_event\", \"support_event\", "
				       "\"content_event\" or \"market_event\"";
	struct node node = child(root, "schema");
	const char *names[EVENT_SOURCE_COUNT + 1] = { NULL };
	for (size_t i = 0; i < EVENT_SOURCE_COUNT; i++)
		names[i] = event_sources[i].schema->name;
	if (node.json == NULL)
		fail_type(reader, &node, expected);
	int index = read_choice(reader, root, "schema", names, 0, expected);
	reader->mapping->type = event_sources[index].schema;
	check_field(reader, root, "amount", offsetof(struct source_event, amount_minor));
	check_field(reader, root, "quantity", offsetof(struct source_event, quantity));
	check_field(reader, root, "value", offsetof(struct source_event, value));
	check_field(reader, root, "name", offsetof(struct source_event, name));
	check_field(reader, root, "unit", offsetof(struct source_event, unit));
	check_field(reader, root, "attributes", offsetof(struct source_event, attrs));
}

static void read_root(struct reader *reader, const struct node *root)
{
	static const char *const orders[] = { "file", "time", NULL };
	static const char *const ends[] = { "last_event", "next_day", NULL };
	struct mapping *mapping = reader->mapping;
	if (!check_object(reader, root,
			  "description topic schema source csv type subject time amount quantity "
			  "value name unit attributes order_by end id trace_id data_version "
			  "identifiers payload"))
		return;
	read_schema(reader, root);
	struct node topic = child(root, "topic"), source = child(root, "source");
	read_text(reader, &topic, 1, "the name of the target topic", mapping->topic);
	read_text(reader, &source, 1, "the name of the source", mapping->source);
	check_len(reader, &source, "a name", mapping->source);
	struct node csv = child(root, "csv"), type = child(root, "type");
	struct node subject = child(root, "subject"), time = child(root, "time");
	struct node amount = child(root, "amount"), quantity = child(root, "quantity");
	struct node value = child(root, "value"), name = child(root, "name");
	struct node unit = child(root, "unit"), attributes = child(root, "attributes");
	struct node identifiers = child(root, "identifiers"), payload = child(root, "payload");
	struct node id = child(root, "id"), trace_id = child(root, "trace_id");
	struct node data_version = child(root, "data_version");
	read_csv(reader, &csv);
	read_type(reader, &type);
	read_subject(reader, &subject);
	read_time(reader, &time, "column format zone", &mapping->time);
	read_amount(reader, &amount);
	mapping->quantity = read_measure(reader, &quantity, &mapping->quantity_optional);
	mapping->value = read_measure(reader, &value, &mapping->value_optional);
	read_text_rule(reader, &name, &mapping->label);
	read_text_rule(reader, &unit, &mapping->unit);
	check_len(reader, &unit, "a unit", mapping->unit.constant);
	mapping->attribute_count =
		read_named(reader, &attributes, ATTR_COUNT_MAX, true, mapping->attributes);
	mapping->identifier_count =
		read_named(reader, &identifiers, MAPPING_RULES_MAX, false, mapping->identifiers);
	mapping->id = read_plain_column(reader, &id);
	mapping->trace_id = read_plain_column(reader, &trace_id);
	read_text_rule(reader, &data_version, &mapping->data_version);
	read_payload(reader, &payload);
	mapping->order_by_time =
		read_choice(reader, root, "order_by", orders, 0, "\"file\" or \"time\"") == 1;
	mapping->end_at_next_day =
		read_choice(reader, root, "end", ends, 0, "\"last_event\" or \"next_day\"") == 1;
}

struct err *mapping_read(struct bytes json, struct mapping *mapping)
{
	struct reader reader = { .mapping = mapping };
	json_error_t error;
	json_t *document =
		json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL)
		return err_new(ERR_FATAL, "MAPPING_FILE", "%s: line %d, column %d: not JSON: %s",
			       mapping->name, error.line, error.column, error.text);
	struct node root = { .json = document, .path = "$" };
	read_root(&reader, &root);
	json_decref(document);
	return reader.err;
}
