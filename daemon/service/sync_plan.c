/* sync_plan.c - what a Sync would do: create, update, leave, retire, refuse. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"

#define CREATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_CREATE
#define UPDATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UPDATE
#define UNCHANGED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNCHANGED
#define RETIRE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_RETIRE
#define REFUSED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_REFUSED
#define DEFERRED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNSPECIFIED

#define SLICE 2000 /* items checked a turn */

static int
no_room(struct err *e)
{
	err_set(e, ERR_LIMIT, "the set is too large");
	err_reason(e, "SET_TOO_LARGE");
	return err_remedy(e, "send it in parts, with another source for each");
}

static int
refuse(struct sync *s, struct sync_item *i, const char *field,
    const char *reason, const char *message, const char *remedy, struct err *e)
{
	return sync_item_refuse(&s->set, i, field, reason, message, remedy) < 0
		   ? no_room(e)
		   : 0;
}

/* What put_* said of one record becomes the item's. */
static int
refuse_as(struct sync *s, struct sync_item *i, const struct err *why,
    struct err *e)
{
	struct violations *v = &s->write.violations;
	int rc = 0;

	if (why->code == ERR_NOMEM || why->code == ERR_CORRUPT ||
	    why->code == ERR_INTERNAL || why->code == ERR_IO) {
		*e = *why;
		return -1;
	}
	for (size_t n = 0; n < v->n && rc == 0; n++)
		rc = sync_item_refuse(&s->set, i, v->list[n].field,
		    v->list[n].reason, v->list[n].message, v->list[n].remedy);
	if (v->n == 0)
		rc = sync_item_refuse(&s->set, i, why->field, why->reason,
		    why->msg, why->remedy);
	v->n = 0;
	return rc < 0 ? no_room(e) : 0;
}

/* ---- identity ------------------------------------------------------------- */

/* [a-z0-9-] out of any identifier: "Site n°12" -> "site-n-12". */
static size_t
slug(const char *text, char *out, size_t cap)
{
	size_t len = 0;

	for (; *text != '\0' && len + 1 < cap; text++) {
		char c = *text;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
			c = '-';
		if (c == '-' && (len == 0 || out[len - 1] == '-'))
			continue;
		out[len++] = c;
	}
	while (len > 0 && out[len - 1] == '-')
		len--;
	out[len] = '\0';
	return len;
}

/* The register's id of the member's own identifier, or "". */
static int
known_id(struct sync *s, struct view *v, Resopro__V1__Kind kind,
    const char *source_id, char id[STORE_ID_MAX + 1], struct err *e)
{
	return put_source_holder(v, kind, s->owner, s->source, source_id, id,
	    e);
}

static bool
taken(struct sync *s, struct view *v, Resopro__V1__Kind kind, const char *id)
{
	struct stored found;

	return sync_set_by_id(&s->set, kind, id) != NULL ||
	       view_get(v, (uint8_t)kind, id, &found, NULL) != 0;
}

/* The identifier as far as it makes an id; where that is taken, with a digest
 * of the whole: identifiers that look alike are told apart at once. */
static void
new_id(struct sync *s, struct view *v, Resopro__V1__Kind kind,
    const char *source_id, char id[STORE_ID_MAX + 1])
{
	char stem[STORE_ID_MAX + 1], text[300], hex[2 * DIGEST_LEN + 1];
	uint8_t digest[DIGEST_LEN];
	size_t len = slug(s->source, stem, 24);

	stem[len++] = '-';
	len += slug(source_id, stem + len, sizeof stem - len - 6);
	stem[len] = '\0';
	(void)snprintf(id, STORE_ID_MAX + 1, "%s", stem);
	for (unsigned n = 2; taken(s, v, kind, id); n++) {
		(void)snprintf(text, sizeof text, "%u %s %s", n, s->owner,
		    source_id);
		digest_sha256(text, strlen(text), digest);
		digest_hex(digest, sizeof digest, hex);
		(void)snprintf(id, STORE_ID_MAX + 1, "%.60s-%.12s", stem, hex);
	}
}

static int
give_id(struct sync *s, struct view *v, struct sync_item *i,
    const Resopro__V1__Record *r, struct err *e)
{
	char id[STORE_ID_MAX + 1];
	struct err bad = { 0 };

	if (r->id[0] != '\0') {
		if (value_check(VALUE_ID, "id", r->id, strlen(r->id), &bad) < 0)
			return refuse_as(s, i, &bad, e);
		(void)snprintf(id, sizeof id, "%s", r->id);
	} else {
		if (known_id(s, v, i->kind, i->source_id, id, e) < 0)
			return -1;
		if (id[0] == '\0')
			new_id(s, v, i->kind, i->source_id, id);
	}
	if (sync_set_by_id(&s->set, i->kind, id) != NULL)
		return refuse(s, i, "id", "DUPLICATE",
		    "id: is that of another record of the set",
		    "give each record once", e);
	return sync_set_name(&s->set, i, id, e);
}

/* ---- references in the member's own identifiers --------------------------- */

static char **
reference_field(Resopro__V1__Record *r, const char *field)
{
	ProtobufCMessage *body = schema_body(r);
	const ProtobufCFieldDescriptor *fd =
	    protobuf_c_message_descriptor_get_field_by_name(body->descriptor,
		field);

	return fd != NULL ? (char **)((char *)body + fd->offset) : NULL;
}

/* 1: known, written into the record.  0: not yet.  -1. */
static int
resolve(struct sync *s, struct view *v, Resopro__V1__Record *r,
    Resopro__V1__Kind kind, const char *field, const char *source_id,
    struct err *e)
{
	const struct sync_item *other;
	char id[STORE_ID_MAX + 1], **at = reference_field(r, field);

	if (source_id[0] == '\0' || at == NULL || (*at)[0] != '\0')
		return 1;
	other = sync_set_by_source(&s->set, kind, source_id);
	if (other != NULL && other->id != NULL) {
		*at = (char *)(uintptr_t)other->id;
		return 1;
	}
	if (known_id(s, v, kind, source_id, id, e) < 0)
		return -1;
	if (id[0] == '\0')
		return 0;
	*at = arena_strdup(s->scratch, id);
	return *at != NULL ? 1 : no_room(e);
}

static int
resolve_all(struct sync *s, struct view *v, const Resopro__V1__SyncRecord *rec,
    Resopro__V1__Record *r, struct err *e)
{
	int a = resolve(s, v, r, RESOPRO__V1__KIND__KIND_ORGANISATION,
	    "organisation_id", rec->organisation_source_id, e);
	int b = a < 0 ? -1
		      : resolve(s, v, r, RESOPRO__V1__KIND__KIND_SITE,
			    "site_id", rec->site_source_id, e);

	return a < 0 || b < 0 ? -1 : a && b;
}

/* ---- one record ----------------------------------------------------------- */

struct diff {
	struct sync *sync;
	struct sync_item *item;
};

static int
add_change(const struct field_rule *rule, const char *name, const char *before,
    const char *after, void *arg)
{
	struct diff *d = arg;

	(void)rule;
	return sync_item_change(&d->sync->set, d->item, name, before, after);
}

/* ---- unique values --------------------------------------------------------- */

static int
claim(struct sync *s, struct sync_item *i, const char *field, const char *value,
    struct err *e)
{
	char *copy = arena_strdup(s->set.arena, value);

	if (s->n_claims == s->cap_claims) {
		size_t cap = s->cap_claims != 0 ? 2 * s->cap_claims : 64;
		struct sync_claim *grown =
		    arena_alloc(s->set.arena, cap * sizeof *grown);

		if (grown == NULL)
			return no_room(e);
		if (s->n_claims > 0)
			memcpy(grown, s->claims, s->n_claims * sizeof *grown);
		s->claims = grown;
		s->cap_claims = cap;
	}
	s->claims[s->n_claims++] = (struct sync_claim){ field, copy, i };
	return copy != NULL ? 0 : no_room(e);
}

static int
claim_all(struct sync *s, struct sync_item *i, const Resopro__V1__Record *r,
    struct err *e)
{
	const struct field_rule *f = schema_of(r->kind)->fields;

	if (schema_string(r, "date_fermeture")[0] != '\0')
		return 0;
	for (; f->name != NULL; f++) {
		const char *value = schema_string(r, f->name);

		if ((f->flags & FIELD_UNIQUE) != 0 && value[0] != '\0' &&
		    claim(s, i, f->name, value, e) < 0)
			return -1;
	}
	return 0;
}

static int
compare_claims(const void *a, const void *b)
{
	const struct sync_claim *x = a, *y = b;
	int c = strcmp(x->value, y->value);

	if (c == 0)
		c = strcmp(x->field, y->field);
	if (c == 0)
		c = (int)x->item->kind - (int)y->item->kind;
	return c != 0 ? c
		      : (x->item->position > y->item->position) -
			    (x->item->position < y->item->position);
}

int
sync_check_claims(struct sync *s, struct err *e)
{
	if (s->n_claims > 1)
		qsort(s->claims, s->n_claims, sizeof *s->claims,
		    compare_claims);
	for (size_t n = 1; n < s->n_claims; n++) {
		const struct sync_claim *a = &s->claims[n - 1];
		const struct sync_claim *b = &s->claims[n];
		char message[200];

		if (a->item->kind != b->item->kind ||
		    strcmp(a->value, b->value) != 0 ||
		    strcmp(a->field, b->field) != 0)
			continue;
		(void)snprintf(message, sizeof message,
		    "%s: %s is that of record %u too", b->field, b->value,
		    a->item->position);
		if (refuse(s, b->item, b->field, "TAKEN", message,
			"correct one of the two, or give one a closing date",
			e) < 0)
			return -1;
	}
	return 0;
}

static int
plan_change(struct sync *s, struct sync_item *i, const struct put *p,
    const struct stored *now, struct err *e)
{
	struct diff d = { s, i };

	i->head.data = arena_memdup(s->set.arena, p->head.data, p->head.len);
	i->head.len = p->head.len;
	i->name = arena_strdup(s->set.arena, schema_name(p->record));
	if (i->head.data == NULL || i->name == NULL)
		return no_room(e);
	i->action = p->exists ? UPDATE : CREATE;
	if (claim_all(s, i, p->record, e) < 0)
		return -1;
	if (p->exists) {
		Resopro__V1__Record *before =
		    record_unpack(s->scratch, now->record, e);

		if (before == NULL)
			return -1;
		if (schema_diff(s->scratch, before, p->record, add_change, &d) <
		    0)
			return no_room(e);
	}
	return 0;
}

/* The slow path: everything that Put would look at. */
static int
plan_record(struct sync *s, struct view *v, struct sync_item *i,
    const Resopro__V1__Record *r, const struct stored *now, bool theirs,
    struct err *e)
{
	struct put p = { .arena = s->scratch,
		.if_version = i->seen,
		.adopt = !s->agency,
		.agency_fields_only = s->agency && theirs };
	struct violations *said = &s->write.violations;
	struct err why = { 0 };

	said->n = 0;
	said->warned = 0;
	if (put_prepare(&p, &s->write, r, &why) < 0 ||
	    put_merge(&p, &s->write, v, &why) < 0)
		return refuse_as(s, i, &why, e);
	for (size_t n = 0; n < said->warned; n++) {
		if (sync_item_warn(&s->set, i, said->warnings[n]) < 0)
			return no_room(e);
	}
	if (p.agency_fields_only &&
	    sync_item_warn(&s->set, i,
		"the record "
		"belongs to a member: only the agency's fields were taken") < 0)
		return no_room(e);
	if (!p.unchanged)
		return plan_change(s, i, &p, now, e);
	i->action = UNCHANGED;
	return 0;
}

/* Most records of most nights: the bytes that the register has already. */
static bool
same_bytes(struct sync *s, const Resopro__V1__Record *r,
    const struct stored *now, const struct record_facts *facts)
{
	struct bytes packed = record_pack(s->scratch, &r->base, NULL);

	return packed.data != NULL && packed.len == facts->head_len &&
	       memcmp(packed.data, now->record.data, packed.len) == 0;
}

static bool
is(struct bytes b, const char *text)
{
	return b.len == strlen(text) && memcmp(b.data, text, b.len) == 0;
}

static int
plan_item(struct sync *s, struct view *v, struct sync_item *i,
    Resopro__V1__Record *r, struct err *e)
{
	struct record_facts facts = { 0 };
	struct stored now;
	int found;

	r->id = (char *)(uintptr_t)i->id;
	found = view_get(v, (uint8_t)i->kind, i->id, &now, e);
	if (found < 0 ||
	    (found == 1 && record_facts(now.record, &facts, e) < 0))
		return -1;
	i->exists = found == 1;
	i->seen = found == 1 ? now.version : 0;
	if (found == 1 && !now.deleted && same_bytes(s, r, &now, &facts)) {
		i->action = UNCHANGED;
		if (s->show_unchanged)
			i->name = arena_strdup(s->set.arena, schema_name(r));
		return 0;
	}
	if (found == 1 && !now.deleted && s->agency &&
	    !is(facts.owner, s->owner)) {
		/* A member's record: it stays the member's. */
		r->owner = arena_printf(s->scratch, "%.*s",
		    (int)facts.owner.len, (const char *)facts.owner.data);
		r->source = arena_printf(s->scratch, "%.*s",
		    (int)facts.source.len, (const char *)facts.source.data);
		r->source_id =
		    arena_printf(s->scratch, "%.*s", (int)facts.source_id.len,
			(const char *)facts.source_id.data);
		return plan_record(s, v, i, r, &now, true, e);
	}
	return plan_record(s, v, i, r, &now, false, e);
}

/* Keep it for when the whole set is there. */
static int
defer(struct sync *s, struct sync_item *i, const Resopro__V1__SyncRecord *rec,
    struct err *e)
{
	ProtobufCAllocator a = record_allocator(s->set.arena);
	struct bytes b = record_pack(s->scratch, &rec->base, e);

	if (b.data == NULL)
		return -1;
	i->deferred = resopro__v1__sync_record__unpack(&a, b.len, b.data);
	return i->deferred != NULL ? 0 : no_room(e);
}

/* A record as the stream means it: its kind, owner and source. */
static Resopro__V1__Record *
complete(struct sync *s, const struct sync_item *i,
    const Resopro__V1__Record *given)
{
	Resopro__V1__Record *r = arena_memdup(s->scratch, given, sizeof *r);
	ProtobufCMessage *body;

	if (r == NULL)
		return NULL;
	body = arena_memdup(s->scratch, schema_body(given),
	    schema_body(given)->descriptor->sizeof_message);
	if (body == NULL)
		return NULL;
	r->organisation = (Resopro__V1__Organisation *)body;
	record_strip(r);
	r->kind = i->kind;
	r->owner = (char *)(uintptr_t)s->owner;
	r->source = (char *)(uintptr_t)s->source;
	r->source_id = (char *)(uintptr_t)i->source_id;
	return r;
}

static int
plan_resolved(struct sync *s, struct view *v, struct sync_item *i,
    const Resopro__V1__SyncRecord *rec, bool last, struct err *e)
{
	Resopro__V1__Record *r = complete(s, i, rec->record);
	int known;

	if (r == NULL)
		return no_room(e);
	if ((known = resolve_all(s, v, rec, r, e)) < 0)
		return -1;
	if (known == 1)
		return plan_item(s, v, i, r, e);
	if (!last)
		return defer(s, i, rec, e);
	return refuse(s, i, "organisation_source_id", "REFERENCE",
	    "organisation_source_id or site_source_id: no such record in the "
	    "set or in the register",
	    "send that record too, or correct the "
	    "identifier",
	    e);
}

/* 1: go on; 0: refused already; -1. */
static int
check_shape(struct sync *s, struct sync_item *i,
    const Resopro__V1__SyncRecord *rec, struct err *e)
{
	const Resopro__V1__Record *r = rec->record;
	const struct sync_item *first;
	char message[120];

	if ((s->kinds & 1u << i->kind) == 0)
		return refuse(s, i, "record.kind", "KIND",
		    "record: its kind is not one that the set covers",
		    "give a body, and name its kind in SyncStart.kinds", e);
	if (value_check(VALUE_SOURCE_ID, "source_id", i->source_id,
		strlen(i->source_id), NULL) < 0)
		return refuse(s, i, "source_id", "SOURCE_ID",
		    "source_id: is required, 1 to 128 characters",
		    "give your own identifier of the record", e);
	first = sync_set_by_source(&s->set, i->kind, i->source_id);
	if (first != i) {
		(void)snprintf(message, sizeof message,
		    "source_id: is that of record %u too", first->position);
		return refuse(s, i, "source_id", "DUPLICATE", message,
		    "give each record once", e);
	}
	if (r->owner[0] != '\0' && strcmp(r->owner, s->owner) != 0)
		return refuse(s, i, "owner", "OWNER",
		    "owner: differs from that of the set", "leave it empty", e);
	return 1;
}

static Resopro__V1__Kind
kind_of(const Resopro__V1__Record *r)
{
	const struct kind_schema *ks = schema_of_body(r->body_case);

	if (ks == NULL || (r->kind != RESOPRO__V1__KIND__KIND_UNSPECIFIED &&
			      r->kind != ks->kind))
		return RESOPRO__V1__KIND__KIND_UNSPECIFIED;
	return ks->kind;
}

int
sync_take(struct sync *s, struct view *v, const Resopro__V1__SyncRecord *rec,
    struct err *e)
{
	static const Resopro__V1__Record none = RESOPRO__V1__RECORD__INIT;
	const Resopro__V1__Record *r =
	    rec->record != NULL ? rec->record : &none;
	struct sync_item *i;
	int rc;

	arena_reset(s->scratch);
	if (s->planned == 0)
		s->planned = view_revision(v);
	if ((i = sync_set_add(&s->set, kind_of(r), r->source_id, e)) == NULL)
		return -1;
	i->position = ++s->received;
	if ((rc = check_shape(s, i, rec, e)) <= 0)
		return rc;
	if (give_id(s, v, i, r, e) < 0)
		return -1;
	if (i->action == REFUSED)
		return 0;
	return plan_resolved(s, v, i, rec, false, e);
}

int
sync_take_deferred(struct sync *s, struct view *v, struct err *e)
{
	for (uint32_t n = 0; n < s->set.n; n++) {
		struct sync_item *i = s->set.items[n];

		if (i->deferred == NULL || i->action != DEFERRED)
			continue;
		arena_reset(s->scratch);
		if (plan_resolved(s, v, i, i->deferred, true, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- retirements ---------------------------------------------------------- */

struct retire_walk {
	struct sync *sync;
	struct view *view;
	Resopro__V1__Kind kind;
};

static int
retire_one(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct retire_walk *w = arg;
	struct sync *s = w->sync;
	struct sync_item *i;
	Resopro__V1__Record *r;
	struct stored now;

	(void)key;
	(void)len;
	s->existing++;
	if (sync_set_by_id(&s->set, w->kind, id) != NULL)
		return 1;
	arena_reset(s->scratch);
	if (view_get(w->view, (uint8_t)w->kind, id, &now, e) != 1 ||
	    (r = record_unpack(s->scratch, now.record, e)) == NULL)
		return e->code != ERR_NONE ? -1 : 1;
	/* It came, but was refused: that is no reason to end it. */
	i = sync_set_by_source(&s->set, w->kind, r->source_id);
	if (i != NULL && i->action == REFUSED)
		return 1;
	if (authorise_record(&s->write.who, s->write.proposal.method, r, e) < 0)
		return -1;
	if ((i = sync_set_add(&s->set, w->kind, r->source_id, e)) == NULL ||
	    sync_set_name(&s->set, i, id, e) < 0)
		return -1;
	i->action = RETIRE;
	i->exists = true;
	i->seen = now.version;
	i->name = arena_strdup(s->set.arena, schema_name(r));
	return i->name != NULL ? 1 : no_room(e);
}

/* Who comes and who leaves, as the plan stands. */
static int
sync_keep_company(struct sync *s, struct err *e)
{
	s->coming.n = s->leaving.n = 0;
	for (uint32_t n = 0; n < s->set.n; n++) {
		const struct sync_item *i = s->set.items[n];
		bool comes = i->action == CREATE || i->action == UPDATE;

		if ((comes || i->action == RETIRE) &&
		    names_add(comes ? &s->coming : &s->leaving, s->set.arena,
			i->kind, i->id) < 0)
			return no_room(e);
	}
	names_sort(&s->leaving);
	names_sort(&s->coming);
	return 0;
}

int
sync_plan_retirements(struct sync *s, struct view *v, struct err *e)
{
	const struct kind_schema *const *all = schema_all();

	for (size_t n = 0; s->full && all[n] != NULL; n++) {
		struct retire_walk w = { s, v, all[n]->kind };
		char key[STORE_INDEX_KEY_MAX];
		size_t len;

		if ((s->kinds & 1u << w.kind) == 0)
			continue;
		/* Every source id of the scope begins like this. */
		len = schema_source_key(key, w.kind, s->owner, s->source, "");
		if (view_each_index(v, INDEX_SOURCE, key, len, NULL, NULL,
			retire_one, &w, e) < 0)
			return -1;
	}
	return sync_keep_company(s, e);
}

/* ---- what depends on other records ---------------------------------------- */

static int
check_change(struct sync *s, struct view *v, struct arena *arena,
    const struct sync_item *i, struct err *why)
{
	struct put_company with = { &s->coming, &s->leaving };
	struct put p = { .arena = arena };

	s->write.violations.n = 0;
	p.record = record_unpack(arena, i->head, why);
	if (p.record == NULL)
		return -1;
	return put_check_others(&p, &s->write, v, &with, why);
}

static int
check_item(struct sync *s, struct view *v, struct sync_item *i, struct err *e)
{
	struct err why = { 0 };
	int rc = 0;

	arena_reset(s->scratch);
	if (i->action == CREATE || i->action == UPDATE)
		rc = check_change(s, v, s->scratch, i, &why);
	else if (i->action == RETIRE)
		rc = put_check_unreferenced(v, i->kind, i->id, &s->leaving,
		    &why);
	s->refused_late += rc < 0;
	return rc < 0 ? refuse_as(s, i, &why, e) : 0;
}

bool
sync_check_slice(struct sync *s, struct view *v, struct err *e)
{
	uint32_t end = s->next + SLICE;

	for (; s->next < s->set.n && s->next < end; s->next++) {
		if (check_item(s, v, s->set.items[s->next], e) < 0)
			return false;
	}
	if (s->next < s->set.n)
		return true;
	/* The valid ones will be applied: do they still hold without those that
	 * were just refused? */
	if (!s->accept_valid || s->refused_late == 0)
		return false;
	s->refused_late = 0;
	s->next = 0;
	return sync_keep_company(s, e) == 0;
}

/* ---- the set as a whole --------------------------------------------------- */

static void
count(struct sync *s)
{
	Resopro__V1__SyncResult *r = &s->result;

	resopro__v1__sync_result__init(r);
	for (uint32_t n = 0; n < s->set.n; n++) {
		switch (s->set.items[n]->action) {
		case CREATE:
			r->created++;
			break;
		case UPDATE:
			r->updated++;
			break;
		case UNCHANGED:
			r->unchanged++;
			break;
		case RETIRE:
			r->retired++;
			break;
		default:
			r->refused++;
			break;
		}
	}
}

static void
judge_retirements(struct sync *s)
{
	const struct service_limits *l = &s->write.service->limits;
	uint32_t n = s->result.retired;
	bool many =
	    n > l->retire_free &&
	    (uint64_t)n * 100 > (uint64_t)s->existing * l->retire_percent;
	bool all = s->received == 0 && n > 0;

	if ((!many && !all) || s->confirm_retire == n)
		return;
	err_set(&s->refusal, ERR_PRECONDITION,
	    "the set would retire %u of the "
	    "%u records of %s/%s",
	    n, s->existing, s->owner, s->source);
	err_field(&s->refusal, "start.confirm_retire");
	err_reason(&s->refusal, "RETIRE_GUARD");
	err_remedy(&s->refusal,
	    "check that the set is whole; if it is, send "
	    "it again with confirm_retire = %u",
	    n);
}

void
sync_judge(struct sync *s)
{
	count(s);
	if (s->dry_run)
		return;
	if (s->result.refused > 0 && !s->accept_valid) {
		/* Those that a full set would retire count too. */
		err_set(&s->refusal, ERR_PRECONDITION,
		    "%u of %u records are "
		    "refused; nothing was applied",
		    s->result.refused, s->set.n);
		err_reason(&s->refusal, "SYNC_REFUSED");
		err_remedy(&s->refusal, "correct them, or send the set with "
					"accept_valid to apply the others");
		return;
	}
	judge_retirements(s);
}

/* ---- writing -------------------------------------------------------------- */

static int
moved(const struct sync_item *i, struct err *e)
{
	err_set(e, ERR_CONFLICT, "%s changed while the set was being sent",
	    i->id);
	err_reason(e, "SYNC_MOVED");
	return err_remedy(e, "send the set again");
}

/* Nothing that the plan leaves alone has changed since it was made. */
static int
check_unmoved(struct sync *s, struct view *v, struct err *e)
{
	for (uint64_t r = s->planned + 1; r <= view_revision(v); r++) {
		struct mutation_iter it;
		struct mutation m;
		struct commit c;
		int rc = view_commit(v, r, &c, e);

		if (rc <= 0)
			return -1;
		mutation_first(&c, &it);
		while ((rc = mutation_next(&it, &m, e)) == 1) {
			const struct sync_item *i =
			    m.op == MUTATION_PUT || m.op == MUTATION_DELETE
				? sync_set_by_id(&s->set,
				      (Resopro__V1__Kind)m.kind, m.id)
				: NULL;

			/* An item planned later has seen it. */
			if (i != NULL && i->action == UNCHANGED &&
			    i->seen < m.version)
				return moved(i, e);
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int
emit_change(struct sync *s, struct decision *d, const struct sync_item *i,
    struct err *e)
{
	Resopro__V1__Record name = RESOPRO__V1__RECORD__INIT;
	struct put p = { .arena = s->write.arena,
		.record = &name,
		.if_version = i->seen,
		.seen = i->seen,
		.exists = i->exists,
		.head = i->head };

	name.kind = i->kind;
	name.id = (char *)(uintptr_t)i->id;
	if (view_revision(decision_view(d)) != s->planned &&
	    check_change(s, decision_view(d), s->write.arena, i, e) < 0)
		return -1;
	return put_emit(&p, d, e);
}

static int
emit_retirement(struct sync *s, struct decision *d, const struct sync_item *i,
    struct err *e)
{
	if (view_revision(decision_view(d)) != s->planned &&
	    put_check_unreferenced(decision_view(d), i->kind, i->id,
		&s->leaving, e) < 0)
		return -1;
	return decision_delete(d, (uint8_t)i->kind, i->id, i->seen, e);
}

static int
emit_item(struct sync *s, struct decision *d, const struct sync_item *i,
    struct err *e)
{
	int rc = 0;

	switch (i->action) {
	case CREATE:
	case UPDATE:
		rc = emit_change(s, d, i, e);
		break;
	case RETIRE:
		rc = emit_retirement(s, d, i, e);
		break;
	case UNCHANGED:
		/* A FULL set confirms its whole scope by one row. */
		if (!s->full)
			rc = decision_confirm(d, (uint8_t)i->kind, i->id, e);
		break;
	default:
		break;
	}
	return rc < 0 && e->code == ERR_CONFLICT ? moved(i, e) : rc;
}

static int
emit_scopes(struct sync *s, struct decision *d, struct err *e)
{
	struct bytes owner = { (const uint8_t *)s->owner, strlen(s->owner) };
	struct bytes source = { (const uint8_t *)s->source, strlen(s->source) };

	for (uint8_t kind = 1; kind < 32; kind++) {
		char scope[STORE_INDEX_KEY_MAX];
		size_t len;

		if ((s->kinds & 1u << kind) == 0)
			continue;
		len = record_scope(scope, kind, owner, source);
		if (len > 0 && decision_confirm_scope(d, scope, len, e) < 0)
			return -1;
	}
	return 0;
}

int
sync_emit(struct sync *s, struct decision *d, struct err *e)
{
	struct bytes note;

	if (check_unmoved(s, decision_view(d), e) < 0)
		return -1;
	for (uint32_t n = 0; n < s->set.n; n++) {
		if (emit_item(s, d, s->set.items[n], e) < 0)
			return -1;
	}
	if (s->full && emit_scopes(s, d, e) < 0)
		return -1;
	note = record_pack(s->write.arena, &s->result.base, e);
	return note.data != NULL ? decision_note(d, note, e) : -1;
}
