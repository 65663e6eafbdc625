/*
 * seek.h - a connection for the calls that wait: which server is tried next,
 * beside which, and when the first one is tried again.
 *
 * A round tries each server once: the next one when one has failed, or beside
 * it when it is silent.  The first that is ready takes the calls, and ends the
 * round and the other connections, which finish what they have.  When all have
 * failed, the waiting calls end with what each server's failure was.
 *
 * Thread: the client's.
 */
#ifndef CLIENT_SEEK_H
#define CLIENT_SEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

struct rsp_client;
struct rsp_conn;

struct rsp_seek {
	const struct rsp_conn
	    *current;      /* takes calls; NULL: none, or it left */
	bool wanted;       /* by rsp_client_connect() */
	bool on;           /* a round is under way */
	uint32_t tried;    /* bits: servers of this round */
	int64_t next_at;   /* the next one is tried beside; clock.h */
	int64_t return_at; /* the first one may be tried again */
	int64_t rest_until[RSP_SERVERS_MAX]; /* it failed: others before it */
	unsigned failed;                     /* in this round */
	struct rsp_error why;                /* of all that failed */
};

/* The connection that takes calls, or NULL. */
struct rsp_conn *rsp_seek_ready(const struct rsp_client *);

/* After connections were moved: take notice, go on. */
void rsp_seek_step(struct rsp_client *);
/* When to step again at the latest (clock.h). */
int64_t rsp_seek_due(const struct rsp_client *);

/* The server answers that it cannot serve: where there are others, it takes no
 * more calls for a while. */
void rsp_seek_avoid(struct rsp_client *, unsigned server);

#endif
