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
#include "domain/date.h"
#include "service/feed.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/watch_internal.h"

#define NAMES_MAX 1000
#define PROGRESS_DEFAULT 60 /* seconds */
#define PROGRESS_MAX 3600
#define DELIVERY_SLICE 4000 /* events and commits looked at a turn */
#define WATCH_ARENA ((size_t)1 << 20)

static void ageing_found(struct ageing *, const struct err *, void *);

struct watchers *
watchers_new(struct service *s, struct err *e)
{
	struct watchers *w = calloc(1, sizeof *w);

	if (w == NULL || (w->feed = feed_new(e)) == NULL ||
	    (w->ageings = ageings_new(s, ageing_found, w, e)) == NULL) {
		watchers_free(w);
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
	ageings_free(w->ageings);
	feed_free(w->feed);
	free(w);
}

uint64_t
watchers_open(const struct watchers *w)
{
	return w->open;
}

/* ---- which events --------------------------------------------------------- */

bool
watch_wants(const struct watch *w, Resopro__V1__Kind kind, const char *id,
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

void
watch_end(struct watch *w, const struct err *e)
{
	call_fail(w->user.call, e);
}

static int
send_progress(struct watch *w, struct err *e)
{
	Resopro__V1__WatchResponse r = RESOPRO__V1__WATCH_RESPONSE__INIT;
	char day[DATE_TEXT_SIZE];

	r.revision = w->cursor - 1;
	r.freshness_day = (char *)(uintptr_t)watch_fresh_day(w, day);
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

/* It was one of the watched owner's records and is another's now: told once, or
 * the watcher would keep it for ever.  1, 0, -1. */
static int
has_left(const struct watch *w, struct feed_commit *c, struct feed_event *x,
    struct view *v, struct err *e)
{
	const char *before;

	if (w->owner[0] == '\0' ||
	    x->type != RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_UPDATED ||
	    strcmp(x->owner, w->owner) == 0 ||
	    (w->own_only & 1u << x->kind) != 0 ||
	    !watch_wants(w, x->kind, x->id, w->owner, x->organisation_id))
		return 0;
	before = feed_owner_before(c, x, v, e);
	return before == NULL ? -1 : strcmp(before, w->owner) == 0;
}

/* 1, 0, -1 */
static int
is_wanted(const struct watch *w, struct feed_commit *c, struct feed_event *x,
    struct view *v, struct err *e)
{
	if (watch_wants(w, x->kind, x->id, x->owner, x->organisation_id))
		return 1;
	return has_left(w, c, x, v, e);
}

/* Only what this watch wants; w->part counts events then. */
static int
send_filtered(struct watch *w, struct feed_commit *c, struct view *v,
    struct err *e)
{
	const struct feed_event **mine = malloc((c->n + 1) * sizeof(*mine));
	size_t n = 0;
	int rc = 1;

	if (mine == NULL)
		return err_set(e, ERR_NOMEM, "watch");
	for (size_t i = 0; rc >= 0 && i < c->n; i++)
		if ((rc = is_wanted(w, c, &c->events[i], v, e)) == 1)
			mine[n++] = &c->events[i];
	if (rc >= 0)
		rc = 1;
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
	if (n > 0) {
		w->told = true;
		w->said = c->revision;
	}
	free(mine);
	return rc;
}

/* 1: the commit is out; 0: the stream is full; -1. */
static int
deliver_commit(struct watch *w, struct feed_commit *c, struct view *v,
    struct err *e)
{
	if (c->n == 0)
		return 1;
	if (!wants_all(w, c))
		return send_filtered(w, c, v, e);
	w->told = true;
	w->said = c->revision;
	return send_shared(w, c, e);
}

void
watch_go_on_later(struct watch *w)
{
	w->more_posted = true;
	loop_post(w->all->service->loop, &w->more);
}

/* It began in the past and is here now: say so, if what came last is not for
 * it. */
static int
caught_up(struct watch *w, struct err *e)
{
	w->behind = false;
	return w->said == w->cursor - 1 ? 0 : send_progress(w, e);
}

/* False: it has ended. */
static bool
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
			watch_go_on_later(w);
			return true;
		}
		rc = feed_get(w->all->feed, v, w->cursor, &c, &e);
		if (rc == 1) {
			looked += 1 + c->n;
			rc = deliver_commit(w, c, v, &e);
		}
		if (rc == 1) {
			w->cursor++;
			w->part = 0;
		}
	}
	if (rc == 1 && w->behind && w->cursor > view_revision(v))
		rc = caught_up(w, &e);
	if (rc < 0)
		watch_end(w, &e);
	return rc >= 0;
}

/* Whatever there is to tell, and room for. */
static void
go_on(struct watch *w)
{
	if (w->more_posted)
		return; /* run_more() comes back */
	if (w->snapshot && !watch_snapshot(w))
		return;
	if (deliver(w))
		watch_freshness(w);
}

void
watchers_moved(struct watchers *all)
{
	struct watch *next;

	for (struct watch *w = all->list; w != NULL; w = next) {
		next = w->next;
		if (!w->snapshot && !w->more_posted)
			(void)deliver(w);
	}
}

void
watchers_new_day(struct watchers *all)
{
	struct watch *next;

	for (struct watch *w = all->list; w != NULL; w = next) {
		next = w->next;
		if (w->fresh && !w->snapshot && !w->more_posted)
			watch_freshness(w);
	}
}

static void
ageing_found(struct ageing *a, const struct err *e, void *arg)
{
	const struct watchers *all = arg;
	struct watch *next;

	for (struct watch *w = all->list; w != NULL; w = next) {
		next = w->next;
		if (w->ageing != a)
			continue;
		if (e->code != ERR_NONE)
			watch_end(w, e);
		else
			go_on(w);
	}
}

/* ---- opening and closing -------------------------------------------------- */

static void
free_watch(struct watch *w)
{
	ageing_unref(w->ageing);
	arena_free(w->arena);
	free(w);
}

static void
run_more(struct loop_task *t)
{
	struct watch *w =
	    (struct watch *)((char *)t - offsetof(struct watch, more));

	w->more_posted = false;
	if (w->closed)
		free_watch(w);
	else
		go_on(w);
}

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
read_freshness(struct watch *w, const Resopro__V1__WatchRequest *q,
    struct err *e)
{
	w->fresh = q->freshness != 0;
	w->fresh_day = w->all->service->clock.today;
	if (!w->fresh || q->freshness_after[0] == '\0' ||
	    lease_day_parse(q->freshness_after, &w->fresh_day))
		return 0;
	(void)value_check(VALUE_DATE, "freshness_after", q->freshness_after,
	    strlen(q->freshness_after), e);
	return err_remedy(e, "give the freshness_day that came last, or "
			     "nothing");
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
	    read_filter(w, q, e) < 0 || read_freshness(w, q, e) < 0 ||
	    place_cursor(w, q, v, e) < 0) {
		free_watch(w);
		return -1;
	}
	enter(w, c);
	/* At once: the caller knows from here on that nothing is missed. */
	if (!w->snapshot && send_progress(w, e) < 0)
		return -1;
	w->behind = !w->snapshot && w->cursor <= view_revision(v);
	go_on(w);
	return 0;
}

void
registry_watch_writable(struct call *c)
{
	struct watch *w = (struct watch *)call_user(c);

	if (w != NULL)
		go_on(w);
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
