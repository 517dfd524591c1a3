/* The simulated company: the same seed gives the same bytes, what is planted is what was counted,
 * good events are good and broken ones broken, and the frozen difficulty holds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "schemas/event_check.h"
#include "schemas/record_plan.h"
#include "schemas/registry.h"
#include "simulate/oracle.h"

enum { FUTURE_MS = 600000, SEEN_SLOTS = 1 << 17 };

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static struct simulate_options small(uint64_t seed)
{
	struct simulate_options options = simulate_defaults();
	options.seed = seed;
	options.account_count = 60;
	options.month_count = 3;
	return options;
}

/* ---- the same bytes ---- */

struct digest {
	uint64_t hash;
	int64_t count, last_ms;
};

static struct err *digest_send(void *context, const struct delivery *delivery)
{
	struct digest *digest = context;
	digest->hash = (digest->hash ^ hash_table64(delivery->value)) * UINT64_C(1099511628211) +
		       hash_table64(delivery->key) + (uint64_t)delivery->delivered_ms +
		       (uint64_t)delivery->feed;
	digest->count++;
	assert_true(delivery->delivered_ms >= digest->last_ms);
	digest->last_ms = delivery->delivered_ms;
	return NULL;
}

static struct digest digest_of(struct simulate_options options, struct simulate_result *result)
{
	struct digest digest = { .last_ms = INT64_MIN };
	options.sink = (struct post_sink){ digest_send, &digest };
	expect_ok(simulate_run(&options, result));
	return digest;
}

static void a_seed_gives_the_same_bytes(void **state)
{
	(void)state;
	struct simulate_result first, second, other;
	struct digest a = digest_of(small(3), &first), b = digest_of(small(3), &second);
	struct digest c = digest_of(small(4), &other);
	assert_true(a.count > 10000);
	assert_int_equal(a.count, b.count);
	assert_true(a.hash == b.hash);
	assert_memory_equal(&first, &second, sizeof first);
	assert_true(a.hash != c.hash);
}

/* What is planted and how it is delivered changes nothing of what happens. */
static void telling_does_not_change_the_company(void **state)
{
	(void)state;
	struct simulate_options plain = small(5), planted = small(5);
	struct simulate_result a, b;
	plain.unlinked = plain.duplicates = plain.late = plain.malformed = 0;
	plain.has_outages = plain.has_skew = false;
	planted.mislinked = 0.1;
	planted.duplicates = planted.late = 0.2;
	struct digest c = digest_of(plain, &a), d = digest_of(planted, &b);
	assert_true(c.hash != d.hash);
	assert_int_equal(a.account_days, b.account_days);
	assert_int_equal(a.left, b.left);
	assert_memory_equal(a.left_of, b.left_of, sizeof a.left_of);
	assert_int_equal(a.identities_unlinked + a.identities_mislinked, 0);
	assert_true(b.identities_mislinked > 0);
}

/* ---- what is planted ---- */

struct inspector {
	struct record_plan *plans[FEED_COUNT];
	struct registry *registry;
	struct post_counts counts[FEED_COUNT];
	uint64_t seen[SEEN_SLOTS];	 /* hashes of (feed, event id), 0: free */
	uint64_t seen_value[SEEN_SLOTS]; /* of the bytes that came with it */
	struct source_event event;
};

static size_t seen_slot(const struct inspector *inspector, enum feed feed, struct bytes id)
{
	uint64_t hash = (hash_table64(id) + (uint64_t)feed * 77) | 1;
	size_t slot = hash % SEEN_SLOTS;
	while (inspector->seen[slot] != 0 && inspector->seen[slot] != hash)
		slot = (slot + 1) % SEEN_SLOTS;
	return slot;
}

static void inspect_good(struct inspector *inspector, const struct delivery *delivery)
{
	struct post_counts *counts = &inspector->counts[delivery->feed];
	const struct source_event *event = &inspector->event;
	uint64_t hash = (hash_table64(event->event_id) + (uint64_t)delivery->feed * 77) | 1;
	size_t slot = seen_slot(inspector, delivery->feed, event->event_id);
	/* a repeat comes with the bytes of the event, and may come before it */
	if (inspector->seen[slot] == 0)
		inspector->seen_value[slot] = hash_table64(delivery->value);
	else
		assert_true(inspector->seen_value[slot] == hash_table64(delivery->value));
	inspector->seen[slot] = hash;
	counts->events += !delivery->is_duplicate;
	counts->duplicates += delivery->is_duplicate;
	counts->late +=
		!delivery->is_duplicate && delivery->delivered_ms - event->event_ms > MS_PER_HOUR;
	assert_true(bytes_equal(event->subject, delivery->key));
	assert_int_equal(event->event_ms, delivery->event_ms);
	assert_true(event->subject_scheme.len > 0);
	assert_int_equal(event->has_crm, delivery->feed == FEED_CRM);
}

static struct err *inspect(void *context, const struct delivery *delivery)
{
	struct inspector *inspector = context;
	if (delivery->is_raw) {
		const char *name;
		struct err *err = registry_record_name(inspector->registry, delivery->value, &name);
		assert_non_null(err);
		assert_int_equal(err_verdict(err), ERR_POISON);
		err_free(&err);
		inspector->counts[delivery->feed].malformed++;
		return NULL;
	}
	expect_ok(record_decode(inspector->plans[delivery->feed], delivery->value,
				&inspector->event));
	struct err *err = event_check(&inspector->event, delivery->delivered_ms, FUTURE_MS);
	assert_int_equal(err != NULL, delivery->is_malformed);
	err_free(&err);
	if (delivery->is_malformed)
		inspector->counts[delivery->feed].malformed++;
	else
		inspect_good(inspector, delivery);
	return NULL;
}

static struct inspector *inspector_new(void)
{
	struct inspector *inspector = check_calloc(1, sizeof *inspector);
	expect_ok(registry_open(NULL, &inspector->registry));
	for (int i = 0; i < FEED_COUNT; i++)
		expect_ok(record_plan_new(feed_facts[i].type,
					  record_own_text(feed_facts[i].type->name),
					  &inspector->plans[i]));
	return inspector;
}

static void inspector_free(struct inspector *inspector)
{
	for (int i = 0; i < FEED_COUNT; i++)
		record_plan_free(&inspector->plans[i]);
	registry_close(&inspector->registry);
	free(inspector);
}

static void near(double have, double share, double count)
{
	double error = 5 * sqrt(share * (1 - share) / count);
	if (fabs(have / count - share) > error)
		fail_msg("%g of %g, expected a share of %g", have, count, share);
}

static void what_is_counted_is_what_comes(void **state)
{
	(void)state;
	struct inspector *inspector = inspector_new();
	struct simulate_options options = small(6);
	struct simulate_result result;
	int64_t events = 0, duplicates = 0, malformed = 0;
	options.duplicates = 0.03;
	options.malformed = 0.01;
	options.sink = (struct post_sink){ inspect, inspector };
	expect_ok(simulate_run(&options, &result));
	for (int i = 0; i < FEED_COUNT; i++) {
		const struct post_counts *have = &inspector->counts[i], *told = &result.counts[i];
		assert_int_equal(have->events, told->events);
		assert_int_equal(have->duplicates, told->duplicates);
		assert_int_equal(have->malformed, told->malformed);
		assert_int_equal(have->late, told->late);
		assert_true(told->events > 0);
		events += told->events;
		duplicates += told->duplicates;
		malformed += told->malformed;
	}
	near((double)duplicates, options.duplicates, (double)events);
	near((double)malformed, options.malformed, (double)events);
	inspector_free(inspector);
}

static void nothing_is_planted_unless_asked_for(void **state)
{
	(void)state;
	struct simulate_options options = small(7);
	struct simulate_result result;
	options.unlinked = options.mislinked = options.duplicates = 0;
	options.late = options.malformed = 0;
	options.has_outages = options.has_skew = false;
	expect_ok(simulate_run(&options, &result));
	assert_int_equal(result.identities_unlinked + result.identities_mislinked, 0);
	for (int i = 0; i < FEED_COUNT; i++)
		assert_int_equal(result.counts[i].duplicates + result.counts[i].malformed +
					 result.counts[i].unlinked + result.counts[i].mislinked +
					 result.counts[i].held,
				 0);
}

static struct err *refuse(void *context, const struct delivery *delivery)
{
	(void)delivery;
	int *left = context;
	return --*left > 0 ? NULL : err_new(ERR_FATAL, "TEST_REFUSED", "enough");
}

static void a_sinks_error_ends_it(void **state)
{
	(void)state;
	int left = 500;
	struct simulate_options options = small(8);
	struct simulate_result result;
	options.sink = (struct post_sink){ refuse, &left };
	struct err *err = simulate_run(&options, &result);
	assert_non_null(err);
	assert_string_equal(err_code(err), "TEST_REFUSED");
	err_free(&err);
	assert_int_equal(left, 0);
}

/* ---- the frozen difficulty ---- */

/* Who leaves when, and why: the sum of it is frozen. Another number here is another company: then
 * docs/simulate.md's figures, and all that was ever judged on it, are to be made anew. */
static void the_company_is_frozen(void **state)
{
	(void)state;
	enum { ACCOUNTS = 300, DAYS = 500 };
	struct world *world = check_malloc(sizeof *world);
	struct customer *customers = check_calloc(ACCOUNTS, sizeof *customers);
	struct customer_day day;
	uint64_t sum = 0;
	int left = 0;
	world_init(world, 1, DAYS, 10);
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		customer_init(&customers[i], world, 1, i, DAYS);
	for (int today = 0; today < DAYS; today++) {
		if (today > 0)
			world_step(world);
		for (uint32_t i = 0; i < ACCOUNTS; i++) {
			if (!customers[i].is_active || today < customers[i].traits.first_day)
				continue;
			customer_step(&customers[i], world, &day);
			sum = sum * 31 + (uint64_t)day.order_count + (uint64_t)day.use_count;
			if (day.left) {
				sum = sum * 1000003 + (uint64_t)today * 8 + (uint64_t)day.cause;
				left++;
			}
		}
	}
	free(customers);
	free(world);
	printf("# %d left, sum %016llx\n", left, (unsigned long long)sum);
	assert_int_equal(left, 77);
	assert_true(sum == UINT64_C(0x09ab9a3b60bf39f7));
}

/* Small companies scatter, so that the bounds are held against several of them together. The whole
 * of docs/simulate.md's companies is what `foretell simulate --oracle` is for. */
static void the_difficulty_holds(void **state)
{
	(void)state;
	enum { SEEDS = 4 };
	struct oracle_report *report = check_malloc(sizeof *report), all = { 0 };
	double auc = 0, probability = 0, regions_low = 1, regions_high = 0;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct oracle_options options = { .seed = seed,
							.account_count = 400,
							.month_count = 10,
							.start_ms = simulate_defaults().start_ms,
							.future_count = 6 };
		expect_ok(oracle_run(&options, report));
		printf("# seed %d: %.2f %% a month, AUC %.3f, without a sign %.1f %%\n", (int)seed,
		       100 * oracle_monthly(&report->all), report->auc,
		       100 * oracle_unshown(report));
		assert_true(oracle_churn_holds(report));
		assert_true(oracle_unshown_holds(report));
		assert_true(report->auc > report->auc_today);
		auc += report->auc / SEEDS;
		probability += report->probability_mean;
		all.looks += report->looks;
		all.looks_left += report->looks_left;
		for (int i = 0; i < REGION_COUNT; i++) {
			double rate = oracle_monthly(&report->regions[i]);
			regions_low = rate < regions_low ? rate : regions_low;
			regions_high = rate > regions_high ? rate : regions_high;
		}
		/* who is warned of later is not warned of less */
		assert_true(report->warned[2][0] > report->warned[0][0]);
		assert_true(report->precision[0] > report->precision[2]);
	}
	assert_true(auc >= ORACLE_AUC_MIN && auc <= ORACLE_AUC_MAX);
	/* the oracle's probabilities are probabilities: within a quarter of what came */
	double came = (double)all.looks_left / (double)all.looks;
	assert_true(fabs(probability / SEEDS / came - 1) < 0.25);
	assert_true(regions_high > 2 * regions_low);
	free(report);
}

/* Causes interact: the same price gap costs more while a competitor offers less, and bad service
 * more where there is discontent. */
static void causes_interact(void **state)
{
	(void)state;
	struct world *world = check_malloc(sizeof *world);
	struct customer customer;
	double plain[CAUSE_COUNT], both[CAUSE_COUNT];
	world_init(world, 1, 300, 10);
	customer_init(&customer, world, 1, 0, 300);
	struct region *region = &world->regions[customer.traits.region];
	customer.price_gap = 5;
	customer.load = 1;
	customer.satisfaction = 0;
	customer_hazards(&customer, world, plain);
	region->promotion = 1;
	customer_hazards(&customer, world, both);
	assert_true(both[CAUSE_PRICE] > 2 * plain[CAUSE_PRICE]);
	assert_true(both[CAUSE_COMPETITOR] > 0 && plain[CAUSE_COMPETITOR] == 0);
	region->promotion = 0;
	customer.satisfaction = -1;
	customer_hazards(&customer, world, both);
	assert_true(both[CAUSE_SERVICE] > 1.5 * plain[CAUSE_SERVICE]);
	assert_true(both[CAUSE_OUTSIDE] == plain[CAUSE_OUTSIDE]);
	free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_gives_the_same_bytes),
		cmocka_unit_test(telling_does_not_change_the_company),
		cmocka_unit_test(what_is_counted_is_what_comes),
		cmocka_unit_test(nothing_is_planted_unless_asked_for),
		cmocka_unit_test(a_sinks_error_ends_it),
		cmocka_unit_test(the_company_is_frozen),
		cmocka_unit_test(causes_interact),
		cmocka_unit_test(the_difficulty_holds),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
