/* server.c - see server.h. */
#include <stdlib.h>
#include <string.h>

#include "rpc/internal.h"
#include "wire/grpc.h"

#define MIB ((size_t)1 << 20)

static size_t
or_size(size_t given, size_t otherwise)
{
	return given != 0 ? given : otherwise;
}

static unsigned
or_number(unsigned given, unsigned otherwise)
{
	return given != 0 ? given : otherwise;
}

static void
fill_limits(struct rpc_limits *l)
{
	l->max_request_bytes = or_size(l->max_request_bytes, 4 * MIB);
	l->max_response_bytes = or_size(l->max_response_bytes, 16 * MIB);
	l->arena_bytes = or_size(l->arena_bytes, 32 * MIB);
	l->max_waiting_bytes = or_size(l->max_waiting_bytes, 256 * MIB);
	l->send_high_water = or_size(l->send_high_water, 256 * 1024);
	l->max_streams = or_number(l->max_streams, 256);
	l->max_header_bytes = or_size(l->max_header_bytes, 16 * 1024);
	l->max_connections = or_number(l->max_connections, 10000);
	l->max_connections_per_address =
	    or_number(l->max_connections_per_address, 1000);
	l->handshake_ms = or_number(l->handshake_ms, 10000);
	l->preface_ms = or_number(l->preface_ms, 10000);
	l->request_ms = or_number(l->request_ms, 60000);
	l->idle_ms = or_number(l->idle_ms, 3600000);
	l->keepalive_ms = or_number(l->keepalive_ms, 60000);
	l->keepalive_timeout_ms = or_number(l->keepalive_timeout_ms, 20000);
	l->abuse_per_second = or_number(l->abuse_per_second, 200);
	l->max_connection_bytes = or_size(l->max_connection_bytes, 8 * MIB);
}

/* ---- methods ------------------------------------------------------------ */

/* Health and reflection are served beside the application's. */
static const struct rpc_method *const own_tables[] = {
	health_methods,
	reflection_methods,
	NULL,
};

const struct rpc_method *
server_method_at(const struct rpc_server *s, size_t at)
{
	const struct rpc_method *const *lists[] = { s->opts.tables,
		own_tables };

	for (size_t l = 0; l < 2; l++) {
		for (size_t t = 0; lists[l][t] != NULL; t++) {
			for (size_t m = 0; lists[l][t][m].path != NULL; m++) {
				if (at-- == 0)
					return &lists[l][t][m];
			}
		}
	}
	return NULL;
}

static size_t
hash_path(const char *path, size_t len)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)path[i]) * 1099511628211u;
	return (size_t)h;
}

const struct rpc_method *
server_route(const struct rpc_server *s, const char *path, size_t len)
{
	for (size_t i = hash_path(path, len) & s->route_mask;
	     s->routes[i].method != NULL; i = (i + 1) & s->route_mask) {
		const struct route *r = &s->routes[i];

		if (r->path_len == len &&
		    memcmp(r->method->path, path, len) == 0)
			return r->method;
	}
	return NULL;
}

static int
make_routes(struct rpc_server *s, struct err *e)
{
	size_t n = 0, size = 16;

	while (server_method_at(s, n) != NULL)
		n++;
	while (size < 4 * n)
		size *= 2;
	s->routes = calloc(size, sizeof *s->routes);
	if (s->routes == NULL)
		return err_set(e, ERR_NOMEM, "server");
	s->route_mask = size - 1;
	for (size_t m = 0; m < n; m++) {
		const struct rpc_method *method = server_method_at(s, m);
		size_t len = strlen(method->path);
		size_t i = hash_path(method->path, len) & s->route_mask;

		while (s->routes[i].method != NULL)
			i = (i + 1) & s->route_mask;
		s->routes[i] = (struct route){ method, len };
	}
	return 0;
}

bool
server_has_service(const struct rpc_server *s, const char *name)
{
	const struct rpc_method *m;
	size_t len = strlen(name);

	for (size_t i = 0; (m = server_method_at(s, i)) != NULL; i++) {
		if (strncmp(m->path + 1, name, len) == 0 &&
		    m->path[1 + len] == '/')
			return true;
	}
	return false;
}

const struct rpc_method *
rpc_server_find(const struct rpc_server *s, const char *path, size_t len)
{
	return server_route(s, path, len);
}

/* ---- life --------------------------------------------------------------- */

static struct http2_limits
http2_limits_of(const struct rpc_limits *l)
{
	return (struct http2_limits){
		.max_streams = l->max_streams,
		.max_header_bytes = l->max_header_bytes,
		/* A message in flight, and a connection full of small ones. */
		.stream_window = 1 * MIB,
		.connection_window = 8 * MIB,
		.max_connection_bytes =
		    l->max_connection_bytes + l->max_response_bytes,
		.max_connections = l->max_connections,
		.max_connections_per_address = l->max_connections_per_address,
		.handshake_ms = l->handshake_ms,
		.preface_ms = l->preface_ms,
		.idle_ms = l->idle_ms,
		.keepalive_ms = l->keepalive_ms,
		.keepalive_timeout_ms = l->keepalive_timeout_ms,
		.abuse_per_second = l->abuse_per_second,
	};
}

struct rpc_server *
rpc_server_new(struct loop *loop, const struct rpc_server_opts *o,
    struct err *e)
{
	struct rpc_server *s = calloc(1, sizeof *s);
	struct http2_limits limits;

	if (s == NULL) {
		err_set(e, ERR_NOMEM, "server");
		return NULL;
	}
	s->loop = loop;
	s->opts = *o;
	fill_limits(&s->opts.limits);
	limits = http2_limits_of(&s->opts.limits);
	s->scratch = arena_new(s->opts.limits.arena_bytes);
	/* HTTP/2 hands its opaque service back to us: it is this server. */
	s->http2 =
	    http2_server_new(loop, &limits, &call_ops, (struct service *)s, e);
	if (s->scratch == NULL || s->http2 == NULL || make_routes(s, e) < 0) {
		if (e->code == ERR_NONE)
			err_set(e, ERR_NOMEM, "server");
		rpc_server_free(s);
		return NULL;
	}
	return s;
}

void
rpc_server_free(struct rpc_server *s)
{
	struct call *c;

	if (s == NULL)
		return;
	timer_stop(&s->grace);
	http2_server_free(s->http2); /* ends every call */
	timer_stop(&s->sweep);
	while ((c = s->pool) != NULL) {
		s->pool = c->next;
		call_free(c);
	}
	arena_free(s->scratch);
	free(s->routes);
	free(s);
}

int
rpc_server_listen(struct rpc_server *s, struct listener *l,
    struct tls_server *tls, struct err *e)
{
	return http2_server_listen(s->http2, l, tls, e);
}

/* ---- answers that nobody reads ------------------------------------------ */

#define SWEEP_STOPPING_MS 1000

/* An ended call that has sent nothing since the last time keeps its queue for
 * nobody. */
static void
sweep_call(struct call *c)
{
	size_t queued = http2_queued(c->http2.stream);

	if (!c->ended)
		return;
	if (queued > 0 && queued == c->unread)
		http2_reset(c->http2.stream, HTTP2_CANCEL);
	c->unread = queued;
}

static void
sweep(struct timer *t)
{
	struct rpc_server *s =
	    (struct rpc_server *)((char *)t -
				  offsetof(struct rpc_server, sweep));

	for (struct call *c = s->open; c != NULL; c = c->next)
		sweep_call(c);
	if (s->open != NULL)
		server_sweep_later(s);
}

void
server_sweep_later(struct rpc_server *s)
{
	unsigned ms =
	    s->stopping ? SWEEP_STOPPING_MS : s->opts.limits.request_ms;

	if (timer_armed(&s->sweep))
		return;
	s->sweep.run = sweep;
	timer_start(s->loop, &s->sweep, (int64_t)ms * 1000000);
}

/* ---- draining ----------------------------------------------------------- */

int
server_stopping(struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "the server is stopping");
	err_reason(e, "DRAINING");
	return err_remedy(e, "connect again in a few seconds");
}

/* Would it go on for as long as its client likes? */
static bool
endless(const struct call *c)
{
	return c->method != NULL &&
	       (c->method->kind == RPC_SERVER_STREAM ||
		   (c->method->kind == RPC_BIDI && !c->client_ended));
}

static void
end_calls(struct rpc_server *s, bool all)
{
	struct call *next;
	struct err e = { 0 };

	(void)server_stopping(&e);
	for (struct call *c = s->open; c != NULL; c = next) {
		next = c->next;
		if (all || endless(c))
			call_end(c, &e);
	}
}

static void
grace_over(struct timer *t)
{
	struct rpc_server *s =
	    (struct rpc_server *)((char *)t -
				  offsetof(struct rpc_server, grace));

	end_calls(s, true);
	s->stopping = true;
	timer_stop(&s->sweep);
	server_sweep_later(s);
}

static void
http2_drained(void *arg)
{
	struct rpc_server *s = arg;

	timer_stop(&s->grace);
	timer_stop(&s->sweep);
	if (s->drained != NULL)
		s->drained(s, s->drained_arg);
}

void
rpc_server_drain(struct rpc_server *s, unsigned grace_ms,
    void (*drained)(struct rpc_server *, void *), void *arg)
{
	if (s->draining)
		return;
	s->draining = true;
	s->drained = drained;
	s->drained_arg = arg;
	health_changed(s);
	end_calls(s, false);
	s->grace.run = grace_over;
	timer_start(s->loop, &s->grace, (int64_t)grace_ms * 1000000);
	http2_server_drain(s->http2, http2_drained, s);
}

/* ---- rechecking --------------------------------------------------------- */

void
rpc_server_recheck(struct rpc_server *s)
{
	struct call *next;

	for (struct call *c = s->open; c != NULL; c = next) {
		struct err e = { 0 };

		next = c->next;
		if (!c->ended && c->method != NULL && !c->method->open &&
		    s->opts.recheck != NULL && s->opts.recheck(c, &e) < 0)
			call_end(c, &e);
	}
	http2_server_recheck(s->http2);
}

void
rpc_server_counters(const struct rpc_server *s, struct rpc_counters *out)
{
	const struct http2_counters *h = http2_server_counters(s->http2);

	*out = s->counters;
	out->connections = h->connections;
	out->connections_open = h->connections_open;
	out->handshakes_failed = h->handshakes_failed;
	out->bytes_in = h->bytes_in;
	out->bytes_out = h->bytes_out;
	out->goaway_abuse = h->goaway_abuse;
}
