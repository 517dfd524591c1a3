/* Definitions of series that were deployed while the line runs (foretell series deploy).
 *
 * A deployment is a control record in every partition of account.events, which hands it on to those
 * of series.points; each partition keeps the last ones on its shelf, with the offset that told of
 * each. An event belongs to the definitions that were in force at its own time: of those told by
 * the record at hand, the last deployed one whose from_ms has come; before the first of them, the
 * process's own (series.file). A replay that begins before a deployment therefore does what the
 * first pass did, as long as no more than SERIES_SHELVED_MAX - 1 came between two checkpoints.
 *
 * A guide is what a stage makes of a shelf: the tables, parsed. Ownership: plain data; a guide
 * holds its tables. Threads: one. */
#ifndef CONSUMERS_SERIES_SHELF_H
#define CONSUMERS_SERIES_SHELF_H

#include "consumers/series.h"
#include "schemas/registry.h"
#include "schemas/states.h"

enum {
	SERIES_VERSION_LEN = 16,
	SERIES_BODY_MAX = 8000,		   /* of a file, deflated: 15 definitions are some 700 */
	SERIES_DEPLOYED_BYTES_MAX = 32768, /* as JSON */
};

struct series_shelf {
	bool dropped;
	size_t count;
	struct {
		int64_t offset, from_ms;
		char version[SERIES_VERSION_LEN + 1];
		size_t body_len;
		uint8_t body[SERIES_BODY_MAX];
	} versions[SERIES_SHELVED_MAX]; /* oldest first */
};

/* The shelf's key, one in each partition. */
extern const char series_shelf_key[];

/* Puts a deployment on it; the same one again, or one that can't be used, changes nothing. Returns
 * whether it changed. */
bool series_shelf_add(struct series_shelf *shelf, const struct series_definitions_record *record,
		      int64_t offset);

/* As the state of a kind (runtime/processor.h). Errors: FATAL STATE_INVALID, and the registry's. */
ERR_MUST_USE struct err *series_shelf_encode(struct registry *registry, const char *topic,
					     const struct series_shelf *shelf, uint8_t *out,
					     size_t *len);
ERR_MUST_USE struct err *series_shelf_decode(struct registry *registry, struct bytes value,
					     struct series_shelf *shelf);

/* A file's text as a deployment: *version and body[SERIES_BODY_MAX] (*len). Errors: FATAL
 * SERIES_INVALID (what series_file_parse says), SERIES_TOO_LARGE. */
ERR_MUST_USE struct err *series_deployment_make(const char *text, size_t text_len, const char *name,
						char version[SERIES_VERSION_LEN + 1], uint8_t *body,
						size_t *len);

/* The table of a deployment's body; false: it is none. */
bool series_deployment_read(struct bytes body, struct series_table *table);

struct series_guide {
	struct series_table own; /* the process's */
	bool dropped;
	size_t count; /* deployments told so far */
	int64_t from_ms[SERIES_SHELVED_MAX];
	char versions[SERIES_SHELVED_MAX][SERIES_VERSION_LEN + 1];
	struct series_table tables[SERIES_SHELVED_MAX];
};

/* Takes in what the shelf's partition had been told by the record at `offset`. */
void series_guide_set(struct series_guide *guide, const struct series_shelf *shelf, int64_t offset);

/* The definitions in force at `ms`; and their version, "" for the process's own. Borrowed. */
const struct series_table *series_guide_at(const struct series_guide *guide, int64_t ms);
const char *series_guide_version_at(const struct series_guide *guide, int64_t ms);

/* A definition by name in any of them, the latest first; NULL where there is none. */
const struct series_definition *series_guide_find(const struct series_guide *guide,
						  struct bytes name);

#endif
