#include "consumers/webhook_http.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { CONNECT_TIMEOUT_MS = 10000, HEADER_LEN_MAX = 2048 };

struct webhook_http {
	const struct webhook_options *options; /* borrowed */
	CURLM *multi;
	struct curl_slist *headers; /* of every request */
};

struct webhook_request {
	CURL *curl;
	struct curl_slist *headers; /* its own, and copies of those of every request */
	void *tag;
	char error[CURL_ERROR_SIZE];
};

static void header_add(struct curl_slist **list, const char *name, const char *value)
{
	char line[HEADER_LEN_MAX];
	int len = snprintf(line, sizeof line, "%s: %s", name, value);
	CHECK(len > 0 && (size_t)len < sizeof line);
	struct curl_slist *longer = curl_slist_append(*list, line);
	CHECK(longer != NULL);
	*list = longer;
}

static struct err *options_check(const struct webhook_options *options)
{
	CURLU *url = curl_url();
	char *scheme = NULL;
	CHECK(url != NULL);
	bool good = curl_url_set(url, CURLUPART_URL, options->url, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		    (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0);
	curl_free(scheme);
	curl_url_cleanup(url);
	if (!good)
		return err_new(ERR_FATAL, "WEBHOOK_URL",
			       "webhook.url must be http(s)://host[:port][/path]");
	if (strpbrk(options->authorization, "\r\n") != NULL ||
	    strlen(options->authorization) > HEADER_LEN_MAX / 2)
		return err_new(ERR_FATAL, "WEBHOOK_URL",
			       "the Authorization header must be one line of at most %d bytes",
			       HEADER_LEN_MAX / 2);
	return NULL;
}

struct err *webhook_http_open(const struct webhook_options *options, struct webhook_http **http)
{
	*http = NULL;
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	struct err *err = options_check(options);
	if (err != NULL) {
		curl_global_cleanup();
		return err;
	}
	struct webhook_http *made = check_calloc(1, sizeof *made);
	made->options = options;
	made->multi = curl_multi_init();
	CHECK(made->multi != NULL);
	curl_multi_setopt(made->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
			  (long)options->parallel_count);
	*http = made;
	return NULL;
}

void webhook_http_close(struct webhook_http **http)
{
	if (*http == NULL)
		return;
	curl_multi_cleanup((*http)->multi);
	free(*http);
	*http = NULL;
	curl_global_cleanup();
}

/* What a receiver says beside its status is read, so that the connection can be used again. */
static size_t answer_drop(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static struct curl_slist *headers_make(const struct webhook_options *options,
				       const struct webhook_message *message, int64_t timestamp_s)
{
	struct curl_slist *headers = NULL;
	char timestamp[24], signature[WEBHOOK_SIGNATURES_MAX];
	snprintf(timestamp, sizeof timestamp, "%" PRId64, timestamp_s);
	webhook_sign(&options->secrets, message->id, timestamp_s, message->body, signature);
	header_add(&headers, "Content-Type", "application/cloudevents+json; charset=utf-8");
	header_add(&headers, "Idempotency-Key", message->id);
	header_add(&headers, "webhook-id", message->id);
	header_add(&headers, "webhook-timestamp", timestamp);
	if (*signature != '\0')
		header_add(&headers, "webhook-signature", signature);
	if (*options->authorization != '\0')
		header_add(&headers, "Authorization", options->authorization);
	/* A receiver that can't say "continue" would cost a second. */
	header_add(&headers, "Expect", "");
	return headers;
}

struct webhook_request *webhook_http_post(struct webhook_http *http,
					  const struct webhook_message *message,
					  int64_t timestamp_s, void *tag)
{
	const struct webhook_options *options = http->options;
	struct webhook_request *request = check_calloc(1, sizeof *request);
	CURL *curl = request->curl = curl_easy_init();
	CHECK(curl != NULL);
	request->tag = tag;
	request->headers = headers_make(options, message, timestamp_s);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_URL, options->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "foretell");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, message->body);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_drop);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, request->error);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, request);
	if (*options->ca_file != '\0')
		curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca_file);
	CHECK(curl_multi_add_handle(http->multi, curl) == CURLM_OK);
	return request;
}

void webhook_http_cancel(struct webhook_http *http, struct webhook_request *request)
{
	curl_multi_remove_handle(http->multi, request->curl);
	curl_easy_cleanup(request->curl);
	curl_slist_free_all(request->headers);
	free(request);
}

void webhook_http_step(struct webhook_http *http, int timeout_ms)
{
	int running = 0;
	(void)curl_multi_perform(http->multi, &running);
	if (running > 0 && timeout_ms > 0) {
		(void)curl_multi_poll(http->multi, NULL, 0, timeout_ms, NULL);
		(void)curl_multi_perform(http->multi, &running);
	}
}

bool webhook_http_answer(struct webhook_http *http, struct webhook_answer *answer)
{
	int left = 0;
	const CURLMsg *message;
	do {
		message = curl_multi_info_read(http->multi, &left);
	} while (message != NULL && message->msg != CURLMSG_DONE);
	if (message == NULL)
		return false;
	CURLcode code = message->data.result;
	struct webhook_request *request = NULL;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
	long status = 0;
	curl_off_t retry_after_s = 0;
	curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(request->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	*answer = (struct webhook_answer){ .tag = request->tag };
	if (code == CURLE_OK) {
		answer->status = (int)status;
		answer->retry_after_ms = retry_after_s > 0 ? (int64_t)retry_after_s * 1000 : 0;
		snprintf(answer->text, sizeof answer->text, "HTTP %ld", status);
	} else {
		const char *why =
			*request->error != '\0' ? request->error : curl_easy_strerror(code);
		snprintf(answer->text, sizeof answer->text, "no answer: %s", why);
	}
	webhook_http_cancel(http, request);
	return true;
}
