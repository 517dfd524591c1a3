#include "tests/lib/true_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "schemas/record_plan.h"
#include "schemas/registry.h"
#include "schemas/texts.h"
#include "simulate/directory.h"
#include "tests/lib/line_checks.h"

enum { VALUE_MAX = 16384 };

struct feed_in {
	struct memory_kafka *kafka;
	struct registry *registry;
	struct directory *directory;
	struct record_plan *plans[FEED_COUNT];
	struct source_event event;
	int32_t partition_count;
	uint8_t value[VALUE_MAX];
};

/* Under its customer's true name; what belongs to nobody is left out. */
static struct err *publish(void *context, const struct delivery *delivery)
{
	struct feed_in *in = context;
	char account[IDENTITY_TEXT_MAX];
	uint32_t number;
	if (delivery->is_raw || delivery->is_malformed || delivery->is_duplicate)
		return NULL;
	must(record_decode(in->plans[delivery->feed], delivery->value, &in->event));
	if (delivery->feed != FEED_MARKET) {
		if (!directory_find(in->directory, in->event.subject, &number))
			return NULL;
		identity_crm(number, account);
		in->event.subject = bytes_str(account);
		in->event.subject_scheme = bytes_str("crm.account");
		in->event.identifier_count = 0;
	}
	size_t len = 0;
	const struct feed_facts *facts = &feed_facts[delivery->feed];
	must(registry_encode(in->registry, facts->topic, facts->type, &in->event, in->value,
			     VALUE_MAX, &len));
	const struct outgoing out = {
		.topic = feed_facts[FEED_ERP].topic,
		.partition = hash_partition(in->event.subject, in->partition_count),
		.key = in->event.subject,
		.value = bytes_of(in->value, len),
	};
	memory_kafka_append(in->kafka, &out);
	return NULL;
}

void true_feed(struct memory_kafka *kafka, uint64_t seed, uint32_t account_count,
		  int month_count, int32_t partition_count)
{
	struct simulate_options options = simulate_defaults();
	struct simulate_result result;
	struct feed_in *in = check_calloc(1, sizeof *in);
	options.seed = seed;
	options.account_count = account_count;
	options.month_count = month_count;
	options.sink = (struct post_sink){ publish, in };
	in->kafka = kafka;
	in->partition_count = partition_count;
	in->directory = directory_new(&options);
	must(registry_open(NULL, &in->registry));
	for (int feed = 0; feed < FEED_COUNT; feed++) {
		for (size_t i = 0; i < schema_text_count; i++)
			if (strcmp(schema_texts[i].name, feed_facts[feed].type->name) == 0)
				must(record_plan_new(feed_facts[feed].type, schema_texts[i].text,
						     &in->plans[feed]));
	}
	must(simulate_run(&options, &result));
	for (int feed = 0; feed < FEED_COUNT; feed++)
		record_plan_free(&in->plans[feed]);
	directory_free(&in->directory);
	registry_close(&in->registry);
	free(in);
}
