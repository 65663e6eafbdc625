/* internal.h - what the files of this folder share, and no other. */
#ifndef RPC_INTERNAL_H
#define RPC_INTERNAL_H

#include "base/loop.h"
#include "http2/http2.h"
#include "rpc/call.h"
#include "rpc/server.h"
#include "wire/grpc_frame.h"

struct header { /* of a request; both end with a NUL, in the call's arena */
	const char *name, *value;
};

struct fact {
	const char *key, *value;
};

#define CALL_FACTS_MAX 8

enum { HTTP2_NO_ERROR = 0, HTTP2_CANCEL = 8 }; /* RFC 9113, 7 */

enum message_encoding { ENCODING_IDENTITY, ENCODING_GZIP };

struct call {
	struct http2_user http2; /* first: HTTP/2 gives it back */
	struct rpc_server *server;
	const struct rpc_method *method; /* NULL: never admitted */
	struct arena *arena;
	struct call *next, **link; /* the server's open calls, or its pool */

	/* The request. */
	struct header *headers;
	size_t n_headers;
	struct grpc_frame_reader reader;
	enum message_encoding encoding; /* of the messages that are flagged */
	bool accepts_gzip;
	bool client_ended; /* it will send no more */
	bool half_closed;  /* and the handler knows */
	bool paused;
	bool feeding;        /* message() may be running */
	bool got_message;    /* unary: body waits for the client's end */
	const uint8_t *body; /* encoded message, till message() is over */
	size_t body_len;
	struct buf inflated; /* unary: where body is, if it came as gzip */
	struct buf held;     /* what came while paused */
	size_t waiting;      /* bytes counted in the server's sum */
	struct timer deadline, slow;
	int64_t deadline_ns, started_ns;

	/* The application's. */
	const struct principal *principal;
	struct call_user *user;
	bool told_closed;

	/* The answer. */
	bool responded; /* its header list is queued */
	bool ended;     /* its status is queued: nothing more may be */
	size_t unread;  /* queued when the last sweep saw it ended */
	unsigned status;
	size_t room;      /* bytes of the message being filled */
	struct buf plain; /* the same, when it will be compressed */
	struct fact facts[CALL_FACTS_MAX];
	size_t n_facts;
	unsigned retry_ms;
};

struct route {
	const struct rpc_method *method;
	size_t path_len;
};

struct health_watch;

struct rpc_server {
	struct loop *loop;
	struct rpc_server_opts opts;
	struct http2_server *http2;
	struct route *routes; /* open addressing by path */
	size_t route_mask;
	struct call *open; /* every call that HTTP/2 knows */
	struct call *pool;
	size_t pooled;
	struct arena *scratch; /* one message of a stream at a time */
	bool scratch_busy;
	size_t waiting;     /* bytes of requests not yet handled */
	struct timer sweep; /* while calls are open */
	struct rpc_counters counters;
	bool draining, stopping; /* stopping: the grace is over */
	struct timer grace;
	void (*drained)(struct rpc_server *, void *);
	void *drained_arg;
	struct health_watch *health; /* streams of Health.Watch */
};

/* ---- call.c ------------------------------------------------------------- */

extern const struct http2_ops call_ops;

/* End it from this side, not from its handler's: the handler is told. */
void call_end(struct call *, const struct err *);
void call_free(struct call *);

/* ---- message.c ------------------------------------------------------------ */

#define READER_KEPT 4096 /* bytes of buffer that a pooled call keeps */

/* Does its client send a stream of messages? */
static inline bool
call_streams_in(const struct call *c)
{
	return c->method->kind == RPC_CLIENT_STREAM ||
	       c->method->kind == RPC_BIDI;
}

void message_data(struct call *, const uint8_t *, size_t len);
/* The client has ended. */
void message_end(struct call *);

/* ---- answer.c ------------------------------------------------------------- */

/* A status, after what is queued; once. */
void answer_status(struct call *, const struct err *, const struct violation *,
    size_t n);
void answer_ok(struct call *);
/* Not gRPC at all: an HTTP status and no more. */
void answer_http(struct call *, const char *status);

/* ---- details.c ------------------------------------------------------------ */

/* grpc-status-details-bin of this error in the call's arena, or NULL. */
const char *details_encode(struct call *, unsigned status, const struct err *,
    const char *message, const struct violation *, size_t n);

/* ---- gzip.c --------------------------------------------------------------- */

/* Whole buffers.  Append the result to `out`.  Decompression stops at `max`.
 * Fails: ERR_INVALID (not gzip, cut), ERR_LIMIT, ERR_NOMEM. */
int gzip_decompress(const uint8_t *, size_t len, size_t max, struct buf *out,
    struct err *);
int gzip_compress(const uint8_t *, size_t len, struct buf *out, struct err *);

/* ---- server.c ------------------------------------------------------------- */

/* ERR_UNAVAILABLE in words.  Returns -1. */
int server_stopping(struct err *);
/* A call is open: look now and then for answers that nobody reads. */
void server_sweep_later(struct rpc_server *);
const struct rpc_method *server_route(const struct rpc_server *,
    const char *path, size_t len);
/* The methods of every service: 0.., NULL past the last. */
const struct rpc_method *server_method_at(const struct rpc_server *, size_t);
/* Is there such a service ("resopro.v1.Registry")? */
bool server_has_service(const struct rpc_server *, const char *name);

/* ---- health.c, reflection.c ----------------------------------------------- */

extern const struct rpc_method health_methods[], reflection_methods[];
void health_changed(struct rpc_server *);

#endif
