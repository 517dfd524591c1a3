#include "producers/ingest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/event_sort.h"
#include "producers/row_source.h"
#include "schemas/event_types.h"

/* Goes up where a row makes other records than before: an interrupted run of an older version is
 * then begun anew, under the same ids. */
enum { INGEST_VERSION = 1 };

enum { EVENT_ID_DIGEST_LEN = 16, EVENT_ID_LEN = EVENT_ID_DIGEST_LEN + 1 + 20 };

struct run {
	const struct ingest_options *options;
	struct ingest_result *result;
	struct mapping_info info; /* all zero without a mapping */
	const char *topic;
	const char *file_name; /* without folders: dead letters don't tell whose disk it was */
	struct source_file *file;
	struct row_source *source;
	struct event_sort *sort;	 /* NULL where the file's own order is kept */
	char event_id[EVENT_ID_LEN + 1]; /* of the row at hand */
	struct ingest_start start;
	int64_t done; /* records made, those of earlier runs included */
	bool fits;    /* a row made an event, or was well-formed and outside the bounds */
	struct err *first_refusal; /* of a row; NULL: none */
	int64_t uncommitted_records, uncommitted_bytes;
	uint8_t value[EVENT_LEN_MAX];
};

/* What names a file to its reader, without the folders. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? path : slash + 1;
}

static struct err *commit(struct run *run, bool complete)
{
	const struct ingest_sink *sink = &run->options->sink;
	run->uncommitted_records = run->uncommitted_bytes = 0;
	/* stopped before it had passed over what was there: the position must not go back */
	if (sink->commit == NULL || run->done < run->result->resumed)
		return NULL;
	return sink->commit(sink->context, run->done, complete);
}

/* Whether it may turn out that the mapping is another file's: nothing is lasting until then. An
 * earlier run that has sent some has passed this. */
static bool is_undecided(const struct run *run)
{
	return !run->fits && !run->options->accept_refused && run->result->resumed == 0 &&
	       run->result->rows <= INGEST_REFUSED_FIRST;
}

/* Passes over what an earlier run has sent. */
static struct err *send_record(struct run *run, const struct outgoing *out)
{
	const struct ingest_sink *sink = &run->options->sink;
	if (run->done < run->result->resumed) {
		run->done++;
		return NULL;
	}
	int64_t records_max = run->options->commit_records > 0 ? run->options->commit_records
							       : INGEST_COMMIT_RECORDS;
	if (!is_undecided(run) && (run->uncommitted_records >= records_max ||
				   run->uncommitted_bytes >= INGEST_COMMIT_BYTES)) {
		struct err *err = commit(run, false);
		if (err != NULL)
			return err;
	}
	struct err *err = sink->send(sink->context, out);
	if (err != NULL)
		return err;
	run->done++;
	run->uncommitted_records++;
	run->uncommitted_bytes += (int64_t)(out->key.len + out->value.len);
	return NULL;
}

/* What decides which records are made, and in which order. */
static void take_identity(const struct run *run, char hex[HASH_SHA256_HEX_LEN + 1])
{
	const struct ingest_options *options = run->options;
	char text[4 * HASH_SHA256_HEX_LEN + TOPIC_NAME_MAX];
	int len = snprintf(text, sizeof text, "%d %d %s %s %s %" PRId64 " %" PRId64 " %" PRId64,
			   INGEST_VERSION, (int)options->format, run->result->digest,
			   options->mapping == NULL ? "-" : run->info.digest, run->topic,
			   options->from_ms, options->until_ms, options->limit);
	CHECK(len > 0 && (size_t)len < sizeof text);
	hash_sha256_hex(bytes_of(text, (size_t)len), hex);
}

static struct err *begin(struct run *run)
{
	const struct ingest_sink *sink = &run->options->sink;
	char identity[HASH_SHA256_HEX_LEN + 1];
	struct err *err = NULL;
	run->start = sink->start;
	take_identity(run, identity);
	if (sink->begin != NULL)
		err = sink->begin(sink->context, run->topic, identity, &run->start);
	if (err != NULL)
		return err;
	CHECK(run->start.partition_count > 0 && run->start.dlq_partition_count > 0);
	run->result->resumed = run->start.done;
	run->result->complete = run->start.complete;
	return NULL;
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
	if (run->options->now_ms != 0 && event_ms > run->options->now_ms)
		return NULL;
	result->disordered +=
		result->last_ms != TIME_NONE && event_ms <= result->last_ms - MS_PER_DAY;
	if (result->first_ms == TIME_NONE || event_ms < result->first_ms)
		result->first_ms = event_ms;
	if (result->last_ms == TIME_NONE || event_ms > result->last_ms)
		result->last_ms = event_ms;
	return NULL;
}

static void digest_of_row(const struct row *row, char hex[HASH_SHA256_HEX_LEN + 1])
{
	if (row->raw.data == NULL)
		memcpy(hex, row->raw_digest, HASH_SHA256_HEX_LEN + 1);
	else
		hash_sha256_hex(row->raw, hex);
}

/* `why` is stolen. */
static struct err *send_dead_letter(struct run *run, const struct row *row, struct err *why)
{
	char offset[24], length[24], digest[HASH_SHA256_HEX_LEN + 1];
	why = err_wrap(why, "%s: row %" PRId64 " (%s %" PRId64 ")", run->file_name,
		       run->result->rows, row_source_unit(run->source), row->line);
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
		.partition = (int32_t)(run->result->rows % run->start.dlq_partition_count),
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

/* Remembers the first thing that was wrong with a row. */
static void note_refusal(struct run *run, const struct row *row, const struct err *why)
{
	if (run->fits || run->first_refusal != NULL)
		return;
	run->first_refusal =
		err_new(ERR_FATAL, "INGEST_NO_EVENT", "row %" PRId64 " (%s %" PRId64 "): %s",
			run->result->rows, row_source_unit(run->source), row->line, err_text(why));
}

static struct err *send_row(struct run *run, const struct row *row)
{
	struct source_event event;
	size_t len = 0;
	struct err *err = row_source_event(run->source, row, &event);
	if (err == NULL) {
		if (event.event_id.data == NULL)
			event.event_id = bytes_str(run->event_id);
		err = registry_encode(run->options->registry, run->topic,
				      row_source_type(run->source), &event, run->value,
				      sizeof run->value, &len);
	}
	if (err != NULL && err_verdict(err) == ERR_POISON) {
		note_refusal(run, row, err);
		return send_dead_letter(run, row, err);
	}
	if (err != NULL)
		return err;
	run->fits = true;
	struct bytes value = bytes_of(run->value, len);
	if (run->sort == NULL)
		return send_event(run, event.event_ms, event.subject, value);
	err = event_sort_add(run->sort, event.event_ms, run->result->rows, event.subject, value);
	return err == NULL ? NULL : err_wrap(err, "%s", run->options->path);
}

/* Nothing has been an event so far: all rows would be dead letters. */
static struct err *look_at_refusals(struct run *run, bool at_end)
{
	if (!is_undecided(run) || run->first_refusal == NULL ||
	    (!at_end && run->result->rows < INGEST_REFUSED_FIRST))
		return NULL;
	return err_new(ERR_FATAL, "INGEST_NO_EVENT",
		       "%s: none of the first %" PRId64 " rows is an event, so nothing was sent. "
		       "The first reason: %s. Mend the mapping (docs/ingest.md) or the file; "
		       "--accept-refused sends such rows to dlq all the same",
		       run->file_name, run->result->rows, err_text(run->first_refusal));
}

/* `bad` (stolen, may be NULL): what the reader found wrong with the row. */
static struct err *take_row(struct run *run, const struct row *row, struct err *bad)
{
	const struct ingest_options *options = run->options;
	int64_t event_ms = 0;
	run->result->rows++;
	snprintf(run->event_id, sizeof run->event_id, "%.*s-%" PRId64, EVENT_ID_DIGEST_LEN,
		 run->result->digest, run->result->rows);
	if (bad == NULL)
		bad = row_source_time(run->source, row, &event_ms);
	if (bad != NULL)
		note_refusal(run, row, bad);
	if (bad != NULL && options->from_ms != TIME_NONE) {
		err_free(&bad);
		run->result->outside_rows++;
		return NULL;
	}
	if (bad != NULL)
		return send_dead_letter(run, row, bad);
	if ((options->from_ms != TIME_NONE && event_ms < options->from_ms) ||
	    (options->until_ms != TIME_NONE && event_ms >= options->until_ms)) {
		run->fits = true;
		run->result->outside_rows++;
		return NULL;
	}
	return send_row(run, row);
}

static struct err *read_rows(struct run *run)
{
	const struct ingest_options *options = run->options;
	struct row row;
	bool more = true;
	while (more && !stop_wanted(run) &&
	       (options->limit == 0 || run->result->rows < options->limit)) {
		struct err *err = row_source_next(run->source, &row, &more);
		if (err != NULL && err_verdict(err) != ERR_POISON)
			return err;
		if (more)
			err = take_row(run, &row, err);
		if (err == NULL)
			err = look_at_refusals(run, false);
		if (err != NULL)
			return err;
		if (run->result->rows % INGEST_PROGRESS_ROWS == 0)
			report_progress(run, INGEST_READING, source_file_position(run->file),
					source_file_size(run->file));
	}
	report_progress(run, INGEST_READING, source_file_position(run->file),
			source_file_size(run->file));
	return run->result->stopped ? NULL : look_at_refusals(run, true);
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
	for (int32_t i = 0; i < run->start.partition_count && err == NULL; i++)
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

static struct err *open_file(struct run *run)
{
	const struct ingest_options *options = run->options;
	struct err *err = source_file_open(options->path, &run->file);
	if (err != NULL)
		return err;
	memcpy(run->result->digest, source_file_digest(run->file), sizeof run->result->digest);
	const struct row_source_options rows = { .format = options->format,
						 .path = options->path,
						 .mapping = options->mapping,
						 .type = options->type,
						 .file = run->file };
	err = row_source_open(&rows, &run->source);
	if (err == NULL && run->topic == NULL)
		run->topic = event_source_of(row_source_type(run->source))->topic;
	run->result->topic = run->topic;
	return err;
}

static struct err *send_all(struct run *run)
{
	struct err *err = read_rows(run);
	if (err == NULL && run->sort != NULL)
		err = send_sorted(run);
	if (err == NULL && !run->result->stopped)
		err = send_end(run);
	if (err == NULL)
		err = commit(run, !run->result->stopped);
	return err;
}

struct err *ingest_run(const struct ingest_options *options, struct ingest_result *result)
{
	struct run *run = check_calloc(1, sizeof *run);
	*result = (struct ingest_result){ .first_ms = TIME_NONE,
					  .last_ms = TIME_NONE,
					  .end_ms = TIME_NONE };
	run->options = options;
	run->result = result;
	if (options->mapping != NULL)
		run->info = mapping_info(options->mapping);
	run->topic = options->topic != NULL ? options->topic : run->info.topic;
	run->file_name = base_name(options->path);
	if (run->info.order_by_time)
		run->sort = event_sort_new(options->sort_bytes_max != 0 ? options->sort_bytes_max
									: EVENT_SORT_BYTES_MAX);
	struct err *err = open_file(run);
	if (err == NULL)
		err = begin(run);
	if (err == NULL && !result->complete)
		err = send_all(run);
	err_free(&run->first_refusal);
	event_sort_free(&run->sort);
	row_source_close(&run->source);
	source_file_close(&run->file);
	free(run);
	return err;
}
