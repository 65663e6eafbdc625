/* disputes.c - see disputes.h. */
#include "service/disputes.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "domain/value.h"
#include "resopro/v1/ownership.pb-c.h"
#include "service/authorise.h"
#include "service/put.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"

#define DISPUTE RESOPRO__V1__KIND__KIND_DISPUTE
#define OPEN RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_OPEN
#define RESOLVED RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_RESOLVED
#define WITHDRAWN RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_WITHDRAWN
#define SETTLED RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_SETTLED

#define REASON_MAX 500
#define HISTORY_MAX 100 /* versions looked at for since when it has it */

/* ---- reading -------------------------------------------------------------- */

void
disputes_id(char out[STORE_ID_MAX + 1], Resopro__V1__Kind kind,
    const char *siret, const char *owner, const char *other)
{
	bool ordered = strcmp(owner, other) < 0;
	char text[2 * STORE_ID_MAX + 32], hex[2 * DIGEST_LEN + 1];
	uint8_t digest[DIGEST_LEN];
	int len = snprintf(text, sizeof text, "%d %s %s %s", (int)kind, siret,
	    ordered ? owner : other, ordered ? other : owner);

	digest_sha256(text, (size_t)len, digest);
	digest_hex(digest, sizeof digest, hex);
	(void)snprintf(out, STORE_ID_MAX + 1, "litige-%s-%.12s", siret, hex);
}

int
disputes_read(struct view *v, struct arena *arena, const char *id,
    Resopro__V1__Record **out, struct err *e)
{
	struct stored s;
	int found = view_get(v, (uint8_t)DISPUTE, id, &s, e);

	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	if ((*out = record_unpack(arena, s.record, e)) == NULL)
		return -1;
	return (*out)->dispute != NULL
		   ? 1
		   : err_set(e, ERR_CORRUPT, "dispute %s", id);
}

static bool
is_party(const Resopro__V1__Record *r, const char *organisation)
{
	return strcmp(r->owner, organisation) == 0 ||
	       strcmp(r->dispute->organisation_id, organisation) == 0;
}

static const char *
other_party(const Resopro__V1__Record *r, const char *organisation)
{
	return strcmp(r->owner, organisation) == 0 ? r->dispute->organisation_id
						   : r->owner;
}

struct search { /* among the disputes about one SIRET */
	struct view *view;
	struct arena *arena;
	Resopro__V1__Kind kind;
	const char *owner;
	bool (*wanted)(const struct search *, const Resopro__V1__Record *);
	Resopro__V1__Record *found;
};

static int
look(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct search *s = arg;
	Resopro__V1__Record *r;
	int found = disputes_read(s->view, s->arena, id, &r, e);

	(void)key;
	(void)len;
	if (found <= 0)
		return found < 0 ? -1 : 1;
	if (r->dispute->kind != s->kind || !s->wanted(s, r))
		return 1;
	s->found = r;
	return 0;
}

static int
search(struct search *s, const char *siret, struct err *e)
{
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, DISPUTE, siret);

	return view_each_index(s->view, INDEX_SIRET, key, len, NULL, NULL, look,
	    s, e);
}

static bool
is_lost(const struct search *s, const Resopro__V1__Record *r)
{
	return r->dispute->state == RESOLVED && is_party(r, s->owner) &&
	       strcmp(r->dispute->resolved_for, s->owner) != 0;
}

int
disputes_lost(struct view *v, struct arena *arena, Resopro__V1__Kind kind,
    const char *siret, const char *owner, Resopro__V1__Record **out,
    struct err *e)
{
	struct search s = { .view = v,
		.arena = arena,
		.kind = kind,
		.owner = owner,
		.wanted = is_lost };

	if (search(&s, siret, e) < 0)
		return -1;
	*out = s.found;
	return s.found != NULL;
}

/* ---- writing one ---------------------------------------------------------- */

static Google__Protobuf__Timestamp *
timestamp(struct arena *arena, int64_t ns)
{
	Google__Protobuf__Timestamp *t = arena_alloc(arena, sizeof *t);

	if (t == NULL)
		return NULL;
	google__protobuf__timestamp__init(t);
	t->seconds = ns / 1000000000;
	t->nanos = (int32_t)(ns % 1000000000);
	return t;
}

/* ---- opening -------------------------------------------------------------- */

/* Since when has the record borne its SIRET? */
static int
held_since(struct view *v, struct arena *arena, const struct stored *now,
    const char *siret, int64_t *ns, struct err *e)
{
	struct stored s = *now;
	struct record_facts f;
	Resopro__V1__Record *r;

	for (unsigned n = 0;; n++) {
		int rc;

		if (record_facts(s.record, &f, e) < 0)
			return -1;
		*ns = f.updated_ns;
		if (n == HISTORY_MAX)
			return 0;
		rc = view_previous(v, &s, e);
		if (rc < 0 && e->code == ERR_COMPACTED) {
			err_clear(e); /* since then at least */
			return 0;
		}
		if (rc <= 0)
			return rc;
		if ((r = record_unpack(arena, s.record, e)) == NULL)
			return -1;
		if (strcmp(schema_string(r, "siret"), siret) != 0)
			return 0;
	}
}

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int
claim_of(struct view *v, struct arena *arena, const struct stored *s,
    const Resopro__V1__Record *r, Resopro__V1__Claim *out, struct err *e)
{
	int64_t since;

	resopro__v1__claim__init(out);
	out->id = r->id;
	out->owner = r->owner;
	out->source = r->source;
	out->source_id = r->source_id;
	out->nom = borrow(schema_string(r, "nom"));
	out->adresse = borrow(schema_string(r, "adresse"));
	out->code_postal = borrow(schema_string(r, "code_postal"));
	out->commune = borrow(schema_string(r, "commune"));
	out->code_insee = borrow(schema_string(r, "code_insee"));
	if (held_since(v, arena, s, schema_string(r, "siret"), &since, e) < 0)
		return -1;
	out->since = timestamp(arena, since);
	return out->since != NULL ? 0 : err_set(e, ERR_NOMEM, "dispute");
}

/* The record that has it, if it still does and is another's. */
static int
read_holder(struct view *v, struct arena *arena, const struct claim *c,
    struct stored *s, Resopro__V1__Record **out, struct err *e)
{
	int found = view_get(v, (uint8_t)c->kind, c->holder, s, e);

	if (found <= 0 || s->deleted)
		return found < 0 ? -1 : 0;
	if ((*out = record_unpack(arena, s->record, e)) == NULL)
		return -1;
	return strcmp(schema_string(*out, "siret"), c->siret) == 0 &&
	       schema_string(*out, "date_fermeture")[0] == '\0' &&
	       strcmp((*out)->owner, c->claimant->owner) != 0;
}

/* Is there nothing to open any more?  1, 0, -1. */
static int
is_open_or_lost(struct view *v, struct arena *arena, const struct claim *c,
    struct err *e)
{
	Resopro__V1__Record *r;
	int found = disputes_read(v, arena, c->dispute, &r, e);

	if (found <= 0)
		return found;
	return r->dispute->state == OPEN ||
	       (r->dispute->state == RESOLVED &&
		   strcmp(r->dispute->resolved_for, c->claimant->owner) != 0);
}

static int
open_one(struct write *w, struct decision *d, const struct claim *c,
    struct err *e)
{
	struct view *v = decision_view(d);
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Dispute dispute = RESOPRO__V1__DISPUTE__INIT;
	Resopro__V1__Claim holding, claiming = *c->claimant;
	Resopro__V1__Record *holder;
	struct stored s;
	int rc = is_open_or_lost(v, w->arena, c, e);

	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = read_holder(v, w->arena, c, &s, &holder, e);
	if (rc <= 0 || claim_of(v, w->arena, &s, holder, &holding, e) < 0)
		return rc < 0 || e->code != ERR_NONE ? -1 : 0;
	claiming.since = timestamp(w->arena, decision_time(d));
	r.id = borrow(c->dispute);
	r.kind = DISPUTE;
	r.owner = holder->owner;
	r.body_case = RESOPRO__V1__RECORD__BODY_DISPUTE;
	r.dispute = &dispute;
	dispute.kind = c->kind;
	dispute.siret = borrow(c->siret);
	dispute.organisation_id = claiming.owner;
	dispute.state = OPEN;
	dispute.holder = &holding;
	dispute.claimant = &claiming;
	return put_replace(d, w->arena, &r, e);
}

int
disputes_open(struct write *w, struct decision *d, struct err *e)
{
	for (size_t i = 0; i < w->claims.n; i++) {
		if (open_one(w, d, &w->claims.list[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- ending --------------------------------------------------------------- */

static int
end_for(struct decision *d, struct arena *arena, Resopro__V1__Record *r,
    Resopro__V1__DisputeState state, const char *winner, const char *account,
    const char *reason, struct err *e)
{
	r->dispute->state = state;
	r->dispute->resolved_for = borrow(winner);
	r->dispute->resolved_by = borrow(account);
	r->dispute->reason = borrow(reason);
	r->dispute->resolved_at = timestamp(arena, decision_time(d));
	if (r->dispute->resolved_at == NULL)
		return err_set(e, ERR_NOMEM, "dispute");
	return put_replace(d, arena, r, e);
}

static int
any_at_all(const struct stored *s, void *arg, struct err *e)
{
	(void)s;
	(void)e;
	*(bool *)arg = true;
	return 0;
}

static bool
is_claimed(const struct search *s, const Resopro__V1__Record *r)
{
	return r->dispute->state == OPEN &&
	       strcmp(r->dispute->organisation_id, s->owner) == 0;
}

int
disputes_settle(struct decision *d, struct arena *arena, Resopro__V1__Kind kind,
    struct bytes head, struct err *e)
{
	struct search s = { .view = decision_view(d),
		.arena = arena,
		.kind = kind,
		.wanted = is_claimed };
	Resopro__V1__Record *r;
	bool any = false;

	if (kind != RESOPRO__V1__KIND__KIND_SITE &&
	    kind != RESOPRO__V1__KIND__KIND_ORGANISATION)
		return 0;
	/* Most registers have none: no need to look inside the record. */
	if (view_each(s.view, (uint8_t)DISPUTE, "", any_at_all, &any, e) < 0)
		return -1;
	if (!any)
		return 0;
	if ((r = record_unpack(arena, head, e)) == NULL)
		return -1;
	s.owner = r->owner;
	if (schema_string(r, "siret")[0] == '\0' ||
	    schema_string(r, "date_fermeture")[0] != '\0')
		return 0;
	if (search(&s, schema_string(r, "siret"), e) < 0)
		return -1;
	/* Several organisations of one owner may bear it: the one that was
	 * refused settles it. */
	if (s.found == NULL ||
	    (kind == RESOPRO__V1__KIND__KIND_ORGANISATION &&
		strcmp(s.found->dispute->claimant->id, r->id) != 0))
		return 0;
	return end_for(d, arena, s.found, SETTLED, r->owner, "", "", e);
}

struct taking { /* a SIRET from its owner's records */
	struct decision *decision;
	struct arena *arena;
	Resopro__V1__Kind kind;
	const char *owner;
	const char *ids[8];
	size_t n;
};

static int
seen_holding(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct taking *t = arg;

	(void)key;
	(void)len;
	if (t->n == sizeof t->ids / sizeof t->ids[0])
		return 0;
	t->ids[t->n++] = arena_strdup(t->arena, id);
	return t->ids[t->n - 1] != NULL ? 1 : err_set(e, ERR_NOMEM, "dispute");
}

static int
take_from(struct taking *t, const char *id, struct err *e)
{
	Resopro__V1__Record *r;
	struct stored s;

	if (view_get(decision_view(t->decision), (uint8_t)t->kind, id, &s, e) !=
		1 ||
	    (r = record_unpack(t->arena, s.record, e)) == NULL)
		return -1;
	if (strcmp(r->owner, t->owner) != 0)
		return 0;
	if (r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		r->site->siret = borrow("");
	else
		r->organisation->siret = borrow("");
	return put_replace(t->decision, t->arena, r, e);
}

/* The loser's records bear the SIRET no more. */
static int
take_siret(struct decision *d, struct arena *arena,
    const Resopro__V1__Record *r, const char *loser, struct err *e)
{
	struct taking t = { .decision = d,
		.arena = arena,
		.kind = r->dispute->kind,
		.owner = loser };
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, t.kind, r->dispute->siret);

	if (view_each_index(decision_view(d), INDEX_SIRET, key, len, NULL, NULL,
		seen_holding, &t, e) < 0)
		return -1;
	for (size_t i = 0; i < t.n; i++) {
		if (take_from(&t, t.ids[i], e) < 0)
			return -1;
	}
	return 0;
}

/* ---- the two calls -------------------------------------------------------- */

struct ending {
	struct write write; /* first */
	const char *id, *resolved_for, *reason;
	uint64_t if_version;
	bool withdraw;
};

static int
refuse_for(const Resopro__V1__Record *r, struct err *e)
{
	err_set(e, ERR_INVALID, "resolved_for: is not a party of %s", r->id);
	err_field(e, "resolved_for");
	err_reason(e, "NOT_A_PARTY");
	return err_remedy(e, "give %s or %s", r->owner,
	    r->dispute->organisation_id);
}

static int
refuse_ended(const Resopro__V1__Record *r, struct err *e)
{
	err_set(e, ERR_PRECONDITION, "%s is not open any more", r->id);
	err_field(e, "id");
	err_reason(e, "NOT_OPEN");
	return err_remedy(e,
	    "nothing is left to give up; the agency may decide "
	    "otherwise");
}

static int
end_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct ending *w = (struct ending *)p;
	const struct principal *who = &w->write.who;
	Resopro__V1__Record *r;
	const char *winner, *loser;
	int found =
	    disputes_read(decision_view(d), w->write.arena, w->id, &r, e);

	if (found <= 0)
		return found < 0 ? -1
				 : registry_not_found(DISPUTE, w->id, false, e);
	if (authorise_record(who, p->method, r, e) < 0)
		return -1;
	w->write.current_version = r->version;
	if (w->if_version != 0 && w->if_version != r->version) {
		err_set(e, ERR_CONFLICT, "version moved: saw %llu, now %llu",
		    (unsigned long long)w->if_version,
		    (unsigned long long)r->version);
		return err_reason(e, "VERSION_MOVED");
	}
	if (w->withdraw && r->dispute->state != OPEN)
		return refuse_ended(r, e);
	if (!w->withdraw && !is_party(r, w->resolved_for))
		return refuse_for(r, e);
	loser =
	    w->withdraw ? who->organisation : other_party(r, w->resolved_for);
	winner = other_party(r, loser);
	if (take_siret(d, w->write.arena, r, loser, e) < 0)
		return -1;
	return end_for(d, w->write.arena, r, w->withdraw ? WITHDRAWN : RESOLVED,
	    winner, who->account, w->reason, e);
}

static void
answer(struct write *base)
{
	struct ending *w = (struct ending *)base;
	struct call *c = base->user.call;
	struct err e = { 0 };
	struct view *v = service_view(base->service, &e);
	struct stored s;

	if (v == NULL || view_get_as_of(v, (uint8_t)DISPUTE, w->id,
			     base->proposal.revision, &s, &e) != 1) {
		if (e.code == ERR_NONE)
			err_set(&e, ERR_INTERNAL, "written, but not read back");
		call_fail(c, &e);
		return;
	}
	registry_reply_record(c, v, &s, base->proposal.revision, NULL);
}

static int
check_reason(const char *reason, size_t least, struct err *e)
{
	size_t chars = value_chars(reason, strlen(reason));

	if (chars >= least && chars <= REASON_MAX)
		return chars == 0 ? 0
				  : value_check(VALUE_TEXT, "reason", reason,
					strlen(reason), e);
	err_set(e, ERR_INVALID, "reason: %zu characters", chars);
	err_field(e, "reason");
	err_reason(e, chars < least ? "REQUIRED" : "TOO_LONG");
	return err_remedy(e, "say why in %zu to %d characters", least,
	    REASON_MAX);
}

static int
submit(struct call *c, const char *request_id, const char *id,
    const char *resolved_for, const char *reason, uint64_t if_version,
    struct err *e)
{
	struct ending *w;

	if (value_check(VALUE_ID, "id", id, strlen(id), e) < 0)
		return -1;
	w = (struct ending *)write_new(c, sizeof *w, request_id, e);
	if (w == NULL)
		return -1;
	w->id = arena_strdup(w->write.arena, id);
	w->reason = arena_strdup(w->write.arena, reason);
	if (resolved_for != NULL)
		w->resolved_for = arena_strdup(w->write.arena, resolved_for);
	w->withdraw = resolved_for == NULL;
	w->if_version = if_version;
	if (w->id == NULL || w->reason == NULL ||
	    (!w->withdraw && w->resolved_for == NULL)) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "dispute");
	}
	return write_submit(&w->write, end_decide, answer);
}

int
disputes_resolve(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ResolveDisputeRequest *q =
	    (const Resopro__V1__ResolveDisputeRequest *)m;

	if (value_check(VALUE_ID, "resolved_for", q->resolved_for,
		strlen(q->resolved_for), e) < 0 ||
	    check_reason(q->reason, 3, e) < 0)
		return -1;
	return submit(c, q->request_id, q->id, q->resolved_for, q->reason,
	    q->if_version, e);
}

int
disputes_withdraw(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__WithdrawDisputeRequest *q =
	    (const Resopro__V1__WithdrawDisputeRequest *)m;

	if (check_reason(q->reason, 0, e) < 0)
		return -1;
	return submit(c, q->request_id, q->id, NULL, q->reason, q->if_version,
	    e);
}
