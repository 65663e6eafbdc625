/* error.c - struct rsp_error: filling it, reading it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "internal.h"
#include "wire/grpc.h"

void
rsp_error_clear(struct rsp_error *e)
{
	if (e != NULL)
		memset(e, 0, sizeof *e);
}

const char *
rsp_error_fact(const struct rsp_error *e, const char *key)
{
	for (unsigned i = 0; i < e->nfacts; i++) {
		if (strcmp(e->facts[i].key, key) == 0)
			return e->facts[i].value;
	}
	return NULL;
}

const char *
rsp_code_name(enum rsp_code code)
{
	switch (code) {
	case RSP_UNCERTAIN:
		return "UNCERTAIN";
	case RSP_ERR_CONFIG:
		return "CONFIG";
	case RSP_ERR_TLS:
		return "TLS";
	case RSP_ERR_USAGE:
		return "USAGE";
	case RSP_ERR_NOMEM:
		return "NOMEM";
	default:
		return grpc_status_name((unsigned)code);
	}
}

const char *
rsp_version(void)
{
	return RSP_VERSION;
}

int
fail(struct rsp_error *e, enum rsp_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	rsp_error_clear(e);
	e->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	return -1;
}

void
error_reason(struct rsp_error *e, const char *reason)
{
	if (e != NULL)
		(void)snprintf(e->reason, sizeof e->reason, "%s", reason);
}

void
error_remedy(struct rsp_error *e, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(e->remedy, sizeof e->remedy, fmt, ap);
	va_end(ap);
}

/* ---- what the server said ----------------------------------------------- */

static void
add_violation(struct rsp_error *e, const char *field, const char *reason,
    const char *description)
{
	struct rsp_violation *v = &e->violations[e->nviolations];

	if (e->nviolations == RSP_MAX_VIOLATIONS) {
		e->violations_omitted++;
		return;
	}
	(void)snprintf(v->field, sizeof v->field, "%s", field);
	(void)snprintf(v->reason, sizeof v->reason, "%s", reason);
	(void)snprintf(v->description, sizeof v->description, "%s",
	    description);
	e->nviolations++;
}

static void
add_fact(struct rsp_error *e, const char *key, const char *value)
{
	struct rsp_fact *f = &e->facts[e->nfacts];

	if (strcmp(key, "remedy") == 0) {
		(void)snprintf(e->remedy, sizeof e->remedy, "%s", value);
		return;
	}
	if (e->nfacts == RSP_MAX_FACTS)
		return;
	(void)snprintf(f->key, sizeof f->key, "%s", key);
	(void)snprintf(f->value, sizeof f->value, "%s", value);
	e->nfacts++;
}

static void
read_info(struct rsp_error *e, const uint8_t *data, size_t len)
{
	Google__Rpc__ErrorInfo *i = google__rpc__error_info__unpack(NULL, len,
	    data);

	if (i == NULL)
		return;
	(void)snprintf(e->reason, sizeof e->reason, "%s", i->reason);
	(void)snprintf(e->domain, sizeof e->domain, "%s", i->domain);
	for (size_t n = 0; n < i->n_metadata; n++)
		add_fact(e, i->metadata[n]->key, i->metadata[n]->value);
	google__rpc__error_info__free_unpacked(i, NULL);
}

static void
read_bad_request(struct rsp_error *e, const uint8_t *data, size_t len)
{
	Google__Rpc__BadRequest *b = google__rpc__bad_request__unpack(NULL, len,
	    data);

	if (b == NULL)
		return;
	for (size_t n = 0; n < b->n_field_violations; n++)
		add_violation(e, b->field_violations[n]->field,
		    b->field_violations[n]->reason,
		    b->field_violations[n]->description);
	google__rpc__bad_request__free_unpacked(b, NULL);
}

static void
read_precondition(struct rsp_error *e, const uint8_t *data, size_t len)
{
	Google__Rpc__PreconditionFailure *p =
	    google__rpc__precondition_failure__unpack(NULL, len, data);

	if (p == NULL)
		return;
	for (size_t n = 0; n < p->n_violations; n++)
		add_violation(e, p->violations[n]->subject,
		    p->violations[n]->type, p->violations[n]->description);
	google__rpc__precondition_failure__free_unpacked(p, NULL);
}

static void
read_quota(struct rsp_error *e, const uint8_t *data, size_t len)
{
	Google__Rpc__QuotaFailure *q = google__rpc__quota_failure__unpack(NULL,
	    len, data);

	if (q == NULL)
		return;
	for (size_t n = 0; n < q->n_violations; n++)
		add_violation(e, q->violations[n]->subject, "",
		    q->violations[n]->description);
	google__rpc__quota_failure__free_unpacked(q, NULL);
}

static void
read_retry(struct rsp_error *e, const uint8_t *data, size_t len)
{
	Google__Rpc__RetryInfo *r = google__rpc__retry_info__unpack(NULL, len,
	    data);

	if (r == NULL)
		return;
	if (r->retry_delay != NULL && r->retry_delay->seconds >= 0 &&
	    r->retry_delay->seconds < 86400)
		e->retry_after_ms = (uint32_t)(r->retry_delay->seconds * 1000 +
		    r->retry_delay->nanos / NS_PER_MS);
	google__rpc__retry_info__free_unpacked(r, NULL);
}

static const struct {
	const char *name;
	void (*read)(struct rsp_error *, const uint8_t *, size_t);
} kinds[] = {
	{ "google.rpc.ErrorInfo", read_info },
	{ "google.rpc.BadRequest", read_bad_request },
	{ "google.rpc.PreconditionFailure", read_precondition },
	{ "google.rpc.QuotaFailure", read_quota },
	{ "google.rpc.RetryInfo", read_retry },
};

static void
read_details(struct rsp_error *e, const char *base64)
{
	size_t len = strlen(base64);
	uint8_t *raw = malloc(3 * (len / 4) + 3);
	Google__Rpc__Status *s = NULL;
	size_t n;

	if (raw != NULL && base64_decode(base64, len, raw, &n) == 0)
		s = google__rpc__status__unpack(NULL, n, raw);
	free(raw);
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_details; i++) {
		const Google__Protobuf__Any *any = s->details[i];
		const char *name = strrchr(any->type_url, '/');

		for (size_t k = 0; name != NULL &&
		    k < sizeof kinds / sizeof kinds[0]; k++) {
			if (strcmp(name + 1, kinds[k].name) == 0)
				kinds[k].read(e, any->value.data,
				    any->value.len);
		}
	}
	google__rpc__status__free_unpacked(s, NULL);
}

/* The server repeats the remedy in its message, for clients that read no
 * details; we have it by itself. */
static void
drop_remedy(struct rsp_error *e)
{
	size_t len = strlen(e->msg), tail = strlen(e->remedy);

	if (tail > 0 && len > tail + 2 &&
	    strcmp(e->msg + len - tail, e->remedy) == 0 &&
	    strncmp(e->msg + len - tail - 2, "; ", 2) == 0)
		e->msg[len - tail - 2] = '\0';
}

void
error_from_status(struct rsp_error *e, unsigned status, const char *message,
    const char *details)
{
	if (e == NULL)
		return;
	rsp_error_clear(e);
	e->code = status < GRPC_STATUS_COUNT ? (enum rsp_code)status :
	    RSP_UNKNOWN;
	e->from_server = true;
	if (message != NULL)
		grpc_message_decode(message, strlen(message), e->msg,
		    sizeof e->msg);
	if (details != NULL)
		read_details(e, details);
	drop_remedy(e);
	if (e->msg[0] == '\0')
		(void)snprintf(e->msg, sizeof e->msg, "%s",
		    rsp_code_name(e->code));
}
