/* The log: JSON lines on stderr, one line per call, each written with one write(2).
 *
 *   {"ts":"1997-09-30T12:00:00.000Z","level":"info","stage":"account","msg":"...", ...fields}
 *
 * Errors: none; a log that can't be written must not stop the line. Threads: any may log at once;
 * lines do not mix, because each is one write of at most LOG_LINE_MAX bytes. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <jansson.h>
#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

enum {
	LOG_LINE_MAX = 8192, /* bytes of a line; beyond it the fields are left out */
	LOG_TEXT_MAX = 1024, /* bytes of one text in it; beyond it the text is cut */
};

/* Sets the level below which nothing is written (at first LOG_INFO). The level is the one setting
 * that belongs to the process and not to an object: a line about a failure comes from places that
 * hold no handle, and it changes nothing but what a person sees. Call it once, at start. */
void log_set_level(enum log_level level);

/* "debug", "info", "warn", "error", "off" into *level; false, *level unchanged, for other text. */
bool log_level_parse(const char *text, enum log_level *level);

/* Writes a line. `stage` is who speaks ("resolve", "cli"), `message` a sentence for a person;
 * neither varies with data. What varies goes into the fields: `format` and its arguments as
 * jansson's json_pack has them, an object ("{s:s, s:I}"), NULL for none. Fields named ts, level,
 * stage or msg are ignored. Bytes that are not UTF-8 are shown as '?' in `stage` and `message`;
 * fields that can't be packed are replaced by log_error, which says why. */
void log_emit(enum log_level level, const char *stage, const char *message, const char *format,
	      ...);

#endif
