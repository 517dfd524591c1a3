/* A chart as an SVG file: layers of lines, dots, bars and bands over two axes with a title and a
 * legend, for a browser or a report. The colours can be told apart by the colour-blind (M. Okabe
 * and K. Ito, "Color Universal Design", 2008).
 *
 * Units: a chart's own; a time is UTC ms as a double. Ownership: all is borrowed for the call.
 * Threads: pure, but for the file. The same chart gives the same bytes. */
#ifndef EVALUATE_SVG_H
#define EVALUATE_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum {
	SVG_LAYERS_MAX = 16,
	SVG_POINTS_MAX = 100000, /* of a layer; what is beyond is left out */
};

enum svg_mark {
	SVG_LINE,   /* through (x, y) */
	SVG_DASHES, /* the same, dashed and grey: something to compare with */
	SVG_DOTS,
	SVG_BARS,     /* at x, from low to y */
	SVG_BAND,     /* the area between low and y */
	SVG_WHISKERS, /* an upright stroke from low to y, in the colour of the layer before it */
};

enum svg_scale {
	SVG_NUMBER,
	SVG_PERCENT, /* 0.25 is written as 25 % */
	SVG_TIME,    /* UTC ms, written as dates */
};

/* A point with a NaN or an infinity interrupts a line and is not drawn. */
struct svg_point {
	double x, y, low;
};

struct svg_layer {
	enum svg_mark mark;
	const char *label; /* for the legend; NULL: not in it */
	const struct svg_point *points;
	size_t count;
};

struct svg_axis {
	const char *label;
	enum svg_scale scale;
	double low, high; /* equal: as far as the points reach; y then begins at 0 where it can */
};

struct svg_chart {
	const char *title, *subtitle; /* a subtitle may be NULL */
	struct svg_axis x, y;
	size_t layer_count; /* up to SVG_LAYERS_MAX, drawn in this order */
	struct svg_layer layers[SVG_LAYERS_MAX];
};

void svg_print(FILE *out, const struct svg_chart *chart);

/* The same as a file. Errors: FATAL FILE. */
ERR_MUST_USE struct err *svg_write(const char *path, const struct svg_chart *chart);

#endif
