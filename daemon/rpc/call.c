/* call.c - the receiving half of a call: headers, admission, messages. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/internal.h"
#include "wire/grpc.h"

#define POOL_MAX 1024
#define OPEN_REQUEST_MAX 4096 /* from somebody we do not know */
#define NS_PER_MS 1000000

/* ---- life --------------------------------------------------------------- */

static struct call *
call_new(struct rpc_server *s)
{
	struct call *c = s->pool;

	if (c != NULL) {
		s->pool = c->next;
		s->pooled--;
	} else if ((c = calloc(1, sizeof *c)) == NULL) {
		return NULL;
	}
	if (c->arena == NULL)
		c->arena = arena_new(s->opts.limits.arena_bytes);
	if (c->arena == NULL) {
		call_free(c);
		return NULL;
	}
	c->server = s;
	c->next = s->open;
	c->link = &s->open;
	if (c->next != NULL)
		c->next->link = &c->next;
	s->open = c;
	server_sweep_later(s);
	return c;
}

void
call_free(struct call *c)
{
	arena_free(c->arena);
	grpc_frame_reader_free(&c->reader);
	free(c);
}

/* What the request held goes back into the server's sum. */
static void
free_request(struct call *c)
{
	buf_free(&c->held);
	buf_free(&c->inflated);
	c->server->waiting -= c->waiting;
	c->waiting = 0;
}

/* Ready for another stream, or gone. */
static void
call_release(struct call *c)
{
	struct rpc_server *s = c->server;
	struct arena *arena = c->arena;
	struct grpc_frame_reader reader = c->reader;

	timer_stop(&c->deadline);
	timer_stop(&c->slow);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	free_request(c);
	buf_free(&c->plain);
	if (s->pooled >= POOL_MAX) {
		call_free(c);
		return;
	}
	if (arena_is_held(arena)) {
		arena_free(arena);
		arena = NULL;
	} else {
		arena_reset(arena);
	}
	grpc_frame_reader_reset(&reader, READER_KEPT);
	memset(c, 0, sizeof *c);
	c->arena = arena;
	c->reader = reader;
	c->next = s->pool;
	s->pool = c;
	s->pooled++;
}

static void
tell_closed(struct call *c)
{
	if (c->told_closed || c->method == NULL)
		return;
	c->told_closed = true;
	if (c->method->closed != NULL)
		c->method->closed(c);
}

void
call_end(struct call *c, const struct err *e)
{
	if (c->ended)
		return;
	answer_status(c, e, NULL, 0);
	tell_closed(c);
}

static void
stream_closed(struct http2_user *user, uint32_t error)
{
	struct call *c = (struct call *)user;
	struct rpc_server *s = c->server;
	unsigned status = c->ended ? c->status : GRPC_CANCELLED;

	(void)error;
	if (!c->ended) {
		c->ended = true;
		c->status = status;
	}
	s->counters.calls_open--;
	s->counters.calls_by_code[status < 17 ? status : GRPC_UNKNOWN]++;
	tell_closed(c);
	if (s->opts.done != NULL && c->method != NULL)
		s->opts.done(c, status, clock_monotonic_ns() - c->started_ns);
	call_release(c);
}

/* ---- time --------------------------------------------------------------- */

static void
expire(struct call *c, const char *what)
{
	struct err e = { 0 };

	err_set(&e, ERR_DEADLINE, "%s", what);
	/* A client that no longer reads would keep the status queued. */
	if (http2_queued(c->http2.stream) > 0) {
		c->ended = true;
		c->status = GRPC_DEADLINE_EXCEEDED;
		tell_closed(c);
		http2_reset(c->http2.stream, HTTP2_CANCEL);
		return;
	}
	call_end(c, &e);
}

static void
deadline_passed(struct timer *t)
{
	expire((struct call *)((char *)t - offsetof(struct call, deadline)),
	    "the deadline passed before the answer");
}

static void
request_too_slow(struct timer *t)
{
	expire((struct call *)((char *)t - offsetof(struct call, slow)),
	    "the request took too long to arrive");
}

/* ---- request headers ---------------------------------------------------- */

static bool
value_is(const char *value, const char *wanted)
{
	return value != NULL && strcmp(value, wanted) == 0;
}

static int
copy_headers(struct call *c, const struct http2_header *h, size_t n)
{
	c->headers = arena_alloc(c->arena, n * sizeof *c->headers);
	if (c->headers == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char *text =
		    arena_alloc(c->arena, h[i].name_len + h[i].value_len + 2);

		if (text == NULL)
			return -1;
		memcpy(text, h[i].name, h[i].name_len);
		memcpy(text + h[i].name_len + 1, h[i].value, h[i].value_len);
		c->headers[i] =
		    (struct header){ text, text + h[i].name_len + 1 };
	}
	c->n_headers = n;
	return 0;
}

const char *
call_metadata(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->n_headers; i++) {
		if (strcmp(c->headers[i].name, name) == 0)
			return c->headers[i].value;
	}
	return NULL;
}

/* "application/grpc", or that with "+proto" or parameters. */
static bool
grpc_content_type(const char *v)
{
	static const char type[] = "application/grpc";

	if (v == NULL || strncmp(v, type, sizeof type - 1) != 0)
		return false;
	v += sizeof type - 1;
	return *v == '\0' || *v == ';' || strcmp(v, "+proto") == 0 ||
	       strncmp(v, "+proto;", 7) == 0;
}

static int
read_encoding(struct call *c, struct err *e)
{
	const char *enc = call_metadata(c, "grpc-encoding");
	const char *accept = call_metadata(c, "grpc-accept-encoding");

	c->accepts_gzip = accept != NULL && strstr(accept, "gzip") != NULL;
	if (enc == NULL || strcmp(enc, "identity") == 0)
		return 0;
	if (strcmp(enc, "gzip") == 0) {
		c->encoding = ENCODING_GZIP;
		return 0;
	}
	err_set(e, ERR_UNIMPLEMENTED, "grpc-encoding %.32s is not known", enc);
	err_reason(e, "ENCODING");
	return err_remedy(e, "use gzip or identity");
}

static int
read_timeout(struct call *c, struct err *e)
{
	const char *v = call_metadata(c, "grpc-timeout");
	int64_t ns;

	if (v == NULL)
		return 0;
	if (grpc_timeout_parse(v, strlen(v), &ns) < 0) {
		err_set(e, ERR_INVALID, "grpc-timeout: not a timeout");
		return err_reason(e, "TIMEOUT");
	}
	if (ns > INT64_MAX - c->started_ns)
		return 0; /* for ever, as near as makes no difference */
	c->deadline_ns = c->started_ns + ns;
	c->deadline.run = deadline_passed;
	timer_start(c->server->loop, &c->deadline, ns);
	return 0;
}

static int
find_method(struct call *c, const char *path, struct err *e)
{
	c->method = server_route(c->server, path, strlen(path));
	if (c->method != NULL)
		return 0;
	err_set(e, ERR_UNIMPLEMENTED, "there is no method %.120s", path);
	err_reason(e, "METHOD");
	return err_remedy(e, "list the methods by server reflection");
}

static int
admit(struct call *c, struct err *e)
{
	const char *path = call_metadata(c, ":path");
	const struct rpc_server_opts *o = &c->server->opts;

	if (!value_is(call_metadata(c, "te"), "trailers")) {
		err_set(e, ERR_INVALID, "te: the client must accept trailers");
		return err_reason(e, "TE");
	}
	if (find_method(c, path != NULL ? path : "", e) < 0 ||
	    read_encoding(c, e) < 0 || read_timeout(c, e) < 0)
		return -1;
	if (c->server->draining && (c->method->kind == RPC_SERVER_STREAM ||
				       c->method->kind == RPC_BIDI))
		return server_stopping(e);
	c->reader.max = o->limits.max_request_bytes;
	if (c->method->open && c->reader.max > OPEN_REQUEST_MAX)
		c->reader.max = OPEN_REQUEST_MAX;
	if (c->method->open || o->admit == NULL)
		return 0;
	return o->admit(c, e);
}

/* The first byte to the last must not take for ever. */
static void
expect_body(struct call *c)
{
	if (call_streams_in(c))
		return;
	c->slow.run = request_too_slow;
	timer_start(c->server->loop, &c->slow,
	    (int64_t)c->server->opts.limits.request_ms * NS_PER_MS);
}

static void
refuse_headers(struct call *c)
{
	struct err e = { 0 };

	err_set(&e, ERR_LIMIT, "the request's headers have more than %zu bytes",
	    c->server->opts.limits.max_header_bytes);
	err_reason(&e, "HEADERS_TOO_LARGE");
	err_remedy(&e, "send less metadata");
	answer_status(c, &e, NULL, 0);
}

static struct http2_user *
request(struct http2_stream *stream, struct service *service,
    const struct http2_header *h, size_t n, bool end)
{
	/* rpc handed its own server down as the opaque service. */
	struct rpc_server *s = (struct rpc_server *)service;
	struct call *c = call_new(s);
	struct err e = { 0 };

	if (c == NULL)
		return NULL;
	c->http2.stream = stream;
	c->started_ns = clock_monotonic_ns();
	s->counters.calls++;
	s->counters.calls_open++;
	if (n == 0 || copy_headers(c, h, n) < 0) {
		refuse_headers(c);
	} else if (!value_is(call_metadata(c, ":method"), "POST")) {
		answer_http(c, "405");
	} else if (!grpc_content_type(call_metadata(c, "content-type"))) {
		answer_http(c, "415");
	} else if (admit(c, &e) < 0) {
		c->told_closed = true; /* it was never opened */
		answer_status(c, &e, NULL, 0);
	} else if (end) {
		message_end(c);
	} else {
		expect_body(c);
	}
	return &c->http2;
}

/* ---- the rest of the stream --------------------------------------------- */

static void
data(struct http2_user *user, const uint8_t *bytes, size_t len)
{
	message_data((struct call *)user, bytes, len);
}

static void
end(struct http2_user *user)
{
	message_end((struct call *)user);
}

static void
writable(struct http2_user *user)
{
	struct call *c = (struct call *)user;

	if (!c->ended && c->method->writable != NULL)
		c->method->writable(c);
}

const struct http2_ops call_ops = {
	.request = request,
	.data = data,
	.end = end,
	.writable = writable,
	.closed = stream_closed,
};

/* ---- what a handler may ask --------------------------------------------- */

const struct rpc_method *
call_method(const struct call *c)
{
	return c->method;
}

struct service *
call_service(const struct call *c)
{
	return c->server->opts.service;
}

struct arena *
call_arena(struct call *c)
{
	return c->arena;
}

struct arena *
call_keep(struct call *c)
{
	return arena_hold(c->arena);
}

const struct peer *
call_peer(const struct call *c)
{
	return http2_peer(c->http2.stream);
}

int64_t
call_deadline(const struct call *c)
{
	return c->deadline_ns;
}

void
call_request_bytes(const struct call *c, const uint8_t **bytes, size_t *len)
{
	*bytes = c->body;
	*len = c->body_len;
}

const struct principal *
call_principal(const struct call *c)
{
	return c->principal;
}

void
call_set_principal(struct call *c, const struct principal *p)
{
	c->principal = p;
}

struct call_user *
call_user(const struct call *c)
{
	return c->user;
}

void
call_set_user(struct call *c, struct call_user *u)
{
	c->user = u;
}
