#include "consumers/model_shelf.h"

#include <string.h>

static void version_set(struct hazard_model *model, struct bytes version)
{
	size_t len = version.len < HAZARD_VERSION_MAX ? version.len : HAZARD_VERSION_MAX - 1;
	memset(model->version, 0, sizeof model->version);
	if (len > 0)
		memcpy(model->version, version.data, len);
}

/* A model with trees was brought, or grown and found better, and somebody made it active. */
static bool is_held(const struct model_shelf *shelf)
{
	const struct hazard_model *active = model_shelf_at(shelf, INT64_MAX);
	return active != NULL && (active->grove.is_whole || active->grove.tree_count > 0);
}

void model_shelf_add(struct model_shelf *shelf, const struct model_record *record, int64_t offset)
{
	struct hazard_model model = { .is_proven = record->is_proven,
				      .is_refuted = record->is_refuted,
				      .base_rate = record->base_rate };
	if ((!record->is_active && is_held(shelf)) || !hazard_model_unpack(record->body, &model))
		return;
	version_set(&model, record->version);
	if (shelf->count == MODELS_SHELVED_MAX)
		memmove(&shelf->models[0], &shelf->models[1],
			--shelf->count * sizeof shelf->models[0]);
	shelf->models[shelf->count].offset = offset;
	shelf->models[shelf->count++].model = model;
}

const struct hazard_model *model_shelf_at(const struct model_shelf *shelf, int64_t offset)
{
	const struct hazard_model *model = NULL;
	for (size_t i = 0; shelf != NULL && i < shelf->count; i++)
		if (shelf->models[i].offset <= offset)
			model = &shelf->models[i].model;
	return model;
}

void model_shelf_to_record(const struct model_shelf *shelf, struct model_shelf_record *record,
			   uint8_t bodies[MODELS_SHELVED_MAX][HAZARD_MODEL_BYTES_MAX])
{
	record->model_count = shelf->count;
	for (size_t i = 0; i < shelf->count; i++) {
		const struct hazard_model *model = &shelf->models[i].model;
		size_t body_len = hazard_model_pack(model, bodies[i]);
		record->models[i] = (struct shelved_model){ .offset = shelf->models[i].offset,
							    .version = bytes_str(model->version),
							    .body = bytes_of(bodies[i], body_len),
							    .is_proven = model->is_proven,
							    .is_refuted = model->is_refuted,
							    .base_rate = model->base_rate };
	}
}

void model_shelf_from_record(const struct model_shelf_record *record, struct model_shelf *shelf)
{
	memset(shelf, 0, sizeof *shelf);
	for (size_t i = 0; i < record->model_count; i++) {
		const struct shelved_model *from = &record->models[i];
		struct hazard_model *model = &shelf->models[shelf->count].model;
		if (!hazard_model_unpack(from->body, model))
			continue;
		version_set(model, from->version);
		model->is_proven = from->is_proven;
		model->is_refuted = from->is_refuted;
		model->base_rate = from->base_rate;
		shelf->models[shelf->count++].offset = from->offset;
	}
}
