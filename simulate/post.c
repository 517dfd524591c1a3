#include "simulate/post.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/phrase.h"
#include "base/timestamp.h"

const struct feed_facts feed_facts[FEED_COUNT] = {
	{ "crm.events", "crm", &crm_event_type },
	{ "erp.events", "erp", &erp_event_type },
	{ "iot.events", "iot", &iot_event_type },
	{ "marketing.events", "marketing", &marketing_event_type },
	{ "support.events", "support", &support_event_type },
	{ "content.events", "content", &content_event_type },
	{ "market.events", "market", &market_event_type },
};

/* Usual delay and worst lateness of each feed; invented. */
static const struct {
	double delay_ms_mean, late_ms_mean;
} feed_delays[FEED_COUNT] = {
	[FEED_CRM] = { 20000, 6 * 3600000.0 },	     [FEED_ERP] = { 240000, 30 * 3600000.0 },
	[FEED_IOT] = { 4000, 20 * 3600000.0 },	     [FEED_MARKETING] = { 45000, 8 * 3600000.0 },
	[FEED_SUPPORT] = { 15000, 5 * 3600000.0 },   [FEED_CONTENT] = { 30000, 8 * 3600000.0 },
	[FEED_MARKET] = { 3600000, 40 * 3600000.0 },
};

enum {
	STREAM_POST = 2,
	STREAM_OUTAGES = 3,
	OUTAGE_DAYS_BETWEEN = 45,
	OUTAGE_HOURS_MIN = 2,
	OUTAGE_HOURS_MAX = 30,
	OUTAGE_BURST_MS = 600000, /* in which all that was held back comes */
	DAMAGE_KIND_COUNT = 8,
};

struct entry {
	int64_t event_ms, delivered_ms;
	size_t at; /* in the bytes: the key, then the value */
	uint32_t value_len;
	uint8_t key_len, feed, link;
	bool is_raw, is_duplicate, is_malformed, is_held;
};

/* All that is delivered on one day. */
struct bucket {
	struct entry *entries;
	size_t entry_count, entry_capacity;
	uint8_t *bytes;
	size_t byte_count, byte_capacity;
};

struct post {
	struct post_options options;
	struct prng random;
	int day; /* the next to be delivered */
	size_t waiting_bytes;
	struct bucket buckets[POST_DAYS_AHEAD]; /* by day modulo */
	uint64_t *order;			/* of the day at hand */
	size_t order_capacity;
	struct post_counts counts[FEED_COUNT];
	int64_t latest_ms[FEED_COUNT];
	struct post_outage outages[FEED_COUNT][POST_OUTAGES_MAX];
	size_t outage_count[FEED_COUNT], outage_at[FEED_COUNT];
};

static void outages_draw(struct post *post)
{
	struct prng random = prng_new(post->options.seed, STREAM_OUTAGES);
	int64_t end_ms = post->options.start_ms + post->options.day_count * MS_PER_DAY;
	for (int feed = 0; feed < FEED_COUNT; feed++) {
		int64_t at_ms = post->options.start_ms + MS_PER_DAY;
		size_t *count = &post->outage_count[feed];
		while (*count < POST_OUTAGES_MAX) {
			at_ms += (int64_t)prng_exponential(&random, OUTAGE_DAYS_BETWEEN *
									    (double)MS_PER_DAY);
			int64_t until_ms =
				at_ms + MS_PER_HOUR * prng_between(&random, OUTAGE_HOURS_MIN,
								   OUTAGE_HOURS_MAX);
			if (until_ms >= end_ms)
				break;
			post->outages[feed][(*count)++] = (struct post_outage){ at_ms, until_ms };
			at_ms = until_ms;
		}
	}
}

struct post *post_new(const struct post_options *options)
{
	struct post *post = check_calloc(1, sizeof *post);
	post->options = *options;
	post->random = prng_new(options->seed, STREAM_POST);
	if (options->has_outages)
		outages_draw(post);
	for (int feed = 0; feed < FEED_COUNT; feed++)
		post->latest_ms[feed] = INT64_MIN;
	return post;
}

void post_free(struct post **post)
{
	if (*post == NULL)
		return;
	for (size_t i = 0; i < POST_DAYS_AHEAD; i++) {
		free((*post)->buckets[i].entries);
		free((*post)->buckets[i].bytes);
	}
	free((*post)->order);
	free(*post);
	*post = NULL;
}

/* ---- taking events in ---- */

static struct err *bucket_add(struct post *post, struct entry entry, struct bytes key,
			      struct bytes value)
{
	int64_t day = (entry.delivered_ms - post->options.start_ms) / MS_PER_DAY;
	if (day >= post->day + POST_DAYS_AHEAD)
		day = post->day + POST_DAYS_AHEAD - 1;
	struct bucket *bucket = &post->buckets[day % POST_DAYS_AHEAD];
	size_t size = key.len + value.len;
	if (post->waiting_bytes + size > POST_BYTES_MAX)
		return err_new(ERR_FATAL, "SIMULATION_SIZE",
			       "more than %zu MB wait for their delivery; simulate fewer accounts",
			       POST_BYTES_MAX >> 20);
	if (bucket->entry_count == bucket->entry_capacity) {
		bucket->entry_capacity = bucket->entry_capacity ? 2 * bucket->entry_capacity : 64;
		bucket->entries = check_realloc(bucket->entries,
						bucket->entry_capacity * sizeof *bucket->entries);
	}
	while (bucket->byte_count + size > bucket->byte_capacity) {
		bucket->byte_capacity = bucket->byte_capacity ? 2 * bucket->byte_capacity : 8192;
		bucket->bytes = check_realloc(bucket->bytes, bucket->byte_capacity);
	}
	CHECK(key.len <= UINT8_MAX);
	entry.at = bucket->byte_count;
	entry.key_len = (uint8_t)key.len;
	entry.value_len = (uint32_t)value.len;
	memcpy(bucket->bytes + entry.at, key.data, key.len);
	memcpy(bucket->bytes + entry.at + key.len, value.data, value.len);
	bucket->byte_count += size;
	bucket->entries[bucket->entry_count++] = entry;
	post->waiting_bytes += size;
	return NULL;
}

/* When a record that is handed over at `at_ms` gets through. */
static int64_t pass_outages(struct post *post, enum feed feed, int64_t at_ms, bool *is_held)
{
	int64_t today_ms = post->options.start_ms + post->day * MS_PER_DAY;
	while (post->outage_at[feed] < post->outage_count[feed] &&
	       post->outages[feed][post->outage_at[feed]].until_ms < today_ms)
		post->outage_at[feed]++;
	for (size_t i = post->outage_at[feed]; i < post->outage_count[feed]; i++) {
		const struct post_outage *outage = &post->outages[feed][i];
		if (at_ms < outage->from_ms)
			break;
		*is_held = at_ms < outage->until_ms;
		if (*is_held)
			return outage->until_ms + prng_below(&post->random, OUTAGE_BURST_MS);
	}
	return at_ms;
}

static int64_t delivery_time(struct post *post, enum feed feed, int64_t from_ms, bool *is_held)
{
	struct prng *random = &post->random;
	double delay = prng_exponential(random, feed_delays[feed].delay_ms_mean);
	if (prng_chance(random, post->options.late))
		delay += prng_exponential(random, feed_delays[feed].late_ms_mean);
	int64_t today_ms = post->options.start_ms + post->day * MS_PER_DAY;
	int64_t earliest_ms = from_ms > today_ms ? from_ms : today_ms;
	int64_t at_ms = pass_outages(post, feed, earliest_ms + (int64_t)delay, is_held);
	/* what has happened is told before the end, or the truth would know more than the events */
	int64_t last_ms = post->options.start_ms + post->options.day_count * MS_PER_DAY - 1;
	if (at_ms > last_ms && earliest_ms <= last_ms)
		at_ms = last_ms;
	return at_ms;
}

/* Bytes that are no event: what a broken source or a stranger writes. */
static size_t damage_bytes(struct prng *random, uint32_t kind, uint8_t *bytes, size_t len)
{
	static const char text[] = "{\"type\":\"order\",\"amount\":12.5}";
	switch (kind) {
	case 0: return 3 + prng_below(random, (uint32_t)(len > 12 ? len - 8 : 1)); /* cut short */
	case 1: memset(bytes, 0xff, 8); return len;				   /* no frame */
	case 2: memcpy(bytes, text, sizeof text - 1); return sizeof text - 1;
	default: return 0; /* empty */
	}
}

/* An event that can be decoded and yet be none. */
static void damage_event(uint32_t kind, struct source_event *event)
{
	switch (kind) {
	case 4: event->event_id = bytes_str(""); break;
	case 5: event->event_ms += 300 * 365 * MS_PER_DAY; break; /* absurd */
	case 6: event->event_ms += 100 * 365 * MS_PER_DAY; break; /* the future */
	default: event->source = bytes_str(""); break;
	}
}

/* A record that no reader can take, beside the good one. Its id is its own. */
static struct err *send_malformed(struct post *post, enum feed feed,
				  const struct source_event *event, struct entry entry)
{
	enum { FRAME_LEN = 5 };
	uint8_t bytes[POST_EVENT_LEN_MAX + FRAME_LEN] = { 0 };
	char id[EVENT_ID_MAX + 1];
	struct source_event *damaged = check_malloc(sizeof *damaged);
	*damaged = *event;
	struct phrase phrase = phrase_in(id, sizeof id);
	phrase_bytes(&phrase, event->event_id);
	phrase_text(&phrase, ".bad");
	phrase_end(&phrase);
	damaged->event_id = bytes_str(id);
	uint32_t kind = prng_below(&post->random, DAMAGE_KIND_COUNT);
	entry.is_raw = kind < 4;
	if (!entry.is_raw)
		damage_event(kind, damaged);
	size_t len = 0, frame = entry.is_raw ? FRAME_LEN : 0;
	struct err *err = record_encode(feed_facts[feed].type, damaged, bytes + frame,
					POST_EVENT_LEN_MAX, &len);
	free(damaged);
	if (err != NULL)
		return err;
	/* an id that no registry has, so that a cut one is poison whoever reads it */
	if (entry.is_raw) {
		memset(bytes + 1, 0x7f, FRAME_LEN - 1);
		len = damage_bytes(&post->random, kind, bytes, len + frame);
	}
	entry.is_malformed = true;
	return bucket_add(post, entry, event->subject, bytes_of(bytes, len));
}

struct err *post_send(struct post *post, enum feed feed, const struct source_event *event,
		      int64_t not_before_ms, enum post_link link)
{
	uint8_t bytes[POST_EVENT_LEN_MAX];
	size_t len = 0;
	struct entry entry = { .event_ms = event->event_ms,
			       .feed = (uint8_t)feed,
			       .link = (uint8_t)link };
	struct err *err = record_encode(feed_facts[feed].type, event, bytes, sizeof bytes, &len);
	if (err != NULL)
		return err;
	entry.delivered_ms = delivery_time(post, feed, not_before_ms, &entry.is_held);
	err = bucket_add(post, entry, event->subject, bytes_of(bytes, len));
	if (err == NULL && prng_chance(&post->random, post->options.malformed))
		err = send_malformed(post, feed, event, entry);
	if (err != NULL || !prng_chance(&post->random, post->options.duplicates))
		return err;
	entry.is_duplicate = true;
	bool again_held = false;
	entry.delivered_ms = delivery_time(post, feed, entry.delivered_ms + 1000, &again_held);
	return bucket_add(post, entry, event->subject, bytes_of(bytes, len));
}

/* ---- handing them out ---- */

static void count_delivery(struct post *post, const struct entry *entry)
{
	struct post_counts *counts = &post->counts[entry->feed];
	int64_t *latest_ms = &post->latest_ms[entry->feed];
	if (entry->is_malformed) {
		counts->malformed++;
		return;
	}
	if (entry->is_duplicate) {
		counts->duplicates++;
		return;
	}
	counts->events++;
	counts->unlinked += entry->link == POST_UNLINKED;
	counts->mislinked += entry->link == POST_MISLINKED;
	counts->late += entry->delivered_ms - entry->event_ms > MS_PER_HOUR;
	counts->held += entry->is_held;
	counts->disordered += entry->event_ms < *latest_ms;
	if (entry->event_ms > *latest_ms)
		*latest_ms = entry->event_ms;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Puts the day's entries in the order of their delivery; of the same moment, as they were sent. */
static void order_day(struct post *post, const struct bucket *bucket, int64_t day_ms)
{
	if (bucket->entry_count > post->order_capacity) {
		post->order_capacity = bucket->entry_count;
		post->order =
			check_realloc(post->order, post->order_capacity * sizeof *post->order);
	}
	CHECK(bucket->entry_count < UINT32_MAX);
	for (size_t i = 0; i < bucket->entry_count; i++) {
		int64_t in_day_ms = bucket->entries[i].delivered_ms - day_ms;
		/* what was cut at the farthest day goes with its end */
		if (in_day_ms >= MS_PER_DAY)
			in_day_ms = MS_PER_DAY - 1;
		post->order[i] = (uint64_t)in_day_ms << 32 | i;
	}
	qsort(post->order, bucket->entry_count, sizeof *post->order, by_time);
}

struct err *post_deliver(struct post *post, int day, const struct post_sink *sink)
{
	CHECK(day == post->day);
	struct bucket *bucket = &post->buckets[day % POST_DAYS_AHEAD];
	order_day(post, bucket, post->options.start_ms + day * MS_PER_DAY);
	struct err *err = NULL;
	for (size_t i = 0; i < bucket->entry_count && err == NULL; i++) {
		const struct entry *entry = &bucket->entries[(uint32_t)post->order[i]];
		const uint8_t *data = bucket->bytes + entry->at;
		const struct delivery delivery = {
			.feed = (enum feed)entry->feed,
			.event_ms = entry->event_ms,
			.delivered_ms = entry->delivered_ms,
			.key = bytes_of(data, entry->key_len),
			.value = bytes_of(data + entry->key_len, entry->value_len),
			.is_raw = entry->is_raw,
			.is_duplicate = entry->is_duplicate,
			.is_malformed = entry->is_malformed,
		};
		count_delivery(post, entry);
		if (sink->send != NULL)
			err = sink->send(sink->context, &delivery);
	}
	post->waiting_bytes -= bucket->byte_count;
	/* not kept for the next round of days: most of all days would lie there, empty and large */
	free(bucket->entries);
	free(bucket->bytes);
	*bucket = (struct bucket){ 0 };
	post->day++;
	return err;
}

const struct post_counts *post_counts(const struct post *post, enum feed feed)
{
	return &post->counts[feed];
}

const struct post_outage *post_outages(const struct post *post, enum feed feed, size_t *count)
{
	*count = post->outage_count[feed];
	return post->outages[feed];
}
