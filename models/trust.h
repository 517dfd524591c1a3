/* Whether people agree with warnings, by the reason that leads them, and from where it warns
 * therefore.
 *
 *     s    = (wrong + 10) / (wrong + useful + 20)                      of all answers
 *     odds = (wrong of it + 10 s) / (useful of it + 10 (1 - s))        of a reason's
 *
 * Both are means of beta distributions (A. Gelman and others, "Bayesian Data Analysis", 2013,
 * section 2.4), the reason's towards all answers', these towards one half: few answers say little.
 * Where the odds are above 1, those from which a warning opens are multiplied by them, by
 * TRUST_ODDS_MAX at most: so that no more are wrong than useful. What was set is the least.
 *
 * Plain data, zeroed where nobody has answered. Threads: pure. Errors: none. */
#ifndef MODELS_TRUST_H
#define MODELS_TRUST_H

#include "models/features.h"

#define TRUST_ODDS_MAX 4.0

struct trust {
	double useful[GROUP_COUNT], wrong[GROUP_COUNT]; /* answers; GROUP_PEERS: none */
};

/* Counts answers, or takes back (-1) what was said otherwise before. */
void trust_add(struct trust *trust, enum feature_group reason, int useful, int wrong);

/* By how much the odds of opening are multiplied: 1 to TRUST_ODDS_MAX. */
double trust_odds(const struct trust *trust, enum feature_group reason);

/* The probability from which a warning opens that the reason leads, given that of all. */
double trust_open(const struct trust *trust, enum feature_group reason, double open);

/* True if all counts can be such: what a decoder asks. */
bool trust_is_valid(const struct trust *trust);

#endif
