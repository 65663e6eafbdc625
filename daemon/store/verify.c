/*
 * verify.c - is the state what the log says?  Each commit of one snapshot is
 * checked (checksum, chain) and applied to an empty environment by the same
 * apply() that the writer uses; then the two are compared key by key.
 */
#include "store/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "store/fold.h"

#define COMMITS_A_BATCH 2000

struct refold {
	const struct tables *of;
	MDB_txn *snapshot;
	struct tables scratch;
	char dir[4096];
	struct head head; /* of what was folded so far */
	struct fold fold;
	struct verify_report *report;
};

/* ---- the log ------------------------------------------------------------ */

static int
check_chain(struct refold *r, const struct commit *c, struct err *e)
{
	if (memcmp(c->prev_hash, r->head.hash, STORE_HASH_LEN) != 0)
		return err_set(e, ERR_CORRUPT,
		    "commit %llu does not follow "
		    "from the one before: its hash differs",
		    (unsigned long long)c->revision);
	if (c->time_ns < r->head.time_ns)
		return err_set(e, ERR_CORRUPT,
		    "commit %llu is older than the "
		    "one before",
		    (unsigned long long)c->revision);
	r->head.revision = c->revision;
	r->head.time_ns = c->time_ns;
	digest_sha256(c->encoded.data, c->encoded.len, r->head.hash);
	return 0;
}

static int
refold_some(struct refold *r, MDB_txn *txn, uint64_t last, struct err *e)
{
	struct commit c;

	while (r->head.revision < last) {
		int rc = log_read(r->of, r->snapshot, r->head.revision + 1,
		    true, &c, e);

		if (rc <= 0)
			return rc < 0
				   ? -1
				   : err_set(e, ERR_CORRUPT,
					 "commit %llu is missing",
					 (unsigned long long)r->head.revision +
					     1);
		if (check_chain(r, &c, e) < 0 ||
		    apply(&r->fold, txn, &c, e) < 0)
			return -1;
		r->report->commits++;
	}
	return 0;
}

static int
refold_all(struct refold *r, uint64_t newest, struct err *e)
{
	while (r->head.revision < newest) {
		uint64_t last = r->head.revision + COMMITS_A_BATCH;
		MDB_txn *txn;
		int rc = mdb_txn_begin(r->scratch.env, NULL, 0, &txn);

		if (rc != 0)
			return tables_err(e, rc, "verify");
		if (refold_some(r, txn, last < newest ? last : newest, e) < 0) {
			mdb_txn_abort(txn);
			return -1;
		}
		if ((rc = mdb_txn_commit(txn)) != 0)
			return tables_err(e, rc, "verify");
	}
	return 0;
}

/* ---- comparing ---------------------------------------------------------- */

static int
differs(struct err *e, const char *table, const MDB_val *key)
{
	char name[200];
	const unsigned char *k = key->mv_data;
	size_t n = 0, i = 0;

	/* A record's kind and an index's number come first. */
	if (key->mv_size > 0 && k[0] <= ' ')
		n = (size_t)snprintf(name, sizeof name, "%u/", k[i++]);
	for (; i < key->mv_size && n + 5 < sizeof name; i++)
		n += (size_t)snprintf(name + n, sizeof name - n,
		    k[i] > ' ' && k[i] < 0x7f ? "%c" : "<%02x>", k[i]);
	name[n] = '\0';
	err_set(e, ERR_CORRUPT, "the state differs from the log: %s, key %s",
	    table, name);
	return err_remedy(e, "restore the last backup and report this");
}

/* The key that comes first is the one that the other side lacks. */
static const MDB_val *
first_of(const MDB_val *a, const MDB_val *b)
{
	size_t len = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int c = memcmp(a->mv_data, b->mv_data, len);

	return c < 0 || (c == 0 && a->mv_size <= b->mv_size) ? a : b;
}

static bool
same(const MDB_val *a, const MDB_val *b)
{
	return a->mv_size == b->mv_size &&
	       (a->mv_size == 0 ||
		   memcmp(a->mv_data, b->mv_data, a->mv_size) == 0);
}

static int
compare_cursors(MDB_cursor *a, MDB_cursor *b, const char *table,
    uint64_t *count, struct err *e)
{
	MDB_val ka, va, kb, vb;

	for (;;) {
		int ra = mdb_cursor_get(a, &ka, &va, MDB_NEXT);
		int rb = mdb_cursor_get(b, &kb, &vb, MDB_NEXT);

		if (ra == MDB_NOTFOUND && rb == MDB_NOTFOUND)
			return 0;
		if (ra == MDB_NOTFOUND && rb == 0)
			return differs(e, table, &kb);
		if (rb == MDB_NOTFOUND && ra == 0)
			return differs(e, table, &ka);
		if (ra != 0 || rb != 0)
			return tables_err(e, ra != 0 ? ra : rb, table);
		if (!same(&ka, &kb) || !same(&va, &vb))
			return differs(e, table, first_of(&ka, &kb));
		(*count)++;
	}
}

static int
compare_table(struct refold *r, MDB_txn *txn, MDB_dbi ours, MDB_dbi theirs,
    const char *name, uint64_t *count, struct err *e)
{
	MDB_cursor *a, *b;
	int rc = mdb_cursor_open(r->snapshot, ours, &a);

	if (rc != 0)
		return tables_err(e, rc, name);
	if ((rc = mdb_cursor_open(txn, theirs, &b)) != 0) {
		mdb_cursor_close(a);
		return tables_err(e, rc, name);
	}
	rc = compare_cursors(a, b, name, count, e);
	mdb_cursor_close(a);
	mdb_cursor_close(b);
	return rc;
}

static int
compare_deleted(struct refold *r, MDB_txn *txn, struct err *e)
{
	uint64_t a, b;

	if (meta_get(r->of, r->snapshot, META_DELETED, 0, &a, e) < 0 ||
	    meta_get(&r->scratch, txn, META_DELETED, 0, &b, e) < 0)
		return -1;
	if (a != b)
		return err_set(e, ERR_CORRUPT,
		    "%llu tombstones, the log says "
		    "%llu",
		    (unsigned long long)a, (unsigned long long)b);
	return 0;
}

static int
compare_all(struct refold *r, struct err *e)
{
	const struct tables *a = r->of, *b = &r->scratch;
	uint64_t commits = 0, confirms = 0;
	MDB_txn *txn;
	int rc = mdb_txn_begin(b->env, NULL, MDB_RDONLY, &txn);

	if (rc != 0)
		return tables_err(e, rc, "verify");
	rc = compare_table(r, txn, a->log, b->log, "log", &commits, e);
	if (rc == 0)
		rc = compare_table(r, txn, a->records, b->records, "records",
		    &r->report->records, e);
	if (rc == 0)
		rc = compare_table(r, txn, a->index, b->index, "index",
		    &r->report->index_keys, e);
	if (rc == 0)
		rc = compare_table(r, txn, a->confirm, b->confirm,
		    "confirmations", &confirms, e);
	if (rc == 0)
		rc = compare_deleted(r, txn, e);
	mdb_txn_abort(txn);
	return rc;
}

/* ---- the scratch environment -------------------------------------------- */

static void
remove_scratch(const char *dir)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/data.mdb", dir);
	unlink(path);
	rmdir(dir);
}

static int
open_scratch(struct refold *r, const char *parent, size_t map_bytes,
    struct err *e)
{
	struct tables_opts o = {
		.map_bytes = map_bytes,
		.max_readers = 8,
		.create = true,
		.scratch = true,
	};

	snprintf(r->dir, sizeof r->dir, "%s/verify.XXXXXX", parent);
	if (mkdtemp(r->dir) == NULL)
		return tables_err(e, errno, r->dir);
	o.dir = r->dir;
	r->scratch.schema = r->of->schema;
	if (tables_open(&r->scratch, &o, e) < 0) {
		remove_scratch(r->dir);
		return -1;
	}
	fold_init(&r->fold, &r->scratch);
	return 0;
}

static int
run(struct refold *r, struct err *e)
{
	uint64_t oldest, newest;

	if (log_bounds(r->of, r->snapshot, &oldest, &newest, e) < 0)
		return -1;
	if (refold_all(r, newest, e) < 0 || compare_all(r, e) < 0)
		return -1;
	r->report->head_revision = r->head.revision;
	memcpy(r->report->head_hash, r->head.hash, STORE_HASH_LEN);
	return 0;
}

int
verify(const struct tables *t, const char *dir, size_t map_bytes,
    const char *scratch_dir, struct verify_report *report, struct err *e)
{
	struct refold r = { .of = t, .report = report };
	int rc;

	memset(report, 0, sizeof *report);
	if ((rc = mdb_txn_begin(t->env, NULL, MDB_RDONLY, &r.snapshot)) != 0)
		return tables_err(e, rc, "verify");
	if (open_scratch(&r, scratch_dir != NULL ? scratch_dir : dir, map_bytes,
		e) < 0) {
		mdb_txn_abort(r.snapshot);
		return -1;
	}
	rc = run(&r, e);
	fold_free(&r.fold);
	tables_close(&r.scratch);
	remove_scratch(r.dir);
	mdb_txn_abort(r.snapshot);
	return rc;
}
