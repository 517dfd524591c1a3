#include "models/drift.h"

#define SQRT_HALF_PI 1.2533141373155003
#define FORGETTING   0.05 /* of the usual size, a period; 1/count while it is young */

static double cut(double value, double max)
{
	if (value > max)
		return max;
	return value < -max ? -max : value;
}

static double standardised(const struct drift *drift, double error)
{
	double deviation = SQRT_HALF_PI * drift->scale;
	if (deviation > 0)
		return cut(error / deviation, DRIFT_ERROR_MAX);
	if (error == 0)
		return 0;
	return error > 0 ? DRIFT_ERROR_MAX : -DRIFT_ERROR_MAX;
}

/* The new value of one sum. */
static double add(double sum, double excess, int64_t *count)
{
	sum += excess;
	*count = sum > 0 ? *count + 1 : 0;
	return sum > 0 ? sum : 0;
}

static void learn(struct drift *drift, double error)
{
	double size = error < 0 ? -error : error;
	/* What is a change must not become usual at once. */
	double usual_max = DRIFT_ERROR_MAX * SQRT_HALF_PI * drift->scale;
	if (drift->count > DRIFT_WARM_UP && drift->scale > 0 && size > usual_max)
		size = usual_max;
	double weight = 1.0 / (double)drift->count;
	if (weight < FORGETTING)
		weight = FORGETTING;
	drift->scale += weight * (size - drift->scale);
}

enum drift_change drift_update(struct drift *drift, double error, int64_t *since_count,
			       double *score)
{
	enum drift_change change = DRIFT_NONE;
	*since_count = 0;
	*score = 0;
	if (drift->count >= DRIFT_WARM_UP) {
		double z = standardised(drift, error);
		drift->up = add(drift->up, z - DRIFT_SLACK, &drift->up_count);
		drift->down = add(drift->down, -z - DRIFT_SLACK, &drift->down_count);
		if (drift->up > DRIFT_LIMIT)
			change = DRIFT_UP;
		else if (drift->down > DRIFT_LIMIT)
			change = DRIFT_DOWN;
	}
	if (change != DRIFT_NONE) {
		*since_count = change == DRIFT_UP ? drift->up_count : drift->down_count;
		*score = change == DRIFT_UP ? drift->up : drift->down;
		*drift = (struct drift){ 0 };
	}
	drift->count++;
	learn(drift, error);
	return change;
}
