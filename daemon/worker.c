/* worker.c - see worker.h. */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "net/listener.h"
#include "service/catalog.h"

#define LISTENERS_MAX 8

struct worker {
	struct loop *loop;
	struct service *service;
	struct rpc_server *server;
	struct listener *listeners[LISTENERS_MAX];
	unsigned n_listeners, drain_ms;
	pthread_t thread;
	bool started;
	struct loop_task drain, recheck, reload;
	atomic_bool draining, rechecking;
	_Atomic(struct catalog *) catalog; /* the next one, or NULL */
};

static struct worker *
of(struct loop_task *t, size_t offset)
{
	return (struct worker *)((char *)t - offset);
}

static void
quiet(void *arg)
{
	struct worker *w = arg;

	loop_stop(w->loop);
}

/* A write whose caller has gone still comes back to this loop. */
static void
drained(struct rpc_server *s, void *arg)
{
	struct worker *w = arg;

	(void)s;
	service_quiesce(w->service, quiet, w);
}

static void
run_drain(struct loop_task *t)
{
	struct worker *w = of(t, offsetof(struct worker, drain));

	if (w->server == NULL)
		return; /* it never ran */
	for (unsigned i = 0; i < w->n_listeners; i++)
		listener_stop(w->listeners[i]);
	rpc_server_drain(w->server, w->drain_ms, drained, w);
}

static void
run_recheck(struct loop_task *t)
{
	struct worker *w = of(t, offsetof(struct worker, recheck));

	/* First: what changes from here on posts it again. */
	atomic_store(&w->rechecking, false);
	if (w->server != NULL)
		rpc_server_recheck(w->server);
}

static void
run_reload(struct loop_task *t)
{
	struct worker *w = of(t, offsetof(struct worker, reload));
	struct catalog *c = atomic_exchange(&w->catalog, NULL);

	if (c == NULL)
		return;
	service_set_catalog(w->service, c);
	catalog_unref(c);
}

void
worker_drain(struct worker *w)
{
	if (!atomic_exchange(&w->draining, true))
		loop_post(w->loop, &w->drain);
}

void
worker_recheck(struct worker *w)
{
	if (!atomic_exchange(&w->rechecking, true))
		loop_post(w->loop, &w->recheck);
}

void
worker_set_catalog(struct worker *w, struct catalog *c)
{
	struct catalog *unseen = atomic_exchange(&w->catalog, catalog_ref(c));

	/* The one before was not taken yet: its task will take this one. */
	if (unseen != NULL)
		catalog_unref(unseen);
	else
		loop_post(w->loop, &w->reload);
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;
	sigset_t all;

	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	loop_run(w->loop);
	return NULL;
}

int
worker_start(struct worker *w, struct err *e)
{
	int rc = pthread_create(&w->thread, NULL, worker_main, w);

	if (rc != 0)
		return err_set(e, ERR_IO, "start a worker: %s", strerror(rc));
	w->started = true;
	return 0;
}

static int
listen_on(struct worker *w, const struct worker_opts *o, struct err *e)
{
	for (unsigned i = 0; i < o->n_addresses && i < LISTENERS_MAX; i++) {
		struct listener *l = listener_open(o->addresses[i], e);

		if (l == NULL)
			return -1;
		w->listeners[w->n_listeners++] = l;
		if (rpc_server_listen(w->server, l, o->tls, e) < 0)
			return -1;
	}
	return 0;
}

static int
build(struct worker *w, const struct worker_opts *o, struct err *e)
{
	struct rpc_server_opts server = {
		.tables = service_methods(),
		.limits = o->limits,
		.admit = service_admit,
		.recheck = service_recheck,
		.done = service_done,
	};

	if ((w->loop = loop_new(e)) == NULL ||
	    (w->service = service_new(w->loop, &o->service, e)) == NULL)
		return -1;
	server.service = w->service;
	if ((w->server = rpc_server_new(w->loop, &server, e)) == NULL)
		return -1;
	service_set_server(w->service, w->server);
	return listen_on(w, o, e);
}

struct worker *
worker_new(const struct worker_opts *o, struct err *e)
{
	struct worker *w = calloc(1, sizeof *w);

	if (w == NULL) {
		err_set(e, ERR_NOMEM, "worker");
		return NULL;
	}
	w->drain_ms = o->drain_ms;
	w->drain.run = run_drain;
	w->recheck.run = run_recheck;
	w->reload.run = run_reload;
	if (build(w, o, e) < 0) {
		worker_join(w);
		return NULL;
	}
	return w;
}

/* What was posted meanwhile is held by nobody else: it frees itself. */
static void
run_posted(struct worker *w)
{
	if (w->loop == NULL)
		return;
	loop_stop(w->loop);
	loop_run(w->loop);
}

void
worker_join(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->started)
		pthread_join(w->thread, NULL);
	if (w->service != NULL)
		service_set_server(w->service, NULL);
	rpc_server_free(w->server);
	w->server = NULL;
	run_posted(w);
	for (unsigned i = 0; i < w->n_listeners; i++)
		listener_free(w->listeners[i]);
	service_free(w->service);
	run_posted(w);
	loop_free(w->loop);
	catalog_unref(atomic_load(&w->catalog));
	free(w);
}

unsigned
worker_port(const struct worker *w)
{
	return w->n_listeners > 0 ? listener_port(w->listeners[0]) : 0;
}
