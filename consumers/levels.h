/* The levels stage: the forecast of a total is the sum of its parts' forecasts, so that a
 * hierarchy (total, by region, by product, by both) agrees at every level to the minor unit.
 *
 * Bottom-up: the forecast stage forecasts the series of the finest level by themselves and writes
 * each of these forecasts (SeriesPart) to series.parts, keyed by what all levels have in common;
 * here they are added up, one state a total. All parts of a close stand in the log before those of
 * the next one (they are series of one definition, so of one partition, which closes periods in
 * order), and before the tick that closed them, which the forecast stage hands on: a total is said
 * when its part of a later close comes, or that tick, whichever is first. A series that begins late
 * has closes that are past: another tick closed those than the others', by which they are known,
 * and left out.
 *
 * The total's actual is the sum of the parts' actuals, its naive forecast the sum of theirs; its
 * quantiles come from its own past errors (models/interval.h). It doesn't fall back: its parts do.
 */
#ifndef CONSUMERS_LEVELS_H
#define CONSUMERS_LEVELS_H

#include "consumers/series.h"
#include "runtime/processor.h"

struct levels_stage;

/* A new stage; series is copied, registry borrowed. */
struct levels_stage *levels_stage_new(const struct series_table *series, struct registry *registry);
void levels_stage_free(struct levels_stage **stage); /* NULL-safe */

/* The processor; its context is `stage`, which must outlive it. */
struct processor levels_processor(struct levels_stage *stage);

#endif
