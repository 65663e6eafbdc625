/* tables.c - see tables.h. */
#include "store/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"

#define DATABASES 5

int
tables_err(struct err *e, int rc, const char *what)
{
	switch (rc) {
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		err_set(e, ERR_LIMIT, "%s: no space left (%s)", what,
		    mdb_strerror(rc));
		err_reason(e, "STORE_FULL");
		return err_remedy(e, "free disk space or raise the store's "
				     "quota; writes resume by themselves");
	case MDB_READERS_FULL:
		err_set(e, ERR_LIMIT, "%s: too many readers", what);
		return err_reason(e, "READERS_FULL");
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		err_set(e, ERR_CORRUPT, "%s: %s", what, mdb_strerror(rc));
		return err_remedy(e, "restore the last backup");
	case EACCES:
	case EPERM:
	case EROFS:
		err_set(e, ERR_IO, "%s: %s", what, strerror(rc));
		return err_remedy(e, "give the daemon's user the right to read "
				     "and write there");
	case ENOMEM:
		err_set(e, ERR_NOMEM, "%s: out of memory", what);
		return err_remedy(e, "reserve less address space (store."
				     "map_size)");
	case EINVAL:
		err_set(e, ERR_IO, "%s: %s", what, strerror(rc));
		return err_remedy(e, "check store.map_size: this machine "
				     "cannot reserve as much");
	default:
		return err_set(e, ERR_IO, "%s: %s", what, mdb_strerror(rc));
	}
}

bool
tables_full(const struct err *e)
{
	return e->code == ERR_LIMIT && strcmp(e->reason, "STORE_FULL") == 0;
}

/* ---- open --------------------------------------------------------------- */

static int
open_databases(struct tables *t, const struct tables_opts *o, struct err *e)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
	} dbs[DATABASES] = {
		{ "meta", &t->meta },
		{ "log", &t->log },
		{ "records", &t->records },
		{ "index", &t->index },
		{ "confirm", &t->confirm },
	};
	MDB_txn *txn;
	int rc =
	    mdb_txn_begin(t->env, NULL, o->read_only ? MDB_RDONLY : 0, &txn);

	if (rc != 0)
		return tables_err(e, rc, "open the store");
	for (size_t i = 0; i < DATABASES && rc == 0; i++)
		rc = mdb_dbi_open(txn, dbs[i].name,
		    o->read_only ? 0 : MDB_CREATE, dbs[i].dbi);
	if (rc != 0) {
		mdb_txn_abort(txn);
		return tables_err(e, rc == MDB_NOTFOUND ? MDB_INVALID : rc,
		    "open the store");
	}
	rc = mdb_txn_commit(txn);
	return rc != 0 ? tables_err(e, rc, "open the store") : 0;
}

#define READER_BYTES 64 /* LMDB's, one a reader, and a few for its mutexes */
#define LOCK_HEAD 1024

/* LMDB makes its lock file sparse and maps it: on a full disk, touching it
 * would be a SIGBUS.  Before it does, have the space, or an error. */
static int
reserve_lock_file(const struct tables_opts *o, struct err *e)
{
	char path[4096];
	int fd, rc;

	snprintf(path, sizeof path, "%s/lock.mdb", o->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return o->read_only ? 0 : tables_err(e, errno, path);
	rc = posix_fallocate(fd, 0, LOCK_HEAD + READER_BYTES * o->max_readers);
	close(fd);
	return rc != 0 ? tables_err(e, rc, path) : 0;
}

int
tables_open(struct tables *t, const struct tables_opts *o, struct err *e)
{
	/* NOTLS: a reader belongs to an object, not to a thread. */
	unsigned flags =
	    MDB_NOTLS | (o->read_only ? MDB_RDONLY : 0) |
	    (o->scratch ? MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOLOCK : 0);
	char what[256];
	int rc;

	if (!o->scratch && reserve_lock_file(o, e) < 0)
		return -1;
	snprintf(what, sizeof what, "store %s", o->dir);
	if ((rc = mdb_env_create(&t->env)) != 0)
		return tables_err(e, rc, what);
	if ((rc = mdb_env_set_mapsize(t->env, o->map_bytes)) != 0 ||
	    (rc = mdb_env_set_maxdbs(t->env, DATABASES)) != 0 ||
	    (rc = mdb_env_set_maxreaders(t->env, o->max_readers)) != 0 ||
	    (rc = mdb_env_open(t->env, o->dir, flags, 0600)) != 0) {
		mdb_env_close(t->env);
		t->env = NULL;
		return tables_err(e, rc, what);
	}
	/* Slots of readers that died with their process. */
	mdb_reader_check(t->env, NULL);
	if (open_databases(t, o, e) < 0) {
		tables_close(t);
		return err_wrap(e, "%s: ", what);
	}
	return 0;
}

void
tables_close(struct tables *t)
{
	if (t->env != NULL)
		mdb_env_close(t->env);
	t->env = NULL;
}

/* ---- small reads and writes --------------------------------------------- */

int
tables_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *out, struct err *e)
{
	int rc = mdb_get(txn, dbi, key, out);

	if (rc == 0)
		return 1;
	return rc == MDB_NOTFOUND ? 0 : tables_err(e, rc, "read");
}

int
meta_get(const struct tables *t, MDB_txn *txn, const char *name,
    uint64_t absent, uint64_t *out, struct err *e)
{
	MDB_val key = val(name, strlen(name)), v;
	int rc = tables_get(txn, t->meta, &key, &v, e);

	*out = absent;
	if (rc < 0)
		return -1;
	if (rc == 1 && v.mv_size != 8)
		return err_set(e, ERR_CORRUPT, "meta %s: %zu bytes", name,
		    v.mv_size);
	if (rc == 1)
		*out = be64_get(v.mv_data);
	return 0;
}

int
meta_put(const struct tables *t, MDB_txn *txn, const char *name, uint64_t n,
    struct err *e)
{
	uint8_t data[8];
	MDB_val key = val(name, strlen(name)), v = val(data, sizeof data);
	int rc;

	be64_put(data, n);
	rc = mdb_put(txn, t->meta, &key, &v, 0);
	return rc != 0 ? tables_err(e, rc, "write meta") : 0;
}

size_t
record_key(uint8_t out[RECORD_KEY_MAX], uint8_t kind, const char *id)
{
	size_t len = strnlen(id, STORE_ID_MAX);

	out[0] = kind;
	memcpy(out + 1, id, len);
	return 1 + len;
}

int
record_read(const struct tables *t, MDB_txn *txn, uint8_t kind, const char *id,
    struct stored *s, struct err *e)
{
	uint8_t k[RECORD_KEY_MAX];
	MDB_val key = val(k, record_key(k, kind, id)), v;
	int rc;

	if ((rc = tables_get(txn, t->records, &key, &v, e)) <= 0)
		return rc;
	s->kind = kind;
	memcpy(s->id, k + 1, key.mv_size - 1);
	s->id[key.mv_size - 1] = '\0';
	if (record_decode((struct bytes){ v.mv_data, v.mv_size }, s, e) < 0)
		return err_wrap(e, "record %u/%s: ", kind, s->id);
	return 1;
}

/* ---- the log ------------------------------------------------------------ */

int
log_read(const struct tables *t, MDB_txn *txn, uint64_t revision, bool check,
    struct commit *c, struct err *e)
{
	uint8_t k[8];
	MDB_val key = val(k, sizeof k), v;
	const uint8_t *p;
	int rc;

	be64_put(k, revision);
	if ((rc = tables_get(txn, t->log, &key, &v, e)) <= 0)
		return rc;
	p = v.mv_data;
	if (v.mv_size < 8 ||
	    (check && be64_get(p) != checksum(p + 8, v.mv_size - 8)))
		return err_set(e, ERR_CORRUPT, "commit %llu fails its checksum",
		    (unsigned long long)revision);
	if (commit_decode((struct bytes){ p + 8, v.mv_size - 8 }, c, e) < 0)
		return err_wrap(e,
		    "commit %llu: ", (unsigned long long)revision);
	if (c->revision != revision)
		return err_set(e, ERR_CORRUPT, "commit %llu says it is %llu",
		    (unsigned long long)revision,
		    (unsigned long long)c->revision);
	return 1;
}

static int
log_end(MDB_cursor *cursor, MDB_cursor_op op, uint64_t *revision, struct err *e)
{
	MDB_val key, v;
	int rc = mdb_cursor_get(cursor, &key, &v, op);

	*revision = 0;
	if (rc == MDB_NOTFOUND)
		return 0;
	if (rc != 0)
		return tables_err(e, rc, "read the log");
	if (key.mv_size != 8)
		return err_set(e, ERR_CORRUPT, "log key of %zu bytes",
		    key.mv_size);
	*revision = be64_get(key.mv_data);
	return 0;
}

int
log_bounds(const struct tables *t, MDB_txn *txn, uint64_t *oldest,
    uint64_t *newest, struct err *e)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(txn, t->log, &cursor);

	if (rc != 0)
		return tables_err(e, rc, "read the log");
	rc = log_end(cursor, MDB_FIRST, oldest, e);
	if (rc == 0)
		rc = log_end(cursor, MDB_LAST, newest, e);
	mdb_cursor_close(cursor);
	return rc;
}

int
head_read(const struct tables *t, MDB_txn *txn, struct head *h, struct err *e)
{
	struct commit c;
	uint64_t oldest;
	int rc;

	memset(h, 0, sizeof *h);
	if (log_bounds(t, txn, &oldest, &h->revision, e) < 0)
		return -1;
	if (h->revision == 0)
		return 0;
	if ((rc = log_read(t, txn, h->revision, true, &c, e)) <= 0)
		return rc < 0 ? -1
			      : err_set(e, ERR_CORRUPT, "log lost its end");
	h->time_ns = c.time_ns;
	digest_sha256(c.encoded.data, c.encoded.len, h->hash);
	return 0;
}
