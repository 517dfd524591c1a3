/* A small simulated company through the whole line, each customer under one name, so that its log
 * is in the order of time: what was said of an account is what a replay up to that moment finds,
 * to the bit; an opportunity is answered as a warning is, and what is answered to warnings is
 * learnt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/timestamp.h"
#include "consumers/account_replay.h"
#include "consumers/examples.h"
#include "schemas/registry.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"
#include "tests/lib/true_feed.h"

enum { ACCOUNTS = 30, MONTHS = 9, PARTITIONS = 3, RECORDS_MAX = 200000, SCORES_TRIED = 40 };

struct world {
	struct memory_kafka *kafka;
	struct memory_line *line;
	struct registry *registry;
	struct record *records; /* [RECORDS_MAX] */
};

static int build(void **state)
{
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = PARTITIONS,
						     .commit_interval_ms = 5,
						     .checkpoint_interval_ms = 50,
						     .cache_entries = 1000,
						     .activate = true };
	struct world *world = check_calloc(1, sizeof *world);
	world->kafka = memory_kafka_new();
	world->line = memory_line_new(world->kafka, &options);
	world->records = check_calloc(RECORDS_MAX, sizeof *world->records);
	must(registry_open(NULL, &world->registry));
	true_feed(world->kafka, 11, ACCOUNTS, MONTHS, PARTITIONS);
	must(memory_line_finish(world->line));
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;
	registry_close(&world->registry);
	memory_line_free(&world->line);
	memory_kafka_free(&world->kafka);
	free(world->records);
	free(world);
	return 0;
}

/* The margin that a replay up to the score's moment gives. */
static double replayed(struct world *world, int32_t partition, const struct score *score,
		       int64_t *event_count)
{
	const struct account_options options = { .churn = { 0.80, 0.60, 3, { 0.55, 0.35 } },
						 .risk = { 0.25, 0.15, { 0.55, 0.35 } },
						 .tick_ms = MS_PER_DAY,
						 .partition_count = PARTITIONS };
	struct surroundings around;
	struct hazard_score found;
	struct account_replay *replay =
		account_replay_new(&options, score->account, score->at_ms, world->registry);
	size_t count = memory_kafka_read(world->kafka, "test.account.events", partition, 0,
					 world->records, RECORDS_MAX);
	for (size_t i = 0; i < count; i++)
		must(account_replay_take(replay, &world->records[i]));
	account_replay_end(replay);
	const struct risk_occasion occasion = account_replay_occasion(replay, &around);
	*event_count = account_replay_state(replay)->event_count;
	risk_score(account_replay_state(replay), &occasion, &found, NULL);
	account_replay_free(&replay);
	return found.margin;
}

/* Whether a timer and an event fell on the moment: the score may be of either. */
static bool is_ambiguous(struct world *world, int32_t partition, const struct score *score)
{
	static struct account_event event;
	size_t count = memory_kafka_read(world->kafka, "test.account.events", partition, 0,
					 world->records, RECORDS_MAX);
	for (size_t i = 0; i < count && score->at_ms % MS_PER_DAY == 0; i++) {
		const char *name = NULL;
		if (!bytes_equal(world->records[i].key, score->account))
			continue;
		must(registry_record_name(world->registry, world->records[i].value, &name));
		if (strcmp(name, "foretell.AccountEvent") != 0)
			continue;
		must(registry_decode(world->registry, &account_event_type, world->records[i].value,
				     &event));
		if (event.effective_ms == score->at_ms)
			return true;
	}
	return false;
}

static void what_was_said_is_found_again(void **state)
{
	struct world *world = *state;
	static struct record scores[RECORDS_MAX / 10];
	int tried = 0;
	for (int32_t p = 0; p < PARTITIONS; p++) {
		size_t count = memory_kafka_read(world->kafka, "test.scores", p, 0, scores,
						 RECORDS_MAX / 10);
		for (size_t i = 0; i < count; i += 1 + count * PARTITIONS / SCORES_TRIED) {
			struct score score;
			int64_t event_count;
			must(registry_decode(world->registry, &score_type, scores[i].value,
					     &score));
			if (score.base_rate < 0 || is_ambiguous(world, p, &score))
				continue; /* of orders alone, or */
			double margin = replayed(world, p, &score, &event_count);
			if (margin != score.margin)
				fail_msg("%.*s at %lld: said %.17g, found %.17g of %lld events",
					 (int)score.account.len, (const char *)score.account.data,
					 (long long)score.at_ms, score.margin, margin,
					 (long long)event_count);
			tried++;
		}
	}
	assert_true(tried > SCORES_TRIED / 3);
}

/* The last alert of an account that is of a rule, open at the end or not; false: there is none. */
static bool find_last(struct world *world, const char *rule, bool is_open, char *id,
		      struct alert *found)
{
	bool is_there = false;
	for (int32_t p = 0; p < PARTITIONS; p++) {
		size_t count = memory_kafka_read(world->kafka, "test.alerts", p, 0, world->records,
						 RECORDS_MAX);
		for (size_t i = 0; i < count; i++) {
			struct alert alert;
			bool is_last = true;
			must(registry_decode(world->registry, &alert_type, world->records[i].value,
					     &alert));
			for (size_t k = i + 1; k < count; k++)
				is_last &=
					!bytes_equal(world->records[k].key, world->records[i].key);
			if (!is_last || (alert.status <= ALERT_UPDATED) != is_open ||
			    !bytes_equal(alert.rule, bytes_str(rule)))
				continue;
			snprintf(id, ALERT_ID_MAX, "%.*s", (int)alert.alert_id.len,
				 (const char *)alert.alert_id.data);
			*found = alert;
			is_there = true;
		}
	}
	return is_there;
}

static void answer(struct world *world, const char *id, const struct alert *alert,
		   const char *verdict, int64_t at_ms)
{
	uint8_t value[1024];
	char event_id[32];
	size_t len = 0;
	snprintf(event_id, sizeof event_id, "%s-%lld", verdict, (long long)at_ms);
	const struct source_event event = {
		.event_id = bytes_str(event_id),
		.source = bytes_str("foretell"),
		.type = bytes_str(FEEDBACK_TYPE),
		.subject = alert->account,
		.event_ms = at_ms,
		.attr_count = 2,
		.attrs = { { bytes_str("alert_id"), bytes_str(id) },
			   { bytes_str("verdict"), bytes_str(verdict) } },
	};
	must(registry_encode(world->registry, "erp.events", &crm_event_type, &event, value,
			     sizeof value, &len));
	const struct outgoing out = { .topic = "erp.events",
				      .partition = hash_partition(alert->account, PARTITIONS),
				      .key = alert->account,
				      .value = bytes_of(value, len) };
	memory_kafka_append(world->kafka, &out);
	must(memory_line_finish(world->line));
}

static void an_opportunity_is_answered(void **state)
{
	struct world *world = *state;
	static const char *const topics[] = { "alerts" };
	char id[ALERT_ID_MAX], expected[2 * ALERT_ID_MAX];
	struct alert alert;
	assert_true(find_last(world, "opportunity", true, id, &alert));
	answer(world, id, &alert, "ack", alert.at_ms + 2 * MS_PER_HOUR);
	answer(world, id, &alert, "wrong", alert.at_ms + 3 * MS_PER_HOUR);
	char *dump = memory_line_dump(world->line, topics, 1);
	snprintf(expected, sizeof expected, "\"alert_id\":\"%s\",\"revision\":2", id);
	const char *line = strstr(dump, expected);
	if (line == NULL)
		fail_msg("%s has no third revision", id);
	assert_non_null(strstr(line, "\"step\":\"RESOLVED\""));
	free(dump);
}

/* Of all lessons, what was answered; and how many versions of the model there are. */
static size_t count_answers(struct world *world, struct trust *trust)
{
	*trust = (struct trust){ .useful = { 0 } };
	for (int32_t p = 0; p < PARTITIONS; p++) {
		size_t count = memory_kafka_read(world->kafka, "test.lessons", p, 0, world->records,
						 RECORDS_MAX);
		for (size_t i = 0; i < count; i++) {
			const char *name = NULL;
			struct lesson lesson;
			must(registry_record_name(world->registry, world->records[i].value, &name));
			if (strcmp(name, "foretell.Lesson") != 0)
				continue;
			must(registry_decode(world->registry, &lesson_type, world->records[i].value,
					     &lesson));
			if (examples_is_answer(lesson.reason))
				trust_add(trust, (enum feature_group)lesson.reason, lesson.useful,
					  lesson.wrong);
		}
	}
	return memory_kafka_read(world->kafka, "test.models",
				 hash_partition(bytes_str(examples_key), PARTITIONS), 0,
				 world->records, RECORDS_MAX);
}

/* Who changes his mind, and again, is heard each time, long after the warning has ended; the last
 * version of the model knows what he said last. */
static void what_was_answered_is_learnt(void **state)
{
	struct world *world = *state;
	static const char *const verdicts[] = { "wrong", "useful", "wrong", "wrong" };
	char id[ALERT_ID_MAX];
	struct alert alert;
	struct trust trust;
	struct model_record record;
	static struct hazard_model model;
	assert_true(find_last(world, "churn.risk", false, id, &alert) ||
		    find_last(world, "churn.risk", true, id, &alert));
	for (int i = 0; i < 4; i++)
		answer(world, id, &alert, verdicts[i], alert.at_ms + (400 + 10 * i) * MS_PER_DAY);
	for (int i = 0; i < 10; i++) { /* of others, in all partitions: the clock goes on */
		char name[8];
		struct alert other = alert;
		snprintf(name, sizeof name, "N-%d", i);
		other.account = bytes_str(name);
		answer(world, "none", &other, "ack", alert.at_ms + 500 * MS_PER_DAY);
	}
	size_t count = count_answers(world, &trust);
	double useful = 0, wrong = 0, known = 0;
	assert_true(count > 0);
	must(registry_decode(world->registry, &model_type, world->records[count - 1].value,
			     &record));
	assert_true(hazard_model_unpack(record.body, &model));
	for (int i = GROUP_PEERS + 1; i < GROUP_COUNT; i++) {
		useful += trust.useful[i];
		wrong += trust.wrong[i];
		known += model.trust.wrong[i] - model.trust.useful[i];
	}
	assert_true(useful == 0 && wrong == 1 && known == 1);
}

static size_t count_dead(struct world *world)
{
	size_t count = 0;
	for (int32_t p = 0; p < PARTITIONS; p++)
		count += memory_kafka_read(world->kafka, "test.dlq", p, 0, world->records,
					   RECORDS_MAX);
	return count;
}

/* A model judges by what its name says, the hash of its bytes: with one bit wrong it never does. */
static void a_damaged_model_is_poison(void **state)
{
	struct world *world = *state;
	uint8_t body[HAZARD_MODEL_BYTES_MAX], value[HAZARD_MODEL_BYTES_MAX + 1024];
	char version[HASH_SHA256_HEX_LEN + 1];
	static struct hazard_model model;
	size_t before = count_dead(world), len = 0;
	hazard_prior(&model);
	struct bytes packed = bytes_of(body, hazard_model_pack(&model, body));
	hash_sha256_hex(packed, version);
	struct model_record record = { .name = bytes_str(examples_key),
				       .version = bytes_of(version, 16),
				       .body = packed,
				       .is_active = true };
	for (int is_damaged = 0; is_damaged < 2; is_damaged++) {
		body[40] ^= (uint8_t)is_damaged;
		must(registry_encode(world->registry, "test.account.events", &model_type, &record,
				     value, sizeof value, &len));
		const struct outgoing out = { .topic = "test.account.events",
					      .partition = 0,
					      .key = record.name,
					      .value = bytes_of(value, len) };
		memory_kafka_append(world->kafka, &out);
		must(memory_line_finish(world->line));
		assert_int_equal(count_dead(world) - before, is_damaged);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said_is_found_again),
		cmocka_unit_test(an_opportunity_is_answered),
		cmocka_unit_test(what_was_answered_is_learnt),
		cmocka_unit_test(a_damaged_model_is_poison),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, build, end);
}
