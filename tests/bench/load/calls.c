/*
 * calls.c - unary calls: each connection keeps its streams busy (closed loop),
 * or calls leave at a given rate whatever the answers do (open loop).
 *
 * In the open loop a call's latency counts from the time at which it should
 * have been sent, so that a server that stalls is charged for all that waited.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

#define STRAGGLERS (10 * NS_PER_S)

struct calls {
	struct links_user user; /* first */
	const struct options *o;
	const struct load_case *kind;
	struct target target;
	struct caller caller;
	struct link **link; /* by index; NULL: closed */
	struct slot *slots; /* streams of connection 0, then of 1, ... */
	struct slot *free, **free_end;
	unsigned ready, busy;
	bool started, over;
	uint64_t sent;    /* open loop: calls begun; else within the count */
	int64_t first;    /* open loop: when call 0 is due */
	int64_t from, to; /* the window that counts; 0 when by number */
	struct report report;
};

static struct calls *
run_of(const struct link *l)
{
	return (struct calls *)link_user(l);
}

static void
send(struct calls *r, struct slot *s, struct link *l, int64_t due)
{
	case_make(r->kind, &r->caller, s);
	s->due = due;
	r->sent++;
	r->busy++;
	link_call(l, &r->target, &s->stream);
}

static bool
may_send(const struct calls *r)
{
	return !r->over && (r->o->calls == 0 || r->sent < r->o->calls);
}

static struct link *
link_of(const struct calls *r, const struct slot *s)
{
	return r->link[(size_t)(s - r->slots) / r->o->streams];
}

static void
put_free(struct calls *r, struct slot *s)
{
	s->next = NULL;
	*r->free_end = s;
	r->free_end = &s->next;
}

static struct slot *
take_free(struct calls *r)
{
	struct slot *s = r->free;

	if (s == NULL)
		return NULL;
	r->free = s->next;
	if (r->free == NULL)
		r->free_end = &r->free;
	return s;
}

static void
next_call(struct calls *r, struct slot *s)
{
	struct link *l = link_of(r, s);

	if (l == NULL || !link_is_open(l))
		return;
	if (r->o->rate > 0)
		put_free(r, s);
	else if (may_send(r))
		send(r, s, l, now_ns());
}

static void
done(struct stream *st)
{
	struct calls *r = run_of(st->link);
	struct slot *s = (struct slot *)st;
	const char *wrong = case_check(r->kind, &r->caller, s);
	int64_t now = now_ns();

	r->busy--;
	if (wrong != NULL)
		report_error(&r->report, "%s: %s", r->o->what, wrong);
	else if (s->due >= r->from && (r->to == 0 || s->due < r->to))
		hist_add(&r->report.latency, now - s->due);
	if (wrong == NULL && now >= r->from && (r->to == 0 || now < r->to))
		r->report.n++;
	next_call(r, s);
}

static void
opened(struct link *l)
{
	run_of(l)->ready++;
}

static void
lost(struct link *l, const char *why)
{
	struct calls *r = run_of(l);

	r->link[link_index(l)] = NULL;
	if (!r->started)
		die("connection %u: %s", link_index(l), why);
	report_error(&r->report, "connection lost: %s", why);
}

static const struct link_ops ops = { opened, NULL, done, lost };

/* ---- the open loop ------------------------------------------------------- */

static int64_t
due_at(const struct calls *r, uint64_t i)
{
	return r->first + (int64_t)((double)i / r->o->rate * 1e9);
}

/* All that is due and has a stream; returns when to look again. */
static int64_t
send_due(struct calls *r, int64_t end)
{
	int64_t due, now = now_ns();
	struct slot *s;

	while (may_send(r) && (due = due_at(r, r->sent)) < end) {
		if (due > now)
			return due;
		if ((s = take_free(r)) == NULL)
			return end + STRAGGLERS;
		if (link_of(r, s) != NULL)
			send(r, s, link_of(r, s), due);
	}
	return end + STRAGGLERS;
}

static void
run_open(struct calls *r, int64_t end)
{
	while (now_ns() < end + STRAGGLERS) {
		int64_t wake = send_due(r, end);

		if (r->report.begin.at == 0 && now_ns() >= r->from)
			usage_take(r->o, &r->report.begin);
		if (r->report.end.at == 0 && now_ns() >= end)
			usage_take(r->o, &r->report.end);
		if (r->busy == 0 && (!may_send(r) || due_at(r, r->sent) >= end))
			break;
		links_turn(r->user.links,
		    wake < end || now_ns() >= end ? wake : end);
	}
	if (may_send(r) && due_at(r, r->sent) < end)
		report_error(&r->report,
		    "the rate was not reached: %llu calls "
		    "were never sent",
		    (unsigned long long)((double)(end - r->first) / 1e9 *
					     r->o->rate -
					 (double)r->sent));
}

/* ---- the closed loop ----------------------------------------------------- */

static void
start_all(struct calls *r)
{
	size_t n = (size_t)r->o->connections * r->o->streams;

	for (size_t i = 0; i < n; i++)
		next_call(r, &r->slots[i]);
}

static void
run_until(struct calls *r, int64_t end)
{
	while (now_ns() < end && (r->busy > 0 || may_send(r)))
		links_turn(r->user.links, end);
}

static void
finish(struct calls *r)
{
	int64_t end = now_ns() + STRAGGLERS;

	r->over = true;
	while (r->busy > 0 && now_ns() < end)
		links_turn(r->user.links, end);
	if (r->busy > 0)
		report_error(&r->report, "%u calls were never answered",
		    r->busy);
}

/* ---- both ---------------------------------------------------------------- */

static void
connect_all(struct calls *r)
{
	int64_t end = now_ns() + 120 * NS_PER_S;

	for (unsigned i = 0; i < r->o->connections; i++) {
		r->link[i] = link_open(r->user.links, i);
		/* So that a listener's backlog holds them. */
		while (i + 1 - r->ready > 32 && now_ns() < end)
			links_turn(r->user.links, end);
	}
	while (r->ready < r->o->connections && now_ns() < end)
		links_turn(r->user.links, end);
	if (r->ready < r->o->connections)
		die("only %u connections opened", r->ready);
	r->started = true;
}

static void
warm_up(struct calls *r)
{
	int64_t now = now_ns();

	if (r->o->calls != 0)
		return;
	r->from = now + (int64_t)(r->o->warmup * 1e9);
	r->to = r->from + (int64_t)(r->o->seconds * 1e9);
}

static void
measure(struct calls *r)
{
	int64_t forever = now_ns() + 3600 * NS_PER_S;

	warm_up(r);
	r->first = now_ns();
	start_all(r);
	if (r->o->rate > 0) {
		run_open(r, r->o->calls != 0 ? forever : r->to);
	} else {
		run_until(r, r->from);
		usage_take(r->o, &r->report.begin);
		run_until(r, r->o->calls != 0 ? forever : r->to);
	}
	if (r->report.end.at == 0)
		usage_take(r->o, &r->report.end);
	finish(r);
}

static void
close_all(struct calls *r)
{
	for (unsigned i = 0; i < r->o->connections; i++)
		if (r->link[i] != NULL)
			link_close(r->link[i]);
}

static void
prepare(struct calls *r, const struct options *o)
{
	size_t n = (size_t)o->connections * o->streams;

	memset(r, 0, sizeof *r);
	r->o = o;
	r->kind = case_find(o->what);
	r->target = r->kind->target;
	if (r->target.path == NULL && (r->target.path = o->path) == NULL &&
	    !r->target.plain)
		die("%s needs --path", o->what);
	r->free_end = &r->free;
	r->link = calloc(o->connections, sizeof(struct link *));
	r->slots = calloc(n, sizeof *r->slots);
	if (r->link == NULL || r->slots == NULL)
		die("no memory");
	caller_init(&r->caller, o);
	report_init(&r->report, o);
	links_new(&r->user, o, &ops);
}

static void
clean(struct calls *r)
{
	close_all(r);
	links_free(r->user.links);
	for (size_t i = 0; i < (size_t)r->o->connections * r->o->streams; i++) {
		buf_free(&r->slots[i].request);
		buf_free(&r->slots[i].stream.answer);
	}
	caller_free(&r->caller);
	free(r->slots);
	free((void *)r->link);
}

int
run_calls(const struct options *o)
{
	struct calls *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		die("no memory");
	prepare(r, o);
	connect_all(r);
	measure(r);
	rc = report_print(&r->report);
	clean(r);
	free(r);
	return rc;
}
