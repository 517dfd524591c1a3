#include "simulate/report_sales.h"

#include "base/timestamp.h"

static const char *const stages[DEAL_STAGE_COUNT + 1] = { "qualified", "proposal", "negotiation",
						     "closed" };
static const char *const products[3] = { "meter", "charger", "gateway" };

static const char *sales_person(struct teller *teller)
{
	return tell_number(teller, "s", teller->account->customer.traits.sales_person, -1);
}

/* ---- accounts and contacts ---- */

static void begin_account(struct teller *teller, const char *type, const char *crm, int64_t at_ms)
{
	struct source_event *event = tell_begin(teller, FEED_CRM, type, "crm.account", crm, at_ms);
	event->has_crm = true;
	event->crm = (struct crm_payload){ .has_account = true };
}

static void tell_account(struct teller *teller, const char *crm, int64_t at_ms)
{
	const struct identity *identity = &teller->account->identity;
	const struct customer_traits *traits = &teller->account->customer.traits;
	const struct region_facts *facts = &region_facts[traits->region];
	begin_account(teller, "crm.account.created", crm, at_ms);
	struct crm_account *account = &teller->event.crm.account;
	const char *name = tell_copy(teller, identity->name);
	account->name = bytes_str(name);
	account->country = bytes_str(facts->country);
	account->region = bytes_str(facts->code);
	account->industry = bytes_str(tell_number(teller, "", 10 + identity->index % 80, -1));
	account->segment = bytes_str(segment_name(traits->segment));
	account->has_employees = true;
	account->employees = traits->seats * 3 + 2;
	account->owner = bytes_str(sales_person(teller));
	account->territory = bytes_str(facts->country);
	tell_identifier(teller, "tax_id", identity->tax);
	tell_identifier(teller, "domain", identity->domain);
	tell_identifier(teller, "phone", identity->phone);
	tell_send(teller);
}

static void tell_contact(struct teller *teller, int number, const char *type, int64_t at_ms)
{
	static const char *const roles[CONTACTS_MAX] = { "decision", "user", "purchase",
							 "technical" };
	const struct identity *identity = &teller->account->identity;
	struct source_event *event =
		tell_begin(teller, FEED_CRM, type, "crm.account", identity->crm, at_ms);
	event->has_crm = true;
	event->crm = (struct crm_payload){ .has_contact = true };
	struct crm_contact *contact = &event->crm.contact;
	contact->contact_id = bytes_str(tell_number(teller, "K", identity->index, number));
	contact->role = bytes_str(roles[number]);
	contact->language = bytes_str("en");
	if (identity->is_linked[SYSTEM_MAILS])
		tell_identifier(teller, "email", tell_mail(teller, number));
	tell_send(teller);
}

void report_sales_introduce(struct teller *teller, int64_t at_ms)
{
	const struct identity *identity = &teller->account->identity;
	tell_account(teller, identity->crm, at_ms);
	if (identity->crm_double[0] != '\0')
		tell_account(teller, identity->crm_double, at_ms + 5 * MS_PER_DAY);
	for (int i = 0; i < teller->account->customer.traits.contact_count; i++)
		tell_contact(teller, i, "crm.contact.created", at_ms + (i + 1) * 7 * MS_PER_MINUTE);
	if (identity->crm_double[0] == '\0')
		return;
	int64_t merged_ms = at_ms + (20 + identity->index % 60) * MS_PER_DAY;
	begin_account(teller, "crm.account.merged", identity->crm_double, merged_ms);
	teller->event.crm.account.merged_into = bytes_str(identity->crm);
	tell_identifier(teller, "crm.account", identity->crm);
	tell_send(teller);
}

/* A person that somebody had entered twice; the second entry was never told of. */
static void tell_contact_merged(struct teller *teller)
{
	const struct identity *identity = &teller->account->identity;
	struct source_event *event =
		tell_begin(teller, FEED_CRM, "crm.contact.merged", "crm.account", identity->crm,
			   tell_moment(teller, 8, 17));
	event->has_crm = true;
	event->crm = (struct crm_payload){ .has_contact = true };
	event->crm.contact.contact_id =
		bytes_str(tell_number(teller, "K", identity->index, CONTACTS_MAX));
	event->crm.contact.merged_into = bytes_str(tell_number(teller, "K", identity->index, 0));
	tell_send(teller);
}

static void tell_changes(struct teller *teller)
{
	struct prng *random = teller->random;
	const char *crm = teller->account->identity.crm;
	const struct customer_traits *traits = &teller->account->customer.traits;
	if (teller->day->has_new_owner) {
		begin_account(teller, "crm.owner.changed", crm, tell_moment(teller, 8, 17));
		teller->event.crm.account.owner = bytes_str(sales_person(teller));
		tell_send(teller);
	}
	if (prng_chance(random, 0.0003)) {
		begin_account(teller, "crm.territory.changed", crm, tell_moment(teller, 8, 17));
		teller->event.crm.account.territory = bytes_str(region_facts[traits->region].code);
		tell_send(teller);
	}
	if (prng_chance(random, 0.0015)) {
		begin_account(teller, "crm.account.changed", crm, tell_moment(teller, 8, 17));
		teller->event.crm.account.has_employees = true;
		teller->event.crm.account.employees = prng_between(random, 2, 9) * traits->seats;
		tell_send(teller);
	}
	if (prng_chance(random, 0.001))
		tell_contact(teller, (int)prng_below(random, (uint32_t)traits->contact_count),
			     "crm.contact.changed", tell_moment(teller, 8, 17));
	if (prng_chance(random, 0.0002))
		tell_contact_merged(teller);
}

/* ---- deals ---- */

static const char *deal_id(struct teller *teller, int serial)
{
	return tell_number(teller, "O", teller->account->identity.index, serial);
}

static void tell_content(struct teller *teller, const struct deal *deal, int64_t at_ms)
{
	static const char *const types[] = { "content.shown", "content.opened", "content.shared" };
	static const char *const kinds[] = { "deck", "case", "price-list", "film" };
	for (int i = 0; i < 3; i++) {
		if (i > 0 &&
		    !prng_chance(teller->random, 0.3 + teller->account->customer.traits.reply_rate))
			break;
		struct source_event *event =
			tell_begin(teller, FEED_CONTENT, types[i], "crm.account",
				   teller->account->identity.crm, at_ms + i * 40 * MS_PER_MINUTE);
		event->has_content = true;
		event->content = (struct content_payload){ .has_item = true };
		struct content_item *item = &event->content.item;
		item->content_id = bytes_str(tell_number(teller, "doc", deal->content, -1));
		item->kind = bytes_str(kinds[deal->content % 4]);
		item->opportunity_id = bytes_str(deal_id(teller, deal->serial));
		item->owner = bytes_str(sales_person(teller));
		item->has_duration_s = i == 1;
		item->duration_s = prng_between(teller->random, 10, 600);
		event->has_value = i == 1;
		event->value = prng_uniform(teller->random);
		tell_send(teller);
	}
}

static void tell_activity(struct teller *teller, const struct deal *deal)
{
	static const char *const types[] = { "crm.activity.call", "crm.activity.meeting",
					     "crm.activity.mail" };
	struct prng *random = teller->random;
	uint32_t kind = prng_below(random, 3);
	int64_t at_ms = tell_moment(teller, 8, 17);
	struct source_event *event = tell_begin(teller, FEED_CRM, types[kind], "crm.account",
						teller->account->identity.crm, at_ms);
	event->has_crm = true;
	event->crm = (struct crm_payload){ .has_activity = true };
	struct crm_activity *activity = &event->crm.activity;
	activity->activity_id = bytes_str(tell_number(teller, "V", teller->account->identity.index,
						      (int64_t)teller->serials[FEED_CRM]));
	activity->direction = bytes_str(prng_chance(random, 0.3) ? "in" : "out");
	activity->has_duration_s = kind < 2;
	activity->duration_s = prng_between(random, 60, 3600);
	activity->owner = bytes_str(sales_person(teller));
	if (deal != NULL)
		activity->opportunity_id = bytes_str(deal_id(teller, deal->serial));
	tell_send(teller);
	if (deal != NULL && prng_chance(random, 0.6))
		tell_content(teller, deal, at_ms);
}

static void note_deal(struct teller *teller, const struct deal *deal, const struct deal_day *today)
{
	const struct account *account = teller->account;
	if (teller->truth == NULL)
		return;
	truth_begin(teller->truth, TRUTH_OPPORTUNITIES);
	truth_text(teller->truth, account->identity.crm);
	truth_text(teller->truth, deal_id(teller, deal->serial));
	truth_time(teller->truth, tell_day_ms(teller, deal->opened_day));
	truth_decimal(teller->truth, deal->probability_opened);
	if (today == NULL) {
		for (int i = 0; i < 3; i++)
			truth_text(teller->truth, "");
	} else {
		truth_time(teller->truth, teller->today_ms);
		truth_decimal(teller->truth, today->probability);
		truth_int(teller->truth, today->step == DEAL_WON);
	}
	truth_text(teller->truth, sales_person(teller));
	truth_int(teller->truth, deal->content);
	truth_end(teller->truth);
	teller->scratch_len = 0;
}

static const char *deal_type(enum deal_step step)
{
	switch (step) {
	case DEAL_OPENED: return "crm.opportunity.created";
	case DEAL_MOVED: return "crm.opportunity.stage";
	case DEAL_REVALUED: return "crm.opportunity.amount";
	case DEAL_WON: return "crm.opportunity.won";
	default: return "crm.opportunity.lost";
	}
}

static void tell_deal(struct teller *teller, const struct deal *deal, const struct deal_day *today)
{
	struct prng *random = teller->random;
	struct source_event *event =
		tell_begin(teller, FEED_CRM, deal_type(today->step), "crm.account",
			   teller->account->identity.crm, tell_moment(teller, 8, 17));
	bool closed = today->step == DEAL_WON || today->step == DEAL_LOST;
	event->has_crm = true;
	event->crm = (struct crm_payload){ .has_opportunity = true };
	struct crm_opportunity *opportunity = &event->crm.opportunity;
	opportunity->opportunity_id = bytes_str(deal_id(teller, deal->serial));
	event->name = bytes_str(stages[closed ? DEAL_STAGE_COUNT : deal->stage]);
	if (today->step == DEAL_MOVED)
		opportunity->stage_before = bytes_str(stages[deal->stage - 1]);
	else if (closed)
		opportunity->stage_before = bytes_str(stages[DEAL_STAGE_COUNT - 1]);
	tell_amount(teller, deal->value_minor);
	opportunity->has_amount_before_minor = today->step == DEAL_REVALUED;
	opportunity->amount_before_minor = tell_minor(teller, today->value_before_minor);
	/* what the CRM states is a sales person's guess, not the truth */
	opportunity->has_probability = !closed;
	opportunity->probability = 0.2 + 0.2 * deal->stage + 0.2 * prng_uniform(random);
	opportunity->has_close_ms = !closed;
	opportunity->close_ms =
		teller->today_ms + (DEAL_STAGE_COUNT - deal->stage) * 13 * MS_PER_DAY;
	opportunity->owner = bytes_str(sales_person(teller));
	opportunity->product = bytes_str(products[deal->product % 3]);
	if (today->step == DEAL_LOST && today->to_competitor) {
		const struct region *region =
			&teller->world->regions[teller->account->customer.traits.region];
		opportunity->reason = bytes_str("price");
		opportunity->competitor = bytes_str(
			tell_number(teller, "competitor-", region->promotion_competitor, -1));
	} else if (closed) {
		opportunity->reason = bytes_str(today->step == DEAL_WON ? "offer" : "no decision");
	}
	tell_send(teller);
	if (closed)
		note_deal(teller, deal, today);
}

void report_sales_day(struct teller *teller)
{
	const struct customer *customer = &teller->account->customer;
	tell_changes(teller);
	for (int i = 0; i < DEALS_MAX; i++) {
		const struct deal_day *today = &teller->day->deals[i];
		if (today->step != DEAL_QUIET)
			tell_deal(teller, &customer->deals[i], today);
		if (today->has_activity)
			tell_activity(teller, &customer->deals[i]);
	}
	if (!world_is_weekend(teller->world->day) && prng_chance(teller->random, 0.03))
		tell_activity(teller, NULL);
}

void report_sales_end(struct teller *teller)
{
	const struct customer *customer = &teller->account->customer;
	for (int i = 0; i < DEALS_MAX; i++)
		if (customer->deals[i].is_open)
			note_deal(teller, &customer->deals[i], NULL);
}
