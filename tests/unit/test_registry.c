/* Framing and ids, by the project's own registry and by a small HTTP service in a thread of the
 * test that answers as a Confluent-compatible registry does, or badly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <jansson.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "schemas/record_plan.h"
#include "schemas/registry.h"
#include "schemas/registry_http.h"
#include "schemas/registry_local.h"
#include "schemas/states.h"
#include "schemas/texts.h"

#define S(text) bytes_str(text)

static void expect_ok(struct err *err)
{
	if (err)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void expect_code(struct err *err, enum err_verdict verdict, const char *code,
			const char *mentions)
{
	if (err == NULL)
		fail_msg("%s was expected, but it went well", code);
	if (strcmp(err_code(err), code) != 0 || err_verdict(err) != verdict ||
	    (mentions && !strstr(err_text(err), mentions)))
		fail_msg("%s (%s) was expected: %d %s: %s", code, mentions ? mentions : "",
			 (int)err_verdict(err), err_code(err), err_text(err));
	err_free(&err);
}

/* ---- a service ---- */

enum { REQUEST_MAX = 64 * 1024, REPLY_MAX = 64 * 1024 };

enum manner {
	MANNER_GOOD,
	MANNER_FAILING,	     /* 503 */
	MANNER_FORBIDDING,   /* 401 */
	MANNER_INCOMPATIBLE, /* 409 to what is registered */
	MANNER_ELSEWHERE,    /* a web server, but no registry */
	MANNER_HANGING_UP,
	MANNER_ENDLESS,	 /* an answer without end */
	MANNER_NONSENSE, /* 200, not what was asked for */
	MANNER_PROTOBUF,
};

struct service {
	pthread_t thread;
	int listener;
	char url[128];
	pthread_mutex_t lock; /* guards what follows */
	enum manner manner;
	const char *schema; /* what id 70000 is, and each of 80000 to 89999 */
	bool stopping;
	size_t request_count;
	char request[REQUEST_MAX]; /* the last */
};

static bool request_is_whole(const char *request, size_t len)
{
	const char *body = strstr(request, "\r\n\r\n");
	if (body == NULL)
		return false;
	const char *length = strstr(request, "Content-Length: ");
	unsigned long want = length ? strtoul(length + 16, NULL, 10) : 0;
	return len - (size_t)(body + 4 - request) >= want;
}

static void request_read(int connection, char request[static REQUEST_MAX])
{
	size_t len = 0;
	request[0] = '\0';
	while (len < REQUEST_MAX - 1 && !request_is_whole(request, len)) {
		ssize_t got = read(connection, request + len, REQUEST_MAX - 1 - len);
		if (got <= 0)
			return;
		len += (size_t)got;
		request[len] = '\0';
	}
}

static void write_all(int connection, const char *text)
{
	for (size_t at = 0, len = strlen(text); at < len;) {
		ssize_t put = send(connection, text + at, len - at, MSG_NOSIGNAL);
		if (put <= 0)
			return;
		at += (size_t)put;
	}
}

static void reply(int connection, int status, const char *body)
{
	char *text = check_malloc(REPLY_MAX);
	snprintf(text, REPLY_MAX,
		 "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n"
		 "\r\n%s",
		 status, strlen(body), body);
	write_all(connection, text);
	free(text);
}

static void reply_endless(int connection)
{
	char chunk[4097];
	memset(chunk, 'x', 4096);
	chunk[4096] = '\0';
	write_all(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
	for (size_t i = 0; i < HTTP_ANSWER_MAX / 4096 + 16; i++)
		write_all(connection, chunk);
}

static void reply_schema(const struct service *service, int connection, bool protobuf)
{
	json_t *body = json_pack("{s:s}", "schema", service->schema);
	if (protobuf)
		json_object_set_new(body, "schemaType", json_string("PROTOBUF"));
	char *text = json_dumps(body, 0);
	reply(connection, 200, text);
	free(text);
	json_decref(body);
}

static void answer_good(const struct service *service, int connection)
{
	const char *request = service->request;
	if (strncmp(request, "GET /base/subjects ", 19) == 0)
		reply(connection, 200, "[\"a\"]");
	else if (strncmp(request, "GET /base/schemas/ids/70000 ", 28) == 0 ||
		 strncmp(request, "GET /base/schemas/ids/8", 23) == 0)
		reply_schema(service, connection, service->manner == MANNER_PROTOBUF);
	else if (strncmp(request, "GET ", 4) == 0)
		reply(connection, 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
	else if (service->manner == MANNER_INCOMPATIBLE)
		reply(connection, 409, "{\"error_code\":409,\"message\":\"incompatible\"}");
	else if (strncmp(request, "POST /base/subjects/", 20) == 0)
		reply(connection, 200,
		      strstr(request, "Control/versions") ? "{\"id\":70001}" : "{\"id\":70000}");
	else
		reply(connection, 405, "");
}

static void answer(struct service *service, int connection)
{
	switch (service->manner) {
	case MANNER_GOOD:
	case MANNER_INCOMPATIBLE:
	case MANNER_PROTOBUF: answer_good(service, connection); break;
	case MANNER_FAILING: reply(connection, 503, "later"); break;
	case MANNER_FORBIDDING:
		reply(connection, 401, "{\"error_code\":401,\"message\":\"who are you\"}");
		break;
	case MANNER_ELSEWHERE: reply(connection, 404, "<html>"); break;
	case MANNER_HANGING_UP: break;
	case MANNER_ENDLESS: reply_endless(connection); break;
	case MANNER_NONSENSE: reply(connection, 200, "[17]"); break;
	}
}

static void *serve(void *context)
{
	struct service *service = context;
	char *request = check_malloc(REQUEST_MAX);
	for (bool stopping = false; !stopping;) {
		int connection = accept(service->listener, NULL, NULL);
		CHECK(connection >= 0);
		request_read(connection, request);
		pthread_mutex_lock(&service->lock);
		stopping = service->stopping;
		memcpy(service->request, request, REQUEST_MAX);
		service->request_count++;
		if (!stopping)
			answer(service, connection);
		pthread_mutex_unlock(&service->lock);
		close(connection);
	}
	free(request);
	return NULL;
}

static int set_up(void **state)
{
	struct service *service = check_calloc(1, sizeof *service);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	service->listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(service->listener >= 0);
	CHECK(bind(service->listener, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(listen(service->listener, 8) == 0);
	CHECK(getsockname(service->listener, (struct sockaddr *)&address, &len) == 0);
	snprintf(service->url, sizeof service->url, "http://user:p%%40ss@127.0.0.1:%d/base/",
		 ntohs(address.sin_port));
	service->schema = record_own_text("series_point");
	CHECK(pthread_mutex_init(&service->lock, NULL) == 0);
	CHECK(pthread_create(&service->thread, NULL, serve, service) == 0);
	*state = service;
	return 0;
}

static int tear_down(void **state)
{
	struct service *service = *state;
	pthread_mutex_lock(&service->lock);
	service->stopping = true;
	pthread_mutex_unlock(&service->lock);
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	CHECK(getsockname(service->listener, (struct sockaddr *)&address, &len) == 0);
	int wake = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(wake, (struct sockaddr *)&address, sizeof address) == 0);
	close(wake);
	pthread_join(service->thread, NULL);
	close(service->listener);
	pthread_mutex_destroy(&service->lock);
	free(service);
	return 0;
}

static void manner_set(struct service *service, enum manner manner)
{
	pthread_mutex_lock(&service->lock);
	service->manner = manner;
	pthread_mutex_unlock(&service->lock);
}

static void schema_set(struct service *service, const char *schema)
{
	pthread_mutex_lock(&service->lock);
	service->schema = schema;
	pthread_mutex_unlock(&service->lock);
}

static size_t requests(struct service *service)
{
	pthread_mutex_lock(&service->lock);
	size_t count = service->request_count;
	pthread_mutex_unlock(&service->lock);
	return count;
}

static void expect_request(struct service *service, const char *text)
{
	pthread_mutex_lock(&service->lock);
	bool found = strstr(service->request, text) != NULL;
	pthread_mutex_unlock(&service->lock);
	if (!found)
		fail_msg("the last request lacks: %s", text);
}

/* ---- the project's own ids ---- */

static struct series_point point(void)
{
	return (struct series_point){ .definition = S("revenue.week"),
				      .dimension = S(""),
				      .unit = S("USD"),
				      .period_start_ms = 7,
				      .amount = -8 };
}

static void own_ids_frame_and_decode(void **state)
{
	(void)state;
	struct registry *registry;
	expect_ok(registry_open(NULL, &registry));
	assert_non_null(strstr(registry_describe(registry), "own schema ids"));
	struct series_point in = point(), out;
	uint8_t value[256];
	size_t len;
	expect_ok(registry_encode(registry, "series.points", &series_point_type, &in, value,
				  sizeof value, &len));
	assert_memory_equal(value, "\0\0\0\0\14\30revenue.week\0", 19);
	expect_ok(registry_decode(registry, &series_point_type, bytes_of(value, len), &out));
	assert_true(bytes_equal(out.definition, in.definition) && out.amount == -8);
	const char *text;
	expect_ok(registry_record_name(registry, bytes_of(value, len), &text));
	assert_string_equal(text, "foretell.SeriesPoint");
	expect_ok(registry_schema_text(registry, bytes_of(value, len), &text));
	assert_string_equal(text, record_own_text("series_point"));
	expect_code(registry_decode(registry, &alert_type, bytes_of(value, len), &out), ERR_POISON,
		    "SCHEMA_MISMATCH", "foretell.SeriesPoint");
	expect_code(registry_decode(registry, &alert_type, bytes_of(value, len), &out), ERR_POISON,
		    "SCHEMA_MISMATCH", "foretell.SeriesPoint");
	for (size_t max = 0; max < len; max++) {
		size_t none;
		expect_code(
			registry_encode(registry, "t", &series_point_type, &in, value, max, &none),
			ERR_POISON, "RECORD_TOO_LARGE", NULL);
	}
	registry_close(&registry);
	assert_null(registry);
}

static void bad_frames_are_poison(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t len;
		const char *code;
	} rows[] = {
		{ NULL, 0, "WIRE_TRUNCATED" },
		{ "", 0, "WIRE_TRUNCATED" },
		{ "\0\0\0\0", 4, "WIRE_TRUNCATED" },
		{ "\1\0\0\0\14", 5, "WIRE_MAGIC" },
		{ "{\"a\":1}", 7, "WIRE_MAGIC" },
		{ "\0\0\0\0\0", 5, "SCHEMA_ID_UNKNOWN" },
		{ "\0\0\0\0\143", 5, "SCHEMA_ID_UNKNOWN" },
		{ "\0\377\377\377\377", 5, "SCHEMA_ID_UNKNOWN" },
		{ "\0\0\0\0\14", 5, "AVRO_TRUNCATED" },
	};
	struct registry *registry;
	expect_ok(registry_open("", &registry));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct series_point out;
		expect_code(registry_decode(registry, &series_point_type,
					    bytes_of(rows[i].bytes, rows[i].len), &out),
			    ERR_POISON, rows[i].code, NULL);
	}
	registry_close(&registry);
}

/* Each schema has one id, and the file for other programs says the same. */
static void registry_file_agrees(void **state)
{
	(void)state;
	json_error_t where;
	json_t *rows = json_load_file("schemas/registry.json", 0, &where);
	if (rows == NULL)
		fail_msg("schemas/registry.json: %s (the test runs in the project's root)",
			 where.text);
	assert_int_equal(json_array_size(rows), schema_text_count);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = json_string_value(json_object_get(row, "schema"));
		int32_t id = (int32_t)json_integer_value(json_object_get(row, "id"));
		assert_non_null(name);
		assert_true(id > 0 && id <= LOCAL_ID_MAX);
		assert_int_equal(registry_local_id(name), id);
		assert_non_null(registry_local_text(id));
		assert_string_equal(registry_local_text(id), record_own_text(name));
	}
	json_decref(rows);
	assert_int_equal(registry_local_id("no_such"), 0);
	assert_null(registry_local_text(98));
}

/* ---- a service ---- */

static void addresses_are_checked(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"localhost:8081", "ftp://host",		"http://",
		"http://a b",	  "file:///etc/passwd", "http://host:99999"
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct registry *registry;
		expect_code(registry_open(bad[i], &registry), ERR_FATAL, "REGISTRY_URL", NULL);
		assert_null(registry);
	}
}

static void schemas_are_registered_once(void **state)
{
	struct service *service = *state;
	struct registry *registry;
	expect_ok(registry_open(service->url, &registry));
	assert_non_null(strstr(registry_describe(registry), "127.0.0.1"));
	assert_null(strstr(registry_describe(registry), "user"));
	assert_null(strstr(registry_describe(registry), "ss@"));
	struct series_point in = point();
	uint8_t value[256];
	size_t len;
	for (int i = 0; i < 3; i++)
		expect_ok(registry_encode(registry, "series.points", &series_point_type, &in, value,
					  sizeof value, &len));
	assert_int_equal(requests(service), 1);
	assert_memory_equal(value, "\0\0\1\x11\x70", 5);
	expect_request(service, "POST /base/subjects/series.points-value/versions ");
	expect_request(service, "Content-Type: application/vnd.schemaregistry.v1+json");
	expect_request(service, "Authorization: Basic dXNlcjpwQHNz");	  /* user:p@ss */
	expect_request(service, "logicalType\\\": \\\"timestamp-millis"); /* the original text */
	int32_t id;
	expect_ok(registry_writer_id(registry, "erp.events", &control_type, &id));
	assert_int_equal(id, 70001);
	expect_request(service, "POST /base/subjects/foretell.Control/versions ");
	expect_ok(registry_writer_id(registry, "a/b c", &series_point_type, &id));
	expect_request(service, "POST /base/subjects/a%2Fb%20c-value/versions ");
	assert_int_equal(requests(service), 3);
	registry_close(&registry);
}

static void ids_are_looked_up_once(void **state)
{
	struct service *service = *state;
	struct registry *registry;
	expect_ok(registry_open(service->url, &registry));
	struct series_point in = point(), out;
	uint8_t value[256] = { 0, 0, 1, 0x11, 0x70 };
	size_t len;
	expect_ok(record_encode(&series_point_type, &in, value + 5, sizeof value - 5, &len));
	for (int i = 0; i < 3; i++) {
		expect_ok(registry_decode(registry, &series_point_type, bytes_of(value, len + 5),
					  &out));
		assert_true(out.amount == -8);
	}
	assert_int_equal(requests(service), 1);
	expect_request(service, "GET /base/schemas/ids/70000 ");
	value[4]++;
	for (int i = 0; i < 3; i++)
		expect_code(registry_decode(registry, &series_point_type, bytes_of(value, len + 5),
					    &out),
			    ERR_POISON, "SCHEMA_ID_UNKNOWN", "70001");
	assert_int_equal(requests(service), 2);
	value[1] = 0xff; /* negative: nobody needs to be asked */
	expect_code(registry_decode(registry, &series_point_type, bytes_of(value, len + 5), &out),
		    ERR_POISON, "SCHEMA_ID_UNKNOWN", NULL);
	assert_int_equal(requests(service), 2);
	registry_close(&registry);
}

/* A known mistake of producers: it makes the line slow, and must not end it. */
static void a_schema_for_each_record_is_read(void **state)
{
	enum { SCHEMAS = 1100, FIRST = 80000 };
	struct service *service = *state;
	struct registry *registry;
	expect_ok(registry_open(service->url, &registry));
	log_set_level(LOG_OFF);
	struct series_point in = point(), out;
	uint8_t value[256] = { 0 };
	size_t len;
	expect_ok(record_encode(&series_point_type, &in, value + 5, sizeof value - 5, &len));
	for (uint32_t i = 0; i <= SCHEMAS; i++) {
		uint32_t id = FIRST + i % SCHEMAS; /* the first once more in the end */
		for (int byte = 0; byte < 4; byte++)
			value[1 + byte] = (uint8_t)(id >> (24 - 8 * byte));
		memset(&out, 0, sizeof out);
		expect_ok(registry_decode(registry, &series_point_type, bytes_of(value, len + 5),
					  &out));
		assert_true(out.amount == -8);
	}
	assert_int_equal(requests(service), SCHEMAS + 1);
	log_set_level(LOG_INFO);
	registry_close(&registry);
}

static void a_bad_service_is_never_poison(void **state)
{
	struct service *service = *state;
	static const struct {
		enum manner manner;
		enum err_verdict verdict;
		const char *code;
	} rows[] = {
		{ MANNER_FAILING, ERR_RETRY, "REGISTRY_UNREACHABLE" },
		{ MANNER_HANGING_UP, ERR_RETRY, "REGISTRY_UNREACHABLE" },
		{ MANNER_ENDLESS, ERR_RETRY, "REGISTRY_UNREACHABLE" },
		{ MANNER_FORBIDDING, ERR_FATAL, "REGISTRY_REFUSED" },
		{ MANNER_ELSEWHERE, ERR_FATAL, "REGISTRY_REFUSED" },
		{ MANNER_NONSENSE, ERR_FATAL, "REGISTRY_REFUSED" },
	};
	struct registry *registry;
	expect_ok(registry_open(service->url, &registry));
	struct bytes value = bytes_of("\0\0\1\x11\x70", 5);
	const char *name;
	int32_t id;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		manner_set(service, rows[i].manner);
		expect_code(registry_record_name(registry, value, &name), rows[i].verdict,
			    rows[i].code, NULL);
		expect_code(registry_writer_id(registry, "t", &alert_type, &id), rows[i].verdict,
			    rows[i].code, NULL);
	}
	manner_set(service, MANNER_INCOMPATIBLE);
	expect_code(registry_writer_id(registry, "t", &alert_type, &id), ERR_FATAL,
		    "REGISTRY_REFUSED", "incompatible");
	/* Nothing of it was remembered. */
	manner_set(service, MANNER_GOOD);
	expect_ok(registry_record_name(registry, value, &name));
	assert_string_equal(name, "foretell.SeriesPoint");
	expect_ok(registry_writer_id(registry, "t", &alert_type, &id));
	registry_close(&registry);
}

static void what_is_no_avro_record_is_poison(void **state)
{
	struct service *service = *state;
	static const struct {
		const char *schema, *code;
	} rows[] = {
		{ "\"string\"", "SCHEMA_MISMATCH" },
		{ "{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}", "SCHEMA_MISMATCH" },
		{ "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"X\"}]"
		  "}",
		  "SCHEMA_ID_UNKNOWN" },
		{ "", "SCHEMA_ID_UNKNOWN" },
	};
	struct alert out;
	struct registry *registry;
	struct bytes value = bytes_of("\0\0\1\x11\x70", 5);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		schema_set(service, rows[i].schema);
		expect_ok(registry_open(service->url, &registry));
		size_t before = requests(service);
		expect_code(registry_decode(registry, &alert_type, value, &out), ERR_POISON,
			    rows[i].code, NULL);
		expect_code(registry_decode(registry, &alert_type, value, &out), ERR_POISON,
			    rows[i].code, NULL);
		assert_int_equal(requests(service), before + 1);
		registry_close(&registry);
	}
	schema_set(service, "message M {}");
	manner_set(service, MANNER_PROTOBUF);
	expect_ok(registry_open(service->url, &registry));
	expect_code(registry_decode(registry, &alert_type, value, &out), ERR_POISON,
		    "SCHEMA_ID_UNKNOWN", NULL);
	registry_close(&registry);
}

static void nobody_there_is_a_retry(void **state)
{
	(void)state;
	/* A port that was just free: bound, never listened on. */
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	int held = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(held, (struct sockaddr *)&address, sizeof address) == 0);
	CHECK(getsockname(held, (struct sockaddr *)&address, &len) == 0);
	char url[64];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
	struct registry *registry;
	expect_ok(registry_open(url, &registry));
	const char *name;
	expect_code(registry_record_name(registry, bytes_of("\0\0\0\0\1", 5), &name), ERR_RETRY,
		    "REGISTRY_UNREACHABLE", url);
	registry_close(&registry);
	close(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_ids_frame_and_decode),
		cmocka_unit_test(bad_frames_are_poison),
		cmocka_unit_test(registry_file_agrees),
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test_setup_teardown(schemas_are_registered_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ids_are_looked_up_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_schema_for_each_record_is_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_bad_service_is_never_poison, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_avro_record_is_poison, set_up,
						tear_down),
		cmocka_unit_test(nobody_there_is_a_retry),
	};
	/* The service is on this machine, whatever proxy the environment names. */
	setenv("no_proxy", "127.0.0.1", 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
