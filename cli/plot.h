/* A plot of forecasts against what came, in text: one column or more a period, the intervals as
 * shades, the forecast as a line, the actual as a dot whose form says which interval it lies in.
 *
 * Units: those of the points; times are UTC ms. Threads: pure, but for the writing. */
#ifndef CLI_PLOT_H
#define CLI_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct plot_point {
	int64_t at_ms;
	double lower_95, lower_80, point, upper_80, upper_95;
	bool has_actual;
	double actual;
};

struct plot_style {
	int columns; /* of the terminal; what is less than PLOT_COLUMNS_MIN counts as that */
	int rows;    /* of the plot itself, 4 to PLOT_ROWS_MAX */
	bool ascii;  /* no character beyond ASCII */
	bool colour; /* SGR escapes */
};

enum { PLOT_COLUMNS_MIN = 40, PLOT_COLUMNS_MAX = 400, PLOT_ROWS_MAX = 60 };

/* Draws points[count], oldest first; where they are too many for the width, the last ones. The axis
 * reaches over actuals, forecasts and 80 % intervals; what lies beyond is cut off. */
void plot_print(FILE *out, const struct plot_style *style, const struct plot_point *points,
		size_t count);

#endif
