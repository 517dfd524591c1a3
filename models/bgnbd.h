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

#endif
