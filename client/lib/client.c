/* client.c - see resopro/client.h: a client, and unary calls with retries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <poll.h>

#include "internal.h"

#define ATTEMPTS 4
#define BACKOFF_MS 100
#define BACKOFF_MAX_MS 5000

/* ---- options ------------------------------------------------------------ */

static uint32_t
or_default(uint32_t given, uint32_t otherwise)
{
	return given != 0 ? given : otherwise;
}

static int
copy(char **to, const char *from, struct rsp_error *e)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL ? 0 :
	    fail(e, RSP_ERR_NOMEM, "client");
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static int
split_server(struct rsp_client *c, const char *server, struct rsp_error *e)
{
	const char *port = NULL, *host = server, *end;

	if (server == NULL || server[0] == '\0') {
		fail(e, RSP_ERR_CONFIG, "no server is given");
		error_remedy(e, "set RESOPRO_SERVER, or server in the profile "
		    "(host:port)");
		return -1;
	}
	if (server[0] == '[') {
		host = server + 1;
		end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return fail(e, RSP_ERR_CONFIG, "server %s: not an "
			    "address", server);
		if (end[1] == ':')
			port = end + 2;
	} else {
		end = strchr(host, ':');
		if (end != NULL)
			port = end + 1;
		else
			end = host + strlen(host);
	}
	c->host = strndup(host, (size_t)(end - host));
	if (c->host == NULL)
		return fail(e, RSP_ERR_NOMEM, "client");
	return copy(&c->port, port != NULL && port[0] != '\0' ? port :
	    RSP_DEFAULT_PORT, e);
}

static int
fill(struct rsp_client *c, const struct rsp_client_opts *o,
    struct rsp_error *e)
{
	if (o->size != sizeof *o)
		return fail(e, RSP_ERR_CONFIG, "rsp_client_opts.size is %zu, "
		    "not %zu", o->size, sizeof *o);
	if (split_server(c, o->server, e) < 0 ||
	    copy(&c->server_name, o->server_name, e) < 0 ||
	    copy(&c->token, o->token, e) < 0 ||
	    copy(&c->user_agent, o->user_agent, e) < 0)
		return -1;
	c->connect_timeout_ms = or_default(o->connect_timeout_ms, 10000);
	c->deadline_ms = or_default(o->deadline_ms, 30000);
	c->keepalive_ms = or_default(o->keepalive_ms, 30000);
	c->max_message_bytes = or_default(o->max_message_bytes, 4u << 20);
	c->max_buffered_bytes = or_default(o->max_buffered_bytes, 64u << 20);
	c->gzip = o->gzip;
	c->no_retry = o->no_retry;
	c->tls = tls_context(o, e);
	return c->tls != NULL ? 0 : -1;
}

struct rsp_client *
rsp_client_new(const struct rsp_client_opts *o, struct rsp_error *e)
{
	struct rsp_client *c = calloc(1, sizeof *c);

	if (c == NULL) {
		fail(e, RSP_ERR_NOMEM, "client");
		return NULL;
	}
	c->interrupt_fd = -1;
	if (getrandom(&c->jitter, sizeof c->jitter, GRND_NONBLOCK) < 0)
		c->jitter = (uint64_t)now_ns();
	if (fill(c, o, e) < 0) {
		rsp_client_free(c);
		return NULL;
	}
	return c;
}

static void
disconnect(struct rsp_client *c)
{
	struct rsp_error why = { 0 };

	if (c->conn == NULL)
		return;
	fail(&why, RSP_CANCELLED, "the client was closed");
	conn_lost(c->conn, &why);
	conn_free(c->conn);
	c->conn = NULL;
}

void
rsp_client_free(struct rsp_client *c)
{
	if (c == NULL)
		return;
	if (c->conn != NULL && !c->conn->dead) {
		nghttp2_session_terminate_session(c->conn->h2,
		    NGHTTP2_NO_ERROR);
		(void)conn_flush(c->conn, NULL);
	}
	disconnect(c);
	while (c->streams != NULL)
		rsp_stream_close(c->streams);
	SSL_CTX_free(c->tls);
	free(c->host);
	free(c->port);
	free(c->server_name);
	free(c->token);
	free(c->user_agent);
	free(c);
}

void
rsp_client_set_interrupt_fd(struct rsp_client *c, int fd)
{
	c->interrupt_fd = fd;
}

/* ---- connecting --------------------------------------------------------- */

static int
connect_until(struct rsp_client *c, int64_t deadline, struct rsp_error *e)
{
	/* One that is dead, or that takes no new calls, is let go once no
	 * stream is left on it. */
	if (c->conn != NULL && (c->conn->dead || (c->conn->goaway &&
	    c->conn->streams == 0)))
		disconnect(c);
	if (c->conn != NULL && c->conn->goaway) {
		fail(e, RSP_UNAVAILABLE, "the server is stopping");
		error_reason(e, "DRAINING");
		error_remedy(e, "try again in a few seconds");
		return -1;
	}
	if (c->conn == NULL)
		c->conn = conn_open(c, deadline, e);
	return c->conn != NULL ? 0 : -1;
}

int
rsp_client_connect(struct rsp_client *c, struct rsp_error *e)
{
	return connect_until(c, 0, e);
}

/* ---- unary calls -------------------------------------------------------- */

static bool
has_request_id(const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
	    protobuf_c_message_descriptor_get_field_by_name(m->descriptor,
	    "request_id");
	const char *id;

	if (f == NULL || f->type != PROTOBUF_C_TYPE_STRING)
		return false;
	memcpy(&id, (const char *)m + f->offset, sizeof id);
	return id != NULL && id[0] != '\0';
}

static bool
repeatable(const struct rsp_method *m, const ProtobufCMessage *request)
{
	return m->effect == RSP_READ ||
	    (m->effect == RSP_WRITE_ID && has_request_id(request));
}

/* 1: answered; 0 is never returned; -1: *e. */
static int
attempt(struct rsp_client *c, const struct rsp_method *m,
    const ProtobufCMessage *request, ProtobufCMessage **response,
    int64_t deadline, struct rsp_error *e)
{
	int64_t left = deadline == 0 ? RSP_DEADLINE_NONE :
	    (deadline - now_ns() + NS_PER_MS - 1) / NS_PER_MS;
	enum rsp_received got = RSP_RECV_ERROR;
	ProtobufCMessage *extra;
	struct rsp_stream *s;

	if (deadline != 0 && left <= 0) {
		fail(e, RSP_DEADLINE_EXCEEDED, "the deadline passed");
		return -1;
	}
	if (connect_until(c, deadline, e) < 0 ||
	    (s = rsp_stream_open(c, m, left, e)) == NULL)
		return -1;
	if (rsp_stream_send(s, request, e) != RSP_SEND_ERROR)
		got = rsp_stream_recv(s, -1, response, e);
	if (got == RSP_RECV_MESSAGE) {
		got = rsp_stream_recv(s, -1, &extra, e);
		rsp_message_free(extra);
		if (got == RSP_RECV_MESSAGE)
			fail(e, RSP_INTERNAL, "more than one answer came");
	} else if (got == RSP_RECV_END) {
		fail(e, RSP_INTERNAL, "no answer came");
		got = RSP_RECV_ERROR;
	}
	rsp_stream_close(s);
	if (got == RSP_RECV_END)
		return 1;
	rsp_message_free(*response);
	*response = NULL;
	return -1;
}

/* May it be tried again?  What the server surely did not do always may. */
static bool
retriable(const struct rsp_error *e, bool safe)
{
	if (e->code == RSP_UNAVAILABLE)
		return safe || !e->maybe_written;
	return e->code == RSP_RESOURCE_EXHAUSTED && e->from_server &&
	    e->retry_after_ms != 0 && e->retry_after_ms <= BACKOFF_MAX_MS;
}

static uint32_t
random_below(struct rsp_client *c, uint32_t n)
{
	c->jitter = c->jitter * 6364136223846793005u + 1442695040888963407u;
	return n > 0 ? (uint32_t)(c->jitter >> 33) % n : 0;
}

/* -1: interrupted. */
static int
pause_ms(struct rsp_client *c, uint32_t ms, struct rsp_error *e)
{
	struct pollfd p = { .fd = c->interrupt_fd, .events = POLLIN };

	if (poll(&p, c->interrupt_fd >= 0 ? 1 : 0, (int)ms) <= 0)
		return 0;
	fail(e, RSP_CANCELLED, "interrupted");
	error_reason(e, "INTERRUPTED");
	return -1;
}

static int
back_off(struct rsp_client *c, unsigned tried, int64_t deadline,
    struct rsp_error *e)
{
	uint32_t ms = BACKOFF_MS << tried;

	if (e->retry_after_ms > ms)
		ms = e->retry_after_ms;
	ms = ms / 2 + random_below(c, ms);
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	if (deadline != 0 && now_ns() + (int64_t)ms * NS_PER_MS >= deadline)
		return -1;
	return pause_ms(c, ms, e);
}

int
rsp_call(struct rsp_client *c, const struct rsp_method *m,
    const ProtobufCMessage *request, ProtobufCMessage **response,
    int64_t deadline_ms, struct rsp_error *error)
{
	bool safe = repeatable(m, request), written = false;
	struct rsp_error e = { 0 };
	int64_t deadline = 0;

	*response = NULL;
	if (m->kind != RSP_UNARY)
		return fail(error, RSP_ERR_USAGE, "%s is a stream", m->path);
	if (deadline_ms == RSP_DEADLINE_DEFAULT)
		deadline_ms = c->deadline_ms;
	if (deadline_ms > 0)
		deadline = now_ns() + deadline_ms * NS_PER_MS;
	for (unsigned tried = 0; tried < ATTEMPTS; tried++) {
		if (attempt(c, m, request, response, deadline, &e) > 0)
			return 0;
		written = written || e.maybe_written;
		if (c->no_retry || !retriable(&e, safe) ||
		    back_off(c, tried, deadline, &e) < 0)
			break;
	}
	/* The connection went with the answer on it. */
	if (written && !e.from_server && e.code == RSP_UNAVAILABLE) {
		e.code = RSP_UNCERTAIN;
		e.maybe_written = true;
		(void)snprintf(e.remedy, sizeof e.remedy, "it may have been "
		    "written: look, or send it again with the same request id");
	}
	if (error != NULL)
		*error = e;
	return -1;
}
