#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/decode.h"
#include "cli/diff_table.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/value_json.h"

static const char *const shown_options[] = { "kafka.bootstrap.servers", "registry.url", NULL };

static const char *const examples[] = {
	"foretell run --app again --from-beginning && foretell diff foretell again",
	NULL,
};

static const struct args_spec spec = {
	.command = "diff",
	.operands = "APP1 APP2",
	.operand_count_min = 2,
	.operand_count_max = 2,
	.about =
		"Compares what two applications say about the same input: for each key, the\n"
		"sequence of values and stable headers in alerts, scores, forecasts,\n"
		"forecast.accuracy and allocations, and the latest value in accounts and\n"
		"forecast.series. Byte by byte; offsets, broker timestamps and the header lsn are\n"
		"not compared. Both applications should have read their input to its end.",
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

static const char *const compared[] = {
	"alerts", "scores", "forecasts", "forecast.accuracy", "allocations",
	"accounts", "forecast.series", NULL
};

enum {
	DETAIL_KEYS_MAX = 10,	  /* keys of a topic that are shown */
	DETAIL_RECORDS_MAX = 500, /* records of a key that are looked at to find the difference */
};

/* One key that differs: its records of each side, up to and including the first difference. */
struct detail {
	struct diff_hash key;
	json_t *shown_key; /* NULL until a record was seen */
	struct diff_hash chain[DIFF_SIDES];
	int64_t count[DIFF_SIDES];
	struct diff_hash *chains; /* of side 0 after each record */
	int64_t differs_at;	  /* index of the first record that differs; -1: not yet */
	json_t *shown[DIFF_SIDES];
};

struct diff {
	const char *apps[DIFF_SIDES];
	struct options_client client;
	struct decoder *decoder;
	const struct topic_row *row;
	struct diff_table *table;
	size_t side;
	size_t detail_count;
	struct detail details[DETAIL_KEYS_MAX];
	int64_t differing; /* keys in all topics */
};

/* ---- first pass: hashes --------------------------------------------------------------------- */

static struct err *stop_err(void)
{
	return stop_requested() ? err_new(ERR_FATAL, "INTERRUPTED", "interrupted") : NULL;
}

static struct err *record_add(void *context, const struct record *record)
{
	struct diff *diff = context;
	struct err *err = stop_err();
	return err != NULL ? err : diff_table_add(diff->table, diff->side, record);
}

static struct err *side_read(struct diff *diff, size_t side,
			     struct err *(*each)(void *, const struct record *))
{
	char name[TOPIC_NAME_MAX + 1];
	topics_name(diff->apps[side], diff->row->logical, name);
	const struct reader_options reader = { .client = &diff->client.options,
					       .topic = name,
					       .partition = -1 };
	diff->side = side;
	return reader_run(&reader, each, diff, stop_flag());
}

struct tally {
	int64_t same, differing, only[DIFF_SIDES], records[DIFF_SIDES];
};

static struct tally table_tally(const struct diff_table *table)
{
	struct tally tally = { 0 };
	for (size_t i = 0; i < diff_table_count(table); i++) {
		const struct diff_key *key = diff_table_at(table, i);
		tally.records[0] += key->count[0];
		tally.records[1] += key->count[1];
		if (key->count[0] == 0 && key->count[1] == 0)
			continue;
		if (diff_key_equal(key))
			tally.same++;
		else if (key->count[0] == 0)
			tally.only[1]++;
		else if (key->count[1] == 0)
			tally.only[0]++;
		else
			tally.differing++;
	}
	return tally;
}

/* ---- second pass: what differs -------------------------------------------------------------- */

/* The differing keys with the smallest hashes: the same ones in each run. */
static void details_choose(struct diff *diff)
{
	for (size_t i = 0; i < diff_table_count(diff->table); i++) {
		const struct diff_key *key = diff_table_at(diff->table, i);
		if (diff_key_equal(key))
			continue;
		size_t place = diff->detail_count;
		while (place > 0 &&
		       memcmp(&diff->details[place - 1].key, &key->key, sizeof key->key) > 0)
			place--;
		if (place == DETAIL_KEYS_MAX)
			continue;
		size_t moved = diff->detail_count - place;
		if (diff->detail_count == DETAIL_KEYS_MAX)
			moved--;
		else
			diff->detail_count++;
		memmove(&diff->details[place + 1], &diff->details[place],
			moved * sizeof diff->details[0]);
		diff->details[place] = (struct detail){ .key = key->key, .differs_at = -1 };
	}
	for (size_t i = 0; i < diff->detail_count; i++)
		diff->details[i].chains =
			check_calloc(DETAIL_RECORDS_MAX, sizeof *diff->details[i].chains);
}

static struct detail *detail_find(struct diff *diff, struct bytes key)
{
	struct diff_hash hash = diff_hash_key(key);
	for (size_t i = 0; i < diff->detail_count; i++)
		if (memcmp(&diff->details[i].key, &hash, sizeof hash) == 0)
			return &diff->details[i];
	return NULL;
}

/* What a person sees of a record: value and stable headers. */
static struct err *record_show(struct diff *diff, const struct record *record, json_t **shown)
{
	json_t *whole;
	struct err *err = decode_record(diff->decoder, record, &whole);
	if (err != NULL)
		return err;
	json_t *headers = json_object_get(whole, "headers");
	for (size_t i = 0; i < record->header_count; i++)
		if (!diff_header_is_stable(&record->headers[i]))
			json_object_del(headers, record->headers[i].name);
	json_decref(*shown);
	*shown = json_pack("{s:I, s:O, s:O}", "offset", (json_int_t)record->offset, "headers",
			   headers, "value", json_object_get(whole, "value"));
	CHECK(*shown != NULL);
	json_decref(whole);
	return NULL;
}

/* Compacted: only the last record of each side counts, so the last one is shown. */
static struct err *latest_take(struct diff *diff, struct detail *detail,
			       const struct record *record)
{
	detail->differs_at = 0;
	return record_show(diff, record, &detail->shown[diff->side]);
}

/* Third reading, of side 0: its record where the difference was found. */
static struct err *record_reread(void *context, const struct record *record)
{
	struct diff *diff = context;
	struct detail *detail = detail_find(diff, record->key);
	if (detail == NULL || detail->count[0]++ != detail->differs_at)
		return stop_err();
	return record_show(diff, record, &detail->shown[0]);
}

/* Side 0: remembers the chain after each record. Side 1: finds the first that does not continue as
 * side 0 did. */
static struct err *record_compare(void *context, const struct record *record)
{
	struct diff *diff = context;
	struct detail *detail = detail_find(diff, record->key);
	if (detail == NULL)
		return stop_err();
	if (detail->shown_key == NULL)
		detail->shown_key = value_text(record->key);
	if (diff->row->compacted)
		return latest_take(diff, detail, record);
	size_t side = diff->side;
	int64_t i = detail->count[side]++;
	detail->chain[side] = diff_hash_record(&detail->chain[side], record);
	if (i >= DETAIL_RECORDS_MAX || detail->differs_at >= 0)
		return NULL;
	if (side == 0) {
		detail->chains[i] = detail->chain[0];
		return NULL;
	}
	if (i < detail->count[0] &&
	    memcmp(&detail->chains[i], &detail->chain[1], sizeof detail->chain[1]) == 0)
		return NULL;
	detail->differs_at = i;
	return record_show(diff, record, &detail->shown[1]);
}

static void detail_print(const struct diff *diff, const struct detail *detail)
{
	char *key =
		json_dumps(detail->shown_key ? detail->shown_key : json_null(), JSON_ENCODE_ANY);
	if (diff->row->compacted)
		printf("\n%s, key %s: the latest values differ\n", diff->row->logical, key);
	else if (detail->differs_at < 0)
		printf("\n%s, key %s: differs after its first %d records\n", diff->row->logical,
		       key, DETAIL_RECORDS_MAX);
	else
		printf("\n%s, key %s: record %" PRId64 " differs\n", diff->row->logical, key,
		       detail->differs_at + 1);
	free(key);
	for (size_t side = 0; side < DIFF_SIDES; side++) {
		char *shown = json_dumps(detail->shown[side] ? detail->shown[side] : json_null(),
					 JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
		printf("  %s: %s\n", diff->apps[side], detail->shown[side] ? shown : "(none)");
		free(shown);
	}
}

static void details_clear(struct diff *diff)
{
	for (size_t i = 0; i < diff->detail_count; i++) {
		struct detail *detail = &diff->details[i];
		json_decref(detail->shown_key);
		json_decref(detail->shown[0]);
		json_decref(detail->shown[1]);
		free(detail->chains);
	}
	diff->detail_count = 0;
}

static struct err *details_print(struct diff *diff)
{
	details_choose(diff);
	struct err *err = side_read(diff, 0, record_compare);
	if (err == NULL)
		err = side_read(diff, 1, record_compare);
	for (size_t i = 0; i < diff->detail_count; i++) {
		struct detail *detail = &diff->details[i];
		/* side 1 stopped short of side 0: the difference is what it lacks */
		if (detail->differs_at < 0 && detail->count[1] < DETAIL_RECORDS_MAX)
			detail->differs_at = detail->count[1];
		detail->count[0] = 0;
	}
	if (err == NULL && !diff->row->compacted)
		err = side_read(diff, 0, record_reread);
	for (size_t i = 0; err == NULL && i < diff->detail_count; i++)
		detail_print(diff, &diff->details[i]);
	details_clear(diff);
	return err;
}

/* ---- the command ---------------------------------------------------------------------------- */

static struct err *topic_diff(struct diff *diff)
{
	diff->table = diff_table_new(diff->row->compacted);
	struct err *err = side_read(diff, 0, record_add);
	if (err == NULL)
		err = side_read(diff, 1, record_add);
	if (err == NULL) {
		struct tally tally = table_tally(diff->table);
		printf("%-18s %10" PRId64 " %10" PRId64 " %10" PRId64 " %10" PRId64 " %12" PRId64
		       " %12" PRId64 "\n",
		       diff->row->logical, tally.same, tally.differing, tally.only[0],
		       tally.only[1], tally.records[0], tally.records[1]);
		int64_t differing = tally.differing + tally.only[0] + tally.only[1];
		diff->differing += differing;
		if (differing > 0)
			err = details_print(diff);
	}
	diff_table_free(&diff->table);
	return err;
}

static struct err *diff_run(const struct args *args)
{
	struct diff *diff = check_calloc(1, sizeof *diff);
	struct registry *registry = NULL;
	options_client_init(&diff->client, args_conf(args));
	struct err *err = registry_open(conf_string(args_conf(args), "registry.url"), &registry);
	if (err != NULL)
		goto done;
	diff->decoder = decoder_new(registry);
	for (size_t side = 0; side < DIFF_SIDES; side++) {
		diff->apps[side] = args_operand(args, side);
		if (strlen(diff->apps[side]) > APP_ID_MAX) {
			err = err_new(ERR_FATAL, "USAGE",
				      "an application's name has at most %d bytes", APP_ID_MAX);
			goto done;
		}
	}
	printf("%-18s %10s %10s %10s %10s %12s %12s\n", "topic", "same keys", "differing",
	       "only in 1", "only in 2", "records in 1", "records in 2");
	for (size_t i = 0; err == NULL && compared[i] != NULL; i++) {
		diff->row = topics_find(compared[i]);
		CHECK(diff->row != NULL);
		err = topic_diff(diff);
	}
	if (err == NULL && diff->differing > 0)
		err = err_new(ERR_FATAL, "DIFFERENT", "%s and %s differ in %" PRId64 " keys",
			      diff->apps[0], diff->apps[1], diff->differing);
	if (err == NULL)
		printf("%s and %s do not differ.\n", diff->apps[0], diff->apps[1]);
done:
	decoder_free(&diff->decoder);
	registry_close(&registry);
	free(diff);
	return err;
}

int cmd_diff(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = diff_run(args);
	args_close(&args);
	return exit_report("diff", &err);
}
