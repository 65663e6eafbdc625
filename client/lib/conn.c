/* conn.c - see conn.h. */
#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"
#include "h2.h"

#define OUT_MAX 65536  /* put together before it is written */
#define READ_MAX 16384 /* a TLS record */
#define READS_MAX 64   /* before the caller may look */

void
rsp_conn_enter(struct rsp_conn *c, enum conn_state next)
{
	assert(next >= c->state);
	c->state = next;
	if (next == CONN_READY)
		c->was_ready = true;
}

/* ---- its end ------------------------------------------------------------- */

static const char *
where(const struct rsp_conn *c)
{
	return c->config->servers[c->server].where;
}

/* Every call ends with it. */
static void
die(struct rsp_conn *c, const struct rsp_error *why)
{
	struct rsp_stream *s;

	if (c->state == CONN_DEAD)
		return;
	rsp_conn_enter(c, CONN_DEAD);
	c->why = *why;
	rsp_fail_wrap(&c->why, where(c));
	while ((s = TAILQ_FIRST(&c->calls)) != NULL) {
		TAILQ_REMOVE(&c->calls, s, queue);
		rsp_stream_end(s, c->written, &c->why);
	}
}

static void
die_of(struct rsp_conn *c, const char *reason, const char *remedy,
    const char *what)
{
	struct rsp_error e;

	rsp_fail(&e, RSP_UNAVAILABLE, reason, remedy, "%s", what);
	die(c, &e);
}

static void
die_of_memory(struct rsp_conn *c)
{
	struct rsp_error e;

	rsp_fail_nomem(&e);
	die(c, &e);
}

void
rsp_conn_free(struct rsp_conn *c)
{
	if (c == NULL)
		return;
	if (c->h2 != NULL && c->state != CONN_DEAD) {
		(void)nghttp2_session_terminate_session(c->h2,
		    NGHTTP2_NO_ERROR);
		rsp_conn_flush(c);
	}
	rsp_lookup_drop(&c->addresses);
	rsp_dial_drop(&c->dial);
	nghttp2_session_del(c->h2);
	rsp_tls_close(c->tls);
	if (c->fd >= 0) {
		(void)rsp_poller_watch(c->poller, c->fd, c->watched, 0);
		(void)close(c->fd);
	}
	buf_free(&c->out);
	free(c);
}

/* ---- what it is ---------------------------------------------------------- */

enum conn_state
rsp_conn_state(const struct rsp_conn *c)
{
	return c->state;
}

unsigned
rsp_conn_server(const struct rsp_conn *c)
{
	return c->server;
}

const struct rsp_error *
rsp_conn_why(const struct rsp_conn *c, bool *was_ready)
{
	*was_ready = c->was_ready;
	return &c->why;
}

bool
rsp_conn_is_idle(const struct rsp_conn *c)
{
	return TAILQ_EMPTY(&c->calls);
}

bool
rsp_conn_has_left(struct rsp_conn *c)
{
	bool news = c->state >= CONN_LEAVING && !c->told;

	c->told = c->told || news;
	return news;
}

bool
rsp_conn_heard_since(const struct rsp_conn *c, int64_t instant)
{
	return c->heard >= instant;
}

void
rsp_conn_leave(struct rsp_conn *c)
{
	if (c->state < CONN_LEAVING)
		rsp_conn_enter(c, CONN_LEAVING);
}

/* ---- moving bytes -------------------------------------------------------- */

/* Frames that are due, up to OUT_MAX bytes of them. */
static int
gather(struct rsp_conn *c)
{
	const uint8_t *frame;
	ssize_t n;

	while (buf_len(&c->out) < OUT_MAX) {
		n = nghttp2_session_mem_send(c->h2, &frame);
		if (n == 0)
			return 0;
		if (n < 0 || buf_append(&c->out, frame, (size_t)n) != 0) {
			die_of_memory(c);
			return -1;
		}
		c->queued += (uint64_t)n;
	}
	return 0;
}

static void
write_out(struct rsp_conn *c)
{
	struct rsp_error e;
	ssize_t n;

	while (
	    c->state != CONN_DEAD && gather(c) == 0 && buf_len(&c->out) > 0) {
		n = rsp_tls_write(c->tls, buf_head(&c->out), buf_len(&c->out),
		    &e);
		if (n < 0)
			die(c, &e);
		if (n <= 0)
			return;
		buf_take(&c->out, (size_t)n);
		c->written += (uint64_t)n;
	}
}

static void
take(struct rsp_conn *c, const uint8_t *bytes, size_t len)
{
	struct rsp_error e;
	ssize_t rc = nghttp2_session_mem_recv(c->h2, bytes, len);

	if (rc >= 0)
		return;
	rsp_fail(&e, RSP_UNAVAILABLE, "HTTP2", NULL,
	    "the server does not keep to HTTP/2: %s",
	    nghttp2_strerror((int)rc));
	die(c, &e);
}

static void
read_in(struct rsp_conn *c)
{
	uint8_t bytes[READ_MAX];
	struct rsp_error e;
	unsigned reads = 0;

	for (c->more = false; c->state != CONN_DEAD; reads++) {
		ssize_t n;

		if (reads == READS_MAX) {
			c->more = true;
			return;
		}
		n = rsp_tls_read(c->tls, bytes, sizeof bytes, &e);
		if (n < 0)
			die(c, &e);
		if (n <= 0)
			return;
		c->heard = clock_ms();
		c->pinged = 0;
		take(c, bytes, (size_t)n);
	}
}

static void
ping(struct rsp_conn *c)
{
	c->pinged = clock_ms();
	(void)nghttp2_submit_ping(c->h2, NGHTTP2_FLAG_NONE, NULL);
}

void
rsp_conn_doubt(struct rsp_conn *c)
{
	if ((c->state == CONN_READY || c->state == CONN_LEAVING) &&
	    c->pinged == 0)
		ping(c);
}

/* When the silence has lasted too long, or must be asked about. */
static int64_t
patience(const struct rsp_conn *c)
{
	if (c->pinged != 0)
		return c->pinged + c->config->keepalive_timeout_ms;
	return TAILQ_EMPTY(&c->calls) ? NEVER
				      : c->heard + c->config->keepalive_ms;
}

/* After a read that found nothing: has the server been silent for too long? */
static void
keep_alive(struct rsp_conn *c)
{
	if (c->state == CONN_DEAD || c->more || clock_ms() < patience(c))
		return;
	if (c->pinged != 0)
		die_of(c, "KEEPALIVE", NULL, "the server no longer answers");
	else
		ping(c);
}

/* What is being waited for, of the poller. */
static void
watch(struct rsp_conn *c)
{
	short events = c->state == CONN_DEAD ? 0 : rsp_tls_events(c->tls);

	c->watched = rsp_poller_watch(c->poller, c->fd, c->watched, events);
}

void
rsp_conn_flush(struct rsp_conn *c)
{
	if (c->h2 == NULL || c->state == CONN_DEAD)
		return;
	write_out(c);
	watch(c);
}

static void
exchange(struct rsp_conn *c)
{
	write_out(c);
	read_in(c);
	keep_alive(c);
	write_out(c);
	if (c->state != CONN_DEAD && !nghttp2_session_want_read(c->h2) &&
	    !nghttp2_session_want_write(c->h2))
		die_of(c, "CONNECTION_LOST", NULL,
		    "the HTTP/2 connection was ended");
}

bool
rsp_conn_is_flushed(const struct rsp_conn *c)
{
	return c->state == CONN_DEAD || buf_len(&c->out) == 0;
}

/* ---- its beginning: each step goes on to the next where it can ----------- */

static void
hello(struct rsp_conn *c)
{
	exchange(c);
	if (c->state == CONN_LEAVING && !c->was_ready)
		die_of(c, "REFUSED", "try again in a moment",
		    "the server takes no more connections");
	/* Some servers hang up on a certificate that they refuse, without an
	 * alert. */
	if (c->state == CONN_DEAD && !c->was_ready &&
	    strcmp(c->why.reason, "CONNECTION_LOST") == 0)
		rsp_fail(&c->why, RSP_UNAVAILABLE, "CLOSED_EARLY",
		    "try again; if it stays so, check that the certificate "
		    "given here is one that the server accepts",
		    "%s before the first call, right after the TLS handshake",
		    c->why.msg);
}

static void
shake_hands(struct rsp_conn *c)
{
	struct rsp_error e;
	int rc = rsp_tls_handshake(c->tls, &e);

	if (rc < 0) {
		die(c, &e);
	} else if (rc > 0) {
		rsp_conn_enter(c, CONN_HELLO);
		c->heard = clock_ms();
		if (rsp_h2_start(c) != 0)
			die_of_memory(c);
		else
			hello(c);
	}
}

static void
dial(struct rsp_conn *c)
{
	struct rsp_error e;
	int rc = rsp_dial_move(&c->dial, &e);

	if (rc < 0)
		die(c, &e);
	if (rc <= 0)
		return;
	c->fd = c->dial.fd;
	c->watched = c->dial.watched;
	c->dial.fd = -1;
	rsp_conn_enter(c, CONN_TLS);
	c->tls = rsp_tls_open(c->context, c->fd,
	    c->config->servers[c->server].name, &e);
	if (c->tls == NULL)
		die(c, &e);
	else
		shake_hands(c);
}

static void
lookup(struct rsp_conn *c)
{
	struct rsp_error e;

	if (!c->addresses.known)
		return;
	if (c->addresses.n == 0) {
		rsp_lookup_fail(&c->addresses,
		    c->config->servers[c->server].host, &e);
		die(c, &e);
		return;
	}
	rsp_conn_enter(c, CONN_DIAL);
	rsp_dial_start(&c->dial, &c->addresses, c->poller, c->limit);
	dial(c);
}

/* It is not ready in time. */
static void
late(struct rsp_conn *c)
{
	if (c->state == CONN_LOOKUP)
		die_of(c, "NAME_LOOKUP", "check the DNS of this machine",
		    "the name is not looked up in time");
	else
		die_of(c, "CONNECT_TIMEOUT",
		    "check host and port, and that no firewall is in between",
		    "the server accepts connections but does not answer");
}

void
rsp_conn_move(struct rsp_conn *c)
{
	static void (*const steps[])(struct rsp_conn *) = {
		[CONN_LOOKUP] = lookup,
		[CONN_DIAL] = dial,
		[CONN_TLS] = shake_hands,
		[CONN_HELLO] = hello,
		[CONN_READY] = exchange,
		[CONN_LEAVING] = exchange,
	};

	if (c->state == CONN_DEAD)
		return;
	steps[c->state](c);
	if (c->state < CONN_READY && clock_ms() >= c->limit)
		late(c);
	if (c->fd >= 0)
		watch(c);
}

int64_t
rsp_conn_due(const struct rsp_conn *c)
{
	switch (c->state) {
	case CONN_DIAL:
		return sooner(c->dial.until, c->limit);
	case CONN_LOOKUP:
	case CONN_TLS:
	case CONN_HELLO:
		return c->limit;
	case CONN_READY:
	case CONN_LEAVING:
		return c->more ? 0 : patience(c);
	case CONN_DEAD:
		break;
	}
	return 0;
}

struct rsp_conn *
rsp_conn_new(const struct rsp_config *config, unsigned server,
    struct rsp_tls *context, struct rsp_poller *poller, struct rsp_error *e)
{
	struct rsp_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	c->config = config;
	c->server = server;
	c->context = context;
	c->poller = poller;
	c->limit = clock_after(config->connect_timeout_ms);
	c->fd = c->dial.fd = -1;
	c->addresses.poller = poller;
	TAILQ_INIT(&c->calls);
	if (rsp_lookup(config, &config->servers[server], &c->addresses, e) !=
	    0) {
		rsp_conn_free(c);
		return NULL;
	}
	return c;
}
