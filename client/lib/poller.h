/*
 * poller.h - what a client waits for, behind one fd: its sockets and its next
 * instant, in an epoll(7) of its own.
 *
 * Thread: one at a time.
 */
#ifndef CLIENT_POLLER_H
#define CLIENT_POLLER_H

#include <poll.h>
#include <stdint.h>

#include <resopro/error.h>

struct rsp_poller {
	int epoll; /* readable: a socket is ready, or the instant has come */
	int timer;
	int64_t armed; /* clock.h; NEVER: the timer is off */
};

/* Fails: -1 with RSP_INTERNAL, no fd left; to be closed all the same. */
int rsp_poller_open(struct rsp_poller *, struct rsp_error *);
void rsp_poller_close(struct rsp_poller *);

/* Watch `fd` for these poll(2) events; `was`: those it is watched for, 0 none.
 * Returns the events that it is watched for now. */
short rsp_poller_watch(struct rsp_poller *, int fd, short was, short events);

/* Be readable at this instant (0: now) at the latest. */
void rsp_poller_arm(struct rsp_poller *, int64_t at);
/* What is due has been seen to. */
void rsp_poller_clear(struct rsp_poller *);

/*
 * Wait: 1 something is ready, 0 `until` has passed, -1 `interrupt_fd` (-1: none)
 * is readable: *e is RSP_CANCELLED, reason INTERRUPTED.
 * Blocks: yes, that is what it is for.
 */
int rsp_poller_wait(const struct rsp_poller *, int64_t until, int interrupt_fd,
    struct rsp_error *);

#endif
