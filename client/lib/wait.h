/*
 * wait.h - poll(2) until an instant, watching the caller's interrupt fd too.
 *
 * Thread: one at a time.  Blocks: yes, that is what it is for.
 */
#ifndef CLIENT_WAIT_H
#define CLIENT_WAIT_H

#include <poll.h>
#include <stdint.h>

#include <resopro/error.h>

struct rsp_patience {
	int64_t until;    /* clock.h; NEVER */
	int interrupt_fd; /* -1: none */
};

/* 1 one of the fds is ready, 0 `until` has passed, -1 interrupted: *e is
 * RSP_CANCELLED, reason INTERRUPTED.  `fds` has room for one more. */
int rsp_wait(struct pollfd *fds, nfds_t n, const struct rsp_patience *,
    struct rsp_error *);

#endif
