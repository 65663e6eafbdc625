/*
 * log.h - one logfmt line a fact, on stderr; journald's priority prefix when
 * it reads us.  Any thread; a line is written whole or not at all.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "wire/err.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

void log_set_level(enum log_level);
/* "error", "warning", "info", "debug"; -1 for another word. */
int log_level_parse(const char *, enum log_level *);

/* `event` is the fact, snake_case; `fmt` gives key=value pairs.  Control
 * characters in the result become '?', so a value cannot forge a line. */
void log_write(enum log_level, const char *event, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
