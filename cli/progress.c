#include "cli/progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"

enum { REDRAW_MS = 100, COLUMNS_MAX = 160, BAR_MAX = 40, TEXT_MAX = 160 };

struct progress {
	const char *label, *unit; /* borrowed */
	int64_t count, total;	  /* total -1: unknown */
	double share;		  /* negative: count / total */
	int64_t start_ms, drawn_ms;
	bool terminal;
};

struct progress *progress_new(const char *label, const char *unit, int64_t total)
{
	struct progress *progress = check_calloc(1, sizeof *progress);
	progress->label = label;
	progress->unit = unit;
	progress->total = total;
	progress->share = -1;
	progress->start_ms = time_monotonic_ms();
	progress->drawn_ms = progress->start_ms - REDRAW_MS;
	progress->terminal = isatty(STDERR_FILENO) == 1;
	return progress;
}

static int terminal_columns(void)
{
	struct winsize size;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < COLUMNS_MAX ? size.ws_col : COLUMNS_MAX;
}

/* 1234567 as "1,234,567". */
static void count_format(int64_t count, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRId64, count);
	int out = 0;
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
}

/* "7 s", "3 min 20 s", "2 h 5 min" */
static void duration_format(double seconds, char text[32])
{
	long whole = seconds < 360000 ? (long)(seconds + 0.5) : 360000;
	if (whole < 60)
		snprintf(text, 32, "%ld s", whole);
	else if (whole < 3600)
		snprintf(text, 32, "%ld min %ld s", whole / 60, whole % 60);
	else
		snprintf(text, 32, "%ld h %ld min", whole / 3600, whole % 3600 / 60);
}

/* Share done, 0 to 1; negative where nobody knows. */
static double share_done(const struct progress *progress)
{
	double share = progress->share;
	if (share < 0 && progress->total > 0)
		share = (double)progress->count / (double)progress->total;
	return share > 1 ? 1 : share;
}

static void draw(struct progress *progress, bool last)
{
	double elapsed_s = (double)(time_monotonic_ms() - progress->start_ms) / 1000;
	double share = share_done(progress);
	char count[32], rate[32], left[32] = "", text[TEXT_MAX], bar[BAR_MAX + 3] = "";
	count_format(progress->count, count);
	count_format(elapsed_s > 0.01 ? (int64_t)((double)progress->count / elapsed_s) : 0, rate);
	duration_format(elapsed_s, left);
	const char *ending = last ? "in " : "after ";
	if (!last && share > 0.001 && elapsed_s > 1) {
		duration_format(elapsed_s * (1 - share) / share, left);
		ending = "left ";
	}
	int len = snprintf(text, sizeof text, "%s %s, %s/s, %s%s", count, progress->unit, rate,
			   ending, left);
	/* label, blank, bar in brackets, " 100% ", text; the last column stays empty */
	int room = terminal_columns() - 1 - (int)strlen(progress->label) - len - 10;
	int width = share < 0 || room < 5 ? 0 : room < BAR_MAX ? room : BAR_MAX;
	for (int i = 0; i < width; i++)
		bar[i] = i < (int)(share * width + 0.5) ? '#' : '.';
	bar[width] = '\0';
	if (share < 0)
		fprintf(stderr, "\r\033[K%s  %s", progress->label, text);
	else
		fprintf(stderr, "\r\033[K%s [%s] %3d%% %s", progress->label, bar,
			(int)(share * 100), text);
	fflush(stderr);
}

void progress_update(struct progress *progress, int64_t count, double share)
{
	progress->count = count;
	progress->share = share;
	if (!progress->terminal)
		return;
	int64_t now_ms = time_monotonic_ms();
	if (now_ms - progress->drawn_ms < REDRAW_MS)
		return;
	progress->drawn_ms = now_ms;
	draw(progress, false);
}

void progress_finish(struct progress **progress)
{
	if (*progress == NULL)
		return;
	if ((*progress)->terminal) {
		draw(*progress, true);
		fputc('\n', stderr);
	}
	free(*progress);
	*progress = NULL;
}
