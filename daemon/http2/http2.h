/*
 * http2.h - HTTP/2 for a server of one worker: connections, streams, flow
 * control, limits, abuse.  Hides nghttp2.  It knows nothing of gRPC.
 *
 * Thread: one http2_server a loop; everything on that loop's thread.  No
 * function here calls back into its caller before it returns, except
 * http2_server_free() (closed() of every stream) and where said.
 *
 * Source: RFC 9113; abuse: CVE-2023-44487, CVE-2024-27316, CVE-2019-9512..9518.
 */
#ifndef HTTP2_HTTP2_H
#define HTTP2_HTTP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/err.h"

struct http2_server;
struct http2_stream;
struct listener;
struct loop;
struct peer;
struct service; /* the application's: never looked inside */
struct tls_server;

struct http2_limits { /* all set; the caller fills in the defaults; a limit
			 * in ms that is 0 is none, but for the handshake's */
	unsigned max_streams;     /* concurrent, a connection */
	size_t max_header_bytes;  /* decoded header list of one request; of a
					 * longer one the application gets none */
	size_t stream_window;     /* bytes a client may send unread, a stream */
	size_t connection_window; /* likewise, a connection */
	size_t
	    max_connection_bytes; /* queued to send at a turn's end: beyond it
					 * the connection is closed, so feed large
					 * answers by http2_notify_writable() */
	unsigned max_connections;
	unsigned max_connections_per_address;
	unsigned handshake_ms, preface_ms, idle_ms;
	unsigned keepalive_ms, keepalive_timeout_ms;
	unsigned abuse_per_second; /* RST, PING, SETTINGS, empty frames, resets
					 * that the client provokes: more is GOAWAY
					 * ENHANCE_YOUR_CALM.  preface_ms also
					 * bounds each header list */
};

struct http2_counters {
	uint64_t connections, connections_open, handshakes_failed;
	uint64_t bytes_in, bytes_out; /* of HTTP/2, inside TLS */
	uint64_t goaway_abuse;
};

struct http2_header { /* borrowed; neither is NUL-terminated */
	const char *name, *value;
	size_t name_len, value_len;
};

/* The upper layer's own state for one stream: embed it. */
struct http2_user {
	struct http2_stream *stream;
};

struct http2_ops {
	/*
	 * A request's header list is complete, pseudo-headers first; `n` is 0 if
	 * it was longer than max_header_bytes: refuse it.  `end`: no body
	 * follows.  Returns the user's state for the stream, or NULL, which
	 * resets the stream (REFUSED_STREAM); nothing else is called for it then.
	 * It may answer at once.
	 */
	struct http2_user *(*request)(struct http2_stream *, struct service *,
	    const struct http2_header *, size_t n, bool end);
	/* Body bytes, borrowed until it returns.  They count against the window
	 * until http2_consumed(). */
	void (*data)(struct http2_user *, const uint8_t *, size_t len);
	/* The client has sent all; not called when request() had `end`. */
	void (*end)(struct http2_user *);
	/* The queue of this stream fell to `low` as given to
	 * http2_notify_writable(): comes in the turn after that. */
	void (*writable)(struct http2_user *);
	/* The stream is over: answered whole (error 0), reset by either side, or
	 * its connection is gone (`error` is an HTTP/2 error code).  Exactly once;
	 * the stream and the user's state must not be used after it. */
	void (*closed)(struct http2_user *, uint32_t error);
};

/* `ops` and `service` are borrowed; the latter is only handed to request(). */
struct http2_server *http2_server_new(struct loop *,
    const struct http2_limits *, const struct http2_ops *, struct service *,
    struct err *);
/* Stop the listeners, close every connection, then free; not inside a callback.
 * NULL is a no-op. */
void http2_server_free(struct http2_server *);

/* Accept from `listener` under `tls` (NULL: clear text with prior knowledge,
 * for tests).  Both outlive the server. */
int http2_server_listen(struct http2_server *, struct listener *,
    struct tls_server *, struct err *);

/* Stop accepting; GOAWAY on every connection (first with the highest stream id
 * and, a round trip later, the real one); each closes when its last stream
 * ends.  `drained` runs once, when none is left, at a turn's end. */
void http2_server_drain(struct http2_server *, void (*drained)(void *), void *);

/* Close every connection whose certificate has expired or the TLS set now in
 * use no longer vouches for: some each turn, from the next one on. */
void http2_server_recheck(struct http2_server *);

const struct http2_counters *http2_server_counters(const struct http2_server *);

/* ---- one stream --------------------------------------------------------- */

const struct peer *http2_peer(const struct http2_stream *);

/* Give back `len` bytes of window: they have been used. */
void http2_consumed(struct http2_stream *, size_t len);

/*
 * Queue the response's header list (once, before any data) and, with `end`,
 * close the stream after it.  Names are lower case; everything is copied.
 * Sent with all else at the end of the turn.  Fails: -1, no memory (the stream
 * is reset then), or it is over already, as all below do.  A list longer than
 * nghttp2 sends (64 KiB) resets the stream later.
 */
int http2_respond(struct http2_stream *, const struct http2_header *, size_t n,
    bool end);

/* Room for `len` body bytes at the end of the stream's queue: fill it, then
 * http2_sent().  NULL: no memory, or over.  Borrowed until the next call. */
uint8_t *http2_room(struct http2_stream *, size_t len);
void http2_sent(struct http2_stream *, size_t len);

/*
 * Queue bytes that others share, without a copy: `release` runs once they are
 * sent or dropped, once a call: one struct may be queued many times.  It must
 * not call back.  Returns -1: no memory, or over (release has run).
 */
struct http2_shared {
	const uint8_t *data;
	size_t len;
	void (*release)(struct http2_shared *);
};
int http2_send_shared(struct http2_stream *, struct http2_shared *);

/* Queue the trailers; they end the stream once all before them is sent. */
int http2_trailers(struct http2_stream *, const struct http2_header *,
    size_t n);

/* End at once with an HTTP/2 error code; closed() comes at the turn's end. */
void http2_reset(struct http2_stream *, uint32_t error);

/* Bytes queued on this stream and not yet handed to TLS. */
size_t http2_queued(const struct http2_stream *);
/* Call ops.writable once the queue falls to `low` bytes or fewer (once). */
void http2_notify_writable(struct http2_stream *, size_t low);

#endif
