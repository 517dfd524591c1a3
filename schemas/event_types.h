/* The types of events that foretell knows by name, the schema that each belongs to, and the block
 * of its payload. Sources may use words of their own beside these. Threads: any; all is constant.
 */
#ifndef SCHEMAS_EVENT_TYPES_H
#define SCHEMAS_EVENT_TYPES_H

#include "base/bytes.h"
#include "schemas/record.h"

struct event_type {
	const char *name;  /* "erp.order" */
	const char *block; /* of the payload, "order"; NULL: the envelope says it all */
	const struct record_type *schema;
};

extern const struct event_type event_types[];
extern const size_t event_type_count;

/* A source's topic and the schema of what is written there. */
struct event_source {
	const char *topic;	 /* "erp.events" */
	const char *record_name; /* "foretell.ErpEvent", as the schema's text has it */
	const struct record_type *schema;
};

enum { EVENT_SOURCE_COUNT = 7 };
extern const struct event_source event_sources[EVENT_SOURCE_COUNT];

/* The type of that name; NULL where it is none of these. */
const struct event_type *event_type_find(struct bytes name);

/* The known name that is most like it, for a message; NULL where none is. */
const char *event_type_nearest(struct bytes name);

/* The source whose topic or schema ("erp.events", "erp_event") has that name, or whose topic ends
 * with ".NAME"; NULL where there is none. */
const struct event_source *event_source_find(const char *name);

/* The schema whose text gives its records this name; NULL: it is no source's. */
const struct record_type *event_source_schema(const char *record_name);

/* The source to which events of this schema belong. */
const struct event_source *event_source_of(const struct record_type *schema);

/* The field of `schema` that holds its payload, and a block of that by its name; NULL where there
 * is none. */
const struct field *event_payload_field(const struct record_type *schema);
const struct field *event_block_field(const struct record_type *schema, const char *block);

#endif
