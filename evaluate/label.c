#include "evaluate/label.h"

#include <stdio.h>

#include "evaluate/cell.h"

enum { ANSWERS_MAX = 32, LIST_LEN_MAX = 300 };

static const char *const yes_words[] = { "1", "yes", "y", "true", "t" };
static const char *const no_words[] = { "0", "no", "n", "false", "f" };
static const char *const leaving_words[] = { "churn",
					     "churned",
					     "left",
					     "leave",
					     "lost",
					     "lapsed",
					     "cancelled",
					     "canceled",
					     "inactive",
					     "attrited",
					     "attrited customer",
					     "positive",
					     "gone",
					     "terminated" };

struct answers {
	size_t count;
	char keys[ANSWERS_MAX][LABEL_ANSWER_MAX];
	char shown[ANSWERS_MAX][LABEL_ANSWER_MAX];
};

static bool is_among(const char *key, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(key, words[i]) == 0)
			return true;
	return false;
}

#define AMONG(key, words) is_among(key, words, sizeof(words) / sizeof(words)[0])

/* What a spelling is compared by. */
static void key_of(struct bytes text, char key[LABEL_ANSWER_MAX])
{
	double number;
	key[cell_fold(text, key, LABEL_ANSWER_MAX - 1)] = '\0';
	if (cell_number(text, &number))
		snprintf(key, LABEL_ANSWER_MAX, "%g", number);
	if (AMONG(key, yes_words))
		snprintf(key, LABEL_ANSWER_MAX, "1");
	else if (AMONG(key, no_words))
		snprintf(key, LABEL_ANSWER_MAX, "0");
}

static void collect(const struct table_column *column, struct answers *answers)
{
	answers->count = 0;
	for (size_t i = 0; i < column->text_count && answers->count < ANSWERS_MAX; i++) {
		char key[LABEL_ANSWER_MAX];
		size_t k = 0;
		if (cell_is_missing(column->texts[i]))
			continue;
		key_of(column->texts[i], key);
		while (k < answers->count && strcmp(answers->keys[k], key) != 0)
			k++;
		if (k < answers->count)
			continue;
		snprintf(answers->keys[k], LABEL_ANSWER_MAX, "%s", key);
		snprintf(answers->shown[k], LABEL_ANSWER_MAX, "%.*s",
			 (int)(column->texts[i].len < 60 ? column->texts[i].len : 60),
			 (const char *)column->texts[i].data);
		answers->count++;
	}
}

static void list(char text[LIST_LEN_MAX], size_t count, const char *(*name)(const void *, size_t),
		 const void *context)
{
	size_t len = 0;
	text[0] = '\0';
	for (size_t i = 0; i < count && len + 80 < LIST_LEN_MAX; i++)
		len += (size_t)snprintf(text + len, LIST_LEN_MAX - len, "%s%.60s",
					i > 0 ? ", " : "", name(context, i));
}

static const char *answer_name(const void *context, size_t i)
{
	return ((const struct answers *)context)->shown[i];
}

static const char *column_name(const void *context, size_t i)
{
	return ((const struct table *)context)->columns[i].name;
}

/* Which answer is positive; answers->count where that isn't clear. */
static size_t find_positive(const struct answers *answers, const char *positive)
{
	char key[LABEL_ANSWER_MAX];
	size_t found = answers->count, leaving = 0;
	if (positive != NULL) {
		key_of(bytes_str(positive), key);
		for (size_t i = 0; i < answers->count; i++)
			if (strcmp(answers->keys[i], key) == 0)
				return i;
		return answers->count;
	}
	for (size_t i = 0; i < answers->count; i++)
		if (strcmp(answers->keys[i], "1") == 0)
			return i;
	for (size_t i = 0; i < answers->count; i++) {
		if (AMONG(answers->keys[i], leaving_words)) {
			found = i;
			leaving++;
		}
	}
	return leaving == 1 ? found : answers->count;
}

static struct err *check_count(const struct answers *answers, const char *name,
			       const char *positive, const char *shown)
{
	if (answers->count == 0)
		return err_new(ERR_FATAL, "LABEL_VALUES",
			       "column \"%s\" is empty: nothing to learn", name);
	if (answers->count == 1)
		return err_new(ERR_FATAL, "LABEL_VALUES",
			       "column \"%s\" has one class only (%s): there is nothing to tell "
			       "apart; rows of both outcomes are needed",
			       name, shown);
	if (answers->count > 2 && positive == NULL)
		return err_new(
			ERR_FATAL, "LABEL_VALUES",
			"column \"%s\" has %s%zu answers (%s): say with --positive which one "
			"is to be predicted against all others",
			name, answers->count == ANSWERS_MAX ? "at least " : "", answers->count,
			shown);
	return NULL;
}

struct err *label_init(struct label *label, const struct table *table, const char *name,
		       const char *positive)
{
	char shown[LIST_LEN_MAX];
	struct answers answers;
	*label = (struct label){ .column = table_find(table, name) };
	if (label->column == table->column_count) {
		list(shown, table->column_count, column_name, table);
		return err_new(ERR_FATAL, "LABEL_MISSING",
			       "%s has no column \"%s\" (--label); its columns are: %s",
			       table->path, name, shown);
	}
	collect(&table->columns[label->column], &answers);
	list(shown, answers.count, answer_name, &answers);
	struct err *err = check_count(&answers, name, positive, shown);
	if (err != NULL)
		return err;
	size_t found = find_positive(&answers, positive);
	if (found == answers.count)
		return err_new(ERR_FATAL, "LABEL_POSITIVE",
			       positive != NULL
				       ? "column \"%s\" never says \"%s\" (--positive); it says: %s"
				       : "column \"%s\" says %s%s: say with --positive which of "
					 "them is to be predicted",
			       name, positive != NULL ? positive : shown,
			       positive != NULL ? shown : "");
	snprintf(label->positive, sizeof label->positive, "%s", answers.shown[found]);
	snprintf(label->positive_key, sizeof label->positive_key, "%s", answers.keys[found]);
	label->others = answers.count - 1;
	if (answers.count == 2)
		snprintf(label->negative_key, sizeof label->negative_key, "%s",
			 answers.keys[1 - found]);
	return NULL;
}

uint8_t label_of(const struct label *label, struct bytes text)
{
	char key[LABEL_ANSWER_MAX];
	if (cell_is_missing(text))
		return LABEL_NONE;
	key_of(text, key);
	if (strcmp(key, label->positive_key) == 0)
		return 1;
	if (label->negative_key[0] == '\0' || strcmp(key, label->negative_key) == 0)
		return 0;
	return LABEL_NONE;
}
