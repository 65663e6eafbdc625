#include "push_stream.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "i18n.h"

enum {
	PROGRESS_FROM = 2000, /* records: fewer are sent at once */
};

/* How the sending goes on. */
enum going {
	GOING_FAILED = -1,
	GOING_ON,
	GOING_ENDED /* the server has ended the call: ask it why */
};

struct sending {
	struct push_stream *p;
	struct rsp_stream *stream;
	struct rsp_error *error;
	enum rsp_received last; /* END, ERROR: the call ended so */
};

/* ---- progress ------------------------------------------------------------ */

static bool
shows_progress(const struct push_stream *p)
{
	return p->cli->tty_err && !p->cli->quiet && p->total >= PROGRESS_FROM;
}

static void
progress(const struct sending *s)
{
	if (!shows_progress(s->p))
		return;
	fputc('\r', s->p->cli->err);
	fprintf(s->p->cli->err, _("%u of %u records sent"),
	    push_feed_records(s->p->feed), s->p->total);
	fflush(s->p->cli->err);
}

static void
progress_end(const struct push_stream *p)
{
	if (shows_progress(p))
		fputs("\r\033[K", p->cli->err);
}

/* ---- receiving ----------------------------------------------------------- */

static void
take_answer(struct push_stream *p, ProtobufCMessage *m)
{
	Resopro__V1__SyncResponse *r = (Resopro__V1__SyncResponse *)m;

	if (r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_PLAN) {
		progress_end(p);
		plan_items(p->plan, r->plan);
	} else if (r->step_case == RESOPRO__V1__SYNC_RESPONSE__STEP_RESULT) {
		push_stream_free(p);
		p->result = r->result;
		r->result = NULL; /* kept */
		r->step_case = RESOPRO__V1__SYNC_RESPONSE__STEP__NOT_SET;
	}
	rsp_message_free(m);
}

void
push_stream_free(struct push_stream *p)
{
	if (p->result != NULL)
		rsp_message_free(&p->result->base);
	p->result = NULL;
}

/* All that there is now (timeout 0), or until the call ends (-1). */
static enum rsp_received
receive(struct push_stream *p, struct rsp_stream *stream, int timeout_ms,
    struct rsp_error *e)
{
	ProtobufCMessage *m;
	enum rsp_received got;

	while ((got = rsp_stream_recv(stream, timeout_ms, &m, e)) ==
	       RSP_RECV_MESSAGE)
		take_answer(p, m);
	return got;
}

static int
finish(struct sending *s)
{
	enum rsp_received got = s->last;

	if (got != RSP_RECV_END && got != RSP_RECV_ERROR)
		got = receive(s->p, s->stream, -1, s->error);
	progress_end(s->p);
	if (got == RSP_RECV_ERROR)
		return -1;
	if (s->p->result != NULL)
		return 0;
	return fault(s->error, RSP_INTERNAL,
	    _("send it again with the same request id; if it happens again, "
	      "tell the operator"),
	    "%s", _("the server ended the call without a result"));
}

/* ---- sending ------------------------------------------------------------- */

static enum going
send_one(struct sending *s, const Resopro__V1__SyncRequest *r)
{
	switch (rsp_stream_send(s->stream, &r->base, s->error)) {
	case RSP_SEND_OK:
		return GOING_ON;
	case RSP_SEND_ENDED:
		return GOING_ENDED;
	default:
		return GOING_FAILED;
	}
}

/* What arrives early is taken in between: the server may end the call. */
static enum going
send_all(struct sending *s)
{
	const Resopro__V1__SyncRequest *r;
	enum going going = GOING_ON;
	int rc;

	push_feed_rewind(s->p->feed);
	while (going == GOING_ON &&
	       (rc = push_feed_next(s->p->feed, &r, s->error)) != 0) {
		if (rc < 0)
			return GOING_FAILED;
		going = send_one(s, r);
		if (r->step_case != RESOPRO__V1__SYNC_REQUEST__STEP_BATCH)
			continue;
		progress(s);
		if (going == GOING_ON)
			s->last = receive(s->p, s->stream, 0, s->error);
		if (s->last == RSP_RECV_END || s->last == RSP_RECV_ERROR)
			return GOING_ENDED;
	}
	if (going == GOING_ON &&
	    rsp_stream_half_close(s->stream, s->error) == RSP_SEND_ERROR)
		return GOING_FAILED;
	return going;
}

int
push_stream_run(struct push_stream *p, struct rsp_client *client,
    struct rsp_error *e)
{
	struct sending s = { .p = p, .error = e, .last = RSP_RECV_TIMEOUT };
	int64_t deadline = p->cli->deadline_ms == RSP_DEADLINE_DEFAULT
			       ? RSP_DEADLINE_NONE
			       : p->cli->deadline_ms;
	int rc;

	s.stream = rsp_stream_open(client, &rsp_registry_sync, deadline, e);
	if (s.stream == NULL)
		return -1;
	rc = send_all(&s) == GOING_FAILED ? -1 : finish(&s);
	progress_end(p);
	rsp_stream_close(s.stream);
	return rc;
}
