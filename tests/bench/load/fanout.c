/*
 * fanout.c - many watches of one change.  A round is one put and all that it
 * causes; its time runs from the put being sent to the last delivery.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "pbw.h"
#include "wire/grpc.h"

#define KIND_SITE 2
#define PROGRESS 3600 /* seconds: none during a run */
#define ROUND_MAX (20 * NS_PER_S)
#define REGISTER_MAX 200 /* puts until every watch has seen one */

struct watcher {
	struct stream stream; /* first */
	uint64_t seen;        /* the last round delivered */
};

struct fanout {
	struct links_user user; /* first */
	const struct options *o;
	bool etcd;
	struct target watch;
	const struct load_case *put;
	struct caller caller;
	struct buf request; /* of every watch */
	struct watcher *watchers;
	size_t n, delivered; /* watches; those that saw this round */
	unsigned opened;
	struct link **links; /* the writer's is the last */
	struct slot writer;
	char mark[SAMPLE_MARK_SIZE]; /* of the round's put */
	bool writing;
	uint64_t round;
	int64_t begun;
	struct hist each; /* every delivery */
	struct report report;
};

static struct fanout *
fanout_of(const struct link *l)
{
	return (struct fanout *)link_user(l);
}

static void
make_request(struct fanout *r)
{
	struct buf inner = { 0 };
	size_t begun = frame_begin(&r->request);
	uint8_t kind = KIND_SITE;

	if (r->etcd) {
		pbw_text(&inner, 1, "bench-");
		pbw_text(&inner, 2, "bench."); /* where these names end */
		pbw_message(&r->request, 1, &inner);
	} else {
		pbw_bytes(&r->request, 1, &kind, 1);
		pbw_number(&r->request, 6, PROGRESS);
	}
	frame_end(&r->request, begun);
	buf_free(&inner);
}

static void
opened(struct link *l)
{
	struct fanout *r = fanout_of(l);
	unsigned index = link_index(l);

	r->opened++;
	if (index == r->o->connections)
		return;
	for (unsigned i = 0; i < r->o->streams; i++) {
		struct watcher *w = &r->watchers[index * r->o->streams + i];

		w->stream.body = buf_head(&r->request);
		w->stream.body_len = buf_len(&r->request);
		w->stream.open_ended = r->etcd;
		link_call(l, &r->watch, &w->stream);
	}
}

static void
message(struct fanout *r, struct watcher *w, const uint8_t *p, size_t len)
{
	int64_t took;

	if (w->seen == r->round || r->begun == 0 ||
	    memmem(p, len, r->mark, strlen(r->mark)) == NULL)
		return;
	w->seen = r->round;
	took = now_ns() - r->begun;
	hist_add(&r->each, took);
	if (++r->delivered == r->n)
		hist_add(&r->report.latency, took);
}

static void
data(struct stream *st)
{
	struct fanout *r = fanout_of(st->link);
	const uint8_t *p;
	size_t len;

	if (st == &r->writer.stream)
		return;
	while (buf_len(&st->answer) >= GRPC_FRAME_LEN) {
		p = buf_head(&st->answer);
		len = GRPC_FRAME_LEN + (size_t)grpc_frame_length(p);
		if (buf_len(&st->answer) < len)
			break;
		message(r, (struct watcher *)st, p, len);
		buf_take(&st->answer, len);
	}
	if (buf_len(&st->answer) == 0)
		buf_free(&st->answer);
}

static void
done(struct stream *st)
{
	struct fanout *r = fanout_of(st->link);
	const char *wrong;

	if (st != &r->writer.stream) {
		report_error(&r->report, "a watch ended: grpc-status %d %s",
		    st->grpc_status, st->message);
		return;
	}
	r->writing = false;
	if ((wrong = case_check(r->put, &r->caller, &r->writer)) != NULL)
		report_error(&r->report, "put: %s", wrong);
}

static void
lost(struct link *l, const char *why)
{
	die("connection %u: %s", link_index(l), why);
}

static const struct link_ops ops = { opened, data, done, lost };

/* ---- rounds -------------------------------------------------------------- */

/* A put is waited for to its end, since its slot serves for the next one;
 * deliveries until `end`. */
static bool
waits(const struct fanout *r, int64_t end)
{
	if (r->writing)
		return now_ns() < r->begun + ROUND_MAX;
	return r->delivered < r->n && now_ns() < end;
}

static void
one_round(struct fanout *r, int64_t patience)
{
	int64_t end, last;

	r->round++;
	r->delivered = 0;
	r->writing = true;
	case_make(r->put, &r->caller, &r->writer);
	/* etcd's put is not told what it wrote. */
	sample_mark(r->mark, r->writer.number, r->writer.edition);
	r->begun = now_ns();
	end = r->begun + patience;
	last = r->begun + ROUND_MAX;
	link_call(r->links[r->o->connections], &r->put->target,
	    &r->writer.stream);
	while (r->report.errors == 0 && waits(r, end))
		links_turn(r->user.links, r->writing ? last : end);
	if (r->writing && r->report.errors == 0)
		die("no answer to a put");
}

/* A watch is known to be there once it has seen a change. */
static void
register_all(struct fanout *r)
{
	unsigned tries = 0;

	do
		one_round(r, NS_PER_S / 4);
	while (r->delivered < r->n && ++tries < REGISTER_MAX);
	if (r->delivered < r->n)
		die("only %zu of %zu watches see a change", r->delivered, r->n);
	memset(&r->report.latency, 0, sizeof r->report.latency);
	memset(&r->each, 0, sizeof r->each);
}

static void
run_rounds(struct fanout *r)
{
	usage_take(r->o, &r->report.begin);
	for (unsigned i = 0; i < r->o->rounds && r->report.errors == 0; i++) {
		one_round(r, ROUND_MAX);
		if (r->delivered < r->n)
			report_error(&r->report, "%zu of %zu watches were told",
			    r->delivered, r->n);
		r->report.n++;
		r->report.units += r->delivered;
	}
	usage_take(r->o, &r->report.end);
	(void)snprintf(r->report.extra, sizeof r->report.extra,
	    ",\"each_p50_us\":%.1f,\"each_p99_us\":%.1f,\"streams\":%zu",
	    (double)hist_at(&r->each, .5) / 1000,
	    (double)hist_at(&r->each, .99) / 1000, r->n);
}

/* ---- life ---------------------------------------------------------------- */

static void
connect_all(struct fanout *r)
{
	unsigned n = r->o->connections + 1;
	int64_t end = now_ns() + 300 * NS_PER_S;

	for (unsigned i = 0; i < n; i++) {
		r->links[i] = link_open(r->user.links, i);
		while (i + 1 - r->opened > 32 && now_ns() < end)
			links_turn(r->user.links, end);
	}
	while (r->opened < n && now_ns() < end)
		links_turn(r->user.links, end);
	if (r->opened < n)
		die("only %u connections opened", r->opened);
}

int
run_fanout(const struct options *o)
{
	struct fanout *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		die("no memory");
	r->o = o;
	r->etcd = strcmp(o->what, "etcd-watch") == 0;
	r->watch.path = r->etcd ? "/etcdserverpb.Watch/Watch"
				: "/resopro.v1.Registry/Watch";
	r->put = case_find(r->etcd ? "etcd-put" : "put");
	r->n = (size_t)o->connections * o->streams;
	r->watchers = calloc(r->n, sizeof *r->watchers);
	r->links = calloc(o->connections + 1UL, sizeof(struct link *));
	if (r->watchers == NULL || r->links == NULL)
		die("no memory");
	caller_init(&r->caller, o);
	report_init(&r->report, o);
	make_request(r);
	links_new(&r->user, o, &ops);
	connect_all(r);
	register_all(r);
	run_rounds(r);
	rc = report_print(&r->report);
	(void)fflush(stdout);
	_Exit(rc); /* thousands of connections end with the process */
}
