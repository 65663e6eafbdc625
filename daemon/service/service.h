/*
 * service.h - a worker's services: the only place that sees both the wire
 * (messages, calls) and the register (rules, commits).
 *
 * One struct service a worker; everything in it belongs to that worker's
 * thread.  What all workers share (store, catalog) is immutable or locks for
 * itself.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/server.h"
#include "store/store.h"
#include "wire/err.h"

struct catalog;
struct loop;
struct search_index;
struct service;

struct service_limits {            /* 0 means the default in brackets */
	unsigned retire_percent;   /* FULL sync guard [10] */
	unsigned retire_free;      /* retirements always allowed [3] */
	unsigned sync_max_records; /* one stream [100,000] */
	size_t sync_max_bytes;     /* one stream, decoded [256 MiB] */
	size_t sync_total_bytes;   /* all streams, all workers [1 GiB] */
	unsigned syncs;            /* streams at once, a worker [64] */
	unsigned watches;          /* streams at once, a worker [20,000] */
	unsigned list_work;        /* records looked at a List turn [20,000] */
};

/* What one worker counts, for the Status that any of them answers; on a cache
 * line of its own.  Written by its worker only, at least once a second. */
struct service_counts {
	_Alignas(64) _Atomic uint64_t connections;
	_Atomic uint64_t calls, watches;
};

struct service_opts {
	struct store *store;     /* borrowed, shared */
	struct catalog *catalog; /* borrowed, shared; see catalog.h */
	/* Borrowed, shared; see search_index.h.  NULL: Search is UNAVAILABLE. */
	struct search_index *search_index;
	struct service_limits limits;
	unsigned workers; /* shown by Status */
	unsigned worker;  /* this one: 0 to workers - 1 */
	/* One for each worker, zeroed; borrowed, shared.  NULL: Status tells of
	 * this worker only. */
	struct service_counts *counts;
	int64_t started_ns; /* wall clock, shown by Status */
	/* Date (YYYY-MM-DD) the server's certificate ends; "" unknown. */
	const char *certificate_expires;
};

/* Owns: the caller's until service_free().  Fails: ERR_NOMEM, ERR_CORRUPT.
 * Blocks: reads every account once; call it before the loop runs. */
struct service *service_new(struct loop *, const struct service_opts *,
    struct err *);
void service_free(struct service *); /* NULL is a no-op */

/* Call `quiet` once nothing of this service is with another thread any more (a
 * write, a search that waits): only then may the loop end, for it is told of
 * the outcome.  After the last call; on the loop's thread. */
void service_quiesce(struct service *, void (*quiet)(void *), void *arg);

/* The server whose calls this service answers: for rechecks of open calls when
 * an account changes.  Borrowed. */
void service_set_server(struct service *, struct rpc_server *);

/* The catalog was replaced (SIGHUP): take the new one, let go of the old. */
void service_set_catalog(struct service *, struct catalog *);

/* For struct rpc_server_opts. */
const struct rpc_method *const *service_methods(void);
int service_admit(struct call *, struct err *);
int service_recheck(struct call *, struct err *);
void service_done(struct call *, unsigned grpc_status, int64_t duration_ns);

/* For struct store_opts: how records give index keys. */
const struct store_schema *service_schema(void);

/*
 * First start: write the agency's organisation and the account of its first
 * administrator into an empty store.  `pin` is the SHA-256 of its certificate
 * in hex, or NULL for "any certificate of the CA that names it".
 * Fails: ERR_EXISTS when the store already has an account.  Blocks.
 */
int service_bootstrap(struct store *, const char *account_id,
    const char *organisation_id, const char *organisation_nom, const char *pin,
    struct err *);

#endif
