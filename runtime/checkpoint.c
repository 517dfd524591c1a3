#include "runtime/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int tick_cursor_compare(const struct tick_cursor *cursor, int64_t due_ms, uint8_t kind,
			struct bytes key)
{
	if (!cursor->present)
		return 1;
	if (due_ms != cursor->due_ms)
		return due_ms < cursor->due_ms ? -1 : 1;
	if (kind != cursor->kind)
		return kind < cursor->kind ? -1 : 1;
	return bytes_compare(key, bytes_of(cursor->key, cursor->key_len));
}

void tick_cursor_set(struct tick_cursor *cursor, int64_t due_ms, uint8_t kind, struct bytes key)
{
	cursor->present = true;
	cursor->due_ms = due_ms;
	cursor->kind = kind;
	cursor->key_len = (uint8_t)key.len;
	memcpy(cursor->key, key.data, key.len);
}

void checkpoint_format(const struct checkpoint *checkpoint, char text[POSITION_TEXT_MAX])
{
	int used = snprintf(text, POSITION_TEXT_MAX, "Y=%" PRId64 ";v=%" PRIu32, checkpoint->y,
			    checkpoint->logic_version);
	if (checkpoint->input_id != 0 || checkpoint->states_id != 0)
		used += snprintf(text + used, POSITION_TEXT_MAX - (size_t)used,
				 ";i=%08" PRIx32 ";s=%08" PRIx32, checkpoint->input_id,
				 checkpoint->states_id);
	const struct tick_cursor *cursor = &checkpoint->cursor;
	if (!cursor->present)
		return;
	used += snprintf(text + used, POSITION_TEXT_MAX - (size_t)used,
			 ";d=%" PRId64 ";k=%u;c=", cursor->due_ms, (unsigned)cursor->kind);
	for (size_t i = 0; i < cursor->key_len; i++)
		used += snprintf(text + used, POSITION_TEXT_MAX - (size_t)used, "%02x",
				 (unsigned)cursor->key[i]);
}

/* "NAME=integer" at *text, which moves past it and a following semicolon. */
static bool take_number(const char **text, const char *name, int64_t *value)
{
	size_t len = strlen(name);
	if (strncmp(*text, name, len) != 0)
		return false;
	char *end = NULL;
	errno = 0;
	long long number = strtoll(*text + len, &end, 10);
	if (end == *text + len || errno != 0 || (*end != ';' && *end != '\0'))
		return false;
	*value = number;
	*text = *end == ';' ? end + 1 : end;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "NAME=eight hex digits", as take_number. */
static bool take_id(const char **text, const char *name, uint32_t *id)
{
	size_t len = strlen(name);
	const char *digits = *text + len;
	if (strncmp(*text, name, len) != 0)
		return false;
	*id = 0;
	for (size_t i = 0; i < 8; i++) {
		int digit = hex_digit(digits[i]);
		if (digit < 0)
			return false;
		*id = *id << 4 | (uint32_t)digit;
	}
	if (digits[8] != ';' && digits[8] != '\0')
		return false;
	*text = digits + 8 + (digits[8] == ';');
	return true;
}

/* Positions of earlier versions have none. */
static bool take_ids(const char **text, struct checkpoint *checkpoint)
{
	if (strncmp(*text, "i=", 2) != 0)
		return true;
	return take_id(text, "i=", &checkpoint->input_id) &&
	       take_id(text, "s=", &checkpoint->states_id);
}

static bool take_cursor(const char *text, struct tick_cursor *cursor)
{
	int64_t kind;
	if (!take_number(&text, "d=", &cursor->due_ms) || !take_number(&text, "k=", &kind) ||
	    kind < 0 || kind > UINT8_MAX || strncmp(text, "c=", 2) != 0)
		return false;
	text += 2;
	size_t len = strlen(text);
	if (len % 2 != 0 || len / 2 > KEY_LEN_MAX)
		return false;
	for (size_t i = 0; i < len / 2; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		cursor->key[i] = (uint8_t)(high << 4 | low);
	}
	cursor->kind = (uint8_t)kind;
	cursor->key_len = (uint8_t)(len / 2);
	cursor->present = true;
	return true;
}

bool checkpoint_equal(const struct checkpoint *a, const struct checkpoint *b)
{
	char of_a[POSITION_TEXT_MAX], of_b[POSITION_TEXT_MAX];
	checkpoint_format(a, of_a);
	checkpoint_format(b, of_b);
	return a->x == b->x && strcmp(of_a, of_b) == 0;
}

struct err *checkpoint_parse(int64_t x, const char *text, struct checkpoint *checkpoint)
{
	const char *rest = text;
	int64_t version;
	*checkpoint = (struct checkpoint){ .x = x };
	if (take_number(&rest, "Y=", &checkpoint->y) && take_number(&rest, "v=", &version) &&
	    version >= 0 && version <= UINT32_MAX && checkpoint->y >= 0 && checkpoint->y <= x &&
	    take_ids(&rest, checkpoint) &&
	    (*rest == '\0' || take_cursor(rest, &checkpoint->cursor))) {
		checkpoint->logic_version = (uint32_t)version;
		return NULL;
	}
	return err_new(
		ERR_FATAL, "CHECKPOINT_FOREIGN",
		"the committed offset %" PRId64 " carries metadata \"%.80s\", which foretell "
		"did not write: another program used this group. Choose another --app, with "
		"--from-beginning",
		x, text);
}
