/* Charts of forecasts: the end of the series, both intervals, the point, and what came.
 *
 * Ownership: all borrowed. Threads: pure, but for the files. */
#ifndef EVALUATE_FORECAST_PLOT_H
#define EVALUATE_FORECAST_PLOT_H

#include "evaluate/forecast_trial.h"

enum { FORECAST_PLOTS = 6 };

/* Draws FORECAST_PLOTS series, evenly spread over the table, as FOLDER/forecast-NUMBER.svg, NUMBER
 * being the row of the series; the folder is made if need be. `actual` may be NULL.
 * Errors: FATAL FILE. */
ERR_MUST_USE struct err *forecast_plot_some(const char *folder, const struct series_table *table,
					    const struct series_table *actual,
					    const struct forecast_trial *trial);

#endif
