/* How many series' periods the forecast stage closes in a second of one core's time: the shipped
 * stage on the runtime and the bus in memory, on one thread and virtual time.
 *
 *   bench_forecast series=N history=N closes=N store=FOLDER
 *
 * Each series (revenue.day by country, so with a season of 7 and 7 periods ahead) is given a
 * history; all then close `closes` periods, one tick each. The closes before are not timed: at the
 * first of them every series looks for its form. Processor time is that of the whole process. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/check.h"
#include "cli/exit.h"
#include "consumers/forecast.h"
#include "consumers/series_state.h"
#include "kafka/bus_memory.h"
#include "runtime/worker.h"
#include "tests/bench/job/settings.h"

enum { STORE_BYTES = 64 << 20, STEP_NS = 5000000, WARM_CLOSES = 4, POINT_LEN_MAX = 512 };

#define APP	   "bench"
#define POINTS	   APP ".series.points"
#define WRITER	   "account.events/0"
#define START_MS   (INT64_C(20000) * MS_PER_DAY)
#define DEFINITION "revenue.day.country"

struct bench {
	int64_t series_count, history_count, close_count, now_ns, appended;
	struct memory_kafka *kafka;
	struct store *store;
	struct registry *registry;
	struct forecast_stage *stage;
	struct processor processor;
	struct worker *worker;
	struct worker_stats stats;
	struct time_source time;
	uint64_t *seeds; /* of each series */
};

static const char *const own_names[] = { "series", "history", "closes", "store", NULL };
static const char *const inputs[] = { POINTS };

static int64_t monotonic_ns(void *context)
{
	return ((struct bench *)context)->now_ns;
}

static int64_t wall_ms(void *context)
{
	return START_MS + ((struct bench *)context)->now_ns / 1000000;
}

static void sleep_ms(void *context, int64_t ms)
{
	((struct bench *)context)->now_ns += ms * 1000000;
}

/* ---- input ---- */

static struct err *append(struct bench *bench, struct bytes key, const struct record_type *type,
			  const void *record)
{
	uint8_t value[POINT_LEN_MAX];
	size_t len = 0;
	struct err *err =
		registry_encode(bench->registry, POINTS, type, record, value, sizeof value, &len);
	if (err != NULL)
		return err;
	const struct outgoing out = {
		.topic = POINTS, .partition = 0, .key = key, .value = bytes_of(value, len)
	};
	memory_kafka_append(bench->kafka, &out);
	bench->appended++;
	return NULL;
}

static struct err *append_inputs(struct bench *bench)
{
	const struct control control = { .kind = CONTROL_INPUTS,
					 .writer = bytes_str(WRITER),
					 .input_count = 1,
					 .inputs = { { bytes_str("account.events"), 1 } } };
	return append(bench, control.writer, &control_type, &control);
}

static struct err *append_tick(struct bench *bench, int64_t day)
{
	const struct control control = { .kind = CONTROL_TICK,
					 .writer = bytes_str(WRITER),
					 .at_ms = START_MS + day * MS_PER_DAY,
					 .ingest_ms = START_MS + day * MS_PER_DAY };
	return append(bench, control.writer, &control_type, &control);
}

/* A level of its own, a weekly season, noise, now and then a day far off. */
static int64_t amount_of(struct bench *bench, int64_t series, int64_t day)
{
	uint64_t *seed = &bench->seeds[series];
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	int64_t noise = (int64_t)(*seed >> 33) % 2000 - 1000;
	int64_t level = 10000 + series % 977 * 10 + day * (series % 7);
	int64_t weekend = (day % 7 + 7) % 7 == 6 ? -level / 2 : 0;
	return level + weekend + (*seed % 211 == 0 ? 10 : 1) * noise;
}

static struct err *append_day(struct bench *bench, int64_t day)
{
	struct err *err = NULL;
	for (int64_t i = 0; err == NULL && i < bench->series_count; i++) {
		char name[32];
		int len = snprintf(name, sizeof name, "S%07" PRId64, i);
		const struct series_point point = { .definition = bytes_str(DEFINITION),
						    .dimension = bytes_of(name, (size_t)len),
						    .unit = bytes_str("EUR"),
						    .period_start_ms = START_MS + day * MS_PER_DAY,
						    .amount = amount_of(bench, i, day) };
		err = append(bench, point.definition, &series_point_type, &point);
	}
	return err;
}

/* ---- run ---- */

static struct err *open_worker(struct bench *bench, const struct settings *settings)
{
	static const char *const topics[] = { POINTS,
					      APP ".forecast.series",
					      APP ".forecast.meta",
					      APP ".forecasts",
					      APP ".forecast.accuracy",
					      APP ".drift",
					      APP ".series.parts",
					      APP ".dlq" };
	static const char *const dimensions[] = { "country" };
	const struct conf *conf = settings->conf;
	const struct worker_options options = {
		.app_id = APP,
		.inputs = inputs,
		.input_count = 1,
		.commit_interval_ms = conf_int(conf, "commit.interval.ms"),
		.checkpoint_interval_ms = conf_int(conf, "checkpoint.interval.ms"),
		.cache_entries = (uint32_t)conf_int(conf, "cache.entries"),
		.time = &bench->time,
	};
	bench->kafka = memory_kafka_new();
	for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
		memory_kafka_topic(bench->kafka, topics[i], 1);
	bench->time = (struct time_source){ monotonic_ns, wall_ms, sleep_ms, bench };
	struct series_table series;
	series_table_init(&series, dimensions, 1);
	const struct store_options store = { .memory_bytes = STORE_BYTES };
	struct err *err = registry_open(NULL, &bench->registry);
	if (err == NULL)
		err = store_open(settings_text(settings, "store", "forecast-store"), &store, NULL,
				 &bench->store);
	if (err != NULL)
		return err;
	static const struct network none;
	const struct forecast_options forecast = { &series, &none, 1 };
	bench->stage = forecast_stage_new(&forecast, bench->registry);
	bench->processor = forecast_processor(bench->stage);
	struct bus *bus = bus_memory_open(bench->kafka, APP ".forecast", APP);
	return worker_open(&options, &bench->processor, bus, bench->store, bench->registry,
			   &bench->stats, &bench->worker);
}

/* Until all that was appended is processed and committed; what was said is then let go. */
static struct err *settle(struct bench *bench)
{
	static const char *const outputs[] = { APP ".forecasts", APP ".forecast.accuracy",
					       APP ".drift", APP ".forecast.series" };
	struct err *err = NULL;
	bool at_end = false;
	while (err == NULL && !at_end) {
		bench->now_ns += STEP_NS;
		memory_kafka_set_time(bench->kafka, wall_ms(bench));
		err = worker_step(bench->worker, 0);
		if (err == NULL && atomic_load(&bench->stats.records) == bench->appended)
			err = worker_at_end(bench->worker, &at_end);
	}
	for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
		int64_t last = memory_kafka_last(bench->kafka, outputs[i], 0);
		if (last >= 0)
			memory_kafka_trim(bench->kafka, outputs[i], 0, last);
	}
	return err;
}

static struct err *close_day(struct bench *bench, int64_t day)
{
	struct err *err = append_day(bench, day);
	if (err == NULL)
		err = append_tick(bench, day + 1);
	return err == NULL ? settle(bench) : err;
}

static struct err *give_history(struct bench *bench)
{
	struct err *err = append_inputs(bench);
	if (err == NULL)
		err = close_day(bench, 0);
	for (int64_t day = 1; err == NULL && day < bench->history_count; day++) {
		err = append_day(bench, -day);
		if (err == NULL)
			err = settle(bench);
	}
	for (int64_t day = 1; err == NULL && day <= WARM_CLOSES; day++)
		err = close_day(bench, day);
	return err;
}

static double processor_s(void)
{
	struct timespec now;
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Only the closes are timed, not what the model of Kafka is given before. */
static struct err *run(struct bench *bench, double *took_s)
{
	struct err *err = NULL;
	*took_s = 0;
	for (int64_t i = 1; err == NULL && i <= bench->close_count; i++) {
		err = append_day(bench, WARM_CLOSES + i);
		if (err == NULL)
			err = settle(bench);
		if (err == NULL)
			err = append_tick(bench, WARM_CLOSES + i + 1);
		double begin = processor_s();
		if (err == NULL)
			err = settle(bench);
		*took_s += processor_s() - begin;
	}
	return err;
}

static void report(const struct bench *bench, const struct forecast_counts *before, double took_s)
{
	const struct forecast_counts *now = forecast_stage_counts(bench->stage);
	double closed = (double)(now->closed - before->closed);
	struct rusage usage;
	CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
	printf("figure forecast_closes_per_s %.0f\n", closed / took_s);
	printf("figure forecast_records_per_s %.0f\n",
	       (double)(now->forecasts - before->forecasts) / took_s);
	printf("figure forecast_us_per_close %.1f\n", 1e6 * took_s / closed);
	printf("figure forecast_estimated_share %.4f\n",
	       (double)(now->estimated - before->estimated) / closed);
	printf("figure forecast_searched_share %.4f\n",
	       (double)(now->searched - before->searched) / closed);
	printf("figure forecast_fallen_back_share %.4f\n",
	       (double)(now->fallen_back - before->fallen_back) / closed);
	printf("figure forecast_state_bytes %zu\n", sizeof(struct series_state));
	printf("figure forecast_peak_mib %.0f\n", (double)usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
	struct bench *bench = check_calloc(1, sizeof *bench);
	struct settings settings;
	double took_s = 0;
	struct forecast_counts before = { 0 };
	struct err *err = settings_open(argc, argv, own_names, &settings);
	if (err == NULL)
		err = settings_number(&settings, "series", 5000, 1, 1000000, &bench->series_count);
	if (err == NULL)
		err = settings_number(&settings, "history", 200, 1, SERIES_HISTORY_MAX,
				      &bench->history_count);
	if (err == NULL)
		err = settings_number(&settings, "closes", 16, 1, 1000, &bench->close_count);
	if (err == NULL) {
		bench->seeds = check_calloc((size_t)bench->series_count, sizeof *bench->seeds);
		for (int64_t i = 0; i < bench->series_count; i++)
			bench->seeds[i] = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15) + 1;
		err = open_worker(bench, &settings);
	}
	if (err == NULL)
		err = give_history(bench);
	if (err == NULL) {
		before = *forecast_stage_counts(bench->stage);
		err = run(bench, &took_s);
	}
	if (err == NULL)
		report(bench, &before, took_s);
	if (bench->worker != NULL)
		worker_close(&bench->worker);
	store_close(&bench->store);
	if (bench->stage != NULL)
		forecast_stage_free(&bench->stage);
	registry_close(&bench->registry);
	memory_kafka_free(&bench->kafka);
	settings_close(&settings);
	free(bench->seeds);
	free(bench);
	return exit_report("bench_forecast", &err);
}
