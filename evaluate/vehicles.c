#include "evaluate/vehicles.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/order.h"
#include "base/timestamp.h"
#include "models/accuracy.h"
#include "models/allocate.h"
#include "models/driven.h"
#include "models/forecaster.h"
#include "simulate/dealers.h"
#include "simulate/simulate.h"

enum {
	LAG_WEEKS = 3, /* of what charging and driving tell */
	SIGNALS = 3,
	RATIOS_MAX = VEHICLES_WEEKS_MAX * REGION_COUNT,
	ORDER_WEEKS = 2,
	LOOK_AHEAD = ORDER_WEEKS + 1,
};

/* One region's weeks. */
struct region_weeks {
	double demand[VEHICLES_WEEKS_MAX];
	double energy[VEHICLES_WEEKS_MAX], distance[VEHICLES_WEEKS_MAX]; /* logarithms */
	double offer[VEHICLES_WEEKS_MAX];				 /* mean per cent */
	double known_percent[VEHICLES_WEEKS_MAX]; /* the promotion that runs when the week begins */
	int known_days[VEHICLES_WEEKS_MAX];	  /* and how long it will */
};

/* The ratios of actual to forecast at one horizon, as far as they are known. */
struct ratios {
	size_t count;
	double ratio[RATIOS_MAX];
};

struct trial {
	int week_count;
	struct region_weeks regions[REGION_COUNT];
	double stock[VEHICLES_WEEKS_MAX][SITE_COUNT]; /* when the week begins */
	double point[VEHICLES_WAYS][VEHICLES_WEEKS_MAX][REGION_COUNT][VEHICLES_HORIZON];
	struct ratios ratios[VEHICLES_WAYS][VEHICLES_HORIZON];
	double x[(VEHICLES_WEEKS_MAX + VEHICLES_HORIZON) * SIGNALS];
	int closed_weeks; /* that the stream's method has seen */
	struct forecaster streams[REGION_COUNT][2]; /* alone, with signals */
	struct allocator *allocator;
	struct allocate_problem problem;
	struct allocate_plan plan;
};

static const double levels[ALLOCATE_QUANTILES] = { 0.025, 0.10, 0.5, 0.9, 0.975 };

/* ---- what happens --------------------------------------------------------------------------- */

static void add_day(struct trial *trial, const struct world *world, const struct dealers *dealers,
		    int week)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		struct region_weeks *weeks = &trial->regions[r];
		const struct dealer_day *day = &dealers->days[r];
		for (int m = 0; m < VEHICLE_MODELS; m++)
			weeks->demand[week] += day->sold[m];
		for (int i = 0; i < day->session_count; i++)
			weeks->energy[week] += day->energy_kwh[i];
		weeks->distance[week] += day->distance_km;
		if (world->regions[r].promotion > 0)
			weeks->offer[week] += world->regions[r].promotion_percent / 7;
	}
}

/* What is known when the week begins, before its first day. */
static void begin_week(struct trial *trial, const struct world *world,
		       const struct dealers *dealers, int week)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		const struct region *region = &world->regions[r];
		trial->regions[r].known_days[week] = region->promotion_days;
		trial->regions[r].known_percent[week] =
			region->promotion > 0 ? region->promotion_percent : 0;
	}
	for (int s = 0; s < SITE_COUNT; s++)
		for (int m = 0; m < VEHICLE_MODELS; m++)
			trial->stock[week][s] += dealers->stock[s][m];
}

static void live(struct trial *trial, uint64_t seed, int month_count)
{
	struct world *world = check_calloc(1, sizeof *world);
	struct dealers *dealers = check_calloc(1, sizeof *dealers);
	int day_count = simulate_days(simulate_defaults().start_ms, month_count);
	trial->week_count = day_count / 7;
	CHECK(trial->week_count <= VEHICLES_WEEKS_MAX);
	world_init(world, seed, day_count, simulate_sales_count(1));
	dealers_init(dealers, seed);
	for (int day = 0; day < trial->week_count * 7; day++) {
		if (day % 7 == 0)
			begin_week(trial, world, dealers, day / 7);
		if (day > 0)
			world_step(world);
		dealers_step(dealers, world);
		add_day(trial, world, dealers, day / 7);
	}
	for (int r = 0; r < REGION_COUNT; r++) {
		struct region_weeks *weeks = &trial->regions[r];
		for (int week = 0; week < trial->week_count; week++) {
			weeks->energy[week] = dm_log(1 + weeks->energy[week]);
			weeks->distance[week] = dm_log(1 + weeks->distance[week]);
		}
	}
	free(dealers);
	free(world);
}

/* ---- forecasts ------------------------------------------------------------------------------ */

static const struct portfolio_periods no_season = { .count = 0 };

/* A signal LAG_WEEKS before `week`, where that was already; else foretold from `origin`. */
static double lagged(const double *signal, int week, int origin)
{
	double ahead[VEHICLES_HORIZON];
	int at = week - LAG_WEEKS;
	if (at < origin)
		return signal[at > 0 ? at : 0];
	driven_foretell(signal, origin, &no_season, VEHICLES_HORIZON, ahead);
	return ahead[at - origin];
}

/* How much of the promotion that is known at the origin falls into a later week. */
static double known_offer(const struct region_weeks *weeks, int week, int origin)
{
	int days = weeks->known_days[origin] - 7 * (week - origin);
	return weeks->known_percent[origin] * (days > 7 ? 7 : days > 0 ? days : 0) / 7;
}

static void signals_make(struct trial *trial, const struct region_weeks *weeks, int origin)
{
	for (int week = 0; week < origin + VEHICLES_HORIZON; week++) {
		double *row = &trial->x[week * SIGNALS];
		row[0] = lagged(weeks->energy, week, origin);
		row[1] = lagged(weeks->distance, week, origin);
		row[2] = week < origin ? weeks->offer[week] : known_offer(weeks, week, origin);
	}
}

/* The median of the methods, at least half a vehicle. */
static void combine(const double *out, double *point)
{
	for (int h = 0; h < VEHICLES_HORIZON; h++) {
		double each[PORTFOLIO_METHOD_COUNT];
		for (int m = 0; m < PORTFOLIO_METHOD_COUNT; m++)
			each[m] = out[m * VEHICLES_HORIZON + h];
		qsort(each, PORTFOLIO_METHOD_COUNT, sizeof each[0], order_doubles);
		point[h] = fmax(0.5, each[PORTFOLIO_METHOD_COUNT / 2]);
	}
}

/* What is deployed as the week begins: with the last value for what isn't known. */
static void deployed_make(struct trial *trial, const struct region_weeks *weeks, int origin)
{
	for (int week = 0; week < origin + VEHICLES_HORIZON; week++) {
		double *row = &trial->x[week * SIGNALS];
		int at = week - LAG_WEEKS < origin ? week - LAG_WEEKS : origin - 1;
		at = at > 0 ? at : 0;
		row[0] = dm_exp(weeks->energy[at]) - 1;
		row[1] = dm_exp(weeks->distance[at]) - 1;
		row[2] = week < origin ? weeks->offer[week] : known_offer(weeks, week, origin);
	}
}

/* The weeks up to the origin close one after the other. */
static void stream_all(struct trial *trial, int origin)
{
	for (; trial->closed_weeks < origin; trial->closed_weeks++)
		for (int i = 0; i < 2 * REGION_COUNT; i++) {
			const struct region_weeks *weeks = &trial->regions[i / 2];
			struct forecaster *kept = &trial->streams[i / 2][i % 2];
			struct forecaster_options options = { .horizon_count = VEHICLES_HORIZON,
							      .phase = (uint64_t)i / 2,
							      .signals = trial->x,
							      .signal_count = i % 2 * SIGNALS };
			struct forecaster_result made;
			int known = trial->closed_weeks + 1;
			deployed_make(trial, weeks, known);
			forecaster_learn(kept, weeks->demand[known - 1]);
			forecaster_predict(kept, weeks->demand, known, &options, &made);
			enum vehicles_way way =
				i % 2 == 0 ? VEHICLES_STREAM : VEHICLES_STREAM_SIGNALS;
			for (int h = 0; h < VEHICLES_HORIZON; h++)
				trial->point[way][known][i / 2][h] =
					fmax(0.5, made.quantile[h][INTERVAL_Q500]);
		}
}

static void forecast_all(struct trial *trial, int origin)
{
	stream_all(trial, origin);
	double out[PORTFOLIO_METHOD_COUNT * VEHICLES_HORIZON];
	struct regressors model;
	for (int r = 0; r < REGION_COUNT; r++) {
		const struct region_weeks *weeks = &trial->regions[r];
		for (int h = 0; h < VEHICLES_HORIZON; h++)
			trial->point[VEHICLES_NAIVE][origin][r][h] =
				fmax(0.5, weeks->demand[origin - 1]);
		portfolio_forecast(weeks->demand, origin, &no_season, VEHICLES_HORIZON, NULL, out);
		combine(out, trial->point[VEHICLES_PLAIN][origin][r]);
		signals_make(trial, weeks, origin);
		driven_forecast(weeks->demand, origin, &no_season, trial->x, SIGNALS,
				VEHICLES_HORIZON, NULL, &model, out);
		combine(out, trial->point[VEHICLES_SIGNALS][origin][r]);
	}
}

/* The ratios of the week that ended as `origin` begins. */
static void learn(struct trial *trial, int origin)
{
	for (int way = 0; way < VEHICLES_TRUTH; way++) {
		for (int h = 0; h < VEHICLES_HORIZON; h++) {
			int made = origin - 1 - h;
			struct ratios *ratios = &trial->ratios[way][h];
			for (int r = 0; made >= VEHICLES_WEEKS_MIN && r < REGION_COUNT; r++)
				ratios->ratio[ratios->count++] =
					trial->regions[r].demand[origin - 1] /
					trial->point[way][made][r][h];
			qsort(ratios->ratio, ratios->count, sizeof ratios->ratio[0], order_doubles);
		}
	}
}

static double quantile_of(const struct ratios *ratios, double level)
{
	double at = level * (double)(ratios->count - 1);
	size_t low = (size_t)at;
	size_t high = low + 1 < ratios->count ? low + 1 : low;
	return ratios->ratio[low] + (at - (double)low) * (ratios->ratio[high] - ratios->ratio[low]);
}

static void quantiles_make(const struct trial *trial, enum vehicles_way way, int origin, int region,
			   int h, double out[ALLOCATE_QUANTILES])
{
	for (int q = 0; q < ALLOCATE_QUANTILES; q++)
		out[q] = way == VEHICLES_TRUTH
				 ? trial->regions[region].demand[origin + h]
				 : trial->point[way][origin][region][h] *
					   quantile_of(&trial->ratios[way][h], levels[q]);
}

static void score_forecasts(const struct trial *trial, enum vehicles_way way, int origin,
			    struct vehicles_score *score)
{
	for (int r = 0; r < REGION_COUNT; r++) {
		for (int h = 0; h < VEHICLES_HORIZON; h++) {
			double quantile[ALLOCATE_QUANTILES];
			double came = trial->regions[r].demand[origin + h];
			quantiles_make(trial, way, origin, r, h, quantile);
			score->forecasts++;
			score->actual += came;
			score->absolute += fabs(came - trial->point[way][origin][r][h]);
			for (int q = 0; q < ALLOCATE_QUANTILES; q++)
				score->pinball += accuracy_pinball(came, quantile[q], levels[q]) /
						  ALLOCATE_QUANTILES;
			score->inside_95 += came >= quantile[0] && came <= quantile[4];
			score->inside_80 += came >= quantile[1] && came <= quantile[3];
		}
	}
}

/* ---- decisions ------------------------------------------------------------------------------ */

/* Costs of a vehicle in cents: invented, as all of the simulation is. */
enum { LOST_MINOR = 250000, HOLDING_MINOR = 12000, MOVE_MINOR = 30000, ORDER_MINOR = 15000 };

static void pose(struct trial *trial, enum vehicles_way way, int origin)
{
	struct allocate_problem *problem = &trial->problem;
	*problem = (struct allocate_problem){ .site_count = SITE_COUNT,
					      .region_count = REGION_COUNT,
					      .period_count = LOOK_AHEAD,
					      .service_level = 0.9,
					      .lost_sale_cost = LOST_MINOR,
					      .holding_cost = HOLDING_MINOR,
					      .lot = 1 };
	for (int s = 0; s < SITE_COUNT; s++) {
		problem->sites[s] = (struct allocate_site){ trial->stock[origin][s], ORDER_WEEKS,
							    ORDER_MINOR, 1e6 };
		for (int to = 0; to < SITE_COUNT; to++)
			if (to != s)
				problem->lanes[problem->lane_count++] =
					(struct allocate_lane){ s, to, 1, MOVE_MINOR };
	}
	for (int r = 0; r < REGION_COUNT; r++) {
		problem->regions[r].sites = UINT32_C(1) << region_facts[r].site;
		for (int h = 0; h < LOOK_AHEAD; h++)
			quantiles_make(trial, way, origin, r, h, problem->regions[r].quantile[h]);
	}
}

/* What is lost of the demand that came, if the sites have that stock and the plan is done. */
static double lose(const struct trial *trial, int origin, const struct allocate_plan *plan,
		   double *left)
{
	double lost = 0;
	*left = 0;
	for (int s = 0; s < SITE_COUNT; s++) {
		double stock = trial->stock[origin][s];
		for (int h = 0; h < LOOK_AHEAD; h++) {
			double wanted = 0;
			for (size_t i = 0; i < plan->action_count; i++) {
				const struct allocate_action *action = &plan->actions[i];
				const struct allocate_lane *lane =
					&trial->problem.lanes[action->index];
				bool is_order = action->kind == ALLOCATE_ORDER;
				if (!is_order && lane->from == s && h == 0)
					stock -= action->quantity;
				if (!is_order && lane->to == s && h == lane->lead)
					stock += action->quantity;
				if (is_order && action->index == s && h == ORDER_WEEKS)
					stock += action->quantity;
			}
			for (int r = 0; r < REGION_COUNT; r++)
				if (region_facts[r].site == s)
					wanted += trial->regions[r].demand[origin + h];
			lost += fmax(0, wanted - stock);
			stock = fmax(0, stock - wanted);
		}
		*left += stock;
	}
	return lost;
}

static struct err *decide(struct trial *trial, enum vehicles_way way, int origin,
			  struct vehicles_score *score)
{
	static const struct allocate_plan idle = { 0 };
	double left, idle_left;
	pose(trial, way, origin);
	struct err *err = allocate(trial->allocator, &trial->problem, &trial->plan);
	if (err != NULL)
		return err;
	double lost = lose(trial, origin, &trial->plan, &left);
	score->decisions++;
	score->lost += lost;
	score->lost_idle += lose(trial, origin, &idle, &idle_left);
	score->cost_minor += LOST_MINOR * lost + HOLDING_MINOR * left;
	for (int r = 0; r < REGION_COUNT; r++)
		for (int h = 0; h < LOOK_AHEAD; h++)
			score->wanted += trial->regions[r].demand[origin + h];
	for (size_t i = 0; i < trial->plan.action_count; i++) {
		const struct allocate_action *action = &trial->plan.actions[i];
		score->cost_minor += action->cost;
		*(action->kind == ALLOCATE_ORDER ? &score->ordered : &score->moved) +=
			action->quantity;
	}
	return NULL;
}

/* ---- all ------------------------------------------------------------------------------------ */

struct err *vehicles_play(uint64_t seed, int month_count, struct vehicles_score *scores)
{
	struct trial *trial = check_calloc(1, sizeof *trial);
	struct err *err = NULL;
	trial->allocator = allocator_new();
	live(trial, seed, month_count);
	for (int origin = VEHICLES_WEEKS_MIN;
	     err == NULL && origin + VEHICLES_HORIZON <= trial->week_count; origin++) {
		learn(trial, origin);
		forecast_all(trial, origin);
		if (origin < VEHICLES_WEEKS_MIN + VEHICLES_WARM_UP)
			continue;
		for (int way = 0; err == NULL && way < VEHICLES_WAYS; way++) {
			if (way != VEHICLES_TRUTH)
				score_forecasts(trial, (enum vehicles_way)way, origin,
						&scores[way]);
			err = decide(trial, (enum vehicles_way)way, origin, &scores[way]);
		}
	}
	allocator_free(&trial->allocator);
	free(trial);
	return err;
}

void vehicles_print(FILE *out, const struct vehicles_score *scores)
{
	static const char *const names[VEHICLES_WAYS] = { "last week again", "the series alone",
							  "with signals", "alone, in the stream",
							  "with signals, there",
							  "the demand that came" };
	fprintf(out, "%-21s %9s %9s %9s %9s  %12s %12s %12s\n", "a week of a region", "WAPE",
		"pinball", "in 80 %", "in 95 %", "lost, of all", "cost, EUR", "moved+ord.");
	for (int way = 0; way < VEHICLES_WAYS; way++) {
		const struct vehicles_score *score = &scores[way];
		double n = (double)score->forecasts, d = (double)score->decisions;
		fprintf(out, "%-21s ", names[way]);
		if (score->forecasts > 0)
			fprintf(out, "%8.1f%% %9.2f %8.1f%% %8.1f%%  ",
				100 * score->absolute / score->actual, score->pinball / n,
				100 * (double)score->inside_80 / n,
				100 * (double)score->inside_95 / n);
		else
			fprintf(out, "%9s %9s %9s %9s  ", "", "", "", "");
		fprintf(out, "%11.2f%% %12.0f %12.1f\n", 100 * score->lost / score->wanted,
			score->cost_minor / d / 100, (score->moved + score->ordered) / d);
	}
	fprintf(out, "%-21s %41s %11.2f%%\n", "nothing is moved", "",
		100 * scores[VEHICLES_PLAIN].lost_idle / scores[VEHICLES_PLAIN].wanted);
	fprintf(out, "%" PRId64 " forecasts, %" PRId64 " decisions for %d weeks each\n",
		scores[VEHICLES_PLAIN].forecasts, scores[VEHICLES_PLAIN].decisions, LOOK_AHEAD);
}
