/*
 * server.h - a worker's gRPC server: method table, admission, limits.
 *
 * Thread: one server a loop; all functions on that loop's thread unless said.
 * It knows nothing of the register and would serve any protobuf service.
 * Beside the application's methods it serves grpc.health.v1.Health, open to
 * everybody, and server reflection, v1 and v1alpha, to whom admit() lets in.
 *
 * gzip: requests may be compressed, up to max_request_bytes when they are not.
 * Answers longer than 1 KiB are, to a client that compresses its own
 * (grpc-encoding: gzip) and accepts it; shared messages never are.
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/call.h"

struct loop;
struct listener;
struct tls_server;

struct rpc_limits {                /* 0 means the default in brackets */
	size_t max_request_bytes;  /* one message [4 MiB] */
	size_t max_response_bytes; /* one message [16 MiB] */
	size_t arena_bytes;        /* all one call may hold, decoded [32 MiB] */
	size_t max_waiting_bytes;  /* requests not yet handled whole, a worker:
					 * beyond it RESOURCE_EXHAUSTED [256 MiB] */
	size_t send_high_water;    /* queued bytes a stream [256 KiB] */
	unsigned max_streams;      /* concurrent, a connection [256] */
	size_t max_header_bytes;   /* decoded header list [16 KiB] */
	unsigned max_connections;  /* a worker [10,000] */
	unsigned max_connections_per_address; /* [1,000] */
	unsigned handshake_ms; /* TCP accept to TLS done [10,000] */
	unsigned preface_ms;   /* TLS done to HTTP/2 SETTINGS [10,000] */
	unsigned request_ms;   /* headers to the last request byte, unary
					 * and server stream; also: an ended call
					 * whose answer nobody reads [60,000] */
	unsigned idle_ms;      /* no open stream: GOAWAY and close [3600,000] */
	unsigned keepalive_ms; /* silent with open streams: PING [60,000] */
	unsigned keepalive_timeout_ms; /* no PING answer: close [20,000] */
	unsigned abuse_per_second; /* RST, PING, SETTINGS, empty frames [200] */
	size_t
	    max_connection_bytes; /* queued to send, one connection [8 MiB] */
};

struct rpc_counters { /* since start; the _open ones are of now */
	uint64_t connections, connections_open, handshakes_failed;
	uint64_t calls, calls_open, calls_by_code[17];
	uint64_t bytes_in, bytes_out, goaway_abuse;
};

struct rpc_server_opts {
	const struct rpc_method *const
	    *tables; /* NULL-terminated list of tables,
						 * each ended by a NULL path */
	struct service *service;
	struct rpc_limits limits;
	/* Who is it, and may it call this method?  Runs once the request headers
	 * are in, before any body is read; not asked for an open method.
	 * -1 with *e refuses the call: neither message() nor closed() is run. */
	int (*admit)(struct call *, struct err *);
	/* Is it still admitted?  Run on every open call by rpc_server_recheck(). */
	int (*recheck)(struct call *, struct err *);
	/* A call is over: for metrics and logs.  May be NULL. */
	void (*done)(struct call *, unsigned grpc_status, int64_t duration_ns);
};

struct rpc_server *rpc_server_new(struct loop *, const struct rpc_server_opts *,
    struct err *);
void rpc_server_free(struct rpc_server *); /* closes every connection */

/* Take connections from `listener` (net/listener.h) under `tls` (NULL: clear
 * text, tests only).  Borrowed: both outlive the server. */
int rpc_server_listen(struct rpc_server *, struct listener *,
    struct tls_server *, struct err *);

/*
 * Graceful end: stop accepting, GOAWAY on every connection.  A stream that has
 * no end of its own (server stream, or bidi whose client may go on) ends with
 * UNAVAILABLE at once, and so does a new one; every other call may finish, or
 * ends so after `grace_ms`.  Then call `drained` once.
 */
void rpc_server_drain(struct rpc_server *, unsigned grace_ms,
    void (*drained)(struct rpc_server *, void *arg), void *arg);

/* Run opts.recheck on every open call; end those it refuses.  A connection
 * whose certificate is refused by `tls` since a reload is closed too. */
void rpc_server_recheck(struct rpc_server *);

const struct rpc_method *rpc_server_find(const struct rpc_server *,
    const char *path, size_t len);
void rpc_server_counters(const struct rpc_server *, struct rpc_counters *);

#endif
