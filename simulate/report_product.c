#include "simulate/report_product.h"

#include "base/dmath.h"
#include "base/timestamp.h"

enum { FEATURE_COUNT = 8, ANOMALY_DAYS_BETWEEN = 250, FORM_DAYS_BEFORE = 2 };

static const char *const features[FEATURE_COUNT] = { "report", "export",  "alerts", "planning",
						     "api",    "sharing", "search", "mobile" };
static const char *const pages[] = { "/", "/pricing", "/docs", "/support", "/contact" };
static const char *const anomaly_names[] = { "none", "meter.spike", "meter.stuck", "meter.drift",
					     "use.surge" };

/* ---- devices ---- */

/* Vehicles are counted on after the devices: DEVICES_MAX is the first. */
static struct source_event *begin_device(struct teller *teller, int device, const char *type,
					 int64_t at_ms)
{
	char text[IDENTITY_TEXT_MAX];
	if (device < DEVICES_MAX)
		identity_device(&teller->account->identity, device, text);
	else
		identity_vehicle(&teller->account->identity, device - DEVICES_MAX, text);
	/* a clock that is wrong tells wrong times; the delivery does not care */
	struct source_event *event =
		tell_begin(teller, FEED_IOT, type, "iot.device", tell_copy(teller, text),
			   at_ms + teller->account->identity.skew_ms);
	teller->not_before_ms = at_ms;
	teller->link = tell_link(teller->account, SYSTEM_DEVICES);
	event->has_iot = false;
	return event;
}

static bool is_charger(const struct customer_traits *traits, int device)
{
	return traits->device_count >= CHARGER_FROM_DEVICES && device == traits->device_count - 1;
}

static void tell_registered(struct teller *teller, int device, int64_t at_ms)
{
	const struct customer_traits *traits = &teller->account->customer.traits;
	struct source_event *event = begin_device(teller, device, "iot.device.registered", at_ms);
	event->has_iot = true;
	event->iot = (struct iot_payload){ .has_device = true };
	event->iot.device.device_id = event->subject;
	event->iot.device.kind = bytes_str(device >= DEVICES_MAX	? "vehicle"
					   : is_charger(traits, device) ? "charger"
									: "meter");
	event->iot.device.model = bytes_str("M2");
	event->iot.device.firmware = bytes_str("1.0");
	if (device < DEVICES_MAX)
		event->iot.device.region = bytes_str(region_facts[traits->region].code);
	if (teller->account->identity.is_linked[SYSTEM_DEVICES])
		tell_identifier(teller, "erp.customer", teller->account->identity.erp);
	tell_send(teller);
}

static void note_anomaly(struct teller *teller, const char *subject, int days)
{
	truth_begin(teller->truth, TRUTH_ANOMALIES);
	truth_text(teller->truth, teller->account->identity.crm);
	truth_text(teller->truth, anomaly_names[teller->account->anomaly]);
	truth_text(teller->truth, subject);
	truth_time(teller->truth, teller->today_ms);
	truth_time(teller->truth, teller->today_ms + days * MS_PER_DAY);
	truth_end(teller->truth);
}

static void anomaly_step(struct teller *teller)
{
	struct account *account = teller->account;
	const struct customer_traits *traits = &account->customer.traits;
	if (account->anomaly != ANOMALY_NONE && --account->anomaly_days <= 0)
		account->anomaly = ANOMALY_NONE;
	if (account->anomaly != ANOMALY_NONE ||
	    !prng_chance(teller->random, 1.0 / ANOMALY_DAYS_BETWEEN))
		return;
	account->anomaly = 1 + (int)prng_below(teller->random, ANOMALY_SURGE);
	static const int lengths[] = { 0, 1, 6, 14, 1 };
	account->anomaly_days = lengths[account->anomaly];
	if (account->anomaly == ANOMALY_SURGE) {
		if (!traits->has_subscription)
			account->anomaly = ANOMALY_NONE;
		else
			note_anomaly(teller, account->identity.product, account->anomaly_days);
		return;
	}
	if (traits->device_count == 0) {
		account->anomaly = ANOMALY_NONE;
		return;
	}
	char device[IDENTITY_TEXT_MAX];
	account->anomaly_device = (int)prng_below(teller->random, (uint32_t)traits->device_count);
	identity_device(&account->identity, account->anomaly_device, device);
	note_anomaly(teller, device, account->anomaly_days);
}

static double reading(struct teller *teller, int device, int hour)
{
	const struct account *account = teller->account;
	double usual = 20 + 3 * ((account->identity.index + (uint32_t)device) % 11);
	double wave = 0.25 * world_wave((double)hour / 24 + 0.6);
	double value = usual * (1 + wave) *
		       (1 + 0.05 * prng_normal(teller->random) + 0.15 * account->customer.usage);
	if (account->anomaly == ANOMALY_NONE || account->anomaly_device != device)
		return value;
	switch (account->anomaly) {
	case ANOMALY_SPIKE: return value * 4;
	case ANOMALY_STUCK: return usual;
	case ANOMALY_DRIFT: return value * (1.6 - 0.04 * account->anomaly_days);
	default: return value;
	}
}

static void tell_readings(struct teller *teller, int device)
{
	for (int hour = 5; hour < 24; hour += 12) {
		struct source_event *event = begin_device(
			teller, device, "iot.reading",
			teller->today_ms + hour * MS_PER_HOUR + prng_below(teller->random, 60000));
		event->name = bytes_str("load");
		event->has_value = true;
		event->value = reading(teller, device, hour);
		event->unit = bytes_str("KWT");
		tell_send(teller);
	}
}

static void tell_fault(struct teller *teller, int device)
{
	static const char *const codes[] = { "E12", "E40", "E77" };
	int64_t at_ms = tell_moment(teller, 0, 20);
	for (int i = 0; i < 2; i++) {
		struct source_event *event =
			begin_device(teller, device, i == 0 ? "iot.error" : "iot.status",
				     at_ms + i * 3 * MS_PER_HOUR);
		event->has_iot = true;
		event->iot = (struct iot_payload){ .has_status = true };
		struct iot_status *status = &event->iot.status;
		status->state = bytes_str(i == 0 ? "down" : "up");
		if (i == 0) {
			status->error_code = bytes_str(codes[prng_below(teller->random, 3)]);
			status->severity = bytes_str("fault");
		}
		status->has_down_s = i == 1;
		status->down_s = 3 * MS_PER_HOUR / 1000;
		tell_send(teller);
	}
}

static void tell_charging(struct teller *teller, int device)
{
	struct prng *random = teller->random;
	int count = prng_poisson(random, 0.8 * dm_exp(0.5 * teller->account->customer.usage), 4);
	for (int i = 0; i < count; i++) {
		struct source_event *event =
			begin_device(teller, device, "iot.charging", tell_moment(teller, 5, 22));
		event->has_iot = true;
		event->iot = (struct iot_payload){ .has_charging = true };
		struct iot_charging *charging = &event->iot.charging;
		const struct account *account = teller->account;
		char vehicle[IDENTITY_TEXT_MAX];
		charging->session_id = bytes_str(tell_number(teller, "L", account->identity.index,
							     account->serials[FEED_IOT]));
		charging->station_id = event->subject;
		identity_vehicle(&account->identity, (int)prng_below(random, VEHICLES_MAX),
				 vehicle);
		charging->vehicle_id = bytes_str(tell_copy(teller, vehicle));
		charging->region = bytes_str(region_facts[account->customer.traits.region].code);
		charging->has_energy_kwh = charging->has_duration_s = charging->has_peak_kw = true;
		charging->energy_kwh = 8 + 40 * prng_uniform(random);
		charging->duration_s = (int64_t)(charging->energy_kwh * 240);
		charging->peak_kw = prng_chance(random, 0.4) ? 22 : 11;
		event->name = bytes_str("energy");
		event->has_value = true;
		event->value = charging->energy_kwh;
		event->unit = bytes_str("KWH");
		tell_send(teller);
	}
}

static void tell_firmware(struct teller *teller, int device)
{
	struct source_event *event =
		begin_device(teller, device, "iot.firmware", tell_moment(teller, 1, 4));
	event->has_iot = true;
	event->iot = (struct iot_payload){ .has_device = true };
	event->iot.device.device_id = event->subject;
	event->iot.device.firmware =
		bytes_str(tell_number(teller, "1.", 1 + teller->world->day / 90, -1));
	tell_send(teller);
}

static void devices_day(struct teller *teller)
{
	const struct customer_traits *traits = &teller->account->customer.traits;
	for (int device = 0; device < traits->device_count; device++) {
		tell_readings(teller, device);
		if (is_charger(traits, device))
			tell_charging(teller, device);
		if (prng_chance(teller->random, 0.004))
			tell_firmware(teller, device);
	}
	for (int i = 0; i < teller->day->fault_count; i++)
		tell_fault(teller, (int)prng_below(teller->random, (uint32_t)traits->device_count));
}

/* ---- the product ---- */

static struct source_event *begin_product(struct teller *teller, const char *type, int64_t at_ms)
{
	struct source_event *event = tell_begin(teller, FEED_MARKETING, type, "product.account",
						teller->account->identity.product, at_ms);
	teller->link = tell_link(teller->account, SYSTEM_PRODUCT);
	event->has_marketing = true;
	event->marketing = (struct marketing_payload){ 0 };
	return event;
}

/* `seats_before` negative: not a change; `left`: the contract ends. */
static void tell_subscription(struct teller *teller, const char *type, int64_t at_ms,
			      int seats_before, bool left)
{
	const struct account *account = teller->account;
	const struct customer_traits *traits = &account->customer.traits;
	struct source_event *event = begin_product(teller, type, at_ms);
	event->marketing.has_subscription = true;
	struct subscription *subscription = &event->marketing.subscription;
	int day = teller->world->day;
	int days_left = traits->renewal_days - (day + traits->renewal_phase) % traits->renewal_days;
	subscription->subscription_id = event->subject;
	subscription->plan = bytes_str(segment_name(traits->segment));
	subscription->has_seats = true;
	subscription->seats = left ? 0 : account->customer.seats;
	subscription->has_seats_before = seats_before >= 0;
	subscription->seats_before = seats_before;
	subscription->has_renewal_ms = !left;
	subscription->renewal_ms = tell_day_ms(teller, day + days_left);
	subscription->has_cancelled_ms = left;
	subscription->cancelled_ms = at_ms;
	if (account->identity.is_linked[SYSTEM_PRODUCT])
		tell_identifier(teller, "email", tell_mail(teller, 0));
	tell_send(teller);
}

static void product_day(struct teller *teller)
{
	const struct account *account = teller->account;
	const struct customer_day *day = teller->day;
	int uses = day->use_count * (account->anomaly == ANOMALY_SURGE ? 6 : 1);
	int kinds = uses == 0 ? 0 : uses < 10 ? 1 : uses < 40 ? 2 : 3;
	for (int i = 0; i < kinds; i++) {
		struct source_event *event = begin_product(
			teller, "product.feature", teller->today_ms + (18 + i) * MS_PER_HOUR);
		event->marketing.has_feature = true;
		struct feature_use *feature = &event->marketing.feature;
		feature->feature = bytes_str(
			features[(account->identity.index + (uint32_t)i * 3) % FEATURE_COUNT]);
		feature->has_use_count = feature->has_seats_active = true;
		feature->use_count = uses / kinds + (i == 0 ? uses % kinds : 0);
		feature->seats_active = feature->use_count < account->customer.seats
						? feature->use_count
						: account->customer.seats;
		event->name = feature->feature;
		tell_send(teller);
	}
	if (account->customer.seats != day->seats_before && !day->left)
		tell_subscription(teller, "product.subscription", tell_moment(teller, 8, 17),
				  day->seats_before, false);
	if (day->is_renewal && !day->left)
		tell_subscription(teller, "product.renewal", teller->today_ms, -1, false);
	/* the others just let it lapse */
	if (day->left && account->customer.traits.has_subscription &&
	    prng_chance(teller->random, 0.7))
		tell_subscription(teller, "product.subscription", tell_moment(teller, 8, 17),
				  account->customer.seats, true);
}

/* ---- marketing ---- */

static void tell_touch(struct teller *teller, const char *type, int contact, int64_t at_ms)
{
	const char *mail = tell_mail(teller, contact);
	struct source_event *event = tell_begin(teller, FEED_MARKETING, type, "email", mail, at_ms);
	teller->link = tell_link(teller->account, SYSTEM_MAILS);
	event->name = bytes_str(tell_number(teller, "campaign-", teller->world->day / 14, -1));
	event->has_marketing = true;
	event->marketing = (struct marketing_payload){ .has_touch = true };
	event->marketing.touch.channel = bytes_str("mail");
	tell_send(teller);
}

static void mails_day(struct teller *teller)
{
	const struct account *account = teller->account;
	const struct customer_traits *traits = &account->customer.traits;
	struct prng *random = teller->random;
	if ((teller->world->day + (int)(account->identity.index % 14)) % 14 != 0)
		return;
	int contact = (int)prng_below(random, (uint32_t)traits->contact_count);
	int64_t at_ms = tell_moment(teller, 7, 10);
	tell_touch(teller, "marketing.touch", contact, at_ms);
	double reply = traits->reply_rate * (account->customer.is_active ? 1 : 0.2) *
		       dm_exp(0.4 * account->customer.satisfaction);
	if (!prng_chance(random, reply)) {
		if (prng_chance(random, 0.004))
			tell_touch(teller, "marketing.unsubscribed", contact,
				   at_ms + 3 * MS_PER_HOUR);
		return;
	}
	at_ms += prng_between(random, 1, 24 * 60) * MS_PER_MINUTE;
	tell_touch(teller, "marketing.mail.opened", contact, at_ms);
	if (prng_chance(random, 0.35))
		tell_touch(teller, "marketing.mail.clicked", contact, at_ms + 20000);
}

static struct source_event *begin_web(struct teller *teller, const char *type, int64_t at_ms)
{
	struct source_event *event = tell_begin(teller, FEED_MARKETING, type, "cookie",
						teller->account->identity.cookie, at_ms);
	teller->link = tell_link(teller->account, SYSTEM_COOKIE);
	event->has_marketing = true;
	event->marketing = (struct marketing_payload){ 0 };
	return event;
}

static void tell_visits(struct teller *teller, double mean)
{
	int count = prng_poisson(teller->random, mean, 5);
	for (int i = 0; i < count; i++) {
		struct source_event *event =
			begin_web(teller, "marketing.visit", tell_moment(teller, 6, 22));
		event->marketing.has_visit = true;
		struct web_visit *visit = &event->marketing.visit;
		visit->page = bytes_str(pages[prng_below(teller->random, 5)]);
		visit->has_duration_s = visit->has_page_count = true;
		visit->duration_s = (int64_t)prng_exponential(teller->random, 90);
		visit->page_count = 1 + visit->duration_s / 40;
		tell_send(teller);
	}
}

static void tell_form(struct teller *teller)
{
	const struct identity *identity = &teller->account->identity;
	struct source_event *event =
		begin_web(teller, "marketing.form", tell_moment(teller, 8, 20));
	event->marketing.has_form = true;
	event->marketing.form.form_id = bytes_str("contact");
	event->marketing.form.company = bytes_str(identity->name);
	event->marketing.form.country =
		bytes_str(region_facts[teller->account->customer.traits.region].country);
	if (identity->is_linked[SYSTEM_COOKIE])
		tell_identifier(teller, "domain", identity->domain);
	if (identity->is_linked[SYSTEM_COOKIE] && identity->is_linked[SYSTEM_MAILS])
		tell_identifier(teller, "email", tell_mail(teller, 0));
	tell_send(teller);
}

void report_product_introduce(struct teller *teller, int64_t at_ms)
{
	const struct customer_traits *traits = &teller->account->customer.traits;
	for (int i = 0; i < traits->device_count; i++)
		tell_registered(teller, i, at_ms + (i + 1) * 5 * MS_PER_HOUR);
	for (int i = 0; i < VEHICLES_MAX && traits->device_count >= CHARGER_FROM_DEVICES; i++)
		tell_registered(teller, DEVICES_MAX + i, at_ms + (i + 1) * 7 * MS_PER_HOUR);
	if (traits->has_subscription)
		tell_subscription(teller, "product.subscription", at_ms + 30 * MS_PER_MINUTE, -1,
				  false);
	/* who came before anybody looked has said who it is long ago */
	if (traits->first_day < FORM_DAYS_BEFORE)
		tell_form(teller);
}

void report_product_prospect(struct teller *teller, int days_before)
{
	tell_visits(teller, 0.4);
	if (days_before == FORM_DAYS_BEFORE)
		tell_form(teller);
	if (days_before == 1 && teller->account->customer.traits.has_subscription) {
		struct source_event *event =
			begin_product(teller, "product.trial", tell_moment(teller, 8, 18));
		event->marketing.has_subscription = true;
		event->marketing.subscription.subscription_id = event->subject;
		event->marketing.subscription.plan = bytes_str("trial");
		event->marketing.subscription.has_trial_ends_ms = true;
		event->marketing.subscription.trial_ends_ms = teller->today_ms + 14 * MS_PER_DAY;
		tell_send(teller);
	}
}

void report_product_day(struct teller *teller)
{
	const struct customer *customer = &teller->account->customer;
	anomaly_step(teller);
	devices_day(teller);
	if (customer->traits.has_subscription)
		product_day(teller);
	mails_day(teller);
	/* somebody who is about to go looks around, at others mostly: here it is quiet */
	tell_visits(teller, customer->traits.visit_rate * dm_exp(0.5 * customer->usage));
	if (prng_chance(teller->random, 0.002))
		tell_form(teller);
}

void report_product_after(struct teller *teller)
{
	mails_day(teller);
}
