#include "cli/status_holds.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/stages.h"
#include "runtime/names.h"

struct err *status_holds_read(struct status_holds *holds, const struct conf *conf,
			      const struct client_options *client)
{
	const char *names[TOPIC_LIST_MAX], *groups[STAGE_COUNT];
	char group_names[STAGE_COUNT][NAME_LEN_MAX + 1];
	holds->brokers = conf_string(conf, "kafka.bootstrap.servers");
	holds->now_ms = time_wall_ms();
	topic_list_init(&holds->topics, conf);
	for (size_t i = 0; i < holds->topics.count; i++)
		names[i] = holds->topics.names[i];
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		names_output(conf_string(conf, "app.id"), stage_names[i], group_names[i]);
		groups[i] = group_names[i];
	}
	const struct hold_scope scope = { names, holds->topics.count, groups, STAGE_COUNT };
	return holds_read(client, &scope, holds->now_ms, &holds->holds);
}

/* Whether only foretell's stages write there. */
static bool is_own(const struct status_holds *holds, const struct hold *hold)
{
	for (size_t i = 0; i < holds->topics.count; i++)
		if (holds->topics.names[i] == hold->topic)
			return holds->topics.rows[i]->role != TOPIC_INPUT;
	return false;
}

static const char *whose(const struct status_holds *holds, const struct hold *hold)
{
	if (strcmp(hold->topic, OFFSETS_TOPIC) == 0)
		return "a group whose positions are there";
	return is_own(holds, hold) ? "a stage of this application" : "who writes this input";
}

static void print_hold(const struct status_holds *holds, const struct hold *hold, FILE *out)
{
	char since[TIME_TEXT_LEN + 1], command[HOLD_REMEDY_MAX];
	time_format(hold->since_ms, since);
	hold_remedy(holds->brokers, hold->topic, hold->partition, hold->offset, command);
	fprintf(out,
		"HELD BACK: %s [%d]: nobody reads beyond offset %" PRId64 " of %" PRId64
		": %s has a transaction open since %s (%" PRId64 " s)\n",
		hold->topic, (int)hold->partition, hold->offset, hold->end, whose(holds, hold),
		since, (holds->now_ms - hold->since_ms) / 1000);
	fprintf(out,
		"    It ends when its producer goes on or comes back, or by its "
		"transaction.timeout.ms. If it doesn't,\n    this ends it, and what it wrote there "
		"is lost:\n    %s\n",
		command);
}

void status_holds_print(const struct status_holds *holds, FILE *out)
{
	for (size_t i = 0; i < holds->holds.count; i++)
		print_hold(holds, &holds->holds.list[i], out);
}

json_t *status_holds_json(const struct status_holds *holds)
{
	json_t *list = json_array();
	for (size_t i = 0; i < holds->holds.count; i++) {
		const struct hold *hold = &holds->holds.list[i];
		char command[HOLD_REMEDY_MAX];
		hold_remedy(holds->brokers, hold->topic, hold->partition, hold->offset, command);
		json_t *json = json_pack("{s:s,s:i,s:I,s:I,s:I,s:b,s:s}", "topic", hold->topic,
					 "partition", (int)hold->partition, "offset",
					 (json_int_t)hold->offset, "end", (json_int_t)hold->end,
					 "since_ms", (json_int_t)hold->since_ms, "own",
					 (int)is_own(holds, hold), "abort", command);
		CHECK(json != NULL);
		json_array_append_new(list, json);
	}
	return list;
}
