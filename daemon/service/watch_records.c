/* watch_records.c - see watch_internal.h: records as they stand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/date.h"
#include "service/feed.h"
#include "service/record.h"
#include "service/registry.h"
#include "service/schema.h"
#include "service/watch_internal.h"

#define SLICE 1000 /* records looked at a turn */

enum { /* field numbers of WatchResponse */
	RESPONSE_PENDING = 5,
	RESPONSE_DONE = 6,
	RESPONSE_FRESHNESS_DAY = 7,
};

struct page { /* one slice, on its way into one message */
	struct watch *watch;
	struct view *view;
	struct arena *scratch;
	Resopro__V1__ChangeType type;
	struct stored *list;
	struct lease *leases;
	size_t n, len, looked;
};

static int
page_open(struct page *p, struct watch *w, Resopro__V1__ChangeType type,
    struct err *e)
{
	*p = (struct page){ .watch = w,
		.type = type,
		.view = service_view(w->all->service, e),
		.scratch = arena_new((size_t)64 << 20),
		.list = calloc(SLICE, sizeof *p->list),
		.leases = calloc(SLICE, sizeof *p->leases) };
	if (p->scratch == NULL || p->list == NULL || p->leases == NULL)
		return err_set(e, ERR_NOMEM, "watch");
	return p->view != NULL ? 0 : -1;
}

static void
page_close(struct page *p)
{
	arena_free(p->scratch);
	free(p->list);
	free(p->leases);
}

static bool
page_full(const struct page *p)
{
	return p->looked == SLICE || p->len >= FEED_PART_BYTES;
}

static void
page_take(struct page *p, const struct stored *s, const struct lease *l)
{
	p->list[p->n] = *s;
	p->leases[p->n] = *l;
	p->len += feed_record_size(p->type, s, l);
	p->n++;
}

/* 1, 0, -1. */
static int
page_wants(struct page *p, const struct stored *s, struct err *e)
{
	const struct watch *w = p->watch;
	Resopro__V1__Record *r;

	if (w->owner[0] == '\0' && w->names.n == 0 &&
	    (w->own_only & 1u << s->kind) == 0)
		return (w->kinds & 1u << s->kind) != 0;
	arena_reset(p->scratch);
	if ((r = record_unpack(p->scratch, s->record, e)) == NULL)
		return -1;
	return watch_wants(w, r->kind, r->id, r->owner,
	    schema_string(r, "organisation_id"));
}

const char *
watch_fresh_day(const struct watch *w, char out[DATE_TEXT_SIZE])
{
	if (!w->fresh)
		return "";
	lease_day_text(w->fresh_day, out);
	return out;
}

/* { revision = 1; events = 2; `flag` = true; freshness_day = 7; } */
static int
page_send(const struct page *p, uint64_t revision, unsigned flag,
    const char *day, struct err *e)
{
	size_t day_len = day[0] != '\0' ? DATE_TEXT_SIZE - 1 : 0;
	uint8_t *out = call_send_room(p->watch->user.call,
	    1 + varint_size(revision) + p->len + (flag != 0 ? 2 : 0) +
		(day_len > 0 ? 2 + day_len : 0),
	    e);

	if (out == NULL)
		return -1;
	out = feed_message_head(out, revision);
	for (size_t i = 0; i < p->n; i++)
		out =
		    feed_record_write(out, p->type, &p->list[i], &p->leases[i]);
	if (flag != 0) {
		*out++ = (uint8_t)(flag << 3);
		*out++ = 1;
	}
	if (day_len > 0) {
		*out++ = RESPONSE_FRESHNESS_DAY << 3 | 2;
		*out++ = DATE_TEXT_SIZE - 1;
		memcpy(out, day, DATE_TEXT_SIZE - 1);
	}
	return call_send_sent(p->watch->user.call);
}

/* ---- the snapshot --------------------------------------------------------- */

static int
snapshot_record(const struct stored *now, void *arg, struct err *e)
{
	struct page *p = arg;
	struct watch *w = p->watch;
	struct lease lease = { 0 };
	struct record_facts facts;
	struct stored s = *now;
	int rc = 1;

	if (page_full(p))
		return 0;
	p->looked++;
	(void)snprintf(w->after, sizeof w->after, "%s", s.id);
	while (rc == 1 && s.revision > w->at)
		rc = view_previous(p->view, &s, e);
	if (rc != 1 || s.deleted)
		return rc < 0 ? -1 : 1; /* created later, or ended */
	if ((rc = page_wants(p, &s, e)) <= 0)
		return rc < 0 ? -1 : 1;
	if (w->fresh) {
		if (record_facts(s.record, &facts, e) < 0)
			return -1;
		lease = lease_of(&w->all->service->clock, p->view, &s, &facts);
	}
	page_take(p, &s, &lease);
	return 1;
}

/* 1: the snapshot is complete; 0; -1. */
static int
snapshot_slice(struct page *p, struct err *e)
{
	struct watch *w = p->watch;
	char day[DATE_TEXT_SIZE];
	bool done = false;

	if (view_each(p->view, w->kind, w->after, snapshot_record, p, e) < 0)
		return -1;
	if (!page_full(p)) {
		/* That kind is through: on to the next that is wanted. */
		w->after[0] = '\0';
		do
			w->kind++;
		while (w->kind < 32 && (w->kinds & 1u << w->kind) == 0);
		done = w->kind == 32;
	}
	if ((p->n > 0 || done) &&
	    page_send(p, w->at, done ? RESPONSE_DONE : RESPONSE_PENDING,
		done ? watch_fresh_day(w, day) : "", e) < 0)
		return -1;
	return done;
}

bool
watch_snapshot(struct watch *w)
{
	struct err e = { 0 };
	struct page p;
	int rc = -1;

	if (!call_writable(w->user.call))
		return false; /* writable() comes back */
	if (page_open(&p, w, RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_UNSPECIFIED,
		&e) == 0)
		rc = snapshot_slice(&p, &e);
	page_close(&p);
	if (rc < 0) {
		watch_end(w, &e);
		return false;
	}
	if (rc == 0) {
		watch_go_on_later(w);
		return false;
	}
	w->snapshot = false;
	w->told = true;
	return true;
}

/* ---- what became due or stale --------------------------------------------- */

/* As it stands now: it may have been confirmed, changed or deleted since. */
static int
aged_record(struct page *p, const struct aged *a, struct err *e)
{
	const struct watch *w = p->watch;
	const struct lease_clock *clock = &w->all->service->clock;
	struct record_facts facts;
	struct lease lease;
	struct stored s;
	int rc = view_get(p->view, a->kind, a->id, &s, e);

	if (rc <= 0 || s.deleted)
		return rc < 0 ? -1 : 0;
	if (record_facts(s.record, &facts, e) < 0)
		return -1;
	lease = lease_of(clock, p->view, &s, &facts);
	if (lease.state < FRESHNESS_DUE ||
	    lease.state <=
		lease_on(clock, &s, &facts, lease.confirmed_ns, w->fresh_day))
		return 0;
	if ((rc = page_wants(p, &s, e)) == 1)
		page_take(p, &s, &lease);
	return rc < 0 ? -1 : 0;
}

/* One message.  1: all of them are told; 0; -1. */
static int
aged_slice(struct page *p, struct err *e)
{
	struct watch *w = p->watch;
	const struct aged *a;
	char day[DATE_TEXT_SIZE];

	for (; (a = ageing_at(w->ageing, w->aged)) != NULL && !page_full(p);
	     w->aged++) {
		p->looked++;
		if (aged_record(p, a, e) < 0)
			return -1;
	}
	if (a == NULL)
		w->fresh_day = ageing_to(w->ageing);
	/* The day counts only once all of it is told. */
	if ((p->n > 0 || a == NULL) &&
	    page_send(p, w->cursor - 1, 0, watch_fresh_day(w, day), e) < 0)
		return -1;
	w->told = true;
	return a == NULL;
}

static int
find_aged(struct watch *w, struct err *e)
{
	int32_t today = w->all->service->clock.today;

	if (w->ageing != NULL || w->fresh_day >= today)
		return 0;
	w->aged = 0;
	w->ageing = ageings_get(w->all->ageings, w->fresh_day, today, e);
	return w->ageing != NULL ? 0 : -1;
}

void
watch_freshness(struct watch *w)
{
	struct err e = { 0 };
	struct page p;
	int rc = -1;

	if (!w->fresh || w->more_posted)
		return;
	if (find_aged(w, &e) < 0) {
		watch_end(w, &e);
		return;
	}
	if (w->ageing == NULL || !ageing_is_found(w->ageing) ||
	    !call_writable(w->user.call))
		return; /* whoever finds it, or writable(), comes back */
	if (page_open(&p, w, RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_FRESHNESS,
		&e) == 0)
		rc = aged_slice(&p, &e);
	page_close(&p);
	if (rc < 0) {
		watch_end(w, &e);
		return;
	}
	if (rc == 1) {
		ageing_unref(w->ageing);
		w->ageing = NULL;
	}
	watch_go_on_later(w);
}
