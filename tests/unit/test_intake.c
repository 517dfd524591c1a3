/* What doors take in: the table of event types against the schemas, JSON against field tables,
 * signatures by a published vector, allowances, and what was taken lately. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "producers/door_keys.h"
#include "producers/recent_ids.h"
#include "schemas/event_types.h"
#include "schemas/record_json.h"
#include "schemas/record_plan.h"
#include "schemas/types.h"
#include "schemas/value_json.h"

enum { OUT_MAX = 64 * 1024, WINDOW_S = SIGNATURE_WINDOW_S };

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void test_types_have_their_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < event_type_count; i++) {
		const struct event_type *type = &event_types[i];
		assert_ptr_equal(event_type_find(bytes_str(type->name)), type);
		assert_non_null(event_source_of(type->schema));
		/* the schema's own words begin with the source's or, of marketing, the product's */
		const char *text = record_own_text(type->schema->name);
		if (type->block != NULL && event_block_field(type->schema, type->block) == NULL)
			fail_msg("%s: %s has no block %s", type->name, type->schema->name,
				 type->block);
		if (strstr(text, strrchr(type->name, '.')) == NULL)
			fail_msg("%s is not told of by %s", type->name, type->schema->name);
	}
	/* and every block belongs to some type */
	for (size_t s = 0; s < EVENT_SOURCE_COUNT; s++) {
		const struct record_type *payload =
			event_payload_field(event_sources[s].schema)->type;
		for (size_t b = 0; b < payload->field_count; b++) {
			bool used = false;
			for (size_t i = 0; i < event_type_count; i++)
				used = used ||
				       (event_types[i].schema == event_sources[s].schema &&
					event_types[i].block != NULL &&
					strcmp(event_types[i].block, payload->fields[b].name) == 0);
			if (!used)
				fail_msg("nobody has the block %s", payload->fields[b].name);
		}
	}
	assert_string_equal(event_type_nearest(bytes_str("erp.ordr")), "erp.order");
	assert_ptr_equal(event_source_find("eu.crm.events")->schema, &crm_event_type);
	assert_null(event_source_find("xcrm.events"));
}

/* Every field of every schema, set: as JSON and back it encodes to the same bytes. */
static void fill(const struct record_type *type, uint8_t *record)
{
	for (size_t i = 0; i < type->field_count; i++) {
		const struct field *field = &type->fields[i];
		uint8_t *at = record + field->offset;
		struct attr *attr = (struct attr *)(void *)at;
		if (field->optional && field->kind != FIELD_STRING)
			*(bool *)(void *)(record + field->has_offset) = true;
		switch (field->kind) {
		case FIELD_STRING: *(struct bytes *)(void *)at = bytes_str(field->name); break;
		case FIELD_LONG:
			*(int64_t *)(void *)at = INT64_C(1717149600000) + (int64_t)i;
			break;
		case FIELD_DOUBLE: *(double *)(void *)at = (double)i + 0.1; break;
		case FIELD_RECORD: fill(field->type, at); break;
		case FIELD_MAP:
			*attr = (struct attr){ bytes_str("k\xc3\xb8"), bytes_str("v") };
			*(size_t *)(void *)(record + field->count_offset) = 1;
			break;
		case FIELD_ARRAY:
			fill(field->type, at);
			*(size_t *)(void *)(record + field->count_offset) = 1;
			break;
		default: fail_msg("%s: a kind that no source has", field->name);
		}
	}
}

static void test_json_round_trip(void **state)
{
	(void)state;
	for (size_t s = 0; s < EVENT_SOURCE_COUNT; s++) {
		const struct record_type *type = event_sources[s].schema;
		uint8_t *first = check_malloc(OUT_MAX), *second = check_malloc(OUT_MAX);
		struct source_event *event = check_calloc(1, sizeof *event);
		struct source_event *again = check_malloc(sizeof *again);
		char path[RECORD_JSON_PATH_MAX];
		size_t first_len, second_len, used;
		struct schema *schema;
		const struct schema_node *root;
		json_t *json;
		memset(again, 0xa5, sizeof *again); /* what is absent must be set so */
		fill(type, (uint8_t *)event);
		expect_ok(record_encode(type, event, first, OUT_MAX, &first_len));
		expect_ok(schema_parse(record_own_text(type->name), &schema, &root));
		expect_ok(value_to_json(root, bytes_of(first, first_len), &used, &json));
		expect_ok(record_from_json(type, json, NULL, again, path));
		expect_ok(record_encode(type, again, second, OUT_MAX, &second_len));
		assert_int_equal(second_len, first_len);
		assert_memory_equal(first, second, first_len);
		json_decref(json);
		schema_free(&schema);
		free(again);
		free(event);
		free(second);
		free(first);
	}
}

/* Source: the example of the Standard Webhooks' reference libraries. */
static void test_signature_vector(void **state)
{
	static const char body[] = "{\"test\": 2432232314}";
	const struct signed_request request = { "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
						"v1,AAAA v2,x "
						"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
						bytes_str(body) };
	struct signed_request other = request;
	uint8_t secret[SIGNATURE_SECRET_MAX];
	size_t len;
	(void)state;
	assert_true(signature_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", secret, &len));
	assert_int_equal(len, 24);
	struct bytes key = bytes_of(secret, len);
	assert_null(signature_check(key, &request, 1614265330));
	assert_null(signature_check(key, &request, 1614265330 + WINDOW_S));
	assert_non_null(signature_check(key, &request, 1614265330 + WINDOW_S + 1));
	assert_non_null(signature_check(key, &request, 1614265330 - WINDOW_S - 1));
	other.body.len--;
	assert_non_null(signature_check(key, &other, 1614265330));
	other = request;
	other.id = "msg_p5jXN8AQM9LWM0D4loKWxJeK";
	assert_non_null(signature_check(key, &other, 1614265330));
	other = request;
	other.timestamp = "1614265331";
	assert_non_null(signature_check(key, &other, 1614265330));
	other.timestamp = "1614265330x";
	assert_non_null(signature_check(key, &other, 1614265330));
	other.timestamp = NULL;
	assert_non_null(signature_check(key, &other, 1614265330));
	secret[0] ^= 1;
	assert_non_null(signature_check(key, &request, 1614265330));
	assert_false(signature_secret("whsec_AAAA", secret, &len));
	assert_false(signature_secret("whsec_!!!!MfKQ9r8GKYqrTwjUPD8ILPZIo2La", secret, &len));
}

static void test_allowance(void **state)
{
	const char *why;
	struct door_keys *keys;
	(void)state;
	expect_ok(door_keys_parse("k",
				  bytes_str("{\"a\":{\"token\":\"0123456789abcdef\","
					    "\"events_per_second\":10}}"),
				  1000, &keys));
	struct door_key *key = door_key_of_token(keys, "Bearer 0123456789abcdef", &why);
	assert_non_null(key);
	assert_null(door_key_of_token(keys, "Bearer 0123456789abcdeF", &why));
	assert_null(door_key_of_token(keys, "bearer", &why));
	assert_int_equal(door_key_take(key, 6, 1000), 0);
	assert_int_equal(door_key_take(key, 4, 1000), 0);
	assert_in_range(door_key_take(key, 1, 1000), 100, 101);
	assert_int_equal(door_key_take(key, 1, 1100), 0);
	/* more than a second's worth, when the allowance is full: then it is owed */
	assert_int_equal(door_key_take(key, 25, 9000), 0);
	assert_in_range(door_key_take(key, 1, 9000), 1600, 1601);
	assert_int_equal(door_key_take(key, 1, 10601), 0);
	door_keys_free(&keys);
}

static void test_recent_ids(void **state)
{
	struct recent_ids *ids = recent_ids_new();
	char text[32];
	(void)state;
	struct recent_id one = recent_id_of(bytes_str("a"), bytes_str("bc"));
	struct recent_id other = recent_id_of(bytes_str("ab"), bytes_str("c"));
	recent_ids_add(ids, &one, 1000);
	assert_true(recent_ids_has(ids, &one, 1000 + RECENT_WINDOW_MS - 1));
	assert_false(recent_ids_has(ids, &one, 1000 + RECENT_WINDOW_MS));
	assert_false(recent_ids_has(ids, &other, 1000));
	size_t kept = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 0; i < RECENT_COUNT_MAX / 2; i++) {
			snprintf(text, sizeof text, "%d", i);
			struct recent_id id = recent_id_of(bytes_str("s"), bytes_str(text));
			if (pass == 0)
				recent_ids_add(ids, &id, 2000 + i);
			else
				kept += recent_ids_has(ids, &id, 2000 + RECENT_COUNT_MAX);
		}
	}
	/* half full, nearly none has lost its place */
	assert_in_range(kept, RECENT_COUNT_MAX / 2 * 97 / 100, RECENT_COUNT_MAX / 2);
	recent_ids_free(&ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types_have_their_blocks),
		cmocka_unit_test(test_json_round_trip),
		cmocka_unit_test(test_signature_vector),
		cmocka_unit_test(test_allowance),
		cmocka_unit_test(test_recent_ids),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
