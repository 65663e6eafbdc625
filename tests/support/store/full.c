/*
 * full.c - a store on a file system that fills up: writes are refused by
 * name, reads go on, writes resume when space returns, without reopening.
 *
 *	full DIR BALLAST
 *
 * DIR is on a small file system; BALLAST, a file there, is made to fill it
 * and removed to make space.
 */
#include <fcntl.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

enum { KIND = 7, MANY = 16, LEN = 30000 };

struct put {
	struct proposal p; /* first */
	char id[24];
	sem_t answered;
};

struct run {
	struct store *store;
	struct reader *reader;
	struct put puts[MANY];
	unsigned live; /* records that were answered */
};

static uint8_t record[LEN];

_Noreturn static void
fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("FAILED: ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	exit(1);
}

static int
index_it(uint8_t kind, const char *id, struct bytes r, struct index_sink *sink,
    struct err *e)
{
	(void)kind;
	(void)r;
	return index_emit(sink, 1, id, strlen(id), e);
}

static const struct store_schema schema = { 1, index_it };

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	return decision_put(d, KIND, ((struct put *)p)->id, 0,
	    (struct bytes){ record, LEN }, e);
}

static void
done(struct proposal *p)
{
	sem_post(&((struct put *)p)->answered);
}

/* `n` puts of new records at once; how many were refused. */
static unsigned
put_many(struct run *r, unsigned n)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < n; i++) {
		struct put *u = &r->puts[i];

		memset(u, 0, sizeof *u);
		snprintf(u->id, sizeof u->id, "%u", r->live + i);
		sem_init(&u->answered, 0, 0);
		u->p.actor = "full";
		u->p.method = "/full/Put";
		u->p.decide = decide;
		u->p.done = done;
		store_propose(r->store, &u->p);
	}
	for (unsigned i = 0; i < n; i++) {
		struct put *u = &r->puts[i];

		while (sem_wait(&u->answered) != 0)
			;
		if (u->p.err.code != ERR_NONE &&
		    (u->p.err.code != ERR_LIMIT ||
			strcmp(u->p.err.reason, "STORE_FULL") != 0))
			fail("refused with %s: %s",
			    err_code_name(u->p.err.code), u->p.err.msg);
		refused += u->p.err.code != ERR_NONE;
		sem_destroy(&u->answered);
	}
	return refused;
}

/* Every record that was answered can be read, no other is there. */
static void
check_reads(struct run *r)
{
	struct err e = { 0 };
	struct view *v = reader_view(r->reader, &e);
	struct stored s;
	char id[24];

	if (v == NULL)
		fail("read: %s", e.msg);
	for (unsigned i = 0; i <= r->live; i++) {
		snprintf(id, sizeof id, "%u", i);
		if (view_get(v, KIND, id, &s, &e) != (i < r->live) ||
		    (i < r->live &&
			(s.record.len != LEN ||
			    memcmp(s.record.data, record, LEN) != 0)))
			fail("record %u of %u: %s", i, r->live, e.msg);
	}
	if (view_revision(v) != r->live)
		fail("revision %llu, %u records",
		    (unsigned long long)view_revision(v), r->live);
	reader_release(r->reader);
}

static void
check_refusing(struct run *r, bool want)
{
	struct store_stats s;

	store_stats(r->store, &s);
	if (s.writes_refused != want)
		fail("writes_refused is %d", s.writes_refused);
}

/* Leave `spare` bytes of the file system, more or less. */
static void
fill_disk(const char *ballast, off_t spare)
{
	static char block[4096];
	int fd = open(ballast, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	off_t size;

	if (fd < 0)
		fail("ballast");
	while (write(fd, block, sizeof block) == (ssize_t)sizeof block)
		;
	size = lseek(fd, 0, SEEK_END);
	if (size < spare || ftruncate(fd, size - spare) < 0)
		fail("ballast");
	close(fd);
}

/* Fill, be refused, get space, be accepted.  `spare` decides where in a
 * commit's writes space ends. */
static void
one_round(struct run *r, const char *ballast, off_t spare, unsigned at_once)
{
	struct verify_report report;
	struct err e = { 0 };
	unsigned tries = 0, refused;

	fill_disk(ballast, spare);
	while ((refused = put_many(r, at_once)) == 0) {
		r->live += at_once;
		if (++tries > 1000)
			fail("the disk does not fill");
	}
	r->live += at_once - refused;
	check_refusing(r, true);
	check_reads(r);
	if (store_verify(r->store, NULL, &report, &e) == 0 ||
	    e.code != ERR_LIMIT)
		fail("verify on a full disk: %s %s", err_code_name(e.code),
		    e.msg);
	if (unlink(ballast) < 0)
		fail("ballast");
	if (put_many(r, at_once) != 0)
		fail("writes do not resume");
	r->live += at_once;
	check_refusing(r, false);
	check_reads(r);
}

static void
open_run(struct run *r, const char *dir)
{
	struct store_opts o = {
		.dir = dir,
		.map_bytes = 1UL << 30,
		.create = true,
		.request_ids = 1000,
		.schema = &schema,
	};
	struct err e = { 0 };

	if ((r->store = store_open(&o, &e)) == NULL ||
	    (r->reader = reader_new(r->store, &e)) == NULL)
		fail("open: %s", e.msg);
}

static void
close_run(struct run *r)
{
	reader_free(r->reader);
	store_close(r->store);
}

/* A register whose disk is full opens and serves reads. */
static void
open_on_full_disk(struct run *r, const char *dir, const char *ballast)
{
	unsigned refused;

	close_run(r);
	fill_disk(ballast, 0);
	open_run(r, dir);
	check_reads(r);
	refused = put_many(r, MANY); /* some may find room in the file */
	r->live += MANY - refused;
	if (refused == 0)
		fail("nothing was refused");
	check_reads(r);
	unlink(ballast);
	if (put_many(r, 1) != 0)
		fail("writes do not resume after opening full");
	r->live++;
}

int
main(int argc, char **argv)
{
	static struct run run;
	struct verify_report report;
	struct err e = { 0 };

	if (argc != 3)
		return 2;
	memset(record, 0x5a, sizeof record);
	open_run(&run, argv[1]);
	for (int i = 0; i < 8; i++)
		one_round(&run, argv[2], 4096 * i * 5, i % 2 == 0 ? 1 : MANY);
	open_on_full_disk(&run, argv[1], argv[2]);
	if (store_verify(run.store, NULL, &report, &e) < 0)
		fail("verify: %s", e.msg);
	close_run(&run);
	printf("ok: %u records\n", run.live);
	return 0;
}
