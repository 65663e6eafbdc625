/*
 * h2.h - what conn.c (bytes, time) and h2.c (frames) share.
 */
#ifndef CLIENT_H2_H
#define CLIENT_H2_H

#include <nghttp2/nghttp2.h>

#include "conn.h"
#include "dial.h"

struct rsp_conn {
	const struct rsp_config *config;
	unsigned server;
	struct rsp_tls *context;
	struct rsp_poller *poller;
	enum conn_state state;
	bool was_ready, told; /* once; that it has left */
	int64_t limit;        /* to be ready; clock.h */
	struct rsp_addresses addresses;
	struct rsp_dial dial;
	int fd;        /* -1: not connected yet */
	short watched; /* events */
	struct rsp_tls_link *tls;
	nghttp2_session *h2;
	struct stream_list calls; /* that are open */
	struct buf out;
	uint64_t queued, written; /* bytes into `out`, bytes out of it */
	bool more;                /* reading stopped before the end */
	struct rsp_error why;     /* when dead */
	int64_t heard, pinged;    /* clock.h; pinged 0: no PING is out */
};

/* Make the session, with our SETTINGS queued.  Fails: -1, no memory. */
int rsp_h2_start(struct rsp_conn *);

/* The one place where the state moves; never back. */
void rsp_conn_enter(struct rsp_conn *, enum conn_state);

#endif
