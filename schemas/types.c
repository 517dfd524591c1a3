#include "schemas/types.h"

#include "schemas/rows.h"

/* One row a line, in the order of the .avsc. clang-format would fill the lines. */
/* clang-format off */

/* The envelope that all sources share; `path` leads to the source_event within struct s. */
#define ENVELOPE(s, path)                                      \
	REQ(s, "event_id", path event_id, FIELD_STRING),       \
		REQ(s, "source", path source, FIELD_STRING),   \
		REQ(s, "type", path type, FIELD_STRING),       \
		REQ(s, "subject", path subject, FIELD_STRING), \
		REQ(s, "event_ms", path event_ms, FIELD_LONG), \
		OPT_TEXT(s, "trace_id", path trace_id)
#define AMOUNT(s, path)                                                             \
	OPT_NUM(s, "amount_minor", path amount_minor, path has_amount, FIELD_LONG), \
		OPT_TEXT(s, "currency", path currency)
#define QUANTITY(s, path) OPT_NUM(s, "quantity", path quantity, path has_quantity, FIELD_LONG)
#define VALUE(s, path)	  OPT_NUM(s, "value", path value, path has_value, FIELD_DOUBLE)
#define NAME(s, path)	  OPT_TEXT(s, "name", path name)
#define UNIT(s, path)	  OPT_TEXT(s, "unit", path unit)
#define ATTRS(s, path)	  MAP(s, "attrs", path attrs, path attr_count)

/* What the second version of the sources' schemas added, and the payload. */
#define ADDED(s, path)                                                                            \
	OPT_TEXT(s, "subject_scheme", path subject_scheme),                                       \
		LIST(s, "identifiers", path identifiers, path identifier_count, identifier_type,  \
		     IDENTIFIER_COUNT_MAX),                                                       \
		OPT_NUM(s, "received_ms", path received_ms, path has_received, FIELD_LONG),       \
		OPT_TEXT(s, "data_version", path data_version)
#define SOURCE_TYPE(source)                                                              \
	const struct record_type source##_event_type = {                                 \
		.name = #source "_event",                                                \
		.size = sizeof(struct source_event),                                     \
		.fields = source##_event_fields,                                         \
		.field_count = sizeof source##_event_fields / sizeof(struct field),      \
		.image_size = offsetof(struct source_event, crm),                        \
	}
#define PAYLOAD(source) \
	OPT_RECORD(source_event, "payload", source, has_##source, source##_payload_type)
#define SECTION(s, path, source) \
	OPT_RECORD(s, #source, path source, path has_##source, source##_payload_type)

static const struct field identifier_fields[] = {
	TEXT(identifier, scheme),
	TEXT(identifier, value),
};
static TYPE(identifier_type, "Identifier", identifier, identifier_fields);

static const struct field erp_event_fields[] = {
	ENVELOPE(source_event, ),
	AMOUNT(source_event, ),
	QUANTITY(source_event, ),
	ATTRS(source_event, ),
	ADDED(source_event, ),
	PAYLOAD(erp),
};
SOURCE_TYPE(erp);

static const struct field crm_event_fields[] = {
	ENVELOPE(source_event, ),
	NAME(source_event, ),
	AMOUNT(source_event, ),
	ATTRS(source_event, ),
	ADDED(source_event, ),
	PAYLOAD(crm),
};
SOURCE_TYPE(crm);

static const struct field marketing_event_fields[] = {
	ENVELOPE(source_event, ),
	NAME(source_event, ),
	ATTRS(source_event, ),
	ADDED(source_event, ),
	PAYLOAD(marketing),
};
SOURCE_TYPE(marketing);

/* A measured value with its name and unit, and the payload. */
#define MEASURED(source)                                                            \
	ENVELOPE(source_event, ), NAME(source_event, ), VALUE(source_event, ),      \
		UNIT(source_event, ), ATTRS(source_event, ), ADDED(source_event, ), \
		PAYLOAD(source)

static const struct field iot_event_fields[] = { MEASURED(iot) };
SOURCE_TYPE(iot);

static const struct field support_event_fields[] = { MEASURED(support) };
SOURCE_TYPE(support);

static const struct field content_event_fields[] = { MEASURED(content) };
SOURCE_TYPE(content);

static const struct field market_event_fields[] = { MEASURED(market) };
SOURCE_TYPE(market);

static const char *const control_kinds[] = { "TICK", "INPUTS", "END", NULL };

static const struct field control_input_fields[] = {
	TEXT(control_input, topic),
	INT(control_input, partition_count),
};
static TYPE(control_input_type, "ControlInput", control_input, control_input_fields);

static const struct field control_fields[] = {
	ENUM(control, kind, control_kinds),
	TEXT(control, writer),
	LONG(control, at_ms),
	LONG(control, ingest_ms),
	ARRAY(control, inputs, input_count, control_input_type, TOPICS_PER_STAGE_MAX),
};
const struct record_type control_type = { .name = "control",
					  .size = sizeof(struct control),
					  .fields = control_fields,
					  .field_count = sizeof control_fields /
							 sizeof(struct field),
					  .own_subject = true };

static const struct field account_event_fields[] = {
	TEXT(account_event, account),	   ENVELOPE(account_event, event.),
	AMOUNT(account_event, event.),	   QUANTITY(account_event, event.),
	VALUE(account_event, event.),	   NAME(account_event, event.),
	UNIT(account_event, event.),	   ATTRS(account_event, event.),
	LONG(account_event, effective_ms), LONG(account_event, ingest_ms),
	BOOL(account_event, late),	   ADDED(account_event, event.),
	SECTION(account_event, event., crm),
	SECTION(account_event, event., erp),
	SECTION(account_event, event., iot),
	SECTION(account_event, event., marketing),
	SECTION(account_event, event., support),
	SECTION(account_event, event., content),
	SECTION(account_event, event., market),
};
TYPE(account_event_type, "account_event", account_event, account_event_fields);

static const struct field series_point_fields[] = {
	TEXT(series_point, definition), TEXT(series_point, dimension),
	TEXT(series_point, unit),	LONG(series_point, period_start_ms),
	LONG(series_point, amount),	BOOL(series_point, late),
};
TYPE(series_point_type, "series_point", series_point, series_point_fields);

static const struct field reason_fields[] = {
	TEXT(reason, code),
	TEXT(reason, text),
	DOUBLE(reason, contribution),
	TEXT(reason, text_zh),
};
static TYPE(reason_type, "Reason", reason, reason_fields);

static const char *const alert_statuses[] = { "OPENED", "UPDATED", "RESOLVED", "EXPIRED", NULL };
static const char *const severities[] = { "LOW", "MEDIUM", "HIGH", "CRITICAL", NULL };

static const struct field alert_fields[] = {
	TEXT(alert, alert_id),
	INT(alert, revision),
	TEXT(alert, account),
	TEXT(alert, rule),
	ENUM(alert, status, alert_statuses),
	ENUM(alert, severity, severities),
	LONG(alert, at_ms),
	LONG(alert, opened_ms),
	DOUBLE(alert, probability),
	INT(alert, horizon_days),
	DOUBLE(alert, margin),
	DOUBLE(alert, base_margin),
	ARRAY(alert, reasons, reason_count, reason_type, REASONS_MAX),
	OPT_TEXT(alert, "trigger_event_id", trigger_event_id),
	BOOL(alert, historic),
	TEXT(alert, model_version),
	TEXT(alert, rule_version),
	DOUBLE(alert, base_rate),
	DOUBLE(alert, expected_days),
	LONG(alert, data_ms),
	TEXT(alert, step),
};
TYPE(alert_type, "alert", alert, alert_fields);

static const char *const score_bands[] = { "UNKNOWN", "LOW",	"GUARDED", "ELEVATED",
					   "HIGH",    "SEVERE", NULL };

static const struct field score_fields[] = {
	TEXT(score, account),
	LONG(score, at_ms),
	DOUBLE(score, probability),
	INT(score, horizon_days),
	ENUM(score, band, score_bands),
	DOUBLE(score, margin),
	DOUBLE(score, base_margin),
	BOOL(score, abstained),
	OPT_TEXT(score, "abstained_why", abstained_why),
	ARRAY(score, reasons, reason_count, reason_type, REASONS_MAX),
	TEXT(score, model_version),
	DOUBLE(score, base_rate),
	DOUBLE(score, expected_days),
	LONG(score, data_ms),
	TEXT(score, rule_version),
};
TYPE(score_type, "score", score, score_fields);

#define BYTES(s, member) REQ(s, #member, member, FIELD_BYTES)

static const struct field example_fields[] = {
	TEXT(example, account),	   LONG(example, at_ms),
	LONG(example, matured_ms), BYTES(example, features), INT(example, outcome),
	INT(example, reason),	   INT(example, useful),     INT(example, wrong),
};
TYPE(example_type, "example", example, example_fields);

static const struct field lesson_fields[] = {
	TEXT(lesson, account),	 LONG(lesson, at_ms), LONG(lesson, matured_ms),
	BYTES(lesson, features), BOOL(lesson, ended),  INT(lesson, reason),
	INT(lesson, useful),	 INT(lesson, wrong),
};
TYPE(lesson_type, "lesson", lesson, lesson_fields);

static const struct field model_fields[] = {
	TEXT(model_record, name),	      TEXT(model_record, version),
	LONG(model_record, generation),	      LONG(model_record, at_ms),
	BYTES(model_record, body),	      LONG(model_record, example_count),
	LONG(model_record, ended_count),      DOUBLE(model_record, log_loss),
	DOUBLE(model_record, base_log_loss),  DOUBLE(model_record, base_rate),
	DOUBLE(model_record, calibration_error), BOOL(model_record, is_proven),
	BOOL(model_record, is_refuted),	      BOOL(model_record, is_active),
};
const struct record_type model_type = { .name = "model",
					.size = sizeof(struct model_record),
					.fields = model_fields,
					.field_count = sizeof model_fields / sizeof(struct field),
					.own_subject = true };

/* What names one forecast, in forecast and forecast_accuracy alike. */
#define FORECAST_KEY(s)                                                                           \
	TEXT(s, series), TEXT(s, definition), TEXT(s, dimension), TEXT(s, unit), TEXT(s, period), \
		LONG(s, origin_ms), LONG(s, target_ms), INT(s, horizon)

static const struct field forecast_fields[] = {
	FORECAST_KEY(forecast),	  LONG(forecast, point),	LONG(forecast, lower_80),
	LONG(forecast, upper_80), LONG(forecast, lower_95),	LONG(forecast, upper_95),
	TEXT(forecast, method),	  INT(forecast, history_count),
	INT(forecast, decimals),  TEXT(forecast, definition_version),
};
TYPE(forecast_type, "forecast", forecast, forecast_fields);

static const struct field forecast_accuracy_fields[] = {
	FORECAST_KEY(forecast_accuracy),
	LONG(forecast_accuracy, actual),
	LONG(forecast_accuracy, point),
	LONG(forecast_accuracy, naive),
	DOUBLE(forecast_accuracy, absolute_error),
	DOUBLE(forecast_accuracy, naive_absolute_error),
	DOUBLE(forecast_accuracy, smape),
	DOUBLE(forecast_accuracy, pinball_80),
	DOUBLE(forecast_accuracy, pinball_95),
	BOOL(forecast_accuracy, inside_80),
	BOOL(forecast_accuracy, inside_95),
	INT(forecast_accuracy, decimals),
	LONG(forecast_accuracy, bias),
	OPT_NUM(forecast_accuracy, "mase", mase, has_mase, FIELD_DOUBLE),
};
TYPE(forecast_accuracy_type, "forecast_accuracy", forecast_accuracy, forecast_accuracy_fields);

static const char *const drift_directions[] = { "UP", "DOWN", NULL };

static const struct field drift_fields[] = {
	TEXT(drift_record, series),	TEXT(drift_record, definition),
	TEXT(drift_record, dimension),	TEXT(drift_record, unit),
	INT(drift_record, decimals),	TEXT(drift_record, period),
	LONG(drift_record, at_ms),	LONG(drift_record, since_ms),
	ENUM(drift_record, direction, drift_directions),
	DOUBLE(drift_record, before),	DOUBLE(drift_record, after),
	DOUBLE(drift_record, score),
};
TYPE(drift_type, "drift", drift_record, drift_fields);
