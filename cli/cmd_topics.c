#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/topic_check.h"
#include "cli/topic_setup.h"

static const char *const shown_options[] = {
	"kafka.bootstrap.servers", "app.id", "inputs", "partitions", "replication", NULL
};

static const char *const examples[] = {
	"foretell topics create --brokers kafka-1:9092 --replication 3",
	"foretell topics check",
	NULL,
};

static const struct args_spec spec = {
	.command = "topics",
	.operands = "create|check",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "create: creates the topics that are missing, and checks those that are there.\n"
		 "check: compares every topic, the brokers' settings and the committed positions\n"
		 "with what foretell needs, and says for each mismatch what it does and how to\n"
		 "mend it. BROKEN ends with exit code 4, a risk does not. Nothing is changed.",
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

enum { SOON_MS = 2000, PATIENCE_MS = 13000 };

/* A broker that is starting is waited for, and it is said what for. */
static struct err *reach(struct admin *admin, const char *brokers)
{
	struct err *err = admin_reach(admin, SOON_MS);
	if (err == NULL || strcmp(err_code(err), "BUS_UNREACHABLE") != 0)
		return err;
	fprintf(stderr, "foretell topics: no answer from %s yet; waiting for it, %d s more\n",
		brokers, PATIENCE_MS / 1000);
	err_free(&err);
	return admin_reach(admin, PATIENCE_MS);
}

static struct err *check(const struct conf *conf, const struct client_options *client,
			 struct admin *admin)
{
	struct topic_findings found;
	struct err *err = topic_check(conf, client, admin, stdout, &found);
	if (err == NULL && found.broken_count > 0)
		return err_new(ERR_FATAL, "CHECK_FAILED", "%zu mismatches, %zu risks",
			       found.broken_count, found.risk_count);
	if (err == NULL)
		printf("All topics are as they must be (%" PRId32 " partitions each)%s.\n",
		       found.partition_count, found.risk_count > 0 ? "; mind the risks above" : "");
	return err;
}

static struct err *topics_run(const struct args *args)
{
	const struct conf *conf = args_conf(args);
	const char *action = args_operand(args, 0);
	bool create = strcmp(action, "create") == 0;
	if (!create && strcmp(action, "check") != 0)
		return err_new(ERR_FATAL, "USAGE", "\"%s\" is neither create nor check", action);
	struct options_client client;
	options_client_init(&client, conf);
	struct admin *admin = NULL;
	struct err *err = admin_open(&client.options, &admin);
	int32_t partition_count = (int32_t)conf_int(conf, "partitions");
	if (err == NULL)
		err = reach(admin, client.options.brokers);
	if (err == NULL && create)
		err = topic_setup_writers_fit(conf, partition_count);
	if (err == NULL && create)
		err = topic_setup_inputs_fit(conf, admin, partition_count);
	if (err == NULL && create)
		err = topic_setup_create(conf, admin, partition_count, stdout);
	if (err == NULL)
		err = check(conf, &client.options, admin);
	admin_close(&admin);
	return err;
}

int cmd_topics(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = topics_run(args);
	args_close(&args);
	return exit_report("topics", &err);
}
