/* How field tables are written down, row by row. For the tables of schemas/ only. */
#ifndef SCHEMAS_ROWS_H
#define SCHEMAS_ROWS_H

#include <stddef.h>

#include "schemas/record.h"

/* Rows of a field table. OPT_ rows of numbers name the bool that says whether there is one. */
#define REQ(s, field_name, member, field_kind)                                               \
	{                                                                                    \
		.name = field_name, .kind = field_kind, .offset = offsetof(struct s, member) \
	}
#define OPT_TEXT(s, field_name, member)                                     \
	{                                                                   \
		.name = field_name, .kind = FIELD_STRING, .optional = true, \
		.offset = offsetof(struct s, member)                        \
	}
#define OPT_NUM(s, field_name, member, has_member, field_kind)                                     \
	{                                                                                          \
		.name = field_name, .kind = field_kind, .optional = true,                          \
		.offset = offsetof(struct s, member), .has_offset = offsetof(struct s, has_member) \
	}
#define OPT_RECORD(s, field_name, member, has_member, record)                 \
	{                                                                     \
		.name = field_name, .kind = FIELD_RECORD, .optional = true,   \
		.offset = offsetof(struct s, member),                         \
		.has_offset = offsetof(struct s, has_member), .type = &record \
	}
#define ENUM(s, member, symbol_list)                                                       \
	{                                                                                  \
		.name = #member, .kind = FIELD_ENUM, .offset = offsetof(struct s, member), \
		.symbols = symbol_list                                                     \
	}
#define MAP(s, field_name, member, count_member)                                                \
	{                                                                                       \
		.name = field_name, .kind = FIELD_MAP, .offset = offsetof(struct s, member),    \
		.count_offset = offsetof(struct s, count_member), .element_max = ATTR_COUNT_MAX \
	}
#define ARRAY(s, member, count_member, element_type, max)                                   \
	{                                                                                   \
		.name = #member, .kind = FIELD_ARRAY, .offset = offsetof(struct s, member), \
		.count_offset = offsetof(struct s, count_member), .element_max = max,       \
		.type = &element_type                                                       \
	}

/* An array whose field has another name than its member. */
#define LIST(s, field_name, member, count_member, element_type, max)                           \
	{                                                                                      \
		.name = field_name, .kind = FIELD_ARRAY, .offset = offsetof(struct s, member), \
		.count_offset = offsetof(struct s, count_member), .element_max = max,          \
		.type = &element_type                                                          \
	}

#define TEXT(s, member)	  REQ(s, #member, member, FIELD_STRING)
#define LONG(s, member)	  REQ(s, #member, member, FIELD_LONG)
#define INT(s, member)	  REQ(s, #member, member, FIELD_INT)
#define DOUBLE(s, member) REQ(s, #member, member, FIELD_DOUBLE)
#define BOOL(s, member)	  REQ(s, #member, member, FIELD_BOOL)

#define TYPE(variable, type_name, c_struct, rows)                              \
	const struct record_type variable = { .name = type_name,               \
					      .size = sizeof(struct c_struct), \
					      .fields = rows,                  \
					      .field_count = sizeof rows / sizeof rows[0] }

#endif
