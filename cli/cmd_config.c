#include "cli/args.h"
#include "cli/commands.h"
#include "cli/options.h"

static const struct args_flag flags[] = {
	{ "reference", NULL, NULL, "print every option as a Markdown page instead" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell config",
	"FORETELL_COMMIT_INTERVAL_MS=20 foretell config --config my.json",
	"foretell config --reference > docs/configuration.md",
	NULL,
};

static const struct args_spec spec = {
	.command = "config",
	.operands = "",
	.about = "Prints the configuration in effect and where each value came from. Secrets are\n"
		 "shown as ***. Fails where a value is wrong, and says what was expected.",
	.flags = flags,
	.examples = examples,
	.quiet = true,
};

int cmd_config(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	if (args_switch(args, "reference"))
		conf_print_reference(&options_table, stdout);
	else
		conf_print(args_conf(args), stdout);
	args_close(&args);
	return EXIT_OK;
}
