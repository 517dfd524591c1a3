/* Which schema has which id: Confluent wire format (0x00, 4-byte big-endian id, Avro binary).
 *
 * Two kinds of registry, one interface: the project's own schemas under fixed ids (the default, no
 * service needed; schemas/registry.json), or any Confluent-compatible service over HTTP, with which
 * the original texts are registered under <topic>-value; control records, which share topics with
 * others, under their own full name ("foretell.Control") whatever the topic. An unknown id is
 * looked up once, and again after 30 s; a service that can't be asked gives RETRY, a service that
 * says "no such id" gives POISON, one that forbids asking or is no registry gives FATAL
 * REGISTRY_REFUSED, from every function that may have to ask.
 *
 * Threads: a registry belongs to one thread; open one per worker. */
#ifndef SCHEMAS_REGISTRY_H
#define SCHEMAS_REGISTRY_H

#include "schemas/record.h"

enum { WIRE_HEADER_LEN = 5 };

struct registry;

/* A new registry. url: NULL or "" for the project's own ids, else http(s)://host:port[/path] with
 * optional user:password@. Errors: FATAL REGISTRY_URL. */
ERR_MUST_USE struct err *registry_open(const char *url, struct registry **registry);
void registry_close(struct registry **registry);

/* One sentence for the log: which registry is in use. Borrowed. */
const char *registry_describe(const struct registry *registry);

/* The id under which values of `type` are written to `topic`; asked for (and registered) once, then
 * remembered. Errors: RETRY REGISTRY_UNREACHABLE, FATAL REGISTRY_REFUSED (incompatible, ...). */
ERR_MUST_USE struct err *registry_writer_id(struct registry *registry, const char *topic,
					    const struct record_type *type, int32_t *id);

/* Frames and encodes: header, then record_encode. Errors: as both above. */
ERR_MUST_USE struct err *registry_encode(struct registry *registry, const char *topic,
					 const struct record_type *type, const void *record,
					 uint8_t *out, size_t out_max, size_t *len);

/* The full name of the record that `value` holds ("foretell.Control"), by its schema id; borrowed,
 * until a value of another schema is read. Errors: POISON WIRE_MAGIC, WIRE_TRUNCATED,
 * SCHEMA_ID_UNKNOWN; RETRY REGISTRY_UNREACHABLE. */
ERR_MUST_USE struct err *registry_record_name(struct registry *registry, struct bytes value,
					      const char **name);

/* Decodes a framed value into *record by the plan for (writer's id, type), made once. Errors: as
 * registry_record_name and record_decode; POISON SCHEMA_MISMATCH where the writer's schema can't be
 * read as `type`. */
ERR_MUST_USE struct err *registry_decode(struct registry *registry, const struct record_type *type,
					 struct bytes value, void *record);

/* The writer's schema text for a framed value: for generic readers (tail). Borrowed and errors
 * as registry_record_name. */
ERR_MUST_USE struct err *registry_schema_text(struct registry *registry, struct bytes value,
					      const char **text);

#endif
