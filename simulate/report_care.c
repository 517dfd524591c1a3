#include "simulate/report_care.h"

#include "base/timestamp.h"

static struct source_event *begin_ticket(struct teller *teller, const char *type, int contact,
					 int64_t at_ms)
{
	const struct account *account = teller->account;
	struct source_event *event =
		tell_begin(teller, FEED_SUPPORT, type, "email", tell_mail(teller, contact), at_ms);
	teller->link = tell_link(account, SYSTEM_MAILS);
	event->has_support = true;
	event->support = (struct support_payload){ .has_ticket = true };
	event->support.ticket.ticket_id = bytes_str(
		tell_number(teller, "T", account->identity.index, account->ticket_serial));
	return event;
}

static void tell_ticket(struct teller *teller, const struct customer_ticket *ticket)
{
	static const char *const categories[] = { "billing", "delivery", "device", "product" };
	static const char *const channels[] = { "mail", "phone", "chat", "portal" };
	struct prng *random = teller->random;
	int contact =
		(int)prng_below(random, (uint32_t)teller->account->customer.traits.contact_count);
	int64_t at_ms = tell_moment(teller, 6, 18);
	int64_t answered_ms = at_ms + ticket->answer_hours * MS_PER_HOUR;
	int64_t closed_ms = at_ms + ticket->close_hours * MS_PER_HOUR;
	teller->account->ticket_serial++;
	struct source_event *event = begin_ticket(teller, "support.ticket.opened", contact, at_ms);
	event->name = bytes_str(categories[prng_below(random, 4)]);
	event->support.ticket.category = event->name;
	event->support.ticket.priority = bytes_str(ticket->is_escalated ? "high" : "normal");
	event->support.ticket.channel = bytes_str(channels[prng_below(random, 4)]);
	tell_send(teller);
	event = begin_ticket(teller, "support.ticket.answered", contact, answered_ms);
	event->support.ticket.agent =
		bytes_str(tell_number(teller, "g", prng_below(random, 12), -1));
	event->support.ticket.has_response_s = true;
	event->support.ticket.response_s = (answered_ms - at_ms) / 1000;
	tell_send(teller);
	if (ticket->is_escalated) {
		event = begin_ticket(teller, "support.ticket.escalated", contact,
				     answered_ms + MS_PER_HOUR);
		event->support.ticket.priority = bytes_str("urgent");
		tell_send(teller);
	}
	event = begin_ticket(teller, "support.ticket.closed", contact, closed_ms);
	event->support.ticket.has_resolution_s = true;
	event->support.ticket.resolution_s = (closed_ms - at_ms) / 1000;
	tell_send(teller);
	if (ticket->score == 0)
		return;
	event = begin_ticket(teller, "support.satisfaction", contact,
			     closed_ms + prng_between(random, 1, 30) * MS_PER_HOUR);
	event->has_value = event->support.ticket.has_score_max = true;
	event->value = ticket->score;
	event->support.ticket.score_max = 5;
	tell_send(teller);
}

void report_care_day(struct teller *teller)
{
	for (int i = 0; i < teller->day->ticket_count; i++)
		tell_ticket(teller, &teller->day->tickets[i]);
}

static struct source_event *begin_market(struct teller *teller, const char *type, int region)
{
	struct source_event *event =
		tell_begin(teller, FEED_MARKET, type, "region", region_facts[region].code,
			   teller->today_ms + 6 * MS_PER_HOUR + region * MS_PER_MINUTE);
	event->has_market = true;
	event->market = (struct market_payload){ 0 };
	return event;
}

static void tell_promotion(struct teller *teller, int number)
{
	const struct region *region = &teller->world->regions[number];
	struct source_event *event = begin_market(teller, "market.promotion", number);
	event->market.has_promotion = true;
	struct market_promotion *promotion = &event->market.promotion;
	promotion->competitor =
		bytes_str(tell_number(teller, "competitor-", region->promotion_competitor, -1));
	promotion->has_discount_percent = true;
	promotion->discount_percent = region->promotion_percent;
	promotion->has_starts_ms = promotion->has_ends_ms = true;
	promotion->starts_ms = teller->today_ms;
	promotion->ends_ms = teller->today_ms + region->promotion_days * MS_PER_DAY;
	tell_send(teller);
}

static void tell_indicator(struct teller *teller, int number, const char *type, const char *name,
			   double value)
{
	struct source_event *event = begin_market(teller, type, number);
	event->market.has_indicator = true;
	struct market_indicator *indicator = &event->market.indicator;
	indicator->publisher = bytes_str("statistics");
	indicator->period = bytes_str("P28D");
	indicator->has_period_start_ms = true;
	indicator->period_start_ms = teller->today_ms - 28 * MS_PER_DAY;
	indicator->base = bytes_str("first day");
	event->name = bytes_str(name);
	event->has_value = true;
	event->value = value;
	tell_send(teller);
}

void report_care_world(struct teller *teller)
{
	const struct world *world = teller->world;
	for (int i = 0; i < REGION_COUNT; i++) {
		const struct region *region = &world->regions[i];
		if (region->promotion_began)
			tell_promotion(teller, i);
		if (world->day % 28 != 0)
			continue;
		tell_indicator(teller, i, "market.price.index", "price-index", region->price_index);
		tell_indicator(teller, i, "market.indicator", "business-climate",
			       100 + 10 * region->economy);
	}
}
