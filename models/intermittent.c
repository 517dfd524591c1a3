/* See intermittent.h. */
#include "models/intermittent.h"

#include <math.h>

#include "base/check.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static const double ALPHAS[] = { 0.05, 0.1, 0.2, 0.35 };

enum { ALPHA_COUNT = sizeof ALPHAS / sizeof *ALPHAS };

struct state {
	double size;	 /* of a demand */
	double often;	 /* TSB: probability; SBA: mean interval */
	double interval; /* since the last demand, the point at hand included */
	bool begun;
};

static double forecast_of(const struct intermittent *m, const struct state *s)
{
	if (!s->begun)
		return 0;
	if (m->fades)
		return s->often * s->size;
	/* with a demand at each point there is nothing to correct */
	double correction = s->often > 1.0 ? 1.0 - m->often_alpha / 2.0 : 1.0;
	return correction * s->size / s->often;
}

static void step(const struct intermittent *m, struct state *s, double y)
{
	bool comes = y != 0;
	s->interval += 1.0;
	if (!s->begun) { /* what came before the first demand tells how often */
		if (comes)
			*s = (struct state){ .size = y,
					     .begun = true,
					     .often = m->fades ? 1.0 / s->interval : s->interval };
		return;
	}
	if (comes)
		s->size += m->size_alpha * (y - s->size);
	if (m->fades)
		s->often += m->often_alpha * ((comes ? 1.0 : 0.0) - s->often);
	else if (comes)
		s->often += m->often_alpha * (s->interval - s->often);
	if (comes)
		s->interval = 0;
}

void intermittent_fit(const double *y, int count, struct intermittent *model)
{
	CHECK(count >= 1);
	double best = HUGE_VAL;
	for (int i = 0; i < 2 * ALPHA_COUNT * ALPHA_COUNT; i++) {
		const struct intermittent trial = { .fades = i % 2 == 0,
						    .size_alpha = ALPHAS[i / 2 % ALPHA_COUNT],
						    .often_alpha = ALPHAS[i / 2 / ALPHA_COUNT] };
		struct state s = { .begun = false };
		double squares = 0;
		for (int t = 0; t < count; t++) {
			double error = y[t] - forecast_of(&trial, &s);
			squares += s.begun ? error * error : 0;
			step(&trial, &s, y[t]);
		}
		if (squares >= best)
			continue;
		best = squares;
		*model = trial;
	}
}

double intermittent_forecast(const struct intermittent *model, const double *y, int count)
{
	struct state s = { .begun = false };
	for (int t = 0; t < count; t++)
		step(model, &s, y[t]);
	return forecast_of(model, &s);
}

double intermittent_zeros(const double *y, int count)
{
	int zeros = 0;
	for (int t = 0; t < count; t++)
		zeros += y[t] == 0;
	return (double)zeros / (double)count;
}
