#include "schemas/registry_http.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define MEDIA_TYPE "application/vnd.schemaregistry.v1+json"

enum { ANSWER_SHOWN_MAX = 300 };

enum {
	STATUS_OK = 200,
	STATUS_BAD_REQUEST = 400,
	STATUS_NOT_FOUND = 404,
	STATUS_TIMEOUT = 408,
	STATUS_UNPROCESSABLE = 422,
	STATUS_TOO_MANY = 429,
	STATUS_SERVER_ERROR = 500
};

struct registry_http {
	CURL *curl;
	struct curl_slist *headers;
	char *address;	       /* no user, no password, no slash at the end */
	char *user, *password; /* of libcurl, or NULL */
	bool proved;	       /* it has answered as a registry does */
	char *answer;	       /* HTTP_ANSWER_MAX + 1 bytes, terminated */
	size_t answer_len;
	char error[CURL_ERROR_SIZE];
};

static size_t answer_add(char *data, size_t size, size_t count, void *context)
{
	struct registry_http *http = context;
	size_t len = size * count;
	if (len > HTTP_ANSWER_MAX - http->answer_len)
		return 0;
	memcpy(http->answer + http->answer_len, data, len);
	http->answer_len += len;
	http->answer[http->answer_len] = '\0';
	return len;
}

/* Takes user and password out of the URL; what is left is what may be shown and logged. */
static bool address_take(struct registry_http *http, CURLU *parsed)
{
	char *scheme = NULL, *address = NULL;
	if (curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	bool known = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
	curl_free(scheme);
	if (!known)
		return false;
	curl_url_get(parsed, CURLUPART_USER, &http->user, CURLU_URLDECODE);
	curl_url_get(parsed, CURLUPART_PASSWORD, &http->password, CURLU_URLDECODE);
	if (curl_url_set(parsed, CURLUPART_USER, NULL, 0) != CURLUE_OK ||
	    curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK ||
	    curl_url_set(parsed, CURLUPART_QUERY, NULL, 0) != CURLUE_OK ||
	    curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
	    curl_url_get(parsed, CURLUPART_URL, &address, 0) != CURLUE_OK)
		return false;
	http->address = check_strdup(address);
	curl_free(address);
	size_t len = strlen(http->address);
	while (len > 0 && http->address[len - 1] == '/')
		http->address[--len] = '\0';
	return true;
}

static void curl_set_up(struct registry_http *http)
{
	CURL *curl = http->curl;
	http->headers = curl_slist_append(NULL, "Content-Type: " MEDIA_TYPE);
	struct curl_slist *more =
		curl_slist_append(http->headers, "Accept: " MEDIA_TYPE ", application/json");
	CHECK(http->headers != NULL && more != NULL);
	http->headers = more;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HTTP_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, http->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_add);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
	if (http->user) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, http->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, http->password ? http->password : "");
	}
}

struct err *registry_http_open(const char *url, struct registry_http **out)
{
	*out = NULL;
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	struct registry_http *http = check_calloc(1, sizeof *http);
	http->answer = check_malloc(HTTP_ANSWER_MAX + 1);
	http->curl = curl_easy_init();
	CHECK(http->curl != NULL);
	CURLU *parsed = curl_url();
	CHECK(parsed != NULL);
	bool good = strlen(url) < HTTP_URL_MAX / 2 &&
		    curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
		    address_take(http, parsed);
	curl_url_cleanup(parsed);
	if (!good) {
		registry_http_close(&http);
		return err_new(ERR_FATAL, "REGISTRY_URL",
			       "the registry's address must be http(s)://host:port[/path]");
	}
	curl_set_up(http);
	*out = http;
	return NULL;
}

void registry_http_close(struct registry_http **http)
{
	if (*http == NULL)
		return;
	curl_easy_cleanup((*http)->curl);
	curl_slist_free_all((*http)->headers);
	curl_free((*http)->user);
	curl_free((*http)->password);
	free((*http)->address);
	free((*http)->answer);
	free(*http);
	*http = NULL;
	curl_global_cleanup();
}

const char *registry_http_address(const struct registry_http *http)
{
	return http->address;
}

static struct err *refused(struct registry_http *http, long status, const char *what)
{
	return err_new(ERR_FATAL, "REGISTRY_REFUSED", "registry %s: %s: HTTP %ld: %.*s",
		       http->address, what, status, ANSWER_SHOWN_MAX, http->answer);
}

/* One request; body NULL for GET. Answers that mean "later" are errors here, for all callers. */
static struct err *request(struct registry_http *http, const char *path, const char *body,
			   long *status)
{
	char url[HTTP_URL_MAX];
	int len = snprintf(url, sizeof url, "%s%s", http->address, path);
	CHECK(len > 0 && (size_t)len < sizeof url);
	http->answer_len = 0;
	http->answer[0] = '\0';
	http->error[0] = '\0';
	curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (body) {
		curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, body);
	} else {
		curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
	}
	CURLcode code = curl_easy_perform(http->curl);
	if (code != CURLE_OK)
		return err_new(ERR_RETRY, "REGISTRY_UNREACHABLE", "registry %s: %s", http->address,
			       http->error[0] ? http->error : curl_easy_strerror(code));
	curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, status);
	if (*status >= STATUS_SERVER_ERROR || *status == STATUS_TIMEOUT ||
	    *status == STATUS_TOO_MANY)
		return err_new(ERR_RETRY, "REGISTRY_UNREACHABLE", "registry %s: HTTP %ld: %.*s",
			       http->address, *status, ANSWER_SHOWN_MAX, http->answer);
	return NULL;
}

/* A wrong path answers 404 as an unknown id does. Taking the first for the second would send every
 * record to the dead letters, so "no such id" is believed only of what has proved a registry. */
static struct err *prove(struct registry_http *http)
{
	if (http->proved)
		return NULL;
	long status;
	struct err *err = request(http, "/subjects", NULL, &status);
	if (err)
		return err;
	json_t *subjects = json_loadb(http->answer, http->answer_len, 0, NULL);
	http->proved = status == STATUS_OK && json_is_array(subjects);
	json_decref(subjects);
	return http->proved ? NULL : refused(http, status, "no schema registry at this address");
}

struct err *registry_http_get(struct registry_http *http, int32_t id, char **text)
{
	*text = NULL;
	char path[64];
	snprintf(path, sizeof path, "/schemas/ids/%d", id);
	long status;
	struct err *err = request(http, path, NULL, &status);
	if (err)
		return err;
	if (status == STATUS_NOT_FOUND || status == STATUS_BAD_REQUEST ||
	    status == STATUS_UNPROCESSABLE)
		return prove(http);
	if (status != STATUS_OK)
		return refused(http, status, "look up an id");
	json_t *answer = json_loadb(http->answer, http->answer_len, 0, NULL);
	const char *schema = json_string_value(json_object_get(answer, "schema"));
	const char *kind = json_string_value(json_object_get(answer, "schemaType"));
	if (schema == NULL)
		err = refused(http, status, "an answer without a schema");
	else if (kind == NULL || strcmp(kind, "AVRO") == 0)
		*text = check_strdup(schema);
	http->proved = http->proved || schema != NULL;
	json_decref(answer);
	return err;
}

static struct err *register_path(struct registry_http *http, const char *subject,
				 char path[static HTTP_URL_MAX / 2])
{
	char *escaped = curl_easy_escape(http->curl, subject, 0);
	CHECK(escaped != NULL);
	int len = snprintf(path, HTTP_URL_MAX / 2, "/subjects/%s/versions", escaped);
	curl_free(escaped);
	if (len <= 0 || len >= HTTP_URL_MAX / 2)
		return err_new(ERR_FATAL, "REGISTRY_REFUSED", "subject %s is too long", subject);
	return NULL;
}

struct err *registry_http_register(struct registry_http *http, const char *subject,
				   const char *text, int32_t *id)
{
	char path[HTTP_URL_MAX / 2];
	struct err *err = register_path(http, subject, path);
	if (err)
		return err;
	json_t *question = json_pack("{s:s}", "schema", text);
	char *body = question ? json_dumps(question, JSON_COMPACT) : NULL;
	CHECK(body != NULL);
	long status;
	err = request(http, path, body, &status);
	free(body);
	json_decref(question);
	if (err)
		return err;
	if (status != STATUS_OK)
		return err_wrap(refused(http, status, "register"), "subject %s", subject);
	json_t *answer = json_loadb(http->answer, http->answer_len, 0, NULL);
	const json_t *number = json_object_get(answer, "id");
	json_int_t value = json_integer_value(number);
	if (json_is_integer(number) && value > 0 && value <= INT32_MAX) {
		*id = (int32_t)value;
		http->proved = true;
	} else {
		err = refused(http, status, "an answer without an id");
	}
	json_decref(answer);
	return err;
}
