/* echo.h - a service for the tests of rpc: google.rpc.Status there and back.
 * Its `message` says what is wanted. */
#ifndef TESTS_RPC_ECHO_H
#define TESTS_RPC_ECHO_H

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/call.h"
#include "rpc/server.h"

#define ECHO_BIG_MAX ((size_t)64 << 20) /* bytes */
#define ECHO_POUR_MAX 1000000           /* messages */

struct echo { /* one call's; in its arena */
	struct call_user user;
	char *text;
	unsigned left, count;
};

struct service { /* what has happened */
	unsigned messages, half_closes, closed, done, admitted;
	unsigned last_status;
	int refuse_recheck;
	int refuse_admit;
	struct call *last; /* the latest call that a handler saw open */
	struct call *kept; /* that of "later" */
	struct loop *stop; /* stopped when a call is over */
	struct rpc_shared *shared;
};

static struct echo *
echo_of(struct call *c)
{
	struct echo *e = (struct echo *)call_user(c);

	if (e != NULL)
		return e;
	e = arena_alloc(call_arena(c), sizeof *e);
	if (e == NULL)
		abort();
	e->user.call = c;
	call_set_user(c, &e->user);
	return e;
}

static Google__Rpc__Status
echo_message(int code, char *text)
{
	Google__Rpc__Status s;

	google__rpc__status__init(&s);
	s.code = code;
	s.message = text;
	return s;
}

/* The stored bytes as they are. */
static int
echo_room(struct call *c, struct err *e)
{
	const uint8_t *bytes;
	uint8_t *to;
	size_t len;

	call_request_bytes(c, &bytes, &len);
	if ((to = call_reply_room(c, len, e)) == NULL)
		return -1;
	if (len > 0)
		memcpy(to, bytes, len);
	return call_reply_sent(c);
}

static int
echo_big(struct call *c, size_t len, struct err *e)
{
	char *text = len < ECHO_BIG_MAX ? malloc(len + 1) : NULL;
	Google__Rpc__Status s = echo_message(0, text);

	if (text == NULL)
		return err_set(e, ERR_LIMIT, "too big");
	memset(text, 'x', len);
	text[len] = '\0';
	call_reply(c, &s.base);
	free(text);
	return 0;
}

static int
echo_violations(struct call *c, struct err *e)
{
	const struct violation v[] = {
		{ .field = "record.nom",
		    .reason = "EMPTY",
		    .description = "is empty; give a name" },
		{ .field = "record.siret",
		    .reason = "LUHN",
		    .description = "fails its check digit" },
	};

	err_set(e, ERR_INVALID, "2 fields are refused");
	call_fail_violations(c, e, v, 2);
	return 0;
}

static int
echo_refuse(struct call *c, const char *how, struct err *e)
{
	if (strcmp(how, "violations") == 0)
		return echo_violations(c, e);
	if (strcmp(how, "silently") == 0)
		return -1;
	if (strcmp(how, "rule") == 0) {
		err_set(e, ERR_PRECONDITION, "the list is published");
		err_field(e, "list");
		err_reason(e, "PUBLISHED");
		return err_remedy(e, "d\xC3\xA9passer 100 %%");
	}
	call_error_fact(c, "current_version", "4");
	call_retry_after(c, 1500);
	err_set(e, ERR_CONFLICT, "the version is 4");
	return err_reason(e, "VERSION");
}

static int
echo_unary(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Google__Rpc__Status *q = (const Google__Rpc__Status *)m;
	struct service *s = call_service(c);

	s->messages++;
	s->last = c;
	if (strcmp(q->message, "later") == 0) {
		s->kept = c;
		return 0;
	}
	if (strcmp(q->message, "room") == 0)
		return echo_room(c, e);
	if (strncmp(q->message, "big:", 4) == 0)
		return echo_big(c, strtoul(q->message + 4, NULL, 10), e);
	if (strncmp(q->message, "refuse:", 7) == 0)
		return echo_refuse(c, q->message + 7, e);
	return call_reply(c, m);
}

static int
echo_collect(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Google__Rpc__Status *q = (const Google__Rpc__Status *)m;
	struct service *s = call_service(c);
	struct echo *u = echo_of(c);

	(void)e;
	s->messages++;
	s->last = c;
	u->count++;
	if (strcmp(q->message, "wake") == 0 && s->kept != NULL)
		call_resume(s->kept);
	u->text = arena_strdup(call_arena(c), q->message);
	if (strcmp(q->message, "pause") == 0)
		call_pause(c);
	if (strcmp(q->message, "blink") == 0) {
		call_pause(c);
		call_resume(c);
	}
	if (strcmp(q->message, "keep") == 0)
		s->kept = c;
	return 0;
}

static int
echo_collected(struct call *c, struct err *e)
{
	struct service *app = call_service(c);
	struct echo *u = echo_of(c);
	Google__Rpc__Status s = echo_message((int)u->count,
	    u->text != NULL ? u->text : arena_strdup(call_arena(c), ""));

	(void)e;
	app->half_closes++;
	if (u->text != NULL && strcmp(u->text, "blink") == 0) {
		call_pause(c);
		call_resume(c);
	}
	return call_reply(c, &s.base);
}

static void
echo_pour_on(struct call *c)
{
	struct echo *u = echo_of(c);
	struct err e = { 0 };

	while (u->left > 0) {
		Google__Rpc__Status s = echo_message((int)u->left, u->text);

		if (!call_writable(c))
			return;
		if (call_send(c, &s.base, &e) < 0) {
			call_fail(c, &e);
			return;
		}
		u->left--;
	}
	call_finish(c);
}

/* `code` times the message. */
static int
echo_pour(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	const Google__Rpc__Status *q = (const Google__Rpc__Status *)m;
	struct service *s = call_service(c);
	struct echo *u = echo_of(c);

	(void)e;
	s->messages++;
	s->last = c;
	u->text = q->message;
	u->left = (unsigned)q->code;
	if (u->left > ECHO_POUR_MAX)
		u->left = ECHO_POUR_MAX;
	if (strcmp(q->message, "hang") != 0)
		echo_pour_on(c);
	return 0;
}

static int
echo_chat(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);

	s->messages++;
	s->last = c;
	if (call_send(c, m, e) < 0)
		return -1;
	if (!call_writable(c))
		call_pause(c);
	return 0;
}

static int
echo_chat_end(struct call *c, struct err *e)
{
	struct service *s = call_service(c);

	(void)e;
	s->half_closes++;
	call_finish(c);
	return 0;
}

/* Three times the message that all streams share. */
static int
echo_shared(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct service *s = call_service(c);

	(void)m;
	s->messages++;
	s->last = c;
	for (int i = 0; i < 3; i++) {
		if (call_send_shared(c, s->shared, e) < 0)
			return -1;
	}
	call_finish(c);
	return 0;
}

static void
echo_closed(struct call *c)
{
	struct service *s = call_service(c);

	s->closed++;
	if (s->last == c)
		s->last = NULL;
	if (s->kept == c)
		s->kept = NULL;
	if (s->stop != NULL)
		loop_stop(s->stop);
}

#define ECHO_IN .input = &google__rpc__status__descriptor, .closed = echo_closed
static const struct rpc_method echo_methods[] = {
	{ .path = "/t.Echo/Unary",
	    .kind = RPC_UNARY,
	    ECHO_IN,
	    .message = echo_unary },
	{ .path = "/t.Echo/Collect",
	    .kind = RPC_CLIENT_STREAM,
	    ECHO_IN,
	    .message = echo_collect,
	    .half_close = echo_collected },
	{ .path = "/t.Echo/Pour",
	    .kind = RPC_SERVER_STREAM,
	    ECHO_IN,
	    .message = echo_pour,
	    .writable = echo_pour_on },
	{ .path = "/t.Echo/Chat",
	    .kind = RPC_BIDI,
	    ECHO_IN,
	    .message = echo_chat,
	    .half_close = echo_chat_end,
	    .writable = call_resume },
	{ .path = "/t.Echo/Shared",
	    .kind = RPC_SERVER_STREAM,
	    ECHO_IN,
	    .message = echo_shared },
	{ .path = NULL },
};
#undef ECHO_IN

static const struct rpc_method *const echo_tables[] = { echo_methods, NULL };

static int
echo_admit(struct call *c, struct err *e)
{
	struct service *s = call_service(c);
	const char *who = call_metadata(c, "authorization");

	if (s->refuse_admit || (who != NULL && strcmp(who, "nobody") == 0)) {
		err_set(e, ERR_UNAUTHENTICATED, "nobody we know");
		return err_reason(e, "UNKNOWN_ACCOUNT");
	}
	if (call_method(c)->closed == echo_closed)
		s->admitted++;
	return 0;
}

static int
echo_recheck(struct call *c, struct err *e)
{
	const struct service *s = call_service(c);

	return s->refuse_recheck ? err_set(e, ERR_DENIED, "no longer") : 0;
}

static void
echo_done(struct call *c, unsigned status, int64_t ns)
{
	struct service *s = call_service(c);

	(void)ns;
	s->done++;
	s->last_status = status;
}

static struct rpc_server_opts
echo_opts(struct service *s)
{
	return (struct rpc_server_opts){ .tables = echo_tables,
		.service = s,
		.admit = echo_admit,
		.recheck = echo_recheck,
		.done = echo_done };
}

#endif
