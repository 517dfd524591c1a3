/* The states that stages keep, as records on their compacted topics.
 *
 * A processor's state in memory is a plain struct of its own (consumers/); these are the forms in
 * which it is published and read back. The .avsc of the same name says what each field means.
 * Strings are borrowed from the state that is encoded, or from the message that was decoded. */
#ifndef SCHEMAS_STATES_H
#define SCHEMAS_STATES_H

#include "schemas/types.h"

struct resolve_input {
	int64_t watermark_ms, tick_ms;
	int64_t inputs_told, event_count, late_count, erased_count;
};

extern const struct record_type resolve_input_type;

enum { SERIES_TOTALS_MAX = 8 };

struct period_total {
	int64_t period_start_ms, amount;
	bool late;
};

struct series_totals {
	int64_t flush_ms;
	size_t period_count;
	struct period_total periods[SERIES_TOTALS_MAX];
};

extern const struct record_type series_totals_type;

enum {
	SERIES_HISTORY_MAX = 256,
	SERIES_OPEN_MAX = 4096,
	/* made at each close for HORIZON_MAX periods, dropped as their period closes */
	SERIES_OUTSTANDING_MAX = HORIZON_MAX * (HORIZON_MAX + 1) / 2
};

struct series_amount {
	int64_t amount;
};

struct outstanding_forecast {
	int64_t origin_ms, target_ms;
	int32_t horizon;
	int64_t point, lower_80, upper_80, lower_95, upper_95, naive;
	int64_t own;  /* what the series' own method said */
	double scale; /* of MASE, as of then */
	double size;  /* that its error is taken in proportion to */
};

enum { SERIES_CHANGES_MAX = 6, SERIES_MEMBERS_MAX = 8, SERIES_SHIFTS_MAX = 4 };

struct series_number {
	double value;
};

struct series_member {
	double next, error, far_error;
};

struct series_interval {
	double mean;
	int64_t count;
	double lower_95, lower_80, upper_80, upper_95;
};

struct series_shift {
	int64_t age;
	double before, after;
};

/* What a series' forecasts keep from close to close (models/forecaster.h). */
struct series_method {
	int64_t search_points, since_search, since_estimate;
	int32_t period;
	double ses_alpha;
	bool ets_known, ets_relative;
	int32_t ets_trend;
	double ets_alpha, ets_beta, ets_phi, theta_alpha, ces_real, ces_imaginary;
	double ar_constant, ar_pull;
	size_t ar_change_count;
	struct series_number ar_changes[SERIES_CHANGES_MAX];
	bool demand_fades;
	double demand_size_alpha, demand_often_alpha;
	int64_t error_count;
	bool has_next;
	size_t member_count, step_count, far_size;
	struct series_member members[SERIES_MEMBERS_MAX];
	int32_t far_horizon;
	int64_t far_error_count;
	struct series_number far[HORIZON_MAX * SERIES_MEMBERS_MAX];
	struct series_interval steps[HORIZON_MAX];
	size_t shift_count;
	struct series_shift shifts[SERIES_SHIFTS_MAX];
};

struct series_state_record {
	int64_t period_ms, open_ms, end_ms, corrected_count;
	size_t history_count, open_count, outstanding_count;
	struct series_amount history[SERIES_HISTORY_MAX];
	struct series_amount open[SERIES_OPEN_MAX];
	struct outstanding_forecast outstanding[SERIES_OUTSTANDING_MAX];
	double skill_error, skill_naive;
	int64_t skill_count;
	bool fallen_back;
	double drift_scale, drift_up, drift_down;
	int64_t drift_count, drift_up_count, drift_down_count;
	struct bytes whole;
	double share_own, share_expected;
	int64_t tick_offset;
	bool has_method;
	struct series_method method;
};

extern const struct record_type series_state_type;

struct series_step {
	int64_t point, naive;
};

/* series_part: forecasts of a series of the finest level, on their way to its totals. */
struct series_part {
	struct bytes series;
	int64_t origin_ms, tick_offset, actual;
	size_t step_count;
	struct series_step steps[HORIZON_MAX];
};

extern const struct record_type series_part_type;

/* A total in the levels stage. */
struct level_record {
	bool is_open;
	int64_t origin_ms, tick_offset, period_ms, part_count, closed_count, actual;
	bool nonnegative;
	size_t step_count, outstanding_count, error_count;
	struct series_step steps[HORIZON_MAX];
	double size, scale;
	int64_t scale_count;
	struct outstanding_forecast outstanding[SERIES_OUTSTANDING_MAX];
	struct series_interval errors[HORIZON_MAX];
};

extern const struct record_type level_type;

enum { ACCOUNT_TYPES_MAX = 8 };

struct type_statistics_record {
	struct bytes type;
	int64_t count, sum_minor, first_ms, last_ms;
	double decayed_30, decayed_90;
};

enum { SIGNALS_MAX = 24, PENDING_EXAMPLES_MAX = 6, USUAL_PRODUCTS_MAX = 4 };

struct signal_trace_record {
	struct bytes signal;
	int64_t first_ms, last_ms, count;
	double count_weeks, count_quarter, count_year, sum_weeks, sum_quarter, sum_year;
};

struct pending_example_record {
	int64_t at_ms;
};

struct usual_product_record {
	struct bytes product;
	int32_t order_count;
	int64_t since_count, last_ms;
};

struct relationship_record {
	int64_t customer_since_ms, renewal_ms, ended_ms, seats_cut_ms, sign_first_ms, sign_ms;
	int64_t sign_days, seats, seats_usual, seats_active, employees;
	double cut_share, late_days, price_percent, score;
	bool is_subscriber;
	struct bytes region, segment;
	size_t signal_count;
	struct signal_trace_record signals[SIGNALS_MAX];
	int64_t example_ms;
	size_t pending_count;
	struct pending_example_record pending[PENDING_EXAMPLES_MAX];
	struct bytes alert_rule;
	bool acknowledged;
	int64_t snoozed_until_ms, cool_until_ms;
	int32_t wrong_count, useful_count;
	int64_t due_said_ms, limit_said;
	size_t product_count;
	struct usual_product_record products[USUAL_PRODUCTS_MAX];
	int64_t product_said_ms;
	int64_t answers;
};

struct account_record {
	struct bytes account;
	int64_t event_count, late_count, first_ms, last_ms;
	struct bytes currency; /* optional */
	int64_t order_count, order_event_count, first_order_ms, last_order_ms, order_sum_minor;
	int64_t decay_ms;
	double orders_decayed_30, orders_decayed_90, orders_decayed_365;
	size_t type_count;
	struct type_statistics_record types[ACCOUNT_TYPES_MAX];
	double probability;
	int32_t band; /* enum score_band */
	int64_t scored_ms;
	bool has_check;
	int64_t check_ms; /* optional */
	bool alert_open;
	int32_t alert_episode, alert_revision;
	int64_t alert_opened_ms;
	int32_t alert_severity;	  /* enum severity */
	struct bytes merged_into; /* optional */
	bool has_relationship;
	struct relationship_record relationship; /* optional */
};

extern const struct record_type account_record_type;

/* series_definitions: a deployment; series_shelf: the last ones. */
enum { SERIES_SHELVED_MAX = 3 };

struct series_definitions_record {
	struct bytes version;
	int64_t from_ms;
	struct bytes body;
	int64_t at_ms;
	struct bytes by;
};

struct shelved_definitions {
	int64_t offset;
	struct bytes version;
	int64_t from_ms;
	struct bytes body;
};

struct series_shelf_record {
	bool dropped;
	size_t version_count;
	struct shelved_definitions versions[SERIES_SHELVED_MAX];
};

extern const struct record_type series_definitions_type, series_shelf_type;

enum { REGION_CHANGES_MAX = 24, MODELS_SHELVED_MAX = 4 };

struct region_offer_record {
	int64_t offset, start_ms, end_ms;
	double percent;
};

struct region_climate_record {
	int64_t offset;
	double value;
};

struct region_record {
	size_t offer_count, climate_count;
	struct region_offer_record offers[REGION_CHANGES_MAX];
	struct region_climate_record climates[REGION_CHANGES_MAX];
};

struct shelved_model {
	int64_t offset;
	struct bytes version, body;
	bool is_proven, is_refuted;
	double base_rate;
};

struct model_shelf_record {
	size_t model_count;
	struct shelved_model models[MODELS_SHELVED_MAX];
};

struct gathered {
	int64_t at_ms, due_ms;
	struct bytes features;
	int32_t outcome;
	int32_t reason, useful, wrong;
};

struct learner_record {
	struct bytes version;
	int64_t due_ms, generation;
	struct bytes learner;
};

extern const struct record_type region_record_type, model_shelf_type, gathered_type,
	learner_record_type;

#endif
