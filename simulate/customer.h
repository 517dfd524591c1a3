/* A customer of the simulated company: latent causes, what happens to it, and its true hazards.
 *
 * This is a simulation. Each customer has traits that never change and latent causes that move day
 * by day: satisfaction, usage, service load (bad experiences not yet forgotten), price gap (price
 * rises not yet accepted). What happens (orders, late deliveries, tickets, faults, price changes,
 * deals) moves the causes, and the causes move what happens. The daily hazards of leaving are
 * explicit functions of the causes, one for each cause (customer_hazards): leaving is drawn from
 * their sum, and the cause from their shares.
 *
 * A customer is plain data with its own random numbers: a copy, given others, lives another future.
 * customer_step is all of the dynamics; nothing that is told of it (events, identifiers, delays)
 * feeds back.
 *
 * Ownership: plain data. Threads: one at a time. Errors: none. */
#ifndef SIMULATE_CUSTOMER_H
#define SIMULATE_CUSTOMER_H

#include "simulate/world.h"

enum cause {
	CAUSE_OUTSIDE, /* insolvency, a new owner, a key person gone: nothing tells of it */
	CAUSE_SATISFACTION,
	CAUSE_SERVICE,
	CAUSE_PRICE,
	CAUSE_COMPETITOR,
	CAUSE_USAGE,
	CAUSE_COUNT,
};

enum segment { SEGMENT_SMALL, SEGMENT_MID, SEGMENT_LARGE, SEGMENT_COUNT };

enum {
	ORDERS_A_DAY_MAX = 3,
	TICKETS_A_DAY_MAX = 3,
	FAULTS_A_DAY_MAX = 3,
	DEALS_MAX = 2,
	DEVICES_MAX = 6,
	CONTACTS_MAX = 4,
	CHARGER_FROM_DEVICES = 3, /* who has so many, has a charger as the last, and vehicles */
	VEHICLES_MAX = 3,
	LOAD_DAYS = 16, /* how far ahead bad experiences are known to come */
	DEAL_STAGE_COUNT = 3,
	/* A cause shows where an event told of it in this window before the customer left. */
	SHOWN_DAYS_BEFORE = 21,
	SHOWN_WINDOW_DAYS = 120,
	LAST_DAYS = 8, /* nobody becomes a customer so near the end: links need some time */
};

struct customer_traits {
	int region, segment, sales_person;
	int first_day;	/* of being a customer; negative: before the simulation */
	double frailty; /* logarithm of a factor of all hazards that nothing explains */
	double price_weight, satisfaction_usual;
	double order_rate, order_units, unit_minor; /* a day; pieces; EUR cents at list price */
	double feature_rate, ticket_rate, visit_rate, reply_rate, payment_delay_days;
	bool has_subscription, is_diverter;
	int seats, renewal_days, renewal_phase;
	int device_count, contact_count;
	int ship_region; /* where goods go; mostly the own region */
};

struct deal {
	bool is_open;
	int serial, stage, stage_days; /* days left in the stage */
	int content, product, activity_count, opened_day;
	double value_minor, probability_opened; /* with as many activities as usual */
};

struct customer {
	struct prng random;
	struct customer_traits traits;
	bool is_active;
	int seats;
	double satisfaction, usage, load, price_gap;
	double coming_load[LOAD_DAYS]; /* by day modulo */
	struct deal deals[DEALS_MAX];
	int deal_count;	    /* ever */
	double use_average; /* of the last days' feature uses */
	int days_without_order;
	int shown_since[CAUSE_COUNT], shown_last[CAUSE_COUNT]; /* days; shown_last -1: never */
};

struct customer_order {
	int units, late_days, transit_days;
	int deal_serial; /* of the deal that it came from; -1: none */
	bool is_diverted;
};

struct customer_ticket {
	bool is_escalated;
	int answer_hours, close_hours;
	int score; /* 1 to 5; 0: none given */
};

enum deal_step { DEAL_QUIET, DEAL_OPENED, DEAL_MOVED, DEAL_REVALUED, DEAL_WON, DEAL_LOST };

struct deal_day {
	enum deal_step step;
	bool has_activity;
	double value_before_minor;
	double probability; /* DEAL_WON, DEAL_LOST: the one that the outcome was drawn from */
	bool to_competitor;
};

/* What a day brought. */
struct customer_day {
	double hazards[CAUSE_COUNT]; /* a day */
	bool left;
	enum cause cause;
	bool is_shown; /* the cause, SHOWN_DAYS_BEFORE ago */
	int order_count, ticket_count, fault_count, use_count;
	struct customer_order orders[ORDERS_A_DAY_MAX];
	struct customer_ticket tickets[TICKETS_A_DAY_MAX];
	int seats_before; /* where it is not seats, the number changed today */
	bool is_renewal, has_new_owner;
	double price_change; /* per cent; 0: none */
	struct deal_day deals[DEALS_MAX];
};

const char *cause_name(enum cause cause);
const char *segment_name(int segment);

/* Customer number `index` of the seed. It depends on nothing but seed, index, day_count and the
 * number of sales people. */
void customer_init(struct customer *customer, const struct world *world, uint64_t seed,
		   uint32_t index, int day_count);

/* The daily hazards as they are in this state; by cause. */
void customer_hazards(const struct customer *customer, const struct world *world,
		      double hazards[CAUSE_COUNT]);

/* The day world->day of a customer; is_active becomes false where it leaves. */
void customer_step(struct customer *customer, const struct world *world, struct customer_day *day);

#endif
