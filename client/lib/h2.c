/* h2.c - frames and headers of a connection: see conn.h and h2.h. */
#include "h2.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fail.h"
#include "wire/grpc.h"

/* What the server may send of one call before it is read: the memory that a
 * slow reader costs. */
#define STREAM_WINDOW (256 * 1024)
/* Of all calls together; given back as it arrives, so that one slow reader
 * does not hold up the others. */
#define CONNECTION_WINDOW (4 * 1024 * 1024)
#define HEADERS_MAX 13

/* The call of a stream; NULL once it has ended on this side. */
static struct rsp_stream *
find(nghttp2_session *h2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h2, id);
}

static void
end(struct rsp_conn *c, struct rsp_stream *s, const struct rsp_error *e)
{
	TAILQ_REMOVE(&c->calls, s, queue);
	/* nghttp2's stream may outlive the call. */
	(void)nghttp2_session_set_stream_user_data(c->h2, s->id, NULL);
	rsp_stream_end(s, c->written, e);
}

/* ---- what comes ---------------------------------------------------------- */

static int
on_header(nghttp2_session *h2, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t len, uint8_t flags,
    void *conn)
{
	struct rsp_stream *s = find(h2, frame->hd.stream_id);

	(void)conn;
	(void)flags;
	if (s != NULL)
		rsp_answer_header(&s->answer, (const char *)name, name_len,
		    (const char *)value, len);
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *data,
    size_t len, void *conn)
{
	struct rsp_stream *s = find(h2, id);

	(void)conn;
	(void)flags;
	if (nghttp2_session_consume_connection(h2, len) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	if (s == NULL)
		return 0;
	if (buf_append(&s->in, data, len) != 0)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	rsp_stream_stir(s);
	return 0;
}

/* The answer is whole.  If we were still sending, the server wants no more. */
static void
on_answered(struct rsp_conn *c, struct rsp_stream *s)
{
	int32_t id = s->id;
	bool sending = nghttp2_session_get_stream_local_close(c->h2, id) == 0;

	end(c, s, NULL);
	if (sending)
		(void)nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, id,
		    NGHTTP2_CANCEL);
}

static void
on_settings(struct rsp_conn *c, const nghttp2_frame *frame)
{
	if (c->state == CONN_HELLO && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
		rsp_conn_enter(c, CONN_READY);
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *frame, void *conn)
{
	struct rsp_conn *c = conn;
	struct rsp_stream *s;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS:
		on_settings(c, frame);
		break;
	case NGHTTP2_GOAWAY:
		rsp_conn_leave(c);
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		s = find(h2, frame->hd.stream_id);
		if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			on_answered(c, s);
		break;
	default:
		break;
	}
	return 0;
}

/* Reset; or above the last one that GOAWAY lets through (REFUSED_STREAM). */
static int
on_close(nghttp2_session *h2, int32_t id, uint32_t h2_error, void *conn)
{
	struct rsp_stream *s = find(h2, id);
	struct rsp_error e;

	if (s == NULL)
		return 0;
	rsp_reset_end(h2_error, clock_ms() >= s->deadline, &e);
	s->untouched = h2_error == NGHTTP2_REFUSED_STREAM;
	end(conn, s, s->answer.grpc_status >= 0 ? NULL : &e);
	return 0;
}

/* The request could not even be sent: GOAWAY came before. */
static int
on_not_sent(nghttp2_session *h2, const nghttp2_frame *frame, int why,
    void *conn)
{
	struct rsp_conn *c = conn;
	struct rsp_stream *s;
	struct rsp_error e;

	(void)h2;
	/* There is no stream yet to ask for its call. */
	TAILQ_FOREACH(s, &c->calls, queue)
	if (s->id == frame->hd.stream_id)
		break;
	if (frame->hd.type != NGHTTP2_HEADERS || s == NULL)
		return 0;
	rsp_fail(&e, RSP_UNAVAILABLE, "REFUSED", NULL,
	    "the server takes no more calls on this connection (%s)",
	    nghttp2_strerror(why));
	s->untouched = true;
	end(c, s, &e);
	return 0;
}

/* ---- what goes ----------------------------------------------------------- */

static ssize_t
read_body(nghttp2_session *h2, int32_t id, uint8_t *to, size_t cap,
    uint32_t *flags, nghttp2_data_source *source, void *conn)
{
	struct rsp_conn *c = conn;
	struct rsp_stream *s = find(h2, id);
	size_t len;
	bool last;

	(void)source;
	if (s == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	len = buf_len(&s->out) < cap ? buf_len(&s->out) : cap;
	last = s->out_end && len == buf_len(&s->out);
	if (len == 0 && !last)
		return NGHTTP2_ERR_DEFERRED;
	if (len > 0)
		memcpy(to, buf_head(&s->out), len);
	buf_take(&s->out, len);
	s->taken = true;
	if (s->wants_room && buf_len(&s->out) <= CALL_OUT_ROOM)
		rsp_stream_stir(s);
	if (last)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (!s->acts && (last || s->method->kind == RSP_CLIENT_STREAM ||
			    s->method->kind == RSP_BIDI)) {
		s->acts = true;
		s->acts_after = c->queued;
	}
	return (ssize_t)len;
}

/* nghttp2 copies them; it only lacks the const. */
static void
add(nghttp2_nv *nv, size_t *n, const char *name, const char *value)
{
	nv[(*n)++] = (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name,
		.namelen = strlen(name),
		.value = (uint8_t *)(uintptr_t)value,
		.valuelen = strlen(value),
	};
}

static size_t
headers(const struct rsp_conn *c, const struct rsp_stream *s, char timeout[16],
    nghttp2_nv nv[HEADERS_MAX])
{
	const struct rsp_config *o = c->config;
	int64_t left = s->deadline - clock_ms();
	size_t n = 0;

	add(nv, &n, ":method", "POST");
	add(nv, &n, ":scheme", "https");
	add(nv, &n, ":path", s->method->path);
	add(nv, &n, ":authority", o->servers[c->server].authority);
	add(nv, &n, "te", "trailers");
	add(nv, &n, "content-type", "application/grpc");
	add(nv, &n, "user-agent", o->user_agent);
	add(nv, &n, "grpc-accept-encoding", "identity,gzip");
	if (o->gzip)
		add(nv, &n, "grpc-encoding", "gzip");
	if (s->deadline != NEVER) {
		grpc_timeout_format((left > 0 ? left : 1) * 1000000, timeout);
		add(nv, &n, "grpc-timeout", timeout);
	}
	if (o->authorization != NULL) {
		add(nv, &n, "authorization", o->authorization);
		nv[n - 1].flags = NGHTTP2_NV_FLAG_NO_INDEX;
	}
	return n;
}

int
rsp_conn_start(struct rsp_conn *c, struct rsp_stream *s)
{
	nghttp2_data_provider body = { .read_callback = read_body };
	nghttp2_nv nv[HEADERS_MAX];
	char timeout[16];
	size_t n = headers(c, s, timeout, nv);
	int32_t id = nghttp2_submit_request(c->h2, NULL, nv, n, &body, s);

	if (id < 0) {
		rsp_conn_leave(c); /* its numbers are used up */
		return -1;
	}
	rsp_stream_opened(s, c, c->server, id);
	TAILQ_INSERT_TAIL(&c->calls, s, queue);
	return 0;
}

void
rsp_conn_resume(struct rsp_stream *s)
{
	(void)nghttp2_session_resume_data(s->conn->h2, s->id);
}

void
rsp_conn_credit(struct rsp_stream *s, size_t len)
{
	(void)nghttp2_session_consume_stream(s->conn->h2, s->id, len);
}

void
rsp_conn_abort(struct rsp_stream *s, const struct rsp_error *e)
{
	struct rsp_conn *c = s->conn;
	int32_t id = s->id;

	end(c, s, e);
	(void)nghttp2_submit_rst_stream(c->h2, NGHTTP2_FLAG_NONE, id,
	    NGHTTP2_CANCEL);
}

/* ---- the session --------------------------------------------------------- */

static int
session_new(struct rsp_conn *c)
{
	nghttp2_session_callbacks *cb = NULL;
	nghttp2_option *opt = NULL;
	int rc = -1;

	if (nghttp2_session_callbacks_new(&cb) == 0 &&
	    nghttp2_option_new(&opt) == 0) {
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb,
		    on_data);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb,
		    on_frame);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb,
		    on_close);
		nghttp2_session_callbacks_set_on_frame_not_send_callback(cb,
		    on_not_sent);
		nghttp2_option_set_no_auto_window_update(opt, 1);
		rc = nghttp2_session_client_new2(&c->h2, cb, c, opt);
	}
	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(opt);
	return rc;
}

int
rsp_h2_start(struct rsp_conn *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 65536 },
	};

	if (session_new(c) != 0 ||
	    nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings,
		sizeof settings / sizeof settings[0]) != 0 ||
	    nghttp2_session_set_local_window_size(c->h2, NGHTTP2_FLAG_NONE, 0,
		CONNECTION_WINDOW) != 0)
		return -1;
	return 0;
}
