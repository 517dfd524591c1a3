/* Reading a range of a partition, on librdkafka's own mock of a broker: what goes wrong again and
 * again is waited for only so long, and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "kafka/rd.h"

#include <librdkafka/rdkafka_mock.h> /* which wants rdkafka.h before it */

enum { FETCH = 1, ERRORS = 1000, PATIENCE_MS = 700, HANGS_S = 30 };

struct fixture {
	rd_kafka_t *broker; /* and a producer for it */
	rd_kafka_mock_cluster_t *mock;
	struct rd_client client;
	rd_kafka_t *reader;
	size_t seen_count;
};

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void produce(struct fixture *fixture, const char *value)
{
	rd_kafka_resp_err_t code = rd_kafka_producev(
		fixture->broker, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(0),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)value, strlen(value)), RD_KAFKA_V_END);
	assert_int_equal(code, 0);
	assert_int_equal(rd_kafka_flush(fixture->broker, 10000), 0);
}

static int set_up(void **state)
{
	char text[256];
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof text),
			 RD_KAFKA_CONF_OK);
	rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	fixture->broker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	fixture->mock = rd_kafka_handle_mock_cluster(fixture->broker);
	rd_kafka_mock_topic_create(fixture->mock, "t", 1, 1);
	const struct client_options options = { .brokers = rd_kafka_mock_cluster_bootstraps(
							fixture->mock) };
	expect_ok(rd_reader_new(&options, 0, &fixture->client, &fixture->reader));
	produce(fixture, "a");
	produce(fixture, "b");
	alarm(HANGS_S);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	alarm(0);
	rd_kafka_destroy(fixture->reader);
	rd_kafka_destroy(fixture->broker);
	free(fixture);
	return 0;
}

static struct err *count(void *context, const struct record *record)
{
	(void)record;
	((struct fixture *)context)->seen_count++;
	return NULL;
}

static struct err *read_to(struct fixture *fixture, int64_t end)
{
	const struct rd_range range = { .topic = "t", .end = end, .patience_ms = PATIENCE_MS };
	return rd_range_read(fixture->reader, &fixture->client, &range, count, fixture);
}

static void an_error_that_comes_again_and_again_is_told(void **state)
{
	struct fixture *fixture = *state;
	rd_kafka_resp_err_t errors[ERRORS];
	for (size_t i = 0; i < ERRORS; i++)
		errors[i] = RD_KAFKA_RESP_ERR_UNKNOWN;
	expect_ok(read_to(fixture, 2));
	assert_int_equal(fixture->seen_count, 2);
	produce(fixture, "c");
	rd_kafka_mock_push_request_errors_array(fixture->mock, FETCH, ERRORS, errors);
	int64_t began_ms = time_monotonic_ms();
	struct err *err = read_to(fixture, 3);
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_RETRY);
	assert_string_equal(err_code(err), "BUS_BROKER");
	assert_non_null(strstr(err_text(err), "t [0]"));
	err_free(&err);
	assert_true(time_monotonic_ms() - began_ms >= PATIENCE_MS);
	rd_kafka_mock_clear_request_errors(fixture->mock, FETCH);
	fixture->seen_count = 0;
	expect_ok(read_to(fixture, 3));
	assert_int_equal(fixture->seen_count, 3);
}

/* Whether the brokers are away, or nothing may be read yet. */
static void silence_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct err *err = read_to(fixture, 5); /* as if three records were not stable yet */
	assert_non_null(err);
	assert_string_equal(err_code(err), "BUS_UNSTABLE");
	assert_non_null(strstr(err_text(err), "abort --topic t --partition 0 --start-offset 2"));
	err_free(&err);
	rd_kafka_mock_broker_set_down(fixture->mock, 1);
	err = read_to(fixture, 5);
	assert_non_null(err);
	assert_string_equal(err_code(err), "BUS_UNREACHABLE");
	err_free(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_error_that_comes_again_and_again_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(silence_is_told, set_up, tear_down),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
