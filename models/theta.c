/* See theta.h. */
#include "models/theta.h"

#include <math.h>

#include "base/check.h"
#include "models/optimize.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { GRID = 20, STEPS = 12, AGAIN_GRID = 5, AGAIN_STEPS = 6 };

static const double ALPHA_MIN = 0.01, ALPHA_MAX = 0.99, SHARE_MAX = 0.99, ALPHA_NEAR = 0.2;

/* The least-squares line through the points so far, by its running form. */
struct line {
	int count;
	double mean, slope, start; /* value = start + slope t, t from 1 */
};

static void line_add(struct line *line, double y)
{
	double n = (double)++line->count;
	if (line->count == 1) {
		line->mean = line->start = y;
		line->slope = 0;
		return;
	}
	line->slope = ((n - 2.0) * line->slope + 6.0 * (y - line->mean) / n) / (n + 1.0);
	line->mean += (y - line->mean) / n;
	line->start = line->mean - line->slope * (n + 1.0) / 2.0;
}

/* What the share is multiplied with in the forecast of the next point; left = (1-alpha)^count. */
static double trend_part(const struct line *line, double alpha, double left)
{
	return left * line->start + (1.0 - left * (1.0 - alpha)) / alpha * line->slope;
}

struct task {
	const double *y;
	int count;
	double share_fixed; /* negative: estimated */
	struct theta *model;
};

/* Sums for y[t] - level'[t] = first level * left[t] + share * trend[t], level' from 0. */
static double squares(const double *x, void *context)
{
	struct task *task = context;
	double alpha = *x;
	struct line line = { .count = 0 };
	double level = 0, left = 1;
	double aa = 0, ab = 0, bb = 0, ya = 0, yb = 0, yy = 0;
	for (int t = 0; t < task->count; t++) {
		double y = task->y[t] - task->y[0];
		double a = left;
		double b = t == 0 ? 0 : trend_part(&line, alpha, left);
		double r = y - level;
		aa += a * a;
		ab += a * b;
		bb += b * b;
		ya += r * a;
		yb += r * b;
		yy += r * r;
		level += alpha * r;
		left *= 1.0 - alpha;
		line_add(&line, y);
	}
	double det = aa * bb - ab * ab;
	double share = task->share_fixed;
	if (share < 0)
		share = det > 1e-12 * aa * bb ? (aa * yb - ab * ya) / det : 0.5;
	share = share < 0 ? 0 : share > SHARE_MAX ? SHARE_MAX : share;
	double first = (ya - share * ab) / aa;
	*task->model =
		(struct theta){ .alpha = alpha, .level = first + task->y[0], .share = share };
	double sum = yy + first * first * aa + share * share * bb - 2.0 * first * ya -
		     2.0 * share * yb + 2.0 * first * share * ab;
	return sum > 0 ? sum : 0;
}

static void fit(const double *y, int count, double share, struct theta *model)
{
	CHECK(count >= 1);
	struct task task = { .y = y, .count = count, .share_fixed = share, .model = model };
	double alpha;
	(void)optimize_line(squares, &task, ALPHA_MIN, ALPHA_MAX, GRID, STEPS, &alpha);
	(void)squares(&alpha, &task);
}

void theta_fit(const double *y, int count, struct theta *model)
{
	fit(y, count, -1, model);
}

void theta_fit_standard(const double *y, int count, struct theta *model)
{
	fit(y, count, 0.5, model);
}

void theta_refresh(struct theta *model, const double *y, int count)
{
	struct task task = { .y = y, .count = count, .share_fixed = -1, .model = model };
	double alpha = model->alpha;
	(void)squares(&alpha, &task);
}

void theta_estimate(struct theta *model, const double *y, int count)
{
	struct task task = { .y = y, .count = count, .share_fixed = -1, .model = model };
	double from = model->alpha - ALPHA_NEAR, to = model->alpha + ALPHA_NEAR, alpha;
	from = from > ALPHA_MIN ? from : ALPHA_MIN;
	to = to < ALPHA_MAX ? to : ALPHA_MAX;
	(void)optimize_line(squares, &task, from, to, AGAIN_GRID, AGAIN_STEPS, &alpha);
	(void)squares(&alpha, &task);
}

void theta_forecast(const struct theta *model, const double *y, int count, int horizon, double *out)
{
	/* around y[0], as in the fit */
	double level = model->level - y[0];
	double left = 1;
	struct line line = { .count = 0 };
	for (int t = 0; t < count + horizon; t++) {
		double next = level;
		if (t > 0)
			next += model->share * trend_part(&line, model->alpha, left);
		if (t >= count)
			out[t - count] = next + y[0];
		double now = t < count ? y[t] - y[0] : next;
		level += model->alpha * (now - level);
		left *= 1.0 - model->alpha;
		line_add(&line, now);
	}
}
