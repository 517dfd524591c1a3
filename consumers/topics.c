#include "consumers/topics.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/company.h"

#define KEPT INT64_C(-1)

const struct topic_row topics_table[] = {
	{ "erp.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "erp_event",
	  "orders, invoices, returns" },
	{ "crm.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "crm_event",
	  "opportunities and their stages" },
	{ "iot.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "iot_event",
	  "device measurements" },
	{ "marketing.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "marketing_event",
	  "campaign contacts and responses" },
	{ "support.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "support_event",
	  "tickets and satisfaction scores" },
	{ "content.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "content_event",
	  "use of sales content" },
	{ "market.events", TOPIC_INPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "market_event",
	  "promotions of competitors, indices, indicators by region" },

	{ "identity.decisions", TOPIC_SHARED, true, KEPT, TOPIC_MESSAGE_BYTES, "identity_decision",
	  "names that were erased, as hashes, and links that were cut" },

	{ "resolve.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "resolve_input",
	  "clocks of the resolve stage" },
	{ "identity.events", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "account_event",
	  "events by the names that the sources know, and the links between names" },
	{ "identity.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "identity_name",
	  "names, their accounts, and what waits for one" },
	{ "account.events", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "account_event",
	  "the one ordered log of each account, ticks included" },
	{ "account.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "series_totals",
	  "clocks of the account stage" },
	{ "series.points", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "series_point",
	  "amounts on their way to the forecast stage" },
	{ "forecast.series", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "series_state",
	  "state of each series" },
	{ "forecast.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "series_shelf",
	  "clocks of the forecast stage" },
	{ "series.parts", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "series_part",
	  "forecasts on their way to the totals that they count in" },
	{ "levels.totals", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "level",
	  "state of each total" },
	{ "levels.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "series_shelf",
	  "clocks of the levels stage" },
	{ "supply.events", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "supply",
	  "demand and stock of products on their way to the allocate stage" },
	{ "allocate.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "supply_state",
	  "demand and stock of each product, and clocks" },

	{ "examples", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "example",
	  "what was known of accounts, and what came of it" },
	{ "gather.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "gathered",
	  "examples that wait for their outcome, and clocks" },
	{ "lessons", TOPIC_INTERNAL, false, KEPT, TOPIC_MESSAGE_BYTES, "lesson",
	  "examples with their outcome, in one order" },
	{ "learn.meta", TOPIC_INTERNAL, true, KEPT, TOPIC_MESSAGE_BYTES, "learner",
	  "models in the making, and clocks" },
	{ "models", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "model",
	  "versions of learnt models with their measurements" },

	{ "alerts", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "alert",
	  "alerts opened, updated, resolved" },
	{ "scores", TOPIC_OUTPUT, false, 90 * MS_PER_DAY, TOPIC_MESSAGE_BYTES, "score",
	  "each change of an account's risk" },
	{ "accounts", TOPIC_OUTPUT, true, KEPT, TOPIC_MESSAGE_BYTES, "account",
	  "latest state of each account" },
	{ "forecasts", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "forecast",
	  "forecasts made at each period's close" },
	{ "forecast.accuracy", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "forecast_accuracy",
	  "earlier forecasts against what came" },
	{ "series.definitions", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES,
	  "series_definitions", "definitions of series that were deployed" },
	{ "allocations", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "allocation",
	  "suggested transfers and orders of stock" },
	{ "drift", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES, "drift",
	  "series that begin to behave otherwise" },
	{ "webhook.parked", TOPIC_OUTPUT, false, KEPT, TOPIC_DLQ_MESSAGE_BYTES, "alert",
	  "alerts that a webhook refused or could not be given" },
	{ "identity.suggestions", TOPIC_OUTPUT, false, KEPT, TOPIC_MESSAGE_BYTES,
	  "identity_suggestion", "names that may be one customer; nothing was merged" },
	{ "dlq", TOPIC_OUTPUT, false, 30 * MS_PER_DAY, TOPIC_DLQ_MESSAGE_BYTES, NULL,
	  "records that could not be processed, byte for byte" },
};

const size_t topics_count = sizeof topics_table / sizeof topics_table[0];

const struct topic_row *topics_find(const char *logical)
{
	for (size_t i = 0; i < topics_count; i++)
		if (strcmp(topics_table[i].logical, logical) == 0)
			return &topics_table[i];
	return NULL;
}

const struct topic_row *topics_find_input(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < topics_count; i++) {
		size_t tail = strlen(topics_table[i].logical);
		if (topics_table[i].role == TOPIC_INPUT && len >= tail &&
		    strcmp(name + len - tail, topics_table[i].logical) == 0 &&
		    (len == tail || name[len - tail - 1] == '.'))
			return &topics_table[i];
	}
	return NULL;
}

void topics_name(const char *app_id, const char *logical, char name[TOPIC_NAME_MAX + 1])
{
	CHECK(topics_find(logical) != NULL);
	CHECK(topics_resolve(app_id, logical, name));
}

bool topics_resolve(const char *app_id, const char *typed, char name[TOPIC_NAME_MAX + 1])
{
	const struct topic_row *row = topics_find(typed);
	bool plain = row == NULL || row->role == TOPIC_INPUT || row->role == TOPIC_SHARED;
	int length = plain ? snprintf(name, TOPIC_NAME_MAX + 1, "%s", typed)
			   : snprintf(name, TOPIC_NAME_MAX + 1, "%s.%s", app_id, typed);
	return length > 0 && length <= TOPIC_NAME_MAX;
}

const char *topics_near(const char *typed)
{
	const char *near = NULL;
	double best = COMPANY_ALIKE_MIN;
	if (strlen(typed) > COMPANY_TEXT_MAX)
		return NULL;
	for (size_t i = 0; i < topics_count; i++) {
		double likeness =
			company_likeness(bytes_str(typed), bytes_str(topics_table[i].logical));
		if (likeness < best)
			continue;
		best = likeness;
		near = topics_table[i].logical;
	}
	return near;
}
