/* list.c - see list.h; and Registry.List. */
#include "service/list.h"

#include <string.h>
#include <xxhash.h>

#include "domain/vocabulary.h"
#include "resopro/v1/registry.pb-c.h"
#include "service/authorise.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/transfers.h"
#include "service/zones.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION

struct listing {
	struct page *page;
	const struct list_filter *filter;
	const struct territory *territory;
	struct arena *scratch; /* one record at a time */
	struct err *e;
};

/* ---- does it match? ------------------------------------------------------- */

static bool
given(const char *s)
{
	return s != NULL && s[0] != '\0';
}

static bool
zone_holds(const struct listing *l, const char *code)
{
	return zone_contains(l->filter->zone,
	    territory_commune(l->territory, code));
}

/* Looking through a zone costs as much as looking at a record; lists of zones
 * may be long. */
static void
charge(struct listing *l)
{
	if (l->page->work > 0)
		l->page->work--;
}

/* One of these zones shares a commune with the filter's. */
static bool
some_meet(struct listing *l, char *const *codes, size_t n,
    const struct zone *(*zone)(const struct territory *, const char *code))
{
	for (size_t i = 0; i < n; i++) {
		charge(l);
		if (zones_meet(zone(l->territory, codes[i]), l->filter->zone))
			return true;
	}
	return false;
}

/* An offer's site, at the revision of the page: another look at a record.
 * NULL when it has none. */
static int
offer_site(struct listing *l, const Resopro__V1__Offer *o,
    const Resopro__V1__Site **site)
{
	Resopro__V1__Record *r;
	struct stored s;
	int found;

	*site = NULL;
	if (o->site_id[0] == '\0')
		return 0;
	charge(l);
	found =
	    view_get_as_of(l->page->view, (uint8_t)RESOPRO__V1__KIND__KIND_SITE,
		o->site_id, l->page->revision, &s, l->e);
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	if ((r = record_unpack(l->scratch, s.record, l->e)) == NULL)
		return -1;
	if (r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		*site = r->site;
	return 0;
}

/* One that says no zone is for the people around its site. */
static int
offer_meets(struct listing *l, const Resopro__V1__Offer *o)
{
	const Resopro__V1__Site *site;

	if (o->n_zone_eligibilite > 0)
		return zones_say_everywhere(o->zone_eligibilite,
			   o->n_zone_eligibilite) ||
		       some_meet(l, o->zone_eligibilite, o->n_zone_eligibilite,
			   zones_of_eligibility);
	if (offer_site(l, o, &site) < 0)
		return -1;
	return site != NULL && zone_holds(l, site->code_insee);
}

/* 1, 0, -1. */
static int
matches_zone(struct listing *l, const Resopro__V1__Record *r)
{
	if (l->filter->zone == NULL)
		return 1;
	switch (r->body_case) {
	case RESOPRO__V1__RECORD__BODY_SITE:
		return zone_holds(l, r->site->code_insee);
	case RESOPRO__V1__RECORD__BODY_ORGANISATION:
		return some_meet(l, r->organisation->competence,
		    r->organisation->n_competence, territory_zone);
	case RESOPRO__V1__RECORD__BODY_OFFER:
		return offer_meets(l, r->offer);
	case RESOPRO__V1__RECORD__BODY_ACTIVITY:
		for (size_t i = 0; i < r->activity->n_communes; i++) {
			if (zone_holds(l, r->activity->communes[i]))
				return 1;
		}
		return 0;
	default:
		return 0;
	}
}

/* 1, 0, -1. */
static int
is_near(struct listing *l, const Resopro__V1__Record *r)
{
	const struct list_where *w = &l->filter->where;
	const Resopro__V1__Site *site = NULL;

	if (!w->near)
		return 1;
	if (r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		site = r->site;
	else if (r->body_case == RESOPRO__V1__RECORD__BODY_OFFER &&
		 offer_site(l, r->offer, &site) < 0)
		return -1;
	return site != NULL && list_where_site(w, l->territory, site);
}

static bool
suspended(const Resopro__V1__Status *s, const char *day)
{
	for (size_t i = 0; i < s->n_suspensions; i++) {
		const Resopro__V1__Suspension *x = s->suspensions[i];

		if (strcmp(x->from, day) <= 0 &&
		    (x->to[0] == '\0' || strcmp(day, x->to) <= 0))
			return true;
	}
	return false;
}

static bool
matches_dates(const struct list_filter *f, const Resopro__V1__Record *r)
{
	const char *day = f->active_on, *end;

	if (r->body_case == RESOPRO__V1__RECORD__BODY_STATUS && given(day))
		return strcmp(r->status->from, day) <= 0 &&
		       (r->status->to[0] == '\0' ||
			   strcmp(day, r->status->to) <= 0) &&
		       !suspended(r->status, day);
	if (r->body_case != RESOPRO__V1__RECORD__BODY_ACTIVITY)
		return true;
	end =
	    r->activity->end[0] != '\0' ? r->activity->end : r->activity->start;
	return (!given(f->from) || strcmp(f->from, end) <= 0) &&
	       (!given(f->to) || strcmp(end, f->to) <= 0);
}

static bool
matches_state(const struct list_filter *f, const Resopro__V1__Record *r)
{
	unsigned state = 0;

	if (f->disputes == 0 && f->transfers == 0)
		return true;
	if (f->disputes != 0 &&
	    r->body_case == RESOPRO__V1__RECORD__BODY_DISPUTE)
		return (f->disputes & 1u << r->dispute->state) != 0;
	if (f->transfers == 0 ||
	    r->body_case != RESOPRO__V1__RECORD__BODY_TRANSFER)
		return false;
	state = r->transfer->state;
	if (state == RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_PENDING &&
	    !transfers_pending(r->transfer, f->now_ns))
		state = RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_EXPIRED;
	return (f->transfers & 1u << state) != 0;
}

static bool
equal(const char *wanted, const char *is)
{
	return !given(wanted) || strcmp(wanted, is) == 0;
}

static bool
looks_inside(const struct list_filter *f)
{
	const struct policy_row *row = authorise_row(f->method, f->kind);

	return f->zone != NULL || list_where_asks(&f->where) ||
	       given(f->organisation_id) || given(f->organisation_kind) ||
	       given(f->active_on) || given(f->activity_kind) ||
	       f->disputes != 0 || f->transfers != 0 || given(f->from) ||
	       given(f->to) || row == NULL || (row->any & f->who->roles) == 0;
}

/* 1, 0, -1. */
static int
matches(struct listing *l, const struct stored *s)
{
	const struct list_filter *f = l->filter;
	struct record_facts facts;
	Resopro__V1__Record *r;
	struct lease lease;
	int in_zone;

	if (s->deleted || s->revision <= f->changed_since)
		return 0;
	if (given(f->owner)) {
		if (record_facts(s->record, &facts, l->e) < 0)
			return -1;
		if (facts.owner.len != strlen(f->owner) ||
		    memcmp(facts.owner.data, f->owner, facts.owner.len) != 0)
			return 0;
	}
	if (f->freshness != 0) {
		charge(l); /* when its whole scope was confirmed is a look */
		if (page_lease(l->page, s, &lease, l->e) < 0)
			return -1;
		if ((f->freshness & 1u << lease.state) == 0)
			return 0;
	}
	if (!looks_inside(f))
		return 1;
	arena_reset(l->scratch);
	if ((r = record_unpack(l->scratch, s->record, l->e)) == NULL)
		return -1;
	if (!matches_dates(f, r) || !matches_state(f, r) ||
	    !equal(f->organisation_id, schema_string(r, "organisation_id")) ||
	    !equal(f->organisation_kind, schema_string(r, "kind")) ||
	    !equal(f->activity_kind, schema_string(r, "activity_kind")) ||
	    !list_where_codes(&f->where, r) ||
	    authorise_record(f->who, f->method, r, NULL) < 0)
		return 0;
	in_zone = matches_zone(l, r);
	return in_zone == 1 ? is_near(l, r) : in_zone;
}

/* ---- walking -------------------------------------------------------------- */

static int
consider(struct listing *l, const struct stored *s)
{
	int rc = matches(l, s);

	if (rc == 1 && page_take(l->page, s, l->e) < 0)
		return -1;
	return rc < 0 ? -1 : 1;
}

/* By id: `s` is the record as it stands now. */
static int
walk_record(const struct stored *now, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct stored s = *now;
	int rc = 1;

	if (!page_looks(l->page, s.id))
		return 0;
	while (rc == 1 && s.revision > l->page->revision) {
		rc = view_previous(l->page->view, &s, e);
		charge(l);
	}
	if (rc <= 0)
		return rc < 0 ? -1 : 1; /* it was created later */
	return consider(l, &s);
}

static int
walk_index(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct listing *l = arg;
	struct stored s;
	int rc;

	(void)key;
	(void)len;
	if (!page_looks(l->page, id))
		return 0;
	rc = view_get(l->page->view, (uint8_t)l->filter->kind, id, &s, e);
	if (rc <= 0)
		return rc < 0 ? -1 : 1;
	return consider(l, &s);
}

struct choice { /* an index that narrows the walk to one key */
	uint8_t index;
	const char *value;
};

static struct choice
choose_index(const struct list_filter *f)
{
	const struct kind_schema *ks = schema_of(f->kind);
	const struct field_rule *of = schema_field(ks, "organisation_id");

	if (given(f->organisation_id) && of != NULL && of->index != 0)
		return (struct choice){ of->index, f->organisation_id };
	if (given(f->owner))
		return (struct choice){ INDEX_OWNER, f->owner };
	if (given(f->organisation_kind) && f->kind == ORGANISATION)
		return (struct choice){ INDEX_ORGANISATION_KIND,
			f->organisation_kind };
	return (struct choice){ 0, NULL };
}

/* The indexes tell of now: the past is walked by id. */
static int
walk(struct listing *l)
{
	struct page *p = l->page;
	struct choice by = { 0, NULL };
	char key[STORE_INDEX_KEY_MAX + 1];
	size_t len;

	if (p->revision == 0)
		return 0; /* before the first */
	if (p->revision == view_revision(p->view))
		by = choose_index(l->filter);
	if (by.index == 0)
		return view_each(p->view, (uint8_t)l->filter->kind, p->after,
		    walk_record, l, l->e);
	len = schema_key(key, l->filter->kind, by.value);
	key[len] = '\0';
	return view_each_index(p->view, by.index, key, len,
	    p->after[0] != '\0' ? key : NULL,
	    p->after[0] != '\0' ? p->after : NULL, walk_index, l, l->e);
}

int
list_fill(struct page *p, const struct list_filter *f,
    const struct territory *t, struct err *e)
{
	struct listing l = { .page = p, .filter = f, .territory = t, .e = e };
	int rc;

	if ((l.scratch = arena_new(64u << 20)) == NULL)
		return err_set(e, ERR_NOMEM, "list");
	p->clock = f->clock;
	rc = walk(&l);
	arena_free(l.scratch);
	return rc < 0 ? -1 : 0;
}

int
list_zone(const struct territory *t, const char *field, const char *code,
    const struct zone **zone, struct err *e)
{
	*zone = NULL;
	if (code[0] == '\0')
		return 0;
	if (territory_check_zone(t, field, code, e) < 0)
		return -1;
	*zone = territory_zone(t, code);
	return 0;
}

int
list_code(const struct vocabularies *set, const char *vocabulary,
    const char *field, const char *code, struct err *e)
{
	const struct vocabulary *v = vocabularies_find(set, vocabulary);

	return code[0] == '\0' || v == NULL
		   ? 0
		   : vocabulary_check(v, field, code, strlen(code), e);
}

/* A caller that has seen more than there is follows another register, or one
 * from before a restore: an empty list would hide it. */
static int
check_since(uint64_t revision, uint64_t head, struct err *e)
{
	if (revision <= head)
		return 0;
	err_set(e, ERR_COMPACTED,
	    "changed_since: the register is at revision %llu",
	    (unsigned long long)head);
	err_field(e, "changed_since");
	err_reason(e, "FUTURE_REVISION");
	return err_remedy(e, "read everything again, then from that one");
}

/* ---- Registry.List -------------------------------------------------------- */

static int
check_request(const Resopro__V1__ListRequest *q, const struct principal *who,
    const char *method, struct err *e)
{
	const struct {
		const char *field, *value;
		enum value_kind kind;
	} texts[] = {
		{ "owner", q->owner, VALUE_ID },
		{ "organisation_id", q->organisation_id, VALUE_ID },
		{ "organisation_kind", q->organisation_kind, VALUE_VOCABULARY },
		{ "active_on", q->active_on, VALUE_DATE },
	};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (texts[i].value[0] != '\0' &&
		    value_check(texts[i].kind, texts[i].field, texts[i].value,
			strlen(texts[i].value), e) < 0)
			return -1;
	}
	if (registry_check_name(q->kind, "x", e) < 0)
		return -1;
	/* Of a kind that it may never read it hears so, not of an empty list. */
	return authorise(who, method, q->kind, true, e);
}

static int
read_freshness(const Resopro__V1__ListRequest *q, unsigned *bits, struct err *e)
{
	*bits = 0;
	for (size_t i = 0; i < q->n_freshness; i++) {
		if (q->freshness[i] <
			RESOPRO__V1__FRESHNESS__FRESHNESS_CONFIRMED ||
		    q->freshness[i] > RESOPRO__V1__FRESHNESS__FRESHNESS_STALE) {
			err_set(e, ERR_INVALID, "freshness: not a state");
			err_field(e, "freshness");
			err_reason(e, "FRESHNESS");
			return err_remedy(e,
			    "give FRESHNESS_CONFIRMED, FRESHNESS_DUE or "
			    "FRESHNESS_STALE");
		}
		*bits |= 1u << q->freshness[i];
	}
	if (*bits == 0 || q->as_of == NULL)
		return 0;
	err_set(e, ERR_INVALID, "freshness: the past has none");
	err_field(e, "freshness");
	err_reason(e, "AS_OF");
	return err_remedy(e, "leave as_of out");
}

static int
read_states(const char *field, const int *states, size_t n, int last,
    unsigned *bits, struct err *e)
{
	*bits = 0;
	for (size_t i = 0; i < n; i++) {
		if (states[i] < 1 || states[i] > last) {
			err_set(e, ERR_INVALID, "%s: not a state", field);
			err_field(e, field);
			err_reason(e, "STATE");
			return err_remedy(e, "give states of its enumeration");
		}
		*bits |= 1u << states[i];
	}
	return 0;
}

/* 0: no memory. */
static uint64_t
hash_filters(struct arena *arena, const Resopro__V1__ListRequest *q)
{
	Resopro__V1__ListRequest only = *q;
	Resopro__V1__AsOf none = RESOPRO__V1__AS_OF__INIT;
	struct bytes packed;

	only.page_size = 0;
	only.page_token = (char *)(uintptr_t) "";
	if (only.as_of == NULL)
		only.as_of = &none;
	packed = record_pack(arena, &only.base, NULL);
	return packed.data != NULL ? XXH3_64bits(packed.data, packed.len) : 0;
}

int
registry_list(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ListRequest *q = (const Resopro__V1__ListRequest *)m;
	struct service *s = call_service(c);
	const struct territory *t = catalog_territory(s->catalog);
	struct view *v = service_view(s, e);
	struct list_filter f = {
		.kind = q->kind,
		.owner = q->owner,
		.organisation_id = q->organisation_id,
		.organisation_kind = q->organisation_kind,
		.changed_since = q->changed_since,
		.active_on = q->active_on,
		.clock = q->as_of == NULL ? &s->clock : NULL,
		.now_ns = q->n_transfer_states > 0 ? service_now(s) : 0,
		.who = call_principal(c),
		.method = call_method(c)->path,
	};
	struct page page;
	uint64_t revision;

	if (v == NULL || check_request(q, f.who, f.method, e) < 0 ||
	    read_freshness(q, &f.freshness, e) < 0 ||
	    read_states("dispute_states", (const int *)q->dispute_states,
		q->n_dispute_states,
		RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_SETTLED, &f.disputes,
		e) < 0 ||
	    read_states("transfer_states", (const int *)q->transfer_states,
		q->n_transfer_states,
		RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_EXPIRED,
		&f.transfers, e) < 0 ||
	    list_zone(t, "territory", q->territory, &f.zone, e) < 0 ||
	    list_code(catalog_vocabularies(s->catalog), "organisation-kinds",
		"organisation_kind", q->organisation_kind, e) < 0 ||
	    check_since(q->changed_since, view_revision(v), e) < 0 ||
	    list_where_read(&f.where, q, s->catalog, e) < 0 ||
	    registry_as_of(v, q->as_of, &revision, e) < 0 ||
	    page_open(&page, call_arena(c), v, revision, q->page_size,
		q->page_token, hash_filters(call_arena(c), q),
		s->limits.list_work, e) < 0 ||
	    list_fill(&page, &f, t, e) < 0)
		return -1;
	return page_reply(c, &page, e);
}
