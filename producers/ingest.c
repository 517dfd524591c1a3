#include "producers/ingest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/event_sort.h"
#include "producers/source_file.h"

enum { EVENT_ID_DIGEST_LEN = 16, EVENT_ID_LEN = EVENT_ID_DIGEST_LEN + 1 + 20 };

struct run {
	const struct ingest_options *options;
	struct ingest_result *result;
	struct mapping_info info;
	const char *topic;
	const char *file_name; /* without folders: dead letters don't tell whose disk it was */
	struct source_file *file;
	struct csv *csv;
	struct arena *arena;
	struct event_sort *sort;	 /* NULL where the file's own order is kept */
	char event_id[EVENT_ID_LEN + 1]; /* of the row at hand */
	uint8_t value[INGEST_EVENT_LEN_MAX];
};

static struct err *read_file(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	return source_file_read(context, out, out_max, len);
}

/* What names a file to its reader, without the folders. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static struct err *send_record(struct run *run, const struct outgoing *out)
{
	return run->options->sink.send(run->options->sink.context, out);
}

static void report_progress(struct run *run, enum ingest_phase phase, int64_t done, int64_t total)
{
	const struct ingest_result *result = run->result;
	if (run->options->progress == NULL)
		return;
	run->options->progress(run->options->progress_context, &(struct ingest_progress){
								       .phase = phase,
								       .done = done,
								       .total = total,
								       .rows = result->rows,
								       .events = result->events,
								       .dlq_rows = result->dlq_rows,
								       .event_ms = result->last_ms,
							       });
}

static bool stop_wanted(struct run *run)
{
	if (run->options->stop != NULL && *run->options->stop != 0)
		run->result->stopped = true;
	return run->result->stopped;
}

static struct err *send_event(struct run *run, int64_t event_ms, struct bytes key,
			      struct bytes value)
{
	struct ingest_result *result = run->result;
	struct outgoing out = { .topic = run->topic, .partition = -1, .key = key, .value = value };
	struct err *err = send_record(run, &out);
	if (err != NULL && err_verdict(err) == ERR_POISON) {
		/* an event is small: a topic that refuses it refuses its like, row after row */
		struct err *refused =
			err_new(ERR_FATAL, "INGEST_REFUSED",
				"topic %s refuses an event of %zu bytes: %s; raise its "
				"max.message.bytes",
				run->topic, value.len, err_text(err));
		err_free(&err);
		return refused;
	}
	if (err != NULL)
		return err;
	result->events++;
	if (result->first_ms == TIME_NONE || event_ms < result->first_ms)
		result->first_ms = event_ms;
	if (result->last_ms == TIME_NONE || event_ms > result->last_ms)
		result->last_ms = event_ms;
	return NULL;
}

static void digest_of_row(const struct csv_row *row, char hex[HASH_SHA256_HEX_LEN + 1])
{
	if (row->raw.data == NULL)
		memcpy(hex, row->raw_digest, HASH_SHA256_HEX_LEN + 1);
	else
		hash_sha256_hex(row->raw, hex);
}

/* `why` is stolen. */
static struct err *send_dead_letter(struct run *run, const struct csv_row *row, struct err *why)
{
	char offset[24], length[24], digest[HASH_SHA256_HEX_LEN + 1];
	why = err_wrap(why, "%s: row %" PRId64 " (line %" PRId64 ")", run->file_name,
		       run->result->rows, row->line);
	snprintf(offset, sizeof offset, "%" PRId64, run->result->rows);
	snprintf(length, sizeof length, "%" PRId64, row->raw_len);
	struct header headers[] = {
		{ "error", bytes_str(err_code(why)) },
		{ "reason", bytes_str(err_text(why)) },
		{ "topic", bytes_str(run->topic) },
		{ "partition", bytes_str("-1") },
		{ "offset", bytes_str(offset) },
		{ "stage", bytes_str("ingest") },
		{ "file", bytes_str(run->result->digest) },
		{ "length", bytes_str(length) },
		{ "sha256", bytes_str(digest) },
	};
	const size_t all = sizeof headers / sizeof headers[0], with_original = all - 2;
	struct outgoing out = {
		.topic = run->options->dlq_topic,
		.partition = (int32_t)(run->result->rows % run->options->sink.dlq_partition_count),
		.key = bytes_str(run->event_id),
		.value = row->raw,
		.headers = headers,
		.header_count = with_original,
	};
	struct err *err = NULL;
	if (row->raw.data != NULL)
		err = send_record(run, &out);
	if (row->raw.data == NULL || (err != NULL && err_verdict(err) == ERR_POISON)) {
		err_free(&err);
		digest_of_row(row, digest);
		headers[all - 1].value = bytes_str(digest);
		out.value = (struct bytes){ 0 };
		out.header_count = all;
		err = send_record(run, &out);
	}
	run->result->dlq_rows += err == NULL;
	err_free(&why);
	return err;
}

static struct err *send_row(struct run *run, const struct csv_row *row)
{
	struct source_event event;
	size_t len = 0;
	struct err *err = mapping_apply(run->options->mapping, row, run->arena, &event);
	if (err == NULL) {
		event.event_id = bytes_str(run->event_id);
		err = registry_encode(run->options->registry, run->topic, run->info.type, &event,
				      run->value, sizeof run->value, &len);
	}
	if (err != NULL && err_verdict(err) == ERR_POISON)
		return send_dead_letter(run, row, err);
	if (err != NULL)
		return err;
	struct bytes value = bytes_of(run->value, len);
	if (run->sort == NULL)
		return send_event(run, event.event_ms, event.subject, value);
	err = event_sort_add(run->sort, event.event_ms, run->result->rows, event.subject, value);
	return err == NULL ? NULL : err_wrap(err, "%s", run->options->path);
}

/* `bad` (stolen, may be NULL): what the CSV reader found wrong with the row. */
static struct err *take_row(struct run *run, const struct csv_row *row, struct err *bad)
{
	const struct ingest_options *options = run->options;
	int64_t event_ms = 0;
	run->result->rows++;
	snprintf(run->event_id, sizeof run->event_id, "%.*s-%" PRId64, EVENT_ID_DIGEST_LEN,
		 run->result->digest, run->result->rows);
	arena_reset(run->arena);
	if (bad == NULL)
		bad = mapping_read_time(options->mapping, row, &event_ms);
	if (bad != NULL && options->from_ms != TIME_NONE) {
		err_free(&bad);
		run->result->outside_rows++;
		return NULL;
	}
	if (bad != NULL)
		return send_dead_letter(run, row, bad);
	if ((options->from_ms != TIME_NONE && event_ms < options->from_ms) ||
	    (options->until_ms != TIME_NONE && event_ms >= options->until_ms)) {
		run->result->outside_rows++;
		return NULL;
	}
	return send_row(run, row);
}

static struct err *read_rows(struct run *run)
{
	const struct ingest_options *options = run->options;
	struct csv_row row;
	bool more = true;
	while (more && !stop_wanted(run) &&
	       (options->limit == 0 || run->result->rows < options->limit)) {
		struct err *err = csv_next(run->csv, &row, &more);
		if (err != NULL && err_verdict(err) != ERR_POISON)
			return err;
		if (more)
			err = take_row(run, &row, err);
		if (err != NULL)
			return err;
		if (run->result->rows % INGEST_PROGRESS_ROWS == 0)
			report_progress(run, INGEST_READING, source_file_position(run->file),
					source_file_size(run->file));
	}
	report_progress(run, INGEST_READING, source_file_position(run->file),
			source_file_size(run->file));
	return NULL;
}

static struct err *send_sorted(struct run *run)
{
	const struct sorted_event *events;
	size_t count;
	event_sort_finish(run->sort, &events, &count);
	for (size_t i = 0; i < count && !stop_wanted(run); i++) {
		const struct sorted_event *event = &events[i];
		struct bytes key = bytes_of(event->data, event->key_len);
		struct bytes value = bytes_of(event->data + event->key_len, event->value_len);
		struct err *err = send_event(run, event->event_ms, key, value);
		if (err != NULL)
			return err;
		if ((i + 1) % INGEST_PROGRESS_ROWS == 0)
			report_progress(run, INGEST_SENDING, (int64_t)i + 1, (int64_t)count);
	}
	report_progress(run, INGEST_SENDING, run->result->events, (int64_t)count);
	return NULL;
}

/* The time up to which this input tells all; TIME_NONE where nothing says so. */
static int64_t end_of_input(const struct run *run)
{
	if (run->options->until_ms != TIME_NONE || run->result->last_ms == TIME_NONE)
		return run->options->until_ms;
	if (run->info.end_at_next_day)
		return time_floor(run->result->last_ms, MS_PER_DAY, 0) + MS_PER_DAY;
	return run->result->last_ms + 1;
}

static struct err *send_end(struct run *run)
{
	char writer[sizeof "file:" + HASH_SHA256_HEX_LEN];
	size_t len = 0;
	int64_t end_ms = end_of_input(run);
	if (end_ms == TIME_NONE)
		return NULL;
	snprintf(writer, sizeof writer, "file:%s", run->result->digest);
	struct control end = { .kind = CONTROL_END, .writer = bytes_str(writer), .at_ms = end_ms };
	struct err *err = registry_encode(run->options->registry, run->topic, &control_type, &end,
					  run->value, sizeof run->value, &len);
	for (int32_t i = 0; i < run->options->sink.partition_count && err == NULL; i++)
		err = send_record(run, &(struct outgoing){
					       .topic = run->topic,
					       .partition = i,
					       .key = bytes_str(writer),
					       .value = bytes_of(run->value, len),
				       });
	if (err == NULL)
		run->result->end_ms = end_ms;
	return err;
}

/* Whatever is wrong with the header line stops everything: without it no row can be told. */
static struct err *read_header(struct run *run, struct csv_row *header)
{
	bool more = false;
	struct err *err = csv_next(run->csv, header, &more);
	if (err != NULL && err_verdict(err) == ERR_POISON) {
		struct err *fatal =
			err_new(ERR_FATAL, "MAPPING_COLUMNS",
				"%s: line %" PRId64 ": the header line can't be read: %s",
				run->options->path, header->line, err_text(err));
		err_free(&err);
		return fatal;
	}
	if (err == NULL && !more)
		return err_new(ERR_FATAL, "MAPPING_COLUMNS",
			       "%s: line 1: the file is empty; expected a header line",
			       run->options->path);
	return err;
}

static struct err *open_file(struct run *run)
{
	const struct ingest_options *options = run->options;
	struct csv_row header;
	size_t field_count = 0;
	struct err *err = source_file_open(options->path, &run->file);
	if (err != NULL)
		return err;
	memcpy(run->result->digest, source_file_digest(run->file), sizeof run->result->digest);
	struct csv_input input = { .read = read_file, .context = run->file };
	run->csv = csv_open(&run->info.csv, &input);
	if (run->info.has_header)
		err = read_header(run, &header);
	if (err == NULL)
		err = mapping_bind(options->mapping, options->path,
				   run->info.has_header ? &header : NULL, run->arena, &field_count);
	csv_expect(run->csv, field_count);
	return err;
}

struct err *ingest_run(const struct ingest_options *options, struct ingest_result *result)
{
	CHECK(options->sink.partition_count > 0 && options->sink.dlq_partition_count > 0);
	struct run *run = check_calloc(1, sizeof *run);
	*result = (struct ingest_result){ .first_ms = TIME_NONE,
					  .last_ms = TIME_NONE,
					  .end_ms = TIME_NONE };
	run->options = options;
	run->result = result;
	run->info = mapping_info(options->mapping);
	run->topic = options->topic != NULL ? options->topic : run->info.topic;
	run->file_name = base_name(options->path);
	run->arena = arena_new(INGEST_ARENA_LEN);
	if (run->info.order_by_time)
		run->sort = event_sort_new(options->sort_bytes_max != 0 ? options->sort_bytes_max
									: EVENT_SORT_BYTES_MAX);
	struct err *err = open_file(run);
	if (err == NULL)
		err = read_rows(run);
	if (err == NULL && run->sort != NULL)
		err = send_sorted(run);
	if (err == NULL && !result->stopped)
		err = send_end(run);
	event_sort_free(&run->sort);
	csv_close(&run->csv);
	source_file_close(&run->file);
	arena_free(&run->arena);
	free(run);
	return err;
}
