/* store.c - open and close, snapshots, statistics, who wants to know. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/fold.h"
#include "store/lock.h"
#include "store/verify.h"
#include "store/view.h"
#include "store/writer.h"

#define DEFAULT_REQUEST_IDS 200000
#define DEFAULT_READERS 126
#define DEFAULT_BATCH 4096
/* What a quota leaves free, so that a full store can still be opened and its
 * indexes rebuilt. */
#define RESERVE (64UL << 20)

struct store {
	struct tables tables;
	struct writer *writer; /* NULL: read-only */
	size_t map_bytes, quota_bytes;
	char *dir;
	int lock; /* descriptor, or -1 */
	atomic_uint_least64_t head_revision;
	atomic_int_least64_t head_time;
	pthread_mutex_t watch_lock;
	struct store_watch *watches;
};

/* ---- watches ------------------------------------------------------------ */

struct store_watch {
	struct loop_task task; /* first: posted once at a time */
	struct store *store;
	struct loop *loop;
	moved_fn *moved;
	void *arg;
	atomic_bool posted;
	bool dead; /* its loop's thread only */
	struct store_watch *next, **link;
};

static void
run_watch(struct loop_task *task)
{
	struct store_watch *w = (struct store_watch *)task;

	/* Before the head is read: a commit from here on posts again. */
	atomic_store(&w->posted, false);
	if (w->dead) {
		free(w);
		return;
	}
	w->moved(w, atomic_load(&w->store->head_revision), w->arg);
}

static void
head_moved(struct store *st, const struct head *h)
{
	atomic_store(&st->head_time, h->time_ns);
	atomic_store(&st->head_revision, h->revision);
	pthread_mutex_lock(&st->watch_lock);
	for (struct store_watch *w = st->watches; w != NULL; w = w->next) {
		if (!atomic_exchange(&w->posted, true))
			loop_post(w->loop, &w->task);
	}
	pthread_mutex_unlock(&st->watch_lock);
}

struct store_watch *
store_watch_new(struct store *st, struct loop *loop, moved_fn *moved, void *arg,
    struct err *e)
{
	struct store_watch *w = calloc(1, sizeof *w);

	if (w == NULL) {
		err_set(e, ERR_NOMEM, "watch the store");
		return NULL;
	}
	w->task.run = run_watch;
	w->store = st;
	w->loop = loop;
	w->moved = moved;
	w->arg = arg;
	pthread_mutex_lock(&st->watch_lock);
	w->next = st->watches;
	w->link = &st->watches;
	if (w->next != NULL)
		w->next->link = &w->next;
	st->watches = w;
	pthread_mutex_unlock(&st->watch_lock);
	return w;
}

void
store_watch_free(struct store_watch *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->store->watch_lock);
	*w->link = w->next;
	if (w->next != NULL)
		w->next->link = w->link;
	pthread_mutex_unlock(&w->store->watch_lock);
	/* Nobody posts it any more; if it is on its way, it frees itself. */
	w->dead = true;
	if (!atomic_load(&w->posted))
		free(w);
}

/* ---- open --------------------------------------------------------------- */

static int
make_dir(const struct store_opts *o, struct err *e)
{
	struct stat sb;

	if (stat(o->dir, &sb) == 0) {
		if (S_ISDIR(sb.st_mode))
			return 0;
		return err_set(e, ERR_IO, "store %s is not a directory",
		    o->dir);
	}
	if (errno != ENOENT)
		return tables_err(e, errno, o->dir);
	if (!o->create) {
		err_set(e, ERR_NOT_FOUND, "store %s does not exist", o->dir);
		return err_remedy(e, "create it with resoprod --init");
	}
	if (mkdir(o->dir, 0700) < 0)
		return tables_err(e, errno, o->dir);
	return 0;
}

static int
check_exists(const struct store_opts *o, struct err *e)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/data.mdb", o->dir);
	if (o->create || access(path, F_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return tables_err(e, errno, path);
	err_set(e, ERR_NOT_FOUND, "there is no register in %s", o->dir);
	return err_remedy(e, "create it with resoprod --init");
}

/* Format, and the indexes if the schema that wrote them was another. */
static int
check_format(struct store *st, MDB_txn *txn, struct err *e)
{
	const struct tables *t = &st->tables;
	uint64_t format, index, want;
	struct fold f;
	int rc;

	want = t->schema != NULL ? t->schema->index_version : 0;
	if (meta_get(t, txn, META_FORMAT, 0, &format, e) < 0 ||
	    meta_get(t, txn, META_INDEX, want, &index, e) < 0)
		return -1;
	if (format > STORE_FORMAT) {
		err_set(e, ERR_CORRUPT,
		    "store %s has format %llu, this "
		    "resoprod knows %d",
		    st->dir, (unsigned long long)format, STORE_FORMAT);
		return err_remedy(e, "install the resoprod that wrote it, or "
				     "a newer one");
	}
	if (format == 0 && meta_put(t, txn, META_FORMAT, STORE_FORMAT, e) < 0)
		return -1;
	if (format != 0 && index == want)
		return 0;
	if (index != want) {
		log_info("reindex", "from=%llu to=%llu",
		    (unsigned long long)index, (unsigned long long)want);
		fold_init(&f, t);
		rc = fold_reindex(&f, txn, e);
		fold_free(&f);
		if (rc < 0)
			return -1;
	}
	return meta_put(t, txn, META_INDEX, want, e);
}

static int
prepare(struct store *st, struct err *e)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(st->tables.env, NULL, 0, &txn);

	if (rc != 0)
		return tables_err(e, rc, st->dir);
	/* A store that is as it should be has nothing to write here: a full
	 * disk stops a new one and a reindex, not the register. */
	if (check_format(st, txn, e) < 0) {
		mdb_txn_abort(txn);
		return err_wrap(e, "store %s: ", st->dir);
	}
	rc = mdb_txn_commit(txn);
	return rc != 0 ? tables_err(e, rc, st->dir) : 0;
}

static int
start_writing(struct store *st, const struct store_opts *o, struct err *e)
{
	struct writer_opts w = {
		.tables = &st->tables,
		.quota_bytes = st->quota_bytes,
		.request_ids =
		    o->request_ids != 0 ? o->request_ids : DEFAULT_REQUEST_IDS,
		.max_batch = o->max_batch != 0 ? o->max_batch : DEFAULT_BATCH,
		.moved = head_moved,
		.store = st,
	};

	if (prepare(st, e) < 0)
		return -1;
	st->writer = writer_start(&w, e);
	return st->writer != NULL ? 0 : -1;
}

/* LMDB syncs its file, not the name of it. */
static int
sync_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);

	if (rc < 0)
		tables_err(e, errno, dir);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A reader's first look at the head. */
static int
look(struct store *st, struct err *e)
{
	MDB_txn *txn;
	struct head h;
	int rc = mdb_txn_begin(st->tables.env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return tables_err(e, rc, st->dir);
	rc = head_read(&st->tables, txn, &h, e);
	mdb_txn_abort(txn);
	atomic_store(&st->head_revision, h.revision);
	atomic_store(&st->head_time, h.time_ns);
	return rc;
}

static int
open_in(struct store *st, const struct store_opts *o, struct err *e)
{
	struct tables_opts t = {
		.dir = o->dir,
		.map_bytes = o->map_bytes,
		.max_readers =
		    o->max_readers != 0 ? o->max_readers : DEFAULT_READERS,
		.read_only = o->read_only,
		.create = o->create,
	};

	if (make_dir(o, e) < 0 || check_exists(o, e) < 0)
		return -1;
	if (!o->read_only && (st->lock = lock_take(o->dir, e)) < 0)
		return -1;
	if (tables_open(&st->tables, &t, e) < 0 ||
	    (o->create && sync_dir(o->dir, e) < 0))
		return -1;
	return o->read_only ? look(st, e) : start_writing(st, o, e);
}

struct store *
store_open(const struct store_opts *o, struct err *e)
{
	struct store *st = calloc(1, sizeof *st);

	if (st == NULL || (st->dir = strdup(o->dir)) == NULL) {
		free(st);
		err_set(e, ERR_NOMEM, "store");
		return NULL;
	}
	st->lock = -1;
	st->tables.schema = o->schema;
	st->map_bytes = o->map_bytes;
	st->quota_bytes = o->quota_bytes;
	if (st->quota_bytes == 0 || st->quota_bytes > o->map_bytes - RESERVE)
		st->quota_bytes = o->map_bytes > 2 * RESERVE
				      ? o->map_bytes - RESERVE
				      : o->map_bytes / 2;
	pthread_mutex_init(&st->watch_lock, NULL);
	if (open_in(st, o, e) < 0) {
		store_close(st);
		return NULL;
	}
	return st;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	if (st->writer != NULL)
		writer_stop(st->writer);
	tables_close(&st->tables);
	if (st->lock >= 0)
		close(st->lock); /* gives the lock back */
	pthread_mutex_destroy(&st->watch_lock);
	free(st->dir);
	free(st);
}

void
store_propose(struct store *st, struct proposal *p)
{
	writer_propose(st->writer, p);
}

void
store_cancel(struct proposal *p)
{
	__atomic_store_n(&p->cancelled, true, __ATOMIC_RELAXED);
}

/* ---- snapshots ---------------------------------------------------------- */

struct reader *
reader_new(struct store *st, struct err *e)
{
	struct reader *r = calloc(1, sizeof *r);

	if (r == NULL) {
		err_set(e, ERR_NOMEM, "reader");
		return NULL;
	}
	r->store = st;
	r->view.tables = &st->tables;
	return r;
}

void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	if (r->log != NULL)
		mdb_cursor_close(r->log);
	if (r->txn != NULL)
		mdb_txn_abort(r->txn);
	free(r);
}

static int
renew(struct reader *r)
{
	int rc;

	if (r->txn == NULL) {
		rc = mdb_txn_begin(r->store->tables.env, NULL, MDB_RDONLY,
		    &r->txn);
		if (rc != 0)
			return rc;
	} else if ((rc = mdb_txn_renew(r->txn)) != 0) {
		return rc;
	}
	r->open = true;
	if (r->log == NULL)
		return mdb_cursor_open(r->txn, r->store->tables.log, &r->log);
	return mdb_cursor_renew(r->txn, r->log);
}

static int
find_bounds(struct reader *r)
{
	MDB_val key, v;
	int rc = mdb_cursor_get(r->log, &key, &v, MDB_LAST);

	r->view.head = rc == 0 ? be64_get(key.mv_data) : 0;
	if (rc == 0 && r->view.oldest == 0 &&
	    (rc = mdb_cursor_get(r->log, &key, &v, MDB_FIRST)) == 0)
		r->view.oldest = be64_get(key.mv_data);
	return rc == MDB_NOTFOUND ? 0 : rc;
}

struct view *
reader_view(struct reader *r, struct err *e)
{
	int rc;

	if (r->open)
		return &r->view;
	if ((rc = renew(r)) != 0 || (rc = find_bounds(r)) != 0) {
		tables_err(e, rc, "read the store");
		reader_release(r);
		return NULL;
	}
	r->view.txn = r->txn;
	r->view.verified = 0;
	return &r->view;
}

void
reader_release(struct reader *r)
{
	if (r->open)
		mdb_txn_reset(r->txn);
	r->open = false;
}

/* ---- statistics --------------------------------------------------------- */

static void
count_records(struct store *st, struct store_stats *s)
{
	struct err e = { 0 };
	MDB_txn *txn;
	MDB_stat stat;
	uint64_t deleted, newest;

	if (mdb_txn_begin(st->tables.env, NULL, MDB_RDONLY, &txn) != 0)
		return;
	if (mdb_stat(txn, st->tables.records, &stat) == 0 &&
	    meta_get(&st->tables, txn, META_DELETED, 0, &deleted, &e) == 0)
		s->records = stat.ms_entries - deleted;
	log_bounds(&st->tables, txn, &s->oldest_revision, &newest, &e);
	mdb_txn_abort(txn);
}

void
store_stats(struct store *st, struct store_stats *s)
{
	struct writer_counts c = { 0 };

	memset(s, 0, sizeof *s);
	count_records(st, s);
	if (st->writer != NULL)
		writer_counts(st->writer, &c);
	s->head_revision = atomic_load(&st->head_revision);
	s->head_time_ns = atomic_load(&st->head_time);
	s->used_bytes = c.used_bytes;
	s->quota_bytes = st->quota_bytes;
	s->map_bytes = st->map_bytes;
	s->commits = c.commits;
	s->batches = c.batches;
	s->proposals = c.proposals;
	s->refused = c.refused;
	s->replayed = c.replayed;
	s->commit_us_total = c.commit_us_total;
	s->commit_us_max = c.commit_us_max;
	s->writes_refused = c.writes_refused;
	s->format = STORE_FORMAT;
}

uint64_t
store_head(const struct store *st)
{
	return atomic_load(&st->head_revision);
}

int
store_prefault(struct store *st, const bool *stop, struct err *e)
{
	static const size_t step = 1 << 20;
	char path[4096], *block = malloc(step);
	ssize_t got = 0;
	int fd, error;

	snprintf(path, sizeof path, "%s/data.mdb", st->dir);
	if (block == NULL)
		return err_set(e, ERR_NOMEM, "prefault");
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0) {
		free(block);
		return tables_err(e, errno, path);
	}
	/* Read in order, which is fastest; but announced as random, or the page
	 * cache holds it in large pieces, and each page that a commit writes
	 * costs a walk through all the pages of its piece. */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	while (!__atomic_load_n(stop, __ATOMIC_RELAXED) &&
	       (got = read(fd, block, step)) > 0)
		;
	error = errno;
	close(fd);
	free(block);
	return got < 0 ? tables_err(e, error, path) : 0;
}

int
store_verify(struct store *st, const char *scratch_dir, struct verify_report *r,
    struct err *e)
{
	return verify(&st->tables, st->dir, st->map_bytes, scratch_dir, r, e);
}
