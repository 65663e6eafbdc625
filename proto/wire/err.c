/* err.c - see err.h. */
#include "wire/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const code_names[ERR_COUNT] = {
	[ERR_NONE] = "NONE",
	[ERR_INVALID] = "INVALID",
	[ERR_UNAUTHENTICATED] = "UNAUTHENTICATED",
	[ERR_DENIED] = "DENIED",
	[ERR_NOT_FOUND] = "NOT_FOUND",
	[ERR_EXISTS] = "EXISTS",
	[ERR_CONFLICT] = "CONFLICT",
	[ERR_PRECONDITION] = "PRECONDITION",
	[ERR_LIMIT] = "LIMIT",
	[ERR_COMPACTED] = "COMPACTED",
	[ERR_DEADLINE] = "DEADLINE",
	[ERR_CANCELLED] = "CANCELLED",
	[ERR_UNAVAILABLE] = "UNAVAILABLE",
	[ERR_UNCERTAIN] = "UNCERTAIN",
	[ERR_UNIMPLEMENTED] = "UNIMPLEMENTED",
	[ERR_NOMEM] = "NOMEM",
	[ERR_IO] = "IO",
	[ERR_CORRUPT] = "CORRUPT",
	[ERR_INTERNAL] = "INTERNAL",
};

/* snprintf cuts anywhere: drop a half-written UTF-8 sequence at the end. */
static void
trim_partial_utf8(char *s, size_t len)
{
	size_t start = len;
	unsigned char lead;
	size_t want;

	while (start > 0 && ((unsigned char)s[start - 1] & 0xC0) == 0x80)
		start--;
	if (start == 0)
		return;
	lead = (unsigned char)s[start - 1];
	want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
	if (lead >= 0xC0 && len - (start - 1) < want)
		s[start - 1] = '\0';
}

static __attribute__((format(printf, 3, 0))) void
format(char *out, size_t cap, const char *fmt, va_list ap)
{
	int n = vsnprintf(out, cap, fmt, ap);

	if (n >= 0 && (size_t)n >= cap)
		trim_partial_utf8(out, cap - 1);
}

void
err_clear(struct err *e)
{
	if (e != NULL)
		memset(e, 0, sizeof *e);
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	err_clear(e);
	e->code = code;
	va_start(ap, fmt);
	format(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char cause[sizeof e->msg];
	va_list ap;
	size_t len;

	if (e == NULL)
		return -1;
	memcpy(cause, e->msg, sizeof cause);
	va_start(ap, fmt);
	format(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	(void)snprintf(e->msg + len, sizeof e->msg - len, "%s", cause);
	trim_partial_utf8(e->msg, strlen(e->msg));
	return -1;
}

int
err_field(struct err *e, const char *field)
{
	if (e != NULL && field != NULL)
		(void)snprintf(e->field, sizeof e->field, "%s", field);
	return -1;
}

int
err_reason(struct err *e, const char *reason)
{
	if (e != NULL && reason != NULL)
		(void)snprintf(e->reason, sizeof e->reason, "%s", reason);
	return -1;
}

int
err_remedy(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || fmt == NULL)
		return -1;
	va_start(ap, fmt);
	format(e->remedy, sizeof e->remedy, fmt, ap);
	va_end(ap);
	return -1;
}

const char *
err_code_name(enum err_code code)
{
	if (code < 0 || code >= ERR_COUNT)
		return "UNKNOWN";
	return code_names[code];
}
