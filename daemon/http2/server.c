/* server.c - who may connect, draining, rechecking, pools. */
#include "http2/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/address.h"
#include "net/listener.h"
#include "net/peer.h"

#define STREAMS_KEPT 1024
#define SEGMENTS_KEPT 1024
#define BLOCKS_KEPT 4
#define RECHECKS_A_TURN 32 /* some 0.1 ms each */
#define LOG_EVERY_NS INT64_C(1000000000)

/* ---- pools: nothing is allocated for a request that a past one left ----- */

struct http2_stream *
h2_server_stream(struct http2_server *server)
{
	struct http2_stream *st = server->free_streams;
	struct buf own, trailers;

	if (st == NULL)
		return calloc(1, sizeof *st);
	server->free_streams = st->next;
	server->n_free_streams--;
	own = st->own;
	trailers = st->trailers;
	*st = (struct http2_stream){ .own = own, .trailers = trailers };
	return st;
}

void
h2_server_keep_stream(struct http2_server *server, struct http2_stream *st)
{
	if (server->n_free_streams == STREAMS_KEPT) {
		h2_stream_free(st);
		return;
	}
	st->next = server->free_streams;
	server->free_streams = st;
	server->n_free_streams++;
}

struct h2_segment *
h2_server_segment(struct http2_server *server)
{
	struct h2_segment *g = server->free_segments;

	if (g == NULL)
		return calloc(1, sizeof *g);
	server->free_segments = g->next;
	server->n_free_segments--;
	return g;
}

void
h2_server_keep_segment(struct http2_server *server, struct h2_segment *g)
{
	if (server->n_free_segments == SEGMENTS_KEPT) {
		free(g);
		return;
	}
	g->next = server->free_segments;
	server->free_segments = g;
	server->n_free_segments++;
}

static void
block_free(struct h2_block *b)
{
	free(b->headers);
	free(b->bytes);
	free(b);
}

/* Each header counts 32 bytes more than it has, so this many fit. */
static struct h2_block *
block_new(size_t max)
{
	struct h2_block *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->max = max;
	b->headers = calloc(max / 32 + 1, sizeof *b->headers);
	b->bytes = malloc(max + 1);
	if (b->headers == NULL || b->bytes == NULL) {
		block_free(b);
		return NULL;
	}
	return b;
}

struct h2_block *
h2_server_block(struct http2_server *server)
{
	struct h2_block *b = server->free_blocks;

	if (b == NULL)
		return block_new(server->limits.max_header_bytes);
	server->free_blocks = b->next;
	server->n_free_blocks--;
	return b;
}

void
h2_server_keep_block(struct http2_server *server, struct h2_block *b)
{
	if (server->n_free_blocks == BLOCKS_KEPT) {
		block_free(b);
		return;
	}
	b->next = server->free_blocks;
	server->free_blocks = b;
	server->n_free_blocks++;
}

static void
free_pools(struct http2_server *server)
{
	while (server->free_streams != NULL)
		h2_stream_free(h2_server_stream(server));
	while (server->free_segments != NULL)
		free(h2_server_segment(server));
	while (server->free_blocks != NULL)
		block_free(h2_server_block(server));
}

/* ---- connections come and go ------------------------------------------- */

static void
list_append(struct http2_server *server, struct h2_session *s)
{
	s->next = NULL;
	s->prev = server->last;
	if (s->prev != NULL)
		s->prev->next = s;
	else
		server->first = s;
	server->last = s;
}

static void
list_remove(struct http2_server *server, struct h2_session *s)
{
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		server->first = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	else
		server->last = s->prev;
}

static void
session_free(struct h2_session *s)
{
	address_leave(s->server->addresses, s->address);
	free(s);
}

static void
check_drained(struct http2_server *server)
{
	if (server->draining && server->first == NULL)
		loop_at_turn_end(server->loop, &server->drained_hook);
}

void
h2_server_left(struct http2_server *server, struct h2_session *s)
{
	list_remove(server, s);
	server->counters.connections_open--;
	session_free(s);
	check_drained(server);
}

/* At most a line a second: whoever knocks too often must not fill the log. */
static void
log_refusal(struct http2_server *server, const struct sockaddr_storage *from,
    const char *why)
{
	int64_t now = clock_monotonic_ns();
	struct peer p = { 0 };

	if (server->refusal_logged != 0 &&
	    now - server->refusal_logged < LOG_EVERY_NS)
		return;
	server->refusal_logged = now;
	address_format(from, &p);
	log_warning("connection_refused", "peer=%s reason=\"%s\"", p.address,
	    why);
}

static struct h2_session *
admit(struct http2_server *server, const struct sockaddr_storage *from,
    const char **why)
{
	const struct http2_limits *l = &server->limits;
	struct h2_session *s;

	*why = "too many connections";
	if (server->counters.connections_open >= l->max_connections)
		return NULL;
	*why = "no memory";
	s = h2_session_new(server);
	if (s == NULL)
		return NULL;
	*why = "too many connections from there";
	s->address = address_enter(server->addresses, from,
	    l->max_connections_per_address);
	if (s->address != NULL)
		return s;
	free(s);
	return NULL;
}

static void
accepted(void *arg, int fd, const struct sockaddr_storage *from)
{
	struct h2_port *port = arg;
	struct http2_server *server = port->server;
	const char *why;
	struct h2_session *s = admit(server, from, &why);
	struct err e = { 0 };

	if (s == NULL) {
		(void)close(fd);
		log_refusal(server, from, why);
		return;
	}
	s->recheck_round = server->recheck_round;
	if (conn_open(server->group, port->tls, fd, from, &s->conn_user, &e) ==
	    NULL) {
		log_refusal(server, from, e.msg);
		session_free(s);
		return;
	}
	list_append(server, s);
	server->counters.connections++;
	server->counters.connections_open++;
}

/* ---- the server -------------------------------------------------------- */

/* What nghttp2 would refuse by itself, and with other codes, abuse.c does. */
static nghttp2_option *
make_option(void)
{
	nghttp2_option *o = NULL;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1);
	nghttp2_option_set_stream_reset_rate_limit(o, UINT_MAX, UINT_MAX);
	nghttp2_option_set_max_continuations(o, 1000);
	return o;
}

static void recheck_some(struct timer *);

static void
tell_drained(struct turn_hook *h)
{
	struct http2_server *server =
	    (struct http2_server *)((char *)h - offsetof(struct http2_server,
						    drained_hook));
	void (*drained)(void *) = server->drained;

	server->drained = NULL;
	if (drained != NULL)
		drained(server->drained_arg);
}

struct http2_server *
http2_server_new(struct loop *loop, const struct http2_limits *limits,
    const struct http2_ops *ops, struct service *service, struct err *e)
{
	struct http2_server *server = calloc(1, sizeof *server);

	if (server == NULL) {
		err_set(e, ERR_NOMEM, "HTTP/2 server");
		return NULL;
	}
	server->loop = loop;
	server->limits = *limits;
	server->ops = ops;
	server->service = service;
	server->recheck.run = recheck_some;
	server->drained_hook.run = tell_drained;
	server->group =
	    conn_group_new(loop, &h2_session_conn_ops, limits->handshake_ms);
	server->addresses = address_table_new();
	server->option = make_option();
	if (server->group == NULL || server->addresses == NULL ||
	    server->option == NULL ||
	    nghttp2_session_callbacks_new(&server->callbacks) != 0) {
		http2_server_free(server);
		err_set(e, ERR_NOMEM, "HTTP/2 server");
		return NULL;
	}
	h2_session_set_callbacks(server->callbacks);
	return server;
}

static void
free_ports(struct http2_server *server)
{
	while (server->ports != NULL) {
		struct h2_port *port = server->ports;

		server->ports = port->next;
		listener_stop(port->listener);
		free(port);
	}
}

void
http2_server_free(struct http2_server *server)
{
	if (server == NULL)
		return;
	free_ports(server);
	while (server->first != NULL) {
		struct h2_session *s = server->first;

		/* list_remove() takes each off: NOLINTNEXTLINE(*-unix.Malloc) */
		h2_session_end(s, NGHTTP2_CANCEL);
		list_remove(server, s);
		conn_free(s->conn_user.conn);
		session_free(s);
	}
	timer_stop(&server->recheck);
	loop_cancel_hook(server->loop, &server->drained_hook);
	free_pools(server);
	conn_group_free(server->group);
	address_table_free(server->addresses);
	nghttp2_option_del(server->option);
	nghttp2_session_callbacks_del(server->callbacks);
	free(server);
}

int
http2_server_listen(struct http2_server *server, struct listener *listener,
    struct tls_server *tls, struct err *e)
{
	struct h2_port *port = calloc(1, sizeof *port);

	if (port == NULL)
		return err_set(e, ERR_NOMEM, "HTTP/2 server");
	*port = (struct h2_port){
		.server = server,
		.listener = listener,
		.tls = tls,
	};
	if (listener_start(listener, server->loop, accepted, port, e) != 0) {
		free(port);
		return -1;
	}
	port->next = server->ports;
	server->ports = port;
	return 0;
}

void
http2_server_drain(struct http2_server *server, void (*drained)(void *),
    void *arg)
{
	server->drained = drained;
	server->drained_arg = arg;
	server->draining = true;
	free_ports(server);
	for (struct h2_session *s = server->first; s != NULL; s = s->next) {
		if (s->h2 != NULL)
			h2_session_drain(s);
		else if (!conn_is_open(s->conn_user.conn))
			conn_finish(s->conn_user.conn);
	}
	check_drained(server);
}

/*
 * The list is taken from its head, and what was looked at goes to its tail: a
 * few each turn, so that thousands of signatures do not hold up the calls.
 */
static void
recheck_some(struct timer *t)
{
	struct http2_server *server =
	    (struct http2_server *)((char *)t -
				    offsetof(struct http2_server, recheck));

	for (unsigned i = 0; i < RECHECKS_A_TURN; i++) {
		struct h2_session *s = server->first;
		struct err e = { 0 };

		if (s == NULL || s->recheck_round == server->recheck_round)
			return;
		s->recheck_round = server->recheck_round;
		list_remove(server, s);
		list_append(server, s);
		if (s->h2 != NULL && !conn_still_trusted(s->conn_user.conn, &e))
			h2_session_quit(s, NGHTTP2_NO_ERROR,
			    "certificate no longer trusted");
	}
	timer_start(server->loop, &server->recheck, 0);
}

void
http2_server_recheck(struct http2_server *server)
{
	server->recheck_round++;
	timer_start(server->loop, &server->recheck, 0);
}

const struct http2_counters *
http2_server_counters(const struct http2_server *server)
{
	return &server->counters;
}
