/* session.c - one connection: nghttp2 over net/conn.h, deadlines. */
#include "http2/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/peer.h"

#define MS INT64_C(1000000)
#define DRAIN_ROUND_TRIP (1000 * MS)
#define DRAIN_END (5 * DRAIN_ROUND_TRIP) /* it does not even read */
#define FRAME_HEAD 9
#define FRAME_MAX (16384 + FRAME_HEAD)
#define NEVER INT64_MAX

static const uint8_t drain_ping[8] = "drain..";

/* ---- its end ----------------------------------------------------------- */

static void
put_block(struct h2_session *s)
{
	if (s->block != NULL)
		h2_server_keep_block(s->server, s->block);
	s->block = NULL;
	s->block_at = 0;
}

void
h2_session_end(struct h2_session *s, uint32_t error)
{
	timer_stop(&s->timer);
	put_block(s);
	nghttp2_session_del(s->h2);
	s->h2 = NULL;
	while (s->streams != NULL)
		h2_stream_end(s->streams, error);
}

/* Ours, not nghttp2's: it is out of order, or busy with thousands of answers
 * that nobody should wait for. */
static void
send_goaway(struct h2_session *s, uint32_t error, const char *reason)
{
	uint8_t frame[FRAME_HEAD + 8] = { 0, 0, 0, NGHTTP2_GOAWAY };
	size_t len = strlen(reason);
	uint32_t last =
	    (uint32_t)nghttp2_session_get_last_proc_stream_id(s->h2);

	frame[1] = (uint8_t)((len + 8) >> 8);
	frame[2] = (uint8_t)(len + 8);
	for (int i = 0; i < 4; i++) {
		frame[FRAME_HEAD + i] = (uint8_t)(last >> (24 - 8 * i));
		frame[FRAME_HEAD + 4 + i] = (uint8_t)(error >> (24 - 8 * i));
	}
	if (conn_send(s->conn_user.conn, frame, sizeof frame) != 0 ||
	    conn_send(s->conn_user.conn, reason, len) != 0)
		conn_abort(s->conn_user.conn);
}

void
h2_session_quit(struct h2_session *s, uint32_t error, const char *reason)
{
	if (s->h2 == NULL) {
		conn_finish(s->conn_user.conn);
		return;
	}
	if (error == NGHTTP2_ENHANCE_YOUR_CALM)
		s->server->counters.goaway_abuse++;
	log_info("connection_ended", "peer=%s error=%s reason=\"%s\"",
	    conn_peer(s->conn_user.conn)->address,
	    nghttp2_http2_strerror(error), reason);
	send_goaway(s, error, reason);
	h2_session_end(s, error);
	conn_finish(s->conn_user.conn);
}

void
h2_session_condemn(struct h2_session *s, uint32_t error, const char *reason)
{
	if (s->condemned == 0) {
		s->condemned = error;
		s->reason = reason;
	}
	conn_wake(s->conn_user.conn);
}

/* Gone without a word, or it would not hear one. */
static void
session_abort(struct h2_session *s, uint32_t error, const char *reason)
{
	log_info("connection_ended", "peer=%s error=%s reason=\"%s\"",
	    conn_peer(s->conn_user.conn)->address,
	    nghttp2_http2_strerror(error), reason);
	h2_session_end(s, error);
	conn_abort(s->conn_user.conn);
}

/* ---- deadlines --------------------------------------------------------- */

static int64_t
after(int64_t since, unsigned ms)
{
	return ms == 0 ? NEVER : since + ms * MS;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
alive_until(const struct h2_session *s)
{
	const struct http2_limits *l = &s->server->limits;

	if (s->open == 0 && s->drain != H2_SERVING)
		return s->drain_at + DRAIN_END;
	if (s->open == 0)
		return after(s->idle_since, l->idle_ms);
	if (s->ping_at != 0)
		return after(s->ping_at, l->keepalive_timeout_ms);
	return after(s->last_read, l->keepalive_ms);
}

static int64_t
next_deadline(const struct h2_session *s)
{
	int64_t at = alive_until(s);

	if (!s->settings_seen)
		at = earlier(at,
		    after(s->opened_at, s->server->limits.preface_ms));
	if (s->block_at != 0)
		at = earlier(at,
		    after(s->block_at, s->server->limits.preface_ms));
	if (s->drain == H2_NOTICED)
		at = earlier(at, s->drain_at + DRAIN_ROUND_TRIP);
	return at;
}

/* The timer may come too early, and is then set again, but never too late:
 * so that a busy connection need not move it. */
static void
set_timer(struct h2_session *s)
{
	int64_t at = next_deadline(s);

	if (at == NEVER || (timer_armed(&s->timer) && s->timer.due <= at))
		return;
	timer_start(s->server->loop, &s->timer, at - clock_monotonic_ns());
}

void
h2_session_became_busy(struct h2_session *s)
{
	set_timer(s);
}

void
h2_session_became_idle(struct h2_session *s)
{
	if (s->h2 == NULL)
		return;
	s->ping_at = 0;
	s->idle_since = clock_monotonic_ns();
	set_timer(s);
}

/* The second GOAWAY: what came before it is served, nothing after. */
static void
drain_rest(struct h2_session *s)
{
	s->drain = H2_DRAINING;
	(void)nghttp2_submit_goaway(s->h2, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(s->h2), NGHTTP2_NO_ERROR,
	    NULL, 0);
	conn_wake(s->conn_user.conn);
}

void
h2_session_drain(struct h2_session *s)
{
	if (s->h2 == NULL || s->drain != H2_SERVING)
		return;
	s->drain = H2_NOTICED;
	s->drain_at = clock_monotonic_ns();
	(void)nghttp2_submit_shutdown_notice(s->h2);
	conn_wake(s->conn_user.conn);
	set_timer(s);
}

static void
idle_or_silent(struct h2_session *s, int64_t now)
{
	if (s->open == 0 && s->drain == H2_SERVING) {
		h2_session_drain(s);
	} else if (s->open == 0) {
		session_abort(s, NGHTTP2_NO_ERROR, "idle, and deaf to GOAWAY");
	} else if (s->ping_at != 0) {
		session_abort(s, NGHTTP2_CANCEL, "no answer to a ping");
	} else {
		s->ping_at = now;
		(void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, NULL);
		conn_wake(s->conn_user.conn);
	}
}

static void
timer_came(struct timer *t)
{
	struct h2_session *s =
	    (struct h2_session *)((char *)t -
				  offsetof(struct h2_session, timer));
	unsigned preface_ms = s->server->limits.preface_ms;
	int64_t now = clock_monotonic_ns();

	if (!s->settings_seen && after(s->opened_at, preface_ms) <= now) {
		h2_session_quit(s, NGHTTP2_SETTINGS_TIMEOUT,
		    "no HTTP/2 preface in time");
		return;
	}
	if (s->block_at != 0 && after(s->block_at, preface_ms) <= now) {
		h2_session_quit(s, NGHTTP2_ENHANCE_YOUR_CALM,
		    "header list not complete in time");
		return;
	}
	if (s->drain == H2_NOTICED && s->drain_at + DRAIN_ROUND_TRIP <= now)
		drain_rest(s);
	if (alive_until(s) <= now)
		idle_or_silent(s, now);
	if (s->h2 != NULL)
		set_timer(s);
}

/* ---- what nghttp2 received --------------------------------------------- */

static struct http2_stream *
stream_of(nghttp2_session *h2, int32_t id)
{
	return nghttp2_session_get_stream_user_data(h2, id);
}

static int
calm(struct h2_session *s, const char *reason)
{
	h2_session_condemn(s, NGHTTP2_ENHANCE_YOUR_CALM, reason);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int
frame_begins(nghttp2_session *h2, const nghttp2_frame_hd *hd, void *arg)
{
	struct h2_session *s = arg;

	(void)h2;
	if (h2_abuse_frame(&s->abuse, s->server->limits.abuse_per_second, hd))
		return 0;
	return calm(s, "too many frames that ask for nothing");
}

static int
headers_begin(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;
	struct http2_stream *st;

	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if (s->block == NULL)
		s->block = h2_server_block(s->server);
	st = s->block == NULL ? NULL : h2_stream_new(s, f->hd.stream_id);
	if (st == NULL) {
		put_block(s);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	s->block_id = st->id;
	s->block->n = s->block->used = s->block->size = 0;
	s->block->too_big = false;
	(void)nghttp2_session_set_stream_user_data(h2, st->id, st);
	return 0;
}

static const char *
block_copy(struct h2_block *b, const uint8_t *p, size_t len)
{
	char *to = b->bytes + b->used;

	memcpy(to, p, len);
	b->used += len;
	return to;
}

static int
header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
    void *arg)
{
	struct h2_session *s = arg;
	struct h2_block *b = s->block;
	struct http2_header *h;

	(void)h2;
	(void)flags;
	if (b == NULL || b->too_big || f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	b->size += name_len + value_len + 32;
	if (b->size > b->max) {
		b->too_big = true;
		return 0;
	}
	h = &b->headers[b->n++];
	h->name = block_copy(b, name, name_len);
	h->name_len = name_len;
	h->value = block_copy(b, value, value_len);
	h->value_len = value_len;
	return 0;
}

static void
request(struct h2_session *s, struct http2_stream *st)
{
	const struct http2_server *server = s->server;
	struct h2_block *b = s->block;
	struct http2_user *user;

	user = server->ops->request(st, server->service, b->headers,
	    b->too_big ? 0 : b->n, st->remote_ended);
	put_block(s);
	if (user == NULL) {
		http2_reset(st, NGHTTP2_REFUSED_STREAM);
		return;
	}
	user->stream = st;
	st->user = user;
}

static void
stream_frame(struct h2_session *s, const nghttp2_frame *f)
{
	struct http2_stream *st = stream_of(s->h2, f->hd.stream_id);

	if (st == NULL)
		return;
	if ((f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		st->remote_ended = true;
	if (f->hd.type == NGHTTP2_HEADERS &&
	    f->headers.cat == NGHTTP2_HCAT_REQUEST)
		request(s, st);
	else if (st->remote_ended && st->user != NULL && !st->reset)
		s->server->ops->end(st->user);
}

static int
frame_received(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;

	(void)h2;
	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		stream_frame(s, f);
		break;
	case NGHTTP2_SETTINGS:
		s->settings_seen = true;
		break;
	case NGHTTP2_PING:
		if (s->drain == H2_NOTICED &&
		    (f->hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
		    memcmp(f->ping.opaque_data, drain_ping,
			sizeof drain_ping) == 0)
			drain_rest(s);
		break;
	case NGHTTP2_GOAWAY: /* it will ask no more: close with the last call */
		h2_session_drain(s);
		/* nghttp2 sends no notice to who has sent one. */
		(void)nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, drain_ping);
		break;
	default:
		break;
	}
	return 0;
}

static int
data(nghttp2_session *h2, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t len, void *arg)
{
	struct h2_session *s = arg;
	struct http2_stream *st = stream_of(h2, id);

	(void)flags;
	if (st == NULL || st->user == NULL || st->reset) {
		(void)nghttp2_session_consume(h2, id, len);
		return 0;
	}
	st->unconsumed += len;
	s->server->ops->data(st->user, bytes, len);
	return 0;
}

static int
stream_closed(nghttp2_session *h2, int32_t id, uint32_t error, void *arg)
{
	struct h2_session *s = arg;
	struct http2_stream *st = stream_of(h2, id);

	if (s->block_id == id) /* its header list was not in order */
		put_block(s);
	if (st != NULL)
		h2_stream_end(st, error);
	return 0;
}

/* ---- what nghttp2 sends ------------------------------------------------ */

static int
send_data(nghttp2_session *h2, nghttp2_frame *f, const uint8_t *head,
    size_t len, nghttp2_data_source *source, void *arg)
{
	struct h2_session *s = arg;
	uint8_t *to = buf_reserve(s->out, FRAME_HEAD + len);

	(void)h2;
	(void)f;
	if (to == NULL)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	memcpy(to, head, FRAME_HEAD);
	h2_stream_take(source->ptr, to + FRAME_HEAD, len);
	buf_added(s->out, FRAME_HEAD + len);
	h2_abuse_sent_data(&s->abuse, len);
	return 0;
}

/* A reset that is not ours was provoked: it counts as the client's. */
static void
reset_sent(struct h2_session *s, const nghttp2_frame *f)
{
	const struct http2_stream *st = stream_of(s->h2, f->hd.stream_id);

	if (f->rst_stream.error_code == NGHTTP2_NO_ERROR ||
	    (st != NULL && st->reset))
		return;
	if (!h2_abuse_count(&s->abuse, s->server->limits.abuse_per_second))
		(void)calm(s, "too many streams that had to be reset");
}

static int
frame_sent(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct h2_session *s = arg;
	const struct http2_stream *st;

	if (f->hd.type == NGHTTP2_RST_STREAM)
		reset_sent(s, f);
	/* Not together: nghttp2 would send the ping first, and its answer would
	 * not mean that the notice has arrived. */
	if (f->hd.type == NGHTTP2_GOAWAY && s->drain == H2_NOTICED)
		(void)nghttp2_submit_ping(h2, NGHTTP2_FLAG_NONE, drain_ping);
	if ((f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) ||
	    (f->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	st = stream_of(h2, f->hd.stream_id);
	/* Answered before it was asked to the end: the rest is not wanted. */
	if (st != NULL && !st->remote_ended)
		(void)nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE,
		    f->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

/* A header list longer than any frame may carry: the call must not hang. */
static int
frame_not_sent(nghttp2_session *h2, const nghttp2_frame *f, int why, void *arg)
{
	struct http2_stream *st = stream_of(h2, f->hd.stream_id);

	(void)arg;
	if (why == NGHTTP2_ERR_FRAME_SIZE_ERROR && st != NULL)
		http2_reset(st, NGHTTP2_INTERNAL_ERROR);
	return 0;
}

void
h2_session_set_callbacks(nghttp2_session_callbacks *c)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(c, frame_begins);
	nghttp2_session_callbacks_set_on_begin_headers_callback(c,
	    headers_begin);
	nghttp2_session_callbacks_set_on_header_callback(c, header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(c, frame_received);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, data);
	nghttp2_session_callbacks_set_on_stream_close_callback(c,
	    stream_closed);
	nghttp2_session_callbacks_set_send_data_callback(c, send_data);
	nghttp2_session_callbacks_set_on_frame_send_callback(c, frame_sent);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(c,
	    frame_not_sent);
}

/* ---- what the connection calls ----------------------------------------- */

static int
submit_preface(struct h2_session *s)
{
	const struct http2_limits *l = &s->server->limits;
	nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, l->max_streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
		    (uint32_t)l->stream_window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		    (uint32_t)l->max_header_bytes },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	if (nghttp2_submit_settings(s->h2, NGHTTP2_FLAG_NONE, settings,
		sizeof settings / sizeof settings[0]) != 0)
		return -1;
	return nghttp2_session_set_local_window_size(s->h2, NGHTTP2_FLAG_NONE,
	    0, (int32_t)l->connection_window);
}

/* At once, not at the turn's end: a GOAWAY of ours may have to follow. */
static int
send_preface(struct h2_session *s)
{
	const uint8_t *bytes;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(s->h2, &bytes)) > 0)
		if (conn_send(s->conn_user.conn, bytes, (size_t)n) != 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static void
opened(struct conn_user *u)
{
	struct h2_session *s = (struct h2_session *)u;
	struct http2_server *server = s->server;
	struct err e = { 0 };

	s->opened_at = s->last_read = s->idle_since = clock_monotonic_ns();
	if (server->draining || !conn_still_trusted(u->conn, &e) ||
	    nghttp2_session_server_new2(&s->h2, server->callbacks, s,
		server->option) != 0) {
		conn_finish(u->conn);
		return;
	}
	if (submit_preface(s) != 0 || send_preface(s) != 0) {
		h2_session_end(s, NGHTTP2_INTERNAL_ERROR);
		conn_abort(u->conn);
		return;
	}
	set_timer(s);
}

static void
failed(struct conn_user *u, const struct err *why)
{
	struct h2_session *s = (struct h2_session *)u;

	s->server->counters.handshakes_failed++;
	log_info("handshake_failed", "peer=%s error=\"%s\"",
	    conn_peer(u->conn)->address, why->msg);
}

/* What nghttp2 gave up for, in terms of HTTP/2. */
static const struct {
	int error;
	uint32_t code;
	const char *reason;
} verdicts[] = {
	{ NGHTTP2_ERR_FLOODED, NGHTTP2_ENHANCE_YOUR_CALM,
	    "too many frames that must be answered" },
	{ NGHTTP2_ERR_BAD_CLIENT_MAGIC, NGHTTP2_PROTOCOL_ERROR,
	    "this is not HTTP/2" },
	{ NGHTTP2_ERR_NOMEM, NGHTTP2_INTERNAL_ERROR, "no memory" },
	{ 0, NGHTTP2_ENHANCE_YOUR_CALM, "frames out of bounds" },
};

static void
give_up(struct h2_session *s, int error)
{
	size_t i;

	if (s->condemned != 0) {
		h2_session_quit(s, s->condemned, s->reason);
		return;
	}
	for (i = 0; verdicts[i].error != 0 && verdicts[i].error != error; i++)
		;
	h2_session_quit(s, verdicts[i].code, verdicts[i].reason);
}

/* Does it ask faster than it reads the answers?  They are frames that no
 * queue of a stream counts. */
static bool
is_deaf(const struct h2_session *s)
{
	size_t most = 1000 + 8 * (size_t)s->server->limits.max_streams;

	return conn_queued(s->conn_user.conn) > 0 &&
	       nghttp2_session_get_outbound_queue_size(s->h2) > most;
}

static void
received(struct conn_user *u, const uint8_t *bytes, size_t len)
{
	struct h2_session *s = (struct h2_session *)u;
	ssize_t n;

	if (s->h2 == NULL)
		return;
	s->server->counters.bytes_in += len;
	s->last_read = clock_monotonic_ns();
	if (s->ping_at != 0) {
		s->ping_at = 0;
		set_timer(s);
	}
	n = nghttp2_session_mem_recv(s->h2, bytes, len);
	if (n < 0 || s->condemned != 0) {
		give_up(s, (int)n);
		return;
	}
	if (is_deaf(s)) {
		h2_session_quit(s, NGHTTP2_ENHANCE_YOUR_CALM,
		    "asks and does not read");
		return;
	}
	if (s->block != NULL && s->block_at == 0) {
		s->block_at = s->last_read;
		set_timer(s);
	}
	conn_wake(u->conn);
}

static void
run_due(struct h2_session *s)
{
	struct http2_stream *batch = s->due;

	s->due = NULL;
	if (batch != NULL)
		batch->due_link = &batch;
	while (batch != NULL)
		h2_stream_run_due(batch);
}

static void
turn(struct conn_user *u)
{
	struct h2_session *s = (struct h2_session *)u;

	if (s->h2 == NULL)
		return;
	if (s->condemned != 0) {
		h2_session_quit(s, s->condemned, s->reason);
		return;
	}
	run_due(s);
	if (s->due != NULL)
		conn_wake_later(u->conn);
	if (s->queued + conn_queued(u->conn) >
	    s->server->limits.max_connection_bytes)
		session_abort(s, NGHTTP2_ENHANCE_YOUR_CALM,
		    "does not read what it asked for");
}

static void
fill(struct conn_user *u, struct buf *out, size_t want)
{
	struct h2_session *s = (struct h2_session *)u;
	const uint8_t *bytes;
	ssize_t n = 0;

	if (s->h2 == NULL || buf_reserve(out, want + FRAME_MAX) == NULL)
		return;
	s->out = out;
	s->want = want;
	while (buf_len(out) < want &&
	       (n = nghttp2_session_mem_send(s->h2, &bytes)) > 0)
		if (buf_append(out, bytes, (size_t)n) != 0) {
			n = NGHTTP2_ERR_NOMEM;
			break;
		}
	s->out = NULL;
	s->server->counters.bytes_out += buf_len(out);
	if (n < 0) {
		session_abort(s, NGHTTP2_INTERNAL_ERROR,
		    nghttp2_strerror((int)n));
		return;
	}
	if (!nghttp2_session_want_read(s->h2) &&
	    !nghttp2_session_want_write(s->h2)) {
		h2_session_end(s, NGHTTP2_PROTOCOL_ERROR);
		conn_finish(u->conn);
	}
}

static void
closed(struct conn_user *u)
{
	struct h2_session *s = (struct h2_session *)u;

	if (s->h2 != NULL)
		h2_session_end(s, NGHTTP2_CANCEL);
	h2_server_left(s->server, s);
}

const struct conn_ops h2_session_conn_ops = {
	.opened = opened,
	.failed = failed,
	.received = received,
	.turn = turn,
	.fill = fill,
	.closed = closed,
};

struct h2_session *
h2_session_new(struct http2_server *server)
{
	struct h2_session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->server = server;
	s->timer.run = timer_came;
	h2_abuse_init(&s->abuse, server->limits.abuse_per_second);
	return s;
}
