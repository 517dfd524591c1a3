/* The project's own schema ids, for use without a registry service.
 *
 * An id stands for one schema text for ever: a changed schema takes a new id and the old text stays
 * readable under the old one, as NAME_v1. schemas/registry.json says the same to other programs; a
 * test holds the two equal. Threads: pure. */
#ifndef SCHEMAS_REGISTRY_LOCAL_H
#define SCHEMAS_REGISTRY_LOCAL_H

#include <stdint.h>

enum { LOCAL_ID_MAX = 99 };

/* The id of schemas/NAME.avsc; 0 where there is none. */
int32_t registry_local_id(const char *name);

/* The text under that id; NULL where there is none. Borrowed, lives for ever. */
const char *registry_local_text(int32_t id);

#endif
