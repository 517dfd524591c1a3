#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/models_grow.h"
#include "cli/models_import.h"
#include "cli/options.h"
#include "consumers/risk_words.h"
#include "consumers/topics.h"
#include "kafka/publish.h"
#include "kafka/reader.h"
#include "models/hazard.h"
#include "schemas/registry.h"
#include "schemas/types.h"

static const struct args_flag flags[] = {
	{ "golden", "FILE", NULL,
	  "what the model's own program predicts: its columns and "
	  "\"prediction\", 5 rows or more" },
	{ "trained-until", "TIME", NULL,
	  "the model saw no lesson that matured from then on: by these it is judged; without it, "
	  "it stays unproven" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url", NULL };

static const char *const examples[] = { "foretell models",
					"foretell models activate 96664a7f7b5672a4",
					"foretell models grow",
					"foretell models export lessons.csv",
					"foretell models import model.json --golden rows.csv "
					"--trained-until 2026-03-01",
					NULL };

static const struct args_spec spec = {
	.command = "models",
	.operands = "[activate VERSION | grow | export FILE | import MODEL --golden FILE "
		    "[--trained-until TIME]]",
	.operand_count_min = 0,
	.operand_count_max = 2,
	.about =
		"Shows the versions of the churn model that the learn stage has published, with\n"
		"their measurements on examples that they had not learnt; activate puts one into\n"
		"account.events, from where on it judges. grow boosts trees on top of it with the\n"
		"lessons so far, and publishes them where they are better on the last quarter.\n"
		"export writes the lessons as a table, to train on elsewhere; import publishes a\n"
		"model of XGBoost (JSON) or LightGBM (text) that was, once it predicts of some "
		"rows\n"
		"what its own program does.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum { VALUE_MAX = HAZARD_MODEL_BYTES_MAX + 1024 };

struct models {
	struct registry *registry;
	const char *wanted; /* NULL: show all */
	size_t count;
	bool is_found;
	struct model_record record; /* the wanted one; its texts in `bytes` */
	uint8_t body[HAZARD_MODEL_BYTES_MAX];
	struct hazard_model read; /* scratch */
};

static void verdict_print(const struct model_record *record)
{
	struct hazard_model model = { 0 };
	bool is_read = hazard_model_unpack(record->body, &model);
	bool is_brought = is_read && model.grove.is_whole;
	if (record->is_proven)
		printf("better than the base rate");
	else if (record->is_refuted)
		printf("no better than the base rate");
	else
		printf(is_brought ? "not proven" : "too few examples to tell");
	if (is_brought)
		printf(", brought");
	else if (is_read && model.grove.tree_count > 0)
		printf(", with trees");
	printf("\n");
}

static void model_print(const struct model_record *record)
{
	char at[TIME_TEXT_LEN + 1];
	time_format(record->at_ms, at);
	printf("%-16.*s  %.10s  %8" PRId64 " %8" PRId64 "    %.4f    %.4f    %.4f    %.3f   ",
	       (int)record->version.len, (const char *)record->version.data, at,
	       record->example_count, record->ended_count, record->log_loss, record->base_log_loss,
	       record->base_rate, record->calibration_error);
	verdict_print(record);
}

/* What people answered to warnings, by the reason that led them. */
static void trust_print(const struct trust *trust)
{
	bool is_first = true;
	for (int i = GROUP_PEERS + 1; i < GROUP_COUNT; i++) {
		if (trust->useful[i] + trust->wrong[i] == 0)
			continue;
		if (is_first)
			printf("answers to warnings, by their first reason:\n");
		is_first = false;
		printf("  %-14s %6.0f useful %6.0f wrong   odds to open x %.2f\n",
		       risk_words_code((enum feature_group)i), trust->useful[i], trust->wrong[i],
		       trust_odds(trust, (enum feature_group)i));
	}
}

static struct err *take(void *context, const struct record *record)
{
	struct models *models = context;
	struct model_record model;
	struct err *err = registry_decode(models->registry, &model_type, record->value, &model);
	if (err != NULL)
		return err;
	if (models->count++ == 0 && models->wanted == NULL)
		printf("%-16s  %-10s  %8s %8s  log loss  base's    base rate  error\n", "version",
		       "learnt to", "examples", "left");
	if (models->wanted == NULL) {
		model_print(&model);
		models->is_found = hazard_model_unpack(model.body, &models->read);
	} else if (bytes_equal(model.version, bytes_str(models->wanted)) &&
		   model.body.len <= sizeof models->body &&
		   hazard_model_unpack(model.body, &models->read)) {
		models->is_found = true;
		models->record = model;
		memcpy(models->body, model.body.data, model.body.len);
		models->record.body = bytes_of(models->body, model.body.len);
		models->record.version = bytes_str(models->wanted);
		models->record.name = bytes_str("churn");
	}
	return NULL;
}

static struct err *activate(const struct args *args, const struct client_options *client,
			    struct models *models)
{
	char topic[TOPIC_NAME_MAX + 1];
	uint8_t value[VALUE_MAX];
	size_t len = 0;
	topics_name(conf_string(args_conf(args), "app.id"), "account.events", topic);
	models->record.is_active = true;
	struct err *err = registry_encode(models->registry, topic, &model_type, &models->record,
					  value, sizeof value, &len);
	return err != NULL
		       ? err
		       : publish_to_all(client, topic, models->record.name, bytes_of(value, len));
}

/* Shows all, or activates the wanted one. */
static struct err *versions_run(const struct args *args, const struct client_options *client,
				struct models *models)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct err *err =
		registry_open(conf_string(args_conf(args), "registry.url"), &models->registry);
	if (err != NULL)
		return err;
	topics_name(conf_string(args_conf(args), "app.id"), "models", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	err = reader_run(&reader, take, models, NULL);
	if (err == NULL && models->wanted == NULL && models->count == 0)
		printf("nothing was learnt so far: the prior judges\n");
	if (err == NULL && models->wanted == NULL && models->is_found)
		trust_print(&models->read.trust);
	if (err == NULL && models->wanted != NULL && !models->is_found)
		err = err_new(ERR_FATAL, "MODEL_UNKNOWN",
			      "there is no version \"%.40s\" that this foretell can read; "
			      "`foretell models` shows what there is",
			      models->wanted);
	if (err == NULL && models->wanted != NULL)
		err = activate(args, client, models);
	registry_close(&models->registry);
	return err;
}

static struct err *models_run(const struct args *args)
{
	struct options_client client;
	struct models models = { 0 };
	const struct conf *conf = args_conf(args);
	const char *what = args_operand(args, 0), *operand = args_operand(args, 1);
	const char *golden = args_value(args, "golden", NULL);
	const char *until = args_value(args, "trained-until", NULL);
	int64_t held_from_ms = TIME_NONE;
	bool imports = what != NULL && strcmp(what, "import") == 0;
	options_client_init(&client, conf);
	if (imports != (golden != NULL))
		return err_new(ERR_FATAL, "USAGE",
			       "import and --golden belong together: a model whose predictions "
			       "can't be checked is not used");
	if (until != NULL && (!imports || !time_parse(until, &held_from_ms)))
		return err_new(ERR_FATAL, "USAGE",
			       "--trained-until belongs to import, and needs a date or time such "
			       "as 2026-03-01");
	if (what == NULL)
		return versions_run(args, &client.options, &models);
	if (strcmp(what, "grow") == 0 && operand == NULL)
		return models_grow(conf, &client.options);
	models.wanted = operand;
	if (strcmp(what, "activate") == 0 && operand != NULL)
		return versions_run(args, &client.options, &models);
	if (strcmp(what, "export") == 0 && operand != NULL)
		return models_export(conf, &client.options, operand);
	if (imports && operand != NULL)
		return models_import(conf, &client.options, operand, golden, held_from_ms);
	return err_new(ERR_FATAL, "USAGE",
		       "expected nothing, or: activate VERSION, or: grow, or: export FILE, or: "
		       "import MODEL --golden FILE");
}

int cmd_models(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = models_run(args);
	args_close(&args);
	return exit_report("models", &err);
}
