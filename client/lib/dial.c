/* dial.c - see dial.h. */
#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

static const char remedy_connect[] = "check host and port, that the server "
				     "runs, and that no firewall is in between";

static int
resolve_fail(const char *host, int rc, struct rsp_error *e)
{
	if (rc == EAI_NONAME || rc == EAI_NODATA)
		return rsp_fail(e, RSP_UNAVAILABLE, "NAME_UNKNOWN",
		    "check the spelling of the server's name and the DNS of "
		    "this machine",
		    "the name \"%s\" is not known", host);
	return rsp_fail(e, RSP_UNAVAILABLE, "NAME_LOOKUP",
	    "check the DNS of this machine",
	    "the name \"%s\" cannot be looked up: %s", host,
	    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
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

/* 0 connected, or the errno; -1 interrupted. */
static int
finish_connect(int fd, const struct rsp_patience *p, struct rsp_error *e)
{
	struct pollfd fds[2] = { { .fd = fd, .events = POLLOUT } };
	socklen_t len = sizeof(int);
	int cause = 0, rc = rsp_wait(fds, 1, p, e);

	if (rc <= 0)
		return rc < 0 ? -1 : ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &cause, &len) != 0)
		return errno;
	return cause;
}

/* The socket; -1: *cause is why, 0 when interrupted. */
static int
try_address(const struct addrinfo *a, const struct rsp_patience *p, int *cause,
    struct rsp_error *e)
{
	int fd = socket(a->ai_family,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	    on = 1, rc;

	if (fd < 0) {
		*cause = errno;
		return -1;
	}
	rc = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
	if (rc == EINPROGRESS || rc == EINTR)
		rc = finish_connect(fd, p, e);
	if (rc == 0) {
		/* Frames are put together before they are written. */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		return fd;
	}
	(void)close(fd);
	*cause = rc < 0 ? 0 : rc;
	return -1;
}

/* An equal share of the time left, so that one dead address of several does
 * not use it all up. */
static int64_t
share(const struct addrinfo *a, int64_t until)
{
	int64_t now = clock_ms();
	int n = 0;

	for (; a != NULL; a = a->ai_next)
		n++;
	return until == NEVER || until <= now ? until : now + (until - now) / n;
}

int
rsp_dial(const char *host, const char *port, const struct rsp_patience *p,
    struct rsp_error *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM, }, *list;
	int cause = ETIMEDOUT, fd = -1, rc;

	rc = getaddrinfo(host, port, &hints, &list);
	if (rc != 0)
		return resolve_fail(host, rc, e);
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		struct rsp_patience mine = { share(a, p->until),
			p->interrupt_fd };

		fd = try_address(a, &mine, &cause, e);
		if (fd < 0 && cause == 0)
			break;
	}
	freeaddrinfo(list);
	if (fd < 0 && cause != 0)
		return connect_fail(cause, e);
	return fd;
}
