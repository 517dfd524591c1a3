#include "consumers/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/prng.h"
#include "base/timestamp.h"
#include "consumers/webhook_http.h"

enum {
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 300000, /* also the most that a Retry-After is heeded */
	RETRY_DOUBLINGS_MAX = 9,
	PARK_RETRY_MS = 1000,
};

static const char parked_topic[] = "webhook.parked";

enum delivery_state { WAITING, FLYING, PARKING, DONE };

/* One alert on its way. Texts and bytes are its own. */
struct delivery {
	enum delivery_state state;
	int32_t partition;
	int64_t offset;
	int64_t first_ms, due_ms; /* monotonic; 0: not tried yet */
	int attempt_count;
	struct webhook_message message;
	uint8_t *key, *value;
	size_t key_len, value_len;
	bool has_value;
	struct webhook_request *request;
	char reason[WEBHOOK_REASON_MAX];
};

/* What is under way of one partition, oldest first. */
struct lane {
	size_t head, count;
	struct delivery ring[WEBHOOK_WINDOW_MAX];
};

struct webhook {
	struct webhook_options options;
	struct webhook_outside outside;
	struct webhook_http *http;
	struct prng prng; /* for jitter */
	struct lane *lanes[PARTITIONS_MAX];
	struct webhook_stats stats;
	struct err *broken; /* for the next step */
	bool held;
};

static struct delivery *lane_at(struct lane *lane, size_t i)
{
	return &lane->ring[(lane->head + i) % WEBHOOK_WINDOW_MAX];
}

struct err *webhook_open(const struct webhook_options *options,
			 const struct webhook_outside *outside, struct webhook **webhook)
{
	CHECK(options->parallel_count >= 1 && options->parallel_count <= WEBHOOK_PARALLEL_MAX);
	struct webhook *made = check_calloc(1, sizeof *made);
	made->options = *options;
	made->outside = *outside;
	made->prng = prng_new((uint64_t)time_wall_ms(), 0);
	struct err *err = webhook_http_open(&made->options, &made->http);
	if (err != NULL) {
		free(made);
		made = NULL;
	}
	*webhook = made;
	return err;
}

static void delivery_fini(struct webhook *webhook, struct delivery *delivery)
{
	if (delivery->state == FLYING) {
		webhook_http_cancel(webhook->http, delivery->request);
		webhook->stats.flying--;
	}
	webhook->stats.waiting -= delivery->state == WAITING || delivery->state == PARKING;
	free(delivery->message.body);
	free(delivery->key);
	free(delivery->value);
	*delivery = (struct delivery){ 0 };
}

void webhook_forget(struct webhook *webhook, int32_t partition)
{
	struct lane *lane = webhook->lanes[partition];
	if (lane == NULL)
		return;
	for (size_t i = 0; i < lane->count; i++)
		delivery_fini(webhook, lane_at(lane, i));
	free(lane);
	webhook->lanes[partition] = NULL;
}

void webhook_close(struct webhook **webhook)
{
	struct webhook *closed = *webhook;
	if (closed == NULL)
		return;
	for (int32_t p = 0; p < PARTITIONS_MAX; p++)
		webhook_forget(closed, p);
	webhook_http_close(&closed->http);
	err_free(&closed->broken);
	free(closed);
	*webhook = NULL;
}

/* ---- taking --------------------------------------------------------------------------------- */

static uint8_t *bytes_copy(struct bytes bytes)
{
	uint8_t *copy = check_malloc(bytes.len + 1);
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	return copy;
}

static void park_later(struct delivery *delivery, const char *reason)
{
	delivery->state = PARKING;
	delivery->due_ms = 0;
	snprintf(delivery->reason, sizeof delivery->reason, "%s", reason);
}

/* Reads the record and says what becomes of it. */
static void delivery_begin(struct webhook *webhook, const struct record *record,
			   struct delivery *delivery)
{
	json_t *alert = NULL;
	struct err *err = NULL;
	delivery->state = DONE;
	if (record->value.data == NULL) {
		webhook->stats.skipped++;
		return;
	}
	err = webhook->outside.decode(webhook->outside.context, record, &alert);
	if (err == NULL)
		err = webhook_message_make(alert, webhook->options.source, &delivery->message);
	json_decref(alert);
	if (err == NULL && delivery->message.historic && !webhook->options.historic)
		webhook->stats.skipped++;
	else if (err == NULL)
		delivery->state = WAITING;
	else if (err_verdict(err) == ERR_POISON)
		park_later(delivery, err_text(err));
	else if (webhook->broken == NULL) {
		webhook->broken = err;
		err = NULL;
	}
	err_free(&err);
	webhook->stats.waiting += delivery->state != DONE;
}

bool webhook_take(struct webhook *webhook, const struct record *record)
{
	CHECK(record->partition >= 0 && record->partition < PARTITIONS_MAX);
	struct lane **lane = &webhook->lanes[record->partition];
	if (*lane == NULL)
		*lane = check_calloc(1, sizeof **lane);
	CHECK((*lane)->count < WEBHOOK_WINDOW_MAX);
	struct delivery *delivery = lane_at(*lane, (*lane)->count++);
	*delivery = (struct delivery){
		.partition = record->partition,
		.offset = record->offset,
		.key = bytes_copy(record->key),
		.key_len = record->key.len,
		.value = bytes_copy(record->value),
		.value_len = record->value.len,
		.has_value = record->value.data != NULL,
	};
	delivery_begin(webhook, record, delivery);
	webhook->stats.taken++;
	return (*lane)->count < WEBHOOK_WINDOW_MAX;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Whether an earlier alert of the same account is not done yet. */
static bool is_behind(struct lane *lane, size_t index)
{
	const struct delivery *delivery = lane_at(lane, index);
	for (size_t i = 0; i < index; i++) {
		const struct delivery *earlier = lane_at(lane, i);
		if (earlier->state != DONE &&
		    bytes_equal(bytes_of(earlier->key, earlier->key_len),
				bytes_of(delivery->key, delivery->key_len)))
			return true;
	}
	return false;
}

static void send(struct webhook *webhook, struct delivery *delivery,
		 const struct webhook_moment *now)
{
	if (delivery->first_ms == 0)
		delivery->first_ms = now->monotonic_ms;
	delivery->attempt_count++;
	delivery->state = FLYING;
	delivery->request = webhook_http_post(webhook->http, &delivery->message,
					      now->wall_ms / 1000, delivery);
	webhook->stats.waiting--;
	webhook->stats.flying++;
}

static struct err *park(struct webhook *webhook, struct delivery *delivery, int64_t now_ms)
{
	char partition[16], offset[24], attempts[16];
	snprintf(partition, sizeof partition, "%" PRId32, delivery->partition);
	snprintf(offset, sizeof offset, "%" PRId64, delivery->offset);
	snprintf(attempts, sizeof attempts, "%d", delivery->attempt_count);
	const struct header headers[] = {
		{ "reason", bytes_str(delivery->reason) },
		{ "attempts", bytes_str(attempts) },
		{ "partition", bytes_str(partition) },
		{ "offset", bytes_str(offset) },
	};
	const struct outgoing out = {
		.topic = parked_topic,
		.partition = -1,
		.key = bytes_of(delivery->key, delivery->key_len),
		.value =
			bytes_of(delivery->has_value ? delivery->value : NULL, delivery->value_len),
		.headers = headers,
		.header_count = sizeof headers / sizeof headers[0],
	};
	struct err *err = webhook->outside.park(webhook->outside.context, &out);
	if (err != NULL && err_verdict(err) == ERR_RETRY) {
		delivery->due_ms = now_ms + PARK_RETRY_MS;
		err_free(&err);
		return NULL;
	}
	if (err != NULL)
		return err;
	log_emit(LOG_WARN, "webhook", "an alert is parked", "{s:s, s:s, s:i, s:i, s:I}", "id",
		 delivery->message.id, "reason", delivery->reason, "attempts",
		 delivery->attempt_count, "partition", (int)delivery->partition, "offset",
		 (json_int_t)delivery->offset);
	delivery->state = DONE;
	webhook->stats.waiting--;
	webhook->stats.parked++;
	return NULL;
}

static struct err *lane_step(struct webhook *webhook, struct lane *lane,
			     const struct webhook_moment *now)
{
	for (size_t i = 0; i < lane->count; i++) {
		struct delivery *delivery = lane_at(lane, i);
		if (delivery->due_ms > now->monotonic_ms)
			continue;
		struct err *err = NULL;
		if (delivery->state == PARKING)
			err = park(webhook, delivery, now->monotonic_ms);
		else if (delivery->state == WAITING && !webhook->held &&
			 webhook->stats.flying < webhook->options.parallel_count &&
			 !is_behind(lane, i))
			send(webhook, delivery, now);
		if (err != NULL)
			return err;
	}
	return NULL;
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Whether the status says that this alert, and no other, is refused. */
static bool is_refusal(int status)
{
	static const int refusals[] = { 400, 405, 406, 411, 413, 414, 415, 422, 431 };
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (status == refusals[i])
			return true;
	return false;
}

static int64_t retry_pause_ms(struct webhook *webhook, const struct delivery *delivery,
			      const struct webhook_answer *answer)
{
	int doublings = delivery->attempt_count - 1;
	if (doublings > RETRY_DOUBLINGS_MAX)
		doublings = RETRY_DOUBLINGS_MAX;
	int64_t pause_ms = (int64_t)RETRY_FIRST_MS << doublings;
	if (pause_ms > RETRY_LAST_MS)
		pause_ms = RETRY_LAST_MS;
	pause_ms = (int64_t)((double)pause_ms * (0.5 + prng_uniform(&webhook->prng) / 2));
	int64_t asked_ms =
		answer->retry_after_ms < RETRY_LAST_MS ? answer->retry_after_ms : RETRY_LAST_MS;
	return pause_ms > asked_ms ? pause_ms : asked_ms;
}

static void answer_take(struct webhook *webhook, const struct webhook_answer *answer,
			int64_t now_ms)
{
	struct delivery *delivery = answer->tag;
	struct webhook_stats *stats = &webhook->stats;
	delivery->request = NULL;
	stats->flying--;
	stats->last_status = answer->status;
	if (answer->status >= 200 && answer->status < 300) {
		delivery->state = DONE;
		stats->delivered++;
		return;
	}
	stats->waiting++;
	snprintf(stats->last_error, sizeof stats->last_error, "%s", answer->text);
	int64_t pause_ms = retry_pause_ms(webhook, delivery, answer);
	bool over = now_ms + pause_ms - delivery->first_ms > webhook->options.retry_max_ms;
	if (is_refusal(answer->status) || over) {
		park_later(delivery, answer->text);
		return;
	}
	delivery->state = WAITING;
	delivery->due_ms = now_ms + pause_ms;
	stats->retried++;
	log_emit(LOG_WARN, "webhook", "an alert wasn't taken; it is sent again",
		 "{s:s, s:s, s:i, s:I}", "id", delivery->message.id, "reason", answer->text,
		 "attempts", delivery->attempt_count, "pause_ms", (json_int_t)pause_ms);
}

static void lane_advance(struct webhook *webhook, struct lane *lane)
{
	int64_t offset = -1;
	int32_t partition = 0;
	while (lane->count > 0 && lane_at(lane, 0)->state == DONE) {
		struct delivery *delivery = lane_at(lane, 0);
		offset = delivery->offset + 1;
		partition = delivery->partition;
		delivery_fini(webhook, delivery);
		lane->head = (lane->head + 1) % WEBHOOK_WINDOW_MAX;
		lane->count--;
	}
	if (offset >= 0)
		webhook->outside.done(webhook->outside.context, partition, offset);
}

struct err *webhook_step(struct webhook *webhook, const struct webhook_moment *now, int timeout_ms)
{
	struct err *err = webhook->broken;
	webhook->broken = NULL;
	for (int32_t p = 0; p < PARTITIONS_MAX && err == NULL; p++)
		if (webhook->lanes[p] != NULL)
			err = lane_step(webhook, webhook->lanes[p], now);
	if (err != NULL)
		return err;
	webhook_http_step(webhook->http, timeout_ms);
	struct webhook_answer answer;
	while (webhook_http_answer(webhook->http, &answer))
		answer_take(webhook, &answer, now->monotonic_ms);
	for (int32_t p = 0; p < PARTITIONS_MAX; p++)
		if (webhook->lanes[p] != NULL)
			lane_advance(webhook, webhook->lanes[p]);
	return NULL;
}

void webhook_hold(struct webhook *webhook)
{
	webhook->held = true;
}

bool webhook_is_idle(const struct webhook *webhook)
{
	return webhook->stats.waiting == 0 && webhook->stats.flying == 0;
}

const struct webhook_stats *webhook_stats(const struct webhook *webhook)
{
	return &webhook->stats;
}
