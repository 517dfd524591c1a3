#include "models/hazard.h"

#include <string.h>

#include "base/dmath.h"
#include "base/little.h"
#include "models/hazard_prior.h"

#define FORGET	     0.999 /* of the measurement, an example */
#define DRIFT	     0.004 /* of the prior's variance, a batch */
#define CAUSE_NEVER  (-60.0)
#define VARIANCE_MAX 1.0 /* of it, at most: forgetting leads back to the prior's doubt */

/* Of the base rate's log loss: below the first a model is better, from the second on it is not. */
#define PROVEN_BELOW 0.99
#define REFUTED_FROM 0.995

enum { PROVEN_EXAMPLES = 400, PROVEN_ENDED = 20 };

/* In the order in which people are told. */
enum { RANK_TELLING, RANK_RAISED, RANK_RENEWAL, RANK_USUAL, RANK_LOWERS };
enum { RENEWAL_PLACE = 3 }; /* at the latest, counted from 0 */

static double standard(const double *features, size_t i)
{
	double scaled = (features[i] - hazard_prior_means[i]) / hazard_prior_scales[i];
	return scaled > 6 ? 6 : scaled < -6 ? -6 : scaled;
}

void hazard_prior(struct hazard_model *model)
{
	memset(model, 0, sizeof *model);
	memcpy(model->version, HAZARD_PRIOR_VERSION, sizeof HAZARD_PRIOR_VERSION);
	memcpy(model->weights, hazard_prior_weights, sizeof model->weights);
	model->base_rate = HAZARD_PRIOR_BASE_RATE;
	model->buys = bgnbd_prior();
}

/* The groups' parts of the margin. */
static void parts_of(const double *weights, const double *inputs, double parts[GROUP_SILENCE])
{
	for (int group = 0; group < GROUP_SILENCE; group++) {
		double sum = 0;
		for (size_t i = features_first[group]; i < features_first[group + 1]; i++)
			sum += weights[i] * inputs[i];
		parts[group] = sum;
	}
}

/* The logarithms of the causes' terms. */
static void causes_of(const double *weights, const double *parts, double logs[HAZARD_CAUSE_COUNT])
{
	memcpy(logs, weights + FEATURE_COUNT, HAZARD_CAUSE_COUNT * sizeof *logs);
	for (int i = 0; i + 1 < HAZARD_CAUSE_COUNT; i++)
		logs[i] += parts[GROUP_CAUSE_FIRST + i];
}

/* The logarithm of the terms' sum, and the share of each in it. */
static double add_causes(const double logs[HAZARD_CAUSE_COUNT], double shares[HAZARD_CAUSE_COUNT])
{
	double most = logs[0], sum = 0;
	for (int i = 1; i < HAZARD_CAUSE_COUNT; i++)
		most = logs[i] > most ? logs[i] : most;
	for (int i = 0; i < HAZARD_CAUSE_COUNT; i++) {
		shares[i] = dm_exp(logs[i] - most);
		sum += shares[i];
	}
	for (int i = 0; i < HAZARD_CAUSE_COUNT; i++)
		shares[i] /= sum;
	return most + dm_log(sum);
}

double hazard_margin(const double weights[HAZARD_WEIGHT_COUNT], const double inputs[FEATURE_COUNT],
		     double slopes[HAZARD_WEIGHT_COUNT])
{
	double parts[GROUP_SILENCE], logs[HAZARD_CAUSE_COUNT], shares[HAZARD_CAUSE_COUNT];
	parts_of(weights, inputs, parts);
	causes_of(weights, parts, logs);
	double margin = parts[GROUP_PEERS] + parts[GROUP_RENEWAL] + add_causes(logs, shares);
	if (slopes == NULL)
		return margin;
	for (int group = 0; group < GROUP_SILENCE; group++) {
		double share = group < GROUP_CAUSE_FIRST ? 1 : shares[group - GROUP_CAUSE_FIRST];
		for (size_t i = features_first[group]; i < features_first[group + 1]; i++)
			slopes[i] = share * inputs[i];
	}
	memcpy(slopes + FEATURE_COUNT, shares, sizeof shares);
	return margin;
}

double hazard_expected_days(double probability, int horizon_days)
{
	/* p = 1 - e^-(days h): the mean time is 1 / h */
	double hazard = -dm_log1p(-probability) / horizon_days;
	return hazard > 1e-5 ? 1 / hazard : 1e5;
}

static void finish(struct hazard_score *score)
{
	score->margin = score->base_margin;
	for (int group = 0; group < GROUP_COUNT; group++)
		score->margin += score->groups[group];
	score->probability = dm_sigmoid(score->margin);
	score->expected_days = hazard_expected_days(score->probability, HAZARD_HORIZON_DAYS);
}

/* log(S / S0) / (S / S0 - 1), from log(S / S0); 1 where they are the same. */
static double per_excess(double rise)
{
	return rise < 1e-9 ? 1 : rise / dm_expm1(rise);
}

/* Trees add to the groups of the features that they ask for, by exact Shapley values. */
static void add_trees(const struct grove *grove, const double *inputs, struct hazard_score *score)
{
	double contributions[FEATURE_COUNT] = { 0 };
	score->base_margin += grove_explain(grove, inputs, contributions);
	for (int group = 0; group < GROUP_SILENCE; group++) {
		double sum = 0;
		for (size_t i = features_first[group]; i < features_first[group + 1]; i++)
			sum += contributions[i];
		*(group == GROUP_PEERS ? &score->base_margin : &score->groups[group]) += sum;
	}
}

static void add_causes_of(const struct hazard_model *model, const double *inputs,
			  struct hazard_score *score)
{
	enum { OTHER = HAZARD_CAUSE_COUNT - 1 };
	double parts[GROUP_SILENCE], logs[HAZARD_CAUSE_COUNT], shares[HAZARD_CAUSE_COUNT];
	parts_of(model->weights, inputs, parts);
	causes_of(model->weights, parts, logs);
	double rise = add_causes(logs, shares) - logs[OTHER];
	double scale = per_excess(rise);
	score->base_margin = logs[OTHER] + parts[GROUP_PEERS];
	score->groups[GROUP_RENEWAL] = parts[GROUP_RENEWAL];
	for (int i = 0; i < OTHER; i++)
		score->groups[GROUP_CAUSE_FIRST + i] = scale * shares[i] / shares[OTHER];
	for (int group = GROUP_RENEWAL; group < GROUP_SILENCE; group++)
		score->raised |= parts[group] > 0 ? 1u << group : 0;
}

void hazard_score(const struct hazard_model *model, const double features[FEATURE_COUNT],
		  struct hazard_score *score)
{
	double inputs[FEATURE_COUNT];
	memset(score, 0, sizeof *score);
	score->signs = features_signs(features);
	if (model->grove.is_whole) {
		add_trees(&model->grove, features, score);
		for (int group = GROUP_RENEWAL; group < GROUP_SILENCE; group++)
			score->raised |= score->groups[group] > 0 ? 1u << group : 0;
	} else {
		hazard_inputs(features, inputs);
		add_causes_of(model, inputs, score);
		if (model->grove.tree_count > 0)
			add_trees(&model->grove, inputs, score);
	}
	finish(score);
}

void hazard_add_silence(struct hazard_score *score, double alive)
{
	if (alive >= 1)
		return;
	/* odds of (1 - alive (1 - p)) against alive (1 - p), less those of p */
	double stays = (1 - score->probability) * alive;
	stays = stays < 1e-9 ? 1e-9 : stays;
	score->groups[GROUP_SILENCE] = dm_log((1 - stays) / stays) - score->margin;
	finish(score);
}

static int rank_of(const struct hazard_score *score, enum feature_group group)
{
	if (score->groups[group] < 0)
		return RANK_LOWERS;
	if (group == GROUP_RENEWAL)
		return RANK_RENEWAL;
	if (group == GROUP_SILENCE || score->signs >> group & 1)
		return RANK_TELLING;
	return score->raised >> group & 1 ? RANK_RAISED : RANK_USUAL;
}

static bool ranks_before(const struct hazard_score *score, enum feature_group a,
			 enum feature_group b)
{
	int rank_a = rank_of(score, a), rank_b = rank_of(score, b);
	if (rank_a != rank_b)
		return rank_a < rank_b;
	return rank_a == RANK_LOWERS ? score->groups[a] < score->groups[b]
				     : score->groups[a] > score->groups[b];
}

static void pull_renewal(const struct hazard_score *score, enum feature_group *ranked, size_t count)
{
	size_t at = 0;
	while (at < count && ranked[at] != GROUP_RENEWAL)
		at++;
	if (at == count || score->groups[GROUP_RENEWAL] <= 0)
		return;
	for (; at > RENEWAL_PLACE; at--)
		ranked[at] = ranked[at - 1];
	ranked[at] = GROUP_RENEWAL;
}

bool hazard_matters(const struct hazard_score *score, enum feature_group group)
{
	return rank_of(score, group) < RANK_USUAL;
}

size_t hazard_rank(const struct hazard_score *score, enum feature_group ranked[GROUP_COUNT])
{
	size_t count = 0;
	for (int i = GROUP_PEERS + 1; i < GROUP_COUNT; i++) {
		enum feature_group group = (enum feature_group)i;
		if (score->groups[group] == 0)
			continue;
		size_t at = count++;
		for (; at > 0 && ranks_before(score, group, ranked[at - 1]); at--)
			ranked[at] = ranked[at - 1];
		ranked[at] = group;
	}
	pull_renewal(score, ranked, count);
	return count;
}

void hazard_learner_init(struct hazard_learner *learner)
{
	memset(learner, 0, sizeof *learner);
	hazard_prior(&learner->model);
	for (size_t i = 0, at = 0; i < HAZARD_WEIGHT_COUNT; at += ++i)
		learner->covariance[at + i] =
			hazard_prior_deviations[i] * hazard_prior_deviations[i];
}

void hazard_learner_init_flat(struct hazard_learner *learner)
{
	hazard_learner_init(learner);
	memset(learner->model.weights, 0, FEATURE_COUNT * sizeof learner->model.weights[0]);
	for (int i = 0; i < HAZARD_CAUSE_COUNT; i++)
		learner->model.weights[FEATURE_COUNT + i] = CAUSE_NEVER;
	learner->model.weights[FEATURE_COUNT + GROUP_USAGE - GROUP_CAUSE_FIRST] =
		dm_log(HAZARD_PRIOR_BASE_RATE / (1 - HAZARD_PRIOR_BASE_RATE));
	for (size_t i = 0, at = 0; i < HAZARD_WEIGHT_COUNT; at += ++i)
		learner->covariance[at + i] = 0.25;
}

void hazard_inputs(const double features[FEATURE_COUNT], double inputs[FEATURE_COUNT])
{
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		inputs[i] = standard(features, i);
}

double hazard_mean(size_t feature)
{
	return hazard_prior_means[feature];
}

static double base_rate_of(const struct hazard_measure *measure)
{
	return (measure->ended + 20 * HAZARD_PRIOR_BASE_RATE) / (measure->weight + 20);
}

void hazard_measure_add(struct hazard_measure *measure, double probability, bool ended)
{
	double base = base_rate_of(measure);
	int bin = (int)(probability * HAZARD_BIN_COUNT);
	bin = bin < HAZARD_BIN_COUNT ? bin : HAZARD_BIN_COUNT - 1;
	measure->example_count++;
	measure->ended_count += ended;
	measure->loss *= FORGET;
	measure->base_loss *= FORGET;
	measure->loss -= ended ? dm_log(probability) : dm_log1p(-probability);
	measure->base_loss -= ended ? dm_log(base) : dm_log1p(-base);
	measure->weight = measure->weight * FORGET + 1;
	measure->ended = measure->ended * FORGET + (ended ? 1 : 0);
	for (int i = 0; i < HAZARD_BIN_COUNT; i++) {
		measure->bins_weight[i] = measure->bins_weight[i] * FORGET + (i == bin);
		measure->bins_probability[i] =
			measure->bins_probability[i] * FORGET + (i == bin ? probability : 0);
		measure->bins_ended[i] =
			measure->bins_ended[i] * FORGET + (i == bin && ended ? 1 : 0);
	}
}

void hazard_judge(struct hazard_model *model, const struct hazard_measure *measure)
{
	bool is_judged =
		measure->example_count >= PROVEN_EXAMPLES && measure->ended_count >= PROVEN_ENDED;
	model->base_rate = base_rate_of(measure);
	model->is_proven = is_judged && measure->loss < PROVEN_BELOW * measure->base_loss;
	model->is_refuted = is_judged && measure->loss >= REFUTED_FROM * measure->base_loss;
}

void hazard_judge_seen(struct hazard_model *model, const struct hazard_measure *measure)
{
	hazard_judge(model, measure);
	model->is_proven = false;
}

/* spread = covariance x inputs, over the lower triangle. */
static void multiply(const double *covariance, const double *inputs, double *spread)
{
	memset(spread, 0, HAZARD_WEIGHT_COUNT * sizeof *spread);
	for (size_t i = 0, at = 0; i < HAZARD_WEIGHT_COUNT; at += ++i) {
		const double *row = covariance + at;
		double sum = row[i] * inputs[i];
		for (size_t j = 0; j < i; j++) {
			sum += row[j] * inputs[j];
			spread[j] += row[j] * inputs[i];
		}
		spread[i] += sum;
	}
}

void hazard_learn(struct hazard_learner *learner, const double features[FEATURE_COUNT], bool ended)
{
	double inputs[FEATURE_COUNT], spread[HAZARD_WEIGHT_COUNT];
	double slopes[HAZARD_WEIGHT_COUNT], doubt = 0;
	hazard_inputs(features, inputs);
	double p = dm_sigmoid(hazard_margin(learner->model.weights, inputs, slopes));
	p = p < 1e-9 ? 1e-9 : p > 1 - 1e-9 ? 1 - 1e-9 : p;
	hazard_measure_add(&learner->measure, p, ended);
	learner->model.base_rate = base_rate_of(&learner->measure);
	multiply(learner->covariance, slopes, spread);
	for (size_t i = 0; i < HAZARD_WEIGHT_COUNT; i++)
		doubt += slopes[i] * spread[i];
	double curve = p * (1 - p);
	double gain = 1 / (1 + curve * doubt);
	double step = ((ended ? 1 : 0) - p) * gain;
	for (size_t i = 0, at = 0; i < HAZARD_WEIGHT_COUNT; at += ++i) {
		double factor = curve * gain * spread[i];
		learner->model.weights[i] += step * spread[i];
		for (size_t j = 0; j <= i; j++)
			learner->covariance[at + j] -= factor * spread[j];
	}
}

void hazard_batch_end(struct hazard_learner *learner)
{
	for (size_t i = 0, at = 0; i < HAZARD_WEIGHT_COUNT; at += ++i) {
		double prior = hazard_prior_deviations[i] * hazard_prior_deviations[i];
		double *variance = &learner->covariance[at + i];
		if (*variance + DRIFT * prior <= VARIANCE_MAX * prior)
			*variance += DRIFT * prior;
	}
	hazard_judge(&learner->model, &learner->measure);
}

/* ---- as bytes ---- */

enum { BUYS_COUNT = HAZARD_WEIGHT_COUNT + 4, NUMBER_COUNT = BUYS_COUNT + 2 * GROUP_COUNT };

static uint8_t *put(uint8_t *at, const double *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++, at += 8) {
		uint64_t bits;
		memcpy(&bits, &numbers[i], sizeof bits);
		little_store64(at, bits);
	}
	return at;
}

static const uint8_t *get(const uint8_t *at, double *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++, at += 8) {
		uint64_t bits = little_load64(at);
		memcpy(&numbers[i], &bits, sizeof bits);
	}
	return at;
}

static void weights_pack(const struct hazard_model *model, uint8_t layout,
			 uint8_t out[HAZARD_MODEL_BYTES])
{
	const double buys[] = { model->buys.r, model->buys.alpha_days, model->buys.a,
				model->buys.b };
	out[0] = layout;
	out[1] = NUMBER_COUNT & 0xff;
	out[2] = NUMBER_COUNT >> 8;
	uint8_t *at = put(put(out + 3, model->weights, HAZARD_WEIGHT_COUNT), buys, 4);
	put(put(at, model->trust.useful, GROUP_COUNT), model->trust.wrong, GROUP_COUNT);
}

size_t hazard_model_pack(const struct hazard_model *model, uint8_t out[HAZARD_MODEL_BYTES_MAX])
{
	bool has_trees = model->grove.tree_count > 0 || model->grove.is_whole;
	weights_pack(model, has_trees ? 2 : 1, out);
	return HAZARD_MODEL_BYTES +
	       (has_trees ? grove_pack(&model->grove, out + HAZARD_MODEL_BYTES) : 0);
}

/* How many bytes stand before a grove or a covariance; 0: they are none of these layouts. */
static size_t head_of(struct bytes packed)
{
	if (packed.len < 3 || packed.data[0] < 1 || packed.data[0] > 2)
		return 0;
	size_t count = packed.data[1] | (size_t)packed.data[2] << 8, head = 3 + 8 * count;
	bool is_known =
		count == NUMBER_COUNT || count == BUYS_COUNT || count == HAZARD_WEIGHT_COUNT;
	return is_known && packed.len >= head ? head : 0;
}

bool hazard_model_unpack(struct bytes packed, struct hazard_model *model)
{
	struct grove grove = { 0 };
	struct trust trust = { .useful = { 0 } };
	struct bgnbd model_buys = bgnbd_prior();
	double buys[4];
	size_t head = head_of(packed);
	if (head == 0)
		return false;
	const uint8_t *at = packed.data + 3 + 8 * HAZARD_WEIGHT_COUNT;
	if (head >= 3 + 8 * BUYS_COUNT) {
		at = get(at, buys, 4);
		model_buys = (struct bgnbd){ buys[0], buys[1], buys[2], buys[3] };
	}
	if (head == HAZARD_MODEL_BYTES)
		get(get(at, trust.useful, GROUP_COUNT), trust.wrong, GROUP_COUNT);
	if (!bgnbd_is_valid(&model_buys) || !trust_is_valid(&trust))
		return false;
	if (packed.data[0] == 2 && !grove_unpack(packed.data + head, packed.len - head, &grove))
		return false;
	get(packed.data + 3, model->weights, HAZARD_WEIGHT_COUNT);
	model->buys = model_buys;
	model->trust = trust;
	model->grove = grove;
	return true;
}

void hazard_learner_pack(const struct hazard_learner *learner, uint8_t out[HAZARD_LEARNER_BYTES])
{
	const struct hazard_measure *measure = &learner->measure;
	const double numbers[] = { (double)measure->example_count,
				   (double)measure->ended_count,
				   measure->weight,
				   measure->ended,
				   measure->loss,
				   measure->base_loss };
	weights_pack(&learner->model, 1, out);
	uint8_t *at = put(out + HAZARD_MODEL_BYTES, learner->covariance, HAZARD_COVARIANCE_COUNT);
	at = put(at, numbers, sizeof numbers / sizeof numbers[0]);
	at = put(at, measure->bins_weight, HAZARD_BIN_COUNT);
	at = put(at, measure->bins_probability, HAZARD_BIN_COUNT);
	put(at, measure->bins_ended, HAZARD_BIN_COUNT);
}

bool hazard_learner_unpack(struct bytes packed, struct hazard_learner *learner)
{
	struct hazard_measure *measure = &learner->measure;
	double numbers[6];
	size_t head = head_of(packed);
	if (head == 0 || packed.len != head + HAZARD_LEARNER_BYTES - HAZARD_MODEL_BYTES ||
	    !hazard_model_unpack(packed, &learner->model))
		return false;
	const uint8_t *at = get(packed.data + head, learner->covariance, HAZARD_COVARIANCE_COUNT);
	at = get(at, numbers, 6);
	measure->example_count = (int64_t)numbers[0];
	measure->ended_count = (int64_t)numbers[1];
	measure->weight = numbers[2];
	measure->ended = numbers[3];
	measure->loss = numbers[4];
	measure->base_loss = numbers[5];
	at = get(at, measure->bins_weight, HAZARD_BIN_COUNT);
	at = get(at, measure->bins_probability, HAZARD_BIN_COUNT);
	get(at, measure->bins_ended, HAZARD_BIN_COUNT);
	hazard_judge(&learner->model, measure);
	return true;
}

double hazard_calibration_error(const struct hazard_measure *measure)
{
	double sum = 0;
	for (int i = 0; i < HAZARD_BIN_COUNT; i++) {
		double gap = measure->bins_probability[i] - measure->bins_ended[i];
		sum += gap < 0 ? -gap : gap;
	}
	return measure->weight > 0 ? sum / measure->weight : 0;
}
