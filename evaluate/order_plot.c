/* See order_plot.h. */
#include "evaluate/order_plot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "evaluate/forecast_plot.h"
#include "evaluate/forecast_trial.h"

static const double MINOR = 100.0; /* units of a major one */

static void id_write(FILE *file, const struct order_history *h, const struct order_node *node)
{
	char id[SERIES_ID_MAX + 1];
	const char *attribute = node->dimension < 0 ? "" : h->dimension[node->dimension].attribute;
	snprintf(id, sizeof id, "%.63s%s%s", attribute, *attribute == '\0' ? "" : " ", node->name);
	fputc('"', file);
	for (const char *c = id; *c != '\0'; c++)
		fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
	fputc('"', file);
}

/* Weeks first to last - 1 of all nodes, as the reader of series takes them. */
static struct err *weeks_of(const struct order_history *h, int first, int last,
			    struct series_table **table)
{
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	CHECK(file != NULL);
	for (size_t i = 0; i < h->node_count; i++) {
		id_write(file, h, &h->nodes[i]);
		for (int t = first; t < last; t++)
			fprintf(file, ",%.2f", (double)h->nodes[i].amount[t] / MINOR);
		fputc('\n', file);
	}
	fclose(file);
	struct err *err = series_table_parse(text, len, "the weeks", table);
	free(text);
	return err;
}

/* The forecasts of one origin, as those of a trial of series. */
static void take(const struct order_trial *trial, int origin, struct forecast_trial *made)
{
	size_t each = (1 + SPREAD_QUANTILE_COUNT) * (size_t)ORDER_HORIZON;
	*made = (struct forecast_trial){ .count = trial->node_count, .horizon = ORDER_HORIZON };
	made->values = check_calloc(made->count * each, sizeof *made->values);
	made->series = check_calloc(made->count, sizeof *made->series);
	for (size_t i = 0; i < made->count; i++) {
		struct forecast_trial_series *series = &made->series[i];
		series->point = made->values + i * each;
		for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
			series->quantile[q] = series->point + (q + 1) * ORDER_HORIZON;
		for (int h = 0; h < ORDER_HORIZON; h++) {
			size_t at = order_trial_at(trial, origin, h + 1, i);
			series->point[h] = (double)trial->point[at] / MINOR;
			for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
				series->quantile[q][h] = trial->quantile[q][at] / MINOR;
		}
	}
}

struct err *order_plot_some(const char *folder, const struct order_history *history,
			    const struct order_trial *trial)
{
	int known = history->weeks - ORDER_HORIZON;
	struct series_table *before = NULL, *after = NULL;
	struct forecast_trial made;
	take(trial, ORDER_ORIGINS - ORDER_HORIZON, &made);
	struct err *err = weeks_of(history, 0, known, &before);
	if (err == NULL)
		err = weeks_of(history, known, history->weeks, &after);
	if (err == NULL)
		err = forecast_plot_some(folder, before, after, &made);
	series_table_free(&before);
	series_table_free(&after);
	free(made.values);
	free(made.series);
	return err;
}
