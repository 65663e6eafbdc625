/*
 * internal.h - what the files of libresopro share, and nobody else.
 *
 *	client.c	options, rsp_call() and its retries
 *	stream.c	one gRPC call on a connection
 *	conn.c		TCP, TLS bytes, nghttp2, waiting
 *	tls.c		contexts and what a failed handshake means
 *	message.c	protobuf in and out
 *	error.c		filling struct rsp_error
 *	methods.c	the table
 */
#ifndef RESOPRO_INTERNAL_H
#define RESOPRO_INTERNAL_H

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <resopro/client.h>

#include "wire/buf.h"
#include "wire/grpc_frame.h"

#define NS_PER_MS 1000000

struct conn;

struct rsp_client {
	char *host, *port, *server_name, *token, *user_agent;
	uint32_t connect_timeout_ms, deadline_ms, keepalive_ms;
	uint32_t max_message_bytes, max_buffered_bytes;
	bool gzip, no_retry;
	int interrupt_fd;
	SSL_CTX *tls;
	struct conn *conn;		/* NULL: not connected */
	struct rsp_stream *streams;
	uint64_t jitter;		/* state of its generator */
};

struct rsp_stream {
	struct rsp_client *client;
	struct rsp_stream *next, **link;
	struct conn *conn;		/* NULL once the connection is gone */
	int32_t id;			/* of HTTP/2 */
	const struct rsp_method *method;
	int64_t deadline;		/* monotonic ns, 0: none */

	/* Sending. */
	struct buf out;			/* framed, not yet with nghttp2 */
	bool half_closed, deferred;
	bool wrote;			/* bytes of a request left us */

	/* Receiving. */
	struct buf in;			/* DATA not yet cut into messages */
	size_t unconsumed;		/* of it, still closing the window */
	struct grpc_frame_reader reader;
	bool gzip;			/* grpc-encoding of the answer */
	bool over;			/* its end has come, or the connection's */
	bool have_status;
	int http_status;
	unsigned grpc_status;
	char *message, *details;	/* as the trailers have them */
	uint32_t reset;			/* HTTP/2 error of a reset */
	bool was_reset, refused, cancelled;
	struct rsp_error failure;	/* over without a status: why */
};

struct conn {
	struct rsp_client *client;
	int fd;
	SSL *ssl;
	BIO *from_net, *to_net;		/* memory: the ssl's two sides */
	nghttp2_session *h2;
	struct buf out;			/* ciphertext for the socket */
	int64_t heard;			/* monotonic ns of the last byte read */
	int64_t pinged;			/* 0: no answer is due */
	bool goaway;			/* no new streams */
	bool dead;
	unsigned streams;
};

/* ---- error.c ------------------------------------------------------------ */

/* Returns -1.  NULL is allowed. */
int fail(struct rsp_error *, enum rsp_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void error_reason(struct rsp_error *, const char *reason);
void error_remedy(struct rsp_error *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* From what the server's trailers said. */
void error_from_status(struct rsp_error *, unsigned status,
    const char *message, const char *details);

/* ---- message.c ---------------------------------------------------------- */

int message_frame(struct buf *out, const ProtobufCMessage *, bool gzip,
    size_t max, struct rsp_error *);
ProtobufCMessage *message_from_frame(const struct grpc_frame *, bool gzip,
    const ProtobufCMessageDescriptor *, size_t max, struct rsp_error *);

/* ---- tls.c -------------------------------------------------------------- */

SSL_CTX *tls_context(const struct rsp_client_opts *, struct rsp_error *);
int tls_failure(const struct rsp_client *, SSL *, struct rsp_error *);

/* ---- conn.c ------------------------------------------------------------- */

int64_t now_ns(void);
struct conn *conn_open(struct rsp_client *, int64_t deadline,
    struct rsp_error *);
void conn_free(struct conn *);
/* Write what is due, wait until something comes or `until` (0: for ever; in
 * the past: only look), read it.  0; 1: `until` has come; -1: the connection
 * is dead, or interrupted (reason INTERRUPTED, it lives on). */
int conn_turn(struct conn *, int64_t until, struct rsp_error *);
/* Write what is due without waiting. */
int conn_flush(struct conn *, struct rsp_error *);
void conn_lost(struct conn *, const struct rsp_error *);

/* ---- stream.c ----------------------------------------------------------- */

void stream_header(struct rsp_stream *, const char *name, const char *value);
void stream_data(struct rsp_stream *, const uint8_t *, size_t len);
void stream_closed(struct rsp_stream *, uint32_t error);
/* Why and how the call ended; RSP_OK when it did well. */
void stream_outcome(struct rsp_stream *, struct rsp_error *);

#endif
