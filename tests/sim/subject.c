#include "tests/sim/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/account.h"
#include "consumers/forecast.h"
#include "schemas/types.h"
#include "tests/sim/tally.h"

struct actor {
	struct processor processor;
	struct tally_stage tally;
	struct account_stage *account; /* NULL: not its part */
	struct forecast_stage *forecast;
};

/* ---- tally ---------------------------------------------------------------------------------- */

static void tally_draw(struct draft *draft)
{
	int32_t schema = 0;
	int64_t late_ms = prng_below(draft->prng, 6) == 0 ? prng_below(draft->prng, 40) : 0;
	draft->now_ms += prng_below(draft->prng, 8);
	snprintf(draft->key, sizeof draft->key, "k%u",
		 (unsigned)prng_below(draft->prng, draft->key_count));
	const struct tally_event event = {
		.serial = draft->serial,
		.at_ms = draft->now_ms - late_ms,
		.second = (uint8_t)(prng_below(draft->prng, 3) != 0 ? 1 + prng_below(draft->prng, 9)
								    : 0),
	};
	struct err *err =
		registry_writer_id(draft->registry, "series.points", &series_point_type, &schema);
	CHECK(err == NULL);
	tally_encode(&event, schema, draft->value);
	draft->value_len = TALLY_VALUE_LEN;
}

static bool tally_claims(const struct record *said, struct claim *claim)
{
	struct tally_word word;
	CHECK(said->value.len == sizeof word.value);
	memcpy(&word.value, said->value.data, sizeof word.value);
	if (!tally_is_urgent(word.value.digest))
		return false;
	bool first = said->key.data[0] == 'k';
	int len = snprintf((char *)claim->key, sizeof claim->key, "%s/%s/%.*s", subject_tally.input,
			   said->key.data[0] == 's' ? "second" : "third", (int)said->key.len,
			   (const char *)said->key.data);
	claim->count = word.value.count;
	claim->state = (struct outgoing){
		.topic = first ? TALLY_STATES : TALLY_META,
		.partition = said->partition,
		.key = first ? said->key : bytes_of(claim->key, (size_t)len),
	};
	return true;
}

static bool tally_holds(const void *context, struct bytes value)
{
	const struct claim *claim = context;
	struct tally state;
	CHECK(value.len == sizeof state);
	memcpy(&state, value.data, sizeof state);
	return state.count >= claim->count;
}

#define TALLY_SUBJECT(does_name)                                                       \
	.stage = "tally", .group = SIM_APP ".tally", .input = "in",                    \
	.topics = { { TALLY_SAID, false, false },                                      \
		    { TALLY_TICKS, false, false },                                     \
		    { TALLY_STATES, true, false },                                     \
		    { TALLY_META, true, false },                                       \
		    { "dlq", false, false } },                                         \
	.begin_ms = 1000, .logic_versions = 2, .has_oracle = true, .draw = tally_draw, \
	.claims = tally_claims, .holds = tally_holds, .names = does_name

const struct subject subject_tally = { TALLY_SUBJECT(false) };
const struct subject subject_naming = { TALLY_SUBJECT(true) };

/* ---- account -------------------------------------------------------------------------------- */

/* What an event may be: half are orders; of every other account more is known than those. */
static const char *const telling[] = {
	"support.ticket.escalated", "iot.error",	 "crm.opportunity.lost",
	"marketing.visit",	    "iot.reading",	 "support.satisfaction",
	"support.ticket.opened",    "crm.activity.call", "crm.account.created",
};
enum { TELLING_COUNT = sizeof telling / sizeof telling[0] };

/* The n-th name, or one that follows it, whose home is the draft's partition. */
static void name_account(struct draft *draft, uint32_t n)
{
	do
		snprintf(draft->key, sizeof draft->key, "A%u", (unsigned)n++);
	while (hash_partition(bytes_str(draft->key), draft->partition_count) != draft->partition);
}

static void draw_order(struct draft *draft, struct source_event *event)
{
	event->type = bytes_str("erp.order");
	event->has_amount = true;
	event->amount_minor = 100 + prng_below(draft->prng, 100000);
	event->currency = bytes_str("EUR");
}

static void draw_telling(struct draft *draft, struct source_event *event)
{
	event->type = bytes_str(telling[prng_below(draft->prng, TELLING_COUNT)]);
	event->has_value = true;
	event->value = 1 + prng_below(draft->prng, 5);
}

static void draw_region(struct draft *draft, struct source_event *event)
{
	snprintf(draft->key, sizeof draft->key, "EU-%u", (unsigned)prng_below(draft->prng, 2));
	event->subject_scheme = bytes_str("region");
	event->type = bytes_str("market.indicator");
	event->name = bytes_str("business-climate");
	event->has_market = event->has_value = true;
	event->value = 80 + prng_below(draft->prng, 40);
}

static void account_draw(struct draft *draft)
{
	char id[24];
	struct account_event *out = check_calloc(1, sizeof *out);
	struct source_event *event = &out->event;
	uint32_t n = prng_below(draft->prng, draft->key_count);
	draft->now_ms += prng_below(draft->prng, 3) * MS_PER_DAY + prng_below(draft->prng, 9999);
	snprintf(id, sizeof id, "e%llu", (unsigned long long)draft->serial);
	event->event_id = bytes_str(id);
	event->source = bytes_str("sim");
	if (prng_below(draft->prng, 20) == 0) {
		draw_region(draft, event);
	} else {
		name_account(draft, n);
		if (n % 2 == 0 || prng_below(draft->prng, 2) == 0)
			draw_order(draft, event);
		else
			draw_telling(draft, event);
	}
	out->account = event->subject = bytes_str(draft->key);
	out->late = prng_below(draft->prng, 10) == 0;
	out->effective_ms = out->ingest_ms = event->event_ms = draft->now_ms;
	if (out->late)
		event->event_ms -= prng_below(draft->prng, 20) * MS_PER_DAY;
	struct err *err =
		registry_encode(draft->registry, subject_account.input, &account_event_type, out,
				draft->value, sizeof draft->value, &draft->value_len);
	CHECK(err == NULL);
	free(out);
}

const struct subject subject_account = {
	.stage = "account",
	.group = SIM_APP ".account",
	.input = SIM_APP ".account.events",
	.topics = { { "alerts", false, false },
		    { "scores", false, false },
		    { "accounts", true, false },
		    { "account.meta", true, false },
		    { "series.points", false, true },
		    { "examples", false, true },
		    { "dlq", false, false } },
	.begin_ms = INT64_C(19000) * MS_PER_DAY,
	.cache_entries_min = 200,
	.logic_versions = 1,
	.draw = account_draw,
};

/* ---- forecast ------------------------------------------------------------------------------- */

enum { NEW_PLACE_DAYS = 20, PLACES_MAX = 5 };

/* An amount of one of the partition's series, now and then a late one. A place more every twenty
 * days: new series are forecast by what their whole is. */
static void forecast_draw(struct draft *draft)
{
	static const char *const units[] = { "EUR", "USD", "JPY" };
	char dimension[16];
	uint32_t places = 1 + (uint32_t)((draft->now_ms - subject_forecast.begin_ms) /
					 (NEW_PLACE_DAYS * MS_PER_DAY));
	bool weekly = prng_below(draft->prng, 3) == 0;
	draft->now_ms += prng_below(draft->prng, 6) * MS_PER_HOUR;
	snprintf(dimension, sizeof dimension, "p%d.%u", (int)draft->partition,
		 prng_below(draft->prng, places < PLACES_MAX ? places : PLACES_MAX));
	snprintf(draft->key, sizeof draft->key, "point");
	struct series_point point = {
		.definition = bytes_str(weekly ? "revenue.week.place" : "revenue.day.place"),
		.dimension = bytes_str(dimension),
		.unit = bytes_str(units[prng_below(draft->prng, 3)]),
		.amount = 100 + prng_below(draft->prng, 10000),
		.late = prng_below(draft->prng, 10) == 0,
	};
	int64_t at_ms = draft->now_ms - (point.late ? prng_below(draft->prng, 20) * MS_PER_DAY : 0);
	point.period_start_ms = weekly ? time_floor(at_ms, MS_PER_WEEK, WEEK_ORIGIN_MS)
				       : time_floor(at_ms, MS_PER_DAY, 0);
	struct err *err =
		registry_encode(draft->registry, subject_forecast.input, &series_point_type, &point,
				draft->value, sizeof draft->value, &draft->value_len);
	CHECK(err == NULL);
}

const struct subject subject_forecast = {
	.stage = "forecast",
	.group = SIM_APP ".forecast",
	.input = SIM_APP ".series.points",
	.topics = { { "forecasts", false, false },
		    { "forecast.accuracy", false, false },
		    { "drift", false, false },
		    { "series.parts", false, true },
		    { "forecast.series", true, false },
		    { "forecast.meta", true, false },
		    { "dlq", false, false } },
	.begin_ms = INT64_C(19000) * MS_PER_DAY,
	.cache_entries_min = 200,
	.logic_versions = 1,
	.draw = forecast_draw,
};

/* ---- actors --------------------------------------------------------------------------------- */

static struct account_stage *make_account(int32_t partition_count, struct registry *registry)
{
	struct account_options options = {
		.churn = { .open = 0.50, .close = 0.40, .order_count_min = 2 },
		.risk = { .open = 0.10, .close = 0.05 },
		.tick_ms = MS_PER_DAY,
		.partition_count = partition_count,
	};
	series_table_init(&options.series, NULL, 0);
	return account_stage_new(&options, registry);
}

static struct forecast_stage *make_forecast(int32_t partition_count, struct registry *registry)
{
	static const char *const dimensions[] = { "place" };
	struct series_table series;
	series_table_init(&series, dimensions, 1);
	static const struct network none;
	const struct forecast_options options = { &series, &none, partition_count };
	return forecast_stage_new(&options, registry);
}

struct actor *actor_new(const struct subject *subject, uint32_t logic, int32_t partition_count,
			struct registry *registry)
{
	struct actor *actor = check_calloc(1, sizeof *actor);
	if (subject == &subject_account) {
		actor->account = make_account(partition_count, registry);
		actor->processor = account_processor(actor->account);
	} else if (subject == &subject_forecast) {
		actor->forecast = make_forecast(partition_count, registry);
		actor->processor = forecast_processor(actor->forecast);
	} else {
		actor->tally.logic = logic;
		actor->tally.does_name = subject->names;
		actor->processor = tally_processor(&actor->tally);
	}
	return actor;
}

void actor_free(struct actor **actor)
{
	if (*actor == NULL)
		return;
	account_stage_free(&(*actor)->account);
	forecast_stage_free(&(*actor)->forecast);
	free(*actor);
	*actor = NULL;
}

const struct processor *actor_processor(const struct actor *actor)
{
	return &actor->processor;
}
