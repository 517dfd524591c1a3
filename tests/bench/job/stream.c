#include "tests/bench/job/stream.h"

#include "base/check.h"

/* A prime: no account is left out where their count is not a multiple of it. */
#define SCATTER INT64_C(7368787)

static const char *const regions[] = { "eu-west-1", "us-east-2", "ap-south1", "sa-east-1" };
static const char *const channels[] = { "web-app", "mobile1", "partner", "support" };
static const int32_t kind_draws[] = {
	0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 5, 5, 5, 5, 6, 6, 6, 7
};
enum { KIND_DRAWS = sizeof kind_draws / sizeof kind_draws[0] };

static uint64_t next_seed(struct stream *stream)
{
	stream->seed += UINT64_C(0x9e3779b97f4a7c15);
	return stream->seed;
}

static uint64_t next_long(struct stream *stream)
{
	uint64_t z = next_seed(stream);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint32_t next_int(struct stream *stream)
{
	uint64_t z = next_seed(stream);
	z = (z ^ z >> 33) * UINT64_C(0x62a9d9ed799705f5);
	return (uint32_t)(((z ^ z >> 28) * UINT64_C(0xcb24d0a5c88c35b3)) >> 32);
}

/* 0 .. bound - 1; draws again where the last, incomplete run of `bound` was hit. */
static int32_t next_below(struct stream *stream, int32_t bound)
{
	uint32_t r = next_int(stream), limit = (uint32_t)bound - 1;
	if (((uint32_t)bound & limit) == 0)
		return (int32_t)(r & limit);
	uint32_t u = r >> 1;
	while (u + limit - (r = u % (uint32_t)bound) > INT32_MAX)
		u = next_int(stream) >> 1;
	return (int32_t)r;
}

static double next_double(struct stream *stream)
{
	return (double)(next_long(stream) >> 11) * 0x1p-53;
}

void stream_init(struct stream *stream, int64_t account_count, bool first_pass)
{
	CHECK(account_count >= 5 && account_count % 5 == 0 && account_count <= STREAM_ACCOUNTS_MAX);
	*stream = (struct stream){ .seed = 42, .account_count = account_count };
	stream->first_pass = first_pass ? account_count : 0;
}

static int64_t draw_account(struct stream *stream)
{
	int32_t hot_count = (int32_t)(stream->account_count / 5);
	int64_t account;
	if (next_below(stream, 10) < 8) {
		account = (int64_t)next_below(stream, hot_count) * 5;
	} else {
		int64_t cold = next_below(stream, 4 * hot_count);
		account = cold / 4 * 5 + 1 + cold % 4;
	}
	if (stream->index < stream->first_pass)
		account = stream->index * SCATTER % stream->account_count;
	return account;
}

static char *put_hex(char *at, uint64_t value, int digits)
{
	for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[value >> shift & 15];
	return at;
}

/* A UUID's text: random bits, and the index with the bits of a variant. */
static void make_event_id(struct stream *stream)
{
	uint64_t high = next_long(stream);
	uint64_t low = UINT64_C(0x8000000000000000) | (uint64_t)stream->index;
	char *at = put_hex(stream->event_id, high >> 32, 8);
	*at++ = '-';
	at = put_hex(at, high >> 16, 4);
	*at++ = '-';
	at = put_hex(at, high, 4);
	*at++ = '-';
	at = put_hex(at, low >> 48, 4);
	*at++ = '-';
	put_hex(at, low, 12);
}

/* "A0012345" */
static void make_key(struct stream *stream)
{
	int64_t rest = draw_account(stream);
	stream->key[0] = 'A';
	for (int i = STREAM_KEY_LEN - 1; i > 0; i--, rest /= 10)
		stream->key[i] = (char)('0' + rest % 10);
}

void stream_next_at(struct stream *stream, int64_t at_ms, bool flagged, const char *event_id,
		    struct bytes *key, struct bytes *value)
{
	make_key(stream);
	if (event_id == NULL)
		make_event_id(stream);
	stream->index++;
	*key = bytes_of(stream->key, STREAM_KEY_LEN);
	struct job_event event = {
		.event_id =
			bytes_of(event_id != NULL ? event_id : stream->event_id, JOB_EVENT_ID_LEN),
		.account = *key,
		.at_ms = at_ms,
	};
	event.source = next_below(stream, 4);
	event.kind = kind_draws[next_below(stream, KIND_DRAWS)];
	event.amount = (double)(int64_t)(next_double(stream) * 50000 + 0.5) / 100.0;
	event.quantity = 1 + next_below(stream, 50);
	struct bytes region = bytes_str(regions[next_below(stream, 4)]);
	struct bytes channel = bytes_str(flagged ? "FLAG" : channels[next_below(stream, 4)]);
	*value = bytes_of(stream->value, job_event_encode(&event, region, channel, stream->value));
}

void stream_next(struct stream *stream, struct bytes *key, struct bytes *value)
{
	stream_next_at(stream, STREAM_START_MS + stream->index, false, NULL, key, value);
}

int64_t stream_account(struct bytes key)
{
	int64_t account = 0;
	if (key.len != STREAM_KEY_LEN || key.data[0] != 'A')
		return -1;
	for (size_t i = 1; i < key.len; i++) {
		if (key.data[i] < '0' || key.data[i] > '9')
			return -1;
		account = account * 10 + (key.data[i] - '0');
	}
	return account;
}
