/* dm_exp and dm_log of four numbers at once, where the processor has AVX2: the same operations in
 * the same order, none of them fused, hence the same bits. For base/dmath_each alone. Threads: pure
 * functions. Errors: none. */
#ifndef BASE_DMATH_AVX2_H
#define BASE_DMATH_AVX2_H

#include <stdbool.h>

bool dm_avx2_usable(void);

/* Of x[4], in place. false, and x untouched, where one of them is out of the ordinary. Only where
 * dm_avx2_usable. */
bool dm_avx2_exp(double *x);
bool dm_avx2_log(double *x);

#endif
