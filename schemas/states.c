#include "schemas/states.h"

#include "schemas/rows.h"

static const struct field resolve_input_fields[] = {
	LONG(resolve_input, watermark_ms), LONG(resolve_input, tick_ms),
	LONG(resolve_input, inputs_told),  LONG(resolve_input, event_count),
	LONG(resolve_input, late_count),
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
	DOUBLE(outstanding_forecast, scale),
};
static TYPE(outstanding_forecast_type, "OutstandingForecast", outstanding_forecast,
	    outstanding_forecast_fields);

static const struct field series_state_fields[] = {
	LONG(series_state_record, period_ms),
	LONG(series_state_record, open_ms),
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
};
TYPE(series_state_type, "series_state", series_state_record, series_state_fields);

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
};
TYPE(account_record_type, "account", account_record, account_record_fields);
