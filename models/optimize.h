/* Least value of a function of a few variables within a box, without derivatives.
 *
 * Method: the simplex of J. A. Nelder and R. Mead, "A simplex method for function minimization",
 * The Computer Journal 7(4), 1965, with their coefficients; a corner outside the box is moved onto
 * its side. Deterministic: the same function and start give the same bits.
 *
 * Ownership: nothing is kept. Threads: pure. Errors: none. */
#ifndef MODELS_OPTIMIZE_H
#define MODELS_OPTIMIZE_H

enum { OPTIMIZE_DIMENSIONS_MAX = 8 };

/* The value at x[dimensions]; HUGE_VAL where x is not allowed; never NaN. */
typedef double optimize_function(const double *x, void *context);

struct optimize_box {
	int dimensions; /* 1 to OPTIMIZE_DIMENSIONS_MAX */
	double lower[OPTIMIZE_DIMENSIONS_MAX], upper[OPTIMIZE_DIMENSIONS_MAX];
};

/* Moves x, inside the box, to the least value found, which is returned. The first simplex reaches
 * a quarter of the box from x. Stops after `calls_max` calls, or when the corners' values differ by
 * less than `tolerance` relative to their size. */
double optimize_simplex(optimize_function *function, void *context, const struct optimize_box *box,
			int calls_max, double tolerance, double *x);

/* The least value over [lower, upper] of a function of one variable: `grid` points, evenly spaced,
 * then golden sections between the neighbours of the best, `steps` of them. Source of the latter:
 * J. Kiefer, "Sequential minimax search for a maximum", Proc. AMS 4, 1953. *x gets the place. */
double optimize_line(optimize_function *function, void *context, double lower, double upper,
		     int grid, int steps, double *x);

#endif
