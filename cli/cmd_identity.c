#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/identity_totals.h"
#include "cli/name_table.h"
#include "cli/options.h"
#include "cli/split.h"
#include "consumers/names.h"

static const struct args_flag flags[] = {
	{ "split-from", "NAME", NULL, "cut the link between the two names" },
	{ "undo", NULL, NULL, "with --split-from: take the cut back" },
	{ "totals", NULL, NULL, "no name: where all events are, and how many were repeats" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
				       "inputs", NULL };

static const char *const examples[] = {
	"foretell identity C-0000017", "foretell identity email:anna@gtx.example",
	"foretell identity tax_id:DE123456789 --split-from C-0000017", "foretell identity --totals",
	NULL
};

static const struct args_spec spec = {
	.command = "identity",
	.operands = "[ACCOUNT|SCHEME:VALUE]",
	.operand_count_max = 1,
	.about =
		"Shows the names under which the sources know an account, and which event told of\n"
		"each link. SCHEME:VALUE is any of these names. A link that was wrong can be cut:\n"
		"an application that begins after that makes two accounts of the inputs.",
	.flags = flags,
	.options = options,
	.examples = examples,
};

static void print_text(const char *before, struct bytes text)
{
	char plain[KEY_LEN_MAX + 1];
	snprintf(plain, sizeof plain, "%.*s", (int)text.len, (const char *)text.data);
	utf8_plain(plain);
	printf("%s%s", before, plain);
}

static void print_link(const struct name_state *state)
{
	char time[TIME_TEXT_LEN + 1];
	time_format(state->link_ms, time);
	print_text("    leads to ", name_text_bytes(&state->parent));
	print_text(", as ", bytes_of(state->link_source, state->link_source_len));
	print_text(" told by event ", bytes_of(state->link_event, state->link_event_len));
	printf(" of %s\n", time);
}

static void print_row(const struct name_table *table, const struct name_row *row)
{
	const struct name_state *state = &row->state;
	struct bytes key = name_text_bytes(&row->key), account = name_text_bytes(&state->account);
	print_text("  ", key);
	printf("\n    %" PRId64 " events", state->event_count);
	if (state->duplicate_count > 0)
		printf(", %" PRId64 " repeats dropped", state->duplicate_count);
	if (state->recent.outrun_count > 0)
		printf(", %" PRId64 " too fast for the window of repeats",
		       state->recent.outrun_count);
	if (name_waits(state) > 0)
		printf(", up to %" PRId64 " records wait", name_waits(state));
	if (state->erased)
		printf(", erased");
	if (account.len > 0 && !bytes_equal(account, name_text_bytes(&table->account)))
		print_text(", by way of account ", account);
	printf("\n");
	if (state->has_deadline) {
		char time[TIME_TEXT_LEN + 1];
		time_format(state->deadline_ms, time);
		printf("    waits for its account until %s\n", time);
	}
	if (state->parent.len > 0)
		print_link(state);
	else if (!bytes_equal(key, account) && account.len == 0)
		printf("    nobody has linked it\n");
	else if (name_rank(key) > 0 && !name_is_place(key))
		printf("    nobody has linked it: an account of its own\n");
}

static struct err *split(const struct args *args)
{
	struct options_client client;
	struct name_key name, other;
	options_client_init(&client, args_conf(args));
	struct err *err = name_table_operand(args_operand(args, 0), &name);
	if (err == NULL)
		err = name_table_operand(args_value(args, "split-from", NULL), &other);
	return err != NULL ? err
			   : split_run(args_conf(args), &client.options, &name, &other,
				       args_switch(args, "undo"), stdout);
}

static struct err *show(const struct args *args)
{
	struct options_client client;
	struct name_key key;
	struct name_table table = { 0 };
	options_client_init(&client, args_conf(args));
	struct err *err = name_table_operand(args_operand(args, 0), &key);
	if (err == NULL)
		err = name_table_read(&table, args_conf(args), &client.options, name_bytes(&key));
	if (err == NULL && table.count == 0)
		err = err_new(ERR_FATAL, "NAME_UNKNOWN", "nothing is known of %s (yet?)",
			      args_operand(args, 0));
	if (err == NULL) {
		print_text("account ", name_text_bytes(&table.account));
		printf("\n");
		for (size_t i = 0; i < table.merged_count; i++) {
			print_text("  account ", name_text_bytes(&table.merged[i]));
			printf(" went into it\n");
		}
		for (size_t i = 0; i < table.count; i++)
			print_row(&table, &table.rows[i]);
	}
	name_table_fini(&table);
	return err;
}

static struct err *show_totals(const struct args *args)
{
	struct options_client client;
	struct identity_totals totals;
	options_client_init(&client, args_conf(args));
	struct err *err = identity_totals_read(args_conf(args), &client.options, &totals);
	if (err == NULL)
		identity_totals_print(&totals, stdout);
	return err;
}

static struct err *run(const struct args *args)
{
	bool totals = args_switch(args, "totals");
	bool splits = args_value(args, "split-from", NULL) != NULL;
	if (totals == (args_operand_count(args) == 1))
		return err_new(ERR_FATAL, "USAGE",
			       "expected is a name, or --totals (foretell identity --help)");
	if ((totals && splits) || (args_switch(args, "undo") && !splits))
		return err_new(ERR_FATAL, "USAGE",
			       "--split-from goes with a name, --undo with --split-from (foretell "
			       "identity --help)");
	if (totals)
		return show_totals(args);
	return splits ? split(args) : show(args);
}

int cmd_identity(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = run(args);
	args_close(&args);
	return exit_report("identity", &err);
}
