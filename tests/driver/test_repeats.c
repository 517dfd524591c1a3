/* What the identify stage keeps of its names beside their own states: buckets of fingerprints and
 * queues of events that wait. It dies over and over, mostly between the record that touches several
 * of these states and their publication; what comes out is what a clean pass gives, byte for byte.
 * FORETELL_SEED=n runs one seed alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "schemas/identity.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS 1
#else
#define SEEDS 3
#endif

enum {
	FIRST_SEED = 6, /* from here on three find each way in which states are left behind */
	PARTITIONS = 2,
	FAST = 4,	      /* names with hundreds of events within seven days */
	SLOW = 12,	      /* others, so that states wait for their turn to be published */
	EVENTS = 2400,	      /* each, or an older one once more */
	WINDOW_EVENTS = 2000, /* of these in seven days */
	WAITERS = 30,	      /* names that are linked in the end */
	EVENTS_EACH = 40,     /* of these, on average */
	READ_MAX = 512,
	TURNS_MAX = 2000, /* of one trial, until it may come to its end */
};

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014): any state is a good seed. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t *random, uint64_t bound)
{
	return next_random(random) % bound;
}

/* ---- a line of resolve and identify --------------------------------------------------------- */

struct trial {
	struct memory_kafka *kafka;
	struct memory_line *line;
	uint64_t random;
};

static struct trial begin(uint64_t seed, bool calm)
{
	static const int64_t checkpoints[] = { 50, 1000, 100000 };
	struct trial trial = { .kafka = memory_kafka_new(), .random = seed };
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = PARTITIONS,
		.commit_interval_ms = 1 + (int64_t)below(&trial.random, 8),
		.checkpoint_interval_ms = calm ? 0 : checkpoints[seed % 3],
		.cache_entries = seed % 2 ? 60 : 1000,
	};
	trial.line = memory_line_new(trial.kafka, &options);
	return trial;
}

static void end(struct trial *trial)
{
	memory_line_free(&trial->line);
	memory_kafka_free(&trial->kafka);
}

/* Dies about once in six turns. */
static void disturb(struct trial *trial)
{
	switch (below(&trial->random, 120)) {
	case 0: memory_line_stop(trial->line, STAGE_IDENTIFY); break;
	case 1: memory_line_lose_store(trial->line); break;
	case 2:
	case 3:
		memory_kafka_fault(trial->kafka, (enum memory_fault)(1 + below(&trial->random, 3)));
		break;
	default:
		if (below(&trial->random, 6) == 0)
			memory_line_kill(trial->line, STAGE_IDENTIFY);
	}
}

static bool is_at_end(const struct trial *trial, const char *group, const char *log)
{
	for (int32_t p = 0; p < PARTITIONS; p++) {
		struct position at = { .topic = log, .partition = p };
		memory_kafka_committed(trial->kafka, group, &at);
		if (at.offset <= memory_kafka_last(trial->kafka, log, p))
			return false;
	}
	return true;
}

static bool is_over(const struct trial *trial)
{
	return is_at_end(trial, "test.resolve", "erp.events") &&
	       is_at_end(trial, "test.identify", "test.identity.events");
}

/* Resolve and identify take turns, of which the latter dies; then what is left. */
static void run_along(struct trial *trial)
{
	memory_kafka_set_poll_max(trial->kafka, 4 + below(&trial->random, 30));
	for (int turn = 0; turn < TURNS_MAX && !is_over(trial); turn++) {
		must(memory_line_step(trial->line, STAGE_RESOLVE));
		must(memory_line_step(trial->line, STAGE_IDENTIFY));
		disturb(trial);
	}
}

static void run_out(struct trial *trial)
{
	memory_kafka_fault(trial->kafka, MEMORY_FAULT_NONE);
	memory_kafka_set_poll_max(trial->kafka, 1000);
	for (size_t stage = STAGE_RESOLVE; stage <= STAGE_IDENTIFY; stage++) {
		must(memory_line_run(trial->line, stage));
		memory_line_stop(trial->line, stage);
	}
}

/* An event of a customer; link: another name of the same one, or NULL. */
static void tell(struct trial *trial, const char *id, struct bytes scheme, const char *subject,
		 const struct identifier *link)
{
	static const char text[] = "What is said about an order may be short, or so long that an "
				   "entry of a queue can't hold it, and then it lies in several.";
	struct source_event event = { .event_id = bytes_str(id),
				      .source = bytes_str("erp"),
				      .type = bytes_str("erp.order"),
				      .subject = bytes_str(subject),
				      .subject_scheme = scheme,
				      .event_ms = INT64_C(1790000000000),
				      .identifier_count = link != NULL };
	if (link != NULL)
		event.identifiers[0] = *link;
	event.attr_count =
		below(&trial->random, 4) == 0 ? below(&trial->random, ATTR_COUNT_MAX) : 4;
	for (size_t i = 0; i < event.attr_count; i++)
		event.attrs[i] = (struct attr){ bytes_str("note"), bytes_str(text) };
	memory_line_tell(trial->line, &event);
}

/* ---- repeats -------------------------------------------------------------------------------- */

/* Events of accounts, five minutes from each other, so over more than the window of repeats; what
 * comes again is never older than the window. Returns how many are new. */
static size_t tell_fast(struct trial *trial)
{
	static int at[FAST + SLOW][EVENTS]; /* the place of each name's events */
	int told[FAST + SLOW] = { 0 }, known[FAST + SLOW] = { 0 };
	size_t count = 0;
	for (int i = 0; i < EVENTS; i++) {
		char id[24], subject[16];
		int name = (int)(below(&trial->random, 8) ? below(&trial->random, FAST)
							  : FAST + below(&trial->random, SLOW));
		while (known[name] < told[name] && at[name][known[name]] < i - WINDOW_EVENTS)
			known[name]++;
		int number = told[name];
		if (known[name] < number && below(&trial->random, 3) == 0)
			number = known[name] +
				 (int)below(&trial->random, (uint64_t)(number - known[name]));
		else
			at[name][told[name]++] = i;
		count += number == told[name] - 1 && at[name][number] == i;
		snprintf(id, sizeof id, "%d-%d", name, number);
		snprintf(subject, sizeof subject, "C-%d", name);
		tell(trial, id, bytes_of(NULL, 0), subject, NULL);
		memory_line_wait(trial->line, 5 * MS_PER_MINUTE);
	}
	return count;
}

static char *repeats_of(uint64_t seed, bool calm, size_t *told)
{
	static const char *const outputs[] = { "account.events", "identity.meta", "dlq" };
	struct trial trial = begin(seed, calm);
	*told = tell_fast(&trial);
	must(memory_line_run(trial.line, STAGE_RESOLVE));
	if (!calm)
		run_along(&trial);
	run_out(&trial);
	char *dump = memory_line_dump(trial.line, outputs, 3);
	end(&trial);
	return dump;
}

static uint64_t first_seed(uint64_t *count)
{
	const char *only = getenv("FORETELL_SEED");
	*count = only != NULL ? 1 : SEEDS;
	return only != NULL ? strtoull(only, NULL, 10) : FIRST_SEED;
}

static void buckets_are_as_after_a_clean_pass(void **state)
{
	(void)state;
	uint64_t count, first = first_seed(&count);
	for (uint64_t seed = first; seed < first + count; seed++) {
		size_t told;
		char *expected = repeats_of(seed, true, &told);
		char *actual = repeats_of(seed, false, &told);
		assert_true(count_of(expected, "\"prints\":") > 2 * FAST);
		assert_int_equal(count_of(expected, "\"event_id\":"), told);
		expect_same_of_seed(expected, actual, seed);
		free(expected);
		free(actual);
	}
}

/* ---- what waits ----------------------------------------------------------------------------- */

/* What is told of the names that wait: how many events of each, repeats apart. */
struct told {
	int events[WAITERS];
};

/* The customer's next event, or an older one once more. */
static void tell_waiter(struct trial *trial, struct told *told, int name, bool again, bool linked)
{
	char id[24], subject[16], tax_id[16];
	int number = again && told->events[name] > 0
			     ? (int)below(&trial->random, (uint64_t)told->events[name])
			     : told->events[name]++;
	snprintf(id, sizeof id, "w%d-%d", name, number);
	snprintf(subject, sizeof subject, "%d", name);
	snprintf(tax_id, sizeof tax_id, "DE%d", 10000 + name);
	const struct identifier link = { bytes_str("tax_id"), bytes_str(tax_id) };
	tell(trial, id, bytes_str("erp.customer"), subject, linked ? &link : NULL);
}

static void tell_account(struct trial *trial, int name)
{
	char id[24], subject[16], tax_id[16];
	snprintf(id, sizeof id, "c%d", name);
	snprintf(subject, sizeof subject, "C-%d", name);
	snprintf(tax_id, sizeof tax_id, "DE%d", 10000 + name);
	const struct identifier link = { bytes_str("tax_id"), bytes_str(tax_id) };
	tell(trial, id, bytes_of(NULL, 0), subject, &link);
}

/* Accounts tell their tax number one after the other; customers theirs now and then, or at last. */
static void tell_waiting(struct trial *trial, struct told *told)
{
	for (int left = WAITERS * EVENTS_EACH; left > 0; left--) {
		int name = (int)below(&trial->random, WAITERS);
		tell_waiter(trial, told, name, below(&trial->random, 4) == 0,
			    below(&trial->random, 30) == 0);
		if (left % EVENTS_EACH == 0)
			tell_account(trial, left / EVENTS_EACH - 1);
	}
	for (int name = 0; name < WAITERS; name++)
		tell_waiter(trial, told, name, false, true);
}

static void expect_next(struct registry *registry, const struct record *record, int came[WAITERS],
			uint64_t seed)
{
	struct named_event event;
	char id[EVENT_ID_MAX + 1], account[16];
	const char *type = NULL;
	must(registry_record_name(registry, record->value, &type));
	if (strcmp(type, "foretell.AccountEvent") != 0)
		return; /* of the clock */
	must(registry_decode(registry, &named_event_type, record->value, &event));
	snprintf(id, sizeof id, "%.*s", (int)event.event_id.len,
		 (const char *)event.event_id.data);
	if (id[0] != 'w')
		return; /* an account's own */
	char *place = NULL;
	long name = strtol(id + 1, &place, 10), number = strtol(place + 1, NULL, 10);
	assert_true(*place == '-' && name >= 0 && name < WAITERS);
	snprintf(account, sizeof account, "C-%ld", name);
	assert_true(bytes_equal(event.account, bytes_str(account)));
	if (number != came[name]++)
		fail_msg("seed %llu: %s comes where %d was expected", (unsigned long long)seed, id,
			 came[name] - 1);
}

/* Each account has its customer's events once, in the order in which they were told. */
static void expect_in_order(struct trial *trial, const struct told *told, uint64_t seed)
{
	static struct record records[READ_MAX];
	struct registry *registry = NULL;
	int came[WAITERS] = { 0 };
	must(registry_open(NULL, &registry));
	for (int32_t p = 0; p < PARTITIONS; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(trial->kafka, "test.account.events", p, from,
						records, READ_MAX);
			for (size_t i = 0; i < got; i++)
				expect_next(registry, &records[i], came, seed);
			from += got;
		} while (got > 0);
	}
	registry_close(&registry);
	for (int name = 0; name < WAITERS; name++)
		if (came[name] != told->events[name])
			fail_msg("seed %llu: %d of %d events of %d came", (unsigned long long)seed,
				 came[name], told->events[name], name);
}

static void what_waits_comes_once_and_in_order(void **state)
{
	(void)state;
	uint64_t count, first = first_seed(&count);
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct told told = { { 0 } };
		struct trial trial = begin(seed, false);
		tell_waiting(&trial, &told);
		run_along(&trial);
		run_out(&trial);
		expect_in_order(&trial, &told, seed);
		end(&trial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_are_as_after_a_clean_pass),
		cmocka_unit_test(what_waits_comes_once_and_in_order),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
