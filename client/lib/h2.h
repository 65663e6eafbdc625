/*
 * h2.h - what conn.c (bytes, time) and h2.c (frames) share.
 */
#ifndef CLIENT_H2_H
#define CLIENT_H2_H

#include <nghttp2/nghttp2.h>

#include "conn.h"

struct rsp_conn {
	const struct rsp_config *config;
	int fd;
	struct rsp_tls_link *tls;
	nghttp2_session *h2;
	struct rsp_stream *calls; /* that have not ended */
	struct buf out;
	uint64_t queued, written; /* bytes into `out`, bytes out of it */
	bool ready;               /* SETTINGS came: we are let in */
	bool draining;            /* GOAWAY: takes no more calls */
	bool more;                /* reading stopped before the end */
	bool dead;
	struct rsp_error why;  /* when dead */
	int64_t heard, pinged; /* clock.h; pinged 0: no PING is out */
};

/* Make the session, with our SETTINGS queued.  Fails: -1, no memory. */
int rsp_h2_start(struct rsp_conn *);

#endif
