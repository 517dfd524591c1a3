/* The records on foretell's topics as C structs, and their field tables.
 *
 * The .avsc beside this file of the same name says what each field means, its unit, and what
 * absence means; here only what C adds. Times are int64 UTC ms, money int64 minor units. */
#ifndef SCHEMAS_TYPES_H
#define SCHEMAS_TYPES_H

#include "base/limits.h"
#include "schemas/payloads.h"
#include "schemas/record.h"

struct identifier {
	struct bytes scheme, value;
};

/* erp_event, crm_event, ...: what the sources write. One struct holds them all; a field that a
 * source's schema lacks is absent. Of the payloads only the source's own is ever there; one that is
 * not there is not initialised by decoding. */
struct source_event {
	struct bytes event_id, source, type, subject;
	struct bytes trace_id; /* optional */
	int64_t event_ms;
	bool has_amount, has_quantity, has_value;
	int64_t amount_minor;  /* optional: erp, crm */
	int64_t quantity;      /* optional: erp; never negative */
	double value;	       /* optional: iot, support, content, market */
	struct bytes currency; /* optional: ISO 4217 */
	struct bytes name;     /* optional: stage, metric, campaign, category, title */
	struct bytes unit;     /* optional: of value, UN/CEFACT code */
	size_t attr_count;
	struct attr attrs[ATTR_COUNT_MAX];
	struct bytes subject_scheme; /* optional */
	size_t identifier_count;
	struct identifier identifiers[IDENTIFIER_COUNT_MAX];
	struct bytes data_version; /* optional */
	int64_t received_ms;	   /* optional */
	bool has_received;
	bool has_crm, has_erp, has_iot, has_marketing, has_support, has_content, has_market;
	struct crm_payload crm; /* from here on decoding leaves what is absent as it is */
	struct erp_payload erp;
	struct iot_payload iot;
	struct marketing_payload marketing;
	struct support_payload support;
	struct content_payload content;
	struct market_payload market;
};

extern const struct record_type erp_event_type, crm_event_type, iot_event_type,
	marketing_event_type, support_event_type, content_event_type, market_event_type;

/* control: what moves clocks. In the inputs (END only) and in the internal logs. */
enum control_kind { CONTROL_TICK, CONTROL_INPUTS, CONTROL_END };

struct control_input {
	struct bytes topic;
	int32_t partition_count;
};

struct control {
	int32_t kind;	     /* enum control_kind */
	struct bytes writer; /* "topic/partition" of the input that this clock belongs to */
	int64_t at_ms;	   /* TICK: the writer's clock; END: the time up to which the input tells */
	int64_t ingest_ms; /* TICK: when the broker took in what moved the clock */
	size_t input_count; /* INPUTS: all writers of this log */
	struct control_input inputs[TOPICS_PER_STAGE_MAX];
};

extern const struct record_type control_type;

/* account_event: an event resolved to its account, in the ordered log. */
struct account_event {
	struct bytes account;
	struct source_event event;
	int64_t effective_ms; /* event_ms, or the writer's clock where the event was late */
	int64_t ingest_ms;    /* when the broker took the event in */
	bool late;
};

extern const struct record_type account_event_type;

/* series_point: an amount that belongs to one period of one series. */
struct series_point {
	struct bytes definition; /* "revenue.week" or "revenue.week.country" */
	struct bytes dimension;	 /* "" for the total, else the value, e.g. "France" */
	struct bytes unit;	 /* currency; amounts are in its minor unit */
	int64_t period_start_ms;
	int64_t amount;
	bool late;
};

extern const struct record_type series_point_type;

struct reason {
	struct bytes code, text;
	double contribution;  /* to the margin */
	struct bytes text_zh; /* empty: only English is there */
};

enum alert_status {
	ALERT_OPENED,
	ALERT_UPDATED,
	ALERT_RESOLVED,
	ALERT_EXPIRED, /* the last one that a record's status has; the others are UPDATED there */
	ALERT_ACKNOWLEDGED,
	ALERT_SNOOZED,
};
enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

/* alert */
struct alert {
	struct bytes alert_id; /* account/rule/episode */
	int32_t revision;      /* from 0 */
	struct bytes account, rule;
	int32_t status, severity; /* enum alert_status, enum severity */
	int64_t at_ms, opened_ms;
	double probability;
	int32_t horizon_days;
	double margin, base_margin;
	size_t reason_count;
	struct reason reasons[REASONS_MAX];
	struct bytes trigger_event_id; /* optional: none where silence was the trigger */
	bool historic;
	struct bytes model_version, rule_version;
	double base_rate, expected_days; /* -1: not known */
	int64_t data_ms;		 /* of the newest event that was taken into account */
	struct bytes step;		 /* the status, or what UPDATED stands for */
};

extern const struct record_type alert_type;

enum score_band { BAND_UNKNOWN, BAND_LOW, BAND_GUARDED, BAND_ELEVATED, BAND_HIGH, BAND_SEVERE };

/* score */
struct score {
	struct bytes account;
	int64_t at_ms;
	double probability;
	int32_t horizon_days;
	int32_t band; /* enum score_band */
	double margin, base_margin;
	bool abstained;
	struct bytes abstained_why; /* optional */
	size_t reason_count;
	struct reason reasons[REASONS_MAX];
	struct bytes model_version;
	double base_rate, expected_days; /* -1: not known */
	int64_t data_ms;
	struct bytes rule_version;
};

extern const struct record_type score_type;

/* example: what was known of an account, or what came of it, or what somebody answered to an alert
 * about it (reason not 0); lesson: the first two together, or an answer, in order. */
struct example {
	struct bytes account;
	int64_t at_ms, matured_ms;
	struct bytes features; /* empty: the outcome, or an answer */
	int32_t outcome;
	int32_t reason, useful, wrong;
};

struct lesson {
	struct bytes account;
	int64_t at_ms, matured_ms;
	struct bytes features;
	bool ended;
	int32_t reason, useful, wrong;
};

struct model_record {
	struct bytes name, version;
	int64_t generation, at_ms;
	struct bytes body;
	int64_t example_count, ended_count;
	double log_loss, base_log_loss, base_rate, calibration_error;
	bool is_proven, is_refuted, is_active;
};

extern const struct record_type example_type, lesson_type, model_type;

/* forecast: one horizon of one series, made at a period's close. */
struct forecast {
	struct bytes series, definition, dimension, unit;
	struct bytes period; /* ISO 8601 duration: P1D, P1W */
	int64_t origin_ms;   /* the close at which it was made */
	int64_t target_ms;   /* start of the period that it is about */
	int32_t horizon;     /* periods ahead, from 1 */
	int64_t point, lower_80, upper_80, lower_95, upper_95;
	struct bytes method;
	int32_t history_count; /* periods that it was made from */
	int32_t decimals;
	struct bytes definition_version; /* of deployed definitions; "": the process's own */
};

extern const struct record_type forecast_type;

/* forecast_accuracy: one earlier forecast against the actual. */
struct forecast_accuracy {
	struct bytes series, definition, dimension, unit, period;
	int64_t origin_ms, target_ms;
	int32_t horizon;
	int64_t actual, point, naive; /* naive: the last actual known at the origin, by season */
	double absolute_error, naive_absolute_error;
	double smape;		       /* 0 to 2 */
	double pinball_80, pinball_95; /* mean of the two quantile losses of each interval */
	bool inside_80, inside_95;
	int32_t decimals;
	int64_t bias; /* point - actual */
	double mase;  /* optional */
	bool has_mase;
};

extern const struct record_type forecast_accuracy_type;

enum drift_direction { DRIFT_DIRECTION_UP, DRIFT_DIRECTION_DOWN };

/* drift: a series begins to behave otherwise. */
struct drift_record {
	struct bytes series, definition, dimension, unit;
	int32_t decimals;
	struct bytes period;
	int64_t at_ms, since_ms;
	int32_t direction; /* enum drift_direction */
	double before, after, score;
};

extern const struct record_type drift_type;

#endif
