/* details.c - an error as google.rpc.Status, for programs. */
#include <string.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/internal.h"
#include "wire/grpc.h"

#define DOMAIN "resopro"
#define TYPE_PREFIX "type.googleapis.com/"
/* Clients allow 8 KiB of trailers by default; base64 takes a third more. */
#define DETAILS_BYTES 4600
#define DETAILS_MAX 5
#define VIOLATIONS_MAX 64 /* described at the least in 70 bytes each */

struct list {
	struct arena *arena;
	Google__Protobuf__Any *any[DETAILS_MAX];
	size_t n, bytes;
};

static bool
add(struct list *l, const ProtobufCMessage *m)
{
	Google__Protobuf__Any *any = arena_alloc(l->arena, sizeof *any);
	size_t len = protobuf_c_message_get_packed_size(m);

	if (any == NULL || l->n == DETAILS_MAX ||
	    l->bytes + len > DETAILS_BYTES)
		return false;
	google__protobuf__any__init(any);
	any->type_url =
	    arena_printf(l->arena, TYPE_PREFIX "%s", m->descriptor->name);
	any->value.data = arena_alloc(l->arena, len > 0 ? len : 1);
	if (any->type_url == NULL || any->value.data == NULL)
		return false;
	any->value.len = protobuf_c_message_pack(m, any->value.data);
	l->any[l->n++] = any;
	l->bytes += len + strlen(any->type_url) + 8;
	return true;
}

static char *
text(const char *s)
{
	return (char *)(uintptr_t)(s != NULL ? s : ""); /* only ever packed */
}

static void
add_info(struct list *l, const struct call *c, const struct err *e)
{
	Google__Rpc__ErrorInfo info;
	Google__Rpc__ErrorInfo__MetadataEntry entries[CALL_FACTS_MAX + 2];
	Google__Rpc__ErrorInfo__MetadataEntry *list[CALL_FACTS_MAX + 2];
	struct fact facts[CALL_FACTS_MAX + 2];
	size_t n = 0;

	for (size_t i = 0; i < c->n_facts; i++)
		facts[n++] = c->facts[i];
	if (e->field[0] != '\0')
		facts[n++] = (struct fact){ "field", e->field };
	if (e->remedy[0] != '\0')
		facts[n++] = (struct fact){ "remedy", e->remedy };
	for (size_t i = 0; i < n; i++) {
		google__rpc__error_info__metadata_entry__init(&entries[i]);
		entries[i].key = text(facts[i].key);
		entries[i].value = text(facts[i].value);
		list[i] = &entries[i];
	}
	google__rpc__error_info__init(&info);
	info.reason =
	    text(e->reason[0] != '\0' ? e->reason : err_code_name(e->code));
	info.domain = text(DOMAIN);
	info.metadata = list;
	info.n_metadata = n;
	add(l, &info.base);
}

static void
add_retry(struct list *l, unsigned ms)
{
	Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
	Google__Protobuf__Duration d = GOOGLE__PROTOBUF__DURATION__INIT;

	d.seconds = ms / 1000;
	d.nanos = (int32_t)(ms % 1000) * 1000000;
	retry.retry_delay = &d;
	add(l, &retry.base);
}

/* Each field at fault; fewer when all do not fit. */
static void
add_fields(struct list *l, const struct violation *v, size_t n)
{
	Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;
	Google__Rpc__BadRequest__FieldViolation *each =
	    arena_alloc(l->arena, VIOLATIONS_MAX * sizeof *each);
	Google__Rpc__BadRequest__FieldViolation **list =
	    arena_alloc(l->arena, VIOLATIONS_MAX * sizeof(*list));

	if (each == NULL || list == NULL)
		return;
	if (n > VIOLATIONS_MAX)
		n = VIOLATIONS_MAX;
	for (size_t i = 0; i < n; i++) {
		google__rpc__bad_request__field_violation__init(&each[i]);
		each[i].field = text(v[i].field);
		each[i].description = text(v[i].description);
		each[i].reason = text(v[i].reason);
		list[i] = &each[i];
	}
	bad.field_violations = list;
	for (bad.n_field_violations = n;
	     bad.n_field_violations > 0 && !add(l, &bad.base);
	     bad.n_field_violations--)
		;
}

static void
add_rule(struct list *l, const struct err *e)
{
	Google__Rpc__PreconditionFailure f =
	    GOOGLE__RPC__PRECONDITION_FAILURE__INIT;
	Google__Rpc__PreconditionFailure__Violation v;
	Google__Rpc__PreconditionFailure__Violation *list[] = { &v };

	google__rpc__precondition_failure__violation__init(&v);
	v.type = text(e->reason);
	v.subject = text(e->field);
	v.description = arena_printf(l->arena, "%s%s%s", e->msg,
	    e->remedy[0] != '\0' ? "; " : "", e->remedy);
	if (v.description == NULL)
		return;
	f.violations = list;
	f.n_violations = 1;
	add(l, &f.base);
}

static void
add_quota(struct list *l, const struct err *e)
{
	Google__Rpc__QuotaFailure f = GOOGLE__RPC__QUOTA_FAILURE__INIT;
	Google__Rpc__QuotaFailure__Violation v;
	Google__Rpc__QuotaFailure__Violation *list[] = { &v };

	google__rpc__quota_failure__violation__init(&v);
	v.subject = text(e->reason);
	v.description = text(e->msg);
	f.violations = list;
	f.n_violations = 1;
	add(l, &f.base);
}

static void
collect(struct list *l, const struct call *c, unsigned status,
    const struct err *e, const struct violation *v, size_t n)
{
	struct violation one = { 0 };

	add_info(l, c, e);
	if (c->retry_ms > 0)
		add_retry(l, c->retry_ms);
	if (status == GRPC_FAILED_PRECONDITION)
		add_rule(l, e);
	if (status == GRPC_RESOURCE_EXHAUSTED)
		add_quota(l, e);
	if (n == 0 && e->field[0] != '\0') {
		one.field = e->field;
		one.reason = e->reason;
		one.description = arena_printf(l->arena, "%s%s%s", e->msg,
		    e->remedy[0] != '\0' ? "; " : "", e->remedy);
		if (one.description == NULL)
			return;
		v = &one;
		n = 1;
	}
	if (n > 0)
		add_fields(l, v, n);
}

const char *
details_encode(struct call *c, unsigned status, const struct err *e,
    const char *message, const struct violation *v, size_t n)
{
	Google__Rpc__Status s;
	struct list l = { .arena = c->arena };
	uint8_t *packed;
	size_t len;
	char *out;

	collect(&l, c, status, e, v, n);
	google__rpc__status__init(&s);
	s.code = (int32_t)status;
	s.message = text(message);
	s.details = l.any;
	s.n_details = l.n;
	len = google__rpc__status__get_packed_size(&s);
	packed = arena_alloc(c->arena, len);
	out = arena_alloc(c->arena, 4 * ((len + 2) / 3) + 1);
	if (packed == NULL || out == NULL)
		return NULL;
	google__rpc__status__pack(&s, packed);
	out[base64_encode(packed, len, out)] = '\0';
	return out;
}
