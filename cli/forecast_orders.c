/* See forecast_orders.h. */
#include "cli/forecast_orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/progress.h"
#include "cli/stop.h"
#include "evaluate/order_plot.h"
#include "evaluate/order_trial.h"

static struct err *usage(const char *by)
{
	return err_new(ERR_FATAL, "USAGE",
		       "--by can't be \"%.80s\": expected up to %d attributes, as in "
		       "country,product:2",
		       by, ORDER_DIMENSIONS_MAX);
}

/* "NAME" or "NAME:BYTES" between commas. */
static struct err *dimensions_read(const char *by, struct order_dimension *dimension, size_t *count)
{
	for (const char *at = by; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, ",");
		size_t name_len = strcspn(at, ":,");
		if (*count == ORDER_DIMENSIONS_MAX || name_len == 0 || name_len > ORDER_NAME_MAX)
			return usage(by);
		struct order_dimension *d = &dimension[(*count)++];
		*d = (struct order_dimension){ .prefix = 0 };
		memcpy(d->attribute, at, name_len);
		if (name_len < len) {
			char *end;
			long prefix = strtol(at + name_len + 1, &end, 10);
			if (end != at + len || prefix < 1 || prefix > ORDER_NAME_MAX)
				return usage(by);
			d->prefix = (size_t)prefix;
		}
		at += len;
		at += *at == ',';
	}
	return NULL;
}

static double skill(double error, double other)
{
	return other > 0 ? 100.0 * (1.0 - error / other) : 0;
}

static void node_print(const struct order_history *h, const struct order_trial *trial, size_t i)
{
	const struct order_node *node = &h->nodes[i];
	const struct order_score *s = &trial->scores[i];
	double mean = 0;
	for (int t = 0; t < h->weeks; t++)
		mean += (double)node->amount[t] / (double)h->weeks;
	printf("%-10.10s %-22.22s %13.2f %9.1f %9.1f %7.0f %7.0f\n",
	       node->dimension < 0 ? "" : h->dimension[node->dimension].attribute,
	       node->name[0] == '\0' ? "(none)" : node->name, mean / 100.0,
	       skill(s->error, s->naive_error), skill(s->error, s->ses_error),
	       100.0 * s->covered_80 / s->forecasts, 100.0 * s->covered_95 / s->forecasts);
}

static void summary_print(const struct order_history *h, const struct order_trial *trial)
{
	size_t nodes = 0, better_naive = 0, better_ses = 0, silent = 0;
	for (size_t i = 1; i < trial->node_count; i++) {
		const struct order_score *s = &trial->scores[i];
		if (!(s->naive_error > 0)) {
			silent++;
			continue;
		}
		nodes++;
		better_naive += s->error < s->naive_error;
		better_ses += s->error < s->ses_error;
	}
	printf("\n%zu of %zu nodes are better than naive, %zu better than SES", better_naive, nodes,
	       better_ses);
	if (silent > 0)
		printf("; %zu more had no error to beat", silent);
	printf("\nlargest difference between the total and a sum: %" PRId64 " minor units\n",
	       trial->incoherent_max);
	if (h->refused > 0)
		printf("%" PRId64 " of %" PRId64 " rows were refused by the mapping\n", h->refused,
		       h->rows);
}

static void print(const struct order_history *h, const struct order_trial *trial)
{
	char from[TIME_TEXT_LEN + 1];
	time_format(h->first_ms, from);
	printf("%d whole weeks from %.10s; %d origins, horizons 1 to %d\n"
	       "skill: 100 (1 - mean absolute error / that of the other), positive is better\n\n",
	       h->weeks, from, ORDER_ORIGINS, ORDER_HORIZON);
	printf("%-10s %-22s %13s %9s %9s %7s %7s\n", "", "", "a week", "naive", "SES", "in 80 %",
	       "in 95 %");
	for (size_t i = 0; i < trial->node_count; i++)
		node_print(h, trial, i);
	summary_print(h, trial);
}

static void name_write(FILE *file, const char *name)
{
	fputc('"', file);
	for (const char *c = name; *c != '\0'; c++)
		fprintf(file, *c == '"' ? "\"\"" : "%c", *c);
	fputc('"', file);
}

static struct err *out_write(const char *path, const struct order_history *h,
			     const struct order_trial *trial)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return err_new(ERR_FATAL, "FILE", "can't write %s: %s", path, strerror(errno));
	fputs("dimension,node,last_week,step,point,q2.5,q10,q50,q90,q97.5\n", file);
	for (int origin = 0; origin < ORDER_ORIGINS; origin++)
		for (int step = 1; step <= ORDER_HORIZON; step++)
			for (size_t i = 0; i < trial->node_count; i++) {
				size_t at = order_trial_at(trial, origin, step, i);
				int known = h->weeks - ORDER_ORIGINS + origin;
				char week[TIME_TEXT_LEN + 1];
				time_format(h->first_ms + (known - 1) * MS_PER_WEEK, week);
				const struct order_node *node = &h->nodes[i];
				fprintf(file, "%s,",
					node->dimension < 0
						? ""
						: h->dimension[node->dimension].attribute);
				name_write(file, node->name);
				fprintf(file, ",%.10s,%d,%.2f", week, step,
					(double)trial->point[at] / 100.0);
				for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
					fprintf(file, ",%.2f", trial->quantile[q][at] / 100.0);
				fputc('\n', file);
			}
	bool failed = ferror(file) != 0;
	failed = fclose(file) != 0 || failed;
	return failed ? err_new(ERR_FATAL, "FILE", "can't write %s: is the disk full?", path)
		      : NULL;
}

static void rows_show(void *context, int64_t rows, double share)
{
	progress_update(context, rows, share);
}

struct err *forecast_orders(const struct forecast_orders *options)
{
	struct order_dimension dimension[ORDER_DIMENSIONS_MAX];
	struct order_history_options reading = { .orders_path = options->orders_path,
						 .map_path = options->map_path,
						 .dimension = dimension,
						 .progress = rows_show };
	struct order_history *history = NULL;
	struct order_trial *trial = NULL;
	struct err *err = dimensions_read(options->by, dimension, &reading.dimension_count);
	if (err != NULL)
		return err;
	struct progress *progress = progress_new("orders", "rows", -1);
	reading.progress_context = progress;
	err = order_history_read(&reading, &history);
	progress_finish(&progress);
	const struct parallel_options parallel = { .threads = options->threads,
						   .stop = stop_flag() };
	if (err == NULL)
		err = order_trial_run(history, &parallel, &trial);
	if (err == NULL && options->out_path != NULL)
		err = out_write(options->out_path, history, trial);
	if (err == NULL && options->plots_path != NULL)
		err = order_plot_some(options->plots_path, history, trial);
	if (err == NULL)
		print(history, trial);
	order_trial_free(&trial);
	order_history_free(&history);
	return err;
}
