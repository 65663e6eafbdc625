/* worker.h - one worker: a thread, its loop, its listeners, its gRPC server and
 * its services.  For main.c. */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include "rpc/server.h"
#include "service/service.h"

struct tls_server;
struct worker;

struct worker_opts {
	struct service_opts service;
	struct rpc_limits limits;
	struct tls_server *tls;
	char *const *addresses; /* to listen on, each worker by itself */
	unsigned n_addresses;
	unsigned drain_ms;
};

/* Listen and be ready, but do not run yet.  Blocks: reads the accounts. */
struct worker *worker_new(const struct worker_opts *, struct err *);
/* Start its thread. */
int worker_start(struct worker *, struct err *);

/* Any thread; the worker does it on its own. */
void worker_drain(struct worker *);   /* then its thread ends */
void worker_recheck(struct worker *); /* after a TLS reload */
void worker_set_catalog(struct worker *, struct catalog *);

/* Wait for the end of its thread, then free.  NULL is a no-op. */
void worker_join(struct worker *);

/* Port of its first listener. */
unsigned worker_port(const struct worker *);

#endif
