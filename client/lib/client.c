/* client.c - see client.h and <resopro/client.h>. */
#include "client.h"

#include <stdlib.h>

#include "clock.h"
#include "conn.h"
#include "fail.h"
#include "stream.h"

/* Rounds of one step: what ends a call may start another. */
#define ROUNDS_MAX 4

static struct rsp_client *
alloc(struct rsp_error *e)
{
	struct rsp_client *c = calloc(1, sizeof *c);

	if (c == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	TAILQ_INIT(&c->streams);
	TAILQ_INIT(&c->waiting);
	TAILQ_INIT(&c->moved);
	TAILQ_INIT(&c->ready);
	TAILQ_INIT(&c->pending);
	TAILQ_INIT(&c->done);
	c->poller.epoll = c->poller.timer = c->interrupt_fd = -1;
	c->expiry = NEVER;
	return c;
}

struct rsp_client *
rsp_client_new(const struct rsp_client_opts *o, struct rsp_error *e)
{
	struct rsp_client *c = alloc(e);

	if (c == NULL)
		return NULL;
	if (rsp_config_set(&c->config, o, e) != 0 ||
	    (c->tls = rsp_tls_new(o, e)) == NULL ||
	    rsp_poller_open(&c->poller, e) != 0) {
		rsp_client_free(c);
		return NULL;
	}
	return c;
}

void
rsp_client_free(struct rsp_client *c)
{
	if (c == NULL)
		return;
	if (c->calling) {
		c->doomed = true;
		return;
	}
	while (!TAILQ_EMPTY(&c->pending))
		rsp_pending_free(TAILQ_FIRST(&c->pending));
	while (!TAILQ_EMPTY(&c->done))
		rsp_pending_free(TAILQ_FIRST(&c->done));
	while (!TAILQ_EMPTY(&c->streams))
		rsp_stream_drop(TAILQ_FIRST(&c->streams));
	for (unsigned i = 0; i < c->nconns; i++)
		rsp_conn_free(c->conns[i]);
	rsp_poller_close(&c->poller);
	rsp_tls_free(c->tls);
	rsp_config_free(&c->config);
	free(c);
}

void
rsp_client_set_interrupt_fd(struct rsp_client *c, int fd)
{
	c->interrupt_fd = fd;
}

/* ---- one step ------------------------------------------------------------ */

/* A server that has fallen silent is to be left soon: was it, for the second
 * half of the call's time? */
static void
suspect(const struct rsp_stream *s)
{
	int64_t half = s->opened + (clock_ms() - s->opened) / 2;

	if (!rsp_conn_heard_since(s->conn, half))
		rsp_conn_doubt(s->conn);
}

static void
out_of_time(struct rsp_client *c, struct rsp_stream *s)
{
	bool open = s->state == CALL_OPEN;
	struct rsp_error e;

	rsp_fail(&e, RSP_DEADLINE_EXCEEDED, NULL, NULL, "%s: %s",
	    c->config.servers[open ? s->server : 0].where,
	    open ? "no answer before the deadline"
		 : "the deadline passed before a connection was made");
	if (open)
		suspect(s);
	rsp_stream_abort(s, &e);
}

static void
expire_streams(struct rsp_client *c, int64_t now)
{
	struct rsp_stream *s = TAILQ_FIRST(&c->streams);

	for (; s != NULL; s = TAILQ_NEXT(s, all)) {
		if (s->state == CALL_ENDED)
			continue;
		if (s->deadline <= now)
			out_of_time(c, s);
		else
			c->expiry = sooner(c->expiry, s->deadline);
	}
}

static void
end_pauses(struct rsp_client *c, int64_t now)
{
	struct rsp_pending *p = TAILQ_FIRST(&c->pending), *next;

	for (; p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->attempt != NULL)
			continue;
		if (p->again <= now)
			rsp_pending_again(p);
		else
			c->expiry = sooner(c->expiry, p->again);
	}
}

/* Deadlines that have passed, pauses that are over.  `expiry` may be too early,
 * of a call that ended before: then it is found anew. */
static void
expire(struct rsp_client *c)
{
	int64_t now = clock_ms();

	if (now < c->expiry)
		return;
	c->expiry = NEVER;
	expire_streams(c, now);
	end_pauses(c, now);
}

static void
progress(struct rsp_client *c)
{
	struct rsp_stream *s;

	while ((s = TAILQ_FIRST(&c->moved)) != NULL) {
		rsp_stream_calm(s);
		rsp_pending_progress(s->pending);
	}
}

void
rsp_client_flush(struct rsp_client *c)
{
	c->dirty = false;
	rsp_seek_step(c);
	for (unsigned i = 0; i < c->nconns; i++)
		rsp_conn_flush(c->conns[i]);
	c->dirty = c->dirty || !TAILQ_EMPTY(&c->moved);
}

void
rsp_client_step(struct rsp_client *c)
{
	rsp_poller_clear(&c->poller);
	for (unsigned i = 0; i < c->nconns; i++)
		rsp_conn_move(c->conns[i]);
	for (unsigned i = 0; i == 0 || (c->dirty && i < ROUNDS_MAX); i++) {
		progress(c);
		expire(c);
		rsp_client_flush(c);
	}
}

/* ---- waiting ------------------------------------------------------------- */

static int64_t
due(const struct rsp_client *c)
{
	int64_t at = sooner(c->expiry, rsp_seek_due(c));

	for (unsigned i = 0; i < c->nconns; i++)
		at = sooner(at, rsp_conn_due(c->conns[i]));
	return c->dirty ? 0 : at;
}

void
rsp_client_settle(struct rsp_client *c)
{
	bool told = TAILQ_EMPTY(&c->done) && TAILQ_EMPTY(&c->ready);

	rsp_poller_arm(&c->poller, told ? due(c) : 0);
}

void
rsp_client_stir(struct rsp_client *c)
{
	c->dirty = true;
	rsp_poller_arm(&c->poller, 0);
}

int
rsp_client_wait(struct rsp_client *c, int64_t until, struct rsp_error *e)
{
	if (c->dirty)
		rsp_client_flush(c);
	if (c->dirty)
		return 1;
	rsp_poller_arm(&c->poller, due(c));
	return rsp_poller_wait(&c->poller, until, c->interrupt_fd, e);
}

int
rsp_client_may_block(const struct rsp_client *c, struct rsp_error *e)
{
	if (!c->calling)
		return 0;
	return rsp_fail(e, RSP_ERR_USAGE, "ORDER", NULL,
	    "a blocking function was called in a callback");
}

/* ---- connecting ---------------------------------------------------------- */

static int
connect_now(struct rsp_client *c, struct rsp_error *e)
{
	c->seek.wanted = true;
	rsp_client_flush(c);
	while (c->seek.wanted) {
		if (rsp_client_wait(c, NEVER, e) < 0) {
			c->seek.wanted = false;
			return -1;
		}
		rsp_client_step(c);
	}
	if (rsp_seek_ready(c) != NULL)
		return 0;
	if (e != NULL)
		*e = c->seek.why;
	return -1;
}

int
rsp_client_connect(struct rsp_client *c, struct rsp_error *e)
{
	int rc;

	if (rsp_client_may_block(c, e) != 0)
		return -1;
	rsp_client_step(c); /* the server may have hung up */
	rc = rsp_seek_ready(c) != NULL ? 0 : connect_now(c, e);
	rsp_client_settle(c);
	return rc;
}
