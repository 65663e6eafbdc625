/* unary.c - see unary.h: unary calls, and when they may be repeated. */
#include "unary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client.h"
#include "clock.h"
#include "fail.h"
#include "message.h"
#include "stream.h"

#define ATTEMPTS_MAX 4
#define FIRST_PAUSE_MS 100
/* What the server may ask us to wait, when a limit made it refuse. */
#define LIMIT_PAUSE_MAX_MS 5000
/* Attempts that a server gave back unread are none, up to here. */
#define REFUSALS_MAX 3

/* ---- its end ------------------------------------------------------------- */

static void
finish(struct rsp_pending *p)
{
	p->done = true;
	TAILQ_REMOVE(&p->client->pending, p, link);
	TAILQ_INSERT_TAIL(&p->client->done, p, link);
}

const struct rsp_error *
rsp_pending_error(const struct rsp_pending *p)
{
	static const struct rsp_error no_memory = { .code = RSP_ERR_NOMEM,
		.msg = "no memory" };

	if (p->response != NULL)
		return NULL;
	return p->error != NULL ? p->error : &no_memory;
}

/* What one attempt leaves open, a later one settles only by an answer that
 * looked at the request. */
static void
settle(const struct rsp_pending *p, struct rsp_error *e)
{
	static const enum rsp_code answers[] = { RSP_INVALID_ARGUMENT,
		RSP_NOT_FOUND, RSP_ALREADY_EXISTS, RSP_FAILED_PRECONDITION,
		RSP_ABORTED, RSP_OUT_OF_RANGE, RSP_UNIMPLEMENTED };

	if (!p->maybe_written)
		return;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (e->from_server && e->code == answers[i])
			return;
	e->maybe_written = true;
	if (e->code == RSP_UNAVAILABLE || e->code == RSP_ERR_TLS)
		e->code = RSP_UNCERTAIN;
}

static void
advise(struct rsp_error *e, bool repeatable)
{
	if (e->code == RSP_UNCERTAIN && e->remedy[0] == '\0')
		rsp_text_copy(e->remedy, sizeof e->remedy,
		    repeatable
			? "send it again with the same request id: it is then done "
			  "once"
			: "look whether it was done before sending it "
			  "again");
}

/* There is no other attempt. */
static void
fail(struct rsp_pending *p, const struct rsp_error *e)
{
	/* An error is large: only calls that fail pay for it. */
	if ((p->error = malloc(sizeof *p->error)) != NULL) {
		*p->error = *e;
		settle(p, p->error);
		advise(p->error, p->repeatable);
	}
	finish(p);
}

static void
close_attempt(struct rsp_pending *p)
{
	if (p->attempt != NULL)
		rsp_stream_drop(p->attempt);
	p->attempt = NULL;
	rsp_message_free(p->response);
	p->response = NULL;
}

/* ---- another one? -------------------------------------------------------- */

static bool
may_repeat(const struct rsp_pending *p, const struct rsp_error *e,
    bool untouched)
{
	if (p->client->config.no_retry || p->attempts >= ATTEMPTS_MAX)
		return false;
	/* The same name will not be there in half a second either. */
	if (strcmp(e->reason, "NAME_UNKNOWN") == 0)
		return false;
	if (e->code == RSP_UNAVAILABLE)
		return untouched || p->repeatable;
	if (e->code == RSP_RESOURCE_EXHAUSTED)
		return e->from_server && e->retry_after_ms > 0 &&
		       e->retry_after_ms <= LIMIT_PAUSE_MAX_MS;
	return e->code == RSP_UNCERTAIN && p->repeatable;
}

/* Half as much again or half as little: clients that were cut off together do
 * not come back together. */
static int64_t
pause_ms(const struct rsp_pending *p, const struct rsp_error *e)
{
	uint32_t base = (uint32_t)FIRST_PAUSE_MS << (p->attempts - 1), random;

	if (e->retry_after_ms > 0)
		return e->retry_after_ms;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) !=
	    (ssize_t)sizeof random)
		random = base / 2;
	return base / 2 + random % base;
}

/* The server gave it back unread, after a goodbye: the next attempt is the
 * first, on another connection. */
static bool
was_none(struct rsp_pending *p, const struct rsp_error *e, bool untouched)
{
	return untouched && strcmp(e->reason, "REFUSED") == 0 &&
	       !p->client->config.no_retry && p->refusals++ < REFUSALS_MAX;
}

static void
attempt_failed(struct rsp_pending *p, const struct rsp_error *e, bool untouched)
{
	close_attempt(p);
	p->maybe_written = p->maybe_written || e->maybe_written;
	if (was_none(p, e, untouched)) {
		p->attempts--;
		rsp_pending_again(p);
		return;
	}
	p->again = clock_after(pause_ms(p, e));
	if (may_repeat(p, e, untouched) && p->again < p->deadline)
		p->client->expiry = sooner(p->client->expiry, p->again);
	else
		fail(p, e);
}

/* ---- one attempt --------------------------------------------------------- */

void
rsp_pending_again(struct rsp_pending *p)
{
	struct rsp_stream *s =
	    rsp_stream_new(p->client, p->method, p->deadline);

	p->attempts++;
	if (s == NULL ||
	    buf_append(&s->out, buf_head(&p->frame), buf_len(&p->frame)) != 0) {
		struct rsp_error e;

		if (s != NULL)
			rsp_stream_drop(s);
		rsp_fail_nomem(&e);
		fail(p, &e);
		return;
	}
	s->out_end = true;
	s->pending = p;
	p->attempt = s;
}

/* What the answer's count is wrong for: the server broke the contract. */
static void
miscounted(struct rsp_pending *p, const char *what)
{
	struct rsp_error e;

	rsp_fail(&e, RSP_INTERNAL, "MESSAGES", NULL, "%s: %s", p->method->path,
	    what);
	close_attempt(p);
	e.maybe_written = p->method->effect != RSP_READ;
	fail(p, &e);
}

static void
answered(struct rsp_pending *p)
{
	if (p->response == NULL) {
		miscounted(p, "the server said OK without an answer");
		return;
	}
	rsp_stream_drop(p->attempt);
	p->attempt = NULL;
	finish(p);
}

/* Exactly one message, then OK. */
void
rsp_pending_progress(struct rsp_pending *p)
{
	struct rsp_stream *s = p->attempt;
	ProtobufCMessage *m;
	struct rsp_error e;

	for (;;) {
		switch (rsp_stream_next(s, &m, &e)) {
		case RSP_RECV_TIMEOUT:
			return;
		case RSP_RECV_END:
			answered(p);
			return;
		case RSP_RECV_ERROR:
			attempt_failed(p, &e, s->untouched);
			return;
		case RSP_RECV_MESSAGE:
			break;
		}
		if (p->response != NULL) {
			rsp_message_free(m);
			miscounted(p, "the server gave more than one answer");
			return;
		}
		p->response = m;
	}
}

/* ---- as a whole ---------------------------------------------------------- */

static struct rsp_pending *
alloc(struct rsp_client *c, const struct rsp_method *method,
    const ProtobufCMessage *request, int64_t deadline_ms)
{
	struct rsp_pending *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	TAILQ_INSERT_TAIL(&c->pending, p, link);
	p->client = c;
	p->method = method;
	if (deadline_ms == RSP_DEADLINE_DEFAULT)
		deadline_ms = c->config.deadline_ms;
	p->deadline = clock_after(deadline_ms);
	p->repeatable = method->effect == RSP_READ ||
			(method->effect == RSP_WRITE_ID &&
			    rsp_message_has_request_id(request));
	return p;
}

struct rsp_pending *
rsp_pending_new(struct rsp_client *c, const struct rsp_method *method,
    const ProtobufCMessage *request, int64_t deadline_ms, struct rsp_error *e)
{
	struct rsp_pending *p;

	if (method->kind != RSP_UNARY) {
		rsp_fail(e, RSP_ERR_USAGE, "KIND", NULL,
		    "%s is a stream: rsp_stream_open()", method->path);
		return NULL;
	}
	if ((p = alloc(c, method, request, deadline_ms)) == NULL) {
		rsp_fail_nomem(e);
		return NULL;
	}
	if (rsp_frame_pack(request, c->config.gzip, c->config.max_message,
		&p->frame, e) != 0) {
		rsp_pending_free(p);
		return NULL;
	}
	rsp_pending_again(p);
	return p;
}

void
rsp_pending_free(struct rsp_pending *p)
{
	if (p == NULL)
		return;
	if (p->attempt != NULL)
		rsp_stream_drop(p->attempt);
	TAILQ_REMOVE(p->done ? &p->client->done : &p->client->pending, p, link);
	rsp_message_free(p->response);
	buf_free(&p->frame);
	free(p->error);
	free(p);
}

void
rsp_pending_abort(struct rsp_pending *p, const struct rsp_error *e)
{
	if (p->done)
		return;
	if (p->attempt != NULL) {
		rsp_stream_abort(p->attempt, e);
		p->maybe_written =
		    p->maybe_written ||
		    (p->attempt->end != NULL && p->attempt->end->maybe_written);
	}
	close_attempt(p);
	fail(p, e);
}

/* ---- for callers that wait ----------------------------------------------- */

static void
wait_for(struct rsp_pending *p)
{
	struct rsp_client *c = p->client;
	struct rsp_error e;

	rsp_client_step(c); /* the server may have hung up */
	while (!p->done) {
		if (rsp_client_wait(c, NEVER, &e) < 0)
			rsp_pending_abort(p, &e);
		else
			rsp_client_step(c);
	}
	if (c->dirty)
		rsp_client_flush(c);
}

int
rsp_call(struct rsp_client *c, const struct rsp_method *method,
    const ProtobufCMessage *request, ProtobufCMessage **response,
    int64_t deadline_ms, struct rsp_error *e)
{
	struct rsp_pending *p;

	*response = NULL;
	if (rsp_client_may_block(c, e) != 0 ||
	    (p = rsp_pending_new(c, method, request, deadline_ms, e)) == NULL)
		return -1;
	wait_for(p);
	if (p->response == NULL && e != NULL)
		*e = *rsp_pending_error(p);
	*response = p->response;
	p->response = NULL;
	rsp_pending_free(p);
	rsp_client_settle(c);
	return *response != NULL ? 0 : -1;
}
