/* lookup.c - see lookup.h and <resopro/loop.h>. */
#include "lookup.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <resopro/loop.h>

#include "fail.h"

struct rsp_lookup {
	struct rsp_addresses *to; /* NULL: nobody waits */
};

static void
settle(struct rsp_addresses *to, int gai, int cause,
    const struct addrinfo *list)
{
	to->known = true;
	to->gai = gai;
	to->cause = cause;
	for (; gai == 0 && list != NULL; list = list->ai_next) {
		struct rsp_address *a = &to->list[to->n];

		if (to->n == ADDRESSES_MAX || list->ai_addrlen > sizeof a->at)
			continue;
		memcpy(&a->at, list->ai_addr, list->ai_addrlen);
		a->len = list->ai_addrlen;
		to->n++;
	}
	if (gai == 0 && to->n == 0)
		to->gai = EAI_NODATA;
}

/* By the system; `flags`: AI_NUMERICHOST asks nobody. */
static int
ask(const struct rsp_server *s, int flags, struct rsp_addresses *to)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV },
			*list = NULL;
	int gai = getaddrinfo(s->host, s->port, &hints, &list), cause = errno;

	if (gai == EAI_NONAME && (flags & AI_NUMERICHOST) != 0)
		return 0;
	settle(to, gai, cause, list);
	if (gai == 0)
		freeaddrinfo(list);
	return 1;
}

int
rsp_lookup(const struct rsp_config *c, const struct rsp_server *s,
    struct rsp_addresses *to, struct rsp_error *e)
{
	if (ask(s, AI_NUMERICHOST, to))
		return 0;
	if (c->lookup == NULL) {
		(void)ask(s, 0, to);
		return 0;
	}
	if ((to->pending = calloc(1, sizeof *to->pending)) == NULL)
		return rsp_fail_nomem(e);
	to->pending->to = to;
	c->lookup(c->lookup_arg, to->pending, s->host, s->port);
	return 0;
}

void
rsp_lookup_done(struct rsp_lookup *l, int gai, const struct addrinfo *list)
{
	struct rsp_addresses *to = l->to;

	free(l);
	if (to == NULL)
		return;
	to->pending = NULL;
	settle(to, gai, errno, list);
	rsp_poller_arm(to->poller, 0);
}

void
rsp_lookup_drop(struct rsp_addresses *to)
{
	if (to->pending != NULL)
		to->pending->to = NULL;
	to->pending = NULL;
}

int
rsp_lookup_fail(const struct rsp_addresses *a, const char *host,
    struct rsp_error *e)
{
	if (a->gai == EAI_NONAME || a->gai == EAI_NODATA)
		return rsp_fail(e, RSP_UNAVAILABLE, "NAME_UNKNOWN",
		    "check the spelling of the server's name and the DNS of "
		    "this machine",
		    "the name \"%s\" is not known", host);
	return rsp_fail(e, RSP_UNAVAILABLE, "NAME_LOOKUP",
	    "check the DNS of this machine",
	    "the name \"%s\" cannot be looked up: %s", host,
	    a->gai == EAI_SYSTEM ? strerror(a->cause) : gai_strerror(a->gai));
}
