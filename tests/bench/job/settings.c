#include "tests/bench/job/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

/* The value of a word that has this name, else NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t len = strlen(name);
	return strncmp(word, name, len) == 0 && word[len] == '=' ? word + len + 1 : NULL;
}

static struct err *take(struct settings *settings, const char *word, const char *const *own)
{
	for (; *own != NULL; own++)
		if (value_of(word, *own) != NULL)
			return NULL;
	char name[CONF_NAME_MAX + 1];
	size_t len = strcspn(word, "=");
	if (word[len] != '=' || len >= sizeof name)
		return err_new(ERR_FATAL, "USAGE", "expected NAME=VALUE, not \"%s\"", word);
	memcpy(name, word, len);
	name[len] = '\0';
	return conf_set(settings->conf, name, word + len + 1, "the command line");
}

struct err *settings_open(int argc, char **argv, const char *const *own, struct settings *settings)
{
	*settings = (struct settings){ argv + 1, argc - 1, conf_new(&options_table) };
	struct err *err = NULL;
	for (int i = 0; err == NULL && i < settings->word_count; i++)
		err = take(settings, settings->words[i], own);
	return err;
}

void settings_close(struct settings *settings)
{
	conf_free(&settings->conf);
}

const char *settings_text(const struct settings *settings, const char *name, const char *fallback)
{
	const char *found = fallback;
	for (int i = 0; i < settings->word_count; i++) {
		const char *value = value_of(settings->words[i], name);
		found = value != NULL ? value : found;
	}
	return found;
}

struct err *settings_number(const struct settings *settings, const char *name, int64_t fallback,
			    int64_t min, int64_t max, int64_t *number)
{
	const char *text = settings_text(settings, name, NULL);
	*number = fallback;
	if (text == NULL)
		return NULL;
	char *end;
	errno = 0;
	long long parsed = strtoll(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || parsed < min || parsed > max)
		return err_new(ERR_FATAL, "USAGE",
			       "%s can't be \"%s\": a whole number from %lld to %lld", name, text,
			       (long long)min, (long long)max);
	*number = parsed;
	return NULL;
}
