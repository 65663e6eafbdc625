/*
 * dial.h - to a connected TCP socket: each address in turn until one answers;
 * the time left is shared out among those not yet tried, so that one dead
 * address of several does not use it all up.
 *
 * Thread: the client's.  Nothing here blocks.
 */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <stdint.h>

#include <resopro/error.h>

#include "lookup.h"

struct rsp_dial {
	const struct rsp_addresses *addresses;
	struct rsp_poller *poller;
	unsigned next; /* address */
	int fd;        /* -1: none is being tried */
	short watched; /* events */
	int64_t until; /* this address; clock.h */
	int64_t limit; /* all of them */
	int cause;     /* errno of the last one that failed */
};

/* Borrows both.  There is at least one address. */
void rsp_dial_start(struct rsp_dial *, const struct rsp_addresses *,
    struct rsp_poller *, int64_t limit);

/* 1 connected: fd is the caller's now, watched for `watched`; 0 not yet: call
 * again when the poller says so, at `until` at the latest.
 * Fails: -1 with RSP_UNAVAILABLE (CONNECT_REFUSED, CONNECT_TIMEOUT, ...). */
int rsp_dial_move(struct rsp_dial *, struct rsp_error *);

/* Close what is being tried, if anything. */
void rsp_dial_drop(struct rsp_dial *);

#endif
