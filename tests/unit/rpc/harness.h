/* harness.h - a server of the echo service over the fake HTTP/2, for one test
 * program. */
#ifndef TESTS_RPC_HARNESS_H
#define TESTS_RPC_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_http2.h"

#include "base/log.h"
#include "base/loop.h"
#include "echo.h"
#include "frames.h"
#include "rpc/internal.h"

static struct service app;
static struct loop *loop;
static struct rpc_server *server;
static struct buf in; /* what the client is about to send */

static inline void
start(const struct rpc_limits *limits)
{
	struct rpc_server_opts o;
	struct err e = { 0 };

	app = (struct service){ .stop = NULL };
	o = echo_opts(&app);
	if (limits != NULL)
		o.limits = *limits;
	server = rpc_server_new(loop, &o, &e);
	assert_non_null(server);
}

static inline int
set_up(void **state)
{
	struct err e = { 0 };

	(void)state;
	loop = loop_new(&e);
	assert_non_null(loop);
	start(NULL);
	return 0;
}

static inline int
tear_down(void **state)
{
	(void)state;
	rpc_server_free(server);
	loop_free(loop);
	buf_free(&in);
	return 0;
}

static inline void
restart(const struct rpc_limits *limits)
{
	rpc_server_free(server);
	start(limits);
}

/* Send `in` in one piece. */
static inline void
send_in(struct http2_stream *st)
{
	fake_data(st, buf_head(&in), buf_len(&in));
	buf_reset(&in, SIZE_MAX);
}

static inline struct http2_stream *
call_with(const char *path, int code, const char *text,
    const char *const *extra)
{
	struct http2_stream *st = fake_call(path, extra);

	frame_status(&in, code, text);
	send_in(st);
	return st;
}

/* A whole unary call. */
static inline struct http2_stream *
unary(const char *text, const char *const *extra)
{
	struct http2_stream *st = call_with("/t.Echo/Unary", 7, text, extra);

	fake_end(st);
	fake_read_all(st);
	return st;
}

static inline void
assert_message(struct http2_stream *st, int code, const char *text)
{
	Google__Rpc__Status *s = frame_take(&st->body);

	assert_non_null(s);
	assert_int_equal(s->code, code);
	assert_string_equal(s->message, text);
	frame_drop(s);
}

static inline void
assert_nothing_waits(void)
{
	assert_int_equal(server->waiting, 0);
	assert_null(server->open);
	assert_false(server->scratch_busy);
}

#endif
