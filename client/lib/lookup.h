/*
 * lookup.h - from a host's name to its addresses: by itself where it is one,
 * by the caller's hook, or by getaddrinfo(3).
 *
 * Thread: the client's.
 */
#ifndef CLIENT_LOOKUP_H
#define CLIENT_LOOKUP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "config.h"
#include "poller.h"

#define ADDRESSES_MAX 16

struct rsp_address {
	socklen_t len;
	struct sockaddr_storage at;
};

struct rsp_addresses {
	struct rsp_address list[ADDRESSES_MAX];
	unsigned n;
	bool known;     /* the lookup has ended; n 0: gai says why */
	int gai, cause; /* getaddrinfo(3)'s, errno with EAI_SYSTEM */
	struct rsp_lookup *pending; /* the hook has not answered yet */
	struct rsp_poller *poller;  /* is made readable when it does */
};

/*
 * Begin.  `to` is zeroed but for its poller, and must stay where it is until
 * rsp_lookup_drop().
 * Fails: -1, RSP_ERR_NOMEM.
 * Blocks: in getaddrinfo(3), for a name when there is no hook.
 */
int rsp_lookup(const struct rsp_config *, const struct rsp_server *,
    struct rsp_addresses *to, struct rsp_error *);

/* Nobody waits for the answer any more. */
void rsp_lookup_drop(struct rsp_addresses *);

/* Why there are none: RSP_UNAVAILABLE, NAME_UNKNOWN or NAME_LOOKUP.  -1. */
int rsp_lookup_fail(const struct rsp_addresses *, const char *host,
    struct rsp_error *);

#endif
