/* stream.c - calls, message by message: see <resopro/client.h> and stream.h.
 * What blocks is a loop of rsp_client_step() and rsp_client_wait(). */
#include "stream.h"

#include <string.h>

#include "client.h"
#include "clock.h"
#include "conn.h"
#include "fail.h"
#include "message.h"

/* ---- opening and closing ------------------------------------------------- */

/* Of a loop: nothing done for it may block. */
static bool
is_loops(const struct rsp_stream *s)
{
	return s->events != NULL;
}

/* What was queued goes out: now, or with the loop's next turn. */
static void
push(struct rsp_stream *s)
{
	struct rsp_client *c = s->client;

	if (s->pending != NULL) { /* in a step, which ends with a flush */
		c->dirty = true;
		return;
	}
	if (is_loops(s) || c->calling) {
		rsp_client_stir(c);
		return;
	}
	rsp_client_flush(c);
	rsp_client_settle(c);
}

static int64_t
deadline_of(int64_t deadline_ms)
{
	return deadline_ms > 0 ? clock_after(deadline_ms) : NEVER;
}

/* It never had a connection. */
static struct rsp_stream *
not_opened(struct rsp_stream *s, const struct rsp_error *why,
    struct rsp_error *e)
{
	struct rsp_client *c = s->client;

	if (e != NULL)
		*e = *why;
	rsp_stream_drop(s);
	rsp_client_settle(c);
	return NULL;
}

struct rsp_stream *
rsp_stream_open(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline_ms, struct rsp_error *error)
{
	struct rsp_error e;
	struct rsp_stream *s;

	if (rsp_client_may_block(c, error) != 0)
		return NULL;
	rsp_client_step(c); /* the server may have hung up */
	if ((s = rsp_stream_new(c, method, deadline_of(deadline_ms))) == NULL) {
		rsp_fail_nomem(error);
		return NULL;
	}
	rsp_client_flush(c);
	while (s->state == CALL_WAITING) {
		if (rsp_client_wait(c, NEVER, &e) < 0)
			return not_opened(s, &e, error);
		rsp_client_step(c);
	}
	if (s->state == CALL_ENDED && s->id == 0)
		return not_opened(s, s->end, error);
	rsp_client_settle(c);
	return s;
}

struct rsp_stream *
rsp_stream_start(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline_ms, const struct rsp_stream_events *events, void *arg,
    struct rsp_error *e)
{
	struct rsp_stream *s =
	    rsp_stream_new(c, method, deadline_of(deadline_ms));

	if (s == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	s->events = events;
	s->arg = arg;
	rsp_client_stir(c);
	return s;
}

void
rsp_stream_cancel(struct rsp_stream *s)
{
	struct rsp_error e;

	if (s->state == CALL_ENDED)
		return;
	rsp_fail(&e, RSP_CANCELLED, "CANCELLED", NULL,
	    "the call was cancelled on this side");
	rsp_stream_abort(s, &e);
	push(s);
}

void
rsp_stream_drop(struct rsp_stream *s)
{
	static const struct rsp_error dropped = { .code = RSP_CANCELLED };

	rsp_stream_abort(s, &dropped);
	rsp_stream_delete(s);
}

void
rsp_stream_close(struct rsp_stream *s)
{
	if (s == NULL)
		return;
	rsp_stream_cancel(s);
	s->closed = true;
	if (!s->calling)
		rsp_stream_delete(s);
}

/* ---- both ways ----------------------------------------------------------- */

/* It ends here; the server is told. */
static void
give_up(struct rsp_stream *s, const struct rsp_error *e)
{
	if (s->state == CALL_ENDED)
		return;
	rsp_stream_abort(s, e);
	push(s);
}

static void
tell_end(const struct rsp_stream *s, struct rsp_error *e)
{
	if (e != NULL && s->end != NULL)
		*e = *s->end;
}

/* The server may send so much more: it is told at the next flush. */
static void
give_credit(struct rsp_stream *s, size_t len)
{
	if (s->state != CALL_OPEN || len == 0)
		return;
	rsp_conn_credit(s, len);
	s->client->dirty = true;
}

/* ---- sending ------------------------------------------------------------- */

static enum rsp_sent
refuse(struct rsp_stream *s, const struct rsp_error *why, struct rsp_error *e)
{
	give_up(s, why);
	tell_end(s, e);
	return RSP_SEND_ERROR;
}

static enum rsp_sent
misused(struct rsp_stream *s, const char *how, struct rsp_error *e)
{
	struct rsp_error why;

	rsp_fail(&why, RSP_ERR_USAGE, "ORDER", NULL, "%s: %s", s->method->path,
	    how);
	return refuse(s, &why, e);
}

/* What has come and is not read must not hold the server up: it may be waiting
 * for room before it reads what we send. */
static int
make_room(struct rsp_stream *s, struct rsp_error *e)
{
	size_t have = buf_len(&s->in);

	if (have > s->client->config.max_buffered)
		return rsp_fail(e, RSP_RESOURCE_EXHAUSTED, "NOT_READ",
		    "receive while sending, or raise max_buffered_bytes",
		    "%zu bytes were received and not read while sending", have);
	give_credit(s, have - s->prepaid);
	s->prepaid = have;
	return 0;
}

static enum rsp_sent
ended(const struct rsp_stream *s, struct rsp_error *e)
{
	if (s->end == NULL || s->end->from_server)
		return RSP_SEND_ENDED;
	tell_end(s, e);
	return RSP_SEND_ERROR;
}

/* With the socket, as far as this side can tell. */
static bool
is_handed_over(const struct rsp_stream *s)
{
	/* Before it ended: receiving tells the rest. */
	if (s->state == CALL_ENDED)
		return !s->unsent;
	return s->state == CALL_OPEN && buf_len(&s->out) == 0 &&
	       rsp_conn_is_flushed(s->conn);
}

/* Until the connection's socket has taken all of it. */
static enum rsp_sent
hand_over(struct rsp_stream *s, struct rsp_error *e)
{
	struct rsp_client *c = s->client;
	struct rsp_error why;

	if (s->state == CALL_OPEN)
		rsp_conn_resume(s);
	rsp_client_flush(c);
	for (;;) {
		if (is_handed_over(s))
			return RSP_SEND_OK;
		if (s->state == CALL_ENDED)
			return ended(s, e);
		if (make_room(s, &why) != 0)
			return refuse(s, &why, e);
		if (rsp_client_wait(c, NEVER, &why) < 0)
			return refuse(s, &why, e);
		rsp_client_step(c);
	}
}

static enum rsp_sent
pass_on(struct rsp_stream *s, struct rsp_error *e)
{
	enum rsp_sent sent;

	if (is_loops(s)) {
		if (s->state == CALL_OPEN)
			rsp_conn_resume(s);
		rsp_client_stir(s->client);
		return RSP_SEND_OK;
	}
	sent = hand_over(s, e);
	rsp_client_settle(s->client);
	return sent;
}

static bool
takes_one(const struct rsp_stream *s)
{
	return s->method->kind == RSP_UNARY ||
	       s->method->kind == RSP_SERVER_STREAM;
}

/* A function that blocks may run for it; -1: *e. */
static int
may_block(const struct rsp_stream *s, struct rsp_error *e)
{
	return is_loops(s) ? 0 : rsp_client_may_block(s->client, e);
}

enum rsp_sent
rsp_stream_send(struct rsp_stream *s, const ProtobufCMessage *m,
    struct rsp_error *e)
{
	const struct rsp_config *config = &s->client->config;
	struct rsp_error why;

	if (may_block(s, e) != 0)
		return RSP_SEND_ERROR;
	if (s->state == CALL_ENDED)
		return ended(s, e);
	if (m->descriptor != s->method->input)
		return misused(s, "a message of another type was sent", e);
	if (s->out_end)
		return misused(s, "a message was sent after the last one", e);
	if (is_loops(s) && buf_len(&s->out) >= CALL_OUT_MAX) {
		s->wants_room = true;
		return RSP_SEND_FULL;
	}
	if (rsp_frame_pack(m, config->gzip, config->max_message, &s->out,
		&why) != 0)
		return refuse(s, &why, e);
	s->out_end = takes_one(s);
	return pass_on(s, e);
}

enum rsp_sent
rsp_stream_half_close(struct rsp_stream *s, struct rsp_error *e)
{
	if (may_block(s, e) != 0)
		return RSP_SEND_ERROR;
	if (s->out_end)
		return RSP_SEND_OK;
	if (s->state == CALL_ENDED)
		return ended(s, e);
	if (takes_one(s))
		return misused(s, "no message was sent", e);
	s->out_end = true;
	return pass_on(s, e);
}

/* ---- receiving ----------------------------------------------------------- */

/* Their window goes back to the server, unless it was given before. */
static void
took(struct rsp_stream *s, size_t len)
{
	size_t paid = len < s->prepaid ? len : s->prepaid;

	buf_take(&s->in, len);
	s->prepaid -= paid;
	give_credit(s, len - paid);
}

static enum rsp_received
unreadable(struct rsp_stream *s, const struct rsp_error *why,
    struct rsp_error *e)
{
	give_up(s, why);
	buf_free(&s->in);
	s->prepaid = 0;
	grpc_frame_reader_reset(&s->frames, 0);
	/* Even if the server said OK after it. */
	if (s->end == NULL)
		rsp_stream_end_as(s, why);
	tell_end(s, e);
	return RSP_RECV_ERROR;
}

static enum rsp_received
broken_frame(struct rsp_stream *s, const struct err *cause, struct rsp_error *e)
{
	struct rsp_error why;

	rsp_fail(&why,
	    cause->code == ERR_LIMIT   ? RSP_RESOURCE_EXHAUSTED
	    : cause->code == ERR_NOMEM ? RSP_ERR_NOMEM
				       : RSP_INTERNAL,
	    cause->reason,
	    cause->code == ERR_LIMIT
		? "ask for less at once, or raise max_message_bytes"
		: NULL,
	    "%s", cause->msg);
	return unreadable(s, &why, e);
}

/* The next whole message of what has come; TIMEOUT: there is none. */
static enum rsp_received
next_message(struct rsp_stream *s, ProtobufCMessage **m, struct rsp_error *e)
{
	struct grpc_frame frame;
	struct rsp_error why;
	struct err cause = { 0 };
	size_t used;
	int rc;

	if (buf_len(&s->in) == 0)
		return RSP_RECV_TIMEOUT;
	rc = grpc_frame_feed(&s->frames, buf_head(&s->in), buf_len(&s->in),
	    &used, &frame, &cause);
	if (rc < 0)
		return broken_frame(s, &cause, e);
	took(s, used);
	if (rc == 0)
		return RSP_RECV_TIMEOUT;
	*m = rsp_frame_unpack(s->method->output, &frame, s->answer.gzip,
	    s->client->config.max_message, &why);
	return *m != NULL ? RSP_RECV_MESSAGE : unreadable(s, &why, e);
}

static enum rsp_received
at_end(struct rsp_stream *s, struct rsp_error *e)
{
	struct rsp_error why;

	if (s->end == NULL && grpc_frame_partial(&s->frames)) {
		rsp_fail(&why, RSP_INTERNAL, "CUT", NULL,
		    "the server ended the call in the middle of a message");
		return unreadable(s, &why, e);
	}
	if (s->end == NULL)
		return RSP_RECV_END;
	tell_end(s, e);
	return RSP_RECV_ERROR;
}

enum rsp_received
rsp_stream_next(struct rsp_stream *s, ProtobufCMessage **message,
    struct rsp_error *e)
{
	enum rsp_received got;

	*message = NULL;
	got = next_message(s, message, e);
	if (got == RSP_RECV_TIMEOUT && s->state == CALL_ENDED)
		return at_end(s, e);
	return got;
}

static enum rsp_received
receive(struct rsp_stream *s, int64_t until, ProtobufCMessage **message,
    struct rsp_error *e)
{
	struct rsp_client *c = s->client;
	bool late = false;

	for (;;) {
		enum rsp_received got = rsp_stream_next(s, message, e);
		int ready;

		if (got != RSP_RECV_TIMEOUT || late)
			return got;
		ready = rsp_client_wait(c, until, e);
		if (ready < 0)
			return RSP_RECV_ERROR;
		rsp_client_step(c);
		/* Whatever else has come. */
		late = ready == 0 || clock_ms() >= until;
	}
}

enum rsp_received
rsp_stream_recv(struct rsp_stream *s, int timeout_ms,
    ProtobufCMessage **message, struct rsp_error *e)
{
	enum rsp_received got;

	*message = NULL;
	if (is_loops(s)) {
		rsp_fail(e, RSP_ERR_USAGE, "ORDER", NULL,
		    "%s: messages of this stream come by its events",
		    s->method->path);
		return RSP_RECV_ERROR;
	}
	if (may_block(s, e) != 0)
		return RSP_RECV_ERROR;
	got = receive(s, clock_after(timeout_ms), message, e);
	rsp_client_settle(s->client);
	return got;
}
