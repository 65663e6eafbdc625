/*
 * Any request header list, then any body, over a fake HTTP/2: lines "name:
 * value" up to an empty one, then bytes.  Each stream gets one end and leaves
 * nothing behind in the server.
 */
#include "../unit/rpc/fake_http2.h"

#include "../unit/rpc/echo.h"
#include "base/log.h"
#include "rpc/internal.h"

#define PIECE 7 /* bytes of body at once */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One header; the line's end, or NULL: there are no more. */
static const uint8_t *
take_header(const uint8_t *at, const uint8_t *end, struct http2_header *h)
{
	const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
	const uint8_t *colon;

	if (line == NULL || line == at)
		return NULL;
	/* nghttp2 lets no NUL through. */
	colon = memchr(at + 1, ':', (size_t)(line - at - 1));
	if (colon == NULL || memchr(at, 0, (size_t)(line - at)) != NULL)
		return NULL;
	h->name = (const char *)at;
	h->name_len = (size_t)(colon - at);
	colon += colon + 1 < line && colon[1] == ' ' ? 2 : 1;
	h->value = (const char *)colon;
	h->value_len = (size_t)(line - colon);
	return line + 1;
}

static void
finish(struct http2_stream *st)
{
	if (st->user != NULL)
		fake_read_all(st);
	fake_over(st, HTTP2_CANCEL);
}

static struct rpc_server *
start(struct service *app)
{
	struct rpc_server_opts o = echo_opts(app);
	struct err e = { 0 };
	struct loop *loop = loop_new(&e);
	struct rpc_server *server;
	uint8_t *room;

	if ((app->shared = rpc_shared_new(4, &room)) == NULL)
		abort();
	memcpy(room, "\x12\2hi", 4);
	o.limits.max_request_bytes = 4096;
	o.limits.max_response_bytes = 65536;
	o.limits.send_high_water = 500;
	server = loop != NULL ? rpc_server_new(loop, &o, &e) : NULL;
	if (server == NULL)
		abort();
	return server;
}

static bool
too_much(const struct http2_header *h, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (h[i].name_len + h[i].value_len > 1000)
			return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct service app;
	static struct rpc_server *server; /* one for all runs */
	const uint8_t *at = data, *end = data + size, *next;
	struct http2_header h[FAKE_HEADERS_MAX];
	struct http2_stream *st;
	size_t n = 0;

	if (server == NULL)
		server = start(&app);
	while (n < FAKE_HEADERS_MAX && at < end &&
	       (next = take_header(at, end, &h[n])) != NULL) {
		n++;
		at = next;
	}
	if (n == 0 || too_much(h, n))
		return 0;
	st = fake_open(fake_server, h, n, false);
	at += at < end && *at == '\n';
	for (; at < end; at += end - at < PIECE ? end - at : PIECE)
		fake_data(st, at,
		    (size_t)(end - at < PIECE ? end - at : PIECE));
	fake_end(st);
	finish(st);
	if (server->waiting != 0 || server->open != NULL ||
	    app.admitted != app.closed)
		abort();
	fake_server->streams = NULL;
	buf_free(&st->queue);
	buf_free(&st->body);
	free(st);
	return 0;
}
