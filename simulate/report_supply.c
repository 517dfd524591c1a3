#include "simulate/report_supply.h"

#include "base/timestamp.h"

enum { LINES_MAX = 4, PAYMENT_DAYS = 30, OVERDUE_NOTED_DAYS = 7 };

static const char *const sites[SITE_COUNT] = { "DEMUC", "NLRTM", "PLWAW" };
static const char *const carriers[3] = { "DHLC", "UPSN", "SCHK" };

static struct source_event *begin(struct teller *teller, const char *type, int64_t at_ms)
{
	struct source_event *event = tell_begin(teller, FEED_ERP, type, "erp.customer",
						teller->account->identity.erp, at_ms);
	teller->link = tell_link(teller->account, SYSTEM_ERP);
	event->has_erp = true;
	event->erp = (struct erp_payload){ 0 };
	return event;
}

static const char *order_id(struct teller *teller)
{
	return tell_number(teller, "B", teller->account->identity.index,
			   teller->account->order_serial);
}

/* The second name of each document is its order's. */
static const char *document_id(struct teller *teller, const char *before)
{
	return tell_number(teller, before, teller->account->identity.index,
			   teller->account->order_serial);
}

static double rebate_of(const struct customer *customer)
{
	static const double rebates[SEGMENT_COUNT] = { 0, 0.06, 0.15 };
	return rebates[customer->traits.segment];
}

void report_supply_introduce(struct teller *teller, int64_t at_ms)
{
	const struct identity *identity = &teller->account->identity;
	const struct customer_traits *traits = &teller->account->customer.traits;
	const struct region_facts *facts = &region_facts[traits->region];
	begin(teller, "erp.customer.created", at_ms);
	teller->event.erp.has_customer = true;
	struct erp_customer *customer = &teller->event.erp.customer;
	customer->name = bytes_str(identity->name);
	customer->country = bytes_str(facts->country);
	customer->region = bytes_str(facts->code);
	customer->has_payment_terms_days = true;
	customer->payment_terms_days = PAYMENT_DAYS;
	customer->has_credit_limit_minor = true;
	customer->credit_limit_minor =
		tell_minor(teller, 1e5 * (double)(1 + (int)(traits->order_units)));
	customer->credit_currency = bytes_str(facts->currency);
	char other[IDENTITY_TEXT_MAX];
	identity_crm(identity->mislinked_to, other);
	if (identity->is_erp_mislinked)
		tell_identifier(teller, "crm.account", other);
	else if (identity->is_linked[SYSTEM_ERP] && identity->erp_knows_crm)
		tell_identifier(teller, "crm.account", identity->crm);
	else if (identity->is_linked[SYSTEM_ERP])
		tell_identifier(teller, "tax_id", identity->tax);
	tell_send(teller);
}

/* ---- an order and what follows ---- */

/* One order as it is told. */
struct sale {
	const struct customer_order *order;
	int64_t ordered_ms, promised_ms, delivered_ms;
	double list_minor, net_minor; /* EUR cents, of all units */
};

static void tell_order(struct teller *teller, const struct sale *sale)
{
	const struct customer *customer = &teller->account->customer;
	struct source_event *event = begin(teller, "erp.order", sale->ordered_ms);
	event->erp.has_order = true;
	struct erp_order *order = &event->erp.order;
	order->order_id = bytes_str(order_id(teller));
	order->site = bytes_str(sites[region_facts[customer->traits.region].site]);
	order->has_line_count = true;
	order->line_count = 1 + sale->order->units % LINES_MAX;
	order->has_requested_ms = true;
	order->requested_ms = sale->promised_ms;
	order->has_list_minor = order->has_rebate_minor = true;
	order->list_minor = tell_minor(teller, sale->list_minor);
	order->rebate_minor = tell_minor(teller, sale->list_minor - sale->net_minor);
	if (sale->order->deal_serial >= 0)
		order->opportunity_id = bytes_str(tell_number(
			teller, "O", teller->account->identity.index, sale->order->deal_serial));
	order->sales_person =
		bytes_str(tell_number(teller, "s", customer->traits.sales_person, -1));
	event->has_quantity = true;
	event->quantity = sale->order->units;
	event->attr_count = 1;
	event->attrs[0] = (struct attr){ bytes_str("country"),
					 bytes_str(region_facts[customer->traits.region].country) };
	tell_amount(teller, sale->net_minor);
	tell_send(teller);
}

static void tell_lines(struct teller *teller, const struct sale *sale)
{
	int units = sale->order->units, count = 1 + units % LINES_MAX;
	for (int i = 0; i < count; i++) {
		struct source_event *event = begin(teller, "erp.order.line", sale->ordered_ms);
		event->erp.has_line = true;
		struct erp_order_line *line = &event->erp.line;
		int share = units / count + (i == 0 ? units % count : 0);
		uint32_t article = prng_below(teller->random, PRODUCT_COUNT);
		line->order_id = bytes_str(order_id(teller));
		line->has_line_number = line->has_quantity = true;
		line->line_number = i + 1;
		line->sku = bytes_str(tell_number(teller, "ART", 100 + article, -1));
		line->quantity = share;
		line->unit = bytes_str("H87");
		line->has_list_price_minor = line->has_net_price_minor = true;
		line->list_price_minor = tell_minor(teller, sale->list_minor / units);
		line->net_price_minor = tell_minor(teller, sale->net_minor / units);
		event->currency = bytes_str(tell_currency(teller));
		event->has_amount = true;
		event->amount_minor = line->net_price_minor * share;
		tell_send(teller);
	}
}

static void tell_shipment(struct teller *teller, const struct sale *sale, const char *type,
			  int64_t at_ms, bool is_delivered)
{
	const struct customer_traits *traits = &teller->account->customer.traits;
	struct source_event *event = begin(teller, type, at_ms);
	int to = traits->ship_region;
	if (sale->order->is_diverted)
		to = (traits->region + 1 + (int)(teller->account->identity.index % 7)) %
		     REGION_COUNT;
	event->erp.has_shipment = true;
	struct erp_shipment *shipment = &event->erp.shipment;
	shipment->shipment_id = bytes_str(document_id(teller, "SH"));
	shipment->order_id = bytes_str(order_id(teller));
	shipment->site = bytes_str(sites[region_facts[traits->region].site]);
	shipment->ship_to_country = bytes_str(region_facts[to].country);
	shipment->ship_to_region = bytes_str(region_facts[to].code);
	shipment->has_promised_ms = true;
	shipment->promised_ms = sale->promised_ms;
	shipment->has_delivered_ms = is_delivered;
	shipment->delivered_ms = at_ms;
	shipment->carrier = bytes_str(carriers[teller->account->order_serial % 3]);
	shipment->has_weight_kg = true;
	shipment->weight_kg = 0.4 * sale->order->units;
	if (sale->order->is_diverted && is_delivered && at_ms < teller->end_ms) {
		truth_begin(teller->truth, TRUTH_SHIPMENTS);
		truth_text(teller->truth, teller->account->identity.crm);
		truth_text(teller->truth, (const char *)shipment->shipment_id.data);
		truth_time(teller->truth, at_ms);
		truth_text(teller->truth, region_facts[to].code);
		truth_text(teller->truth, region_facts[traits->region].code);
		truth_end(teller->truth);
	}
	tell_send(teller);
}

static void tell_invoice(struct teller *teller, const char *type, const struct sale *sale,
			 int64_t at_ms, int64_t due_ms, bool is_paid)
{
	struct source_event *event = begin(teller, type, at_ms);
	event->erp.has_invoice = true;
	struct erp_invoice *invoice = &event->erp.invoice;
	invoice->invoice_id = bytes_str(document_id(teller, "I"));
	invoice->order_id = bytes_str(order_id(teller));
	invoice->has_due_ms = invoice->has_open_minor = true;
	invoice->due_ms = due_ms;
	invoice->open_minor = is_paid ? 0 : tell_minor(teller, sale->net_minor);
	invoice->has_overdue_days = at_ms > due_ms + MS_PER_DAY;
	invoice->overdue_days = (at_ms - due_ms) / MS_PER_DAY;
	tell_amount(teller, sale->net_minor);
	tell_send(teller);
}

/* Paid late where it is the customer's way, or where it is discontent. */
static void tell_money(struct teller *teller, const struct sale *sale)
{
	const struct customer *customer = &teller->account->customer;
	int64_t invoiced_ms = sale->delivered_ms + 6 * MS_PER_HOUR;
	int64_t due_ms = invoiced_ms + PAYMENT_DAYS * MS_PER_DAY;
	double days = customer->traits.payment_delay_days - 3 * customer->satisfaction +
		      4 * prng_normal(teller->random);
	if (days < -20)
		days = -20;
	if (days > 60)
		days = 60;
	int64_t paid_ms = due_ms + (int64_t)(days * (double)MS_PER_DAY);
	tell_invoice(teller, "erp.invoice", sale, invoiced_ms, due_ms, false);
	if (days > OVERDUE_NOTED_DAYS)
		tell_invoice(teller, "erp.overdue", sale, due_ms + OVERDUE_NOTED_DAYS * MS_PER_DAY,
			     due_ms, false);
	tell_invoice(teller, "erp.payment", sale, paid_ms, due_ms, true);
}

static void tell_return(struct teller *teller, const struct sale *sale)
{
	static const char *const reasons[] = { "defective", "wrong article", "too late" };
	int64_t at_ms = sale->delivered_ms + prng_between(teller->random, 1, 12) * MS_PER_DAY;
	struct source_event *event = begin(teller, "erp.return", at_ms);
	event->erp.has_returned = true;
	event->erp.returned.return_id = bytes_str(document_id(teller, "R"));
	event->erp.returned.order_id = bytes_str(order_id(teller));
	event->erp.returned.reason = bytes_str(reasons[prng_below(teller->random, 3)]);
	event->has_quantity = true;
	event->quantity = 1;
	tell_amount(teller, -sale->net_minor / sale->order->units);
	tell_send(teller);
}

static void tell_sale(struct teller *teller, const struct customer_order *order)
{
	const struct customer *customer = &teller->account->customer;
	const struct customer_traits *traits = &customer->traits;
	const struct region *region = &teller->world->regions[traits->region];
	teller->account->order_serial++;
	struct sale sale = { .order = order, .ordered_ms = tell_moment(teller, 6, 17) };
	sale.promised_ms =
		tell_day_ms(teller, teller->world->day + order->transit_days) + 17 * MS_PER_HOUR;
	sale.delivered_ms = sale.promised_ms + order->late_days * MS_PER_DAY -
			    prng_between(teller->random, 0, 8 * MS_PER_HOUR);
	sale.list_minor = traits->unit_minor * region_facts[traits->region].price_level *
			  region->price_index / 100 * order->units;
	double rebate = rebate_of(customer) + (order->is_diverted ? 0.12 : 0);
	sale.net_minor = sale.list_minor * (1 - rebate);
	tell_order(teller, &sale);
	tell_lines(teller, &sale);
	tell_shipment(teller, &sale, "erp.shipment.planned", sale.ordered_ms + 40 * MS_PER_MINUTE,
		      false);
	tell_shipment(teller, &sale, "erp.shipment.dispatched",
		      sale.delivered_ms - MS_PER_DAY - MS_PER_HOUR, false);
	tell_shipment(teller, &sale, "erp.shipment.delivered", sale.delivered_ms, true);
	tell_money(teller, &sale);
	if (prng_chance(teller->random, 0.02 + 0.02 * (order->late_days > 2)))
		tell_return(teller, &sale);
}

/* ---- the rest ---- */

static void tell_price(struct teller *teller, const char *type, double change_percent,
		       double rebate_percent)
{
	struct source_event *event = begin(teller, type, tell_moment(teller, 6, 9));
	event->erp.has_price = true;
	struct erp_price *price = &event->erp.price;
	price->has_change_percent = change_percent != 0;
	price->change_percent = change_percent;
	price->has_rebate_percent = rebate_percent != 0;
	price->rebate_percent = rebate_percent;
	tell_send(teller);
}

void report_supply_day(struct teller *teller)
{
	const struct customer_day *day = teller->day;
	const struct customer *customer = &teller->account->customer;
	for (int i = 0; i < day->order_count; i++)
		tell_sale(teller, &day->orders[i]);
	if (day->price_change != 0)
		tell_price(teller, "erp.price", day->price_change, 0);
	if (day->is_renewal && rebate_of(customer) > 0)
		tell_price(teller, "erp.rebate", 0, 100 * rebate_of(customer));
	if (!prng_chance(teller->random, 0.002))
		return;
	bool is_terms = prng_chance(teller->random, 0.5);
	struct source_event *event =
		begin(teller, is_terms ? "erp.customer.changed" : "erp.credit.limit",
		      tell_moment(teller, 8, 15));
	if (is_terms) {
		event->erp.has_customer = event->erp.customer.has_payment_terms_days = true;
		event->erp.customer.payment_terms_days = PAYMENT_DAYS;
		tell_send(teller);
		return;
	}
	event->erp.has_customer = event->erp.customer.has_credit_limit_minor = true;
	event->erp.customer.credit_limit_minor =
		tell_minor(teller, 1e5 * (double)prng_between(teller->random, 5, 200));
	event->erp.customer.credit_currency = bytes_str(tell_currency(teller));
	tell_send(teller);
}

static void tell_stock(struct teller *teller, int site, uint32_t article)
{
	struct source_event *event = tell_begin(teller, FEED_ERP, "erp.stock", "site", sites[site],
						teller->today_ms + 2 * MS_PER_HOUR);
	double disruption = teller->world->sites[site].disruption;
	event->has_erp = true;
	event->erp = (struct erp_payload){ .has_stock = true };
	struct erp_stock *stock = &event->erp.stock;
	stock->site = bytes_str(sites[site]);
	stock->sku = bytes_str(tell_number(teller, "ART", 100 + article, -1));
	stock->has_level = stock->has_reorder_level = true;
	stock->level = (double)prng_between(teller->random, 100, 900) * (1 - disruption);
	stock->unit = bytes_str("H87");
	stock->reorder_level = 200;
	tell_send(teller);
}

void report_supply_world(struct teller *teller)
{
	for (int site = 0; site < SITE_COUNT; site++)
		tell_stock(teller, site, prng_below(teller->random, PRODUCT_COUNT));
	for (int i = 0; i < REGION_COUNT; i++) {
		double change = teller->world->regions[i].price_change;
		if (change == 0)
			continue;
		struct source_event *event =
			tell_begin(teller, FEED_ERP, "erp.price", "region", region_facts[i].code,
				   teller->today_ms + 5 * MS_PER_HOUR);
		event->has_erp = true;
		event->erp = (struct erp_payload){ .has_price = true };
		event->erp.price.has_change_percent = true;
		event->erp.price.change_percent = change;
		tell_send(teller);
	}
}
