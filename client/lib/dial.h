/* dial.h - from a name and a port to a connected TCP socket. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <resopro/error.h>

#include "wait.h"

/*
 * Each address of the name in turn, until one answers; the time left is shared
 * out among those not yet tried.  The socket does not block.
 * Fails: -1 with RSP_UNAVAILABLE (NAME_UNKNOWN, CONNECT_REFUSED,
 *        CONNECT_TIMEOUT, ...), RSP_CANCELLED.
 * Blocks: until connected; getaddrinfo(3) also past the instant, for as long as
 *        the system's resolver takes, and it does not see an interruption.
 */
int rsp_dial(const char *host, const char *port, const struct rsp_patience *,
    struct rsp_error *);

#endif
