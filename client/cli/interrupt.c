/* interrupt.c - see interrupt.h. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A signal handler has no argument: it can only find this by name. */
static volatile sig_atomic_t event_fd = -1;

static void
on_signal(int number)
{
	uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(event_fd, &one, sizeof one);

	(void)n;
	(void)number;
	errno = saved;
}

int
interrupt_open(void)
{
	struct sigaction sa;
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -1;
	event_fd = fd;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sa.sa_flags = (int)SA_RESETHAND; /* no SA_RESTART: reads end too */
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	return fd;
}
