/* poller.c - see poller.h. */
#include "poller.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "fail.h"

int
rsp_poller_open(struct rsp_poller *p, struct rsp_error *e)
{
	struct epoll_event ev = { .events = EPOLLIN };

	p->armed = NEVER;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->epoll < 0 || p->timer < 0 ||
	    epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->timer, &ev) != 0)
		return rsp_fail(e, RSP_INTERNAL, "EPOLL",
		    "close what is open, or raise the limit of open files",
		    "no way to wait for the server: %s", strerror(errno));
	return 0;
}

void
rsp_poller_close(struct rsp_poller *p)
{
	if (p->timer >= 0)
		(void)close(p->timer);
	if (p->epoll >= 0)
		(void)close(p->epoll);
	p->timer = p->epoll = -1;
}

static uint32_t
epoll_events(short events)
{
	return ((events & POLLIN) != 0 ? (uint32_t)EPOLLIN : 0) |
	       ((events & POLLOUT) != 0 ? (uint32_t)EPOLLOUT : 0);
}

short
rsp_poller_watch(struct rsp_poller *p, int fd, short was, short events)
{
	struct epoll_event ev = { .events = epoll_events(events) };
	int op = events == 0 ? EPOLL_CTL_DEL
		 : was == 0  ? EPOLL_CTL_ADD
			     : EPOLL_CTL_MOD;

	if (events == was)
		return was;
	/* Fails for want of memory only: it is tried again at the next move. */
	return epoll_ctl(p->epoll, op, fd, &ev) == 0 ? events : was;
}

void
rsp_poller_arm(struct rsp_poller *p, int64_t at)
{
	struct itimerspec t = { 0 };

	/* An instant that no longer matters costs one look; it is not worth a
	 * system call. */
	if (at >= p->armed)
		return;
	p->armed = at;
	t.it_value.tv_sec = at / 1000;
	/* Rounded up, as poll_ms(); and 0 would switch it off. */
	t.it_value.tv_nsec = at % 1000 * 1000000 + 1;
	(void)timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &t, NULL);
}

void
rsp_poller_clear(struct rsp_poller *p)
{
	static const struct itimerspec off;
	uint64_t times;

	if (p->armed == NEVER || clock_ms() < p->armed)
		return;
	/* Our clock may be ahead of the timer's interrupt. */
	if (read(p->timer, &times, sizeof times) < 0)
		(void)timerfd_settime(p->timer, 0, &off, NULL);
	p->armed = NEVER;
}

int
rsp_poller_wait(const struct rsp_poller *p, int64_t until, int interrupt_fd,
    struct rsp_error *e)
{
	/* A negative fd is left out by poll(2). */
	struct pollfd fds[2] = { { .fd = p->epoll, .events = POLLIN },
		{ .fd = interrupt_fd, .events = POLLIN } };
	int rc;

	do {
		rc = poll(fds, 2, poll_ms(until));
	} while ((rc < 0 && errno == EINTR) || (rc == 0 && clock_ms() < until));
	if (rc < 0)
		return rsp_fail(e, RSP_INTERNAL, "POLL", NULL,
		    "waiting failed: %s", strerror(errno));
	if (fds[1].revents != 0)
		return rsp_fail(e, RSP_CANCELLED, "INTERRUPTED", NULL,
		    "interrupted");
	return rc > 0;
}
