/* seek.c - see seek.h. */
#include "seek.h"

#include <stdio.h>
#include <string.h>

#include "client.h"
#include "clock.h"
#include "conn.h"
#include "fail.h"

#define NEXT_MS 1000 /* of silence, before another server is tried beside */
#define REST_MS 5000 /* a server that failed comes after the others */

/* One connection takes calls.  Where there are two for a moment, the server
 * that comes first. */
struct rsp_conn *
rsp_seek_ready(const struct rsp_client *c)
{
	struct rsp_conn *found = NULL;

	for (unsigned i = 0; i < c->nconns; i++)
		if (rsp_conn_state(c->conns[i]) == CONN_READY &&
		    (found == NULL ||
			rsp_conn_server(c->conns[i]) < rsp_conn_server(found)))
			found = c->conns[i];
	return found;
}

static bool
is_trying(const struct rsp_conn *conn)
{
	return rsp_conn_state(conn) < CONN_READY;
}

/* Bits: servers that are being tried. */
static uint32_t
trying(const struct rsp_client *c)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < c->nconns; i++)
		if (is_trying(c->conns[i]))
			bits |= 1U << rsp_conn_server(c->conns[i]);
	return bits;
}

static bool
is_wanted(const struct rsp_client *c)
{
	return c->seek.wanted || !TAILQ_EMPTY(&c->waiting);
}

/* ---- what failed --------------------------------------------------------- */

/* Which of several failures says what kind it is all in all: one that may pass,
 * before one that somebody has to mend. */
static int
weight(const struct rsp_error *e)
{
	if (e->code != RSP_UNAVAILABLE)
		return 0;
	return strcmp(e->reason, "NAME_UNKNOWN") == 0 ? 1 : 2;
}

static void
note(struct rsp_seek *k, const struct rsp_error *e)
{
	char msg[sizeof e->msg * 2 + 4];

	if (k->failed++ == 0) {
		k->why = *e;
		return;
	}
	(void)snprintf(msg, sizeof msg, "%s; %s", k->why.msg, e->msg);
	if (weight(e) > weight(&k->why))
		k->why = *e;
	rsp_text_copy(k->why.msg, sizeof k->why.msg, msg);
}

static void
rest(struct rsp_seek *k, unsigned server)
{
	k->rest_until[server] = clock_after(REST_MS);
}

/* Connections that are over go; the others keep their order. */
static void
sweep(struct rsp_client *c)
{
	struct rsp_seek *k = &c->seek;
	unsigned kept = 0;

	for (unsigned i = 0; i < c->nconns; i++) {
		struct rsp_conn *conn = c->conns[i];
		enum conn_state state = rsp_conn_state(conn);
		bool was_ready;
		const struct rsp_error *why = rsp_conn_why(conn, &was_ready);

		if (rsp_conn_has_left(conn))
			rest(k, rsp_conn_server(conn));
		if (state == CONN_DEAD && !was_ready && k->on)
			note(k, why);
		if (state == CONN_DEAD ||
		    (state == CONN_LEAVING && rsp_conn_is_idle(conn))) {
			if (conn == k->current)
				k->current = NULL;
			rsp_conn_free(conn);
		} else {
			c->conns[kept++] = conn;
		}
	}
	c->nconns = kept;
}

/* ---- a round ------------------------------------------------------------- */

static void
begin(struct rsp_client *c)
{
	struct rsp_seek *k = &c->seek;

	k->on = true;
	k->failed = 0;
	/* What an earlier call began and did not wait for goes on. */
	k->tried = trying(c);
	k->next_at = clock_after(NEXT_MS);
}

/* In order; then of those that rest the one that did not fail lately; -1: all
 * have been tried. */
static int
choose(const struct rsp_client *c)
{
	const struct rsp_seek *k = &c->seek;
	int64_t now = clock_ms();
	int rested = -1;

	for (int i = 0; i < (int)c->config.nservers; i++) {
		if ((k->tried & 1U << i) != 0)
			continue;
		if (k->rest_until[i] <= now)
			return i;
		if (rested < 0 || k->rest_until[i] < k->rest_until[rested])
			rested = i;
	}
	return rested;
}

static struct rsp_conn *
try_server(struct rsp_client *c, unsigned server, struct rsp_error *e)
{
	struct rsp_conn *conn = NULL;

	if (c->nconns == CONNECTIONS_MAX)
		rsp_fail(e, RSP_RESOURCE_EXHAUSTED, "CONNECTIONS",
		    "close streams that were opened before the server "
		    "restarted",
		    "%s: %d connections wait for their last calls to end",
		    c->config.servers[server].where, CONNECTIONS_MAX);
	else
		conn = rsp_conn_new(&c->config, server, c->tls, &c->poller, e);
	if (conn == NULL)
		return NULL;
	c->conns[c->nconns++] = conn;
	rsp_conn_move(conn);
	return conn;
}

static void
try_next(struct rsp_client *c, unsigned server)
{
	struct rsp_error e;

	c->seek.tried |= 1U << server;
	c->seek.next_at = clock_after(NEXT_MS);
	if (try_server(c, server, &e) == NULL)
		note(&c->seek, &e);
}

/* All have failed. */
static void
give_up(struct rsp_client *c)
{
	struct rsp_stream *s, *last = TAILQ_LAST(&c->waiting, stream_list);
	bool more = last != NULL;

	if (c->seek.failed == 0) /* each was lost as soon as it was ready */
		rsp_fail(&c->seek.why, RSP_UNAVAILABLE, "REFUSED",
		    "try again in a moment",
		    "the server takes no more connections");
	c->seek.on = false;
	c->seek.wanted = false;
	/* Calls that begin to wait meanwhile are not of this round. */
	while (more && (s = TAILQ_FIRST(&c->waiting)) != NULL) {
		more = s != last;
		rsp_stream_abort(s, &c->seek.why);
	}
}

static void
go_on(struct rsp_client *c)
{
	int server;

	for (;;) {
		bool alone = trying(c) == 0;

		server = choose(c);
		if (server < 0 || (!alone && clock_ms() < c->seek.next_at))
			break;
		try_next(c, (unsigned)server);
		sweep(c);
		if (rsp_seek_ready(c) != NULL)
			return;
	}
	if (server < 0 && trying(c) == 0)
		give_up(c);
}

/* ---- once one is ready --------------------------------------------------- */

static void
say_which(const struct rsp_client *c, const struct rsp_conn *ready)
{
	char text[sizeof c->seek.why.msg + 300];

	if (c->config.warn == NULL)
		return;
	(void)snprintf(text, sizeof text, "%s; %s is used", c->seek.why.msg,
	    c->config.servers[rsp_conn_server(ready)].where);
	c->config.warn(c->config.warn_arg, text);
}

/* This one takes the calls from now on. */
static void
settle_on(struct rsp_client *c, struct rsp_conn *ready)
{
	struct rsp_seek *k = &c->seek;
	unsigned kept = 0;

	if (k->on && k->failed > 0)
		say_which(c, ready);
	k->on = k->wanted = false;
	k->current = ready;
	k->return_at = clock_after(c->config.return_ms);
	for (unsigned i = 0; i < c->nconns; i++) {
		struct rsp_conn *conn = c->conns[i];

		if (is_trying(conn)) {
			rsp_conn_free(conn);
			continue;
		}
		if (conn != ready)
			rsp_conn_leave(conn);
		c->conns[kept++] = conn;
	}
	c->nconns = kept;
}

/* While another one serves, the first is tried again now and then. */
static void
try_to_return(struct rsp_client *c, const struct rsp_conn *ready)
{
	struct rsp_error e;

	if (rsp_conn_server(ready) == 0 || TAILQ_EMPTY(&c->waiting) ||
	    clock_ms() < c->seek.return_at || trying(c) != 0)
		return;
	c->seek.return_at = clock_after(c->config.return_ms);
	(void)try_server(c, 0, &e);
}

static void
put_on(struct rsp_client *c, struct rsp_conn *ready)
{
	struct rsp_stream *s;

	while ((s = TAILQ_FIRST(&c->waiting)) != NULL)
		if (rsp_conn_start(ready, s) != 0)
			return;
}

void
rsp_seek_step(struct rsp_client *c)
{
	struct rsp_conn *ready;

	sweep(c);
	ready = rsp_seek_ready(c);
	if (!is_wanted(c)) {
		c->seek.on = false; /* what was begun goes on by itself */
	} else if (ready == NULL) {
		if (!c->seek.on)
			begin(c);
		go_on(c);
		ready = rsp_seek_ready(c);
	}
	if (ready == NULL)
		return;
	if (ready != c->seek.current)
		settle_on(c, ready);
	c->seek.wanted = false;
	try_to_return(c, ready);
	put_on(c, ready);
}

int64_t
rsp_seek_due(const struct rsp_client *c)
{
	return c->seek.on && is_wanted(c) && choose(c) >= 0 ? c->seek.next_at
							    : NEVER;
}

void
rsp_seek_avoid(struct rsp_client *c, unsigned server)
{
	if (c->config.nservers == 1)
		return;
	for (unsigned i = 0; i < c->nconns; i++)
		if (rsp_conn_server(c->conns[i]) == server &&
		    rsp_conn_state(c->conns[i]) == CONN_READY)
			rsp_conn_leave(c->conns[i]);
	rest(&c->seek, server);
}
