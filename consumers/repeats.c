#include "consumers/repeats.h"

#include <string.h>

#include "base/check.h"
#include "base/little.h"

static uint16_t hour_of(int64_t ms)
{
	return (uint16_t)(uint64_t)(ms / MS_PER_HOUR);
}

/* How long before `hour` an event came. Inputs are not read in the order in which their events
 * came, so it may be negative, by up to a year. Hours are kept modulo 65536: from 6.4 years on an
 * age is taken for such a one. */
static int32_t age(uint16_t came, uint16_t hour)
{
	enum { AHEAD_MAX = 366 * 24 };
	uint16_t passed = (uint16_t)(hour - came);
	return passed > UINT16_MAX - AHEAD_MAX ? passed - (UINT16_MAX + 1) : passed;
}

static bool is_stale(uint16_t came, uint16_t hour)
{
	return age(came, hour) >= REPEAT_WINDOW_MS / MS_PER_HOUR;
}

static bool has(const uint64_t *prints, size_t count, uint64_t print)
{
	for (size_t i = 0; i < count; i++)
		if (prints[i] == print)
			return true;
	return false;
}

/* What is left of a list without those of before the window. */
static size_t drop_stale(uint64_t *prints, uint16_t *hours, size_t count, uint16_t hour)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_stale(hours[i], hour))
			continue;
		prints[kept] = prints[i];
		hours[kept++] = hours[i];
	}
	memset(prints + kept, 0, (count - kept) * sizeof *prints);
	memset(hours + kept, 0, (count - kept) * sizeof *hours);
	return kept;
}

/* Lists are in the order in which events came, but for what a bucket was given by another one. */
static size_t drop_oldest(uint64_t *prints, uint16_t *hours, size_t count, uint16_t hour)
{
	size_t at = 0;
	for (size_t i = 1; i < count; i++)
		if (age(hours[i], hour) > age(hours[at], hour))
			at = i;
	memmove(prints + at, prints + at + 1, (count - at - 1) * sizeof *prints);
	memmove(hours + at, hours + at + 1, (count - at - 1) * sizeof *hours);
	return count - 1;
}

/* ---- buckets -------------------------------------------------------------------------------- */

/* The largest power of two up to count > 0. */
static int32_t level(int32_t count)
{
	return INT32_C(1) << (31 - __builtin_clz((uint32_t)count));
}

int32_t repeats_bucket(uint64_t print, int32_t bucket_count)
{
	/* other bits of the hash than those by which tables in memory are laid out */
	uint32_t mixed = (uint32_t)((print * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
	int32_t power = level(bucket_count);
	int32_t bucket = (int32_t)(mixed & (uint32_t)(2 * power - 1));
	return bucket < bucket_count ? bucket : bucket - power;
}

/* ---- the filter ----------------------------------------------------------------------------- */

enum { FILTER_SPAN_MS = REPEAT_WINDOW_MS + MS_PER_HOUR }; /* hours are whole ones */

static uint64_t filter_bits(uint64_t print, size_t *word)
{
	uint64_t mixed = (print * UINT64_C(0xbf58476d1ce4e5b9)) >> 40;
	*word = mixed % REPEAT_FILTER_WORDS;
	return UINT64_C(1) << (mixed >> 12 & 63) | UINT64_C(1) << (mixed >> 18 & 63);
}

static bool filter_has(const struct recent_prints *recent, uint64_t print)
{
	size_t word;
	uint64_t bits = filter_bits(print, &word);
	return (recent->filter[word].now & bits) == bits ||
	       (recent->filter[word].before & bits) == bits;
}

/* What goes into buckets, of which the latest came at latest_ms. */
static void filter_put(struct recent_prints *recent, const struct spill *spill, int64_t latest_ms)
{
	if (latest_ms - recent->filter_ms >= FILTER_SPAN_MS) {
		for (size_t i = 0; i < REPEAT_FILTER_WORDS; i++)
			recent->filter[i] = (struct filter_word){ 0, recent->filter[i].now };
		recent->filter_ms = latest_ms;
	}
	for (size_t i = 0; i < spill->count; i++) {
		size_t word;
		uint64_t bits = filter_bits(spill->prints[i], &word);
		recent->filter[word].now |= bits;
	}
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool is_full(const struct recent_prints *recent, uint16_t hour)
{
	if (recent->count < RECENT_EVENTS_MAX)
		return false;
	for (size_t i = 0; i < recent->count; i++)
		if (is_stale(recent->hours[i], hour))
			return false;
	return true;
}

/* The bucket to which most of the state belongs, of so many > 0; of several the one that was first
 * to have so many. */
static int32_t fullest(const struct recent_prints *recent, int32_t bucket_count)
{
	uint8_t of[SEEN_BUCKETS_MAX] = { 0 };
	int32_t best = 0;
	for (size_t i = 0; i < recent->count; i++) {
		int32_t bucket = repeats_bucket(recent->prints[i], bucket_count);
		if (++of[bucket] > of[best])
			best = bucket;
	}
	return best;
}

size_t repeats_looks(const struct recent_prints *recent, uint64_t print, int64_t ingest_ms,
		     struct repeats_look looks[LOOKS_MAX])
{
	size_t count = 0;
	if (recent->bucket_count == 0 || ingest_ms - recent->seen_ms >= FILTER_SPAN_MS)
		return 0;
	if (filter_has(recent, print))
		looks[count++].bucket = repeats_bucket(print, recent->bucket_count);
	if (is_full(recent, hour_of(ingest_ms))) {
		int32_t bucket = fullest(recent, recent->bucket_count);
		if (count == 0 || looks[0].bucket != bucket)
			looks[count++].bucket = bucket;
	}
	return count;
}

/* ---- a spill -------------------------------------------------------------------------------- */

static void spill_add(struct spill *spill, uint64_t print, uint16_t hour)
{
	CHECK(spill->count < RECENT_EVENTS_MAX + SEEN_EVENTS_MAX);
	spill->prints[spill->count] = print;
	spill->hours[spill->count++] = hour;
}

size_t repeats_targets(const struct spill *spill, int32_t buckets[SPILL_BUCKETS_MAX])
{
	size_t count = 0;
	if (spill->count == 0)
		return 0;
	if (spill->split_from >= 0) {
		buckets[count++] = spill->split_from;
		buckets[count++] = spill->bucket_count - 1;
	}
	bool there = false;
	for (size_t i = 0; i < count; i++)
		there |= buckets[i] == spill->bucket;
	if (!there)
		buckets[count++] = spill->bucket;
	return count;
}

/* Those that belong to the new bucket go into the spill, which brings them there. */
static void give(struct spill *spill, int32_t bucket, struct seen_state *seen)
{
	size_t kept = 0;
	for (size_t i = 0; i < seen->count; i++) {
		if (repeats_bucket(seen->prints[i], spill->bucket_count) != bucket) {
			spill_add(spill, seen->prints[i], seen->hours[i]);
			continue;
		}
		seen->prints[kept] = seen->prints[i];
		seen->hours[kept++] = seen->hours[i];
	}
	memset(seen->prints + kept, 0, (seen->count - kept) * sizeof seen->prints[0]);
	memset(seen->hours + kept, 0, (seen->count - kept) * sizeof seen->hours[0]);
	seen->count = (uint8_t)kept;
}

void repeats_put(struct spill *spill, int32_t bucket, struct seen_state *seen)
{
	seen->count = (uint8_t)drop_stale(seen->prints, seen->hours, seen->count, spill->hour);
	if (bucket == spill->split_from)
		give(spill, bucket, seen);
	for (size_t i = 0; i < spill->count; i++) {
		if (repeats_bucket(spill->prints[i], spill->bucket_count) != bucket)
			continue;
		if (seen->count == SEEN_EVENTS_MAX)
			seen->count = (uint8_t)drop_oldest(seen->prints, seen->hours, seen->count,
							   spill->hour);
		seen->prints[seen->count] = spill->prints[i];
		seen->hours[seen->count++] = spill->hours[i];
	}
}

static size_t live(const struct seen_state *seen, uint16_t hour)
{
	size_t count = 0;
	for (size_t i = 0; seen != NULL && i < seen->count; i++)
		count += !is_stale(seen->hours[i], hour);
	return count;
}

/* How many will have to give way in a bucket, of what it holds and what comes. */
static int64_t outrun_in(const struct seen_state *seen, const struct spill *spill, int32_t bucket)
{
	int64_t count = 0;
	for (size_t i = 0; seen != NULL && i < seen->count; i++)
		count += !is_stale(seen->hours[i], spill->hour) &&
			 repeats_bucket(seen->prints[i], spill->bucket_count) == bucket;
	for (size_t i = 0; i < spill->count; i++)
		count += repeats_bucket(spill->prints[i], spill->bucket_count) == bucket;
	return count > SEEN_EVENTS_MAX ? count - SEEN_EVENTS_MAX : 0;
}

static void recent_add(struct recent_prints *recent, uint64_t print, uint16_t hour)
{
	recent->prints[recent->count] = print;
	recent->hours[recent->count++] = hour;
}

/* Those of one bucket leave the state. */
static void take_out(struct recent_prints *recent, int32_t bucket_count, struct spill *spill)
{
	size_t kept = 0;
	for (size_t i = 0; i < recent->count; i++) {
		if (repeats_bucket(recent->prints[i], bucket_count) == spill->bucket) {
			spill_add(spill, recent->prints[i], recent->hours[i]);
			continue;
		}
		recent->prints[kept] = recent->prints[i];
		recent->hours[kept++] = recent->hours[i];
	}
	memset(recent->prints + kept, 0, (recent->count - kept) * sizeof recent->prints[0]);
	memset(recent->hours + kept, 0, (recent->count - kept) * sizeof recent->hours[0]);
	recent->count = (uint8_t)kept;
}

/* The state is full of what is not stale: those of one bucket go there. */
static void spill_bucket(struct recent_prints *recent, const struct repeats_look *looks,
			 size_t look_count, uint16_t hour, bool may_split, struct spill *spill)
{
	int32_t count = recent->bucket_count > 0 ? recent->bucket_count : 1;
	const struct seen_state *seen = NULL;
	spill->hour = hour;
	spill->bucket = fullest(recent, count);
	for (size_t i = 0; i < look_count; i++)
		if (looks[i].bucket == spill->bucket)
			seen = looks[i].seen;
	take_out(recent, count, spill);
	size_t load = live(seen, hour) + spill->count;
	if (load > SEEN_SPLIT_AT && may_split && count < SEEN_BUCKETS_MAX) {
		spill->split_from = count - level(count);
		count++;
	}
	recent->bucket_count = spill->bucket_count = count;
	if (load <= SEEN_EVENTS_MAX)
		return;
	recent->outrun_count += outrun_in(seen, spill, spill->bucket);
	if (spill->split_from == spill->bucket)
		recent->outrun_count += outrun_in(seen, spill, count - 1);
}

/* Of the event at hand and of what leaves the state, which may have come after it. */
static int64_t latest_of(const struct spill *spill, int64_t ingest_ms)
{
	int64_t ahead = 0;
	for (size_t i = 0; i < spill->count; i++) {
		int64_t hours = -age(spill->hours[i], spill->hour);
		ahead = hours > ahead ? hours : ahead;
	}
	return ingest_ms + ahead * MS_PER_HOUR;
}

bool repeats_saw(struct recent_prints *recent, const struct repeats_look *looks, size_t look_count,
		 uint64_t print, int64_t ingest_ms, enum repeats_room room, struct spill *spill)
{
	uint16_t hour = hour_of(ingest_ms);
	spill->count = 0;
	spill->split_from = -1;
	bool repeat = has(recent->prints, recent->count, print);
	for (size_t i = 0; !repeat && i < look_count; i++)
		repeat = has(looks[i].seen->prints, looks[i].seen->count, print);
	if (repeat)
		return true;
	bool full = is_full(recent, hour);
	if (full && room != REPEATS_NO_BUCKET) {
		spill_bucket(recent, looks, look_count, hour, room == REPEATS_ANY, spill);
		int64_t latest_ms = latest_of(spill, ingest_ms);
		filter_put(recent, spill, latest_ms);
		if (latest_ms > recent->seen_ms)
			recent->seen_ms = latest_ms;
	} else if (full) {
		recent->count =
			(uint8_t)drop_oldest(recent->prints, recent->hours, recent->count, hour);
		recent->outrun_count++;
	} else if (recent->count == RECENT_EVENTS_MAX) {
		recent->count =
			(uint8_t)drop_stale(recent->prints, recent->hours, recent->count, hour);
	}
	recent_add(recent, print, hour);
	return false;
}

/* ---- as records ----------------------------------------------------------------------------- */

static void store(const uint64_t *prints, const uint16_t *hours, size_t count,
		  struct print_bytes *bytes)
{
	for (size_t i = 0; i < count; i++) {
		little_store64(&bytes->prints[8 * i], prints[i]);
		bytes->hours[2 * i] = (uint8_t)hours[i];
		bytes->hours[2 * i + 1] = (uint8_t)(hours[i] >> 8);
	}
}

static struct err *load(struct bytes prints, struct bytes hours, size_t count_max, uint64_t *to,
			uint16_t *to_hours, uint8_t *count)
{
	if (prints.len > 8 * count_max || prints.len % 8 != 0 ||
	    (hours.len != 0 && hours.len * 4 != prints.len))
		return err_new(ERR_FATAL, "STATE_INVALID",
			       "the fingerprints of a name are damaged");
	*count = (uint8_t)(prints.len / 8);
	for (size_t i = 0; i < *count; i++)
		to[i] = little_load64(&prints.data[8 * i]);
	for (size_t i = 0; i < hours.len / 2; i++)
		to_hours[i] = (uint16_t)(hours.data[2 * i] | hours.data[2 * i + 1] << 8);
	return NULL;
}

/* First the words of now, then those of before, where there are any. */
static struct bytes store_filter(const struct recent_prints *recent, uint8_t *out)
{
	uint64_t before = 0;
	if (recent->bucket_count == 0)
		return bytes_of(out, 0);
	for (size_t i = 0; i < REPEAT_FILTER_WORDS; i++) {
		little_store64(&out[8 * i], recent->filter[i].now);
		little_store64(&out[8 * (REPEAT_FILTER_WORDS + i)], recent->filter[i].before);
		before |= recent->filter[i].before;
	}
	return bytes_of(out, 8 * REPEAT_FILTER_WORDS * (before != 0 ? 2 : 1));
}

/* A state of before there was a filter: any event may be in its buckets. */
static void load_filter(struct bytes stored, struct recent_prints *recent)
{
	const size_t half = 8 * REPEAT_FILTER_WORDS;
	for (size_t i = 0; i < REPEAT_FILTER_WORDS; i++) {
		struct filter_word *word = &recent->filter[i];
		word->now = stored.len > 0 ? little_load64(&stored.data[8 * i]) : UINT64_MAX;
		word->before = stored.len > half ? little_load64(&stored.data[half + 8 * i]) : 0;
	}
}

void recent_to_record(const struct recent_prints *recent, struct print_bytes *bytes,
		      struct identity_name_record *record)
{
	store(recent->prints, recent->hours, recent->count, bytes);
	record->recent = bytes_of(bytes->prints, 8 * (size_t)recent->count);
	record->recent_hours = bytes_of(bytes->hours, 2 * (size_t)recent->count);
	record->seen_buckets = recent->bucket_count;
	record->seen_ms = recent->seen_ms;
	record->outrun_count = recent->outrun_count;
	record->seen_filter = store_filter(recent, bytes->filter);
	record->filter_ms = recent->filter_ms;
}

struct err *recent_from_record(const struct identity_name_record *record,
			       struct recent_prints *recent)
{
	const size_t half = 8 * REPEAT_FILTER_WORDS, len = record->seen_filter.len;
	memset(recent, 0, sizeof *recent);
	if (record->seen_buckets < 0 || record->seen_buckets > SEEN_BUCKETS_MAX)
		return err_new(ERR_FATAL, "STATE_INVALID", "a name has %d buckets, at most are %d",
			       (int)record->seen_buckets, SEEN_BUCKETS_MAX);
	if (len != 0 && len != half && len != 2 * half)
		return err_new(ERR_FATAL, "STATE_INVALID", "the filter of a name is damaged");
	recent->bucket_count = record->seen_buckets;
	recent->seen_ms = record->seen_ms;
	recent->outrun_count = record->outrun_count;
	recent->filter_ms = len > 0 ? record->filter_ms : record->seen_ms;
	if (recent->bucket_count > 0)
		load_filter(record->seen_filter, recent);
	return load(record->recent, record->recent_hours, RECENT_EVENTS_MAX, recent->prints,
		    recent->hours, &recent->count);
}

void seen_to_record(const struct seen_state *seen, struct print_bytes *bytes,
		    struct identity_seen_record *record)
{
	store(seen->prints, seen->hours, seen->count, bytes);
	record->prints = bytes_of(bytes->prints, 8 * (size_t)seen->count);
	record->hours = bytes_of(bytes->hours, 2 * (size_t)seen->count);
}

struct err *seen_from_record(const struct identity_seen_record *record, struct seen_state *seen)
{
	memset(seen, 0, sizeof *seen);
	return load(record->prints, record->hours, SEEN_EVENTS_MAX, seen->prints, seen->hours,
		    &seen->count);
}
