#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/forecast_table.h"
#include "cli/options.h"
#include "cli/plot.h"

static const struct args_flag flags[] = {
	{ "horizon", "N", NULL, "periods ahead that the forecasts were made (default 1)" },
	{ "from", "TIME", NULL, "only forecasts about periods that begin at or after this time" },
	{ "last", "N", NULL, "how many periods the table shows (default 6; the plot: all)" },
	{ "ascii", NULL, NULL, "draw with ASCII characters alone" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url", NULL };

static const char *const examples[] = {
	"foretell forecast",
	"foretell forecast revenue.day --from 1998-05-01",
	"foretell forecast revenue.week.country",
	"foretell forecast \"revenue.week.country/GBP/France\" --horizon 4",
	NULL,
};

static const struct args_spec spec = {
	.command = "forecast",
	.operands = "[SERIES]",
	.operand_count_min = 0,
	.operand_count_max = 1,
	.about = "Shows a series' forecasts with their intervals against what came, and how good\n"
		 "they were: the error against that of the naive forecast (skill), and how\n"
		 "often the intervals held. SERIES is a key, such as revenue.week/USD/, or a\n"
		 "definition, such as revenue.week (the default) or revenue.week.country: then\n"
		 "the largest series is drawn and the others are listed. The width is that of\n"
		 "COLUMNS.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum {
	HORIZON_DEFAULT = 1,
	LAST_DEFAULT = 6,
	LAST_MAX = 100000,
	LISTED_MAX = 10, /* series */
	PLOT_ROWS = 17,
	COLUMNS_DEFAULT = 80,
	AMOUNT_LEN_MAX = 40,
	DATE_LEN = 10,
	NAMES_LEN_MAX = 400, /* of the series that there are */
};

/* The forecasts of one series at the horizon asked for. */
struct series_view {
	const struct forecast_row *rows; /* borrowed */
	size_t count;
	struct forecast_score score;
};

/* An amount as "12,345" whole units: pennies say nothing about a forecast. */
static const char *amount(int64_t steps, const struct forecast_row *row, char text[AMOUNT_LEN_MAX])
{
	char digits[24];
	int64_t whole = steps;
	for (int32_t i = 0; i < row->decimals; i++)
		whole /= 10;
	int len = snprintf(digits, sizeof digits, "%" PRId64, whole < 0 ? -whole : whole);
	int out = 0;
	if (whole < 0)
		text[out++] = '-';
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}

static const char *date(int64_t ms, char text[TIME_TEXT_LEN + 1])
{
	time_format(ms, text);
	text[DATE_LEN] = '\0';
	return text;
}

static const char *period_name(const struct forecast_row *row)
{
	if (strcmp(row->period, "P1W") == 0)
		return "week";
	return strcmp(row->period, "P1D") == 0 ? "day" : "hour";
}

static double percent(size_t part, size_t whole)
{
	return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const struct series_view *left = a, *right = b;
	if (left->score.actual_sum != right->score.actual_sum)
		return left->score.actual_sum < right->score.actual_sum ? 1 : -1;
	return strcmp(left->rows->series, right->rows->series);
}

/* The series of the table, largest first; views is new. Rows that are not asked for fall out at
 * both ends, because a series' rows of one horizon lie together in the order of time. */
static size_t choose(const struct forecast_table *table, int64_t horizon, int64_t from_ms,
		     struct series_view **views)
{
	size_t count = 0;
	*views = check_calloc(table->count + 1, sizeof **views);
	for (size_t i = 0; i < table->count; i++) {
		const struct forecast_row *row = &table->rows[i];
		if (row->horizon != horizon || row->target_ms < from_ms)
			continue;
		if (count == 0 || strcmp((*views)[count - 1].rows->series, row->series) != 0)
			(*views)[count++].rows = row;
		(*views)[count - 1].count++;
	}
	for (size_t i = 0; i < count; i++)
		(*views)[i].score = forecast_score_of((*views)[i].rows, (*views)[i].count);
	qsort(*views, count, sizeof **views, by_size);
	return count;
}

/* ---- showing -------------------------------------------------------------------------------- */

static int terminal_columns(void)
{
	const char *text = getenv("COLUMNS");
	long columns = text != NULL ? strtol(text, NULL, 10) : 0;
	return columns > 0 && columns <= PLOT_COLUMNS_MAX ? (int)columns : COLUMNS_DEFAULT;
}

static void print_plot(const struct series_view *view, bool ascii)
{
	const struct plot_style style = {
		.columns = terminal_columns(),
		.rows = PLOT_ROWS,
		.ascii = ascii,
		.colour = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL,
	};
	struct plot_point *points = check_calloc(view->count + 1, sizeof *points);
	for (size_t i = 0; i < view->count; i++) {
		const struct forecast_row *row = &view->rows[i];
		points[i] = (struct plot_point){
			.at_ms = row->target_ms,
			.lower_95 = (double)row->lower_95 / 100,
			.lower_80 = (double)row->lower_80 / 100,
			.point = (double)row->point / 100,
			.upper_80 = (double)row->upper_80 / 100,
			.upper_95 = (double)row->upper_95 / 100,
			.has_actual = row->judged,
			.actual = (double)row->actual / 100,
		};
	}
	plot_print(stdout, &style, points, view->count);
	free(points);
}

static void print_rows(const struct series_view *view, size_t last)
{
	size_t first = view->count > last ? view->count - last : 0;
	if (last == 0)
		return;
	printf("\n  %-10s  %12s  %12s  %25s  %25s\n", period_name(view->rows), "came", "forecast",
	       "80 % interval", "95 % interval");
	for (size_t i = first; i < view->count; i++) {
		const struct forecast_row *row = &view->rows[i];
		char when[TIME_TEXT_LEN + 1], text[5][AMOUNT_LEN_MAX], came[AMOUNT_LEN_MAX];
		printf("  %-10s  %12s  %12s  %11s - %11s  %11s - %11s\n",
		       date(row->target_ms, when),
		       row->judged ? amount(row->actual, row, came) : "?",
		       amount(row->point, row, text[0]), amount(row->lower_80, row, text[1]),
		       amount(row->upper_80, row, text[2]), amount(row->lower_95, row, text[3]),
		       amount(row->upper_95, row, text[4]));
	}
}

static void print_score(const struct series_view *view)
{
	const struct forecast_score *score = &view->score;
	char error[AMOUNT_LEN_MAX], naive[AMOUNT_LEN_MAX];
	if (score->judged_count == 0) {
		printf("\nNone of these periods is over yet: nothing to judge.\n");
		return;
	}
	double judged = (double)score->judged_count;
	printf("\n%zu forecasts judged: mean absolute error %s %s, the naive forecast %s: skill "
	       "%+.1f %%\n",
	       score->judged_count, amount((int64_t)(score->error_sum / judged), view->rows, error),
	       view->rows->unit,
	       amount((int64_t)(score->naive_error_sum / judged), view->rows, naive),
	       100 * forecast_score_skill(score));
	printf("what came lay within the 80 %% interval in %.0f %%, within the 95 %% interval in "
	       "%.0f %% of them\n",
	       percent(score->inside_80_count, score->judged_count),
	       percent(score->inside_95_count, score->judged_count));
}

static void print_list(const struct series_view *views, size_t count)
{
	printf("\n  %-40s %8s  %14s  %9s  %6s  %6s\n", "series", "judged", "came in all", "skill",
	       "in 80%", "in 95%");
	for (size_t i = 0; i < count && i < LISTED_MAX; i++) {
		const struct forecast_score *score = &views[i].score;
		char sum[AMOUNT_LEN_MAX];
		printf("  %-40s %8zu  %14s  %+7.1f %%  %4.0f %%  %4.0f %%\n", views[i].rows->series,
		       score->judged_count, amount((int64_t)score->actual_sum, views[i].rows, sum),
		       100 * forecast_score_skill(score),
		       percent(score->inside_80_count, score->judged_count),
		       percent(score->inside_95_count, score->judged_count));
	}
	if (count > LISTED_MAX)
		printf("  and %zu smaller ones\n", count - LISTED_MAX);
}

static void show(const struct series_view *views, size_t count, const struct args *args,
		 int64_t last)
{
	const struct forecast_row *row = views[0].rows;
	printf("%s, in %s, %s by %s, forecast %" PRId32 " %s%s ahead\n\n", row->series, row->unit,
	       period_name(row), period_name(row), row->horizon, period_name(row),
	       row->horizon > 1 ? "s" : "");
	print_plot(&views[0], args_switch(args, "ascii"));
	print_rows(&views[0], (size_t)last);
	print_score(&views[0]);
	if (count > 1)
		print_list(views, count);
}

/* Says what there is instead. */
static struct err *nothing_about(const struct forecast_table *table, const char *app_id,
				 const char *series)
{
	char names[NAMES_LEN_MAX + 1] = "";
	size_t len = 0;
	if (table->name_count == 0)
		return err_new(ERR_FATAL, "SERIES_UNKNOWN",
			       "%s.forecasts holds no forecast yet: that takes some closed periods "
			       "with events of accounts (docs/operate.md, Loading history)",
			       app_id);
	for (size_t i = 0; i < table->name_count && len < NAMES_LEN_MAX; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
					table->names[i]);
	return err_new(ERR_FATAL, "SERIES_UNKNOWN",
		       "%s.forecasts holds nothing about %s at this horizon and time; it has "
		       "forecasts of %s%s",
		       app_id, series, names,
		       len > NAMES_LEN_MAX || table->name_count == FORECAST_NAMES_MAX ? "..." : "");
}

static struct err *time_flag(const struct args *args, int64_t *from_ms)
{
	const char *text = args_value(args, "from", NULL);
	*from_ms = INT64_MIN;
	if (text == NULL || time_parse(text, from_ms))
		return NULL;
	return err_new(ERR_FATAL, "USAGE", "--from %.80s is not a date or time such as 1997-10-01",
		       text);
}

static struct err *forecast(const struct args *args)
{
	struct options_client client;
	options_client_init(&client, args_conf(args));
	const char *series = args_operand_count(args) > 0 ? args_operand(args, 0) : "revenue.week";
	struct forecast_table table = { 0 };
	struct series_view *views = NULL;
	int64_t horizon = 0, from_ms = 0, last = 0;
	struct err *err = args_number(args, "horizon", HORIZON_DEFAULT, 1, HORIZON_MAX, &horizon);
	if (err == NULL)
		err = args_number(args, "last", LAST_DEFAULT, 0, LAST_MAX, &last);
	if (err == NULL)
		err = time_flag(args, &from_ms);
	if (err == NULL)
		err = forecast_table_read(&table, args_conf(args), &client.options, series);
	if (err == NULL) {
		size_t count = choose(&table, horizon, from_ms, &views);
		if (count > 0)
			show(views, count, args, last);
		else
			err = nothing_about(&table, conf_string(args_conf(args), "app.id"), series);
	}
	free(views);
	forecast_table_fini(&table);
	return err;
}

int cmd_forecast(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = forecast(args);
	args_close(&args);
	return exit_report("forecast", &err);
}
