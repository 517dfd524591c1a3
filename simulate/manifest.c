#include "simulate/manifest.h"

#include <jansson.h>

#include "base/check.h"
#include "base/timestamp.h"

static void put(json_t *object, const char *name, json_t *value)
{
	CHECK(json_object_set_new(object, name, value) == 0);
}

static void put_time(json_t *object, const char *name, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];
	time_format(ms, text);
	put(object, name, json_string(text));
}

static void put_counts(json_t *object, const struct post_counts *counts)
{
	put(object, "records",
	    json_integer(counts->events + counts->duplicates + counts->malformed));
	put(object, "events", json_integer(counts->events));
	put(object, "duplicates", json_integer(counts->duplicates));
	put(object, "malformed", json_integer(counts->malformed));
	put(object, "unlinked", json_integer(counts->unlinked));
	put(object, "mislinked", json_integer(counts->mislinked));
	put(object, "late", json_integer(counts->late));
	put(object, "out_of_order", json_integer(counts->disordered));
	put(object, "held_by_outages", json_integer(counts->held));
}

static void counts_add(struct post_counts *sum, const struct post_counts *counts)
{
	sum->events += counts->events;
	sum->duplicates += counts->duplicates;
	sum->malformed += counts->malformed;
	sum->unlinked += counts->unlinked;
	sum->mislinked += counts->mislinked;
	sum->late += counts->late;
	sum->disordered += counts->disordered;
	sum->held += counts->held;
}

static json_t *options_json(const struct simulate_options *options)
{
	json_t *object = json_object();
	put(object, "seed", json_integer((json_int_t)options->seed));
	put(object, "accounts", json_integer(options->account_count));
	put(object, "months", json_integer(options->month_count));
	put_time(object, "start", options->start_ms);
	put(object, "unlinked", json_real(options->unlinked));
	put(object, "mislinked", json_real(options->mislinked));
	put(object, "duplicates", json_real(options->duplicates));
	put(object, "late", json_real(options->late));
	put(object, "malformed", json_real(options->malformed));
	put(object, "outages", json_boolean(options->has_outages));
	put(object, "clock_skew", json_boolean(options->has_skew));
	return object;
}

static json_t *topics_json(const struct simulate_result *result, struct post_counts *sum)
{
	json_t *topics = json_object();
	for (int i = 0; i < FEED_COUNT; i++) {
		json_t *topic = json_object();
		put_counts(topic, &result->counts[i]);
		counts_add(sum, &result->counts[i]);
		put(topics, feed_facts[i].topic, topic);
	}
	return topics;
}

static json_t *customers_json(const struct simulate_result *result)
{
	json_t *customers = json_object(), *causes = json_object(), *names = json_object();
	put(customers, "known", json_integer(result->customers));
	put(customers, "left", json_integer(result->left));
	put(customers, "left_without_a_sign", json_integer(result->left_unshown));
	for (int i = 0; i < CAUSE_COUNT; i++)
		put(causes, cause_name((enum cause)i), json_integer(result->left_of[i]));
	put(customers, "left_because_of", causes);
	put(names, "linked", json_integer(result->identities_linked));
	put(names, "unlinked", json_integer(result->identities_unlinked));
	put(names, "mislinked", json_integer(result->identities_mislinked));
	put(customers, "identities", names);
	return customers;
}

struct err *manifest_write(const struct simulate_options *options,
			   const struct simulate_result *result, const char *path)
{
	json_t *manifest = json_object(), *total = json_object(), *truth = json_object();
	struct post_counts sum = { 0 };
	put(manifest, "what", json_string("a simulation; nothing here was measured"));
	put(manifest, "options", options_json(options));
	put_time(manifest, "end", result->end_ms);
	put(manifest, "complete", json_boolean(!result->stopped));
	put(manifest, "topics", topics_json(result, &sum));
	put_counts(total, &sum);
	put(manifest, "total", total);
	put(manifest, "customers", customers_json(result));
	for (int i = 0; i < TRUTH_TABLE_COUNT; i++)
		put(truth, truth_table_name((enum truth_table)i),
		    json_integer(truth_rows(options->truth, (enum truth_table)i)));
	put(manifest, "truth_rows", truth);
	int failed = json_dump_file(manifest, path, JSON_INDENT(2));
	json_decref(manifest);
	return failed == 0 ? NULL : err_new(ERR_FATAL, "SIMULATION_FILE", "can't write %s", path);
}
