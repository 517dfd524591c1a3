/* Charts of weekly revenue: what was forecast from the last origin whose weeks have all come, for
 * the total and some of the nodes, as in forecast_plot.h.
 *
 * Ownership: all borrowed. Threads: pure, but for the files. */
#ifndef EVALUATE_ORDER_PLOT_H
#define EVALUATE_ORDER_PLOT_H

#include "evaluate/order_trial.h"

/* Draws into `folder`, which is made if need be; amounts in major units. Errors: FATAL FILE. */
ERR_MUST_USE struct err *order_plot_some(const char *folder, const struct order_history *history,
					 const struct order_trial *trial);

#endif
