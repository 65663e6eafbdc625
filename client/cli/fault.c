#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

/* A text cut in the middle of a UTF-8 character loses that character. */
static void
drop_half_character(char *s, size_t size, int wanted)
{
	size_t n = size - 1;

	if (wanted < 0 || (size_t)wanted < size)
		return;
	while (n > 0 && ((unsigned char)s[n - 1] & 0xC0) == 0x80)
		n--;
	if (n > 0 && (unsigned char)s[n - 1] >= 0xC0)
		n--;
	s[n] = '\0';
}

int
fault(struct rsp_error *e, enum rsp_code code, const char *remedy,
    const char *fmt, ...)
{
	char msg[sizeof e->msg];
	va_list ap;
	int n;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	drop_half_character(msg, sizeof msg, n);

	rsp_error_clear(e);
	e->code = code;
	snprintf(e->msg, sizeof e->msg, "%s", msg);
	n = snprintf(e->remedy, sizeof e->remedy, "%s",
	    remedy == NULL ? "" : remedy);
	drop_half_character(e->remedy, sizeof e->remedy, n);
	return -1;
}
