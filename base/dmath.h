/* Elementary functions of doubles that give the same bits on every machine.
 *
 * Replay must reproduce outputs bit for bit, and glibc picks its exp and log by CPU (with or
 * without FMA), so nothing in a processor may call them. These use only IEEE-754 + - * / and sqrt
 * in round-to-nearest, and integer operations, without contraction; a golden hash over some ten
 * thousand results (tests/unit/test_dmath.c) goes red when one bit changes, which means that the
 * logic version must be bumped.
 *
 * Accuracy, measured against libm over wide ranges: within 2 ulp, mostly below 1.
 * Specials follow C17 annex F, except that every NaN result is the same positive quiet NaN and
 * that neither errno nor a floating-point exception flag is promised.
 * Threads: pure functions, safe anywhere. Errors: none.
 *
 * Needs the default rounding mode. The build passes -ffp-contract=off and never -ffast-math. */
#ifndef BASE_DMATH_H
#define BASE_DMATH_H

#include <stdbool.h>

/* e^x. Overflows to +inf above 709.78, goes through subnormals to 0 below -745.13.
 * Source: P. T. P. Tang, "Table-driven implementation of the exponential function in IEEE
 * floating-point arithmetic", ACM TOMS 15(2), 1989: 32 intervals. */
double dm_exp(double x);

/* e^x - 1 without cancellation near 0. Source: Tang, "Table-driven implementation of the expm1
 * function", ACM TOMS 18(2), 1992, on the same table; a Taylor polynomial near 0. */
double dm_expm1(double x);

/* Natural logarithm; -inf at 0, NaN below. Source: Tang, "Table-driven implementation of the
 * logarithm function", ACM TOMS 16(4), 1990: 64 intervals, and the series of 2 atanh(f/(2+f))
 * near 1. */
double dm_log(double x);

/* log(1 + x) without cancellation near 0; -inf at -1, NaN below. Elsewhere dm_log(1 + x) plus
 * the first-order correction c / (1 + x) for the c that rounding 1 + x lost. */
double dm_log1p(double x);

/* Logistic function 1 / (1 + e^-x), in the form that overflows on neither side. */
double dm_sigmoid(double x);

/* x such that the standard normal distribution function is p: -inf at 0, +inf at 1, NaN outside
 * [0, 1]. Source: M. J. Wichura, "Algorithm AS 241: The percentage points of the normal
 * distribution", Applied Statistics 37(3), 1988, routine PPND16 (about 1 part in 10^16). */
double dm_norm_quantile(double p);

/* True for anything but NaN and the infinities; by the bits, so no compiler flag can fold it. */
bool dm_is_finite(double x);

/* x in [least, most]; NaN counts as the least. */
static inline double dm_clamp(double x, double least, double most)
{
	return !(x > least) ? least : x > most ? most : x;
}

#endif
