/* message.c - request messages: frames, gzip, the check, the handler; pausing. */
#include <string.h>

#include "rpc/check.h"
#include "rpc/internal.h"

#define BUSY_RETRY_MS 1000
#define STREAM_KEPT 65536 /* bytes of buffer from message to message */

/* What the handler or this file refuses ends the call; closed() comes with the
 * stream's end. */
static void
refuse(struct call *c, struct err *e)
{
	if (c->ended)
		return;
	if (e->code == ERR_NONE)
		err_set(e, ERR_INTERNAL, "%s: refused without a reason",
		    c->method->path);
	answer_status(c, e, NULL, 0);
}

/* ---- unpacking ---------------------------------------------------------- */

static void *
hook_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void
hook_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

static const ProtobufCMessage *
unpack(struct call *c, struct arena *arena, struct err *e)
{
	ProtobufCAllocator a = { .alloc = hook_alloc,
		.free = hook_free,
		.allocator_data = arena };
	const ProtobufCMessage *m;

	if (check_message(c->method->input, c->body, c->body_len,
		c->server->opts.limits.arena_bytes, e) < 0)
		return NULL;
	m = protobuf_c_message_unpack(c->method->input, &a, c->body_len,
	    c->body);
	if (m == NULL && arena_overflowed(arena)) {
		err_set(e, ERR_LIMIT, "the message takes too much memory");
		err_reason(e, "MESSAGE_MEMORY");
	} else if (m == NULL) {
		err_set(e, ERR_INVALID,
		    "request: is not the message that the "
		    "method takes");
		err_reason(e, "MALFORMED");
	}
	return m;
}

/* Check, unpack, hand over. */
static int
deliver(struct call *c, struct arena *arena, struct err *e)
{
	const ProtobufCMessage *m = unpack(c, arena, e);
	int rc = m != NULL ? c->method->message(c, m, e) : -1;

	c->body = NULL;
	c->body_len = 0;
	return rc;
}

/* One message of a stream: nothing of it outlives its handler. */
static int
stream_message(struct call *c, struct err *e)
{
	struct rpc_server *s = c->server;
	struct arena *own;
	int rc;

	if (!s->scratch_busy) {
		s->scratch_busy = true;
		rc = deliver(c, s->scratch, e);
		arena_reset(s->scratch);
		s->scratch_busy = false;
		return rc;
	}
	/* A handler has resumed another call. */
	if ((own = arena_new(s->opts.limits.arena_bytes)) == NULL)
		return err_set(e, ERR_NOMEM, "no memory for the message");
	rc = deliver(c, own, e);
	arena_free(own);
	return rc;
}

/* ---- frames ------------------------------------------------------------- */

/* A unary request stays encoded until its client ends, so that a second
 * message or a cut one is seen before anything is done. */
static int
take_message(struct call *c, const uint8_t *data, size_t len, struct err *e)
{
	c->got_message = true;
	c->body = data;
	c->body_len = len;
	return call_streams_in(c) ? stream_message(c, e) : 0;
}

static int
take_frame(struct call *c, const struct grpc_frame *f, struct err *e)
{
	struct buf plain = { 0 };
	int rc;

	if (!f->compressed)
		return take_message(c, f->data, f->len, e);
	if (c->encoding != ENCODING_GZIP) {
		err_set(e, ERR_INTERNAL,
		    "a message is flagged as "
		    "compressed, but grpc-encoding names no compression");
		err_reason(e, "COMPRESSED_FLAG");
		return err_remedy(e, "send grpc-encoding: gzip, or no flag");
	}
	rc = gzip_decompress(f->data, f->len, c->reader.max, &plain, e);
	if (rc == 0)
		rc = take_message(c, buf_head(&plain), buf_len(&plain), e);
	if (rc == 0 && !call_streams_in(c))
		c->inflated = plain;
	else
		buf_free(&plain);
	return rc;
}

/* Each call's limit may be wide: what all of them wait for is not. */
static int
count_waiting(struct call *c, struct err *e)
{
	struct rpc_server *s = c->server;
	size_t now = c->held.cap + c->inflated.cap;

	if (c->reader.body.cap > READER_KEPT)
		now += c->reader.body.cap;
	s->waiting += now - c->waiting;
	c->waiting = now;
	if (s->waiting <= s->opts.limits.max_waiting_bytes)
		return 0;
	call_retry_after(c, BUSY_RETRY_MS);
	err_set(e, ERR_LIMIT, "too many requests are arriving at once");
	err_reason(e, "SERVER_BUSY");
	return err_remedy(e, "try again in a few seconds");
}

static int
feed_once(struct call *c, const uint8_t *data, size_t len, size_t *used,
    struct err *e)
{
	struct grpc_frame f;
	int rc;

	if (c->got_message && !call_streams_in(c)) {
		err_set(e, ERR_INVALID, "more than one request message");
		return err_reason(e, "CARDINALITY");
	}
	rc = grpc_frame_feed(&c->reader, data, len, used, &f, e);
	if (rc == 1) {
		rc = take_frame(c, &f, e);
		if (call_streams_in(c))
			grpc_frame_reader_reset(&c->reader, STREAM_KEPT);
	}
	return rc < 0 ? -1 : count_waiting(c, e);
}

/* Feed until the end, or until the call pauses or ends; how many were used. */
static size_t
feed(struct call *c, const uint8_t *data, size_t len)
{
	struct err e = { 0 };
	size_t total = 0;

	c->feeding = true;
	while (total < len && !c->ended && !c->paused) {
		size_t used = 0;
		int rc = feed_once(c, data + total, len - total, &used, &e);

		total += used;
		if (rc < 0)
			refuse(c, &e);
	}
	c->feeding = false;
	return total;
}

/* It is paused, or was and has not caught up. */
static void
hold(struct call *c, const uint8_t *bytes, size_t len)
{
	struct err e = { 0 };

	if (buf_append(&c->held, bytes, len) < 0) {
		err_set(&e, ERR_NOMEM, "no memory for the request");
		refuse(c, &e);
	} else if (count_waiting(c, &e) < 0) {
		refuse(c, &e);
	}
}

void
message_data(struct call *c, const uint8_t *bytes, size_t len)
{
	size_t used = 0;

	if (!c->ended && !c->paused && buf_len(&c->held) == 0)
		used = feed(c, bytes, len);
	if (c->ended)
		used = len; /* nobody wants the rest */
	http2_consumed(c->http2.stream, used);
	if (used < len)
		hold(c, bytes + used, len - used);
}

/* ---- the client's end --------------------------------------------------- */

static int
half_close(struct call *c, struct err *e)
{
	if (grpc_frame_partial(&c->reader)) {
		err_set(e, ERR_INVALID, "the request ends within a message");
		return err_reason(e, "CUT");
	}
	if (call_streams_in(c))
		return c->method->half_close == NULL
			   ? 0
			   : c->method->half_close(c, e);
	if (c->got_message)
		return deliver(c, c->arena, e);
	err_set(e, ERR_INVALID, "the request has no message");
	return err_reason(e, "CARDINALITY");
}

static void
maybe_half_close(struct call *c)
{
	struct err e = { 0 };

	if (!c->client_ended || c->half_closed || c->ended || c->paused)
		return;
	c->half_closed = true;
	if (half_close(c, &e) < 0)
		refuse(c, &e);
}

void
message_end(struct call *c)
{
	timer_stop(&c->slow);
	c->client_ended = true;
	maybe_half_close(c);
}

/* ---- pausing ------------------------------------------------------------ */

void
call_pause(struct call *c)
{
	c->paused = true;
}

void
call_resume(struct call *c)
{
	size_t used;

	if (!c->paused)
		return;
	c->paused = false;
	if (c->feeding || c->ended)
		return; /* whoever feeds goes on by itself */
	used = feed(c, buf_head(&c->held), buf_len(&c->held));
	if (c->ended)
		used = buf_len(&c->held);
	buf_take(&c->held, used);
	http2_consumed(c->http2.stream, used);
	maybe_half_close(c);
}
