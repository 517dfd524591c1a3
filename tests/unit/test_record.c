/* Field tables against an independent Avro: what avro-c writes is read equal, what is written is
 * read equal by avro-c; writers that differ; bytes that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <avro.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/utf8.h"
#include "schemas/record_plan.h"
#include "schemas/identity.h"
#include "schemas/states.h"
#include "schemas/supply.h"

enum { OUT_MAX = 64 * 1024, RECORD_SIZE_MAX = 65536, SEED = 20261123 };

static const struct record_type *const types[] = {
	&erp_event_type,     &crm_event_type,	      &iot_event_type,	   &marketing_event_type,
	&support_event_type, &content_event_type,     &market_event_type,  &control_type,
	&account_event_type, &series_point_type,      &alert_type,	   &score_type,
	&forecast_type,	     &forecast_accuracy_type, &resolve_input_type, &series_totals_type,
	&series_state_type,  &series_part_type,	      &level_type,
	&account_record_type,    &identity_note_type, &identity_name_type, &identity_seen_type,
	&identity_waiting_type, &identity_block_type, &identity_suggestion_type,
	&account_change_type, &identity_decision_type, &identity_erased_type,
	&example_type, &lesson_type, &model_type, &gathered_type, &learner_record_type,
	&region_record_type, &model_shelf_type,
	&supply_type, &supply_record_type, &allocation_type, &series_definitions_type,
	&series_shelf_type,
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* ---- small tools ---- */

static void expect_ok(struct err *err)
{
	if (err)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_code(struct err *err, enum err_verdict verdict, const char *code,
			const char *mentions)
{
	if (err == NULL)
		fail_msg("%s was expected, but it went well", code);
	if (strcmp(err_code(err), code) != 0 || err_verdict(err) != verdict ||
	    (mentions && !strstr(err_text(err), mentions)))
		fail_msg("%s (%s) was expected: %s: %s", code, mentions ? mentions : "",
			 err_code(err), err_text(err));
	err_free(&err);
}

/* splitmix64: the same values on every machine for a seed. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A copy that ends where its allocation ends, so that a sanitizer sees one byte too far. */
static struct bytes exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *copy = check_malloc(len ? len : 1);
	memcpy(copy, data, len);
	return bytes_of(copy, len);
}

static void *new_record(const struct record_type *type)
{
	CHECK(type->size <= RECORD_SIZE_MAX);
	void *record = check_malloc(type->size);
	memset(record, 0xa5, type->size);
	return record;
}

static struct record_plan *own_plan(const struct record_type *type)
{
	struct record_plan *plan;
	expect_ok(record_plan_new(type, record_own_text(type->name), &plan));
	return plan;
}

/* ---- avro-c as the other side ---- */

struct other {
	avro_schema_t schema;
	avro_value_iface_t *class;
	avro_value_t value;
};

static void other_open(struct other *other, const char *text)
{
	assert_int_equal(avro_schema_from_json_length(text, strlen(text), &other->schema), 0);
	other->class = avro_generic_class_from_schema(other->schema);
	assert_non_null(other->class);
	assert_int_equal(avro_generic_value_new(other->class, &other->value), 0);
}

static void other_close(struct other *other)
{
	avro_value_decref(&other->value);
	avro_value_iface_decref(other->class);
	avro_schema_decref(other->schema);
}

static size_t other_write(struct other *other, uint8_t *out)
{
	avro_writer_t writer = avro_writer_memory((char *)out, OUT_MAX);
	assert_int_equal(avro_value_write(writer, &other->value), 0);
	size_t len = (size_t)avro_writer_tell(writer);
	avro_writer_free(writer);
	return len;
}

static void other_read(struct other *other, const uint8_t *data, size_t len)
{
	avro_reader_t reader = avro_reader_memory((const char *)data, (int64_t)len);
	assert_int_equal(avro_value_reset(&other->value), 0);
	assert_int_equal(avro_value_read(reader, &other->value), 0);
	avro_reader_free(reader);
}

static void random_text(uint64_t *seed, char text[64])
{
	static const char *const pieces[] = { "a", "Zoë", "€", "\xf0\x9f\x98\x80", "0123456789" };
	size_t len = 0;
	text[0] = '\0';
	for (uint64_t i = random_next(seed) % 5; i > 0; i--)
		len += (size_t)snprintf(text + len, 64 - len, "%s", pieces[random_next(seed) % 5]);
}

static void other_fill(avro_value_t *value, uint64_t *seed);

static void other_fill_items(avro_value_t *value, uint64_t *seed, bool map)
{
	for (uint64_t i = 0, count = random_next(seed) % 4; i < count; i++) {
		avro_value_t item;
		char key[32];
		snprintf(key, sizeof key, "key-%d", (int)i);
		if (map)
			assert_int_equal(avro_value_add(value, key, &item, NULL, NULL), 0);
		else
			assert_int_equal(avro_value_append(value, &item, NULL), 0);
		other_fill(&item, seed);
	}
}

static void other_fill_record(avro_value_t *value, uint64_t *seed)
{
	size_t count = 0;
	avro_value_get_size(value, &count);
	for (size_t i = 0; i < count; i++) {
		avro_value_t field;
		avro_value_get_by_index(value, i, &field, NULL);
		other_fill(&field, seed);
	}
}

static void other_fill_union(avro_value_t *value, uint64_t *seed)
{
	avro_value_t branch;
	size_t count = avro_schema_union_size(avro_value_get_schema(value));
	/* Branch 0 is null in every schema here, and ends the recursive ones. */
	size_t choice = random_next(seed) % 4 == 0 ? 1 + random_next(seed) % (count - 1) : 0;
	if (random_next(seed) % 2 == 0)
		choice = count - 1;
	avro_value_set_branch(value, (int)choice, &branch);
	other_fill(&branch, seed);
}

static void other_fill(avro_value_t *value, uint64_t *seed)
{
	uint64_t bits = random_next(seed);
	int64_t number = (int64_t)bits >> bits % 64;
	char text[64];
	switch (avro_value_get_type(value)) {
	case AVRO_STRING:
		random_text(seed, text);
		avro_value_set_string(value, text);
		break;
	case AVRO_BYTES: avro_value_set_bytes(value, &bits, bits % 9); break;
	case AVRO_INT32: avro_value_set_int(value, (int32_t)number); break;
	case AVRO_INT64: avro_value_set_long(value, number); break;
	case AVRO_FLOAT: avro_value_set_float(value, (float)(int32_t)bits / 16.0f); break;
	case AVRO_DOUBLE: avro_value_set_double(value, (double)number / 3.0); break;
	case AVRO_BOOLEAN: avro_value_set_boolean(value, bits & 1); break;
	case AVRO_NULL: avro_value_set_null(value); break;
	case AVRO_RECORD: other_fill_record(value, seed); break;
	case AVRO_ENUM:
		avro_value_set_enum(value,
				    (int)(bits % (unsigned)avro_schema_enum_number_of_symbols(
							 avro_value_get_schema(value))));
		break;
	case AVRO_FIXED:
		avro_value_set_fixed(value, "sixteen bytes ok",
				     (size_t)avro_schema_fixed_size(avro_value_get_schema(value)));
		break;
	case AVRO_MAP:
	case AVRO_ARRAY:
		other_fill_items(value, seed, avro_value_get_type(value) == AVRO_MAP);
		break;
	case AVRO_UNION: other_fill_union(value, seed); break;
	default: fail_msg("a type that the filler lacks");
	}
}

/* A value of a type, as avro-c makes and writes it. */
static size_t random_avro(const struct record_type *type, uint64_t seed, uint8_t *out)
{
	struct other other;
	other_open(&other, record_own_text(type->name));
	other_fill(&other.value, &seed);
	size_t len = other_write(&other, out);
	other_close(&other);
	return len;
}

/* ---- tables ---- */

static void tables_agree_with_schemas(void **state)
{
	(void)state;
	for (size_t i = 0; i < TYPE_COUNT; i++)
		expect_ok(record_type_check(types[i]));
}

static void wrong_tables_are_refused(void **state)
{
	(void)state;
	struct field fields[6];
	assert_int_equal(series_point_type.field_count, 6);
	memcpy(fields, series_point_type.fields, sizeof fields);
	struct record_type type = series_point_type;
	type.fields = fields;
	expect_ok(record_type_check(&type));
	fields[4].kind = FIELD_DOUBLE;
	expect_code(record_type_check(&type), ERR_FATAL, "SCHEMA_TABLE", "amount");
	fields[4] = series_point_type.fields[4];
	fields[1].optional = true;
	expect_code(record_type_check(&type), ERR_FATAL, "SCHEMA_TABLE", "dimension");
	fields[1] = series_point_type.fields[2];
	expect_code(record_type_check(&type), ERR_FATAL, "SCHEMA_TABLE", "unit");
	type.field_count = 5;
	expect_code(record_type_check(&type), ERR_FATAL, "SCHEMA_TABLE", "number");
	type.name = "no_such";
	expect_code(record_type_check(&type), ERR_FATAL, "SCHEMA_TABLE", "no_such.avsc");
}

/* ---- round trips ---- */

static void what_avro_c_writes_is_read_and_written_equal(void **state)
{
	(void)state;
	print_message("# seed %d\n", SEED);
	uint8_t *avro = check_malloc(OUT_MAX), *again = check_malloc(OUT_MAX);
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		struct record_plan *plan = own_plan(types[t]);
		void *record = new_record(types[t]);
		for (uint64_t i = 0; i < 200; i++) {
			size_t len = random_avro(types[t], SEED + i, avro), again_len;
			struct bytes value = exact_copy(avro, len);
			expect_ok(record_decode(plan, value, record));
			expect_ok(record_encode(types[t], record, again, OUT_MAX, &again_len));
			assert_int_equal(again_len, len);
			assert_memory_equal(again, avro, len);
			free((void *)value.data);
		}
		free(record);
		record_plan_free(&plan);
	}
	free(avro);
	free(again);
}

/* Encodes, has avro-c read it by the project's schema, and compares the JSON; then back. */
static void expect_json(const struct record_type *type, const void *record, const char *expected)
{
	uint8_t *out = check_malloc(OUT_MAX);
	size_t len;
	expect_ok(record_encode(type, record, out, OUT_MAX, &len));
	struct other other;
	other_open(&other, record_own_text(type->name));
	other_read(&other, out, len);
	char *text;
	assert_int_equal(avro_value_to_json(&other.value, 1, &text), 0);
	json_t *have = json_loads(text, 0, NULL), *want = json_loads(expected, 0, NULL);
	assert_non_null(want);
	if (!json_equal(have, want))
		fail_msg("%s: have %s", type->name, text);
	json_decref(have);
	json_decref(want);
	free(text);
	other_close(&other);
	free(out);
}

#define S(text) bytes_str(text)

static struct source_event full_event(void)
{
	return (struct source_event){
		.event_id = S("e-1"),
		.source = S("erp"),
		.type = S("order"),
		.subject = S("c-7"),
		.trace_id = S("t-9"),
		.event_ms = 852076800000,
		.has_amount = true,
		.has_quantity = true,
		.has_value = true,
		.amount_minor = -1177,
		.quantity = 3,
		.value = 0.5,
		.currency = S("USD"),
		.name = S("n"),
		.unit = S("CEL"),
		.attr_count = 2,
		.attrs = { { S("country"), S("Österreich") }, { S("k"), S("") } },
		.subject_scheme = S("erp.customer"),
		.identifier_count = 1,
		.identifiers = { { S("email"), S("a@b.example") } },
		.has_received = true,
		.received_ms = 852076800001,
		.data_version = S("2.1"),
	};
}

#define ENVELOPE_JSON                                                 \
	"\"event_id\":\"e-1\",\"source\":\"erp\",\"type\":\"order\"," \
	"\"subject\":\"c-7\",\"event_ms\":852076800000,\"trace_id\":{\"string\":\"t-9\"},"
#define AMOUNT_JSON "\"amount_minor\":{\"long\":-1177},\"currency\":{\"string\":\"USD\"},"
#define ATTRS_JSON  "\"attrs\":{\"country\":\"Österreich\",\"k\":\"\"}"
#define ADDED_JSON                                                                        \
	",\"subject_scheme\":{\"string\":\"erp.customer\"},\"identifiers\":[{\"scheme\":" \
	"\"email\",\"value\":\"a@b.example\"}],\"received_ms\":{\"long\":852076800001},"  \
	"\"data_version\":{\"string\":\"2.1\"},"
#define BARE_JSON \
	",\"subject_scheme\":null,\"identifiers\":[],\"received_ms\":null,\"data_version\":null,"
#define NAME_JSON "\"name\":{\"string\":\"n\"},"

static void events_reach_their_members(void **state)
{
	(void)state;
	struct source_event event = full_event();
	expect_json(&erp_event_type, &event,
		    "{" ENVELOPE_JSON AMOUNT_JSON "\"quantity\":{\"long\":3}," ATTRS_JSON ADDED_JSON
		    "\"payload\":null}");
	expect_json(&crm_event_type, &event,
		    "{" ENVELOPE_JSON NAME_JSON AMOUNT_JSON ATTRS_JSON ADDED_JSON
		    "\"payload\":null}");
	expect_json(&iot_event_type, &event,
		    "{" ENVELOPE_JSON NAME_JSON "\"value\":{\"double\":0.5},"
		    "\"unit\":{\"string\":\"CEL\"}," ATTRS_JSON ADDED_JSON "\"payload\":null}");
	expect_json(&marketing_event_type, &event,
		    "{" ENVELOPE_JSON NAME_JSON ATTRS_JSON ADDED_JSON "\"payload\":null}");
	struct account_event account = {
		.account = S("a"), .event = event, .effective_ms = 11, .ingest_ms = 12, .late = true
	};
	expect_json(&account_event_type, &account,
		    "{\"account\":\"a\"," ENVELOPE_JSON AMOUNT_JSON "\"quantity\":{\"long\":3},"
		    "\"value\":{\"double\":0.5}," NAME_JSON
		    "\"unit\":{\"string\":\"CEL\"}," ATTRS_JSON
		    ",\"effective_ms\":11,\"ingest_ms\":12,\"late\":true" ADDED_JSON
		    "\"crm\":null,\"erp\":null,\"iot\":null,\"marketing\":null,\"support\":null,"
		    "\"content\":null,\"market\":null}");
	struct source_event bare = { .event_id = S("e"),
				     .source = S("s"),
				     .type = S("t"),
				     .subject = S("u"),
				     .event_ms = -1 };
	expect_json(&erp_event_type, &bare,
		    "{\"event_id\":\"e\",\"source\":\"s\",\"type\":\"t\",\"subject\":\"u\","
		    "\"event_ms\":-1,\"trace_id\":null,\"amount_minor\":null,\"currency\":null,"
		    "\"quantity\":null,\"attrs\":{}" BARE_JSON "\"payload\":null}");
}

static void payloads_reach_their_members(void **state)
{
	(void)state;
	struct source_event event = {
		.event_id = S("e"),
		.source = S("s"),
		.type = S("support.satisfaction"),
		.subject = S("u"),
		.event_ms = -1,
		.has_support = true,
		.support = { .has_ticket = true,
			     .ticket = { .ticket_id = S("T-1"),
					 .priority = S("high"),
					 .has_response_s = true,
					 .response_s = 3600,
					 .has_score_max = true,
					 .score_max = 5 } },
	};
	expect_json(&support_event_type, &event,
		    "{\"event_id\":\"e\",\"source\":\"s\",\"type\":\"support.satisfaction\","
		    "\"subject\":\"u\",\"event_ms\":-1,\"trace_id\":null,\"name\":null,"
		    "\"value\":null,\"unit\":null,\"attrs\":{}" BARE_JSON
		    "\"payload\":{\"SupportPayload\":{\"ticket\":{\"SupportTicket\":{"
		    "\"ticket_id\":\"T-1\",\"priority\":{\"string\":\"high\"},\"category\":null,"
		    "\"channel\":null,\"agent\":null,\"response_s\":{\"long\":3600},"
		    "\"resolution_s\":null,\"score_max\":{\"double\":5.0}}}}}}");
}

/* What was written before the payloads came is read as it was meant. */
static void first_versions_are_read(void **state)
{
	(void)state;
	static const struct {
		const struct record_type *type;
		const char *before;
	} rows[] = {
		{ &erp_event_type, "erp_event_v1" },
		{ &crm_event_type, "crm_event_v1" },
		{ &iot_event_type, "iot_event_v1" },
		{ &marketing_event_type, "marketing_event_v1" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct record_type before = { .name = rows[i].before,
						    .size = rows[i].type->size,
						    .fields = rows[i].type->fields,
						    .field_count = rows[i].type->field_count - 5 };
		expect_ok(record_type_check(&before));
		struct source_event event = full_event(), *read = new_record(rows[i].type);
		uint8_t out[512];
		size_t len;
		expect_ok(record_encode(&before, &event, out, sizeof out, &len));
		struct record_plan *plan;
		expect_ok(record_plan_new(rows[i].type, record_own_text(before.name), &plan));
		expect_ok(record_decode(plan, bytes_of(out, len), read));
		assert_true(bytes_equal(read->event_id, S("e-1")));
		assert_int_equal(read->attr_count, 2);
		assert_int_equal(read->identifier_count, 0);
		assert_null(read->subject_scheme.data);
		assert_null(read->data_version.data);
		assert_false(read->has_received || read->has_erp || read->has_crm ||
			     read->has_iot || read->has_marketing);
		record_plan_free(&plan);
		free(read);
	}
}

static void controls_and_points_reach_their_members(void **state)
{
	(void)state;
	struct control control = { .kind = CONTROL_END,
				   .writer = S("w/1"),
				   .at_ms = 5,
				   .ingest_ms = 6,
				   .input_count = 2,
				   .inputs = { { S("x"), 16 }, { S("y"), 1 } } };
	expect_json(&control_type, &control,
		    "{\"kind\":\"END\",\"writer\":\"w/1\",\"at_ms\":5,\"ingest_ms\":6,\"inputs\":["
		    "{\"topic\":\"x\",\"partition_count\":16},"
		    "{\"topic\":\"y\",\"partition_count\":1}]}");
	struct series_point point = { .definition = S("d"),
				      .dimension = S("m"),
				      .unit = S("EUR"),
				      .period_start_ms = 1,
				      .amount = INT64_MIN,
				      .late = true };
	expect_json(&series_point_type, &point,
		    "{\"definition\":\"d\",\"dimension\":\"m\",\"unit\":\"EUR\","
		    "\"period_start_ms\":1,\"amount\":-9223372036854775808,\"late\":true}");
}

static void outputs_reach_their_members(void **state)
{
	(void)state;
	struct alert alert = { .alert_id = S("i"),
			       .revision = 1,
			       .account = S("a"),
			       .rule = S("r"),
			       .status = ALERT_EXPIRED,
			       .severity = SEVERITY_CRITICAL,
			       .at_ms = 2,
			       .opened_ms = 3,
			       .probability = 0.25,
			       .horizon_days = 4,
			       .margin = 1.5,
			       .base_margin = -2.5,
			       .reason_count = 1,
			       .reasons = { { S("c"), S("x"), 0.125, S("z") } },
			       .trigger_event_id = S("e"),
			       .historic = true,
			       .model_version = S("m"),
			       .rule_version = S("v"),
			       .base_rate = 0.5,
			       .expected_days = 7.5,
			       .data_ms = 8,
			       .step = S("s") };
	expect_json(&alert_type, &alert,
		    "{\"alert_id\":\"i\",\"revision\":1,\"account\":\"a\",\"rule\":\"r\","
		    "\"status\":\"EXPIRED\",\"severity\":\"CRITICAL\",\"at_ms\":2,\"opened_ms\":3,"
		    "\"probability\":0.25,\"horizon_days\":4,\"margin\":1.5,\"base_margin\":-2.5,"
		    "\"reasons\":[{\"code\":\"c\",\"text\":\"x\",\"contribution\":0.125,"
		    "\"text_zh\":\"z\"}],\"trigger_event_id\":{\"string\":\"e\"},\"historic\":true,"
		    "\"model_version\":\"m\",\"rule_version\":\"v\",\"base_rate\":0.5,"
		    "\"expected_days\":7.5,\"data_ms\":8,\"step\":\"s\"}");
	struct score score = { .account = S("a"),
			       .at_ms = 1,
			       .probability = 0.5,
			       .horizon_days = 2,
			       .band = BAND_SEVERE,
			       .margin = 3.5,
			       .base_margin = 4.5,
			       .abstained = true,
			       .abstained_why = S("w"),
			       .model_version = S("m"),
			       .base_rate = 0.25,
			       .expected_days = 6.5,
			       .data_ms = 9,
			       .rule_version = S("v") };
	expect_json(
		&score_type, &score,
		"{\"account\":\"a\",\"at_ms\":1,\"probability\":0.5,\"horizon_days\":2,"
		"\"band\":\"SEVERE\",\"margin\":3.5,\"base_margin\":4.5,\"abstained\":true,"
		"\"abstained_why\":{\"string\":\"w\"},\"reasons\":[],\"model_version\":\"m\","
		"\"base_rate\":0.25,\"expected_days\":6.5,\"data_ms\":9,\"rule_version\":\"v\"}");
}

#define FORECAST_JSON                                                               \
	"\"series\":\"s\",\"definition\":\"d\",\"dimension\":\"m\",\"unit\":\"u\"," \
	"\"period\":\"P1W\",\"origin_ms\":1,\"target_ms\":2,\"horizon\":3,"

static void forecasts_reach_their_members(void **state)
{
	(void)state;
	struct forecast forecast = { .series = S("s"),
				     .definition = S("d"),
				     .dimension = S("m"),
				     .unit = S("u"),
				     .period = S("P1W"),
				     .origin_ms = 1,
				     .target_ms = 2,
				     .horizon = 3,
				     .point = 4,
				     .lower_80 = 5,
				     .upper_80 = 6,
				     .lower_95 = 7,
				     .upper_95 = 8,
				     .method = S("x"),
				     .history_count = 9,
				     .decimals = 3,
				     .definition_version = S("v") };
	expect_json(&forecast_type, &forecast,
		    "{" FORECAST_JSON "\"point\":4,\"lower_80\":5,\"upper_80\":6,\"lower_95\":7,"
		    "\"upper_95\":8,\"method\":\"x\",\"history_count\":9,"
		    "\"decimals\":3,\"definition_version\":\"v\"}");
	struct forecast_accuracy accuracy = { .series = S("s"),
					      .definition = S("d"),
					      .dimension = S("m"),
					      .unit = S("u"),
					      .period = S("P1W"),
					      .origin_ms = 1,
					      .target_ms = 2,
					      .horizon = 3,
					      .actual = 4,
					      .point = 5,
					      .naive = 6,
					      .absolute_error = 0.5,
					      .naive_absolute_error = 1.5,
					      .smape = 2.5,
					      .pinball_80 = 3.5,
					      .pinball_95 = 4.5,
					      .inside_80 = false,
					      .inside_95 = true,
					      .decimals = 3,
					      .bias = -1,
					      .mase = 0.25,
					      .has_mase = true };
	expect_json(&forecast_accuracy_type, &accuracy,
		    "{" FORECAST_JSON "\"actual\":4,\"point\":5,\"naive\":6,\"absolute_error\":0.5,"
		    "\"naive_absolute_error\":1.5,\"smape\":2.5,\"pinball_80\":3.5,"
		    "\"pinball_95\":4.5,\"inside_80\":false,\"inside_95\":true,\"decimals\":3,"
		    "\"bias\":-1,\"mase\":{\"double\":0.25}}");
	const struct drift_record drift = { .series = S("s"),
					    .definition = S("d"),
					    .dimension = S("m"),
					    .unit = S("u"),
					    .decimals = 3,
					    .period = S("P1W"),
					    .at_ms = 1,
					    .since_ms = 2,
					    .direction = DRIFT_DIRECTION_DOWN,
					    .before = 0.5,
					    .after = 1.5,
					    .score = 2.5 };
	expect_json(&drift_type, &drift,
		    "{\"series\":\"s\",\"definition\":\"d\",\"dimension\":\"m\",\"unit\":\"u\","
		    "\"decimals\":3,\"period\":\"P1W\",\"at_ms\":1,\"since_ms\":2,"
		    "\"direction\":\"DOWN\",\"before\":0.5,\"after\":1.5,\"score\":2.5}");
}

/* ---- writers that differ ---- */

#define F(name, type)	     "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(name, fields) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define ENVELOPE_FIELDS                                                  \
	F("event_id", "\"string\"")                                      \
	"," F("source", "\"string\"") "," F("type", "\"string\"") "," F( \
		"subject", "\"string\"") "," F("event_ms", "\"long\"")

/* Fields of every type that Avro has, between and around the envelope's. */
/* clang-format off */
static const char stranger[] = RECORD("other.ErpEvent",
	F("x1", "{\"type\":\"array\",\"items\":[\"null\",\"int\",\"string\"]}") ","
	F("x2", RECORD("Node",
		F("v", "{\"type\":\"fixed\",\"name\":\"Fx\",\"size\":16}") ","
		F("next", "[\"null\",\"Node\"]"))) ","
	F("subject", "\"string\"") ","
	F("event_id", "\"bytes\"") ","
	F("x3", "{\"type\":\"map\",\"values\":{\"type\":\"map\",\"values\":\"double\"}}") ","
	F("event_ms", "\"int\"") ","
	F("x4", "{\"type\":\"enum\",\"name\":\"En\",\"symbols\":[\"A\",\"B\"]}") ","
	F("quantity", "\"int\"") ","
	F("x5", "\"Fx\"") ","
	F("x6", "\"float\"") ","
	F("amount_minor", "[\"null\",\"string\",\"long\"]") ","
	F("type", "[\"null\",\"string\"]") ","
	F("x7", "\"boolean\"") ","
	F("source", "\"string\"") ","
	F("x8", "\"null\"") ","
	F("x9", "\"bytes\"") ","
	F("x10", "{\"type\":\"array\",\"items\":\"Node\"}"));
/* clang-format on */

static void set_text(struct other *other, const char *field, const char *text)
{
	avro_value_t value = { 0 }, branch = { 0 };
	assert_int_equal(avro_value_get_by_name(&other->value, field, &value, NULL), 0);
	if (avro_value_get_type(&value) == AVRO_UNION) {
		avro_value_set_branch(&value, 1, &branch);
		value = branch;
	}
	if (avro_value_get_type(&value) == AVRO_BYTES)
		avro_value_set_bytes(&value, (void *)(uintptr_t)text, strlen(text));
	else
		avro_value_set_string(&value, text);
}

static void set_amount(struct other *other, int branch_index)
{
	avro_value_t value = { 0 }, branch = { 0 };
	assert_int_equal(avro_value_get_by_name(&other->value, "amount_minor", &value, NULL), 0);
	avro_value_set_branch(&value, branch_index, &branch);
	if (branch_index == 1)
		avro_value_set_string(&branch, "12");
	if (branch_index == 2)
		avro_value_set_long(&branch, 12);
}

static void set_int(struct other *other, const char *field, int32_t number)
{
	avro_value_t value;
	assert_int_equal(avro_value_get_by_name(&other->value, field, &value, NULL), 0);
	avro_value_set_int(&value, number);
}

static void a_stranger_s_fields_are_passed_over(void **state)
{
	(void)state;
	struct record_plan *plan;
	expect_ok(record_plan_new(&erp_event_type, stranger, &plan));
	uint8_t *out = check_malloc(OUT_MAX);
	for (uint64_t i = 0; i < 500; i++) {
		struct other other;
		uint64_t seed = SEED + i;
		other_open(&other, stranger);
		other_fill(&other.value, &seed);
		set_text(&other, "subject", "c-7");
		set_text(&other, "event_id", "e-1");
		set_text(&other, "type", "order");
		set_text(&other, "source", "erp");
		set_int(&other, "event_ms", -5);
		set_int(&other, "quantity", 3);
		set_amount(&other, (int)(i % 3));
		struct bytes value = exact_copy(out, other_write(&other, out));
		struct source_event event;
		struct err *err = record_decode(plan, value, &event);
		if (i % 3 == 1) {
			expect_code(err, ERR_POISON, "AVRO_INVALID", "amount_minor");
		} else {
			expect_ok(err);
			assert_true(bytes_equal(event.subject, S("c-7")));
			assert_true(bytes_equal(event.event_id, S("e-1")));
			assert_true(bytes_equal(event.type, S("order")));
			assert_true(bytes_equal(event.source, S("erp")));
			assert_true(event.event_ms == -5 && event.has_quantity &&
				    event.quantity == 3 && event.has_amount == (i % 3 == 2) &&
				    event.amount_minor == (i % 3 == 2 ? 12 : 0));
			assert_true(event.trace_id.data == NULL && event.currency.data == NULL &&
				    event.attr_count == 0);
		}
		free((void *)value.data);
		other_close(&other);
	}
	free(out);
	record_plan_free(&plan);
}

static void numbers_are_promoted(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		uint8_t bytes[9];
		size_t len;
		double value;
	} rows[] = {
		{ "\"int\"", { 5 }, 1, -3 },
		{ "\"long\"", { 6 }, 1, 3 },
		{ "\"float\"", { 0, 0, 0x20, 0xc1 }, 4, -10 },
		{ "[\"double\",\"null\"]", { 0, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f }, 9, 0.5 },
		{ "[\"null\",\"float\"]", { 2, 0, 0, 0x20, 0x41 }, 5, 10 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char schema[1024];
		snprintf(schema, sizeof schema, "%s%s}]}",
			 "{\"type\":\"record\",\"name\":\"IotEvent\",\"fields\":[" ENVELOPE_FIELDS
			 ",{\"name\":\"value\",\"type\":",
			 rows[i].type);
		struct record_plan *plan;
		expect_ok(record_plan_new(&iot_event_type, schema, &plan));
		uint8_t avro[32] = { 2, 'e', 2, 's', 2, 't', 2, 'u', 0 };
		memcpy(avro + 9, rows[i].bytes, rows[i].len);
		struct source_event event;
		expect_ok(record_decode(plan, bytes_of(avro, 9 + rows[i].len), &event));
		assert_true(event.has_value && event.value >= rows[i].value &&
			    event.value <= rows[i].value);
		record_plan_free(&plan);
	}
}

static void what_cannot_be_resolved_is_refused(void **state)
{
	(void)state;
	/* clang-format off */
	static const struct { const char *schema, *code, *mentions; } rows[] = {
		{ RECORD("ErpEvent", F("event_id", "\"string\"")), "SCHEMA_MISMATCH", "source" },
		{ RECORD("CrmEvent", ENVELOPE_FIELDS), "SCHEMA_MISMATCH", "CrmEvent" },
		{ "\"string\"", "SCHEMA_MISMATCH", "string" },
		{ RECORD("ErpEvent", ENVELOPE_FIELDS "," F("quantity", "\"double\"")),
		  "SCHEMA_MISMATCH", "quantity" },
		{ RECORD("ErpEvent", ENVELOPE_FIELDS "," F("attrs", "{\"type\":\"map\","
		  "\"values\":\"long\"}")), "SCHEMA_MISMATCH", "value" },
		{ RECORD("ErpEvent", ENVELOPE_FIELDS "," F("quantity", "[\"string\",\"float\"]")),
		  "SCHEMA_MISMATCH", "quantity" },
		{ "", "SCHEMA_INVALID", NULL },
		{ "{", "SCHEMA_INVALID", NULL },
		{ "17", "SCHEMA_INVALID", NULL },
		{ "[]", "SCHEMA_INVALID", NULL },
		{ "{\"type\":\"record\"}", "SCHEMA_INVALID", NULL },
		{ "{\"type\":\"record\",\"name\":\"R\"}", "SCHEMA_INVALID", NULL },
		{ RECORD("R", F("a", "\"Unknown\"")), "SCHEMA_INVALID", "Unknown" },
		{ RECORD("R", F("a", "\"int\"") "," F("a", "\"int\"")), "SCHEMA_INVALID", "a" },
		{ RECORD("R", F("a", "[[\"int\"]]")), "SCHEMA_INVALID", NULL },
		{ RECORD("R", F("a", "{\"type\":\"fixed\",\"name\":\"X\",\"size\":-1}")),
		  "SCHEMA_INVALID", NULL },
		{ RECORD("R", F("a", "{\"type\":\"enum\",\"name\":\"X\",\"symbols\":[]}")),
		  "SCHEMA_INVALID", NULL },
		{ RECORD("R", F("a", "{\"type\":\"enum\",\"name\":\"X\",\"symbols\":[1]}")),
		  "SCHEMA_INVALID", NULL },
		{ RECORD("R", "{\"name\":\"a\"}"), "SCHEMA_INVALID", NULL },
		{ RECORD("R", "{\"type\":\"int\"}"), "SCHEMA_INVALID", NULL },
		{ RECORD("R", F("a", "{\"type\":\"array\"}")), "SCHEMA_INVALID", NULL },
	};
	/* clang-format on */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct record_plan *plan;
		expect_code(record_plan_new(&erp_event_type, rows[i].schema, &plan), ERR_FATAL,
			    rows[i].code, rows[i].mentions);
		assert_null(plan);
	}
}

static void schemas_too_deep_or_long_are_refused(void **state)
{
	(void)state;
	static const char open[] = "{\"type\":\"array\",\"items\":";
	enum { OPEN_LEN = sizeof open - 1, DEPTH = 3000 };
	char *text = check_calloc(1, SCHEMA_TEXT_MAX + 2);
	struct record_plan *plan;
	for (size_t i = 0; i < DEPTH; i++)
		memcpy(text + i * OPEN_LEN, open, OPEN_LEN);
	expect_code(record_plan_new(&erp_event_type, text, &plan), ERR_FATAL, "SCHEMA_INVALID",
		    NULL);
	memcpy(text + 100 * OPEN_LEN, "\"int\"", 5);
	memset(text + 100 * OPEN_LEN + 5, '}', 100);
	text[100 * OPEN_LEN + 105] = '\0';
	expect_code(record_plan_new(&erp_event_type, text, &plan), ERR_FATAL, "SCHEMA_INVALID",
		    "deep");
	memset(text, ' ', SCHEMA_TEXT_MAX + 1);
	expect_code(record_plan_new(&erp_event_type, text, &plan), ERR_FATAL, "SCHEMA_INVALID",
		    "long");
	free(text);
}

static void symbols_are_matched_by_name(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		"Control", F("kind", "{\"type\":\"enum\","
				     "\"name\":\"K\",\"symbols\":[\"END\",\"LATER\",\"TICK\"]}"));
	struct record_plan *plan;
	expect_ok(record_plan_new(&control_type, schema, &plan));
	struct control control;
	expect_ok(record_decode(plan, bytes_of("\0", 1), &control));
	assert_int_equal(control.kind, CONTROL_END);
	assert_true(control.writer.data != NULL && control.writer.len == 0);
	assert_true(control.at_ms == 0 && control.input_count == 0);
	expect_ok(record_decode(plan, bytes_of("\4", 1), &control));
	assert_int_equal(control.kind, CONTROL_TICK);
	expect_code(record_decode(plan, bytes_of("\2", 1), &control), ERR_POISON, "AVRO_INVALID",
		    "kind");
	expect_code(record_decode(plan, bytes_of("\6", 1), &control), ERR_POISON, "AVRO_INVALID",
		    "kind");
	record_plan_free(&plan);
}

static void array_items_evolve_too(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		"Control",
		F("inputs",
		  "{\"type\":\"array\",\"items\":" RECORD(
			  "ControlInput",
			  F("new", "\"string\"") "," F("partition_count", "\"int\"") "," F(
				  "topic",
				  "\"string\"")) "}") "," F("kind",
							    "{\"type\":\"enum\",\"name\":\"K\","
							    "\"symbols\":[\"INPUTS\"]}"));
	/* Two blocks, the second with its size in bytes. */
	static const uint8_t avro[] = {
		2, 4, '?', '?', 32, 2, 'a', 1, 10, 0, 34, 4, 'b', 'c', 0, 0
	};
	struct record_plan *plan;
	expect_ok(record_plan_new(&control_type, schema, &plan));
	struct control control;
	expect_ok(record_decode(plan, bytes_of(avro, sizeof avro), &control));
	assert_int_equal(control.kind, CONTROL_INPUTS);
	assert_int_equal(control.input_count, 2);
	assert_true(bytes_equal(control.inputs[0].topic, S("a")));
	assert_int_equal(control.inputs[0].partition_count, 16);
	assert_true(bytes_equal(control.inputs[1].topic, S("bc")));
	assert_int_equal(control.inputs[1].partition_count, 17);
	uint8_t wrong_size[sizeof avro];
	memcpy(wrong_size, avro, sizeof avro);
	wrong_size[8] = 8;
	expect_code(record_decode(plan, bytes_of(wrong_size, sizeof avro), &control), ERR_POISON,
		    "AVRO_INVALID", "inputs");
	record_plan_free(&plan);
}

struct sample_inner {
	int64_t number;
	bool has_flag, flag;
};

struct sample {
	struct sample_inner inner;
	struct bytes text;
	int32_t small;
	double ratio;
	bool yes;
};

static const struct field sample_inner_fields[] = {
	{ .name = "number", .kind = FIELD_LONG, .offset = offsetof(struct sample_inner, number) },
	{ .name = "flag",
	  .kind = FIELD_BOOL,
	  .optional = true,
	  .offset = offsetof(struct sample_inner, flag),
	  .has_offset = offsetof(struct sample_inner, has_flag) },
};
static const struct record_type sample_inner_type = { .name = "Inner",
						      .size = sizeof(struct sample_inner),
						      .fields = sample_inner_fields,
						      .field_count = 2 };
static const struct field sample_fields[] = {
	{ .name = "inner",
	  .kind = FIELD_RECORD,
	  .offset = offsetof(struct sample, inner),
	  .type = &sample_inner_type },
	{ .name = "text", .kind = FIELD_STRING, .offset = offsetof(struct sample, text) },
	{ .name = "small", .kind = FIELD_INT, .offset = offsetof(struct sample, small) },
	{ .name = "ratio", .kind = FIELD_DOUBLE, .offset = offsetof(struct sample, ratio) },
	{ .name = "yes", .kind = FIELD_BOOL, .offset = offsetof(struct sample, yes) },
};
static const struct record_type sample_type = {
	.name = "sample", .size = sizeof(struct sample), .fields = sample_fields, .field_count = 5
};

static const char sample_schema[] =
	"{\"type\":\"record\",\"name\":\"Sample\","
	"\"aliases\":[\"Old\"],\"fields\":[" F(
		"inner", "{\"type\":\"record\",\"name\":\"Inner\",\"fields\":["
			 "{\"name\":\"number\",\"type\":\"long\",\"default\":-7},"
			 "{\"name\":\"flag\",\"type\":[\"null\",\"boolean\"],\"default\":null}"
			 "]}") ","
			       "{\"name\":\"text\",\"type\":\"string\",\"aliases\":[\"words\"]"
			       ",\"default\":\"none\"},"
			       "{\"name\":\"small\",\"type\":\"int\",\"default\":-3},"
			       "{\"name\":\"ratio\",\"type\":\"double\",\"default\":0.25},"
			       "{\"name\":\"yes\",\"type\":\"boolean\",\"default\":true}]}";

static void aliases_defaults_and_nested_records_work(void **state)
{
	(void)state;
	struct record_plan *plan;
	struct sample sample;
	expect_ok(record_plan_resolve(
		&sample_type, sample_schema,
		RECORD("Old", F("words", "\"string\"") "," F(
				      "inner", "{\"type\":\"record\",\"name\":\"I\","
					       "\"fields\":[" F("flag", "\"boolean\"") "]}")),
		&plan));
	expect_ok(record_decode(plan, bytes_of("\4hi\1", 4), &sample));
	assert_true(bytes_equal(sample.text, S("hi")) && sample.inner.number == -7 &&
		    sample.inner.has_flag && sample.inner.flag && sample.small == -3 &&
		    sample.yes && sample.ratio > 0.2 && sample.ratio < 0.3);
	record_plan_free(&plan);
	expect_ok(record_plan_resolve(
		&sample_type, sample_schema,
		RECORD("Sample",
		       F("inner", "[\"null\",{\"type\":\"record\",\"name\":\"I\",\"fields\":[]}]")),
		&plan));
	expect_ok(record_decode(plan, bytes_of("\2", 1), &sample));
	assert_true(bytes_equal(sample.text, S("none")) && sample.inner.number == -7 &&
		    !sample.inner.has_flag);
	expect_code(record_decode(plan, bytes_of("\0", 1), &sample), ERR_POISON, "AVRO_INVALID",
		    "inner");
	record_plan_free(&plan);
	expect_code(record_plan_resolve(&sample_type, sample_schema,
					RECORD("Sample", F("text", "\"string\"")), &plan),
		    ERR_FATAL, "SCHEMA_MISMATCH", "inner");
}

/* ---- bytes that lie ---- */

static void every_cut_is_poison(void **state)
{
	(void)state;
	uint8_t *avro = check_malloc(OUT_MAX);
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		struct record_plan *plan = own_plan(types[t]);
		void *record = new_record(types[t]);
		size_t len = random_avro(types[t], SEED + 4, avro);
		for (size_t cut = 0; cut < len; cut++) {
			struct bytes value = exact_copy(avro, cut);
			expect_code(record_decode(plan, value, record), ERR_POISON,
				    "AVRO_TRUNCATED", types[t]->name);
			free((void *)value.data);
		}
		expect_code(record_decode(plan, bytes_of(NULL, 0), record), ERR_POISON,
			    "AVRO_TRUNCATED", NULL);
		avro[len] = 0;
		expect_code(record_decode(plan, bytes_of(avro, len + 1), record), ERR_POISON,
			    "AVRO_TRAILING", NULL);
		free(record);
		record_plan_free(&plan);
	}
	free(avro);
}

/* What identify reads of an event ends long before the event does. */
static void a_head_is_read_whatever_follows(void **state)
{
	(void)state;
	struct record_plan *plan = own_plan(&named_event_type);
	uint8_t *avro = check_malloc(OUT_MAX);
	struct account_event event = { .account = S("C-1"), .effective_ms = 5, .ingest_ms = 7 };
	event.event.event_id = S("e1");
	event.event.source = S("crm");
	size_t len = 0, read = 0;
	expect_ok(record_encode(&account_event_type, &event, avro, OUT_MAX, &len));
	memset(avro + len, 0xff, 16);
	for (size_t cut = 0; cut <= len + 16; cut++) {
		struct named_event named = { .ingest_ms = 0 };
		struct bytes value = exact_copy(avro, cut);
		struct err *err = record_decode(plan, value, &named);
		if (err == NULL) {
			read++;
			assert_true(bytes_equal(named.account, S("C-1")) &&
				    bytes_equal(named.event_id, S("e1")) &&
				    bytes_equal(named.source, S("crm")) &&
				    named.effective_ms == 5 && named.ingest_ms == 7);
		} else {
			assert_int_equal(read, 0);
			expect_code(err, ERR_POISON, "AVRO_TRUNCATED", NULL);
		}
		free((void *)value.data);
	}
	assert_true(read > 16 + 8 && read < len);
	free(avro);
	record_plan_free(&plan);
}

static void a_flipped_bit_is_poison_or_another_record(void **state)
{
	(void)state;
	uint8_t *avro = check_malloc(OUT_MAX), *again = check_malloc(OUT_MAX);
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		struct record_plan *plan = own_plan(types[t]);
		void *record = new_record(types[t]);
		size_t len = random_avro(types[t], SEED + 5, avro), again_len;
		struct bytes value = exact_copy(avro, len);
		uint8_t *flipped = (uint8_t *)(uintptr_t)value.data;
		for (size_t bit = 0; bit < 8 * len; bit++) {
			flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
			struct err *err = record_decode(plan, value, record);
			if (err)
				assert_int_equal(err_verdict(err), ERR_POISON);
			else
				expect_ok(record_encode(types[t], record, again, OUT_MAX,
							&again_len));
			err_free(&err);
			flipped[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		free(flipped);
		free(record);
		record_plan_free(&plan);
	}
	free(avro);
	free(again);
}

static void a_buffer_too_small_is_never_overrun(void **state)
{
	(void)state;
	uint8_t *avro = check_malloc(OUT_MAX);
	for (size_t t = 0; t < TYPE_COUNT; t++) {
		struct record_plan *plan = own_plan(types[t]);
		void *record = new_record(types[t]);
		size_t len = random_avro(types[t], SEED + 6, avro), out_len;
		expect_ok(record_decode(plan, bytes_of(avro, len), record));
		for (size_t max = 0; max <= len; max++) {
			uint8_t *out = check_malloc(max ? max : 1);
			struct err *err = record_encode(types[t], record, out, max, &out_len);
			if (max < len)
				expect_code(err, ERR_POISON, "RECORD_TOO_LARGE", types[t]->name);
			else
				expect_ok(err);
			free(out);
		}
		free(record);
		record_plan_free(&plan);
	}
	free(avro);
}

static void too_many_items_are_poison(void **state)
{
	(void)state;
	uint8_t avro[256] = { 2, 'e', 2, 's', 2, 't', 2, 'u', 0, 0, 0, 0, 0 };
	size_t at = 13;
	struct record_plan *plan = own_plan(&erp_event_type);
	struct source_event event;
	/* Two blocks: what fits, and one more. */
	avro[at++] = 2 * ATTR_COUNT_MAX;
	for (size_t i = 0; i < ATTR_COUNT_MAX; i++) {
		avro[at++] = 2;
		avro[at++] = (uint8_t)('a' + i);
		avro[at++] = 0;
	}
	avro[at] = 0;
	/* the end of the map, and five fields that are absent */
	expect_ok(record_decode(plan, bytes_of(avro, at + 6), &event));
	assert_int_equal(event.attr_count, ATTR_COUNT_MAX);
	memcpy(avro + at, (uint8_t[]){ 2, 2, 'z', 0, 0 }, 5);
	expect_code(record_decode(plan, bytes_of(avro, at + 5), &event), ERR_POISON,
		    "AVRO_TOO_MANY", "attrs");
	/* A count of -2^63, in a block of no bytes. */
	memset(avro + 13, 0, sizeof avro - 13);
	memset(avro + 13, 0xff, 9);
	avro[22] = 1;
	expect_code(record_decode(plan, bytes_of(avro, 60), &event), ERR_POISON, "AVRO_TOO_MANY",
		    "attrs");
	record_plan_free(&plan);
}

static void items_without_bytes_cannot_stall(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		"ErpEvent", ENVELOPE_FIELDS
		"," F("x",
		      "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":\"null\"}}"));
	/* One array of 2^40 nulls in an array of one. */
	static const uint8_t avro[] = { 2, 'e',	 2,    's',  2,	   't',	 2,    'u', 0,
					2, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0,   0 };
	struct record_plan *plan;
	struct source_event event;
	expect_ok(record_plan_new(&erp_event_type, schema, &plan));
	expect_code(record_decode(plan, bytes_of(avro, sizeof avro), &event), ERR_POISON,
		    "AVRO_TOO_MANY", "x");
	record_plan_free(&plan);
}

static void numbers_keep_to_their_width(void **state)
{
	(void)state;
	static const char schema[] = RECORD(
		"SeriesPoint", F("definition", "\"string\"") "," F(
				       "period_start_ms", "\"int\"") "," F("amount", "\"long\""));
	static const struct {
		uint8_t bytes[24];
		size_t len;
		const char *code, *field;
	} rows[] = {
		{ { 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0 }, 7, NULL, NULL },
		{ { 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0 }, 7, "AVRO_INVALID", "period_start_ms" },
		{ { 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1 }, 12, NULL, NULL },
		{ { 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2 },
		  12,
		  "AVRO_INVALID",
		  "amount" },
		{ { 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 129, 0 },
		  13,
		  "AVRO_INVALID",
		  "amount" },
		{ { 1, 0, 0 }, 3, "AVRO_INVALID", "definition" },
		{ { 2, 'x', 0 }, 3, "AVRO_TRUNCATED", "amount" },
	};
	struct record_plan *plan;
	expect_ok(record_plan_new(&series_point_type, schema, &plan));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct series_point point;
		struct err *err = record_decode(plan, bytes_of(rows[i].bytes, rows[i].len), &point);
		if (rows[i].code)
			expect_code(err, ERR_POISON, rows[i].code, rows[i].field);
		else
			expect_ok(err);
	}
	record_plan_free(&plan);
}

static void text_must_be_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "", true },
		{ "ascii and more ascii", true },
		{ "\xc2\x80", true },
		{ "\xe0\xa0\x80", true },
		{ "\xed\x9f\xbf", true },
		{ "\xef\xbf\xbf", true },
		{ "\xf0\x90\x80\x80", true },
		{ "\xf4\x8f\xbf\xbf", true },
		{ "\x80", false },
		{ "\xbf", false },
		{ "\xc0\x80", false },
		{ "\xc1\xbf", false },
		{ "\xc2", false },
		{ "\xe0\x9f\xbf", false },
		{ "\xed\xa0\x80", false },
		{ "\xe2\x82", false },
		{ "\xf0\x8f\xbf\xbf", false },
		{ "\xf4\x90\x80\x80", false },
		{ "\xf5\x80\x80\x80", false },
		{ "\xfe", false },
		{ "\xff", false },
		{ "\xe2\x28\xa1", false },
		{ "\xf0\x90\x28\xbc", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		for (size_t before = 0; before < 20; before++) {
			char text[64];
			int len = snprintf(text, sizeof text, "%.*s%s", (int)before,
					   "abcdefghijklmnopqrstuvwxyz", rows[i].text);
			assert_int_equal(utf8_check((uint8_t *)text, (size_t)len), rows[i].good);
		}
	}
	struct series_point point = { .definition = S("a"), .dimension = S("na\xefve") };
	uint8_t out[128] = { 0 };
	size_t len;
	expect_code(record_encode(&series_point_type, &point, out, sizeof out, &len), ERR_POISON,
		    "AVRO_UTF8", "dimension");
	point.dimension = S("naive");
	expect_ok(record_encode(&series_point_type, &point, out, sizeof out, &len));
	out[5] = 0xef;
	struct record_plan *plan = own_plan(&series_point_type);
	expect_code(record_decode(plan, bytes_of(out, len), &point), ERR_POISON, "AVRO_UTF8",
		    "dimension");
	record_plan_free(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_agree_with_schemas),
		cmocka_unit_test(wrong_tables_are_refused),
		cmocka_unit_test(what_avro_c_writes_is_read_and_written_equal),
		cmocka_unit_test(events_reach_their_members),
		cmocka_unit_test(payloads_reach_their_members),
		cmocka_unit_test(first_versions_are_read),
		cmocka_unit_test(controls_and_points_reach_their_members),
		cmocka_unit_test(outputs_reach_their_members),
		cmocka_unit_test(forecasts_reach_their_members),
		cmocka_unit_test(a_stranger_s_fields_are_passed_over),
		cmocka_unit_test(numbers_are_promoted),
		cmocka_unit_test(what_cannot_be_resolved_is_refused),
		cmocka_unit_test(schemas_too_deep_or_long_are_refused),
		cmocka_unit_test(symbols_are_matched_by_name),
		cmocka_unit_test(array_items_evolve_too),
		cmocka_unit_test(aliases_defaults_and_nested_records_work),
		cmocka_unit_test(every_cut_is_poison),
		cmocka_unit_test(a_head_is_read_whatever_follows),
		cmocka_unit_test(a_flipped_bit_is_poison_or_another_record),
		cmocka_unit_test(a_buffer_too_small_is_never_overrun),
		cmocka_unit_test(too_many_items_are_poison),
		cmocka_unit_test(items_without_bytes_cannot_stall),
		cmocka_unit_test(numbers_keep_to_their_width),
		cmocka_unit_test(text_must_be_utf8),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
