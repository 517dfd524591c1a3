/* Whether schemas are compatible: Avro's resolution rules one by one, and foretell's own schemas.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "schemas/compat.h"
#include "schemas/record_plan.h"
#include "schemas/texts.h"

#define RECORD(fields)	  "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_DEFAULT(name, type, value) \
	"{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define ONE(type) RECORD(FIELD("a", type))

static void compare(const char *reader, const char *writer, struct compat *compat)
{
	struct schema *schemas[2];
	const struct schema_node *roots[2];
	const char *texts[2] = { reader, writer };
	for (size_t i = 0; i < 2; i++) {
		struct err *err = schema_parse(texts[i], &schemas[i], &roots[i]);
		if (err != NULL)
			fail_msg("%s: %s", texts[i], err_text(err));
	}
	compat_check(roots[0], roots[1], compat);
	schema_free(&schemas[0]);
	schema_free(&schemas[1]);
}

static void each_rule_holds(void **state)
{
	(void)state;
	static const struct {
		const char *reader, *writer;
		const char *path; /* of the one fault; NULL: compatible */
		const char *what;
	} rows[] = {
		{ ONE("\"long\""), ONE("\"int\""), NULL, NULL },
		{ ONE("\"double\""), ONE("\"long\""), NULL, NULL },
		{ ONE("\"double\""), ONE("\"float\""), NULL, NULL },
		{ ONE("\"bytes\""), ONE("\"string\""), NULL, NULL },
		{ ONE("\"int\""), ONE("\"long\""), "a", "long" },
		{ ONE("\"long\""), ONE("\"double\""), "a", "double" },
		{ ONE("\"string\""), ONE("\"int\""), "a", "int" },
		{ ONE("\"boolean\""), ONE("\"null\""), "a", "null" },
		/* unions */
		{ ONE("[\"null\",\"long\"]"), ONE("\"int\""), NULL, NULL },
		{ ONE("[\"null\",\"long\"]"), ONE("[\"long\",\"null\"]"), NULL, NULL },
		{ ONE("\"long\""), ONE("[\"null\",\"long\"]"), "a", "null" },
		{ ONE("[\"null\",\"int\"]"), ONE("\"string\""), "a", "no branch" },
		{ ONE("[\"null\",\"int\"]"), ONE("[\"null\",\"int\",\"string\"]"), "a", "string" },
		/* fields */
		{ RECORD(FIELD("a", "\"int\"") "," FIELD_DEFAULT("b", "\"int\"", "1")),
		  ONE("\"int\""), NULL, NULL },
		{ RECORD(FIELD("a", "\"int\"") "," FIELD("b", "\"int\"")), ONE("\"int\""), "b",
		  "no default" },
		{ RECORD("{\"name\":\"b\",\"aliases\":[\"a\"],\"type\":\"int\"}"), ONE("\"int\""),
		  NULL, NULL },
		/* nested */
		{ ONE("{\"type\":\"array\",\"items\":\"long\"}"),
		  ONE("{\"type\":\"array\",\"items\":\"int\"}"), NULL, NULL },
		{ ONE("{\"type\":\"map\",\"values\":\"int\"}"),
		  ONE("{\"type\":\"map\",\"values\":\"string\"}"), "a", "string" },
		{ ONE("{\"type\":\"map\",\"values\":\"int\"}"),
		  ONE("{\"type\":\"array\",\"items\":\"int\"}"), "a", "array" },
		{ ONE("{\"type\":\"record\",\"name\":\"N\",\"fields\":[" FIELD("x",
									       "\"int\"") "]}"),
		  ONE("{\"type\":\"record\",\"name\":\"N\",\"fields\":[" FIELD("x",
									       "\"long\"") "]}"),
		  "a.x", "long" },
		{ ONE("{\"type\":\"record\",\"name\":\"N\",\"fields\":[]}"),
		  ONE("{\"type\":\"record\",\"name\":\"M\",\"fields\":[]}"), "a", "M" },
		{ ONE("{\"type\":\"record\",\"name\":\"N\",\"aliases\":[\"M\"],\"fields\":[]}"),
		  ONE("{\"type\":\"record\",\"name\":\"M\",\"fields\":[]}"), NULL, NULL },
		/* enums and fixed */
		{ ONE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}"),
		  ONE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"B\"]}"), NULL, NULL },
		{ ONE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}"),
		  ONE("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"C\"]}"), "a", "C" },
		{ ONE("{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}"),
		  ONE("{\"type\":\"fixed\",\"name\":\"F\",\"size\":5}"), "a", "size" },
		/* a type within itself ends */
		{ RECORD(FIELD("next", "[\"null\",\"R\"]")),
		  RECORD(FIELD("next", "[\"null\",\"R\"]")), NULL, NULL },
	};
	struct compat *compat = check_malloc(sizeof *compat);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		compare(rows[i].reader, rows[i].writer, compat);
		if (rows[i].path == NULL && compat->fault_count != 0)
			fail_msg("row %zu: %s: %s", i, compat->faults[0].path,
				 compat->faults[0].what);
		if (rows[i].path == NULL)
			continue;
		assert_int_equal(compat->fault_count, 1);
		assert_string_equal(compat->faults[0].path, rows[i].path);
		assert_non_null(strstr(compat->faults[0].what, rows[i].what));
	}
	free(compat);
}

static void a_renamed_field_is_told(void **state)
{
	(void)state;
	struct compat *compat = check_malloc(sizeof *compat);
	compare(RECORD(FIELD_DEFAULT("after", "\"int\"", "0")), RECORD(FIELD("before", "\"int\"")),
		compat);
	assert_int_equal(compat->fault_count, 0);
	assert_int_equal(compat->unread_count, 1);
	assert_string_equal(compat->unread[0], "before");
	free(compat);
}

static void many_faults_are_bounded(void **state)
{
	(void)state;
	char *reader = check_malloc(SCHEMA_TEXT_MAX), *at = reader;
	at += snprintf(at, 64, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
	for (int i = 0; i < 2 * COMPAT_FAULTS_MAX; i++)
		at += snprintf(at, 64, "%s{\"name\":\"f%d\",\"type\":\"int\"}", i ? "," : "", i);
	snprintf(at, 3, "]}");
	struct compat *compat = check_malloc(sizeof *compat);
	compare(reader, RECORD(""), compat);
	assert_int_equal(compat->fault_count, COMPAT_FAULTS_MAX);
	assert_true(compat->has_more);
	free(compat);
	free(reader);
}

/* Every earlier version goes on to be read, and goes on to read. */
/* What nobody asks any more: the hours of a name's fingerprints tell which is the oldest. */
static const char *const retired[] = { "recent_next" };

static void expect_all_read(const struct compat *compat)
{
	for (size_t i = 0; i < compat->unread_count; i++) {
		bool known = false;
		assert_true(i < COMPAT_FAULTS_MAX);
		for (size_t j = 0; j < sizeof retired / sizeof retired[0]; j++)
			known |= strcmp(compat->unread[i], retired[j]) == 0;
		if (!known)
			fail_msg("%s is read no more", compat->unread[i]);
	}
}

static void own_versions_are_compatible(void **state)
{
	(void)state;
	size_t compared = 0;
	struct compat *compat = check_malloc(sizeof *compat);
	for (size_t i = 0; i < schema_text_count; i++) {
		const char *version = strstr(schema_texts[i].name, "_v");
		if (version == NULL)
			continue;
		char name[64];
		snprintf(name, sizeof name, "%.*s", (int)(version - schema_texts[i].name),
			 schema_texts[i].name);
		const char *current = record_own_text(name);
		assert_non_null(current);
		compare(current, schema_texts[i].text, compat);
		assert_int_equal(compat->fault_count, 0);
		expect_all_read(compat);
		compare(schema_texts[i].text, current, compat);
		assert_int_equal(compat->fault_count, 0);
		compared++;
	}
	assert_true(compared >= 5);
	free(compat);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* A field of an event that sources write says its unit, and what it means where it is absent. */
static void expect_event_doc(const char *schema, const char *name, const char *doc, bool optional)
{
	static const struct {
		const char *end, *word;
	} units[] = { { "_ms", "milliseconds" },    { "_s", "seconds" },
		      { "_minor", "minor units" },  { "_percent", "per cent" },
		      { "_kwh", "kilowatt hours" }, { "_kw", "kilowatts" },
		      { "_kg", "kilograms" },	    { "_days", "ays" } };
	if (optional && strstr(doc, "Null") == NULL)
		fail_msg("%s: %s may be null, and doesn't say what that means", schema, name);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (ends_with(name, units[i].end) && strstr(doc, units[i].word) == NULL)
			fail_msg("%s: %s doesn't say %s", schema, name, units[i].word);
}

/* Each field of each schema says what it means. */
static void expect_docs(const char *name, const json_t *json)
{
	const char *key;
	json_t *value;
	size_t index;
	if (json_is_array(json)) {
		json_array_foreach((json_t *)json, index, value)
			expect_docs(name, value);
		return;
	}
	if (!json_is_object(json))
		return;
	const json_t *fields = json_object_get(json, "fields");
	json_array_foreach((json_t *)fields, index, value) {
		const char *field = json_string_value(json_object_get(value, "name"));
		const char *doc = json_string_value(json_object_get(value, "doc"));
		if (doc == NULL || doc[0] == '\0')
			fail_msg("%s: field %s has no doc", name, field);
		else if (strstr(name, "_event") != NULL)
			expect_event_doc(name, field, doc,
					 json_is_array(json_object_get(value, "type")));
	}
	json_object_foreach((json_t *)json, key, value)
		expect_docs(name, value);
}

static void every_field_has_its_doc(void **state)
{
	(void)state;
	for (size_t i = 0; i < schema_text_count; i++) {
		json_t *json = json_loads(schema_texts[i].text, 0, NULL);
		assert_non_null(json);
		expect_docs(schema_texts[i].name, json);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_holds),
		cmocka_unit_test(a_renamed_field_is_told),
		cmocka_unit_test(many_faults_are_bounded),
		cmocka_unit_test(own_versions_are_compatible),
		cmocka_unit_test(every_field_has_its_doc),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("compat", tests, NULL, NULL);
}
