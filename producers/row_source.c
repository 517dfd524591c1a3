#include "producers/row_source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "producers/mapping_row.h"
#include "schemas/container.h"
#include "schemas/event_check.h"
#include "schemas/event_types.h"
#include "schemas/record_json.h"
#include "schemas/value_json.h"

enum {
	ARENA_LEN = 2 * 1024 * 1024, /* a header's names, or one event's texts */
	/* No JSON text has this byte, so that the reader of delimited text reads whole lines. */
	UNIT_SEPARATOR = 0x1f,
};

_Static_assert((int)ARENA_LEN > 2 * CSV_ROW_LEN_MAX + 32 * CSV_FIELD_COUNT_MAX &&
		       (int)ARENA_LEN > (int)MAPPING_ARENA_LEN + MAPPING_COLUMNS_MAX * 64,
	       "a header's names in UTF-8, or an event");

struct row_source {
	struct row_source_options options;
	const struct record_type *type;
	struct csv *csv;	     /* ROWS_CSV, ROWS_JSONL */
	struct container *container; /* ROWS_AVRO */
	struct record_plan *plan;    /* events themselves in ROWS_AVRO */
	struct arena *arena;
	json_t *json;		   /* the row at hand, or NULL */
	struct source_event event; /* the row at hand, of events themselves */
};

static struct err *read_file(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	return source_file_read(context, out, out_max, len);
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Whatever is wrong with the header line stops everything: without it no row can be told. */
static struct err *read_header(struct row_source *source, struct row *header)
{
	const char *path = source->options.path;
	bool more = false;
	struct err *err = csv_next(source->csv, header, &more);
	if (err != NULL && err_verdict(err) == ERR_POISON) {
		struct err *fatal =
			err_new(ERR_FATAL, "MAPPING_COLUMNS",
				"%s: line %" PRId64 ": the header line can't be read: %s", path,
				header->line, err_text(err));
		err_free(&err);
		return fatal;
	}
	if (err == NULL && !more)
		return err_new(ERR_FATAL, "MAPPING_COLUMNS",
			       "%s: line 1: the file is empty; expected a header line", path);
	return err;
}

static struct err *open_csv(struct row_source *source)
{
	struct mapping *mapping = source->options.mapping;
	struct mapping_info info = mapping_info(mapping);
	struct csv_input input = { .read = read_file, .context = source->options.file };
	struct row header;
	size_t field_count = 0;
	struct err *err = NULL;
	source->csv = csv_open(&info.csv, &input);
	if (info.has_header)
		err = read_header(source, &header);
	if (err == NULL)
		err = mapping_bind(mapping, source->options.path, info.has_header ? &header : NULL,
				   source->arena, &field_count);
	csv_expect(source->csv, field_count);
	return err;
}

static struct err *open_lines(struct row_source *source)
{
	const struct csv_options lines = { .delimiter = UNIT_SEPARATOR, .quote = CSV_NO_QUOTE };
	struct csv_input input = { .read = read_file, .context = source->options.file };
	source->csv = csv_open(&lines, &input);
	if (source->options.mapping != NULL)
		return mapping_bind_json(source->options.mapping);
	source->type = source->options.type;
	CHECK(source->type != NULL);
	return NULL;
}

/* The events' schema by the name of the writer's record. */
static struct err *choose_type(struct row_source *source)
{
	const struct schema_node *root = container_root(source->container);
	const char *name = root->kind == SCHEMA_RECORD ? schema_short_name(root->name) : "";
	struct err *err = NULL;
	for (size_t i = 0; i < EVENT_SOURCE_COUNT; i++) {
		err_free(&err);
		err = record_plan_new(event_sources[i].schema, container_schema(source->container),
				      &source->plan);
		if (err == NULL) {
			source->type = event_sources[i].schema;
			return NULL;
		}
	}
	err_free(&err);
	return err_new(
		ERR_FATAL, "MAPPING_NEEDED",
		"%s holds records of the type \"%.60s\", which is none of foretell's events: "
		"it needs --map FILE",
		source->options.path, name);
}

static struct err *open_container(struct row_source *source)
{
	struct container_input input = { .read = read_file, .context = source->options.file };
	struct err *err = container_open(&input, &source->container);
	if (err != NULL)
		return err_wrap(err, "%s", source->options.path);
	return source->options.mapping != NULL ? mapping_bind_json(source->options.mapping)
					       : choose_type(source);
}

struct err *row_source_open(const struct row_source_options *options, struct row_source **out)
{
	struct row_source *source = check_calloc(1, sizeof *source);
	struct err *err;
	source->options = *options;
	source->arena = arena_new(ARENA_LEN);
	if (options->mapping != NULL)
		source->type = mapping_info(options->mapping).type;
	switch (options->format) {
	case ROWS_CSV: err = open_csv(source); break;
	case ROWS_JSONL: err = open_lines(source); break;
	case ROWS_AVRO:
	default: err = open_container(source); break;
	}
	if (err != NULL)
		row_source_close(&source);
	*out = source;
	return err;
}

void row_source_close(struct row_source **out)
{
	struct row_source *source = *out;
	*out = NULL;
	if (source == NULL)
		return;
	json_decref(source->json);
	record_plan_free(&source->plan);
	container_close(&source->container);
	csv_close(&source->csv);
	arena_free(&source->arena);
	free(source);
}

const struct record_type *row_source_type(const struct row_source *source)
{
	return source->type;
}

const char *row_source_unit(const struct row_source *source)
{
	return source->options.format == ROWS_AVRO ? "block" : "line";
}

/* ---- rows ----------------------------------------------------------------------------------- */

static struct err *check(const struct source_event *event)
{
	return event_check(event, EVENT_MS_MAX, 0); /* what is the future only the broker tells */
}

static struct err *take_json(struct row_source *source, struct row *row)
{
	char path[RECORD_JSON_PATH_MAX];
	if (source->options.mapping != NULL)
		return mapping_row(source->options.mapping, source->json, source->arena, row);
	struct err *err = record_from_json(source->type, source->json, NULL, &source->event, path);
	return err != NULL ? err : check(&source->event);
}

static struct err *next_line(struct row_source *source, struct row *row, bool *more)
{
	json_error_t error;
	struct err *err = csv_next(source->csv, row, more);
	if (err != NULL || !*more)
		return err;
	source->json = json_loadb((const char *)row->raw.data, row->raw.len,
				  JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (source->json == NULL)
		return err_new(ERR_POISON, "JSON_SYNTAX", "column %d: not JSON: %s", error.column,
			       error.text);
	return take_json(source, row);
}

static struct err *next_value(struct row_source *source, struct row *row, bool *more)
{
	size_t used = 0;
	struct err *err = container_next(source->container, &row->raw, more);
	row->line = container_block(source->container);
	row->raw_len = (int64_t)row->raw.len;
	if (err != NULL && err_verdict(err) != ERR_POISON)
		return err_wrap(err, "%s", source->options.path);
	if (err != NULL || !*more)
		return err;
	if (source->options.mapping == NULL) {
		err = record_decode(source->plan, row->raw, &source->event);
		return err != NULL ? err : check(&source->event);
	}
	err = value_to_json(container_root(source->container), row->raw, &used, &source->json);
	return err != NULL ? err : take_json(source, row);
}

struct err *row_source_next(struct row_source *source, struct row *row, bool *more)
{
	json_decref(source->json);
	source->json = NULL;
	arena_reset(source->arena);
	*row = (struct row){ 0 };
	switch (source->options.format) {
	case ROWS_CSV: return csv_next(source->csv, row, more);
	case ROWS_JSONL: return next_line(source, row, more);
	case ROWS_AVRO:
	default: return next_value(source, row, more);
	}
}

struct err *row_source_time(const struct row_source *source, const struct row *row,
			    int64_t *event_ms)
{
	if (source->options.mapping != NULL)
		return mapping_read_time(source->options.mapping, row, event_ms);
	*event_ms = source->event.event_ms;
	return NULL;
}

struct err *row_source_event(struct row_source *source, const struct row *row,
			     struct source_event *event)
{
	if (source->options.mapping != NULL)
		return mapping_apply(source->options.mapping, row, source->arena, event);
	*event = source->event;
	return NULL;
}
