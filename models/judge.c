#include "models/judge.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"

struct ranked {
	double score;
	uint32_t row;
};

static int by_score(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	if (left->score != right->score)
		return left->score < right->score ? -1 : 1;
	return (left->row > right->row) - (left->row < right->row);
}

/* Rows by rising score, new. */
static struct ranked *rank(const double *scores, size_t count)
{
	struct ranked *ranked = check_calloc(count + 1, sizeof *ranked);
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ scores[i], (uint32_t)i };
	qsort(ranked, count, sizeof *ranked, by_score);
	return ranked;
}

static size_t tie_end(const struct ranked *ranked, size_t count, size_t begin)
{
	size_t end = begin + 1;
	while (end < count && ranked[end].score == ranked[begin].score)
		end++;
	return end;
}

static size_t positives_in(const struct ranked *ranked, const uint8_t *labels, size_t begin,
			   size_t end)
{
	size_t positive = 0;
	for (size_t i = begin; i < end; i++)
		positive += labels[ranked[i].row];
	return positive;
}

/* For each row the share of the other class that it stands on the right side of. */
static double place(const struct ranked *ranked, const uint8_t *labels, size_t count,
		    double *places)
{
	size_t positive_count = positives_in(ranked, labels, 0, count);
	size_t negative_count = count - positive_count;
	size_t positives = 0, negatives = 0; /* below the tie */
	double auc = 0;
	for (size_t begin = 0; begin < count;) {
		size_t end = tie_end(ranked, count, begin);
		size_t tied = positives_in(ranked, labels, begin, end);
		size_t tied_not = end - begin - tied;
		for (size_t i = begin; i < end; i++) {
			uint32_t row = ranked[i].row;
			places[row] = labels[row] ? ((double)negatives + (double)tied_not / 2) /
							    (double)negative_count
						  : 1 - ((double)positives + (double)tied / 2) /
								    (double)positive_count;
			auc += labels[row] ? places[row] : 0;
		}
		positives += tied;
		negatives += tied_not;
		begin = end;
	}
	return auc / (double)positive_count;
}

/* DeLong's variance: of the places' means over each class. */
static double variance_of(const double *places, const uint8_t *labels, size_t count)
{
	double sums[2] = { 0, 0 }, squares[2] = { 0, 0 }, counts[2] = { 0, 0 }, variance = 0;
	for (size_t i = 0; i < count; i++) {
		counts[labels[i]]++;
		sums[labels[i]] += places[i];
	}
	for (size_t i = 0; i < count; i++) {
		double from = places[i] - sums[labels[i]] / counts[labels[i]];
		squares[labels[i]] += from * from;
	}
	for (int k = 0; k < 2; k++)
		variance += counts[k] > 1 ? squares[k] / (counts[k] - 1) / counts[k] : 0;
	return variance;
}

static double average_precision(const struct ranked *ranked, const uint8_t *labels, size_t count,
				size_t positive_count)
{
	double sum = 0;
	size_t found = 0;
	for (size_t end = count; end > 0;) {
		size_t begin = end;
		while (begin > 0 && ranked[begin - 1].score == ranked[end - 1].score)
			begin--;
		size_t tied = positives_in(ranked, labels, begin, end);
		found += tied;
		sum += (double)tied * (double)found / (double)(count - begin);
		end = begin;
	}
	return positive_count > 0 ? sum / (double)positive_count : 0;
}

static double top_share(const struct ranked *ranked, const uint8_t *labels, size_t count)
{
	double wanted = (double)count / 10, taken = 0, positive = 0;
	for (size_t end = count; end > 0 && taken < wanted;) {
		size_t begin = end;
		while (begin > 0 && ranked[begin - 1].score == ranked[end - 1].score)
			begin--;
		double part = (wanted - taken) / (double)(end - begin);
		part = part < 1 ? part : 1;
		positive += part * (double)positives_in(ranked, labels, begin, end);
		taken += part * (double)(end - begin);
		end = begin;
	}
	return positive / wanted;
}

static void bin(const struct ranked *ranked, const uint8_t *labels, struct judgement *judgement)
{
	size_t count = judgement->count;
	judgement->calibration_error = 0;
	for (size_t k = 0; k < JUDGE_BINS; k++) {
		struct judge_bin *into = &judgement->bins[k];
		size_t begin = k * count / JUDGE_BINS, end = (k + 1) * count / JUDGE_BINS;
		*into = (struct judge_bin){ .count = end - begin };
		for (size_t i = begin; i < end; i++) {
			into->predicted += ranked[i].score;
			into->observed += labels[ranked[i].row];
		}
		if (end == begin)
			continue;
		into->predicted /= (double)(end - begin);
		into->observed /= (double)(end - begin);
		judgement->calibration_error += fabs(into->predicted - into->observed) *
						(double)(end - begin) / (double)count;
	}
}

void judge(const double *probabilities, const uint8_t *labels, size_t count,
	   struct judgement *judgement)
{
	CHECK(count > 0);
	struct ranked *ranked = rank(probabilities, count);
	*judgement = (struct judgement){ .count = count, .auc = -1 };
	for (size_t i = 0; i < count; i++) {
		double p = probabilities[i], from = p - labels[i];
		double right = labels[i] ? p : 1 - p;
		judgement->positive_count += labels[i];
		judgement->brier += from * from / (double)count;
		judgement->log_loss -= dm_log(right > 1e-15 ? right : 1e-15) / (double)count;
	}
	judgement->base_rate = (double)judgement->positive_count / (double)count;
	if (judgement->positive_count > 0 && judgement->positive_count < count) {
		double *places = check_calloc(count, sizeof *places);
		judgement->auc = place(ranked, labels, count, places);
		judgement->auc_error = sqrt(variance_of(places, labels, count));
		free(places);
	}
	judgement->average_precision =
		average_precision(ranked, labels, count, judgement->positive_count);
	judgement->lift = judgement->base_rate > 0
				  ? top_share(ranked, labels, count) / judgement->base_rate
				  : 0;
	bin(ranked, labels, judgement);
	free(ranked);
}

double judge_auc_difference(const double *a, const double *b, const uint8_t *labels, size_t count,
			    double *difference)
{
	double *places = check_calloc(2 * count + 1, sizeof *places);
	struct ranked *ranked = rank(a, count);
	*difference = place(ranked, labels, count, places);
	free(ranked);
	ranked = rank(b, count);
	*difference -= place(ranked, labels, count, places + count);
	free(ranked);
	for (size_t i = 0; i < count; i++)
		places[i] -= places[count + i];
	double error = sqrt(variance_of(places, labels, count));
	free(places);
	return error;
}
