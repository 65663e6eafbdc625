/*
 * load.h - what the parts of resopro-load share: options, the two clocks, the
 * report.
 *
 *   options.c   the command line
 *   link.c      one connection: TCP, TLS, HTTP/2, over one epoll
 *   cases.c     what a call asks and what its answer must hold
 *   calls.c     unary calls, closed or open loop
 *   connect.c   handshakes; idle.c connections that wait
 *   fanout.c    watches of one change; sync.c whole sets of records
 *   report.c    one line of JSON a run; hist.c latencies
 *
 * One thread, one loop.  A failure of the set-up ends the program with a line
 * on stderr (die()); a failure of a call is counted, and the first is told.
 */
#ifndef LOAD_LOAD_H
#define LOAD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "hist.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_US INT64_C(1000)

struct options {
	const char *what; /* the case */
	const char *server, *authority, *ca, *cert, *key, *ciphers;
	const char *path, *body_file, *expect, *owner, *communes;
	const char *set, *label;
	unsigned connections, streams, sources;
	unsigned batch, page, lines, hits, rounds;
	double seconds, warmup, rate, hold;
	uint64_t calls; /* 0: by time */
	uint64_t keys, first, seed, records, changed;
	bool sequential, check_version, resume, full, dry_run, fresh;
	long pid;
};

/* Ends the program on what it does not understand. */
void options_read(struct options *, int argc, char **argv);

_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- the report --------------------------------------------------------- */

struct usage { /* processor time, in ns; memory of the server in KB */
	int64_t at, own, server;
	long rss, rss_anon;
};

struct report {
	const struct options *o;
	struct usage begin, end;
	struct hist latency; /* ns */
	uint64_t n, errors;  /* answered well within the window; badly */
	uint64_t units;      /* records, deliveries: 0 when calls are counted */
	uint64_t resumed;
	char first_error[200];
	char extra[300]; /* more fields, each with a comma before it */
};

void report_init(struct report *, const struct options *);
void usage_take(const struct options *, struct usage *);
void report_error(struct report *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* One line of JSON on stdout.  Returns the exit status: 1 with errors. */
int report_print(const struct report *);

/* ---- the runs: each returns the exit status ------------------------------ */

int run_calls(const struct options *);
int run_handshakes(const struct options *);
int run_idle(const struct options *);
int run_fanout(const struct options *);
int run_sync(const struct options *);
int run_first(const struct options *);

#endif
