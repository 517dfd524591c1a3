/* Which events were taken lately, by their identity (source and id), in bounded memory: so that a
 * sender who asks again within the window is answered without writing it twice. What has been
 * forgotten is written again, and found by the stage that reads it.
 *
 * Identities are SHA-256 digests cut to 128 bits: two different ones don't meet. Threads: any. */
#ifndef PRODUCERS_RECENT_IDS_H
#define PRODUCERS_RECENT_IDS_H

#include "base/bytes.h"

enum {
	RECENT_COUNT_MAX = 131072,     /* identities that are remembered, about */
	RECENT_WINDOW_MS = 10 * 60000, /* how long */
};

struct recent_ids;

struct recent_id {
	uint8_t digest[16];
};

struct recent_ids *recent_ids_new(void);
void recent_ids_free(struct recent_ids **ids);

struct recent_id recent_id_of(struct bytes source, struct bytes event_id);

bool recent_ids_has(struct recent_ids *ids, const struct recent_id *id, int64_t now_ms);
void recent_ids_add(struct recent_ids *ids, const struct recent_id *id, int64_t now_ms);

#endif
