/*
 * loop.h - one event loop a thread: descriptors, timers, work posted by other
 * threads, hooks at the end of a turn.  Hides libevent.
 *
 * Thread: the loop's own, except loop_post() and loop_stop().
 */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/err.h"

struct event;
struct loop;

struct loop *loop_new(struct err *);
void loop_free(struct loop *); /* NULL is a no-op */
void loop_run(struct loop *);  /* until loop_stop() */
void loop_stop(struct loop *); /* any thread */

/* ---- work from other threads ------------------------------------------ */
struct loop_task { /* embed it; yours again once run() is called */
	void (*run)(struct loop_task *);
	struct loop_task *next;
};
/* Run it on the loop's thread, in the order of posting.  Never fails. */
void loop_post(struct loop *, struct loop_task *);

/* ---- end of turn: after the ready I/O, before blocking ----------------- */
struct turn_hook { /* embed it; runs once, then is yours again */
	void (*run)(struct turn_hook *);
	struct turn_hook *next;
	bool queued;
};
/* A second call before it ran does nothing. */
void loop_at_turn_end(struct loop *, struct turn_hook *);
/* Take it back if it has not run. */
void loop_cancel_hook(struct loop *, struct turn_hook *);

/* ---- timers ------------------------------------------------------------ */
struct timer { /* embed it, zeroed; nothing is allocated for it */
	void (*run)(struct timer *);
	struct loop *loop; /* the loop's, from here on */
	int64_t due;       /* monotonic ns; meaningful when armed */
	struct timer *child, *sibling, **link; /* its place in the heap */
};
/* (Re)arm: run once, `ns` from now (at once when not positive). */
void timer_start(struct loop *, struct timer *, int64_t ns);
void timer_stop(struct timer *); /* no-op when not armed */
bool timer_armed(const struct timer *);

/* ---- descriptors ------------------------------------------------------- */
struct watch_fd {
	void (*ready)(struct watch_fd *, bool readable, bool writable);
	int fd;
	struct event *read_ev, *write_ev; /* the loop's */
};
int watch_fd_start(struct loop *, struct watch_fd *, struct err *);
void watch_fd_want(struct watch_fd *, bool read, bool write);
void watch_fd_stop(struct watch_fd *); /* does not close the fd */

/* ---- signals ----------------------------------------------------------- */
struct watch_signal {
	void (*raised)(struct watch_signal *, int signo);
	int signo;
	struct event *ev;
};
int watch_signal_start(struct loop *, struct watch_signal *, struct err *);
void watch_signal_stop(struct watch_signal *);

#endif
