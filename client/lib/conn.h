/*
 * conn.h - one HTTP/2 connection to one server and the calls on it, from the
 * name on.  Hides nghttp2.
 *
 * A connection that broke or was closed ends all its calls and is dead; one
 * that the server is winding up (GOAWAY) finishes its calls and takes no more.
 *
 * Thread: the client's.  Nothing here blocks, but rsp_conn_new() in
 * getaddrinfo(3): see lookup.h.
 */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include "call.h"
#include "config.h"
#include "poller.h"
#include "tls.h"

struct rsp_conn;

enum conn_state {     /* only ever grows; each line says what is true there */
	CONN_LOOKUP,  /* the addresses are not known yet */
	CONN_DIAL,    /* TCP */
	CONN_TLS,     /* the handshake */
	CONN_HELLO,   /* our SETTINGS are out, the server's not in: whoever gets
		      * beyond has been let in, certificate included */
	CONN_READY,   /* takes calls */
	CONN_LEAVING, /* takes no more, finishes those that it has */
	CONN_DEAD,    /* only rsp_conn_free() is left */
};

/*
 * Begin to connect to this server of the configuration; CONN_READY is due
 * within connect_timeout_ms.  What fails later shows as CONN_DEAD.
 * Borrows: all of them, until rsp_conn_free().
 * Fails: NULL, RSP_ERR_NOMEM.
 */
struct rsp_conn *rsp_conn_new(const struct rsp_config *, unsigned server,
    struct rsp_tls *, struct rsp_poller *, struct rsp_error *);

/* Says goodbye; its calls must have ended.  NULL is a no-op. */
void rsp_conn_free(struct rsp_conn *);

enum conn_state rsp_conn_state(const struct rsp_conn *);
unsigned rsp_conn_server(const struct rsp_conn *);
/* When dead: why, and whether it was ever ready. */
const struct rsp_error *rsp_conn_why(const struct rsp_conn *, bool *was_ready);
bool rsp_conn_is_idle(const struct rsp_conn *); /* no calls */
/* It takes no more calls: true once. */
bool rsp_conn_has_left(struct rsp_conn *);

/* Do what is possible now: connect, send, receive; ping, give up on a silent
 * server. */
void rsp_conn_move(struct rsp_conn *);
/* Only send. */
void rsp_conn_flush(struct rsp_conn *);
/* Nothing is left that the socket has not taken. */
bool rsp_conn_is_flushed(const struct rsp_conn *);
/* When to move again at the latest (clock.h). */
int64_t rsp_conn_due(const struct rsp_conn *);

/* Take no more calls. */
void rsp_conn_leave(struct rsp_conn *);
/* Is anybody there?  A PING goes out now, unless one is on its way. */
void rsp_conn_doubt(struct rsp_conn *);
/* Has anything come since? */
bool rsp_conn_heard_since(const struct rsp_conn *, int64_t instant);

/* Start a call that waits.  Fails: -1, it waits on, and the connection takes no
 * more calls. */
int rsp_conn_start(struct rsp_conn *, struct rsp_stream *);
/* Of a call that is open: there is more in s->out, or it is complete. */
void rsp_conn_resume(struct rsp_stream *);
/* `len` more bytes may come, > 0. */
void rsp_conn_credit(struct rsp_stream *, size_t len);
/* Tell the server to stop and end the call so. */
void rsp_conn_abort(struct rsp_stream *, const struct rsp_error *);

#endif
