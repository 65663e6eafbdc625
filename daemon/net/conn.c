/* conn.c - see conn.h. */
#include "net/conn.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/loop.h"
#include "net/address.h"
#include "net/tls.h"
#include "wire/buf.h"

#define READ_BYTES 16384             /* one TLS record */
#define READ_A_TURN (4 * READ_BYTES) /* so that others get theirs */
#define WRITE_BYTES (4 * 16384)
#define WRITE_A_TURN (4 * WRITE_BYTES)
#define LINGER_NS (INT64_C(2) * 1000 * 1000 * 1000)
#define LINGER_BYTES (1024 * 1024)

enum conn_state {       /* only ever grows */
	CONN_HANDSHAKE, /* nothing said yet */
	CONN_OPEN,      /* bytes both ways */
	CONN_FINISHING, /* what is queued goes out, what comes in is dropped */
	CONN_LINGERING, /* our end is closed, theirs is awaited */
	CONN_DEAD,      /* closed at the end of the turn */
};

struct conn_group {
	struct loop *loop;
	const struct conn_ops *ops;
	int64_t handshake_ns;
	uint8_t in[READ_BYTES];
	struct buf out;
};

struct conn {
	struct watch_fd watch; /* first: ready() comes back by a cast */
	struct turn_hook turn;
	struct timer deadline; /* of the handshake, then of the good-bye */
	struct timer later;    /* work left for the next turn */
	struct conn_group *group;
	struct conn_user *user;
	struct tls_server *tls; /* NULL: clear text */
	SSL *ssl;
	uint64_t generation; /* of the certificates it was accepted under */
	enum conn_state state;
	bool blocked;      /* the socket takes no more */
	bool read_blocked; /* TLS must write before it reads on */
	bool read_later;   /* bytes may be left inside OpenSSL */
	bool watches_write;
	size_t lingered;    /* bytes dropped since finishing */
	struct buf pending; /* taken from the user, not by the socket */
	struct peer peer;
};

enum io { IO_DONE, IO_WAIT, IO_END, IO_FAILED };

/* ---- groups ------------------------------------------------------------ */

struct conn_group *
conn_group_new(struct loop *loop, const struct conn_ops *ops,
    unsigned handshake_ms)
{
	struct conn_group *g = calloc(1, sizeof *g);

	if (g == NULL)
		return NULL;
	g->loop = loop;
	g->ops = ops;
	g->handshake_ns = (int64_t)handshake_ms * 1000000;
	/* OpenSSL writes with write(2), which has no MSG_NOSIGNAL. */
	(void)signal(SIGPIPE, SIG_IGN);
	return g;
}

void
conn_group_free(struct conn_group *g)
{
	if (g == NULL)
		return;
	buf_free(&g->out);
	free(g);
}

/* ---- the socket, with or without TLS ----------------------------------- */

static enum io
errno_io(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return IO_WAIT;
	return IO_FAILED;
}

static enum io
clear_read(struct conn *c, uint8_t *to, size_t cap, size_t *n)
{
	ssize_t got = recv(c->watch.fd, to, cap, 0);

	if (got < 0)
		return errno_io();
	*n = (size_t)got;
	return got == 0 ? IO_END : IO_DONE;
}

static enum io
tls_read(struct conn *c, uint8_t *to, size_t cap, size_t *n)
{
	c->read_blocked = false;
	ERR_clear_error();
	if (SSL_read_ex(c->ssl, to, cap, n) == 1)
		return IO_DONE;
	switch (SSL_get_error(c->ssl, 0)) {
	case SSL_ERROR_WANT_WRITE:
		c->read_blocked = true;
		return IO_WAIT;
	case SSL_ERROR_WANT_READ:
		return IO_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		return IO_END;
	default:
		return IO_FAILED;
	}
}

static enum io
clear_write(struct conn *c, const uint8_t *from, size_t len, size_t *n)
{
	ssize_t sent = send(c->watch.fd, from, len, MSG_NOSIGNAL);

	if (sent < 0)
		return errno_io();
	*n = (size_t)sent;
	return IO_DONE;
}

/* A write that waits is repeated with the same bytes, and perhaps more. */
static enum io
tls_write(struct conn *c, const uint8_t *from, size_t len, size_t *n)
{
	int why;

	ERR_clear_error();
	if (SSL_write_ex(c->ssl, from, len, n) == 1)
		return IO_DONE;
	why = SSL_get_error(c->ssl, 0);
	if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
		return IO_WAIT;
	return IO_FAILED;
}

static void
update_watch(struct conn *c)
{
	bool writable = c->blocked || c->read_blocked;

	if (c->state == CONN_LINGERING || c->state == CONN_DEAD)
		writable = false;
	if (writable == c->watches_write)
		return;
	c->watches_write = writable;
	watch_fd_want(&c->watch, true, writable);
}

/* ---- its end ----------------------------------------------------------- */

void
conn_free(struct conn *c)
{
	struct conn_group *g;

	if (c == NULL)
		return;
	g = c->group;
	loop_cancel_hook(g->loop, &c->turn);
	timer_stop(&c->deadline);
	timer_stop(&c->later);
	watch_fd_stop(&c->watch);
	SSL_free(c->ssl);
	(void)close(c->watch.fd);
	buf_free(&c->pending);
	free(c);
}

static void
close_now(struct conn *c)
{
	c->state = CONN_DEAD;
	c->group->ops->closed(c->user);
	conn_free(c);
}

/* The other end closed in good order: OpenSSL would forget a session that
 * was not shut down, and its resumption with it. */
static void
close_ended(struct conn *c)
{
	if (c->ssl != NULL)
		SSL_set_shutdown(c->ssl,
		    SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	close_now(c);
}

static void
start_finishing(struct conn *c)
{
	c->state = CONN_FINISHING;
	timer_start(c->group->loop, &c->deadline, LINGER_NS);
	loop_at_turn_end(c->group->loop, &c->turn);
}

void
conn_finish(struct conn *c)
{
	if (c->state == CONN_HANDSHAKE)
		conn_abort(c);
	else if (c->state == CONN_OPEN)
		start_finishing(c);
}

void
conn_abort(struct conn *c)
{
	c->state = CONN_DEAD;
	loop_at_turn_end(c->group->loop, &c->turn);
}

static void
half_close(struct conn *c)
{
	ERR_clear_error();
	if (c->ssl != NULL && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
	(void)shutdown(c->watch.fd, SHUT_WR);
	c->state = CONN_LINGERING;
	update_watch(c);
}

/* Drop what still comes.  False: the other end is closed, or will not stop. */
static bool
discard(struct conn *c)
{
	struct conn_group *g = c->group;
	size_t n = 0;
	enum io io = clear_read(c, g->in, sizeof g->in, &n);

	c->lingered += n;
	return c->lingered < LINGER_BYTES && (io == IO_DONE || io == IO_WAIT);
}

/* The handshake is lost: report it, but let the alert arrive. */
static void
fail(struct conn *c, const struct err *why)
{
	c->blocked = c->read_blocked = false;
	start_finishing(c);
	c->group->ops->failed(c->user, why);
}

static void
deadline_passed(struct timer *t)
{
	struct conn *c =
	    (struct conn *)((char *)t - offsetof(struct conn, deadline));
	struct err e = { 0 };

	if (c->state == CONN_HANDSHAKE) {
		err_set(&e, ERR_DEADLINE, "TLS handshake took too long");
		c->group->ops->failed(c->user, &e);
	}
	close_now(c);
}

/* ---- reading ----------------------------------------------------------- */

/* Is it worth another read before the loop tells of one? */
static bool
more_to_read(const struct conn *c, size_t got)
{
	if (c->ssl != NULL && SSL_has_pending(c->ssl))
		return true;
	return got == READ_BYTES;
}

/* False: the connection is gone. */
static bool
read_turn(struct conn *c)
{
	struct conn_group *g = c->group;
	size_t total = 0, n = 0;

	c->read_later = false;
	do {
		enum io io = c->ssl != NULL
				 ? tls_read(c, g->in, sizeof g->in, &n)
				 : clear_read(c, g->in, sizeof g->in, &n);

		if (io == IO_WAIT)
			break;
		if (io != IO_DONE) {
			io == IO_END ? close_ended(c) : close_now(c);
			return false;
		}
		g->ops->received(c->user, g->in, n);
		total += n;
		if (c->state != CONN_OPEN)
			return true;
		if (total >= READ_A_TURN) {
			c->read_later = true;
			conn_wake_later(c);
			break;
		}
	} while (more_to_read(c, n));
	update_watch(c);
	return true;
}

/* ---- the handshake ----------------------------------------------------- */

static void
become_open(struct conn *c)
{
	timer_stop(&c->deadline);
	c->blocked = false;
	update_watch(c);
	c->state = CONN_OPEN;
	c->group->ops->opened(c->user);
}

static void
handshake(struct conn *c)
{
	struct err e = { 0 };
	int rc, why;

	ERR_clear_error();
	rc = SSL_do_handshake(c->ssl);
	if (rc == 1) {
		if (tls_accepted(c->ssl, &c->peer, &e) != 0) {
			fail(c, &e);
			return;
		}
		become_open(c);
		/* The first bytes often come with the handshake's last. */
		if (c->state == CONN_OPEN && SSL_has_pending(c->ssl))
			(void)read_turn(c);
		return;
	}
	why = SSL_get_error(c->ssl, rc);
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
		tls_failure(c->ssl, &e);
		fail(c, &e);
		return;
	}
	c->blocked = why == SSL_ERROR_WANT_WRITE;
	update_watch(c);
}

/* ---- writing ----------------------------------------------------------- */

/* How many of the bytes went out: fewer than `len` when the socket takes no
 * more or is broken. */
static size_t
write_some(struct conn *c, const uint8_t *from, size_t len)
{
	size_t done = 0, n = 0;

	c->blocked = false;
	while (done < len) {
		enum io io = c->ssl != NULL
				 ? tls_write(c, from + done, len - done, &n)
				 : clear_write(c, from + done, len - done, &n);

		if (io == IO_WAIT)
			c->blocked = true;
		else if (io != IO_DONE)
			conn_abort(c);
		if (io != IO_DONE)
			break;
		done += n;
	}
	return done;
}

static bool
write_pending(struct conn *c)
{
	size_t len = buf_len(&c->pending);

	if (len == 0)
		return true;
	buf_take(&c->pending, write_some(c, buf_head(&c->pending), len));
	if (buf_len(&c->pending) > 0)
		return false;
	buf_free(&c->pending);
	return true;
}

/* Ask the user for bytes and write them.  False: no more for now. */
static bool
write_filled(struct conn *c)
{
	struct buf *out = &c->group->out;
	size_t len, n;

	buf_reset(out, 2 * WRITE_BYTES);
	c->group->ops->fill(c->user, out, WRITE_BYTES);
	len = buf_len(out);
	if (len == 0 || c->state == CONN_DEAD)
		return false;
	n = write_some(c, buf_head(out), len);
	if (n == len)
		return len >= WRITE_BYTES;
	if (buf_append(&c->pending, buf_head(out) + n, len - n) != 0)
		conn_abort(c);
	return false;
}

static void
write_turn(struct conn *c)
{
	size_t rounds = WRITE_A_TURN / WRITE_BYTES;

	if (!write_pending(c))
		return;
	while (c->state == CONN_OPEN && write_filled(c))
		if (--rounds == 0) {
			conn_wake_later(c);
			return;
		}
}

/* ---- what the loop calls ----------------------------------------------- */

static void
turn_ended(struct turn_hook *h)
{
	struct conn *c =
	    (struct conn *)((char *)h - offsetof(struct conn, turn));

	if (c->state == CONN_HANDSHAKE && c->ssl == NULL)
		become_open(c);
	if (c->state == CONN_OPEN || c->state == CONN_FINISHING) {
		c->group->ops->turn(c->user);
		write_turn(c);
	}
	if (c->state == CONN_FINISHING && buf_len(&c->pending) == 0)
		half_close(c);
	if (c->state == CONN_DEAD)
		close_now(c);
	else
		update_watch(c);
}

static void
conn_ready(struct watch_fd *w, bool readable, bool writable)
{
	struct conn *c = (struct conn *)w;

	if (c->state == CONN_DEAD)
		return;
	if (c->state == CONN_HANDSHAKE) {
		if (c->ssl != NULL)
			handshake(c);
		return;
	}
	if (c->state != CONN_OPEN) {
		if (readable && !discard(c)) {
			close_ended(c);
			return;
		}
	} else if (readable || c->read_blocked) {
		if (!read_turn(c))
			return;
	}
	if (writable)
		conn_wake(c);
}

static void
later_came(struct timer *t)
{
	struct conn *c =
	    (struct conn *)((char *)t - offsetof(struct conn, later));

	if (c->state == CONN_OPEN && c->read_later && !read_turn(c))
		return;
	conn_wake(c);
}

/* ---- for the user ------------------------------------------------------ */

static int
start_tls(struct conn *c, struct err *e)
{
	if (c->tls == NULL)
		return 0;
	c->ssl = tls_accept(c->tls, c->watch.fd, &c->generation);
	return c->ssl != NULL ? 0 : err_set(e, ERR_NOMEM, "TLS session");
}

struct conn *
conn_open(struct conn_group *g, struct tls_server *tls, int fd,
    const struct sockaddr_storage *from, struct conn_user *user, struct err *e)
{
	struct conn *c = calloc(1, sizeof *c);

	if (c == NULL) {
		(void)close(fd);
		err_set(e, ERR_NOMEM, "connection");
		return NULL;
	}
	c->group = g;
	c->user = user;
	c->tls = tls;
	c->watch.fd = fd;
	c->watch.ready = conn_ready;
	c->turn.run = turn_ended;
	c->deadline.run = deadline_passed;
	c->later.run = later_came;
	address_format(from, &c->peer);
	if (start_tls(c, e) != 0 ||
	    watch_fd_start(g->loop, &c->watch, e) != 0) {
		conn_free(c);
		return NULL;
	}
	user->conn = c;
	watch_fd_want(&c->watch, true, false);
	timer_start(g->loop, &c->deadline, g->handshake_ns);
	if (tls == NULL)
		conn_wake(c);
	return c;
}

const struct peer *
conn_peer(const struct conn *c)
{
	return &c->peer;
}

bool
conn_is_open(const struct conn *c)
{
	return c->state == CONN_OPEN;
}

void
conn_wake(struct conn *c)
{
	loop_at_turn_end(c->group->loop, &c->turn);
}

void
conn_wake_later(struct conn *c)
{
	if (!timer_armed(&c->later))
		timer_start(c->group->loop, &c->later, 0);
}

int
conn_send(struct conn *c, const void *bytes, size_t len)
{
	if (buf_append(&c->pending, bytes, len) != 0)
		return -1;
	conn_wake(c);
	return 0;
}

size_t
conn_queued(const struct conn *c)
{
	return buf_len(&c->pending);
}

bool
conn_still_trusted(struct conn *c, struct err *e)
{
	uint64_t now;

	if (c->ssl == NULL || c->state == CONN_HANDSHAKE)
		return true;
	if (c->peer.has_cert &&
	    c->peer.not_after < clock_wall_ns() / 1000000000) {
		err_set(e, ERR_UNAUTHENTICATED,
		    "the client's certificate has expired");
		return false;
	}
	now = tls_server_generation(c->tls);
	if (c->generation == now)
		return true;
	if (!tls_still_trusted(c->tls, c->ssl, e))
		return false;
	c->generation = now;
	return true;
}
