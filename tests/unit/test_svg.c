/* Charts: well-formed, all that is asked for is drawn, and nothing that can't be. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "evaluate/svg.h"

static char *print(const struct svg_chart *chart)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	svg_print(out, chart);
	assert_int_equal(fclose(out), 0);
	return text;
}

static size_t count_text(const char *text, const char *part)
{
	size_t count = 0;
	for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
		count++;
	return count;
}

static void every_mark_is_drawn(void **state)
{
	(void)state;
	const struct svg_point points[] = { { 1, 10, 5 }, { 2, 20, 15 }, { 3, 15, 12 } };
	struct svg_chart chart = {
		.title = "all", .x = { .label = "x" }, .y = { .label = "y" }, .layer_count = 6
	};
	for (size_t i = 0; i < 6; i++)
		chart.layers[i] = (struct svg_layer){
			.mark = (enum svg_mark)i, .label = "a < b & c", .points = points, .count = 3
		};
	char *text = print(&chart);
	assert_int_equal(count_text(text, "<circle"), 3);
	assert_int_equal(count_text(text, "stroke-dasharray"), 1);
	assert_int_equal(count_text(text, "a &lt; b &amp; c"), 6);
	assert_int_equal(count_text(text, "<rect"),
			 2 + 6 + 3 + 3); /* frame, legend, bars, strokes */
	assert_null(strstr(text, "nan"));
	free(text);
}

static void what_is_no_number_interrupts_a_line(void **state)
{
	(void)state;
	const struct svg_point points[] = {
		{ 0, 1, 0 }, { 1, NAN, 0 }, { INFINITY, 2, 0 }, { 3, 4, 0 }, { 4, 5, 0 }
	};
	const struct svg_chart chart = { .title = "t",
					 .x = { .label = "x" },
					 .y = { .label = "y" },
					 .layer_count = 1,
					 .layers = { { SVG_LINE, NULL, points, 5 } } };
	char *text = print(&chart);
	const char *path = strstr(text, "stroke-width='2' d='");
	assert_non_null(path);
	const char *end = strchr(path + 20, '\'');
	size_t moves = 0, lines = 0;
	for (const char *at = path + 20; at < end; at++) {
		moves += *at == 'M';
		lines += *at == 'L';
	}
	assert_int_equal(moves, 2);
	assert_int_equal(lines, 1);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
}

static void ticks_are_round_and_dates_are_dates(void **state)
{
	(void)state;
	const struct svg_point points[] = { { 868060800000, 0.1, 0 }, { 899596800000, 0.93, 0 } };
	const struct svg_chart chart = { .title = "t",
					 .x = { .label = "x", .scale = SVG_TIME },
					 .y = { .label = "y", .scale = SVG_PERCENT },
					 .layer_count = 1,
					 .layers = { { SVG_LINE, NULL, points, 2 } } };
	char *text = print(&chart);
	assert_non_null(strstr(text, ">20 %</text>"));
	assert_non_null(strstr(text, ">80 %</text>"));
	assert_non_null(strstr(text, ">1998-"));
	free(text);
}

static void nothing_to_draw_is_an_empty_plot(void **state)
{
	(void)state;
	const struct svg_chart chart = { .title = "t",
					 .x = { .label = "x" },
					 .y = { .label = "y" },
					 .layer_count = 1,
					 .layers = { { SVG_BARS, "none", NULL, 0 } } };
	char *text = print(&chart);
	assert_non_null(strstr(text, "</svg>"));
	assert_null(strstr(text, "nan"));
	free(text);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	(void)state;
	const struct svg_chart chart = { .title = "t", .x = { .label = "" }, .y = { .label = "" } };
	struct err *err = svg_write("no/such/folder/chart.svg", &chart);
	assert_non_null(err);
	assert_string_equal(err_code(err), "FILE");
	err_free(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mark_is_drawn),
		cmocka_unit_test(what_is_no_number_interrupts_a_line),
		cmocka_unit_test(ticks_are_round_and_dates_are_dates),
		cmocka_unit_test(nothing_to_draw_is_an_empty_plot),
		cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
