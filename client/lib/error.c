/* error.c - see fail.h and <resopro/error.h>. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <resopro/version.h>

#include "fail.h"
#include "wire/grpc.h"
#include "wire/utf8.h"

static const struct own_code {
	enum rsp_code code;
	const char *name;
} own_codes[] = {
	{ RSP_UNCERTAIN, "UNCERTAIN" },
	{ RSP_ERR_CONFIG, "ERR_CONFIG" },
	{ RSP_ERR_TLS, "ERR_TLS" },
	{ RSP_ERR_USAGE, "ERR_USAGE" },
	{ RSP_ERR_NOMEM, "ERR_NOMEM" },
};

const char *
rsp_code_name(enum rsp_code code)
{
	for (size_t i = 0; i < sizeof own_codes / sizeof own_codes[0]; i++)
		if (own_codes[i].code == code)
			return own_codes[i].name;
	return grpc_status_name((unsigned)code);
}

void
rsp_error_clear(struct rsp_error *e)
{
	if (e != NULL)
		memset(e, 0, sizeof *e);
}

const char *
rsp_error_fact(const struct rsp_error *e, const char *key)
{
	for (unsigned i = 0; e != NULL && i < e->nfacts; i++)
		if (strcmp(e->facts[i].key, key) == 0)
			return e->facts[i].value;
	return NULL;
}

const char *
rsp_version(void)
{
	return RSP_VERSION;
}

/* A character that is cut in two is left out whole. */
static size_t
utf8_floor(const char *text, size_t len)
{
	while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
		len--;
	return len;
}

void
rsp_text_copy(char *to, size_t cap, const char *text)
{
	size_t len = text == NULL ? 0 : strnlen(text, cap);

	if (len == cap)
		len = utf8_floor(text, cap - 1);
	if (len > 0)
		memcpy(to, text, len);
	to[len] = '\0';
}

int
rsp_fail(struct rsp_error *e, enum rsp_code code, const char *reason,
    const char *remedy, const char *fmt, ...)
{
	char msg[sizeof e->msg * 2]; /* arguments may be parts of *e */
	char why[sizeof e->reason], what[sizeof e->remedy];
	va_list ap;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	utf8_repair(msg); /* it may quote a server, or a file's name */
	rsp_text_copy(why, sizeof why, reason);
	rsp_text_copy(what, sizeof what, remedy);
	rsp_error_clear(e);
	e->code = code;
	rsp_text_copy(e->msg, sizeof e->msg, msg);
	memcpy(e->reason, why, sizeof why);
	memcpy(e->remedy, what, sizeof what);
	return -1;
}

int
rsp_fail_nomem(struct rsp_error *e)
{
	return rsp_fail(e, RSP_ERR_NOMEM, NULL, NULL, "no memory");
}

int
rsp_fail_wrap(struct rsp_error *e, const char *context)
{
	char msg[sizeof e->msg * 2];

	if (e == NULL)
		return -1;
	(void)snprintf(msg, sizeof msg, "%s: %s", context, e->msg);
	rsp_text_copy(e->msg, sizeof e->msg, msg);
	return -1;
}
