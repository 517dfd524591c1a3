#include "cli/status_print.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/timestamp.h"

/* ---- positions ------------------------------------------------------------------------------ */

static void print_position(const struct group_position *committed,
			   const struct stage_position *position, int topic_width, FILE *out)
{
	const struct checkpoint *checkpoint = &position->checkpoint;
	fprintf(out, "  %-*s %4d ", topic_width, committed->topic, (int)committed->partition);
	if (position->fault == POSITION_NONE || position->fault == POSITION_FOREIGN)
		fprintf(out, "%12s %12s %9s", "-", "-", "-");
	else
		fprintf(out, "%12" PRId64 " %12" PRId64 " %9" PRId64, checkpoint->x, checkpoint->y,
			checkpoint->x - checkpoint->y);
	fprintf(out, " %12" PRId64 " %10" PRId64 "  %s\n", committed->end, position->lag,
		*committed->owner != '\0' ? committed->owner : "-");
	if (position->fault > POSITION_NONE)
		fprintf(out, "    BROKEN: %s\n", position_fault_text(position->fault));
}

static void print_stage(const struct stage_positions *stage, FILE *out)
{
	int width = 5;
	for (size_t i = 0; i < stage->topic_count; i++)
		if ((int)strlen(stage->topics[i]) > width)
			width = (int)strlen(stage->topics[i]);
	fprintf(out, "%s: group %s %s, members %zu, lag %" PRId64 "\n", stage->stage, stage->group,
		stage->view.state, stage->view.member_count, stage->lag);
	fprintf(out, "  %-*s %4s %12s %12s %9s %12s %10s  %s\n", width, "topic", "part", "X", "Y",
		"X - Y", "end", "lag", "owner");
	for (size_t i = 0; i < stage->view.position_count; i++)
		print_position(&stage->view.positions[i], &stage->positions[i], width, out);
}

void status_print_positions(const struct status_positions *positions, FILE *out)
{
	for (size_t i = 0; i < STAGE_COUNT; i++)
		if (positions->stages[i].is_used)
			print_stage(&positions->stages[i], out);
}

static json_t *position_json(const struct group_position *committed,
			     const struct stage_position *position)
{
	bool known = position->fault != POSITION_NONE && position->fault != POSITION_FOREIGN;
	const struct checkpoint *checkpoint = &position->checkpoint;
	json_t *json =
		json_pack("{s:s,s:i,s:I,s:I,s:I,s:s*}", "topic", committed->topic, "partition",
			  (int)committed->partition, "low", (json_int_t)committed->low, "end",
			  (json_int_t)committed->end, "lag", (json_int_t)position->lag, "owner",
			  *committed->owner != '\0' ? committed->owner : NULL);
	CHECK(json != NULL);
	if (known) {
		json_object_set_new(json, "x", json_integer((json_int_t)checkpoint->x));
		json_object_set_new(json, "y", json_integer((json_int_t)checkpoint->y));
		json_object_set_new(json, "logic_version",
				    json_integer((json_int_t)checkpoint->logic_version));
	}
	if (position->fault > POSITION_NONE)
		json_object_set_new(json, "broken",
				    json_string(position_fault_text(position->fault)));
	return json;
}

json_t *status_positions_json(const struct status_positions *positions)
{
	json_t *stages = json_array();
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		const struct stage_positions *stage = &positions->stages[i];
		if (!stage->is_used)
			continue;
		json_t *list = json_array();
		for (size_t k = 0; k < stage->view.position_count; k++)
			json_array_append_new(list, position_json(&stage->view.positions[k],
								  &stage->positions[k]));
		json_t *json = json_pack("{s:s,s:s,s:s,s:I,s:I,s:o}", "stage", stage->stage,
					 "group", stage->group, "state", stage->view.state,
					 "members", (json_int_t)stage->view.member_count, "lag",
					 (json_int_t)stage->lag, "partitions", list);
		CHECK(json != NULL);
		json_array_append_new(stages, json);
	}
	return stages;
}

/* ---- a process ------------------------------------------------------------------------------ */

static int64_t number(const json_t *object, const char *name)
{
	return (int64_t)json_integer_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	const char *value = json_string_value(json_object_get(object, name));
	return value != NULL ? value : "?";
}

static double mega(int64_t bytes)
{
	return (double)bytes / (1024 * 1024);
}

static void print_aborts(const json_t *stage, FILE *out)
{
	const char *code;
	json_t *count;
	const json_t *last = json_object_get(stage, "last_abort");
	json_object_foreach(json_object_get(stage, "aborts"), code, count)
		fprintf(out, "    aborted %" PRId64 " times by %s\n",
			(int64_t)json_integer_value(count), code);
	if (!json_is_object(last))
		return;
	char at[TIME_TEXT_LEN + 1];
	time_format(number(last, "at_ms"), at);
	fprintf(out, "    last at %s: %s: %s\n", at, text(last, "code"), text(last, "reason"));
}

static int64_t oldest_checkpoint_ms(const json_t *stage)
{
	int64_t oldest_ms = 0;
	size_t i;
	json_t *partition;
	json_array_foreach(json_object_get(stage, "partitions"), i, partition) {
		int64_t age_ms = number(partition, "checkpoint_age_ms");
		oldest_ms = age_ms > oldest_ms ? age_ms : oldest_ms;
	}
	return oldest_ms;
}

static void print_process_stage(const json_t *stage, int64_t at_ms, FILE *out)
{
	const json_t *counters = json_object_get(stage, "counters");
	const json_t *commit = json_object_get(stage, "commit");
	const json_t *cache = json_object_get(stage, "cache");
	int64_t committed_ms = number(commit, "last_ms");
	fprintf(out, "  %s: %s%s, %zu partitions\n", text(stage, "stage"), text(stage, "phase"),
		json_is_true(json_object_get(stage, "ready")) ? "" : " (not ready)",
		json_array_size(json_object_get(stage, "partitions")));
	fprintf(out,
		"    records %" PRId64 ", replayed %" PRId64 ", dead letters %" PRId64
		", outputs %" PRId64 ", states published %" PRId64 ", restored %" PRId64 "\n",
		number(counters, "records"), number(counters, "replayed"),
		number(counters, "dead_letters"), number(counters, "effects"),
		number(counters, "states_published"), number(counters, "states_restored"));
	fprintf(out, "    commits %" PRId64, number(counters, "commits"));
	if (committed_ms > 0)
		fprintf(out, ", the last %.1f s ago, age mean %.1f ms, max %.0f ms",
			(double)(at_ms - committed_ms) / 1000,
			json_number_value(json_object_get(commit, "age_mean_ms")),
			json_number_value(json_object_get(commit, "age_max_ms")));
	fprintf(out, "\n    checkpoint age at most %.1f s; recoveries %" PRId64 "\n",
		(double)oldest_checkpoint_ms(stage) / 1000, number(counters, "recoveries"));
	fprintf(out, "    cache: %" PRId64 " of %" PRId64 " entries, %" PRId64 " dirty\n",
		number(cache, "entries"), number(cache, "slots"), number(cache, "dirty"));
	print_aborts(stage, out);
}

void status_print_process(const json_t *status, const char *address, FILE *out)
{
	const json_t *store = json_object_get(status, "store");
	const json_t *process = json_object_get(status, "process");
	size_t i;
	json_t *stage;
	fprintf(out, "process %s at %s: %s, %s, up %.0f s, %.0f MiB resident\n",
		text(status, "instance"), address,
		json_is_true(json_object_get(status, "healthy")) ? "healthy" : "NOT HEALTHY",
		json_is_true(json_object_get(status, "ready")) ? "ready" : "not ready",
		(double)(number(status, "at_ms") - number(process, "started_ms")) / 1000,
		mega(number(process, "resident_bytes")));
	fprintf(out, "  store: %.1f MiB on disk; memory: %.1f MiB write buffers, %.1f MiB cache\n",
		mega(number(store, "disk_bytes")), mega(number(store, "write_buffer_bytes")),
		mega(number(store, "block_cache_bytes")));
	json_array_foreach(json_object_get(status, "stages"), i, stage)
		print_process_stage(stage, number(status, "at_ms"), out);
}
