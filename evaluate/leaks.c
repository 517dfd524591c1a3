#include "evaluate/leaks.h"

#include <stdlib.h>

#include "base/check.h"
#include "models/bins.h"
#include "models/judge.h"

enum { BIN_COUNT = 48, PURE_ROWS_MIN = 10 };

struct tally {
	double rows, positive;
};

/* Each bin's rows by halves: the odd and the even ones. */
static void count(const struct dataset *dataset, const struct bins_column *column,
		  struct tally tallies[2][BINS_MAX])
{
	for (size_t row = 0; row < dataset->row_count; row++) {
		struct tally *tally = &tallies[row % 2][column->bins[row]];
		tally->rows++;
		tally->positive += dataset->labels[row];
	}
}

/* The share of the rarer class that lies in bins of nothing else, as both halves agree. */
static double pure_share(struct tally tallies[2][BINS_MAX], size_t bin_count, bool rare_positive,
			 double rare_count)
{
	double pure = 0;
	for (size_t bin = 0; bin < bin_count; bin++) {
		bool both = true;
		double rare = 0;
		for (int half = 0; half < 2; half++) {
			const struct tally *tally = &tallies[half][bin];
			double in = rare_positive ? tally->positive : tally->rows - tally->positive;
			both = both && tally->rows >= PURE_ROWS_MIN &&
			       in >= LEAK_PURE_MIN * tally->rows;
			rare += in;
		}
		pure += both ? rare : 0;
	}
	return rare_count > 0 ? pure / rare_count : 0;
}

void leaks_find(const struct dataset *dataset, struct leak *leaks)
{
	struct bins *bins = bins_new(dataset, BIN_COUNT);
	double *scores = check_calloc(dataset->row_count + 1, sizeof *scores);
	double positive = 0, rows = (double)dataset->row_count;
	for (size_t row = 0; row < dataset->row_count; row++)
		positive += dataset->labels[row];
	for (size_t j = 0; j < dataset->column_count; j++) {
		struct tally tallies[2][BINS_MAX] = { 0 };
		struct judgement judgement;
		const struct bins_column *column = &bins->columns[j];
		count(dataset, column, tallies);
		for (size_t row = 0; row < dataset->row_count; row++) {
			const struct tally *other = &tallies[1 - row % 2][column->bins[row]];
			scores[row] = (other->positive + positive / rows) / (other->rows + 1);
		}
		judge(scores, dataset->labels, dataset->row_count, &judgement);
		bool rare_positive = 2 * positive <= rows;
		leaks[j].auc = judgement.auc;
		leaks[j].pure_share = pure_share(tallies, column->bin_count, rare_positive,
						 rare_positive ? positive : rows - positive);
		leaks[j].is_leak =
			leaks[j].auc >= LEAK_AUC_MIN || leaks[j].pure_share >= LEAK_SHARE_MIN;
	}
	free(scores);
	bins_free(&bins);
}
