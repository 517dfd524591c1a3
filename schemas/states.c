#include "schemas/states.h"

#include "schemas/rows.h"

static const struct field resolve_input_fields[] = {
	LONG(resolve_input, watermark_ms), LONG(resolve_input, tick_ms),
	LONG(resolve_input, inputs_told),  LONG(resolve_input, event_count),
	LONG(resolve_input, late_count),   LONG(resolve_input, erased_count),
};
TYPE(resolve_input_type, "resolve_input", resolve_input, resolve_input_fields);

static const struct field period_total_fields[] = {
	LONG(period_total, period_start_ms),
	LONG(period_total, amount),
	BOOL(period_total, late),
};
static TYPE(period_total_type, "PeriodTotal", period_total, period_total_fields);

static const struct field series_totals_fields[] = {
	LONG(series_totals, flush_ms),
	ARRAY(series_totals, periods, period_count, period_total_type, SERIES_TOTALS_MAX),
};
TYPE(series_totals_type, "series_totals", series_totals, series_totals_fields);

static const struct field series_amount_fields[] = {
	LONG(series_amount, amount),
};
static TYPE(series_amount_type, "SeriesAmount", series_amount, series_amount_fields);

static const struct field outstanding_forecast_fields[] = {
	LONG(outstanding_forecast, origin_ms), LONG(outstanding_forecast, target_ms),
	INT(outstanding_forecast, horizon),    LONG(outstanding_forecast, point),
	LONG(outstanding_forecast, lower_80),  LONG(outstanding_forecast, upper_80),
	LONG(outstanding_forecast, lower_95),  LONG(outstanding_forecast, upper_95),
	LONG(outstanding_forecast, naive),     LONG(outstanding_forecast, own),
	DOUBLE(outstanding_forecast, scale),   DOUBLE(outstanding_forecast, size),
};
static TYPE(outstanding_forecast_type, "OutstandingForecast", outstanding_forecast,
	    outstanding_forecast_fields);

static const struct field series_number_fields[] = {
	DOUBLE(series_number, value),
};
static TYPE(series_number_type, "SeriesNumber", series_number, series_number_fields);

static const struct field series_member_fields[] = {
	DOUBLE(series_member, next),
	DOUBLE(series_member, error),
	DOUBLE(series_member, far_error),
};
static TYPE(series_member_type, "SeriesMember", series_member, series_member_fields);

static const struct field series_interval_fields[] = {
	DOUBLE(series_interval, mean),	   LONG(series_interval, count),
	DOUBLE(series_interval, lower_95), DOUBLE(series_interval, lower_80),
	DOUBLE(series_interval, upper_80), DOUBLE(series_interval, upper_95),
};
static TYPE(series_interval_type, "SeriesInterval", series_interval, series_interval_fields);

static const struct field series_shift_fields[] = {
	LONG(series_shift, age),
	DOUBLE(series_shift, before),
	DOUBLE(series_shift, after),
};
static TYPE(series_shift_type, "SeriesShift", series_shift, series_shift_fields);

static const struct field series_method_fields[] = {
	LONG(series_method, search_points),
	LONG(series_method, since_search),
	LONG(series_method, since_estimate),
	INT(series_method, period),
	DOUBLE(series_method, ses_alpha),
	BOOL(series_method, ets_known),
	BOOL(series_method, ets_relative),
	INT(series_method, ets_trend),
	DOUBLE(series_method, ets_alpha),
	DOUBLE(series_method, ets_beta),
	DOUBLE(series_method, ets_phi),
	DOUBLE(series_method, theta_alpha),
	DOUBLE(series_method, ces_real),
	DOUBLE(series_method, ces_imaginary),
	DOUBLE(series_method, ar_constant),
	DOUBLE(series_method, ar_pull),
	ARRAY(series_method, ar_changes, ar_change_count, series_number_type, SERIES_CHANGES_MAX),
	BOOL(series_method, demand_fades),
	DOUBLE(series_method, demand_size_alpha),
	DOUBLE(series_method, demand_often_alpha),
	LONG(series_method, error_count),
	BOOL(series_method, has_next),
	ARRAY(series_method, members, member_count, series_member_type, SERIES_MEMBERS_MAX),
	INT(series_method, far_horizon),
	LONG(series_method, far_error_count),
	ARRAY(series_method, far, far_size, series_number_type, HORIZON_MAX *SERIES_MEMBERS_MAX),
	ARRAY(series_method, steps, step_count, series_interval_type, HORIZON_MAX),
	ARRAY(series_method, shifts, shift_count, series_shift_type, SERIES_SHIFTS_MAX),
};
static TYPE(series_method_type, "SeriesMethod", series_method, series_method_fields);

static const struct field series_state_fields[] = {
	LONG(series_state_record, period_ms),
	LONG(series_state_record, open_ms),
	LONG(series_state_record, end_ms),
	LONG(series_state_record, corrected_count),
	ARRAY(series_state_record, history, history_count, series_amount_type, SERIES_HISTORY_MAX),
	ARRAY(series_state_record, open, open_count, series_amount_type, SERIES_OPEN_MAX),
	ARRAY(series_state_record, outstanding, outstanding_count, outstanding_forecast_type,
	      SERIES_OUTSTANDING_MAX),
	DOUBLE(series_state_record, skill_error),
	DOUBLE(series_state_record, skill_naive),
	LONG(series_state_record, skill_count),
	BOOL(series_state_record, fallen_back),
	DOUBLE(series_state_record, drift_scale),
	DOUBLE(series_state_record, drift_up),
	DOUBLE(series_state_record, drift_down),
	LONG(series_state_record, drift_count),
	LONG(series_state_record, drift_up_count),
	LONG(series_state_record, drift_down_count),
	TEXT(series_state_record, whole),
	DOUBLE(series_state_record, share_own),
	DOUBLE(series_state_record, share_expected),
	LONG(series_state_record, tick_offset),
	OPT_RECORD(series_state_record, "method", method, has_method, series_method_type),
};
TYPE(series_state_type, "series_state", series_state_record, series_state_fields);

static const struct field series_step_fields[] = {
	LONG(series_step, point),
	LONG(series_step, naive),
};
static TYPE(series_step_type, "SeriesStep", series_step, series_step_fields);

static const struct field series_part_fields[] = {
	TEXT(series_part, series),
	LONG(series_part, origin_ms),
	LONG(series_part, tick_offset),
	LONG(series_part, actual),
	ARRAY(series_part, steps, step_count, series_step_type, HORIZON_MAX),
};
TYPE(series_part_type, "series_part", series_part, series_part_fields);

static const struct field level_fields[] = {
	BOOL(level_record, is_open),
	LONG(level_record, origin_ms),
	LONG(level_record, tick_offset),
	LONG(level_record, period_ms),
	LONG(level_record, part_count),
	LONG(level_record, closed_count),
	LONG(level_record, actual),
	BOOL(level_record, nonnegative),
	ARRAY(level_record, steps, step_count, series_step_type, HORIZON_MAX),
	DOUBLE(level_record, size),
	DOUBLE(level_record, scale),
	LONG(level_record, scale_count),
	ARRAY(level_record, outstanding, outstanding_count, outstanding_forecast_type,
	      SERIES_OUTSTANDING_MAX),
	ARRAY(level_record, errors, error_count, series_interval_type, HORIZON_MAX),
};
TYPE(level_type, "level", level_record, level_fields);

static const struct field type_statistics_fields[] = {
	TEXT(type_statistics_record, type),	    LONG(type_statistics_record, count),
	LONG(type_statistics_record, sum_minor),    LONG(type_statistics_record, first_ms),
	LONG(type_statistics_record, last_ms),	    DOUBLE(type_statistics_record, decayed_30),
	DOUBLE(type_statistics_record, decayed_90),
};
static TYPE(type_statistics_type, "TypeStatistics", type_statistics_record, type_statistics_fields);

static const char *const bands[] = {
	"UNKNOWN", "LOW", "GUARDED", "ELEVATED", "HIGH", "SEVERE", NULL
};
static const char *const severities[] = { "LOW", "MEDIUM", "HIGH", "CRITICAL", NULL };

static const struct field signal_trace_fields[] = {
	TEXT(signal_trace_record, signal),	  LONG(signal_trace_record, first_ms),
	LONG(signal_trace_record, last_ms),	  LONG(signal_trace_record, count),
	DOUBLE(signal_trace_record, count_weeks), DOUBLE(signal_trace_record, count_quarter),
	DOUBLE(signal_trace_record, count_year),  DOUBLE(signal_trace_record, sum_weeks),
	DOUBLE(signal_trace_record, sum_quarter), DOUBLE(signal_trace_record, sum_year),
};
static TYPE(signal_trace_type, "SignalTrace", signal_trace_record, signal_trace_fields);

static const struct field pending_example_fields[] = {
	LONG(pending_example_record, at_ms),
};
static TYPE(pending_example_type, "PendingExample", pending_example_record, pending_example_fields);

static const struct field usual_product_fields[] = {
	TEXT(usual_product_record, product),
	INT(usual_product_record, order_count),
	LONG(usual_product_record, since_count),
	LONG(usual_product_record, last_ms),
};
static TYPE(usual_product_type, "UsualProduct", usual_product_record, usual_product_fields);

static const struct field relationship_fields[] = {
	LONG(relationship_record, customer_since_ms),
	LONG(relationship_record, renewal_ms),
	LONG(relationship_record, ended_ms),
	LONG(relationship_record, seats_cut_ms),
	LONG(relationship_record, sign_first_ms),
	LONG(relationship_record, sign_ms),
	LONG(relationship_record, sign_days),
	LONG(relationship_record, seats),
	LONG(relationship_record, seats_usual),
	LONG(relationship_record, seats_active),
	LONG(relationship_record, employees),
	DOUBLE(relationship_record, cut_share),
	DOUBLE(relationship_record, late_days),
	DOUBLE(relationship_record, price_percent),
	DOUBLE(relationship_record, score),
	BOOL(relationship_record, is_subscriber),
	TEXT(relationship_record, region),
	TEXT(relationship_record, segment),
	ARRAY(relationship_record, signals, signal_count, signal_trace_type, SIGNALS_MAX),
	LONG(relationship_record, example_ms),
	ARRAY(relationship_record, pending, pending_count, pending_example_type,
	      PENDING_EXAMPLES_MAX),
	TEXT(relationship_record, alert_rule),
	BOOL(relationship_record, acknowledged),
	LONG(relationship_record, snoozed_until_ms),
	LONG(relationship_record, cool_until_ms),
	INT(relationship_record, wrong_count),
	INT(relationship_record, useful_count),
	LONG(relationship_record, due_said_ms),
	LONG(relationship_record, limit_said),
	ARRAY(relationship_record, products, product_count, usual_product_type, USUAL_PRODUCTS_MAX),
	LONG(relationship_record, product_said_ms),
	LONG(relationship_record, answers),
};
static TYPE(relationship_type, "Relationship", relationship_record, relationship_fields);

static const struct field account_record_fields[] = {
	TEXT(account_record, account),
	LONG(account_record, event_count),
	LONG(account_record, late_count),
	LONG(account_record, first_ms),
	LONG(account_record, last_ms),
	OPT_TEXT(account_record, "currency", currency),
	LONG(account_record, order_count),
	LONG(account_record, order_event_count),
	LONG(account_record, first_order_ms),
	LONG(account_record, last_order_ms),
	LONG(account_record, order_sum_minor),
	LONG(account_record, decay_ms),
	DOUBLE(account_record, orders_decayed_30),
	DOUBLE(account_record, orders_decayed_90),
	DOUBLE(account_record, orders_decayed_365),
	ARRAY(account_record, types, type_count, type_statistics_type, ACCOUNT_TYPES_MAX),
	DOUBLE(account_record, probability),
	ENUM(account_record, band, bands),
	LONG(account_record, scored_ms),
	OPT_NUM(account_record, "check_ms", check_ms, has_check, FIELD_LONG),
	BOOL(account_record, alert_open),
	INT(account_record, alert_episode),
	INT(account_record, alert_revision),
	LONG(account_record, alert_opened_ms),
	ENUM(account_record, alert_severity, severities),
	OPT_TEXT(account_record, "merged_into", merged_into),
	OPT_RECORD(account_record, "relationship", relationship, has_relationship,
		   relationship_type),
};
TYPE(account_record_type, "account", account_record, account_record_fields);

static const struct field region_offer_fields[] = {
	LONG(region_offer_record, offset),
	LONG(region_offer_record, start_ms),
	LONG(region_offer_record, end_ms),
	DOUBLE(region_offer_record, percent),
};
static TYPE(region_offer_type, "RegionOffer", region_offer_record, region_offer_fields);

static const struct field region_climate_fields[] = {
	LONG(region_climate_record, offset),
	DOUBLE(region_climate_record, value),
};
static TYPE(region_climate_type, "RegionClimate", region_climate_record, region_climate_fields);

static const struct field region_record_fields[] = {
	ARRAY(region_record, offers, offer_count, region_offer_type, REGION_CHANGES_MAX),
	ARRAY(region_record, climates, climate_count, region_climate_type, REGION_CHANGES_MAX),
};
const struct record_type region_record_type = {
	.name = "region_state",
	.size = sizeof(struct region_record),
	.fields = region_record_fields,
	.field_count = sizeof region_record_fields / sizeof(struct field),
	.own_subject = true,
};

static const struct field shelved_model_fields[] = {
	LONG(shelved_model, offset),
	TEXT(shelved_model, version),
	REQ(shelved_model, "body", body, FIELD_BYTES),
	BOOL(shelved_model, is_proven),
	BOOL(shelved_model, is_refuted),
	DOUBLE(shelved_model, base_rate),
};
static TYPE(shelved_model_type, "ShelvedModel", shelved_model, shelved_model_fields);

static const struct field model_shelf_fields[] = {
	ARRAY(model_shelf_record, models, model_count, shelved_model_type, MODELS_SHELVED_MAX),
};
const struct record_type model_shelf_type = {
	.name = "model_shelf",
	.size = sizeof(struct model_shelf_record),
	.fields = model_shelf_fields,
	.field_count = sizeof model_shelf_fields / sizeof(struct field),
	.own_subject = true,
};

static const struct field gathered_fields[] = {
	LONG(gathered, at_ms),
	LONG(gathered, due_ms),
	REQ(gathered, "features", features, FIELD_BYTES),
	INT(gathered, outcome),
	INT(gathered, reason),
	INT(gathered, useful),
	INT(gathered, wrong),
};
TYPE(gathered_type, "gathered", gathered, gathered_fields);

static const struct field learner_fields[] = {
	TEXT(learner_record, version),
	LONG(learner_record, due_ms),
	LONG(learner_record, generation),
	REQ(learner_record, "learner", learner, FIELD_BYTES),
};
TYPE(learner_record_type, "learner", learner_record, learner_fields);

static const struct field series_definitions_fields[] = {
	TEXT(series_definitions_record, version),
	LONG(series_definitions_record, from_ms),
	REQ(series_definitions_record, "body", body, FIELD_BYTES),
	LONG(series_definitions_record, at_ms),
	TEXT(series_definitions_record, by),
};
const struct record_type series_definitions_type = {
	.name = "series_definitions",
	.size = sizeof(struct series_definitions_record),
	.fields = series_definitions_fields,
	.field_count = sizeof series_definitions_fields / sizeof(struct field),
	.own_subject = true,
};

static const struct field shelved_definitions_fields[] = {
	LONG(shelved_definitions, offset),
	TEXT(shelved_definitions, version),
	LONG(shelved_definitions, from_ms),
	REQ(shelved_definitions, "body", body, FIELD_BYTES),
};
static TYPE(shelved_definitions_type, "ShelvedDefinitions", shelved_definitions,
	    shelved_definitions_fields);

static const struct field series_shelf_fields[] = {
	BOOL(series_shelf_record, dropped),
	ARRAY(series_shelf_record, versions, version_count, shelved_definitions_type,
	      SERIES_SHELVED_MAX),
};
const struct record_type series_shelf_type = {
	.name = "series_shelf",
	.size = sizeof(struct series_shelf_record),
	.fields = series_shelf_fields,
	.field_count = sizeof series_shelf_fields / sizeof(struct field),
	.own_subject = true,
};
