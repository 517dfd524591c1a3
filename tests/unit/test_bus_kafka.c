/* What a member does whose transaction and place are lost, on librdkafka's own mock of a broker. */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "kafka/bus_kafka.h"
#include "kafka/rd.h"
#include "tests/lib/bus_world.h"

#include <librdkafka/rdkafka_mock.h> /* which wants rdkafka.h before it */

enum { HEARTBEAT = 12, INIT_PRODUCER_ID = 22, END_TXN = 26, WAIT_MS = 10, HANGS_S = 60 };

struct fixture {
	rd_kafka_t *broker;
	rd_kafka_mock_cluster_t *mock;
	struct member member;
};

static int set_up(void **state)
{
	static const struct client_property quick[] = { { "heartbeat.interval.ms", "100" },
							{ "session.timeout.ms", "2000" } };
	struct fixture *fixture = check_calloc(1, sizeof *fixture);
	struct member *member = &fixture->member;
	char text[256];
	alarm(HANGS_S);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", text, sizeof text);
	rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
	fixture->broker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	fixture->mock = rd_kafka_handle_mock_cluster(fixture->broker);
	rd_kafka_mock_topic_create(fixture->mock, "t", 1, 1);
	rd_kafka_mock_group_initial_rebalance_delay_ms(fixture->mock, 0);
	const struct client_options client = { rd_kafka_mock_cluster_bootstraps(fixture->mock),
					       quick, 2 };
	const struct bus_kafka_options options = { .client = &client,
						   .group = "g",
						   .transactional_id = "id" };
	expect_ok(bus_kafka_open(&options, &member->bus));
	member->listener = (struct bus_listener){ member, member_assigned, member_revoked, false };
	(void)member_join(member, "t");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	bus_close(&fixture->member.bus);
	rd_kafka_destroy(fixture->broker);
	free(fixture);
	alarm(0);
	return 0;
}

static void lose_the_transaction(struct fixture *fixture)
{
	struct bus *bus = fixture->member.bus;
	expect_ok(bus_begin(bus));
	produce(bus, "t", "v");
	rd_kafka_mock_push_request_errors(fixture->mock, END_TXN, 1,
					  RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH);
	expect_err(bus_commit(bus), ERR_ABORT, "BUS_FENCED");
}

/* Until the client knows, whom no poll has told yet. */
static void lose_the_place(struct fixture *fixture)
{
	const struct position begin = position_at("t", 0, "");
	struct err *err;
	rd_kafka_mock_push_request_errors(fixture->mock, HEARTBEAT, 1,
					  RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
	while ((err = bus_seek(fixture->member.bus, &begin, 1)) == NULL)
		rd_pause(WAIT_MS);
	expect_err(err, ERR_ABORT, "BUS_NOT_ASSIGNED");
}

/* How many new producers were asked for since it was last asked. */
static size_t producers(struct fixture *fixture)
{
	size_t count = 0, found = 0;
	rd_kafka_mock_request_t **requests = rd_kafka_mock_get_requests(fixture->mock, &count);
	for (size_t i = 0; i < count; i++)
		found += rd_kafka_mock_request_api_key(requests[i]) == INIT_PRODUCER_ID;
	rd_kafka_mock_request_destroy_array(requests, count);
	rd_kafka_mock_clear_requests(fixture->mock);
	return found;
}

/* It would fence whoever has the place by then. */
static void who_has_lost_its_place_makes_no_producer(void **state)
{
	struct fixture *fixture = *state;
	struct member *member = &fixture->member;
	struct bus_batch batch;
	lose_the_transaction(fixture);
	rd_kafka_mock_push_request_errors(fixture->mock, INIT_PRODUCER_ID, 1,
					  RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	rd_kafka_mock_start_request_tracking(fixture->mock);
	expect_err(bus_abort(member->bus), ERR_ABORT,
		   "BUS_FENCED"); /* still a member: it tries to */
	assert_int_equal(producers(fixture), 1);
	lose_the_place(fixture);
	expect_ok(bus_abort(member->bus));
	expect_err(bus_begin(member->bus), ERR_ABORT, "BUS_MEMBER_LOST");
	assert_int_equal(producers(fixture), 0);
	while (member->assigned_count < 2)
		expect_ok(bus_poll(member->bus, POLL_MS, &batch));
	assert_true(member->lost);
	assert_int_equal(producers(fixture), 1);
	expect_ok(bus_begin(member->bus));
	produce(member->bus, "t", "v");
	expect_ok(bus_commit(member->bus));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_has_lost_its_place_makes_no_producer, set_up,
						tear_down),
	};
	log_set_level(LOG_OFF);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
