#include "tests/lib/bus_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "kafka/bus_kafka.h"

enum { BEHAVIOURS_MAX = 64 };

void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

void expect_err(struct err *err, enum err_verdict verdict, const char *code)
{
	if (err == NULL)
		fail_msg("no error where %s was expected", code);
	if (strcmp(err_code(err), code) != 0 || err_verdict(err) != verdict)
		fail_msg("verdict %d %s: %s", err_verdict(err), err_code(err), err_text(err));
	err_free(&err);
}

void world_name(const struct world *world, const char *what, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "%s%d-%s", world->prefix, world->serial, what);
}

void world_topic_with(struct world *world, const char *what, int32_t partition_count,
		      const struct topic_config *configs, char name[NAME_MAX_LEN])
{
	world_name(world, what, name);
	if (world->memory != NULL) {
		memory_kafka_topic(world->memory, name, partition_count);
		return;
	}
	struct topic_spec spec = { .name = name,
				   .partition_count = partition_count,
				   .replication_factor = 1 };
	bool created = false;
	for (size_t i = 0; configs != NULL && configs[i].name != NULL; i++)
		spec.configs[i] = configs[i];
	expect_ok(admin_create(world->admin, &spec, 1, &created));
	assert_true(created);
}

void world_topic(struct world *world, const char *what, int32_t partition_count,
		 char name[NAME_MAX_LEN])
{
	world_topic_with(world, what, partition_count, NULL, name);
}

struct bus *world_open_slot(struct world *world, const char *what, const char *slot,
			    const struct client_property *properties, size_t property_count)
{
	char group[NAME_MAX_LEN], id[NAME_MAX_LEN];
	struct bus *bus = NULL;
	world_name(world, what, group);
	world_name(world, slot, id);
	const char *instance = world->nameless ? NULL : id;
	struct client_options client = { world->client.brokers, properties, property_count };
	if (world->memory != NULL)
		expect_ok(bus_memory_open_with(
			world->memory, &(struct bus_memory_options){ group, instance, id }, &bus));
	else
		expect_ok(bus_kafka_open(&(struct bus_kafka_options){ .client = &client,
								      .group = group,
								      .instance = instance,
								      .transactional_id = id },
					 &bus));
	return bus;
}

struct bus *world_open(struct world *world, const char *what)
{
	return world_open_slot(world, what, "slot", NULL, 0);
}

void world_wait(struct world *world, int64_t ms)
{
	world->now_ms += ms;
	if (world->memory != NULL)
		memory_kafka_set_time(world->memory, world->now_ms);
}

void world_append(struct world *world, const struct outgoing *out)
{
	if (world->memory != NULL) {
		memory_kafka_append(world->memory, out);
		return;
	}
	expect_ok(writer_send(world->writer, out));
	expect_ok(writer_flush(world->writer, WAIT_MS_MAX));
}

void append(struct world *world, const char *topic, int32_t partition, const char *value)
{
	struct outgoing out = { .topic = topic,
				.partition = partition,
				.key = bytes_str("k"),
				.value = bytes_str(value) };
	world_append(world, &out);
}

/* ---- what is seen --------------------------------------------------------------------------- */

struct err *seen_add(void *context, const struct record *record)
{
	struct seen *seen = context;
	CHECK(seen->count < SEEN_MAX);
	seen->offsets[seen->count] = record->offset;
	snprintf(seen->values[seen->count++], sizeof seen->values[0], "%.*s",
		 (int)record->value.len, (const char *)record->value.data);
	return NULL;
}

void expect_seen(const struct seen *seen, size_t count, const char *const *values)
{
	assert_int_equal(seen->count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(seen->values[i], values[i]);
}

void read_all(struct bus *bus, const char *topic, int32_t partition, struct seen *seen)
{
	seen->count = 0;
	expect_ok(bus_read_all(bus, topic, partition, seen_add, seen));
}

int64_t high_of(struct bus *bus, const char *topic, int32_t partition)
{
	int64_t low, high;
	expect_ok(bus_watermarks(bus, topic, partition, &low, &high));
	return high;
}

void await_high(struct bus *bus, const char *topic, int64_t high)
{
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	while (high_of(bus, topic, 0) != high && time_monotonic_ms() < deadline)
		;
	assert_int_equal(high_of(bus, topic, 0), high);
}

/* ---- members -------------------------------------------------------------------------------- */

struct err *member_assigned(void *context, struct position *positions, size_t count)
{
	struct member *member = context;
	struct err *err = count > 0 ? bus_committed(member->bus, positions, count) : NULL;
	if (err != NULL)
		return err;
	CHECK(count <= sizeof member->committed / sizeof member->committed[0]);
	memcpy(member->committed, positions, count * sizeof *positions);
	for (size_t i = 0; i < count; i++)
		if (positions[i].offset < 0)
			positions[i].offset = 0;
	member->assigned_count += count;
	member->owned_count = count;
	member->empty_count += count == 0;
	return NULL;
}

struct err *member_revoked(void *context, const struct position *positions, size_t count, bool lost)
{
	struct member *member = context;
	(void)positions;
	member->revoked_count += count;
	member->owned_count = 0;
	member->lost = lost;
	return NULL;
}

void member_open_slot(struct world *world, struct member *member, const char *slot,
		      const struct client_property *properties, size_t property_count)
{
	*member = (struct member){ 0 };
	member->bus = world_open_slot(world, "group", slot, properties, property_count);
	member->listener = (struct bus_listener){ member, member_assigned, member_revoked, false };
}

void member_open(struct world *world, struct member *member)
{
	member_open_slot(world, member, "slot", NULL, 0);
}

int64_t member_join(struct member *member, const char *topic)
{
	const char *const topics[] = { topic };
	struct bus_batch batch;
	int64_t began = time_monotonic_ms();
	expect_ok(bus_subscribe(member->bus, topics, 1, &member->listener));
	while (member->assigned_count == 0 && time_monotonic_ms() - began < WAIT_MS_MAX) {
		expect_ok(bus_poll(member->bus, POLL_MS, &batch));
		for (size_t i = 0; i < batch.count; i++)
			expect_ok(seen_add(&member->early, &batch.records[i]));
	}
	assert_true(member->assigned_count > 0);
	return time_monotonic_ms() - began;
}

void member_poll(struct member *member, size_t count, struct seen *seen)
{
	struct bus_batch batch;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	*seen = member->early;
	member->early.count = 0;
	while (seen->count < count && time_monotonic_ms() < deadline) {
		expect_ok(bus_poll(member->bus, POLL_MS, &batch));
		for (size_t i = 0; i < batch.count; i++)
			expect_ok(seen_add(seen, &batch.records[i]));
	}
	assert_int_equal(seen->count, count);
}

void member_poll_nothing(struct member *member)
{
	struct bus_batch batch;
	for (int i = 0; i < 3; i++) {
		expect_ok(bus_poll(member->bus, POLL_MS, &batch));
		assert_int_equal(batch.count, 0);
	}
}

int64_t member_await_end(struct member *member, const char *topic, int32_t partition)
{
	struct bus_batch batch;
	int64_t deadline = time_monotonic_ms() + WAIT_MS_MAX;
	int64_t end;
	while ((end = bus_end_reached(member->bus, topic, partition)) < 0 &&
	       time_monotonic_ms() < deadline) {
		expect_ok(bus_poll(member->bus, POLL_MS, &batch));
		assert_int_equal(batch.count, 0);
	}
	return end;
}

void produce(struct bus *bus, const char *topic, const char *value)
{
	struct outgoing out = { .topic = topic, .partition = 0, .value = bytes_str(value) };
	expect_ok(bus_produce(bus, &out));
}

struct position position_at(const char *topic, int64_t offset, const char *metadata)
{
	struct position position = { .topic = topic, .offset = offset };
	snprintf(position.metadata, sizeof position.metadata, "%s", metadata);
	return position;
}

/* ---- worlds --------------------------------------------------------------------------------- */

struct world *world_of(void **state)
{
	struct world *world = *state;
	world->serial++;
	world->nameless = false;
	return world;
}

bool worlds_open(int argc, char **argv, struct world *memory, struct world *kafka)
{
	*memory = (struct world){ .memory = memory_kafka_new(), .prefix = "m" };
	*kafka = (struct world){ .program = argv[0], .client.brokers = argc > 1 ? argv[1] : NULL };
	snprintf(kafka->prefix, sizeof kafka->prefix, "c%ld-", (long)getpid());
	if (argc < 2)
		return true;
	struct err *err = admin_open(&kafka->client, &kafka->admin);
	if (err == NULL)
		err = writer_open(&kafka->client, &kafka->writer);
	if (err != NULL)
		fprintf(stderr, "%s\n", err_text(err));
	return err == NULL;
}

int worlds_run(const char *title, const struct behaviour *behaviours, size_t behaviour_count,
	       const char *only, struct world *memory, struct world *kafka)
{
	static char names[2 * BEHAVIOURS_MAX][NAME_MAX_LEN];
	struct CMUnitTest tests[2 * BEHAVIOURS_MAX];
	size_t count = 0;
	CHECK(behaviour_count <= BEHAVIOURS_MAX);
	for (int real = 0; real <= (kafka->admin != NULL); real++) {
		for (size_t i = 0; i < behaviour_count; i++) {
			if ((behaviours[i].kafka_only && !real) ||
			    (only != NULL && strstr(behaviours[i].name, only) == NULL))
				continue;
			snprintf(names[count], NAME_MAX_LEN, "%s: %s", real ? "kafka" : "memory",
				 behaviours[i].name);
			tests[count] = (struct CMUnitTest){ names[count], behaviours[i].run, NULL,
							    NULL, real ? kafka : memory };
			count++;
		}
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = _cmocka_run_group_tests(title, tests, count, NULL, NULL);
	memory_kafka_free(&memory->memory);
	admin_close(&kafka->admin);
	writer_close(&kafka->writer);
	return failed;
}
