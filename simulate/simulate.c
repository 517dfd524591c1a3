#include "simulate/simulate.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "simulate/dealers.h"
#include "simulate/report_care.h"
#include "simulate/report_product.h"
#include "simulate/report_sales.h"
#include "simulate/report_supply.h"

enum {
	PROSPECT_DAYS = 14, /* before somebody is a customer, visits are seen */
	AFTER_DAYS = 60,    /* mails still go out to somebody who left */
	HAZARD_DAYS = 7,    /* between two rows of the true hazards */
	STREAM_WORLD_TALK = 4,
	STREAM_DEALER_TALK = 8,
	STREAM_TALK = (1 << 8) + 2,
};

struct company {
	const struct simulate_options *options;
	struct simulate_result *result;
	struct world world;
	struct account *accounts;
	struct prng world_talk;
	struct dealers dealers;
	struct prng dealer_talk;
	uint32_t world_serials[FEED_COUNT];
	struct teller teller;
	struct customer_day day;
};

struct simulate_options simulate_defaults(void)
{
	return (struct simulate_options){
		.seed = 1,
		.account_count = 2000,
		.month_count = 12,
		.start_ms = INT64_C(1704067200000), /* 2024-01-01, a Monday */
		.unlinked = 0.01,
		.mislinked = 0,
		.duplicates = 0.01,
		.late = 0.02,
		.malformed = 0.0005,
		.has_outages = true,
		.has_skew = true,
	};
}

int simulate_days(int64_t start_ms, int month_count)
{
	int64_t year, first = start_ms / MS_PER_DAY;
	unsigned month, day;
	time_civil_from_days(first, &year, &month, &day);
	int64_t months = year * 12 + (int64_t)month - 1 + month_count;
	unsigned last = day > 28 ? 28 : day;
	return (int)(time_days_from_civil(months / 12, (unsigned)(months % 12) + 1, last) - first);
}

int simulate_sales_count(uint32_t account_count)
{
	uint32_t count = 4 + account_count / 50;
	return count < SALES_COUNT_MAX ? (int)count : SALES_COUNT_MAX;
}

/* ---- the truth ---- */

static void note_identity(struct company *company, const struct account *account,
			  const char *scheme, const char *value, enum post_link link)
{
	static const char *const names[] = { "linked", "unlinked", "mislinked" };
	struct simulate_result *result = company->result;
	struct truth *truth = company->options->truth;
	result->identities_linked += link == POST_LINKED;
	result->identities_unlinked += link == POST_UNLINKED;
	result->identities_mislinked += link == POST_MISLINKED;
	char other[IDENTITY_TEXT_MAX] = "";
	if (link == POST_MISLINKED)
		identity_crm(account->identity.mislinked_to, other);
	truth_begin(truth, TRUTH_IDENTITIES);
	truth_text(truth, account->identity.crm);
	truth_text(truth, scheme);
	truth_text(truth, value);
	truth_text(truth, names[link]);
	truth_text(truth, other);
	truth_int(truth, scheme[0] == 'i' ? account->identity.skew_ms : 0);
	truth_end(truth);
}

static void note_identities(struct company *company, const struct account *account)
{
	const struct identity *identity = &account->identity;
	const struct customer_traits *traits = &account->customer.traits;
	note_identity(company, account, "crm.account", identity->crm, POST_LINKED);
	if (identity->crm_double[0] != '\0')
		note_identity(company, account, "crm.account", identity->crm_double, POST_LINKED);
	note_identity(company, account, "tax_id", identity->tax, POST_LINKED);
	note_identity(company, account, "domain", identity->domain, POST_LINKED);
	note_identity(company, account, "phone", identity->phone, POST_LINKED);
	note_identity(company, account, "erp.customer", identity->erp,
		      tell_link(account, SYSTEM_ERP));
	for (int i = 0; i < traits->device_count; i++) {
		char device[IDENTITY_TEXT_MAX];
		identity_device(identity, i, device);
		note_identity(company, account, "iot.device", device,
			      tell_link(account, SYSTEM_DEVICES));
	}
	for (int i = 0; i < VEHICLES_MAX && traits->device_count >= CHARGER_FROM_DEVICES; i++) {
		char vehicle[IDENTITY_TEXT_MAX];
		identity_vehicle(identity, i, vehicle);
		note_identity(company, account, "iot.device", vehicle,
			      tell_link(account, SYSTEM_DEVICES));
	}
	for (int i = 0; i < traits->contact_count; i++) {
		char mail[IDENTITY_MAIL_MAX];
		identity_mail(identity, i, false, mail);
		note_identity(company, account, "email", mail, tell_link(account, SYSTEM_MAILS));
	}
	note_identity(company, account, "cookie", identity->cookie,
		      tell_link(account, SYSTEM_COOKIE));
	if (traits->has_subscription)
		note_identity(company, account, "product.account", identity->product,
			      tell_link(account, SYSTEM_PRODUCT));
}

static void note_hazards(struct company *company, const struct account *account)
{
	struct truth *truth = company->options->truth;
	const struct customer *customer = &account->customer;
	double sum = 0;
	for (int i = 0; i < CAUSE_COUNT; i++)
		sum += company->day.hazards[i];
	truth_begin(truth, TRUTH_HAZARDS);
	truth_text(truth, account->identity.crm);
	truth_time(truth, company->teller.today_ms);
	truth_decimal(truth, sum);
	for (int i = 0; i < CAUSE_COUNT; i++)
		truth_decimal(truth, company->day.hazards[i]);
	truth_decimal(truth, customer->satisfaction);
	truth_decimal(truth, customer->usage);
	truth_decimal(truth, customer->load);
	truth_decimal(truth, customer->price_gap);
	truth_end(truth);
}

static void note_churn(struct company *company, const struct account *account)
{
	struct truth *truth = company->options->truth;
	const struct customer_traits *traits = &account->customer.traits;
	struct simulate_result *result = company->result;
	result->left++;
	result->left_unshown += !company->day.is_shown;
	result->left_of[company->day.cause]++;
	truth_begin(truth, TRUTH_CHURN);
	truth_text(truth, account->identity.crm);
	truth_time(truth, company->teller.today_ms);
	truth_text(truth, cause_name(company->day.cause));
	truth_int(truth, company->day.is_shown);
	truth_text(truth, region_facts[traits->region].code);
	truth_text(truth, segment_name(traits->segment));
	truth_time(truth, tell_day_ms(&company->teller, traits->first_day));
	truth_end(truth);
}

static void note_regimes(struct company *company)
{
	struct truth *truth = company->options->truth;
	for (int i = 0; i < company->world.regime_count; i++) {
		const struct regime *regime = &company->world.regimes[i];
		truth_begin(truth, TRUTH_REGIMES);
		truth_time(truth, company->options->start_ms + regime->first_day * MS_PER_DAY);
		truth_decimal(truth, regime->level);
		truth_decimal(truth, regime->promotions);
		truth_decimal(truth, regime->service);
		truth_decimal(truth, regime->price);
		truth_decimal(truth, regime->experience);
		truth_end(truth);
	}
	for (int feed = 0; feed < FEED_COUNT; feed++) {
		size_t count;
		const struct post_outage *outages =
			post_outages(company->teller.post, (enum feed)feed, &count);
		for (size_t i = 0; i < count; i++) {
			truth_begin(truth, TRUTH_OUTAGES);
			truth_text(truth, feed_facts[feed].topic);
			truth_time(truth, outages[i].from_ms);
			truth_time(truth, outages[i].until_ms);
			truth_end(truth);
		}
	}
}

/* ---- a day ---- */

/* Its systems tell of a customer for the first time; of old ones all on day 0, as first loads do.
 */
static void introduce(struct company *company, struct account *account)
{
	struct teller *teller = &company->teller;
	int first_day = account->customer.traits.first_day;
	int64_t at_ms = tell_day_ms(teller, first_day) + 8 * MS_PER_HOUR;
	int64_t supply_ms = at_ms;
	if (first_day >= 0)
		supply_ms += prng_below(teller->random, 2 * (uint32_t)MS_PER_DAY);
	account->is_introduced = true;
	company->result->customers++;
	note_identities(company, account);
	report_sales_introduce(teller, at_ms);
	report_supply_introduce(teller, supply_ms);
	report_product_introduce(teller, supply_ms);
}

static void live(struct company *company, struct account *account)
{
	struct teller *teller = &company->teller;
	customer_step(&account->customer, &company->world, &company->day);
	company->result->account_days++;
	report_sales_day(teller);
	report_supply_day(teller);
	report_product_day(teller);
	report_care_day(teller);
	if (company->world.day % HAZARD_DAYS == 0 || company->day.left)
		note_hazards(company, account);
	if (!company->day.left)
		return;
	account->left_day = company->world.day;
	note_churn(company, account);
	report_sales_end(teller);
}

static void account_day(struct company *company, struct account *account)
{
	struct teller *teller = &company->teller;
	int today = company->world.day, first = account->customer.traits.first_day;
	teller->account = account;
	teller->random = &account->talk;
	teller->serials = account->serials;
	if (today < first) {
		if (first - today <= PROSPECT_DAYS)
			report_product_prospect(teller, first - today);
		return;
	}
	if (!account->is_introduced)
		introduce(company, account);
	if (account->customer.is_active)
		live(company, account);
	else if (today - account->left_day <= AFTER_DAYS)
		report_product_after(teller);
}

static void world_day(struct company *company)
{
	struct teller *teller = &company->teller;
	teller->account = NULL;
	teller->random = &company->world_talk;
	teller->serials = company->world_serials;
	report_supply_world(teller);
	report_care_world(teller);
	if (!company->options->has_vehicles)
		return;
	teller->random = &company->dealer_talk;
	dealers_step(&company->dealers, &company->world);
	dealers_tell(&company->dealers, teller);
}

static struct err *play_day(struct company *company, int day)
{
	struct teller *teller = &company->teller;
	if (day > 0)
		world_step(&company->world);
	CHECK(company->world.day == day);
	teller->today_ms = tell_day_ms(teller, day);
	world_day(company);
	for (uint32_t i = 0; i < company->options->account_count && teller->err == NULL; i++)
		account_day(company, &company->accounts[i]);
	struct err *err = teller->err;
	teller->err = NULL;
	return err != NULL ? err : post_deliver(teller->post, day, &company->options->sink);
}

static struct err *play(struct company *company)
{
	const struct simulate_options *options = company->options;
	int day_count = company->result->day_count;
	struct err *err = NULL;
	note_regimes(company);
	for (int day = 0; day < day_count && err == NULL; day++) {
		company->result->stopped = options->stop != NULL && *options->stop != 0;
		if (company->result->stopped)
			return NULL;
		err = play_day(company, day);
		if (options->progress != NULL)
			options->progress(options->progress_context, day + 1, day_count);
	}
	for (uint32_t i = 0; i < options->account_count && err == NULL; i++) {
		company->teller.account = &company->accounts[i];
		if (company->accounts[i].customer.is_active)
			report_sales_end(&company->teller);
	}
	return err;
}

/* ---- all of it ---- */

static void accounts_init(struct company *company)
{
	const struct simulate_options *options = company->options;
	const struct identity_options names = { .seed = options->seed,
						.count = options->account_count,
						.unlinked = options->unlinked,
						.mislinked = options->mislinked,
						.has_skew = options->has_skew };
	company->accounts = check_calloc(options->account_count, sizeof *company->accounts);
	for (uint32_t i = 0; i < options->account_count; i++) {
		struct account *account = &company->accounts[i];
		customer_init(&account->customer, &company->world, options->seed, i,
			      company->result->day_count);
		identity_init(&account->identity, &names, &account->customer, i);
		account->talk = prng_new(options->seed, STREAM_TALK + (uint64_t)i * 4);
		account->left_day = -1;
	}
}

struct err *simulate_run(const struct simulate_options *options, struct simulate_result *result)
{
	CHECK(options->account_count > 0 && options->account_count <= IDENTITY_COUNT_MAX);
	CHECK(options->month_count > 0 && options->month_count <= SIMULATION_MONTHS_MAX);
	struct company *company = check_calloc(1, sizeof *company);
	*result = (struct simulate_result){ .day_count = simulate_days(options->start_ms,
								       options->month_count) };
	result->end_ms = options->start_ms + result->day_count * MS_PER_DAY;
	company->options = options;
	company->result = result;
	company->world_talk = prng_new(options->seed, STREAM_WORLD_TALK);
	company->dealer_talk = prng_new(options->seed, STREAM_DEALER_TALK);
	dealers_init(&company->dealers, options->seed);
	world_init(&company->world, options->seed, result->day_count,
		   simulate_sales_count(options->account_count));
	accounts_init(company);
	const struct post_options post = { .seed = options->seed,
					   .start_ms = options->start_ms,
					   .day_count = result->day_count,
					   .duplicates = options->duplicates,
					   .late = options->late,
					   .malformed = options->malformed,
					   .has_outages = options->has_outages };
	company->teller.post = post_new(&post);
	company->teller.truth = options->truth;
	company->teller.world = &company->world;
	company->teller.day = &company->day;
	company->teller.start_ms = options->start_ms;
	company->teller.end_ms = result->end_ms;
	struct err *err = play(company);
	for (int i = 0; i < FEED_COUNT; i++)
		result->counts[i] = *post_counts(company->teller.post, (enum feed)i);
	post_free(&company->teller.post);
	free(company->accounts);
	free(company);
	return err;
}
