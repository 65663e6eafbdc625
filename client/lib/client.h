/*
 * client.h - a client as the files of the library share it: its connections,
 * its calls, and the one step in which everything is done.
 *
 * A blocking call is rsp_client_step() and rsp_client_wait() in turn until it
 * has ended; rsp_client_process() is one step and the callbacks.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <resopro/loop.h>

#include "call.h"
#include "config.h"
#include "poller.h"
#include "seek.h"
#include "tls.h"
#include "unary.h"

/* The one that takes calls, those that are being tried, and those that wind
 * up. */
#define CONNECTIONS_MAX 16

struct rsp_client {
	struct rsp_config config;
	struct rsp_tls *tls;
	struct rsp_poller poller;
	struct rsp_seek seek;
	struct rsp_conn *conns[CONNECTIONS_MAX];
	unsigned nconns;
	struct stream_list streams;  /* all that are not closed */
	struct stream_list waiting;  /* for a connection, in order */
	struct stream_list moved;    /* attempts of unary calls that went on */
	struct stream_list ready;    /* of a loop, with something to tell */
	struct pending_list pending; /* unary calls under way */
	struct pending_list done;    /* to be called back */
	int64_t expiry; /* nothing is past its time before; clock.h */
	int interrupt_fd;
	unsigned turn; /* of rsp_client_process() */
	bool dirty;    /* there is something to do, or to send, at once */
	bool calling;  /* a callback is running */
	bool doomed;   /* rsp_client_free() was called in it */
};

/* Do all that can be done now.  Does not block. */
void rsp_client_step(struct rsp_client *);

/* Send what was started; as much of a step as a new call needs. */
void rsp_client_flush(struct rsp_client *);

/* Something was started: the fd becomes readable. */
void rsp_client_stir(struct rsp_client *);

/* Before returning to the caller: the fd will be readable when there is
 * something to do. */
void rsp_client_settle(struct rsp_client *);

/* Wait until there is something to do: 1; or `until`: 0; or interrupted: -1. */
int rsp_client_wait(struct rsp_client *, int64_t until, struct rsp_error *);

/* May a function that blocks run?  Fails: -1, RSP_ERR_USAGE, in a callback. */
int rsp_client_may_block(const struct rsp_client *, struct rsp_error *);

#endif
