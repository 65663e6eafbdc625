/* dial.c - see dial.h. */
#include "dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

static const char remedy_connect[] = "check host and port, that the server "
				     "runs, and that no firewall is in between";

void
rsp_dial_start(struct rsp_dial *d, const struct rsp_addresses *a,
    struct rsp_poller *p, int64_t limit)
{
	*d = (struct rsp_dial){ .addresses = a,
		.poller = p,
		.fd = -1,
		.limit = limit,
		.cause = ETIMEDOUT };
}

static int
connect_fail(int cause, struct rsp_error *e)
{
	if (cause == ETIMEDOUT)
		return rsp_fail(e, RSP_UNAVAILABLE, "CONNECT_TIMEOUT",
		    remedy_connect, "no answer from the server");
	return rsp_fail(e, RSP_UNAVAILABLE,
	    cause == ECONNREFUSED ? "CONNECT_REFUSED" : "CONNECT_FAILED",
	    remedy_connect, "no connection to the server: %s", strerror(cause));
}

static void
drop(struct rsp_dial *d, int cause)
{
	d->cause = cause;
	if (d->fd < 0)
		return;
	d->watched = rsp_poller_watch(d->poller, d->fd, d->watched, 0);
	(void)close(d->fd);
	d->fd = -1;
}

void
rsp_dial_drop(struct rsp_dial *d)
{
	drop(d, 0);
}

static int
connected(struct rsp_dial *d)
{
	int on = 1;

	/* Frames are put together before they are written. */
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return 1;
}

/* 1 connected, 0 under way, -1 the next one. */
static int
try_next(struct rsp_dial *d)
{
	const struct rsp_address *a = &d->addresses->list[d->next];
	int64_t now = clock_ms();

	d->until = now + (d->limit - now) / (d->addresses->n - d->next);
	d->next++;
	d->fd = socket(a->at.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0) {
		d->cause = errno;
		return -1;
	}
	if (connect(d->fd, (const struct sockaddr *)&a->at, a->len) == 0)
		return connected(d);
	if (errno == EINPROGRESS || errno == EINTR) {
		d->watched =
		    rsp_poller_watch(d->poller, d->fd, d->watched, POLLOUT);
		return 0;
	}
	drop(d, errno);
	return -1;
}

/* As try_next(), of the address that is being tried. */
static int
look(struct rsp_dial *d)
{
	struct pollfd p = { .fd = d->fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int cause = 0;

	if (poll(&p, 1, 0) <= 0) {
		if (clock_ms() < d->until)
			return 0;
		drop(d, ETIMEDOUT);
		return -1;
	}
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &cause, &len) != 0)
		cause = errno;
	if (cause == 0)
		return connected(d);
	drop(d, cause);
	return -1;
}

int
rsp_dial_move(struct rsp_dial *d, struct rsp_error *e)
{
	int rc = d->fd >= 0 ? look(d) : -1;

	while (rc < 0 && d->next < d->addresses->n)
		rc = try_next(d);
	return rc < 0 ? connect_fail(d->cause, e) : rc;
}
