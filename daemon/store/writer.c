/* writer.c - see writer.h. */
#include "store/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "store/decision.h"
#include "store/fold.h"
#include "store/replay.h"

struct queue {
	struct proposal *first, **last;
	size_t n;
};

#define QUEUE_MAX 200000 /* proposals waiting: beyond, ERR_LIMIT */

struct writer {
	struct writer_opts opts;
	pthread_t thread;

	pthread_mutex_t lock; /* of the four below */
	pthread_cond_t wake;
	struct queue waiting;
	bool closing, asleep;

	/* The writer thread's own. */
	struct fold fold;
	struct replay_map *replay;
	struct head head;
	struct decision decision;
	struct buf encoded;
	size_t uncommitted; /* bytes that the open transaction adds */

	atomic_uint_least64_t commits, batches, proposals, refused, replayed;
	atomic_uint_least64_t us_total, us_max;
	atomic_size_t used;
	atomic_bool full;
	atomic_bool broken; /* the disk lost a write: no more of them */
};

/* ---- the queue ---------------------------------------------------------- */

static void
queue_init(struct queue *q)
{
	q->first = NULL;
	q->last = &q->first;
	q->n = 0;
}

static void
queue_add(struct queue *q, struct proposal *p)
{
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
	q->n++;
}

static struct proposal *
queue_take(struct queue *q)
{
	struct proposal *p = q->first;

	q->first = p->next;
	if (q->first == NULL)
		q->last = &q->first;
	q->n--;
	return p;
}

/* ---- answers ------------------------------------------------------------ */

static void
run_done(struct loop_task *task)
{
	struct proposal *p =
	    (struct proposal *)((char *)task - offsetof(struct proposal, task));

	p->done(p);
}

static void
answer(struct proposal *p)
{
	if (p->origin == NULL) {
		p->done(p);
		return;
	}
	p->task.run = run_done;
	loop_post(p->origin, &p->task);
}

static void
answer_all(struct queue *q)
{
	while (q->n > 0)
		answer(queue_take(q));
}

void
writer_propose(struct writer *w, struct proposal *p)
{
	bool refused, wake = false;

	memset(&p->err, 0, sizeof p->err);
	p->replayed = false;
	p->cancelled = false;
	pthread_mutex_lock(&w->lock);
	refused = w->closing || w->waiting.n >= QUEUE_MAX;
	if (w->closing) {
		err_set(&p->err, ERR_UNAVAILABLE, "the register is closing");
		err_reason(&p->err, "DRAINING");
	} else if (refused) {
		err_set(&p->err, ERR_LIMIT, "too many writes are waiting");
		err_reason(&p->err, "WRITES_WAITING");
	} else {
		queue_add(&w->waiting, p);
		wake = w->asleep;
	}
	pthread_mutex_unlock(&w->lock);
	if (wake)
		pthread_cond_signal(&w->wake);
	if (refused)
		answer(p);
}

/* ---- one proposal ------------------------------------------------------- */

static struct bytes
text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static bool
same(struct bytes a, struct bytes b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* 1: answered before, p filled in.  0: new.  -1: refused. */
static int
check_replay(struct writer *w, MDB_txn *txn, struct proposal *p)
{
	struct bytes actor = text(p->actor != NULL ? p->actor : "");
	struct commit c;
	uint64_t revision;
	int rc;

	if (p->request_id.len > STORE_REQUEST_ID_MAX) {
		err_set(&p->err, ERR_INVALID,
		    "request id of more than %d "
		    "bytes",
		    STORE_REQUEST_ID_MAX);
		err_reason(&p->err, "REQUEST_ID");
		return err_field(&p->err, "request_id");
	}
	if (p->request_id.len == 0 ||
	    (revision = replay_find(w->replay, actor, p->request_id)) == 0)
		return 0;
	if ((rc = log_read(w->opts.tables, txn, revision, true, &c, &p->err)) <=
	    0)
		return rc;
	if (!same(c.actor, actor) || !same(c.request_id, p->request_id))
		return 0;
	if (memcmp(c.body_hash, p->body_hash, STORE_HASH_LEN) != 0) {
		err_set(&p->err, ERR_EXISTS,
		    "this request id was used for "
		    "another request, at revision %llu",
		    (unsigned long long)revision);
		err_field(&p->err, "request_id");
		err_reason(&p->err, "REQUEST_ID_REUSED");
		return err_remedy(&p->err, "choose a new request id for each "
					   "new intention");
	}
	p->replayed = true;
	p->revision = revision;
	p->time_ns = c.time_ns;
	return 1;
}

static int
check_space(struct writer *w, struct err *e)
{
	MDB_envinfo info;
	MDB_stat st;

	mdb_env_info(w->opts.tables->env, &info);
	mdb_env_stat(w->opts.tables->env, &st);
	atomic_store(&w->used, (info.me_last_pgno + 1) * st.ms_psize);
	if (w->broken) {
		err_set(e, ERR_IO, "the disk lost a write: no more writes");
		err_reason(e, "STORE_BROKEN");
		return err_remedy(e, "check the disk, then restart resoprod");
	}
	if (atomic_load(&w->used) + w->uncommitted <= w->opts.quota_bytes)
		return 0;
	err_set(e, ERR_LIMIT, "the store has reached its quota of %zu bytes",
	    w->opts.quota_bytes);
	err_reason(e, "STORE_FULL");
	return err_remedy(e, "raise store.quota in resoprod.conf");
}

/* Append and fold what was decided; the head moves. */
static int
commit_decision(struct writer *w, MDB_txn *txn, struct proposal *p)
{
	struct decision *d = &w->decision;
	struct commit c;

	buf_reset(&w->encoded, 1 << 20);
	if (decision_encode(d, p, w->head.hash, &w->encoded) < 0)
		return err_set(&p->err, ERR_NOMEM, "commit");
	w->uncommitted += 2 * buf_len(&w->encoded); /* log and records */
	if (check_space(w, &p->err) < 0)
		return -1;
	if (commit_decode((struct bytes){ buf_head(&w->encoded),
			      buf_len(&w->encoded) },
		&c, &p->err) < 0 ||
	    apply(&w->fold, txn, &c, &p->err) < 0)
		return -2; /* the transaction holds half of it */
	w->head.revision = c.revision;
	w->head.time_ns = c.time_ns;
	digest_sha256(c.encoded.data, c.encoded.len, w->head.hash);
	p->revision = c.revision;
	p->time_ns = c.time_ns;
	if (p->request_id.len > 0)
		replay_add(w->replay, c.actor, p->request_id, c.revision);
	return 1;
}

/* 1: in the transaction.  0: answered without a change.  -1: refused, nothing
 * written.  -2: failed half-way, the transaction must be aborted. */
static int
run_proposal(struct writer *w, MDB_txn *txn, struct proposal *p)
{
	struct decision *d = &w->decision;
	int64_t now = clock_wall_ns();
	int rc;

	memset(&p->err, 0, sizeof p->err);
	p->replayed = false;
	if (__atomic_load_n(&p->cancelled, __ATOMIC_RELAXED))
		return err_set(&p->err, ERR_CANCELLED,
		    "cancelled before it began");
	if ((rc = check_replay(w, txn, p)) != 0)
		return rc > 0 ? 0 : -1;
	d->view = (struct view){ .tables = w->opts.tables,
		.txn = txn,
		.head = w->head.revision,
		.oldest = 1 };
	decision_reset(d, w->head.revision + 1,
	    now > w->head.time_ns ? now : w->head.time_ns);
	if (p->decide(p, d, &p->err) < 0) {
		if (p->err.code == ERR_NONE)
			err_set(&p->err, ERR_INTERNAL, "refused for no reason");
		return -1;
	}
	if (d->count == 0) {
		p->revision = w->head.revision;
		p->time_ns = w->head.time_ns;
		return 0;
	}
	return commit_decision(w, txn, p);
}

/* ---- a batch ------------------------------------------------------------ */

static void
count_outcome(struct writer *w, const struct proposal *p)
{
	atomic_fetch_add(&w->proposals, 1);
	if (p->err.code != ERR_NONE)
		atomic_fetch_add(&w->refused, 1);
	if (p->replayed)
		atomic_fetch_add(&w->replayed, 1);
}

static int
begin(struct writer *w, MDB_txn **txn, struct err *e)
{
	int rc = mdb_txn_begin(w->opts.tables->env, NULL, 0, txn);

	w->uncommitted = 0;
	return rc != 0 ? tables_err(e, rc, "begin to write") : 0;
}

/* fsync, then tell.  Fails: nothing of it is on disk, or the disk is broken. */
static int
finish(struct writer *w, MDB_txn *txn, unsigned commits, struct err *e)
{
	int64_t start = clock_monotonic_ns();
	uint64_t us;
	int rc;

	/* LMDB says EIO, too, when a write was cut short for want of space:
	 * then no call has failed, and errno stays. */
	errno = 0;
	rc = mdb_txn_commit(txn);
	if (rc == EIO && errno != EIO)
		rc = ENOSPC;
	if (rc == EIO) {
		/* After a failed fsync nobody knows what the disk holds. */
		w->broken = true;
		log_error("store_broken", "error=EIO");
	}
	if (rc != 0)
		return tables_err(e, rc, "commit");
	us = (uint64_t)(clock_monotonic_ns() - start) / 1000;
	atomic_fetch_add(&w->us_total, us);
	if (us > atomic_load(&w->us_max))
		atomic_store(&w->us_max, us);
	atomic_fetch_add(&w->commits, commits);
	atomic_fetch_add(&w->batches, 1);
	return 0;
}

static void
note_space(struct writer *w, bool full)
{
	if (atomic_exchange(&w->full, full) != full)
		log_warning(full ? "store_full" : "store_has_space", "used=%zu",
		    atomic_load(&w->used));
}

static void
undo(struct writer *w, const struct head *before)
{
	w->head = *before;
	replay_forget_above(w->replay, before->revision);
}

/* One proposal in a transaction of its own. */
static void
run_alone(struct writer *w, struct proposal *p)
{
	struct head before = w->head;
	MDB_txn *txn;
	int rc;

	if (begin(w, &txn, &p->err) < 0)
		return;
	rc = run_proposal(w, txn, p);
	if (rc == 1 && finish(w, txn, 1, &p->err) == 0) {
		note_space(w, false);
		w->opts.moved(w->opts.store, &w->head);
		return;
	}
	if (rc != 1)
		mdb_txn_abort(txn);
	undo(w, &before);
	if (tables_full(&p->err))
		note_space(w, true);
}

/* The whole batch in one transaction; false: it must be done one by one. */
static bool
run_together(struct writer *w, const struct queue *batch)
{
	struct head before = w->head;
	struct err e = { 0 };
	unsigned commits = 0;
	MDB_txn *txn;

	if (begin(w, &txn, &e) < 0)
		return false;
	for (struct proposal *p = batch->first; p != NULL; p = p->next) {
		int rc = run_proposal(w, txn, p);

		if (rc == -2 || tables_full(&p->err)) {
			mdb_txn_abort(txn);
			undo(w, &before);
			return false;
		}
		commits += rc == 1;
	}
	if (commits == 0) {
		mdb_txn_abort(txn);
		return true;
	}
	if (finish(w, txn, commits, &e) < 0) {
		undo(w, &before);
		return false;
	}
	note_space(w, false);
	w->opts.moved(w->opts.store, &w->head);
	return true;
}

static void
run_batch(struct writer *w, struct queue *batch)
{
	if (batch->n == 1 || !run_together(w, batch)) {
		for (struct proposal *p = batch->first; p != NULL; p = p->next)
			run_alone(w, p);
	}
	for (struct proposal *p = batch->first; p != NULL; p = p->next)
		count_outcome(w, p);
	answer_all(batch);
}

/* ---- the thread --------------------------------------------------------- */

/* Remember the request ids of the log's tail. */
static int
rebuild_replay(struct writer *w, struct err *e)
{
	const struct tables *t = w->opts.tables;
	MDB_txn *txn;
	struct commit c;
	int rc = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return tables_err(e, rc, "rebuild request ids");
	for (uint64_t r = w->head.revision; r > 0; r--) {
		if ((rc = log_read(t, txn, r, false, &c, e)) <= 0)
			break; /* compacted here, or damaged */
		if (c.request_id.len > 0 &&
		    !replay_add_older(w->replay, c.actor, c.request_id, r))
			break;
	}
	mdb_txn_abort(txn);
	return rc < 0 ? -1 : 0;
}

/* Wait for work; false: closing and nothing left. */
static bool
next_batch(struct writer *w, struct queue *batch)
{
	queue_init(batch);
	pthread_mutex_lock(&w->lock);
	while (w->waiting.n == 0 && !w->closing) {
		w->asleep = true;
		pthread_cond_wait(&w->wake, &w->lock);
		w->asleep = false;
	}
	while (w->waiting.n > 0 && batch->n < w->opts.max_batch)
		queue_add(batch, queue_take(&w->waiting));
	pthread_mutex_unlock(&w->lock);
	return batch->n > 0;
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct queue batch;
	struct err e = { 0 };

	if (rebuild_replay(w, &e) < 0) {
		/* Without it a repeated write could be done twice. */
		log_error("request_ids_lost", "error=\"%s\"", e.msg);
		w->broken = true;
	}
	while (next_batch(w, &batch))
		run_batch(w, &batch);
	return NULL;
}

static void
writer_free(struct writer *w)
{
	fold_free(&w->fold);
	replay_free(w->replay);
	decision_free(&w->decision);
	buf_free(&w->encoded);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w);
}

static int
read_head(struct writer *w, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(w->opts.tables->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return tables_err(e, rc, "read the log");
	rc = head_read(w->opts.tables, txn, &w->head, e);
	mdb_txn_abort(txn);
	if (rc == 0)
		rc = check_space(w, e);
	/* A full store opens: it serves reads. */
	if (rc < 0 && tables_full(e)) {
		err_clear(e);
		atomic_store(&w->full, true);
		rc = 0;
	}
	return rc;
}

struct writer *
writer_start(const struct writer_opts *o, struct err *e)
{
	struct writer *w = calloc(1, sizeof *w);
	int rc;

	if (w == NULL) {
		err_set(e, ERR_NOMEM, "writer");
		return NULL;
	}
	w->opts = *o;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	queue_init(&w->waiting);
	fold_init(&w->fold, o->tables);
	w->replay = replay_new(o->request_ids, e);
	if (w->replay == NULL || read_head(w, e) < 0) {
		writer_free(w);
		return NULL;
	}
	o->moved(o->store, &w->head);
	if ((rc = pthread_create(&w->thread, NULL, writer_main, w)) != 0) {
		err_set(e, ERR_IO, "start the writer: %s", strerror(rc));
		writer_free(w);
		return NULL;
	}
	return w;
}

void
writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_mutex_unlock(&w->lock);
	pthread_cond_signal(&w->wake);
	pthread_join(w->thread, NULL);
	writer_free(w);
}

void
writer_counts(struct writer *w, struct writer_counts *c)
{
	*c = (struct writer_counts){
		.commits = atomic_load(&w->commits),
		.batches = atomic_load(&w->batches),
		.proposals = atomic_load(&w->proposals),
		.refused = atomic_load(&w->refused),
		.replayed = atomic_load(&w->replayed),
		.commit_us_total = atomic_load(&w->us_total),
		.commit_us_max = atomic_load(&w->us_max),
		.used_bytes = atomic_load(&w->used),
		.writes_refused =
		    atomic_load(&w->full) || atomic_load(&w->broken),
	};
}
