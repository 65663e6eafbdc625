/* stream.c - one gRPC call: what goes out, what comes in, how it ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "wire/grpc.h"


/* ---- from nghttp2 ------------------------------------------------------- */

static char *
replace(char *old, const char *value)
{
	char *copy = strdup(value);

	free(old);
	return copy;
}

void
stream_header(struct rsp_stream *s, const char *name, const char *value)
{
	if (strcmp(name, ":status") == 0) {
		s->http_status = atoi(value);
	} else if (strcmp(name, "grpc-status") == 0) {
		s->grpc_status = (unsigned)strtoul(value, NULL, 10);
		s->have_status = true;
	} else if (strcmp(name, "grpc-message") == 0) {
		s->message = replace(s->message, value);
	} else if (strcmp(name, "grpc-status-details-bin") == 0) {
		s->details = replace(s->details, value);
	} else if (strcmp(name, "grpc-encoding") == 0) {
		s->gzip = strcmp(value, "gzip") == 0;
	}
}

static void
give_back(struct rsp_stream *s, size_t len)
{
	if (s->conn != NULL && len > 0)
		nghttp2_session_consume(s->conn->h2, s->id, len);
}

void
stream_data(struct rsp_stream *s, const uint8_t *data, size_t len)
{
	s->unconsumed += len;
	if (buf_append(&s->in, data, len) == 0)
		return;
	fail(&s->failure, RSP_ERR_NOMEM, "no memory for the answer");
	rsp_stream_cancel(s);
}

void
stream_closed(struct rsp_stream *s, uint32_t error)
{
	/* Its window is the connection's too. */
	if (s->conn != NULL && s->unconsumed > 0)
		nghttp2_session_consume_connection(s->conn->h2, s->unconsumed);
	s->unconsumed = 0;
	s->over = true;
	s->conn = NULL;
	s->reset = error;
	s->was_reset = error != NGHTTP2_NO_ERROR;
	s->refused = error == NGHTTP2_REFUSED_STREAM;
}

static ssize_t
provide(nghttp2_session *h2, int32_t id, uint8_t *out, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct rsp_stream *s = source->ptr;
	size_t len = buf_len(&s->out) < room ? buf_len(&s->out) : room;

	(void)h2;
	(void)id;
	(void)arg;
	if (len == 0 && !s->half_closed) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (len > 0)
		memcpy(out, buf_head(&s->out), len);
	buf_take(&s->out, len);
	s->wrote = s->wrote || len > 0;
	if (s->half_closed && buf_len(&s->out) == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)len;
}

/* ---- opening ------------------------------------------------------------ */

static nghttp2_nv
nv(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name,
		(uint8_t *)(uintptr_t)value, strlen(name), strlen(value), 0 };
}

static int
submit(struct rsp_stream *s, struct rsp_error *e)
{
	struct rsp_client *c = s->client;
	nghttp2_data_provider provider = { .source.ptr = s,
		.read_callback = provide };
	char timeout[16], authority[512], bearer[512], agent[256];
	nghttp2_nv h[12];
	size_t n = 0;

	(void)snprintf(authority, sizeof authority, "%s:%s", c->host, c->port);
	(void)snprintf(agent, sizeof agent, "%s%slibresopro/%s",
	    c->user_agent != NULL ? c->user_agent : "",
	    c->user_agent != NULL ? " " : "", RSP_VERSION);
	h[n++] = nv(":method", "POST");
	h[n++] = nv(":scheme", "https");
	h[n++] = nv(":path", s->method->path);
	h[n++] = nv(":authority", authority);
	h[n++] = nv("te", "trailers");
	h[n++] = nv("content-type", "application/grpc");
	h[n++] = nv("user-agent", agent);
	h[n++] = nv("grpc-accept-encoding", "identity,gzip");
	if (c->gzip)
		h[n++] = nv("grpc-encoding", "gzip");
	if (s->deadline != 0) {
		grpc_timeout_format(s->deadline - now_ns(), timeout);
		h[n++] = nv("grpc-timeout", timeout);
	}
	if (c->token != NULL) {
		(void)snprintf(bearer, sizeof bearer, "Bearer %s", c->token);
		h[n] = nv("authorization", bearer);
		h[n++].flags = NGHTTP2_NV_FLAG_NO_INDEX;
	}
	s->id = nghttp2_submit_request(s->conn->h2, NULL, h, n, &provider, s);
	if (s->id < 0)
		return fail(e, s->id == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE ?
		    RSP_UNAVAILABLE : RSP_ERR_NOMEM, "HTTP/2: %s",
		    nghttp2_strerror(s->id));
	s->conn->streams++;
	return 0;
}

struct rsp_stream *
rsp_stream_open(struct rsp_client *c, const struct rsp_method *m,
    int64_t deadline_ms, struct rsp_error *e)
{
	struct rsp_stream *s = calloc(1, sizeof *s);

	if (s == NULL) {
		fail(e, RSP_ERR_NOMEM, "call");
		return NULL;
	}
	s->client = c;
	s->method = m;
	if (deadline_ms > 0)
		s->deadline = now_ns() + deadline_ms * NS_PER_MS;
	grpc_frame_reader_init(&s->reader, c->max_message_bytes);
	s->link = &c->streams;
	s->next = c->streams;
	if (s->next != NULL)
		s->next->link = &s->next;
	c->streams = s;
	if (rsp_client_connect(c, e) == 0) {
		s->conn = c->conn;
		if (submit(s, e) == 0)
			return s;
	}
	s->over = true;
	s->conn = NULL;
	rsp_stream_close(s);
	return NULL;
}

/* ---- sending ------------------------------------------------------------ */

static void
resume(struct rsp_stream *s)
{
	if (s->deferred && s->conn != NULL)
		nghttp2_session_resume_data(s->conn->h2, s->id);
	s->deferred = false;
}

static int
expired(struct rsp_stream *s, struct rsp_error *e)
{
	rsp_stream_cancel(s);
	fail(e, RSP_DEADLINE_EXCEEDED, "the deadline passed before the answer");
	if (e != NULL) {
		e->maybe_written = s->wrote && s->method->effect != RSP_READ;
		error_remedy(e, "try again, or allow more time");
		s->failure = *e;
	}
	return -1;
}

/* So that a server that is answering is not stopped by a caller that is still
 * sending: what arrives meanwhile is kept, within a bound. */
static int
make_room(struct rsp_stream *s, struct rsp_error *e)
{
	if (buf_len(&s->in) <= s->client->max_buffered_bytes) {
		give_back(s, s->unconsumed);
		s->unconsumed = 0;
		return 0;
	}
	rsp_stream_cancel(s);
	fail(e, RSP_RESOURCE_EXHAUSTED, "more than %u bytes have come and were "
	    "not read", s->client->max_buffered_bytes);
	error_remedy(e, "receive while sending");
	return -1;
}

static enum rsp_sent
drain_out(struct rsp_stream *s, struct rsp_error *e)
{
	resume(s);
	while (!s->over && buf_len(&s->out) > 0) {
		int rc;

		if (conn_flush(s->conn, NULL) >= 0 &&
		    buf_len(&s->out) == 0)
			break;
		rc = conn_turn(s->conn, s->deadline, e);
		if (rc == 1)
			return expired(s, e);
		if (rc < 0)
			return RSP_SEND_ERROR;
		if (!s->over && make_room(s, e) < 0)
			return RSP_SEND_ERROR;
	}
	/* On its way as soon as may be, without waiting for an answer. */
	if (!s->over)
		(void)conn_flush(s->conn, NULL);
	return s->over && buf_len(&s->out) > 0 ? RSP_SEND_ENDED : RSP_SEND_OK;
}

enum rsp_sent
rsp_stream_send(struct rsp_stream *s, const ProtobufCMessage *m,
    struct rsp_error *e)
{
	bool single = s->method->kind == RSP_UNARY ||
	    s->method->kind == RSP_SERVER_STREAM;

	if (s->half_closed)
		return fail(e, RSP_ERR_USAGE, "the sending side is closed");
	if (s->over)
		return RSP_SEND_ENDED;
	if (message_frame(&s->out, m, s->client->gzip,
	    s->client->max_message_bytes, e) < 0)
		return RSP_SEND_ERROR;
	if (single)
		s->half_closed = true;
	return drain_out(s, e);
}

enum rsp_sent
rsp_stream_half_close(struct rsp_stream *s, struct rsp_error *e)
{
	if (s->half_closed)
		return RSP_SEND_OK;
	s->half_closed = true;
	if (s->over)
		return RSP_SEND_ENDED;
	return drain_out(s, e);
}

/* ---- receiving ---------------------------------------------------------- */

/* 1: *m; 0: not yet; -1. */
static int
next_message(struct rsp_stream *s, ProtobufCMessage **m, struct rsp_error *e)
{
	while (buf_len(&s->in) > 0) {
		struct err why = { 0 };
		struct grpc_frame f;
		size_t used = 0;
		int rc = grpc_frame_feed(&s->reader, buf_head(&s->in),
		    buf_len(&s->in), &used, &f, &why);
		size_t back = used < s->unconsumed ? used : s->unconsumed;

		if (rc == 1)
			*m = message_from_frame(&f, s->gzip, s->method->output,
			    s->client->max_message_bytes, e);
		buf_take(&s->in, used);
		give_back(s, back);
		s->unconsumed -= back;
		if (rc < 0)
			return fail(e, why.code == ERR_LIMIT ?
			    RSP_RESOURCE_EXHAUSTED : RSP_INTERNAL, "%s",
			    why.msg);
		if (rc == 1)
			return *m != NULL ? 1 : -1;
	}
	return 0;
}

static void
not_grpc(const struct rsp_stream *s, struct rsp_error *e)
{
	if (s->http_status != 0 && s->http_status != 200) {
		fail(e, RSP_UNAVAILABLE, "the server answered HTTP %d",
		    s->http_status);
		error_remedy(e, "check the address: is it resoprod's?");
		return;
	}
	fail(e, s->was_reset && s->reset == NGHTTP2_CANCEL ? RSP_CANCELLED :
	    RSP_UNAVAILABLE, "the server ended the call (%s)",
	    nghttp2_http2_strerror(s->reset));
	error_reason(e, s->refused ? "REFUSED" : "RESET");
}

void
stream_outcome(struct rsp_stream *s, struct rsp_error *e)
{
	if (s->failure.code != RSP_OK) {
		*e = s->failure;
		if (s->wrote && s->method->effect != RSP_READ)
			e->maybe_written = true;
	} else if (s->cancelled) {
		fail(e, RSP_CANCELLED, "cancelled");
	} else if (s->have_status) {
		if (s->grpc_status == GRPC_OK)
			rsp_error_clear(e);
		else
			error_from_status(e, s->grpc_status, s->message,
			    s->details);
	} else {
		not_grpc(s, e);
		e->maybe_written = s->wrote && !s->refused &&
		    s->method->effect != RSP_READ;
	}
}

static enum rsp_received
ended(struct rsp_stream *s, struct rsp_error *e)
{
	struct rsp_error how;

	stream_outcome(s, &how);
	if (how.code == RSP_OK && grpc_frame_partial(&s->reader))
		fail(&how, RSP_INTERNAL, "the answer ends within a message");
	if (how.code == RSP_OK)
		return RSP_RECV_END;
	if (e != NULL)
		*e = how;
	return RSP_RECV_ERROR;
}

enum rsp_received
rsp_stream_recv(struct rsp_stream *s, int timeout_ms, ProtobufCMessage **m,
    struct rsp_error *e)
{
	int64_t limit = timeout_ms < 0 ? 0 :
	    now_ns() + (int64_t)timeout_ms * NS_PER_MS;

	*m = NULL;
	for (;;) {
		int64_t until = limit;
		int rc = next_message(s, m, e);

		if (rc != 0) {
			if (rc < 0)
				rsp_stream_cancel(s);
			return rc > 0 ? RSP_RECV_MESSAGE : RSP_RECV_ERROR;
		}
		if (s->over)
			return ended(s, e);
		if (s->deadline != 0 && (until == 0 || s->deadline < until))
			until = s->deadline;
		rc = conn_turn(s->conn, until, e);
		if (rc < 0 && !s->over)
			return RSP_RECV_ERROR;	/* interrupted */
		if (rc != 1 || s->over || buf_len(&s->in) > 0)
			continue;
		if (s->deadline != 0 && now_ns() >= s->deadline) {
			expired(s, e);
			return RSP_RECV_ERROR;
		}
		return RSP_RECV_TIMEOUT;
	}
}

/* ---- ending ------------------------------------------------------------- */

void
rsp_stream_cancel(struct rsp_stream *s)
{
	if (s->over)
		return;
	s->cancelled = true;
	s->over = true;
	if (s->conn == NULL)
		return;
	nghttp2_session_set_stream_user_data(s->conn->h2, s->id, NULL);
	if (s->unconsumed > 0)
		nghttp2_session_consume_connection(s->conn->h2, s->unconsumed);
	nghttp2_submit_rst_stream(s->conn->h2, NGHTTP2_FLAG_NONE, s->id,
	    NGHTTP2_CANCEL);
	(void)conn_flush(s->conn, NULL);
	s->conn = NULL;
}

void
rsp_stream_close(struct rsp_stream *s)
{
	if (s == NULL)
		return;
	rsp_stream_cancel(s);
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	grpc_frame_reader_free(&s->reader);
	buf_free(&s->out);
	buf_free(&s->in);
	free(s->message);
	free(s->details);
	free(s);
}
