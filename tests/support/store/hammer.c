/*
 * hammer.c - kill a writing store again and again: no answered write is lost,
 * none is half done, and what is sent again by request id is done once.
 *
 *	hammer DIR KILLS
 *
 * The supervisor shares a journal (memory) with the process that it kills:
 * what each thread has sent, and which revision answered it, written only by
 * done().  Request n of thread t puts two records in one commit: the thread's
 * own, and one that all threads share.  So the journal alone says how the
 * store must be in the end.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

enum {
	THREADS = 4,
	WINDOW = 8,
	MAX = 60000,
	OWN = 50,
	SHARED = 10,
	KIND = 7,
	PATIENCE_MS = 400, /* the longest life of a writer */
	LIMIT_S = 100,
};

struct journal {
	atomic_uint sent[THREADS];
	atomic_uint_least64_t answered[THREADS][MAX]; /* revision, or 0 */
	unsigned checked[THREADS]; /* before it, answers were checked */
	atomic_uint replayed, opened;
};

struct request {
	struct proposal p; /* first */
	struct worker *worker;
	unsigned n;
	char id[40];
};

struct worker {
	struct run *run;
	pthread_t thread;
	unsigned t;
	sem_t free; /* requests of the window */
	struct request window[WINDOW];
};

struct run {
	struct journal *journal;
	struct store *store;
	struct reader *reader;
	bool last; /* only send again what has no answer */
	struct worker workers[THREADS];
};

_Noreturn static void
fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("FAILED: ", stdout);
	vprintf(fmt, args);
	putchar('\n');
	va_end(args);
	fflush(stdout);
	_exit(1);
}

/* ---- what request n of thread t is --------------------------------------- */

static void
request_id(char out[40], unsigned t, unsigned n)
{
	snprintf(out, 40, "request-%02u-%08u", t, n);
}

static void
own_id(char out[40], unsigned t, unsigned n)
{
	snprintf(out, 40, "own-%u-%u", t, n % OWN);
}

static void
shared_id(char out[40], unsigned n)
{
	snprintf(out, 40, "shared-%u", n % SHARED);
}

static void
text_of(char out[200], unsigned t, unsigned n)
{
	/* Of a length that varies, so that pages split and merge. */
	snprintf(out, 200, "%u:%u:%.*s", t, n, (int)(n * 7 % 120),
	    "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz"
	    "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz");
}

static struct bytes
bytes_of(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static bool
is(struct bytes b, const char *s)
{
	return b.len == strlen(s) && memcmp(b.data, s, b.len) == 0;
}

static int
index_it(uint8_t kind, const char *id, struct bytes r, struct index_sink *sink,
    struct err *e)
{
	(void)kind;
	(void)id;
	return index_emit(sink, 1, (const char *)r.data, r.len, e);
}

static const struct store_schema schema = { 1, index_it };

/* ---- sending ------------------------------------------------------------- */

static int
decide(struct proposal *p, struct decision *d, struct err *e)
{
	struct request *r = (struct request *)p;
	char id[40], text[200];

	text_of(text, r->worker->t, r->n);
	own_id(id, r->worker->t, r->n);
	if (decision_put(d, KIND, id, ANY_VERSION, bytes_of(text), e) < 0)
		return -1;
	shared_id(id, r->n);
	return decision_put(d, KIND, id, ANY_VERSION, bytes_of(text), e);
}

static void
done(struct proposal *p)
{
	struct request *r = (struct request *)p;
	struct worker *w = r->worker;
	struct journal *j = w->run->journal;

	if (p->err.code != ERR_NONE)
		fail("request %u of %u: %s", r->n, w->t, p->err.msg);
	if (p->replayed)
		atomic_fetch_add(&j->replayed, 1);
	atomic_store(&j->answered[w->t][r->n], p->revision);
	sem_post(&w->free);
}

static void
send_one(struct worker *w, unsigned n)
{
	struct request *r = &w->window[n % WINDOW];

	/* Answers come in the order of sending: this one is free. */
	while (sem_wait(&w->free) != 0)
		;
	memset(r, 0, sizeof *r);
	r->worker = w;
	r->n = n;
	request_id(r->id, w->t, n);
	r->p.actor = "hammer";
	r->p.method = "/hammer/Put";
	r->p.request_id = bytes_of(r->id);
	r->p.decide = decide;
	r->p.done = done;
	store_propose(w->run->store, &r->p);
}

/* A window is under way, and one more waits for a place in it. */
static unsigned
unanswered_from(unsigned sent)
{
	return sent > WINDOW + 1 ? sent - WINDOW - 1 : 0;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct journal *j = w->run->journal;
	unsigned sent = atomic_load(&j->sent[w->t]);
	unsigned first = unanswered_from(sent);

	for (unsigned n = first; n < sent; n++) {
		if (atomic_load(&j->answered[w->t][n]) == 0)
			send_one(w, n);
	}
	for (unsigned n = sent; !w->run->last && n < MAX; n++) {
		atomic_store(&j->sent[w->t], n + 1);
		send_one(w, n);
	}
	for (int i = 0; i < WINDOW; i++) /* all are answered */
		while (sem_wait(&w->free) != 0)
			;
	return NULL;
}

/* ---- checking ------------------------------------------------------------ */

/* The commit of an answer is there, whole. */
static void
check_answer(struct view *v, unsigned t, unsigned n, uint64_t revision)
{
	struct mutation_iter it;
	struct mutation m;
	struct commit c;
	struct err e = { 0 };
	char want[40], text[200];

	if (view_commit(v, revision, &c, &e) != 1)
		fail("revision %llu was answered and is lost: %s",
		    (unsigned long long)revision, e.msg);
	request_id(want, t, n);
	text_of(text, t, n);
	if (!is(c.request_id, want) || c.mutations != 2)
		fail("revision %llu is not %s", (unsigned long long)revision,
		    want);
	mutation_first(&c, &it);
	own_id(want, t, n);
	if (mutation_next(&it, &m, &e) != 1 || strcmp(m.id, want) != 0 ||
	    !is(m.record, text))
		fail("revision %llu: own record", (unsigned long long)revision);
	shared_id(want, n);
	if (mutation_next(&it, &m, &e) != 1 || strcmp(m.id, want) != 0 ||
	    !is(m.record, text) || mutation_next(&it, &m, &e) != 0)
		fail("revision %llu: shared", (unsigned long long)revision);
}

/* Every answer since `from` of each thread. */
static void
check_answers(struct run *r, const unsigned from[THREADS])
{
	struct err e = { 0 };
	struct view *v = reader_view(r->reader, &e);

	if (v == NULL)
		fail("read: %s", e.msg);
	for (unsigned t = 0; t < THREADS; t++) {
		unsigned sent = atomic_load(&r->journal->sent[t]);

		for (unsigned n = from[t]; n < sent; n++) {
			uint64_t at = atomic_load(&r->journal->answered[t][n]);

			if (at != 0)
				check_answer(v, t, n, at);
		}
		r->journal->checked[t] = unanswered_from(sent);
	}
	reader_release(r->reader);
}

struct expected { /* how a record must be in the end */
	unsigned version, t, n;
	uint64_t revision;
};

static void
expect(struct expected *x, unsigned t, unsigned n, uint64_t revision)
{
	x->version++;
	if (revision > x->revision) {
		x->revision = revision;
		x->t = t;
		x->n = n;
	}
}

static void
check_record(struct view *v, const char *id, const struct expected *x)
{
	struct stored s;
	struct err e = { 0 };
	char text[200];
	int found = view_get(v, KIND, id, &s, &e);

	if (found != (x->version > 0))
		fail("%s: %d %s", id, found, e.msg);
	if (found == 0)
		return;
	text_of(text, x->t, x->n);
	if (s.version != x->version || s.revision != x->revision ||
	    !is(s.record, text))
		fail("%s has version %llu at %llu, not %u at %llu", id,
		    (unsigned long long)s.version,
		    (unsigned long long)s.revision, x->version,
		    (unsigned long long)x->revision);
}

/* Each request has its own revision, and there are no others: then each was
 * done exactly once. */
static unsigned
check_revisions(struct run *r, struct view *v)
{
	unsigned total = 0;

	for (unsigned t = 0; t < THREADS; t++) {
		unsigned sent = atomic_load(&r->journal->sent[t]);

		for (unsigned n = 0; n < sent; n++) {
			if (atomic_load(&r->journal->answered[t][n]) == 0)
				fail("request %u of %u has no answer", n, t);
			total++;
		}
	}
	if (view_revision(v) != total)
		fail("%u requests, but %llu revisions", total,
		    (unsigned long long)view_revision(v));
	return total;
}

static unsigned
check_model(struct run *r)
{
	static struct expected own[THREADS][OWN], shared[SHARED];
	struct err e = { 0 };
	struct view *v = reader_view(r->reader, &e);
	unsigned total = check_revisions(r, v);
	char id[40];

	for (unsigned t = 0; t < THREADS; t++) {
		unsigned sent = atomic_load(&r->journal->sent[t]);

		for (unsigned n = 0; n < sent; n++) {
			uint64_t at = atomic_load(&r->journal->answered[t][n]);

			expect(&own[t][n % OWN], t, n, at);
			expect(&shared[n % SHARED], t, n, at);
		}
		for (unsigned n = 0; n < OWN; n++) {
			own_id(id, t, n);
			check_record(v, id, &own[t][n]);
		}
	}
	for (unsigned n = 0; n < SHARED; n++) {
		shared_id(id, n);
		check_record(v, id, &shared[n]);
	}
	reader_release(r->reader);
	return total;
}

/* ---- one life ------------------------------------------------------------ */

static void
open_run(struct run *r, const char *dir)
{
	struct store_opts o = {
		.dir = dir,
		.map_bytes = 1UL << 30,
		.create = true,
		.schema = &schema,
	};
	struct err e = { 0 };

	if ((r->store = store_open(&o, &e)) == NULL ||
	    (r->reader = reader_new(r->store, &e)) == NULL)
		fail("open: %s", e.msg);
	atomic_fetch_add(&r->journal->opened, 1);
}

/* Look at what was answered, then send until killed (or, the last time, what
 * has no answer yet). */
static void
live(struct run *r, const char *dir)
{
	unsigned from[THREADS];

	memcpy(from, r->journal->checked, sizeof from);
	open_run(r, dir);
	check_answers(r, from);
	for (unsigned t = 0; t < THREADS; t++) {
		struct worker *w = &r->workers[t];

		w->run = r;
		w->t = t;
		sem_init(&w->free, 0, WINDOW);
		pthread_create(&w->thread, NULL, work, w);
	}
	for (unsigned t = 0; t < THREADS; t++)
		pthread_join(r->workers[t].thread, NULL);
}

static void
one_kill(struct run *r, const char *dir, unsigned *seed)
{
	long ms = rand_r(seed) % PATIENCE_MS;
	struct timespec nap = { 0, ms * 1000000 + rand_r(seed) % 1000000 };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		live(r, dir);
		pause(); /* sent all that it may: wait for the end */
	}
	nanosleep(&nap, NULL);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		fail("a writer ended by itself");
}

static unsigned
last_life(struct run *r, const char *dir)
{
	static const unsigned all[THREADS];
	struct verify_report report;
	struct err e = { 0 };
	unsigned total;

	r->last = true;
	live(r, dir);
	check_answers(r, all);
	total = check_model(r);
	if (store_verify(r->store, NULL, &report, &e) < 0)
		fail("verify: %s", e.msg);
	if (report.commits != total)
		fail("%llu commits verified of %u",
		    (unsigned long long)report.commits, total);
	reader_free(r->reader);
	store_close(r->store);
	return total;
}

int
main(int argc, char **argv)
{
	static struct run run;
	unsigned seed = (unsigned)time(NULL), kills, total;

	if (argc != 3)
		return 2;
	kills = (unsigned)atoi(argv[2]);
	alarm(LIMIT_S); /* whatever hangs */
	printf("seed %u\n", seed);
	fflush(stdout);
	run.journal = mmap(NULL, sizeof *run.journal, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.journal == MAP_FAILED)
		fail("no memory");
	for (unsigned i = 0; i < kills; i++)
		one_kill(&run, argv[1], &seed);
	total = last_life(&run, argv[1]);
	printf("ok: %u kills, %u lives wrote, %u writes, %u sent again were "
	       "already done\n",
	    kills, atomic_load(&run.journal->opened), total,
	    atomic_load(&run.journal->replayed));
	return total > kills ? 0 : 1;
}
