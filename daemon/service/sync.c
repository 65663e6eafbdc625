/*
 * sync.c - Registry.Sync: a member's set in, a plan out, one commit.
 *
 *	READING -> PLANNING (slices, one a turn) -> WRITING -> ANSWERING
 *
 * A dry run goes from PLANNING to ANSWERING.  What refuses a set as a whole is
 * told by the writer too: a repeated request is answered as the first was,
 * whatever the register has become since.
 */
#include "service/sync.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "service/authorise.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"

#define SOURCE_MAX 64  /* characters */
#define PLAN_ITEMS 500 /* a message */
#define PLAN_BYTES ((size_t)1 << 20)
#define IDLE_SECONDS 120 /* between two messages */
#define SCRATCH_BYTES ((size_t)64 << 20)

#define UNCHANGED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNCHANGED

static struct sync *
sync_of(struct call *c)
{
	struct call_user *u = call_user(c);

	return u != NULL
		   ? (struct sync *)((char *)u - offsetof(struct write, user))
		   : NULL;
}

static void
cleanup(struct write *w)
{
	struct sync *s = (struct sync *)w;

	timer_stop(&s->idle);
	arena_free(s->scratch);
	if (s->counted)
		w->service->syncs--;
}

/* ---- the answer ----------------------------------------------------------- */

static Resopro__V1__SyncPlanItem *
plan_item(struct arena *arena, const struct sync_item *i)
{
	Resopro__V1__SyncPlanItem *p = arena_alloc(arena, sizeof *p);

	if (p == NULL)
		return NULL;
	resopro__v1__sync_plan_item__init(p);
	p->action = i->action;
	p->kind = i->kind;
	if (i->id != NULL)
		p->id = (char *)(uintptr_t)i->id;
	p->source_id = (char *)(uintptr_t)i->source_id;
	if (i->name != NULL)
		p->name = (char *)(uintptr_t)i->name;
	p->position = i->position;
	p->changes = i->changes;
	p->n_changes = i->n_changes;
	p->refusals = i->refusals;
	p->n_refusals = i->n_refusals;
	p->warnings = i->warnings;
	p->n_warnings = i->n_warnings;
	return p;
}

static bool
shown(const struct sync *s, const struct sync_item *i)
{
	return i->action != UNCHANGED || s->show_unchanged || i->n_warnings > 0;
}

/* One message of the plan; false: none is left, or the call was ended. */
static bool
send_plan(struct sync *s, struct call *c, struct err *e)
{
	Resopro__V1__SyncResponse r = RESOPRO__V1__SYNC_RESPONSE__INIT;
	Resopro__V1__SyncPlan plan = RESOPRO__V1__SYNC_PLAN__INIT;
	Resopro__V1__SyncPlanItem *items[PLAN_ITEMS];
	size_t bytes = 0;

	arena_reset(s->scratch);
	plan.items = items;
	while (plan.n_items < PLAN_ITEMS && bytes < PLAN_BYTES &&
	       s->sent < s->set.n) {
		const struct sync_item *i = s->set.items[s->sent++];
		Resopro__V1__SyncPlanItem *p;

		if (!shown(s, i))
			continue;
		if ((p = plan_item(s->scratch, i)) == NULL) {
			err_set(e, ERR_NOMEM, "plan");
			return false;
		}
		items[plan.n_items++] = p;
		bytes += resopro__v1__sync_plan_item__get_packed_size(p);
	}
	if (plan.n_items == 0)
		return false;
	r.step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN;
	r.plan = &plan;
	return call_send(c, &r.base, e) == 0;
}

static void
free_sync(struct sync *s)
{
	write_free(&s->write);
}

/* The plan is out: how did it end? */
static void
send_end(struct sync *s, struct call *c)
{
	Resopro__V1__SyncResponse r = RESOPRO__V1__SYNC_RESPONSE__INIT;
	struct err e = s->write.proposal.err;

	call_set_user(c, NULL);
	s->write.user.call = NULL;
	if (e.code != ERR_NONE) {
		if (e.code == ERR_LIMIT)
			call_retry_after(c, 5000);
		call_fail(c, &e);
	} else {
		r.step_case = RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT;
		r.result = &s->result;
		if (call_send(c, &r.base, &e) < 0)
			call_fail(c, &e);
		else
			call_finish(c);
	}
	free_sync(s);
}

static void
go_on_answering(struct sync *s, struct call *c)
{
	struct err e = { 0 };

	while (s->sent < s->set.n && e.code == ERR_NONE) {
		if (!call_writable(c))
			return; /* writable() comes back */
		if (!send_plan(s, c, &e))
			break;
	}
	if (e.code != ERR_NONE)
		s->write.proposal.err = e;
	send_end(s, c);
}

static void
start_answering(struct sync *s, struct call *c)
{
	s->state = SYNC_ANSWERING;
	call_set_user(c, &s->write.user);
	go_on_answering(s, c);
}

/* ---- from the writer ------------------------------------------------------ */

/* A repeated request: what the first one was told. */
static int
recall(struct sync *s, struct err *e)
{
	struct view *v = service_view(s->write.service, e);
	ProtobufCAllocator a = record_allocator(s->set.arena);
	Resopro__V1__SyncResult *first;
	struct commit c;

	if (v == NULL || view_commit(v, s->write.proposal.revision, &c, e) != 1)
		return -1;
	first = resopro__v1__sync_result__unpack(&a, c.note.len, c.note.data);
	if (first == NULL)
		return err_set(e, ERR_CORRUPT,
		    "the first answer is unreadable");
	s->result = *first;
	s->result.replayed = 1;
	s->sent = s->set.n; /* its plan was shown then */
	return 0;
}

/* Accepted or refused, the plan comes first. */
static void
decided(struct write *w)
{
	struct sync *s = (struct sync *)w;

	if (w->proposal.err.code == ERR_NONE) {
		if (w->proposal.replayed && recall(s, &w->proposal.err) < 0)
			s->sent = s->set.n;
		s->result.revision = w->proposal.revision;
		s->result.applied = 1;
	}
	s->state = SYNC_ANSWERING;
	call_set_user(w->user.call, &w->user);
	go_on_answering(s, w->user.call);
}

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct sync *s = (struct sync *)p;

	if (s->refusal.code != ERR_NONE) {
		*e = s->refusal;
		return -1;
	}
	return sync_emit(s, d, e);
}

/* ---- planning ------------------------------------------------------------- */

static void
fail(struct sync *s, const struct err *e)
{
	struct call *c = s->write.user.call;

	call_set_user(c, NULL);
	s->write.user.call = NULL;
	call_fail(c, e);
	free_sync(s);
}

static void
planned(struct sync *s, struct view *v)
{
	sync_judge(s);
	if (s->dry_run) {
		s->result.revision = view_revision(v);
		start_answering(s, s->write.user.call);
		return;
	}
	s->state = SYNC_WRITING;
	s->write.outcome = decided;
	write_submit(&s->write, decide, NULL);
}

/* One slice a turn, so that other calls of this worker are served between. */
static void
step(struct loop_task *task)
{
	struct sync *s =
	    (struct sync *)((char *)task - offsetof(struct sync, step));
	struct err e = { 0 };
	struct view *v;

	if (s->write.user.call == NULL) { /* cancelled meanwhile */
		free_sync(s);
		return;
	}
	v = service_view(s->write.service, &e);
	if (v == NULL) {
		fail(s, &e);
		return;
	}
	if (sync_check_slice(s, v, &e)) {
		loop_post(s->write.service->loop, &s->step);
		return;
	}
	if (e.code != ERR_NONE)
		fail(s, &e);
	else
		planned(s, v);
}

static int
end_set(struct sync *s, const Resopro__V1__SyncEnd *end, struct err *e)
{
	struct view *v = service_view(s->write.service, e);

	if (v == NULL)
		return -1;
	if (end->records != s->received) {
		err_set(e, ERR_INVALID,
		    "end.records: %u were announced, %u "
		    "came",
		    end->records, s->received);
		err_field(e, "end.records");
		err_reason(e, "COUNT");
		return err_remedy(e, "send the whole set again");
	}
	if (s->planned == 0)
		s->planned = view_revision(v);
	if (sync_take_deferred(s, v, e) < 0 || sync_check_claims(s, e) < 0 ||
	    sync_plan_retirements(s, v, e) < 0)
		return -1;
	timer_stop(&s->idle);
	s->state = SYNC_PLANNING;
	s->step.run = step;
	loop_post(s->write.service->loop, &s->step);
	return 0;
}

/* ---- reading -------------------------------------------------------------- */

static int
out_of_order(struct err *e, const char *what)
{
	err_set(e, ERR_INVALID, "step: %s", what);
	err_field(e, "step");
	err_reason(e, "ORDER");
	return err_remedy(e, "send one start, any number of batches, one end");
}

static int
check_start(const Resopro__V1__SyncStart *q, const struct principal *who,
    struct err *e)
{
	const char *owner = q->owner[0] != '\0' ? q->owner : who->organisation;

	if (value_check(VALUE_ID, "start.source", q->source, strlen(q->source),
		e) < 0)
		return -1;
	if (strlen(q->source) > SOURCE_MAX) {
		err_set(e, ERR_INVALID, "start.source: more than %d characters",
		    SOURCE_MAX);
		err_field(e, "start.source");
		err_reason(e, "TOO_LONG");
		return err_remedy(e, "give a shorter name");
	}
	if (value_check(VALUE_ID, "start.owner", owner, strlen(owner), e) < 0)
		return err_remedy(e, "name the body, or use an account that "
				     "acts for one");
	if (q->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL ||
	    q->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_DELTA)
		return 0;
	err_set(e, ERR_INVALID, "start.mode: neither FULL nor DELTA");
	err_field(e, "start.mode");
	err_reason(e, "MODE");
	return err_remedy(e, "give SYNC_MODE_FULL or SYNC_MODE_DELTA");
}

static int
read_kinds(struct sync *s, const Resopro__V1__SyncStart *q, struct err *e)
{
	static const Resopro__V1__Kind usual[] = {
		RESOPRO__V1__KIND__KIND_ORGANISATION,
		RESOPRO__V1__KIND__KIND_SITE,
		RESOPRO__V1__KIND__KIND_OFFER,
	};
	const Resopro__V1__Kind *kinds = q->n_kinds > 0 ? q->kinds : usual;
	size_t n = q->n_kinds > 0 ? q->n_kinds : 3;

	for (size_t i = 0; i < n; i++) {
		const struct kind_schema *ks = schema_of(kinds[i]);

		if (ks == NULL) {
			err_set(e, ERR_INVALID,
			    "start.kinds: not a kind of "
			    "record");
			err_field(e, "start.kinds");
			return err_reason(e, "KIND");
		}
		if (authorise(&s->write.who, s->write.proposal.method, ks->kind,
			true, e) < 0)
			return err_field(e, "start.kinds");
		s->kinds |= 1u << ks->kind;
	}
	return 0;
}

static int
limit_syncs(struct service *sv, struct call *c, struct err *e)
{
	if (sv->syncs < sv->limits.syncs)
		return 0;
	call_retry_after(c, 2000);
	err_set(e, ERR_LIMIT, "%u sets are being received", sv->syncs);
	err_reason(e, "TOO_MANY_SYNCS");
	return err_remedy(e, "try again in a few seconds");
}

/* A set that does not go on keeps others from sending theirs. */
static void
idle_too_long(struct timer *t)
{
	struct sync *s =
	    (struct sync *)((char *)t - offsetof(struct sync, idle));
	struct err e = { 0 };

	err_set(&e, ERR_DEADLINE,
	    "nothing came for %d seconds; nothing was "
	    "changed",
	    IDLE_SECONDS);
	err_reason(&e, "IDLE");
	err_remedy(&e, "send the whole set again");
	fail(s, &e);
}

static void
expect_more(struct sync *s)
{
	s->idle.run = idle_too_long;
	timer_start(s->write.service->loop, &s->idle,
	    (int64_t)IDLE_SECONDS * 1000000000);
}

static int
start(struct call *c, const Resopro__V1__SyncStart *q, struct err *e)
{
	const struct principal *who = call_principal(c);
	struct service *sv = call_service(c);
	const char *owner = q->owner[0] != '\0' ? q->owner : who->organisation;
	struct sync *s;

	if (check_start(q, who, e) < 0 || limit_syncs(sv, c, e) < 0)
		return -1;
	if (!principal_is_agency(who) &&
	    strcmp(owner, who->organisation) != 0) {
		err_set(e, ERR_DENIED, "start.owner: %s is another body",
		    owner);
		err_field(e, "start.owner");
		err_reason(e, "OWNER");
		return err_remedy(e, "leave it empty");
	}
	s = (struct sync *)write_new_large(c, sizeof *s,
	    sv->limits.sync_max_bytes, q->request_id, e);
	if (s == NULL)
		return -1;
	s->write.cleanup = cleanup;
	s->set.arena = s->write.arena;
	s->scratch = arena_new(SCRATCH_BYTES);
	s->owner = arena_strdup(s->write.arena, owner);
	s->source = arena_strdup(s->write.arena, q->source);
	s->full = q->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL;
	s->dry_run = q->dry_run;
	s->accept_valid = q->accept_valid;
	s->show_unchanged = q->show_unchanged;
	s->agency = principal_is_agency(who);
	s->confirm_retire = q->confirm_retire;
	if (s->scratch == NULL || s->owner == NULL || s->source == NULL ||
	    read_kinds(s, q, e) < 0) {
		free_sync(s);
		return e->code != ERR_NONE ? -1 : err_set(e, ERR_NOMEM, "sync");
	}
	sv->syncs++;
	s->counted = true;
	call_set_user(c, &s->write.user);
	expect_more(s);
	return 0;
}

static int
take_batch(struct sync *s, const Resopro__V1__SyncBatch *b, struct err *e)
{
	const struct service_limits *l = &s->write.service->limits;
	struct view *v = service_view(s->write.service, e);

	if (v == NULL)
		return -1;
	if (b->n_records > l->sync_max_records - s->received) {
		err_set(e, ERR_LIMIT, "the set has more than %u records",
		    l->sync_max_records);
		err_reason(e, "SET_TOO_LARGE");
		return err_remedy(e, "send it in parts, with another source "
				     "for each");
	}
	for (size_t i = 0; i < b->n_records; i++) {
		if (sync_take(s, v, b->records[i], e) < 0)
			return -1;
	}
	return 0;
}

/* The whole stream is the request: what is hashed is all of it. */
static void
hash_more(struct sync *s, struct call *c)
{
	uint8_t both[2 * DIGEST_LEN];
	const uint8_t *body;
	size_t len;

	call_request_bytes(c, &body, &len);
	memcpy(both, s->write.proposal.body_hash, DIGEST_LEN);
	digest_sha256(body, len, both + DIGEST_LEN);
	digest_sha256(both, sizeof both, s->write.proposal.body_hash);
}

int
registry_sync(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__SyncRequest *q = (const Resopro__V1__SyncRequest *)m;
	struct sync *s = sync_of(c);

	if (s == NULL)
		return q->step_case == RESOPRO__V1__SYNC_REQUEST__STEP_START
			   ? start(c, q->start, e)
			   : out_of_order(e,
				 "the stream must begin with its start");
	if (s->state == SYNC_PLANNING) {
		/* Refused is refused: its next step frees it. */
		call_set_user(c, NULL);
		s->write.user.call = NULL;
		return out_of_order(e, "something came after the end");
	}
	if (s->state != SYNC_READING)
		return 0; /* too late: the set's own answer must be told */
	hash_more(s, c);
	expect_more(s);
	switch (q->step_case) {
	case RESOPRO__V1__SYNC_REQUEST__STEP_BATCH:
		return take_batch(s, q->batch, e);
	case RESOPRO__V1__SYNC_REQUEST__STEP_END:
		return end_set(s, q->end, e);
	default:
		return out_of_order(e, "neither batch nor end");
	}
}

int
registry_sync_half_close(struct call *c, struct err *e)
{
	struct sync *s = sync_of(c);

	if (s != NULL && s->state != SYNC_READING)
		return 0;
	err_set(e, ERR_INVALID,
	    "the stream was cut before its end; nothing "
	    "was changed");
	err_reason(e, "CUT");
	return err_remedy(e, "send the whole set again");
}

void
registry_sync_writable(struct call *c)
{
	struct sync *s = sync_of(c);

	if (s != NULL && s->state == SYNC_ANSWERING)
		go_on_answering(s, c);
}

void
registry_sync_closed(struct call *c)
{
	struct sync *s = sync_of(c);

	if (s == NULL)
		return;
	s->write.user.call = NULL;
	if (s->state == SYNC_WRITING)
		store_cancel(&s->write.proposal);
	/* Elsewhere somebody still holds it, and frees it when done. */
	if (s->state == SYNC_READING || s->state == SYNC_ANSWERING)
		free_sync(s);
}
