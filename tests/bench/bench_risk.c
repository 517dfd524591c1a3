/* What judging costs: taking an event's signals in, and a look at an account with its score and its
 * reasons in words. The account's events are those of a day of a large customer.
 *
 *   bench_risk [ROUNDS]     prints nanoseconds of processor time of each, and of a look shared
 * among a day's events
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/relationship.h"
#include "consumers/risk.h"
#include "consumers/risk_words.h"

enum { TYPE_COUNT = 6, EVENTS_A_DAY = 6 };

static const char *const types[TYPE_COUNT] = { "product.feature",   "iot.reading",
					       "iot.reading",	    "marketing.visit",
					       "crm.activity.call", "erp.order" };

/* Of this process alone: others may be running. */
static int64_t cpu_ns(void)
{
	struct timespec now;
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv)
{
	int64_t rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 200000;
	struct account_state *state = check_calloc(1, sizeof *state);
	struct hazard_model model;
	const struct surroundings around = { .promotion = 15, .promotion_days = 9 };
	double sum = 0;
	hazard_prior(&model);
	int64_t at_ms = INT64_C(1700000000000), start_ns = cpu_ns();
	for (int64_t i = 0; i < rounds; i++) {
		const struct source_event event = { .type = bytes_str(types[i % TYPE_COUNT]),
						    .event_ms = at_ms + i * MS_PER_HOUR,
						    .has_value = true,
						    .value = 30 };
		relationship_add(&state->relationship, &event);
	}
	int64_t event_ns = (cpu_ns() - start_ns) / rounds;
	at_ms += rounds * MS_PER_HOUR;
	start_ns = cpu_ns();
	for (int64_t i = 0; i < rounds; i++) {
		struct hazard_score score;
		struct reason reasons[REASONS_MAX];
		struct reason_texts texts;
		const struct risk_occasion occasion = { .at_ms = at_ms + i,
							.around = &around,
							.model = &model };
		risk_score(state, &occasion, &score, NULL);
		sum += (double)risk_words(state, &occasion, &score, reasons, &texts) + score.margin;
	}
	int64_t look_ns = (cpu_ns() - start_ns) / rounds;
	printf("an event's signals %" PRId64 " ns, a look with reasons %" PRId64
	       " ns; a look a day adds %" PRId64 " ns to each of %d events (%.0f)\n",
	       event_ns, look_ns, event_ns + look_ns / EVENTS_A_DAY, EVENTS_A_DAY, sum);
	free(state);
	return 0;
}
