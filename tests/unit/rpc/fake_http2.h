/*
 * fake_http2.h - http2.h without a network: the test plays the client of each
 * stream, one function call at a time.  Include it in one file of a program;
 * what it defines is taken instead of libhttp2's.
 */
#ifndef TESTS_RPC_FAKE_HTTP2_H
#define TESTS_RPC_FAKE_HTTP2_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http2/http2.h"
#include "wire/buf.h"

#define FAKE_HEADERS_MAX 32

struct fake_header {
	char name[64], value[8192];
};

struct http2_stream {
	struct http2_server *server;
	struct http2_user *user; /* NULL: closed() has run */
	struct http2_stream *next;
	struct fake_header head[FAKE_HEADERS_MAX], tail[FAKE_HEADERS_MAX];
	size_t n_head, n_tail;
	bool responded, ended, notify, reset;
	uint32_t reset_error;
	size_t low, consumed, given;
	struct buf queue; /* not yet read by the client */
	struct buf body;  /* read */
};

struct http2_server {
	struct http2_limits limits;
	const struct http2_ops *ops;
	struct service *service;
	struct http2_counters counters;
	struct http2_stream *streams;
	void (*drained)(void *);
	void *drained_arg;
	unsigned rechecks;
};

static struct http2_server *fake_server; /* the latest */

struct http2_server *
http2_server_new(struct loop *loop, const struct http2_limits *limits,
    const struct http2_ops *ops, struct service *service, struct err *e)
{
	struct http2_server *s = calloc(1, sizeof *s);

	(void)loop;
	(void)e;
	s->limits = *limits;
	s->ops = ops;
	s->service = service;
	fake_server = s;
	return s;
}

static void
fake_over(struct http2_stream *st, uint32_t error)
{
	struct http2_user *user = st->user;

	st->user = NULL;
	if (user != NULL)
		st->server->ops->closed(user, error);
}

void
http2_server_free(struct http2_server *s)
{
	struct http2_stream *next;

	if (s == NULL)
		return;
	for (struct http2_stream *st = s->streams; st != NULL; st = next) {
		next = st->next;
		fake_over(st, 8);
		buf_free(&st->queue);
		buf_free(&st->body);
		free(st);
	}
	free(s);
}

int
http2_server_listen(struct http2_server *s, struct listener *l,
    struct tls_server *tls, struct err *e)
{
	(void)s;
	(void)l;
	(void)tls;
	(void)e;
	return 0;
}

void
http2_server_drain(struct http2_server *s, void (*drained)(void *), void *arg)
{
	s->drained = drained;
	s->drained_arg = arg;
}

void
http2_server_recheck(struct http2_server *s)
{
	s->rechecks++;
}

const struct http2_counters *
http2_server_counters(const struct http2_server *s)
{
	return &s->counters;
}

const struct peer *
http2_peer(const struct http2_stream *st)
{
	(void)st;
	return NULL;
}

void
http2_consumed(struct http2_stream *st, size_t len)
{
	st->consumed += len;
	assert(st->consumed <= st->given);
}

static size_t
fake_headers(struct fake_header *to, const struct http2_header *h, size_t n)
{
	assert(n <= FAKE_HEADERS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert(h[i].name_len < sizeof to[i].name);
		assert(h[i].value_len < sizeof to[i].value);
		memcpy(to[i].name, h[i].name, h[i].name_len);
		memcpy(to[i].value, h[i].value, h[i].value_len);
	}
	return n;
}

int
http2_respond(struct http2_stream *st, const struct http2_header *h, size_t n,
    bool end)
{
	assert(!st->responded && !st->ended);
	if (st->reset)
		return -1;
	st->responded = true;
	st->ended = end;
	st->n_head = fake_headers(st->head, h, n);
	return 0;
}

uint8_t *
http2_room(struct http2_stream *st, size_t len)
{
	assert(st->responded && !st->ended);
	return st->reset ? NULL : buf_reserve(&st->queue, len);
}

void
http2_sent(struct http2_stream *st, size_t len)
{
	buf_added(&st->queue, len);
}

int
http2_send_shared(struct http2_stream *st, struct http2_shared *shared)
{
	int rc = buf_append(&st->queue, shared->data, shared->len);

	assert(st->responded && !st->ended);
	shared->release(shared);
	return rc;
}

int
http2_trailers(struct http2_stream *st, const struct http2_header *h, size_t n)
{
	assert(st->responded && !st->ended);
	st->n_tail = fake_headers(st->tail, h, n);
	st->ended = true;
	return 0;
}

void
http2_reset(struct http2_stream *st, uint32_t error)
{
	st->reset = true;
	st->reset_error = error;
}

size_t
http2_queued(const struct http2_stream *st)
{
	return buf_len(&st->queue);
}

void
http2_notify_writable(struct http2_stream *st, size_t low)
{
	st->notify = true;
	st->low = low;
}

/* ---- the client --------------------------------------------------------- */

/* Headers as "name: value", NULL-terminated, after what every call has; one
 * that begins with "name:" of those replaces it, "-name" drops it. */
static inline const char *
fake_override(const char *name, const char *const *extra)
{
	size_t len = strlen(name);

	for (; extra != NULL && *extra != NULL; extra++) {
		if ((strncmp(*extra, name, len) == 0 && (*extra)[len] == ':') ||
		    ((*extra)[0] == '-' && strcmp(*extra + 1, name) == 0))
			return *extra;
	}
	return NULL;
}

static inline struct http2_header
fake_split(const char *line)
{
	const char *colon = strchr(line + 1, ':');

	return (struct http2_header){ line, colon + 2, (size_t)(colon - line),
		strlen(colon + 2) };
}

static inline struct http2_stream *
fake_open(struct http2_server *s, const struct http2_header *h, size_t n,
    bool end)
{
	struct http2_stream *st = calloc(1, sizeof *st);

	st->server = s;
	st->next = s->streams;
	s->streams = st;
	st->user = s->ops->request(st, s->service, h, n, end);
	return st;
}

static inline struct http2_stream *
fake_call(const char *path, const char *const *extra)
{
	static const char *const usual[] = { ":method: POST",
		"content-type: application/grpc", "te: trailers", NULL };
	struct http2_header h[FAKE_HEADERS_MAX];
	char line[256], name[64];
	size_t n = 0;

	(void)snprintf(line, sizeof line, ":path: %s", path);
	h[n++] = fake_split(line);
	for (size_t i = 0; usual[i] != NULL; i++) {
		struct http2_header u = fake_split(usual[i]);

		(void)snprintf(name, sizeof name, "%.*s", (int)u.name_len,
		    u.name);
		if (fake_override(name, extra) == NULL)
			h[n++] = u;
	}
	for (; extra != NULL && *extra != NULL; extra++) {
		if ((*extra)[0] != '-')
			h[n++] = fake_split(*extra);
	}
	return fake_open(fake_server, h, n, false);
}

static inline void
fake_data(struct http2_stream *st, const void *bytes, size_t len)
{
	if (st->user == NULL || st->reset)
		return;
	st->given += len;
	st->server->ops->data(st->user, bytes, len);
}

static inline void
fake_end(struct http2_stream *st)
{
	if (st->user != NULL && !st->reset)
		st->server->ops->end(st->user);
}

/* The client reads up to `len` bytes; the turn ends. */
static inline void
fake_read(struct http2_stream *st, size_t len)
{
	if (len > buf_len(&st->queue))
		len = buf_len(&st->queue);
	if (len > 0) {
		buf_append(&st->body, buf_head(&st->queue), len);
		buf_take(&st->queue, len);
	}
	if (st->reset)
		fake_over(st, st->reset_error);
	else if (st->ended && buf_len(&st->queue) == 0)
		fake_over(st, 0);
	else if (st->notify && buf_len(&st->queue) <= st->low &&
		 st->user != NULL) {
		st->notify = false;
		st->server->ops->writable(st->user);
	}
}

/* Read all that comes. */
static inline void
fake_read_all(struct http2_stream *st)
{
	do {
		fake_read(st, SIZE_MAX);
	} while (buf_len(&st->queue) > 0 || (st->ended && st->user != NULL));
}

static inline const char *
fake_find(const struct fake_header *h, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(h[i].name, name) == 0)
			return h[i].value;
	}
	return NULL;
}

/* Of the trailers, or of the header list when there is nothing else. */
static inline const char *
fake_trailer(const struct http2_stream *st, const char *name)
{
	const char *v = fake_find(st->tail, st->n_tail, name);

	return v != NULL ? v : fake_find(st->head, st->n_head, name);
}

static inline const char *
fake_head(const struct http2_stream *st, const char *name)
{
	return fake_find(st->head, st->n_head, name);
}

/* grpc-status, or -1 while there is none. */
static inline int
fake_status(const struct http2_stream *st)
{
	const char *v = st->ended ? fake_trailer(st, "grpc-status") : NULL;

	return v != NULL ? atoi(v) : -1;
}

#endif
