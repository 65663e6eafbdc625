/* loop.c - see loop.h. */
#include "base/loop.h"

#include "base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	struct event *alarm;
	int64_t alarm_due;    /* what `alarm` is set for; 0: nothing */
	struct timer *timers; /* heap: the root is due first */
	struct turn_hook *hooks, **hooks_end;
	pthread_mutex_t lock; /* guards the four below */
	struct loop_task *tasks, **tasks_end;
	bool woken;
	bool stopping;
};

static void
run_hooks(struct loop *l)
{
	while (l->hooks != NULL) {
		struct turn_hook *h = l->hooks;

		l->hooks = h->next;
		if (l->hooks == NULL)
			l->hooks_end = &l->hooks;
		h->next = NULL;
		h->queued = false;
		h->run(h);
	}
}

static void
run_tasks(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	struct loop_task *t;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof n) < 0 && errno != EAGAIN)
		return;
	(void)pthread_mutex_lock(&l->lock);
	t = l->tasks;
	l->tasks = NULL;
	l->tasks_end = &l->tasks;
	l->woken = false;
	(void)pthread_mutex_unlock(&l->lock);
	while (t != NULL) {
		struct loop_task *next = t->next;

		t->next = NULL;
		t->run(t);
		t = next;
	}
}

static void alarm_fired(evutil_socket_t, short, void *);

struct loop *
loop_new(struct err *e)
{
	struct loop *l = calloc(1, sizeof *l);

	if (l == NULL) {
		err_set(e, ERR_NOMEM, "loop");
		return NULL;
	}
	l->hooks_end = &l->hooks;
	l->tasks_end = &l->tasks;
	(void)pthread_mutex_init(&l->lock, NULL);
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->base = l->wake_fd < 0 ? NULL : event_base_new();
	l->wake = l->base == NULL ? NULL
				  : event_new(l->base, l->wake_fd,
					EV_READ | EV_PERSIST, run_tasks, l);
	l->alarm =
	    l->wake == NULL ? NULL : event_new(l->base, -1, 0, alarm_fired, l);
	if (l->alarm == NULL || event_add(l->wake, NULL) < 0) {
		err_set(e, ERR_IO, "event loop: %s", strerror(errno));
		loop_free(l);
		return NULL;
	}
	return l;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	if (l->alarm != NULL)
		event_free(l->alarm);
	if (l->wake != NULL)
		event_free(l->wake);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		(void)close(l->wake_fd);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

static bool
is_stopping(struct loop *l)
{
	bool stopping;

	(void)pthread_mutex_lock(&l->lock);
	stopping = l->stopping;
	l->stopping = false;
	(void)pthread_mutex_unlock(&l->lock);
	return stopping;
}

static void
wake(struct loop *l)
{
	uint64_t one = 1;

	/* A full counter means that it is awake already. */
	if (write(l->wake_fd, &one, sizeof one) < 0)
		return;
}

void
loop_stop(struct loop *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->stopping = true;
	(void)pthread_mutex_unlock(&l->lock);
	wake(l);
}

void
loop_post(struct loop *l, struct loop_task *t)
{
	bool was;

	t->next = NULL;
	(void)pthread_mutex_lock(&l->lock);
	*l->tasks_end = t;
	l->tasks_end = &t->next;
	was = l->woken;
	l->woken = true;
	(void)pthread_mutex_unlock(&l->lock);
	if (!was)
		wake(l);
}

void
loop_at_turn_end(struct loop *l, struct turn_hook *h)
{
	if (h->queued)
		return;
	h->queued = true;
	h->next = NULL;
	*l->hooks_end = h;
	l->hooks_end = &h->next;
}

void
loop_cancel_hook(struct loop *l, struct turn_hook *h)
{
	struct turn_hook **at;

	if (!h->queued)
		return;
	for (at = &l->hooks; *at != NULL && *at != h; at = &(*at)->next)
		;
	if (*at == NULL)
		return;
	*at = h->next;
	if (*at == NULL)
		l->hooks_end = at;
	h->next = NULL;
	h->queued = false;
}

/*
 * Timers: a pairing heap through the timers themselves.  Arming is O(1),
 * taking one out O(log n) amortised, and neither can fail.
 */

static struct timer *
heap_meld(struct timer *a, struct timer *b)
{
	struct timer *low, *high;

	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	low = a->due <= b->due ? a : b;
	high = low == a ? b : a;
	high->sibling = low->child;
	if (high->sibling != NULL)
		high->sibling->link = &high->sibling;
	high->link = &low->child;
	low->child = high;
	return low;
}

/* Meld a list of siblings: in pairs left to right, then right to left. */
static struct timer *
heap_pair(struct timer *list)
{
	struct timer *pairs = NULL, *root = NULL;

	while (list != NULL) {
		struct timer *a = list, *b = a->sibling, *pair;

		list = b == NULL ? NULL : b->sibling;
		a->sibling = NULL;
		if (b != NULL)
			b->sibling = NULL;
		pair = heap_meld(a, b);
		pair->sibling = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		struct timer *next = pairs->sibling;

		pairs->sibling = NULL;
		root = heap_meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void
heap_set_root(struct loop *l, struct timer *root)
{
	l->timers = root;
	if (root != NULL)
		root->link = &l->timers;
}

bool
timer_armed(const struct timer *t)
{
	return t->link != NULL;
}

void
timer_stop(struct timer *t)
{
	struct loop *l = t->loop;
	struct timer *children = t->child;

	if (t->link == NULL)
		return;
	*t->link = t->sibling;
	if (t->sibling != NULL)
		t->sibling->link = t->link;
	t->link = NULL;
	t->child = t->sibling = NULL;
	heap_set_root(l, heap_meld(l->timers, heap_pair(children)));
}

void
timer_start(struct loop *l, struct timer *t, int64_t ns)
{
	timer_stop(t);
	t->loop = l;
	if (__builtin_add_overflow(clock_monotonic_ns(), ns, &t->due))
		t->due = INT64_MAX;
	heap_set_root(l, heap_meld(l->timers, t));
}

static void
run_timers(struct loop *l)
{
	int64_t now;

	if (l->timers == NULL)
		return;
	now = clock_monotonic_ns();
	while (l->timers != NULL && l->timers->due <= now) {
		struct timer *t = l->timers;

		timer_stop(t);
		t->run(t);
	}
}

/* Have libevent wake us for the earliest timer. */
static void
arm_alarm(struct loop *l)
{
	struct timeval tv;
	int64_t ns;

	if (l->timers == NULL || l->timers->due == l->alarm_due)
		return;
	ns = l->timers->due - clock_monotonic_ns();
	if (ns < 0)
		ns = 0;
	tv.tv_sec = (time_t)(ns / 1000000000);
	tv.tv_usec = (suseconds_t)((ns % 1000000000 + 999) / 1000);
	if (event_add(l->alarm, &tv) == 0)
		l->alarm_due = l->timers->due;
}

static void
alarm_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	l->alarm_due = 0; /* loop_run() runs what is due */
}

void
loop_run(struct loop *l)
{
	do {
		run_hooks(l);
		arm_alarm(l);
		if (event_base_loop(l->base, EVLOOP_ONCE) < 0)
			return;
		run_timers(l);
	} while (!is_stopping(l));
	run_hooks(l);
}

static void
fd_fired(evutil_socket_t fd, short what, void *arg)
{
	struct watch_fd *w = arg;

	(void)fd;
	w->ready(w, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

int
watch_fd_start(struct loop *l, struct watch_fd *w, struct err *e)
{
	w->read_ev =
	    event_new(l->base, w->fd, EV_READ | EV_PERSIST, fd_fired, w);
	w->write_ev =
	    event_new(l->base, w->fd, EV_WRITE | EV_PERSIST, fd_fired, w);
	if (w->read_ev == NULL || w->write_ev == NULL) {
		watch_fd_stop(w);
		return err_set(e, ERR_NOMEM, "descriptor watch");
	}
	return 0;
}

static void
want(struct event *ev, bool on)
{
	bool is = event_pending(ev, EV_READ | EV_WRITE, NULL) != 0;

	if (on && !is)
		(void)event_add(ev, NULL);
	else if (!on && is)
		(void)event_del(ev);
}

void
watch_fd_want(struct watch_fd *w, bool readable, bool writable)
{
	want(w->read_ev, readable);
	want(w->write_ev, writable);
}

void
watch_fd_stop(struct watch_fd *w)
{
	if (w->read_ev != NULL)
		event_free(w->read_ev);
	if (w->write_ev != NULL)
		event_free(w->write_ev);
	w->read_ev = w->write_ev = NULL;
}

static void
signal_fired(evutil_socket_t signo, short what, void *arg)
{
	struct watch_signal *w = arg;

	(void)what;
	w->raised(w, (int)signo);
}

int
watch_signal_start(struct loop *l, struct watch_signal *w, struct err *e)
{
	w->ev = event_new(l->base, w->signo, EV_SIGNAL | EV_PERSIST,
	    signal_fired, w);
	if (w->ev == NULL || event_add(w->ev, NULL) < 0)
		return err_set(e, ERR_NOMEM, "signal watch");
	return 0;
}

void
watch_signal_stop(struct watch_signal *w)
{
	if (w->ev != NULL)
		event_free(w->ev);
	w->ev = NULL;
}
