/* What others watch: metrics as text, a worker's figures, judgements of reports, positions and
 * settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/metrics.h"
#include "base/timestamp.h"
#include "cli/http_server.h"
#include "cli/status_positions.h"
#include "cli/status_report.h"
#include "cli/topic_rules.h"
#include "kafka/client_stats.h"
#include "kafka/hold.h"
#include "runtime/stats.h"

/* ---- base/metrics --------------------------------------------------------------------------- */

static void metrics_are_well_formed(void **state)
{
	(void)state;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	const int64_t bounds_us[] = { 1000, 2500000 }, counts[] = { 3, 0, 2 };
	struct metrics metrics;
	metrics_init(&metrics, out);
	metrics_family(&metrics, "a_total", METRICS_COUNTER, "Line\nand \\ and \"quotes\".");
	metrics_count(&metrics, INT64_MAX);
	metrics_label(&metrics, "k", "a\\b\"c\nd");
	metrics_label(&metrics, "l", "");
	metrics_count(&metrics, -1);
	metrics_family(&metrics, "b_seconds", METRICS_GAUGE, "Time.");
	metrics_seconds_ms(&metrics, -1005);
	metrics_seconds_us(&metrics, 2000000);
	metrics_seconds_ms(&metrics, INT64_MIN);
	metrics_family(&metrics, "c_seconds", METRICS_HISTOGRAM, "Spread.");
	metrics_label(&metrics, "s", "x");
	metrics_histogram_us(&metrics, bounds_us, 2, counts, 7000001);
	fclose(out);
	assert_string_equal(text, "# HELP a_total Line\\nand \\\\ and \"quotes\".\n"
				  "# TYPE a_total counter\n"
				  "a_total 9223372036854775807\n"
				  "a_total{k=\"a\\\\b\\\"c\\nd\",l=\"\"} -1\n"
				  "# HELP b_seconds Time.\n"
				  "# TYPE b_seconds gauge\n"
				  "b_seconds -1.005\n"
				  "b_seconds 2\n"
				  "b_seconds -9223372036854775.808\n"
				  "# HELP c_seconds Spread.\n"
				  "# TYPE c_seconds histogram\n"
				  "c_seconds_bucket{s=\"x\",le=\"0.001\"} 3\n"
				  "c_seconds_bucket{s=\"x\",le=\"2.5\"} 3\n"
				  "c_seconds_bucket{s=\"x\",le=\"+Inf\"} 5\n"
				  "c_seconds_sum{s=\"x\"} 7.000001\n"
				  "c_seconds_count{s=\"x\"} 5\n");
	free(text);
}

/* ---- kafka/hold ----------------------------------------------------------------------------- */

static void what_holds_readers_back_can_be_ended(void **state)
{
	(void)state;
	char command[HOLD_REMEDY_MAX];
	hold_remedy("a:1,b:2", "shop.alerts", 3, INT64_C(9876543210), command);
	assert_string_equal(command, "kafka-transactions.sh --bootstrap-server a:1 abort "
				     "--topic shop.alerts --partition 3 --start-offset 9876543210");
	/* by Java: "foretell.account".hashCode() is -1080791124, "a".hashCode() 97 */
	assert_int_equal(hold_group_partition("a", 50), 47);
	assert_int_equal(hold_group_partition("", 50), 0);
	assert_int_equal(hold_group_partition("foretell.account", 50), 24);
}

/* ---- runtime/stats -------------------------------------------------------------------------- */

static void durations_fall_into_their_bucket(void **state)
{
	(void)state;
	struct stats_histogram histogram = { 0 };
	stats_time(&histogram, 0);
	stats_time(&histogram, stats_bounds_us[0]); /* a bound belongs to its bucket */
	stats_time(&histogram, stats_bounds_us[0] + 1);
	stats_time(&histogram, INT64_C(3600) * 1000000);
	assert_int_equal(stats_get(&histogram.counts[0]), 2);
	assert_int_equal(stats_get(&histogram.counts[1]), 1);
	assert_int_equal(stats_get(&histogram.counts[STATS_BUCKETS]), 1);
	assert_int_equal(stats_get(&histogram.sum_us), 2001 + INT64_C(3600000000));
}

static void aborts_are_counted_by_code(void **state)
{
	(void)state;
	static char codes[STATS_CODES_MAX + 3][8];
	struct worker_stats *stats = check_calloc(1, sizeof *stats);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < STATS_CODES_MAX + 3; i++) {
			snprintf(codes[i], sizeof codes[i], "C%zu", i);
			struct err *err = err_new(ERR_ABORT, codes[i], "x");
			stats_abort_count(stats, err);
			err_free(&err);
		}
	}
	for (size_t i = 0; i < STATS_CODES_MAX; i++) {
		assert_string_equal(atomic_load(&stats->aborts[i].code), codes[i]);
		assert_int_equal(stats_get(&stats->aborts[i].count), 2);
	}
	assert_int_equal(stats_get(&stats->aborts_other), 6);
	free(stats);
}

enum { ROUNDS = 20000, TORN_TASKS = 40 };

/* A worker that writes the same number into every field of the board, again and again. */
static void *write_board(void *argument)
{
	struct worker_stats *stats = argument;
	for (int64_t round = 1; round <= ROUNDS; round++) {
		if (!stats_board_try(&stats->board))
			continue;
		stats->board.task_count = TORN_TASKS;
		for (size_t i = 0; i < TORN_TASKS; i++)
			stats->board.tasks[i] = (struct task_figures){
				.used = i % 2 == 0, .next = round, .x = round, .y = round
			};
		stats_board_leave(&stats->board);
	}
	stats_add(&stats->records, 1);
	return NULL;
}

static void a_reader_sees_a_board_of_one_moment(void **state)
{
	(void)state;
	struct worker_stats *stats = check_calloc(1, sizeof *stats);
	struct task_figures *tasks = check_calloc(TASKS_MAX, sizeof *tasks);
	pthread_t worker;
	assert_int_equal(pthread_create(&worker, NULL, write_board, stats), 0);
	while (stats_get(&stats->records) == 0) {
		size_t count = stats_tasks(stats, tasks);
		assert_true(count == 0 || count == TORN_TASKS / 2);
		for (size_t i = 0; i < count; i++)
			assert_true(tasks[i].next == tasks[0].next && tasks[i].y == tasks[0].x);
	}
	pthread_join(worker, NULL);
	free(tasks);
	free(stats);
}

/* ---- kafka/client_stats --------------------------------------------------------------------- */

static void take(struct client_stats *stats, const char *json)
{
	client_stats_take(stats, json, strlen(json), 77);
}

static void a_consumers_report_is_taken(void **state)
{
	(void)state;
	struct client_stats stats = { 0 };
	take(&stats, "not JSON");
	take(&stats, "[]");
	assert_int_equal(stats_get(&stats.told_wall_ms), 0);
	take(&stats,
	     "{\"type\":\"consumer\",\"tx_bytes\":5,\"rx_bytes\":6,\"cgrp\":{\"join_state\":"
	     "\"steady\",\"assignment_size\":2},\"brokers\":{\"a\":{\"state\":\"UP\","
	     "\"outbuf_cnt\":1,\"waitresp_cnt\":2,\"rtt\":{\"p99\":30}},\"b\":{\"state\":"
	     "\"DOWN\",\"outbuf_cnt\":4,\"waitresp_cnt\":0,\"rtt\":{\"p99\":9}}},\"topics\":{"
	     "\"t\":{\"partitions\":{\"0\":{\"fetchq_cnt\":10,\"fetchq_size\":100},\"-1\":{"
	     "\"fetchq_cnt\":1,\"fetchq_size\":7}}}}}");
	assert_int_equal(stats_get(&stats.told_wall_ms), 77);
	assert_int_equal(stats_get(&stats.queued_messages), 11);
	assert_int_equal(stats_get(&stats.queued_bytes), 107);
	assert_int_equal(stats_get(&stats.requests), 7);
	assert_int_equal(stats_get(&stats.connected_brokers), 1);
	assert_int_equal(stats_get(&stats.rtt_us), 30);
	assert_int_equal(stats_get(&stats.sent_bytes), 5);
	assert_int_equal(stats_get(&stats.received_bytes), 6);
	assert_int_equal(atomic_load(&stats.join), CLIENT_JOIN_STEADY);
	assert_int_equal(stats_get(&stats.assigned), 2);
	take(&stats, "{\"type\":\"consumer\",\"cgrp\":{\"join_state\":\"wait-join\"}}");
	assert_int_equal(atomic_load(&stats.join), CLIENT_JOIN_WAITING);
}

static void a_producers_report_is_taken(void **state)
{
	(void)state;
	struct client_stats stats = { 0 };
	take(&stats, "{\"type\":\"producer\",\"msg_cnt\":3,\"msg_size\":900}");
	assert_int_equal(stats_get(&stats.queued_messages), 3);
	assert_int_equal(stats_get(&stats.queued_bytes), 900);
}

/* ---- cli/status_report ---------------------------------------------------------------------- */

/* The judgement as text: what it says, or "ok". */
static void judged(const struct status_report *report,
		   bool (*judge)(const struct status_report *, FILE *), const char *expected)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	bool good = judge(report, out);
	fclose(out);
	assert_string_equal(good ? "ok" : text, expected);
	assert_true(!good || len == 0);
	assert_int_equal(judge(report, NULL), good);
	free(text);
}

static struct status_stage a_stage(enum worker_phase phase, int64_t age_ms, bool joined, bool live)
{
	return (struct status_stage){ .stage = { .name = "account" },
				      .phase = phase,
				      .alive_age_ms = age_ms,
				      .joined = joined,
				      .live = live,
				      .ready = joined && live };
}

static void health_and_readiness(void **state)
{
	(void)state;
	const struct {
		struct status_stage stage;
		const char *health, *ready;
	} cases[] = {
		{ a_stage(PHASE_RUNNING, 5, true, true), "ok", "ok" },
		{ a_stage(PHASE_RUNNING, 5, true, false), "ok", "account: replaying\n" },
		{ a_stage(PHASE_STARTING, -1, false, true), "ok", "account: starting\n" },
		{ a_stage(PHASE_JOINING, 5, false, true), "ok", "account: joining\n" },
		{ a_stage(PHASE_JOINING, 5, true, true), "ok", "ok" }, /* a member with nothing */
		{ a_stage(PHASE_RECOVERING, HEALTH_STALL_MS, false, true), "ok",
		  "account: recovering\n" },
		{ a_stage(PHASE_RUNNING, HEALTH_STALL_MS + 1, true, true),
		  "account: no progress for 300 s\n", "ok" },
		{ a_stage(PHASE_BROKEN, 5, false, true),
		  "account: ended by an error, which the log names\n", "account: broken\n" },
		{ a_stage(PHASE_ENDED, 2 * HEALTH_STALL_MS, false, true), "ok",
		  "account: ended\n" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct status_report report = { .stage_count = 2 };
		report.stages[0] = a_stage(PHASE_RUNNING, 5, true, true);
		report.stages[1] = cases[i].stage;
		judged(&report, status_report_healthy, cases[i].health);
		judged(&report, status_report_ready, cases[i].ready);
	}
}

/* ---- cli/status_positions ------------------------------------------------------------------- */

static void positions_are_judged(void **state)
{
	(void)state;
	const struct {
		int64_t offset, low, end;
		const char *metadata;
		enum position_fault fault;
		int64_t lag;
	} cases[] = {
		{ -1, 10, 50, "", POSITION_NONE, 40 },
		{ 40, 0, 50, "Y=30;v=1", POSITION_GOOD, 10 },
		{ 50, 30, 50, "Y=30;v=1", POSITION_GOOD, 0 },
		{ 40, 31, 50, "Y=30;v=1", POSITION_PASSED, 10 },
		{ 40, 45, 50, "Y=30;v=1", POSITION_PASSED, 5 },
		{ 51, 0, 50, "Y=30;v=1", POSITION_TRUNCATED, 0 },
		{ 40, 0, 50, "", POSITION_FOREIGN, 10 },
		{ 40, 0, 50, "somebody", POSITION_FOREIGN, 10 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct group_position committed = { .offset = cases[i].offset,
						    .low = cases[i].low,
						    .end = cases[i].end };
		struct stage_position position;
		snprintf(committed.metadata, sizeof committed.metadata, "%s", cases[i].metadata);
		position_judge(&committed, &position);
		assert_int_equal(position.fault, cases[i].fault);
		assert_int_equal(position.lag, cases[i].lag);
		assert_int_equal(*position_fault_text(position.fault) == '\0',
				 position.fault == POSITION_GOOD);
	}
}

/* ---- cli/topic_rules ------------------------------------------------------------------------ */

static void values_hold_or_do_not(void **state)
{
	(void)state;
	const struct {
		enum rule_kind kind;
		const char *value, *actual;
		bool holds;
	} cases[] = {
		{ RULE_SAME, "compact", "compact", true },
		{ RULE_SAME, "compact", "compact,delete", false },
		{ RULE_AT_LEAST, "2", "2", true },
		{ RULE_AT_LEAST, "2", "1", false },
		{ RULE_AT_LEAST, "2", "two", false },
		{ RULE_AT_LEAST, "2", "", false },
		{ RULE_AT_LEAST, "2", "99999999999999999999", false },
		{ RULE_AT_MOST, "3", "3", true },
		{ RULE_AT_MOST, "3", "4", false },
		{ RULE_KEPT, "-1", "-1", true },
		{ RULE_KEPT, "-1", "604800000", false },
		{ RULE_KEPT, "604800000", "-1", true },
		{ RULE_KEPT, "604800000", "604799999", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rule rule = { .name = "n", .kind = cases[i].kind };
		snprintf(rule.value, sizeof rule.value, "%s", cases[i].value);
		assert_int_equal(rule_holds(&rule, cases[i].actual), cases[i].holds);
	}
}

/* The weight of the first rule that the value breaks: 'b', 'r', or '-' where all hold. */
static char weigh(const struct rule *rules, size_t count, const char *name, const char *actual)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rules[i].name, name) == 0 && !rule_holds(&rules[i], actual))
			return rules[i].weight == RULE_BROKEN ? 'b' : 'r';
	return '-';
}

static void topics_are_weighed(void **state)
{
	(void)state;
	const struct {
		const char *topic;
		int replicas;
		const char *name, *actual;
		char weight;
	} cases[] = {
		{ "erp.events", 3, "retention.ms", "86400000", 'b' },
		{ "erp.events", 3, "retention.ms", "604800000", 'r' },
		{ "erp.events", 3, "retention.ms", "-1", '-' },
		{ "erp.events", 3, "retention.bytes", "1000", 'r' },
		{ "account.events", 3, "retention.ms", "604800000", 'b' },
		{ "account.events", 3, "retention.bytes", "1000", 'b' },
		{ "scores", 3, "retention.ms", "86400000", 'b' },
		{ "scores", 3, "retention.ms", "-1", '-' },
		{ "alerts", 3, "retention.bytes", "1000", 'r' },
		{ "accounts", 3, "cleanup.policy", "compact,delete", 'b' },
		{ "accounts", 3, "retention.ms", "1", '-' }, /* compaction doesn't look at it */
		{ "alerts", 3, "cleanup.policy", "compact", 'b' },
		{ "alerts", 3, "message.timestamp.type", "CreateTime", 'b' },
		{ "dlq", 3, "max.message.bytes", "1048588", 'b' },
		{ "alerts", 3, "unclean.leader.election.enable", "true", 'b' },
		{ "alerts", 3, "min.insync.replicas", "1", 'b' },
		{ "alerts", 3, "min.insync.replicas", "2", '-' },
		{ "alerts", 3, "min.insync.replicas", "4", 'b' },
		{ "alerts", 1, "min.insync.replicas", "1", '-' },
		{ "alerts", 1, "min.insync.replicas", "2", 'b' },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct rule rules[TOPIC_RULES_MAX];
		size_t count =
			rules_of_topic(topics_find(cases[i].topic), cases[i].replicas, rules);
		assert_int_equal(weigh(rules, count, cases[i].name, cases[i].actual),
				 cases[i].weight);
	}
}

static void brokers_are_weighed(void **state)
{
	(void)state;
	struct rule rules[BROKER_RULES_MAX];
	size_t count = rules_of_broker(45000, rules);
	const struct {
		const char *name, *actual;
		char weight;
	} cases[] = {
		{ "transaction.max.timeout.ms", "900000", '-' },
		{ "transaction.max.timeout.ms", "59999", 'b' },
		{ "offset.metadata.max.bytes", "4096", '-' },
		{ "offset.metadata.max.bytes", "64", 'b' },
		{ "group.max.session.timeout.ms", "30000", 'b' },
		{ "group.min.session.timeout.ms", "60000", 'b' },
		{ "offsets.retention.minutes", "10080", '-' },
		{ "offsets.retention.minutes", "10079", 'r' },
		{ "offsets.retention.minutes", "60", 'b' },
		{ "transactional.id.expiration.ms", "60000", 'r' },
		{ "auto.create.topics.enable", "true", 'r' },
		{ "log.cleaner.enable", "false", 'b' },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(weigh(rules, count, cases[i].name, cases[i].actual),
				 cases[i].weight);
}

/* ---- cli/http_server ------------------------------------------------------------------------ */

static void addresses_are_split(void **state)
{
	(void)state;
	char host[HTTP_HOST_MAX], port[8];
	assert_true(http_address_split("[::1]:9464", host, port));
	assert_string_equal(host, "::1");
	assert_string_equal(port, "9464");
	assert_true(http_address_split("worker-2.example:80", host, port));
	assert_string_equal(host, "worker-2.example");
	assert_false(http_address_split("9464", host, port));
	assert_false(http_address_split(":9464", host, port));
	assert_false(http_address_split("host:", host, port));
	assert_false(http_address_split("host:123456", host, port));
}

static void a_taken_port_is_refused(void **state)
{
	(void)state;
	struct http_listener *one = NULL, *two = NULL;
	assert_null(http_listen("http.listen", "127.0.0.1:0", &one));
	struct err *err = http_listen("http.listen", http_listener_address(one), &two);
	assert_non_null(err);
	assert_string_equal(err_code(err), "HTTP_LISTEN");
	assert_non_null(strstr(err_text(err), "http.listen"));
	assert_int_equal(err_verdict(err), ERR_FATAL);
	err_free(&err);
	http_listener_close(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_well_formed),
		cmocka_unit_test(what_holds_readers_back_can_be_ended),
		cmocka_unit_test(durations_fall_into_their_bucket),
		cmocka_unit_test(aborts_are_counted_by_code),
		cmocka_unit_test(a_reader_sees_a_board_of_one_moment),
		cmocka_unit_test(a_consumers_report_is_taken),
		cmocka_unit_test(a_producers_report_is_taken),
		cmocka_unit_test(health_and_readiness),
		cmocka_unit_test(positions_are_judged),
		cmocka_unit_test(values_hold_or_do_not),
		cmocka_unit_test(topics_are_weighed),
		cmocka_unit_test(brokers_are_weighed),
		cmocka_unit_test(addresses_are_split),
		cmocka_unit_test(a_taken_port_is_refused),
	};
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
