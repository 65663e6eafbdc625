/*
 * conn.h - one accepted connection: a TLS (in tests also a clear) byte stream
 * on a non-blocking socket.  Hides OpenSSL's states.
 *
 * What is to be sent is asked for once, at the end of the loop's turn, and
 * leaves in as few TLS records as it fills.  A connection that is idle holds
 * no buffers: those it reads into and writes from belong to the group.
 *
 * Thread: a group's loop.  The callbacks run from the loop, never from inside
 * a function below; all of these may be called in any callback, except
 * conn_free() and conn_group_free().
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "wire/err.h"

struct buf;
struct conn;
struct conn_group; /* the connections of one loop that share callbacks */
struct loop;
struct peer;
struct tls_server;

struct conn_user { /* the upper layer's state: embed it first */
	struct conn *conn;
};

struct conn_ops { /* in the order in which they may come */
	/* The handshake is done: conn_peer() is known, bytes may be sent. */
	void (*opened)(struct conn_user *);
	/* There was none: closed() follows. */
	void (*failed)(struct conn_user *, const struct err *why);
	/* Bytes came; borrowed. */
	void (*received)(struct conn_user *, const uint8_t *, size_t);
	/* The end of a turn in which conn_wake() was called, until it is closed;
	 * also when there was no opened(). */
	void (*turn)(struct conn_user *);
	/* After turn(), as often as the socket takes it: append what is to be
	 * sent, at least `want` bytes if there are as many. */
	void (*fill)(struct conn_user *, struct buf *, size_t want);
	/* It is gone, from either side, and freed when this returns.  Always
	 * last, exactly once; conn_free() alone skips it. */
	void (*closed)(struct conn_user *);
};

/* `ops` is borrowed.  Makes the process ignore SIGPIPE.  NULL: no memory. */
struct conn_group *conn_group_new(struct loop *, const struct conn_ops *,
    unsigned handshake_ms);
/* After the last of its connections.  NULL is a no-op. */
void conn_group_free(struct conn_group *);

/*
 * Take over `fd` (closed on failure too), which came from `from`; `tls` NULL:
 * clear text.  The handshake must end within the group's limit.
 * Fails: ERR_NOMEM.
 */
struct conn *conn_open(struct conn_group *, struct tls_server *tls, int fd,
    const struct sockaddr_storage *from, struct conn_user *, struct err *);
/* Close at once, with no callback.  NULL is a no-op. */
void conn_free(struct conn *);

const struct peer *conn_peer(const struct conn *);
bool conn_is_open(const struct conn *); /* opened, and neither end closed it */

/* Call turn() and fill() at the end of this turn. */
void conn_wake(struct conn *);
/* The same in the next one: for work that is cut into turns. */
void conn_wake_later(struct conn *);

/* Queue bytes in front of what fill() will give.  -1: no memory. */
int conn_send(struct conn *, const void *, size_t);
/* Bytes that fill() gave and the socket has not taken yet. */
size_t conn_queued(const struct conn *);

/*
 * Send what is queued, say good-bye, half-close, and wait a little for the
 * other end to close: closing at once would make the kernel drop what is on
 * its way.  Nothing is received or asked for any more.
 */
void conn_finish(struct conn *);
/* Close at the turn's end, whatever is queued. */
void conn_abort(struct conn *);

/* Is its certificate not expired, and do the files now in use still vouch for
 * it?  True before the handshake is done: ask again when it is open.
 * Blocks: some 0.1 ms of checking, once for each reload. */
bool conn_still_trusted(struct conn *, struct err *);

#endif
