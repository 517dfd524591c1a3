/* What each column contributes to a forest's margin: exact Shapley values.
 *
 * The game: a coalition of columns is known, at splits on others the row goes both ways, by the
 * shares of the nodes' covers. Source: S. M. Lundberg et al., "From local explanations to global
 * understanding with explainable AI for trees", Nature Machine Intelligence 2, 2020, algorithm 2
 * (path-dependent TreeSHAP). A column that isn't on the way to a leaf has no say in it, so each
 * leaf is a game of the d columns on its path: with z_j the share of the cover that goes the
 * path's way at column j's splits and o_j = 1 where the row itself does (else 0), the product over
 * j of (z_j + o_j t) counts coalitions by size in the powers of t, and dividing by one factor
 * leaves the coalitions without that column. Each leaf costs O(d^2).
 *
 * Threads: pure. */
#ifndef MODELS_SHAP_H
#define MODELS_SHAP_H

#include "models/forest.h"

/* The margin where nothing is known: base and cover-weighted leaves. */
double shap_expected(const struct forest *forest);

/* Adds to contributions[column_count]; shap_expected and all that is added sum up to
 * forest_margin, but for rounding. row[column_count]. */
void shap_add(const struct forest *forest, const double *row, double *contributions);

#endif
