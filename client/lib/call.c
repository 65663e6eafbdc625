/* call.c - see call.h. */
#include "call.h"

#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "conn.h"
#include "fail.h"
#include "seek.h"

/* A connection may take its leave just when a call is put on it. */
#define RESTARTS_MAX 3

struct rsp_stream *
rsp_stream_new(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline)
{
	struct rsp_stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->client = c;
	s->method = method;
	s->deadline = deadline;
	s->answer.grpc_status = -1;
	grpc_frame_reader_init(&s->frames, c->config.max_message);
	TAILQ_INSERT_TAIL(&c->streams, s, all);
	TAILQ_INSERT_TAIL(&c->waiting, s, queue);
	c->expiry = sooner(c->expiry, deadline);
	c->dirty = true;
	return s;
}

void
rsp_stream_opened(struct rsp_stream *s, struct rsp_conn *conn, unsigned server,
    int32_t id)
{
	TAILQ_REMOVE(&s->client->waiting, s, queue);
	s->state = CALL_OPEN;
	s->conn = conn;
	s->server = server;
	s->id = id;
	s->opened = clock_ms();
	s->taken = s->acts = false;
}

static struct stream_list *
ready_list(struct rsp_stream *s)
{
	return s->pending != NULL ? &s->client->moved : &s->client->ready;
}

void
rsp_stream_stir(struct rsp_stream *s)
{
	if (s->is_ready || (s->pending == NULL && s->events == NULL))
		return;
	s->is_ready = true;
	TAILQ_INSERT_TAIL(ready_list(s), s, ready);
	s->client->dirty = s->client->dirty || s->pending != NULL;
}

void
rsp_stream_calm(struct rsp_stream *s)
{
	if (s->is_ready)
		TAILQ_REMOVE(ready_list(s), s, ready);
	s->is_ready = false;
}

void
rsp_stream_delete(struct rsp_stream *s)
{
	rsp_stream_calm(s);
	TAILQ_REMOVE(&s->client->streams, s, all);
	buf_free(&s->out);
	buf_free(&s->in);
	grpc_frame_reader_free(&s->frames);
	rsp_answer_free(&s->answer);
	free(s->kept);
	free(s);
}

/* ---- its end ------------------------------------------------------------- */

void
rsp_stream_end_as(struct rsp_stream *s, const struct rsp_error *e)
{
	static const struct rsp_error no_memory = { .code = RSP_ERR_NOMEM,
		.msg = "no memory" };

	if (e->code == RSP_OK) {
		s->end = NULL;
		return;
	}
	/* An error is large: only calls that fail pay for it. */
	if (s->kept == NULL)
		s->kept = malloc(sizeof *s->kept);
	if (s->kept != NULL)
		*s->kept = *e;
	s->end = s->kept != NULL ? s->kept : &no_memory;
}

/* A status that leaves open whether the work was done. */
static bool
is_open(const struct rsp_error *e)
{
	return !e->from_server || e->code == RSP_CANCELLED ||
	       e->code == RSP_UNKNOWN || e->code == RSP_DEADLINE_EXCEEDED;
}

/* It was on a connection that gave it back: nothing can have come of it. */
static bool
may_restart(const struct rsp_stream *s, const struct rsp_error *e)
{
	return s->state == CALL_OPEN && s->untouched && !s->taken &&
	       e->code == RSP_UNAVAILABLE && s->restarts < RESTARTS_MAX &&
	       !s->client->config.no_retry;
}

static void
restart(struct rsp_stream *s)
{
	s->restarts++;
	s->state = CALL_WAITING;
	s->untouched = false;
	rsp_answer_free(&s->answer);
	s->answer = (struct rsp_answer){ .grpc_status = -1 };
	TAILQ_INSERT_TAIL(&s->client->waiting, s, queue);
	s->client->dirty = true;
}

static void
settle(struct rsp_stream *s, bool reached, struct rsp_error *e)
{
	if (e->code != RSP_OK && !s->untouched && reached &&
	    s->method->effect != RSP_READ && is_open(e)) {
		e->maybe_written = true;
		if (e->code == RSP_UNAVAILABLE || e->code == RSP_ERR_TLS)
			e->code = RSP_UNCERTAIN;
	}
	s->state = CALL_ENDED;
	s->unsent = buf_len(&s->out) > 0;
	buf_free(&s->out);
	rsp_answer_free(&s->answer);
	rsp_stream_end_as(s, e);
	rsp_stream_stir(s);
}

void
rsp_stream_end(struct rsp_stream *s, uint64_t written,
    const struct rsp_error *why)
{
	bool reached = s->acts && written > s->acts_after;
	struct rsp_error e;

	s->conn = NULL;
	if (why != NULL)
		e = *why;
	else
		rsp_answer_end(&s->answer, &e);
	if (e.code == RSP_UNAVAILABLE && e.from_server)
		rsp_seek_avoid(s->client, s->server);
	s->untouched = s->untouched || (!e.from_server && !reached);
	if (may_restart(s, &e))
		restart(s);
	else
		settle(s, reached, &e);
}

void
rsp_stream_abort(struct rsp_stream *s, const struct rsp_error *e)
{
	switch (s->state) {
	case CALL_WAITING:
		TAILQ_REMOVE(&s->client->waiting, s, queue);
		rsp_stream_end(s, 0, e);
		break;
	case CALL_OPEN:
		rsp_conn_abort(s, e);
		s->client->dirty = true;
		break;
	case CALL_ENDED:
		break;
	}
}
