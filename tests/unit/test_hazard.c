/* The hazard model and what surrounds it: contributions add up to the bit, learning finds what is
 * there and nothing where nothing is, bytes come back, an alert's life. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/account_features.h"
#include "consumers/alert_life.h"
#include "consumers/risk_words.h"
#include "consumers/model_shelf.h"
#include "consumers/region.h"
#include "evaluate/challenge.h"

static const int64_t now_ms = INT64_C(1700000000000);

static void random_features(struct prng *random, double features[FEATURE_COUNT])
{
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		features[i] = 2 * prng_normal(random);
}

static void contributions_add_up_to_the_bit(void **state)
{
	(void)state;
	struct prng random = prng_new(1, 1);
	struct hazard_model model;
	double features[FEATURE_COUNT];
	hazard_prior(&model);
	for (int trial = 0; trial < 2000; trial++) {
		struct hazard_score score;
		random_features(&random, features);
		hazard_score(&model, features, &score);
		hazard_add_silence(&score, prng_uniform(&random));
		double sum = score.base_margin;
		for (int group = 0; group < GROUP_COUNT; group++)
			sum += score.groups[group];
		assert_true(sum == score.margin);
		assert_true(score.probability > 0 && score.probability < 1);
		assert_true(fabs(score.probability - 1 / (1 + exp(-score.margin))) < 1e-12);
		enum feature_group ranked[GROUP_COUNT];
		size_t count = hazard_rank(&score, ranked);
		bool lowers = false;
		for (size_t i = 0; i < count; i++) {
			lowers = lowers || score.groups[ranked[i]] < 0;
			assert_true(lowers == (score.groups[ranked[i]] < 0));
		}
	}
}

/* The margin as a sum of causes is what is taken apart, and its slopes are its differences. */
static void slopes_are_those_of_the_margin(void **state)
{
	(void)state;
	struct prng random = prng_new(6, 6);
	struct hazard_model model;
	double features[FEATURE_COUNT], inputs[FEATURE_COUNT], slopes[HAZARD_WEIGHT_COUNT];
	hazard_prior(&model);
	for (int trial = 0; trial < 20; trial++) {
		struct hazard_score score;
		random_features(&random, features);
		hazard_inputs(features, inputs);
		hazard_score(&model, features, &score);
		double margin = hazard_margin(model.weights, inputs, slopes);
		assert_true(fabs(margin - score.margin) < 1e-9);
		for (size_t i = 0; i < HAZARD_WEIGHT_COUNT; i++) {
			struct hazard_model other = model;
			other.weights[i] += 1e-5;
			double difference = hazard_margin(other.weights, inputs, NULL) - margin;
			assert_true(fabs(difference / 1e-5 - slopes[i]) < 1e-3);
		}
	}
}

/* An event may say anything: what it says of use and seats must stay a number, and no use at all is
 * no fall. */
static void odd_numbers_of_use_and_seats_are_borne(void **state)
{
	(void)state;
	static const int64_t odd[] = { 0, -1, -1000, INT64_MIN, INT64_MAX };
	const struct surroundings around = { 0 };
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
		struct features features = { 0 };
		double out[FEATURE_COUNT];
		struct source_event event = { .type = bytes_str("product.subscription"),
					      .event_ms = now_ms };
		event.has_marketing = event.marketing.has_subscription = true;
		event.marketing.subscription.has_seats = true;
		event.marketing.subscription.seats = odd[i];
		account_features_add(&features, &event);
		event.type = bytes_str("product.feature");
		event.marketing.has_feature = event.marketing.feature.has_use_count = true;
		event.marketing.feature.use_count = odd[i];
		account_features_add(&features, &event);
		for (int day = 0; day < 60; day += 20) {
			features_read(&features, &around, -1, -1, now_ms + day * MS_PER_DAY, out);
			for (size_t k = 0; k < FEATURE_COUNT; k++)
				assert_true(out[k] >= -8 && out[k] <= 8);
			if (odd[i] <= 0)
				assert_true(out[FEATURE_USE_TREND] == 0);
		}
	}
}

/* Two causes that are as bad say as much; one that is as usual says nothing; and what is bad beside
 * something worse says less than by itself. */
static void causes_add_up(void **state)
{
	(void)state;
	struct hazard_model model;
	struct hazard_score one, both;
	double features[FEATURE_COUNT];
	hazard_prior(&model);
	memset(model.weights, 0, sizeof model.weights);
	model.weights[FEATURE_LATE_WEEKS] = model.weights[FEATURE_SCORE] = 1;
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		features[i] = hazard_mean(i);
	features[FEATURE_LATE_WEEKS] += 2;
	hazard_score(&model, features, &one);
	assert_true(one.groups[GROUP_SERVICE] > 1);
	assert_true(one.groups[GROUP_SATISFACTION] < 0.5 * one.groups[GROUP_SERVICE]);
	assert_int_equal(one.raised, 1 << GROUP_SERVICE);
	features[FEATURE_SCORE] += 20;
	hazard_score(&model, features, &both);
	assert_true(both.groups[GROUP_SATISFACTION] > both.groups[GROUP_SERVICE]);
	assert_true(both.groups[GROUP_SERVICE] < 0.5 * one.groups[GROUP_SERVICE]);
	/* biases are 0: by shares, and beside them as much again of what nothing tells of */
	assert_true(fabs(both.groups[GROUP_PRICE] - both.groups[GROUP_USAGE]) < 1e-12);
	assert_true(both.groups[GROUP_PRICE] < 0.1 * both.groups[GROUP_SERVICE]);
	assert_true(both.base_margin == 0);
}

/* What one could show comes first, a near renewal fourth at the latest, what lowers the risk last.
 */
static void what_tells_is_told_first(void **state)
{
	(void)state;
	struct hazard_score score = { .groups = { [GROUP_RENEWAL] = 0.1,
						  [GROUP_USAGE] = 0.5,
						  [GROUP_SERVICE] = 0.4,
						  [GROUP_SATISFACTION] = 0.3,
						  [GROUP_PRICE] = 0.2,
						  [GROUP_COMPETITOR] = -0.2 } };
	enum feature_group ranked[GROUP_COUNT];
	score.raised = 1u << GROUP_USAGE;
	score.signs = 1u << GROUP_PRICE | 1u << GROUP_SATISFACTION | 1u << GROUP_COMPETITOR;
	static const enum feature_group told[] = { GROUP_SATISFACTION, GROUP_PRICE,
						   GROUP_USAGE,	       GROUP_RENEWAL,
						   GROUP_SERVICE,      GROUP_COMPETITOR };
	assert_int_equal(hazard_rank(&score, ranked), 6);
	assert_memory_equal(ranked, told, sizeof told);
	assert_true(hazard_matters(&score, GROUP_USAGE) && hazard_matters(&score, GROUP_PRICE));
	assert_false(hazard_matters(&score, GROUP_SERVICE));
	double features[FEATURE_COUNT] = { 0 };
	assert_int_equal(features_signs(features), 0);
	features[FEATURE_PRICE_GAP] = 0.07;
	features[FEATURE_ESCALATION_WEEKS] = 0.01;
	assert_int_equal(features_signs(features),
			 1 << GROUP_PRICE | 1 << GROUP_SERVICE | 1 << GROUP_SATISFACTION);
}

static size_t told(const struct account_state *account, const struct hazard_model *model,
		   struct hazard_score *score, struct reason reasons[REASONS_MAX],
		   struct reason_texts *texts)
{
	static const struct surroundings around;
	const struct risk_occasion occasion = { .at_ms = now_ms,
						.around = &around,
						.model = model };
	risk_score(account, &occasion, score, NULL);
	return risk_words(account, &occasion, score, reasons, texts);
}

/* A fault is told as bad service, whatever it weighs, and nothing that is as usual beside it. */
static void only_what_matters_is_told(void **state)
{
	(void)state;
	struct account_state account = { .event_count = 1 };
	struct features *features = &account.relationship.features;
	struct hazard_model model;
	struct hazard_score score;
	struct reason reasons[REASONS_MAX];
	struct reason_texts texts;
	hazard_prior(&model);
	memset(model.weights, 0, FEATURE_COUNT * sizeof model.weights[0]);
	features->first_ms = now_ms - 900 * MS_PER_DAY;
	size_t count = told(&account, &model, &score, reasons, &texts);
	assert_int_equal(count, REASONS_MAX);
	assert_int_equal(score.signs, 0);
	for (size_t i = 0; i < count; i++) { /* but usage, of which "little is known" */
		assert_true(reasons[i].contribution > 0);
		if (reasons[i].code.data[0] != 'U')
			assert_memory_equal(texts.en[i], "nothing unusual, ", 17);
	}
	features_add(features, SIGNAL_FAULT, now_ms - 100 * MS_PER_DAY, 1);
	told(&account, &model, &score, reasons, &texts);
	assert_string_equal(texts.en[0],
			    "bad service: the last fault or escalation came 100 days ago");
	features_add(features, SIGNAL_FAULT, now_ms - 60 * MS_PER_DAY, 1);
	model.weights[FEATURE_FAULT_QUARTER] = -1;
	count = told(&account, &model, &score, reasons, &texts);
	assert_true(count > 0);
	assert_memory_equal(reasons[0].code.data, "SERVICE", 7);
	assert_memory_equal(texts.en[0], "bad service: ", 13);
	for (size_t i = 0; i < count; i++)
		assert_int_not_equal(reasons[i].code.data[0], 'C'); /* no competitor's offer */
}

/* 1 - alive (1 - p), whatever the margin was. */
static void silence_is_added_as_a_probability(void **state)
{
	(void)state;
	struct hazard_model model;
	struct hazard_score before, after;
	double features[FEATURE_COUNT] = { 0 };
	hazard_prior(&model);
	hazard_score(&model, features, &before);
	after = before;
	hazard_add_silence(&after, 0.4);
	assert_true(fabs(after.probability - (1 - 0.4 * (1 - before.probability))) < 1e-12);
	after = before;
	hazard_add_silence(&after, 1);
	assert_true(after.probability == before.probability);
	/* half of them are gone in 90 days: the mean is 90 / log 2 */
	assert_true(fabs(hazard_expected_days(0.5, 90) - 129.842553) < 1e-6);
	assert_true(hazard_expected_days(0, 90) == 1e5);
}

/* One feature decides, or none: log loss of the tested examples against the base rate's. */
static struct hazard_measure learn(double strength, uint64_t seed)
{
	struct prng random = prng_new(seed, 2);
	struct hazard_learner *learner = check_calloc(1, sizeof *learner);
	double features[FEATURE_COUNT];
	hazard_learner_init_flat(learner);
	for (int i = 0; i < 6000; i++) {
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			features[k] = hazard_mean(k);
		for (size_t k = FEATURE_SILENCE; k <= FEATURE_USE_TREND; k++)
			features[k] += 0.2 * prng_normal(&random);
		double margin = -2 + strength * 8 *
					     (features[FEATURE_ORDER_DRIFT] -
					      hazard_mean(FEATURE_ORDER_DRIFT));
		hazard_learn(learner, features, prng_chance(&random, 1 / (1 + exp(-margin))));
		if (i % 500 == 499)
			hazard_batch_end(learner);
	}
	struct hazard_measure measure = learner->measure;
	assert_true(learner->model.is_proven == (strength > 0));
	assert_true(learner->model.is_refuted == (strength == 0));
	hazard_judge_seen(&learner->model, &learner->measure);
	assert_false(learner->model.is_proven);
	assert_true(learner->model.is_refuted == (strength == 0));
	free(learner);
	return measure;
}

static void what_is_there_is_learnt_and_noise_is_refuted(void **state)
{
	(void)state;
	struct hazard_measure real = learn(1, 3), noise = learn(0, 4);
	assert_true(real.loss < 0.85 * real.base_loss);
	assert_true(noise.loss > 0.995 * noise.base_loss && noise.loss < 1.2 * noise.base_loss);
	assert_true(hazard_calibration_error(&real) < 0.06);
}

static void what_was_learnt_comes_back_from_bytes(void **state)
{
	(void)state;
	static uint8_t bytes[HAZARD_LEARNER_BYTES], again[HAZARD_LEARNER_BYTES];
	struct prng random = prng_new(5, 5);
	struct hazard_learner *a = check_calloc(1, sizeof *a), *b = check_calloc(1, sizeof *b);
	double features[FEATURE_COUNT];
	hazard_learner_init(a);
	for (int i = 0; i < 50; i++) {
		random_features(&random, features);
		hazard_learn(a, features, i % 7 == 0);
	}
	hazard_learner_pack(a, bytes);
	assert_true(hazard_learner_unpack(bytes_of(bytes, sizeof bytes), b));
	hazard_learn(a, features, true);
	hazard_learn(b, features, true);
	hazard_learner_pack(a, bytes);
	hazard_learner_pack(b, again);
	assert_memory_equal(bytes, again, sizeof bytes);
	assert_false(hazard_learner_unpack(bytes_of(bytes, sizeof bytes - 1), b));
	bytes[0] = 9;
	assert_false(hazard_learner_unpack(bytes_of(bytes, sizeof bytes), b));
	free(a);
	free(b);
}

/* Earlier versions kept no numbers of how accounts buy: all else is as it was. */
static void what_an_earlier_version_learnt_is_read(void **state)
{
	(void)state;
	enum { HEAD = 3 + 8 * HAZARD_WEIGHT_COUNT, GAP = HAZARD_MODEL_BYTES - HEAD };
	enum { BUYS = HAZARD_WEIGHT_COUNT + 4, LATER = 3 + 8 * BUYS };
	static uint8_t bytes[HAZARD_LEARNER_BYTES], again[HAZARD_LEARNER_BYTES];
	const struct bgnbd prior = bgnbd_prior();
	struct prng random = prng_new(5, 5);
	struct hazard_learner *a = check_calloc(1, sizeof *a), *b = check_calloc(1, sizeof *b);
	double features[FEATURE_COUNT];
	hazard_learner_init(a);
	random_features(&random, features);
	hazard_learn(a, features, true);
	hazard_learner_pack(a, bytes);
	memcpy(again, bytes, sizeof bytes);
	memmove(again + HEAD, bytes + HAZARD_MODEL_BYTES, sizeof bytes - HAZARD_MODEL_BYTES);
	again[1] = HAZARD_WEIGHT_COUNT & 0xff;
	again[2] = HAZARD_WEIGHT_COUNT >> 8;
	assert_false(hazard_learner_unpack(bytes_of(again, sizeof again), b));
	assert_true(hazard_learner_unpack(bytes_of(again, sizeof again - GAP), b));
	assert_memory_equal(&b->model.buys, &prior, sizeof prior);
	hazard_learner_pack(b, again);
	assert_memory_equal(bytes, again, sizeof bytes);
	/* one that knew of buyers, and not what people answered */
	a->model.buys.r = 1.5;
	hazard_learner_pack(a, bytes);
	memcpy(again, bytes, LATER);
	memcpy(again + LATER, bytes + HAZARD_MODEL_BYTES, sizeof bytes - HAZARD_MODEL_BYTES);
	again[1] = BUYS & 0xff;
	again[2] = BUYS >> 8;
	trust_add(&b->model.trust, GROUP_PRICE, 1, 0);
	assert_true(hazard_learner_unpack(
		bytes_of(again, sizeof again - (HAZARD_MODEL_BYTES - LATER)), b));
	assert_true(b->model.buys.r == 1.5 && b->model.trust.useful[GROUP_PRICE] == 0);
	free(a);
	free(b);
}

/* ---- trees ---- */

/* Whether two inputs have the same sign decides, which no sum of causes can say. */
static void trees_see_what_sums_do_not(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	struct prng random = prng_new(9, 9);
	struct grove_example *examples = check_calloc(COUNT, sizeof *examples);
	struct hazard_model model, back;
	double before = 0, after = 0;
	hazard_prior(&model);
	for (int i = 0; i < COUNT; i++) {
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			examples[i].inputs[k] = (float)prng_normal(&random);
		bool is_same = (examples[i].inputs[FEATURE_SCORE] > 0) ==
			       (examples[i].inputs[FEATURE_LOAD] > 0.3f);
		examples[i].margin = -2;
		examples[i].ended = prng_chance(&random, is_same ? 0.25 : 0.03);
		examples[i].is_held = i % 4 == 0;
	}
	grove_grow(examples, COUNT, 1, &model.grove);
	assert_true(model.grove.tree_count > 5);
	for (int i = 0; i < 500; i++) {
		double inputs[FEATURE_COUNT], contributions[FEATURE_COUNT] = { 0 }, sum;
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			inputs[k] = (double)examples[4 * i].inputs[k];
		double margin = grove_margin(&model.grove, inputs);
		sum = grove_explain(&model.grove, inputs, contributions);
		for (size_t k = 0; k < FEATURE_COUNT; k++)
			sum += contributions[k];
		assert_true(fabs(sum - margin) < 1e-9);
		before -= examples[4 * i].ended ? log(0.1192) : log(1 - 0.1192);
		double p = 1 / (1 + exp(2 - margin));
		after -= log(examples[4 * i].ended ? p : 1 - p);
	}
	assert_true(after < 0.97 * before);
	uint8_t bytes[HAZARD_MODEL_BYTES_MAX], again[HAZARD_MODEL_BYTES_MAX];
	size_t len = hazard_model_pack(&model, bytes);
	back = model;
	back.grove.tree_count = 0;
	assert_true(hazard_model_unpack(bytes_of(bytes, len), &back));
	assert_int_equal(hazard_model_pack(&back, again), len);
	assert_memory_equal(bytes, again, len);
	assert_false(hazard_model_unpack(bytes_of(bytes, len - 1), &back));
	double features[FEATURE_COUNT];
	random_features(&random, features);
	struct hazard_score score;
	hazard_score(&model, features, &score);
	double sum = score.base_margin;
	for (int group = 0; group < GROUP_COUNT; group++)
		sum += score.groups[group];
	assert_true(sum == score.margin);
	/* noise: no tree is of use */
	for (int i = 0; i < COUNT; i++)
		examples[i].ended = prng_chance(&random, 0.12);
	grove_grow(examples, COUNT, 1, &model.grove);
	assert_true(model.grove.tree_count < 5);
	free(examples);
}

/* Lessons of eighty weeks; whether two features have the same sign decides, or nothing does. */
static void trees_challenge_where_they_are_better(void **state)
{
	(void)state;
	for (int strength = 0; strength < 2; strength++) {
		struct challenge_report first, second;
		struct challenge_report *reports[] = { &first, &second };
		for (int pass = 0; pass < 2; pass++) {
			struct prng random = prng_new(12, 1);
			struct challenge *challenge = challenge_new();
			double features[FEATURE_COUNT];
			for (int i = 0; i < 4000; i++) {
				for (size_t k = 0; k < FEATURE_COUNT; k++)
					features[k] = hazard_mean(k);
				features[FEATURE_SCORE] += prng_normal(&random);
				features[FEATURE_LOAD] += 2 * prng_normal(&random);
				bool is_same = (features[FEATURE_SCORE] > 0.3) ==
					       (features[FEATURE_LOAD] > 0.6);
				double p = strength == 0 ? 0.1 : is_same ? 0.25 : 0.02;
				challenge_take(challenge, features, now_ms + i / 50 * MS_PER_WEEK,
					       prng_chance(&random, p), i % 5 == 0);
			}
			assert_true(challenge_end(challenge, reports[pass]));
			challenge_free(&challenge);
		}
		assert_int_equal(first.tested_count, 1000);
		if (strength == 1)
			assert_true(first.is_better && first.trees_error < 0.05 &&
				    first.trees_loss < 0.97 * first.hazard_loss);
		else
			assert_true(first.trees_loss > 0.99 * first.base_loss);
		assert_memory_equal(&first.model.grove, &second.model.grove,
				    sizeof first.model.grove);
	}
	struct challenge_report none;
	struct challenge *challenge = challenge_new();
	assert_false(challenge_end(challenge, &none));
	challenge_free(&challenge);
}

/* ---- signals ---- */

static void two_halves_merge_to_the_whole(void **state)
{
	(void)state;
	struct features whole = { 0 }, one = { 0 }, two = { 0 };
	for (int day = 0; day < 400; day += 3) {
		int64_t at_ms = now_ms + day * MS_PER_DAY;
		features_add(&whole, SIGNAL_USE, at_ms, 5 + day % 4);
		features_add(day % 2 == 0 ? &one : &two, SIGNAL_USE, at_ms, 5 + day % 4);
	}
	features_merge(&one, &two);
	const struct trace *a = &whole.traces[SIGNAL_USE], *b = &one.traces[SIGNAL_USE];
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->first_ms, b->first_ms);
	for (int h = 0; h < HORIZON_COUNT; h++)
		assert_true(fabs((double)(a->sums[h] - b->sums[h])) < 1e-3);
	assert_int_equal(whole.sign_days, one.sign_days);
}

static void silence_counts_by_its_own_rhythm(void **state)
{
	(void)state;
	struct features daily = { 0 }, monthly = { 0 };
	for (int day = 0; day <= 360; day++) {
		features_add(&daily, SIGNAL_USE, now_ms + day * MS_PER_DAY, 1);
		if (day % 30 == 0)
			features_add(&monthly, SIGNAL_ORDER, now_ms + day * MS_PER_DAY, 1);
	}
	int64_t later_ms = now_ms + 385 * MS_PER_DAY;
	assert_true(features_alive(&daily, later_ms) < 0.1);
	assert_true(features_alive(&monthly, later_ms) > 0.95);
	assert_true(features_alive(&daily, now_ms + 362 * MS_PER_DAY) == 1);
}

static void a_region_is_seen_as_it_was_at_an_offset(void **state)
{
	(void)state;
	struct region_state region = { 0 };
	struct surroundings around;
	struct source_event event = { .type = bytes_str("market.promotion"),
				      .event_ms = now_ms,
				      .has_market = true };
	event.market.has_promotion = event.market.promotion.has_discount_percent = true;
	event.market.promotion.discount_percent = 20;
	region_add(&region, &event, 100);
	region_read(&region, 99, now_ms + 1, &around);
	assert_true(around.promotion == 0 && around.promotions == 0);
	region_read(&region, 100, now_ms + 1, &around);
	assert_true(around.promotion == 20 && around.promotions > 19);
	region_read(&region, 100, now_ms + 40 * MS_PER_DAY, &around);
	assert_true(around.promotion == 0 && around.promotions > 5);
	for (int i = 0; i < 3 * REGION_OFFERS_MAX; i++)
		region_add(&region, &event, 101 + i);
	assert_int_equal(region.offer_count, REGION_OFFERS_MAX);
}

/* No number of a payload gets into a sum that it would spoil, and no time overflows. */
static void absurd_payloads_spoil_nothing(void **state)
{
	(void)state;
	static const char *const types[] = {
		"erp.shipment.delivered", "erp.payment",	  "erp.price",
		"support.satisfaction",	  "product.subscription", "iot.reading"
	};
	static const double numbers[] = { (double)NAN, HUGE_VAL, -HUGE_VAL, 3 };
	static const int64_t times[] = { INT64_MIN, INT64_MAX, 0 };
	struct features features = { 0 };
	struct region_state region = { 0 };
	struct surroundings around;
	for (size_t n = 0; n < 4; n++)
		for (size_t t = 0; t < 3; t++) {
			struct source_event event = { .event_ms = now_ms,
						      .has_value = true,
						      .value = numbers[n],
						      .has_erp = true,
						      .has_marketing = true,
						      .has_market = true };
			event.erp.has_shipment = event.erp.has_invoice = event.erp.has_price = true;
			event.erp.shipment.has_promised_ms = event.erp.invoice.has_due_ms = true;
			event.erp.shipment.promised_ms = event.erp.invoice.due_ms = times[t];
			event.erp.price.has_change_percent = true;
			event.erp.price.change_percent = numbers[n];
			event.marketing.has_subscription = true;
			event.marketing.subscription.has_renewal_ms = true;
			event.marketing.subscription.renewal_ms = times[t];
			for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
				event.type = bytes_str(types[i]);
				account_features_add(&features, &event);
			}
			event.market.has_promotion = t > 0;
			event.market.promotion.has_discount_percent = true;
			event.market.promotion.has_starts_ms = true;
			event.market.promotion.has_ends_ms = true;
			event.market.promotion.starts_ms = times[t];
			event.market.promotion.ends_ms = times[t];
			event.market.promotion.discount_percent = numbers[n];
			event.type = bytes_str("market.indicator");
			event.name = bytes_str("business-climate");
			region_add(&region, &event, 1);
			region_read(&region, 1, now_ms, &around);
			assert_true(isfinite(around.promotions) && isfinite(around.climate));
		}
	for (int signal = 0; signal < SIGNAL_COUNT; signal++)
		assert_true(isfinite(features.traces[signal].sums[HORIZON_YEAR]));
	assert_true(isfinite(features.price_percent) && isfinite(features.score));
	assert_true(features.traces[SIGNAL_PRICE].count == 3);
	assert_true(features.renewal_ms == 0);
}

static void a_model_judges_from_its_record_on(void **state)
{
	(void)state;
	uint8_t body[HAZARD_MODEL_BYTES_MAX];
	struct hazard_model model;
	struct model_shelf shelf = { 0 };
	hazard_prior(&model);
	struct model_record record = { .version = bytes_str("a"),
				       .body = bytes_of(body, hazard_model_pack(&model, body)),
				       .is_active = false };
	model_shelf_add(&shelf, &record, 10);
	record.version = bytes_str("b");
	model_shelf_add(&shelf, &record, 20);
	assert_null(model_shelf_at(&shelf, 9));
	assert_string_equal(model_shelf_at(&shelf, 10)->version, "a");
	assert_string_equal(model_shelf_at(&shelf, 19)->version, "a");
	assert_string_equal(model_shelf_at(&shelf, 1000)->version, "b");
}

/* One that was brought stays until somebody makes another one active. */
static void a_brought_model_is_held(void **state)
{
	(void)state;
	uint8_t body[HAZARD_MODEL_BYTES_MAX], brought_body[HAZARD_MODEL_BYTES_MAX];
	struct hazard_model model;
	struct model_shelf shelf = { 0 };
	hazard_prior(&model);
	struct model_record learnt = { .version = bytes_str("learnt"),
				       .body = bytes_of(body, hazard_model_pack(&model, body)) };
	model.grove.is_whole = true;
	struct model_record brought = { .version = bytes_str("brought"),
					.body = bytes_of(brought_body,
							 hazard_model_pack(&model, brought_body)),
					.is_active = true };
	model_shelf_add(&shelf, &learnt, 10);
	assert_string_equal(model_shelf_at(&shelf, 10)->version, "learnt");
	model_shelf_add(&shelf, &brought, 20);
	model_shelf_add(&shelf, &learnt, 30);
	assert_string_equal(model_shelf_at(&shelf, 30)->version, "brought");
	learnt.is_active = true;
	model_shelf_add(&shelf, &learnt, 40);
	assert_string_equal(model_shelf_at(&shelf, 40)->version, "learnt");
	learnt.is_active = false;
	learnt.version = bytes_str("next");
	model_shelf_add(&shelf, &learnt, 50);
	assert_string_equal(model_shelf_at(&shelf, 50)->version, "next");
}

/* ---- an alert ---- */

static bool step(struct alert_state *alert, int day, double probability, int32_t severity,
		 enum alert_status expected)
{
	enum alert_status status;
	const struct alert_view view = { .at_ms = now_ms + day * MS_PER_DAY,
					 .probability = probability,
					 .open = 0.5,
					 .close = 0.3,
					 .severity = severity,
					 .may_open = true };
	bool said = alert_life_step(alert, &view, &status);
	assert_true(!said || status == expected);
	return said;
}

static bool tell(struct alert_state *alert, int day, const char *verdict, const char *id,
		 const char *until, enum alert_status expected)
{
	enum alert_status status;
	const struct source_event event = { .attr_count = 3,
					    .attrs = { { bytes_str("alert_id"), bytes_str(id) },
						       { bytes_str("verdict"), bytes_str(verdict) },
						       { bytes_str("until"), bytes_str(until) } } };
	bool said =
		alert_life_take(alert, bytes_str("A"), &event, now_ms + day * MS_PER_DAY, &status);
	assert_true(!said || status == expected);
	return said;
}

static void an_alert_lives(void **state)
{
	(void)state;
	struct alert_state alert = { 0 };
	assert_false(tell(&alert, 0, "wrong", "", "", ALERT_RESOLVED)); /* none was there */
	assert_false(tell(&alert, 0, "wrong", "A/churn.silence/0", "", ALERT_RESOLVED));
	assert_int_equal(alert.wrong_count, 0);
	assert_false(step(&alert, 0, 0.49, SEVERITY_LOW, ALERT_OPENED));
	assert_true(step(&alert, 1, 0.51, SEVERITY_LOW, ALERT_OPENED));
	assert_false(step(&alert, 2, 0.4, SEVERITY_LOW, ALERT_UPDATED)); /* hysteresis */
	assert_true(tell(&alert, 2, "ack", "A/churn.silence/1", "", ALERT_ACKNOWLEDGED));
	assert_false(tell(&alert, 2, "ack", "A/churn.silence/1", "", ALERT_ACKNOWLEDGED));
	assert_false(tell(&alert, 2, "ack", "A/churn.silence/2", "", ALERT_ACKNOWLEDGED));
	assert_false(tell(&alert, 2, "wrong", "B/churn.silence/1", "", ALERT_RESOLVED));
	assert_false(tell(&alert, 2, "wrong", "A/churn.risk/1", "", ALERT_RESOLVED));
	assert_false(tell(&alert, 2, "wrong", "1", "", ALERT_RESOLVED));
	assert_true(tell(&alert, 3, "snooze", "A/churn.silence/1", "2023-12-01", ALERT_SNOOZED));
	assert_false(step(&alert, 4, 0.7, SEVERITY_HIGH, ALERT_UPDATED)); /* snoozed */
	assert_true(step(&alert, 5, 0.9, SEVERITY_CRITICAL, ALERT_UPDATED));
	assert_true(step(&alert, 30, 0.6, SEVERITY_LOW, ALERT_UPDATED)); /* woke */
	assert_true(step(&alert, 31, 0.2, SEVERITY_LOW, ALERT_RESOLVED));
	assert_int_equal(alert.revision, 5);
	assert_false(step(&alert, 32, 0.6, SEVERITY_LOW, ALERT_OPENED)); /* cool-down */
	assert_true(step(&alert, 33, 0.8, SEVERITY_HIGH, ALERT_OPENED));
	assert_true(tell(&alert, 34, "wrong", "A/churn.silence/2", "", ALERT_RESOLVED));
	assert_false(step(&alert, 60, 0.55, SEVERITY_LOW, ALERT_OPENED));
	assert_false(step(&alert, 120, 0.55, SEVERITY_LOW, ALERT_OPENED)); /* takes more now */
	assert_true(step(&alert, 120, 0.61, SEVERITY_LOW, ALERT_OPENED));
	assert_int_equal(alert.episode, 3);
	assert_false(tell(&alert, 121, "nonsense", "A/churn.silence/3", "", ALERT_OPENED));
	assert_false(tell(&alert, 121, "useful", "A/churn.silence/3", "", ALERT_OPENED));
	assert_true(alert_life_open(&alert, 0.5) == 0.5);
	/* what is said of an earlier one counts, and ends nothing; what is said twice counts once
	 */
	assert_false(tell(&alert, 122, "wrong", "A/churn.silence/2", "", ALERT_RESOLVED));
	assert_false(tell(&alert, 122, "wrong", "A/churn.silence/1", "", ALERT_RESOLVED));
	assert_true(alert.open && alert.wrong_count == 2 && alert.useful_count == 1);
	static const char *const others[] = { "A/churn.silence/4", "A/churn.silence/02",
					      "A/opportunity/2",   "B/churn.silence/2",
					      "A/churn.silence/",  "A/churn.silence/99999999999" };
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_false(tell(&alert, 122, "wrong", others[i], "", ALERT_RESOLVED));
	assert_true(alert.open && alert.wrong_count == 2);
}

/* Who thinks otherwise is heard, also who then thinks as before: what was said last counts. */
static void the_last_word_counts(void **state)
{
	(void)state;
	struct alert_state alert = { 0 };
	struct alert_answer answer;
	uint64_t before = 0;
	assert_true(step(&alert, 0, 0.6, SEVERITY_LOW, ALERT_OPENED));
	for (int turn = 0; turn < 3; turn++) {
		assert_false(tell(&alert, turn, "useful", "A/churn.silence/1", "", ALERT_OPENED));
		assert_false(tell(&alert, turn, "useful", "A/churn.silence/1", "", ALERT_OPENED));
		assert_true(alert.useful_count == 1 && alert.wrong_count == 0);
		before = alert.answers;
		bool ends = tell(&alert, turn, "wrong", "A/churn.silence/1", "", ALERT_RESOLVED);
		assert_int_equal(ends, turn == 0);
		assert_false(
			tell(&alert, turn + 1, "wrong", "A/churn.silence/1", "", ALERT_RESOLVED));
		assert_true(alert.useful_count == 0 && alert.wrong_count == 1);
		assert_int_equal(alert.cool_until_ms, now_ms + (turn + 60) * MS_PER_DAY);
	}
	assert_false(alert_life_answer(before, alert.answers, &answer)); /* of no known reason */
	assert_false(tell(&alert, 3, "useful", "A/churn.silence/1", "", ALERT_RESOLVED));
	assert_int_equal(alert.cool_until_ms, now_ms + (3 + 14) * MS_PER_DAY);
}

static void answers_are_kept_of_the_last_alerts(void **state)
{
	(void)state;
	struct alert_state alert = { 0 };
	char id[ALERT_ID_MAX];
	for (int32_t i = 1; i <= ALERT_ANSWERS_MAX + 3; i++) {
		enum alert_status status;
		const struct alert_view view = { .at_ms = now_ms + 30 * i * MS_PER_DAY,
						 .probability = 0.9,
						 .open = 0.5,
						 .close = 0.3,
						 .rule = ALERT_RULE_RISK,
						 .lead = 1 + i % (GROUP_COUNT - 1),
						 .may_open = true };
		assert_true(alert_life_step(&alert, &view, &status));
		assert_true(step(&alert, 30 * i + 1, 0.1, SEVERITY_LOW, ALERT_RESOLVED));
	}
	for (int32_t i = 1; i <= ALERT_ANSWERS_MAX + 3; i++) {
		struct alert_answer answer = { 0 };
		uint64_t before = alert.answers;
		snprintf(id, sizeof id, "A/churn.risk/%d", i);
		assert_false(tell(&alert, 900, "wrong", id, "", ALERT_RESOLVED));
		assert_int_equal(alert_life_answer(before, alert.answers, &answer), i > 3);
		assert_int_equal(alert.wrong_count, i > 3 ? i - 3 : 0);
		assert_int_equal(answer.reason, i > 3 ? 1 + i % (GROUP_COUNT - 1) : 0);
		assert_true(answer.useful == 0 && answer.wrong == (i > 3));
		before = alert.answers;
		assert_false(tell(&alert, 901, "useful", id, "", ALERT_RESOLVED));
		assert_int_equal(alert_life_answer(before, alert.answers, &answer), i > 3);
		assert_true(answer.wrong == -(i > 3) && answer.useful == (i > 3));
		assert_false(tell(&alert, 902, "wrong", id, "", ALERT_RESOLVED));
	}
}

/* Few answers say little, many of one reason tell of that reason, and nothing opens earlier. */
static void trust_is_lost_by_reason(void **state)
{
	(void)state;
	struct trust trust = { .useful = { 0 } };
	assert_true(trust_open(&trust, GROUP_PRICE, 0.25) == 0.25);
	trust_add(&trust, GROUP_PRICE, 0, 1);
	double once = trust_open(&trust, GROUP_PRICE, 0.25);
	assert_true(once > 0.25 && once < 0.31);
	for (int i = 0; i < 50; i++) {
		trust_add(&trust, GROUP_PRICE, 0, 1);
		trust_add(&trust, GROUP_SERVICE, 1, 0);
	}
	double price = trust_open(&trust, GROUP_PRICE, 0.25);
	assert_true(price > 0.5 && price <= 4.0 / (4 + 3) + 1e-12); /* odds of 4 x 1/3 */
	assert_true(trust_open(&trust, GROUP_SERVICE, 0.25) == 0.25);
	double usage = trust_open(&trust, GROUP_USAGE, 0.25); /* as all together, which is even */
	assert_true(usage >= 0.25 && usage < 0.26);
	trust_add(&trust, GROUP_PRICE, 0, -60);
	assert_true(trust.wrong[GROUP_PRICE] == 0 && trust_is_valid(&trust));
	trust.wrong[GROUP_PRICE] = -1;
	assert_false(trust_is_valid(&trust));
}

/* An account goes into another one. */
static void an_alert_moves_under_its_rule(void **state)
{
	(void)state;
	struct alert_state from = { 0 }, into = { .episode = 4, .wrong_count = 2 };
	const struct alert_state closed = { 0 };
	assert_false(alert_life_leave(&from));
	assert_true(step(&from, 1, 0.8, SEVERITY_HIGH, ALERT_OPENED));
	from.rule = ALERT_RULE_RISK;
	struct alert_state left = from;
	assert_true(alert_life_leave(&left));
	assert_true(!left.open && left.rule == ALERT_RULE_RISK && left.revision == 1);
	assert_false(alert_life_take_over(&into, &closed, 0.8, 0.3));
	assert_false(alert_life_take_over(&into, &from, 0.29, 0.3)); /* it would end at once */
	assert_int_equal(into.episode, 4);
	assert_true(alert_life_take_over(&into, &from, 0.3, 0.3));
	assert_int_equal(into.episode, 5);
	assert_int_equal(into.rule, ALERT_RULE_RISK);
	assert_int_equal(into.opened_ms, now_ms + MS_PER_DAY);
	assert_int_equal(into.wrong_count, 2);
	assert_false(alert_life_take_over(&into, &from, 0.9, 0.3)); /* one is open */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contributions_add_up_to_the_bit),
		cmocka_unit_test(slopes_are_those_of_the_margin),
		cmocka_unit_test(causes_add_up),
		cmocka_unit_test(odd_numbers_of_use_and_seats_are_borne),
		cmocka_unit_test(what_tells_is_told_first),
		cmocka_unit_test(only_what_matters_is_told),
		cmocka_unit_test(silence_is_added_as_a_probability),
		cmocka_unit_test(what_is_there_is_learnt_and_noise_is_refuted),
		cmocka_unit_test(what_was_learnt_comes_back_from_bytes),
		cmocka_unit_test(what_an_earlier_version_learnt_is_read),
		cmocka_unit_test(trees_see_what_sums_do_not),
		cmocka_unit_test(trees_challenge_where_they_are_better),
		cmocka_unit_test(two_halves_merge_to_the_whole),
		cmocka_unit_test(silence_counts_by_its_own_rhythm),
		cmocka_unit_test(a_region_is_seen_as_it_was_at_an_offset),
		cmocka_unit_test(absurd_payloads_spoil_nothing),
		cmocka_unit_test(a_model_judges_from_its_record_on),
		cmocka_unit_test(a_brought_model_is_held),
		cmocka_unit_test(an_alert_lives),
		cmocka_unit_test(the_last_word_counts),
		cmocka_unit_test(answers_are_kept_of_the_last_alerts),
		cmocka_unit_test(trust_is_lost_by_reason),
		cmocka_unit_test(an_alert_moves_under_its_rule),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
