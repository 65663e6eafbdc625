/* stream.c - calls, message by message: see <resopro/client.h>. */
#include "stream.h"

#include <string.h>

#include "client.h"
#include "clock.h"
#include "conn.h"
#include "fail.h"
#include "message.h"

/* A connection may take its leave just when a call is put on it. */
#define STARTS_MAX 3

/* ---- opening and closing ------------------------------------------------- */

static void
enlist(struct rsp_client *c, struct rsp_stream *s)
{
	s->client = c;
	s->next = c->streams;
	if (s->next != NULL)
		s->next->prev = s;
	c->streams = s;
}

static void
unlist(struct rsp_stream *s)
{
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		s->client->streams = s->next;
}

static struct rsp_stream *
start_once(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline, struct rsp_error *e)
{
	struct rsp_conn *conn = rsp_client_conn(c, deadline, e);
	struct rsp_stream *s;

	if (conn == NULL)
		return NULL;
	if ((s = rsp_stream_new(&c->config, method, deadline)) == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	if (rsp_conn_start(conn, s, e) != 0) {
		rsp_stream_delete(s);
		return NULL;
	}
	enlist(c, s);
	rsp_client_move(c);
	return s;
}

struct rsp_stream *
rsp_stream_start(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline, struct rsp_error *e)
{
	for (unsigned i = 0;; i++) {
		struct rsp_stream *s = start_once(c, method, deadline, e);

		if (s == NULL)
			return NULL;
		if (s->conn != NULL || !s->untouched || i == STARTS_MAX ||
		    c->config.no_retry)
			return s;
		rsp_stream_close(s);
	}
}

struct rsp_stream *
rsp_stream_open(struct rsp_client *c, const struct rsp_method *method,
    int64_t deadline_ms, struct rsp_error *error)
{
	struct rsp_error e = { 0 };
	struct rsp_stream *s = rsp_stream_start(c, method,
	    deadline_ms > 0 ? clock_after(deadline_ms) : NEVER, &e);

	if (s == NULL && error != NULL)
		*error = e;
	return s;
}

void
rsp_stream_cancel(struct rsp_stream *s)
{
	struct rsp_error e;

	if (s->conn == NULL)
		return;
	rsp_fail(&e, RSP_CANCELLED, "CANCELLED", NULL,
	    "the call was cancelled on this side");
	rsp_conn_abort(s, &e);
	rsp_client_move(s->client);
}

void
rsp_stream_close(struct rsp_stream *s)
{
	if (s == NULL)
		return;
	rsp_stream_cancel(s);
	unlist(s);
	rsp_stream_delete(s);
}

/* ---- both ways ----------------------------------------------------------- */

/* It ends here; the server is told. */
static void
give_up(struct rsp_stream *s, const struct rsp_error *e)
{
	rsp_conn_abort(s, e);
	rsp_client_move(s->client);
}

static void
tell_end(const struct rsp_stream *s, struct rsp_error *e)
{
	if (e != NULL)
		*e = s->end;
}

static bool
past_deadline(struct rsp_stream *s)
{
	struct rsp_error e;

	if (s->conn == NULL || clock_ms() < s->deadline)
		return false;
	rsp_fail(&e, RSP_DEADLINE_EXCEEDED, NULL, NULL,
	    "%s: no answer before the deadline", s->client->config.where);
	give_up(s, &e);
	return true;
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
	rsp_conn_credit(s, have - s->prepaid);
	s->prepaid = have;
	return 0;
}

static enum rsp_sent
ended(const struct rsp_stream *s, struct rsp_error *e)
{
	if (s->end.code == RSP_OK || s->end.from_server)
		return RSP_SEND_ENDED;
	tell_end(s, e);
	return RSP_SEND_ERROR;
}

/* Until the connection's socket has taken all of it. */
static enum rsp_sent
flush(struct rsp_stream *s, struct rsp_error *e)
{
	struct rsp_error why;

	rsp_conn_resume(s);
	for (;;) {
		rsp_client_move(s->client);
		/* Handed over before it ended: receiving tells the rest. */
		if (s->conn == NULL && !s->unsent)
			return RSP_SEND_OK;
		if (s->conn == NULL || past_deadline(s))
			return ended(s, e);
		if (buf_len(&s->out) == 0 && rsp_conn_is_flushed(s->conn))
			return RSP_SEND_OK;
		if (make_room(s, &why) != 0)
			return refuse(s, &why, e);
		rsp_client_move(s->client);
		if (s->conn != NULL &&
		    rsp_client_wait(s->client, s->deadline, &why) < 0)
			return refuse(s, &why, e);
	}
}

static bool
takes_one(const struct rsp_stream *s)
{
	return s->method->kind == RSP_UNARY ||
	       s->method->kind == RSP_SERVER_STREAM;
}

enum rsp_sent
rsp_stream_send(struct rsp_stream *s, const ProtobufCMessage *m,
    struct rsp_error *e)
{
	const struct rsp_config *config = &s->client->config;
	struct rsp_error why;

	if (s->conn == NULL)
		return ended(s, e);
	if (m->descriptor != s->method->input)
		return misused(s, "a message of another type was sent", e);
	if (s->out_end)
		return misused(s, "a message was sent after the last one", e);
	if (rsp_frame_pack(m, config->gzip, config->max_message, &s->out,
		&why) != 0)
		return refuse(s, &why, e);
	s->sent++;
	s->out_end = takes_one(s);
	return flush(s, e);
}

enum rsp_sent
rsp_stream_half_close(struct rsp_stream *s, struct rsp_error *e)
{
	if (s->out_end)
		return RSP_SEND_OK;
	if (s->conn == NULL)
		return ended(s, e);
	if (takes_one(s))
		return misused(s, "no message was sent", e);
	s->out_end = true;
	return flush(s, e);
}

/* ---- receiving ----------------------------------------------------------- */

/* Their window goes back to the server, unless it was given before. */
static void
took(struct rsp_stream *s, size_t len)
{
	size_t paid = len < s->prepaid ? len : s->prepaid;

	buf_take(&s->in, len);
	s->prepaid -= paid;
	rsp_conn_credit(s, len - paid);
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
	if (s->end.code == RSP_OK)
		s->end = *why;
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

	if (s->end.code == RSP_OK && grpc_frame_partial(&s->frames)) {
		rsp_fail(&why, RSP_INTERNAL, "CUT", NULL,
		    "the server ended the call in the middle of a message");
		return unreadable(s, &why, e);
	}
	if (s->end.code == RSP_OK)
		return RSP_RECV_END;
	tell_end(s, e);
	return RSP_RECV_ERROR;
}

enum rsp_received
rsp_stream_recv(struct rsp_stream *s, int timeout_ms,
    ProtobufCMessage **message, struct rsp_error *e)
{
	int64_t until = clock_after(timeout_ms);
	enum rsp_received got;
	bool late = false;

	*message = NULL;
	for (;;) {
		got = next_message(s, message, e);
		if (got != RSP_RECV_TIMEOUT)
			return got;
		if (s->conn == NULL)
			return at_end(s, e);
		rsp_client_move(s->client);
		if (buf_len(&s->in) > 0 || s->conn == NULL)
			continue;
		if (past_deadline(s))
			continue;
		if (late)
			return RSP_RECV_TIMEOUT;
		if (rsp_client_wait(s->client, sooner(until, s->deadline), e) <
		    0)
			return RSP_RECV_ERROR;
		late = clock_ms() >= until; /* whatever else has come */
	}
}
