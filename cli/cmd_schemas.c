#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file_text.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "schemas/compat.h"
#include "schemas/registry_local.h"
#include "schemas/texts.h"

static const struct args_flag flags[] = {
	{ "against", "FILE", NULL, "compare with this schema instead of foretell's own" },
	{ "mode", "MODE", NULL,
	  "backward: the new one must read what is there; forward: those that are there must read "
	  "what the new one writes; full: both (full)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell schemas list",
	"foretell schemas check erp_event.avsc",
	"foretell schemas check --against before.avsc --mode backward after.avsc",
	"foretell schemas check",
	NULL,
};

static const struct args_spec spec = {
	.command = "schemas",
	.operands = "list|check [FILE...]",
	.operand_count_min = 1,
	.operand_count_max = ARGS_OPERAND_MAX,
	.about = "list: the schemas that foretell has, with the ids that they have without a\n"
		 "registry. check: whether changed schemas are compatible with foretell's own of\n"
		 "the same record name, earlier versions included, and where not; without files,\n"
		 "foretell's own with its earlier versions. Nothing is registered or deployed.",
	.flags = flags,
	.examples = examples,
	.quiet = true,
};

enum mode { MODE_BACKWARD = 1, MODE_FORWARD = 2, MODE_FULL = MODE_BACKWARD | MODE_FORWARD };

struct parsed {
	const char *label; /* borrowed */
	char *text;	   /* NULL where the text is foretell's own */
	struct schema *schema;
	const struct schema_node *root;
};

struct check {
	enum mode mode;
	struct compat compat;
	size_t compared_count, failed_count;
};

static void parsed_free(struct parsed *parsed)
{
	if (parsed->schema != NULL)
		schema_free(&parsed->schema);
	free(parsed->text);
}

static struct err *parse(const char *label, const char *text, struct parsed *parsed)
{
	parsed->label = label;
	struct err *err = schema_parse(text, &parsed->schema, &parsed->root);
	if (err == NULL && parsed->root->kind != SCHEMA_RECORD)
		err = err_new(ERR_FATAL, "SCHEMA_INVALID", "it is a %s, not a record",
			      schema_kind_name(parsed->root->kind));
	return err == NULL ? NULL : err_wrap(err, "%s", label);
}

static struct err *parse_file(const char *path, struct parsed *parsed)
{
	size_t len = 0;
	struct err *err =
		file_text_read(path, SCHEMA_TEXT_MAX, "SCHEMA_FILE", &parsed->text, &len);
	if (err == NULL && memchr(parsed->text, '\0', len) != NULL)
		err = err_new(ERR_FATAL, "SCHEMA_FILE", "%s is no text", path);
	return err != NULL ? err : parse(path, parsed->text, parsed);
}

/* One direction of a comparison; says what is wrong. */
static void compare(struct check *check, const struct parsed *reader, const struct parsed *writer)
{
	compat_check(reader->root, writer->root, &check->compat);
	bool reads = check->compat.fault_count == 0;
	printf("  %s %s what %s writes\n", reader->label, reads ? "reads" : "CAN'T READ",
	       writer->label);
	for (size_t i = 0; i < check->compat.fault_count; i++)
		printf("    %s%s%s\n", check->compat.faults[i].path,
		       check->compat.faults[i].path[0] == '\0' ? "" : ": ",
		       check->compat.faults[i].what);
	if (check->compat.has_more)
		printf("    and more\n");
	size_t unread_count = check->compat.unread_count;
	for (size_t i = 0; i < unread_count && i < COMPAT_FAULTS_MAX; i++)
		printf("    (%s is written and not read)\n", check->compat.unread[i]);
	check->failed_count += !reads;
}

static void compare_both(struct check *check, const struct parsed *changed,
			 const struct parsed *before)
{
	check->compared_count++;
	if (check->mode & MODE_BACKWARD)
		compare(check, changed, before);
	if (check->mode & MODE_FORWARD)
		compare(check, before, changed);
}

/* Compares with every schema of foretell's that has the same record name. */
static struct err *compare_own(struct check *check, const struct parsed *changed)
{
	size_t compared_count = check->compared_count;
	struct err *err = NULL;
	for (size_t i = 0; i < schema_text_count && err == NULL; i++) {
		struct parsed own = { 0 };
		err = parse(schema_texts[i].name, schema_texts[i].text, &own);
		if (err == NULL && strcmp(own.root->name, changed->root->name) == 0 &&
		    strcmp(changed->label, own.label) != 0)
			compare_both(check, changed, &own);
		parsed_free(&own);
	}
	if (err == NULL && check->compared_count == compared_count)
		printf("  foretell has no other schema of %s\n", changed->root->name);
	return err;
}

static struct err *check_file(struct check *check, const char *path, const char *against)
{
	struct parsed changed = { 0 }, before = { 0 };
	struct err *err = parse_file(path, &changed);
	if (err == NULL)
		printf("%s: %s\n", path, changed.root->name);
	if (err == NULL && against != NULL)
		err = parse_file(against, &before);
	if (err == NULL && against != NULL)
		compare_both(check, &changed, &before);
	else if (err == NULL)
		err = compare_own(check, &changed);
	parsed_free(&before);
	parsed_free(&changed);
	return err;
}

/* An earlier version of a schema is called NAME_v1, NAME_v2, ... */
static bool is_current(const char *name)
{
	const char *version = strrchr(name, '_');
	return version == NULL || version[1] != 'v' || version[2] < '1' || version[2] > '9';
}

static struct err *check_own(struct check *check)
{
	struct err *err = NULL;
	for (size_t i = 0; i < schema_text_count && err == NULL; i++) {
		struct parsed own = { 0 };
		if (!is_current(schema_texts[i].name))
			continue;
		err = parse(schema_texts[i].name, schema_texts[i].text, &own);
		if (err == NULL)
			printf("%s: %s\n", own.label, own.root->name);
		if (err == NULL)
			err = compare_own(check, &own);
		parsed_free(&own);
	}
	return err;
}

static struct err *mode_read(const struct args *args, enum mode *mode)
{
	static const struct {
		const char *name;
		enum mode mode;
	} modes[] = { { "full", MODE_FULL },
		      { "backward", MODE_BACKWARD },
		      { "forward", MODE_FORWARD } };
	const char *text = args_value(args, "mode", "full");
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (strcmp(text, modes[i].name) == 0) {
			*mode = modes[i].mode;
			return NULL;
		}
	return err_new(ERR_FATAL, "USAGE",
		       "--mode can't be \"%.80s\": expected full, backward or forward", text);
}

static struct err *check(const struct args *args)
{
	struct check *check = check_calloc(1, sizeof *check);
	const char *against = args_value(args, "against", NULL);
	struct err *err = mode_read(args, &check->mode);
	if (err == NULL && args_operand_count(args) == 1)
		err = check_own(check);
	for (size_t i = 1; i < args_operand_count(args) && err == NULL; i++)
		err = check_file(check, args_operand(args, i), against);
	if (err == NULL && check->failed_count > 0)
		err = err_new(ERR_FATAL, "CHECK_FAILED", "not compatible: %zu of %zu comparisons",
			      check->failed_count,
			      check->compared_count * (check->mode == MODE_FULL ? 2 : 1));
	if (err == NULL)
		printf("Compatible.\n");
	free(check);
	return err;
}

static void list(void)
{
	for (int32_t id = 1; id <= LOCAL_ID_MAX; id++)
		for (size_t i = 0; i < schema_text_count; i++)
			if (registry_local_id(schema_texts[i].name) == id)
				printf("%3d  %s\n", (int)id, schema_texts[i].name);
}

static struct err *schemas(const struct args *args)
{
	const char *action = args_operand(args, 0);
	if (strcmp(action, "check") == 0)
		return check(args);
	if (strcmp(action, "list") != 0 || args_operand_count(args) > 1)
		return err_new(ERR_FATAL, "USAGE",
			       "expected list, or check with files, not \"%.80s\"", action);
	list();
	return NULL;
}

int cmd_schemas(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = schemas(args);
	args_close(&args);
	return exit_report("schemas", &err);
}
