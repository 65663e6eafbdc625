/* wait.c - see wait.h. */
#include "wait.h"

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "fail.h"

int
rsp_wait(struct pollfd *fds, nfds_t n, const struct rsp_patience *p,
    struct rsp_error *e)
{
	int rc;

	/* A negative fd is left out by poll(2). */
	fds[n] = (struct pollfd){ .fd = p->interrupt_fd, .events = POLLIN };
	do {
		rc = poll(fds, n + 1, poll_ms(p->until));
	} while (
	    (rc < 0 && errno == EINTR) || (rc == 0 && clock_ms() < p->until));
	if (rc < 0)
		return rsp_fail(e, RSP_INTERNAL, "POLL", NULL,
		    "waiting failed: %s", strerror(errno));
	if (fds[n].revents != 0)
		return rsp_fail(e, RSP_CANCELLED, "INTERRUPTED", NULL,
		    "interrupted");
	return rc > 0;
}
