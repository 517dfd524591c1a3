/* See forecast_score.h. */
#include "evaluate/forecast_score.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"
#include "models/accuracy.h"
#include "models/smoothing.h"
#include "models/spread.h"

static void add_intervals(struct forecast_score *score, const struct forecast_scored *s,
			  double scale)
{
	double width = 0, pinball = 0;
	for (int h = 0; h < s->horizon; h++) {
		double actual = s->actual[h];
		double lower = s->quantile[0][h], upper = s->quantile[SPREAD_QUANTILE_COUNT - 1][h];
		score->intervals++;
		score->covered_95 += accuracy_covered(actual, lower, upper);
		score->covered_80 += accuracy_covered(actual, s->quantile[1][h], s->quantile[3][h]);
		width += upper - lower;
		if (actual < lower)
			width += 2.0 / 0.05 * (lower - actual);
		if (actual > upper)
			width += 2.0 / 0.05 * (actual - upper);
		for (int q = 0; q < SPREAD_QUANTILE_COUNT; q++)
			pinball += accuracy_pinball(actual, s->quantile[q][h], spread_level(q)) /
				   (double)SPREAD_QUANTILE_COUNT;
	}
	if (!(scale > 0))
		return;
	score->msis += width / (double)s->horizon / scale;
	score->pinball += pinball / (double)s->horizon / scale;
}

void forecast_score_add(struct forecast_score *score, const struct forecast_scored *s)
{
	double scale = accuracy_mase_scale(s->train, s->count, s->period);
	double error = 0;
	for (int h = 0; h < s->horizon; h++) {
		score->smape += accuracy_smape(s->actual[h], s->point[h]);
		error += accuracy_absolute(s->actual[h], s->point[h]) / (double)s->horizon;
	}
	score->series++;
	score->points += (size_t)s->horizon;
	if (scale > 0)
		score->mase += error / scale;
	else
		score->unscaled++;
	if (s->quantile != NULL)
		add_intervals(score, s, scale);
}

static double per_scaled_series(const struct forecast_score *score, double sum)
{
	size_t scaled = score->series - score->unscaled;
	return scaled > 0 ? sum / (double)scaled : 0;
}

double forecast_score_smape(const struct forecast_score *score)
{
	return score->points > 0 ? score->smape / (double)score->points : 0;
}

double forecast_score_mase(const struct forecast_score *score)
{
	return per_scaled_series(score, score->mase);
}

double forecast_score_msis(const struct forecast_score *score)
{
	return per_scaled_series(score, score->msis);
}

double forecast_score_pinball(const struct forecast_score *score)
{
	return per_scaled_series(score, score->pinball);
}

double forecast_score_owa(const struct forecast_score *score, const struct forecast_score *naive2)
{
	double smape = forecast_score_smape(naive2), mase = forecast_score_mase(naive2);
	if (!(smape > 0) || !(mase > 0))
		return 0;
	return 0.5 * (forecast_score_smape(score) / smape + forecast_score_mase(score) / mase);
}

void forecast_snaive(const double *train, int count, int period, int horizon, double *out)
{
	CHECK(count >= 1);
	period = period <= count ? period : 1;
	for (int h = 0; h < horizon; h++)
		out[h] = train[count - period + h % period];
}

void forecast_naive2(const double *train, int count, int period, int horizon, double *out)
{
	bool is_seasonal = period > 1 && smoothing_is_seasonal(train, count, period);
	for (int t = 0; is_seasonal && t < count; t++)
		is_seasonal = train[t] > 0;
	if (!is_seasonal) {
		forecast_snaive(train, count, 1, horizon, out);
		return;
	}
	double *index = check_calloc((size_t)period, sizeof *index);
	smoothing_seasonal_ratio(train, count, period, index);
	double last = train[count - 1] / index[(count - 1) % period];
	for (int h = 0; h < horizon; h++)
		out[h] = last * index[(count + h) % period];
	free(index);
}
