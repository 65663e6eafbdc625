/* log.c - see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The process's own: one stderr, one level. */
static atomic_int threshold = LOG_LEVEL_INFO;

static const struct level_row {
	const char *name;
	const char *prefix; /* journald, see sd-daemon(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", "<3>" },
	[LOG_LEVEL_WARNING] = { "warning", "<4>" },
	[LOG_LEVEL_INFO] = { "info", "<6>" },
	[LOG_LEVEL_DEBUG] = { "debug", "<7>" },
};

void
log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

int
log_level_parse(const char *s, enum log_level *level)
{
	size_t i;

	for (i = 0; i < sizeof levels / sizeof levels[0]; i++)
		if (strcmp(s, levels[i].name) == 0) {
			*level = (enum log_level)i;
			return 0;
		}
	return -1;
}

static int
open_line(char *line, size_t cap, enum log_level level, const char *event)
{
	struct timespec t;
	struct tm tm;
	char when[32];

	if (getenv("JOURNAL_STREAM") != NULL)
		return snprintf(line, cap, "%sevent=%s", levels[level].prefix,
		    event);
	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
	return snprintf(line, cap, "time=%s.%03ldZ level=%s event=%s", when,
	    t.tv_nsec / 1000000, levels[level].name, event);
}

void
log_write(enum log_level level, const char *event, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n, i;

	if ((int)level > atomic_load(&threshold))
		return;
	n = open_line(line, sizeof line - 1, level, event);
	if (n < 0 || n >= (int)sizeof line - 2)
		return;
	if (fmt[0] != '\0') {
		line[n++] = ' ';
		va_start(ap, fmt);
		i = vsnprintf(line + n, sizeof line - (size_t)n - 1, fmt, ap);
		va_end(ap);
		if (i > 0)
			n = (int)strlen(line);
	}
	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7F)
			line[i] = '?';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say so */
}
