#include "cli/plot.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"

enum { GUTTER = 11, LABEL_LEN = 10, LABEL_ROOM = 14 };

enum cell { EMPTY, OUTER, INNER, LINE, DOT_INNER, DOT_OUTER, DOT_OUTSIDE, CELL_COUNT };

static const char *const unicode_cells[CELL_COUNT] = { " ", "░", "▒", "━", "●", "○", "✕" };
static const char *const ascii_cells[CELL_COUNT] = { " ", ".", ":", "-", "o", "O", "X" };
static const char *const colours[CELL_COUNT] = { "",	      "\033[2m",    "\033[2m",
						 "\033[36m",  "\033[1;32m", "\033[1;33m",
						 "\033[1;31m" };

struct plot {
	const struct plot_style *style;
	const struct plot_point *points;
	size_t count;
	int stride; /* columns a point */
	int rows;
	double low, high; /* of the axis */
};

static void widen(struct plot *plot, double value)
{
	plot->low = value < plot->low ? value : plot->low;
	plot->high = value > plot->high ? value : plot->high;
}

static void set_axis(struct plot *plot)
{
	plot->low = 0;
	plot->high = 0;
	for (size_t i = 0; i < plot->count; i++) {
		widen(plot, plot->points[i].lower_80);
		widen(plot, plot->points[i].upper_80);
		widen(plot, plot->points[i].point);
		if (plot->points[i].has_actual)
			widen(plot, plot->points[i].actual);
	}
	if (plot->high <= plot->low)
		plot->high = plot->low + 1;
}

/* The row of a value, 0 at the top; out of range where the axis does not reach it. */
static int row_of(const struct plot *plot, double value)
{
	double share = (plot->high - value) / (plot->high - plot->low);
	if (share < 0)
		return -1;
	return share > 1 ? plot->rows : (int)(share * (plot->rows - 1) + 0.5);
}

static bool covers(const struct plot *plot, int row, double lower, double upper)
{
	return row >= row_of(plot, upper) && row <= row_of(plot, lower);
}

static enum cell dot_of(const struct plot_point *point)
{
	if (point->actual >= point->lower_80 && point->actual <= point->upper_80)
		return DOT_INNER;
	if (point->actual >= point->lower_95 && point->actual <= point->upper_95)
		return DOT_OUTER;
	return DOT_OUTSIDE;
}

/* `first`: the point's first column, where its dot stands. */
static enum cell cell_at(const struct plot *plot, const struct plot_point *point, int row,
			 bool first)
{
	if (first && point->has_actual && row == row_of(plot, point->actual))
		return dot_of(point);
	if (row == row_of(plot, point->point))
		return LINE;
	if (covers(plot, row, point->lower_80, point->upper_80))
		return INNER;
	return covers(plot, row, point->lower_95, point->upper_95) ? OUTER : EMPTY;
}

static void print_cell(FILE *out, const struct plot_style *style, enum cell cell)
{
	const char *text = style->ascii ? ascii_cells[cell] : unicode_cells[cell];
	if (style->colour)
		fprintf(out, "%s%s\033[0m", colours[cell], text);
	else
		fputs(text, out);
}

static void print_row(FILE *out, const struct plot *plot, int row)
{
	double value = plot->high - (plot->high - plot->low) * row / (plot->rows - 1);
	const char *axis = plot->style->ascii ? "|" : "│";
	if (row % 4 == 0 || row == plot->rows - 1)
		fprintf(out, "%*.0f %s", GUTTER - 2, value, axis);
	else
		fprintf(out, "%*s %s", GUTTER - 2, "", axis);
	int blanks = 0; /* held back, so that no line ends with one */
	for (size_t i = 0; i < plot->count; i++) {
		for (int column = 0; column < plot->stride; column++) {
			enum cell cell = cell_at(plot, &plot->points[i], row, column == 0);
			if (cell == EMPTY) {
				blanks++;
				continue;
			}
			fprintf(out, "%*s", blanks, "");
			blanks = 0;
			print_cell(out, plot->style, cell);
		}
	}
	fputc('\n', out);
}

/* A date below its point, as often as there is room. */
static void print_dates(FILE *out, const struct plot *plot)
{
	fprintf(out, "%*s", GUTTER, "");
	int column = 0;
	for (size_t i = 0; i < plot->count; i++) {
		int at = (int)i * plot->stride;
		if (at < column || (i > 0 && at + LABEL_LEN > (int)plot->count * plot->stride))
			continue;
		char text[TIME_TEXT_LEN + 1];
		time_format(plot->points[i].at_ms, text);
		fprintf(out, "%*s%.*s", at - column, "", LABEL_LEN, text);
		column = at + LABEL_LEN;
		while ((int)(i + 1) * plot->stride < at + LABEL_ROOM && i + 1 < plot->count)
			i++;
	}
	fputc('\n', out);
}

static void print_legend(FILE *out, const struct plot_style *style)
{
	static const struct {
		enum cell cell;
		const char *text;
	} items[] = { { LINE, "forecast" },
		      { INNER, "80 %" },
		      { OUTER, "95 %" },
		      { DOT_INNER, "came, within 80 %" },
		      { DOT_OUTER, "within 95 %" },
		      { DOT_OUTSIDE, "outside" } };
	fprintf(out, "%*s", GUTTER, "");
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		print_cell(out, style, items[i].cell);
		fprintf(out, " %s%s", items[i].text,
			i + 1 < sizeof items / sizeof items[0] ? "  " : "\n");
	}
}

void plot_print(FILE *out, const struct plot_style *style, const struct plot_point *points,
		size_t count)
{
	CHECK(style->rows >= 4 && style->rows <= PLOT_ROWS_MAX);
	if (count == 0)
		return;
	int columns = style->columns < PLOT_COLUMNS_MIN ? PLOT_COLUMNS_MIN : style->columns;
	columns = columns > PLOT_COLUMNS_MAX ? PLOT_COLUMNS_MAX : columns;
	size_t room = (size_t)(columns - GUTTER - 1);
	struct plot plot = {
		.style = style, .points = points, .count = count, .stride = 1, .rows = style->rows
	};
	if (count > room) {
		plot.points += count - room;
		plot.count = room;
	}
	while ((size_t)(plot.stride + 1) * plot.count <= room && plot.stride < 3)
		plot.stride++;
	set_axis(&plot);
	for (int row = 0; row < plot.rows; row++)
		print_row(out, &plot, row);
	print_dates(out, &plot);
	print_legend(out, style);
}
