#include "models/ranking.h"

#include <stdlib.h>

static int by_score(const void *a, const void *b)
{
	double left = ((const struct ranking_case *)a)->score;
	double right = ((const struct ranking_case *)b)->score;
	return (left > right) - (left < right);
}

double ranking_auc(struct ranking_case *cases, size_t count)
{
	if (count > 1)
		qsort(cases, count, sizeof *cases, by_score);
	double rank_sum = 0;
	size_t positive_count = 0;
	for (size_t i = 0, end; i < count; i = end) {
		size_t positives = 0;
		for (end = i; end < count && !(cases[end].score > cases[i].score); end++)
			positives += cases[end].positive;
		/* ranks i + 1 .. end share their mean */
		rank_sum += (double)positives * ((double)(i + 1) + (double)end) / 2;
		positive_count += positives;
	}
	size_t negative_count = count - positive_count;
	if (positive_count == 0 || negative_count == 0)
		return -1;
	double pos = (double)positive_count, neg = (double)negative_count;
	return (rank_sum - pos * (pos + 1) / 2) / (pos * neg);
}
