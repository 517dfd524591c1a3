#include "evaluate/challenge.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"

#define BETTER 0.999 /* of the hazard model's log loss, that trees must come below */

enum { SEED = 1, ENDED_MIN = 30 };

struct challenge {
	struct hazard_learner learner;
	int64_t due_ms, matured_ms;
	size_t count, next;		/* next: the place of the next one, once all are taken */
	struct grove_example *examples; /* [CHALLENGE_LESSONS_MAX] */
};

struct challenge *challenge_new(void)
{
	struct challenge *challenge = check_calloc(1, sizeof *challenge);
	challenge->examples = check_calloc(CHALLENGE_LESSONS_MAX, sizeof *challenge->examples);
	hazard_learner_init(&challenge->learner);
	return challenge;
}

void challenge_free(struct challenge **challenge)
{
	if (*challenge == NULL)
		return;
	free((*challenge)->examples);
	free(*challenge);
	*challenge = NULL;
}

void challenge_take(struct challenge *challenge, const double features[FEATURE_COUNT],
		    int64_t matured_ms, bool ended, bool held)
{
	double inputs[FEATURE_COUNT];
	struct grove_example *example = &challenge->examples[challenge->next];
	if (challenge->due_ms != 0 && matured_ms >= challenge->due_ms) {
		hazard_batch_end(&challenge->learner);
		challenge->due_ms = 0;
	}
	if (challenge->due_ms == 0)
		challenge->due_ms =
			time_floor(matured_ms, MS_PER_WEEK, WEEK_ORIGIN_MS) + MS_PER_WEEK;
	hazard_inputs(features, inputs);
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		example->inputs[i] = (float)inputs[i];
	example->margin = hazard_margin(challenge->learner.model.weights, inputs, NULL);
	example->ended = ended;
	example->is_held = held;
	hazard_learn(&challenge->learner, features, ended);
	challenge->matured_ms = matured_ms;
	challenge->count += challenge->count < CHALLENGE_LESSONS_MAX;
	challenge->next = (challenge->next + 1) % CHALLENGE_LESSONS_MAX;
}

/* Oldest first. */
static struct grove_example *in_order(const struct challenge *challenge)
{
	size_t first = challenge->count < CHALLENGE_LESSONS_MAX ? 0 : challenge->next;
	struct grove_example *ordered = check_calloc(challenge->count, sizeof *ordered);
	for (size_t i = 0; i < challenge->count; i++)
		ordered[i] = challenge->examples[(first + i) % CHALLENGE_LESSONS_MAX];
	return ordered;
}

static double loss_of(double margin, bool ended)
{
	double z = ended ? -margin : margin;
	return z > 0 ? z + dm_log1p(dm_exp(-z)) : dm_log1p(dm_exp(z));
}

static void test(const struct grove *grove, const struct grove_example *examples, size_t from,
		 size_t count, struct challenge_report *report)
{
	struct hazard_measure bins = { 0 };
	double before = 0;
	for (size_t i = 0; i < from; i++)
		before += examples[i].ended;
	double base = dm_log((before + 0.5) / ((double)from - before + 0.5));
	for (size_t i = from; i < count; i++) {
		double inputs[FEATURE_COUNT];
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			inputs[k] = (double)examples[i].inputs[k];
		double margin = examples[i].margin + grove_margin(grove, inputs);
		double p = dm_sigmoid(margin);
		int bin = (int)(p * HAZARD_BIN_COUNT);
		bin = bin < HAZARD_BIN_COUNT ? bin : HAZARD_BIN_COUNT - 1;
		report->base_loss += loss_of(base, examples[i].ended);
		report->hazard_loss += loss_of(examples[i].margin, examples[i].ended);
		report->trees_loss += loss_of(margin, examples[i].ended);
		report->tested_ended += examples[i].ended;
		bins.weight += 1;
		bins.bins_probability[bin] += p;
		bins.bins_ended[bin] += examples[i].ended ? 1 : 0;
	}
	report->tested_count = (int64_t)(count - from);
	report->base_loss /= (double)report->tested_count;
	report->hazard_loss /= (double)report->tested_count;
	report->trees_loss /= (double)report->tested_count;
	report->trees_error = hazard_calibration_error(&bins);
}

bool challenge_end(struct challenge *challenge, struct challenge_report *report)
{
	struct grove grove;
	*report = (struct challenge_report){ .lesson_count = (int64_t)challenge->count,
					     .matured_ms = challenge->matured_ms,
					     .model = challenge->learner.model };
	struct grove_example *examples = in_order(challenge);
	for (size_t i = 0; i < challenge->count; i++)
		report->ended_count += examples[i].ended;
	bool is_enough =
		challenge->count >= CHALLENGE_LESSONS_MIN && report->ended_count >= ENDED_MIN;
	if (is_enough) {
		size_t from = challenge->count - challenge->count / 4;
		grove_grow(examples, from, SEED, &grove);
		test(&grove, examples, from, challenge->count, report);
		report->is_better = report->trees_loss < BETTER * report->hazard_loss &&
				    report->trees_loss < BETTER * report->base_loss;
		grove_grow(examples, challenge->count, SEED, &report->model.grove);
	}
	free(examples);
	return is_enough;
}
