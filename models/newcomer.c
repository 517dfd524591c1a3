/* See newcomer.h. */
#include "models/newcomer.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

int newcomer_points(int season_period)
{
	int two = 2 * season_period;
	return two > NEWCOMER_POINTS_MIN ? two : NEWCOMER_POINTS_MIN;
}

void newcomer_learn(struct newcomer *newcomer, double own, double expected)
{
	newcomer->own = NEWCOMER_DECAY * newcomer->own + own;
	newcomer->expected = NEWCOMER_DECAY * newcomer->expected + expected;
}

bool newcomer_forecast(const struct newcomer *newcomer, int count, int season_period,
		       const double *whole_ahead, int horizon, double *point)
{
	const int enough = newcomer_points(season_period);
	if (count >= enough || !(newcomer->expected > 0) || !(newcomer->own >= 0))
		return false;
	double share = newcomer->own / newcomer->expected;
	double by_itself = (double)count / (double)enough;
	for (int h = 0; h < horizon; h++)
		point[h] = by_itself * point[h] + (1.0 - by_itself) * share * whole_ahead[h];
	return true;
}
