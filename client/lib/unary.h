/*
 * unary.h - one unary call: its attempts, the pauses between them, its answer.
 *
 * Thread: the client's.  Nothing here blocks.
 */
#ifndef CLIENT_UNARY_H
#define CLIENT_UNARY_H

#include <resopro/loop.h>
#include <sys/queue.h>

#include "wire/buf.h"

struct rsp_pending {
	TAILQ_ENTRY(rsp_pending) link; /* of the client's pending or done */
	struct rsp_client *client;
	const struct rsp_method *method;
	int64_t deadline; /* clock.h */
	struct buf frame; /* the request */
	bool repeatable;  /* a second time changes nothing more */
	bool done;        /* response or error is set */

	struct rsp_stream *attempt; /* NULL: pausing until `again` */
	int64_t again;              /* clock.h */
	unsigned attempts;          /* made so far, this one included */
	unsigned refusals;          /* attempts that were none */
	bool maybe_written;         /* by an attempt so far */

	ProtobufCMessage *response;
	struct rsp_error *error; /* NULL: none, or no memory for it */
	rsp_answer_fn *answer;   /* NULL: somebody waits for it */
	void *arg;
};

TAILQ_HEAD(pending_list, rsp_pending);

/* As rsp_call_start(); `answer` may be NULL. */
struct rsp_pending *rsp_pending_new(struct rsp_client *,
    const struct rsp_method *, const ProtobufCMessage *request,
    int64_t deadline_ms, struct rsp_error *);
/* Cancels it where it is not done.  The response goes too, unless taken. */
void rsp_pending_free(struct rsp_pending *);

/* When done: why there is no response, or NULL.  Borrows. */
const struct rsp_error *rsp_pending_error(const struct rsp_pending *);

/* The attempt has received something, or has ended. */
void rsp_pending_progress(struct rsp_pending *);
/* The pause is over: the next attempt. */
void rsp_pending_again(struct rsp_pending *);
/* End it on this side. */
void rsp_pending_abort(struct rsp_pending *, const struct rsp_error *);

#endif
