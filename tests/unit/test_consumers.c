/* consumers/: what an event must satisfy, a series' periods, the account's state as a record. */
#include <setjmp.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/account_merge.h"
#include "consumers/account_state.h"
#include "consumers/churn.h"
#include "consumers/topics.h"
#include "schemas/event_check.h"
#include "consumers/series_state.h"
#include "models/ranking.h"

static const int64_t now_ms = INT64_C(1700000000000);

static struct source_event good_event(void)
{
	return (struct source_event){
		.event_id = bytes_str("e1"),
		.source = bytes_str("test"),
		.type = bytes_str("erp.order"),
		.subject = bytes_str("A"),
		.event_ms = now_ms,
		.has_amount = true,
		.amount_minor = 1000,
		.currency = bytes_str("EUR"),
	};
}

static void expect_poison(const struct source_event *event, const char *code)
{
	struct err *err = event_check(event, now_ms, 600000);
	if (code == NULL) {
		assert_null(err);
		return;
	}
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_POISON);
	assert_string_equal(err_code(err), code);
	err_free(&err);
}

static void events_are_judged(void **state)
{
	(void)state;
	struct source_event event = good_event();
	expect_poison(&event, NULL);
	event.event_ms = now_ms + 600000;
	expect_poison(&event, NULL);
	event.event_ms++;
	expect_poison(&event, "TIME_FUTURE");
	event.event_ms = EVENT_MS_MIN - 1;
	expect_poison(&event, "TIME_ABSURD");
	event.event_ms = INT64_MAX;
	expect_poison(&event, "TIME_ABSURD");
	event = good_event();
	event.subject = bytes_str("");
	expect_poison(&event, "EVENT_FIELD");
	event = good_event();
	event.has_quantity = true;
	event.quantity = -1;
	expect_poison(&event, "QUANTITY_NEGATIVE");
	event = good_event();
	event.currency = bytes_str("eur");
	expect_poison(&event, "CURRENCY_INVALID");
	event.currency = bytes_of(NULL, 0);
	expect_poison(&event, "CURRENCY_INVALID");
	char key[KEY_LEN_MAX + 1];
	memset(key, 'k', sizeof key);
	event = good_event();
	event.subject = bytes_of(key, KEY_LEN_MAX);
	expect_poison(&event, NULL);
	event.subject = bytes_of(key, KEY_LEN_MAX + 1);
	expect_poison(&event, "EVENT_FIELD");
}

static void series_keys_come_apart_again(void **state)
{
	(void)state;
	uint8_t key[KEY_LEN_MAX];
	struct series_name name = { bytes_str("revenue.week.country"), bytes_str("GBP"),
				    bytes_str("a/b") },
			   back;
	struct bytes made = series_key(&name, key);
	assert_true(bytes_equal(made, bytes_str("revenue.week.country/GBP/a/b")));
	assert_true(series_key_split(made, &back));
	assert_true(bytes_equal(back.dimension, name.dimension));
	assert_true(bytes_equal(back.unit, name.unit));
	char longer[200];
	for (size_t i = 0; i < sizeof longer; i += 2)
		memcpy(longer + i, "\xc3\xa9", 2);
	name.dimension = bytes_of(longer + 1, sizeof longer - 1); /* cut between characters */
	made = series_key(&name, key);
	assert_true(series_key_split(made, &back));
	assert_int_equal(back.dimension.len, SERIES_DIMENSION_LEN_MAX - 1);
	assert_false(series_key_split(bytes_str("revenue.week"), &back));
	assert_false(series_key_split(bytes_str("revenue.week/EUR"), &back));
	assert_false(series_key_split(bytes_str(""), &back));
}

static void periods_close_in_order_and_are_corrected(void **state)
{
	(void)state;
	static struct series_table table;
	series_table_init(&table, NULL, 0);
	const struct calendar *day = &series_find(&table, bytes_str("revenue.day"))->calendar;
	static struct series_state series;
	memset(&series, 0, sizeof series);
	assert_int_equal(series_state_due(&series), TIME_NONE);
	assert_int_equal(series_state_add(&series, day, 10 * MS_PER_DAY, 5), SERIES_OPEN);
	assert_int_equal(series_state_add(&series, day, 8 * MS_PER_DAY, 3), SERIES_OPEN);
	assert_int_equal(series_state_add(&series, day, 10 * MS_PER_DAY, -1), SERIES_OPEN);
	assert_int_equal(series_state_due(&series), 9 * MS_PER_DAY);
	assert_int_equal(series_state_close(&series, day), 3);
	assert_int_equal(series_state_close(&series, day), 0);
	assert_int_equal(series_state_close(&series, day), 4);
	assert_int_equal(series_state_add(&series, day, 9 * MS_PER_DAY, 7), SERIES_CORRECTED);
	assert_int_equal(series.history[1], 7);
	/* the history grows backwards while it has room */
	assert_int_equal(series_state_add(&series, day, 6 * MS_PER_DAY, 5), SERIES_CORRECTED);
	assert_int_equal(series.history_count, 5);
	assert_int_equal(series.history[0], 5);
	assert_int_equal(series.history[1], 0);
	assert_int_equal(series.history[2], 3);
	assert_int_equal(series.history[3], 7);
	int64_t before = 6 - SERIES_HISTORY_MAX;
	assert_int_equal(series_state_add(&series, day, before * MS_PER_DAY, 7), SERIES_TOO_OLD);
	int64_t far = (11 + SERIES_OPEN_MAX) * MS_PER_DAY;
	assert_int_equal(series_state_add(&series, day, far, 7), SERIES_TOO_FAR);
	far = (10 + OPEN_PERIODS_SURE) * MS_PER_DAY;
	assert_int_equal(series_state_add(&series, day, far, INT64_MAX), SERIES_OPEN);
	for (int i = 0; i < SERIES_HISTORY_MAX; i++)
		(void)series_state_close(&series, day);
	assert_int_equal(series.history_count, SERIES_HISTORY_MAX);
}

/* Whatever comes in whatever order is what a plain array would hold, as long as it is taken; and
 * what is refused changes nothing, and is refused again after the way through a record. */
static void open_periods_hold_what_came(void **state)
{
	(void)state;
	enum { PERIODS = 3600, STEPS = 30000 };
	static struct series_state series, back;
	static struct series_state_record record;
	static int64_t plain[PERIODS + 1];
	struct prng random = prng_new(11, 1);
	int refused = 0, closed = 0;
	memset(&series, 0, sizeof series);
	memset(plain, 0, sizeof plain);
	series.started = true;
	series.period_ms = MS_PER_DAY;
	struct open_periods *open = &series.open;
	for (int i = 0; i < STEPS; i++) {
		int64_t ahead = prng_below(&random, i % 3 == 0 ? PERIODS : 20);
		int64_t amount = prng_between(&random, -1, 1) *
				 (INT64_C(1) << prng_below(&random, i % 64 == 0 ? 40 : 12));
		bool taken = open_periods_add(open, ahead, amount);
		if (i % 100 == 99) { /* is it refused by what there is, not by what there was? */
			series_state_to_record(&series, &record);
			assert_true(series_state_from_record(&record, &back));
			int64_t at = prng_below(&random, PERIODS), more = INT64_C(1) << 39;
			struct open_periods one = *open, other = back.open;
			assert_int_equal(open_periods_add(&one, at, more),
					 open_periods_add(&other, at, more));
		}
		refused += !taken;
		plain[ahead] += taken ? amount : 0;
		assert_int_equal(open_periods_at(open, (size_t)ahead), plain[ahead]);
		if (i % 25 == 0) {
			assert_int_equal(open_periods_close(open), plain[0]);
			memmove(plain, plain + 1, PERIODS * sizeof plain[0]);
			closed++;
		}
	}
	for (size_t t = 0; t < PERIODS; t++)
		assert_int_equal(open_periods_at(open, t), plain[t]);
	print_message("# %d of %d refused, %d closed\n", refused, STEPS, closed);
	assert_in_range(refused, 1, STEPS / 2);
}

static void open_periods_have_their_bounds(void **state)
{
	(void)state;
	static struct open_periods open;
	memset(&open, 0, sizeof open);
	assert_true(open_periods_add(&open, OPEN_PERIODS_SURE - 1, INT64_MIN));
	assert_false(open_periods_add(&open, OPEN_PERIODS_SURE, 1));
	assert_true(open_periods_add(&open, OPEN_PERIODS_SURE - 1, INT64_MIN)); /* saturates */
	assert_int_equal(open_periods_at(&open, OPEN_PERIODS_SURE - 1), INT64_MIN);
	assert_false(open_periods_begin(&open, 1));
	for (int i = 0; i < OPEN_PERIODS_SURE; i++)
		assert_int_equal(open_periods_close(&open),
				 i < OPEN_PERIODS_SURE - 1 ? 0 : INT64_MIN);
	/* the large one is gone: there is room for more small ones */
	assert_true(open_periods_add(&open, SERIES_OPEN_MAX - 1, 100));
	assert_false(open_periods_add(&open, SERIES_OPEN_MAX, 0));
	assert_false(open_periods_add(&open, 0, INT64_C(1) << 31));
	assert_true(open_periods_add(&open, 0, 27));
	assert_int_equal(open_periods_close(&open), 27);
	assert_true(open_periods_begin(&open, 1));
	assert_false(open_periods_begin(&open, 1));
	assert_int_equal(open_periods_at(&open, SERIES_OPEN_MAX - 1), 100);
}

/* A state that is full of the longest numbers fits into a record: else it would pin what a replay
 * begins from. */
static void the_largest_series_state_can_be_published(void **state)
{
	(void)state;
	static struct series_state_record record;
	static uint8_t out[OUTPUT_LEN_MAX];
	size_t len = 0;
	memset(&record, 0, sizeof record);
	record.history_count = SERIES_HISTORY_MAX;
	record.open_count = SERIES_OPEN_MAX;
	record.outstanding_count = SERIES_OUTSTANDING_MAX;
	record.has_method = true;
	record.method.ar_change_count = SERIES_CHANGES_MAX;
	record.method.member_count = SERIES_MEMBERS_MAX;
	record.method.step_count = HORIZON_MAX;
	record.method.far_size = HORIZON_MAX * SERIES_MEMBERS_MAX;
	record.method.shift_count = SERIES_SHIFTS_MAX;
	char whole[SERIES_WHOLE_MAX + 1];
	memset(whole, 'w', sizeof whole);
	record.whole = bytes_of(whole, SERIES_WHOLE_MAX);
	for (size_t i = 0; i < SERIES_HISTORY_MAX; i++)
		record.history[i].amount = INT64_MIN;
	for (size_t i = 0; i < SERIES_OPEN_MAX; i++)
		record.open[i].amount = INT64_MIN;
	for (size_t i = 0; i < SERIES_OUTSTANDING_MAX; i++)
		record.outstanding[i] =
			(struct outstanding_forecast){ INT64_MIN, INT64_MIN, INT32_MIN, INT64_MIN,
						       INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN,
						       INT64_MIN, INT64_MIN, 1,		1 };
	struct err *err =
		record_encode(&series_state_type, &record, out, OUTPUT_LEN_MAX - 64, &len);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	print_message("# %zu bytes\n", len);
}

/* The next forecast of a series is the same whether its state stayed in memory or came back from
 * its record: a replay depends on it. */
static void series_state_comes_back_from_its_record(void **state)
{
	(void)state;
	static struct series_state series, back;
	static struct series_state_record record;
	struct forecaster_options options = { .horizon_count = 7, .season_period = 7 };
	double y[120];
	memset(&series, 0, sizeof series);
	memcpy(series.whole, "a/EUR/", 6);
	series_state_to_record(&series, &record);
	assert_true(series_state_from_record(&record, &back));
	assert_string_equal(back.whole, "a/EUR/");
	assert_false(back.started);
	assert_memory_equal(&series.method, &back.method, sizeof series.method);
	for (int t = 0; t < 120; t++) {
		struct forecaster_result stayed, came_back;
		y[t] = t % 9 == 4 && t < 60 ? 0 : 100 + t + 40 * (t % 7 == 3) + (t * 7919) % 31;
		y[t] += t < 112 ? 0 : 900;
		options.changed_points = t == 113 ? 2 : 0;
		series_state_to_record(&series, &record);
		assert_true(series_state_from_record(&record, &back));
		forecaster_learn(&series.method, y[t]);
		forecaster_learn(&back.method, y[t]);
		const double said[INTERVAL_QUANTILE_COUNT] = { -2, -1, 0, 1, 2 };
		interval_learn(&series.method.interval, 1, said, t % 5 - 2.5, 100);
		interval_learn(&back.method.interval, 1, said, t % 5 - 2.5, 100);
		forecaster_predict(&series.method, y, t + 1, &options, &stayed);
		forecaster_predict(&back.method, y, t + 1, &options, &came_back);
		assert_memory_equal(stayed.quantile, came_back.quantile, sizeof stayed.quantile);
		assert_int_equal(stayed.searched, came_back.searched);
		assert_int_equal(back.method.shifts.count, series.method.shifts.count);
	}
	record.method.members[2].error = NAN; /* not ours: the method begins anew */
	assert_true(series_state_from_record(&record, &back));
	assert_int_equal(back.method.search_points, 0);
}

static void awaited_forecasts_come_back_from_their_record(void **state)
{
	(void)state;
	static struct series_state series, back;
	static struct series_state_record record, again;
	memset(&series, 0, sizeof series);
	series.started = true;
	series.period_ms = MS_PER_DAY;
	for (int origin = 0; origin < HORIZON_MAX; origin++)
		for (int h = HORIZON_MAX - origin; h <= HORIZON_MAX; h++) {
			const struct outstanding_forecast made = {
				.origin_ms = origin * MS_PER_DAY,
				.target_ms = (origin + h - 1) * MS_PER_DAY,
				.horizon = h,
				.point = origin % 2 ? 70 : 100 + h,
				.lower_80 = -h,
				.upper_80 = 200 + h,
				.lower_95 = -2 * h,
				.upper_95 = INT64_MAX,
				.naive = 70,
				.own = 100 + h,
				.scale = origin / 2,
				.size = 1.0 / (origin + 1),
			};
			struct outstanding_forecast kept;
			series_state_await(&series, &made);
			series_state_awaited(&series, series.outstanding_count - 1, &kept);
			assert_true(kept.origin_ms == made.origin_ms &&
				    kept.target_ms == made.target_ms &&
				    kept.horizon == made.horizon && kept.point == made.point &&
				    kept.scale == made.scale && kept.size == made.size);
			assert_memory_equal(&kept.point, &made.point,
					    offsetof(struct outstanding_forecast, scale) -
						    offsetof(struct outstanding_forecast, point));
		}
	assert_int_equal(series.outstanding_count, SERIES_OUTSTANDING_MAX);
	/* one more, of periods that are shorter than they were under this name, has no place */
	series_state_await(&series, &(struct outstanding_forecast){ .origin_ms = 1 });
	series.outstanding_count--;
	series_state_await(&series, &(struct outstanding_forecast){ .origin_ms = 1 });
	assert_int_equal(series.outstanding_count, SERIES_OUTSTANDING_MAX - 1);
	series.outstanding_count++;
	series_state_to_record(&series, &record);
	assert_true(series_state_from_record(&record, &back));
	series_state_to_record(&back, &again);
	assert_memory_equal(&again.outstanding, &record.outstanding, sizeof record.outstanding);
}

static void account_state_comes_back_from_its_record(void **state)
{
	(void)state;
	struct account_state made = { 0 }, back;
	for (int i = 0; i < 12; i++) {
		char type[16];
		struct account_event event = { .account = bytes_str("A"),
					       .event = good_event(),
					       .effective_ms = now_ms + i * MS_PER_DAY };
		event.event.event_ms = event.effective_ms;
		snprintf(type, sizeof type, "type.%d", i);
		if (i > 2)
			event.event.type = bytes_str(type);
		if (i == 5)
			event.event.currency = bytes_str("USD"); /* counted, not added */
		account_state_count(&made, &event);
	}
	assert_int_equal(made.type_count, ACCOUNT_TYPES_MAX);
	assert_int_equal(made.types[ACCOUNT_TYPES_MAX - 1].count, 12 - 3 - 6);
	assert_memory_equal(made.types[ACCOUNT_TYPES_MAX - 1].type, "*", 1);
	assert_int_equal(made.types[0].sum_minor, 3000);
	assert_int_equal(made.buyer.order_count, 3);
	made.scored_ms = now_ms;
	made.check_ms = now_ms + 1;
	made.band = BAND_LOW;
	made.alert = (struct alert_state){ .open = true,
					   .episode = 4,
					   .revision = 2,
					   .opened_ms = now_ms,
					   .severity = SEVERITY_HIGH };
	struct account_record record;
	account_state_to_record(&made, bytes_str("A"), &record);
	assert_null(account_state_from_record(&record, &back));
	assert_memory_equal(&made, &back, sizeof made);
}

/* Dates of before 1970 and its first moment, which some systems mean "unknown" by, are as good as
 * others; an account that is judged no more must not keep a timer, or it would be due for ever. */
static void an_account_stays_known_whenever_it_began(void **state)
{
	(void)state;
	static const int64_t begins_ms[] = { 0, INT64_C(-157766400000), 1 };
	for (size_t i = 0; i < sizeof begins_ms / sizeof begins_ms[0]; i++) {
		struct account_state account = { 0 };
		struct account_event event = { .account = bytes_str("A"), .event = good_event() };
		event.event.type = bytes_str("crm.account.created");
		event.event.event_ms = event.effective_ms = now_ms;
		account_state_count(&account, &event);
		assert_true(relationship_is_known(&account.relationship));
		event.event.event_ms = begins_ms[i];
		account_state_count(&account, &event);
		assert_true(relationship_is_known(&account.relationship));
		assert_true(account.relationship.features.first_ms <= 1);
	}
	struct account_state account = { .scored_ms = now_ms, .check_ms = now_ms + 1 };
	struct churn_rule rule;
	const struct churn_options options = { .open = 0.8, .close = 0.6, .order_count_min = 3 };
	const struct churn_occasion occasion = { now_ms + 1, now_ms, bytes_of(NULL, 0), NULL };
	churn_rule_init(&rule, &options);
	assert_int_equal(account_state_due(&account), now_ms + 1);
	assert_false(churn_judge(&rule, bytes_str("A"), &occasion, &account, NULL));
	assert_true(account_state_due(&account) == TIME_NONE);
}

/* What is said, as a running hash. */
struct heard {
	struct bus bus;
	uint64_t hash;
	int64_t count;
};

static struct err *hear(struct bus *bus, const struct outgoing *out)
{
	struct heard *heard = (struct heard *)(void *)bus;
	heard->hash = heard->hash * 1000003 + hash_table64(bytes_str(out->topic));
	heard->hash = heard->hash * 1000003 + hash_table64(out->value);
	heard->count++;
	return NULL;
}

static void hear_all(struct heard *heard, struct effects *effects)
{
	assert_null(effects_produce(effects, &heard->bus));
	effects_clear(effects);
}

static void judge_into(struct heard *heard, struct effects *effects, const struct churn_rule *rule,
		       const struct hazard_model *model, int64_t at_ms,
		       struct account_state *account)
{
	const struct churn_occasion occasion = { at_ms, at_ms, bytes_str("e"), model };
	(void)churn_judge(rule, bytes_str("A"), &occasion, account, effects);
	hear_all(heard, effects);
}

/* Somebody says what he thinks of its alert; a snooze is for nine days. */
static void answer_into(struct heard *heard, struct effects *effects, enum alert_verdict verdict,
			int64_t at_ms, struct account_state *account)
{
	const struct churn_occasion occasion = { at_ms, at_ms, bytes_str("f"), NULL };
	char id[ALERT_ID_MAX], until[TIME_TEXT_LEN + 1];
	time_format(at_ms + 9 * MS_PER_DAY, until);
	const struct source_event event = {
		.event_id = bytes_str("f"),
		.attr_count = 3,
		.attrs = { { bytes_str("alert_id"),
			     alert_life_id(&account->alert, bytes_str("A"), id) },
			   { bytes_str("verdict"), bytes_str(verdict_names[verdict]) },
			   { bytes_str("until"), bytes_str(until) } },
	};
	(void)(opportunity_holds(account)
		       ? opportunity_feedback(bytes_str("A"), &occasion, &event, account, effects)
		       : churn_feedback(bytes_str("A"), &occasion, &event, account, effects));
	hear_all(heard, effects);
}

/* One account is scored at each occasion, the other only where it may matter; alerts are answered,
 * and another model becomes active now and then. */
static void quiet_accounts_say_all_that_scored_ones_do(void **state)
{
	(void)state;
	static const struct bus_ops ops = { .produce = hear };
	struct heard often = { .bus = { &ops } }, seldom = { .bus = { &ops } };
	struct churn_rule rule;
	struct registry *registry = NULL;
	static struct hazard_model models[2];
	struct prng random = prng_new(12, 1);
	hazard_prior(&models[0]);
	hazard_prior(&models[1]);
	models[1].buys = (struct bgnbd){ 6, 1, 0.01, 10 };
	churn_rule_init(&rule, &(struct churn_options){ .open = 0.80,
							.close = 0.60,
							.order_count_min = 3,
							.opportunity = { 0.55, 0.35 } });
	assert_null(registry_open(NULL, &registry));
	struct effects *effects = effects_new("test", registry);
	uint32_t seed = 11;
	int64_t skipped = 0, active = 0;
	for (int n = 0; n < 200; n++) {
		struct account_state a = { 0 }, b = { 0 };
		int64_t at_ms = now_ms, gap_ms = (1 + n % 40) * MS_PER_DAY;
		for (int i = 0; i < 120; i++) {
			seed = seed * 1664525 + 1013904223;
			at_ms += seed % (uint32_t)(gap_ms / (seed >> 28 > 3 ? 8 : 1));
			if (i < 3 || seed >> 27 == 0) {
				buyer_update(&a.buyer, at_ms, 1000 + n, 1);
				b.buyer = a.buyer;
				b.quiet_until_ms = 0;
			}
			skipped += at_ms >= b.quiet_from_ms && at_ms < b.quiet_until_ms;
			a.quiet_until_ms = 0;
			active = prng_below(&random, 20) == 0 ? !active : active;
			judge_into(&often, effects, &rule, &models[active], at_ms, &a);
			judge_into(&seldom, effects, &rule, &models[active], at_ms, &b);
			if (a.alert.episode > 0 && prng_below(&random, 10) == 0) {
				enum alert_verdict verdict =
					(enum alert_verdict)prng_below(&random, VERDICT_COUNT);
				answer_into(&often, effects, verdict, at_ms, &a);
				answer_into(&seldom, effects, verdict, at_ms, &b);
			}
			struct account_record left, right;
			account_state_to_record(&a, bytes_str("A"), &left);
			account_state_to_record(&b, bytes_str("A"), &right);
			assert_memory_equal(&left.probability, &right.probability, sizeof(double));
			assert_true(left.check_ms == right.check_ms && left.band == right.band);
			assert_int_equal(a.alert.revision, b.alert.revision);
			assert_int_equal(a.alert.episode, b.alert.episode);
		}
	}
	assert_true(often.hash == seldom.hash && often.count == seldom.count);
	assert_true(often.count > 1000);
	assert_true(skipped > 200 * 120 / 2);
	effects_free(&effects);
	registry_close(&registry);
}

/* Two alerts were called wrong: the next opens between two of the rule's own bounds. */
static void a_bound_that_answers_moved_is_not_left_out(void **state)
{
	(void)state;
	static const struct bus_ops ops = { .produce = hear };
	struct heard often = { .bus = { &ops } }, seldom = { .bus = { &ops } };
	struct churn_rule rule;
	struct registry *registry = NULL;
	struct account_state a = { .alert = { .wrong_count = 2 } }, b;
	churn_rule_init(&rule, &(struct churn_options){ .open = 0.60, .close = 0.40, 3 });
	assert_null(registry_open(NULL, &registry));
	struct effects *effects = effects_new("test", registry);
	int64_t skipped = 0;
	for (int i = 0; i < 10; i++)
		buyer_update(&a.buyer, now_ms + 10 * i * MS_PER_DAY, 1000, 1);
	b = a;
	for (int day = 91; day < 500; day++) {
		int64_t at_ms = now_ms + day * MS_PER_DAY;
		skipped += at_ms >= b.quiet_from_ms && at_ms < b.quiet_until_ms;
		a.quiet_until_ms = 0;
		judge_into(&often, effects, &rule, NULL, at_ms, &a);
		judge_into(&seldom, effects, &rule, NULL, at_ms, &b);
		assert_int_equal(a.alert.episode, b.alert.episode);
	}
	assert_true(often.hash == seldom.hash && often.count == seldom.count);
	assert_true(a.alert.episode == 1 && skipped > 200);
	effects_free(&effects);
	registry_close(&registry);
}

/* What a merge says, read back. */
struct merge_heard {
	struct bus bus;
	struct registry *registry;
	struct alert alert;
	char alert_id[KEY_LEN_MAX];
	char steps[64]; /* of the alerts, in a row */
	int dropped;
	size_t transfer_len;
	uint8_t transfer[OUTPUT_LEN_MAX];
};

static struct err *hear_merge(struct bus *bus, const struct outgoing *out)
{
	struct merge_heard *heard = (struct merge_heard *)(void *)bus;
	struct example example;
	if (strcmp(out->topic, "test.alerts") == 0) {
		assert_null(
			registry_decode(heard->registry, &alert_type, out->value, &heard->alert));
		assert_true(heard->alert.alert_id.len < KEY_LEN_MAX);
		memset(heard->alert_id, 0, sizeof heard->alert_id);
		memcpy(heard->alert_id, heard->alert.alert_id.data, heard->alert.alert_id.len);
		size_t used = strlen(heard->steps);
		snprintf(heard->steps + used, sizeof heard->steps - used, "%.*s ",
			 (int)heard->alert.step.len, (const char *)heard->alert.step.data);
	} else if (strcmp(out->topic, "test.examples") == 0) {
		assert_null(registry_decode(heard->registry, &example_type, out->value, &example));
		heard->dropped += example.features.len == 0 && example.outcome == -1;
	} else if (strcmp(out->topic, "test.account.events") == 0) {
		memcpy(heard->transfer, out->value.data, out->value.len);
		heard->transfer_len = out->value.len;
	}
	return NULL;
}

static void a_merge_takes_the_alert_along_and_drops_examples(void **state)
{
	(void)state;
	static const struct bus_ops ops = { .produce = hear_merge };
	static struct account_move move;
	static struct merge_heard heard = { .bus = { &ops } };
	struct account_state from = { .event_count = 1 }, into = { .event_count = 1 };
	struct churn_rule churn;
	struct hazard_model model;
	struct surroundings around = { 0 };
	struct risk_options risk = { .open = 0.3, .close = 0 };
	const struct account_rules rules = { &churn, &risk };
	struct risk_occasion occasion = { .ingest_ms = now_ms, .around = &around, .model = &model };
	hazard_prior(&model);
	churn_rule_init(&churn, &(struct churn_options){ .open = 0.80, .close = 0.60, 3 });
	assert_null(registry_open(NULL, &heard.registry));
	struct effects *effects = effects_new("test", heard.registry);
	from.first_ms = from.last_ms = into.first_ms = into.last_ms = now_ms;
	from.relationship.features.is_subscriber = true;
	from.relationship.pending_count = 2;
	from.alert = (struct alert_state){ .open = true,
					   .episode = 7,
					   .opened_ms = now_ms - MS_PER_DAY,
					   .rule = ALERT_RULE_RISK,
					   .acknowledged = true,
					   .snoozed_until_ms = now_ms + 5 * MS_PER_DAY,
					   .wrong_count = 2 };
	into.alert.wrong_count = 1;
	move.change = (struct account_change){
		.kind = CHANGE_MERGE,
		.account = bytes_str("A"),
		.other = bytes_str("B"),
		.at_ms = now_ms,
	};
	account_move_apply(&move, heard.registry, &rules, &occasion, bytes_str("A"), &from,
			   effects);
	assert_null(effects_produce(effects, &heard.bus));
	effects_clear(effects);
	assert_string_equal(heard.alert_id, "A/churn.risk/7");
	assert_int_equal(heard.alert.status, ALERT_RESOLVED);
	assert_int_equal(heard.dropped, 2);
	assert_null(account_move_read(&move, heard.registry,
				      bytes_of(heard.transfer, heard.transfer_len)));
	account_move_apply(&move, heard.registry, &rules, &occasion, bytes_str("B"), &into,
			   effects);
	assert_null(effects_produce(effects, &heard.bus));
	assert_string_equal(heard.alert_id, "B/churn.risk/1");
	assert_string_equal(heard.steps, "RESOLVED OPENED ACKNOWLEDGED SNOOZED ");
	assert_int_equal(heard.alert.revision, 2);
	assert_int_equal(heard.alert.opened_ms, now_ms - MS_PER_DAY);
	assert_true(into.alert.acknowledged);
	assert_int_equal(into.alert.snoozed_until_ms, now_ms + 5 * MS_PER_DAY);
	assert_int_equal(into.alert.wrong_count, 3);
	assert_int_equal(into.relationship.pending_count, 0);
	effects_free(&effects);
	registry_close(&heard.registry);
}

static void auc_counts_ties_half(void **state)
{
	(void)state;
	struct ranking_case cases[] = {
		{ 0.9, true }, { 0.5, true }, { 0.5, false }, { 0.1, false }, { 0.7, false }
	};
	/* pairs: .9 beats 3; .5 loses to .7, ties .5, beats .1: (3 + 1.5) / 6 */
	assert_true(ranking_auc(cases, 5) == 4.5 / 6);
	assert_true(ranking_auc(cases, 1) == -1);
	assert_true(ranking_auc(cases, 0) == -1);
}

static void a_mistyped_topic_is_told_from_an_unknown_one(void **state)
{
	(void)state;
	assert_string_equal(topics_near("erp.event"), "erp.events");
	assert_string_equal(topics_near("alert"), "alerts");
	assert_string_equal(topics_near("suport.events"), "support.events");
	assert_null(topics_near("orders"));
	assert_null(topics_near(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mistyped_topic_is_told_from_an_unknown_one),
		cmocka_unit_test(events_are_judged),
		cmocka_unit_test(series_keys_come_apart_again),
		cmocka_unit_test(periods_close_in_order_and_are_corrected),
		cmocka_unit_test(open_periods_hold_what_came),
		cmocka_unit_test(open_periods_have_their_bounds),
		cmocka_unit_test(the_largest_series_state_can_be_published),
		cmocka_unit_test(series_state_comes_back_from_its_record),
		cmocka_unit_test(awaited_forecasts_come_back_from_their_record),
		cmocka_unit_test(account_state_comes_back_from_its_record),
		cmocka_unit_test(an_account_stays_known_whenever_it_began),
		cmocka_unit_test(quiet_accounts_say_all_that_scored_ones_do),
		cmocka_unit_test(a_bound_that_answers_moved_is_not_left_out),
		cmocka_unit_test(a_merge_takes_the_alert_along_and_drops_examples),
		cmocka_unit_test(auc_counts_ties_half),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
