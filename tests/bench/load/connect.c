/*
 * connect.c - connections that come and go, that stay, and the first one that
 * a starting server answers.  Each counts once a call on it was answered: in
 * TLS 1.3 the client is done before the server has judged its certificate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cases.h"

struct visit {            /* one connection and its call */
	struct slot slot; /* first */
	struct link *link;
	unsigned index;
	int64_t begun;
	bool resumed, answered;
};

struct visits {
	struct links_user user; /* first */
	const struct options *o;
	struct load_case kind;
	struct caller caller;
	struct visit *all;
	uint64_t begun, answered, failed;
	bool over;        /* what is cut now is not a failure */
	bool stay;        /* connections stay open, failures are looked over */
	int64_t from, to; /* what counts */
	struct report report;
};

static struct visits *
visits_of(const struct link *l)
{
	return (struct visits *)link_user(l);
}

static void
begin(struct visits *r, struct visit *v)
{
	v->begun = now_ns();
	v->answered = false;
	v->link = link_open(r->user.links, v->index);
	r->begun++;
}

static void
opened(struct link *l)
{
	struct visits *r = visits_of(l);
	struct visit *v = &r->all[link_index(l)];

	v->resumed = link_resumed(l);
	case_make(&r->kind, &r->caller, &v->slot);
	link_call(l, &r->kind.target, &v->slot.stream);
}

static void
count(struct visits *r, const struct visit *v)
{
	int64_t now = now_ns();

	r->answered++;
	if (r->stay || (now >= r->from && now < r->to)) {
		r->report.n++;
		r->report.resumed += v->resumed;
		hist_add(&r->report.latency, now - v->begun);
	}
}

static void
done(struct stream *st)
{
	struct visits *r = visits_of(st->link);
	struct visit *v = (struct visit *)st;
	const char *wrong = case_check(&r->kind, &r->caller, &v->slot);

	if (v->answered || r->over)
		return;
	if (wrong == NULL) {
		v->answered = true;
		count(r, v);
	} else {
		r->failed++;
		if (!r->stay)
			report_error(&r->report, "%s: %s", r->o->what, wrong);
	}
	if (!r->stay) {
		link_close(v->link);
		v->link = NULL;
	}
}

static void
lost(struct link *l, const char *why)
{
	struct visits *r = visits_of(l);

	r->failed++;
	r->all[link_index(l)].link = NULL;
	if (!r->stay)
		report_error(&r->report, "connection: %s", why);
}

static const struct link_ops ops = { opened, NULL, done, lost };

static void
prepare(struct visits *r, const struct options *o)
{
	memset(r, 0, sizeof *r);
	r->o = o;
	r->kind = *case_find(
	    o->path != NULL && strstr(o->path, "/etcdserverpb") != NULL
		? "range"
	    : o->path != NULL ? "http"
			      : "get");
	if (r->kind.target.path == NULL)
		r->kind.target.path = o->path;
	r->all = calloc(o->connections, sizeof *r->all);
	if (r->all == NULL)
		die("no memory");
	for (unsigned i = 0; i < o->connections; i++)
		r->all[i].index = i;
	caller_init(&r->caller, o);
	report_init(&r->report, o);
	links_new(&r->user, o, &ops);
}

static void
clean(struct visits *r)
{
	r->over = true;
	for (unsigned i = 0; i < r->o->connections; i++) {
		if (r->all[i].link != NULL)
			link_close(r->all[i].link);
	}
	links_free(r->user.links);
	for (unsigned i = 0; i < r->o->connections; i++) {
		buf_free(&r->all[i].slot.request);
		buf_free(&r->all[i].slot.stream.answer);
	}
	caller_free(&r->caller);
	free(r->all);
}

/* ---- handshakes ---------------------------------------------------------- */

/* Those whose connection is closed begin again. */
static void
begin_again(struct visits *r)
{
	unsigned missing = r->o->connections - links_open(r->user.links);

	for (unsigned i = 0; missing > 0 && i < r->o->connections; i++) {
		struct visit *v = &r->all[i];

		if (r->o->calls != 0 && r->begun == r->o->calls)
			break;
		if (v->link != NULL)
			continue;
		begin(r, v);
		missing--;
	}
}

static void
visit_until(struct visits *r, int64_t end)
{
	while (now_ns() < end &&
	       (r->o->calls == 0 || r->answered + r->failed < r->o->calls)) {
		begin_again(r);
		links_turn(r->user.links, end);
	}
}

int
run_handshakes(const struct options *o)
{
	struct visits r;
	int rc;

	prepare(&r, o);
	r.from = now_ns() + (o->calls != 0 ? 0 : (int64_t)(o->warmup * 1e9));
	r.to = o->calls != 0 ? INT64_MAX : r.from + (int64_t)(o->seconds * 1e9);
	visit_until(&r, r.from);
	usage_take(o, &r.report.begin);
	visit_until(&r, r.to);
	usage_take(o, &r.report.end);
	if (o->resume && r.report.resumed + 2UL * o->connections < r.report.n)
		report_error(&r.report, "not all were resumed");
	rc = report_print(&r.report);
	clean(&r);
	return rc;
}

/* ---- idle ---------------------------------------------------------------- */

static void
open_all(struct visits *r)
{
	int64_t end = now_ns() + 300 * NS_PER_S;

	for (unsigned i = 0; i < r->o->connections; i++) {
		begin(r, &r->all[i]);
		while (r->begun - r->answered - r->failed > 32)
			links_turn(r->user.links, end);
	}
	while (r->answered + r->failed < r->begun && now_ns() < end)
		links_turn(r->user.links, end);
}

int
run_idle(const struct options *o)
{
	struct visits r;
	int64_t end;
	double grown;
	int rc;

	prepare(&r, o);
	r.stay = true;
	usage_take(o, &r.report.begin);
	open_all(&r);
	if (r.failed > 0)
		report_error(&r.report, "%llu connections failed",
		    (unsigned long long)r.failed);
	usage_take(o, &r.report.end);
	grown = (double)(r.report.end.rss_anon - r.report.begin.rss_anon);
	(void)snprintf(r.report.extra, sizeof r.report.extra,
	    ",\"kb_each\":%.2f", grown / o->connections);
	rc = report_print(&r.report);
	end = now_ns() + (int64_t)(o->hold * 1e9);
	while (now_ns() < end)
		links_turn(r.user.links, end);
	clean(&r);
	return rc;
}

/* ---- the first answer ---------------------------------------------------- */

int
run_first(const struct options *o)
{
	int64_t begun = now_ns(), end = begun + (int64_t)(o->hold * 1e9);
	struct options one = *o;
	struct visits r;
	int rc;

	one.connections = one.streams = 1;
	if (o->hold == 0)
		end = begun + 120 * NS_PER_S;
	prepare(&r, &one);
	r.stay = true;
	usage_take(&one, &r.report.begin);
	while (r.answered == 0 && now_ns() < end) {
		const struct timespec pause = { 0, NS_PER_S / 2000 };
		uint64_t failed = r.failed;

		if (r.all[0].link != NULL)
			link_close(r.all[0].link);
		begin(&r, &r.all[0]);
		while (r.answered == 0 && r.failed == failed && now_ns() < end)
			links_turn(r.user.links, end);
		if (r.answered == 0)
			(void)nanosleep(&pause, NULL);
	}
	usage_take(&one, &r.report.end);
	memset(&r.report.latency, 0, sizeof r.report.latency);
	hist_add(&r.report.latency, now_ns() - begun);
	if (r.answered == 0)
		report_error(&r.report, "no answer");
	rc = report_print(&r.report);
	clean(&r);
	return rc;
}
