/*
 * conn.h - one HTTP/2 connection to the server and the calls on it.  Hides
 * nghttp2.
 *
 * A connection that broke or was closed ends all its calls and is `dead`; one
 * that the server is winding up (GOAWAY) finishes its calls and takes no more.
 *
 * Thread: the client's.  Only rsp_conn_open() blocks.
 */
#ifndef CLIENT_CONN_H
#define CLIENT_CONN_H

#include "call.h"
#include "config.h"
#include "tls.h"
#include "wait.h"

struct rsp_conn;

/*
 * Connect, shake hands, and wait for the server's SETTINGS: whoever gets here
 * has been let in, certificate included.
 * Borrows: config and context, until rsp_conn_free().  *e is not NULL here.
 * Fails: NULL with RSP_UNAVAILABLE (reason CONNECT_TIMEOUT when `until` has
 *        passed), RSP_ERR_TLS, RSP_CANCELLED, RSP_ERR_NOMEM.
 */
struct rsp_conn *rsp_conn_open(const struct rsp_config *, struct rsp_tls *,
    const struct rsp_patience *, struct rsp_error *);

/* Says goodbye; its calls must have ended.  NULL is a no-op. */
void rsp_conn_free(struct rsp_conn *);

bool rsp_conn_takes_calls(const struct rsp_conn *);
/* Dead, or winding up without calls: only rsp_conn_free() is left. */
bool rsp_conn_is_over(const struct rsp_conn *);

/* Send and receive what is possible now; ping, give up on a silent server. */
void rsp_conn_move(struct rsp_conn *);
/* Nothing is left that the socket has not taken. */
bool rsp_conn_is_flushed(const struct rsp_conn *);
/* For poll(2), and when to move again at the latest. */
struct pollfd rsp_conn_poll(const struct rsp_conn *);
int64_t rsp_conn_due(const struct rsp_conn *);

/* Start a call.  Fails: -1, and *s is not on the connection. */
int rsp_conn_start(struct rsp_conn *, struct rsp_stream *s, struct rsp_error *);
/* There is more in s->out, or it is complete. */
void rsp_conn_resume(struct rsp_stream *);
/* `len` more bytes may come. */
void rsp_conn_credit(struct rsp_stream *, size_t len);
/* Tell the server to stop and end the call so.  Nothing once it has ended. */
void rsp_conn_abort(struct rsp_stream *, const struct rsp_error *);

#endif
