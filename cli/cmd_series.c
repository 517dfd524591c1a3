#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/line.h"
#include "cli/options.h"
#include "cli/series_signals.h"
#include "cli/series_zones.h"
#include "consumers/series_file.h"
#include "consumers/series_shelf.h"
#include "consumers/topics.h"
#include "kafka/publish.h"
#include "kafka/reader.h"
#include "schemas/event_types.h"
#include "schemas/registry.h"
#include "schemas/states.h"

static const struct args_flag flags[] = {
	{ "from", "TIME", NULL,
	  "events from then on belong to them (the longest of their periods that begins next)" },
	{ "own-types", NULL, NULL, "types that foretell does not know are your sources' own" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = {
	"kafka.bootstrap.servers", "app.id", "registry.url", "series.file",
	"series.dimensions",	   NULL
};

static const char *const examples[] = { "foretell series", "foretell series check series.json",
					"foretell series deploy series.json --from 2026-01-05",
					"foretell series resolve berlin.json > series.json", NULL };

static const struct args_spec spec = {
	.command = "series",
	.operands = "[check|deploy|resolve FILE]",
	.operand_count_min = 0,
	.operand_count_max = 2,
	.about = "Shows the definitions of series that were deployed; check reads a file as it\n"
		 "would be; deploy puts it into account.events, where it replaces the ones before\n"
		 "for all events from a point in time on, without a restart; resolve prints it\n"
		 "with its time zones filled in, as series.file wants it.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum { VALUE_MAX = 16384, SIGNAL_VALUES_LEAST = 16 };

struct deployment {
	struct series_table table; /* of the file */
	char version[SERIES_VERSION_LEN + 1];
	uint8_t body[SERIES_BODY_MAX];
	size_t len;
	int64_t from_ms;
	json_t *file;	     /* with its time zones filled in */
	bool signals_wanted; /* it has signals that are series of the line's */
};

struct listing {
	struct registry *registry;
	const struct deployment *next; /* to be compared with what is there; NULL: show all */
	int64_t count;
	struct series_table last;
};

static struct err *take_text(const char *text, size_t len, const char *path,
			     struct deployment *deployment)
{
	struct err *err = series_file_parse(text, len, path, &deployment->table);
	return err != NULL ? err
			   : series_deployment_make(text, len, path, deployment->version,
						    deployment->body, &deployment->len);
}

/* With the values that the line's series have; states NULL: without those signals, for the rest. */
static struct err *fill(const struct signal_states *states, size_t most, const char *path,
			struct deployment *deployment)
{
	json_t *file = json_deep_copy(deployment->file);
	struct err *err = series_signals_fill(file, states, most);
	char *text = json_dumps(file, JSON_COMPACT);
	if (err == NULL)
		err = take_text(text, strlen(text), path, deployment);
	free(text);
	json_decref(file);
	return err;
}

/* What is called like no event that foretell knows never counts, unless a source has such a word.
 */
static struct err *check_types(const struct series_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct series_definition *definition = &table->definitions[i];
		for (size_t k = 0; k < definition->type_count; k++) {
			struct bytes type =
				bytes_of(definition->types[k], definition->type_lens[k]);
			if (event_type_find(type) != NULL)
				continue;
			const char *nearest = event_type_nearest(type);
			return err_new(
				ERR_FATAL, "SERIES_TYPE_UNKNOWN",
				"series %s: there is no event type \"%.*s\"%s%s%s; if it is a "
				"word of one of your sources, give --own-types",
				definition->name, (int)type.len, (const char *)type.data,
				nearest ? ", did you mean \"" : "", nearest ? nearest : "",
				nearest ? "\"?" : " (docs/events.md lists them)");
		}
	}
	return NULL;
}

static struct err *take_file(const char *text, size_t len, const char *path,
			     struct deployment *deployment)
{
	deployment->file = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	bool zones = deployment->file != NULL && series_zones_wanted(deployment->file);
	struct err *err = zones ? series_zones_fill(deployment->file) : NULL;
	if (err != NULL)
		return err_wrap(err, "%s", path);
	deployment->signals_wanted =
		deployment->file != NULL && series_signals_any(deployment->file);
	if (deployment->signals_wanted)
		return fill(NULL, 0, path, deployment);
	if (!zones)
		return take_text(text, len, path, deployment);
	char *filled = json_dumps(deployment->file, JSON_COMPACT);
	err = take_text(filled, strlen(filled), path, deployment);
	free(filled);
	return err;
}

static struct err *read_file(const char *path, bool own_types, struct deployment *deployment)
{
	char *text = NULL;
	size_t len = 0;
	struct err *err =
		file_text_read(path, SERIES_FILE_BYTES_MAX, "SERIES_INVALID", &text, &len);
	if (err == NULL)
		err = take_file(text, len, path, deployment);
	free(text);
	if (err != NULL || own_types)
		return err;
	err = check_types(&deployment->table);
	return err == NULL ? NULL : err_wrap(err, "%s", path);
}

static void print_table(const struct series_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct series_definition *definition = &table->definitions[i];
		const struct zone *zone = &definition->calendar.zone;
		printf("  %-40s %-5s horizon %2d, season %2d%s%s\n", definition->name,
		       definition->calendar.iso, definition->horizon, definition->season,
		       zone->name[0] != '\0' ? ", " : "", zone->name);
	}
	for (size_t i = 0; i < table->signal_count; i++) {
		const struct series_signal *signal = &table->signals[i];
		char from[TIME_TEXT_LEN + 1];
		time_format(signal->value_count > 0 ? signal->from_ms : signal->dates_ms[0], from);
		printf("    signal %s of %s", signal->name,
		       table->definitions[signal->definition].name);
		for (size_t d = 0; d < SIGNAL_DIMENSIONS_MAX; d++)
			if (signal->where[d][0] != '\0')
				printf(" %s", signal->where[d]);
		printf(": %zu %s from %.10s on\n", signal->value_count + signal->date_count,
		       signal->value_count > 0 ? "values" : "dates", from);
	}
}

/* ---- what is there -------------------------------------------------------------------------- */

static struct err *take(void *context, const struct record *record)
{
	struct listing *listing = context;
	struct series_definitions_record deployed;
	char from[TIME_TEXT_LEN + 1], at[TIME_TEXT_LEN + 1];
	struct err *err = registry_decode(listing->registry, &series_definitions_type,
					  record->value, &deployed);
	if (err != NULL)
		return err;
	listing->count++;
	bool readable = series_deployment_read(deployed.body, &listing->last);
	if (listing->next != NULL)
		return NULL;
	time_format(deployed.from_ms, from);
	time_format(deployed.at_ms, at);
	printf("%.*s  in force from %s, deployed %s by %.*s%s\n", (int)deployed.version.len,
	       (const char *)deployed.version.data, from, at,
	       deployed.by.len > 0 ? (int)deployed.by.len : 1,
	       deployed.by.len > 0 ? (const char *)deployed.by.data : "?",
	       readable ? "" : ", not readable by this foretell");
	if (readable)
		print_table(&listing->last);
	return NULL;
}

static struct err *list(const struct args *args, const struct client_options *client,
			struct listing *listing)
{
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(args_conf(args), "app.id"), "series.definitions", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	return reader_run(&reader, take, listing, NULL);
}

/* ---- signals that are series ---------------------------------------------------------------- */

struct states_reading {
	struct registry *registry;
	const json_t *file;
	struct signal_states states;
	struct series_state_record record; /* scratch */
};

static struct err *take_state(void *context, const struct record *record)
{
	struct states_reading *reading = context;
	struct series_name name;
	if (record->value.data == NULL || !series_key_split(record->key, &name) ||
	    !series_signals_wanted(reading->file, name.definition))
		return NULL;
	struct err *err = registry_decode(reading->registry, &series_state_type, record->value,
					  &reading->record);
	if (err == NULL)
		series_signals_add(&reading->states, record->key, &reading->record);
	return err;
}

/* As many values as a deployment has room for. */
static struct err *fill_in(const struct args *args, const struct client_options *client,
			   struct registry *registry, struct deployment *deployment)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct states_reading *reading = check_calloc(1, sizeof *reading);
	reading->registry = registry;
	reading->file = deployment->file;
	topics_name(conf_string(args_conf(args), "app.id"), "forecast.series", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	struct err *err = reader_run(&reader, take_state, reading, NULL);
	bool is_filled = false;
	for (size_t most = SERIES_HISTORY_MAX; err == NULL && !is_filled; most /= 2) {
		err = fill(&reading->states, most, args_operand(args, 1), deployment);
		is_filled = err == NULL;
		if (most > SIGNAL_VALUES_LEAST && err != NULL &&
		    strcmp(err_code(err), "SERIES_TOO_LARGE") == 0)
			err_free(&err);
	}
	free(reading);
	return err;
}

/* ---- deploying ------------------------------------------------------------------------------ */

static bool same_path(const struct record_path *a, const struct record_path *b)
{
	return a->kind == b->kind && a->offset == b->offset && strcmp(a->map_key, b->map_key) == 0;
}

/* Zones have names; what their clocks do may be known better now. */
static bool same_calendar(const struct calendar *a, const struct calendar *b)
{
	return a->unit == b->unit && strcmp(a->zone.name, b->zone.name) == 0 &&
	       (a->zone.name[0] != '\0' || a->zone.offset_ms == b->zone.offset_ms);
}

static bool has_filter(const struct series_definition *definition,
		       const struct series_filter *filter)
{
	bool found = false;
	for (size_t i = 0; i < definition->filter_count; i++)
		found |= same_path(&definition->filters[i].field, &filter->field) &&
			 strcmp(definition->filters[i].value, filter->value) == 0;
	return found;
}

static bool same_meaning(const struct series_definition *a, const struct series_definition *b)
{
	if (a->type_count != b->type_count || a->filter_count != b->filter_count ||
	    a->dimension_count != b->dimension_count || a->counts != b->counts ||
	    a->decimals != b->decimals || strcmp(a->unit, b->unit) != 0 ||
	    !same_calendar(&a->calendar, &b->calendar) ||
	    (!a->counts && !same_path(&a->measure, &b->measure)))
		return false;
	for (size_t i = 0; i < a->type_count; i++)
		if (!bytes_equal(bytes_of(a->types[i], a->type_lens[i]),
				 bytes_of(b->types[i], b->type_lens[i])))
			return false;
	for (size_t i = 0; i < a->filter_count; i++)
		if (!has_filter(b, &a->filters[i]))
			return false;
	for (size_t i = 0; i < a->dimension_count; i++)
		if (!same_path(&a->dimensions[i], &b->dimensions[i]))
			return false;
	return true;
}

/* A series goes on under its name, so a name means one thing for good. */
static struct err *check_names(const struct series_table *before, const struct series_table *after)
{
	for (size_t i = 0; i < after->count; i++) {
		const struct series_definition *now = &after->definitions[i];
		const struct series_definition *was = series_find(before, bytes_str(now->name));
		if (was != NULL && !same_meaning(was, now))
			return err_new(ERR_FATAL, "SERIES_CHANGED",
				       "%s is deployed with other types, where, measure, unit, "
				       "dimensions or period; its past would be mixed with what "
				       "comes: give it "
				       "another name (horizon and season may change)",
				       now->name);
	}
	return NULL;
}

static struct err *choose_from(const struct args *args, struct deployment *deployment)
{
	const char *text = args_value(args, "from", NULL);
	if (text != NULL && time_parse(text, &deployment->from_ms))
		return NULL;
	if (text != NULL)
		return err_new(ERR_FATAL, "USAGE",
			       "--from can't be \"%.40s\": expected a time, e.g. 2026-01-05", text);
	const struct calendar *longest = &deployment->table.definitions[0].calendar;
	for (size_t i = 1; i < deployment->table.count; i++) {
		const struct calendar *other = &deployment->table.definitions[i].calendar;
		if (other->period_ms > longest->period_ms)
			longest = other;
	}
	int64_t now_ms = time_wall_ms(), day_ms = time_floor(now_ms, MS_PER_DAY, 0) + MS_PER_DAY;
	deployment->from_ms =
		longest->unit == CALENDAR_HOUR ? day_ms : calendar_after(longest, now_ms, 1);
	return NULL;
}

static struct err *deploy(const struct args *args, const struct client_options *client,
			  struct registry *registry, const struct deployment *deployment)
{
	char topic[TOPIC_NAME_MAX + 1], from[TIME_TEXT_LEN + 1];
	uint8_t value[VALUE_MAX];
	size_t len = 0;
	const char *user = getenv("USER");
	const struct series_definitions_record record = {
		.version = bytes_str(deployment->version),
		.from_ms = deployment->from_ms,
		.body = bytes_of(deployment->body, deployment->len),
		.at_ms = time_wall_ms(),
		.by = bytes_str(user != NULL ? user : ""),
	};
	topics_name(conf_string(args_conf(args), "app.id"), "account.events", topic);
	struct err *err = registry_encode(registry, topic, &series_definitions_type, &record, value,
					  sizeof value, &len);
	if (err == NULL)
		err = publish_to_all(client, topic, bytes_str(series_shelf_key),
				     bytes_of(value, len));
	if (err != NULL)
		return err;
	time_format(deployment->from_ms, from);
	printf("%s is deployed; in force for events from %s on\n", deployment->version, from);
	print_table(&deployment->table);
	return NULL;
}

static struct err *series_run(const struct args *args, struct deployment *deployment)
{
	struct options_client client;
	struct listing *listing = check_calloc(1, sizeof *listing);
	const char *verb = args_operand(args, 0);
	options_client_init(&client, args_conf(args));
	listing->next = verb != NULL ? deployment : NULL;
	struct err *err =
		registry_open(conf_string(args_conf(args), "registry.url"), &listing->registry);
	if (err == NULL)
		err = line_series(args_conf(args), &listing->last);
	if (err == NULL)
		err = list(args, &client.options, listing);
	if (err == NULL && verb == NULL && listing->count == 0)
		printf("nothing was deployed: series.file and series.dimensions are in force\n");
	if (err == NULL && verb != NULL)
		err = check_names(&listing->last, &deployment->table);
	if (err == NULL && verb != NULL && deployment->signals_wanted)
		err = fill_in(args, &client.options, listing->registry, deployment);
	if (err == NULL && verb != NULL)
		err = deploy(args, &client.options, listing->registry, deployment);
	registry_close(&listing->registry);
	free(listing);
	return err;
}

static void print_file(const json_t *file)
{
	char *text = json_dumps(file, JSON_INDENT(2));
	printf("%s\n", text);
	free(text);
}

static struct err *series(const struct args *args)
{
	const char *verb = args_operand(args, 0), *path = args_operand(args, 1);
	if (verb != NULL &&
	    (path == NULL || (strcmp(verb, "check") != 0 && strcmp(verb, "deploy") != 0 &&
			      strcmp(verb, "resolve") != 0)))
		return err_new(ERR_FATAL, "USAGE",
			       "expected nothing, check FILE, deploy FILE, or resolve FILE");
	struct deployment *deployment = check_calloc(1, sizeof *deployment);
	struct err *err = NULL;
	if (verb != NULL)
		err = read_file(path, args_switch(args, "own-types"), deployment);
	if (err == NULL && verb != NULL)
		err = choose_from(args, deployment);
	if (err == NULL && verb != NULL && strcmp(verb, "resolve") == 0) {
		print_file(deployment->file);
	} else if (err == NULL && verb != NULL && strcmp(verb, "check") == 0) {
		printf("%s is good: version %s\n", path, deployment->version);
		print_table(&deployment->table);
		if (deployment->signals_wanted)
			printf("    signals that are series are filled in by deploy\n");
	} else if (err == NULL) {
		err = series_run(args, deployment);
	}
	json_decref(deployment->file);
	free(deployment);
	return err;
}

int cmd_series(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = series(args);
	args_close(&args);
	return exit_report("series", &err);
}
