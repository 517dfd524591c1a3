#include "evaluate/svg.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"

/* The picture in pixels, and the plot within it. */
enum {
	WIDTH = 720,
	HEIGHT = 440,
	LEFT = 76,
	RIGHT = 24,
	TOP = 62,
	BOTTOM = 58,
	LEGEND_ROW = 18,
	TICKS_MAX = 12,
	TICKS_WANTED = 6,
	TICK_TEXT_LEN = 32,
};

static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73",
				       "#cc79a7", "#e69f00", "#56b4e9" };
enum { COLOUR_COUNT = sizeof colours / sizeof colours[0] };

static const char grey[] = "#767676";

struct ticks {
	size_t count;
	double at[TICKS_MAX];
	double step;
};

struct canvas {
	FILE *out;
	const struct svg_chart *chart;
	struct svg_axis x, y; /* with their final ranges */
	double bar_width;     /* pixels */
};

/* ---- ranges and ticks ---- */

static bool is_drawn(const struct svg_point *point)
{
	return dm_is_finite(point->x) && dm_is_finite(point->y);
}

static bool has_low(enum svg_mark mark)
{
	return mark == SVG_BARS || mark == SVG_BAND || mark == SVG_WHISKERS;
}

static size_t count_of(const struct svg_layer *layer)
{
	return layer->count < SVG_POINTS_MAX ? layer->count : SVG_POINTS_MAX;
}

static void widen(struct svg_axis *axis, double value)
{
	if (!dm_is_finite(value))
		return;
	axis->low = value < axis->low ? value : axis->low;
	axis->high = value > axis->high ? value : axis->high;
}

/* Sets the ranges that the chart leaves open. */
static void fit(struct canvas *canvas)
{
	const struct svg_chart *chart = canvas->chart;
	struct svg_axis x = chart->x, y = chart->y;
	x.low = y.low = INFINITY;
	x.high = y.high = -INFINITY;
	for (size_t i = 0; i < chart->layer_count; i++) {
		const struct svg_layer *layer = &chart->layers[i];
		for (size_t k = 0; k < count_of(layer); k++) {
			if (!is_drawn(&layer->points[k]))
				continue;
			widen(&x, layer->points[k].x);
			widen(&y, layer->points[k].y);
			if (has_low(layer->mark))
				widen(&y, layer->points[k].low);
		}
	}
	if (y.low > 0 && y.low < y.high && y.scale != SVG_TIME)
		y.low = 0;
	canvas->x = chart->x.low < chart->x.high ? chart->x : x;
	canvas->y = chart->y.low < chart->y.high ? chart->y : y;
	for (int i = 0; i < 2; i++) {
		struct svg_axis *axis = i == 0 ? &canvas->x : &canvas->y;
		if (!(axis->low <= axis->high)) /* nothing to be drawn */
			axis->low = 0, axis->high = 1;
		if (axis->low == axis->high) {
			double half = axis->low != 0 ? fabs(axis->low) / 2 : 0.5;
			axis->low -= half;
			axis->high += half;
		}
	}
}

/* The smallest of 1, 2, 5 x 10^k that needs no more than TICKS_WANTED steps. */
static double step_of_numbers(double range)
{
	double step = 1;
	while (step * TICKS_WANTED < range)
		step *= 10;
	while (step / 10 * TICKS_WANTED >= range)
		step /= 10;
	if (step / 5 * TICKS_WANTED >= range)
		return step / 5;
	return step / 2 * TICKS_WANTED >= range ? step / 2 : step;
}

static double step_of_times(double range)
{
	static const int days[] = { 1, 2, 7, 14, 31, 61, 92, 183, 366, 731, 1827, 3653, 7305 };
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
		if ((double)days[i] * (double)MS_PER_DAY * TICKS_WANTED >= range)
			return (double)days[i] * (double)MS_PER_DAY;
	return range / TICKS_WANTED;
}

static void ticks_set(struct ticks *ticks, const struct svg_axis *axis)
{
	double range = axis->high - axis->low;
	ticks->count = 0;
	ticks->step = axis->scale == SVG_TIME ? step_of_times(range) : step_of_numbers(range);
	double first = ceil(axis->low / ticks->step - 1e-9);
	for (int i = 0; i < TICKS_MAX; i++) {
		double at = (first + i) * ticks->step;
		if (at > axis->high + 1e-9 * range)
			break;
		ticks->at[ticks->count++] = at;
	}
}

/* Decimals that tell two neighbouring ticks apart. */
static int decimals_of(double step)
{
	int decimals = 0;
	while (decimals < 9 && fabs(step - round(step)) > 1e-6 * step) {
		step *= 10;
		decimals++;
	}
	return decimals;
}

static void tick_text(const struct svg_axis *axis, double step, double at, char text[TICK_TEXT_LEN])
{
	if (axis->scale == SVG_TIME) {
		char time[TIME_TEXT_LEN + 1];
		time_format((int64_t)at, time);
		snprintf(text, TICK_TEXT_LEN, "%.10s", time);
	} else if (axis->scale == SVG_PERCENT) {
		snprintf(text, TICK_TEXT_LEN, "%.*f %%", decimals_of(100 * step), 100 * at);
	} else if (fabs(at) >= 1e6) {
		snprintf(text, TICK_TEXT_LEN, "%.*f M", decimals_of(step / 1e6), at / 1e6);
	} else if (fabs(at) >= 1e4) {
		snprintf(text, TICK_TEXT_LEN, "%.*f k", decimals_of(step / 1e3), at / 1e3);
	} else {
		/* what rounding left of 0 is not written as -0 */
		snprintf(text, TICK_TEXT_LEN, "%.*f", decimals_of(step),
			 fabs(at) < step / 2 ? 0.0 : at);
	}
}

/* ---- places ---- */

static double place_x(const struct canvas *canvas, double x)
{
	double share = (x - canvas->x.low) / (canvas->x.high - canvas->x.low);
	return LEFT + share * (WIDTH - LEFT - RIGHT);
}

static double place_y(const struct canvas *canvas, double y)
{
	double share = (y - canvas->y.low) / (canvas->y.high - canvas->y.low);
	return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

static void print_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		case '&': fputs("&amp;", out); break;
		default: fputc((unsigned char)*text < 0x20 ? ' ' : *text, out);
		}
	}
}

/* ---- the frame ---- */

static void print_axes(struct canvas *canvas)
{
	struct ticks ticks;
	char text[TICK_TEXT_LEN];
	FILE *out = canvas->out;
	ticks_set(&ticks, &canvas->y);
	for (size_t i = 0; i < ticks.count; i++) {
		double y = place_y(canvas, ticks.at[i]);
		tick_text(&canvas->y, ticks.step, ticks.at[i], text);
		fprintf(out, "<line x1='%d' y1='%.1f' x2='%d' y2='%.1f' stroke='#e4e4e4'/>\n", LEFT,
			y, WIDTH - RIGHT, y);
		fprintf(out, "<text x='%d' y='%.1f' text-anchor='end'>%s</text>\n", LEFT - 8, y + 4,
			text);
	}
	ticks_set(&ticks, &canvas->x);
	for (size_t i = 0; i < ticks.count; i++) {
		double x = place_x(canvas, ticks.at[i]);
		tick_text(&canvas->x, ticks.step, ticks.at[i], text);
		fprintf(out, "<line x1='%.1f' y1='%d' x2='%.1f' y2='%d' stroke='#444'/>\n", x,
			HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5);
		fprintf(out, "<text x='%.1f' y='%d' text-anchor='middle'>%s</text>\n", x,
			HEIGHT - BOTTOM + 20, text);
	}
	fprintf(out, "<path d='M%d %dV%dH%d' fill='none' stroke='#444'/>\n", LEFT, TOP,
		HEIGHT - BOTTOM, WIDTH - RIGHT);
	fprintf(out, "<text x='%d' y='%d' text-anchor='middle'>", (LEFT + WIDTH - RIGHT) / 2,
		HEIGHT - 14);
	print_text(out, canvas->x.label);
	fprintf(out,
		"</text>\n<text transform='translate(18 %d) rotate(-90)' "
		"text-anchor='middle'>",
		(TOP + HEIGHT - BOTTOM) / 2);
	print_text(out, canvas->y.label);
	fprintf(out, "</text>\n");
}

static const char *colour_of(const struct svg_chart *chart, size_t layer)
{
	size_t drawn = 0;
	if (chart->layers[layer].mark == SVG_DASHES)
		return grey;
	for (size_t i = 0; i < layer; i++)
		drawn += chart->layers[i].mark != SVG_DASHES &&
			 chart->layers[i + 1].mark != SVG_WHISKERS;
	return colours[drawn % COLOUR_COUNT];
}

static void print_legend(const struct canvas *canvas)
{
	const struct svg_chart *chart = canvas->chart;
	int row = 0;
	for (size_t i = 0; i < chart->layer_count; i++) {
		const struct svg_layer *layer = &chart->layers[i];
		int y = TOP + 12 + LEGEND_ROW * row;
		if (layer->label == NULL)
			continue;
		row++;
		fprintf(canvas->out,
			"<rect x='%d' y='%d' width='20' height='%d' fill='%s' "
			"fill-opacity='%s'/>\n<text x='%d' y='%d'>",
			LEFT + 14, layer->mark == SVG_BAND ? y - 9 : y - 6,
			layer->mark == SVG_BAND ? 10 : 4, colour_of(chart, i),
			layer->mark == SVG_BAND ? "0.2" : "1", LEFT + 40, y);
		print_text(canvas->out, layer->label);
		fprintf(canvas->out, "</text>\n");
	}
}

/* ---- the layers ---- */

static void print_line(const struct canvas *canvas, const struct svg_layer *layer,
		       const char *colour)
{
	bool pen_down = false;
	fprintf(canvas->out, "<path fill='none' stroke='%s' stroke-width='2'%s d='", colour,
		layer->mark == SVG_DASHES ? " stroke-dasharray='5 4'" : "");
	for (size_t i = 0; i < count_of(layer); i++) {
		const struct svg_point *point = &layer->points[i];
		if (is_drawn(point))
			fprintf(canvas->out, "%c%.1f %.1f", pen_down ? 'L' : 'M',
				place_x(canvas, point->x), place_y(canvas, point->y));
		pen_down = is_drawn(point);
	}
	fprintf(canvas->out, "'/>\n");
}

static void print_band(const struct canvas *canvas, const struct svg_layer *layer,
		       const char *colour)
{
	char command = 'M';
	size_t count = count_of(layer);
	fprintf(canvas->out, "<path stroke='none' fill='%s' fill-opacity='0.2' d='", colour);
	for (size_t i = 0; i < 2 * count; i++) { /* there above, back below */
		const struct svg_point *point = &layer->points[i < count ? i : 2 * count - 1 - i];
		if (!is_drawn(point) || !dm_is_finite(point->low))
			continue;
		fprintf(canvas->out, "%c%.1f %.1f", command, place_x(canvas, point->x),
			place_y(canvas, i < count ? point->y : point->low));
		command = 'L';
	}
	fprintf(canvas->out, "%s'/>\n", command == 'L' ? "Z" : "");
}

static void print_mark(const struct canvas *canvas, const struct svg_layer *layer,
		       const struct svg_point *point, const char *colour)
{
	double x = place_x(canvas, point->x), y = place_y(canvas, point->y);
	if (layer->mark == SVG_DOTS) {
		fprintf(canvas->out, "<circle cx='%.1f' cy='%.1f' r='%d' fill='%s'/>\n", x, y,
			layer->count > 200 ? 2 : 4, colour);
		return;
	}
	if (!dm_is_finite(point->low))
		return;
	double low = place_y(canvas, point->low);
	double width = layer->mark == SVG_BARS ? canvas->bar_width : 2;
	fprintf(canvas->out, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>\n",
		x - width / 2, low < y ? low : y, width, fabs(low - y), colour);
}

static void print_layer(const struct canvas *canvas, size_t i)
{
	const struct svg_layer *layer = &canvas->chart->layers[i];
	const char *colour = colour_of(canvas->chart, i);
	if (layer->mark == SVG_LINE || layer->mark == SVG_DASHES) {
		print_line(canvas, layer, colour);
	} else if (layer->mark == SVG_BAND) {
		print_band(canvas, layer, colour);
	} else {
		for (size_t k = 0; k < count_of(layer); k++)
			if (is_drawn(&layer->points[k]))
				print_mark(canvas, layer, &layer->points[k], colour);
	}
}

/* Bars stand apart by a fifth of the room that the fullest layer leaves each; the axis gets half a
 * bar more at each end. */
static void make_room(struct canvas *canvas)
{
	size_t most = 0;
	for (size_t i = 0; i < canvas->chart->layer_count; i++)
		if (canvas->chart->layers[i].mark == SVG_BARS &&
		    count_of(&canvas->chart->layers[i]) > most)
			most = count_of(&canvas->chart->layers[i]);
	if (most == 0)
		return;
	canvas->bar_width = 0.8 * (WIDTH - LEFT - RIGHT) / (double)most;
	if (canvas->chart->x.low < canvas->chart->x.high || most < 2)
		return;
	double half = (canvas->x.high - canvas->x.low) / (double)(most - 1) / 2;
	canvas->x.low -= half;
	canvas->x.high += half;
}

void svg_print(FILE *out, const struct svg_chart *chart)
{
	CHECK(chart->layer_count <= SVG_LAYERS_MAX);
	struct canvas canvas = { .out = out, .chart = chart };
	fit(&canvas);
	make_room(&canvas);
	fprintf(out,
		"<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d "
		"%d' font-family='sans-serif' font-size='12' fill='#222'>\n"
		"<rect width='%d' height='%d' fill='white'/>\n"
		"<clipPath id='plot'><rect x='%d' y='%d' width='%d' height='%d'/></clipPath>\n"
		"<text x='%d' y='26' font-size='16' font-weight='bold'>",
		WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT - 4, TOP - 4,
		WIDTH - LEFT - RIGHT + 8, HEIGHT - TOP - BOTTOM + 8, LEFT);
	print_text(out, chart->title);
	fprintf(out, "</text>\n");
	if (chart->subtitle != NULL) {
		fprintf(out, "<text x='%d' y='46' fill='%s'>", LEFT, grey);
		print_text(out, chart->subtitle);
		fprintf(out, "</text>\n");
	}
	print_axes(&canvas);
	fprintf(out, "<g clip-path='url(#plot)'>\n");
	for (size_t i = 0; i < chart->layer_count; i++)
		print_layer(&canvas, i);
	fprintf(out, "</g>\n");
	print_legend(&canvas);
	fprintf(out, "</svg>\n");
}

struct err *svg_write(const char *path, const struct svg_chart *chart)
{
	FILE *out = fopen(path, "w");
	if (out == NULL)
		return err_new(ERR_FATAL, "FILE", "%s can't be written: %s", path, strerror(errno));
	svg_print(out, chart);
	bool failed = ferror(out) != 0;
	failed |= fclose(out) != 0;
	return failed ? err_new(ERR_FATAL, "FILE", "%s can't be written to its end", path) : NULL;
}
