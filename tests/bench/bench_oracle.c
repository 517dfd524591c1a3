/* Checks what the reference job left on its topics against a plain replay: the last state of every
 * account and the multiset of alerts, byte for byte. It makes the input itself, from the seed, and
 * knows nothing of the runtime.
 *
 *   bench_oracle brokers=HOST:PORT app=NAME events=N [accounts=N] [first_pass=1] [keep=FILE]
 *
 * Prints one line of counts; exit code 4 where anything differs. What the replay came to is kept in
 * FILE, and read from there next time: states by account number, then the alerts, each after its
 * length. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/exit.h"
#include "kafka/reader.h"
#include "runtime/names.h"
#include "tests/bench/job/reference.h"
#include "tests/bench/job/settings.h"
#include "tests/bench/job/stream.h"

struct account_row {
	struct job_state state; /* of the plain replay */
	bool found, equal;	/* the last one on the topic */
};

/* Alerts as bytes, one after the other. */
struct alerts {
	uint8_t *data;
	size_t len, capacity;
	struct bytes *items; /* made when the data are complete */
	size_t count;
	size_t *lens;
	size_t lens_capacity;
};

struct oracle {
	struct settings settings;
	struct client_options client;
	const char *app;
	int64_t event_count, account_count, first_pass;
	struct account_row *accounts;
	struct alerts expected, found;
	int64_t state_records, foreign;
};

static const char *const own_names[] = { "brokers",    "app",  "events", "accounts",
					 "first_pass", "keep", NULL };

static void alerts_add(struct alerts *alerts, struct bytes alert)
{
	if (alerts->len + alert.len > alerts->capacity) {
		alerts->capacity = 2 * alerts->capacity + 1048576;
		alerts->data = check_realloc(alerts->data, alerts->capacity);
	}
	if (alerts->count == alerts->lens_capacity) {
		alerts->lens_capacity = 2 * alerts->lens_capacity + 1024;
		alerts->lens =
			check_realloc(alerts->lens, alerts->lens_capacity * sizeof *alerts->lens);
	}
	memcpy(alerts->data + alerts->len, alert.data, alert.len);
	alerts->len += alert.len;
	alerts->lens[alerts->count++] = alert.len;
}

static int by_bytes(const void *a, const void *b)
{
	return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static void alerts_sort(struct alerts *alerts)
{
	const uint8_t *at = alerts->data;
	alerts->items = check_calloc(alerts->count + 1, sizeof *alerts->items);
	for (size_t i = 0; i < alerts->count; i++) {
		alerts->items[i] = bytes_of(at, alerts->lens[i]);
		at += alerts->lens[i];
	}
	qsort(alerts->items, alerts->count, sizeof *alerts->items, by_bytes);
}

static void alerts_free(struct alerts *alerts)
{
	free(alerts->data);
	free(alerts->lens);
	free(alerts->items);
}

static struct err *replay(struct oracle *oracle)
{
	struct stream stream;
	struct err *err = NULL;
	stream_init(&stream, oracle->account_count, oracle->first_pass != 0);
	for (int64_t i = 0; err == NULL && i < oracle->event_count; i++) {
		struct bytes key, value;
		struct job_event event;
		struct job_outcome outcome;
		uint8_t alert[JOB_ALERT_LEN_MAX];
		stream_next(&stream, &key, &value);
		err = job_event_decode(value, &event);
		if (err != NULL)
			return err;
		job_state_apply(&oracle->accounts[stream_account(event.account)].state, &event,
				&outcome);
		if (outcome.alert)
			alerts_add(&oracle->expected,
				   bytes_of(alert, job_alert_encode(&event, &outcome, alert)));
	}
	return err;
}

static struct err *look_at_state(void *context, const struct record *record)
{
	struct oracle *oracle = context;
	int64_t account = stream_account(record->key);
	oracle->state_records++;
	if (account < 0 || account >= oracle->account_count) {
		oracle->foreign++;
		return NULL;
	}
	struct account_row *row = &oracle->accounts[account];
	row->found = record->value.data != NULL;
	row->equal = record->value.len == sizeof row->state &&
		     memcmp(record->value.data, &row->state, sizeof row->state) == 0;
	return NULL;
}

static struct err *look_at_alert(void *context, const struct record *record)
{
	struct oracle *oracle = context;
	alerts_add(&oracle->found, record->value);
	return NULL;
}

static struct err *read_topic(struct oracle *oracle, const char *logical,
			      struct err *(*each)(void *, const struct record *))
{
	char topic[NAME_LEN_MAX + 1];
	names_output(oracle->app, logical, topic);
	const struct reader_options options = { .client = &oracle->client,
						.topic = topic,
						.partition = -1 };
	return reader_run(&options, each, oracle, NULL);
}

/* Counts what only one side has. */
static void compare_alerts(const struct alerts *expected, const struct alerts *found,
			   int64_t *missing, int64_t *extra)
{
	size_t i = 0, j = 0;
	while (i < expected->count || j < found->count) {
		int order = i == expected->count ? 1
			    : j == found->count
				    ? -1
				    : bytes_compare(expected->items[i], found->items[j]);
		*missing += order < 0;
		*extra += order > 0;
		i += order <= 0;
		j += order >= 0;
	}
}

static struct err *compare(struct oracle *oracle)
{
	int64_t seen = 0, missing = 0, differ = 0, more = 0, alerts_missing = 0, alerts_extra = 0;
	for (int64_t i = 0; i < oracle->account_count; i++) {
		const struct account_row *row = &oracle->accounts[i];
		bool expected = row->state.version != 0;
		seen += expected;
		missing += expected && !row->found;
		differ += expected && row->found && !row->equal;
		more += !expected && row->found;
	}
	alerts_sort(&oracle->expected);
	alerts_sort(&oracle->found);
	compare_alerts(&oracle->expected, &oracle->found, &alerts_missing, &alerts_extra);
	printf("events %" PRId64 ", accounts %" PRId64 " (missing %" PRId64 ", different %" PRId64
	       ", extra %" PRId64 "; %" PRId64 " state records), alerts %zu (missing %" PRId64
	       ", extra %" PRId64 ")\n",
	       oracle->event_count, seen, missing, differ, more + oracle->foreign,
	       oracle->state_records, oracle->expected.count, alerts_missing, alerts_extra);
	if (missing + differ + more + oracle->foreign + alerts_missing + alerts_extra == 0)
		return NULL;
	return err_new(ERR_FATAL, "DIFFERENT", "the outputs are not those of a plain replay");
}

static bool keep_parts(const struct oracle *oracle, FILE *file)
{
	const struct alerts *alerts = &oracle->expected;
	bool good = true;
	for (int64_t i = 0; good && i < oracle->account_count; i++)
		good = fwrite(&oracle->accounts[i].state, sizeof(struct job_state), 1, file) == 1;
	const uint8_t *at = alerts->data;
	for (size_t i = 0; good && i < alerts->count; at += alerts->lens[i++]) {
		uint16_t len = (uint16_t)alerts->lens[i];
		good = fwrite(&len, sizeof len, 1, file) == 1 && fwrite(at, len, 1, file) == 1;
	}
	return good;
}

static struct err *keep(const struct oracle *oracle, const char *path)
{
	FILE *file = fopen(path, "wb");
	bool good = file != NULL && keep_parts(oracle, file);
	if (file != NULL)
		good = fclose(file) == 0 && good;
	return good ? NULL : err_new(ERR_FATAL, "KEEP", "%s can't be written", path);
}

static struct err *read_kept(struct oracle *oracle, FILE *file)
{
	bool good = true;
	for (int64_t i = 0; good && i < oracle->account_count; i++)
		good = fread(&oracle->accounts[i].state, sizeof(struct job_state), 1, file) == 1;
	uint16_t len;
	uint8_t alert[JOB_ALERT_LEN_MAX];
	while (good && fread(&len, sizeof len, 1, file) == 1) {
		good = len <= sizeof alert && fread(alert, 1, len, file) == len;
		if (good)
			alerts_add(&oracle->expected, bytes_of(alert, len));
	}
	return good ? NULL : err_new(ERR_FATAL, "KEEP", "the kept replay is damaged");
}

/* Replays, unless that was done before. */
static struct err *expect(struct oracle *oracle)
{
	const char *path = settings_text(&oracle->settings, "keep", NULL);
	FILE *file = path != NULL ? fopen(path, "rb") : NULL;
	if (file != NULL) {
		struct err *err = read_kept(oracle, file);
		fclose(file);
		return err;
	}
	struct err *err = replay(oracle);
	return err == NULL && path != NULL ? keep(oracle, path) : err;
}

static struct err *prepare(struct oracle *oracle, int argc, char **argv)
{
	const struct settings *settings = &oracle->settings;
	struct err *err = settings_open(argc, argv, own_names, &oracle->settings);
	if (err == NULL)
		err = settings_number(settings, "events", 2000000, 1, INT64_MAX / 2,
				      &oracle->event_count);
	if (err == NULL)
		err = settings_number(settings, "accounts", STREAM_ACCOUNTS, 5, STREAM_ACCOUNTS_MAX,
				      &oracle->account_count);
	if (err == NULL)
		err = settings_number(settings, "first_pass", 0, 0, 1, &oracle->first_pass);
	oracle->client.brokers = settings_text(settings, "brokers", "127.0.0.1:9092");
	oracle->app = settings_text(settings, "app", "bench");
	oracle->accounts = check_calloc((size_t)oracle->account_count, sizeof *oracle->accounts);
	return err;
}

int main(int argc, char **argv)
{
	struct oracle oracle = { 0 };
	struct err *err = prepare(&oracle, argc, argv);
	if (err == NULL)
		err = expect(&oracle);
	if (err == NULL)
		err = read_topic(&oracle, REFERENCE_STATES, look_at_state);
	if (err == NULL)
		err = read_topic(&oracle, REFERENCE_ALERTS, look_at_alert);
	if (err == NULL)
		err = compare(&oracle);
	alerts_free(&oracle.expected);
	alerts_free(&oracle.found);
	free(oracle.accounts);
	settings_close(&oracle.settings);
	bool different = err != NULL && strcmp(err_code(err), "DIFFERENT") == 0;
	int code = exit_report("bench_oracle", &err);
	return different ? EXIT_DIFFERENT : code;
}
