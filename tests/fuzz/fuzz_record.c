/* Decoding of any bytes, by the project's own schemas and by any writer's.
 *
 * The first byte chooses the record type; its top bit says that a writer's schema text follows, up
 * to a zero byte. What is decoded must be encoded and decoded again to the same bytes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "schemas/record_plan.h"
#include "schemas/states.h"

enum { OUT_MAX = 1024 * 1024, WITH_SCHEMA = 0x80 };

static const struct record_type *const types[] = {
	&erp_event_type,     &crm_event_type,	      &iot_event_type,	   &marketing_event_type,
	&support_event_type, &content_event_type,     &market_event_type,  &control_type,
	&account_event_type, &series_point_type,      &alert_type,	   &score_type,
	&forecast_type,	     &forecast_accuracy_type, &resolve_input_type, &series_totals_type,
	&series_state_type,  &account_record_type,
};

enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* Whether it went well; what may fail here is a fault of the input, never of the program. */
static bool good(struct err *err)
{
	bool result = err == NULL;
	CHECK(result || err_verdict(err) == ERR_POISON ||
	      strcmp(err_code(err), "SCHEMA_TABLE") != 0);
	err_free(&err);
	return result;
}

static void round_trip(const struct record_type *type, void *record)
{
	uint8_t *first = check_malloc(OUT_MAX), *second = check_malloc(OUT_MAX);
	void *again = check_malloc(type->size);
	size_t first_len, second_len;
	struct record_plan *plan;
	CHECK(good(record_plan_new(type, record_own_text(type->name), &plan)));
	CHECK(good(record_encode(type, record, first, OUT_MAX, &first_len)));
	CHECK(good(record_decode(plan, bytes_of(first, first_len), again)));
	CHECK(good(record_encode(type, again, second, OUT_MAX, &second_len)));
	CHECK(bytes_equal(bytes_of(first, first_len), bytes_of(second, second_len)));
	record_plan_free(&plan);
	free(again);
	free(second);
	free(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0 || len > OUT_MAX / 4)
		return 0;
	const struct record_type *type = types[(data[0] & ~WITH_SCHEMA) % TYPE_COUNT];
	struct bytes avro = bytes_of(data + 1, len - 1);
	char *schema = NULL;
	if (data[0] & WITH_SCHEMA) {
		const uint8_t *end = memchr(avro.data, 0, avro.len);
		size_t schema_len = end ? (size_t)(end - avro.data) : avro.len;
		schema = check_calloc(1, schema_len + 1);
		memcpy(schema, avro.data, schema_len);
		size_t used = end ? schema_len + 1 : schema_len;
		avro = bytes_of(avro.data + used, avro.len - used);
	}
	struct record_plan *plan;
	if (good(record_plan_new(type, schema ? schema : record_own_text(type->name), &plan))) {
		void *record = check_malloc(type->size);
		if (good(record_decode(plan, avro, record)))
			round_trip(type, record);
		free(record);
		record_plan_free(&plan);
	}
	free(schema);
	return 0;
}
