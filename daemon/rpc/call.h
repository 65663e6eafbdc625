/*
 * call.h - one gRPC call: what a handler sees.  Hides HTTP/2 and framing.
 *
 * A call lives on one worker's loop; every function here is for that thread
 * and none blocks.  The life of a call (states only grow): headers -> admit()
 * -> message()... -> half_close() -> replies -> one status -> closed().
 * After closed() has run, the handler must not touch the call again.
 */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/arena.h"
#include "wire/err.h"

struct call;
struct peer; /* net/peer.h: address and verified certificate */
struct rpc_server;
struct service;   /* the application's context: rpc never looks inside */
struct principal; /* who calls, as admit() found: rpc never looks inside */

enum rpc_kind {
	RPC_UNARY,
	RPC_CLIENT_STREAM,
	RPC_SERVER_STREAM,
	RPC_BIDI,
};

/* A handler's own state for one call: embed it first, get back by a cast that
 * only the handler's own file makes. */
struct call_user {
	struct call *call; /* NULL once closed() has run */
};

/* One row a method: adding an RPC is one row and one function. */
struct rpc_method {
	const char *path; /* "/resopro.v1.Registry/Get" */
	enum rpc_kind kind;
	const ProtobufCMessageDescriptor *input;
	bool open; /* callable by anybody: admit() is not asked; requests
			 * are 4 KiB at most */
	/*
	 * One request message, already checked (size, depth, UTF-8, memory) and
	 * unpacked in the call's arena (unary, server stream) or in an arena that
	 * lives until this function returns (client stream, bidi).
	 * -1 with *e ends the call with that status.  0: answered, or will be.
	 * Unary and server-stream methods get exactly one.
	 */
	int (*message)(struct call *, const ProtobufCMessage *, struct err *);
	/* The client will send no more (client stream and bidi only). */
	int (*half_close)(struct call *, struct err *);
	/* Bytes queued fell below the low-water mark after call_send() had filled
	 * it (streams only).  May be NULL. */
	void (*writable)(struct call *);
	/* The call is over: status sent, cancelled, reset, deadline.  Exactly once
	 * after admit() accepted.  May be NULL. */
	void (*closed)(struct call *);
};

/* ---- the request ------------------------------------------------------- */
const struct rpc_method *call_method(const struct call *);
struct service *call_service(const struct call *);
struct arena *call_arena(struct call *); /* freed with the call */
/* The same, held beyond the call's end with the message in it: to be read only,
 * until arena_free() on this thread. */
struct arena *call_keep(struct call *);
const struct peer *call_peer(const struct call *);
/* Value of a request header (lower-case name, ASCII), or NULL.  Borrowed. */
const char *call_metadata(const struct call *, const char *name);
/* Monotonic deadline in ns, or 0. */
int64_t call_deadline(const struct call *);
/* Encoded bytes of the request message now in message(): for hashing. */
void call_request_bytes(const struct call *, const uint8_t **, size_t *);

const struct principal *call_principal(const struct call *);
void call_set_principal(struct call *, const struct principal *);
struct call_user *call_user(const struct call *);
void call_set_user(struct call *, struct call_user *);

/* Stop and go on reading request messages (client stream, bidi): paused, the
 * HTTP/2 window closes and at most what it held is buffered.  Unless it is
 * called inside message(), call_resume() may run message() and half_close()
 * before it returns. */
void call_pause(struct call *);
void call_resume(struct call *);

/* ---- the answer -------------------------------------------------------- */

/* Unary, client stream: one message and OK.  Returns 0; on failure the call is
 * ended with INTERNAL and 0 is returned too: nothing is left to do. */
int call_reply(struct call *, const ProtobufCMessage *);

/*
 * The same without a re-encoding: room for one message of exactly `len` bytes,
 * to be filled at once, then call_reply_sent().  NULL (ERR_LIMIT, ERR_NOMEM)
 * when the message is beyond the limit.
 */
uint8_t *call_reply_room(struct call *, size_t len, struct err *);
int call_reply_sent(struct call *);

/* Streams: queue one message.  Always takes it (0) unless it is beyond the
 * message limit (-1); ask call_writable() first and stop when false. */
int call_send(struct call *, const ProtobufCMessage *, struct err *);
/* Likewise, without re-encoding: fill the room, then call_send_sent(). */
uint8_t *call_send_room(struct call *, size_t len, struct err *);
int call_send_sent(struct call *);
/* False: enough is queued; writable() will be called when there is room. */
bool call_writable(struct call *);

/*
 * One message for many streams, encoded once.  Thread: that of the calls.
 * Each call_send_shared() holds it until its bytes are out.
 */
struct rpc_shared;
/* A message of `len` bytes to be filled at *room at once; one reference, the
 * caller's.  NULL: no memory. */
struct rpc_shared *rpc_shared_new(size_t len, uint8_t **room);
void rpc_shared_unref(struct rpc_shared *); /* NULL is a no-op */
int call_send_shared(struct call *, struct rpc_shared *, struct err *);

/* End a stream with OK, after what is queued. */
void call_finish(struct call *);
/* End the call with an error; queued messages are still sent for streams. */
void call_fail(struct call *, const struct err *);

/* More than one field at fault: google.rpc.BadRequest carries them all. */
struct violation {
	const char *field;       /* dotted path */
	const char *description; /* rule and remedy, one sentence each */
	const char *reason;      /* UPPER_SNAKE */
	/* The same in two, for answers that keep them apart; may be NULL. */
	const char *message, *remedy;
};
void call_fail_violations(struct call *, const struct err *,
    const struct violation *, size_t n);

/* Facts for google.rpc.ErrorInfo metadata (e.g. current_version = 4) and
 * RetryInfo (milliseconds; 0 none), taken with the next call_fail(). */
void call_error_fact(struct call *, const char *key, const char *value);
void call_retry_after(struct call *, unsigned ms);

#endif
