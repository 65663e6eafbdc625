/* registry.c - Registry: one record at a time.  List, History, Sync and Watch
 * have files of their own. */
#include "service/registry.h"

#include <string.h>

#include "base/clock.h"
#include "resopro/v1/registry.pb-c.h"
#include "service/authorise.h"
#include "service/lease.h"
#include "service/put.h"
#include "service/record.h"
#include "service/schema.h"
#include "service/sync_marks.h"
#include "service/write.h"

int
registry_check_name(Resopro__V1__Kind kind, const char *id, struct err *e)
{
	if (schema_of(kind) == NULL) {
		err_set(e, ERR_INVALID, "kind: not a kind of record");
		err_field(e, "kind");
		err_reason(e, "KIND");
		return err_remedy(e,
		    "give KIND_ORGANISATION, KIND_SITE, KIND_OFFER, "
		    "KIND_STATUS, KIND_ACTIVITY, KIND_DISPUTE or "
		    "KIND_TRANSFER");
	}
	return value_check(VALUE_ID, "id", id, strlen(id), e);
}

int
registry_not_found(Resopro__V1__Kind kind, const char *id, bool deleted,
    struct err *e)
{
	err_set(e, ERR_NOT_FOUND, "%s %s %s", schema_of(kind)->name, id,
	    deleted ? "was deleted" : "does not exist");
	err_reason(e, deleted ? "DELETED" : "ABSENT");
	return err_remedy(e, deleted
				 ? "its history is readable (resopro history)"
				 : "check the kind and the id (resopro list)");
}

static int
not_yet_there(const Resopro__V1__GetRequest *q, uint64_t revision,
    struct err *e)
{
	err_set(e, ERR_NOT_FOUND, "%s %s did not exist at revision %llu",
	    schema_of(q->kind)->name, q->id, (unsigned long long)revision);
	err_reason(e, "ABSENT");
	return err_remedy(e, "its history says since when there is one "
			     "(resopro history)");
}

#define TIME_MAX 9223372035 /* 2262: as nanoseconds it fits 64 bits */

static int
revision_at(struct view *v, const Google__Protobuf__Timestamp *t,
    uint64_t *revision, struct err *e)
{
	if (t->seconds >= -TIME_MAX && t->seconds <= TIME_MAX &&
	    t->nanos >= 0 && t->nanos < 1000000000)
		return view_revision_at(v, t->seconds * 1000000000 + t->nanos,
		    revision, e);
	err_set(e, ERR_INVALID, "as_of.time: out of range");
	err_field(e, "as_of.time");
	err_reason(e, "OUT_OF_RANGE");
	return err_remedy(e, "give a time from 1970 to 2262, nanos from 0 to "
			     "999999999");
}

int
registry_as_of(struct view *v, const Resopro__V1__AsOf *as_of,
    uint64_t *revision, struct err *e)
{
	*revision = view_revision(v);
	if (as_of == NULL)
		return 0;
	if (as_of->revision != 0 && as_of->time != NULL) {
		err_set(e, ERR_INVALID, "as_of: a revision and a time");
		err_field(e, "as_of");
		err_reason(e, "AS_OF");
		return err_remedy(e, "give one of the two");
	}
	if (as_of->time != NULL)
		return revision_at(v, as_of->time, revision, e);
	if (as_of->revision > *revision) {
		err_set(e, ERR_COMPACTED,
		    "as_of.revision: the register is at "
		    "revision %llu",
		    (unsigned long long)*revision);
		err_field(e, "as_of.revision");
		err_reason(e, "FUTURE_REVISION");
		return err_remedy(e, "give a revision up to that one");
	}
	if (as_of->revision != 0)
		*revision = as_of->revision;
	return 0;
}

int
registry_read(struct view *v, Resopro__V1__Kind kind, const char *id,
    uint64_t revision, struct stored *s, struct err *e)
{
	if (revision == view_revision(v))
		return view_get(v, (uint8_t)kind, id, s, e);
	return view_get_as_of(v, (uint8_t)kind, id, revision, s, e);
}

/* GetResponse { revision = 1; record = 2; } from the stored bytes. */
int
registry_reply_record(struct call *c, struct view *v, const struct stored *s,
    uint64_t revision, const struct lease_clock *clock)
{
	struct record_facts facts;
	struct err e = { 0 };
	struct lease lease;
	uint8_t *out;
	size_t len;

	if (record_facts(s->record, &facts, &e) < 0) {
		call_fail(c, &e);
		return 0;
	}
	lease = lease_of(clock, v, s, &facts);
	len = 1 + varint_size(revision) + record_field_size(s, &lease);
	out = call_reply_room(c, len, &e);
	if (out == NULL) {
		call_fail(c, &e);
		return 0;
	}
	*out++ = 1 << 3;
	out = varint_write(out, revision);
	record_field_write(out, 2, s, &lease);
	return call_reply_sent(c);
}

int
registry_get(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__GetRequest *q = (const Resopro__V1__GetRequest *)m;
	struct view *v = service_view(call_service(c), e);
	struct stored s;
	uint64_t revision;
	int found;

	if (v == NULL || registry_check_name(q->kind, q->id, e) < 0 ||
	    registry_as_of(v, q->as_of, &revision, e) < 0)
		return -1;
	found = registry_read(v, q->kind, q->id, revision, &s, e);
	if (found < 0)
		return -1;
	if (found == 0 && q->as_of != NULL)
		return not_yet_there(q, revision, e);
	if (found == 0 || s.deleted)
		return registry_not_found(q->kind, q->id, found == 1, e);
	if (authorise_stored(call_principal(c), call_method(c)->path, &s, e) <
	    0)
		return -1;
	return registry_reply_record(c, v, &s, revision,
	    q->as_of == NULL ? &call_service(c)->clock : NULL);
}

/* ---- BatchGet ----------------------------------------------------------- */

#define BATCH_MAX 1000

struct batch { /* what a BatchGet found, borrowed from the view */
	const struct lease_clock *clock;
	struct stored *records;
	struct lease *leases;
	const Resopro__V1__RecordName **missing;
	size_t n, n_missing, len; /* len: encoded */
};

static int
batch_one(struct batch *b, struct call *c, struct view *v,
    const Resopro__V1__RecordName *name, uint64_t revision, struct err *e)
{
	struct stored *s = &b->records[b->n];
	struct record_facts facts;
	size_t len;
	int found;

	if (registry_check_name(name->kind, name->id, e) < 0)
		return -1;
	found = registry_read(v, name->kind, name->id, revision, s, e);
	if (found < 0)
		return -1;
	/* What the caller may not read is as if it were not there. */
	if (found == 1 && !s->deleted &&
	    authorise_stored(call_principal(c), call_method(c)->path, s,
		NULL) == 0) {
		if (record_facts(s->record, &facts, e) < 0)
			return -1;
		b->leases[b->n] = lease_of(b->clock, v, s, &facts);
		b->len += record_field_size(s, &b->leases[b->n]);
		b->n++;
		return 0;
	}
	len = resopro__v1__record_name__get_packed_size(name);
	b->missing[b->n_missing++] = name;
	b->len += 1 + varint_size(len) + len;
	return 0;
}

/* { revision = 1; records = 2; missing = 3; } */
static int
batch_reply(struct call *c, const struct batch *b, uint64_t revision,
    struct err *e)
{
	uint8_t *out =
	    call_reply_room(c, 1 + varint_size(revision) + b->len, e);

	if (out == NULL)
		return -1;
	*out++ = 1 << 3;
	out = varint_write(out, revision);
	for (size_t i = 0; i < b->n; i++)
		out = record_field_write(out, 2, &b->records[i], &b->leases[i]);
	for (size_t i = 0; i < b->n_missing; i++) {
		*out++ = 3 << 3 | 2;
		out = varint_write(out,
		    resopro__v1__record_name__get_packed_size(b->missing[i]));
		out += resopro__v1__record_name__pack(b->missing[i], out);
	}
	return call_reply_sent(c);
}

int
registry_batch_get(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__BatchGetRequest *q =
	    (const Resopro__V1__BatchGetRequest *)m;
	struct view *v = service_view(call_service(c), e);
	struct arena *arena = call_arena(c);
	struct batch b = { .clock = q->as_of == NULL ? &call_service(c)->clock
						     : NULL };
	uint64_t revision;

	if (v == NULL || registry_as_of(v, q->as_of, &revision, e) < 0)
		return -1;
	if (q->n_names == 0 || q->n_names > BATCH_MAX) {
		err_set(e, ERR_INVALID, "names: %zu names", q->n_names);
		err_field(e, "names");
		err_reason(e, "COUNT");
		return err_remedy(e, "give 1 to %d names", BATCH_MAX);
	}
	b.records = arena_alloc(arena, q->n_names * sizeof *b.records);
	b.leases = arena_alloc(arena, q->n_names * sizeof *b.leases);
	b.missing = arena_alloc(arena, q->n_names * sizeof(*b.missing));
	if (b.records == NULL || b.leases == NULL || b.missing == NULL)
		return err_set(e, ERR_LIMIT, "the batch is too large");
	for (size_t i = 0; i < q->n_names; i++) {
		if (batch_one(&b, c, v, q->names[i], revision, e) < 0)
			return err_wrap(e, "names[%zu]: ", i);
	}
	return batch_reply(c, &b, revision, e);
}

Resopro__V1__Record *
registry_unpack(struct arena *arena, struct view *v, const struct stored *s,
    const struct lease_clock *clock, struct err *e)
{
	Resopro__V1__Record *r;
	struct record_facts facts;
	struct lease lease;
	uint8_t *out;
	size_t len;

	if (record_facts(s->record, &facts, e) < 0)
		return NULL;
	lease = lease_of(clock, v, s, &facts);
	len = record_payload_size(s, &lease);
	if ((out = arena_alloc(arena, len)) == NULL) {
		err_set(e, ERR_LIMIT, "the answer is too large");
		return NULL;
	}
	record_payload_write(out, s, &lease);
	r = record_unpack(arena, (struct bytes){ out, len }, e);
	return r;
}

/* ---- Put ---------------------------------------------------------------- */

struct put_call {
	struct write write;
	struct put put;
};

static int
put_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct put_call *w = (struct put_call *)p;

	return put_decide_one(&w->put, &w->write, d, e);
}

/* An earlier answer, or a record that was only confirmed: as it stood. */
static int
put_answer_again(struct put_call *w, struct call *c, struct view *v,
    struct err *e)
{
	struct write *base = &w->write;
	Resopro__V1__PutResponse r = RESOPRO__V1__PUT_RESPONSE__INIT;
	struct stored s;

	if (view_get_as_of(v, (uint8_t)w->put.record->kind, w->put.record->id,
		base->proposal.revision, &s, e) != 1)
		return e->code != ERR_NONE ? -1
					   : err_set(e, ERR_INTERNAL,
						 "written, but not read back");
	r.revision = base->proposal.revision;
	r.record =
	    registry_unpack(base->arena, v, &s, &base->service->clock, e);
	if (r.record == NULL)
		return -1;
	r.warnings = write_warnings(base, &r.n_warnings);
	return call_reply(c, &r.base);
}

/* PutResponse { revision = 1; record = 2; warnings = 3; } */
static int
put_answer_written(struct put_call *w, struct call *c, struct view *v,
    struct err *e)
{
	const struct put *p = &w->put;
	struct stored s = { .kind = (uint8_t)p->record->kind,
		.record = p->written };
	struct record_facts facts;
	struct lease lease;
	size_t n, len = 1 + varint_size(p->revision);
	char **warnings = write_warnings(&w->write, &n);
	uint8_t *out;

	if (record_facts(s.record, &facts, e) < 0)
		return -1;
	lease = lease_of(&w->write.service->clock, v, &s, &facts);
	len += record_field_size(&s, &lease);
	for (size_t i = 0; i < n; i++)
		len +=
		    1 + varint_size(strlen(warnings[i])) + strlen(warnings[i]);
	if ((out = call_reply_room(c, len, e)) == NULL)
		return -1;
	*out++ = 1 << 3;
	out = varint_write(out, p->revision);
	out = record_field_write(out, 2, &s, &lease);
	for (size_t i = 0; i < n; i++) {
		*out++ = 3 << 3 | 2;
		out = varint_write(out, strlen(warnings[i]));
		out = mempcpy(out, warnings[i], strlen(warnings[i]));
	}
	return call_reply_sent(c);
}

static void
put_answer(struct write *base)
{
	struct put_call *w = (struct put_call *)base;
	struct call *c = base->user.call;
	struct err e = { 0 };
	struct view *v = service_view(base->service, &e);
	bool written = w->put.written.len > 0 && !base->proposal.replayed &&
		       w->put.revision == base->proposal.revision;

	if (v == NULL || (written ? put_answer_written(w, c, v, &e)
				  : put_answer_again(w, c, v, &e)) < 0)
		call_fail(c, &e);
}

int
registry_put(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__PutRequest *q = (const Resopro__V1__PutRequest *)m;
	struct put_call *w;
	struct view *v;

	if (q->record == NULL) {
		err_set(e, ERR_INVALID, "record: is required");
		err_field(e, "record");
		return err_reason(e, "REQUIRED");
	}
	if (registry_check_name(q->record->kind, q->record->id, e) < 0)
		return err_wrap(e, "record: ");
	w = (struct put_call *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	w->put.if_version = q->check_version ? q->if_version : ANY_VERSION;
	w->write.kept = call_keep(c);
	v = service_view(call_service(c), e);
	if (v == NULL || put_take(&w->put, &w->write, q->record, e) < 0 ||
	    put_merge_early(&w->put, &w->write, v, e) < 0)
		return put_refuse(c, &w->write, e);
	return write_submit(&w->write, put_decide, put_answer);
}

/* ---- Delete and Confirm ------------------------------------------------- */

struct names_call {
	struct write write;
	Resopro__V1__RecordName *names;
	uint32_t *at; /* Confirm: their places in the request */
	size_t n;
	uint64_t if_version;
};

/* The live record and its owner, with the caller's right on it. */
static int
decide_target(struct names_call *w, struct decision *d,
    const Resopro__V1__RecordName *name, struct stored *s, struct err *e)
{
	int found =
	    view_get(decision_view(d), (uint8_t)name->kind, name->id, s, e);

	if (found < 0)
		return -1;
	if (found == 0 || s->deleted)
		return registry_not_found(name->kind, name->id, found == 1, e);
	w->write.current_version = s->version;
	return authorise_stored(&w->write.who, w->write.proposal.method, s, e);
}

static int
delete_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct names_call *w = (struct names_call *)p;
	const Resopro__V1__RecordName *n = &w->names[0];
	struct stored s;

	if (decide_target(w, d, n, &s, e) < 0 ||
	    put_check_unreferenced(decision_view(d), n->kind, n->id, NULL, e) <
		0)
		return -1;
	return decision_delete(d, (uint8_t)n->kind, n->id, w->if_version, e);
}

static void
delete_answer(struct write *base)
{
	Resopro__V1__DeleteResponse r = RESOPRO__V1__DELETE_RESPONSE__INIT;

	r.revision = base->proposal.revision;
	call_reply(base->user.call, &r.base);
}

int
registry_delete(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__DeleteRequest *q =
	    (const Resopro__V1__DeleteRequest *)m;
	struct names_call *w;

	if (registry_check_name(q->kind, q->id, e) < 0)
		return -1;
	w = (struct names_call *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	w->names = arena_alloc(w->write.arena, sizeof *w->names);
	if (w->names == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "delete");
	}
	w->names[0].kind = q->kind;
	w->names[0].id = arena_strdup(w->write.arena, q->id);
	w->n = 1;
	w->if_version = q->if_version != 0 ? q->if_version : ANY_VERSION;
	return write_submit(&w->write, delete_decide, delete_answer);
}

static int
confirm_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct names_call *w = (struct names_call *)p;
	struct stored s;
	size_t i;

	for (i = 0; i < w->n; i++)
		if (decide_target(w, d, &w->names[i], &s, e) < 0 ||
		    decision_confirm(d, (uint8_t)w->names[i].kind,
			w->names[i].id, e) < 0)
			return err_wrap(e, "names[%u]: ", w->at[i]);
	return 0;
}

static void
confirm_answer(struct write *base)
{
	Resopro__V1__ConfirmResponse r = RESOPRO__V1__CONFIRM_RESPONSE__INIT;

	r.revision = base->proposal.revision;
	r.confirmed = (uint32_t)((struct names_call *)base)->n;
	call_reply(base->user.call, &r.base);
}

#define CONFIRM_MAX 10000

/* Copied; a name that is given twice is one name. */
static int
take_names(struct names_call *w, const Resopro__V1__ConfirmRequest *q,
    struct err *e)
{
	struct arena *arena = w->write.arena;
	struct sync_marks seen = { 0 };
	const struct sync_mark *m;

	w->names = arena_alloc(arena, q->n_names * sizeof *w->names);
	w->at = arena_alloc(arena, q->n_names * sizeof *w->at);
	if (w->names == NULL || w->at == NULL)
		return err_set(e, ERR_NOMEM, "confirm");
	for (size_t i = 0; i < q->n_names; i++) {
		const Resopro__V1__RecordName *name = q->names[i];

		if (sync_marks_add(&seen, arena, NULL, name->kind, name->id,
			NULL, &m) < 0)
			return err_set(e, ERR_NOMEM, "confirm");
		if (seen.n == w->n)
			continue;
		w->at[w->n] = (uint32_t)i;
		w->names[w->n].kind = name->kind;
		w->names[w->n++].id = (char *)(uintptr_t)m->value;
	}
	return 0;
}

int
registry_confirm(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ConfirmRequest *q =
	    (const Resopro__V1__ConfirmRequest *)m;
	struct names_call *w;
	size_t i;

	if (q->n_names == 0 || q->n_names > CONFIRM_MAX) {
		err_set(e, ERR_INVALID, "names: %zu names", q->n_names);
		err_field(e, "names");
		err_reason(e, "COUNT");
		return err_remedy(e, "give 1 to %d names", CONFIRM_MAX);
	}
	for (i = 0; i < q->n_names; i++)
		if (registry_check_name(q->names[i]->kind, q->names[i]->id, e) <
		    0)
			return err_wrap(e, "names[%zu]: ", i);
	w = (struct names_call *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	if (take_names(w, q, e) < 0) {
		write_free(&w->write);
		return -1;
	}
	return write_submit(&w->write, confirm_decide, confirm_answer);
}
