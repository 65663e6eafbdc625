/* memberships.c - see memberships.h: RecordStatus and EndStatus. */
#include "service/memberships.h"

#include <stdio.h>
#include <string.h>

#include "domain/policy.h"
#include "domain/vocabulary.h"
#include "resopro/v1/memberships.pb-c.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"

#define STATUS RESOPRO__V1__KIND__KIND_STATUS

/* ---- titles of one body --------------------------------------------------- */

struct titles {
	struct view *view;
	struct arena *arena;
	/* 1 goes on, 0 stops, -1 fails. */
	int (*seen)(struct titles *, const char *id,
	    const Resopro__V1__Status *, struct err *);
	/* For the overlap: */
	const char *self;
	const Resopro__V1__Status *mine;
	char found[STORE_ID_MAX + 1];
	/* For a date: */
	const char *date;
	bool holds;
};

static int
one_title(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct titles *t = arg;
	Resopro__V1__Record *r;
	struct stored s;
	int found = view_get(t->view, STATUS, id, &s, e);

	(void)key;
	(void)len;
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 1;
	if ((r = record_unpack(t->arena, s.record, e)) == NULL)
		return -1;
	return r->status != NULL ? t->seen(t, id, r->status, e) : 1;
}

static int
each_title(struct titles *t, const char *organisation_id, struct err *e)
{
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, STATUS, organisation_id);

	return view_each_index(t->view, INDEX_ORGANISATION, key, len, NULL,
	    NULL, one_title, t, e);
}

/* Dates are "YYYY-MM-DD": they sort as text.  "" is without end. */
static bool
overlap(const Resopro__V1__Status *a, const Resopro__V1__Status *b)
{
	return (b->to[0] == '\0' || strcmp(a->from, b->to) <= 0) &&
	       (a->to[0] == '\0' || strcmp(b->from, a->to) <= 0);
}

static int
seen_overlap(struct titles *t, const char *id, const Resopro__V1__Status *s,
    struct err *e)
{
	(void)e;
	if (strcmp(id, t->self) == 0 || strcmp(s->title, t->mine->title) != 0 ||
	    strcmp(s->site_id, t->mine->site_id) != 0 || !overlap(s, t->mine))
		return 1;
	(void)snprintf(t->found, sizeof t->found, "%s", id);
	return 0;
}

static bool
within(const char *from, const char *to, const char *date)
{
	return strcmp(from, date) <= 0 &&
	       (to[0] == '\0' || strcmp(date, to) <= 0);
}

static int
seen_on_date(struct titles *t, const char *id, const Resopro__V1__Status *s,
    struct err *e)
{
	(void)id;
	(void)e;
	if (!within(s->from, s->to, t->date))
		return 1;
	for (size_t i = 0; i < s->n_suspensions; i++) {
		if (within(s->suspensions[i]->from, s->suspensions[i]->to,
			t->date))
			return 1;
	}
	t->holds = true;
	return 0;
}

int
memberships_holds_any(struct view *v, const char *organisation_id,
    const char *date, struct err *e)
{
	struct titles t = { .view = v, .seen = seen_on_date, .date = date };
	int rc;

	if ((t.arena = arena_new(16u << 20)) == NULL)
		return err_set(e, ERR_NOMEM, "titles");
	rc = each_title(&t, organisation_id, e);
	arena_free(t.arena);
	return rc < 0 ? -1 : t.holds;
}

/* ---- the rule of a new title ---------------------------------------------- */

static int
refuse(struct write *w, const char *field, const char *reason, const char *msg,
    const char *remedy, struct err *e)
{
	struct err v = { 0 };

	err_set(&v, ERR_PRECONDITION, "%s: %s", field, msg);
	err_field(&v, field);
	err_reason(&v, reason);
	err_remedy(&v, "%s", remedy);
	violations_add(&w->violations, &v);
	*e = w->violations.first;
	return -1;
}

/* What the vocabulary says of a title: "cercle", "decision"; "" unknown. */
static const char *
title_says(const struct write *w, const char *title, const char *column)
{
	const struct vocabulary *all =
	    vocabularies_find(catalog_vocabularies(w->catalog), "titles");
	const struct vocabulary_term *term =
	    all != NULL ? vocabulary_term(all, title) : NULL;
	const char *value =
	    term != NULL ? vocabulary_extra(term, column) : NULL;

	return value != NULL ? value : "";
}

/* Coordinators integrate bodies into the proximity network; every other title
 * is the administrators' or the Region's. */
static int
check_hand(const struct write *w, const Resopro__V1__Status *s, struct err *e)
{
	const unsigned all =
	    ROLE_BIT(ROLE_AGENCY_ADMIN) | ROLE_BIT(ROLE_REGION_SIGNATORY);

	if ((w->who.roles & all) != 0 ||
	    strcmp(title_says(w, s->title, "cercle"), "4") == 0)
		return 0;
	err_set(e, ERR_DENIED,
	    "status.title: %s is not a coordinator's to give", s->title);
	err_field(e, "status.title");
	err_reason(e, "NOT_ALLOWED");
	return err_remedy(e, "record titles of the proximity network (cercle "
			     "4), or ask the agency's administrator");
}

int
memberships_check(const struct put *p, struct write *w, struct view *v,
    struct err *e)
{
	const Resopro__V1__Status *s = p->record->status;
	struct titles t = { .view = v,
		.arena = w->arena,
		.seen = seen_overlap,
		.self = p->record->id,
		.mine = s };
	char msg[200];

	if (check_hand(w, s, e) < 0)
		return -1;
	if (!p->exists && s->decision_number[0] == '\0' &&
	    strcmp(title_says(w, s->title, "decision"), "label") == 0)
		return refuse(w, "status.decision_number", "REQUIRED",
		    "a label is given by a decision",
		    "give the number of the Region's decision", e);
	if (s->to[0] != '\0' && strcmp(s->to, s->from) < 0)
		return refuse(w, "status.to", "DATES",
		    "is before the first day",
		    "give a last day on or after status.from", e);
	if (each_title(&t, s->organisation_id, e) < 0)
		return -1;
	if (t.found[0] == '\0')
		return 0;
	(void)snprintf(msg, sizeof msg,
	    "the body already holds this title then (%s)", t.found);
	return refuse(w, "status.from", "OVERLAP", msg,
	    "end that title first, or choose dates that do not overlap", e);
}

/* ---- RecordStatus --------------------------------------------------------- */

struct status_call {
	struct write write;
	struct put put;
	const char *id; /* of EndStatus */
	uint64_t if_version;
	const Resopro__V1__EndStatusRequest *end; /* a copy */
};

static void
answer(struct write *base)
{
	struct status_call *w = (struct status_call *)base;
	struct call *c = base->user.call;
	struct err e = { 0 };
	struct view *v = service_view(base->service, &e);
	struct stored s;
	const char *id = w->id != NULL ? w->id : w->put.record->id;

	if (v == NULL || view_get_as_of(v, STATUS, id, base->proposal.revision,
			     &s, &e) != 1) {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_INTERNAL, "written, but not read back");
		call_fail(c, &e);
		return;
	}
	registry_reply_record(c, v, &s, base->proposal.revision,
	    &base->service->clock);
}

static int
record_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct status_call *w = (struct status_call *)p;

	return put_decide_one(&w->put, &w->write, d, e);
}

/* The id of a new title: the same for the same request, so that a replay finds
 * what the first sending made. */
static const char *
new_id(struct write *w, const char *request_id)
{
	char id[STORE_ID_MAX + 1];

	if (request_id[0] == '\0')
		write_random_id(id, sizeof id, "titre");
	else
		write_derived_id(w, id, sizeof id, "titre");
	return arena_strdup(w->arena, id);
}

/* Legal basis and authority are the title's own when nothing else is said. */
static Resopro__V1__Status *
with_defaults(struct write *w, const Resopro__V1__Status *asked)
{
	Resopro__V1__Status *s = arena_memdup(w->arena, asked, sizeof *s);

	if (s == NULL)
		return NULL;
	if (s->legal_basis[0] == '\0')
		s->legal_basis =
		    (char *)(uintptr_t)title_says(w, s->title, "legal_basis");
	if (s->authority[0] == '\0')
		s->authority =
		    (char *)(uintptr_t)title_says(w, s->title, "authority");
	return s;
}

static int
record_status(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__RecordStatusRequest *q =
	    (const Resopro__V1__RecordStatusRequest *)m;
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Status *status;
	struct status_call *w;
	struct view *v;

	if (q->status == NULL) {
		err_set(e, ERR_INVALID, "status: is required");
		err_field(e, "status");
		return err_reason(e, "REQUIRED");
	}
	if (q->id[0] != '\0' &&
	    value_check(VALUE_ID, "id", q->id, strlen(q->id), e) < 0)
		return -1;
	w = (struct status_call *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	if ((status = with_defaults(&w->write, q->status)) == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "record a title");
	}
	r.kind = STATUS;
	r.id = q->id[0] != '\0'
		   ? q->id
		   : (char *)(uintptr_t)new_id(&w->write, q->request_id);
	r.body_case = RESOPRO__V1__RECORD__BODY_STATUS;
	r.status = status;
	w->put.if_version = q->if_version; /* 0: a new one */
	v = service_view(call_service(c), e);
	if (v == NULL || put_prepare(&w->put, &w->write, &r, e) < 0 ||
	    put_merge_early(&w->put, &w->write, v, e) < 0)
		return put_refuse(c, &w->write, e);
	return write_submit(&w->write, record_decide, answer);
}

/* ---- EndStatus ------------------------------------------------------------ */

static int
read_status(struct status_call *w, struct view *v, Resopro__V1__Record **r,
    struct err *e)
{
	struct stored s;
	int found = view_get(v, STATUS, w->id, &s, e);

	if (found < 0)
		return -1;
	if (found == 0 || s.deleted) {
		err_set(e, ERR_NOT_FOUND, "title %s does not exist", w->id);
		err_field(e, "id");
		err_reason(e, "ABSENT");
		return err_remedy(e, "check the id (resopro list status)");
	}
	*r = record_unpack(w->write.arena, s.record, e);
	if (*r != NULL)
		record_strip(*r);
	return *r != NULL ? 0 : -1;
}

static int
end_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct status_call *w = (struct status_call *)p;
	const Resopro__V1__EndStatusRequest *q = w->end;
	Resopro__V1__Record *r = NULL;

	w->write.violations.n = 0;
	if (read_status(w, decision_view(d), &r, e) < 0)
		return -1;
	if (strcmp(q->to, r->status->from) < 0 ||
	    (r->status->to[0] != '\0' && strcmp(q->to, r->status->to) > 0)) {
		err_set(e, ERR_PRECONDITION,
		    "to: %s is outside the title's "
		    "dates, %s to %s",
		    q->to, r->status->from,
		    r->status->to[0] != '\0' ? r->status->to : "(no end)");
		err_field(e, "to");
		err_reason(e, "DATES");
		return err_remedy(e, "give a day within them; a longer title "
				     "is a new decision");
	}
	r->status->to = q->to;
	r->status->end_reason = q->reason;
	r->status->end_decision_number = q->decision_number;
	w->put = (struct put){ .if_version = w->if_version };
	if (put_prepare(&w->put, &w->write, r, e) < 0)
		return -1;
	return put_decide_one(&w->put, &w->write, d, e);
}

static const Resopro__V1__EndStatusRequest *
copy_end(struct arena *arena, const Resopro__V1__EndStatusRequest *q)
{
	Resopro__V1__EndStatusRequest *copy =
	    arena_memdup(arena, q, sizeof *copy);

	if (copy == NULL)
		return NULL;
	copy->to = arena_strdup(arena, q->to);
	copy->reason = arena_strdup(arena, q->reason);
	copy->decision_number = arena_strdup(arena, q->decision_number);
	return copy->to != NULL && copy->reason != NULL &&
		       copy->decision_number != NULL
		   ? copy
		   : NULL;
}

static int
end_status(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__EndStatusRequest *q =
	    (const Resopro__V1__EndStatusRequest *)m;
	struct status_call *w;

	if (value_check(VALUE_ID, "id", q->id, strlen(q->id), e) < 0 ||
	    value_check(VALUE_DATE, "to", q->to, strlen(q->to), e) < 0)
		return -1;
	if (value_chars(q->reason, strlen(q->reason)) < 3) {
		bool none = q->reason[0] == '\0';

		err_set(e, ERR_INVALID, "reason: is %s",
		    none ? "required" : "too short");
		err_field(e, "reason");
		err_reason(e, none ? "REQUIRED" : "TOO_SHORT");
		return err_remedy(e, "say in 3 to 500 characters why the title "
				     "ends");
	}
	w = (struct status_call *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	w->id = arena_strdup(w->write.arena, q->id);
	w->end = copy_end(w->write.arena, q);
	if (w->id == NULL || w->end == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "end a title");
	}
	w->if_version = q->if_version != 0 ? q->if_version : ANY_VERSION;
	return write_submit(&w->write, end_decide, answer);
}

const struct rpc_method memberships_methods[] = {
	{ .path = "/resopro.v1.Memberships/RecordStatus",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__record_status_request__descriptor,
	    .message = record_status,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Memberships/EndStatus",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__end_status_request__descriptor,
	    .message = end_status,
	    .closed = write_closed },
	{ .path = NULL },
};
