/*
 * A connection's whole life over a fake of net/conn.h: HTTP/2, gRPC and the
 * echo service on any frames.  Each byte of input begins a step: a frame with
 * a good length, bytes as they are, or a turn of the loop.  In the end nothing
 * is left open.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit/rpc/echo.h"
#include "base/log.h"
#include "http2/internal.h"
#include "net/listener.h"
#include "net/peer.h"
#include "rpc/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- net, faked: one connection ------------------------------------------ */

struct conn {
	struct conn_user *user;
	struct buf pending;
	bool open, finishing, dead;
	struct peer peer;
};

struct conn_group {
	const struct conn_ops *ops;
};

static struct conn the_conn;
static struct conn_group the_group;
static listener_fn *accepted;
static void *accepted_arg;

struct conn_group *
conn_group_new(struct loop *loop, const struct conn_ops *ops, unsigned ms)
{
	(void)loop;
	(void)ms;
	the_group.ops = ops;
	return &the_group;
}

void
conn_group_free(struct conn_group *g)
{
	(void)g;
}

struct conn *
conn_open(struct conn_group *g, struct tls_server *tls, int fd,
    const struct sockaddr_storage *from, struct conn_user *u, struct err *e)
{
	(void)g;
	(void)tls;
	(void)fd;
	(void)from;
	(void)e;
	the_conn = (struct conn){ .user = u, .open = true };
	u->conn = &the_conn;
	return &the_conn;
}

void
conn_free(struct conn *c)
{
	buf_free(&c->pending);
}

const struct peer *
conn_peer(const struct conn *c)
{
	return &c->peer;
}

bool
conn_is_open(const struct conn *c)
{
	return c->open;
}

void
conn_wake(struct conn *c)
{
	(void)c; /* every step ends with a turn or the next one does */
}

void
conn_wake_later(struct conn *c)
{
	(void)c;
}

int
conn_send(struct conn *c, const void *bytes, size_t len)
{
	return buf_append(&c->pending, bytes, len);
}

size_t
conn_queued(const struct conn *c)
{
	return buf_len(&c->pending);
}

void
conn_finish(struct conn *c)
{
	c->open = false;
	c->finishing = true;
}

void
conn_abort(struct conn *c)
{
	c->open = false;
	c->dead = true;
}

bool
conn_still_trusted(struct conn *c, struct err *e)
{
	(void)c;
	(void)e;
	return true;
}

int
listener_start(struct listener *l, struct loop *loop, listener_fn *fn,
    void *arg, struct err *e)
{
	(void)l;
	(void)loop;
	(void)e;
	accepted = fn;
	accepted_arg = arg;
	return 0;
}

void
listener_stop(struct listener *l)
{
	(void)l;
}

/* ---- the client ----------------------------------------------------------- */

static void
turn(void)
{
	struct conn *c = &the_conn;
	struct buf out = { 0 };

	if (c->dead)
		return;
	the_group.ops->turn(c->user);
	while (c->open) {
		size_t before = buf_len(&out);

		the_group.ops->fill(c->user, &out, 65536);
		if (buf_len(&out) - before < 65536)
			break;
		buf_take(&out, buf_len(&out));
	}
	buf_free(&out);
	buf_take(&c->pending, buf_len(&c->pending));
}

static void
send_bytes(const void *bytes, size_t len)
{
	if (the_conn.open)
		the_group.ops->received(the_conn.user, bytes, len);
}

static void
send_frame(uint8_t type, uint8_t flags, uint8_t stream, const void *payload,
    size_t len)
{
	uint8_t frame[9 + 512] = { 0, (uint8_t)(len >> 8), (uint8_t)len, type,
		flags, 0, 0, 0, stream };

	memcpy(frame + 9, payload, len);
	send_bytes(frame, 9 + len);
}

/* A request for each kind of call, as literals without index. */
static size_t
request(uint8_t out[512], unsigned which)
{
	static const char *const paths[] = { "/t.Echo/Unary", "/t.Echo/Collect",
		"/t.Echo/Pour", "/t.Echo/Chat",
		"/grpc.health.v1.Health/Watch" };
	const char *const fields[][2] = { { ":method", "POST" },
		{ ":scheme", "https" }, { ":path", paths[which % 5] },
		{ "te", "trailers" }, { "content-type", "application/grpc" },
		{ "grpc-encoding", which & 8 ? "gzip" : "identity" },
		{ "grpc-timeout", "9S" } };
	uint8_t *p = out;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		*p++ = 0;
		for (int j = 0; j < 2; j++) {
			size_t len = strlen(fields[i][j]);

			*p++ = (uint8_t)len;
			memcpy(p, fields[i][j], len);
			p += len;
		}
	}
	return (size_t)(p - out);
}

/* One gRPC message whose text is `text`. */
static size_t
message(uint8_t out[512], const uint8_t *text, size_t len)
{
	memcpy(out, "\0\0\0\0\0\x12", 6);
	out[4] = (uint8_t)(2 + len);
	out[6] = (uint8_t)len;
	memcpy(out + 7, text, len);
	return 7 + len;
}

struct input {
	const uint8_t *at, *end;
};

static uint8_t
byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

/* Up to `most` bytes of what is left. */
static const uint8_t *
some(struct input *in, size_t most, size_t *len)
{
	const uint8_t *p = in->at;

	*len = byte(in) % (most + 1);
	p = in->at;
	if (*len > (size_t)(in->end - p))
		*len = (size_t)(in->end - p);
	in->at += *len;
	return p;
}

static void
step(struct input *in)
{
	uint8_t what = byte(in), flags = byte(in), stream = byte(in);
	uint8_t out[512];
	const uint8_t *bytes;
	size_t len;

	switch (what % 8) {
	case 0:
		turn();
		break;
	case 1:
		len = request(out, what >> 3);
		send_frame(NGHTTP2_HEADERS, flags | NGHTTP2_FLAG_END_HEADERS,
		    stream | 1, out, len);
		break;
	case 2:
		bytes = some(in, 100, &len);
		len = message(out, bytes, len);
		send_frame(NGHTTP2_DATA, flags & NGHTTP2_FLAG_END_STREAM,
		    stream | 1, out, len);
		break;
	case 3:
		bytes = some(in, 200, &len);
		send_bytes(bytes, len);
		break;
	default: /* any frame */
		bytes = some(in, 200, &len);
		send_frame((what >> 3) % 11, flags, stream, bytes, len);
		break;
	}
}

/* ---- the server ----------------------------------------------------------- */

static struct service app;

static struct rpc_server *
start(void)
{
	struct rpc_server_opts o = echo_opts(&app);
	struct err e = { 0 };
	struct loop *loop = loop_new(&e);
	struct rpc_server *server;
	uint8_t *room;

	log_set_level(LOG_LEVEL_ERROR);
	if ((app.shared = rpc_shared_new(4, &room)) == NULL)
		abort();
	memcpy(room, "\x12\2hi", 4);
	o.limits.max_request_bytes = 4096;
	o.limits.max_response_bytes = 65536;
	o.limits.send_high_water = 500;
	o.limits.max_streams = 10;
	server = loop != NULL ? rpc_server_new(loop, &o, &e) : NULL;
	if (server == NULL || rpc_server_listen(server, NULL, NULL, &e) < 0)
		abort();
	return server;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rpc_server *server; /* one for all runs */
	struct input in = { data, data + size };
	struct sockaddr_storage from = { .ss_family = AF_INET };
	struct http2_server *h2;

	if (server == NULL)
		server = start();
	h2 = server->http2;
	accepted(accepted_arg, -1, &from);
	the_group.ops->opened(the_conn.user);
	send_bytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	send_frame(NGHTTP2_SETTINGS, 0, 0, "", 0);
	while (in.at < in.end && the_conn.open)
		step(&in);
	turn();
	the_group.ops->closed(the_conn.user);
	conn_free(&the_conn);
	if (server->open != NULL || server->waiting != 0 ||
	    server->counters.calls_open != 0 || h2->first != NULL ||
	    h2->counters.connections_open != 0 || app.admitted != app.closed)
		abort();
	return 0;
}
