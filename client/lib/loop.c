/* loop.c - callbacks, for programs with a loop of their own: see
 * <resopro/loop.h>.  The only file that calls back. */
#include <resopro/loop.h>

#include "client.h"
#include "fail.h"
#include "stream.h"

/* Messages of one stream before the others, and the caller's loop, have their
 * turn. */
#define MESSAGES_MAX 64

int
rsp_client_fd(const struct rsp_client *c)
{
	return c->poller.epoll;
}

/* ---- unary calls --------------------------------------------------------- */

struct rsp_pending *
rsp_call_start(struct rsp_client *c, const struct rsp_method *method,
    const ProtobufCMessage *request, int64_t deadline_ms, rsp_answer_fn *answer,
    void *arg, struct rsp_error *e)
{
	struct rsp_pending *p =
	    rsp_pending_new(c, method, request, deadline_ms, e);

	if (p == NULL)
		return NULL;
	p->answer = answer;
	p->arg = arg;
	rsp_client_stir(c);
	return p;
}

void
rsp_call_cancel(struct rsp_pending *p)
{
	struct rsp_client *c = p->client;

	rsp_pending_free(p);
	rsp_client_stir(c);
}

static void
answer(struct rsp_pending *p)
{
	ProtobufCMessage *response = p->response;
	const struct rsp_error *e = rsp_pending_error(p);

	p->response = NULL;
	p->answer(p->arg, response, e);
	rsp_pending_free(p);
}

/* ---- streams ------------------------------------------------------------- */

void
rsp_stream_hold(struct rsp_stream *s, bool held)
{
	s->held = held;
	if (held)
		return;
	rsp_stream_stir(s);
	rsp_client_stir(s->client);
}

static void
tell_message(struct rsp_stream *s, ProtobufCMessage *m)
{
	if (s->events->message != NULL)
		s->events->message(s->arg, s, m);
	else
		rsp_message_free(m);
}

static void
tell_end(struct rsp_stream *s, enum rsp_received how, const struct rsp_error *e)
{
	static const struct rsp_error well;

	s->told = true;
	if (s->events->end != NULL)
		s->events->end(s->arg, s, how == RSP_RECV_END ? &well : e);
}

static void
tell_room(struct rsp_stream *s)
{
	if (!s->wants_room || s->state == CALL_ENDED ||
	    buf_len(&s->out) > CALL_OUT_ROOM)
		return;
	s->wants_room = false;
	if (s->events->room != NULL)
		s->events->room(s->arg, s);
}

/* What has come, then how it ended. */
static void
tell_received(struct rsp_stream *s)
{
	ProtobufCMessage *m;
	struct rsp_error e;

	for (unsigned i = 0; !s->held && !s->closed && !s->told; i++) {
		enum rsp_received got;

		if (i == MESSAGES_MAX) {
			rsp_stream_stir(s);
			return;
		}
		got = rsp_stream_next(s, &m, &e);
		if (got == RSP_RECV_TIMEOUT)
			return;
		if (got == RSP_RECV_MESSAGE)
			tell_message(s, m);
		else
			tell_end(s, got, &e);
	}
}

static void
tell(struct rsp_stream *s)
{
	rsp_stream_calm(s);
	s->calling = true;
	tell_room(s);
	tell_received(s);
	s->calling = false;
	if (s->closed)
		rsp_stream_delete(s);
}

/* ---- one turn ------------------------------------------------------------ */

/* Each of those that have something to tell, once. */
static void
call_back(struct rsp_client *c)
{
	struct rsp_pending *p;
	struct rsp_stream *s;

	c->turn++;
	while (!c->doomed && (p = TAILQ_FIRST(&c->done)) != NULL)
		answer(p);
	while (!c->doomed && (s = TAILQ_FIRST(&c->ready)) != NULL &&
	       s->turn != c->turn) {
		s->turn = c->turn;
		tell(s);
	}
}

void
rsp_client_process(struct rsp_client *c)
{
	if (c->calling)
		return;
	rsp_client_step(c);
	c->calling = true;
	call_back(c);
	c->calling = false;
	if (c->doomed) {
		rsp_client_free(c);
		return;
	}
	if (c->dirty)
		rsp_client_flush(c);
	rsp_client_settle(c);
}
