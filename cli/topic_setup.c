#include "cli/topic_setup.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/topic_rules.h"

void topic_list_init(struct topic_list *list, const struct conf *conf)
{
	size_t input_count;
	const char *const *inputs = conf_list(conf, "inputs", &input_count);
	const char *app_id = conf_string(conf, "app.id");
	list->count = 0;
	for (size_t i = 0; i < input_count; i++) {
		list->rows[list->count] = topics_find_input(inputs[i]);
		snprintf(list->names[list->count++], sizeof list->names[0], "%s", inputs[i]);
	}
	for (size_t i = 0; i < topics_count; i++) {
		const struct topic_row *row = &topics_table[i];
		if (row->role == TOPIC_INPUT)
			continue;
		CHECK(list->count < TOPIC_LIST_MAX);
		topics_name(app_id, row->logical, list->names[list->count]);
		list->rows[list->count++] = row;
	}
}

/* The settings that creation gives: what the rules ask for, where the broker's default may not. */
static void spec_configs(struct topic_spec *spec, const struct rule *rules, size_t count)
{
	size_t used = 0;
	for (size_t i = 0; i < count; i++) {
		if (!rules[i].created)
			continue;
		CHECK(used < TOPIC_CONFIG_MAX);
		spec->configs[used++] = (struct topic_config){ rules[i].name, rules[i].value };
	}
}

struct err *topic_setup_create(const struct conf *conf, struct admin *admin,
			       int32_t partition_count, FILE *out)
{
	int replicas = (int)conf_int(conf, "replication");
	struct topic_list *list = check_malloc(sizeof *list);
	struct topic_spec *specs = check_calloc(TOPIC_LIST_MAX, sizeof *specs);
	struct rule(*rules)[TOPIC_RULES_MAX] = check_calloc(TOPIC_LIST_MAX, sizeof *rules);
	bool created[TOPIC_LIST_MAX] = { false };
	topic_list_init(list, conf);
	for (size_t i = 0; i < list->count; i++) {
		specs[i].name = list->names[i];
		specs[i].partition_count = partition_count;
		specs[i].replication_factor = (int16_t)replicas;
		spec_configs(&specs[i], rules[i],
			     rules_of_topic(list->rows[i], replicas, rules[i]));
	}
	struct err *err = admin_create(admin, specs, list->count, created);
	for (size_t i = 0; err == NULL && out != NULL && i < list->count; i++)
		fprintf(out, "%-8s %-32s %s\n", created[i] ? "created" : "exists", list->names[i],
			list->rows[i]->doc);
	free(rules);
	free(specs);
	free(list);
	return err;
}

struct err *topic_setup_writers_fit(const struct conf *conf, int32_t partition_count)
{
	size_t input_count;
	(void)conf_list(conf, "inputs", &input_count);
	if ((int64_t)input_count * partition_count <= WRITERS_MAX)
		return NULL;
	return err_new(ERR_FATAL, "CHECK_FAILED",
		       "%zu inputs of %" PRId32 " partitions are too many: their clocks come "
		       "together in one log, which takes %d partitions in all. Name fewer "
		       "--inputs, or create topics with fewer --partitions (for good)",
		       input_count, partition_count, WRITERS_MAX);
}

struct err *topic_setup_inputs_fit(const struct conf *conf, struct admin *admin,
				   int32_t partition_count)
{
	size_t input_count;
	const char *const *inputs = conf_list(conf, "inputs", &input_count);
	for (size_t i = 0; i < input_count; i++) {
		int32_t count = -1;
		struct err *err = admin_partition_count(admin, inputs[i], &count);
		if (err != NULL)
			return err;
		if (count >= 0 && count != partition_count)
			return err_new(ERR_FATAL, "CHECK_FAILED",
				       "nothing was created: %s is there with %" PRId32
				       " partitions, the option partitions is %" PRId32
				       ", and all topics need the same number, for good; give "
				       "--partitions %" PRId32 ", or other --inputs",
				       inputs[i], count, partition_count, count);
	}
	return NULL;
}
