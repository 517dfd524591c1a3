#define _XOPEN_SOURCE 700 /* nftw */

#include "tests/lib/company_feed.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "schemas/registry.h"
#include "tests/lib/line_checks.h"

enum { PATH_LEN = 256, ROW_LEN = 512 };

struct kept {
	struct bytes key, value;
};

struct kept_feed {
	struct kept *records;
	size_t count, capacity, sent;
};

struct company_feed {
	struct kept_feed feeds[FEED_COUNT];
	struct simulate_result result;
	struct registry *registry;
	struct true_name *names;
	size_t name_count, name_capacity;
	char folder[PATH_LEN];
};

static struct bytes copy(const uint8_t *head, size_t head_len, struct bytes rest)
{
	uint8_t *bytes = check_malloc(head_len + rest.len + 1);
	if (head_len > 0)
		memcpy(bytes, head, head_len);
	if (rest.len > 0)
		memcpy(bytes + head_len, rest.data, rest.len);
	return bytes_of(bytes, head_len + rest.len);
}

static struct err *keep(void *context, const struct delivery *delivery)
{
	struct company_feed *feed = context;
	struct kept_feed *to = &feed->feeds[delivery->feed];
	const struct feed_facts *facts = &feed_facts[delivery->feed];
	int32_t id = 0;
	must(registry_writer_id(feed->registry, facts->topic, facts->type, &id));
	const uint8_t frame[WIRE_HEADER_LEN] = { 0, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
						 (uint8_t)(id >> 8), (uint8_t)id };
	if (to->count == to->capacity) {
		to->capacity = to->capacity ? 2 * to->capacity : 1024;
		to->records = check_realloc(to->records, to->capacity * sizeof *to->records);
	}
	to->records[to->count++] =
		(struct kept){ copy(NULL, 0, delivery->key),
			       copy(frame, delivery->is_raw ? 0 : sizeof frame, delivery->value) };
	return NULL;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void take(char *to, size_t size, char **from)
{
	size_t len = strcspn(*from, ",\n");
	CHECK(len < size);
	memcpy(to, *from, len);
	to[len] = '\0';
	*from += len + ((*from)[len] == ',');
}

static void read_names(struct company_feed *feed)
{
	char path[PATH_LEN + 32], row[ROW_LEN];
	snprintf(path, sizeof path, "%s/identities.csv", feed->folder);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL && fgets(row, sizeof row, file) != NULL);
	while (fgets(row, sizeof row, file) != NULL) {
		if (feed->name_count == feed->name_capacity) {
			feed->name_capacity = feed->name_capacity ? 2 * feed->name_capacity : 256;
			feed->names = check_realloc(feed->names,
						    feed->name_capacity * sizeof *feed->names);
		}
		struct true_name *name = &feed->names[feed->name_count++];
		char *at = row;
		take(name->account, sizeof name->account, &at);
		take(name->scheme, sizeof name->scheme, &at);
		take(name->value, sizeof name->value, &at);
		take(name->link, sizeof name->link, &at);
		take(name->linked_to, sizeof name->linked_to, &at);
	}
	fclose(file);
}

struct company_feed *company_feed_new(const struct simulate_options *options)
{
	struct company_feed *feed = check_calloc(1, sizeof *feed);
	struct simulate_options own = *options;
	const char *base = getenv("TMPDIR");
	snprintf(feed->folder, sizeof feed->folder, "%s/foretell-truth-XXXXXX",
		 base != NULL ? base : "/tmp");
	CHECK(mkdtemp(feed->folder) != NULL);
	must(registry_open(NULL, &feed->registry));
	must(truth_open(feed->folder, &own.truth));
	own.sink = (struct post_sink){ keep, feed };
	must(simulate_run(&own, &feed->result));
	must(truth_close(&own.truth));
	read_names(feed);
	nftw(feed->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return feed;
}

void company_feed_free(struct company_feed **out)
{
	struct company_feed *feed = *out;
	for (int i = 0; i < FEED_COUNT; i++) {
		for (size_t k = 0; k < feed->feeds[i].count; k++) {
			free((void *)(uintptr_t)feed->feeds[i].records[k].key.data);
			free((void *)(uintptr_t)feed->feeds[i].records[k].value.data);
		}
		free(feed->feeds[i].records);
	}
	registry_close(&feed->registry);
	free(feed->names);
	free(feed);
	*out = NULL;
}

const struct simulate_result *company_feed_result(const struct company_feed *feed)
{
	return &feed->result;
}

const struct true_name *company_feed_names(const struct company_feed *feed, size_t *count)
{
	*count = feed->name_count;
	return feed->names;
}

size_t company_feed_left(const struct company_feed *feed, enum feed which)
{
	return feed->feeds[which].count - feed->feeds[which].sent;
}

static void send_end(const struct company_feed *feed, struct memory_kafka *kafka, enum feed which,
		     int32_t partition_count)
{
	uint8_t value[512];
	size_t len = 0;
	const struct control end = { .kind = CONTROL_END,
				     .writer = bytes_str("company"),
				     .at_ms = feed->result.end_ms };
	must(registry_encode(feed->registry, feed_facts[which].topic, &control_type, &end, value,
			     sizeof value, &len));
	for (int32_t p = 0; p < partition_count; p++)
		memory_kafka_append(kafka, &(struct outgoing){ .topic = feed_facts[which].topic,
							       .partition = p,
							       .key = bytes_str("company"),
							       .value = bytes_of(value, len) });
}

void company_feed_send(struct company_feed *feed, struct memory_kafka *kafka, enum feed which,
		       size_t count, int32_t partition_count)
{
	struct kept_feed *from = &feed->feeds[which];
	if (from->sent == from->count)
		return;
	for (; count > 0 && from->sent < from->count; count--, from->sent++)
		memory_kafka_append(kafka,
				    &(struct outgoing){ .topic = feed_facts[which].topic,
							.partition = -1,
							.key = from->records[from->sent].key,
							.value = from->records[from->sent].value });
	if (from->sent == from->count)
		send_end(feed, kafka, which, partition_count);
}
