/* search_index.c - see search_index.h: the thread, and who waits for it. */
#include "service/search_index.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "service/search_view.h"

#define STILL_NS ((int64_t)100000000)  /* of the log, before it is read */
#define RETRY_NS ((int64_t)1000000000) /* after a failure */

struct search_index {
	pthread_t thread;
	bool started;
	struct search_maker *maker; /* the thread's */

	_Atomic int64_t moved_at; /* monotonic; of the log, last */
	atomic_bool moved;        /* since the thread looked */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	bool stop;
	atomic_bool stopping;     /* the same, for who holds no lock */
	struct catalog *catalog;  /* one reference */
	struct search_view *view; /* one reference; NULL before the first */
	struct search_wait *waiting;
};

/* ---- reading ------------------------------------------------------------------ */

/* Locked. */
static bool
serves(const struct search_index *x, uint64_t revision)
{
	return x->view != NULL && search_view_catalog(x->view) == x->catalog &&
	       search_view_revision(x->view) >= revision;
}

struct search_view *
search_index_view(struct search_index *x, uint64_t revision)
{
	struct search_view *v = NULL;

	pthread_mutex_lock(&x->lock);
	if (serves(x, revision))
		v = search_view_ref(x->view);
	pthread_mutex_unlock(&x->lock);
	return v;
}

void
search_index_wait(struct search_index *x, struct search_wait *w)
{
	pthread_mutex_lock(&x->lock);
	w->next = x->waiting;
	x->waiting = w;
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

void
search_index_moved(struct search_index *x)
{
	if (x == NULL)
		return;
	atomic_store(&x->moved_at, clock_monotonic_ns());
	if (atomic_exchange(&x->moved, true))
		return; /* it knows */
	pthread_mutex_lock(&x->lock);
	pthread_cond_signal(&x->wake);
	pthread_mutex_unlock(&x->lock);
}

void
search_index_set_catalog(struct search_index *x, struct catalog *c)
{
	struct catalog *old;

	pthread_mutex_lock(&x->lock);
	old = x->catalog;
	x->catalog = catalog_ref(c);
	pthread_mutex_unlock(&x->lock);
	catalog_unref(old);
	search_index_moved(x);
}

/* ---- the thread ---------------------------------------------------------------- */

/* Answer those whom the view serves; all of them when there is an error. */
static void
answer(struct search_index *x, const struct err *failed)
{
	struct search_wait **link = &x->waiting, *w;

	while ((w = *link) != NULL) {
		if (failed == NULL && !serves(x, w->revision)) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		w->view = NULL;
		if (failed == NULL)
			w->view = search_view_ref(x->view);
		else
			w->err = *failed;
		loop_post(w->loop, &w->task);
	}
}

/* Sleep until then, or until somebody wakes it.  Locked. */
static void
sleep_until(struct search_index *x, int64_t at)
{
	struct timespec t = { .tv_sec = at / 1000000000,
		.tv_nsec = at % 1000000000 };

	pthread_cond_timedwait(&x->wake, &x->lock, &t);
}

/* Until there is something to do, or it shall stop.  Locked. */
static void
rest(struct search_index *x)
{
	while (!x->stop && x->waiting == NULL) {
		int64_t still = atomic_load(&x->moved_at) + STILL_NS;

		if (!atomic_load(&x->moved))
			pthread_cond_wait(&x->wake, &x->lock);
		else if (still <= clock_monotonic_ns())
			return;
		else
			sleep_until(x, still);
	}
}

/* A new view of what is in the log.  Locked, but not while it works. */
static void
advance(struct search_index *x)
{
	struct catalog *c = catalog_ref(x->catalog);
	struct search_view *v, *old;
	struct err e = { 0 };

	pthread_mutex_unlock(&x->lock);
	/* First: what comes from here on is seen the next time. */
	atomic_store(&x->moved, false);
	v = search_maker_advance(x->maker, c, &e);
	catalog_unref(c);
	pthread_mutex_lock(&x->lock);
	if (v == NULL) {
		if (x->stop)
			return;
		log_error("search_index", "error=\"%s\"", e.msg);
		answer(x, &e);
		atomic_store(&x->moved, true);
		sleep_until(x, clock_monotonic_ns() + RETRY_NS);
		return;
	}
	old = x->view;
	x->view = v;
	answer(x, NULL);
	search_view_unref(old);
}

static void *
run(void *arg)
{
	struct search_index *x = arg;
	struct err stopped = { 0 };
	sigset_t all;

	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pthread_mutex_lock(&x->lock);
	for (rest(x); !x->stop; rest(x))
		advance(x);
	err_set(&stopped, ERR_UNAVAILABLE, "the daemon is stopping");
	answer(x, &stopped);
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* ---- life ----------------------------------------------------------------------- */

static int
init_lock(struct search_index *x)
{
	pthread_condattr_t a;
	int rc;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	rc = pthread_mutex_init(&x->lock, NULL);
	if (rc == 0 && (rc = pthread_cond_init(&x->wake, &a)) != 0)
		pthread_mutex_destroy(&x->lock);
	pthread_condattr_destroy(&a);
	return rc;
}

struct search_index *
search_index_new(struct store *store, struct catalog *catalog, struct err *e)
{
	struct search_index *x = calloc(1, sizeof *x);

	if (x == NULL || init_lock(x) != 0) {
		free(x);
		err_set(e, ERR_NOMEM, "search");
		return NULL;
	}
	x->catalog = catalog_ref(catalog);
	atomic_store(&x->moved_at, clock_monotonic_ns());
	atomic_store(&x->moved, true);
	x->maker = search_maker_new(store, &x->stopping, e);
	if (x->maker == NULL || pthread_create(&x->thread, NULL, run, x) != 0) {
		if (e->code == ERR_NONE)
			err_set(e, ERR_NOMEM, "search: no thread");
		search_index_free(x);
		return NULL;
	}
	x->started = true;
	return x;
}

void
search_index_free(struct search_index *x)
{
	if (x == NULL)
		return;
	if (x->started) {
		atomic_store(&x->stopping, true);
		pthread_mutex_lock(&x->lock);
		x->stop = true;
		pthread_cond_signal(&x->wake);
		pthread_mutex_unlock(&x->lock);
		pthread_join(x->thread, NULL);
	}
	search_maker_free(x->maker);
	search_view_unref(x->view);
	catalog_unref(x->catalog);
	pthread_cond_destroy(&x->wake);
	pthread_mutex_destroy(&x->lock);
	free(x);
}
