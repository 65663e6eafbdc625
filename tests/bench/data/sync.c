/* sync.c - see sync.h. */
#include "sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 500 /* records a message */

struct bench_set {
	size_t n;
	struct bench_record *records;
	Resopro__V1__SyncRecord *items;
	Resopro__V1__SyncRecord **list;
};

static struct bench_set *
set_new(size_t n)
{
	struct bench_set *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->n = n;
	s->records = calloc(n, sizeof *s->records);
	s->items = calloc(n, sizeof *s->items);
	s->list = calloc(n, sizeof *s->list);
	if (s->records != NULL && s->items != NULL && s->list != NULL)
		return s;
	bench_set_free(s);
	return NULL;
}

void
bench_set_free(struct bench_set *s)
{
	if (s == NULL)
		return;
	free(s->records);
	free(s->items);
	free(s->list);
	free(s);
}

struct bench_set *
bench_set_sites(const struct bench_communes *communes, unsigned first,
    unsigned n, bool with_bodies)
{
	unsigned bodies = with_bodies ? BENCH_BODIES : 0;
	struct bench_set *s = set_new((size_t)n + 2 * bodies);
	struct bench_record *r;

	if (s == NULL)
		return NULL;
	r = s->records;
	for (unsigned i = 0; i < bodies; i++)
		bench_organisation(r++, communes, i);
	for (unsigned i = 0; i < bodies; i++)
		bench_status(r++, i);
	for (unsigned i = 0; i < n; i++)
		bench_site(r++, communes, first + i, 0);
	for (size_t i = 0; i < s->n; i++) {
		resopro__v1__sync_record__init(&s->items[i]);
		s->items[i].record = &s->records[i].record;
		s->list[i] = &s->items[i];
	}
	return s;
}

/* -1: the call is over; its end says why. */
static int
send_step(struct rsp_stream *stream, Resopro__V1__SyncRequest *r,
    struct rsp_error *e)
{
	return rsp_stream_send(stream, &r->base, e) == RSP_SEND_OK ? 0 : -1;
}

static int
send_all(struct bench_set *s, struct rsp_stream *stream,
    Resopro__V1__SyncStart *start, struct rsp_error *e)
{
	Resopro__V1__SyncRequest r;
	Resopro__V1__SyncBatch batch;
	Resopro__V1__SyncEnd end;

	resopro__v1__sync_request__init(&r);
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_START;
	r.start = start;
	if (send_step(stream, &r, e) < 0)
		return -1;
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_BATCH;
	for (size_t at = 0; at < s->n; at += BATCH) {
		resopro__v1__sync_batch__init(&batch);
		batch.records = s->list + at;
		batch.n_records = s->n - at < BATCH ? s->n - at : BATCH;
		r.batch = &batch;
		if (send_step(stream, &r, e) < 0)
			return -1;
	}
	resopro__v1__sync_end__init(&end);
	end.records = (uint32_t)s->n;
	r.step_case = RESOPRO__V1__SYNC_REQUEST__STEP_END;
	r.end = &end;
	return send_step(stream, &r, e) < 0 ||
		       rsp_stream_half_close(stream, e) == RSP_SEND_ERROR
		   ? -1
		   : 0;
}

/* The first refused record, for whoever reads stderr. */
static bool
tell_refused(const Resopro__V1__SyncPlan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		const Resopro__V1__SyncPlanItem *item = plan->items[i];

		if (item->n_refusals == 0)
			continue;
		fprintf(stderr, "%s: %s: %s\n", item->source_id,
		    item->refusals[0]->field, item->refusals[0]->message);
		return true;
	}
	return false;
}

/* Until the call ends: 0 when it ended well, with a result. */
static int
receive_all(struct rsp_stream *stream, struct rsp_error *e)
{
	ProtobufCMessage *m;
	enum rsp_received got;
	bool told = false, result = false;

	while ((got = rsp_stream_recv(stream, -1, &m, e)) == RSP_RECV_MESSAGE) {
		const Resopro__V1__SyncResponse *r =
		    (Resopro__V1__SyncResponse *)m;

		if (r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN &&
		    !told)
			told = tell_refused(r->plan);
		result |=
		    r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT;
		rsp_message_free(m);
	}
	return got == RSP_RECV_END && result ? 0 : -1;
}

int
bench_set_send(struct bench_set *s, struct rsp_client *c, struct rsp_error *e)
{
	struct rsp_stream *stream =
	    rsp_stream_open(c, &rsp_registry_sync, RSP_DEADLINE_NONE, e);
	Resopro__V1__Kind kinds[] = { RESOPRO__V1__KIND__KIND_ORGANISATION,
		RESOPRO__V1__KIND__KIND_SITE, RESOPRO__V1__KIND__KIND_STATUS };
	Resopro__V1__SyncStart start;
	char id[33];
	int done;

	if (stream == NULL)
		return -1;
	if (rsp_request_id(id, e) < 0) {
		rsp_stream_close(stream);
		return -1;
	}
	resopro__v1__sync_start__init(&start);
	start.request_id = id;
	start.owner = (char *)(uintptr_t)BENCH_AGENCY;
	start.source = (char *)(uintptr_t)BENCH_SOURCE;
	start.mode = RESOPRO__V1__SYNC_MODE__SYNC_MODE_DELTA;
	start.kinds = kinds;
	start.n_kinds = sizeof kinds / sizeof kinds[0];
	/* a server that ends the call early says why at its end */
	(void)send_all(s, stream, &start, e);
	done = receive_all(stream, e);
	rsp_stream_close(stream);
	return done;
}
