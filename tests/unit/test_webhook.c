/* The webhook's request: a CloudEvent that says what the alert says, and the published signature.
 * And when it is made again. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "consumers/webhook.h"

/* Source: the example of the Standard Webhooks specification, "Verifying signatures". */
static const char published_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char published_id[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
static const char published_body[] = "{\"test\": 2432232314}";
static const char published_signature[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
enum { PUBLISHED_TIME_S = 1614265330 };

static void expect_error(struct err *err, const char *code)
{
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	err_free(&err);
}

static void the_published_signature_comes(void **state)
{
	(void)state;
	struct webhook_secrets secrets;
	char text[WEBHOOK_SIGNATURES_MAX];
	assert_null(webhook_secrets_parse(published_secret, &secrets));
	assert_int_equal(secrets.count, 1);
	webhook_sign(&secrets, published_id, PUBLISHED_TIME_S, published_body, text);
	assert_string_equal(text, published_signature);
}

static void two_secrets_give_two_signatures(void **state)
{
	(void)state;
	struct webhook_secrets secrets;
	char lines[256], text[WEBHOOK_SIGNATURES_MAX];
	snprintf(lines, sizeof lines, "\r\n%s \r\nwhsec_%s\n\n", published_secret,
		 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	assert_null(webhook_secrets_parse(lines, &secrets));
	assert_int_equal(secrets.count, 2);
	assert_int_equal(secrets.secret[1].len, 32);
	assert_int_equal(secrets.secret[1].bytes[31], 31);
	webhook_sign(&secrets, published_id, PUBLISHED_TIME_S, published_body, text);
	assert_memory_equal(text, published_signature, strlen(published_signature));
	assert_memory_equal(text + strlen(published_signature), " v1,", 4);
	assert_int_equal(strlen(text), 2 * strlen(published_signature) + 1);
}

static void secrets_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"\n \n",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_",
		"whsec_c2hvcnQ=",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w",
	};
	struct webhook_secrets secrets;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		expect_error(webhook_secrets_parse(bad[i], &secrets), "WEBHOOK_SECRET");
	char three[256];
	snprintf(three, sizeof three, "%s\n%s\n%s\n", published_secret, published_secret,
		 published_secret);
	expect_error(webhook_secrets_parse(three, &secrets), "WEBHOOK_SECRET");
}

static json_t *alert_new(void)
{
	return json_pack("{s:s, s:i, s:s, s:s, s:I, s:f, s:b}", "alert_id", "C 7/churn/2",
			 "revision", 3, "account", "C 7", "status", "OPENED", "at_ms",
			 (json_int_t)1700000000123, "probability", 0.1, "historic", 1);
}

static const char *member(const json_t *event, const char *name)
{
	return json_string_value(json_object_get(event, name));
}

static void an_alert_becomes_a_cloud_event(void **state)
{
	(void)state;
	json_t *alert = alert_new();
	struct webhook_message message;
	assert_null(webhook_message_make(alert, "/foretell/app", &message));
	assert_string_equal(message.id, "C 7/churn/2/3");
	assert_true(message.historic);
	json_t *event = json_loads(message.body, 0, NULL);
	assert_non_null(event);
	assert_string_equal(member(event, "specversion"), "1.0");
	assert_string_equal(member(event, "id"), message.id);
	assert_string_equal(member(event, "source"), "/foretell/app");
	assert_string_equal(member(event, "type"), "foretell.alert.opened");
	assert_string_equal(member(event, "subject"), "C 7");
	assert_string_equal(member(event, "time"), "2023-11-14T22:13:20.123Z");
	assert_true(json_equal(json_object_get(event, "data"), alert));
	json_decref(event);
	json_decref(alert);
	free(message.body);
}

static void what_is_no_alert_is_poison(void **state)
{
	(void)state;
	static const char *const needed[] = { "alert_id", "revision", "status", "at_ms" };
	struct webhook_message message;
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		json_t *alert = alert_new();
		json_object_del(alert, needed[i]);
		struct err *err = webhook_message_make(alert, "/foretell/app", &message);
		assert_int_equal(err_verdict(err), ERR_POISON);
		expect_error(err, "WEBHOOK_NO_ALERT");
		assert_null(message.body);
		json_decref(alert);
	}
	/* another program's record; the cut of its status would fall into a character */
	json_t *odd = alert_new();
	json_object_set_new(odd, "status",
			    json_string("123456789-123456789-123456789-123456789-"
					"1234567\xc3\xa4"));
	expect_error(webhook_message_make(odd, "/foretell/app", &message), "WEBHOOK_NO_ALERT");
	json_object_set_new(odd, "status", json_string("OPENED"));
	json_object_set_new(odd, "at_ms", json_integer(INT64_MIN));
	expect_error(webhook_message_make(odd, "/foretell/app", &message), "WEBHOOK_NO_ALERT");
	json_decref(odd);
	char long_id[WEBHOOK_ID_MAX + 1];
	memset(long_id, 'x', sizeof long_id - 1);
	long_id[sizeof long_id - 1] = '\0';
	json_t *alert = alert_new();
	json_object_set_new(alert, "alert_id", json_string(long_id));
	expect_error(webhook_message_make(alert, "/foretell/app", &message), "WEBHOOK_NO_ALERT");
	json_decref(alert);
}

/* ---- trying again --------------------------------------------------------------------------- */

static struct err *decode_alert(void *context, const struct record *record, json_t **alert)
{
	(void)context;
	(void)record;
	*alert = alert_new();
	return NULL;
}

static struct err *count_parked(void *context, const struct outgoing *record)
{
	int *parked = context;
	(void)record;
	(*parked)++;
	return NULL;
}

static void pass_over(void *context, int32_t partition, int64_t offset)
{
	(void)context;
	(void)partition;
	(void)offset;
}

/* A port of loopback that nobody listens on, and its socket, which keeps others from it. */
static int deaf_port(char *url, size_t size)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int file = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(file >= 0 && bind(file, (struct sockaddr *)&address, len) == 0);
	CHECK(getsockname(file, (struct sockaddr *)&address, &len) == 0);
	snprintf(url, size, "http://127.0.0.1:%d/", (int)ntohs(address.sin_port));
	return file;
}

/* Steps until the receiver was tried so often, or for ten seconds at most. */
static void step_until_tried(struct webhook *webhook, const struct webhook_moment *now,
			     int64_t retried)
{
	for (int i = 0; i < 1000 && webhook_stats(webhook)->retried < retried; i++)
		assert_null(webhook_step(webhook, now, 10));
	assert_int_equal(webhook_stats(webhook)->retried, retried);
}

static void a_wall_clock_that_is_set_moves_no_retry(void **state)
{
	(void)state;
	enum { DAY_MS = 86400000 };
	int parked = 0;
	char url[64];
	int file = deaf_port(url, sizeof url);
	const struct webhook_options options = { .url = url,
						 .source = "/foretell/app",
						 .authorization = "",
						 .ca_file = "",
						 .timeout_ms = 5000,
						 .retry_max_ms = DAY_MS,
						 .parallel_count = 1,
						 .historic = true };
	const struct webhook_outside outside = { &parked, decode_alert, count_parked, pass_over };
	struct webhook *webhook = NULL;
	log_set_level(LOG_OFF);
	assert_null(webhook_open(&options, &outside, &webhook));
	const struct record record = { .topic = "alerts",
				       .key = bytes_str("C 7"),
				       .value = bytes_str("alert") };
	assert_true(webhook_take(webhook, &record));
	struct webhook_moment now = { 1000, INT64_C(1700000000000) };
	step_until_tried(webhook, &now, 1);
	now.monotonic_ms += 2000; /* the first pause is a second at most */
	now.wall_ms -= DAY_MS;
	step_until_tried(webhook, &now, 2);
	now.monotonic_ms += 4000;
	now.wall_ms += (int64_t)7 * DAY_MS; /* retry_max_ms is not over */
	step_until_tried(webhook, &now, 3);
	assert_int_equal(parked, 0);
	now.monotonic_ms += DAY_MS;
	for (int i = 0; i < 1000 && parked == 0; i++)
		assert_null(webhook_step(webhook, &now, 10));
	assert_int_equal(parked, 1);
	webhook_close(&webhook);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_signature_comes),
		cmocka_unit_test(two_secrets_give_two_signatures),
		cmocka_unit_test(secrets_that_are_none_are_refused),
		cmocka_unit_test(an_alert_becomes_a_cloud_event),
		cmocka_unit_test(what_is_no_alert_is_poison),
		cmocka_unit_test(a_wall_clock_that_is_set_moves_no_retry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
