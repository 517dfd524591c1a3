/* Opportunities: when they open and end, that they are one conversation with warnings, and what a
 * purchase's probability is. */
#include <inttypes.h>
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
#include "base/dmath.h"
#include "base/hash.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/account_features.h"
#include "consumers/account_merge.h"
#include "consumers/churn.h"
#include "consumers/examples.h"
#include "consumers/gather.h"
#include "consumers/learn.h"
#include "consumers/model_shelf.h"
#include "consumers/risk.h"
#include "models/bgnbd.h"

static const int64_t start_ms = INT64_C(1700000000000);
static const struct opportunity_options options = { .open = 0.55, .close = 0.35 };

/* The last alert that was said, and how many were. */
struct heard {
	struct bus bus;
	struct registry *registry;
	struct effects *effects;
	int count, examples, scores;
	struct alert alert;
	struct model_shelf shelf;   /* of the models that were said */
	int64_t example_count;	    /* of the last */
	struct example_facts facts; /* of the last example */
	struct example answer;	    /* the last, and as a lesson; without their texts */
	struct lesson lesson;
	char rule_version[8];
	char id[ALERT_ID_MAX], code[32], text[REASON_TEXT_MAX + 1], text_zh[REASON_TEXT_MAX + 1];
};

static void keep(char *to, size_t size, struct bytes text)
{
	snprintf(to, size, "%.*s", (int)text.len, (const char *)text.data);
}

static struct err *hear(struct bus *bus, const struct outgoing *out)
{
	struct heard *heard = (struct heard *)(void *)bus;
	struct model_record model;
	if (strcmp(out->topic, "test.models") == 0) {
		assert_null(registry_decode(heard->registry, &model_type, out->value, &model));
		model.is_active = true;
		heard->example_count = model.example_count;
		assert_true(dm_is_finite(model.log_loss));
		model_shelf_add(&heard->shelf, &model, heard->count++);
		return NULL;
	}
	struct example example;
	if (strcmp(out->topic, "test.examples") == 0) {
		assert_null(registry_decode(heard->registry, &example_type, out->value, &example));
		heard->examples++;
		heard->answer = example;
		if (example.features.len > 0)
			assert_true(examples_unpack(example.features, &heard->facts));
		return NULL;
	}
	if (strcmp(out->topic, "test.lessons") == 0) {
		assert_null(
			registry_decode(heard->registry, &lesson_type, out->value, &heard->lesson));
		return NULL;
	}
	heard->scores += strcmp(out->topic, "test.scores") == 0;
	if (strcmp(out->topic, "test.alerts") != 0)
		return NULL;
	assert_null(registry_decode(heard->registry, &alert_type, out->value, &heard->alert));
	heard->count++;
	keep(heard->id, sizeof heard->id, heard->alert.alert_id);
	keep(heard->rule_version, sizeof heard->rule_version, heard->alert.rule_version);
	if (heard->alert.reason_count > 0) {
		keep(heard->code, sizeof heard->code, heard->alert.reasons[0].code);
		keep(heard->text, sizeof heard->text, heard->alert.reasons[0].text);
		keep(heard->text_zh, sizeof heard->text_zh, heard->alert.reasons[0].text_zh);
	}
	double sum = heard->alert.base_margin;
	for (size_t i = 0; i < heard->alert.reason_count; i++)
		sum += heard->alert.reasons[i].contribution;
	if (heard->alert.horizon_days == OPPORTUNITY_DAYS)
		assert_true(fabs(sum - heard->alert.margin) < 1e-12);
	return NULL;
}

static void hearing(struct heard *heard)
{
	static const struct bus_ops ops = { .produce = hear };
	*heard = (struct heard){ .bus = { &ops } };
	assert_null(registry_open(NULL, &heard->registry));
	heard->effects = effects_new("test", heard->registry);
}

static void hear_all(struct heard *heard)
{
	assert_null(effects_produce(heard->effects, &heard->bus));
	effects_clear(heard->effects);
}

static void deaf(struct heard *heard)
{
	effects_free(&heard->effects);
	registry_close(&heard->registry);
}

static int64_t day(double days)
{
	return start_ms + (int64_t)(days * (double)MS_PER_DAY);
}

static bool judge(struct heard *heard, double at, bool may_open, struct account_state *state)
{
	const struct churn_occasion occasion = { day(at), day(at), bytes_of(NULL, 0), NULL };
	bool said = opportunity_judge(&options, bytes_str("A"), &occasion, may_open, state,
				      heard->effects);
	hear_all(heard);
	return said;
}

/* An order every `gap` days, from day 0 on. */
static struct account_state orders_every(double gap, int count)
{
	struct account_state state = { .event_count = 1, .first_ms = day(0), .last_ms = day(0) };
	for (int i = 0; i < count; i++)
		buyer_update(&state.buyer, day(gap * i), 1000, 1);
	return state;
}

/* An order of some lines, as the account stage counts it. */
static void order(struct account_state *state, double at, const char *const *products)
{
	struct source_event event = { .event_id = bytes_str("e"),
				      .type = bytes_str("erp.order"),
				      .event_ms = day(at) };
	buyer_update(&state->buyer, event.event_ms, 1000, 1);
	usual_products_add(&state->relationship.usual, &event, state->buyer.order_count);
	event.type = bytes_str("erp.order.line");
	event.has_erp = event.erp.has_line = true;
	for (; *products != NULL; products++) {
		event.erp.line.sku = bytes_str(*products);
		usual_products_add(&state->relationship.usual, &event, state->buyer.order_count);
	}
}

/* What is kept of a long name ends between two characters: no text may be half of one. */
static void a_long_product_is_cut_between_characters(void **context)
{
	(void)context;
	for (int ascii = PRODUCT_LEN_MAX - 4; ascii <= PRODUCT_LEN_MAX; ascii++) {
		char name[PRODUCT_LEN_MAX + 16];
		memset(name, 'x', sizeof name);
		snprintf(name + ascii, sizeof name - (size_t)ascii, "€€€");
		struct account_state state = orders_every(10, 1);
		order(&state, 10, (const char *const[]){ name, NULL });
		const struct usual_product *kept = &state.relationship.usual.products[0];
		assert_int_equal(state.relationship.usual.count, 1);
		assert_int_equal(kept->len, ascii + (PRODUCT_LEN_MAX - ascii) / 3 * 3);
		assert_memory_equal(kept->name, name, kept->len);
	}
}

/* The account orders bolts nearly always, and other things now and then. */
static void a_product_is_missed_once(void **context)
{
	(void)context;
	static const char *const with[] = { "bolts", "tape", NULL }, *const more[] = {
		"bolts", "glue", "saw", "oil", NULL
	};
	static const char *const without[] = { "tape", NULL };
	struct heard heard;
	struct account_state state = { .event_count = 1, .first_ms = day(0), .last_ms = day(0) };
	struct relationship_record record;
	hearing(&heard);
	for (int i = 0; i < 8; i++)
		order(&state, 4.0 * i, i % 3 == 2 ? more : with); /* too often for PURCHASE_DUE */
	assert_false(judge(&heard, 30, true, &state));
	order(&state, 32, without);
	assert_false(judge(&heard, 32.5, true, &state)); /* its lines may still come */
	assert_true(opportunity_due_ms(&state, day(32.5)) > day(33));
	assert_true(opportunity_due_ms(&state, day(32.5)) < day(33.1));
	assert_true(judge(&heard, 33.5, true, &state));
	assert_string_equal(heard.code, "PRODUCT");
	assert_string_equal(heard.text, "usually orders bolts, in at least 75 % of its orders; the "
					"last one, 2 days ago, was without it");
	order(&state, 36, with);
	assert_true(judge(&heard, 37.5, true, &state));
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	order(&state, 38, with);
	order(&state, 39, with);
	order(&state, 40, without);
	/* kept with the account */
	relationship_to_record(&state.relationship, &record);
	struct relationship copy = { 0 };
	relationship_from_record(&record, &copy);
	assert_int_equal(copy.usual.count, state.relationship.usual.count);
	state.relationship = copy;
	assert_true(judge(&heard, 41.5, true, &state));
	assert_false(judge(&heard, 88, false, &state) && heard.alert.status == ALERT_OPENED);
	assert_false(judge(&heard, 89, true, &state)); /* of this order it was said */
	deaf(&heard);
}

/* Two accounts that are one: both ordered bolts always, one of them tape, too. The days of both add
 * up, and so does that which they are a share of. */
static void usual_products_of_two_accounts_add_up(void **context)
{
	(void)context;
	static const char *const bolts[] = { "bolts", NULL }, *const both[] = { "bolts", "tape",
										NULL };
	static const char *const others[] = { "glue", NULL };
	struct account_state a = { .event_count = 1 }, b = { .event_count = 1 };
	double share;
	order(&a, 0, others);
	for (int i = 1; i < 7; i++)
		order(&a, 10.0 * i, bolts);
	order(&b, 1, others);
	order(&b, 2, others);
	for (int i = 0; i < 5; i++)
		order(&b, 3 + 10.0 * i, both);
	account_state_merge(&a, &b);
	const struct usual_products *usual = &a.relationship.usual;
	assert_int_equal(usual->count, 3);
	assert_int_equal(usual->products[0].order_count, 11);
	order(&a, 70, others);
	/* a ordered 6 times since bolts first came, b 5 times, and the last time without */
	const struct usual_product *missing =
		usual_products_missing(usual, a.buyer.last_ms, a.buyer.order_count, &share);
	assert_non_null(missing);
	assert_memory_equal(missing->name, "bolts", 5);
	assert_true(share == 1);
	/* tape was in 5 of 12: not usual, whichever account the other one went into */
	struct account_state c = { .event_count = 1 }, d = { .event_count = 1 };
	for (int i = 0; i < 7; i++)
		order(&c, 10.0 * i, bolts);
	for (int i = 0; i < 5; i++)
		order(&d, 3 + 10.0 * i, both);
	account_state_merge(&d, &c);
	order(&d, 70, bolts);
	assert_null(usual_products_missing(&d.relationship.usual, d.buyer.last_ms,
					   d.buyer.order_count, &share));
}

/* More products than there are places for: none is counted too often, and the frequent ones stay.
 */
static void merged_products_are_never_counted_too_often(void **context)
{
	(void)context;
	struct account_state a = { .event_count = 1 }, b = { .event_count = 1 };
	for (int i = 0; i < 20; i++) {
		char name[8];
		snprintf(name, sizeof name, "p%d", i % 3);
		order(&a, i, (const char *const[]){ "nuts", i < 12 ? name : "nuts", NULL });
		snprintf(name, sizeof name, "q%d", i % 3);
		order(&b, i, (const char *const[]){ "nuts", i < 9 ? name : "nuts", NULL });
	}
	account_state_merge(&a, &b);
	const struct usual_products *usual = &a.relationship.usual;
	assert_int_equal(usual->count, USUAL_PRODUCTS_MAX);
	assert_memory_equal(usual->products[0].name, "nuts", 4);
	assert_int_equal(usual->products[0].order_count, 40 - 3);
	for (size_t i = 1; i < usual->count; i++)
		assert_int_equal(usual->products[i].order_count, 4 - 3);
}

/* What comes in less than a fifth of the lines is not kept as usual. */
static void a_product_of_many_is_not_usual(void **context)
{
	(void)context;
	struct account_state state = { .event_count = 1, .first_ms = day(0), .last_ms = day(0) };
	char names[40][8];
	double share;
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof names[i], "p%d", i);
		const char *const products[] = { names[i], i % 7 == 0 ? "rare" : names[i], NULL };
		order(&state, i, products);
	}
	assert_null(usual_products_missing(&state.relationship.usual, state.buyer.last_ms,
					   state.buyer.order_count, &share));
}

static void an_order_is_due_once(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = orders_every(20, 12); /* the last one on day 220 */
	hearing(&heard);
	assert_false(judge(&heard, 239, true, &state));
	assert_true(opportunity_due_ms(&state, day(239)) > day(239.9));
	assert_false(judge(&heard, 241, false, &state));
	assert_true(judge(&heard, 241, true, &state));
	assert_string_equal(heard.id, "A/opportunity/1");
	assert_string_equal(heard.code, "PURCHASE_DUE");
	assert_string_equal(heard.text, "an order is due: every 20 days on average, the last one "
					"was 21 days ago");
	assert_true(strlen(heard.text_zh) > 10);
	assert_int_equal(heard.alert.status, ALERT_OPENED);
	assert_false(judge(&heard, 243, true, &state));
	buyer_update(&state.buyer, day(244), 1000, 1);
	assert_true(judge(&heard, 244, true, &state));
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	assert_int_equal(state.alert.cool_until_ms, 0); /* it delays no warning */
	assert_true(judge(&heard, 265, true, &state));
	assert_string_equal(heard.id, "A/opportunity/2");
	/* it never comes: the account is given up, and nothing is said of that order again */
	assert_true(judge(&heard, 400, true, &state));
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	state.buyer.decay_ms = state.buyer.last_ms;
	assert_false(judge(&heard, 265.5, true, &state));
	deaf(&heard);
}

static void some_rhythms_need_no_reminder(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state daily = orders_every(2, 50), rare = orders_every(90, 8),
			     fresh = orders_every(20, 3);
	hearing(&heard);
	for (int at = 1; at < 900; at++) {
		if (at > 98)
			assert_false(judge(&heard, at, true, &daily));
		if (at > 630)
			assert_false(judge(&heard, at, true, &rare));
		if (at > 40)
			assert_false(judge(&heard, at, true, &fresh));
	}
	deaf(&heard);
}

static void use(struct account_state *state, double at, int64_t active)
{
	struct source_event event = { .type = bytes_str("product.feature"),
				      .event_ms = day(at),
				      .has_marketing = true };
	event.marketing.has_feature = event.marketing.feature.has_use_count =
		event.marketing.feature.has_seats_active = true;
	event.marketing.feature.use_count = 30;
	event.marketing.feature.seats_active = active;
	account_features_add(&state->relationship.features, &event);
}

static void a_plan_comes_to_its_limit_once(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = { .event_count = 1 };
	hearing(&heard);
	features_seats(&state.relationship.features, day(0), 10);
	for (int at = 0; at < 40; at++)
		use(&state, at, 5);
	assert_false(judge(&heard, 40, true, &state));
	for (int at = 40; at < 140; at++)
		use(&state, at, 10);
	assert_true(judge(&heard, 140, true, &state));
	assert_string_equal(heard.code, "PLAN_LIMIT");
	features_seats(&state.relationship.features, day(141), 20);
	for (int at = 141; at < 200; at++)
		use(&state, at, 10);
	assert_true(judge(&heard, 200, true, &state));
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	features_seats(&state.relationship.features, day(201), 10);
	for (int at = 201; at < 300; at++)
		use(&state, at, 10);
	assert_false(judge(&heard, 300, true, &state)); /* said of ten seats before */
	features_seats(&state.relationship.features, day(301), 9);
	assert_true(judge(&heard, 301, true, &state));
	deaf(&heard);
}

static void a_trial_goes_well(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = { .event_count = 1 };
	struct source_event event = { .type = bytes_str("product.trial"),
				      .event_ms = day(0),
				      .has_marketing = true };
	hearing(&heard);
	event.marketing.has_subscription = event.marketing.subscription.has_trial_ends_ms = true;
	event.marketing.subscription.trial_ends_ms = day(14);
	account_features_add(&state.relationship.features, &event);
	for (int at = 0; at < 10; at++)
		use(&state, at, 1);
	assert_false(judge(&heard, 2, true, &state)); /* it has only begun */
	assert_true(judge(&heard, 10, true, &state));
	assert_string_equal(heard.code, "TRIAL");
	assert_true(judge(&heard, 15, true, &state));
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	deaf(&heard);
}

static void interest_is_measured_by_its_own_usual(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = { .event_count = 1 };
	struct source_event event = { .type = bytes_str("marketing.visit"), .has_marketing = true };
	hearing(&heard);
	event.marketing.has_visit = true;
	event.marketing.visit.page = bytes_str("/docs");
	for (int at = 0; at < 200; at++) {
		event.event_ms = day(at);
		account_features_add(&state.relationship.features, &event);
	}
	assert_false(judge(&heard, 200, true, &state));
	event.marketing.visit.page = bytes_str("/en/pricing?plan=large");
	for (int at = 0; at < 14; at++) {
		event.event_ms = day(200 + at);
		account_features_add(&state.relationship.features, &event);
	}
	assert_true(judge(&heard, 214, true, &state));
	assert_string_equal(heard.code, "INTEREST");
	deaf(&heard);
}

static void tell(struct heard *heard, const char *verdict, const char *id, double at,
		 struct account_state *state)
{
	const struct source_event event = { .attr_count = 2,
					    .attrs = { { bytes_str("alert_id"), bytes_str(id) },
						       { bytes_str("verdict"),
							 bytes_str(verdict) } } };
	const struct churn_occasion occasion = { day(at), day(at), bytes_str("e"), NULL };
	(void)opportunity_feedback(bytes_str("A"), &occasion, &event, state, heard->effects);
	hear_all(heard);
}

static void what_is_said_of_it_does_not_count_for_warnings(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = orders_every(20, 12);
	hearing(&heard);
	assert_true(judge(&heard, 241, true, &state));
	tell(&heard, "wrong", "A/opportunity/1", 242, &state);
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	assert_int_equal(state.alert.wrong_count, 0);
	assert_int_equal(state.alert.cool_until_ms, 0);
	assert_false(judge(&heard, 243, true, &state));
	deaf(&heard);
}

/* A model that sees no difference: every margin is this. */
static void all_alike(struct hazard_model *model, double margin)
{
	memset(model->weights, 0, sizeof model->weights);
	for (int i = 0; i < HAZARD_CAUSE_COUNT; i++)
		model->weights[FEATURE_COUNT + i] = i == 0 ? margin : -60;
}

/* An account of which more is known: a warning ends the opportunity, and none opens beside it. */
static void a_warning_takes_the_conversation_over(void **context)
{
	(void)context;
	struct heard heard;
	struct account_state state = orders_every(20, 12);
	struct surroundings around = { 0 };
	struct hazard_model model;
	struct risk_options risk = { .open = 0.3, .close = 0.2, .opportunity = options };
	struct risk_occasion occasion = {
		.ingest_ms = day(241), .at_ms = day(241), .around = &around, .model = &model
	};
	hearing(&heard);
	hazard_prior(&model);
	for (int i = 0; i < 12; i++)
		features_add(&state.relationship.features, SIGNAL_ORDER, day(20 * i), 1);
	state.last_ms = day(220);
	all_alike(&model, -4);
	assert_true(risk_judge(&risk, bytes_str("A"), &occasion, &state, heard.effects));
	hear_all(&heard);
	assert_string_equal(heard.id, "A/opportunity/1");
	all_alike(&model, 1);
	occasion.at_ms = day(242);
	int before = heard.count;
	assert_true(risk_judge(&risk, bytes_str("A"), &occasion, &state, heard.effects));
	hear_all(&heard);
	assert_int_equal(heard.count - before, 2); /* RESOLVED, then OPENED */
	assert_string_equal(heard.id, "A/churn.risk/2");
	assert_int_equal(heard.alert.status, ALERT_OPENED);
	occasion.at_ms = day(243);
	assert_false(risk_judge(&risk, bytes_str("A"), &occasion, &state, heard.effects));
	deaf(&heard);
}

/* Expected values by integrating the paper's likelihood numerically, in another program. */
static void a_purchase_has_its_probability(void **context)
{
	(void)context;
	const struct bgnbd model = bgnbd_prior();
	const struct bgnbd_history history = { 2, 30.43 * 7, 38.86 * 7 };
	assert_true(fabs(bgnbd_alive(&model, &history) - 0.726578570) < 1e-6);
	assert_true(fabs(bgnbd_buys(&model, &history, 30) - 0.138693774) < 1e-6);
	const struct bgnbd_history fresh = { 0, 0, 100 };
	assert_true(bgnbd_alive(&model, &fresh) == 1);
}

/* A rate of gamma(2) / 60 days, by two exponentials; leaving one time in nine. */
static struct bgnbd_history history_draw(struct prng *random)
{
	double rate = (prng_exponential(random, 1) + prng_exponential(random, 1)) / 60, at = 0;
	struct bgnbd_history history = { 0, 0, 100 + 300 * prng_uniform(random) };
	while ((at += prng_exponential(random, 1 / rate)) < history.age_days) {
		history.repeats++;
		history.recent_days = at;
		if (prng_chance(random, 1.0 / 9))
			break;
	}
	return history;
}

/* Customers of other habits than the prior's: their numbers are found again, and the slopes are the
 * likelihood's differences. */
static void habits_are_learnt(void **context)
{
	(void)context;
	const struct bgnbd model = { 2, 60, 1.5, 12 };
	const struct bgnbd_history some[] = { { 0, 0, 90 }, { 3, 70, 200 }, { 25, 400, 410 } };
	for (size_t i = 0; i < 3; i++) {
		double slopes[4], at = bgnbd_likelihood(&model, &some[i], slopes), step = 1e-6;
		const struct bgnbd moved[4] = { { 2 * exp(step), 60, 1.5, 12 },
						{ 2, 60 * exp(step), 1.5, 12 },
						{ 2, 60, 1.5 * exp(step), 12 },
						{ 2, 60, 1.5, 12 * exp(step) } };
		for (int k = 0; k < 4; k++) {
			double there = bgnbd_likelihood(&moved[k], &some[i], NULL);
			assert_true(fabs((there - at) / step - slopes[k]) < 1e-3);
		}
	}
	struct bgnbd_learner learner;
	struct prng random = prng_new(8, 8);
	bgnbd_learner_init(&learner);
	for (int i = 0; i < 4000; i++) {
		struct bgnbd_history history = history_draw(&random);
		bgnbd_learn(&learner, &history);
	}
	assert_true(learner.prior_loss - learner.loss > 0.1 * learner.weight);
	assert_true(bgnbd_is_valid(&learner.model));
	double usual = learner.model.r / learner.model.alpha_days;
	assert_true(usual > 0.8 * 2 / 60 && usual < 1.2 * 2 / 60);
	double leaves = learner.model.a / (learner.model.a + learner.model.b);
	assert_true(leaves > 0.07 && leaves < 0.16);
	/* of frequent buyers each likelihood is far off, which one is better is not */
	bgnbd_learner_init(&learner);
	for (int i = 0; i < 500; i++) {
		const struct bgnbd_history often = { 80 + i % 9, 700, 703 };
		bgnbd_learn(&learner, &often);
	}
	assert_true(bgnbd_learnt(&learner).r > 1);
}

/* Of one in eight, by its name, the learn stage hears every 91 days what it bought; not of others.
 */
static void buyers_are_examples_too(void **context)
{
	(void)context;
	struct heard heard;
	struct churn_rule rule;
	const struct churn_options never = { .open = 0.99, .close = 0.98, .order_count_min = 1000 };
	int told = 0;
	hearing(&heard);
	churn_rule_init(&rule, &never);
	for (int i = 0; i < 160; i++) {
		struct account_state state = orders_every(20, 12); /* from day 0 to 220 */
		char name[16];
		snprintf(name, sizeof name, "B-%d", i);
		heard.examples = 0;
		for (int at = 221; at < 221 + 2 * 91; at++) {
			const struct churn_occasion silence = { day(at), day(at), bytes_of(NULL, 0),
								NULL };
			(void)churn_judge(&rule, bytes_str(name), &silence, &state, heard.effects);
			hear_all(&heard);
		}
		if (heard.examples == 0)
			continue;
		told++;
		assert_true(heard.examples == 2 || heard.examples == 4); /* each with its outcome */
		assert_false(examples_are_known(&heard.facts));
		assert_true(heard.facts.history.repeats == 11 &&
			    heard.facts.history.recent_days == 220);
	}
	assert_true(told > 8 && told < 36);
	deaf(&heard);
}

/* A state of the learn stage, read back from its bytes, has the same ones. */
static void goes_through_bytes(const struct processor *learn, void *state)
{
	const struct state_kind *kind = &learn->kinds[0];
	static uint8_t kept[OUTPUT_LEN_MAX], again[OUTPUT_LEN_MAX];
	struct bytes key = bytes_str(examples_key);
	size_t len = 0, again_len = 0;
	assert_null(kind->encode(learn->context, "test.learn.meta", key, state, kept, &len));
	memset(state, 0, kind->state_size);
	assert_null(kind->decode(learn->context, bytes_of(kept, len), state));
	assert_null(kind->encode(learn->context, "test.learn.meta", key, state, again, &again_len));
	assert_int_equal(len, again_len);
	assert_memory_equal(kept, again, len);
}

/* A waiting example of an earlier version, which kept no history, is a lesson of its features; one
 * of other features is none, though its due time stands beside it. */
static void what_waits_of_an_earlier_version_is_a_lesson(void **context)
{
	(void)context;
	struct heard heard;
	hearing(&heard);
	struct gather_stage *stage = gather_stage_new(1, heard.registry);
	const struct processor gather = gather_processor(stage);
	const struct state_kind *kind = &gather.kinds[0];
	static const uint8_t zeros[EXAMPLE_BYTES];
	static uint8_t kept[OUTPUT_LEN_MAX];
	void *state = check_calloc(1, kind->state_size);
	struct bytes key = bytes_str("A/19000");
	for (size_t less = 0; less <= 16; less += 4) {
		bool is_one = less == 0 || less == 12;
		struct example_facts facts;
		const struct gathered record = { .at_ms = day(0),
						 .due_ms = day(135),
						 .features = bytes_of(zeros, sizeof zeros - less),
						 .outcome = 1 };
		size_t len = 0;
		bool must_publish = false;
		assert_null(registry_encode(heard.registry, "test.gather.meta", &gathered_type,
					    &record, kept, sizeof kept, &len));
		assert_null(kind->decode(gather.context, bytes_of(kept, len), state));
		assert_int_equal(kind->due(state), is_one ? day(135) : TIME_NONE);
		assert_int_equal(examples_unpack(record.features, &facts), is_one);
		assert_true(!is_one || facts.history.repeats == (less == 0 ? 0 : -1));
		kind->fire(gather.context, NULL, key, day(135), state, heard.effects,
			   &must_publish);
		assert_int_equal(effects_count(heard.effects), is_one);
		effects_clear(heard.effects);
	}
	free(state);
	gather_stage_free(&stage);
	deaf(&heard);
}

/* Through the learn stage: what it learnt of them comes with its model, also after its state went
 * through bytes, and an order is then as likely as with the true numbers. */
static void habits_come_with_the_model(void **context)
{
	(void)context;
	struct heard heard;
	hearing(&heard);
	struct learn_stage *stage = learn_stage_new(false, heard.registry);
	const struct processor learn = learn_processor(stage);
	const struct state_kind *kind = &learn.kinds[0];
	void *state = check_calloc(1, kind->state_size);
	uint8_t packed[EXAMPLE_BYTES];
	bool must_publish = false;
	struct prng random = prng_new(8, 8);
	struct bytes key = bytes_str(examples_key);
	for (int i = 0; i < 4000; i++) {
		struct example_facts facts = { .history = history_draw(&random) };
		if (i % 5 == 0)
			facts.history = (struct bgnbd_history){ .repeats = -1 };
		facts.features[FEATURE_LEVEL] = i % 2; /* else orders alone are known of it */
		examples_pack(&facts, packed);
		const struct lesson lesson = { .matured_ms = day(i / 100),
					       .features = bytes_of(packed, sizeof packed),
					       .ended = i % 20 == 0 };
		kind->apply(learn.context, NULL, &lesson, key, state, heard.effects, &must_publish);
		if (i == 2000)
			goes_through_bytes(&learn, state);
	}
	kind->fire(learn.context, NULL, key, day(42), state, heard.effects, &must_publish);
	hear_all(&heard);
	assert_int_equal(heard.count, 1);
	assert_int_equal(heard.example_count, 2000);
	const struct bgnbd *learnt = &heard.shelf.models[0].model.buys, truth = { 2, 60, 1, 8 },
			   prior = bgnbd_prior();
	const struct bgnbd_history some = { 0, 0, 200 };
	double expected = bgnbd_buys(&truth, &some, 30);
	assert_true(fabs(bgnbd_buys(learnt, &some, 30) - expected) < 0.05);
	assert_true(fabs(bgnbd_buys(&prior, &some, 30) - expected) > 0.1);
	free(state);
	learn_stage_free(&stage);
	deaf(&heard);
}

/* What people answer goes through gather and learn into the next version, and there moves what it
 * takes to warn. */
static void answers_are_learnt(void **context)
{
	(void)context;
	struct heard heard;
	hearing(&heard);
	struct gather_stage *gathers = gather_stage_new(1, heard.registry);
	struct learn_stage *learns = learn_stage_new(false, heard.registry);
	const struct processor gather = gather_processor(gathers), learn = learn_processor(learns);
	void *learning = check_calloc(1, learn.kinds[0].state_size);
	void *waiting = check_calloc(1, gather.kinds[0].state_size);
	struct bytes key = bytes_str(examples_key);
	bool must_publish = false;
	for (int i = 0; i < 40; i++) {
		struct account_state state = { .alert = { .answers = UINT64_C(2) | GROUP_PRICE
											   << 2 } };
		heard.lesson = (struct lesson){ .account = { NULL, 0 } };
		examples_answer(bytes_str("A"), day(i), GROUP_PRICE << 2, &state, heard.effects);
		hear_all(&heard);
		assert_int_equal(heard.answer.wrong, 1);
		gather.kinds[0].apply(gather.context, NULL, &heard.answer, key, waiting,
				      heard.effects, &must_publish);
		assert_int_equal(gather.kinds[0].due(waiting), day(i));
		gather.kinds[0].fire(gather.context, NULL, bytes_str("A/f19000"), day(i), waiting,
				     heard.effects, &must_publish);
		hear_all(&heard);
		assert_int_equal(heard.lesson.reason, GROUP_PRICE);
		learn.kinds[0].apply(learn.context, NULL, &heard.lesson, key, learning,
				     heard.effects, &must_publish);
		if (i == 20)
			goes_through_bytes(&learn, learning);
	}
	learn.kinds[0].fire(learn.context, NULL, key, day(42), learning, heard.effects,
			    &must_publish);
	hear_all(&heard);
	const struct trust *trust = &heard.shelf.models[0].model.trust;
	assert_true(trust->wrong[GROUP_PRICE] == 40 && trust->useful[GROUP_PRICE] == 0);
	assert_true(trust_open(trust, GROUP_PRICE, 0.25) > 0.5);
	free(learning);
	free(waiting);
	gather_stage_free(&gathers);
	learn_stage_free(&learns);
	deaf(&heard);
}

/* An account is looked at each day and falls silent: a score goes out where its band changes. */
static void a_score_goes_out_when_its_band_changes(void **context)
{
	(void)context;
	static const struct risk_options risk = { 0.25, 0.15, { 0, 0 } };
	struct heard heard;
	struct hazard_model model;
	const struct surroundings around = { 0 };
	struct account_state state = { .event_count = 30, .first_ms = day(0), .last_ms = day(29) };
	int changes = 0;
	hazard_prior(&model);
	hearing(&heard);
	for (int at = 0; at < 30; at++)
		use(&state, at, 5);
	for (int look = 0; look < 700; look++) {
		const struct risk_occasion occasion = { .at_ms = day(30 + look / 4.0),
							.around = &around,
							.model = &model };
		int32_t before = state.band;
		(void)risk_judge(&risk, bytes_str("A"), &occasion, &state, heard.effects);
		hear_all(&heard);
		changes += state.band != before;
		assert_int_equal(heard.scores, changes);
	}
	assert_true(changes >= 3 && changes < 12);
	deaf(&heard);
}

/* ---- a rule that changes has another version ------------------------------------------------ */

static void digest_add(uint64_t *digest, double number)
{
	*digest = hash_key64(bytes_of(&number, sizeof number), *digest);
}

/* Of all that opportunities are told by, in many states. */
static uint64_t opportunities_digest(struct heard *heard)
{
	static const char *const with[] = { "bolts", NULL }, *const without[] = { "tape", NULL };
	const struct bgnbd buys = bgnbd_prior();
	struct opportunity_score score;
	uint64_t digest = 0;
	for (int i = 0; i < 24; i++) {
		struct account_state state = orders_every(4 + 3 * (i % 8), 2 + i % 5);
		double last = (4 + 3 * (i % 8)) * (1 + i % 5);
		for (int k = 1; k < 5 + i % 3; k++)
			order(&state, last + 5 * k, k < 5 ? with : without);
		features_seats(&state.relationship.features, day(0), 2 + i);
		state.relationship.features.renewal_ms = i % 2 ? day(last + 60) : 0;
		for (int at = 0; at < 40; at++)
			use(&state, last + at, 1 + i);
		for (int at = 30; at < 100; at += 7) {
			opportunity_score(&state, &buys, day(last + at), &score);
			for (int part = 0; part < OPPORTUNITY_COUNT; part++)
				digest_add(&digest, score.parts[part]);
			digest_add(&digest, score.margin);
			(void)judge(heard, last + at, true, &state);
			digest_add(&digest, state.alert.open + 2 * state.alert.revision);
		}
	}
	return digest;
}

/* Of bands, severities, opening and ending of warnings, over all probabilities and answers. */
static uint64_t risks_digest(struct heard *heard)
{
	static const struct risk_options risk = { 0.25, 0.15, { 0, 0 } };
	const struct surroundings around = { 0 };
	struct hazard_model model;
	uint64_t digest = 0;
	hazard_prior(&model);
	for (int answers = 0; answers < 4; answers++) {
		struct account_state state = { .event_count = 30, .first_ms = day(-60) };
		for (int at = -60; at < 100; at++)
			use(&state, at, 5);
		for (int reason = GROUP_PEERS + 1; reason < GROUP_COUNT; reason++)
			trust_add(&model.trust, (enum feature_group)reason, 0, 2 * answers);
		for (int look = 0; look < 90; look++) {
			const struct risk_occasion occasion = { .at_ms = day(100 + look),
								.around = &around,
								.model = &model };
			all_alike(&model, (look % 30 - 20) / 3.0);
			state.relationship.features.sign_ms = occasion.at_ms;
			(void)risk_judge(&risk, bytes_str("A"), &occasion, &state, heard->effects);
			hear_all(heard);
			digest_add(&digest, state.band + 8 * state.alert.severity);
			digest_add(&digest, state.alert.open + 2 * state.alert.revision);
		}
	}
	return digest;
}

static void check_rule(const char *rule, const char *version, uint64_t digest,
		       const char *version_then, uint64_t digest_then)
{
	if (strcmp(version, version_then) != 0 || digest != digest_then)
		fail_msg("%s says other things (0x%" PRIx64
			 ") than version %s did: give it another "
			 "rule_version, and note both here (it says %s)",
			 rule, digest, version_then, version);
}

static void a_rule_that_changes_has_another_version(void **context)
{
	(void)context;
	struct heard heard;
	hearing(&heard);
	uint64_t digest = opportunities_digest(&heard);
	check_rule("opportunity", heard.rule_version, digest, "2", UINT64_C(0x743669ee6d81bac4));
	digest = risks_digest(&heard);
	check_rule("churn.risk", heard.rule_version, digest, "2", UINT64_C(0x57ebe65980be3183));
	deaf(&heard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_score_goes_out_when_its_band_changes),
		cmocka_unit_test(a_long_product_is_cut_between_characters),
		cmocka_unit_test(a_product_is_missed_once),
		cmocka_unit_test(a_product_of_many_is_not_usual),
		cmocka_unit_test(usual_products_of_two_accounts_add_up),
		cmocka_unit_test(merged_products_are_never_counted_too_often),
		cmocka_unit_test(a_rule_that_changes_has_another_version),
		cmocka_unit_test(an_order_is_due_once),
		cmocka_unit_test(some_rhythms_need_no_reminder),
		cmocka_unit_test(a_plan_comes_to_its_limit_once),
		cmocka_unit_test(a_trial_goes_well),
		cmocka_unit_test(interest_is_measured_by_its_own_usual),
		cmocka_unit_test(what_is_said_of_it_does_not_count_for_warnings),
		cmocka_unit_test(a_warning_takes_the_conversation_over),
		cmocka_unit_test(a_purchase_has_its_probability),
		cmocka_unit_test(habits_are_learnt),
		cmocka_unit_test(habits_come_with_the_model),
		cmocka_unit_test(answers_are_learnt),
		cmocka_unit_test(what_waits_of_an_earlier_version_is_a_lesson),
		cmocka_unit_test(buyers_are_examples_too),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
