/*
 * sync.c - Registry.Sync: a member's set in, a plan out, one commit.
 *
 *	READING -> PLANNING (slices, one a turn) -> WRITING -> ANSWERING
 *
 * A dry run goes from PLANNING to ANSWERING.  What refuses a set as a whole is
 * told by the writer too: a repeated request is answered as the first was
 * (RECALLING), whatever the register has become since.
 */
#include "service/sync.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "service/authorise.h"
#include "service/registry.h"
#include "service/schema.h"

#define SOURCE_MAX 64    /* characters */
#define IDLE_SECONDS 120 /* between two messages */
#define SCRATCH_BYTES ((size_t)64 << 20)
/* Commits looked at a turn; as many are left to the writer. */
#define CATCH_UP 200

static struct sync *
sync_of(struct call *c)
{
	struct call_user *u = call_user(c);

	return u != NULL
		   ? (struct sync *)((char *)u - offsetof(struct write, user))
		   : NULL;
}

void
sync_account(struct sync *s)
{
	struct service *sv = s->write.service;
	size_t held = arena_used(s->write.arena) + arena_used(s->scratch);

	sv->sync_bytes += held - s->held;
	s->held = held;
}

static void
cleanup(struct write *w)
{
	struct sync *s = (struct sync *)w;

	timer_stop(&s->idle);
	w->service->sync_bytes -= s->held;
	arena_free(s->scratch);
	if (s->counted)
		w->service->syncs--;
}

void
sync_free(struct sync *s)
{
	write_free(&s->write);
}

void
sync_fail(struct sync *s, const struct err *e)
{
	struct call *c = s->write.user.call;

	call_set_user(c, NULL);
	s->write.user.call = NULL;
	if (e->code == ERR_LIMIT)
		call_retry_after(c, 5000);
	call_fail(c, e);
	sync_free(s);
}

/* ---- in slices -------------------------------------------------------------- */

/* One a turn, so that other calls of this worker are served between.  1: more
 * of it is left; 0: all is done; -1. */
typedef int slice_fn(struct sync *, struct view *, struct err *);

static void run_slice(struct loop_task *);

static void
post_slice(struct sync *s)
{
	s->step.run = run_slice;
	loop_post(s->write.service->loop, &s->step);
}

static int
catch_up(struct sync *s, struct view *v, struct err *e)
{
	int rc;

	if (s->dry_run || view_revision(v) - s->planned <= CATCH_UP)
		return 0;
	rc = sync_catch_up(s, v, CATCH_UP, e);
	if (rc == 0)
		return 0;
	if (rc > 0 || e->code != ERR_CONFLICT)
		return rc;
	/* The writer tells it: it knows whether this was answered before. */
	s->refusal = *e;
	err_clear(e);
	return 0;
}

/* The stages of planning, in their order. */
static slice_fn *const stages[] = {
	sync_take_deferred,
	sync_plan_retirements,
	sync_check_slice,
	catch_up,
};

static int
planning_slice(struct sync *s, struct view *v, struct err *e)
{
	int rc = stages[s->stage](s, v, e);

	if (rc != 0)
		return rc;
	s->next = 0;
	return ++s->stage < sizeof stages / sizeof stages[0];
}

static void decided(struct write *);

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

static void
planned(struct sync *s, struct view *v)
{
	sync_judge(s);
	if (s->dry_run) {
		s->result.revision = view_revision(v);
		sync_answer_start(s);
		return;
	}
	s->state = SYNC_WRITING;
	s->write.outcome = decided;
	write_submit(&s->write, decide, NULL);
}

static void
run_slice(struct loop_task *task)
{
	struct sync *s =
	    (struct sync *)((char *)task - offsetof(struct sync, step));
	bool recalling = s->state == SYNC_RECALLING;
	struct err e = { 0 };
	struct view *v;
	int rc;

	if (s->write.user.call == NULL) { /* cancelled meanwhile */
		sync_free(s);
		return;
	}
	v = service_view(s->write.service, &e);
	rc = v == NULL   ? -1
	     : recalling ? sync_recall_slice(s, v, &e)
			 : planning_slice(s, v, &e);
	sync_account(s);
	if (rc > 0)
		post_slice(s);
	else if (rc < 0)
		sync_fail(s, &e);
	else if (recalling)
		sync_answer_start(s);
	else
		planned(s, v);
}

/* ---- from the writer -------------------------------------------------------- */

static void
recall(struct sync *s)
{
	struct err e = { 0 };
	struct view *v = service_view(s->write.service, &e);

	call_set_user(s->write.user.call, &s->write.user);
	if (v == NULL || sync_recall_start(s, v, &e) < 0) {
		sync_fail(s, &e);
		return;
	}
	s->state = SYNC_RECALLING;
	post_slice(s);
}

/* Accepted or refused, the plan comes first. */
static void
decided(struct write *w)
{
	struct sync *s = (struct sync *)w;

	if (w->proposal.replayed) {
		recall(s);
		return;
	}
	if (w->proposal.err.code == ERR_NONE) {
		s->result.revision = w->proposal.revision;
		s->result.applied = 1;
	}
	sync_answer_start(s);
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
	timer_stop(&s->idle);
	s->state = SYNC_PLANNING;
	post_slice(s);
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
	sync_fail(s, &e);
}

static void
expect_more(struct sync *s)
{
	s->idle.run = idle_too_long;
	timer_start(s->write.service->loop, &s->idle,
	    (int64_t)IDLE_SECONDS * 1000000000);
}

static int
check_owner(const char *owner, const struct principal *who, struct err *e)
{
	if (principal_is_agency(who) || strcmp(owner, who->organisation) == 0)
		return 0;
	err_set(e, ERR_DENIED, "start.owner: %s is another body", owner);
	err_field(e, "start.owner");
	err_reason(e, "OWNER");
	return err_remedy(e, "leave it empty");
}

static int
read_start(struct sync *s, const Resopro__V1__SyncStart *q, const char *owner,
    struct err *e)
{
	struct view *v = service_view(s->write.service, e);

	s->owner = arena_strdup(s->write.arena, owner);
	s->source = arena_strdup(s->write.arena, q->source);
	if (v == NULL || s->owner == NULL || s->source == NULL)
		return e->code != ERR_NONE ? -1 : err_set(e, ERR_NOMEM, "sync");
	s->full = q->mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL;
	s->dry_run = q->dry_run;
	s->accept_valid = q->accept_valid;
	s->show_unchanged = q->show_unchanged;
	s->agency = principal_is_agency(&s->write.who);
	s->confirm_retire = q->confirm_retire;
	return read_kinds(s, q, e) < 0 ? -1
				       : sync_scope_read(s, v, q->scope, e);
}

static int
start(struct call *c, const Resopro__V1__SyncStart *q, struct err *e)
{
	const struct principal *who = call_principal(c);
	struct service *sv = call_service(c);
	const char *owner = q->owner[0] != '\0' ? q->owner : who->organisation;
	struct sync *s;

	if (check_start(q, who, e) < 0 || limit_syncs(sv, c, e) < 0 ||
	    check_owner(owner, who, e) < 0)
		return -1;
	s = (struct sync *)write_new_large(c, sizeof *s,
	    sv->limits.sync_max_bytes, q->request_id, e);
	if (s == NULL)
		return -1;
	if ((s->scratch = arena_new(SCRATCH_BYTES)) == NULL) {
		sync_free(s);
		return err_set(e, ERR_NOMEM, "sync");
	}
	s->write.cleanup = cleanup;
	s->set.arena = s->write.arena;
	if (read_start(s, q, owner, e) < 0) {
		sync_free(s);
		return -1;
	}
	sv->syncs++;
	s->counted = true;
	call_set_user(c, &s->write.user);
	expect_more(s);
	return 0;
}

/* One large set may be too much of all; whoever asks for more waits. */
static int
limit_memory(struct sync *s, struct err *e)
{
	struct service *sv = s->write.service;

	sync_account(s);
	if (sv->sync_bytes <= sv->limits.sync_total_bytes)
		return 0;
	call_retry_after(s->write.user.call, 10000);
	err_set(e, ERR_LIMIT, "the sets being received take too much memory");
	err_reason(e, "SYNC_MEMORY");
	return err_remedy(e, "send the whole set again a little later");
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
		return err_remedy(e,
		    "send it in parts: as changes (DELTA), or each with a "
		    "scope or a source of its own");
	}
	for (size_t i = 0; i < b->n_records; i++) {
		if (sync_take(s, v, b->records[i], e) < 0)
			return -1;
	}
	return limit_memory(s, e);
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
		sync_answer_go_on(s);
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
		sync_free(s);
}
