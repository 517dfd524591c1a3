#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/utf8.h"

struct err {
	enum err_verdict verdict;
	const char *code;
	char text[ERR_TEXT_MAX];
};

struct err *err_new(enum err_verdict verdict, const char *code, const char *format, ...)
{
	struct err *err = check_malloc(sizeof *err);
	err->verdict = verdict;
	err->code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	utf8_mend(err->text);
	return err;
}

struct err *err_wrap(struct err *cause, const char *format, ...)
{
	char inner[ERR_TEXT_MAX];
	memcpy(inner, cause->text, sizeof inner);
	va_list args;
	va_start(args, format);
	int length = vsnprintf(cause->text, sizeof cause->text, format, args);
	va_end(args);
	size_t used = length < 0 ? 0 : (size_t)length;
	size_t room = used < sizeof cause->text ? sizeof cause->text - used : 0;
	size_t len = strlen(inner) + 1;
	if (room > 2) {
		memcpy(cause->text + used, ": ", 2);
		memcpy(cause->text + used + 2, inner, len < room - 2 ? len : room - 2);
		cause->text[sizeof cause->text - 1] = '\0';
	}
	utf8_mend(cause->text);
	return cause;
}

enum err_verdict err_verdict(const struct err *err)
{
	return err->verdict;
}

const char *err_code(const struct err *err)
{
	return err->code;
}

const char *err_text(const struct err *err)
{
	return err->text;
}

void err_free(struct err **err)
{
	free(*err);
	*err = NULL;
}
