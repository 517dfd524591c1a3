#include "producers/decimal.h"

#include "base/check.h"

struct cursor {
	struct bytes text;
	size_t at;
	int digit_count; /* significant, without leading zeros */
	int64_t digits;
};

static bool at_digit(const struct cursor *c)
{
	return c->at < c->text.len && c->text.data[c->at] >= '0' && c->text.data[c->at] <= '9';
}

static bool take(struct cursor *c, char wanted)
{
	if (wanted == 0 || c->at == c->text.len || c->text.data[c->at] != (uint8_t)wanted)
		return false;
	c->at++;
	return true;
}

/* A run of digits into c->digits; its length, or -1 where there are too many. */
static int take_run(struct cursor *c)
{
	int count = 0;
	for (; at_digit(c); c->at++) {
		int digit = c->text.data[c->at] - '0';
		c->digit_count += c->digit_count > 0 || digit > 0;
		if (c->digit_count > DECIMAL_DIGITS_MAX || ++count > 2 * DECIMAL_DIGITS_MAX)
			return -1;
		c->digits = c->digits * 10 + digit;
	}
	return count;
}

static bool take_whole(struct cursor *c, char thousands)
{
	int count = take_run(c);
	if (count < 1)
		return false;
	if (thousands == 0 || c->at == c->text.len || c->text.data[c->at] != (uint8_t)thousands)
		return true;
	if (count > 3)
		return false;
	while (take(c, thousands))
		if (take_run(c) != 3)
			return false;
	return true;
}

bool decimal_parse(struct bytes text, const struct decimal_syntax *syntax, struct decimal *decimal)
{
	struct cursor c = { .text = text };
	bool negative = take(&c, '-');
	if (!negative)
		(void)take(&c, '+');
	if (!take_whole(&c, syntax->thousands))
		return false;
	int scale = 0;
	if (take(&c, syntax->point)) {
		/* zeros at the end of a fraction say nothing; without them "1.500000000000000000"
		 * fits */
		size_t end = c.text.len;
		while (end > c.at + 1 && c.text.data[end - 1] == '0')
			end--;
		c.text.len = end;
		bool nothing = end == c.at + 1 && take(&c, '0');
		scale = nothing ? 0 : take_run(&c);
		if (!nothing && scale < 1)
			return false;
	}
	if (c.at != c.text.len || scale > DECIMAL_DIGITS_MAX)
		return false;
	*decimal = (struct decimal){ .digits = negative ? -c.digits : c.digits, .scale = scale };
	return true;
}

bool decimal_to_units(const struct decimal *decimal, int64_t factor, int scale, int64_t *units)
{
	CHECK(scale >= 0 && scale <= DECIMAL_SCALE_MAX);
	int64_t result;
	if (__builtin_mul_overflow(decimal->digits, factor, &result))
		return false;
	for (int have = decimal->scale; have > scale; have--) {
		if (result % 10 != 0)
			return false;
		result /= 10;
	}
	for (int have = decimal->scale; have < scale; have++)
		if (__builtin_mul_overflow(result, 10, &result))
			return false;
	*units = result;
	return true;
}
