#include "consumers/account_features.h"

#include <string.h>

#include "base/dmath.h"
#include "base/timestamp.h"

#define USES_MAX 1e9 /* told with one event */

static void add_delivery(struct features *features, const struct source_event *event)
{
	const struct erp_shipment *shipment = &event->erp.shipment;
	double late = 0;
	int64_t delivered_ms =
		shipment->has_delivered_ms ? shipment->delivered_ms : event->event_ms;
	if (event->has_erp && event->erp.has_shipment && shipment->has_promised_ms &&
	    time_is_event(shipment->promised_ms) && time_is_event(delivered_ms))
		late = (double)(delivered_ms - shipment->promised_ms) / (double)MS_PER_DAY;
	late = late < 0.5 ? 0 : late > 20 ? 20 : late;
	if (late > 0)
		features->late_days = late;
	features_add(features, SIGNAL_DELIVERY, event->event_ms, late);
}

static void add_payment(struct features *features, const struct source_event *event)
{
	const struct erp_invoice *invoice = &event->erp.invoice;
	if (!event->has_erp || !event->erp.has_invoice || !invoice->has_due_ms ||
	    !time_is_event(invoice->due_ms))
		return;
	double days = (double)(event->event_ms - invoice->due_ms) / (double)MS_PER_DAY;
	features_add(features, SIGNAL_PAYMENT, event->event_ms, dm_clamp(days, -30, 60));
}

static void add_price(struct features *features, const struct source_event *event)
{
	if (!event->has_erp || !event->erp.has_price || !event->erp.price.has_change_percent ||
	    !dm_is_finite(event->erp.price.change_percent))
		return;
	double percent = dm_clamp(event->erp.price.change_percent, -50, 50);
	features->price_percent = percent;
	features_add(features, SIGNAL_PRICE, event->event_ms, percent);
}

static void add_use(struct features *features, const struct source_event *event)
{
	const struct feature_use *use = &event->marketing.feature;
	bool is_told = event->has_marketing && event->marketing.has_feature;
	double count = is_told && use->has_use_count ? dm_clamp((double)use->use_count, 0, USES_MAX)
						     : 1;
	if (is_told && use->has_seats_active) {
		features->seats_active = use->seats_active;
		if (features->seats > 0 && use->seats_active >= 0)
			features_add(features, SIGNAL_SEATS, event->event_ms,
				     dm_clamp((double)use->seats_active / (double)features->seats,
					      0, 1));
	}
	features_add(features, SIGNAL_USE, event->event_ms, count);
}

static void add_subscription(struct features *features, const struct source_event *event)
{
	const struct subscription *told = &event->marketing.subscription;
	if (!event->has_marketing || !event->marketing.has_subscription)
		return;
	if (told->has_cancelled_ms) {
		features->ended_ms =
			time_is_event(told->cancelled_ms) ? told->cancelled_ms : event->event_ms;
		return;
	}
	features->is_subscriber = true;
	features->ended_ms = 0;
	if (told->has_renewal_ms && time_is_event(told->renewal_ms))
		features->renewal_ms = told->renewal_ms;
	if (told->has_seats)
		features_seats(features, event->event_ms, told->seats);
}

/* A trial's end is a date like a renewal's, of one who is no subscriber yet. */
static void add_trial(struct features *features, const struct source_event *event)
{
	const struct subscription *told = &event->marketing.subscription;
	if (!features->is_subscriber && event->has_marketing && event->marketing.has_subscription &&
	    told->has_trial_ends_ms && time_is_event(told->trial_ends_ms))
		features->renewal_ms = told->trial_ends_ms;
}

static void add_visit(struct features *features, const struct source_event *event)
{
	const struct web_visit *visit = &event->marketing.visit;
	static const char pricing[] = "pricing";
	features_add(features, SIGNAL_VISIT, event->event_ms, 1);
	if (!event->has_marketing || !event->marketing.has_visit)
		return;
	for (size_t i = 0; i + sizeof pricing - 1 <= visit->page.len; i++)
		if (memcmp(visit->page.data + i, pricing, sizeof pricing - 1) == 0) {
			features_add(features, SIGNAL_INTEREST, event->event_ms, 1);
			return;
		}
}

static void add_satisfaction(struct features *features, const struct source_event *event)
{
	const struct support_ticket *ticket = &event->support.ticket;
	if (!event->has_value || !dm_is_finite(event->value))
		return;
	double most = event->has_support && event->support.has_ticket && ticket->has_score_max &&
				      ticket->score_max > 1
			      ? ticket->score_max
			      : 5;
	double score = dm_clamp((event->value - 1) / (most - 1), 0, 1);
	features->score = event->value;
	features_add(features, SIGNAL_SATISFACTION, event->event_ms, score);
}

static void add_answer(struct features *features, const struct source_event *event)
{
	const struct support_ticket *ticket = &event->support.ticket;
	if (!event->has_support || !event->support.has_ticket || !ticket->has_response_s)
		return;
	double hours = (double)ticket->response_s / 3600;
	features_add(features, SIGNAL_ANSWER, event->event_ms, dm_clamp(hours, 0, 240));
}

static void add_created(struct features *features, const struct source_event *event)
{
	int64_t at_ms = event->event_ms != 0 ? event->event_ms : 1; /* 0: it was never told */
	if (features->first_ms == 0 || at_ms < features->first_ms)
		features->first_ms = at_ms;
	if (event->has_crm && event->crm.has_account && event->crm.account.has_employees)
		features->employees = event->crm.account.employees;
}

static void add_reading(struct features *features, const struct source_event *event)
{
	if (event->has_value && event->value > -1e12 && event->value < 1e12)
		features_add(features, SIGNAL_READING, event->event_ms, event->value);
}

static void add_status(struct features *features, const struct source_event *event)
{
	features_add(features, SIGNAL_FAULT, event->event_ms, 1);
}

/* Types with a value of their own. */
static const struct {
	const char *type;
	void (*add)(struct features *features, const struct source_event *event);
} valued[] = {
	{ "iot.reading", add_reading },
	{ "product.feature", add_use },
	{ "erp.shipment.delivered", add_delivery },
	{ "erp.payment", add_payment },
	{ "erp.price", add_price },
	{ "iot.error", add_status },
	{ "product.subscription", add_subscription },
	{ "product.renewal", add_subscription },
	{ "support.satisfaction", add_satisfaction },
	{ "support.ticket.answered", add_answer },
	{ "crm.account.created", add_created },
	{ "product.trial", add_trial },
	{ "marketing.visit", add_visit },
};

/* Types that are counted. */
static const struct {
	const char *type;
	enum signal signal;
} counted[] = {
	{ "erp.order", SIGNAL_ORDER },
	{ "iot.charging", SIGNAL_CHARGING },
	{ "marketing.touch", SIGNAL_MAIL },
	{ "marketing.mail.opened", SIGNAL_MAIL_OPENED },
	{ "crm.activity.call", SIGNAL_ACTIVITY },
	{ "crm.activity.meeting", SIGNAL_ACTIVITY },
	{ "crm.activity.mail", SIGNAL_ACTIVITY },
	{ "support.ticket.opened", SIGNAL_TICKET },
	{ "support.ticket.escalated", SIGNAL_ESCALATION },
	{ "erp.overdue", SIGNAL_OVERDUE },
	{ "erp.return", SIGNAL_RETURN },
	{ "crm.opportunity.won", SIGNAL_WON },
	{ "crm.opportunity.lost", SIGNAL_LOST },
	{ "content.opened", SIGNAL_INTEREST },
	{ "content.shared", SIGNAL_INTEREST },
};

void account_features_add(struct features *features, const struct source_event *event)
{
	for (size_t i = 0; i < sizeof valued / sizeof valued[0]; i++)
		if (bytes_equal(event->type, bytes_str(valued[i].type))) {
			valued[i].add(features, event);
			return;
		}
	for (size_t i = 0; i < sizeof counted / sizeof counted[0]; i++)
		if (bytes_equal(event->type, bytes_str(counted[i].type))) {
			features_add(features, counted[i].signal, event->event_ms, 1);
			return;
		}
}
