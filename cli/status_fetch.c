#include "cli/status_fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/http_server.h"

struct answer {
	char *text;
	size_t len;
};

static size_t answer_add(char *data, size_t size, size_t count, void *context)
{
	struct answer *answer = context;
	size_t len = size * count;
	if (len > STATUS_FETCH_BYTES_MAX - answer->len)
		return 0;
	answer->text = check_realloc(answer->text, answer->len + len + 1);
	memcpy(answer->text + answer->len, data, len);
	answer->len += len;
	return len;
}

static void make_url(const char *address, char *url, size_t url_max)
{
	char host[HTTP_HOST_MAX], port[8];
	CHECK(http_address_split(address, host, port)); /* the option's pattern saw to it */
	if (strcmp(host, "0.0.0.0") == 0)
		snprintf(host, sizeof host, "127.0.0.1");
	if (strcmp(host, "::") == 0)
		snprintf(host, sizeof host, "::1");
	snprintf(url, url_max,
		 strchr(host, ':') != NULL ? "http://[%s]:%s/status" : "http://%s:%s/status", host,
		 port);
}

static struct err *get(CURL *curl, const char *url, struct answer *answer)
{
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)STATUS_FETCH_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_add);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	CURLcode code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		return err_new(ERR_RETRY, "STATUS_UNREACHABLE", "%s: %s", url,
			       *why != '\0' ? why : curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return err_new(ERR_FATAL, "STATUS_FOREIGN", "%s answers with status %ld", url,
			       status);
	return NULL;
}

struct err *status_fetch(const char *address, json_t **status)
{
	char url[HTTP_ADDRESS_MAX + 32];
	struct answer answer = { NULL, 0 };
	*status = NULL;
	make_url(address, url, sizeof url);
	CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
	CURL *curl = curl_easy_init();
	CHECK(curl != NULL);
	struct err *err = get(curl, url, &answer);
	curl_easy_cleanup(curl);
	curl_global_cleanup();
	if (err == NULL)
		*status = json_loadb(answer.text != NULL ? answer.text : "", answer.len, 0, NULL);
	if (err == NULL && !json_is_array(json_object_get(*status, "stages"))) {
		json_decref(*status);
		*status = NULL;
		err = err_new(ERR_FATAL, "STATUS_FOREIGN", "what answers at %s is no foretell",
			      url);
	}
	free(answer.text);
	return err;
}
