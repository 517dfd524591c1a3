#include "cli/judged_with.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"

struct reading {
	struct judged_with *with;
	struct registry *registry;
	char prefix[TOPIC_NAME_MAX + 32]; /* of a region's key in the topic */
	struct region_record region;
	struct model_shelf_record record;
	struct model_shelf shelf;
};

static struct region_state *region_of(struct judged_with *with, struct bytes key)
{
	for (size_t i = 0; i < with->region_count; i++)
		if (bytes_equal(key, bytes_of(with->regions[i].key, with->regions[i].key_len)))
			return &with->regions[i].state;
	if (with->region_count == JUDGED_REGIONS_MAX || key.len > KEY_LEN_MAX)
		return NULL;
	struct judged_region *made = &with->regions[with->region_count++];
	made->key_len = (uint8_t)key.len;
	memcpy(made->key, key.data, key.len);
	return &made->state;
}

/* Each partition has its own copy of a region: they differ only in how far they are published. */
static struct err *take_region(struct reading *reading, const struct record *record)
{
	size_t prefix_len = strlen(reading->prefix);
	if (record->key.len <= prefix_len ||
	    memcmp(record->key.data, reading->prefix, prefix_len) != 0)
		return NULL;
	struct region_state *state =
		region_of(reading->with,
			  bytes_of(record->key.data + prefix_len, record->key.len - prefix_len));
	struct region_state read = { 0 };
	struct err *err = registry_decode(reading->registry, &region_record_type, record->value,
					  &reading->region);
	if (err != NULL || state == NULL)
		return err;
	region_from_record(&reading->region, &read);
	if (read.offer_count + read.climate_count >= state->offer_count + state->climate_count)
		*state = read;
	return NULL;
}

static struct err *take_models(struct reading *reading, const struct record *record)
{
	struct err *err = registry_decode(reading->registry, &model_shelf_type, record->value,
					  &reading->record);
	if (err == NULL)
		model_shelf_from_record(&reading->record, &reading->shelf);
	const struct hazard_model *active =
		err == NULL ? model_shelf_at(&reading->shelf, INT64_MAX) : NULL;
	if (active != NULL)
		reading->with->model = *active;
	return err;
}

static struct err *take(void *context, const struct record *record)
{
	struct reading *reading = context;
	const char *name = NULL;
	/* a clock is no framed record */
	if (record->value.len < 5 || record->value.data[0] != 0)
		return NULL;
	struct err *err = registry_record_name(reading->registry, record->value, &name);
	if (err != NULL)
		return err;
	if (strcmp(name, "foretell.RegionState") == 0)
		return take_region(reading, record);
	return strcmp(name, "foretell.ModelShelf") == 0 ? take_models(reading, record) : NULL;
}

struct err *judged_with_read(struct judged_with *with, const struct conf *conf,
			     const struct client_options *client)
{
	char topic[TOPIC_NAME_MAX + 1], log[TOPIC_NAME_MAX + 1];
	const char *app_id = conf_string(conf, "app.id");
	struct reading *reading = check_calloc(1, sizeof *reading);
	*with = (struct judged_with){ 0 };
	with->regions = check_calloc(JUDGED_REGIONS_MAX, sizeof *with->regions);
	hazard_prior(&with->model);
	reading->with = with;
	topics_name(app_id, "account.meta", topic);
	topics_name(app_id, "account.events", log);
	snprintf(reading->prefix, sizeof reading->prefix, "%s/region/", log);
	struct err *err = registry_open(conf_string(conf, "registry.url"), &reading->registry);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	if (err == NULL)
		err = reader_run(&reader, take, reading, NULL);
	registry_close(&reading->registry);
	free(reading);
	return err;
}

void judged_with_fini(struct judged_with *with)
{
	free(with->regions);
	*with = (struct judged_with){ 0 };
}

struct risk_occasion judged_with_occasion(const struct judged_with *with,
					  const struct account_state *state, int64_t at_ms,
					  struct surroundings *around)
{
	const struct region_state *region = NULL;
	struct bytes place = relationship_region(&state->relationship);
	for (size_t i = 0; i < with->region_count; i++)
		if (bytes_equal(place, bytes_of(with->regions[i].key, with->regions[i].key_len)))
			region = &with->regions[i].state;
	region_read(region, INT64_MAX, at_ms, around);
	return (struct risk_occasion){ .at_ms = at_ms, .around = around, .model = &with->model };
}
