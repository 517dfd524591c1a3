/* The forecast stage: one state per series; at each period's close the actual is compared with the
 * earlier forecasts, and new ones are made.
 *
 * A period closes when the log's clock passes its end, that is when every partition of
 * account.events has told everything up to there. Late amounts correct the closed period they
 * belong to, and with it later forecasts; a forecast that is out stays as it is. */
#ifndef CONSUMERS_FORECAST_H
#define CONSUMERS_FORECAST_H

#include "consumers/network.h"
#include "consumers/series.h"
#include "runtime/processor.h"

struct forecast_options {
	const struct series_table *series;
	const struct network *network; /* whose demand is told on (consumers/supply_note.h) */
	int32_t partition_count;       /* of series.points: the writers of supply.events */
};

struct forecast_stage;

/* A new stage; series and network are copied, registry is borrowed. */
struct forecast_stage *forecast_stage_new(const struct forecast_options *options,
					  struct registry *registry);
void forecast_stage_free(struct forecast_stage **stage);

/* What was done since the stage began, replays included; for benchmarks. */
struct forecast_counts {
	int64_t closed, forecasts;
	int64_t estimated, searched; /* closes at which parameters, or forms, were looked for */
	int64_t fallen_back;	     /* closes at which the naive forecast was said */
};

const struct forecast_counts *forecast_stage_counts(const struct forecast_stage *stage);

/* The processor; its context is `stage`, which must outlive it. */
struct processor forecast_processor(struct forecast_stage *stage);

#endif
