#include "cli/http_post.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"

enum { URL_MAX = 1024, ANSWER_MAX = 2048, TIMEOUT_MS = 60000, WAIT_MS_MAX = 10000, AWAY_MS = 500 };

struct batch {
	const char *topic;
	json_t *events;
	int64_t begun_ms; /* when its first was added */
};

struct http_post {
	CURL *curl;
	struct curl_slist *headers;
	char url[URL_MAX];
	const volatile int *stop;
	size_t batch_count;
	struct batch batches[HTTP_POST_TOPICS_MAX];
	size_t answer_len;
	char answer[ANSWER_MAX + 1];
};

struct http_post *http_post_open(const char *url, const char *token, const volatile int *stop)
{
	char line[512];
	struct http_post *post = check_calloc(1, sizeof *post);
	snprintf(post->url, sizeof post->url, "%s", url);
	post->stop = stop;
	post->curl = curl_easy_init();
	CHECK(post->curl != NULL);
	post->headers = curl_slist_append(NULL, "Content-Type: application/json");
	post->headers = curl_slist_append(post->headers, "Expect:");
	snprintf(line, sizeof line, "Authorization: Bearer %s", token == NULL ? "" : token);
	if (token != NULL)
		post->headers = curl_slist_append(post->headers, line);
	return post;
}

void http_post_close(struct http_post **out)
{
	struct http_post *post = *out;
	*out = NULL;
	if (post == NULL)
		return;
	for (size_t i = 0; i < post->batch_count; i++)
		json_decref(post->batches[i].events);
	curl_slist_free_all(post->headers);
	curl_easy_cleanup(post->curl);
	free(post);
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
	struct http_post *post = context;
	size_t len = size * count, room = ANSWER_MAX - post->answer_len;
	memcpy(post->answer + post->answer_len, data, len < room ? len : room);
	post->answer_len += len < room ? len : room;
	post->answer[post->answer_len] = '\0';
	return len;
}

struct err *http_post_raw(struct http_post *post, const char *topic, struct bytes body,
			  long *status)
{
	char url[URL_MAX + 512];
	CURL *curl = post->curl;
	snprintf(url, sizeof url, "%s/events/%s", post->url, topic);
	post->answer_len = 0;
	post->answer[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, post->headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, post);
	CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return err_new(ERR_RETRY, "HTTP_POST", "%s: %s", url, curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	return NULL;
}

/* How long the door wants to be left alone. */
static int64_t wait_ms(struct http_post *post)
{
	curl_off_t seconds = 0;
	curl_easy_getinfo(post->curl, CURLINFO_RETRY_AFTER, &seconds);
	int64_t ms = seconds > 0 ? (int64_t)seconds * 1000 : AWAY_MS;
	return ms < WAIT_MS_MAX ? ms : WAIT_MS_MAX;
}

static struct err *batch_send(struct http_post *post, struct batch *batch)
{
	struct err *err = NULL;
	if (json_array_size(batch->events) == 0)
		return NULL;
	char *text = json_dumps(batch->events, JSON_COMPACT);
	CHECK(text != NULL);
	for (int i = 0; i < HTTP_POST_TRIES_MAX && *post->stop == 0; i++) {
		long status = 0;
		err_free(&err);
		err = http_post_raw(post, batch->topic, bytes_str(text), &status);
		if (err == NULL && status == 202)
			break;
		if (err == NULL && status != 429 && status != 503) {
			err = err_new(ERR_FATAL, "HTTP_REFUSED",
				      "the door refuses events (%ld): %s", status, post->answer);
			break;
		}
		if (err == NULL)
			err = err_new(ERR_RETRY, "HTTP_POST", "the door has no room (%ld): %s",
				      status, post->answer);
		time_system.sleep_ms(time_system.context, wait_ms(post));
	}
	free(text);
	json_array_clear(batch->events);
	return err;
}

struct err *http_post_flush(struct http_post *post)
{
	struct err *err = NULL;
	for (size_t i = 0; i < post->batch_count && err == NULL; i++)
		err = batch_send(post, &post->batches[i]);
	return err;
}

static struct batch *batch_of(struct http_post *post, const char *topic)
{
	for (size_t i = 0; i < post->batch_count; i++)
		if (strcmp(post->batches[i].topic, topic) == 0)
			return &post->batches[i];
	CHECK(post->batch_count < HTTP_POST_TOPICS_MAX);
	struct batch *batch = &post->batches[post->batch_count++];
	*batch = (struct batch){ .topic = topic, .events = json_array() };
	return batch;
}

struct err *http_post_add(struct http_post *post, const char *topic, json_t *event)
{
	int64_t now_ms = time_monotonic_ms();
	struct batch *batch = batch_of(post, topic);
	struct err *err = NULL;
	if (json_array_size(batch->events) == 0)
		batch->begun_ms = now_ms;
	json_array_append_new(batch->events, event);
	for (size_t i = 0; i < post->batch_count && err == NULL; i++) {
		struct batch *one = &post->batches[i];
		size_t count = json_array_size(one->events);
		if (count >= HTTP_POST_BATCH_MAX ||
		    (count > 0 && now_ms - one->begun_ms >= HTTP_POST_AGE_MS))
			err = batch_send(post, one);
	}
	return err;
}
