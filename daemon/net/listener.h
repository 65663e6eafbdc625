/*
 * listener.h - a listening TCP socket.  Each worker has its own on the same
 * address (SO_REUSEPORT), so that the kernel spreads the connections; or all
 * share one that systemd passed.
 *
 * Thread: opened on any, used on its loop's.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <stdint.h>
#include <sys/socket.h>

#include "wire/err.h"

struct listener;
struct loop;

/* A connection has come: `fd` is non-blocking and the callee's. */
typedef void listener_fn(void *arg, int fd, const struct sockaddr_storage *);

/* Does nobody listen on "host:port"?  Ask before the first is opened: the
 * kernel lets any program of this user share the port.  Fails: as
 * listener_open(). */
int listener_probe(const char *address, struct err *);

/* Bind and listen on "host:port" (net/address.h).  Port 0: any free one.
 * Fails: ERR_INVALID (address), ERR_IO (in use, not allowed): names it. */
struct listener *listener_open(const char *address, struct err *);
/* Take a copy of a socket that is listening already. */
struct listener *listener_adopt(int fd, struct err *);
/* Stop accepting and close.  NULL is a no-op. */
void listener_free(struct listener *);

uint16_t listener_port(const struct listener *);

/* Accept on this loop from now on. */
int listener_start(struct listener *, struct loop *, listener_fn *, void *arg,
    struct err *);
void listener_stop(struct listener *); /* close the socket; no more calls */

#endif
