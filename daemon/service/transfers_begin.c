/* transfers_begin.c - see transfers.h: how they begin. */
#include <string.h>

#include "base/digest.h"
#include "domain/value.h"
#include "resopro/v1/ownership.pb-c.h"
#include "service/authorise.h"
#include "service/put.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/transfers_parts.h"

#define DAYS 14
#define DAYS_MAX 90
#define DAY_NS ((int64_t)86400 * 1000000000)

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

struct pending { /* another transfer of the same record */
	struct view *view;
	struct arena *arena;
	Resopro__V1__Kind kind;
	int64_t now;
	const char *id;
};

static int
seen_transfer(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct pending *p = arg;
	Resopro__V1__Record *r;

	(void)key;
	(void)len;
	if (transfer_read(p->view, p->arena, id, &r, e) < 0)
		return -1;
	if (r->transfer->kind != p->kind ||
	    !transfers_pending(r->transfer, p->now))
		return 1;
	p->id = r->id;
	return 0;
}

static int
check_alone(const struct transfer_write *w, struct decision *d, struct err *e)
{
	struct pending p = { .view = decision_view(d),
		.arena = w->write.arena,
		.kind = w->kind,
		.now = decision_time(d) };
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, TRANSFER, w->record_id);

	if (view_each_index(p.view, INDEX_RECORD, key, len, NULL, NULL,
		seen_transfer, &p, e) < 0)
		return -1;
	if (p.id == NULL)
		return 0;
	err_set(e, ERR_PRECONDITION, "record_id: transfer %s is pending", p.id);
	err_field(e, "record_id");
	err_reason(e, "TRANSFER_PENDING");
	return err_remedy(e, "wait for its end, or have it cancelled");
}

/* Who may begin it, and may it be begun? */
static int
check_begin(struct transfer_write *w, struct decision *d,
    const Resopro__V1__Record *root, struct err *e)
{
	const struct principal *who = &w->write.who;
	const char *mine = w->offer ? root->owner : w->to;
	struct stored s;
	int found;

	if (authorise(who, w->write.proposal.method, TRANSFER,
		strcmp(mine, who->organisation) == 0, e) < 0)
		return -1;
	if (strcmp(root->owner, w->to) == 0)
		return transfer_refuse(e, ERR_PRECONDITION, "organisation_id",
		    "ALREADY_OWNER", "owns the record already",
		    "name another body, or nothing is left to do");
	found = view_get(decision_view(d), (uint8_t)ORGANISATION, w->to, &s, e);
	if (found < 0)
		return -1;
	if (found == 0 || s.deleted)
		return transfer_refuse(e, ERR_PRECONDITION, "organisation_id",
		    "REFERENCE", "there is no such organisation",
		    "check the id of the body that is to gain it");
	return check_alone(w, d, e);
}

static int
emit_secret(const struct transfer_write *w, struct decision *d, struct err *e)
{
	Resopro__V1__TransferSecret s = RESOPRO__V1__TRANSFER_SECRET__INIT;
	uint8_t hash[DIGEST_LEN];
	struct bytes b;

	digest_sha256(w->secret, strlen(w->secret), hash);
	s.hash = (ProtobufCBinaryData){ sizeof hash, hash };
	b = record_pack(w->write.arena, &s.base, e);
	return b.data != NULL ? decision_put(d, (uint8_t)SECRET, w->id, 0, b, e)
			      : -1;
}

static int
begin_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct transfer_write *w = (struct transfer_write *)p;
	struct arena *arena = w->write.arena;
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT, *root;
	Resopro__V1__Transfer t = RESOPRO__V1__TRANSFER__INIT;
	struct moving m;

	if (transfer_root(decision_view(d), arena, w->kind, w->record_id, &root,
		e) < 0 ||
	    check_begin(w, d, root, e) < 0 ||
	    transfer_gather(&m, d, arena, root, w->to, e) < 0)
		return -1;
	r.id = borrow(w->id);
	r.kind = TRANSFER;
	r.owner = root->owner;
	r.body_case = RESOPRO__V1__RECORD__BODY_TRANSFER;
	r.transfer = &t;
	t.kind = w->kind;
	t.record_id = borrow(w->record_id);
	t.organisation_id = borrow(w->to);
	t.way = w->offer ? OFFERED : REQUESTED;
	t.state = PENDING;
	t.expires_at = transfer_timestamp(arena,
	    decision_time(d) + (int64_t)w->days * DAY_NS);
	t.message = borrow(w->text);
	if (t.expires_at == NULL)
		return err_set(e, ERR_NOMEM, "transfer");
	return put_replace(d, arena, &r, e) < 0 ? -1 : emit_secret(w, d, e);
}

static void
begin_answer(struct write *base)
{
	struct transfer_write *w = (struct transfer_write *)base;
	Resopro__V1__BegunTransferResponse r =
	    RESOPRO__V1__BEGUN_TRANSFER_RESPONSE__INIT;
	struct err e = { 0 };

	if (base->proposal.replayed) {
		err_set(&e, ERR_PRECONDITION,
		    "transfer %s was begun before; its secret is shown only "
		    "once",
		    w->id);
		err_reason(&e, "SECRET_SHOWN");
		err_remedy(&e, "cancel it and begin another");
	} else if ((r.record = transfer_read_back(w, &e)) != NULL) {
		r.revision = base->proposal.revision;
		r.secret = w->secret;
		call_reply(base->user.call, &r.base);
		explicit_bzero(w->secret, sizeof w->secret);
		return;
	}
	call_fail(base->user.call, &e);
}

static const char *
new_id(struct write *w, const char *request_id)
{
	char id[STORE_ID_MAX + 1];

	if (request_id[0] == '\0')
		write_random_id(id, sizeof id, "transfert");
	else
		write_derived_id(w, id, sizeof id, "transfert");
	return arena_strdup(w->arena, id);
}

struct question { /* RequestTransfer and OfferTransfer say the same */
	const char *request_id, *record_id, *to, *message;
	Resopro__V1__Kind kind;
	uint32_t days;
};

static int
check_question(const struct question *q, struct err *e)
{
	if (q->kind != ORGANISATION &&
	    q->kind != RESOPRO__V1__KIND__KIND_SITE &&
	    q->kind != RESOPRO__V1__KIND__KIND_OFFER)
		return transfer_refuse(e, ERR_INVALID, "kind", "KIND",
		    "records of this kind do not change hands",
		    "give KIND_ORGANISATION, KIND_SITE or KIND_OFFER");
	if (q->days > DAYS_MAX)
		return transfer_refuse(e, ERR_INVALID, "days", "OUT_OF_RANGE",
		    "is out of range", "give 1 to 90, or 0 for 14");
	if (value_check(VALUE_ID, "record_id", q->record_id,
		strlen(q->record_id), e) < 0)
		return -1;
	if (value_check(VALUE_ID, "organisation_id", q->to, strlen(q->to), e) <
	    0)
		return err_remedy(e, "name the body that is to gain it");
	return transfer_check_text("message", q->message, e);
}

static int
begin(struct call *c, const struct question *q, bool offer, struct err *e)
{
	struct transfer_write *w;

	if (check_question(q, e) < 0)
		return -1;
	w = (struct transfer_write *)write_new(c, sizeof *w, q->request_id, e);
	if (w == NULL)
		return -1;
	w->kind = q->kind;
	w->offer = offer;
	w->days = q->days != 0 ? q->days : DAYS;
	w->id = new_id(&w->write, q->request_id);
	w->record_id = arena_strdup(w->write.arena, q->record_id);
	w->to = arena_strdup(w->write.arena, q->to);
	w->text = arena_strdup(w->write.arena, q->message);
	write_random_id(w->secret, sizeof w->secret, "rst");
	if (w->id == NULL || w->record_id == NULL || w->to == NULL ||
	    w->text == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "transfer");
	}
	return write_submit(&w->write, begin_decide, begin_answer);
}

int
transfers_request(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__RequestTransferRequest *in =
	    (const Resopro__V1__RequestTransferRequest *)m;
	struct question q = { in->request_id, in->record_id,
		in->organisation_id[0] != '\0'
		    ? in->organisation_id
		    : call_principal(c)->organisation,
		in->message, in->kind, in->days };

	return begin(c, &q, false, e);
}

int
transfers_offer(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__OfferTransferRequest *in =
	    (const Resopro__V1__OfferTransferRequest *)m;
	struct question q = { in->request_id, in->record_id,
		in->organisation_id, in->message, in->kind, in->days };

	return begin(c, &q, true, e);
}
