#include "simulate/oracle.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"

enum { STREAM_FUTURES = 5 };

const int oracle_leads[ORACLE_LEAD_COUNT] = { 1, 7, 14, 21, 30, 60, 90 };
const double oracle_budgets[ORACLE_BUDGET_COUNT] = { 0.05, 0.10, 0.20 };

static const float nobody = -1; /* not a customer at that look */

struct oracle {
	const struct oracle_options *options;
	struct oracle_report *report;
	int day_count;
	uint32_t account_count;
	struct world world;
	struct customer *customers;
	int *left_day;		  /* of each; INT32_MAX: has not left */
	struct customer *futures; /* copies of those at hand */
	uint32_t *present;	  /* their numbers */
	double *sums;		  /* of their hazards in one future */
	size_t look_count;
	float *probabilities; /* look by look, each customer's; `nobody` */
	float *hazards;	      /* the same way: today's */
	float *places;	      /* the same way: share of customers with more risk, 0: none */
};

double oracle_monthly(const struct oracle_rate *rate)
{
	double daily =
		rate->account_days == 0 ? 0 : (double)rate->left / (double)rate->account_days;
	return -dm_expm1(-daily * 365.25 / 12);
}

/* ---- a look: every customer's futures ---- */

struct ranked {
	float value;
	uint32_t number;
};

static int by_value_down(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static void places_set(struct oracle *oracle, size_t count, const float *probabilities,
		       float *places)
{
	struct ranked *ranked = check_calloc(count + 1, sizeof *ranked);
	for (size_t i = 0; i < count; i++)
		ranked[i] =
			(struct ranked){ probabilities[oracle->present[i]], oracle->present[i] };
	qsort(ranked, count, sizeof *ranked, by_value_down);
	for (size_t i = 0; i < count; i++)
		places[ranked[i].number] = (float)((double)i / (double)count);
	free(ranked);
}

static void live_future(struct oracle *oracle, size_t count, int future)
{
	struct customer_day day;
	struct world world = oracle->world;
	uint64_t stream = STREAM_FUTURES + ((uint64_t)oracle->look_count << 20);
	world.random = prng_new(oracle->options->seed + (uint64_t)future, stream);
	for (size_t i = 0; i < count; i++) {
		oracle->futures[i] = oracle->customers[oracle->present[i]];
		oracle->futures[i].random =
			prng_new(oracle->options->seed + (uint64_t)future,
				 stream + ((uint64_t)(oracle->present[i] + 1) << 40));
		oracle->sums[i] = 0;
	}
	for (int ahead = 0; ahead < ORACLE_HORIZON_DAYS; ahead++) {
		world_step(&world);
		for (size_t i = 0; i < count; i++) {
			customer_step(&oracle->futures[i], &world, &day);
			for (int cause = 0; cause < CAUSE_COUNT; cause++)
				oracle->sums[i] += day.hazards[cause];
		}
	}
}

static void look(struct oracle *oracle)
{
	size_t count = 0, row = oracle->look_count * oracle->account_count;
	float *probabilities = oracle->probabilities + row, *hazards = oracle->hazards + row;
	for (uint32_t i = 0; i < oracle->account_count; i++) {
		const struct customer *customer = &oracle->customers[i];
		bool there = customer->is_active && oracle->world.day >= customer->traits.first_day;
		probabilities[i] = hazards[i] = there ? 0 : nobody;
		if (!there)
			continue;
		double today[CAUSE_COUNT], sum = 0;
		customer_hazards(customer, &oracle->world, today);
		for (int cause = 0; cause < CAUSE_COUNT; cause++)
			sum += today[cause];
		hazards[i] = (float)sum;
		oracle->present[count++] = i;
	}
	for (int future = 0; future < oracle->options->future_count; future++) {
		live_future(oracle, count, future);
		for (size_t i = 0; i < count; i++)
			probabilities[oracle->present[i]] += (float)(-dm_expm1(-oracle->sums[i]));
	}
	for (size_t i = 0; i < count; i++) {
		uint32_t number = oracle->present[i];
		probabilities[number] /= (float)oracle->options->future_count;
		if (oracle->options->looked != NULL)
			oracle->options->looked(oracle->options->compare_context, oracle->world.day,
						number, (double)probabilities[number]);
	}
	places_set(oracle, count, probabilities, oracle->places + row);
	oracle->look_count++;
}

/* ---- what came ---- */

static void count_day(struct oracle *oracle, uint32_t number, const struct customer_day *day)
{
	struct oracle_report *report = oracle->report;
	const struct customer_traits *traits = &oracle->customers[number].traits;
	struct oracle_rate *rates[] = { &report->all, &report->regions[traits->region],
					&report->segments[traits->segment],
					&report->regimes[oracle->world.regime] };
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
		rates[i]->account_days++;
		rates[i]->left += day->left;
	}
	if (!day->left)
		return;
	oracle->left_day[number] = oracle->world.day;
	if (oracle->options->left != NULL)
		oracle->options->left(oracle->options->compare_context, oracle->world.day, number,
				      day->cause, day->is_shown);
	report->left_of[day->cause]++;
	report->unshown_of[day->cause] += !day->is_shown;
}

static void live(struct oracle *oracle)
{
	struct customer_day day;
	for (uint32_t i = 0; i < oracle->account_count; i++) {
		struct customer *customer = &oracle->customers[i];
		if (!customer->is_active || oracle->world.day < customer->traits.first_day)
			continue;
		customer_step(customer, &oracle->world, &day);
		count_day(oracle, i, &day);
	}
}

/* ---- the judgement ---- */

static int look_day(size_t look)
{
	return (int)(look + 1) * ORACLE_DAYS_BETWEEN;
}

static bool left_within(const struct oracle *oracle, uint32_t number, int day)
{
	return oracle->left_day[number] <= day + ORACLE_HORIZON_DAYS;
}

/* The area under the ROC curve by ranks; ties count half. Source: J. A. Hanley and B. J. McNeil,
 * "The meaning and use of the area under a receiver operating characteristic curve", 1982. */
static double auc(const struct oracle *oracle, const float *values, size_t look_count)
{
	size_t total = look_count * oracle->account_count, count = 0;
	struct ranked *ranked = check_calloc(total + 1, sizeof *ranked);
	for (size_t i = 0; i < total; i++)
		if (values[i] != nobody)
			ranked[count++] = (struct ranked){ values[i], (uint32_t)i };
	qsort(ranked, count, sizeof *ranked, by_value_down);
	double left = 0, above = 0, pairs = 0;
	for (size_t i = 0; i < count;) {
		double tied_left = 0, tied_stayed = 0;
		for (float value = ranked[i].value; i < count && ranked[i].value == value; i++) {
			size_t at = ranked[i].number;
			bool did = left_within(oracle, (uint32_t)(at % oracle->account_count),
					       look_day(at / oracle->account_count));
			tied_left += did;
			tied_stayed += !did;
		}
		above += tied_stayed * (left + tied_left / 2);
		left += tied_left;
		pairs += tied_stayed;
	}
	free(ranked);
	return left == 0 || pairs == 0 ? (double)NAN : above / (left * pairs);
}

static void judge_looks(struct oracle *oracle)
{
	struct oracle_report *report = oracle->report;
	int64_t warned[ORACLE_BUDGET_COUNT] = { 0 }, right[ORACLE_BUDGET_COUNT] = { 0 };
	size_t whole = 0; /* looks that have their horizon within the simulation */
	while (whole < oracle->look_count &&
	       look_day(whole) + ORACLE_HORIZON_DAYS < oracle->day_count)
		whole++;
	for (size_t i = 0; i < whole * oracle->account_count; i++) {
		if (oracle->probabilities[i] == nobody)
			continue;
		bool left = left_within(oracle, (uint32_t)(i % oracle->account_count),
					look_day(i / oracle->account_count));
		report->looks++;
		report->looks_left += left;
		report->probability_mean += (double)oracle->probabilities[i];
		for (int b = 0; b < ORACLE_BUDGET_COUNT; b++) {
			bool is_warned = (double)oracle->places[i] < oracle_budgets[b];
			warned[b] += is_warned;
			right[b] += is_warned && left;
		}
	}
	if (report->looks > 0)
		report->probability_mean /= (double)report->looks;
	for (int b = 0; b < ORACLE_BUDGET_COUNT; b++)
		report->precision[b] =
			warned[b] == 0 ? (double)NAN : (double)right[b] / (double)warned[b];
	report->auc = auc(oracle, oracle->probabilities, whole);
	report->auc_today = auc(oracle, oracle->hazards, whole);
}

static void judge_warnings(struct oracle *oracle)
{
	struct oracle_report *report = oracle->report;
	for (uint32_t i = 0; i < oracle->account_count; i++) {
		for (int lead = 0; lead < ORACLE_LEAD_COUNT && oracle->left_day[i] != INT32_MAX;
		     lead++) {
			/* a look sees the state at the day's end, so that day 0 has none */
			int before =
				(oracle->left_day[i] - oracle_leads[lead]) / ORACLE_DAYS_BETWEEN;
			if (before < 1 || (size_t)before > oracle->look_count)
				continue;
			size_t at = (size_t)(before - 1) * oracle->account_count + i;
			if (oracle->probabilities[at] == nobody)
				continue;
			report->warned_of[lead]++;
			for (int b = 0; b < ORACLE_BUDGET_COUNT; b++)
				report->warned[b][lead] +=
					(double)oracle->places[at] < oracle_budgets[b];
		}
	}
	for (int b = 0; b < ORACLE_BUDGET_COUNT; b++)
		for (int lead = 0; lead < ORACLE_LEAD_COUNT; lead++)
			if (report->warned_of[lead] > 0)
				report->warned[b][lead] /= (double)report->warned_of[lead];
}

/* ---- all of it ---- */

static void oracle_init(struct oracle *oracle, const struct oracle_options *options,
			struct oracle_report *report)
{
	uint32_t count = options->account_count;
	*report = (struct oracle_report){ 0 };
	oracle->options = options;
	oracle->report = report;
	oracle->account_count = count;
	oracle->day_count = simulate_days(options->start_ms, options->month_count);
	world_init(&oracle->world, options->seed, oracle->day_count, simulate_sales_count(count));
	report->regime_count = oracle->world.regime_count;
	size_t cells = ((size_t)oracle->day_count / ORACLE_DAYS_BETWEEN + 1) * count;
	oracle->customers = check_calloc(count, sizeof *oracle->customers);
	oracle->futures = check_calloc(count, sizeof *oracle->futures);
	oracle->left_day = check_calloc(count, sizeof *oracle->left_day);
	oracle->present = check_calloc(count, sizeof *oracle->present);
	oracle->sums = check_calloc(count, sizeof *oracle->sums);
	oracle->probabilities = check_calloc(cells, sizeof *oracle->probabilities);
	oracle->hazards = check_calloc(cells, sizeof *oracle->hazards);
	oracle->places = check_calloc(cells, sizeof *oracle->places);
	for (uint32_t i = 0; i < count; i++) {
		customer_init(&oracle->customers[i], &oracle->world, options->seed, i,
			      oracle->day_count);
		oracle->left_day[i] = INT32_MAX;
	}
}

static void oracle_fini(struct oracle *oracle)
{
	free(oracle->customers);
	free(oracle->futures);
	free(oracle->left_day);
	free(oracle->present);
	free(oracle->sums);
	free(oracle->probabilities);
	free(oracle->hazards);
	free(oracle->places);
}

struct err *oracle_run(const struct oracle_options *options, struct oracle_report *report)
{
	CHECK(options->future_count > 0 && options->future_count <= ORACLE_FUTURES_MAX);
	if (options->account_count > ORACLE_ACCOUNTS_MAX)
		return err_new(ERR_FATAL, "SIMULATION_SIZE",
			       "the oracle takes at most %d accounts, there are %u",
			       ORACLE_ACCOUNTS_MAX, (unsigned)options->account_count);
	struct oracle *oracle = check_calloc(1, sizeof *oracle);
	oracle_init(oracle, options, report);
	for (int day = 0; day < oracle->day_count && !report->stopped; day++) {
		if (day > 0)
			world_step(&oracle->world);
		live(oracle);
		if (day > 0 && day % ORACLE_DAYS_BETWEEN == 0)
			look(oracle);
		if (options->progress != NULL)
			options->progress(options->progress_context, day + 1, oracle->day_count);
		report->stopped = options->stop != NULL && *options->stop != 0;
	}
	judge_looks(oracle);
	judge_warnings(oracle);
	oracle_fini(oracle);
	free(oracle);
	return NULL;
}

double oracle_unshown(const struct oracle_report *report)
{
	int64_t unshown = 0;
	for (int i = 0; i < CAUSE_COUNT; i++)
		unshown += report->unshown_of[i];
	return report->all.left == 0 ? 0 : (double)unshown / (double)report->all.left;
}

bool oracle_churn_holds(const struct oracle_report *report)
{
	double monthly = oracle_monthly(&report->all);
	return monthly >= ORACLE_CHURN_MIN && monthly <= ORACLE_CHURN_MAX;
}

bool oracle_auc_holds(const struct oracle_report *report)
{
	return report->auc >= ORACLE_AUC_MIN && report->auc <= ORACLE_AUC_MAX;
}

bool oracle_unshown_holds(const struct oracle_report *report)
{
	return oracle_unshown(report) >= ORACLE_UNSHOWN_MIN;
}
