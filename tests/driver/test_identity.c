/* Who is who, by seeds: the simulated company's feeds go through the whole line on the bus in
 * memory, in whatever order, over one and over several partitions, through kills and lost
 * transactions; at the end each name stands under its true account, and every record is accounted
 * for, and the counts are printed. FORETELL_SEED=n runs one seed alone, FORETELL_SEEDS=n so many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/decisions.h"
#include "consumers/names.h"
#include "consumers/topics.h"
#include "schemas/identity.h"
#include "schemas/states.h"
#include "tests/lib/company_feed.h"
#include "tests/lib/line_checks.h"
#include "tests/lib/memory_line.h"

#ifdef __SANITIZE_ADDRESS__
#define SEEDS 1 /* each takes five times as long */
#else
#define SEEDS 4
#endif

enum {
	CUSTOMERS = 14,
	MONTHS = 3,
	READ_MAX = 512,
	TABLE_MAX = 32768,
	TURNS_MAX = 400,
};

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014): any state is a good seed. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* ---- what came out -------------------------------------------------------------------------- */

struct row {
	char key[KEY_LEN_MAX + 1];
	char to[KEY_LEN_MAX + 1];		   /* a name's account, an account's merged_into */
	int64_t events, duplicates, waiting, held; /* held: of what waits, in the name's state */
	int64_t buckets;			   /* of a name's repeats, in the topic */
	bool gone;				   /* its last value is null */
};

struct table {
	struct row rows[TABLE_MAX];
	size_t count;
};

struct outcome {
	struct table names, accounts, queues, marks; /* marks: of erased names */
	int64_t dead_letters, unknown_letters, suggestions;
};

static struct row *find(struct table *table, struct bytes key, bool add)
{
	for (size_t i = 0; i < table->count; i++)
		if (bytes_equal(bytes_str(table->rows[i].key), key))
			return &table->rows[i];
	if (!add)
		return NULL;
	CHECK(table->count < TABLE_MAX && key.len <= KEY_LEN_MAX);
	struct row *row = &table->rows[table->count++];
	memset(row, 0, sizeof *row);
	memcpy(row->key, key.data, key.len);
	return row;
}

static void put(char to[KEY_LEN_MAX + 1], struct bytes text)
{
	CHECK(text.len <= KEY_LEN_MAX);
	memset(to, 0, KEY_LEN_MAX + 1);
	if (text.len > 0)
		memcpy(to, text.data, text.len);
}

typedef void (*reader)(struct outcome *outcome, struct registry *registry,
		       const struct record *record);

static void read_topic(struct outcome *outcome, struct memory_kafka *kafka, const char *logical,
		       int32_t partition_count, reader each)
{
	static struct record records[READ_MAX];
	char topic[TOPIC_NAME_MAX + 1];
	struct registry *registry = NULL;
	must(registry_open(NULL, &registry));
	topics_name("test", logical, topic);
	for (int32_t p = 0; p < partition_count; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(kafka, topic, p, from, records, READ_MAX);
			for (size_t i = 0; i < got; i++)
				each(outcome, registry, &records[i]);
			from += got;
		} while (got > 0);
	}
	registry_close(&registry);
}

static bool is_event(struct registry *registry, struct bytes item)
{
	const char *type = NULL;
	must(registry_record_name(registry, item, &type));
	return strcmp(type, "foretell.AccountEvent") == 0;
}

static int64_t waiting_events(struct registry *registry, const struct record *record)
{
	struct identity_waiting_record waiting;
	int64_t count = 0;
	must(registry_decode(registry, &identity_waiting_type, record->value, &waiting));
	for (size_t i = 0; i < waiting.record_count; i++)
		count += is_event(registry, waiting.records[i].bytes);
	return waiting.record_count > 0 ? count
	       : waiting.part == 0	? is_event(registry, waiting.bytes)
					: 0;
}

/* An entry of a queue, whose key is no text. */
static struct row *find_place(struct table *table, struct bytes key)
{
	char text[KEY_LEN_MAX];
	uint64_t seq = 0;
	for (size_t i = key.len - 8; i < key.len; i++)
		seq = seq << 8 | key.data[i];
	int len = snprintf(text, sizeof text, "%.*s#%llu", (int)(key.len - 9),
			   (const char *)key.data, (unsigned long long)seq);
	CHECK(len > 0 && len < KEY_LEN_MAX);
	return find(table, bytes_of(text, (size_t)len), true);
}

static void read_mark(struct outcome *outcome, struct registry *registry,
		      const struct record *record)
{
	static const char prefix[] = "test.identity.events/erased/";
	size_t len = sizeof prefix - 1;
	struct bytes key = record->key;
	struct identity_erased mark;
	if (key.len <= len || memcmp(key.data, prefix, len) != 0)
		return;
	must(registry_decode(registry, &identity_erased_type, record->value, &mark));
	find(&outcome->marks, bytes_of(key.data + len, key.len - len), true)->events =
		mark.dropped_count;
}

/* "<log>/seen/<key>, 1, bucket" */
static void read_bucket(struct outcome *outcome, const struct record *record)
{
	static const char prefix[] = "test.identity.events/seen/";
	size_t len = sizeof prefix - 1;
	struct bytes key = record->key;
	char text[KEY_LEN_MAX + 1];
	if (key.len <= len || memcmp(key.data, prefix, len) != 0)
		return;
	struct bytes name = bytes_of(key.data + len, key.len - len - 2);
	int text_len = snprintf(text, sizeof text, "%.*s#%d", (int)name.len,
				(const char *)name.data, key.data[key.len - 1]);
	CHECK(text_len > 0 && text_len <= KEY_LEN_MAX);
	struct row *place = find(&outcome->queues, bytes_of(text, (size_t)text_len), true);
	struct row *row = find(&outcome->names, name, true);
	row->buckets -= place->buckets;
	place->buckets = record->value.data != NULL;
	row->buckets += place->buckets;
}

/* The latest value of each key counts: "<log>/name/<key>", "<log>/waiting/<key>, 0, place". */
static void read_meta(struct outcome *outcome, struct registry *registry,
		      const struct record *record)
{
	struct bytes key = record->key;
	static const char name[] = "test.identity.events/name/";
	static const char waiting[] = "test.identity.events/waiting/";
	size_t len = sizeof name - 1;
	read_mark(outcome, registry, record);
	read_bucket(outcome, record);
	if (key.len > len && memcmp(key.data, name, len) == 0) {
		struct identity_name_record state = { 0 };
		struct row *row =
			find(&outcome->names, bytes_of(key.data + len, key.len - len), true);
		row->gone = record->value.data == NULL;
		if (!row->gone)
			must(registry_decode(registry, &identity_name_type, record->value, &state));
		put(row->to, state.account);
		row->events = state.event_count;
		row->duplicates = state.duplicate_count;
		row->waiting -= row->held;
		row->held = 0;
		for (size_t i = 0; i < state.held_count; i++)
			row->held += is_event(registry, state.held[i].bytes);
		row->waiting += row->held;
	}
	len = sizeof waiting - 1;
	if (key.len <= len || memcmp(key.data, waiting, len) != 0)
		return;
	struct row *place = find_place(&outcome->queues, bytes_of(key.data + len, key.len - len));
	struct row *row = find(&outcome->names, bytes_of(key.data + len, key.len - len - 9), true);
	row->waiting -= place->waiting;
	place->waiting = record->value.data != NULL ? waiting_events(registry, record) : 0;
	row->waiting += place->waiting;
}

static void read_accounts(struct outcome *outcome, struct registry *registry,
			  const struct record *record)
{
	static struct account_record state;
	struct row *row = find(&outcome->accounts, record->key, true);
	row->gone = record->value.data == NULL;
	if (row->gone) {
		put(row->to, bytes_of(NULL, 0));
		row->events = 0;
		return;
	}
	must(registry_decode(registry, &account_record_type, record->value, &state));
	put(row->to, state.merged_into);
	row->events = state.event_count;
}

static void read_dlq(struct outcome *outcome, struct registry *registry,
		     const struct record *record)
{
	(void)registry;
	for (size_t i = 0; i < record->header_count; i++) {
		struct bytes value = record->headers[i].value;
		outcome->unknown_letters += bytes_equal(value, bytes_str("IDENTITY_UNKNOWN"));
		/* points of series that are too old are no events */
		outcome->dead_letters += bytes_equal(value, bytes_str("resolve")) ||
					 bytes_equal(value, bytes_str("identify"));
	}
}

static void read_suggestion(struct outcome *outcome, struct registry *registry,
			    const struct record *record)
{
	struct identity_suggestion suggestion;
	must(registry_decode(registry, &identity_suggestion_type, record->value, &suggestion));
	outcome->suggestions++;
}

/* ---- against the truth ---------------------------------------------------------------------- */

/* Over all seeds of a test. */
struct sums {
	int64_t seeds, names, mislinked;
	int64_t events, in_accounts, waiting, repeats, malformed;
};

static void sums_print(const struct sums *sums)
{
	if (sums->seeds == 0)
		return;
	printf("# %lld seeds: %lld names where they belong, %lld of them where they were planted "
	       "wrong; %lld events = %lld in accounts and of places + %lld waiting; %lld repeats "
	       "dropped, %lld malformed in dlq\n",
	       (long long)sums->seeds, (long long)sums->names, (long long)sums->mislinked,
	       (long long)sums->events, (long long)sums->in_accounts, (long long)sums->waiting,
	       (long long)sums->repeats, (long long)sums->malformed);
}

/* Where a name's events end up; NULL: it has no account. */
static const char *final_account(struct outcome *outcome, const struct row *name)
{
	const char *account = name->to;
	if (*account == '\0')
		return NULL;
	for (int hops = 0; hops < 16; hops++) {
		const struct row *row = find(&outcome->accounts, bytes_str(account), false);
		if (row == NULL || row->to[0] == '\0')
			return account;
		account = row->to;
	}
	fail_msg("%s is sent on in a circle", name->key);
	return NULL;
}

static bool is_made_up(const char *account)
{
	return account == NULL || strncmp(account, "C-", 2) != 0;
}

/* Counts the names whose account is not their customer's; what is planted wrong has to go where it
 * was planted. */
static void expect_true_accounts(struct outcome *outcome, const struct company_feed *feed,
				 uint64_t seed, struct sums *sums)
{
	size_t count = 0;
	int64_t wrong = 0, seen = 0;
	const struct true_name *names = company_feed_names(feed, &count);
	for (size_t i = 0; i < count; i++) {
		struct name_key key;
		must(name_key_make(bytes_str(names[i].scheme), bytes_str(names[i].value), &key));
		const struct row *row = find(&outcome->names, name_bytes(&key), false);
		if (row == NULL || row->gone)
			continue; /* no event has told of it */
		seen++;
		const char *is = final_account(outcome, row);
		if (strcmp(names[i].link, "unlinked") == 0) {
			if (!is_made_up(is))
				fail_msg("seed %llu: %s is linked by nobody, and is in %s",
					 (unsigned long long)seed, row->key, is);
			continue;
		}
		bool mislinked = strcmp(names[i].link, "mislinked") == 0;
		const char *must_be = mislinked ? names[i].linked_to : names[i].account;
		if (is == NULL || strcmp(is, must_be) != 0)
			fail_msg("seed %llu: %s is in %s, not in %s", (unsigned long long)seed,
				 row->key, is != NULL ? is : "no account", must_be);
		wrong += mislinked;
	}
	assert_true(seen * 10 > (int64_t)count * 8);
	sums->names += seen;
	sums->mislinked += wrong;
}

/* Each account has exactly the events of its names. */
static void expect_events_of_names(struct outcome *outcome, uint64_t seed)
{
	for (size_t i = 0; i < outcome->accounts.count; i++) {
		const struct row *account = &outcome->accounts.rows[i];
		int64_t events = 0;
		if (account->to[0] != '\0') {
			assert_int_equal(account->events, 0);
			continue;
		}
		for (size_t k = 0; k < outcome->names.count; k++) {
			const struct row *name = &outcome->names.rows[k];
			const char *is = final_account(outcome, name);
			if (is != NULL && strcmp(is, account->key) == 0)
				events += name->events - name->waiting;
		}
		if (events != account->events)
			fail_msg("seed %llu: %s counts %lld events, its names %lld",
				 (unsigned long long)seed, account->key, (long long)account->events,
				 (long long)events);
	}
}

/* What happens in a region or at a site is in no account. */
static int64_t events_of_places(const struct outcome *outcome)
{
	int64_t events = 0;
	for (size_t i = 0; i < outcome->names.count; i++)
		if (name_is_place(bytes_str(outcome->names.rows[i].key)))
			events += outcome->names.rows[i].events;
	return events;
}

static void expect_conservation(struct outcome *outcome, const struct company_feed *feed,
				uint64_t seed, struct sums *sums)
{
	const struct simulate_result *result = company_feed_result(feed);
	int64_t events = 0, repeats = 0, malformed = 0, counted = 0, dropped = 0, waiting = 0;
	for (int i = 0; i < FEED_COUNT; i++) {
		events += result->counts[i].events;
		repeats += result->counts[i].duplicates;
		malformed += result->counts[i].malformed;
	}
	for (size_t i = 0; i < outcome->accounts.count; i++)
		counted += outcome->accounts.rows[i].events;
	counted += events_of_places(outcome);
	for (size_t i = 0; i < outcome->names.count; i++) {
		dropped += outcome->names.rows[i].duplicates;
		waiting += outcome->names.rows[i].waiting;
	}
	int64_t letters = outcome->dead_letters;
	if (dropped != repeats || letters - outcome->unknown_letters != malformed ||
	    counted + waiting + outcome->unknown_letters != events)
		fail_msg("seed %llu: %lld events = %lld in accounts + %lld waiting + %lld unknown; "
			 "%lld repeats, %lld dropped; %lld malformed, %lld dead letters",
			 (unsigned long long)seed, (long long)events, (long long)counted,
			 (long long)waiting, (long long)outcome->unknown_letters,
			 (long long)repeats, (long long)dropped, (long long)malformed,
			 (long long)letters);
	sums->events += events;
	sums->in_accounts += counted;
	sums->waiting += waiting;
	sums->repeats += dropped;
	sums->malformed += malformed;
}

/* ---- a run ---------------------------------------------------------------------------------- */

struct trial {
	uint64_t seed;
	double mislinked, unlinked;
	bool by_topic; /* one feed after the other, the CRM's last */
	bool calm;     /* no crashes */
	bool unknown_to_dlq;
	char erased[32]; /* "": nobody is to be; else the account that was */
	bool erase;
};

/* ---- erasing -------------------------------------------------------------------------------- */

static struct outcome *read_outcome(struct memory_kafka *kafka, int32_t partition_count)
{
	struct outcome *outcome = check_calloc(1, sizeof *outcome);
	read_topic(outcome, kafka, "identity.meta", partition_count, read_meta);
	read_topic(outcome, kafka, "accounts", partition_count, read_accounts);
	read_topic(outcome, kafka, "dlq", partition_count, read_dlq);
	read_topic(outcome, kafka, "identity.suggestions", partition_count, read_suggestion);
	return outcome;
}

static void say_erased(struct memory_kafka *kafka, struct registry *registry, const char *name)
{
	static const char log[] = "test.identity.events";
	const struct identity_note note = { .kind = NOTE_ERASE,
					    .name = bytes_str(name),
					    .at_ms = INT64_C(1795000000000) };
	uint8_t value[1024];
	size_t len = 0;
	must(registry_encode(registry, log, &identity_note_type, &note, value, sizeof value, &len));
	const struct outgoing out = {
		.topic = log, .partition = -1, .key = note.name, .value = bytes_of(value, len)
	};
	memory_kafka_append(kafka, &out);
}

/* As the command does it: all names that are known of an account by now. */
static void erase_one(struct memory_kafka *kafka, const struct company_feed *feed,
		      struct trial *trial, int32_t partition_count)
{
	size_t count = 0;
	struct registry *registry = NULL;
	char mark[HASH_SHA256_HEX_LEN + 1];
	const struct true_name *names = company_feed_names(feed, &count);
	struct outcome *outcome = read_outcome(kafka, partition_count);
	snprintf(trial->erased, sizeof trial->erased, "%s", names[trial->seed * 7 % count].account);
	must(registry_open(NULL, &registry));
	for (size_t i = 0; i < outcome->names.count; i++) {
		const struct row *row = &outcome->names.rows[i];
		const char *account = row->gone ? NULL : final_account(outcome, row);
		if (account == NULL)
			continue;
		decisions_name_key(bytes_str(row->to), mark);
		if (strcmp(account, trial->erased) != 0 &&
		    find(&outcome->marks, bytes_str(mark), false) == NULL)
			continue;
		decisions_name_key(bytes_str(row->key), mark);
		if (find(&outcome->marks, bytes_str(mark), false) != NULL)
			fail_msg("seed %llu: %s was erased, and is there again",
				 (unsigned long long)trial->seed, row->key);
		say_erased(kafka, registry, row->key);
	}
	say_erased(kafka, registry, trial->erased);
	registry_close(&registry);
	free(outcome);
}

static void disturb(struct memory_line *line, struct memory_kafka *kafka, uint64_t *random)
{
	size_t stage = next_random(random) % STAGE_COUNT;
	switch (next_random(random) % 60) {
	case 0:
	case 1: memory_line_kill(line, stage); break;
	case 2: memory_line_stop(line, stage); break;
	case 3: memory_line_lose_store(line); break;
	case 4:
	case 5: memory_kafka_fault(kafka, (enum memory_fault)(1 + next_random(random) % 3)); break;
	case 6: memory_line_wait(line, (int64_t)(next_random(random) % 500)); break;
	default: break;
	}
}

static enum feed next_feed(const struct company_feed *feed, const struct trial *trial,
			   uint64_t *random)
{
	if (!trial->by_topic)
		return (enum feed)(next_random(random) % FEED_COUNT);
	for (int i = FEED_COUNT - 1; i > FEED_CRM; i--)
		if (company_feed_left(feed, (enum feed)i) > 0)
			return (enum feed)i;
	return FEED_CRM;
}

static bool is_all_sent(const struct company_feed *feed)
{
	for (int i = 0; i < FEED_COUNT; i++)
		if (company_feed_left(feed, (enum feed)i) > 0)
			return false;
	return true;
}

static size_t records_left(const struct company_feed *feed)
{
	size_t left = 0;
	for (int i = 0; i < FEED_COUNT; i++)
		left += company_feed_left(feed, (enum feed)i);
	return left;
}

/* Feeds come piece by piece, while the stages take turns and fall over. */
static void play(struct memory_line *line, struct memory_kafka *kafka, struct company_feed *feed,
		 struct trial *trial, int32_t partition_count, uint64_t *random)
{
	size_t all = records_left(feed);
	for (int turn = 0; turn < TURNS_MAX || !is_all_sent(feed); turn++) {
		if (!is_all_sent(feed))
			company_feed_send(feed, kafka, next_feed(feed, trial, random),
					  1 + next_random(random) % 400, partition_count);
		must(memory_line_step(line, next_random(random) % STAGE_COUNT));
		if (trial->erase && trial->erased[0] == '\0' && records_left(feed) * 2 < all)
			erase_one(kafka, feed, trial, partition_count);
		if (!trial->calm)
			disturb(line, kafka, random);
	}
	memory_kafka_fault(kafka, MEMORY_FAULT_NONE);
	must(memory_line_finish(line));
	if (!trial->erase)
		return;
	/* as the command looks again: a name may have been answered just before */
	erase_one(kafka, feed, trial, partition_count);
	must(memory_line_finish(line));
}

static void expect_replay_without(struct memory_kafka *kafka, const struct company_feed *feed,
				  const struct trial *trial, int32_t partition_count);

static struct outcome *run_trial(struct trial *trial, struct company_feed **feed)
{
	static const int64_t checkpoints[] = { 0, 20, 200, 1000000 };
	uint64_t random = trial->seed;
	struct simulate_options company = simulate_defaults();
	company.seed = trial->seed;
	company.account_count = CUSTOMERS;
	company.month_count = MONTHS;
	company.unlinked = trial->unlinked;
	company.mislinked = trial->mislinked;
	company.malformed = 0.002;
	*feed = company_feed_new(&company);
	int32_t partition_count = (int32_t[]){ 1, 3, 4 }[next_random(&random) % 3];
	const struct memory_line_options options = {
		.app_id = "test",
		.partition_count = partition_count,
		.commit_interval_ms = (int64_t)(next_random(&random) % 50),
		.checkpoint_interval_ms = checkpoints[next_random(&random) % 4],
		.cache_entries = next_random(&random) % 2 ? 100 : 2000,
		.unknown_to_dlq = trial->unknown_to_dlq,
		.all_inputs = true,
	};
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	memory_kafka_set_poll_max(kafka, 1 + next_random(&random) % 400);
	play(line, kafka, *feed, trial, partition_count, &random);
	struct outcome *outcome = read_outcome(kafka, partition_count);
	memory_line_free(&line);
	if (trial->erase)
		expect_replay_without(kafka, *feed, trial, partition_count);
	memory_kafka_free(&kafka);
	return outcome;
}

static void expect_trial(struct trial *trial, struct sums *sums)
{
	struct company_feed *feed = NULL;
	struct outcome *outcome = run_trial(trial, &feed);
	expect_conservation(outcome, feed, trial->seed, sums);
	expect_true_accounts(outcome, feed, trial->seed, sums);
	expect_events_of_names(outcome, trial->seed);
	sums->seeds++;
	company_feed_free(&feed);
	free(outcome);
}

static uint64_t first_seed(uint64_t *count)
{
	const char *only = getenv("FORETELL_SEED"), *many = getenv("FORETELL_SEEDS");
	*count = only != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : SEEDS;
	return only != NULL ? strtoull(only, NULL, 10) : 1;
}

static void every_name_finds_its_customer(void **state)
{
	(void)state;
	uint64_t count, first = first_seed(&count);
	struct sums sums = { 0 };
	for (uint64_t seed = first; seed < first + count; seed++) {
		struct trial trial = { .seed = seed,
				       .unlinked = seed % 2 ? 0.05 : 0,
				       .by_topic = seed % 3 == 0 };
		expect_trial(&trial, &sums);
	}
	assert_int_equal(sums.mislinked, 0);
	sums_print(&sums);
}

static void planted_mislinks_are_all_that_is_wrong(void **state)
{
	(void)state;
	uint64_t count, first = first_seed(&count);
	struct sums sums = { 0 };
	for (uint64_t seed = first + 100; seed < first + 100 + count / 2; seed++) {
		struct trial trial = {
			.seed = seed, .mislinked = 0.3, .unlinked = 0.02, .by_topic = seed % 2 == 0
		};
		expect_trial(&trial, &sums);
	}
	assert_true(count < 2 || sums.mislinked > 0);
	sums_print(&sums);
}

/* With identity.unknown=dlq nothing is made up: what nobody links ends as dead letters. */
static void unknown_names_become_dead_letters(void **state)
{
	(void)state;
	struct company_feed *feed = NULL;
	struct trial trial = { .seed = 7, .unlinked = 0.3, .unknown_to_dlq = true };
	struct outcome *outcome = run_trial(&trial, &feed);
	const struct simulate_result *result = company_feed_result(feed);
	int64_t repeats = 0, dropped = 0, events = 0, counted = 0, waiting = 0;
	for (int i = 0; i < FEED_COUNT; i++) {
		events += result->counts[i].events;
		repeats += result->counts[i].duplicates;
	}
	for (size_t i = 0; i < outcome->accounts.count; i++) {
		const char *key = outcome->accounts.rows[i].key;
		counted += outcome->accounts.rows[i].events;
		assert_true(!is_made_up(key));
	}
	counted += events_of_places(outcome);
	for (size_t i = 0; i < outcome->names.count; i++) {
		dropped += outcome->names.rows[i].duplicates;
		waiting += outcome->names.rows[i].waiting;
	}
	assert_int_equal(dropped, repeats);
	assert_true(outcome->unknown_letters > 100);
	assert_int_equal(counted + waiting + outcome->unknown_letters, events);
	company_feed_free(&feed);
	free(outcome);
}

/* ---- after an erasure ----------------------------------------------------------------------- */

static bool is_erased_name(const struct company_feed *feed, const struct trial *trial,
			   struct bytes text)
{
	size_t count = 0;
	const struct true_name *names = company_feed_names(feed, &count);
	for (size_t i = 0; i < count; i++) {
		struct name_key key;
		must(name_key_make(bytes_str(names[i].scheme), bytes_str(names[i].value), &key));
		if (strcmp(names[i].account, trial->erased) == 0 &&
		    strcmp(names[i].link, "unlinked") != 0 && bytes_equal(name_bytes(&key), text))
			return true;
	}
	return bytes_equal(text, bytes_str(trial->erased));
}

/* No record of a topic has a key that is, or ends with, one of the names. */
static void expect_unnamed(struct memory_kafka *kafka, const char *topic,
			   const struct company_feed *feed, const struct trial *trial,
			   int32_t partition_count)
{
	static struct record records[READ_MAX];
	for (int32_t p = 0; p < partition_count; p++) {
		size_t from = 0, got;
		do {
			got = memory_kafka_read(kafka, topic, p, from, records, READ_MAX);
			for (size_t i = 0; i < got; i++) {
				struct bytes key = records[i].key;
				for (size_t at = 0; at < key.len; at++) {
					if (at > 0 && key.data[at - 1] != '/')
						continue;
					struct bytes end = bytes_of(key.data + at, key.len - at);
					if (is_erased_name(feed, trial, end))
						fail_msg("seed %llu: %s has %.*s",
							 (unsigned long long)trial->seed, topic,
							 (int)key.len, (const char *)key.data);
				}
			}
			from += got;
		} while (got > 0);
	}
}

/* Another application on the same inputs, which knows what was decided. */
static void expect_replay_without(struct memory_kafka *kafka, const struct company_feed *feed,
				  const struct trial *trial, int32_t partition_count)
{
	size_t count = 0;
	const struct true_name *names = company_feed_names(feed, &count);
	struct decisions *decisions = decisions_new();
	for (size_t i = 0; i < count; i++) {
		struct name_key key;
		char hash[HASH_SHA256_HEX_LEN + 1];
		must(name_key_make(bytes_str(names[i].scheme), bytes_str(names[i].value), &key));
		decisions_name_key(name_bytes(&key), hash);
		if (is_erased_name(feed, trial, name_bytes(&key)))
			must(decisions_take(decisions, bytes_str(hash), true));
	}
	const struct memory_line_options options = { .app_id = "again",
						     .partition_count = partition_count,
						     .commit_interval_ms = 20,
						     .cache_entries = 2000,
						     .all_inputs = true,
						     .decisions = decisions };
	struct memory_line *line = memory_line_new(kafka, &options);
	must(memory_line_finish(line));
	memory_line_free(&line);
	decisions_free(&decisions);
	expect_unnamed(kafka, "again.identity.events", feed, trial, partition_count);
	expect_unnamed(kafka, "again.identity.meta", feed, trial, partition_count);
	expect_unnamed(kafka, "again.accounts", feed, trial, partition_count);
	assert_true(memory_kafka_end(kafka, "again.accounts", 0) > 0);
}

/* Every name of the account is gone, also those that came up later, and every record is accounted
 * for: what a name had is in its mark. */
static void expect_erased(uint64_t seed)
{
	struct sums sums = { 0 };
	struct trial trial = { .seed = seed, .erase = true };
	struct company_feed *feed = NULL;
	struct outcome *outcome = run_trial(&trial, &feed);
	const struct simulate_result *result = company_feed_result(feed);
	int64_t sent = 0, known = 0, erased = 0;
	for (int i = 0; i < FEED_COUNT; i++)
		sent += result->counts[i].events + result->counts[i].duplicates;
	for (size_t i = 0; i < outcome->names.count; i++) {
		const struct row *name = &outcome->names.rows[i];
		known += name->events + name->duplicates;
		if ((!name->gone || name->buckets > 0 || name->waiting > 0) &&
		    is_erased_name(feed, &trial, bytes_str(name->key)))
			fail_msg("seed %llu: %s of %s is still there", (unsigned long long)seed,
				 name->key, trial.erased);
	}
	for (size_t i = 0; i < outcome->accounts.count; i++) {
		const struct row *account = &outcome->accounts.rows[i];
		if (!account->gone && is_erased_name(feed, &trial, bytes_str(account->key)))
			fail_msg("seed %llu: account %s is still there", (unsigned long long)seed,
				 account->key);
	}
	for (size_t i = 0; i < outcome->marks.count; i++)
		erased += outcome->marks.rows[i].events;
	assert_int_equal(known + erased, sent);
	assert_true(erased > 20);
	expect_true_accounts(outcome, feed, seed, &sums);
	company_feed_free(&feed);
	free(outcome);
}

static void an_erased_account_leaves_nothing(void **state)
{
	(void)state;
	uint64_t count, first = first_seed(&count);
	for (uint64_t seed = first + 200; seed < first + 200 + count; seed++)
		expect_erased(seed);
}

/* A device was told an account that went into the erased one meanwhile. */
static void a_name_that_is_a_step_behind_is_erased(void **state)
{
	(void)state;
	expect_erased(218);
}

/* ---- decided while it runs ------------------------------------------------------------------ */

static void tell_other(struct memory_line *line, const char *id, const char *customer,
		       const char *scheme, const char *value)
{
	struct source_event event = { .event_id = bytes_str(id),
				      .source = bytes_str("erp"),
				      .type = bytes_str("erp.order"),
				      .subject = bytes_str(customer),
				      .subject_scheme = bytes_str("erp.customer"),
				      .event_ms = INT64_C(1790000000000),
				      .identifier_count = 1,
				      .identifiers = {
					      { bytes_str(scheme), bytes_str(value) } } };
	memory_line_tell(line, &event);
	must(memory_line_run(line, STAGE_RESOLVE));
}

static void tell(struct memory_line *line, const char *id, const char *customer, const char *tax_id)
{
	tell_other(line, id, customer, "tax_id", tax_id);
}

static void decide(struct decisions *decisions, const char *key, bool is_there)
{
	must(decisions_take(decisions, bytes_str(key), is_there));
}

/* What resolve has said: events, and links. */
static void expect_said(struct memory_kafka *kafka, size_t events, size_t links)
{
	static struct record records[READ_MAX];
	struct registry *registry = NULL;
	must(registry_open(NULL, &registry));
	size_t count = memory_kafka_read(kafka, "test.identity.events", 0, 0, records, READ_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *type = NULL;
		must(registry_record_name(registry, records[i].value, &type));
		events -= strcmp(type, "foretell.AccountEvent") == 0;
		links -= strcmp(type, "foretell.IdentityNote") == 0;
	}
	registry_close(&registry);
	assert_int_equal(events, 0);
	assert_int_equal(links, 0);
}

/* Resolve goes by what is decided when it reads an event, not when it was started. */
static void decisions_count_at_once(void **state)
{
	(void)state;
	struct decisions *decisions = decisions_new();
	char erased[HASH_SHA256_HEX_LEN + 1], cut[HASH_SHA256_HEX_LEN + 1];
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .cache_entries = 200,
						     .decisions = decisions };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	decisions_name_key(bytes_str("erp.customer:7"), erased);
	decisions_link_key(bytes_str("erp.customer:8"), bytes_str("tax_id:DE8888"), cut);
	tell(line, "1", "7", "DE7777");
	tell(line, "2", "8", "DE8888");
	expect_said(kafka, 2, 2);
	decide(decisions, erased, true);
	tell(line, "3", "7", "DE7777");
	expect_said(kafka, 2, 2);
	decide(decisions, cut, true);
	tell(line, "4", "8", "DE8888");
	expect_said(kafka, 3, 2);
	decide(decisions, cut, false);
	tell(line, "5", "8", "DE8888");
	expect_said(kafka, 4, 3);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
	decisions_free(&decisions);
}

/* A mail address that two customers have is shown to people, and joins nobody. */
static void a_shared_mail_merges_nobody(void **state)
{
	(void)state;
	const struct memory_line_options options = { .app_id = "test",
						     .partition_count = 1,
						     .commit_interval_ms = 5,
						     .cache_entries = 200 };
	struct memory_kafka *kafka = memory_kafka_new();
	struct memory_line *line = memory_line_new(kafka, &options);
	tell_other(line, "1", "7", "crm.account", "C-7");
	tell_other(line, "2", "8", "crm.account", "C-8");
	tell_other(line, "3", "7", "email", "post@both.example");
	tell_other(line, "4", "8", "email", "post@both.example");
	must(memory_line_finish(line));
	struct outcome *outcome = read_outcome(kafka, 1);
	assert_string_equal(find(&outcome->names, bytes_str("erp.customer:7"), false)->to, "C-7");
	assert_string_equal(find(&outcome->names, bytes_str("erp.customer:8"), false)->to, "C-8");
	for (size_t i = 0; i < outcome->names.count; i++)
		if (strcmp(outcome->names.rows[i].key, "C-8") == 0)
			assert_string_equal(outcome->names.rows[i].to, "C-8");
	assert_int_equal(outcome->suggestions, 1);
	free(outcome);
	memory_line_free(&line);
	memory_kafka_free(&kafka);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_finds_its_customer),
		cmocka_unit_test(planted_mislinks_are_all_that_is_wrong),
		cmocka_unit_test(unknown_names_become_dead_letters),
		cmocka_unit_test(an_erased_account_leaves_nothing),
		cmocka_unit_test(a_name_that_is_a_step_behind_is_erased),
		cmocka_unit_test(decisions_count_at_once),
		cmocka_unit_test(a_shared_mail_merges_nobody),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
