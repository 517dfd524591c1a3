/* Whether a method is worth more than the naive forecast lately: absolute one-step errors of both,
 * an error of age k counted SKILL_DECAY^k. Falling back and coming back have different thresholds,
 * so that neither is done on a whim.
 *
 * Plain data, zeroed when new. Deterministic to the bit. Threads: pure functions. Errors: none. */
#ifndef MODELS_SKILL_H
#define MODELS_SKILL_H

#include <stdbool.h>
#include <stdint.h>

enum { SKILL_WARM_UP = 10 }; /* errors before anything is decided */

#define SKILL_DECAY 0.95
#define SKILL_BACK  0.99 /* of the naive forecast's errors: below it the method is back */

struct skill {
	double error, naive; /* sums, units of the series */
	int64_t count;
	bool fallen_back;
};

/* Takes one error of each, absolute, finite. */
void skill_update(struct skill *skill, double error, double naive_error);

#endif
