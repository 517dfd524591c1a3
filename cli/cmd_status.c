#include <inttypes.h>

#include "base/check.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/remarks.h"
#include "cli/status_fetch.h"
#include "cli/status_holds.h"
#include "cli/status_print.h"

static const struct args_flag flags[] = {
	{ "json", NULL, NULL, "one JSON object instead of tables" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const shown_options[] = { "kafka.bootstrap.servers", "app.id", "inputs",
					     "http.listen", NULL };

static const char *const examples[] = {
	"foretell status",
	"foretell status --http.listen worker-2:9464",
	"foretell status --json | jq '.stages[].lag'",
	NULL,
};

static const struct args_spec spec = {
	.command = "status",
	.operands = "",
	.about =
		"Shows where the application stands in Kafka: for each stage and input partition\n"
		"what is committed (X), where a replay would begin (Y), the lag, and who owns it;\n"
		"and transactions that have been open for 5 s and hold readers back, with what\n"
		"ends them. Works from any machine. With --http.listen, also what the process that "
		"listens\n"
		"there tells of itself: commits, aborts and why, caches, store. Transaction\n"
		"markers count as lag: a log of foretell's own that is read to its end shows 1 or "
		"2.",
	.flags = flags,
	.options = shown_options,
	.examples = examples,
	.quiet = true,
};

struct status {
	const struct args *args;
	const struct conf *conf;
	struct status_positions positions;
	struct status_holds holds;
	struct err *holds_unknown; /* why they can't be told; positions are shown anyway */
	const char *address;	   /* of the process; "": none was named */
	json_t *process;	   /* its answer; NULL where there is none */
	struct err *unreachable;
};

static void print_json(const struct status *status)
{
	json_t *process = status->process != NULL ? json_incref(status->process) : json_null();
	json_t *json = json_pack("{s:s,s:o,s:o,s:o}", "app", conf_string(status->conf, "app.id"),
				 "stages", status_positions_json(&status->positions), "held_back",
				 status_holds_json(&status->holds), "process", process);
	CHECK(json != NULL);
	if (status->unreachable != NULL)
		json_object_set_new(json, "process_error",
				    json_string(err_text(status->unreachable)));
	if (status->holds_unknown != NULL)
		json_object_set_new(json, "held_back_error",
				    json_string(err_text(status->holds_unknown)));
	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(json);
}

static void print_text(const struct status *status)
{
	printf("application %s on %s\n", conf_string(status->conf, "app.id"),
	       conf_string(status->conf, "kafka.bootstrap.servers"));
	status_print_positions(&status->positions, stdout);
	if (remarks_empty_inputs(&status->positions.stages[STAGE_RESOLVE].view,
				 "no record has ever come to ", stdout) > 0)
		printf(": with clock=data they hold time back\n");
	status_holds_print(&status->holds, stdout);
	if (status->holds_unknown != NULL)
		printf("whether open transactions hold readers back can't be told: %s\n",
		       err_text(status->holds_unknown));
	if (status->process != NULL)
		status_print_process(status->process, status->address, stdout);
	else if (status->unreachable != NULL)
		printf("process: no answer: %s\n", err_text(status->unreachable));
}

static struct err *verdict(const struct status *status)
{
	size_t fault_count = 0;
	for (size_t i = 0; i < STAGE_COUNT; i++)
		fault_count += status->positions.stages[i].fault_count;
	if (fault_count > 0)
		return err_new(ERR_FATAL, "CHECK_FAILED",
			       "%zu positions from which no start is possible", fault_count);
	if (status->unreachable != NULL)
		return err_new(ERR_FATAL, "CHECK_FAILED", "the process at %s gives no answer",
			       status->address);
	if (status->process != NULL && !json_is_true(json_object_get(status->process, "healthy")))
		return err_new(ERR_FATAL, "CHECK_FAILED", "the process at %s is not healthy",
			       status->address);
	return NULL;
}

static struct err *show(struct status *status)
{
	struct options_client client;
	options_client_init(&client, status->conf);
	struct err *err = status_positions_read(&status->positions, status->conf, &client.options);
	if (err != NULL)
		return err;
	status->holds_unknown = status_holds_read(&status->holds, status->conf, &client.options);
	status->address = conf_string(status->conf, "http.listen");
	if (*status->address != '\0')
		status->unreachable = status_fetch(status->address, &status->process);
	if (args_switch(status->args, "json"))
		print_json(status);
	else
		print_text(status);
	err = verdict(status);
	err_free(&status->holds_unknown);
	err_free(&status->unreachable);
	json_decref(status->process);
	status_positions_fini(&status->positions);
	return err;
}

int cmd_status(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct status status = { .args = args, .conf = args_conf(args) };
	struct err *err = show(&status);
	args_close(&args);
	return exit_report("status", &err);
}
