/* activities.c - resopro.v1.Activities: Declare and List. */
#include "service/activities.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/clock.h"
#include "domain/date.h"
#include "resopro/v1/activities.pb-c.h"
#include "service/authorise.h"
#include "service/list.h"
#include "service/memberships.h"
#include "service/put.h"
#include "service/registry.h"

#define ACTIVITY RESOPRO__V1__KIND__KIND_ACTIVITY

/* ---- the checks of one declaration ---------------------------------------- */

static int
refuse(struct write *w, enum err_code code, const char *field,
    const char *reason, const char *msg, const char *remedy, struct err *e)
{
	struct err v = { 0 };

	err_set(&v, code, "%s: %s", field, msg);
	err_field(&v, field);
	err_reason(&v, reason);
	err_remedy(&v, "%s", remedy);
	violations_add(&w->violations, &v);
	*e = w->violations.first;
	return -1;
}

/* A class is counted once. */
static int
check_classes(struct write *w, const char *field,
    Resopro__V1__Count *const *counts, size_t n, struct err *e)
{
	char msg[96];

	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(counts[i]->code, counts[j]->code) != 0)
				continue;
			(void)snprintf(msg, sizeof msg, "%.60s stands twice",
			    counts[i]->code);
			return refuse(w, ERR_INVALID, field, "DUPLICATE", msg,
			    "give each class once", e);
		}
	}
	return 0;
}

static int
check_sum(struct write *w, const char *field, Resopro__V1__Count *const *counts,
    size_t n, uint32_t total, struct err *e)
{
	uint64_t sum = 0;
	char msg[96];

	for (size_t i = 0; i < n; i++)
		sum += counts[i]->people;
	if (n == 0 || sum == total)
		return 0;
	(void)snprintf(msg, sizeof msg, "sums to %llu, people is %u",
	    (unsigned long long)sum, total);
	return refuse(w, ERR_INVALID, field, "SUM", msg,
	    "correct the counts (nr for those not known), or set partial", e);
}

/* Free texts never speak of a person. */
static int
check_notes(struct write *w, const Resopro__V1__Activity *a, struct err *e)
{
	const struct {
		const char *field, *text;
	} notes[] = {
		{ "activity.title", a->title },
		{ "activity.mixite_effect", a->mixite_effect },
		{ "activity.comment", a->comment },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
		if (value_note_has_personal_data(notes[i].text,
			strlen(notes[i].text)))
			rc = refuse(w, ERR_INVALID, notes[i].field,
			    "PERSONAL_DATA",
			    "holds what looks like a "
			    "telephone, an e-mail or a social security number",
			    "say nothing of any person", e);
	}
	return rc;
}

static int
check_dates(struct write *w, const Resopro__V1__Activity *a, struct err *e)
{
	bool done =
	    a->state == RESOPRO__V1__ACTIVITY_STATE__ACTIVITY_STATE_REALISE ||
	    a->state == RESOPRO__V1__ACTIVITY_STATE__ACTIVITY_STATE_UNSPECIFIED;
	const char *last = a->end[0] != '\0' ? a->end : a->start;
	char today[DATE_TEXT_SIZE], msg[96];
	int rc = 0;

	if (a->end[0] != '\0' && strcmp(a->end, a->start) < 0)
		rc = refuse(w, ERR_INVALID, "activity.end", "DATES",
		    "is before the start",
		    "give a last day on or after "
		    "activity.start",
		    e);
	if (a->end[0] != '\0' && strncmp(a->end, a->start, 4) != 0)
		violations_warn(&w->violations,
		    "activity.end: the activity "
		    "spans two years; it counts in the year of its end");
	date_format(date_from_unix(clock_wall_ns() / 1000000000), today);
	if (done && strcmp(last, today) > 0) {
		(void)snprintf(msg, sizeof msg, "%s is still to come", last);
		rc = refuse(w, ERR_INVALID,
		    a->end[0] != '\0' ? "activity.end" : "activity.start",
		    "NOT_YET", msg,
		    "declare it once it is over, or as a project (state "
		    "projet)",
		    e);
	}
	return rc;
}

static int
check_activity(struct write *w, const Resopro__V1__Activity *a, struct err *e)
{
	int rc = check_notes(w, a, e);

	if (check_dates(w, a, e) < 0 ||
	    check_classes(w, "activity.audience", a->audience, a->n_audience,
		e) < 0 ||
	    check_classes(w, "activity.by_sex", a->by_sex, a->n_by_sex, e) <
		0 ||
	    check_classes(w, "activity.by_age", a->by_age, a->n_by_age, e) < 0)
		rc = -1;
	if (rc < 0 || a->partial)
		return rc;
	if (check_sum(w, "activity.by_sex", a->by_sex, a->n_by_sex, a->people,
		e) < 0 ||
	    check_sum(w, "activity.by_age", a->by_age, a->n_by_age, a->people,
		e) < 0)
		rc = -1;
	return rc;
}

/* ---- Declare -------------------------------------------------------------- */

struct declare {
	struct write write;
	struct put put;
};

/* One declaration for one of the member's own identifiers. */
static int
check_source(struct declare *w, struct view *v, struct err *e)
{
	const Resopro__V1__Record *r = w->put.record;
	char id[STORE_ID_MAX + 1];

	if (put_source_holder(v, ACTIVITY, r->owner, r->source, r->source_id,
		id, e) < 0)
		return -1;
	if (id[0] == '\0')
		return 0;
	err_set(e, ERR_EXISTS, "source_id: %s was declared already, as %s",
	    r->source_id, id);
	err_field(e, "source_id");
	err_reason(e, "DECLARED");
	return err_remedy(e, "declare each activity once, with its own "
			     "source_id");
}

static int
check_title(struct declare *w, struct view *v, struct err *e)
{
	const Resopro__V1__Activity *a = w->put.record->activity;
	const char *day = a->end[0] != '\0' ? a->end : a->start;
	int holds = memberships_holds_any(v, a->organisation_id, day, e);
	char msg[200];

	if (holds != 0)
		return holds < 0 ? -1 : 0;
	(void)snprintf(msg, sizeof msg,
	    "%s holds no title of the network on "
	    "%s",
	    a->organisation_id, day);
	return refuse(&w->write, ERR_PRECONDITION, "activity.organisation_id",
	    "NO_TITLE", msg,
	    "check the dates, or ask the agency to record the "
	    "body's title",
	    e);
}

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct declare *w = (struct declare *)p;
	struct view *v = decision_view(d);

	w->write.violations.n = 0;
	if (put_merge(&w->put, &w->write, v, e) < 0 ||
	    check_source(w, v, e) < 0 ||
	    put_check_others(&w->put, &w->write, v, NULL, e) < 0 ||
	    check_title(w, v, e) < 0)
		return -1;
	return put_emit(&w->put, d, e);
}

static void
answer(struct write *base)
{
	struct declare *w = (struct declare *)base;
	struct err e = { 0 };
	struct view *v = service_view(base->service, &e);
	Resopro__V1__DeclareResponse r = RESOPRO__V1__DECLARE_RESPONSE__INIT;
	struct stored s;

	if (v == NULL ||
	    view_get_as_of(v, ACTIVITY, w->put.asked->id,
		base->proposal.revision, &s, &e) != 1 ||
	    (r.record = registry_unpack(base->arena, v, &s,
		 &base->service->clock, &e)) == NULL) {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_INTERNAL, "written, but not read back");
		call_fail(base->user.call, &e);
		return;
	}
	r.revision = base->proposal.revision;
	r.warnings = write_warnings(base, &r.n_warnings);
	call_reply(base->user.call, &r.base);
}

static int
declare(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__DeclareRequest *q =
	    (const Resopro__V1__DeclareRequest *)m;
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	char id[STORE_ID_MAX + 1];
	struct declare *w;
	struct view *v;

	if (q->activity == NULL) {
		err_set(e, ERR_INVALID, "activity: is required");
		err_field(e, "activity");
		return err_reason(e, "REQUIRED");
	}
	w = (struct declare *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	if (q->request_id[0] != '\0')
		write_derived_id(&w->write, id, sizeof id, "activite");
	else
		write_random_id(id, sizeof id, "activite");
	r.kind = ACTIVITY;
	r.id = id;
	r.owner = q->activity->organisation_id;
	r.source = q->source;
	r.source_id = q->source_id;
	r.body_case = RESOPRO__V1__RECORD__BODY_ACTIVITY;
	r.activity = q->activity;
	w->put.if_version = 0;
	v = service_view(call_service(c), e);
	if (v == NULL || put_prepare(&w->put, &w->write, &r, e) < 0 ||
	    check_activity(&w->write, w->put.asked->activity, e) < 0)
		return put_refuse(c, &w->write, e);
	return write_submit(&w->write, decide, answer);
}

/* ---- List ----------------------------------------------------------------- */

static uint64_t
hash_filters(const Resopro__V1__ListActivitiesRequest *q)
{
	Resopro__V1__ListActivitiesRequest only = *q;
	uint8_t small[1024];
	size_t len;

	only.page_size = 0;
	only.page_token = (char *)(uintptr_t) "";
	len = resopro__v1__list_activities_request__get_packed_size(&only);
	if (len > sizeof small)
		return 1;
	resopro__v1__list_activities_request__pack(&only, small);
	return XXH3_64bits(small, len);
}

static int
check_filters(const Resopro__V1__ListActivitiesRequest *q, struct err *e)
{
	const struct {
		const char *field, *value;
		enum value_kind kind;
	} texts[] = {
		{ "organisation_id", q->organisation_id, VALUE_ID },
		{ "activity_kind", q->activity_kind, VALUE_VOCABULARY },
		{ "from", q->from, VALUE_DATE },
		{ "to", q->to, VALUE_DATE },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i].value[0] != '\0' &&
		    value_check(texts[i].kind, texts[i].field, texts[i].value,
			strlen(texts[i].value), e) < 0)
			return -1;
	}
	return 0;
}

static int
list(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ListActivitiesRequest *q =
	    (const Resopro__V1__ListActivitiesRequest *)m;
	struct service *s = call_service(c);
	const struct territory *t = catalog_territory(s->catalog);
	struct view *v = service_view(s, e);
	struct list_filter f = {
		.kind = ACTIVITY,
		.organisation_id = q->organisation_id,
		.activity_kind = q->activity_kind,
		.from = q->from,
		.to = q->to,
		.clock = &s->clock,
		.who = call_principal(c),
		.method = call_method(c)->path,
	};
	struct page page;

	if (v == NULL || check_filters(q, e) < 0 ||
	    list_code(catalog_vocabularies(s->catalog), "activity-kinds",
		"activity_kind", q->activity_kind, e) < 0 ||
	    list_zone(t, "territory", q->territory, &f.zone, e) < 0 ||
	    page_open(&page, call_arena(c), v, view_revision(v), q->page_size,
		q->page_token, hash_filters(q), s->limits.list_work, e) < 0 ||
	    list_fill(&page, &f, t, e) < 0)
		return -1;
	return page_reply(c, &page, e);
}

const struct rpc_method activities_methods[] = {
	{ .path = "/resopro.v1.Activities/Declare",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__declare_request__descriptor,
	    .message = declare,
	    .closed = write_closed },
	{ .path = "/resopro.v1.Activities/List",
	    .kind = RPC_UNARY,
	    .input = &resopro__v1__list_activities_request__descriptor,
	    .message = list },
	{ .path = NULL },
};
