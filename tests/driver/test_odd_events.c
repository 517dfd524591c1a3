/* Events may say anything that their schemas let them: numbers at the ends of their types, no
 * numbers at all, long texts, times of other centuries. The whole line takes them: what can't be is
 * a dead letter, all else goes on, and nothing that is said is no number. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "schemas/event_types.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

enum { EVENTS = 2000, SUBJECTS = 12, DAYS = 400 };

static const int64_t begin_ms = INT64_C(1672531200000);
static const char *const outputs[] = {
	"alerts",   "scores",	       "accounts",	"forecasts", "forecast.accuracy",
	"examples", "forecast.series", "series.points", "models"
};

static const char series[] =
	"{\"series\": ["
	"{\"name\": \"revenue.week\", \"types\": [\"erp.order\", \"erp.return\"], \"measure\": "
	"\"amount_minor\", \"unit\": \"currency\", \"dimensions\": [\"attrs.a\"], \"period\": "
	"\"P1W\", \"horizon\": 4},"
	"{\"name\": \"readings.day\", \"types\": [\"iot.reading\"], \"measure\": \"value\", "
	"\"decimals\": 6, \"period\": \"P1D\", \"season\": 7},"
	"{\"name\": \"seats.month\", \"types\": [\"product.subscription\"], \"measure\": "
	"\"marketing.subscription.seats\", \"period\": \"P1M\", \"horizon\": 3}]}";

static int64_t odd_long(struct prng *random)
{
	static const int64_t odd[] = { INT64_MIN, INT64_MAX, -1, 0,  1,
				       7,	  1000000,   60, -3, INT64_C(1700000000000) };
	return odd[prng_below(random, sizeof odd / sizeof odd[0])];
}

static double odd_double(struct prng *random)
{
	static const double odd[] = { (double)NAN, HUGE_VAL, -HUGE_VAL, 1e300, -1e300, 5e-324,
				      -1,	   0,	     1,		3,     41.5,   9.3e18 };
	return odd[prng_below(random, sizeof odd / sizeof odd[0])];
}

static struct bytes odd_text(struct prng *random)
{
	static const char *const odd[] = { "",	      "x",
					   "EU-N",    "客户服务有限公司客户服务有限公司",
					   "a/b|c",   "EUR",
					   "pricing", "DE123456789" };
	static const char longest[] = "0123456789012345678901234567890123456789012345678901234567";
	size_t at = prng_below(random, sizeof odd / sizeof odd[0] + 1);
	return bytes_str(at < sizeof odd / sizeof odd[0] ? odd[at] : longest);
}

static void fill(const struct record_type *type, uint8_t *record, struct prng *random);

static void fill_field(const struct field *field, uint8_t *record, struct prng *random)
{
	uint8_t *at = record + field->offset;
	size_t count = 0;
	switch (field->kind) {
	case FIELD_STRING:
	case FIELD_BYTES: *(struct bytes *)(void *)at = odd_text(random); break;
	case FIELD_LONG: *(int64_t *)(void *)at = odd_long(random); break;
	case FIELD_INT: *(int32_t *)(void *)at = (int32_t)prng_below(random, 4) - 1; break;
	case FIELD_DOUBLE: *(double *)(void *)at = odd_double(random); break;
	case FIELD_BOOL: *(bool *)(void *)at = prng_below(random, 2) == 1; break;
	case FIELD_ENUM:
		while (field->symbols[count] != NULL)
			count++;
		*(int32_t *)(void *)at = (int32_t)prng_below(random, (uint32_t)count);
		break;
	case FIELD_MAP: *(size_t *)(void *)(record + field->count_offset) = 0; break;
	case FIELD_RECORD: fill(field->type, at, random); break;
	case FIELD_ARRAY:
		count = prng_below(random, (uint32_t)field->element_max + 1);
		*(size_t *)(void *)(record + field->count_offset) = count;
		for (size_t i = 0; i < count; i++)
			fill(field->type, at + i * field->type->size, random);
		break;
	}
}

static void fill(const struct record_type *type, uint8_t *record, struct prng *random)
{
	for (size_t i = 0; i < type->field_count; i++) {
		const struct field *field = &type->fields[i];
		bool is_there = !field->optional || prng_chance(random, 0.7);
		bool has_flag = field->kind != FIELD_STRING && field->kind != FIELD_BYTES;
		if (field->optional && has_flag)
			*(bool *)(void *)(record + field->has_offset) = is_there;
		if (is_there)
			fill_field(field, record, random);
	}
}

/* What the stages look at first is as it should be, mostly. */
static void make(struct source_event *event, const struct event_type *type, int number, char id[16],
		 char subject[16], struct prng *random)
{
	static const int64_t times[] = { 0, INT64_C(-2000000000000), INT64_C(7000000000000) };
	memset(event, 0, sizeof *event);
	fill(type->schema, (uint8_t *)event, random);
	snprintf(id, 16, "e%d", number);
	snprintf(subject, 16, "K%u", (unsigned)prng_below(random, SUBJECTS));
	event->event_id = bytes_str(id);
	event->source = bytes_str("odd");
	event->type = bytes_str(type->name);
	event->subject = bytes_str(subject);
	event->subject_scheme = bytes_of(NULL, 0);
	if (type->schema == event_source_find("market.events")->schema && prng_chance(random, 0.8))
		event->subject_scheme = bytes_str("region");
	event->currency = bytes_str(prng_chance(random, 0.9) ? "EUR" : "JPY");
	event->quantity = event->quantity < 0 ? 1 : event->quantity;
	event->event_ms = begin_ms + (int64_t)number * DAYS * MS_PER_DAY / EVENTS;
	/* of a series they would make periods of a century */
	if (strncmp(type->name, "crm.", 4) == 0 && prng_chance(random, 0.1))
		event->event_ms = times[prng_below(random, 3)];
	if (event->attr_count == 0) {
		event->attr_count = 1;
		event->attrs[0] = (struct attr){ bytes_str("a"), odd_text(random) };
	}
}

static void tell(struct memory_kafka *kafka, struct registry *registry,
		 const struct record_type *type, const struct source_event *event)
{
	uint8_t value[OUTPUT_LEN_MAX];
	size_t len = 0;
	must(registry_encode(registry, "erp.events", type, event, value, sizeof value, &len));
	const struct outgoing out = { .topic = "erp.events",
				      .partition = -1,
				      .key = event->subject,
				      .value = bytes_of(value, len) };
	memory_kafka_append(kafka, &out);
}

static char *run(uint64_t seed)
{
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 2,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 50,
						     .cache_entries = 400,
						     .activate = true,
						     .series = series };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	struct source_event *event = check_calloc(1, sizeof *event);
	struct registry *registry = NULL;
	struct prng random = prng_new(seed, 7);
	char id[16], subject[16];
	must(registry_open(NULL, &registry));
	for (int i = 0; i < EVENTS; i++) {
		const struct event_type *type =
			&event_types[prng_below(&random, (uint32_t)event_type_count)];
		make(event, type, i, id, subject, &random);
		tell(kafka, registry, type->schema, event);
	}
	memory_line_end(line, begin_ms + (DAYS + 100) * MS_PER_DAY);
	must(memory_line_finish(line));
	char *dump = memory_line_dump(line, outputs, sizeof outputs / sizeof outputs[0]);
	registry_close(&registry);
	free(event);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	return dump;
}

static void all_that_events_may_say_is_borne(void **state)
{
	(void)state;
	const char *told = getenv("FORETELL_SEED");
	uint64_t first = told != NULL ? strtoull(told, NULL, 10) : 1;
	uint64_t last = told != NULL ? first : 2;
	for (uint64_t seed = first; seed <= last; seed++) {
		char *dump = run(seed);
		print_message("# seed %llu: %zu scores, %zu alerts, %zu forecasts\n",
			      (unsigned long long)seed, count_of(dump, "\nscores\t"),
			      count_of(dump, "alerts\t"), count_of(dump, "\nforecasts\t"));
		assert_null(strstr(dump, "\"NaN\""));
		assert_null(strstr(dump, "Infinity\""));
		assert_true(count_of(dump, "\nscores\t") > 10);
		assert_true(count_of(dump, "\nforecasts\t") > 10);
		free(dump);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_events_may_say_is_borne),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
