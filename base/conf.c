#include "base/conf.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"

struct value {
	char *text, *origin; /* origin NULL: the default */
	int64_t whole; /* CONF_INT, _DURATION, _SIZE, _BOOL, and the choice's index of _ENUM */
	double real;
	char **items; /* CONF_LIST */
	size_t item_count;
};

struct open_value {
	char *name, *text, *origin;
};

struct conf {
	const struct conf_table *table;
	struct value *values; /* one for each row of the table */
	size_t open_count;
	struct open_value open[CONF_OPEN_MAX];
};

enum { ORIGIN_MAX = 512, EXPECTED_MAX = 512, SHOWN_MAX = 80 };

static const char hidden[] = "***";

/* ---- names ---------------------------------------------------------------------------------- */

static const struct conf_option *option_find(const struct conf_table *table, const char *name,
					     size_t *index)
{
	for (size_t i = 0; i < table->option_count; i++) {
		if (strcmp(table->options[i].name, name) == 0) {
			*index = i;
			return &table->options[i];
		}
	}
	return NULL;
}

const struct conf_option *conf_option_find(const struct conf_table *table, const char *name)
{
	size_t index;
	return option_find(table, name, &index);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whether `name` lies under the open prefix and has something behind it. */
static bool name_is_open(const struct conf_table *table, const char *name)
{
	return table->open_prefix != NULL && starts_with(name, table->open_prefix) &&
	       strlen(name) > strlen(table->open_prefix) && strlen(name) <= CONF_NAME_MAX;
}

bool conf_name_known(const struct conf_table *table, const char *name)
{
	return conf_option_find(table, name) != NULL || name_is_open(table, name);
}

/* Values that must not be shown: a client knows more names than the table, so words decide. */
static bool name_is_secret(const char *name)
{
	static const char *const words[] = { "password",   "secret",	 "token",
					     "credential", "key.pem",	 "sasl.oauthbearer.config",
					     "jaas",	   "passphrase", "private.key",
					     NULL };
	for (size_t i = 0; words[i] != NULL; i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

/* The ':' before the password in scheme://user:password@host; NULL where there is none. */
static const char *url_password(const char *text)
{
	const char *user = strstr(text, "://");
	const char *at = user ? strrchr(user, '@') : NULL;
	const char *colon = at ? strchr(user + 3, ':') : NULL;
	return colon != NULL && colon < at ? colon : NULL;
}

/* Levenshtein's distance, for names of at most CONF_NAME_MAX bytes. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[CONF_NAME_MAX + 1];
	size_t b_len = strlen(b);
	CHECK(b_len <= CONF_NAME_MAX);
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = change < shift ? change : shift;
		}
	}
	return row[b_len];
}

const char *conf_nearest(const char *name, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t len = strlen(name);
	if (len > CONF_NAME_MAX)
		return NULL;
	size_t best_distance = len / 3 > 2 ? len / 3 + 1 : 3;
	for (size_t i = 0; i < count; i++) {
		size_t distance = edit_distance(name, names[i]);
		if (distance < best_distance) {
			best_distance = distance;
			best = names[i];
		}
	}
	return best;
}

static struct err *unknown_new(const struct conf_table *table, const char *name, const char *origin)
{
	const char **names = check_calloc(table->option_count, sizeof *names);
	for (size_t i = 0; i < table->option_count; i++)
		names[i] = table->options[i].name;
	const char *nearest = conf_nearest(name, names, table->option_count);
	struct err *err = err_new(
		ERR_FATAL, "CONF_UNKNOWN", "there is no option \"%.*s\" (from %s)%s%s%s", SHOWN_MAX,
		name, origin, nearest ? "; did you mean \"" : "", nearest ? nearest : "",
		nearest ? "\"?" : "; `foretell config` lists them all");
	free(names);
	return err;
}

/* ---- values --------------------------------------------------------------------------------- */

/* What the option takes, in words that complete "expected ...". */
static void expected_describe(const struct conf_option *option, char text[EXPECTED_MAX])
{
	double min = option->min, max = option->max;
	int used;
	const char *items = option->pattern_text ? option->pattern_text : "texts";
	switch (option->kind) {
	case CONF_STRING:
		if (option->pattern_text != NULL)
			snprintf(text, EXPECTED_MAX, "%s, at most %.0f bytes", option->pattern_text,
				 max);
		else
			snprintf(text, EXPECTED_MAX, "text of %.0f to %.0f bytes", min, max);
		break;
	case CONF_INT:
		snprintf(text, EXPECTED_MAX, "a whole number from %.0f to %.0f", min, max);
		break;
	case CONF_DOUBLE:
		snprintf(text, EXPECTED_MAX, "a number from %.15g to %.15g", min, max);
		break;
	case CONF_BOOL: snprintf(text, EXPECTED_MAX, "true or false"); break;
	case CONF_DURATION:
		snprintf(text, EXPECTED_MAX,
			 "a time from %.0f to %.0f ms, in ms or with s, m, h or d behind it", min,
			 max);
		break;
	case CONF_SIZE:
		snprintf(text, EXPECTED_MAX,
			 "a size from %.0f to %.0f bytes, in bytes or with k, M or G behind it",
			 min, max);
		break;
	case CONF_ENUM:
		used = snprintf(text, EXPECTED_MAX, "one of ");
		for (const char *c = option->choices; *c != '\0' && used < EXPECTED_MAX - 3; c++)
			used += *c == '|' ? snprintf(text + used, 3, ", ")
					  : snprintf(text + used, 2, "%c", *c);
		break;
	case CONF_LIST:
		snprintf(text, EXPECTED_MAX, "%.0f to %.0f %s with commas between them", min, max,
			 items);
		break;
	}
}

struct suffix {
	const char *text;
	int64_t factor;
};

static const struct suffix duration_suffixes[] = { { "", 1 },	     { "ms", 1 },
						   { "s", 1000 },    { "m", 60000 },
						   { "h", 3600000 }, { "d", 86400000 },
						   { NULL, 0 } };
static const struct suffix size_suffixes[] = {
	{ "", 1 }, { "k", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 }, { NULL, 0 }
};
static const struct suffix no_suffixes[] = { { "", 1 }, { NULL, 0 } };

/* Decimal digits with an optional sign, then one of the suffixes; nothing else, no overflow. */
static bool whole_parse(const char *text, const struct suffix *suffixes, int64_t *whole)
{
	if (!isdigit((unsigned char)text[text[0] == '-' ? 1 : 0]))
		return false;
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno != 0)
		return false;
	for (const struct suffix *suffix = suffixes; suffix->text != NULL; suffix++) {
		if (strcmp(end, suffix->text) != 0)
			continue;
		if (number > INT64_MAX / suffix->factor || number < INT64_MIN / suffix->factor)
			return false;
		*whole = (int64_t)number * suffix->factor;
		return true;
	}
	return false;
}

static bool real_parse(const char *text, double *real)
{
	/* strtod alone would take blanks, hexadecimal, "nan" and "infinity" too */
	if (text[0] == '\0' || strspn(text, "+-0123456789.eE") != strlen(text))
		return false;
	char *end;
	double number = strtod(text, &end);
	if (*end != '\0' || !isfinite(number))
		return false;
	*real = number;
	return true;
}

static bool choice_parse(const char *text, const char *choices, int64_t *index)
{
	size_t len = strlen(text);
	*index = 0;
	for (const char *at = choices;; (*index)++) {
		size_t choice_len = strcspn(at, "|");
		if (choice_len == len && memcmp(at, text, len) == 0)
			return true;
		if (at[choice_len] == '\0')
			return false;
		at += choice_len + 1;
	}
}

static bool pattern_matches(const char *pattern, const char *text)
{
	if (pattern == NULL)
		return true;
	regex_t compiled;
	CHECK(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0);
	bool matches = regexec(&compiled, text, 0, NULL, 0) == 0;
	regfree(&compiled);
	return matches;
}

static bool in_range(const struct conf_option *option, double number)
{
	return number >= option->min && number <= option->max;
}

/* Splits at commas, blanks around items left out; an empty text is an empty list. */
static bool list_parse(const struct conf_option *option, const char *text, struct value *value)
{
	value->items = check_calloc(CONF_LIST_MAX, sizeof *value->items);
	for (const char *at = text; text[strspn(text, " ")] != '\0';) {
		size_t len = strcspn(at, ",");
		const char *next = at + len;
		while (len > 0 && *at == ' ') {
			at++;
			len--;
		}
		while (len > 0 && at[len - 1] == ' ')
			len--;
		if (len == 0 || value->item_count == CONF_LIST_MAX)
			return false;
		char *item = check_calloc(len + 1, 1);
		memcpy(item, at, len);
		value->items[value->item_count++] = item;
		if (!pattern_matches(option->pattern, item))
			return false;
		if (*next == '\0')
			break;
		at = next + 1;
	}
	return in_range(option, (double)value->item_count);
}

/* Whether `text` is a value of the option; fills value's parsed form. */
static bool value_parse(const struct conf_option *option, const char *text, struct value *value)
{
	const struct suffix *suffixes = option->kind == CONF_DURATION ? duration_suffixes
					: option->kind == CONF_SIZE   ? size_suffixes
								      : no_suffixes;
	switch (option->kind) {
	case CONF_STRING:
		return in_range(option, (double)strlen(text)) &&
		       pattern_matches(option->pattern, text);
	case CONF_INT:
	case CONF_DURATION:
	case CONF_SIZE:
		return whole_parse(text, suffixes, &value->whole) &&
		       in_range(option, (double)value->whole);
	case CONF_DOUBLE: return real_parse(text, &value->real) && in_range(option, value->real);
	case CONF_BOOL: return choice_parse(text, "false|true", &value->whole);
	case CONF_ENUM: return choice_parse(text, option->choices, &value->whole);
	case CONF_LIST: return list_parse(option, text, value);
	}
	return false;
}

static void value_fini(struct value *value)
{
	for (size_t i = 0; i < value->item_count; i++)
		free(value->items[i]);
	free(value->items);
	free(value->text);
	free(value->origin);
	*value = (struct value){ 0 };
}

static struct err *invalid_new(const struct conf_option *option, const char *text,
			       const char *origin)
{
	char expected[EXPECTED_MAX];
	expected_describe(option, expected);
	bool secret = name_is_secret(option->name) || url_password(text) != NULL;
	const char *shown = secret ? hidden : text;
	return err_new(ERR_FATAL, "CONF_INVALID", "%s can't be \"%.*s%s\" (from %s): expected %s",
		       option->name, SHOWN_MAX, shown, strlen(shown) > SHOWN_MAX ? "..." : "",
		       origin, expected);
}

static struct err *open_set(struct conf *conf, const char *name, const char *text,
			    const char *origin)
{
	const char *rest = name + strlen(conf->table->open_prefix);
	size_t i = 0;
	while (i < conf->open_count && strcmp(conf->open[i].name, rest) != 0)
		i++;
	if (i == CONF_OPEN_MAX)
		return err_new(ERR_FATAL, "CONF_INVALID", "%s (from %s): more than %d options %s*",
			       name, origin, CONF_OPEN_MAX, conf->table->open_prefix);
	struct open_value *value = &conf->open[i];
	if (i == conf->open_count) {
		value->name = check_strdup(rest);
		conf->open_count++;
	}
	free(value->text);
	free(value->origin);
	value->text = check_strdup(text);
	value->origin = check_strdup(origin);
	return NULL;
}

struct err *conf_set(struct conf *conf, const char *name, const char *text, const char *origin)
{
	size_t index;
	const struct conf_option *option = option_find(conf->table, name, &index);
	if (option == NULL && !name_is_open(conf->table, name))
		return unknown_new(conf->table, name, origin);
	if (strlen(text) > CONF_VALUE_MAX)
		return err_new(ERR_FATAL, "CONF_INVALID", "%s (from %s) is longer than %d bytes",
			       name, origin, CONF_VALUE_MAX);
	if (option == NULL)
		return open_set(conf, name, text, origin);
	struct value value = { 0 };
	if (!value_parse(option, text, &value)) {
		value_fini(&value);
		return invalid_new(option, text, origin);
	}
	value.text = check_strdup(text);
	value.origin = check_strdup(origin);
	value_fini(&conf->values[index]);
	conf->values[index] = value;
	return NULL;
}

struct conf *conf_new(const struct conf_table *table)
{
	struct conf *conf = check_calloc(1, sizeof *conf);
	conf->table = table;
	conf->values = check_calloc(table->option_count, sizeof *conf->values);
	for (size_t i = 0; i < table->option_count; i++) {
		const struct conf_option *option = &table->options[i];
		CHECK(strlen(option->name) <= CONF_NAME_MAX);
		CHECK(value_parse(option, option->fallback, &conf->values[i]));
		conf->values[i].text = check_strdup(option->fallback);
	}
	return conf;
}

void conf_free(struct conf **conf)
{
	if (*conf == NULL)
		return;
	for (size_t i = 0; i < (*conf)->table->option_count; i++)
		value_fini(&(*conf)->values[i]);
	for (size_t i = 0; i < (*conf)->open_count; i++) {
		free((*conf)->open[i].name);
		free((*conf)->open[i].text);
		free((*conf)->open[i].origin);
	}
	free((*conf)->values);
	free(*conf);
	*conf = NULL;
}

/* ---- sources -------------------------------------------------------------------------------- */

/* The text that a flag would give for a JSON value; NULL where none would. New. */
static char *json_text(const json_t *json)
{
	if (json_is_string(json))
		return strlen(json_string_value(json)) == json_string_length(json)
			       ? check_strdup(json_string_value(json))
			       : NULL;
	if (!json_is_array(json)) {
		bool plain = json_is_number(json) || json_is_boolean(json);
		return plain ? json_dumps(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
	}
	size_t room = 1, len = 0, i;
	json_t *item;
	json_array_foreach(json, i, item) {
		if (!json_is_string(item) || strchr(json_string_value(item), ',') != NULL)
			return NULL;
		room += json_string_length(item) + 1;
	}
	char *text = check_calloc(room, 1);
	json_array_foreach(json, i, item)
		len += (size_t)snprintf(text + len, room - len, "%s%s", i > 0 ? "," : "",
					json_string_value(item));
	return text;
}

static struct err *file_read(const char *path, json_t **root)
{
	struct stat about;
	if (stat(path, &about) != 0)
		return err_new(ERR_FATAL, "CONF_FILE", "can't read the configuration file %s: %s",
			       path, strerror(errno));
	if (about.st_size > CONF_FILE_BYTES_MAX)
		return err_new(ERR_FATAL, "CONF_FILE",
			       "the configuration file %s is larger than %d bytes", path,
			       CONF_FILE_BYTES_MAX);
	json_error_t error;
	*root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (*root == NULL)
		return err_new(ERR_FATAL, "CONF_FILE",
			       "the configuration file %s, line %d, column %d: %s", path,
			       error.line, error.column, error.text);
	if (!json_is_object(*root)) {
		json_decref(*root);
		return err_new(ERR_FATAL, "CONF_FILE",
			       "the configuration file %s must hold one JSON object, "
			       "{\"option.name\": value, ...}",
			       path);
	}
	return NULL;
}

struct err *conf_load_file(struct conf *conf, const char *path)
{
	json_t *root = NULL;
	struct err *err = file_read(path, &root);
	if (err != NULL)
		return err;
	char origin[ORIGIN_MAX];
	snprintf(origin, sizeof origin, "the file %s", path);
	const char *name;
	json_t *json;
	json_object_foreach(root, name, json) {
		char *text = json_text(json);
		if (!conf_name_known(conf->table, name))
			err = unknown_new(conf->table, name, origin);
		else if (text == NULL)
			err = err_new(
				ERR_FATAL, "CONF_INVALID",
				"%s (from %s) must be a text, a number, true, false, or a list "
				"of texts; names are flat, {\"%s\": value}",
				name, origin, name);
		else
			err = conf_set(conf, name, text, origin);
		free(text);
		if (err != NULL)
			break;
	}
	json_decref(root);
	return err;
}

/* commit.interval.ms as COMMIT_INTERVAL_MS. */
static void env_name(const char *name, char env[CONF_NAME_MAX + 1])
{
	size_t i = 0;
	for (; name[i] != '\0' && i < CONF_NAME_MAX; i++)
		env[i] = name[i] == '.' || name[i] == '-' ? '_'
							  : (char)toupper((unsigned char)name[i]);
	env[i] = '\0';
}

/* The option that the variable's rest (prefix left out) names, into name. Where no row fits, the
 * plain reading of it: KAFKA_SECURITY_PROTOCOL is kafka.security.protocol. */
static void env_option_name(const struct conf_table *table, const char *rest,
			    char name[CONF_NAME_MAX + 1])
{
	char env[CONF_NAME_MAX + 1];
	for (size_t i = 0; i < table->option_count; i++) {
		env_name(table->options[i].name, env);
		if (strcmp(env, rest) == 0) {
			snprintf(name, CONF_NAME_MAX + 1, "%s", table->options[i].name);
			return;
		}
	}
	size_t i = 0;
	for (; rest[i] != '\0' && i < CONF_NAME_MAX; i++)
		name[i] = rest[i] == '_' ? '.' : (char)tolower((unsigned char)rest[i]);
	name[i] = '\0';
}

struct err *conf_load_env(struct conf *conf, char *const *environment)
{
	const char *prefix = conf->table->env_prefix;
	for (size_t i = 0; environment[i] != NULL; i++) {
		const char *variable = environment[i];
		size_t len = strcspn(variable, "=");
		if (!starts_with(variable, prefix) || variable[len] == '\0')
			continue;
		if (len == strlen(conf->table->env_file) &&
		    starts_with(variable, conf->table->env_file))
			continue;
		char origin[ORIGIN_MAX], rest[CONF_NAME_MAX + 1], name[CONF_NAME_MAX + 1];
		snprintf(origin, sizeof origin, "the environment variable %.*s",
			 (int)(len < CONF_NAME_MAX ? len : CONF_NAME_MAX), variable);
		snprintf(rest, sizeof rest, "%.*s", (int)(len - strlen(prefix)),
			 variable + strlen(prefix));
		env_option_name(conf->table, rest, name);
		struct err *err = conf_set(conf, name, variable + len + 1, origin);
		if (err != NULL)
			return err;
	}
	return NULL;
}

/* ---- getters -------------------------------------------------------------------------------- */

static const struct value *value_get(const struct conf *conf, const char *name, unsigned kinds)
{
	size_t index;
	const struct conf_option *option = option_find(conf->table, name, &index);
	CHECK(option != NULL);
	CHECK((kinds & 1u << option->kind) != 0);
	return &conf->values[index];
}

const char *conf_string(const struct conf *conf, const char *name)
{
	return value_get(conf, name, 1u << CONF_STRING | 1u << CONF_ENUM)->text;
}

int64_t conf_int(const struct conf *conf, const char *name)
{
	unsigned kinds = 1u << CONF_INT | 1u << CONF_DURATION | 1u << CONF_SIZE | 1u << CONF_ENUM;
	return value_get(conf, name, kinds)->whole;
}

double conf_double(const struct conf *conf, const char *name)
{
	return value_get(conf, name, 1u << CONF_DOUBLE)->real;
}

bool conf_bool(const struct conf *conf, const char *name)
{
	return value_get(conf, name, 1u << CONF_BOOL)->whole != 0;
}

const char *const *conf_list(const struct conf *conf, const char *name, size_t *count)
{
	const struct value *value = value_get(conf, name, 1u << CONF_LIST);
	*count = value->item_count;
	return (const char *const *)value->items;
}

size_t conf_open_count(const struct conf *conf)
{
	return conf->open_count;
}

void conf_open_at(const struct conf *conf, size_t i, const char **name, const char **value)
{
	CHECK(i < conf->open_count);
	*name = conf->open[i].name;
	*value = conf->open[i].text;
}

bool conf_is_set(const struct conf *conf, const char *name)
{
	return value_get(conf, name, ~0u)->origin != NULL;
}

/* ---- pages ---------------------------------------------------------------------------------- */

/* Writes the value, hiding what is secret: all of it, or the password of scheme://user:password@ */
static void value_print(const char *name, const char *text, FILE *out)
{
	const char *colon = url_password(text);
	if (name_is_secret(name))
		fputs(hidden, out);
	else if (colon != NULL)
		fprintf(out, "%.*s:%s%s", (int)(colon - text), text, hidden, strrchr(text, '@'));
	else
		fputs(text, out);
}

void conf_print(const struct conf *conf, FILE *out)
{
	for (size_t i = 0; i < conf->table->option_count; i++) {
		const char *name = conf->table->options[i].name;
		const struct value *value = &conf->values[i];
		fprintf(out, "%-24s = ", name);
		value_print(name, value->text, out);
		fprintf(out, "  (%s%s)\n", value->origin ? "from " : "default",
			value->origin ? value->origin : "");
	}
	for (size_t i = 0; i < conf->open_count; i++) {
		const struct open_value *value = &conf->open[i];
		fprintf(out, "%s%-*s = ", conf->table->open_prefix,
			(int)(24 - strlen(conf->table->open_prefix)), value->name);
		value_print(value->name, value->text, out);
		fprintf(out, "  (from %s)\n", value->origin);
	}
}

/* Text in a cell of a Markdown table: '|' would end the cell. */
static void cell_print(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void option_print_reference(const struct conf_option *option, FILE *out)
{
	char expected[EXPECTED_MAX];
	expected_describe(option, expected);
	fprintf(out, "| `%s` | ", option->name);
	if (option->fallback[0] == '\0')
		fputs("empty", out);
	else
		fprintf(out, "`%s`", option->fallback);
	if (option->unit != NULL && option->fallback[0] != '\0')
		fprintf(out, " %s", option->unit);
	fputs(" | ", out);
	cell_print(expected, out);
	fputs(" | ", out);
	cell_print(option->doc, out);
	fputs(" |\n", out);
}

void conf_print_reference(const struct conf_table *table, FILE *out)
{
	fprintf(out,
		"# Configuration\n\n"
		"Values come from these places, each over the one before it: the defaults\n"
		"below; a file, `--config FILE` or `%s`, that holds one flat JSON object;\n"
		"the environment, where `some.option.ms` is called `%sSOME_OPTION_MS`;\n"
		"flags, `--some.option.ms=5` or `--some.option.ms 5`. A name that isn't listed\n"
		"here, or a value out of its range, is an error that says where it came from.\n"
		"`foretell config` prints the values in effect and where each came from.\n\n"
		"| option | default | takes | meaning |\n"
		"|---|---|---|---|\n",
		table->env_file, table->env_prefix);
	for (size_t i = 0; i < table->option_count; i++)
		option_print_reference(&table->options[i], out);
	if (table->open_prefix != NULL)
		fprintf(out, "| `%s*` | | text | %s |\n", table->open_prefix, table->open_doc);
	fputs("\nThis page is printed by `foretell config --reference`; change the option table, "
	      "not the page.\n",
	      out);
}
