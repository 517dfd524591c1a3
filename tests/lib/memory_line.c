#define _XOPEN_SOURCE 700 /* nftw */

#include "tests/lib/memory_line.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "cli/decode.h"
#include "consumers/series_file.h"
#include "consumers/series_shelf.h"
#include "consumers/topics.h"
#include "kafka/bus_ordered.h"
#include "producers/ingest.h"
#include "runtime/names.h"
#include "schemas/event_peek.h"
#include "schemas/value_json.h"
#include "tests/lib/line_checks.h"

enum { PATH_LEN = 256, STEPS_MAX = 2000000, READ_MAX = 256, STORE_BYTES = 16 << 20 };

struct seat {
	struct stage *stage;
	struct registry *registry;
	struct worker *worker;
	struct worker_stats stats;
	char group[NAME_LEN_MAX + 1];
};

struct memory_line {
	struct memory_kafka *kafka;
	struct memory_line_options options;
	struct time_source time;
	int64_t now_ns;
	char folder[PATH_LEN];
	struct store *store;
	struct seat seats[STAGE_COUNT];
};

/* A fixed "now", long after every event of the tests' histories. */
static const int64_t wall_start_ms = INT64_C(1795000000000);
static const char *const inputs[] = { "erp.events",	  "crm.events",	    "iot.events",
				      "marketing.events", "support.events", "content.events",
				      "market.events" };

static int64_t monotonic_ns(void *context)
{
	return ((struct memory_line *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
	return wall_start_ms + ((struct memory_line *)context)->now_ns / 1000000;
}

static void sleep_ms(void *context, int64_t ms)
{
	memory_line_wait(context, ms);
}

void memory_line_wait(struct memory_line *line, int64_t ms)
{
	line->now_ns += ms * 1000000;
	memory_kafka_set_time(line->kafka, wall_ms(line));
}

int64_t memory_line_now_ms(const struct memory_line *line)
{
	return line->now_ns / 1000000;
}

static void make_topics(struct memory_line *line)
{
	for (size_t i = 0; i < topics_count; i++) {
		char name[TOPIC_NAME_MAX + 1];
		topics_name(line->options.app_id, topics_table[i].logical, name);
		memory_kafka_topic(line->kafka, name, line->options.partition_count);
	}
}

struct memory_line *memory_line_new(struct memory_kafka *kafka,
				    const struct memory_line_options *options)
{
	struct memory_line *line = check_calloc(1, sizeof *line);
	line->kafka = kafka;
	line->options = *options;
	line->time = (struct time_source){ monotonic_ns, wall_ms, sleep_ms, line };
	line->now_ns = 1000000000;
	const char *base = getenv("TMPDIR");
	snprintf(line->folder, sizeof line->folder, "%s/foretell-line-XXXXXX",
		 base != NULL ? base : "/tmp");
	CHECK(mkdtemp(line->folder) != NULL);
	memory_line_wait(line, 0);
	make_topics(line);
	return line;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void memory_line_lose_store(struct memory_line *line)
{
	for (size_t i = 0; i < STAGE_COUNT; i++)
		memory_line_kill(line, i);
	store_close(&line->store);
	nftw(line->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void memory_line_free(struct memory_line **line)
{
	if (*line == NULL)
		return;
	memory_line_lose_store(*line);
	free(*line);
	*line = NULL;
}

static struct err *append(void *context, const struct outgoing *out)
{
	memory_kafka_append(context, out);
	return NULL;
}

int64_t memory_line_ingest(struct memory_line *line, const char *map, const char *csv)
{
	struct registry *registry = NULL;
	struct mapping *mapping = NULL;
	struct ingest_result result;
	char dlq[TOPIC_NAME_MAX + 1];
	topics_name(line->options.app_id, "dlq", dlq);
	must(registry_open(NULL, &registry));
	must(mapping_load(map, &mapping));
	const struct ingest_options options = {
		.path = csv,
		.mapping = mapping,
		.registry = registry,
		.sink = { .send = append,
			  .context = line->kafka,
			  .start = { line->options.partition_count, line->options.partition_count,
				     0, false } },
		.dlq_topic = dlq,
		.from_ms = TIME_NONE,
		.until_ms = TIME_NONE,
	};
	must(ingest_run(&options, &result));
	mapping_free(&mapping);
	registry_close(&registry);
	return result.dlq_rows;
}

static void publish(struct memory_line *line, const char *topic, const struct record_type *type,
		    const void *record, struct bytes key, int32_t partition)
{
	uint8_t value[OUTPUT_LEN_MAX];
	size_t len = 0;
	struct registry *registry = NULL;
	must(registry_open(NULL, &registry));
	must(registry_encode(registry, topic, type, record, value, sizeof value, &len));
	const struct outgoing out = {
		.topic = topic, .partition = partition, .key = key, .value = bytes_of(value, len)
	};
	memory_kafka_append(line->kafka, &out);
	registry_close(&registry);
}

void memory_line_tell(struct memory_line *line, const struct source_event *event)
{
	publish(line, inputs[0], &erp_event_type, event, event->subject, -1);
}

void memory_line_end(struct memory_line *line, int64_t at_ms)
{
	const struct control end = { .kind = CONTROL_END, .writer = bytes_str(""), .at_ms = at_ms };
	for (int32_t i = 0; i < line->options.partition_count; i++)
		publish(line, inputs[0], &control_type, &end, bytes_str("end"), i);
}

void memory_line_deploy(struct memory_line *line, const char *file, int64_t from_ms)
{
	char version[SERIES_VERSION_LEN + 1], topic[TOPIC_NAME_MAX + 1];
	uint8_t body[SERIES_BODY_MAX];
	size_t len = 0;
	must(series_deployment_make(file, strlen(file), "series", version, body, &len));
	const struct series_definitions_record record = { .version = bytes_str(version),
							  .from_ms = from_ms,
							  .body = bytes_of(body, len),
							  .at_ms = from_ms,
							  .by = bytes_str("test") };
	topics_name(line->options.app_id, "account.events", topic);
	for (int32_t i = 0; i < line->options.partition_count; i++)
		publish(line, topic, &series_definitions_type, &record, bytes_str(series_shelf_key),
			i);
}

static struct stage_options stage_options(const struct memory_line *line)
{
	struct stage_options options = {
		.app_id = line->options.app_id,
		.inputs = inputs,
		.input_count = line->options.all_inputs ? sizeof inputs / sizeof inputs[0] : 1,
		.partition_count = line->options.partition_count,
		.tick_ms = line->options.idle_ms ? 1000 : MS_PER_DAY,
		.future_ms = 10 * MS_PER_MINUTE,
		.live = line->options.idle_ms != 0,
		.identity_wait_ms =
			line->options.wait_ms > 0 ? line->options.wait_ms : 7 * MS_PER_DAY,
		.identity_unknown_to_dlq = line->options.unknown_to_dlq,
		.churn = { 0.80, 0.60, 3, { 0.55, 0.35 } },
		.risk = { 0.25, 0.15, { 0.55, 0.35 } },
		.activate = line->options.activate,
		.decisions = line->options.decisions,
	};
	const char *series = line->options.series, *network = line->options.network;
	if (series != NULL)
		must(series_file_parse(series, strlen(series), "series", &options.series));
	else
		series_table_init(&options.series, &line->options.dimension,
				  line->options.dimension != NULL ? 1 : 0);
	if (network != NULL) {
		must(network_parse(network, strlen(network), "network", &options.network));
		must(network_check(&options.network, &options.series));
	}
	return options;
}

static bool may_pass(void *context, int64_t time_ms)
{
	return time_ms < *((struct memory_line *)context)->options.until_ms;
}

static bool is_in_order(const struct memory_line *line, size_t index)
{
	return line->options.until_ms != NULL && index == STAGE_RESOLVE;
}

static struct err *open_seat(struct memory_line *line, size_t index)
{
	struct seat *seat = &line->seats[index];
	const struct stage_options options = stage_options(line);
	const struct store_options store = { .memory_bytes = STORE_BYTES };
	if (line->store == NULL)
		must(store_open(line->folder, &store, NULL, &line->store));
	must(registry_open(NULL, &seat->registry));
	seat->stage = stage_new(stage_names[index], &options, seat->registry);
	names_output(line->options.app_id, stage_names[index], seat->group);
	struct worker_options worker = {
		.app_id = line->options.app_id,
		.commit_interval_ms = line->options.commit_interval_ms,
		.checkpoint_interval_ms = stage_publishes_always(seat->stage)
						  ? 0
						  : line->options.checkpoint_interval_ms,
		.idle_ms = line->options.idle_ms,
		.cache_entries = stage_cache_limit(seat->stage, line->options.cache_entries),
		.time = &line->time,
	};
	worker.inputs = stage_inputs(seat->stage, &worker.input_count);
	struct bus *bus = bus_memory_open(line->kafka, seat->group, seat->group);
	const struct bus_ordered_options ordered = {
		.time_of = event_peek_ms, .may_pass = may_pass, .context = line, .time = &line->time
	};
	if (is_in_order(line, index))
		bus = bus_ordered_new(&ordered, bus);
	return worker_open(&worker, stage_processor(seat->stage), bus, line->store, seat->registry,
			   &seat->stats, &seat->worker);
}

static void leave_seat(struct seat *seat)
{
	stage_free(&seat->stage);
	registry_close(&seat->registry);
}

struct err *memory_line_step(struct memory_line *line, size_t stage)
{
	struct seat *seat = &line->seats[stage];
	if (seat->worker == NULL) {
		struct err *err = open_seat(line, stage);
		if (err != NULL) {
			leave_seat(seat);
			return err;
		}
	}
	memory_line_wait(line, 1);
	return worker_step(seat->worker, 0);
}

static void kill_ordered(struct bus **bus)
{
	struct bus *inner = bus_ordered_unwrap(bus);
	bus_memory_kill(&inner);
}

void memory_line_kill(struct memory_line *line, size_t stage)
{
	struct seat *seat = &line->seats[stage];
	if (seat->worker == NULL)
		return;
	worker_kill(&seat->worker, is_in_order(line, stage) ? kill_ordered : bus_memory_kill);
	leave_seat(seat);
}

void memory_line_stop(struct memory_line *line, size_t stage)
{
	struct seat *seat = &line->seats[stage];
	if (seat->worker == NULL)
		return;
	must(worker_drain(seat->worker));
	worker_close(&seat->worker);
	leave_seat(seat);
}

struct err *memory_line_run(struct memory_line *line, size_t stage)
{
	bool at_end = false;
	struct err *err = NULL;
	for (int steps = 0; err == NULL && !at_end; steps++) {
		CHECK(steps < STEPS_MAX);
		err = memory_line_step(line, stage);
		if (err == NULL)
			err = worker_at_end(line->seats[stage].worker, &at_end);
	}
	return err;
}

struct err *memory_line_finish(struct memory_line *line)
{
	struct err *err = NULL;
	for (size_t stage = 0; err == NULL && stage < STAGE_COUNT; stage++)
		err = memory_line_run(line, stage);
	for (size_t stage = 0; err == NULL && stage < STAGE_COUNT; stage++)
		memory_line_stop(line, stage);
	return err;
}

const struct worker_stats *memory_line_stats(const struct memory_line *line, size_t stage)
{
	return &line->seats[stage].stats;
}

struct dump_line {
	char *text;    /* "topic<TAB>key<TAB>value" */
	size_t prefix; /* its length up to the value */
	size_t sequence;
};

struct dump {
	struct dump_line *lines;
	size_t count, capacity;
};

static void dump_record(struct dump *dump, struct decoder *decoder, const char *topic,
			const struct record *record)
{
	json_t *key = value_text(record->key), *value = NULL;
	struct err *err = decode_value(decoder, record->value, &value);
	if (err != NULL) { /* a dead letter */
		err_free(&err);
		value = value_text(record->value);
	}
	char *key_text = json_dumps(key, JSON_ENCODE_ANY | JSON_COMPACT);
	char *value_text =
		json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
	size_t len = strlen(topic) + strlen(key_text) + strlen(value_text) + 3;
	if (dump->count == dump->capacity) {
		dump->capacity = dump->capacity ? 2 * dump->capacity : 1024;
		dump->lines = check_realloc(dump->lines, dump->capacity * sizeof *dump->lines);
	}
	struct dump_line *line = &dump->lines[dump->count];
	line->text = check_malloc(len);
	line->sequence = dump->count++;
	line->prefix = (size_t)snprintf(line->text, len, "%s\t%s\t", topic, key_text);
	snprintf(line->text + line->prefix, len - line->prefix, "%s", value_text);
	free(key_text);
	free(value_text);
	json_decref(key);
	json_decref(value);
}

static int by_prefix(const void *a, const void *b)
{
	const struct dump_line *left = a, *right = b;
	int order = bytes_compare(bytes_of(left->text, left->prefix),
				  bytes_of(right->text, right->prefix));
	if (order != 0)
		return order;
	return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static void dump_topic(const struct memory_line *line, struct dump *dump, struct decoder *decoder,
		       const char *logical)
{
	char name[TOPIC_NAME_MAX + 1];
	struct record records[READ_MAX];
	topics_name(line->options.app_id, logical, name);
	for (int32_t p = 0; p < line->options.partition_count; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(line->kafka, name, p, from, records, READ_MAX);
			for (size_t i = 0; i < got; i++)
				dump_record(dump, decoder, logical, &records[i]);
			from += got;
		} while (got > 0);
	}
}

static bool is_superseded(const struct dump *dump, size_t i)
{
	const struct dump_line *line = &dump->lines[i];
	char logical[TOPIC_NAME_MAX + 1];
	snprintf(logical, sizeof logical, "%.*s", (int)strcspn(line->text, "\t"), line->text);
	return topics_find(logical)->compacted && i + 1 < dump->count &&
	       bytes_equal(bytes_of(line->text, line->prefix),
			   bytes_of(dump->lines[i + 1].text, dump->lines[i + 1].prefix));
}

char *memory_line_dump(const struct memory_line *line, const char *const *topics,
		       size_t topic_count)
{
	struct dump dump = { 0 };
	struct registry *registry = NULL;
	must(registry_open(NULL, &registry));
	struct decoder *decoder = decoder_new(registry);
	for (size_t i = 0; i < topic_count; i++)
		dump_topic(line, &dump, decoder, topics[i]);
	decoder_free(&decoder);
	registry_close(&registry);
	if (dump.count > 1)
		qsort(dump.lines, dump.count, sizeof *dump.lines, by_prefix);
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	CHECK(out != NULL);
	for (size_t i = 0; i < dump.count; i++)
		if (!is_superseded(&dump, i))
			fprintf(out, "%s\n", dump.lines[i].text);
	fclose(out);
	for (size_t i = 0; i < dump.count; i++)
		free(dump.lines[i].text);
	free(dump.lines);
	return text;
}
