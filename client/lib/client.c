/* client.c - see client.h and <resopro/client.h>. */
#include "client.h"

#include <stdlib.h>

#include "clock.h"
#include "fail.h"

struct rsp_client *
rsp_client_new(const struct rsp_client_opts *o, struct rsp_error *e)
{
	struct rsp_client *c = calloc(1, sizeof *c);

	if (c == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	c->interrupt_fd = -1;
	if (rsp_config_set(&c->config, o, e) != 0 ||
	    (c->tls = rsp_tls_new(o, e)) == NULL) {
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
	while (c->streams != NULL)
		rsp_stream_close(c->streams);
	for (unsigned i = 0; i < c->nconns; i++)
		rsp_conn_free(c->conns[i]);
	rsp_tls_free(c->tls);
	rsp_config_free(&c->config);
	free(c);
}

void
rsp_client_set_interrupt_fd(struct rsp_client *c, int fd)
{
	c->interrupt_fd = fd;
}

/* ---- moving and waiting -------------------------------------------------- */

/* Connections that are over go; the others keep their order. */
static void
sweep(struct rsp_client *c)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->nconns; i++) {
		if (rsp_conn_is_over(c->conns[i]))
			rsp_conn_free(c->conns[i]);
		else
			c->conns[kept++] = c->conns[i];
	}
	c->nconns = kept;
}

void
rsp_client_move(struct rsp_client *c)
{
	for (unsigned i = 0; i < c->nconns; i++)
		rsp_conn_move(c->conns[i]);
	sweep(c);
}

int
rsp_client_wait(struct rsp_client *c, int64_t until, struct rsp_error *e)
{
	struct pollfd fds[CONNECTIONS_MAX + 1];
	struct rsp_patience p = { until, c->interrupt_fd };
	int rc;

	for (unsigned i = 0; i < c->nconns; i++) {
		fds[i] = rsp_conn_poll(c->conns[i]);
		p.until = sooner(p.until, rsp_conn_due(c->conns[i]));
	}
	rc = rsp_wait(fds, c->nconns, &p, e);
	/* A connection's own instant is no reason for the caller to give up. */
	return rc == 0 && p.until < until ? 1 : rc;
}

int
rsp_client_pause(struct rsp_client *c, int64_t until, struct rsp_error *e)
{
	int rc;

	do {
		rsp_client_move(c);
		rc = rsp_client_wait(c, until, e);
	} while (rc > 0);
	return rc;
}

/* ---- connecting ---------------------------------------------------------- */

static struct rsp_conn *
current(const struct rsp_client *c)
{
	for (unsigned i = 0; i < c->nconns; i++)
		if (rsp_conn_takes_calls(c->conns[i]))
			return c->conns[i];
	return NULL;
}

static struct rsp_conn *
connect_now(struct rsp_client *c, int64_t until, struct rsp_error *e)
{
	int64_t limit = clock_after(c->config.connect_timeout_ms);
	struct rsp_patience p = { sooner(until, limit), c->interrupt_fd };
	struct rsp_conn *conn = rsp_conn_open(&c->config, c->tls, &p, e);

	if (conn != NULL)
		c->conns[c->nconns++] = conn;
	else if (e->code == RSP_UNAVAILABLE && clock_ms() >= until)
		rsp_fail(e, RSP_DEADLINE_EXCEEDED, NULL, NULL,
		    "%s: the deadline passed before a connection was made",
		    c->config.where);
	return conn;
}

struct rsp_conn *
rsp_client_conn(struct rsp_client *c, int64_t until, struct rsp_error *e)
{
	struct rsp_conn *conn;

	/* What came meanwhile: the server may have hung up. */
	rsp_client_move(c);
	if ((conn = current(c)) != NULL)
		return conn;
	if (c->nconns < CONNECTIONS_MAX)
		return connect_now(c, until, e);
	rsp_fail(e, RSP_RESOURCE_EXHAUSTED, "CONNECTIONS",
	    "close streams "
	    "that were opened before the server restarted",
	    "%s: %d connections wait for their last calls to end",
	    c->config.where, CONNECTIONS_MAX);
	return NULL;
}

int
rsp_client_connect(struct rsp_client *c, struct rsp_error *error)
{
	struct rsp_error e = { 0 };

	if (rsp_client_conn(c, NEVER, &e) != NULL)
		return 0;
	if (error != NULL)
		*error = e;
	return -1;
}
