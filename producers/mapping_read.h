/* A mapping's parts as mapping_read.c makes them of JSON and mapping.c applies them. Private to
 * those two. */
#ifndef PRODUCERS_MAPPING_READ_H
#define PRODUCERS_MAPPING_READ_H

#include "producers/decimal.h"
#include "producers/mapping.h"
#include "producers/text.h"
#include "producers/time_text.h"
#include "schemas/event_types.h"

enum { NO_COLUMN = -1, MAPPING_PATH_MAX = 160 };

typedef char mapping_text[MAPPING_TEXT_MAX + 1];

/* A column that the mapping uses, found once by mapping_bind. */
struct mapping_column {
	mapping_text name;
	char path[MAPPING_PATH_MAX]; /* the JSON path that named it first */
	size_t field;		     /* its index in a row */
};

/* A column and what it is called in the event. */
struct named_rule {
	int column;
	mapping_text key;
};

/* A constant, or the content of a column. */
struct text_rule {
	int column; /* index into columns, NO_COLUMN: the constant */
	mapping_text constant;
	bool given;
};

enum match_kind { MATCH_BEGINS_WITH, MATCH_EQUALS };

struct type_case {
	enum match_kind match;
	mapping_text text;
	mapping_text type;   /* "" where the row is rejected */
	mapping_text reject; /* why */
	bool is_return;
};

struct type_rule {
	int column; /* NO_COLUMN: always `otherwise` */
	size_t case_count;
	struct type_case cases[MAPPING_RULES_MAX];
	mapping_text otherwise; /* "": a row that no case matches is malformed */
};

struct subject_rule {
	int column;
	mapping_text prefix, strip_suffix, otherwise, scheme; /* each "" where not given */
};

struct time_rule {
	int column;
	struct time_format format;
	struct time_zone *zone;
	mapping_text format_text, zone_name; /* as given, for messages */
};

/* A field of a payload's block, out of a column or a constant. */
struct payload_rule {
	const struct field *block, *field; /* of the schema */
	struct text_rule text;
	bool is_time;
	struct time_rule time; /* where is_time */
	int scale;	       /* of minor units; -1: the number as it stands */
};

struct amount_rule {
	bool given, optional; /* optional: an empty one is absent */
	int column, times;    /* times: NO_COLUMN or what the amount is multiplied by */
	int scale;	      /* digits of the currency's minor unit */
	struct decimal_syntax syntax;
	struct text_rule currency;
	bool sign_as_given;
};

struct mapping {
	char *name;
	char digest[HASH_SHA256_HEX_LEN + 1];
	mapping_text topic, source;
	const struct record_type *type;

	struct csv_options csv;
	bool is_csv, has_header;
	enum text_encoding encoding;
	size_t given_count; /* names of columns in a file without a header line */
	mapping_text *given_columns;

	size_t column_count;
	struct mapping_column columns[MAPPING_COLUMNS_MAX];

	struct type_rule type_rule;
	struct subject_rule subject;
	struct time_rule time;
	struct amount_rule amount;
	int quantity, value; /* columns or NO_COLUMN */
	bool quantity_optional, value_optional;
	struct text_rule label, unit;
	size_t attribute_count;
	struct named_rule attributes[ATTR_COUNT_MAX];
	int id, trace_id; /* columns or NO_COLUMN */
	struct text_rule data_version;
	size_t identifier_count;
	struct named_rule identifiers[MAPPING_RULES_MAX]; /* key: the scheme */
	size_t payload_count;
	struct payload_rule payload[MAPPING_FIELDS_MAX];

	bool order_by_time, end_at_next_day;
};

/* Fills *mapping (all zero but for its name) from JSON text. Errors: FATAL MAPPING_FILE,
 * MAPPING_INVALID. What it has allocated, mapping_free frees, after an error too. */
ERR_MUST_USE struct err *mapping_read(struct bytes json, struct mapping *mapping);

#endif
