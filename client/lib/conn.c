/* conn.c - see conn.h. */
#include "conn.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "dial.h"
#include "fail.h"
#include "h2.h"
#include "wire/grpc.h"

#define OUT_MAX 65536  /* put together before it is written */
#define READ_MAX 16384 /* a TLS record */
#define READS_MAX 64   /* before the caller may look */
#define PONG_MS 20000

/* ---- its end ------------------------------------------------------------- */

/* Every call ends with it. */
static void
die(struct rsp_conn *c, const struct rsp_error *why)
{
	struct rsp_error e = *why;
	struct rsp_stream *s;

	if (c->dead)
		return;
	c->dead = true;
	c->why = *why;
	rsp_fail_wrap(&e, c->config->where);
	while ((s = c->calls) != NULL) {
		c->calls = s->conn_next;
		rsp_stream_end(s, c->written, &e);
	}
}

static void
die_of(struct rsp_conn *c, const char *reason, const char *what)
{
	struct rsp_error e;

	rsp_fail(&e, RSP_UNAVAILABLE, reason, NULL, "%s", what);
	die(c, &e);
}

void
rsp_conn_free(struct rsp_conn *c)
{
	if (c == NULL)
		return;
	if (c->h2 != NULL && !c->dead) {
		(void)nghttp2_session_terminate_session(c->h2,
		    NGHTTP2_NO_ERROR);
		rsp_conn_move(c);
	}
	nghttp2_session_del(c->h2);
	rsp_tls_close(c->tls);
	if (c->fd >= 0)
		(void)close(c->fd);
	buf_free(&c->out);
	free(c);
}

bool
rsp_conn_takes_calls(const struct rsp_conn *c)
{
	return !c->dead && !c->draining;
}

bool
rsp_conn_is_over(const struct rsp_conn *c)
{
	return c->dead || (c->draining && c->calls == NULL);
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
			die_of(c, "NO_MEMORY", "no memory to send");
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

	while (!c->dead && gather(c) == 0 && buf_len(&c->out) > 0) {
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

	for (c->more = false; !c->dead; reads++) {
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

/* After a read that found nothing: has the server been silent for too long? */
static void
keep_alive(struct rsp_conn *c)
{
	int64_t now = clock_ms();

	if (c->dead || c->calls == NULL || c->more)
		return;
	if (c->pinged != 0 && now >= c->pinged + PONG_MS) {
		die_of(c, "KEEPALIVE", "the server no longer answers");
	} else if (c->pinged == 0 &&
		   now >= c->heard + c->config->keepalive_ms) {
		c->pinged = now;
		(void)nghttp2_submit_ping(c->h2, NGHTTP2_FLAG_NONE, NULL);
	}
}

void
rsp_conn_move(struct rsp_conn *c)
{
	write_out(c);
	read_in(c);
	keep_alive(c);
	write_out(c);
	if (!c->dead && !nghttp2_session_want_read(c->h2) &&
	    !nghttp2_session_want_write(c->h2))
		die_of(c, "CONNECTION_LOST", "the HTTP/2 connection was ended");
}

bool
rsp_conn_is_flushed(const struct rsp_conn *c)
{
	return c->dead || buf_len(&c->out) == 0;
}

struct pollfd
rsp_conn_poll(const struct rsp_conn *c)
{
	return (struct pollfd){ .fd = c->fd, .events = rsp_tls_events(c->tls) };
}

int64_t
rsp_conn_due(const struct rsp_conn *c)
{
	if (c->more || c->dead)
		return 0;
	if (c->calls == NULL)
		return NEVER;
	return c->pinged != 0 ? c->pinged + PONG_MS
			      : c->heard + c->config->keepalive_ms;
}

/* ---- its beginning ------------------------------------------------------- */

static int
late(struct rsp_error *e)
{
	return rsp_fail(e, RSP_UNAVAILABLE, "CONNECT_TIMEOUT",
	    "check host and port, and that no firewall is in between",
	    "the server accepts connections but does not answer");
}

static int
shake_hands(struct rsp_conn *c, const struct rsp_patience *p,
    struct rsp_error *e)
{
	int rc;

	while ((rc = rsp_tls_handshake(c->tls, e)) == 0) {
		struct pollfd fds[2] = { rsp_conn_poll(c) };

		if (rsp_tls_events(c->tls) & POLLOUT)
			fds[0].events = POLLOUT;
		rc = rsp_wait(fds, 1, p, e);
		if (rc <= 0)
			return rc < 0 ? -1 : late(e);
	}
	return rc < 0 ? -1 : 0;
}

/* Some servers hang up on a certificate that they refuse, without an alert. */
static void
hint(const struct rsp_conn *c, struct rsp_error *e)
{
	if (strcmp(c->why.reason, "CONNECTION_LOST") != 0)
		return;
	rsp_fail(e, RSP_UNAVAILABLE, "CLOSED_EARLY",
	    "try again; if it stays so, check that the certificate given here "
	    "is one that the server accepts",
	    "%s before the first call, right after the TLS handshake",
	    c->why.msg);
}

static int
wait_for_settings(struct rsp_conn *c, const struct rsp_patience *p,
    struct rsp_error *e)
{
	for (;;) {
		struct pollfd fds[2];
		int rc;

		rsp_conn_move(c);
		if (c->dead) {
			*e = c->why;
			hint(c, e);
			return -1;
		}
		if (c->ready)
			return 0;
		fds[0] = rsp_conn_poll(c);
		rc = rsp_wait(fds, 1, p, e);
		if (rc <= 0)
			return rc < 0 ? -1 : late(e);
	}
}

static int
establish(struct rsp_conn *c, struct rsp_tls *tls, const struct rsp_patience *p,
    struct rsp_error *e)
{
	if ((c->fd = rsp_dial(c->config->host, c->config->port, p, e)) < 0 ||
	    (c->tls = rsp_tls_open(tls, c->fd, c->config->name, e)) == NULL ||
	    shake_hands(c, p, e) != 0)
		return -1;
	if (rsp_h2_start(c) != 0)
		return rsp_fail_nomem(e);
	c->heard = clock_ms();
	return wait_for_settings(c, p, e);
}

struct rsp_conn *
rsp_conn_open(const struct rsp_config *config, struct rsp_tls *tls,
    const struct rsp_patience *p, struct rsp_error *e)
{
	struct rsp_conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	c->config = config;
	c->fd = -1;
	if (establish(c, tls, p, e) == 0)
		return c;
	if (e->code != RSP_CANCELLED)
		rsp_fail_wrap(e, config->where);
	rsp_conn_free(c);
	return NULL;
}
