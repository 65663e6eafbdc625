/* stream.c - one stream: its queue and what the upper layer calls. */
#include "http2/internal.h"

#include <stdlib.h>
#include <string.h>

#include "wire/buf.h"

#define OWN_KEPT 4096 /* bytes of buffer a pooled stream keeps */
#define TRAILERS_KEPT 512
#define NV_ON_STACK 8
#define INTERLEAVE_BYTES 16384

/* ---- due at the turn's end --------------------------------------------- */

static void
due_add(struct http2_stream *st)
{
	struct h2_session *s = st->session;

	if (st->due_link != NULL)
		return;
	st->due_next = s->due;
	if (st->due_next != NULL)
		st->due_next->due_link = &st->due_next;
	st->due_link = &s->due;
	s->due = st;
}

static void
due_remove(struct http2_stream *st)
{
	if (st->due_link == NULL)
		return;
	*st->due_link = st->due_next;
	if (st->due_next != NULL)
		st->due_next->due_link = st->due_link;
	st->due_link = NULL;
	st->due_next = NULL;
}

/* writable() waits for the next turn: a fast producer and a fast reader would
 * otherwise keep this one from ever ending. */
static void
due_later(struct http2_stream *st)
{
	due_add(st);
	conn_wake_later(st->session->conn_user.conn);
}

/* ---- the queue --------------------------------------------------------- */

static void
segment_pop(struct http2_stream *st)
{
	struct h2_segment *g = st->segments;

	st->segments = g->next;
	if (st->segments == NULL)
		st->segments_end = &st->segments;
	g->shared->release(g->shared);
	h2_server_keep_segment(st->session->server, g);
}

static void
queue_drop(struct http2_stream *st)
{
	while (st->segments != NULL)
		segment_pop(st);
	buf_reset(&st->own, OWN_KEPT);
	st->own_before = 0;
	st->session->queued -= st->queued;
	st->queued = 0;
}

static size_t
take_own(struct http2_stream *st, uint8_t *out, size_t len)
{
	memcpy(out, buf_head(&st->own), len);
	buf_take(&st->own, len);
	return len;
}

/* Bytes of the first segment, or own bytes that precede it. */
static size_t
take_segment(struct http2_stream *st, uint8_t *out, size_t len)
{
	struct h2_segment *g = st->segments;
	size_t left = g->shared->len - g->taken;

	if (g->before > 0) {
		if (len > g->before)
			len = g->before;
		g->before -= len;
		st->own_before -= len;
		return take_own(st, out, len);
	}
	if (len > left)
		len = left;
	memcpy(out, g->shared->data + g->taken, len);
	g->taken += len;
	if (len == left)
		segment_pop(st);
	return len;
}

void
h2_stream_take(struct http2_stream *st, uint8_t *out, size_t len)
{
	size_t done = 0;

	while (done < len)
		done += st->segments != NULL
			    ? take_segment(st, out + done, len - done)
			    : take_own(st, out + done, len - done);
	st->queued -= len;
	st->session->queued -= len;
	if (st->notify && st->queued <= st->low)
		due_later(st);
}

/* ---- its life ---------------------------------------------------------- */

struct http2_stream *
h2_stream_new(struct h2_session *s, int32_t id)
{
	struct http2_stream *st = h2_server_stream(s->server);

	if (st == NULL)
		return NULL;
	st->session = s;
	st->id = id;
	st->segments_end = &st->segments;
	st->next = s->streams;
	if (st->next != NULL)
		st->next->link = &st->next;
	st->link = &s->streams;
	s->streams = st;
	if (s->open++ == 0)
		h2_session_became_busy(s);
	return st;
}

static void
tell_closed(struct http2_stream *st, uint32_t error)
{
	struct http2_user *user = st->user;

	st->user = NULL;
	if (user != NULL)
		st->session->server->ops->closed(user, error);
}

void
h2_stream_end(struct http2_stream *st, uint32_t error)
{
	struct h2_session *s = st->session;

	if (s->h2 != NULL && st->unconsumed > 0)
		(void)nghttp2_session_consume_connection(s->h2, st->unconsumed);
	tell_closed(st, st->reset ? st->error : error);
	due_remove(st);
	queue_drop(st);
	*st->link = st->next;
	if (st->next != NULL)
		st->next->link = st->link;
	buf_reset(&st->trailers, TRAILERS_KEPT);
	if (--s->open == 0)
		h2_session_became_idle(s);
	h2_server_keep_stream(s->server, st);
}

void
h2_stream_free(struct http2_stream *st)
{
	buf_free(&st->own);
	buf_free(&st->trailers);
	free(st);
}

void
h2_stream_run_due(struct http2_stream *st)
{
	due_remove(st);
	if (st->reset) {
		tell_closed(st, st->error);
		queue_drop(st);
	} else if (st->notify && st->user != NULL) {
		st->notify = false;
		st->session->server->ops->writable(st->user);
	}
}

/* May anything still be sent on it? */
static bool
is_live(const struct http2_stream *st)
{
	return !st->reset && st->session->h2 != NULL;
}

/* Something is queued: have it sent at the turn's end. */
static void
stream_wake(struct http2_stream *st)
{
	struct h2_session *s = st->session;

	if (st->deferred) {
		st->deferred = false;
		(void)nghttp2_session_resume_data(s->h2, st->id);
	}
	conn_wake(s->conn_user.conn);
}

/* ---- header lists ------------------------------------------------------ */

static nghttp2_nv *
nv_array(const struct http2_header *h, size_t n, nghttp2_nv *on_stack)
{
	nghttp2_nv *nv = n <= NV_ON_STACK ? on_stack : calloc(n, sizeof *nv);

	for (size_t i = 0; nv != NULL && i < n; i++)
		nv[i] = (nghttp2_nv){
			/* nghttp2 does not write to them. */
			.name = (uint8_t *)(uintptr_t)h[i].name,
			.value = (uint8_t *)(uintptr_t)h[i].value,
			.namelen = h[i].name_len,
			.valuelen = h[i].value_len,
		};
	return nv;
}

int
http2_respond(struct http2_stream *st, const struct http2_header *h, size_t n,
    bool end)
{
	nghttp2_data_provider body = {
		.source.ptr = st,
		.read_callback = h2_stream_read,
	};
	nghttp2_nv on_stack[NV_ON_STACK] = { { 0 } }, *nv;
	int rc;

	if (!is_live(st) || st->responded)
		return -1;
	nv = nv_array(h, n, on_stack);
	rc = nv == NULL ? NGHTTP2_ERR_NOMEM
			: nghttp2_submit_response(st->session->h2, st->id, nv,
			      n, end ? NULL : &body);
	if (nv != on_stack)
		free(nv);
	if (rc != 0) {
		http2_reset(st, NGHTTP2_INTERNAL_ERROR);
		return -1;
	}
	st->responded = true;
	conn_wake(st->session->conn_user.conn);
	return 0;
}

int
http2_trailers(struct http2_stream *st, const struct http2_header *h, size_t n)
{
	int rc = 0;

	if (!is_live(st) || st->has_trailers)
		return -1;
	for (size_t i = 0; i < n && rc == 0; i++) {
		uint32_t lens[2] = { (uint32_t)h[i].name_len,
			(uint32_t)h[i].value_len };

		rc = buf_append(&st->trailers, lens, sizeof lens) != 0 ||
		     buf_append(&st->trailers, h[i].name, lens[0]) != 0 ||
		     buf_append(&st->trailers, h[i].value, lens[1]) != 0;
	}
	if (rc != 0) {
		http2_reset(st, NGHTTP2_INTERNAL_ERROR);
		return -1;
	}
	st->has_trailers = true;
	st->n_trailers = n;
	stream_wake(st);
	return 0;
}

/* They stay in the stream, which outlives their sending: no copy. */
static void
trailers_nv(const struct http2_stream *st, nghttp2_nv *nv)
{
	uint8_t *p = st->trailers.data;
	uint32_t lens[2];

	for (size_t i = 0; i < st->n_trailers; i++) {
		memcpy(lens, p, sizeof lens);
		p += sizeof lens;
		nv[i] = (nghttp2_nv){
			.name = p,
			.namelen = lens[0],
			.value = p + lens[0],
			.valuelen = lens[1],
			.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME |
				 NGHTTP2_NV_FLAG_NO_COPY_VALUE,
		};
		p += lens[0] + lens[1];
	}
}

static int
submit_trailers(struct http2_stream *st)
{
	nghttp2_nv on_stack[NV_ON_STACK] = { { 0 } }, *nv = on_stack;
	int rc;

	if (st->n_trailers > NV_ON_STACK)
		nv = calloc(st->n_trailers, sizeof *nv);
	if (nv == NULL)
		return NGHTTP2_ERR_NOMEM;
	trailers_nv(st, nv);
	rc =
	    nghttp2_submit_trailer(st->session->h2, st->id, nv, st->n_trailers);
	if (nv != on_stack)
		free(nv);
	return rc;
}

/* ---- the body ---------------------------------------------------------- */

ssize_t
h2_stream_read(nghttp2_session *h2, int32_t id, uint8_t *to, size_t cap,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct http2_stream *st = source->ptr;
	struct h2_session *s = arg;
	size_t n = st->queued < cap ? st->queued : cap;

	(void)h2;
	(void)id;
	(void)to;
	if (st->reset || (n == 0 && !st->has_trailers)) {
		st->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (buf_len(s->out) >= s->want)
		return NGHTTP2_ERR_PAUSE;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == st->queued && st->has_trailers) {
		*flags |=
		    NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (submit_trailers(st) != 0)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)n;
}

uint8_t *
http2_room(struct http2_stream *st, size_t len)
{
	return is_live(st) ? buf_reserve(&st->own, len) : NULL;
}

/* A long answer must not hold up the short ones behind it. */
static void
count_queued(struct http2_stream *st, size_t len)
{
	st->queued += len;
	st->session->queued += len;
	if (st->queued > INTERLEAVE_BYTES && !st->interleave) {
		nghttp2_extpri pri = {
			.urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY,
			.inc = 1,
		};

		st->interleave = true;
		(void)nghttp2_session_change_extpri_stream_priority(st->session
									->h2,
		    st->id, &pri, 1);
	}
	stream_wake(st);
}

void
http2_sent(struct http2_stream *st, size_t len)
{
	if (!is_live(st) || len == 0)
		return;
	buf_added(&st->own, len);
	count_queued(st, len);
}

int
http2_send_shared(struct http2_stream *st, struct http2_shared *shared)
{
	struct h2_segment *g = NULL;

	if (is_live(st) && shared->len > 0)
		g = h2_server_segment(st->session->server);
	if (g == NULL) {
		shared->release(shared);
		return is_live(st) && shared->len == 0 ? 0 : -1;
	}
	*g = (struct h2_segment){
		.shared = shared,
		.before = buf_len(&st->own) - st->own_before,
	};
	st->own_before += g->before;
	*st->segments_end = g;
	st->segments_end = &g->next;
	count_queued(st, shared->len);
	return 0;
}

/* ---- the rest ---------------------------------------------------------- */

const struct peer *
http2_peer(const struct http2_stream *st)
{
	return conn_peer(st->session->conn_user.conn);
}

void
http2_consumed(struct http2_stream *st, size_t len)
{
	if (len > st->unconsumed)
		len = st->unconsumed;
	if (len == 0 || st->session->h2 == NULL)
		return;
	st->unconsumed -= len;
	(void)nghttp2_session_consume(st->session->h2, st->id, len);
	conn_wake(st->session->conn_user.conn);
}

void
http2_reset(struct http2_stream *st, uint32_t error)
{
	if (!is_live(st))
		return;
	st->reset = true;
	st->error = error;
	(void)nghttp2_submit_rst_stream(st->session->h2, NGHTTP2_FLAG_NONE,
	    st->id, error);
	due_add(st);
	conn_wake(st->session->conn_user.conn);
}

size_t
http2_queued(const struct http2_stream *st)
{
	return st->queued;
}

void
http2_notify_writable(struct http2_stream *st, size_t low)
{
	if (!is_live(st))
		return;
	st->low = low;
	st->notify = true;
	if (st->queued <= low)
		due_later(st);
}
