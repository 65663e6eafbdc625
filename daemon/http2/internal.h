/*
 * internal.h - what the files of this folder share, and no other.
 *
 *   server.c   who may connect, draining, rechecking, pools
 *   session.c  one connection: nghttp2 over net/conn.h, deadlines
 *   stream.c   one stream: its queue and what the upper layer calls
 *   abuse.c    frames that cost us more than their sender
 *
 * A stream object lives as long as nghttp2's stream; the upper layer's state
 * for it may end before that (reset).  Nothing is freed inside a callback of
 * nghttp2 that nghttp2 still needs: a session only ends between its calls.
 */
#ifndef HTTP2_INTERNAL_H
#define HTTP2_INTERNAL_H

#include <nghttp2/nghttp2.h>

#include "base/loop.h"
#include "http2/http2.h"
#include "net/conn.h"
#include "wire/buf.h"

struct address_count;
struct address_table;

/* ---- abuse.c ----------------------------------------------------------- */

struct h2_abuse {                /* a bucket that refills with time */
	unsigned left;           /* events that may still come at once */
	unsigned updates, pings; /* that our data has earned */
	unsigned continuations;  /* of the header block being received */
	int64_t refilled;
};

void h2_abuse_init(struct h2_abuse *, unsigned per_second);
/* One more event.  False: too many. */
bool h2_abuse_count(struct h2_abuse *, unsigned per_second);
/* A frame begins.  False: too many that ask for work and bring none. */
bool h2_abuse_frame(struct h2_abuse *, unsigned per_second,
    const nghttp2_frame_hd *);
/* We sent a DATA frame: its reader may tell that it has read it. */
void h2_abuse_sent_data(struct h2_abuse *, size_t len);

/* ---- streams ----------------------------------------------------------- */

struct h2_segment { /* a shared buffer within a stream's queue */
	struct h2_segment *next;
	struct http2_shared *shared;
	size_t before; /* bytes of `own` that go out before it */
	size_t taken;  /* bytes of it that are out */
};

struct http2_stream {
	struct h2_session *session;
	struct http2_user *user;           /* NULL: not yet, or no more */
	struct http2_stream *next, **link; /* the session's; in the pool */
	struct http2_stream *due_next, **due_link; /* due at turn's end */
	int32_t id;
	uint32_t error;    /* that of the reset */
	bool remote_ended; /* the client has sent all */
	bool responded;    /* the response's header list is submitted */
	bool deferred;     /* nghttp2 waits for http2_sent() */
	bool has_trailers;
	bool reset;      /* by us: closed() is due, RST_STREAM submitted */
	bool notify;     /* writable() is wanted */
	bool interleave; /* long: shares the connection with others */
	size_t low, queued, unconsumed;
	struct buf own;    /* bytes copied in */
	size_t own_before; /* those of them that precede a segment */
	struct h2_segment *segments, **segments_end;
	struct buf trailers; /* lengths, name, value, one after the other */
	size_t n_trailers;
};

struct http2_stream *h2_stream_new(struct h2_session *, int32_t id);
/* nghttp2 is done with it: closed(), if still due, then back to the pool. */
void h2_stream_end(struct http2_stream *, uint32_t error);
/* At a turn's end: what http2_reset() or http2_notify_writable() asked for. */
void h2_stream_run_due(struct http2_stream *);
/* nghttp2's: how many bytes of the next DATA frame there are. */
ssize_t h2_stream_read(nghttp2_session *, int32_t, uint8_t *, size_t,
    uint32_t *flags, nghttp2_data_source *, void *);
/* Move `len` queued bytes to `out`, which has room. */
void h2_stream_take(struct http2_stream *, uint8_t *out, size_t len);
void h2_stream_free(struct http2_stream *); /* from the pool, for good */

/* ---- sessions ---------------------------------------------------------- */

struct h2_block {              /* a header list being received; one a session */
	struct h2_block *next; /* in the pool */
	struct http2_header *headers; /* into `bytes` */
	char *bytes;
	size_t n, max, used, size; /* size: as RFC 9113 6.5.2 counts */
	bool too_big;
};

enum h2_drain {
	H2_SERVING,
	H2_NOTICED,  /* first GOAWAY: still takes streams */
	H2_DRAINING, /* second GOAWAY: ends with the last stream */
};

struct h2_session {
	struct conn_user conn_user; /* first: conn.h's callbacks cast back */
	struct http2_server *server;
	struct h2_session *next, *prev; /* the server's */
	nghttp2_session *h2;            /* NULL: not yet open, or over */
	struct address_count *address;
	struct http2_stream *streams, *due;
	struct h2_block *block;
	int32_t block_id; /* its stream's */
	struct buf *out;  /* while filling */
	size_t want;      /* bytes that `out` should come to */
	size_t queued;    /* on all streams */
	unsigned open;    /* streams */
	unsigned recheck_round;
	bool settings_seen;
	enum h2_drain drain;
	uint32_t condemned; /* error code of the GOAWAY to come */
	const char *reason;
	struct h2_abuse abuse;
	struct timer timer;
	int64_t opened_at, last_read, idle_since;
	int64_t block_at, ping_at, drain_at; /* 0: not waiting */
};

extern const struct conn_ops h2_session_conn_ops;

struct h2_session *h2_session_new(struct http2_server *);
void h2_session_drain(struct h2_session *);
/* GOAWAY with that code, close every stream and the connection.  Not from
 * inside a callback of nghttp2: see h2_session_condemn(). */
void h2_session_quit(struct h2_session *, uint32_t error, const char *reason);
/* The same, as soon as nghttp2 has returned. */
void h2_session_condemn(struct h2_session *, uint32_t error,
    const char *reason);
/* Forget nghttp2 and close every stream; the connection is the caller's. */
void h2_session_end(struct h2_session *, uint32_t error);
void h2_session_set_callbacks(nghttp2_session_callbacks *);
/* The first or the last of its streams came or went. */
void h2_session_became_busy(struct h2_session *);
void h2_session_became_idle(struct h2_session *);

/* ---- the server -------------------------------------------------------- */

struct h2_port { /* one listener */
	struct h2_port *next;
	struct http2_server *server;
	struct listener *listener;
	struct tls_server *tls;
};

struct http2_server {
	struct loop *loop;
	struct http2_limits limits;
	const struct http2_ops *ops;
	struct service *service;
	struct http2_counters counters;
	struct conn_group *group;
	struct address_table *addresses;
	struct h2_port *ports;
	struct h2_session *first, *last;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	struct turn_hook drained_hook;
	void (*drained)(void *);
	void *drained_arg;
	bool draining;
	struct timer recheck;
	unsigned recheck_round;
	int64_t refusal_logged;
	struct http2_stream *free_streams;
	struct h2_segment *free_segments;
	struct h2_block *free_blocks;
	unsigned n_free_streams, n_free_segments, n_free_blocks;
};

void h2_server_left(struct http2_server *, struct h2_session *);
struct http2_stream *h2_server_stream(struct http2_server *);
void h2_server_keep_stream(struct http2_server *, struct http2_stream *);
struct h2_segment *h2_server_segment(struct http2_server *);
void h2_server_keep_segment(struct http2_server *, struct h2_segment *);
struct h2_block *h2_server_block(struct http2_server *);
void h2_server_keep_block(struct http2_server *, struct h2_block *);

#endif
