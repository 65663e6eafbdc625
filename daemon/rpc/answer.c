/* answer.c - the answering half of a call: headers, messages, one status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/internal.h"
#include "wire/grpc.h"
#include "wire/utf8.h"

#define COMPRESS_FROM 1024      /* bytes: below it, gzip gains nothing */
#define MESSAGE_HEADER_MAX 1800 /* grpc-message, percent-encoded */

#define H(n, v)                                                                \
	{                                                                      \
		n, v, sizeof(n) - 1, sizeof(v) - 1                             \
	}
static const struct http2_header status_200 = H(":status", "200");
static const struct http2_header grpc_type =
    H("content-type", "application/grpc");
static const struct http2_header accepts =
    H("grpc-accept-encoding", "identity,gzip");
static const struct http2_header allows = H("allow", "POST");
static const struct http2_header gzipped = H("grpc-encoding", "gzip");
static const struct http2_header ok_trailer = H("grpc-status", "0");
#undef H

/* The client asked for it by compressing its own messages. */
static bool
compresses(const struct call *c, size_t len)
{
	return c->encoding == ENCODING_GZIP && c->accepts_gzip &&
	       len > COMPRESS_FROM;
}

static int
respond(struct call *c)
{
	struct http2_header h[4];
	size_t n = 0;

	if (c->responded)
		return 0;
	c->responded = true;
	h[n++] = status_200;
	h[n++] = grpc_type;
	h[n++] = accepts;
	if (c->encoding == ENCODING_GZIP && c->accepts_gzip)
		h[n++] = gzipped;
	return http2_respond(c->http2.stream, h, n, false);
}

static void
over(struct call *c, unsigned status)
{
	c->ended = true;
	c->status = status;
	timer_stop(&c->deadline);
	timer_stop(&c->slow);
}

void
answer_ok(struct call *c)
{
	if (c->ended)
		return;
	over(c, GRPC_OK);
	respond(c);
	http2_trailers(c->http2.stream, &ok_trailer, 1);
}

static struct http2_header
header(const char *name, const char *value)
{
	return (
	    struct http2_header){ name, value, strlen(name), strlen(value) };
}

/* What is said of a fault whose finder gave neither reason nor remedy. */
static const struct {
	const char *reason, *remedy;
} unsaid[ERR_COUNT] = {
	[ERR_LIMIT] = { "TOO_LARGE", "ask for less at once" },
	[ERR_DEADLINE] = { "DEADLINE",
	    "allow more time, or ask for less at once" },
	[ERR_CANCELLED] = { "CANCELLED", NULL },
	[ERR_NOMEM] = { "OUT_OF_MEMORY", "try again in a few seconds" },
	[ERR_IO] = { "DISK_ERROR", "the operator finds more in the log" },
	[ERR_CORRUPT] = { "DAMAGED",
	    "the operator runs resoprod --verify and restores a backup" },
	[ERR_INTERNAL] = { "BUG", "report it with the daemon's log" },
};

static struct err
complete(const struct err *e)
{
	struct err whole = *e;

	if (whole.reason[0] == '\0')
		err_reason(&whole, unsaid[e->code].reason);
	if (whole.remedy[0] == '\0' && unsaid[e->code].remedy != NULL)
		err_remedy(&whole, "%s", unsaid[e->code].remedy);
	return whole;
}

/* "what is wrong; what to do": clients that read no details still see both.
 * An error may quote bytes of the request: clients take UTF-8 only. */
static void
compose(const struct err *e, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s", e->msg);

	if (e->remedy[0] != '\0' && n > 0 && (size_t)n < cap)
		(void)snprintf(out + n, cap - (size_t)n, "; %s", e->remedy);
	utf8_repair(out);
}

void
answer_status(struct call *c, const struct err *why, const struct violation *v,
    size_t n_violations)
{
	const struct err whole = complete(why), *e = &whole;
	char text[sizeof e->msg + sizeof e->remedy + 4];
	char message[MESSAGE_HEADER_MAX], number[4];
	struct http2_header h[6];
	const char *details;
	unsigned status;
	size_t n = 0;

	if (c->ended)
		return;
	status = grpc_status_of(e->code);
	over(c, status);
	compose(e, text, sizeof text);
	grpc_message_encode(text, message, sizeof message);
	(void)snprintf(number, sizeof number, "%u", status);
	if (!c->responded) {
		h[n++] = status_200;
		h[n++] = grpc_type;
		if (status == GRPC_UNIMPLEMENTED)
			h[n++] = accepts;
	}
	h[n++] = header("grpc-status", number);
	h[n++] = header("grpc-message", message);
	details = details_encode(c, status, e, text, v, n_violations);
	if (details != NULL)
		h[n++] = header("grpc-status-details-bin", details);
	if (c->responded) {
		http2_trailers(c->http2.stream, h, n);
		return;
	}
	c->responded = true;
	http2_respond(c->http2.stream, h, n, true);
}

void
answer_http(struct call *c, const char *status)
{
	struct http2_header h[] = { header(":status", status), allows };

	over(c, GRPC_UNKNOWN);
	c->responded = true;
	http2_respond(c->http2.stream, h, 2, true);
}

/* ---- messages ----------------------------------------------------------- */

static int
too_large(struct call *c, size_t len, struct err *e)
{
	err_set(e, ERR_LIMIT, "the answer has %zu bytes, more than %zu", len,
	    c->server->opts.limits.max_response_bytes);
	err_reason(e, "MESSAGE_TOO_LARGE");
	return err_remedy(e, "ask for less at once");
}

static uint8_t *
room(struct call *c, size_t len, struct err *e)
{
	uint8_t *out;

	if (c->ended) {
		err_set(e, ERR_CANCELLED, "the call is over");
		return NULL;
	}
	if (len > c->server->opts.limits.max_response_bytes) {
		too_large(c, len, e);
		return NULL;
	}
	if (respond(c) < 0) {
		err_set(e, ERR_NOMEM, "no memory for an answer");
		return NULL;
	}
	c->room = len;
	if (compresses(c, len)) {
		buf_reset(&c->plain, 0);
		out = buf_reserve(&c->plain, len);
	} else {
		out = http2_room(c->http2.stream, GRPC_FRAME_LEN + len);
		if (out != NULL) {
			grpc_frame_write(out, 0, (uint32_t)len);
			out += GRPC_FRAME_LEN;
		}
	}
	if (out == NULL)
		err_set(e, ERR_NOMEM, "no memory for an answer");
	return out;
}

static int
sent_compressed(struct call *c)
{
	struct buf out = { 0 };
	struct err e = { 0 };
	uint8_t *frame;
	int rc;

	buf_added(&c->plain, c->room);
	rc = gzip_compress(buf_head(&c->plain), c->room, &out, &e);
	if (rc == 0) {
		frame =
		    http2_room(c->http2.stream, GRPC_FRAME_LEN + buf_len(&out));
		if (frame != NULL) {
			grpc_frame_write(frame, 1, (uint32_t)buf_len(&out));
			memcpy(frame + GRPC_FRAME_LEN, buf_head(&out),
			    buf_len(&out));
			http2_sent(c->http2.stream,
			    GRPC_FRAME_LEN + buf_len(&out));
		} else {
			rc = err_set(&e, ERR_NOMEM, "compress");
		}
	}
	buf_free(&out);
	buf_free(&c->plain);
	if (rc < 0)
		answer_status(c, &e, NULL, 0);
	return rc;
}

static int
sent(struct call *c)
{
	if (c->ended)
		return -1;
	if (compresses(c, c->room))
		return sent_compressed(c);
	http2_sent(c->http2.stream, GRPC_FRAME_LEN + c->room);
	return 0;
}

uint8_t *
call_reply_room(struct call *c, size_t len, struct err *e)
{
	return room(c, len, e);
}

int
call_reply_sent(struct call *c)
{
	if (sent(c) == 0)
		answer_ok(c);
	return 0;
}

int
call_reply(struct call *c, const ProtobufCMessage *m)
{
	struct err e = { 0 };
	uint8_t *out;

	if (c->ended)
		return 0;
	out = room(c, protobuf_c_message_get_packed_size(m), &e);
	if (out == NULL) {
		answer_status(c, &e, NULL, 0);
		return 0;
	}
	protobuf_c_message_pack(m, out);
	return call_reply_sent(c);
}

uint8_t *
call_send_room(struct call *c, size_t len, struct err *e)
{
	return room(c, len, e);
}

int
call_send_sent(struct call *c)
{
	return sent(c);
}

int
call_send(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	uint8_t *out = room(c, protobuf_c_message_get_packed_size(m), e);

	if (out == NULL)
		return -1;
	protobuf_c_message_pack(m, out);
	return sent(c);
}

bool
call_writable(struct call *c)
{
	size_t high = c->server->opts.limits.send_high_water;

	if (c->ended)
		return false;
	if (http2_queued(c->http2.stream) < high)
		return true;
	http2_notify_writable(c->http2.stream, high / 2);
	return false;
}

/* ---- one message for many ----------------------------------------------- */

struct rpc_shared {
	struct http2_shared bytes; /* first: HTTP/2 gives it back */
	size_t refs;
	uint8_t frame[];
};

struct rpc_shared *
rpc_shared_new(size_t len, uint8_t **out)
{
	struct rpc_shared *s = malloc(sizeof *s + GRPC_FRAME_LEN + len);

	if (s == NULL)
		return NULL;
	grpc_frame_write(s->frame, 0, (uint32_t)len);
	s->bytes.data = s->frame;
	s->bytes.len = GRPC_FRAME_LEN + len;
	s->refs = 1;
	*out = s->frame + GRPC_FRAME_LEN;
	return s;
}

void
rpc_shared_unref(struct rpc_shared *s)
{
	if (s != NULL && --s->refs == 0)
		free(s);
}

static void
release(struct http2_shared *bytes)
{
	rpc_shared_unref((struct rpc_shared *)bytes);
}

int
call_send_shared(struct call *c, struct rpc_shared *s, struct err *e)
{
	if (c->ended)
		return err_set(e, ERR_CANCELLED, "the call is over");
	if (s->bytes.len > c->server->opts.limits.max_response_bytes)
		return too_large(c, s->bytes.len, e);
	if (respond(c) < 0)
		return err_set(e, ERR_NOMEM, "no memory for an answer");
	s->refs++;
	s->bytes.release = release;
	if (http2_send_shared(c->http2.stream, &s->bytes) < 0)
		return err_set(e, ERR_NOMEM, "no memory for an answer");
	return 0;
}

/* ---- ends --------------------------------------------------------------- */

void
call_finish(struct call *c)
{
	answer_ok(c);
}

void
call_fail(struct call *c, const struct err *e)
{
	answer_status(c, e, NULL, 0);
}

void
call_fail_violations(struct call *c, const struct err *e,
    const struct violation *v, size_t n)
{
	answer_status(c, e, v, n);
}

void
call_error_fact(struct call *c, const char *key, const char *value)
{
	struct fact *f = &c->facts[c->n_facts];

	if (c->n_facts == CALL_FACTS_MAX)
		return;
	f->key = arena_strdup(c->arena, key);
	f->value = arena_strdup(c->arena, value);
	if (f->key != NULL && f->value != NULL)
		c->n_facts++;
}

void
call_retry_after(struct call *c, unsigned ms)
{
	c->retry_ms = ms;
}
