/* The simulated company's vehicles: what signals are worth there, and that they are told of as they
 * happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/timestamp.h"
#include "evaluate/vehicles.h"
#include "simulate/dealers.h"
#include "simulate/simulate.h"

static void signals_are_worth_something(void **state)
{
	(void)state;
	struct vehicles_score scores[VEHICLES_WAYS] = { 0 };
	struct err *err = vehicles_play(7, 24, scores);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	const struct vehicles_score *plain = &scores[VEHICLES_PLAIN],
				    *signals = &scores[VEHICLES_SIGNALS],
				    *truth = &scores[VEHICLES_TRUTH];
	assert_true(plain->forecasts > 500 && plain->forecasts == signals->forecasts);
	assert_true(signals->absolute < 0.85 * plain->absolute);
	assert_true(signals->pinball < 0.85 * plain->pinball);
	assert_true(signals->cost_minor < plain->cost_minor);
	assert_true(truth->cost_minor < signals->cost_minor); /* nobody can do better */
	assert_true(signals->lost < 0.5 * signals->lost_idle);
	const struct vehicles_score *alone = &scores[VEHICLES_STREAM],
				    *driven = &scores[VEHICLES_STREAM_SIGNALS];
	assert_true(driven->absolute < 0.85 * alone->absolute);
	assert_true(driven->cost_minor < alone->cost_minor);
	double inside = (double)signals->inside_80 / (double)signals->forecasts;
	assert_true(inside > 0.70 && inside < 0.90);
}

struct seen {
	int64_t others;		/* not the dealers' */
	int64_t sold, sessions; /* orders; what their stations and fleets tell */
};

static struct err *count(void *context, const struct delivery *delivery)
{
	struct seen *seen = context;
	struct bytes key = delivery->key;
	bool is_dealer = key.len > 7 && memcmp(key.data, "DEALER-", 7) == 0;
	if (!is_dealer)
		seen->others++;
	else if (delivery->feed == FEED_IOT)
		seen->sessions++;
	else
		seen->sold++;
	return NULL;
}

static struct seen play(bool vehicles)
{
	struct seen seen = { 0 };
	struct simulate_result result;
	struct simulate_options options = simulate_defaults();
	options.account_count = 3;
	options.month_count = 2;
	options.duplicates = options.late = options.malformed = 0;
	options.has_outages = false;
	options.has_vehicles = vehicles;
	options.sink = (struct post_sink){ count, &seen };
	assert_null(simulate_run(&options, &result));
	return seen;
}

/* Beside the customers: levels of two models at three sites a day, and the dealers' events. */
static void dealers_come_besides(void **state)
{
	(void)state;
	struct seen with = play(true), without = play(false);
	int days = simulate_days(simulate_defaults().start_ms, 2);
	assert_true(without.others > 100);
	assert_int_equal(without.sessions + without.sold, 0);
	assert_int_equal(with.others, without.others + days * SITE_COUNT * VEHICLE_MODELS);
	assert_true(with.sold > days * REGION_COUNT);
	assert_true(with.sessions > 2 * days * REGION_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_are_worth_something),
		cmocka_unit_test(dealers_come_besides),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
