/* details.c - google.rpc.Status and its details, into a struct rsp_error. */
#include <stdlib.h>
#include <string.h>

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>

#include "call.h"
#include "fail.h"
#include "wire/grpc.h"

static void
violation_add(struct rsp_error *e, const char *field, const char *reason,
    const char *description)
{
	struct rsp_violation *v;

	if (e->nviolations == RSP_MAX_VIOLATIONS) {
		e->violations_omitted++;
		return;
	}
	v = &e->violations[e->nviolations++];
	rsp_text_copy(v->field, sizeof v->field, field);
	rsp_text_copy(v->reason, sizeof v->reason, reason);
	rsp_text_copy(v->description, sizeof v->description, description);
}

static void
take_info(const ProtobufCMessage *m, struct rsp_error *e)
{
	const Google__Rpc__ErrorInfo *info = (const void *)m;

	rsp_text_copy(e->reason, sizeof e->reason, info->reason);
	rsp_text_copy(e->domain, sizeof e->domain, info->domain);
	for (size_t i = 0; i < info->n_metadata; i++) {
		struct rsp_fact *f = &e->facts[e->nfacts];

		if (strcmp(info->metadata[i]->key, "remedy") == 0) {
			rsp_text_copy(e->remedy, sizeof e->remedy,
			    info->metadata[i]->value);
			continue;
		}
		if (e->nfacts == RSP_MAX_FACTS)
			continue;
		rsp_text_copy(f->key, sizeof f->key, info->metadata[i]->key);
		rsp_text_copy(f->value, sizeof f->value,
		    info->metadata[i]->value);
		e->nfacts++;
	}
}

static void
take_bad_request(const ProtobufCMessage *m, struct rsp_error *e)
{
	const Google__Rpc__BadRequest *b = (const void *)m;

	for (size_t i = 0; i < b->n_field_violations; i++)
		violation_add(e, b->field_violations[i]->field,
		    b->field_violations[i]->reason,
		    b->field_violations[i]->description);
}

static void
take_precondition(const ProtobufCMessage *m, struct rsp_error *e)
{
	const Google__Rpc__PreconditionFailure *p = (const void *)m;

	for (size_t i = 0; i < p->n_violations; i++)
		violation_add(e, p->violations[i]->subject,
		    p->violations[i]->type, p->violations[i]->description);
}

static void
take_quota(const ProtobufCMessage *m, struct rsp_error *e)
{
	const Google__Rpc__QuotaFailure *q = (const void *)m;

	for (size_t i = 0; i < q->n_violations; i++)
		violation_add(e, q->violations[i]->subject, "",
		    q->violations[i]->description);
}

static void
take_retry(const ProtobufCMessage *m, struct rsp_error *e)
{
	const Google__Protobuf__Duration *d =
	    ((const Google__Rpc__RetryInfo *)(const void *)m)->retry_delay;

	if (d == NULL || d->seconds < 0 || d->nanos < 0)
		return;
	if (d->seconds >= UINT32_MAX / 1000 - 1)
		e->retry_after_ms = UINT32_MAX;
	else
		e->retry_after_ms = (uint32_t)d->seconds * 1000 +
				    (uint32_t)(d->nanos + 999999) / 1000000;
}

static const struct detail {
	const char *type;
	const ProtobufCMessageDescriptor *message;
	void (*take)(const ProtobufCMessage *, struct rsp_error *);
} details[] = {
	{ "google.rpc.ErrorInfo", &google__rpc__error_info__descriptor,
	    take_info },
	{ "google.rpc.BadRequest", &google__rpc__bad_request__descriptor,
	    take_bad_request },
	{ "google.rpc.PreconditionFailure",
	    &google__rpc__precondition_failure__descriptor, take_precondition },
	{ "google.rpc.QuotaFailure", &google__rpc__quota_failure__descriptor,
	    take_quota },
	{ "google.rpc.RetryInfo", &google__rpc__retry_info__descriptor,
	    take_retry },
};

/* "type.googleapis.com/google.rpc.ErrorInfo" */
static const struct detail *
detail_find(const char *url)
{
	const char *slash = strrchr(url, '/');

	for (size_t i = 0; i < sizeof details / sizeof details[0]; i++)
		if (strcmp(slash != NULL ? slash + 1 : url, details[i].type) ==
		    0)
			return &details[i];
	return NULL;
}

static void
take_any(const Google__Protobuf__Any *any, struct rsp_error *e)
{
	const struct detail *d = detail_find(any->type_url);
	ProtobufCMessage *m;

	if (d == NULL)
		return;
	m = rsp_message_unpack(d->message, any->value.data, any->value.len,
	    NULL);
	if (m != NULL)
		d->take(m, e);
	rsp_message_free(m);
}

/* Details that cannot be read are left out: code and message still stand. */
void
rsp_details_read(const char *base64, struct rsp_error *e)
{
	size_t len = strlen(base64);
	uint8_t *bytes = malloc(3 * (len / 4) + 3);
	Google__Rpc__Status *status = NULL;

	if (bytes != NULL && base64_decode(base64, len, bytes, &len) == 0)
		status = (Google__Rpc__Status *)
		    rsp_message_unpack(&google__rpc__status__descriptor, bytes,
			len, NULL);
	for (size_t i = 0; status != NULL && i < status->n_details; i++)
		take_any(status->details[i], e);
	if (status != NULL)
		rsp_message_free(&status->base);
	free(bytes);
}
