#include "models/bgnbd.h"

#include "base/dmath.h"

#define ODDS_LOG_MAX 60.0

struct bgnbd bgnbd_prior(void)
{
	return (struct bgnbd){ .r = 0.243, .alpha_days = 4.414 * 7, .a = 0.793, .b = 2.426 };
}

double bgnbd_alive(const struct bgnbd *model, const struct bgnbd_history *history)
{
	double x = history->repeats;
	if (x <= 0)
		return 1;
	/* the odds of having left right after the last purchase */
	double grown = (model->r + x) * dm_log((model->alpha_days + history->age_days) /
					       (model->alpha_days + history->recent_days));
	double odds_log = dm_log(model->a / (model->b + x - 1)) + grown;
	return dm_sigmoid(odds_log < ODDS_LOG_MAX ? -odds_log : -ODDS_LOG_MAX);
}

double bgnbd_buys(const struct bgnbd *model, const struct bgnbd_history *history, double days)
{
	double seen = model->alpha_days + history->age_days;
	double none = (model->r + history->repeats) * dm_log(seen / (seen + days));
	return bgnbd_alive(model, history) * -dm_expm1(none);
}
