#include "cli/args.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "cli/options.h"

extern char **environ;

enum { CONFIG_FLAGS_MAX = 256, ORIGIN_MAX = 192 };

static const struct args_flag common_flags[] = {
	{ "app", "NAME", "app.id", "the application: prefix of its topics and state" },
	{ "brokers", "HOST:PORT", "kafka.bootstrap.servers", "Kafka brokers to start from" },
	{ "registry", "URL", "registry.url", "schema registry; default: the project's own ids" },
	{ "config", "FILE", NULL, "configuration file, a flat JSON object" },
	{ "help", NULL, NULL, "this page" },
	{ NULL, NULL, NULL, NULL },
};

struct config_flag {
	const char *flag, *option, *value; /* borrowed from argv and the tables */
};

struct args {
	const struct args_spec *spec;
	struct conf *conf;
	const char *values[ARGS_FLAG_MAX]; /* of spec->flags; "" for a switch; NULL: not given */
	size_t operand_count;
	const char *operands[ARGS_OPERAND_MAX];
	const char *config_path;
	size_t config_flag_count;
	struct config_flag config_flags[CONFIG_FLAGS_MAX];
	bool help;
};

/* ---- the table that getopt_long sees -------------------------------------------------------- */

static size_t flags_count(const struct args_flag *flags)
{
	size_t count = 0;
	while (flags != NULL && flags[count].name != NULL)
		count++;
	return count;
}

static size_t long_add(struct option *options, size_t count, const char *name, bool has_value)
{
	options[count] = (struct option){ .name = name,
					  .has_arg = has_value ? required_argument : no_argument,
					  .val = 1 };
	return count + 1;
}

/* Names under the open prefix can't be listed beforehand: they are taken from argv itself. */
static size_t long_add_open(struct option *options, size_t count, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			continue;
		size_t len = strcspn(argv[i] + 2, "=");
		char *name = check_calloc(len + 1, 1);
		memcpy(name, argv[i] + 2, len);
		if (conf_option_find(&options_table, name) == NULL &&
		    conf_name_known(&options_table, name))
			count = long_add(options, count, name, true);
		else
			free(name);
	}
	return count;
}

/* A new array, ended by zeros, the first `*fixed` of its names borrowed, the others new. */
static struct option *long_options_new(const struct args_spec *spec, int argc, char **argv,
				       size_t *fixed)
{
	size_t room = flags_count(spec->flags) + flags_count(common_flags) +
		      options_table.option_count + (size_t)argc + 1;
	struct option *options = check_calloc(room, sizeof *options);
	size_t count = 0;
	for (size_t i = 0; i < flags_count(spec->flags); i++)
		count = long_add(options, count, spec->flags[i].name,
				 spec->flags[i].value_name != NULL);
	for (size_t i = 0; i < flags_count(common_flags); i++)
		count = long_add(options, count, common_flags[i].name,
				 common_flags[i].value_name != NULL);
	for (size_t i = 0; i < options_table.option_count; i++)
		count = long_add(options, count, options_table.options[i].name, true);
	*fixed = count;
	count = long_add_open(options, count, argc, argv);
	CHECK(count < room);
	return options;
}

static void long_options_free(struct option *options, size_t fixed)
{
	for (size_t i = fixed; options[i].name != NULL; i++)
		free((char *)(uintptr_t)options[i].name);
	free(options);
}

static struct err *unknown_flag_new(const struct option *options, const char *text)
{
	const char *names[512];
	size_t count = 0;
	for (; options[count].name != NULL && count < 512; count++)
		names[count] = options[count].name;
	char name[CONF_NAME_MAX + 1];
	snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
	const char *bare = name + strspn(name, "-");
	const char *nearest = conf_nearest(bare, names, count);
	return err_new(ERR_FATAL, "USAGE", "there is no flag %s%s%s%s", name,
		       nearest ? "; did you mean --" : "", nearest ? nearest : "",
		       nearest ? "?" : "");
}

/* ---- parsing -------------------------------------------------------------------------------- */

static struct err *config_flag_add(struct args *args, const char *flag, const char *option,
				   const char *value)
{
	if (args->config_flag_count == CONFIG_FLAGS_MAX)
		return err_new(ERR_FATAL, "USAGE", "more than %d configuration flags",
			       CONFIG_FLAGS_MAX);
	args->config_flags[args->config_flag_count++] =
		(struct config_flag){ .flag = flag, .option = option, .value = value };
	return NULL;
}

/* Takes the flag whose place in the table is `index`; the table's order is long_options_new's. */
static struct err *flag_take(struct args *args, const char *name, size_t index, const char *value)
{
	size_t own_count = flags_count(args->spec->flags), common_count = flags_count(common_flags);
	if (index >= own_count + common_count)
		return config_flag_add(args, name, name, value);
	const struct args_flag *flag =
		index < own_count ? &args->spec->flags[index] : &common_flags[index - own_count];
	if (flag->option != NULL)
		return config_flag_add(args, flag->name, flag->option, value);
	if (index < own_count)
		args->values[index] = value != NULL ? value : "";
	else if (strcmp(flag->name, "config") == 0)
		args->config_path = value;
	else
		args->help = true;
	return NULL;
}

/* argv[optind - 1], or the one before where the value stood for itself: the flag as typed. */
static const char *flag_typed(char **argv)
{
	bool apart = optarg != NULL && optarg == argv[optind - 1];
	return argv[optind - (apart ? 2 : 1)];
}

static struct err *flags_parse(struct args *args, int argc, char **argv,
			       const struct option *options)
{
	struct err *err = NULL;
	optind = 0; /* start anew, see getopt_long(3) */
	opterr = 0;
	int index = 0;
	for (int c; err == NULL && (c = getopt_long(argc, argv, ":h", options, &index)) != -1;) {
		const char *typed = flag_typed(argv);
		if (c == 'h') {
			args->help = true;
		} else if (c == ':') {
			err = err_new(ERR_FATAL, "USAGE", "%s needs a value", typed);
		} else if (c == '?') {
			bool known = optopt == 1;
			err = known ? err_new(ERR_FATAL, "USAGE", "%s takes no value", typed)
				    : unknown_flag_new(options, typed);
		} else {
			/* getopt_long takes abbreviations: they would change with every new name */
			size_t len = strlen(options[index].name);
			bool whole = strncmp(typed + 2, options[index].name, len) == 0;
			err = whole ? flag_take(args, options[index].name, (size_t)index, optarg)
				    : unknown_flag_new(options, typed);
		}
	}
	return err;
}

static struct err *operands_take(struct args *args, int argc, char **argv)
{
	const struct args_spec *spec = args->spec;
	size_t count = (size_t)(argc - optind);
	CHECK(spec->operand_count_max <= ARGS_OPERAND_MAX);
	if (count > spec->operand_count_max)
		return err_new(ERR_FATAL, "USAGE", "\"%s\" is one operand too many",
			       argv[optind + (int)spec->operand_count_max]);
	for (size_t i = 0; i < count; i++)
		args->operands[args->operand_count++] = argv[optind + (int)i];
	if (count < spec->operand_count_min)
		return err_new(ERR_FATAL, "USAGE", "it needs %s", spec->operands);
	return NULL;
}

static struct err *conf_load(struct args *args)
{
	const char *path = args->config_path ? args->config_path : getenv(options_table.env_file);
	struct err *err = NULL;
	if (path != NULL && path[0] != '\0')
		err = conf_load_file(args->conf, path);
	if (err == NULL)
		err = conf_load_env(args->conf, environ);
	for (size_t i = 0; err == NULL && i < args->config_flag_count; i++) {
		const struct config_flag *flag = &args->config_flags[i];
		char origin[ORIGIN_MAX];
		snprintf(origin, sizeof origin, "the flag --%s", flag->flag);
		err = conf_set(args->conf, flag->option, flag->value, origin);
	}
	return err != NULL ? err : options_check(args->conf);
}

/* ---- help ----------------------------------------------------------------------------------- */

static void flags_print(const struct args_flag *flags)
{
	for (size_t i = 0; i < flags_count(flags); i++) {
		char left[64];
		snprintf(left, sizeof left, "--%s %s", flags[i].name,
			 flags[i].value_name ? flags[i].value_name : "");
		printf("  %-24s %s\n", left, flags[i].doc);
	}
}

/* A full stop within a name, such as "alert.open", ends no sentence. */
static size_t sentence_length(const char *text)
{
	size_t i = 0;
	while (text[i] != '\0' && (text[i] != '.' ||
				   !(text[i + 1] == '\0' ||
				     (text[i + 1] == ' ' && isupper((unsigned char)text[i + 2])))))
		i++;
	return i;
}

static void options_print(const char *const *names)
{
	if (names == NULL || names[0] == NULL)
		return;
	printf("\nConfiguration (as --NAME VALUE, in the environment, or in a file; see "
	       "`foretell config`):\n");
	for (size_t i = 0; names[i] != NULL; i++) {
		const struct conf_option *option = conf_option_find(&options_table, names[i]);
		CHECK(option != NULL);
		printf("  --%-22s default %s\n  %24s %.*s\n", option->name,
		       option->fallback[0] ? option->fallback : "empty", "",
		       (int)sentence_length(option->doc), option->doc);
	}
}

static void help_print(const struct args_spec *spec)
{
	printf("Usage: foretell %s [FLAGS]%s%s\n\n%s\n\nFlags:\n", spec->command,
	       spec->operands[0] ? " " : "", spec->operands, spec->about);
	flags_print(spec->flags);
	flags_print(common_flags);
	options_print(spec->options);
	printf("\nExamples:\n");
	for (size_t i = 0; spec->examples[i] != NULL; i++)
		printf("  %s\n", spec->examples[i]);
	printf("\n");
	exit_print_codes(stdout);
}

/* ---- public --------------------------------------------------------------------------------- */

int args_open(const struct args_spec *spec, int argc, char **argv, struct args **out)
{
	CHECK(flags_count(spec->flags) <= ARGS_FLAG_MAX);
	*out = NULL;
	struct args *args = check_calloc(1, sizeof *args);
	args->spec = spec;
	args->conf = conf_new(&options_table);
	size_t fixed;
	struct option *options = long_options_new(spec, argc, argv, &fixed);
	struct err *err = flags_parse(args, argc, argv, options);
	enum log_level level = LOG_INFO;
	if (err == NULL && args->help) {
		help_print(spec);
		goto done;
	}
	if (err == NULL)
		err = operands_take(args, argc, argv);
	if (err == NULL)
		err = conf_load(args);
	if (err != NULL)
		goto done;
	CHECK(log_level_parse(conf_string(args->conf, "log.level"), &level));
	log_set_level(spec->quiet && !conf_is_set(args->conf, "log.level") ? LOG_ERROR : level);
	/* names taken from argv end here: the configuration keeps copies */
	args->config_flag_count = 0;
	*out = args;
	args = NULL;
done:
	long_options_free(options, fixed);
	args_close(&args);
	if (err == NULL)
		return EXIT_OK;
	exit_report(spec->command, &err);
	fprintf(stderr, "See `foretell %s --help`.\n", spec->command);
	return EXIT_USAGE;
}

void args_close(struct args **args)
{
	if (*args == NULL)
		return;
	conf_free(&(*args)->conf);
	free(*args);
	*args = NULL;
}

const struct conf *args_conf(const struct args *args)
{
	return args->conf;
}

static const char *own_value(const struct args *args, const char *name)
{
	for (size_t i = 0; i < flags_count(args->spec->flags); i++)
		if (strcmp(args->spec->flags[i].name, name) == 0)
			return args->values[i];
	CHECK(false && "a flag that the command has not declared");
	return NULL;
}

bool args_switch(const struct args *args, const char *name)
{
	return own_value(args, name) != NULL;
}

const char *args_value(const struct args *args, const char *name, const char *fallback)
{
	const char *value = own_value(args, name);
	return value != NULL ? value : fallback;
}

struct err *args_number(const struct args *args, const char *name, int64_t fallback, int64_t min,
			int64_t max, int64_t *number)
{
	*number = fallback;
	const char *text = own_value(args, name);
	if (text == NULL)
		return NULL;
	char *end;
	errno = 0;
	long long parsed = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || parsed < min || parsed > max)
		return err_new(ERR_FATAL, "USAGE",
			       "--%s can't be \"%.80s\": expected a whole number from %lld to %lld",
			       name, text, (long long)min, (long long)max);
	*number = parsed;
	return NULL;
}

size_t args_operand_count(const struct args *args)
{
	return args->operand_count;
}

const char *args_operand(const struct args *args, size_t i)
{
	return i < args->operand_count ? args->operands[i] : NULL;
}
