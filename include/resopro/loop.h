/*
 * resopro/loop.h - a client in the caller's own event loop: epoll, poll,
 * libevent, libuv, GLib, ...
 *
 *	Watch rsp_client_fd() for reading, level-triggered, as long as the
 *	client lives.  Whenever it is readable: rsp_client_process().
 *
 * There is nothing else to watch and no timeout to keep: the one fd stands for
 * every connection and every instant (deadlines, repetitions, keepalive).
 * Servers, retries and errors are those of the blocking calls, which are made
 * of the same parts and may be used beside these on one client.
 *
 * Callbacks come from rsp_client_process() and from nowhere else: never from
 * the function that starts a call, and none after rsp_client_free().  In one,
 * every function may be called but those that block, which then fail with
 * RSP_ERR_USAGE; rsp_client_free() takes effect when the callback returns.
 *
 * What is started is sent by the next rsp_client_process(), together with all
 * else: the fd is readable until then.
 *
 * Thread: as <resopro/client.h>.  See libresopro(3) for a complete program.
 */
#ifndef RESOPRO_LOOP_H
#define RESOPRO_LOOP_H

#include <resopro/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rsp_pending; /* a unary call that is not answered yet */
struct addrinfo;

/* The fd to watch: the same for the client's whole life.
 * Borrows: the client's; do not read it, close it or pass it on. */
int rsp_client_fd(const struct rsp_client *);

/*
 * Do all that can be done now: connect, send, receive, repeat, give up what is
 * past its deadline, and call back.  A busy client leaves the rest for the next
 * turn, so that the loop's other work is not held up.
 * Calls back: rsp_answer_fn, struct rsp_stream_events.
 * Fails: never; what goes wrong ends the calls that it concerns.
 * Blocks: no, but for a name that is looked up without rsp_client_opts.lookup.
 */
void rsp_client_process(struct rsp_client *);

/* ---- unary calls --------------------------------------------------------- */

/* The answer, or why there is none: one of the two is NULL.
 * Owns: the response is the callee's, rsp_message_free(); the error is only
 *       lent. */
typedef void rsp_answer_fn(void *arg, ProtobufCMessage *response,
    const struct rsp_error *);

/*
 * Start a unary call: deadline, retries and errors as rsp_call().
 * Owns: the result is the library's, until `answer` is called; it serves to
 *       cancel the call and may be ignored.  The request is copied.
 * Fails: NULL, and nothing is called back: RSP_ERR_USAGE, RSP_ERR_NOMEM,
 *        RSP_RESOURCE_EXHAUSTED (the request is too large).
 * Calls back: `answer`, exactly once, unless it is cancelled.
 */
struct rsp_pending *rsp_call_start(struct rsp_client *,
    const struct rsp_method *, const ProtobufCMessage *request,
    int64_t deadline_ms, rsp_answer_fn *answer, void *arg, struct rsp_error *);

/* Forget it: the server is told to stop, and nobody is called back.  A write
 * may have been done.  Not from its own callback. */
void rsp_call_cancel(struct rsp_pending *);

/* ---- streaming calls ----------------------------------------------------- */

/* What happens to a stream; each may be NULL: then it is dropped. */
struct rsp_stream_events {
	/* A message has come.  Owns: the callee, rsp_message_free(). */
	void (*message)(void *arg, struct rsp_stream *, ProtobufCMessage *);
	/* There is room again, after RSP_SEND_FULL. */
	void (*room)(void *arg, struct rsp_stream *);
	/* It is over, after its last message: RSP_OK or why.  Nothing is called
	 * after this; rsp_stream_close() is left to do, now or later. */
	void (*end)(void *arg, struct rsp_stream *, const struct rsp_error *);
};

/*
 * Open a call of any kind.  As rsp_stream_open(), but the connection is made
 * meanwhile, and failures come by `end`.  For its streams
 *   - rsp_stream_send() and rsp_stream_half_close() only queue.  When 256 KiB
 *     wait, a send is RSP_SEND_FULL: the message was not taken; send it again
 *     once `room` was called;
 *   - messages come by `message`: rsp_stream_recv() is RSP_ERR_USAGE.
 * Owns: the stream is the caller's, until rsp_stream_close(), after which
 *       nothing is called for it.  Borrows: `events`, until then.
 * Fails: NULL with RSP_ERR_NOMEM; nothing is called back.
 */
struct rsp_stream *rsp_stream_start(struct rsp_client *,
    const struct rsp_method *, int64_t deadline_ms,
    const struct rsp_stream_events *events, void *arg, struct rsp_error *);

/* While held, no message is called back, and the server is held up once the
 * window (256 KiB) is full; `end` waits for the messages before it. */
void rsp_stream_hold(struct rsp_stream *, bool held);

/* ---- names --------------------------------------------------------------- */

/*
 * The answer to rsp_client_opts.lookup(), which gets what to look up and gives
 * it to the loop's resolver: evdns_getaddrinfo(), uv_getaddrinfo(), c-ares...
 * Call it exactly once for each: in the hook itself or later, on the client's
 * thread, also after the client was freed, which the lookup outlives.
 * gai: 0, or why there is none: EAI_NONAME, EAI_AGAIN, ...
 * Owns: the lookup ends here.  Borrows: the list, which is copied; it holds
 *       addresses with ports.
 * A blocking call waits for it without running the caller's loop: for clients
 * that use both forms the hook must answer by itself.
 */
void rsp_lookup_done(struct rsp_lookup *, int gai, const struct addrinfo *);

#ifdef __cplusplus
}
#endif
#endif
