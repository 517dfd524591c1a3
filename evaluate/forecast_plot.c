/* See forecast_plot.h. */
#include "evaluate/forecast_plot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "evaluate/svg.h"

enum { PATH_LEN_MAX = 4096, PAST_HORIZONS = 4, PAST_MIN = 24, LAYERS = 5 };

/* The points of all layers of one chart. */
struct sheet {
	int past, horizon;
	struct svg_point *past_points, *layer[LAYERS - 1];
};

static void sheet_fill(struct sheet *sheet, const struct series *series,
		       const struct forecast_trial_series *made, const struct series *actual)
{
	for (int i = 0; i < sheet->past; i++)
		sheet->past_points[i] =
			(struct svg_point){ .x = i - sheet->past + 1,
					    .y = series->values[series->count - sheet->past + i] };
	for (int h = 0; h < sheet->horizon; h++) {
		double x = h + 1;
		sheet->layer[0][h] =
			(struct svg_point){ x, made->quantile[4][h], made->quantile[0][h] };
		sheet->layer[1][h] =
			(struct svg_point){ x, made->quantile[3][h], made->quantile[1][h] };
		sheet->layer[2][h] = (struct svg_point){ .x = x, .y = made->point[h] };
		if (actual != NULL && h < actual->count)
			sheet->layer[3][h] = (struct svg_point){ .x = x, .y = actual->values[h] };
	}
}

static struct err *draw(const char *path, const struct series *series,
			const struct forecast_trial_series *made, int horizon,
			const struct series *actual)
{
	int past = PAST_HORIZONS * horizon > PAST_MIN ? PAST_HORIZONS * horizon : PAST_MIN;
	struct sheet sheet = { .past = past < series->count ? past : series->count,
			       .horizon = horizon };
	sheet.past_points = check_calloc((size_t)sheet.past, sizeof *sheet.past_points);
	for (int k = 0; k < LAYERS - 1; k++)
		sheet.layer[k] = check_calloc((size_t)horizon, sizeof *sheet.layer[k]);
	sheet_fill(&sheet, series, made, actual);
	size_t steps = (size_t)horizon;
	struct svg_chart chart = {
		.title = series->id,
		.x = { .label = "points after the last one known" },
		.y = { .label = "value" },
		.layer_count = actual != NULL ? LAYERS : LAYERS - 1,
		.layers = { { SVG_BAND, "95 %", sheet.layer[0], steps },
			    { SVG_BAND, "80 %", sheet.layer[1], steps },
			    { SVG_LINE, "known", sheet.past_points, (size_t)sheet.past },
			    { SVG_LINE, "forecast", sheet.layer[2], steps },
			    { SVG_DOTS, "came", sheet.layer[3], steps } },
	};
	struct err *err = svg_write(path, &chart);
	for (int k = 0; k < LAYERS - 1; k++)
		free(sheet.layer[k]);
	free(sheet.past_points);
	return err;
}

struct err *forecast_plot_some(const char *folder, const struct series_table *table,
			       const struct series_table *actual,
			       const struct forecast_trial *trial)
{
	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return err_new(ERR_FATAL, "FILE", "can't make the folder %s: %s", folder,
			       strerror(errno));
	size_t plots = table->count < FORECAST_PLOTS ? table->count : FORECAST_PLOTS;
	struct err *err = NULL;
	for (size_t k = 0; err == NULL && k < plots; k++) {
		size_t i = k * table->count / plots;
		const struct series *series = &table->series[i];
		char path[PATH_LEN_MAX];
		if (snprintf(path, sizeof path, "%s/forecast-%zu.svg", folder, i + 1) >=
		    (int)sizeof path)
			return err_new(ERR_FATAL, "FILE", "the name of the folder is too long");
		err = draw(path, series, &trial->series[i], trial->horizon,
			   actual == NULL ? NULL : series_table_find(actual, series->id));
	}
	return err;
}
