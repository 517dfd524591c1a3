#include "base/dmath_each.h"

#include "base/dmath.h"
#include "base/dmath_avx2.h"
#include "base/dmath_tables.h"

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* The operations of dm_exp and dm_log, in their order, on several numbers side by side: IEEE 754
 * leaves no other result. Where one of them is out of the ordinary, all go one by one. */

/* ---- two at a time -------------------------------------------------------------------------- */

typedef double twin __attribute__((vector_size(16)));

static inline twin twin_of(double a, double b)
{
	return (twin){ a, b };
}

static inline twin exp_twin(twin x)
{
	twin scaled = x * DM_INV_LN2_32;
	int a = (int)(scaled[0] < 0 ? scaled[0] - 0.5 : scaled[0] + 0.5);
	int b = (int)(scaled[1] < 0 ? scaled[1] - 0.5 : scaled[1] + 0.5);
	twin n = twin_of((double)a, (double)b);
	twin r1 = x - n * DM_LN2_32.hi;
	twin r2 = -n * DM_LN2_32.lo;
	twin r = r1 + r2;
	twin rr = r * r;
	twin even = 1.0 / 2 + rr * (1.0 / 24 + rr * (1.0 / 720));
	twin odd = r * (1.0 / 6 + rr * (1.0 / 120));
	twin p = r1 + (r2 + rr * (even + odd));
	const struct dm_pair *s = &dm_exp2_table[(unsigned)a & 31u],
			     *t = &dm_exp2_table[(unsigned)b & 31u];
	twin hi = twin_of(s->hi, t->hi), lo = twin_of(s->lo, t->lo);
	/* an arithmetic shift rounds down, as (n - j) / 32 does without a remainder */
	return (hi + (lo + hi * p)) * twin_of(dm_power_of_two(a >> 5), dm_power_of_two(b >> 5));
}

/* Far from overflow and from subnormals; false for NaN. */
static inline bool exp_is_plain(double x)
{
	return x > -690.0 && x < 690.0;
}

static void exp_pairs(double *x, size_t count)
{
	size_t i = 0;
	for (; i + 2 <= count; i += 2) {
		if (exp_is_plain(x[i]) && exp_is_plain(x[i + 1])) {
			twin y = exp_twin(twin_of(x[i], x[i + 1]));
			x[i] = y[0];
			x[i + 1] = y[1];
		} else {
			x[i] = dm_exp(x[i]);
			x[i + 1] = dm_exp(x[i + 1]);
		}
	}
	if (i < count)
		x[i] = dm_exp(x[i]);
}

static inline int log_exponent(double x)
{
	return (int)(dm_bits_of(x) >> 52) - 1023;
}

static inline double log_mantissa(double x)
{
	return dm_double_of((dm_bits_of(x) & UINT64_C(0xfffffffffffff)) |
			    UINT64_C(0x3ff0000000000000));
}

static inline twin log_twin(double x, double y)
{
	twin k = twin_of((double)log_exponent(x), (double)log_exponent(y));
	twin m = twin_of(log_mantissa(x), log_mantissa(y));
	twin scaled = (m - 1.0) * 64.0 + 0.5;
	int a = (int)scaled[0], b = (int)scaled[1];
	twin center = 1.0 + twin_of((double)a, (double)b) * (1.0 / 64);
	twin f = m - center;
	twin u = 2.0 * f / (m + center);
	twin v = u * u;
	twin odd = u * v * (1.0 / 12 + v * (1.0 / 80 + v * (1.0 / 448)));
	twin hi = k * DM_LN2.hi + twin_of(dm_log_table[a].hi, dm_log_table[b].hi);
	twin lo = k * DM_LN2.lo + twin_of(dm_log_table[a].lo, dm_log_table[b].lo);
	return hi + (u + (odd + lo));
}

/* Positive, normal, finite, and not near 1; false for NaN. */
static inline bool log_is_plain(double x)
{
	return x >= DBL_MIN && x <= DBL_MAX && !(x > 1.0 - 1.0 / 16 && x < 1.0 + 1.0 / 16);
}

static void log_pairs(double *x, size_t count)
{
	size_t i = 0;
	for (; i + 2 <= count; i += 2) {
		if (log_is_plain(x[i]) && log_is_plain(x[i + 1])) {
			twin y = log_twin(x[i], x[i + 1]);
			x[i] = y[0];
			x[i + 1] = y[1];
		} else {
			x[i] = dm_log(x[i]);
			x[i + 1] = dm_log(x[i + 1]);
		}
	}
	if (i < count)
		x[i] = dm_log(x[i]);
}

/* ---- as many as the machine can ------------------------------------------------------------- */

void dm_exp_each(double *x, size_t count)
{
	size_t done = dm_avx2_usable() ? count & ~(size_t)3 : 0;
	for (size_t i = 0; i < done; i += 4)
		if (!dm_avx2_exp(&x[i]))
			exp_pairs(&x[i], 4);
	exp_pairs(&x[done], count - done);
}

void dm_log_each(double *x, size_t count)
{
	size_t done = dm_avx2_usable() ? count & ~(size_t)3 : 0;
	for (size_t i = 0; i < done; i += 4)
		if (!dm_avx2_log(&x[i]))
			log_pairs(&x[i], 4);
	log_pairs(&x[done], count - done);
}
