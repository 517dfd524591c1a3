/* The probability that an account leaves within HAZARD_HORIZON_DAYS: causes that add up, learnt one
 * example at a time.
 *
 *     odds   = e^(factors) x (sum over causes of e^(bias of the cause + its features' part)
 *                             + e^(bias of what no feature tells of))
 *     part   = sum of weight x (feature - mean) / scale
 *     margin = log odds
 *
 * Hazards of several causes add (competing risks: J. D. Kalbfleisch and R. L. Prentice, "The
 * Statistical Analysis of Failure Time Data", 2002, chapter 8), while what kind of account it is
 * and a renewal multiply all of them. So a bad cause counts by how bad it is beside the others,
 * which a sum of margins can't say, and each cause has a share that can be told.
 *
 * A cause's contribution to the margin is q log(S / S0) / (S - S0), where q is its term, S the sum
 * of all and S0 that of which nothing tells, alone: these add up to log(S / S0) exactly, by their
 * shares (the logarithmic mean Divisia decomposition: B. W. Ang, "Decomposition analysis for
 * policymaking in energy", Energy Policy 32, 2004). So they say what the causes add to an account
 * that nothing ails, and the largest is the one most likely to be it.
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
#include "models/bgnbd.h"
#include "models/features.h"
#include "models/grove.h"
#include "models/trust.h"

enum {
	HAZARD_HORIZON_DAYS = 90,
	/* Causes are the groups from GROUP_CAUSE_FIRST to GROUP_CAUSE_LAST, and one of which
	 * nothing tells: the last. Their biases follow the features' weights. */
	HAZARD_CAUSE_COUNT = GROUP_CAUSE_LAST - GROUP_CAUSE_FIRST + 2,
	HAZARD_WEIGHT_COUNT = FEATURE_COUNT + HAZARD_CAUSE_COUNT,
	HAZARD_COVARIANCE_COUNT = HAZARD_WEIGHT_COUNT * (HAZARD_WEIGHT_COUNT + 1) / 2,
	HAZARD_BIN_COUNT = 10,
	HAZARD_VERSION_MAX = 24, /* with its terminator */
};

struct hazard_model {
	char version[HAZARD_VERSION_MAX]; /* "prior-3", or the first digits of the hash */
	double weights[HAZARD_WEIGHT_COUNT];
	bool is_proven;	    /* measured in this stream to be better than the base rate */
	bool is_refuted;    /* measured in this stream to be no better */
	double base_rate;   /* of the examples, decayed; the prior's where there are none */
	struct bgnbd buys;  /* when accounts buy next: for opportunities */
	struct trust trust; /* what people think of its warnings */
	struct grove grove; /* trees on top, or instead; a learner's model has none */
};

/* The model that is active before anything was learnt: fitted on simulated companies by
 * `foretell evaluate company --fit`. */
void hazard_prior(struct hazard_model *model);

struct hazard_score {
	double probability, margin, base_margin;
	double groups[GROUP_COUNT]; /* contributions; GROUP_PEERS is in base_margin and 0 here */
	unsigned signs;		    /* bits 1 << group: causes of which something tells */
	unsigned raised;	    /* groups that are worse than is usual */
	double expected_days;	    /* until it leaves, if the hazard stays as it is */
};

/* base_margin is that of an account of the same kind that none of the causes ails (of trees: with
 * all else as is usual). margin is base_margin with the groups added in their order, so the sum is
 * exact. */
void hazard_score(const struct hazard_model *model, const double features[FEATURE_COUNT],
		  struct hazard_score *score);

/* The mean time until what has this probability within a horizon, if the risk stays as it is. */
double hazard_expected_days(double probability, int horizon_days);

/* A silence that does not fit the account's rhythm: it may have left already. Adds GROUP_SILENCE.
 */
void hazard_add_silence(struct hazard_score *score, double alive);

/* The margin by itself, of standardised inputs: what hazard_score's is but for rounding. Where
 * slopes is not NULL, how it changes with each weight. */
double hazard_margin(const double weights[HAZARD_WEIGHT_COUNT], const double inputs[FEATURE_COUNT],
		     double slopes[HAZARD_WEIGHT_COUNT]);

/* Features as the margin takes them: standardised, and held within six deviations. */
void hazard_inputs(const double features[FEATURE_COUNT], double inputs[FEATURE_COUNT]);

/* The groups that say anything, in the order in which people are told: causes of which something
 * tells by size, then others that are worse than is usual, then those that are not, then what
 * lowers the risk; a renewal that is near comes fourth, or earlier. Returns how many. */
size_t hazard_rank(const struct hazard_score *score, enum feature_group ranked[GROUP_COUNT]);

/* Whether a group is a reason to worry: it raises the risk, and something tells of it, or it is
 * worse than is usual. */
bool hazard_matters(const struct hazard_score *score, enum feature_group group);

/* How good the model has been on examples that it had not learnt; decayed by a quarter thousand
 * examples' worth of each thousand. */
struct hazard_measure {
	int64_t example_count, ended_count; /* ever */
	double weight, ended;		    /* decayed */
	double loss, base_loss;		    /* sums of log losses; of the model, of the base rate */
	double bins_weight[HAZARD_BIN_COUNT], bins_probability[HAZARD_BIN_COUNT],
		bins_ended[HAZARD_BIN_COUNT]; /* by probability: calibration */
};

/* Counts how a model did on an example, 0 < probability < 1; and what follows from all of them: its
 * base_rate, is_proven, is_refuted. */
void hazard_measure_add(struct hazard_measure *measure, double probability, bool ended);
void hazard_judge(struct hazard_model *model, const struct hazard_measure *measure);

/* The same on examples that the model may have learnt: they can refute it, never prove it. */
void hazard_judge_seen(struct hazard_model *model, const struct hazard_measure *measure);

struct hazard_learner {
	struct hazard_model model;
	struct hazard_measure measure;
	double covariance[HAZARD_COVARIANCE_COUNT]; /* lower triangle, row by row */
};

void hazard_learner_init(struct hazard_learner *learner);

/* A logistic regression of factors and usage, which begins without knowledge: all weights 0, and
 * anything possible. */
void hazard_learner_init_flat(struct hazard_learner *learner);

/* What is usual of a feature. */
double hazard_mean(size_t feature);

/* Tests the model on the example, then learns it. */
void hazard_learn(struct hazard_learner *learner, const double features[FEATURE_COUNT], bool ended);

/* Bytes to keep: layout 1 is a byte 1, two bytes of the count of numbers, then the numbers as
 * 8-byte little-endian doubles: the weights, the four of buys, and trust's useful and wrong; layout
 * 2, of a model with trees, is a byte 2, the same, and the grove's bytes (of a brought one the
 * weights say nothing); of a learner after them the covariance, the measure's example_count and
 * ended_count, weight, ended, loss, base_loss, the three rows of bins. All but the weights of a
 * model (version, base_rate, is_proven, is_refuted) stand beside them. Earlier versions lack trust,
 * or buys, too, and are read: as if nobody had answered, and with the prior's buys. */
enum {
	HAZARD_MODEL_BYTES = 3 + 8 * (HAZARD_WEIGHT_COUNT + 4 + 2 * GROUP_COUNT),
	HAZARD_MODEL_BYTES_MAX = HAZARD_MODEL_BYTES + GROVE_BYTES_MAX,
	HAZARD_LEARNER_BYTES =
		HAZARD_MODEL_BYTES + 8 * (HAZARD_COVARIANCE_COUNT + 6 + 3 * HAZARD_BIN_COUNT),
};

size_t hazard_model_pack(const struct hazard_model *model, uint8_t out[HAZARD_MODEL_BYTES_MAX]);
void hazard_learner_pack(const struct hazard_learner *learner, uint8_t out[HAZARD_LEARNER_BYTES]);

/* False, and *model as it was, where the bytes are none of this layout. */
bool hazard_model_unpack(struct bytes packed, struct hazard_model *model);
bool hazard_learner_unpack(struct bytes packed, struct hazard_learner *learner);

/* Mean distance of foretold and seen over the bins, by their weight. */
double hazard_calibration_error(const struct hazard_measure *measure);

/* The end of a batch: forgets a little, and judges whether the model beats the base rate. */
void hazard_batch_end(struct hazard_learner *learner);

#endif
