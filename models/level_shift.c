/* See level_shift.h. */
#include "models/level_shift.h"

#include <math.h>
#include <string.h>

#include "models/median.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum {
	SIDE = LEVEL_SHIFT_SIDE,
	BEFORE_MIN = 6,
	NEAR = 3, /* points before an alarm's beginning that are looked at, too */
};

static const double SPREADS = 6.0, STEP_SHARE = 0.6;

/* Whether x[count] makes a step at t; then the levels on both sides. */
static bool is_step(const double *x, int count, int t, struct level_shift *shift)
{
	int first = t < SIDE ? 0 : t - SIDE, end = t + SIDE > count ? count : t + SIDE;
	double far[2 * SIDE];
	if (t < BEFORE_MIN || t >= count)
		return false;
	shift->before = median_of(x + first, t - first);
	shift->after = median_of(x + t, end - t);
	for (int i = first; i < end; i++)
		far[i - first] = fabs(x[i] - (i < t ? shift->before : shift->after));
	double size = shift->after - shift->before;
	double spread = SIGMA_PER_MEDIAN * median_of(far, end - first);
	return fabs(size) > SPREADS * spread && (x[t] - x[t - 1]) / size >= STEP_SHARE;
}

void level_shifts_age(struct level_shifts *shifts)
{
	for (int i = 0; i < shifts->count; i++)
		shifts->shift[i].age++;
}

bool level_shifts_unsettled(const struct level_shifts *shifts)
{
	return shifts->count > 0 && shifts->shift[shifts->count - 1].age <= SIDE;
}

/* Those that are no steps by now, or lie before all points, are forgotten. */
static void settle(struct level_shifts *shifts, const double *x, int count)
{
	int kept = 0;
	for (int i = 0; i < shifts->count; i++) {
		struct level_shift shift = shifts->shift[i];
		if (shift.age >= count)
			continue;
		if (shift.age > SIDE || is_step(x, count, count - (int)shift.age, &shift))
			shifts->shift[kept++] = shift;
	}
	shifts->count = kept;
}

static void add(struct level_shifts *shifts, const struct level_shift *shift)
{
	if (shifts->count == LEVEL_SHIFTS_MAX)
		memmove(&shifts->shift[0], &shifts->shift[1],
			(size_t)--shifts->count * sizeof shifts->shift[0]);
	shifts->shift[shifts->count++] = *shift;
}

void level_shifts_weigh(struct level_shifts *shifts, const double *x, int count, int since)
{
	settle(shifts, x, count);
	if (since <= 0)
		return;
	int best = 0, from = count - since - NEAR;
	for (int t = from < 1 ? 1 : from; t < count - 1; t++)
		if (best == 0 || fabs(x[t] - x[t - 1]) > fabs(x[best] - x[best - 1]))
			best = t;
	struct level_shift shift = { .age = count - best };
	for (int i = 0; i < shifts->count; i++)
		if (shifts->shift[i].age <= shift.age + NEAR)
			return; /* the same one, or one before another */
	if (best > 0 && is_step(x, count, best, &shift))
		add(shifts, &shift);
}

void level_shifts_lift(const struct level_shifts *shifts, const double *y, int count, bool positive,
		       double *out)
{
	int end = count;
	double factor = 1, difference = 0;
	for (int i = shifts->count - 1; i >= -1; i--) {
		int begin = i < 0 || shifts->shift[i].age > count
				    ? 0
				    : count - (int)shifts->shift[i].age;
		for (int t = begin; t < end; t++)
			out[t] = positive ? y[t] * factor : y[t] + difference;
		end = begin < end ? begin : end;
		if (i < 0)
			break;
		const struct level_shift *shift = &shifts->shift[i];
		difference += shift->after - shift->before;
		if (shift->before > 0 && shift->after > 0)
			factor *= shift->after / shift->before;
	}
}
