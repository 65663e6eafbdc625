/*
 * watch.c - see watch.h.  A watch is a cursor into the log: nothing is queued
 * for it beyond what its stream already holds.  When the stream is full it
 * waits for room; when it is empty it waits for the head to move.
 */
#include "service/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/authorise.h"
#include "service/feed.h"
#include "service/names.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"

#define NAMES_MAX 1000
#define PROGRESS_DEFAULT 60 /* seconds */
#define PROGRESS_MAX 3600
#define SNAPSHOT_SLICE 1000 /* records looked at a turn */
#define DELIVERY_SLICE 4000 /* events and commits looked at a turn */
#define WATCH_ARENA ((size_t)1 << 20)

struct watch {
	struct call_user user; /* first */
	struct watchers *all;
	struct watch *next, **link;
	struct arena *arena; /* the filter */
	const struct principal *who;
	unsigned kinds;    /* bit a kind that is wanted and may be read */
	unsigned own_only; /* of those: only the caller's own */
	const char *owner;
	struct names names;
	uint64_t cursor; /* the next revision to deliver */
	size_t part;     /* of that commit: parts already sent */
	struct timer progress;
	int64_t progress_ns;
	bool told; /* something was sent since the timer started */

	/* A snapshot, while it lasts: */
	bool snapshot;
	uint64_t at;  /* its revision */
	uint8_t kind; /* being walked */
	char after[STORE_ID_MAX + 1];
	struct loop_task more;
	bool more_posted, closed;
};

struct watchers {
	struct service *service;
	struct feed *feed;
	struct watch *list;
	uint64_t open;
};

struct watchers *
watchers_new(struct service *s, struct err *e)
{
	struct watchers *w = calloc(1, sizeof *w);

	if (w == NULL || (w->feed = feed_new(e)) == NULL) {
		free(w);
		err_set(e, ERR_NOMEM, "watches");
		return NULL;
	}
	w->service = s;
	return w;
}

void
watchers_free(struct watchers *w)
{
	if (w == NULL)
		return;
	feed_free(w->feed);
	free(w);
}

uint64_t
watchers_open(const struct watchers *w)
{
	return w->open;
}

/* ---- which events --------------------------------------------------------- */

static bool
wants(const struct watch *w, Resopro__V1__Kind kind, const char *id,
    const char *owner, const char *organisation_id)
{
	unsigned bit = 1u << kind;

	if ((w->kinds & bit) == 0 ||
	    (w->owner[0] != '\0' && strcmp(w->owner, owner) != 0) ||
	    (w->names.n > 0 && !names_has(&w->names, kind, id)))
		return false;
	return (w->own_only & bit) == 0 ||
	       principal_owns(w->who, owner, kind, id, organisation_id);
}

static bool
wants_all(const struct watch *w, const struct feed_commit *c)
{
	return w->owner[0] == '\0' && w->names.n == 0 &&
	       (c->kinds & ~w->kinds) == 0 && (c->kinds & w->own_only) == 0;
}

/* ---- delivering ----------------------------------------------------------- */

static void
end_watch(struct watch *w, const struct err *e)
{
	call_fail(w->user.call, e);
}

static int
send_progress(struct watch *w, struct err *e)
{
	Resopro__V1__WatchResponse r = RESOPRO__V1__WATCH_RESPONSE__INIT;

	r.revision = w->cursor - 1;
	return call_send(w->user.call, &r.base, e);
}

static void
progress(struct timer *t)
{
	struct watch *w =
	    (struct watch *)((char *)t - offsetof(struct watch, progress));
	struct err e = { 0 };

	if (!w->told && !w->snapshot && call_writable(w->user.call))
		(void)send_progress(w, &e);
	w->told = false;
	timer_start(w->all->service->loop, &w->progress, w->progress_ns);
}

static int
send_shared(struct watch *w, struct feed_commit *c, struct err *e)
{
	if (feed_parts(c, e) < 0)
		return -1;
	while (w->part < c->n_parts) {
		if (!call_writable(w->user.call))
			return 0;
		if (call_send_shared(w->user.call, c->parts[w->part], e) < 0)
			return -1;
		w->part++;
	}
	return 1;
}

static int
send_some(struct watch *w, const struct feed_commit *c,
    const struct feed_event *const *events, size_t n, bool last, size_t len,
    struct err *e)
{
	uint64_t upto = last ? c->revision : c->revision - 1;
	uint8_t *out = call_send_room(w->user.call,
	    feed_message_size(upto, len, c->tail), e);

	if (out == NULL)
		return -1;
	out = feed_message_head(out, upto);
	for (size_t i = 0; i < n; i++) {
		memcpy(out, events[i]->encoded.data, events[i]->encoded.len);
		out += events[i]->encoded.len;
	}
	memcpy(out, c->tail.data, c->tail.len);
	return call_send_sent(w->user.call);
}

/* Only what this watch wants; w->part counts events then. */
static int
send_filtered(struct watch *w, const struct feed_commit *c, struct err *e)
{
	const struct feed_event **mine = malloc((c->n + 1) * sizeof(*mine));
	size_t n = 0;
	int rc = 1;

	if (mine == NULL)
		return err_set(e, ERR_NOMEM, "watch");
	for (size_t i = 0; i < c->n; i++) {
		const struct feed_event *x = &c->events[i];

		if (wants(w, x->kind, x->id, x->owner, x->organisation_id))
			mine[n++] = x;
	}
	while (rc == 1 && w->part < n) {
		size_t len,
		    some = feed_part_size(mine + w->part, n - w->part, &len);

		if (!call_writable(w->user.call))
			rc = 0;
		else if (send_some(w, c, mine + w->part, some,
			     w->part + some == n, len, e) < 0)
			rc = -1;
		else
			w->part += some;
	}
	w->told = w->told || n > 0;
	free(mine);
	return rc;
}

/* 1: the commit is out; 0: the stream is full; -1. */
static int
deliver_commit(struct watch *w, struct feed_commit *c, struct err *e)
{
	if (c->n == 0)
		return 1;
	if (!wants_all(w, c))
		return send_filtered(w, c, e);
	w->told = true;
	return send_shared(w, c, e);
}

/* A turn later: others are served between. */
static void
go_on_later(struct watch *w)
{
	w->more_posted = true;
	loop_post(w->all->service->loop, &w->more);
}

static void
deliver(struct watch *w)
{
	struct err e = { 0 };
	struct view *v = service_view(w->all->service, &e);
	struct feed_commit *c;
	size_t looked = 0;
	int rc = v != NULL ? 1 : -1;

	while (rc == 1 && w->cursor <= view_revision(v) &&
	       call_writable(w->user.call)) {
		if (looked >= DELIVERY_SLICE) {
			go_on_later(w);
			return;
		}
		rc = feed_get(w->all->feed, v, w->cursor, &c, &e);
		if (rc == 1) {
			looked += 1 + c->n;
			rc = deliver_commit(w, c, &e);
		}
		if (rc == 1) {
			w->cursor++;
			w->part = 0;
		}
	}
	if (rc < 0)
		end_watch(w, &e);
}

void
watchers_moved(struct watchers *all)
{
	struct watch *next;

	for (struct watch *w = all->list; w != NULL; w = next) {
		next = w->next;
		if (!w->snapshot && !w->more_posted)
			deliver(w);
	}
}

/* ---- the snapshot --------------------------------------------------------- */

struct snapshot_page {
	struct watch *watch;
	struct view *view;
	struct arena *scratch;
	struct stored *list;
	size_t n, len, looked;
};

static bool
snapshot_wants(struct snapshot_page *p, const struct stored *s, struct err *e)
{
	const struct watch *w = p->watch;
	struct record_facts f;
	Resopro__V1__Record *r;
	bool yes;

	if (s->deleted || record_facts(s->record, &f, e) < 0)
		return false;
	if (w->owner[0] == '\0' && w->names.n == 0 &&
	    (w->own_only & 1u << s->kind) == 0)
		return true;
	arena_reset(p->scratch);
	if ((r = record_unpack(p->scratch, s->record, e)) == NULL)
		return false;
	yes = wants(w, r->kind, r->id, r->owner,
	    schema_string(r, "organisation_id"));
	return yes;
}

static int
snapshot_record(const struct stored *now, void *arg, struct err *e)
{
	struct snapshot_page *p = arg;
	struct watch *w = p->watch;
	struct stored s = *now;
	int rc = 1;

	if (p->looked == SNAPSHOT_SLICE || p->len >= FEED_PART_BYTES)
		return 0;
	p->looked++;
	(void)snprintf(w->after, sizeof w->after, "%s", s.id);
	while (rc == 1 && s.revision > w->at)
		rc = view_previous(p->view, &s, e);
	if (rc < 0)
		return -1;
	if (rc == 1 && snapshot_wants(p, &s, e)) {
		p->list[p->n++] = s;
		p->len += feed_snapshot_size(&s);
	}
	return e->code == ERR_NONE ? 1 : -1;
}

enum { RESPONSE_PENDING = 5, RESPONSE_DONE = 6 };

static int
snapshot_send(struct watch *w, const struct snapshot_page *p, bool done,
    struct err *e)
{
	uint8_t *out = call_send_room(w->user.call,
	    1 + varint_size(w->at) + p->len + 2, e);

	if (out == NULL)
		return -1;
	out = feed_message_head(out, w->at);
	for (size_t i = 0; i < p->n; i++)
		out = feed_snapshot_write(out, &p->list[i]);
	*out++ = (done ? RESPONSE_DONE : RESPONSE_PENDING) << 3;
	*out = 1;
	return call_send_sent(w->user.call);
}

/* One slice; true when the snapshot is complete. */
static bool
snapshot_slice(struct watch *w, struct snapshot_page *p, struct err *e)
{
	bool done = false;

	if (view_each(p->view, w->kind, w->after, snapshot_record, p, e) < 0)
		return false;
	if (p->looked < SNAPSHOT_SLICE && p->len < FEED_PART_BYTES) {
		/* That kind is through: on to the next that is wanted. */
		w->after[0] = '\0';
		do
			w->kind++;
		while (w->kind < 32 && (w->kinds & 1u << w->kind) == 0);
		done = w->kind == 32;
	}
	if ((p->n > 0 || done) && snapshot_send(w, p, done, e) < 0)
		return false;
	return done;
}

static void
snapshot_go_on(struct watch *w)
{
	struct snapshot_page p = { .watch = w };
	struct service *s = w->all->service;
	struct err e = { 0 };
	bool done = false;

	if (!call_writable(w->user.call))
		return; /* writable() comes back */
	p.view = service_view(s, &e);
	p.scratch = arena_new(64u << 20);
	p.list = calloc(SNAPSHOT_SLICE, sizeof *p.list);
	if (p.scratch == NULL || p.list == NULL)
		err_set(&e, ERR_NOMEM, "snapshot");
	if (e.code == ERR_NONE)
		done = snapshot_slice(w, &p, &e);
	arena_free(p.scratch);
	free(p.list);
	if (e.code != ERR_NONE) {
		end_watch(w, &e);
		return;
	}
	if (done) {
		w->snapshot = false;
		w->told = true;
		deliver(w);
		return;
	}
	go_on_later(w);
}

static void
free_watch(struct watch *w)
{
	arena_free(w->arena);
	free(w);
}

/* The next slice. */
static void
run_more(struct loop_task *t)
{
	struct watch *w =
	    (struct watch *)((char *)t - offsetof(struct watch, more));

	w->more_posted = false;
	if (w->closed)
		free_watch(w);
	else if (w->snapshot)
		snapshot_go_on(w);
	else
		deliver(w);
}

/* ---- opening and closing -------------------------------------------------- */

static int
read_kinds(struct watch *w, const Resopro__V1__WatchRequest *q,
    const char *method, struct err *e)
{
	const struct kind_schema *const *all = schema_all();
	unsigned asked = 0;

	for (size_t i = 0; i < q->n_kinds; i++) {
		if (registry_check_name(q->kinds[i], "x", e) < 0)
			return err_field(e, "kinds");
		asked |= 1u << q->kinds[i];
	}
	for (size_t i = 0; all[i] != NULL; i++) {
		const struct policy_row *row =
		    authorise_row(method, all[i]->kind);
		unsigned bit = 1u << all[i]->kind;

		if ((asked != 0 && (asked & bit) == 0) || row == NULL ||
		    ((row->any | row->own) & w->who->roles) == 0)
			continue;
		w->kinds |= bit;
		if ((row->any & w->who->roles) == 0)
			w->own_only |= bit;
	}
	if (w->kinds == 0)
		return authorise(w->who, method, q->kinds[0], false, e);
	return 0;
}

static int
read_filter(struct watch *w, const Resopro__V1__WatchRequest *q, struct err *e)
{
	if (q->n_names > NAMES_MAX) {
		err_set(e, ERR_INVALID, "names: %zu names", q->n_names);
		err_field(e, "names");
		err_reason(e, "TOO_MANY");
		return err_remedy(e, "give at most %d", NAMES_MAX);
	}
	for (size_t i = 0; i < q->n_names; i++) {
		char *id = arena_strdup(w->arena, q->names[i]->id);

		if (registry_check_name(q->names[i]->kind, q->names[i]->id, e) <
		    0)
			return err_wrap(e, "names[%zu]: ", i);
		if (id == NULL ||
		    names_add(&w->names, w->arena, q->names[i]->kind, id) < 0)
			return err_set(e, ERR_NOMEM, "watch");
	}
	names_sort(&w->names);
	if (q->progress_seconds > PROGRESS_MAX) {
		err_set(e, ERR_INVALID, "progress_seconds: %u",
		    q->progress_seconds);
		err_field(e, "progress_seconds");
		err_reason(e, "OUT_OF_RANGE");
		return err_remedy(e, "give 1 to %d, or 0 for %d", PROGRESS_MAX,
		    PROGRESS_DEFAULT);
	}
	w->progress_ns =
	    (int64_t)(q->progress_seconds != 0 ? q->progress_seconds
					       : PROGRESS_DEFAULT) *
	    1000000000;
	w->owner = arena_strdup(w->arena, q->owner);
	return w->owner != NULL ? 0 : err_set(e, ERR_NOMEM, "watch");
}

static int
place_cursor(struct watch *w, const Resopro__V1__WatchRequest *q,
    struct view *v, struct err *e)
{
	uint64_t head = view_revision(v);

	w->cursor = head + 1;
	if (q->snapshot) {
		w->snapshot = true;
		w->at = head;
		for (w->kind = 1; (w->kinds & 1u << w->kind) == 0; w->kind++)
			;
		return 0;
	}
	if (q->from_revision == 0)
		return 0;
	if (q->from_revision > head + 1 ||
	    (q->from_revision < view_oldest(v) && head > 0)) {
		err_set(e, ERR_COMPACTED,
		    "from_revision: %llu is outside the "
		    "log, %llu to %llu",
		    (unsigned long long)q->from_revision,
		    (unsigned long long)view_oldest(v),
		    (unsigned long long)head);
		err_field(e, "from_revision");
		err_reason(e, q->from_revision > head ? "FUTURE_REVISION"
						      : "REVISION_COMPACTED");
		return err_remedy(e, "start over with a snapshot");
	}
	w->cursor = q->from_revision;
	return 0;
}

static void
enter(struct watch *w, struct call *c)
{
	w->next = w->all->list;
	w->link = &w->all->list;
	if (w->next != NULL)
		w->next->link = &w->next;
	w->all->list = w;
	w->all->open++;
	w->user.call = c;
	w->more.run = run_more;
	w->progress.run = progress;
	timer_start(w->all->service->loop, &w->progress, w->progress_ns);
	call_set_user(c, &w->user);
}

int
registry_watch(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Resopro__V1__WatchRequest *q =
	    (const Resopro__V1__WatchRequest *)m;
	struct service *s = call_service(c);
	struct view *v = service_view(s, e);
	struct watch *w;

	if (v == NULL)
		return -1;
	if (s->watchers->open >= s->limits.watches) {
		err_set(e, ERR_LIMIT, "too many watches are open");
		err_reason(e, "TOO_MANY_WATCHES");
		return err_remedy(e, "try later, or watch more with one");
	}
	w = calloc(1, sizeof *w);
	if (w == NULL || (w->arena = arena_new(WATCH_ARENA)) == NULL) {
		free(w);
		return err_set(e, ERR_NOMEM, "watch");
	}
	w->all = s->watchers;
	w->who = call_principal(c);
	if (read_kinds(w, q, call_method(c)->path, e) < 0 ||
	    read_filter(w, q, e) < 0 || place_cursor(w, q, v, e) < 0) {
		free_watch(w);
		return -1;
	}
	enter(w, c);
	if (w->snapshot) {
		snapshot_go_on(w);
		return 0;
	}
	/* At once: the caller knows from here on that nothing is missed. */
	if (send_progress(w, e) < 0)
		return -1;
	deliver(w);
	return 0;
}

void
registry_watch_writable(struct call *c)
{
	struct watch *w = (struct watch *)call_user(c);

	if (w == NULL || w->more_posted)
		return;
	if (w->snapshot)
		snapshot_go_on(w);
	else
		deliver(w);
}

void
registry_watch_closed(struct call *c)
{
	struct watch *w = (struct watch *)call_user(c);

	if (w == NULL)
		return;
	timer_stop(&w->progress);
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	w->all->open--;
	w->closed = true;
	if (!w->more_posted)
		free_watch(w);
}
