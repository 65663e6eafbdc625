/* listener.c - see listener.h. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "net/address.h"

#define BACKLOG 1024
#define ACCEPTS_A_TURN 64 /* so that open connections get their turn */
#define BACKOFF_NS (INT64_C(100) * 1000 * 1000)

struct listener {
	struct watch_fd watch; /* first: ready() comes back by a cast */
	struct timer backoff;
	struct loop *loop;
	listener_fn *accepted;
	void *arg;
	int fd;
};

static int
set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

static struct listener *
listener_wrap(int fd, struct err *e)
{
	struct listener *l = calloc(1, sizeof *l);

	if (l == NULL) {
		(void)close(fd);
		err_set(e, ERR_NOMEM, "listener");
		return NULL;
	}
	l->fd = fd;
	return l;
}

static int
bind_to(int fd, const struct sockaddr_storage *a, socklen_t len, bool shared)
{
	if (set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) != 0 ||
	    set_option(fd, SOL_SOCKET, SO_REUSEPORT, shared) != 0 ||
	    (a->ss_family == AF_INET6 &&
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0) != 0))
		return -1;
	return bind(fd, (const struct sockaddr *)a, len);
}

/* A socket bound to it, and listening if it is to be shared; -1. */
static int
listen_on(const char *address, bool shared, struct err *e)
{
	struct sockaddr_storage a;
	socklen_t len;
	int fd;

	if (address_parse(address, &a, &len, e) != 0)
		return -1;
	fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind_to(fd, &a, len, shared) == 0 &&
	    (!shared || listen(fd, BACKLOG) == 0))
		return fd;
	err_set(e, ERR_IO, "listen on %s: %s", address, strerror(errno));
	err_remedy(e, "is another daemon running there? may this "
		      "user bind that port?");
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* It never listens: whoever connected to it would be refused a moment later. */
int
listener_probe(const char *address, struct err *e)
{
	int fd = listen_on(address, false, e);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 ? 0 : -1;
}

struct listener *
listener_open(const char *address, struct err *e)
{
	int fd = listen_on(address, true, e);

	return fd >= 0 ? listener_wrap(fd, e) : NULL;
}

struct listener *
listener_adopt(int fd, struct err *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), on = 0, flags;
	socklen_t len = sizeof on;

	if (copy < 0 ||
	    getsockopt(copy, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) != 0 ||
	    on == 0) {
		err_set(e, ERR_IO, "descriptor %d is no listening socket", fd);
		if (copy >= 0)
			(void)close(copy);
		return NULL;
	}
	flags = fcntl(copy, F_GETFL);
	if (flags < 0 || fcntl(copy, F_SETFL, flags | O_NONBLOCK) < 0) {
		err_set(e, ERR_IO, "descriptor %d: %s", fd, strerror(errno));
		(void)close(copy);
		return NULL;
	}
	return listener_wrap(copy, e);
}

void
listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	listener_stop(l);
	free(l);
}

uint16_t
listener_port(const struct listener *l)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;

	if (l->fd < 0 || getsockname(l->fd, (struct sockaddr *)&a, &len) != 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

static void
resume(struct timer *t)
{
	struct listener *l =
	    (struct listener *)((char *)t - offsetof(struct listener, backoff));

	watch_fd_want(&l->watch, true, false);
}

/* Out of descriptors or memory: waiting connections stay in the backlog. */
static void
back_off(struct listener *l, int why)
{
	log_warning("accept_paused", "error=\"%s\" ms=100", strerror(why));
	watch_fd_want(&l->watch, false, false);
	timer_start(l->loop, &l->backoff, BACKOFF_NS);
}

static bool
is_lasting(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	       error == ENOMEM;
}

static void
accept_ready(struct watch_fd *w, bool readable, bool writable)
{
	struct listener *l = (struct listener *)w;

	(void)readable;
	(void)writable;
	for (int i = 0; i < ACCEPTS_A_TURN && l->fd >= 0; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t len = sizeof from;
		int fd = accept4(l->fd, (struct sockaddr *)&from, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (is_lasting(errno))
				back_off(l, errno);
			return;
		}
		(void)set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		l->accepted(l->arg, fd, &from);
	}
}

int
listener_start(struct listener *l, struct loop *loop, listener_fn *accepted,
    void *arg, struct err *e)
{
	l->loop = loop;
	l->accepted = accepted;
	l->arg = arg;
	l->backoff.run = resume;
	l->watch.fd = l->fd;
	l->watch.ready = accept_ready;
	if (watch_fd_start(loop, &l->watch, e) != 0)
		return -1;
	watch_fd_want(&l->watch, true, false);
	return 0;
}

void
listener_stop(struct listener *l)
{
	if (l->fd < 0)
		return;
	timer_stop(&l->backoff);
	watch_fd_stop(&l->watch);
	(void)close(l->fd);
	l->fd = -1;
}
