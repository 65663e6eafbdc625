/*
 * client.h - a client as the files of the library share it: its connections,
 * its calls, and the one place where it waits.
 */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <resopro/client.h>

#include "config.h"
#include "conn.h"
#include "tls.h"
#include "wait.h"

/* The one that takes calls, and those that the server is winding up. */
#define CONNECTIONS_MAX 8

struct rsp_client {
	struct rsp_config config;
	struct rsp_tls *tls;
	struct rsp_conn *conns[CONNECTIONS_MAX];
	unsigned nconns;
	struct rsp_stream *streams; /* not closed by the caller */
	int interrupt_fd;
};

/* The connection for a new call, made if need be.
 * Fails: NULL as rsp_client_connect(), within `until`. */
struct rsp_conn *rsp_client_conn(struct rsp_client *, int64_t until,
    struct rsp_error *);

/* Send and receive on every connection what is possible now. */
void rsp_client_move(struct rsp_client *);

/* Wait until something can be moved: 1; or `until`: 0; or interrupted: -1. */
int rsp_client_wait(struct rsp_client *, int64_t until, struct rsp_error *);

/* Move and wait until `until` whatever comes: 0; or interrupted: -1. */
int rsp_client_pause(struct rsp_client *, int64_t until, struct rsp_error *);

#endif
