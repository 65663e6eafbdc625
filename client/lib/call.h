/*
 * call.h - one call as HTTP/2 carries it: request out, answer in, how it ended.
 * The connection (conn.c) moves its bytes; stream.c puts messages in and takes
 * messages out.
 *
 * Thread: the client's.  Nothing here blocks.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <resopro/client.h>

#include "config.h"
#include "wire/buf.h"
#include "wire/grpc_frame.h"

struct rsp_conn;

#define CALL_MESSAGE_MAX 1024  /* of grpc-message, decoded */
#define CALL_DETAILS_MAX 32768 /* of grpc-status-details-bin, encoded */

struct rsp_answer {      /* from headers and trailers */
	int http_status; /* 0: no headers yet */
	int grpc_status; /* -1: none */
	bool is_grpc;    /* content-type */
	bool gzip;       /* grpc-encoding */
	char content_type[64];
	char message[CALL_MESSAGE_MAX];
	char *details; /* in base64; NULL: none */
};

struct rsp_stream {
	struct rsp_stream *next, *prev; /* of the client's */
	struct rsp_client *client;
	const struct rsp_method *method;
	int64_t deadline; /* clock.h */

	struct rsp_conn *conn;        /* NULL: it has ended */
	struct rsp_stream *conn_next; /* of the connection's */
	int32_t id;

	struct buf out; /* framed, not yet with the connection */
	bool out_end;   /* nothing will follow `out` */
	unsigned sent;  /* messages */
	/* Bytes of the connection after which the server may have acted:
	 * a whole request, or for a stream of requests its first byte. */
	bool acts;
	uint64_t acts_after;

	struct buf in;  /* framed, not yet with the caller */
	size_t prepaid; /* of `in`: its window is given back */
	struct grpc_frame_reader frames;
	struct rsp_answer answer;

	bool unsent;          /* it ended with bytes in `out` */
	bool untouched;       /* the server certainly did nothing */
	struct rsp_error end; /* once conn is NULL; RSP_OK: well */
};

struct rsp_stream *rsp_stream_new(const struct rsp_config *,
    const struct rsp_method *, int64_t deadline);
void rsp_stream_delete(struct rsp_stream *); /* it has ended */

/*
 * It is over: keep why, let go of the connection, which must be told (or be
 * gone) already.  `e` NULL: what headers and trailers say.  `written`: bytes of
 * the connection that are on their way.
 */
void rsp_stream_end(struct rsp_stream *, uint64_t written,
    const struct rsp_error *e);

/* ---- answer.c ------------------------------------------------------------ */

/* One header or trailer has come. */
void rsp_answer_header(struct rsp_answer *, const char *name, size_t name_len,
    const char *value, size_t len);
void rsp_answer_free(struct rsp_answer *);

/* How an answer that is complete ended.  RSP_OK: leaves *e clear. */
void rsp_answer_end(const struct rsp_answer *, struct rsp_error *e);

/* The server reset the stream with an HTTP/2 error code. */
void rsp_reset_end(uint32_t h2_error, bool past_deadline, struct rsp_error *);

/* ---- details.c ----------------------------------------------------------- */

/* google.rpc.Status into the details of *e, whose code and message it leaves
 * alone. */
void rsp_details_read(const char *base64, struct rsp_error *e);

#endif
