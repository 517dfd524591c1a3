#include "producers/time_text.h"

#include <stdio.h>
#include <string.h>

/* The fields of a civil time while a text is read. */
struct civil {
	int year, month, day, hour, minute, second;
	int64_t fraction_ms;
	bool has_offset;
	int64_t offset_ms;
};

static size_t count_directive(const char *pattern, char directive)
{
	size_t count = 0;
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p != '%')
			continue;
		p++; /* time_format_init has refused a pattern that ends in % */
		count += *p == directive;
	}
	return count;
}

static const char *pattern_fault(const char *pattern)
{
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p != '%')
			continue;
		p++;
		if (*p == '\0' || strchr("YmbdHMSfz%", *p) == NULL)
			return "only %Y %m %b %d %H %M %S %f %z and %% are known";
	}
	for (const char *d = "YmbdHMSfz"; *d != '\0'; d++)
		if (count_directive(pattern, *d) > 1)
			return "a directive occurs twice";
	if (count_directive(pattern, 'Y') == 0 || count_directive(pattern, 'd') == 0 ||
	    count_directive(pattern, 'm') + count_directive(pattern, 'b') != 1)
		return "it needs a year (%Y), a month (%m or %b) and a day (%d)";
	if ((count_directive(pattern, 'M') > 0 && count_directive(pattern, 'H') == 0) ||
	    (count_directive(pattern, 'S') > 0 && count_directive(pattern, 'M') == 0) ||
	    (count_directive(pattern, 'f') > 0 && count_directive(pattern, 'S') == 0))
		return "%M needs %H, %S needs %M, and %f needs %S";
	return NULL;
}

struct err *time_format_init(const char *text, struct time_format *format)
{
	*format = (struct time_format){ .kind = TIME_TEXT_PATTERN };
	if (strcmp(text, "iso8601") == 0)
		format->kind = TIME_TEXT_ISO8601;
	else if (strcmp(text, "unix_s") == 0)
		format->kind = TIME_TEXT_UNIX_S;
	else if (strcmp(text, "unix_ms") == 0)
		format->kind = TIME_TEXT_UNIX_MS;
	if (format->kind != TIME_TEXT_PATTERN)
		return NULL;
	const char *fault = strlen(text) > TIME_FORMAT_MAX ? "it is too long" : pattern_fault(text);
	if (fault != NULL)
		return err_new(ERR_FATAL, "TIME_FORMAT",
			       "\"%.64s\" is no time format: %s; expected for example "
			       "\"%%Y-%%m-%%d %%H:%%M\", \"iso8601\", \"unix_s\" or \"unix_ms\"",
			       text, fault);
	memcpy(format->pattern, text, strlen(text) + 1);
	return NULL;
}

/* digits_min to digits_max digits at *text, which moves past them; -1 where there are fewer. */
static int take_number(const char **text, int digits_min, int digits_max)
{
	int value = 0, count = 0;
	for (; count < digits_max && **text >= '0' && **text <= '9'; count++, (*text)++)
		value = value * 10 + (**text - '0');
	return count < digits_min ? -1 : value;
}

static bool take_fraction(const char **text, int64_t *ms)
{
	int64_t unit = 100;
	int count = 0;
	*ms = 0;
	for (; count < 9 && **text >= '0' && **text <= '9'; count++, unit /= 10, (*text)++)
		*ms += (**text - '0') * unit;
	return count > 0;
}

static int take_month_name(const char **text)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	char name[4] = "";
	for (size_t i = 0; i < 3; i++) {
		char c = (*text)[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c < 'a' || c > 'z')
			return -1;
		name[i] = c;
	}
	for (int i = 0; i < 12; i++) {
		if (strncmp(names + 3 * i, name, 3) == 0) {
			*text += 3;
			return i + 1;
		}
	}
	return -1;
}

static bool take_offset(const char **text, struct civil *civil)
{
	civil->has_offset = true;
	civil->offset_ms = 0;
	if (**text == 'Z' || **text == 'z') {
		(*text)++;
		return true;
	}
	int64_t sign = **text == '-' ? -1 : 1;
	if (**text != '-' && **text != '+')
		return false;
	(*text)++;
	int hour = take_number(text, 2, 2);
	if (**text == ':')
		(*text)++;
	int minute = take_number(text, 2, 2);
	if (hour < 0 || hour > 18 || minute < 0 || minute > 59)
		return false;
	civil->offset_ms = sign * (hour * MS_PER_HOUR + minute * MS_PER_MINUTE);
	return true;
}

static bool take_directive(char directive, bool packed, const char **text, struct civil *civil)
{
	int digits_min = packed ? 2 : 1;
	switch (directive) {
	case 'Y': return (civil->year = take_number(text, 4, 4)) >= 0;
	case 'm': return (civil->month = take_number(text, digits_min, 2)) >= 0;
	case 'b': return (civil->month = take_month_name(text)) >= 0;
	case 'd': return (civil->day = take_number(text, digits_min, 2)) >= 0;
	case 'H': return (civil->hour = take_number(text, digits_min, 2)) >= 0;
	case 'M': return (civil->minute = take_number(text, digits_min, 2)) >= 0;
	case 'S': return (civil->second = take_number(text, digits_min, 2)) >= 0;
	case 'f': return take_fraction(text, &civil->fraction_ms);
	case 'z': return take_offset(text, civil);
	default: /* a percent sign */ return *(*text)++ == '%';
	}
}

static bool match_pattern(const char *pattern, const char *text, struct civil *civil)
{
	bool packed = false; /* digits of another directive stand directly before or behind */
	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p != '%') {
			if (*text++ != *p)
				return false;
			packed = false;
			continue;
		}
		p++;
		packed = packed || p[1] == '%';
		if (!take_directive(*p, packed, &text, civil))
			return false;
		packed = true;
	}
	return *text == '\0';
}

static bool civil_to_local_ms(const struct civil *civil, int64_t *local_ms)
{
	/* to days and back: a date that comes back as another one does not exist */
	int64_t year;
	unsigned month, day;
	if (civil->year < 1 || civil->month < 1 || civil->month > 12 || civil->day < 1 ||
	    civil->day > 31 || civil->hour > 23 || civil->minute > 59 || civil->second > 59)
		return false;
	int64_t days =
		time_days_from_civil(civil->year, (unsigned)civil->month, (unsigned)civil->day);
	time_civil_from_days(days, &year, &month, &day);
	if (day != (unsigned)civil->day || month != (unsigned)civil->month)
		return false;
	*local_ms = days * MS_PER_DAY + civil->hour * MS_PER_HOUR + civil->minute * MS_PER_MINUTE +
		    civil->second * 1000 + civil->fraction_ms;
	return true;
}

static bool parse_unix(const char *text, int64_t unit_ms, int64_t *utc_ms)
{
	bool negative = *text == '-';
	int64_t value = 0;
	int count = 0;
	for (text += negative; *text >= '0' && *text <= '9' && count < 15; text++, count++)
		value = value * 10 + (*text - '0');
	if (count == 0 || *text != '\0')
		return false;
	*utc_ms = (negative ? -value : value) * unit_ms; /* at most 10^18 */
	return true;
}

/* Whether an ISO 8601 time ends in Z or an offset: looked for behind its date. */
static bool iso_has_offset(const char *text)
{
	return strlen(text) > strlen("YYYY-MM-DD") &&
	       strpbrk(text + strlen("YYYY-MM-DD"), "Zz+-") != NULL;
}

enum time_text_result time_text_parse(const struct time_format *format,
				      const struct time_zone *zone, struct bytes text,
				      int64_t *utc_ms)
{
	char copy[TIME_TEXT_MAX + 1];
	struct civil civil = { 0 };
	int64_t ms;
	bool matched, local = false;
	if (text.len == 0 || text.len > TIME_TEXT_MAX || memchr(text.data, 0, text.len) != NULL)
		return TIME_TEXT_MISMATCH;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (format->kind == TIME_TEXT_UNIX_S || format->kind == TIME_TEXT_UNIX_MS) {
		matched = parse_unix(copy, format->kind == TIME_TEXT_UNIX_S ? 1000 : 1, &ms);
	} else if (format->kind == TIME_TEXT_ISO8601) {
		matched = time_parse(copy, &ms);
		local = !iso_has_offset(copy);
	} else {
		matched = match_pattern(format->pattern, copy, &civil) &&
			  civil_to_local_ms(&civil, &ms);
		local = !civil.has_offset;
		if (matched)
			ms -= civil.offset_ms;
	}
	if (!matched)
		return TIME_TEXT_MISMATCH;
	if (local && !time_zone_to_utc(zone, ms, &ms))
		return TIME_TEXT_GAP;
	if (ms < EVENT_MS_MIN || ms >= EVENT_MS_MAX)
		return TIME_TEXT_RANGE;
	*utc_ms = ms;
	return TIME_TEXT_OK;
}
