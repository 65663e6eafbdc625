/*
 * call.h - one call as HTTP/2 carries it: request out, answer in, how it ended.
 * The connection (conn.c) moves its bytes; stream.c puts messages in and takes
 * messages out.
 *
 * Thread: the client's.  Nothing here blocks.
 */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <resopro/loop.h>
#include <sys/queue.h>

#include "config.h"
#include "wire/buf.h"
#include "wire/grpc_frame.h"

struct rsp_conn;

#define CALL_MESSAGE_MAX 1024  /* of grpc-message, decoded */
#define CALL_DETAILS_MAX 32768 /* of grpc-status-details-bin, encoded */
/* Of a loop's stream, not yet with the connection: more is not taken, until
 * there is less again. */
#define CALL_OUT_MAX ((size_t)256 * 1024)
#define CALL_OUT_ROOM (CALL_OUT_MAX / 2)

struct rsp_answer {      /* from headers and trailers */
	int http_status; /* 0: no headers yet */
	int grpc_status; /* -1: none */
	bool is_grpc;    /* content-type */
	bool gzip;       /* grpc-encoding */
	char content_type[64];
	char message[CALL_MESSAGE_MAX];
	char *details; /* in base64; NULL: none */
};

enum call_state {
	CALL_WAITING, /* for a connection; also again, if the server certainly
		       * did nothing and we still have all that was sent */
	CALL_OPEN,    /* on a connection */
	CALL_ENDED,   /* `end` says how; unread bytes may be left */
};

struct rsp_stream {
	TAILQ_ENTRY(rsp_stream) all;   /* of the client's */
	TAILQ_ENTRY(rsp_stream) queue; /* waiting, or the connection's */
	TAILQ_ENTRY(rsp_stream) ready; /* of those that need a look */
	struct rsp_client *client;
	const struct rsp_method *method;
	int64_t deadline; /* clock.h */
	enum call_state state;

	/* Who is told: a unary call, a loop's owner, or (both NULL) whoever
	 * waits for it. */
	struct rsp_pending *pending;
	const struct rsp_stream_events *events;
	void *arg;
	bool is_ready;   /* is on the list */
	bool calling;    /* one of its events is running */
	bool closed;     /* in its own event: to be deleted after it */
	bool held;       /* wants no messages now */
	bool wants_room; /* a message was refused */
	bool told;       /* of its end */
	unsigned turn;   /* the last in which it was looked at */

	struct rsp_conn *conn; /* when open */
	unsigned server;       /* of the configuration; the last one it had */
	unsigned restarts;
	int32_t id;
	int64_t opened; /* clock.h */

	struct buf out; /* framed, not yet with the connection */
	bool taken;     /* the connection took bytes of it */
	bool out_end;   /* nothing will follow `out` */
	/* Bytes of the connection after which the server may have acted:
	 * a whole request, or for a stream of requests its first byte. */
	bool acts;
	uint64_t acts_after;

	struct buf in;  /* framed, not yet with the caller */
	size_t prepaid; /* of `in`: its window is given back */
	struct grpc_frame_reader frames;
	struct rsp_answer answer;

	bool unsent;                 /* it ended with bytes in `out` */
	bool untouched;              /* the server certainly did nothing */
	const struct rsp_error *end; /* once it has ended; NULL: well */
	struct rsp_error *kept;      /* what `end` points to, or NULL */
};

TAILQ_HEAD(stream_list, rsp_stream);

/* A new one: on the client's lists, waiting for a connection. */
struct rsp_stream *rsp_stream_new(struct rsp_client *,
    const struct rsp_method *, int64_t deadline);
void rsp_stream_delete(struct rsp_stream *); /* it has ended */

/* It waits no longer: this connection has it, under this number. */
void rsp_stream_opened(struct rsp_stream *, struct rsp_conn *, unsigned server,
    int32_t id);

/* It has something for whoever is told. */
void rsp_stream_stir(struct rsp_stream *);
/* It has been looked at. */
void rsp_stream_calm(struct rsp_stream *);

/*
 * It is over on its connection, which must be told (or be gone) already, or
 * there is none: keep why, or, where nothing can have come of it, wait for
 * another connection.  `e` NULL: what headers and trailers say.  `written`:
 * bytes of the connection that are on their way.
 */
void rsp_stream_end(struct rsp_stream *, uint64_t written,
    const struct rsp_error *e);

/* End it on this side, whatever its state; the server is told. */
void rsp_stream_abort(struct rsp_stream *, const struct rsp_error *);

/* Replace how it ended. */
void rsp_stream_end_as(struct rsp_stream *, const struct rsp_error *);

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
