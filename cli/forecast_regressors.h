/* The regressors of `foretell evaluate forecast`: its flags read, and what they turned out to tell.
 * Threads: one. */
#ifndef CLI_FORECAST_REGRESSORS_H
#define CLI_FORECAST_REGRESSORS_H

#include "cli/args.h"
#include "evaluate/forecast_trial.h"

/* A new table by --regressors, --start, --step and --holidays; NULL where none of them is given.
 * Errors: USAGE; those of regressor_table.h. */
ERR_MUST_USE struct err *forecast_regressors_read(const struct args *args,
						  const struct series_table *series, int horizon,
						  struct regressor_table **table);

/* Prints, for each regressor, in how many series it counts and by how much. */
void forecast_regressors_print(const struct regressor_table *table,
			       const struct forecast_trial *trial);

#endif
