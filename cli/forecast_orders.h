/* `foretell evaluate forecast --orders`: reads, tries, prints. Threads: one, and those it starts.
 */
#ifndef CLI_FORECAST_ORDERS_H
#define CLI_FORECAST_ORDERS_H

#include "base/err.h"

struct forecast_orders {
	const char *orders_path, *map_path;
	const char *by;	      /* "country,product:2"; NULL: the total alone */
	const char *out_path, *plots_path; /* NULL: none */
	int threads;
};

/* Errors: those of evaluate/order_history.h and order_trial.h; FATAL USAGE, FILE. */
ERR_MUST_USE struct err *forecast_orders(const struct forecast_orders *options);

#endif
