/* put.c - see put.h. */
#include "service/put.h"

#include <stdio.h>
#include <string.h>

#include "service/authorise.h"
#include "service/claims.h"
#include "service/disputes.h"
#include "service/memberships.h"
#include "service/record.h"
#include "service/schema.h"

/* ---- one field at fault -------------------------------------------------- */

static int
refuse(struct write *w, const struct kind_schema *ks, const char *field,
    enum err_code code, const char *reason, const char *msg, const char *remedy,
    struct err *e)
{
	char path[64];
	struct err v = { 0 };

	(void)snprintf(path, sizeof path, "%s.%s", ks->name, field);
	err_set(&v, code, "%s: %s", path, msg);
	err_field(&v, path);
	err_reason(&v, reason);
	err_remedy(&v, "%s", remedy);
	violations_add(&w->violations, &v);
	*e = w->violations.first;
	return -1;
}

/* ---- shape ---------------------------------------------------------------- */

int
put_take(struct put *p, struct write *w, const Resopro__V1__Record *record,
    struct err *e)
{
	if (p->arena == NULL)
		p->arena = w->arena;
	p->record = arena_memdup(p->arena, record, sizeof *record);
	if (p->record == NULL)
		return err_set(e, ERR_LIMIT, "the change is too large");
	record_strip(p->record);
	p->asked = p->record;
	if (schema_check(w->catalog, p->record, &w->violations) < 0) {
		*e = w->violations.first;
		return -1;
	}
	return 0;
}

int
put_prepare(struct put *p, struct write *w, const Resopro__V1__Record *record,
    struct err *e)
{
	const Resopro__V1__Record *copy;
	struct bytes b;

	if (p->arena == NULL)
		p->arena = w->arena;
	b = record_pack(p->arena, &record->base, e);
	if (b.data == NULL || (copy = record_unpack(p->arena, b, e)) == NULL)
		return -1;
	return put_take(p, w, copy, e);
}

int
put_refuse(struct call *c, struct write *w, struct err *e)
{
	if (w->violations.n == 0) {
		write_free(w);
		return -1;
	}
	call_set_user(c, NULL);
	w->user.call = NULL;
	call_fail_violations(c, e, w->violations.list, w->violations.n);
	write_free(w);
	return 0;
}

/* ---- merging -------------------------------------------------------------- */

static size_t
member_size(const ProtobufCFieldDescriptor *fd)
{
	if (fd->label == PROTOBUF_C_LABEL_REPEATED)
		return sizeof(void *);
	switch (fd->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return 8;
	default:
		return 4;
	}
}

/* `to` holds the field as `from` does; both live in the same arena. */
static void
copy_field(ProtobufCMessage *to, const ProtobufCMessage *from,
    const ProtobufCFieldDescriptor *fd)
{
	memcpy((char *)to + fd->offset, (const char *)from + fd->offset,
	    member_size(fd));
	if (fd->label == PROTOBUF_C_LABEL_REPEATED)
		memcpy((char *)to + fd->quantifier_offset,
		    (const char *)from + fd->quantifier_offset, sizeof(size_t));
}

static bool
empty(struct arena *arena, const ProtobufCMessage *m,
    const ProtobufCFieldDescriptor *fd)
{
	const char *text = schema_text(arena, m, fd);

	return text != NULL && text[0] == '\0';
}

/* A field of the agency, written by a member: kept when left empty. */
static int
merge_agency_field(struct put *p, struct write *w, const struct kind_schema *ks,
    const struct field_rule *f, const Resopro__V1__Record *before,
    struct err *e)
{
	const ProtobufCFieldDescriptor *fd = schema_descriptor(ks, f);
	ProtobufCMessage *to = schema_body(p->record);

	if (empty(p->arena, to, fd)) {
		if (before != NULL)
			copy_field(to, schema_body(before), fd);
		return 0;
	}
	if (before != NULL && schema_equal(to, schema_body(before), fd))
		return 0;
	return refuse(w, ks, f->name, ERR_DENIED, "FIELD_OF_AGENCY",
	    "belongs to the agency",
	    "leave it empty, or ask the agency to "
	    "change it",
	    e);
}

/* By whoever refuses it for good: the worker or the writer. */
static void
journal(const struct put *p, const struct write *w)
{
	for (size_t i = 0; i < w->violations.n; i++)
		write_journal(w, p->record->id, w->violations.list[i].field,
		    w->violations.list[i].reason);
}

static int
merge_fields(struct put *p, struct write *w, const struct kind_schema *ks,
    const Resopro__V1__Record *before, struct err *e)
{
	/* Titles are the agency's or the Region's: policy lets no other in. */
	bool agency = principal_is_agency(&w->who) ||
		      p->record->kind == RESOPRO__V1__KIND__KIND_STATUS;
	int rc = 0;

	for (const struct field_rule *f = ks->fields; f->name != NULL; f++) {
		bool theirs = (f->flags & FIELD_AGENCY) != 0;

		if (theirs && !agency &&
		    merge_agency_field(p, w, ks, f, before, e) < 0)
			rc = -1;
		if (!theirs && p->agency_fields_only && before != NULL)
			copy_field(schema_body(p->record), schema_body(before),
			    schema_descriptor(ks, f));
	}
	return rc;
}

/* schema_check() leaves these to us; see there. */
static int
check_required(struct put *p, struct write *w, const struct kind_schema *ks,
    struct err *e)
{
	int rc = 0;

	for (const struct field_rule *f = ks->fields; f->name != NULL; f++) {
		if ((f->flags & FIELD_REQUIRED) == 0 ||
		    (f->flags & FIELD_AGENCY) == 0 ||
		    !empty(p->arena, schema_body(p->record),
			schema_descriptor(ks, f)))
			continue;
		rc = refuse(w, ks, f->name, ERR_INVALID, "REQUIRED",
		    "is required",
		    principal_is_agency(&w->who)
			? value_rule(f->kind)->remedy
			: "ask the agency to create the record",
		    e);
	}
	return rc;
}

static int
check_immutable(struct put *p, struct write *w, const struct kind_schema *ks,
    const Resopro__V1__Record *before, struct err *e)
{
	int rc = 0;

	for (const struct field_rule *f = ks->fields; f->name != NULL; f++) {
		const ProtobufCFieldDescriptor *fd = schema_descriptor(ks, f);

		if ((f->flags & FIELD_IMMUTABLE) == 0 ||
		    strcmp(schema_text_at(schema_body(before), fd),
			schema_text_at(schema_body(p->record), fd)) == 0)
			continue;
		rc = refuse(w, ks, f->name, ERR_PRECONDITION, "IMMUTABLE",
		    "cannot change once it is set",
		    "end this record and create another", e);
	}
	return rc;
}

/* A body adds to itself only; what the agency gave it of another it keeps. */
static int
check_body(struct put *p, struct write *w, const struct kind_schema *ks,
    const Resopro__V1__Record *before, struct err *e)
{
	const char *of = schema_string(p->record, "organisation_id");

	if (before != NULL || of[0] == '\0' || principal_is_agency(&w->who) ||
	    p->record->kind == RESOPRO__V1__KIND__KIND_STATUS ||
	    strcmp(of, w->who.organisation) == 0)
		return 0;
	return refuse(w, ks, "organisation_id", ERR_DENIED, "OTHER_BODY",
	    "is another body", "name your own body, or ask the agency", e);
}

/* Who will own it, and under which of its owner's identifiers. */
static int
merge_owner(struct put *p, struct write *w, const struct kind_schema *ks,
    const Resopro__V1__Record *before, struct err *e)
{
	Resopro__V1__Record *r = p->record;
	bool agency = principal_is_agency(&w->who);

	if (before != NULL && !p->adopt) {
		if (r->owner[0] == '\0')
			r->owner = before->owner;
		if (r->source_id[0] == '\0') {
			r->source = before->source;
			r->source_id = before->source_id;
		}
	} else if (r->owner[0] == '\0') {
		r->owner =
		    agency && r->kind == RESOPRO__V1__KIND__KIND_ORGANISATION
			? r->id
			: w->who.organisation;
	}
	if (!agency && strcmp(r->owner, w->who.organisation) != 0 &&
	    (before == NULL || strcmp(r->owner, before->owner) != 0))
		return refuse(w, ks, "owner", ERR_DENIED, "OWNER",
		    "is another body", "leave owner empty", e);
	if (value_check(VALUE_ID, "owner", r->owner, strlen(r->owner), e) < 0)
		return err_remedy(e, "use an account that acts for a body, or "
				     "name the owner");
	if (r->source_id[0] != '\0' &&
	    (value_check(VALUE_ID, "source", r->source, strlen(r->source), e) <
		    0 ||
		value_check(VALUE_SOURCE_ID, "source_id", r->source_id,
		    strlen(r->source_id), e) < 0))
		return -1;
	return 0;
}

static int
unpack_before(struct put *p, struct write *w, struct view *v,
    Resopro__V1__Record **before, struct bytes *head, struct err *e)
{
	struct record_facts facts;
	struct stored s;
	int found = view_get(v, (uint8_t)p->record->kind, p->record->id, &s, e);

	*before = NULL;
	p->exists = found == 1;
	p->seen = found == 1 ? s.version : 0;
	w->current_version = p->seen;
	if (found <= 0)
		return found;
	if (s.deleted) {
		err_set(e, ERR_EXISTS, "%s was deleted; ids are never reused",
		    s.id);
		err_field(e, "record.id");
		err_reason(e, "ID_DELETED");
		return err_remedy(e, "choose another id");
	}
	if (record_facts(s.record, &facts, e) < 0)
		return -1;
	p->created_ns = facts.created_ns;
	/* Unpacking copies: nothing points into the view afterwards. */
	*before = record_unpack(p->arena, s.record, e);
	*head = (struct bytes){ s.record.data, facts.head_len };
	return *before != NULL ? 0 : -1;
}

/* A merge may run twice: each starts from what was asked. */
static int
copy_asked(struct put *p, struct err *e)
{
	const ProtobufCMessage *body = schema_body(p->asked);
	Resopro__V1__Record *r = arena_memdup(p->arena, p->asked, sizeof *r);
	void *copy =
	    arena_memdup(p->arena, body, body->descriptor->sizeof_message);

	if (r == NULL || copy == NULL)
		return err_set(e, ERR_LIMIT, "the change is too large");
	r->organisation = copy; /* each body's pointer is at one place */
	p->record = r;
	return 0;
}

int
put_merge(struct put *p, struct write *w, struct view *v, struct err *e)
{
	const struct kind_schema *ks = schema_of(p->asked->kind);
	Resopro__V1__Record *before;
	struct bytes head = { 0 };

	if (copy_asked(p, e) < 0 ||
	    unpack_before(p, w, v, &before, &head, e) < 0)
		return -1;
	if (before != NULL &&
	    authorise_record(&w->who, w->proposal.method, before, e) < 0)
		return -1;
	if (merge_owner(p, w, ks, before, e) < 0 ||
	    check_body(p, w, ks, before, e) < 0 ||
	    authorise_record(&w->who, w->proposal.method, p->record, e) < 0 ||
	    merge_fields(p, w, ks, before, e) < 0 ||
	    check_required(p, w, ks, e) < 0 ||
	    (before != NULL && check_immutable(p, w, ks, before, e) < 0))
		return -1;
	p->head = record_pack(p->arena, &p->record->base, e);
	if (p->head.data == NULL)
		return -1;
	p->unchanged = before != NULL && head.len == p->head.len &&
		       memcmp(head.data, p->head.data, head.len) == 0;
	return 0;
}

int
put_merge_early(struct put *p, struct write *w, struct view *v, struct err *e)
{
	if (put_merge(p, w, v, e) == 0)
		return 0;
	if (w->proposal.request_id.len == 0 || e->code == ERR_CORRUPT ||
	    e->code == ERR_INTERNAL) {
		journal(p, w);
		return -1;
	}
	err_clear(e);
	w->violations.n = 0;
	p->head = (struct bytes){ 0 };
	return 0;
}

/* ---- other records -------------------------------------------------------- */

static int
check_reference(struct write *w, struct view *v, const struct kind_schema *ks,
    const struct field_rule *f, const char *id, const struct names *coming,
    struct err *e)
{
	struct stored s;
	char msg[160];
	int found;

	if (id[0] == '\0' || names_has(coming, f->refers, id))
		return 0;
	if ((found = view_get(v, (uint8_t)f->refers, id, &s, e)) < 0)
		return -1;
	if (found == 1 && !s.deleted)
		return 0;
	(void)snprintf(msg, sizeof msg, "there is no %s %s",
	    schema_of(f->refers)->name, id);
	return refuse(w, ks, f->name, ERR_PRECONDITION, "REFERENCE", msg,
	    "create it first, or correct the id", e);
}

static int
check_references(const struct put *p, struct write *w, struct view *v,
    const struct put_company *with, struct err *e)
{
	const struct kind_schema *ks = schema_of(p->record->kind);
	const ProtobufCMessage *body = schema_body(p->record);
	int rc = 0;

	for (const struct field_rule *f = ks->fields; f->name != NULL; f++) {
		const ProtobufCFieldDescriptor *fd;
		char *const *list;
		size_t n;

		if (f->refers == RESOPRO__V1__KIND__KIND_UNSPECIFIED)
			continue;
		fd = schema_descriptor(ks, f);
		if (fd->label != PROTOBUF_C_LABEL_REPEATED) {
			if (check_reference(w, v, ks, f,
				schema_text_at(body, fd), with->coming, e) < 0)
				rc = -1;
			continue;
		}
		memcpy(&n, (const char *)body + fd->quantifier_offset,
		    sizeof n);
		memcpy(&list, (const char *)body + fd->offset, sizeof list);
		for (size_t i = 0; i < n; i++) {
			if (check_reference(w, v, ks, f, list[i], with->coming,
				e) < 0)
				rc = -1;
		}
	}
	return rc;
}

struct source_holder {
	const char *but; /* NULL: of anybody */
	Resopro__V1__Kind kind;
	const struct names *leaving;
	size_t key_len;
	char *id;
};

/* An identifier may begin another: "a" and "a/b". */
static int
seen_source(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct source_holder *h = arg;

	(void)key;
	(void)e;
	if (len != h->key_len || (h->but != NULL && strcmp(id, h->but) == 0) ||
	    names_has(h->leaving, h->kind, id))
		return 1;
	(void)snprintf(h->id, STORE_ID_MAX + 1, "%s", id);
	return 0;
}

static int
find_source(struct view *v, struct source_holder *h, const char *owner,
    const char *source, const char *source_id, struct err *e)
{
	char key[STORE_INDEX_KEY_MAX];

	h->id[0] = '\0';
	if (source_id[0] == '\0')
		return 0;
	h->key_len = schema_source_key(key, h->kind, owner, source, source_id);
	return h->key_len == 0 ? 0
			       : view_each_index(v, INDEX_SOURCE, key,
				     h->key_len, NULL, NULL, seen_source, h, e);
}

int
put_source_holder(struct view *v, Resopro__V1__Kind kind, const char *owner,
    const char *source, const char *source_id, char id[STORE_ID_MAX + 1],
    struct err *e)
{
	struct source_holder h = { .kind = kind, .id = id };

	return find_source(v, &h, owner, source, source_id, e);
}

/* An identifier of its owner's names one record. */
static int
check_source(const struct put *p, struct write *w, struct view *v,
    const struct put_company *with, struct err *e)
{
	const Resopro__V1__Record *r = p->record;
	char id[STORE_ID_MAX + 1], msg[200];
	struct source_holder h = { .but = r->id,
		.kind = r->kind,
		.leaving = with->leaving,
		.id = id };

	if (find_source(v, &h, r->owner, r->source, r->source_id, e) < 0)
		return -1;
	if (id[0] == '\0')
		return 0;
	(void)snprintf(msg, sizeof msg, "is that of %s %s already",
	    schema_of(r->kind)->name, id);
	return refuse(w, schema_of(r->kind), "source_id", ERR_PRECONDITION,
	    "TAKEN", msg,
	    "give the register's id of that record, or another "
	    "source_id",
	    e);
}

/* A place named by a record must be one of the same body. */
static int
check_site(const struct put *p, struct write *w, struct view *v,
    const struct put_company *with, struct err *e)
{
	const struct kind_schema *ks = schema_of(p->record->kind);
	const char *site = schema_string(p->record, "site_id");
	const char *of = schema_string(p->record, "organisation_id");
	Resopro__V1__Record *r;
	struct stored s;

	if (site[0] == '\0' ||
	    names_has(with->coming, RESOPRO__V1__KIND__KIND_SITE, site))
		return 0;
	if (view_get(v, RESOPRO__V1__KIND__KIND_SITE, site, &s, e) != 1 ||
	    s.deleted)
		return e->code != ERR_NONE ? -1 : 0; /* a reference's fault */
	if ((r = record_unpack(p->arena, s.record, e)) == NULL)
		return -1;
	if (strcmp(schema_string(r, "organisation_id"), of) == 0)
		return 0;
	return refuse(w, ks, "site_id", ERR_PRECONDITION, "OTHER_BODY",
	    "is a site of another body", "name a site of the same body", e);
}

int
put_check_others(const struct put *p, struct write *w, struct view *v,
    const struct put_company *with, struct err *e)
{
	static const struct put_company alone;

	if (with == NULL)
		with = &alone;
	if (check_references(p, w, v, with, e) < 0 ||
	    check_source(p, w, v, with, e) < 0 ||
	    claims_check(p, w, v, with, e) < 0 ||
	    check_site(p, w, v, with, e) < 0)
		return -1;
	if (p->record->kind == RESOPRO__V1__KIND__KIND_STATUS)
		return memberships_check(p, w, v, e);
	return 0;
}

/* ---- emitting ------------------------------------------------------------- */

static int
find_created(struct put *p, struct view *v, struct err *e)
{
	struct record_facts facts;
	struct stored s;

	if (view_get(v, (uint8_t)p->record->kind, p->record->id, &s, e) < 0 ||
	    record_facts(s.record, &facts, e) < 0)
		return -1;
	p->created_ns = facts.created_ns;
	return 0;
}

int
put_emit(struct put *p, struct decision *d, struct err *e)
{
	uint8_t *out;
	size_t len;

	p->time_ns = decision_time(d);
	p->revision = decision_revision(d);
	if (p->exists && p->created_ns == 0 &&
	    find_created(p, decision_view(d), e) < 0)
		return -1;
	out = arena_alloc(p->arena, p->head.len + RECORD_TRAILER_MAX);
	if (out == NULL)
		return err_set(e, ERR_LIMIT, "the change is too large");
	memcpy(out, p->head.data, p->head.len);
	len = p->head.len +
	      record_trailer(out + p->head.len, p->seen + 1, p->revision,
		  p->exists ? p->created_ns : p->time_ns, p->time_ns);
	p->written = (struct bytes){ out, len };
	if (decision_put(d, (uint8_t)p->record->kind, p->record->id,
		p->if_version, p->written, e) < 0)
		return -1;
	return disputes_settle(d, p->arena, p->record->kind, p->head, e);
}

int
put_replace(struct decision *d, struct arena *arena, Resopro__V1__Record *r,
    struct err *e)
{
	struct put p = { .arena = arena, .record = r };
	struct stored s;
	int found = view_get(decision_view(d), (uint8_t)r->kind, r->id, &s, e);

	if (found < 0)
		return -1;
	record_strip(r);
	p.exists = found == 1;
	p.seen = found == 1 ? s.version : 0;
	p.if_version = p.seen;
	p.head = record_pack(arena, &r->base, e);
	return p.head.data != NULL ? put_emit(&p, d, e) : -1;
}

int
put_decide_one(struct put *p, struct write *w, struct decision *d,
    struct err *e)
{
	struct view *v = decision_view(d);
	uint8_t kind = (uint8_t)p->record->kind;
	struct stored s;
	int found = view_get(v, kind, p->record->id, &s, e);

	if (found < 0)
		return -1;
	w->violations.n = 0; /* this may be the second time */
	w->claims.n = 0;
	w->claims.named[0] = '\0';
	if (p->head.data == NULL || (found == 1 ? s.version : 0) != p->seen) {
		if (put_merge(p, w, v, e) < 0) {
			journal(p, w);
			return -1;
		}
	}
	w->current_version = p->seen;
	if (p->unchanged &&
	    (p->if_version == ANY_VERSION || p->if_version == p->seen))
		return decision_confirm(d, kind, p->record->id, e);
	if (put_check_others(p, w, v, NULL, e) < 0)
		return -1;
	return put_emit(p, d, e);
}

/* ---- who refers to it ----------------------------------------------------- */

struct holder { /* some record that has an index key */
	const char *self;
	Resopro__V1__Kind kind;
	const struct names *leaving;
	char id[STORE_ID_MAX + 1];
};

static int
other_holder(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct holder *h = arg;

	(void)key;
	(void)len;
	(void)e;
	if (strcmp(id, h->self) == 0 || names_has(h->leaving, h->kind, id))
		return 1;
	(void)snprintf(h->id, sizeof h->id, "%s", id);
	return 0;
}

static int
first_referrer(struct view *v, const struct kind_schema *ks,
    const struct field_rule *f, const char *id, const struct names *leaving,
    struct err *e)
{
	struct holder h = { .self = "", .kind = ks->kind, .leaving = leaving };
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, ks->kind, id);

	if (view_each_index(v, f->index, key, len, NULL, NULL, other_holder, &h,
		e) < 0)
		return -1;
	if (h.id[0] == '\0')
		return 0;
	err_set(e, ERR_PRECONDITION, "%s is referred to by %s %s (%s)", id,
	    ks->name, h.id, f->name);
	err_field(e, "id");
	err_reason(e, "REFERRED_TO");
	return err_remedy(e,
	    "delete or change that %s first, or give the "
	    "record a closing date instead",
	    ks->name);
}

int
put_check_unreferenced(struct view *v, Resopro__V1__Kind kind, const char *id,
    const struct names *leaving, struct err *e)
{
	const struct kind_schema *const *all = schema_all();

	for (size_t i = 0; all[i] != NULL; i++) {
		for (const struct field_rule *f = all[i]->fields;
		     f->name != NULL; f++) {
			if (f->refers == kind && f->index != 0 &&
			    first_referrer(v, all[i], f, id, leaving, e) < 0)
				return -1;
		}
	}
	return 0;
}
