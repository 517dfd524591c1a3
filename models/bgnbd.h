/* When a customer buys next, by the BG/NBD model: while it is there it buys at random at a rate of
 * its own, and after each purchase it may leave for good. Rates are gamma(r, alpha) over customers,
 * the chance of leaving beta(a, b).
 *
 * Source: P. S. Fader, B. G. S. Hardie and K. L. Lee, "Counting your customers the easy way: an
 * alternative to the Pareto/NBD model", Marketing Science 24, 2005; equation 6 (likelihood), and
 * the probability of being there that follows from it. Given that the customer is there, its rate
 * is gamma(r + x, alpha + T), so that no purchase comes within h with probability ((alpha + T) /
 * (alpha + T + h))^(r + x).
 *
 * Units: days. Ownership: plain data. Threads: pure. Errors: none. */
#ifndef MODELS_BGNBD_H
#define MODELS_BGNBD_H

#include <stdbool.h>
#include <stdint.h>

struct bgnbd {
	double r, alpha_days, a, b; /* all > 0 */
};

/* What is known of a customer. */
struct bgnbd_history {
	double repeats;	    /* purchases after the first one */
	double recent_days; /* from the first purchase to the last one */
	double age_days;    /* from the first purchase to now, not less than recent_days */
};

/* Of CDNOW's customers, as the paper has them in table 2 (there alpha is 4.414 weeks). */
struct bgnbd bgnbd_prior(void);

/* The probability that it is still there: 1 before any purchase after the first. */
double bgnbd_alive(const struct bgnbd *model, const struct bgnbd_history *history);

/* The probability that it buys within the next `days`. */
double bgnbd_buys(const struct bgnbd *model, const struct bgnbd_history *history, double days);

/* The logarithm of the history's likelihood (equation 6), and where slopes is not NULL how it
 * changes with the logarithms of r, alpha, a and b. */
double bgnbd_likelihood(const struct bgnbd *model, const struct bgnbd_history *history,
			double slopes[4]);

/* The four numbers learnt from one history at a time, from the prior on: a step of their logarithms
 * along the slopes, scaled by the inverse of the slopes' own sum of products (the empirical Fisher
 * information), so that no learning rate has to be set. */
struct bgnbd_learner {
	struct bgnbd model;
	double covariance[4][4];
	int64_t history_count;
	/* sums of minus the log likelihood, each tested before it was learnt; decayed as are
	 * weight */
	double weight, loss, prior_loss;
};

void bgnbd_learner_init(struct bgnbd_learner *learner);
void bgnbd_learn(struct bgnbd_learner *learner, const struct bgnbd_history *history);

/* What to judge with: the prior, until the learnt numbers have said better what came. */
struct bgnbd bgnbd_learnt(const struct bgnbd_learner *learner);

/* Bytes to keep: the model's four numbers, the covariance, history_count, weight, loss, prior_loss,
 * as 8-byte little-endian doubles. False, and a new learner, where they can't be so. */
enum { BGNBD_LEARNER_BYTES = 8 * (4 + 16 + 4) };
void bgnbd_learner_pack(const struct bgnbd_learner *learner, uint8_t out[BGNBD_LEARNER_BYTES]);
bool bgnbd_learner_unpack(const uint8_t bytes[BGNBD_LEARNER_BYTES], struct bgnbd_learner *learner);

/* True if the numbers can be a model's: what a decoder asks. */
bool bgnbd_is_valid(const struct bgnbd *model);

#endif
