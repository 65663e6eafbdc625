/*
 * sync.c - Registry.Sync: whole sets, made before the clock runs, sent as fast
 * as the server takes them.  A set is timed from its first byte to its status.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "pbw.h"
#include "wire/grpc.h"
#include "wire/pb.h"

#define BATCH 500
#define LIMIT (300 * NS_PER_S)

enum { MODE_FULL = 1, MODE_DELTA = 2, KIND_SITE = 2 };

struct sender {               /* one connection, one set after the other */
	struct stream stream; /* first */
	struct link *link;
	unsigned index;
	struct buf request;
	int64_t begun;
	bool sending;
};

struct syncs {
	struct links_user user; /* first */
	const struct options *o;
	struct target target;
	struct caller caller;
	struct sender *senders;
	unsigned opened;
	uint64_t begun, ended;
	int64_t idle; /* time in which no set was on its way, not counted */
	struct report report;
};

static struct syncs *
syncs_of(const struct link *l)
{
	return (struct syncs *)link_user(l);
}

/* ---- a set --------------------------------------------------------------- */

static void
write_start(struct syncs *r, struct buf *b, const char *source)
{
	struct buf start = { 0 };
	char id[65];
	size_t begun = frame_begin(b);

	(void)snprintf(id, sizeof id, "%s-%010" PRIu64, r->caller.run,
	    r->begun);
	pbw_text(&start, 1, id);
	pbw_text(&start, 2, r->o->owner);
	pbw_text(&start, 3, source);
	pbw_number(&start, 4, r->o->full ? MODE_FULL : MODE_DELTA);
	pbw_number(&start, 5, r->o->dry_run);
	if (r->o->full) {
		uint8_t kind = KIND_SITE;

		pbw_bytes(&start, 8, &kind, 1);
	}
	pbw_message(b, 1, &start);
	frame_end(b, begun);
	buf_free(&start);
}

/* Sites from `first` on; those before `changed` have an edition of this set's
 * own. */
static void
write_batch(struct syncs *r, struct buf *b, uint64_t first, uint64_t n,
    uint64_t changed)
{
	struct buf batch = { 0 };
	size_t begun = frame_begin(b);

	for (uint64_t i = first; i < first + n; i++) {
		struct buf record = { 0 }, item = { 0 };
		uint64_t edition =
		    1 + (r->caller.edition + r->begun) % 999999999;

		sample_record(r->caller.samples, &record, i,
		    i < changed ? edition : 0, true);
		pbw_message(&item, 1, &record);
		pbw_message(&batch, 1, &item);
		buf_free(&record);
		buf_free(&item);
	}
	pbw_message(b, 2, &batch);
	frame_end(b, begun);
	buf_free(&batch);
}

static void
write_end(const struct syncs *r, struct buf *b)
{
	struct buf end = { 0 };
	size_t begun = frame_begin(b);

	pbw_number(&end, 1, r->o->records);
	pbw_message(b, 3, &end);
	frame_end(b, begun);
	buf_free(&end);
}

static void
write_set(struct syncs *r, struct sender *s)
{
	const struct options *o = r->o;
	uint64_t at = o->fresh ? r->begun : s->index;
	uint64_t first = o->first + at * o->records;
	char source[65];

	(void)snprintf(source, sizeof source, "%.40s-%" PRIu64, o->set, at);
	buf_reset(&s->request, SIZE_MAX / 2);
	write_start(r, &s->request, source);
	for (uint64_t i = 0; i < o->records; i += BATCH)
		write_batch(r, &s->request, first + i,
		    i + BATCH < o->records ? BATCH : o->records - i,
		    first + o->changed);
	write_end(r, &s->request);
}

/* ---- its answer ---------------------------------------------------------- */

/* created, updated, unchanged, retired, refused: fields 4 to 8. */
static const char *
check_result(const struct syncs *r, const uint8_t *p, size_t len)
{
	struct pb_cursor at = { p, p + len };
	uint64_t count[9] = { 0 };
	struct pb_field f;
	static char said[160];

	while (pb_next(&at, &f) == 1)
		if (f.number < 9 && f.wire_type == 0)
			count[f.number] = f.value;
	if (count[4] + count[5] + count[6] == r->o->records &&
	    (r->o->fresh ? count[4] == r->o->records
			 : count[5] <= r->o->changed))
		return NULL;
	(void)snprintf(said, sizeof said,
	    "%" PRIu64 " created, %" PRIu64 " updated, %" PRIu64
	    " unchanged, %" PRIu64 " refused",
	    count[4], count[5], count[6], count[8]);
	return said;
}

static const char *
check_answer(const struct syncs *r, const struct stream *st)
{
	const uint8_t *p = buf_head(&st->answer);
	size_t left = buf_len(&st->answer);
	struct pb_field f = { 0 };

	if (st->error != 0 || st->grpc_status != 0)
		return st->grpc_status > 0 ? st->message : "no status";
	while (left >= GRPC_FRAME_LEN) {
		size_t len = grpc_frame_length(p);
		struct pb_cursor at = { p + GRPC_FRAME_LEN,
			p + GRPC_FRAME_LEN + len };

		if (len > left - GRPC_FRAME_LEN || pb_next(&at, &f) != 1)
			return "not gRPC messages";
		p += GRPC_FRAME_LEN + len;
		left -= GRPC_FRAME_LEN + len;
	}
	return f.number == 2 ? check_result(r, f.data, f.len)
			     : "no result at its end";
}

/* ---- the run ------------------------------------------------------------- */

static void
opened(struct link *l)
{
	syncs_of(l)->opened++;
}

static void
done(struct stream *st)
{
	struct syncs *r = syncs_of(st->link);
	struct sender *s = (struct sender *)st;
	const char *wrong = check_answer(r, st);

	s->sending = false;
	r->ended++;
	if (wrong != NULL) {
		report_error(&r->report, "sync: %s", wrong);
		return;
	}
	hist_add(&r->report.latency, now_ns() - s->begun);
	r->report.n++;
	r->report.units += r->o->records;
}

static void
lost(struct link *l, const char *why)
{
	die("connection %u: %s", link_index(l), why);
}

static const struct link_ops ops = { opened, NULL, done, lost };

/* One set on each connection, all at once, until all are answered. */
static void
one_round(struct syncs *r)
{
	int64_t begun = now_ns(), end = begun + LIMIT;
	struct usage a, b;

	usage_take(r->o, &a);
	for (unsigned i = 0; i < r->o->connections; i++) {
		write_set(r, &r->senders[i]);
		r->begun++;
	}
	usage_take(r->o, &b);
	r->idle += b.at - a.at;
	r->report.begin.own += b.own - a.own;
	for (unsigned i = 0; i < r->o->connections; i++) {
		struct sender *s = &r->senders[i];

		s->begun = now_ns();
		s->sending = true;
		s->stream.body = buf_head(&s->request);
		s->stream.body_len = buf_len(&s->request);
		link_call(s->link, &r->target, &s->stream);
	}
	while (r->ended < r->begun && now_ns() < end)
		links_turn(r->user.links, end);
	if (r->ended < r->begun)
		die("no answer to a set");
}

static void
prepare(struct syncs *r, const struct options *o)
{
	int64_t end = now_ns() + LIMIT;

	memset(r, 0, sizeof *r);
	r->o = o;
	r->target.path = "/resopro.v1.Registry/Sync";
	r->senders = calloc(o->connections, sizeof *r->senders);
	if (r->senders == NULL)
		die("no memory");
	caller_init(&r->caller, o);
	report_init(&r->report, o);
	links_new(&r->user, o, &ops);
	for (unsigned i = 0; i < o->connections; i++) {
		r->senders[i].index = i;
		r->senders[i].link = link_open(r->user.links, i);
	}
	while (r->opened < o->connections && now_ns() < end)
		links_turn(r->user.links, end);
}

static void
clean(struct syncs *r)
{
	for (unsigned i = 0; i < r->o->connections; i++)
		link_close(r->senders[i].link);
	links_free(r->user.links);
	for (unsigned i = 0; i < r->o->connections; i++) {
		buf_free(&r->senders[i].request);
		buf_free(&r->senders[i].stream.answer);
	}
	caller_free(&r->caller);
	free(r->senders);
}

int
run_sync(const struct options *o)
{
	struct syncs r;
	int64_t end;
	int rc;

	prepare(&r, o);
	usage_take(o, &r.report.begin);
	end = r.report.begin.at + (int64_t)(o->seconds * 1e9);
	do
		one_round(&r);
	while (r.report.errors == 0 &&
	       (o->calls != 0 ? r.ended < o->calls : now_ns() < end));
	usage_take(o, &r.report.end);
	r.report.begin.at += r.idle;
	rc = report_print(&r.report);
	clean(&r);
	return rc;
}
