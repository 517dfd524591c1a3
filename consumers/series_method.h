/* What a series' forecasts keep from close to close, as a record and back. Threads: pure. */
#ifndef CONSUMERS_SERIES_METHOD_H
#define CONSUMERS_SERIES_METHOD_H

#include "models/forecaster.h"
#include "schemas/states.h"

/* Into steps[HORIZON_MAX]; returns how many. */
size_t series_interval_to_steps(const struct interval *interval, struct series_interval *steps);
void series_interval_from_steps(const struct series_interval *steps, size_t count,
				struct interval *interval);

void series_method_to_record(const struct forecaster *forecaster, struct series_method *record);

/* A record that this code did not write may hold anything: what can't be is as if nothing was kept
 * (the next close then searches anew). */
void series_method_from_record(const struct series_method *record, struct forecaster *forecaster);

#endif
