/* health.c - grpc.health.v1.Health: open to everybody, so that a load balancer
 * needs no account. */
#include <stdlib.h>

#include "grpc/health/v1/health.pb-c.h"
#include "rpc/internal.h"

#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING                                                            \
	GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN                                                        \
	GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

typedef Grpc__Health__V1__HealthCheckResponse Response;

struct health_watch {
	struct call_user user; /* first */
	struct health_watch *next, **link;
	bool known;
};

static Response
state_of(const struct rpc_server *s, bool known)
{
	Response r = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	r.status = !known        ? SERVICE_UNKNOWN
		   : s->draining ? NOT_SERVING
				 : SERVING;
	return r;
}

static bool
knows(const struct rpc_server *s, const ProtobufCMessage *m)
{
	const Grpc__Health__V1__HealthCheckRequest *q =
	    (const Grpc__Health__V1__HealthCheckRequest *)m;

	return q->service[0] == '\0' || server_has_service(s, q->service);
}

static int
check(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	Response r;

	if (!knows(c->server, m)) {
		err_set(e, ERR_NOT_FOUND, "service: there is no such service");
		err_field(e, "service");
		err_reason(e, "SERVICE_UNKNOWN");
		return err_remedy(e, "give resopro.v1.Registry, or none");
	}
	r = state_of(c->server, true);
	return call_reply(c, &r.base);
}

static int
watch(struct call *c, const ProtobufCMessage *m, struct err *e)
{
	struct health_watch *w = calloc(1, sizeof *w);
	Response r;

	if (w == NULL)
		return err_set(e, ERR_NOMEM, "watch");
	w->known = knows(c->server, m);
	w->user.call = c;
	w->next = c->server->health;
	w->link = &c->server->health;
	if (w->next != NULL)
		w->next->link = &w->next;
	c->server->health = w;
	call_set_user(c, &w->user);
	r = state_of(c->server, w->known);
	return call_send(c, &r.base, e);
}

static void
watch_closed(struct call *c)
{
	struct health_watch *w = (struct health_watch *)call_user(c);

	if (w == NULL)
		return;
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	free(w);
}

void
health_changed(struct rpc_server *s)
{
	for (struct health_watch *w = s->health; w != NULL; w = w->next) {
		Response r = state_of(s, w->known);
		struct err e = { 0 };

		(void)call_send(w->user.call, &r.base, &e);
	}
}

const struct rpc_method health_methods[] = {
	{ .path = "/grpc.health.v1.Health/Check",
	    .kind = RPC_UNARY,
	    .input = &grpc__health__v1__health_check_request__descriptor,
	    .open = true,
	    .message = check },
	{ .path = "/grpc.health.v1.Health/Watch",
	    .kind = RPC_SERVER_STREAM,
	    .input = &grpc__health__v1__health_check_request__descriptor,
	    .open = true,
	    .message = watch,
	    .closed = watch_closed },
	{ .path = NULL },
};
