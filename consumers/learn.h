/* The learn stage: tests the model on each lesson, then learns it, and publishes a version at the
 * end of each week of event time in which there was one.
 *
 * Lessons come in the order of (matured at, account), so the same lessons give the same bytes. A
 * version goes to `models` with its measurements; with model.activate=auto it also goes to every
 * partition of account.events, body and all, and is active from that record on. What people answer
 * to warnings comes between the lessons, and goes into the versions as models/trust. */
#ifndef CONSUMERS_LEARN_H
#define CONSUMERS_LEARN_H

#include "runtime/processor.h"

struct learn_stage;

/* A new stage; registry is borrowed. activate: whether a version becomes active by itself. */
struct learn_stage *learn_stage_new(bool activate, struct registry *registry);
void learn_stage_free(struct learn_stage **stage);

/* The processor; its context is `stage`, which must outlive it. */
struct processor learn_processor(struct learn_stage *stage);

#endif
