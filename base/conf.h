/* Configuration: one table row per option, and values that know where they came from.
 *
 * The table says everything about an option once: name, kind, default, range, unit, meaning. Values
 * come, each source over the one before it, from the defaults, a file (a flat JSON object), the
 * environment (PREFIX_COMMIT_INTERVAL_MS for commit.interval.ms) and flags. A table may have an
 * open prefix ("kafka."): names under it are kept as they are, for the client that knows them.
 *
 * Ownership: a conf owns its values; getters return borrowed ones, good until the next conf_set,
 * conf_load_* or conf_free. The table is borrowed and must outlive the conf.
 * Threads: one while it is filled, any number that only read it afterwards.
 * Errors of all functions here: FATAL CONF_INVALID (a value), CONF_UNKNOWN (a name), CONF_FILE (the
 * file itself). The text names the option, its source, and what was expected; it never shows the
 * value of a secret. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum {
	CONF_NAME_MAX = 128,	/* bytes of an option's name */
	CONF_VALUE_MAX = 16384, /* bytes of a value: room for a PEM key or certificate */
	CONF_LIST_MAX = 64,	/* items of a list */
	CONF_OPEN_MAX = 128,	/* names under the open prefix */
	CONF_FILE_BYTES_MAX = 1 << 20,
};

enum conf_kind {
	CONF_STRING,   /* min, max: its length in bytes */
	CONF_INT,      /* a whole number from min to max */
	CONF_DOUBLE,   /* a number from min to max */
	CONF_BOOL,     /* true or false */
	CONF_DURATION, /* milliseconds from min to max; "250", "250ms", "30s", "5m", "2h", "7d" */
	CONF_SIZE,     /* bytes from min to max; "4096", "64k", "2M", "1G" (powers of 1024) */
	CONF_ENUM,     /* one of `choices` */
	CONF_LIST,     /* texts with commas between them; min, max: how many */
};

struct conf_option {
	const char *name;
	enum conf_kind kind;
	const char *fallback; /* the default, written as a flag would give it */
	double min, max;
	const char *unit;	  /* for the reference page; NULL where there is none */
	const char *choices;	  /* CONF_ENUM: "live|data" */
	const char *pattern;	  /* CONF_STRING, each item of CONF_LIST: a POSIX extended regular
				   * expression that it must match; NULL: anything */
	const char *pattern_text; /* the pattern in words, completing "expected ..." */
	const char *doc;	  /* one or two sentences */
};

struct conf_table {
	const struct conf_option *options;
	size_t option_count;
	const char *env_prefix;	 /* "FORETELL_" */
	const char *env_file;	 /* the variable that names the file, e.g. "FORETELL_CONFIG" */
	const char *open_prefix; /* "kafka."; NULL: none */
	const char *open_doc;	 /* what names under it mean */
};

struct conf;

/* A new configuration of defaults, which must be valid themselves. Free with conf_free(&conf). */
struct conf *conf_new(const struct conf_table *table);
void conf_free(struct conf **conf);

/* Sets every option that the file names: {"commit.interval.ms": 50, "inputs": ["a", "b"]}. */
ERR_MUST_USE struct err *conf_load_file(struct conf *conf, const char *path);

/* Sets every option that a variable of `environment` ("NAME=value", ends with NULL) with the
 * table's prefix names; such a variable that names none is an error. */
ERR_MUST_USE struct err *conf_load_env(struct conf *conf, char *const *environment);

/* Sets one option. `origin` says where the value came from, completing "from ..."; copied. */
ERR_MUST_USE struct err *conf_set(struct conf *conf, const char *name, const char *value,
				  const char *origin);

/* Whether a flag may have this name: a row of the table, or a name under the open prefix. */
bool conf_name_known(const struct conf_table *table, const char *name);
const struct conf_option *conf_option_find(const struct conf_table *table, const char *name);

/* A name that the table lacks, or a getter that does not fit the option's kind, is a CHECK. */
const char *conf_string(const struct conf *conf, const char *name); /* CONF_STRING, CONF_ENUM */
int64_t conf_int(const struct conf *conf, const char *name); /* CONF_INT, _DURATION, _SIZE; of
							      * CONF_ENUM the choice's index */
double conf_double(const struct conf *conf, const char *name);
bool conf_bool(const struct conf *conf, const char *name);
/* The items, borrowed; *count of them. */
const char *const *conf_list(const struct conf *conf, const char *name, size_t *count);

/* The i-th of conf_open_count names under the open prefix, prefix left out; borrowed. */
size_t conf_open_count(const struct conf *conf);
void conf_open_at(const struct conf *conf, size_t i, const char **name, const char **value);

/* Whether the option's value was set by anything but its default. */
bool conf_is_set(const struct conf *conf, const char *name);

/* The effective configuration, one option a line, with where each value came from. Values of
 * options whose names say that they are secret, and passwords in URLs, are shown as "***". */
void conf_print(const struct conf *conf, FILE *out);

/* The table as a Markdown page. */
void conf_print_reference(const struct conf_table *table, FILE *out);

/* The name among names[count] that is close enough to `name` to be what was meant; NULL: none. */
const char *conf_nearest(const char *name, const char *const *names, size_t count);

#endif
