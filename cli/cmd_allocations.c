#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"
#include "schemas/supply.h"

static const struct args_flag flags[] = {
	{ "at", "TIME", NULL, "the plan of that close instead of the last one" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url", NULL };

static const char *const examples[] = { "foretell allocations EV-COMPACT",
					"foretell allocations --at 2026-03-02", NULL };

static const struct args_spec spec = {
	.command = "allocations",
	.operands = "[PRODUCT...]",
	.operand_count_min = 0,
	.operand_count_max = ARGS_OPERAND_MAX,
	.about = "Shows for each product (or those named) the last plan: what to move where, what\n"
		 "to order, and why.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum {
	PLANS_MAX = 4096,
	NAMES_MAX = 16, /* products named where one is not known */
	NAMES_LEN_MAX = 400,
};

/* A record's bytes, kept: the last plan of a product. */
struct kept {
	char *product; /* new */
	uint8_t *value;
	size_t len;
};

struct plans {
	const struct args *args;
	struct registry *registry;
	int64_t at_ms;		      /* TIME_NONE: the last ones */
	struct allocation allocation; /* scratch */
	struct kept kept[PLANS_MAX];
	size_t count;
	char names[NAMES_MAX][KEY_LEN_MAX + 1]; /* products that have plans, asked for or not */
	size_t name_count;
	int64_t newest_ms; /* close of all plans */
};

static void note(struct plans *plans)
{
	struct bytes product = plans->allocation.product;
	if (plans->allocation.at_ms > plans->newest_ms)
		plans->newest_ms = plans->allocation.at_ms;
	for (size_t i = 0; i < plans->name_count; i++)
		if (bytes_equal(product, bytes_str(plans->names[i])))
			return;
	if (plans->name_count < NAMES_MAX && product.len <= KEY_LEN_MAX)
		memcpy(plans->names[plans->name_count++], product.data, product.len);
}

static bool is_wanted(const struct plans *plans)
{
	size_t count = args_operand_count(plans->args);
	bool wanted = count == 0;
	for (size_t i = 0; i < count; i++)
		wanted = wanted || bytes_equal(plans->allocation.product,
					       bytes_str(args_operand(plans->args, i)));
	return wanted && (plans->at_ms == TIME_NONE || plans->allocation.at_ms == plans->at_ms);
}

static struct kept *place_of(struct plans *plans)
{
	struct bytes product = plans->allocation.product;
	for (size_t i = 0; i < plans->count; i++)
		if (bytes_equal(product, bytes_str(plans->kept[i].product)))
			return &plans->kept[i];
	if (plans->count == PLANS_MAX)
		return NULL;
	struct kept *kept = &plans->kept[plans->count++];
	kept->product = check_calloc(1, product.len + 1);
	memcpy(kept->product, product.data, product.len);
	return kept;
}

static struct err *take(void *context, const struct record *record)
{
	struct plans *plans = context;
	struct err *err = registry_decode(plans->registry, &allocation_type, record->value,
					  &plans->allocation);
	if (err != NULL)
		return err;
	note(plans);
	if (!is_wanted(plans))
		return NULL;
	struct kept *kept = place_of(plans);
	if (kept == NULL)
		return err_new(ERR_FATAL, "USAGE", "more than %d products: name some", PLANS_MAX);
	kept->value = check_realloc(kept->value, record->value.len);
	memcpy(kept->value, record->value.data, record->value.len);
	kept->len = record->value.len;
	return NULL;
}

static void print_actions(const struct allocation *plan)
{
	char arrives[TIME_TEXT_LEN + 1];
	for (size_t i = 0; i < plan->action_count; i++) {
		const struct allocation_action *action = &plan->actions[i];
		time_format(action->arrives_ms, arrives);
		if (action->kind == ALLOCATION_ORDER)
			printf("  order %.0f for %.*s", action->quantity, (int)action->to_site.len,
			       (const char *)action->to_site.data);
		else
			printf("  move %.0f from %.*s to %.*s", action->quantity,
			       (int)action->from_site.len, (const char *)action->from_site.data,
			       (int)action->to_site.len, (const char *)action->to_site.data);
		printf(", there by %.10s, costs %.2f\n      %.*s\n", arrives,
		       (double)action->cost_minor / 100, (int)action->text.len,
		       (const char *)action->text.data);
	}
	if (plan->action_count == 0)
		printf("  nothing should be moved or ordered\n");
}

static void print_plan(const struct allocation *plan)
{
	char at[TIME_TEXT_LEN + 1];
	time_format(plan->at_ms, at);
	printf("%.*s, decided %.10s for %d periods, service level %.0f %%\n",
	       (int)plan->product.len, (const char *)plan->product.data, at, plan->periods,
	       100 * plan->service_level);
	if (plan->status == ALLOCATION_UNSOLVED)
		printf("  the solver (%.*s) found no plan\n", (int)plan->solver.len,
		       (const char *)plan->solver.data);
	else
		print_actions(plan);
	printf("  expected lost sales %.1f, without this %.1f; cost %.2f, without %.2f, no plan "
	       "below %.2f %.*s\n",
	       plan->expected_lost, plan->expected_lost_without, (double)plan->cost_minor / 100,
	       (double)plan->cost_without_minor / 100, (double)plan->bound_minor / 100,
	       (int)plan->currency.len, (const char *)plan->currency.data);
}

static int by_product(const void *a, const void *b)
{
	return strcmp(((const struct kept *)a)->product, ((const struct kept *)b)->product);
}

/* NULL: each product that was named has a plan. */
static const char *missing_operand(const struct plans *plans)
{
	for (size_t i = 0; i < args_operand_count(plans->args); i++) {
		const char *product = args_operand(plans->args, i);
		size_t k = 0;
		while (k < plans->count && strcmp(plans->kept[k].product, product) != 0)
			k++;
		if (k == plans->count)
			return product;
	}
	return NULL;
}

/* There are plans, but not all that were asked for. */
static struct err *complete_check(const struct plans *plans)
{
	const char *missing = missing_operand(plans), *at = args_value(plans->args, "at", NULL);
	char newest[TIME_TEXT_LEN + 1], names[NAMES_LEN_MAX + 1] = "";
	size_t len = 0;
	if (missing == NULL && plans->count > 0)
		return NULL;
	time_format(plans->newest_ms, newest);
	for (size_t i = 0; i < plans->name_count && len < NAMES_LEN_MAX; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "",
					plans->names[i]);
	return err_new(ERR_FATAL, "PLAN_UNKNOWN",
		       "there is no plan%s%.80s%s%s; there are plans of %s%s, the newest of %.10s",
		       missing != NULL ? " of " : "", missing != NULL ? missing : "",
		       at != NULL ? " at " : "", at != NULL ? at : "", names,
		       len > NAMES_LEN_MAX || plans->name_count == NAMES_MAX ? "..." : "", newest);
}

static struct err *print_plans(struct plans *plans)
{
	struct err *err = NULL;
	if (plans->count > 1)
		qsort(plans->kept, plans->count, sizeof plans->kept[0], by_product);
	for (size_t i = 0; err == NULL && i < plans->count; i++) {
		err = registry_decode(plans->registry, &allocation_type,
				      bytes_of(plans->kept[i].value, plans->kept[i].len),
				      &plans->allocation);
		if (err == NULL)
			print_plan(&plans->allocation);
	}
	if (err == NULL && plans->name_count > 0)
		return complete_check(plans);
	if (err == NULL)
		printf("there is no plan: allocation.file makes them (docs/allocations.md)\n");
	return err;
}

static struct err *allocations(struct plans *plans)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct options_client client;
	const struct conf *conf = args_conf(plans->args);
	const char *at = args_value(plans->args, "at", NULL);
	plans->at_ms = TIME_NONE;
	if (at != NULL && !time_parse(at, &plans->at_ms))
		return err_new(ERR_FATAL, "USAGE",
			       "--at can't be \"%.40s\": expected a time, e.g. 2026-03-02", at);
	options_client_init(&client, conf);
	struct err *err = registry_open(conf_string(conf, "registry.url"), &plans->registry);
	if (err != NULL)
		return err;
	topics_name(conf_string(conf, "app.id"), "allocations", topic);
	const struct reader_options reader = { .client = &client.options,
					       .topic = topic,
					       .partition = -1 };
	err = reader_run(&reader, take, plans, NULL);
	if (err == NULL)
		err = print_plans(plans);
	registry_close(&plans->registry);
	return err;
}

int cmd_allocations(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct plans *plans = check_calloc(1, sizeof *plans);
	plans->args = args;
	struct err *err = allocations(plans);
	for (size_t i = 0; i < plans->count; i++) {
		free(plans->kept[i].product);
		free(plans->kept[i].value);
	}
	free(plans);
	args_close(&args);
	return exit_report("allocations", &err);
}
