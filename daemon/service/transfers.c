/* transfers.c - see transfers.h: how they end. */
#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "domain/date.h"
#include "domain/value.h"
#include "resopro/v1/ownership.pb-c.h"
#include "service/authorise.h"
#include "service/put.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/transfers_parts.h"

#define APPROVED RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_APPROVED
#define REJECTED RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_REJECTED
#define CANCELLED RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_CANCELLED

#define TEXT_MAX 500
#define WRONG_SECRET "WRONG_SECRET" /* note of the commit that counts one */

/* ---- small things --------------------------------------------------------- */

int
transfer_refuse(struct err *e, enum err_code code, const char *field,
    const char *reason, const char *what, const char *remedy)
{
	err_set(e, code, "%s: %s", field, what);
	err_field(e, field);
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

Google__Protobuf__Timestamp *
transfer_timestamp(struct arena *arena, int64_t ns)
{
	Google__Protobuf__Timestamp *t = arena_alloc(arena, sizeof *t);

	if (t == NULL)
		return NULL;
	google__protobuf__timestamp__init(t);
	t->seconds = ns / 1000000000;
	t->nanos = (int32_t)(ns % 1000000000);
	return t;
}

static int64_t
instant(const Google__Protobuf__Timestamp *t)
{
	return t != NULL ? t->seconds * 1000000000 + t->nanos : 0;
}

bool
transfers_pending(const Resopro__V1__Transfer *t, int64_t now_ns)
{
	return t->state == PENDING && now_ns < instant(t->expires_at);
}

int
transfer_read(struct view *v, struct arena *arena, const char *id,
    Resopro__V1__Record **out, struct err *e)
{
	struct stored s;
	int found = view_get(v, (uint8_t)TRANSFER, id, &s, e);

	if (found <= 0 || s.deleted)
		return found < 0 ? -1
				 : registry_not_found(TRANSFER, id, false, e);
	if ((*out = record_unpack(arena, s.record, e)) == NULL)
		return -1;
	return (*out)->transfer != NULL
		   ? 0
		   : err_set(e, ERR_CORRUPT, "transfer %s", id);
}

int
transfer_root(struct view *v, struct arena *arena, Resopro__V1__Kind kind,
    const char *id, Resopro__V1__Record **out, struct err *e)
{
	struct stored s;
	int found = view_get(v, (uint8_t)kind, id, &s, e);

	if (found < 0)
		return -1;
	if (found == 0 || s.deleted)
		return registry_not_found(kind, id, found == 1, e);
	*out = record_unpack(arena, s.record, e);
	return *out != NULL ? 0 : -1;
}

int
transfer_gather(struct moving *m, struct decision *d, struct arena *arena,
    Resopro__V1__Record *root, const char *to, struct err *e)
{
	char today[DATE_TEXT_SIZE];

	date_format(date_from_unix(decision_time(d) / 1000000000), today);
	*m = (struct moving){ .view = decision_view(d),
		.arena = arena,
		.from = root->owner,
		.to = to,
		.today = arena_strdup(arena, today),
		.root = root };
	return m->today != NULL ? transfers_gather(m, e)
				: err_set(e, ERR_NOMEM, "transfer");
}

Resopro__V1__Record *
transfer_read_back(struct transfer_write *w, struct err *e)
{
	struct view *v = service_view(w->write.service, e);
	struct stored s;

	if (v == NULL || view_get_as_of(v, (uint8_t)TRANSFER, w->id,
			     w->write.proposal.revision, &s, e) != 1) {
		if (e->code == ERR_NONE)
			err_set(e, ERR_INTERNAL, "written, but not read back");
		return NULL;
	}
	return registry_unpack(w->write.arena, v, &s, NULL, e);
}

int
transfer_check_text(const char *field, const char *text, struct err *e)
{
	if (text[0] == '\0')
		return 0;
	if (value_chars(text, strlen(text)) > TEXT_MAX)
		return transfer_refuse(e, ERR_INVALID, field, "TOO_LONG",
		    "is too long", "give at most 500 characters");
	return value_check(VALUE_TEXT, field, text, strlen(text), e);
}

/* ---- ending --------------------------------------------------------------- */

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int
check_pending(const Resopro__V1__Record *r, int64_t now_ns, struct err *e)
{
	if (transfers_pending(r->transfer, now_ns))
		return 0;
	if (r->transfer->state == PENDING)
		return transfer_refuse(e, ERR_PRECONDITION, "id", "EXPIRED",
		    "the transfer has expired", "begin another");
	return transfer_refuse(e, ERR_PRECONDITION, "id", "NOT_PENDING",
	    "the transfer is not pending any more",
	    "see how it ended; begin another if need be");
}

/* The one who began it takes it back; the other says yes or no. */
static int
check_side(const struct transfer_write *w, const Resopro__V1__Record *r,
    struct err *e)
{
	const char *losing = r->owner;
	const char *gaining = r->transfer->organisation_id;
	bool offered = r->transfer->way == OFFERED;
	const char *began = offered ? losing : gaining;
	const char *other = offered ? gaining : losing;
	const char *side = w->end == CANCELLED ? began : other;

	if (principal_is_agency(&w->write.who) ||
	    strcmp(side, w->write.who.organisation) == 0)
		return 0;
	return transfer_refuse(e, ERR_DENIED, "id", "OTHER_SIDE",
	    w->end == CANCELLED ? "only who began a transfer takes it back"
				: "who began a transfer cannot answer it",
	    w->end == CANCELLED ? "reject it instead"
				: "cancel it instead, or wait for the other");
}

static bool
same_hash(const uint8_t *a, const uint8_t *b)
{
	unsigned differ = 0;

	for (size_t i = 0; i < DIGEST_LEN; i++)
		differ |= (unsigned)(a[i] ^ b[i]);
	return differ == 0;
}

/* 1 it is the secret, 0 it is not, -1. */
static int
is_secret(struct transfer_write *w, struct view *v, struct err *e)
{
	ProtobufCAllocator alloc = record_allocator(w->write.arena);
	Resopro__V1__TransferSecret *kept;
	uint8_t hash[DIGEST_LEN];
	struct stored s;

	if (view_get(v, (uint8_t)SECRET, w->id, &s, e) != 1 || s.deleted)
		return e->code != ERR_NONE ? -1 : 0;
	kept = resopro__v1__transfer_secret__unpack(&alloc, s.record.len,
	    s.record.data);
	if (kept == NULL || kept->hash.len != DIGEST_LEN)
		return err_set(e, ERR_CORRUPT, "secret of %s", w->id);
	digest_sha256(w->given, strlen(w->given), hash);
	return same_hash(kept->hash.data, hash);
}

static int
end_as(struct transfer_write *w, struct decision *d, Resopro__V1__Record *r,
    Resopro__V1__TransferState state, const char *reason, struct err *e)
{
	r->transfer->state = state;
	r->transfer->decided_by = w->write.who.account;
	r->transfer->decided_at =
	    transfer_timestamp(w->write.arena, decision_time(d));
	r->transfer->reason = borrow(reason);
	if (r->transfer->decided_at == NULL)
		return err_set(e, ERR_NOMEM, "transfer");
	/* Nobody needs its secret any more. */
	if (decision_delete(d, (uint8_t)SECRET, w->id, ANY_VERSION, e) < 0)
		return -1;
	return put_replace(d, w->write.arena, r, e);
}

/* One more: a commit of its own, so that restarts and retries count on. */
static int
count_wrong(struct transfer_write *w, struct decision *d,
    Resopro__V1__Record *r, struct err *e)
{
	struct bytes note = { (const uint8_t *)WRONG_SECRET,
		sizeof WRONG_SECRET - 1 };

	if (decision_note(d, note, e) < 0)
		return -1;
	if (++r->transfer->wrong_secrets >= TRANSFER_WRONG_MAX)
		return end_as(w, d, r, CANCELLED, "too many wrong secrets", e);
	return put_replace(d, w->write.arena, r, e);
}

static int
give_away(struct transfer_write *w, struct decision *d, Resopro__V1__Record *r,
    struct err *e)
{
	Resopro__V1__Record *root;
	struct moving m;

	if (transfer_root(decision_view(d), w->write.arena, r->transfer->kind,
		r->transfer->record_id, &root, e) < 0)
		return -1;
	if (strcmp(root->owner, r->owner) != 0)
		return transfer_refuse(e, ERR_PRECONDITION, "id", "OWNER_MOVED",
		    "the record has another owner meanwhile",
		    "begin another transfer with its present owner");
	if (transfer_gather(&m, d, w->write.arena, root,
		r->transfer->organisation_id, e) < 0 ||
	    transfers_move(&m, d, r->transfer, e) < 0)
		return -1;
	return end_as(w, d, r, APPROVED, w->text, e);
}

static int
approve(struct transfer_write *w, struct decision *d, Resopro__V1__Record *r,
    struct err *e)
{
	int right;

	if (w->given[0] == '\0') {
		if (!principal_is_agency(&w->write.who))
			return transfer_refuse(e, ERR_INVALID, "secret",
			    "REQUIRED", "is required",
			    "give the secret that the other body was shown");
		if (value_chars(w->text, strlen(w->text)) < 3)
			return transfer_refuse(e, ERR_INVALID, "reason",
			    "REQUIRED", "is required without the secret",
			    "say why in 3 to 500 characters");
		return give_away(w, d, r, e);
	}
	right = is_secret(w, decision_view(d), e);
	if (right <= 0)
		return right < 0 ? -1 : count_wrong(w, d, r, e);
	return give_away(w, d, r, e);
}

static int
end_decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct transfer_write *w = (struct transfer_write *)p;
	Resopro__V1__Record *r;

	if (transfer_read(decision_view(d), w->write.arena, w->id, &r, e) < 0 ||
	    authorise_record(&w->write.who, p->method, r, e) < 0 ||
	    check_side(w, r, e) < 0 ||
	    check_pending(r, decision_time(d), e) < 0)
		return -1;
	return w->end == APPROVED ? approve(w, d, r, e)
				  : end_as(w, d, r, w->end, w->text, e);
}

static int
was_wrong(struct write *base, struct err *e)
{
	struct view *v = service_view(base->service, e);
	struct commit c;

	if (v == NULL || view_commit(v, base->proposal.revision, &c, e) != 1)
		return -1;
	return c.note.len == sizeof WRONG_SECRET - 1 &&
	       memcmp(c.note.data, WRONG_SECRET, c.note.len) == 0;
}

static void
end_answer(struct write *base)
{
	struct transfer_write *w = (struct transfer_write *)base;
	Resopro__V1__OwnershipResponse r =
	    RESOPRO__V1__OWNERSHIP_RESPONSE__INIT;
	struct err e = { 0 };
	char left[16];
	int wrong = was_wrong(base, &e);

	if (wrong >= 0 && (r.record = transfer_read_back(w, &e)) == NULL)
		wrong = -1;
	if (wrong == 0) {
		r.revision = base->proposal.revision;
		call_reply(base->user.call, &r.base);
		return;
	}
	if (wrong == 1) {
		(void)snprintf(left, sizeof left, "%u",
		    TRANSFER_WRONG_MAX - r.record->transfer->wrong_secrets);
		call_error_fact(base->user.call, "tries_left", left);
		transfer_refuse(&e, ERR_PRECONDITION, "secret", WRONG_SECRET,
		    "is not that of this transfer", "");
		err_remedy(&e, "ask the other body for it; %s tries are left",
		    left);
	}
	call_fail(base->user.call, &e);
}

static int
end(struct call *c, const char *request_id, const char *id, const char *secret,
    const char *reason, Resopro__V1__TransferState state, struct err *e)
{
	struct transfer_write *w;

	if (value_check(VALUE_ID, "id", id, strlen(id), e) < 0 ||
	    transfer_check_text("reason", reason, e) < 0)
		return -1;
	w = (struct transfer_write *)write_new(c, sizeof *w, request_id, e);
	if (w == NULL)
		return -1;
	w->id = arena_strdup(w->write.arena, id);
	w->given = arena_strdup(w->write.arena, secret);
	w->text = arena_strdup(w->write.arena, reason);
	w->end = state;
	if (w->id == NULL || w->given == NULL || w->text == NULL) {
		write_free(&w->write);
		return err_set(e, ERR_NOMEM, "transfer");
	}
	return write_submit(&w->write, end_decide, end_answer);
}

int
transfers_approve(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__ApproveTransferRequest *q =
	    (const Resopro__V1__ApproveTransferRequest *)m;

	return end(c, q->request_id, q->id, q->secret, q->reason, APPROVED, e);
}

int
transfers_reject(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__EndTransferRequest *q =
	    (const Resopro__V1__EndTransferRequest *)m;

	return end(c, q->request_id, q->id, "", q->reason, REJECTED, e);
}

int
transfers_cancel(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__EndTransferRequest *q =
	    (const Resopro__V1__EndTransferRequest *)m;

	return end(c, q->request_id, q->id, "", q->reason, CANCELLED, e);
}
