#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/name_table.h"
#include "cli/options.h"
#include "consumers/alert_life.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/event_types.h"
#include "schemas/registry.h"

static const struct args_flag flags[] = {
	{ "last", "N", NULL, "only the last N lines (60)" },
	{ "from", "TIME", NULL, "only what happened at or after this time" },
	{ "until", "TIME", NULL, "only what happened before this time" },
	{ "all", NULL, NULL, "every event a line of its own, frequent ones, too" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url", NULL };

static const char *const examples[] = { "foretell timeline C-0000017",
					"foretell timeline email:anna@gtx.example --last 20",
					NULL };

static const struct args_spec spec = {
	.command = "timeline",
	.operands = "ACCOUNT|SCHEME:VALUE",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "Shows what happened to an account, across all sources, with its alerts: a line "
		 "an\n"
		 "event, in the order in which they happened. Events of a type that comes often "
		 "are\n"
		 "counted between the others. SCHEME:VALUE is any name of the account.",
	.flags = flags,
	.options = options,
	.examples = examples,
};

enum {
	ROWS_MAX = 200000,
	DETAIL_MAX = 160,
	FREQUENT_MIN = 25, /* a type with more events is counted, not listed */
	TYPES_MAX = 64,
	FIELDS_SHOWN_MAX = 3,
};

struct timeline_row {
	int64_t at_ms, sequence;
	bool is_alert, late;
	char type[EVENT_TYPE_MAX + 1];
	char detail[DETAIL_MAX + 1];
};

struct type_count {
	char type[EVENT_TYPE_MAX + 1];
	int64_t count, held; /* held: since the last line */
};

struct timeline {
	const struct name_table *names;
	struct registry *registry;
	int64_t from_ms, until_ms;
	bool all, colour;
	size_t count, capacity, type_count;
	struct timeline_row *rows;
	struct type_count types[TYPES_MAX];
	struct account_event event;
	struct alert alert;
};

/* ---- one line ------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(struct timeline_row *row, const char *format,
						      ...)
{
	size_t len = strlen(row->detail);
	va_list args;
	if (len > 0 && len + 2 < sizeof row->detail) {
		memcpy(row->detail + len, ", ", 3);
		len += 2;
	}
	va_start(args, format);
	vsnprintf(row->detail + len, sizeof row->detail - len, format, args);
	va_end(args);
}

static void add_field(struct timeline_row *row, const struct field *field, const uint8_t *at)
{
	const struct bytes *text = (const struct bytes *)(const void *)at;
	char day[TIME_TEXT_LEN + 1];
	size_t len = strlen(field->name);
	if (field->kind == FIELD_STRING) {
		add(row, "%s %.*s", field->name, (int)(text->len < 40 ? text->len : 40),
		    (const char *)text->data);
	} else if (field->kind == FIELD_DOUBLE) {
		add(row, "%s %.4g", field->name, *(const double *)(const void *)at);
	} else if (field->kind == FIELD_LONG) {
		int64_t number = *(const int64_t *)(const void *)at;
		if (len > 3 && strcmp(field->name + len - 3, "_ms") == 0) {
			time_format(number, day);
			add(row, "%.*s %.10s", (int)len - 3, field->name, day);
		} else if (len > 6 && strcmp(field->name + len - 6, "_minor") == 0) {
			add(row, "%.*s %.2f", (int)len - 6, field->name, (double)number / 100);
		} else {
			add(row, "%s %" PRId64, field->name, number);
		}
	}
}

/* The first fields of the payload's block, after the one that only names the thing. */
static void add_block(struct timeline_row *row, const struct record_type *type,
		      const uint8_t *block)
{
	int shown = 0;
	for (size_t i = 0; i < type->field_count && shown < FIELDS_SHOWN_MAX; i++) {
		const struct field *field = &type->fields[i];
		const uint8_t *at = block + field->offset;
		bool is_there =
			field->kind == FIELD_STRING
				? ((const struct bytes *)(const void *)at)->len > 0
				: !field->optional ||
					  *(const bool *)(const void *)(block + field->has_offset);
		if (!is_there)
			continue;
		add_field(row, field, at);
		shown++;
	}
}

static void add_payload(struct timeline_row *row, const struct source_event *event)
{
	const uint8_t *base = (const uint8_t *)event;
	for (size_t s = 0; s < EVENT_SOURCE_COUNT; s++) {
		const struct field *payload = event_payload_field(event_sources[s].schema);
		if (!*(const bool *)(const void *)(base + payload->has_offset))
			continue;
		for (size_t i = 0; i < payload->type->field_count; i++) {
			const struct field *block = &payload->type->fields[i];
			const uint8_t *section = base + payload->offset;
			if (*(const bool *)(const void *)(section + block->has_offset))
				add_block(row, block->type, section + block->offset);
		}
	}
}

static void fill_event(struct timeline_row *row, const struct account_event *from)
{
	const struct source_event *event = &from->event;
	row->at_ms = event->event_ms;
	row->late = from->late;
	snprintf(row->type, sizeof row->type, "%.*s", (int)event->type.len,
		 (const char *)event->type.data);
	if (event->has_amount)
		add(row, "%.2f %.*s", (double)event->amount_minor / 100, (int)event->currency.len,
		    (const char *)event->currency.data);
	if (event->name.len > 0)
		add(row, "%.*s", (int)(event->name.len < 48 ? event->name.len : 48),
		    (const char *)event->name.data);
	if (event->has_value)
		add(row, "%.4g %.*s", event->value, (int)event->unit.len,
		    (const char *)event->unit.data);
	add_payload(row, event);
}

static void fill_alert(struct timeline_row *row, const struct alert *alert)
{
	static const char *const severities[] = { "low", "medium", "high", "critical" };
	row->at_ms = alert->at_ms;
	row->is_alert = true;
	struct bytes step =
		alert->step.len > 0 ? alert->step : bytes_str(alert_step_names[alert->status]);
	snprintf(row->type, sizeof row->type, "ALERT %.*s", (int)(step.len < 32 ? step.len : 32),
		 (const char *)step.data);
	for (size_t i = strlen("ALERT "); row->type[i] != '\0'; i++)
		row->type[i] = (char)tolower((unsigned char)row->type[i]);
	add(row, "%.*s: %s, probability %.2f", (int)(alert->rule.len < 32 ? alert->rule.len : 32),
	    (const char *)alert->rule.data, severities[alert->severity], alert->probability);
	if (alert->reason_count > 0)
		add(row, "%.*s", (int)alert->reasons[0].text.len,
		    (const char *)alert->reasons[0].text.data);
}

/* ---- reading -------------------------------------------------------------------------------- */

static struct type_count *type_find(struct timeline *timeline, const char *type)
{
	for (size_t i = 0; i < timeline->type_count; i++)
		if (strcmp(timeline->types[i].type, type) == 0)
			return &timeline->types[i];
	if (timeline->type_count == TYPES_MAX)
		return NULL;
	struct type_count *made = &timeline->types[timeline->type_count++];
	snprintf(made->type, sizeof made->type, "%s", type);
	return made;
}

/* A new empty row; NULL where there are too many already. */
static struct timeline_row *row_new(struct timeline *timeline)
{
	if (timeline->count == ROWS_MAX)
		return NULL;
	if (timeline->count == timeline->capacity) {
		timeline->capacity = timeline->capacity ? timeline->capacity * 2 : 1024;
		timeline->rows =
			check_realloc(timeline->rows, timeline->capacity * sizeof *timeline->rows);
	}
	struct timeline_row *row = &timeline->rows[timeline->count];
	*row = (struct timeline_row){ .sequence = (int64_t)timeline->count };
	return row;
}

/* Keeps the row that row_new has given, if its time is asked for. */
static void row_keep(struct timeline *timeline, struct timeline_row *row)
{
	utf8_plain(row->type);
	utf8_plain(row->detail);
	if ((timeline->from_ms != TIME_NONE && row->at_ms < timeline->from_ms) ||
	    (timeline->until_ms != TIME_NONE && row->at_ms >= timeline->until_ms))
		return;
	timeline->count++;
	struct type_count *type = type_find(timeline, row->type);
	if (type != NULL)
		type->count++;
}

static bool is_mine(const struct timeline *timeline, struct bytes key)
{
	if (bytes_equal(key, name_text_bytes(&timeline->names->account)))
		return true;
	for (size_t i = 0; i < timeline->names->merged_count; i++)
		if (bytes_equal(key, name_text_bytes(&timeline->names->merged[i])))
			return true;
	return false;
}

static struct err *too_many(void)
{
	return err_new(ERR_FATAL, "TIMELINE_TOO_MANY",
		       "more than %d events; ask for a part with --from and --until", ROWS_MAX);
}

static struct err *take_event(void *context, const struct record *record)
{
	struct timeline *timeline = context;
	const char *name = NULL;
	if (record->value.data == NULL || !is_mine(timeline, record->key))
		return NULL;
	struct err *err = registry_record_name(timeline->registry, record->value, &name);
	if (err != NULL || strcmp(name, "foretell.AccountEvent") != 0)
		return err;
	err = registry_decode(timeline->registry, &account_event_type, record->value,
			      &timeline->event);
	struct timeline_row *row = err == NULL ? row_new(timeline) : NULL;
	if (err != NULL || row == NULL)
		return err != NULL ? err : too_many();
	fill_event(row, &timeline->event);
	row_keep(timeline, row);
	return NULL;
}

static struct err *take_alert(void *context, const struct record *record)
{
	struct timeline *timeline = context;
	if (record->value.data == NULL || !is_mine(timeline, record->key))
		return NULL;
	struct err *err =
		registry_decode(timeline->registry, &alert_type, record->value, &timeline->alert);
	struct timeline_row *row = err == NULL ? row_new(timeline) : NULL;
	if (err != NULL || row == NULL)
		return err != NULL ? err : too_many();
	fill_alert(row, &timeline->alert);
	row_keep(timeline, row);
	return NULL;
}

static struct err *read_topic(struct timeline *timeline, const struct conf *conf,
			      const struct client_options *client, const char *logical,
			      struct err *(*take)(void *, const struct record *))
{
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(conf, "app.id"), logical, topic);
	const struct reader_options reading = { .client = client, .topic = topic, .partition = -1 };
	return reader_run(&reading, take, timeline, NULL);
}

/* ---- printing ------------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
	const struct timeline_row *one = a, *other = b;
	if (one->at_ms != other->at_ms)
		return one->at_ms < other->at_ms ? -1 : 1;
	return one->sequence < other->sequence ? -1 : 1;
}

static bool is_frequent(struct timeline *timeline, const struct timeline_row *row)
{
	const struct type_count *type = type_find(timeline, row->type);
	return !timeline->all && !row->is_alert && type != NULL && type->count > FREQUENT_MIN;
}

/* "between: 14 iot.reading, 9 product.feature" */
static void print_held(struct timeline *timeline)
{
	bool begun = false;
	for (size_t i = 0; i < timeline->type_count; i++) {
		struct type_count *type = &timeline->types[i];
		if (type->held == 0)
			continue;
		printf("%s%" PRId64 " %s", begun ? ", " : "                    ... ", type->held,
		       type->type);
		type->held = 0;
		begun = true;
	}
	if (begun)
		putchar('\n');
}

static void print_row(const struct timeline *timeline, const struct timeline_row *row)
{
	char time[TIME_TEXT_LEN + 1];
	const char *bold = timeline->colour && row->is_alert ? "\033[1;31m" : "";
	time_format(row->at_ms, time);
	printf("%s%.10s %.5s  %s %-24s %s%s%s\n", bold, time, time + 11, row->is_alert ? "*" : " ",
	       row->type, row->detail, row->late ? " (late)" : "", *bold ? "\033[0m" : "");
}

static void print_all(struct timeline *timeline, int64_t last)
{
	int64_t lines = 0;
	size_t first = timeline->count;
	qsort(timeline->rows, timeline->count, sizeof *timeline->rows, compare_rows);
	while (first > 0 && lines < last)
		lines += !is_frequent(timeline, &timeline->rows[--first]);
	if (first > 0)
		printf("... %zu earlier ones\n", first);
	for (size_t i = first; i < timeline->count; i++) {
		const struct timeline_row *row = &timeline->rows[i];
		if (is_frequent(timeline, row)) {
			type_find(timeline, row->type)->held++;
			continue;
		}
		print_held(timeline);
		print_row(timeline, row);
	}
	print_held(timeline);
}

static void print_head(const struct timeline *timeline)
{
	struct bytes account = name_text_bytes(&timeline->names->account);
	printf("account %.*s, known as", (int)account.len, (const char *)account.data);
	for (size_t i = 0; i < timeline->names->count; i++) {
		struct bytes key = name_text_bytes(&timeline->names->rows[i].key);
		printf("%s %.*s", i > 0 ? "," : "", (int)key.len, (const char *)key.data);
	}
	printf("\n\n");
}

static struct err *time_flag(const struct args *args, const char *name, int64_t *ms)
{
	const char *text = args_value(args, name, NULL);
	*ms = TIME_NONE;
	if (text == NULL || time_parse(text, ms))
		return NULL;
	return err_new(ERR_FATAL, "USAGE", "--%s can't be \"%.80s\": expected a day or a time",
		       name, text);
}

static struct err *timeline_show(const struct args *args)
{
	const struct conf *conf = args_conf(args);
	struct options_client client;
	struct name_key key;
	struct name_table names = { .count = 0 };
	int64_t last = 0;
	struct timeline *timeline = check_calloc(1, sizeof *timeline);
	timeline->names = &names;
	timeline->all = args_switch(args, "all");
	timeline->colour = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	options_client_init(&client, conf);
	struct err *err = args_number(args, "last", 60, 1, ROWS_MAX, &last);
	if (err == NULL)
		err = time_flag(args, "from", &timeline->from_ms);
	if (err == NULL)
		err = time_flag(args, "until", &timeline->until_ms);
	if (err == NULL)
		err = name_table_operand(args_operand(args, 0), &key);
	if (err == NULL)
		err = name_table_read(&names, conf, &client.options, name_bytes(&key));
	if (err == NULL && (names.account.len == 0 || names.count == 0))
		err = err_new(ERR_FATAL, "ACCOUNT_UNKNOWN", "nobody is known as %s (yet?)",
			      args_operand(args, 0));
	if (err == NULL)
		err = registry_open(conf_string(conf, "registry.url"), &timeline->registry);
	if (err == NULL)
		err = read_topic(timeline, conf, &client.options, "account.events", take_event);
	if (err == NULL)
		err = read_topic(timeline, conf, &client.options, "alerts", take_alert);
	if (err == NULL) {
		print_head(timeline);
		print_all(timeline, last);
	}
	registry_close(&timeline->registry);
	name_table_fini(&names);
	free(timeline->rows);
	free(timeline);
	return err;
}

int cmd_timeline(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = timeline_show(args);
	args_close(&args);
	return exit_report("timeline", &err);
}
