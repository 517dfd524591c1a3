/* Which events of a name have come before: fingerprints of those of the last REPEAT_WINDOW_MS, by
 * the time at which they came in.
 *
 * The latest lie in the name's own state. Where these are full, those go together of whose bucket
 * there are most; buckets are states of their own, of which there is one more each time that one
 * gets full: linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing",
 * VLDB 1980). So a name with few events has none, each bucket is written for many events at a time,
 * and one bucket tells whether an event is a repeat:
 *
 *   state ── full: those of the fullest bucket ──► bucket b
 *                  one is full: bucket p ──► half of it to a new bucket
 *
 * A filter in the name's state says of most new events that no bucket has them, so that none is
 * looked into: two bits in one word (Bloom, "Space/time trade-offs in hash coding with allowable
 * errors", CACM 13(7), 1970; blocked as by Putze, Sanders and Singler, WEA 2007), in two
 * generations, of which the one before is forgotten when all of it is older than the window.
 *
 * What is older than the window gives way first. Where the last bucket that there may be is full,
 * too, the oldest one does, and is counted.
 *
 * Plain data, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_REPEATS_H
#define CONSUMERS_REPEATS_H

#include "base/limits.h"
#include "base/timestamp.h"
#include "schemas/identity.h"

#define REPEAT_WINDOW_MS (7 * MS_PER_DAY)

/* A word of the filter. */
struct filter_word {
	uint64_t now, before;
};

/* In the state of a name. */
struct recent_prints {
	uint8_t count;
	uint16_t hours[RECENT_EVENTS_MAX]; /* when their events came in, modulo 65536 */
	uint64_t prints[RECENT_EVENTS_MAX];
	int32_t bucket_count;
	int64_t seen_ms;      /* when the latest event came that put any into a bucket */
	int64_t outrun_count; /* gave way before their time */
	int64_t filter_ms;    /* when the filter's generation began */
	struct filter_word filter[REPEAT_FILTER_WORDS];
};

/* A bucket. */
struct seen_state {
	uint8_t count;
	uint16_t hours[SEEN_EVENTS_MAX];
	uint64_t prints[SEEN_EVENTS_MAX];
};

/* What an event makes of the buckets. */
struct spill {
	size_t count; /* of what goes there; 0: they stay as they are */
	uint16_t hour;
	int32_t bucket, bucket_count;
	int32_t split_from; /* a part of that bucket goes into a new, the last one; -1: none does */
	uint16_t hours[RECENT_EVENTS_MAX + SEEN_EVENTS_MAX];
	uint64_t prints[RECENT_EVENTS_MAX + SEEN_EVENTS_MAX];
};

enum { SPILL_BUCKETS_MAX = 3, LOOKS_MAX = 2 };

/* A bucket that has to be looked into. */
struct repeats_look {
	int32_t bucket;
	const struct seen_state *seen; /* what it holds */
};

/* Room for fingerprints and hours as bytes. */
struct print_bytes {
	uint8_t prints[8 * SEEN_EVENTS_MAX], hours[2 * SEEN_EVENTS_MAX];
	uint8_t filter[sizeof(struct filter_word) * REPEAT_FILTER_WORDS];
};

/* The bucket of a fingerprint, of so many > 0. */
int32_t repeats_bucket(uint64_t print, int32_t bucket_count);

/* The buckets that repeats_saw has to look into for an event: one that may have its fingerprint,
 * one into which the state has to be emptied. Returns how many. */
size_t repeats_looks(const struct recent_prints *recent, uint64_t print, int64_t ingest_ms,
		     struct repeats_look looks[LOOKS_MAX]);

/* What the name's own state allows. */
enum repeats_room { REPEATS_NO_BUCKET, REPEATS_NO_SPLIT, REPEATS_ANY };

/* Whether the event with that fingerprint has come before; if not, it has from now on. `looks` are
 * those that repeats_looks asked for. Fills *spill. */
bool repeats_saw(struct recent_prints *recent, const struct repeats_look *looks, size_t look_count,
		 uint64_t print, int64_t ingest_ms, enum repeats_room room, struct spill *spill);

/* The buckets that a spill changes, in the order in which repeats_put must be called for them. */
size_t repeats_targets(const struct spill *spill, int32_t buckets[SPILL_BUCKETS_MAX]);
void repeats_put(struct spill *spill, int32_t bucket, struct seen_state *seen);

/* To a topic's records, which borrow from *bytes, and back. Errors of the latter: FATAL
 * STATE_INVALID. */
void recent_to_record(const struct recent_prints *recent, struct print_bytes *bytes,
		      struct identity_name_record *record);
ERR_MUST_USE struct err *recent_from_record(const struct identity_name_record *record,
					    struct recent_prints *recent);
void seen_to_record(const struct seen_state *seen, struct print_bytes *bytes,
		    struct identity_seen_record *record);
ERR_MUST_USE struct err *seen_from_record(const struct identity_seen_record *record,
					  struct seen_state *seen);

#endif
