#include "models/trust.h"

#include "base/dmath.h"

#define HALF	    10.0 /* answers of each kind that are added to those of all */
#define SHRINK	    10.0 /* answers by which a reason is held towards all */
#define ANSWERS_MAX 1e12

void trust_add(struct trust *trust, enum feature_group reason, int useful, int wrong)
{
	trust->useful[reason] = dm_clamp(trust->useful[reason] + useful, 0, ANSWERS_MAX);
	trust->wrong[reason] = dm_clamp(trust->wrong[reason] + wrong, 0, ANSWERS_MAX);
}

double trust_odds(const struct trust *trust, enum feature_group reason)
{
	double useful = 0, wrong = 0;
	for (int i = 0; i < GROUP_COUNT; i++) {
		useful += trust->useful[i];
		wrong += trust->wrong[i];
	}
	double share = (wrong + HALF) / (wrong + useful + 2 * HALF);
	double odds = (trust->wrong[reason] + SHRINK * share) /
		      (trust->useful[reason] + SHRINK * (1 - share));
	return dm_clamp(odds, 1, TRUST_ODDS_MAX);
}

double trust_open(const struct trust *trust, enum feature_group reason, double open)
{
	double odds = trust_odds(trust, reason);
	return odds > 1 ? odds * open / (1 - open + odds * open) : open;
}

bool trust_is_valid(const struct trust *trust)
{
	bool is_valid = true;
	for (int i = 0; i < GROUP_COUNT; i++)
		is_valid &= trust->useful[i] >= 0 && trust->useful[i] <= ANSWERS_MAX &&
			    trust->wrong[i] >= 0 && trust->wrong[i] <= ANSWERS_MAX;
	return is_valid;
}
