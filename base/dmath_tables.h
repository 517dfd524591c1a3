/* What the functions of base/dmath are made of, for its own files alone. Every constant is derived
 * from its definition: the tables hold values from 300-bit arithmetic, split into a head and a
 * rounded tail. Threads: constants. Errors: none. */
#ifndef BASE_DMATH_TABLES_H
#define BASE_DMATH_TABLES_H

#include <float.h>
#include <stdint.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "dmath needs strict IEEE arithmetic: build without -ffast-math"
#endif
_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be evaluated as doubles (no x87)");
_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "doubles must be IEEE-754 binary64");

/* A number as hi + lo. */
struct dm_pair {
	double hi, lo;
};

extern const struct dm_pair dm_exp2_table[32]; /* 2^(j/32) */
extern const struct dm_pair dm_log_table[65];  /* log(1 + j/64); heads are multiples of 2^-42 */

/* log 2 / 32 with a head of 36 bits, so that a 16-bit multiple of the head is exact. */
static const struct dm_pair DM_LN2_32 = { 0x1.62e42fefa0000p-6, 0x1.cf79abc9e3b3ap-45 };
static const double DM_INV_LN2_32 = 0x1.71547652b82fep+5;

/* log 2 with a head of 42 bits: k * hi + dm_log_table[j].hi is exact for every exponent k. */
static const struct dm_pair DM_LN2 = { 0x1.62e42fefa3800p-1, 0x1.ef35793c76730p-45 };

static inline uint64_t dm_bits_of(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof bits);
	return bits;
}

static inline double dm_double_of(uint64_t bits)
{
	double x;
	memcpy(&x, &bits, sizeof x);
	return x;
}

/* 2^k for a normal result. */
static inline double dm_power_of_two(int k)
{
	return dm_double_of((uint64_t)(k + 1023) << 52);
}

#endif
