/* sync_plan.c - what a Sync would do with one record: create, update, leave. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"
#include "service/transfers.h"

#define SLICE 200 /* deferred records planned a turn */

int
sync_no_room(struct err *e)
{
	err_set(e, ERR_LIMIT, "the set is too large");
	err_reason(e, "SET_TOO_LARGE");
	return err_remedy(e,
	    "send it in parts: as changes (DELTA), or each with a scope or a "
	    "source of its own");
}

int
sync_refuse(struct sync *s, struct sync_item *i, const char *field,
    const char *reason, const char *message, const char *remedy, struct err *e)
{
	return sync_item_refuse(&s->set, i, field, reason, message, remedy) < 0
		   ? sync_no_room(e)
		   : 0;
}

/* What put_* said of one record becomes the item's. */
int
sync_refuse_as(struct sync *s, struct sync_item *i, const struct err *why,
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
	return rc < 0 ? sync_no_room(e) : 0;
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
int
sync_known_id(struct sync *s, struct view *v, Resopro__V1__Kind kind,
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

static void
make_stem(const struct sync *s, const char *source_id,
    char stem[STORE_ID_MAX + 1])
{
	size_t len = slug(s->source, stem, 24);

	stem[len++] = '-';
	len += slug(source_id, stem + len, STORE_ID_MAX + 1 - len - 6);
	stem[len] = '\0';
}

/* Made anew each night, a record that was transferred would be there twice. */
static int
gave_away(struct sync *s, struct view *v, struct sync_item *i, struct err *e)
{
	char stem[STORE_ID_MAX + 1];
	const char *owner, *message;
	int gone;

	make_stem(s, i->source_id, stem);
	gone = transfers_gone(v, s->scratch, i->kind, stem, s->owner, s->source,
	    i->source_id, &owner, e);
	if (gone <= 0)
		return gone;
	message = arena_printf(s->scratch,
	    "source_id: the record was transferred to %s (%s)", owner, stem);
	return message == NULL
		   ? sync_no_room(e)
		   : sync_refuse(s, i, "source_id", "TRANSFERRED", message,
			 "remove it from what you send, or give another "
			 "source_id to what is another record",
			 e);
}

/* The identifier as far as it makes an id; where that is taken, with a digest
 * of the whole: identifiers that look alike are told apart at once. */
static void
new_id(struct sync *s, struct view *v, Resopro__V1__Kind kind,
    const char *source_id, char id[STORE_ID_MAX + 1])
{
	char stem[STORE_ID_MAX + 1], text[300], hex[2 * DIGEST_LEN + 1];
	uint8_t digest[DIGEST_LEN];

	make_stem(s, source_id, stem);
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
			return sync_refuse_as(s, i, &bad, e);
		(void)snprintf(id, sizeof id, "%s", r->id);
	} else {
		if (sync_known_id(s, v, i->kind, i->source_id, id, e) < 0)
			return -1;
		if (id[0] == '\0') {
			if (gave_away(s, v, i, e) < 0)
				return -1;
			if (i->action == SYNC_REFUSED)
				return 0;
			new_id(s, v, i->kind, i->source_id, id);
		}
	}
	if (sync_set_by_id(&s->set, i->kind, id) != NULL)
		return sync_refuse(s, i, "id", "DUPLICATE",
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
	if (sync_known_id(s, v, kind, source_id, id, e) < 0)
		return -1;
	if (id[0] == '\0')
		return 0;
	*at = arena_strdup(s->scratch, id);
	return *at != NULL ? 1 : sync_no_room(e);
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

static int
plan_change(struct sync *s, struct sync_item *i, const struct put *p,
    const struct stored *now, struct err *e)
{
	struct diff d = { s, i };

	i->head.data = arena_memdup(s->set.arena, p->head.data, p->head.len);
	i->head.len = p->head.len;
	i->name = arena_strdup(s->set.arena, schema_name(p->record));
	if (i->head.data == NULL || i->name == NULL)
		return sync_no_room(e);
	i->action = p->exists ? SYNC_UPDATE : SYNC_CREATE;
	if (sync_mark(s, i, p->record, e) < 0)
		return -1;
	if (p->exists) {
		Resopro__V1__Record *before =
		    record_unpack(s->scratch, now->record, e);

		if (before == NULL)
			return -1;
		if (schema_diff(s->scratch, before, p->record, add_change, &d) <
		    0)
			return sync_no_room(e);
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
	if (put_take(&p, &s->write, r, &why) < 0 ||
	    put_merge(&p, &s->write, v, &why) < 0)
		return sync_refuse_as(s, i, &why, e);
	for (size_t n = 0; n < said->warned; n++) {
		if (sync_item_warn(&s->set, i, said->warnings[n]) < 0)
			return sync_no_room(e);
	}
	if (p.agency_fields_only &&
	    sync_item_warn(&s->set, i,
		"the record "
		"belongs to a member: only the agency's fields were taken") < 0)
		return sync_no_room(e);
	if (!p.unchanged)
		return plan_change(s, i, &p, now, e);
	i->action = SYNC_UNCHANGED;
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

	found = view_get(v, (uint8_t)i->kind, i->id, &now, e);
	if (found < 0 ||
	    (found == 1 && record_facts(now.record, &facts, e) < 0))
		return -1;
	i->exists = found == 1;
	i->seen = found == 1 ? now.version : 0;
	if (found == 1 && !now.deleted && same_bytes(s, r, &now, &facts)) {
		i->action = SYNC_UNCHANGED;
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
	i->head = record_pack(s->set.arena, &rec->base, e);
	return i->head.data != NULL ? 0 : sync_no_room(e);
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
	r->id = (char *)(uintptr_t)i->id;
	r->kind = i->kind;
	r->owner = (char *)(uintptr_t)s->owner;
	r->source = (char *)(uintptr_t)s->source;
	r->source_id = (char *)(uintptr_t)i->source_id;
	return r;
}

/* What a member says of no organisation is of its own. */
static void
default_body(struct sync *s, const Resopro__V1__SyncRecord *rec,
    Resopro__V1__Record *r)
{
	char **at = reference_field(r, "organisation_id");

	if (!s->agency && at != NULL && (*at)[0] == '\0' &&
	    rec->organisation_source_id[0] == '\0')
		*at = (char *)(uintptr_t)s->owner;
}

static int
plan_resolved(struct sync *s, struct view *v, struct sync_item *i,
    const Resopro__V1__SyncRecord *rec, bool last, struct err *e)
{
	Resopro__V1__Record *r = complete(s, i, rec->record);
	int known;

	if (r == NULL)
		return sync_no_room(e);
	default_body(s, rec, r);
	if ((known = resolve_all(s, v, rec, r, e)) < 0)
		return -1;
	if (known == 0 && !last)
		return defer(s, i, rec, e);
	if (known == 0)
		return sync_refuse(s, i, "organisation_source_id", "REFERENCE",
		    "organisation_source_id or site_source_id: no such record "
		    "in the set or in the register",
		    "send that record too, or correct the identifier", e);
	if (!sync_scope_has(s, r, rec))
		return sync_refuse(s, i, "record", "SCOPE",
		    "the record lies outside the scope of the set",
		    "send it in a set of its own, or widen the scope", e);
	return plan_item(s, v, i, r, e);
}

/* 1: go on; 0: refused already; -1. */
static int
check_source_id(struct sync *s, struct sync_item *i, struct err *e)
{
	const struct sync_item *first;
	char message[120];

	if (value_check(VALUE_SOURCE_ID, "source_id", i->source_id,
		strlen(i->source_id), NULL) < 0)
		return sync_refuse(s, i, "source_id", "SOURCE_ID",
		    "source_id: is required, 1 to 128 characters",
		    "give your own identifier of the record", e);
	first = sync_set_by_source(&s->set, i->kind, i->source_id);
	if (first == i)
		return 1;
	(void)snprintf(message, sizeof message,
	    "source_id: is that of record %u too", first->position);
	return sync_refuse(s, i, "source_id", "DUPLICATE", message,
	    "give each record once", e);
}

/* 1: go on; 0: refused already; -1. */
static int
check_shape(struct sync *s, struct sync_item *i,
    const Resopro__V1__SyncRecord *rec, const Resopro__V1__Record *r,
    struct err *e)
{
	if ((s->kinds & 1u << i->kind) == 0)
		return sync_refuse(s, i, "record.kind", "KIND",
		    "record: its kind is not one that the set covers",
		    "give a body, and name its kind in SyncStart.kinds", e);
	if (r->owner[0] != '\0' && strcmp(r->owner, s->owner) != 0)
		return sync_refuse(s, i, "owner", "OWNER",
		    "owner: differs from that of the set", "leave it empty", e);
	/* Its id is enough to name one that ends. */
	if (rec->retire && r->id[0] != '\0' && i->source_id[0] == '\0')
		return 1;
	return check_source_id(s, i, e);
}

static Resopro__V1__Kind
kind_of(const Resopro__V1__SyncRecord *rec, const Resopro__V1__Record *r)
{
	const struct kind_schema *ks = schema_of_body(r->body_case);

	if (rec->retire && r->body_case == RESOPRO__V1__RECORD__BODY__NOT_SET)
		ks = schema_of(r->kind);
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
	i = sync_set_add(&s->set, kind_of(rec, r), r->source_id, e);
	if (i == NULL)
		return -1;
	i->position = ++s->received;
	if ((rc = check_shape(s, i, rec, r, e)) <= 0)
		return rc;
	if (rec->retire)
		return sync_take_retirement(s, v, i, r, e);
	if (give_id(s, v, i, r, e) < 0)
		return -1;
	if (i->action == SYNC_REFUSED)
		return 0;
	return plan_resolved(s, v, i, rec, false, e);
}

static int
plan_deferred(struct sync *s, struct view *v, struct sync_item *i,
    struct err *e)
{
	ProtobufCAllocator a;
	Resopro__V1__SyncRecord *rec;

	arena_reset(s->scratch);
	a = record_allocator(s->scratch);
	rec = resopro__v1__sync_record__unpack(&a, i->head.len, i->head.data);
	i->head = (struct bytes){ 0 };
	return rec != NULL ? plan_resolved(s, v, i, rec, true, e)
			   : sync_no_room(e);
}

int
sync_take_deferred(struct sync *s, struct view *v, struct err *e)
{
	for (unsigned left = SLICE; s->next < s->set.n; s->next++) {
		struct sync_item *i = s->set.items[s->next];

		if (i->action != SYNC_DEFERRED || i->head.data == NULL)
			continue;
		if (left-- == 0)
			return 1;
		if (plan_deferred(s, v, i, e) < 0)
			return -1;
	}
	return 0;
}
