/* The models that were made active in a partition of account.events, each with the offset of the
 * record that did so: an account is judged by the one that was active at the record at hand, in a
 * replay too. Bounded: a replay is exact as long as no more than MODELS_SHELVED_MAX - 1 models are
 * made active between two checkpoints. Plain data, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_MODEL_SHELF_H
#define CONSUMERS_MODEL_SHELF_H

#include "models/hazard.h"
#include "schemas/states.h"

struct model_shelf {
	size_t count;
	struct {
		int64_t offset;
		struct hazard_model model;
	} models[MODELS_SHELVED_MAX]; /* oldest first */
};

/* Puts a model on it; what can't be read is left alone. A version that became active by itself (its
 * is_active is false: no command) does not take the place of one with trees, which holds until a
 * command makes another one active. */
void model_shelf_add(struct model_shelf *shelf, const struct model_record *record, int64_t offset);

/* The model that was active at `offset`; NULL: none was, the prior is. A NULL shelf has none. */
const struct hazard_model *model_shelf_at(const struct model_shelf *shelf, int64_t offset);

/* To the record, whose bodies are written into bodies, and back. A model of another layout, or set
 * of features, is left out: without one the prior judges. */
void model_shelf_to_record(const struct model_shelf *shelf, struct model_shelf_record *record,
			   uint8_t bodies[MODELS_SHELVED_MAX][HAZARD_MODEL_BYTES_MAX]);
void model_shelf_from_record(const struct model_shelf_record *record, struct model_shelf *shelf);

#endif
