/* retry.c - unary calls, and when they may be repeated. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client.h"
#include "clock.h"
#include "fail.h"
#include "message.h"
#include "stream.h"

#define ATTEMPTS 4
#define FIRST_PAUSE_MS 100
/* What the server may ask us to wait, when a limit made it refuse. */
#define LIMIT_PAUSE_MAX_MS 5000

struct attempts {
	struct rsp_client *client;
	const struct rsp_method *method;
	const ProtobufCMessage *request;
	int64_t deadline;
	bool repeatable;    /* a second time changes nothing more */
	bool untouched;     /* the last attempt certainly did nothing */
	bool maybe_written; /* one of the attempts so far may have */
	struct rsp_error e; /* of the last attempt */
};

/* ---- one attempt --------------------------------------------------------- */

/* What the answer's count is wrong for: the server broke the contract. */
static int
miscounted(struct attempts *a, const char *what)
{
	rsp_fail(&a->e, RSP_INTERNAL, "MESSAGES", NULL, "%s: %s",
	    a->method->path, what);
	a->e.maybe_written = a->method->effect != RSP_READ;
	return -1;
}

/* Exactly one message, then OK. */
static int
receive(struct attempts *a, struct rsp_stream *s, ProtobufCMessage **response)
{
	ProtobufCMessage *second = NULL;

	switch (rsp_stream_recv(s, -1, response, &a->e)) {
	case RSP_RECV_MESSAGE:
		break;
	case RSP_RECV_END:
		return miscounted(a, "the server said OK without an answer");
	default:
		return -1;
	}
	switch (rsp_stream_recv(s, -1, &second, &a->e)) {
	case RSP_RECV_END:
		return 0;
	case RSP_RECV_MESSAGE:
		rsp_message_free(second);
		return miscounted(a, "the server gave more than one answer");
	default:
		return -1;
	}
}

static int
exchange(struct attempts *a, struct rsp_stream *s, ProtobufCMessage **response)
{
	int rc = rsp_stream_send(s, a->request, &a->e) == RSP_SEND_ERROR
		     ? -1
		     : receive(a, s, response);

	if (rc != 0) {
		/* An interruption leaves the stream open: not so here. */
		rsp_stream_cancel(s);
		a->e.maybe_written = a->e.maybe_written || s->end.maybe_written;
		a->untouched = s->untouched;
		rsp_message_free(*response);
		*response = NULL;
	}
	return rc;
}

static int
attempt(struct attempts *a, ProtobufCMessage **response)
{
	struct rsp_stream *s;
	int rc;

	rsp_error_clear(&a->e);
	a->untouched = true;
	s = rsp_stream_start(a->client, a->method, a->deadline, &a->e);
	if (s == NULL)
		return -1;
	rc = exchange(a, s, response);
	rsp_stream_close(s);
	return rc;
}

/* ---- another one? -------------------------------------------------------- */

static bool
may_repeat(const struct attempts *a)
{
	if (a->client->config.no_retry)
		return false;
	/* The same name will not be there in half a second either. */
	if (strcmp(a->e.reason, "NAME_UNKNOWN") == 0)
		return false;
	if (a->e.code == RSP_UNAVAILABLE)
		return a->untouched || a->repeatable;
	if (a->e.code == RSP_RESOURCE_EXHAUSTED)
		return a->e.from_server && a->e.retry_after_ms > 0 &&
		       a->e.retry_after_ms <= LIMIT_PAUSE_MAX_MS;
	return a->e.code == RSP_UNCERTAIN && a->repeatable;
}

/* Half as much again or half as little: clients that were cut off together do
 * not come back together. */
static int64_t
pause_ms(const struct attempts *a, unsigned done)
{
	uint32_t base = (uint32_t)FIRST_PAUSE_MS << done, random;

	if (a->e.retry_after_ms > 0)
		return a->e.retry_after_ms;
	if (getrandom(&random, sizeof random, GRND_NONBLOCK) !=
	    (ssize_t)sizeof random)
		random = base / 2;
	return base / 2 + random % base;
}

/* What one attempt leaves open, a later one settles only by an answer that
 * looked at the request. */
static void
settle(struct attempts *a)
{
	static const enum rsp_code answers[] = { RSP_INVALID_ARGUMENT,
		RSP_NOT_FOUND, RSP_ALREADY_EXISTS, RSP_FAILED_PRECONDITION,
		RSP_ABORTED, RSP_OUT_OF_RANGE, RSP_UNIMPLEMENTED };

	if (!a->maybe_written)
		return;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
		if (a->e.from_server && a->e.code == answers[i])
			return;
	a->e.maybe_written = true;
	if (a->e.code == RSP_UNAVAILABLE || a->e.code == RSP_ERR_TLS)
		a->e.code = RSP_UNCERTAIN;
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

/* 0 when another attempt is to be made. */
static int
pause_before_next(struct attempts *a, unsigned done)
{
	int64_t until = clock_after(pause_ms(a, done));
	struct rsp_error e;

	if (until >= a->deadline)
		return -1;
	if (rsp_client_pause(a->client, until, &e) == 0)
		return 0;
	a->e = e;
	return -1;
}

/* Attempts until one succeeds or none is left to make. */
static int
run(struct attempts *a, ProtobufCMessage **response)
{
	for (unsigned done = 0;; done++) {
		if (attempt(a, response) == 0)
			return 0;
		a->maybe_written = a->maybe_written || a->e.maybe_written;
		if (done + 1 == ATTEMPTS || !may_repeat(a) ||
		    pause_before_next(a, done) != 0)
			return -1;
	}
}

int
rsp_call(struct rsp_client *c, const struct rsp_method *method,
    const ProtobufCMessage *request, ProtobufCMessage **response,
    int64_t deadline_ms, struct rsp_error *error)
{
	struct attempts a = { .client = c,
		.method = method,
		.request = request };

	*response = NULL;
	if (deadline_ms == RSP_DEADLINE_DEFAULT)
		deadline_ms = c->config.deadline_ms;
	a.deadline = clock_after(deadline_ms);
	a.repeatable = method->effect == RSP_READ ||
		       (method->effect == RSP_WRITE_ID &&
			   rsp_message_has_request_id(request));
	if (method->kind != RSP_UNARY)
		return rsp_fail(error, RSP_ERR_USAGE, "KIND", NULL,
		    "%s is a stream: rsp_stream_open()", method->path);
	if (run(&a, response) == 0)
		return 0;
	settle(&a);
	advise(&a.e, a.repeatable);
	if (error != NULL)
		*error = a.e;
	return -1;
}
