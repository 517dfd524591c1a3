/* One name of the identify stage: what it does with its events and with what other names say. Its
 * life is told in consumers/identity_state.h. The functions are those of struct state_kind; the
 * context is the stage. */
#ifndef CONSUMERS_IDENTIFY_NAME_H
#define CONSUMERS_IDENTIFY_NAME_H

#include "consumers/identify_stage.h"

/* The record at hand. */
void identify_apply_name(void *context, const struct origin *origin, const void *parsed,
			 struct bytes key, void *state, struct effects *effects,
			 bool *must_publish);

/* Its time to wait is over. */
void identify_fire_name(void *context, const struct origin *origin, struct bytes key, int64_t at_ms,
			void *state, struct effects *effects, bool *must_publish);

#endif
