#include "evaluate/cell.h"

#include <stdlib.h>

#include "base/dmath.h"
#include "base/timestamp.h"

enum { NUMBER_LEN_MAX = 64, FOLD_LEN_MAX = 16 };

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
}

size_t cell_fold(struct bytes text, char *out, size_t out_max)
{
	size_t len = text.len < out_max ? text.len : out_max;
	for (size_t i = 0; i < len; i++)
		out[i] = lower(text.data[i]);
	return len;
}

bool cell_is_missing(struct bytes text)
{
	static const char *const words[] = { "na",  "n/a",  "nan",     "null",	 "none",
					     "nil", "#n/a", "missing", "<na>",	 "-",
					     "--",  "?",    ".",       "(null)", "\\n" };
	char folded[FOLD_LEN_MAX];
	if (text.len == 0)
		return true;
	if (text.len > sizeof folded)
		return false;
	struct bytes as = bytes_of(folded, cell_fold(text, folded, sizeof folded));
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (bytes_equal(as, bytes_str(words[i])))
			return true;
	return false;
}

/* ---- numbers ---- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Takes a prefix or suffix off the text. */
static bool take(struct bytes *text, const char *part, bool at_end)
{
	size_t len = strlen(part);
	if (text->len < len)
		return false;
	const uint8_t *at = at_end ? text->data + text->len - len : text->data;
	if (memcmp(at, part, len) != 0)
		return false;
	text->data += at_end ? 0 : len;
	text->len -= len;
	return true;
}

static void take_units(struct bytes *text)
{
	static const char *const units[] = { "$",   "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "%",
					     "EUR", "USD",	    "GBP",	" " };
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
			again |= take(text, units[i], true) || take(text, units[i], false);
	}
}

/* Whether commas stand between thousands: the last one has three digits behind it, or a point
 * follows. */
static bool commas_part_thousands(struct bytes text)
{
	size_t comma = text.len, commas = 0, point = text.len;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == ',') {
			comma = i;
			commas++;
		} else if (text.data[i] == '.') {
			point = i;
		}
	}
	size_t end = comma + 1;
	while (end < text.len && is_digit(text.data[end]))
		end++;
	return commas > 1 || (point < text.len && point > comma) || end - comma == 4;
}

/* The C form of the number into clean[NUMBER_LEN_MAX]; false where a character is none of it. */
static bool clean_number(struct bytes text, char *clean)
{
	bool thousands = commas_part_thousands(text);
	size_t len = 0, digits = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool first = len == 0 || clean[len - 1] == 'e';
		if (c == ',' && thousands)
			continue;
		if (c == ',')
			c = '.';
		if (c == 'E')
			c = 'e';
		if (!is_digit(c) && c != '.' && !(c == 'e' && digits > 0) &&
		    !((c == '-' || c == '+') && first))
			return false;
		digits += is_digit(c);
		clean[len++] = (char)c;
	}
	clean[len] = '\0';
	return digits > 0;
}

bool cell_number(struct bytes text, double *number)
{
	char clean[NUMBER_LEN_MAX + 1], *end;
	bool negative = false;
	/* what most texts that are none begin with */
	if (text.len == 0 || text.len > NUMBER_LEN_MAX)
		return false;
	if (take(&text, "-", false))
		negative = true;
	take_units(&text);
	if (!negative && take(&text, "-", false))
		negative = true;
	if (text.len == 0 || (negative && (text.data[0] == '-' || text.data[0] == '+')) ||
	    !clean_number(text, clean))
		return false;
	double value = strtod(clean, &end);
	if (*end != '\0' || !dm_is_finite(value))
		return false;
	*number = negative ? -value : value;
	return true;
}

/* ---- dates ---- */

static bool take_digits(struct bytes *text, size_t max, int *number)
{
	size_t len = 0;
	*number = 0;
	while (len < text->len && len < max && is_digit(text->data[len]))
		*number = *number * 10 + text->data[len++] - '0';
	text->data += len;
	text->len -= len;
	return len > 0;
}

/* HH:MM[:SS[.fff]], with AM or PM or a zone behind it that is not looked at, as a part of a day. */
static bool take_time(struct bytes text, double *part)
{
	int hour, minute, second = 0;
	*part = 0;
	if (text.len == 0)
		return true;
	if (!take(&text, "T", false) && !take(&text, " ", false))
		return false;
	take(&text, " ", false);
	if (!take_digits(&text, 2, &hour) || !take(&text, ":", false) ||
	    !take_digits(&text, 2, &minute) || hour > 24 || minute > 59)
		return false;
	if (take(&text, ":", false) && !take_digits(&text, 2, &second))
		return false;
	bool evening = hour < 12 && (take(&text, "PM", true) || take(&text, "pm", true));
	*part = ((hour + (evening ? 12 : 0)) * 60 + minute) / 1440.0 + second / 86400.0;
	return true;
}

bool cell_date(struct bytes text, enum cell_date_order order, double *days)
{
	int parts[3];
	char separator[2] = { 0, 0 };
	for (int i = 0; i < 3; i++) {
		if (i > 0 && !take(&text, separator, false))
			return false;
		if (!take_digits(&text, 4, &parts[i]))
			return false;
		if (i == 0 && (text.len == 0 ||
			       (text.data[0] != '-' && text.data[0] != '/' && text.data[0] != '.')))
			return false;
		if (i == 0)
			separator[0] = (char)text.data[0];
	}
	int year = order == CELL_YMD ? parts[0] : parts[2];
	int month = order == CELL_MDY ? parts[0] : parts[1];
	int day = order == CELL_YMD ? parts[2] : order == CELL_DMY ? parts[0] : parts[1];
	double part;
	if (year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1 || day > 31 ||
	    !take_time(text, &part))
		return false;
	*days = (double)time_days_from_civil(year, (unsigned)month, (unsigned)day) + part;
	return true;
}
