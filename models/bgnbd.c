#include "models/bgnbd.h"

#include <stddef.h>
#include <string.h>

#include "base/dmath.h"
#include "base/little.h"

#define ODDS_LOG_MAX 60.0
#define FORGET	     0.999 /* of the measurement, a history */
#define LEAST	     1e-3  /* of each number, and its inverse the most, days apart */
#define MOST	     1e5
#define DOUBT	     0.5 /* deviation of the prior's logarithms */
#define STEP_MAX     0.1 /* of a logarithm, a history */

#define BETTER 0.02 /* in log likelihood a history, from which the learnt numbers judge */

enum { REPEATS_MAX = 1000, LEARNT_MIN = 400 };

struct bgnbd bgnbd_prior(void)
{
	return (struct bgnbd){ .r = 0.243, .alpha_days = 4.414 * 7, .a = 0.793, .b = 2.426 };
}

double bgnbd_alive(const struct bgnbd *model, const struct bgnbd_history *history)
{
	double x = history->repeats;
	if (x <= 0)
		return 1;
	/* the odds of having left right after the last purchase */
	double grown = (model->r + x) * dm_log((model->alpha_days + history->age_days) /
					       (model->alpha_days + history->recent_days));
	double odds_log = dm_log(model->a / (model->b + x - 1)) + grown;
	return dm_sigmoid(odds_log < ODDS_LOG_MAX ? -odds_log : -ODDS_LOG_MAX);
}

double bgnbd_buys(const struct bgnbd *model, const struct bgnbd_history *history, double days)
{
	double seen = model->alpha_days + history->age_days;
	double none = (model->r + history->repeats) * dm_log(seen / (seen + days));
	return bgnbd_alive(model, history) * -dm_expm1(none);
}

double bgnbd_likelihood(const struct bgnbd *model, const struct bgnbd_history *history,
			double slopes[4])
{
	double r = model->r, alpha = model->alpha_days, a = model->a, b = model->b;
	double until = alpha + history->age_days, recent = alpha + history->recent_days;
	int x = history->repeats < REPEATS_MAX ? (int)history->repeats : REPEATS_MAX;
	double total = r * dm_log(alpha);
	double d_r = dm_log(alpha), d_a = 0, d_b = 0;
	for (int k = 0; k < x; k++) {
		total += dm_log(r + k) + dm_log((b + k) / (a + b + k));
		d_r += 1 / (r + k);
		d_a -= 1 / (a + b + k);
		d_b += 1 / (b + k) - 1 / (a + b + k);
	}
	double rates = -(r + x) * dm_log(until);
	double leaves = x > 0 ? dm_log(a / (b + x - 1)) - (r + x) * dm_log(recent) : 0;
	double stays = x > 0 ? dm_sigmoid(rates - leaves) : 1;
	total += x > 0 && leaves > rates ? leaves - dm_log1p(-stays) : rates - dm_log(stays);
	if (slopes == NULL)
		return total;
	double left = 1 - stays;
	d_r -= stays * dm_log(until) + left * dm_log(recent);
	slopes[0] = r * d_r;
	slopes[1] = r - alpha * (r + x) * (stays / until + left / recent);
	slopes[2] = a * (d_a + left / a);
	slopes[3] = b * (d_b - (x > 0 ? left / (b + x - 1) : 0));
	return total;
}

void bgnbd_learner_init(struct bgnbd_learner *learner)
{
	*learner = (struct bgnbd_learner){ .model = bgnbd_prior() };
	for (int i = 0; i < 4; i++)
		learner->covariance[i][i] = DOUBT * DOUBT;
}

static double moved(double number, double step)
{
	return dm_clamp(number * dm_exp(dm_clamp(step, -STEP_MAX, STEP_MAX)), LEAST, MOST);
}

void bgnbd_learn(struct bgnbd_learner *learner, const struct bgnbd_history *history)
{
	struct bgnbd *model = &learner->model;
	const struct bgnbd prior = bgnbd_prior();
	double slopes[4], spread[4], doubt = 1;
	learner->history_count++;
	learner->weight = learner->weight * FORGET + 1;
	learner->loss = learner->loss * FORGET - bgnbd_likelihood(model, history, slopes);
	learner->prior_loss =
		learner->prior_loss * FORGET - bgnbd_likelihood(&prior, history, NULL);
	for (int i = 0; i < 4; i++) {
		spread[i] = 0;
		for (int j = 0; j < 4; j++)
			spread[i] += learner->covariance[i][j] * slopes[j];
		doubt += slopes[i] * spread[i];
	}
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			learner->covariance[i][j] -= spread[i] * spread[j] / doubt;
	model->r = moved(model->r, spread[0] / doubt);
	model->alpha_days = moved(model->alpha_days, spread[1] / doubt);
	model->a = moved(model->a, spread[2] / doubt);
	model->b = moved(model->b, spread[3] / doubt);
}

struct bgnbd bgnbd_learnt(const struct bgnbd_learner *learner)
{
	bool is_better = learner->history_count >= LEARNT_MIN &&
			 learner->prior_loss - learner->loss > BETTER * learner->weight;
	return is_better ? learner->model : bgnbd_prior();
}

bool bgnbd_is_valid(const struct bgnbd *model)
{
	const double numbers[] = { model->r, model->alpha_days, model->a, model->b };
	for (int i = 0; i < 4; i++)
		if (!(numbers[i] >= LEAST && numbers[i] <= MOST))
			return false;
	return true;
}

static uint8_t *put(uint8_t *at, double number)
{
	uint64_t bits;
	memcpy(&bits, &number, sizeof bits);
	little_store64(at, bits);
	return at + sizeof bits;
}

static const uint8_t *get(const uint8_t *at, double *number)
{
	uint64_t bits = little_load64(at);
	memcpy(number, &bits, sizeof bits);
	return at + sizeof bits;
}

void bgnbd_learner_pack(const struct bgnbd_learner *learner, uint8_t out[BGNBD_LEARNER_BYTES])
{
	const struct bgnbd *model = &learner->model;
	uint8_t *at = put(put(put(put(out, model->r), model->alpha_days), model->a), model->b);
	for (int i = 0; i < 16; i++)
		at = put(at, learner->covariance[i / 4][i % 4]);
	at = put(put(at, (double)learner->history_count), learner->weight);
	put(put(at, learner->loss), learner->prior_loss);
}

bool bgnbd_learner_unpack(const uint8_t bytes[BGNBD_LEARNER_BYTES], struct bgnbd_learner *learner)
{
	struct bgnbd *model = &learner->model;
	double count;
	const uint8_t *at =
		get(get(get(get(bytes, &model->r), &model->alpha_days), &model->a), &model->b);
	for (int i = 0; i < 16; i++)
		at = get(at, &learner->covariance[i / 4][i % 4]);
	at = get(get(at, &count), &learner->weight);
	get(get(at, &learner->loss), &learner->prior_loss);
	bool is_good = bgnbd_is_valid(model) && count >= 0 && count < 1e15;
	learner->history_count = is_good ? (int64_t)count : 0;
	if (!is_good)
		bgnbd_learner_init(learner);
	return is_good;
}
