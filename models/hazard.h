/* The probability that an account leaves within HAZARD_HORIZON_DAYS: a logistic model of its
 * features, which learns one example at a time.
 *
 *     margin = weight of bias + sum of weight x (feature - mean) / scale
 *
 * A model's weights have a normal distribution. Learning an example updates its mean and covariance
 * as an extended Kalman filter does (D. J. Spiegelhalter and S. L. Lauritzen, "Sequential updating
 * of conditional probabilities on directed graphical structures", 1990, section on logistic
 * regression by Laplace's approximation): where there are few examples the prior speaks, a region
 * or a segment with little data stays near the others, and no learning rate has to be set. Between
 * batches the covariance grows a little towards the prior's, so that what is long ago is forgotten.
 *
 * The result depends on the order of the examples: the caller fixes it. Ownership: plain data.
 * Threads: pure. Errors: none. */
#ifndef MODELS_HAZARD_H
#define MODELS_HAZARD_H

#include "base/bytes.h"
#include "models/features.h"

enum {
	HAZARD_HORIZON_DAYS = 90,
	HAZARD_WEIGHT_COUNT = FEATURE_COUNT + 1, /* the last is the bias */
	HAZARD_COVARIANCE_COUNT = HAZARD_WEIGHT_COUNT * (HAZARD_WEIGHT_COUNT + 1) / 2,
	HAZARD_BIN_COUNT = 10,
	HAZARD_VERSION_MAX = 24, /* with its terminator */
};

struct hazard_model {
	char version[HAZARD_VERSION_MAX]; /* "prior-1", or the first digits of the hash */
	double weights[HAZARD_WEIGHT_COUNT];
	bool is_proven;	  /* measured in this stream to be better than the base rate */
	bool is_refuted;  /* measured in this stream to be no better */
	double base_rate; /* of the examples, decayed; the prior's where there are none */
};

/* The model that is active before anything was learnt: fitted on simulated companies by
 * `foretell evaluate company --fit`. */
void hazard_prior(struct hazard_model *model);

struct hazard_score {
	double probability, margin, base_margin;
	double groups[GROUP_COUNT]; /* contributions; GROUP_PEERS is in base_margin and 0 here */
	double expected_days;	    /* until it leaves, if the hazard stays as it is */
};

/* base_margin is that of the account's peers: the same kind of account with everything else as is
 * usual. margin is base_margin with the groups added in their order, so the sum is exact. */
void hazard_score(const struct hazard_model *model, const double features[FEATURE_COUNT],
		  struct hazard_score *score);

/* A silence that does not fit the account's rhythm: it may have left already. Adds GROUP_SILENCE.
 */
void hazard_add_silence(struct hazard_score *score, double alive);

/* The groups that say anything: those that raise the risk by size, a near renewal after what is
 * wrong, then those that lower it by size. Returns how many. */
size_t hazard_rank(const struct hazard_score *score, enum feature_group ranked[GROUP_COUNT]);

/* How good the model has been on examples that it had not learnt; decayed by a quarter thousand
 * examples' worth of each thousand. */
struct hazard_measure {
	int64_t example_count, ended_count; /* ever */
	double weight, ended;		    /* decayed */
	double loss, base_loss;		    /* sums of log losses; of the model, of the base rate */
	double bins_weight[HAZARD_BIN_COUNT], bins_probability[HAZARD_BIN_COUNT],
		bins_ended[HAZARD_BIN_COUNT]; /* by probability: calibration */
};

struct hazard_learner {
	struct hazard_model model;
	struct hazard_measure measure;
	double covariance[HAZARD_COVARIANCE_COUNT]; /* lower triangle, row by row */
};

void hazard_learner_init(struct hazard_learner *learner);

/* The same without knowledge: all weights 0, and anything possible. */
void hazard_learner_init_flat(struct hazard_learner *learner);

/* What is usual of a feature. */
double hazard_mean(size_t feature);

/* Tests the model on the example, then learns it. */
void hazard_learn(struct hazard_learner *learner, const double features[FEATURE_COUNT], bool ended);

/* Bytes to keep: layout 1 is a byte 1, two bytes of the count of numbers, then the numbers as
 * 8-byte little-endian doubles: the weights; of a learner after them the covariance, the measure's
 * example_count and ended_count, weight, ended, loss, base_loss, the three rows of bins. All but
 * the weights of a model (version, base_rate, is_proven, is_refuted) stand beside them. */
enum {
	HAZARD_MODEL_BYTES = 3 + 8 * HAZARD_WEIGHT_COUNT,
	HAZARD_LEARNER_BYTES =
		HAZARD_MODEL_BYTES + 8 * (HAZARD_COVARIANCE_COUNT + 6 + 3 * HAZARD_BIN_COUNT),
};

void hazard_model_pack(const struct hazard_model *model, uint8_t out[HAZARD_MODEL_BYTES]);
void hazard_learner_pack(const struct hazard_learner *learner, uint8_t out[HAZARD_LEARNER_BYTES]);

/* False, and *model as it was, where the bytes are none of this layout. */
bool hazard_model_unpack(struct bytes packed, struct hazard_model *model);
bool hazard_learner_unpack(struct bytes packed, struct hazard_learner *learner);

/* Mean distance of foretold and seen over the bins, by their weight. */
double hazard_calibration_error(const struct hazard_measure *measure);

/* The end of a batch: forgets a little, and judges whether the model beats the base rate. */
void hazard_batch_end(struct hazard_learner *learner);

#endif
