/* What is asked of a consumer of a group while records wait in it, on librdkafka's own mock of a
 * broker. */
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
#include "kafka/rd.h"

#include <librdkafka/rdkafka_mock.h> /* which wants rdkafka.h before it */

enum { METADATA = 3, ERRORS = 1000, RECORDS = 2, WAIT_MS = 10, WAITS_MAX = 2000, HANGS_S = 60 };

struct fixture {
	rd_kafka_t *broker; /* and a producer for it */
	rd_kafka_mock_cluster_t *mock;
	struct rd_client client;
	rd_kafka_t *consumer;
	rd_kafka_queue_t *queue;
};

static void expect_ok(struct err *err)
{
	if (err != NULL)
		fail_msg("%s: %s", err_code(err), err_text(err));
}

static void begin_broker(struct fixture *fixture)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof text),
			 RD_KAFKA_CONF_OK);
	rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	fixture->broker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	fixture->mock = rd_kafka_handle_mock_cluster(fixture->broker);
	rd_kafka_mock_topic_create(fixture->mock, "t", 1, 1);
	for (int i = 0; i < RECORDS; i++)
		assert_int_equal(
			rd_kafka_producev(fixture->broker, RD_KAFKA_V_TOPIC("t"),
					  RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE(text, 1),
					  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
			0);
	assert_int_equal(rd_kafka_flush(fixture->broker, 10000), 0);
}

static void begin_consumer(struct fixture *fixture)
{
	const struct client_options options = { .brokers = rd_kafka_mock_cluster_bootstraps(
							fixture->mock) };
	const struct rd_setting settings[] = { { "group.id", "g" } };
	rd_kafka_conf_t *conf = NULL;
	expect_ok(rd_conf_new(&options, settings, 1, &fixture->client, &conf));
	expect_ok(rd_handle_new(RD_KAFKA_CONSUMER, conf, &fixture->consumer));
	rd_forward(fixture->consumer, &fixture->client);
	fixture->queue = rd_kafka_queue_get_consumer(fixture->consumer);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, "t", 0)->offset = 0;
	assert_int_equal(rd_kafka_assign(fixture->consumer, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
}

static int set_up(void **state)
{
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	alarm(HANGS_S);
	begin_broker(fixture);
	begin_consumer(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	alarm(0);
	rd_kafka_queue_destroy(fixture->queue);
	rd_kafka_destroy_flags(fixture->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	rd_kafka_destroy(fixture->broker);
	free(fixture);
	return 0;
}

/* librdkafka would take the records for reports, and end the process. */
static void a_question_that_fails_takes_no_records(void **state)
{
	struct fixture *fixture = *state;
	rd_kafka_resp_err_t errors[ERRORS];
	rd_kafka_message_t *messages[RECORDS + 1];
	int32_t count = 0;
	for (size_t i = 0; i < ERRORS; i++)
		errors[i] = RD_KAFKA_RESP_ERR__TRANSPORT;
	for (int i = 0; rd_kafka_queue_length(fixture->queue) < RECORDS; i++) {
		assert_true(i < WAITS_MAX);
		rd_pause(WAIT_MS);
	}
	rd_kafka_mock_push_request_errors_array(fixture->mock, METADATA, ERRORS, errors);
	struct err *err = rd_partition_count(fixture->consumer, &fixture->client, "t", &count);
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_RETRY);
	assert_non_null(strstr(err_text(err), "partitions of topic t"));
	err_free(&err);
	rd_kafka_mock_clear_request_errors(fixture->mock, METADATA);
	ssize_t got = rd_kafka_consume_batch_queue(fixture->queue, WAIT_MS, messages, RECORDS + 1);
	size_t records = 0;
	for (ssize_t i = 0; i < got; i++) {
		records += messages[i]->err == 0;
		rd_kafka_message_destroy(messages[i]);
	}
	assert_int_equal(records, RECORDS);
	expect_ok(rd_partition_count(fixture->consumer, &fixture->client, "t", &count));
	assert_int_equal(count, 1);
}

/* Trying again would not help. */
static void missing_rights_are_no_passing_fault(void **state)
{
	struct fixture *fixture = *state;
	int32_t count = 0;
	rd_kafka_mock_topic_set_error(fixture->mock, "t",
				      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	struct err *err = rd_partition_count(fixture->consumer, &fixture->client, "t", &count);
	assert_non_null(err);
	assert_int_equal(err_verdict(err), ERR_FATAL);
	assert_string_equal(err_code(err), "BUS_AUTHORIZATION");
	err_free(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_that_fails_takes_no_records, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(missing_rights_are_no_passing_fault, set_up,
						tear_down),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
