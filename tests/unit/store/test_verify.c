/* Verify finds what was changed behind the store's back, and names it; an
 * index of another schema is written again. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <lmdb.h>

#include "fixture.h"
#include "store/codec.h"

/* ---- behind its back ---------------------------------------------------- */

struct behind { /* one transaction on one database of a closed store */
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
};

static void
behind_begin(struct behind *b, struct fx *f, const char *database)
{
	close_store(f);
	assert_int_equal(mdb_env_create(&b->env), 0);
	assert_int_equal(mdb_env_set_maxdbs(b->env, 8), 0);
	assert_int_equal(mdb_env_set_mapsize(b->env, f->opts.map_bytes), 0);
	assert_int_equal(mdb_env_open(b->env, f->dir, MDB_NOTLS, 0600), 0);
	assert_int_equal(mdb_txn_begin(b->env, NULL, 0, &b->txn), 0);
	assert_int_equal(mdb_dbi_open(b->txn, database, 0, &b->dbi), 0);
}

static void
behind_end(struct behind *b, struct fx *f)
{
	assert_int_equal(mdb_txn_commit(b->txn), 0);
	mdb_env_close(b->env);
	open_store(f);
}

static MDB_val
mdb_bytes(void *data, size_t len)
{
	return (MDB_val){ .mv_size = len, .mv_data = data };
}

/* Change the byte `at` of a value; `seal`: and make its checksum right. */
static void
flip(struct fx *f, const char *database, MDB_val key, size_t at, bool seal)
{
	struct behind b;
	MDB_val v;
	uint8_t *copy;

	behind_begin(&b, f, database);
	assert_int_equal(mdb_get(b.txn, b.dbi, &key, &v), 0);
	copy = malloc(v.mv_size);
	assert_non_null(copy);
	memcpy(copy, v.mv_data, v.mv_size);
	copy[at] ^= 1;
	if (seal)
		be64_put(copy, checksum(copy + 8, v.mv_size - 8));
	v.mv_data = copy;
	assert_int_equal(mdb_put(b.txn, b.dbi, &key, &v, 0), 0);
	free(copy);
	behind_end(&b, f);
}

static void
drop(struct fx *f, const char *database, MDB_val key)
{
	struct behind b;

	behind_begin(&b, f, database);
	assert_int_equal(mdb_del(b.txn, b.dbi, &key, NULL), 0);
	behind_end(&b, f);
}

static void
fill(struct fx *f)
{
	put(f, "a", "x:1");
	put(f, "b", "y:1");
	put(f, "c", "z:1");
	put(f, "b", "y:2");
	del(f, "c");
	commit(f, &(struct step){ MUTATION_CONFIRM, "a", NULL, 0 }, 1);
	commit(f, &(struct step){ MUTATION_CONFIRM_SCOPE, "m", NULL, 0 }, 1);
}

static void
assert_differs(struct fx *f, const char *words)
{
	struct verify_report r;

	assert_int_equal(store_verify(f->store, NULL, &r, &f->e), -1);
	assert_int_equal(f->e.code, ERR_CORRUPT);
	if (strstr(f->e.msg, words) == NULL)
		fail_msg("no \"%s\" in: %s", words, f->e.msg);
}

static uint8_t revision_4[8] = { 0, 0, 0, 0, 0, 0, 0, 4 };
static char record_b[] = { KIND, 'b' };

/* ---- the tests ---------------------------------------------------------- */

static void
store_verify__nothing_wrong__counts(void **state)
{
	struct fx *f = *state;
	struct verify_report r;

	assert_int_equal(store_verify(f->store, NULL, &r, &f->e), 0);
	assert_int_equal(r.commits, 0);
	fill(f);
	assert_int_equal(store_verify(f->store, NULL, &r, &f->e), 0);
	assert_int_equal(r.commits, 7);
	assert_int_equal(r.head_revision, 7);
	assert_int_equal(r.records, 3);
	assert_int_equal(r.index_keys, 4);
	reopen(f);
	assert_int_equal(store_verify(f->store, f->dir, &r, &f->e), 0);
}

static void
store_verify__scratch_is_absent__told(void **state)
{
	struct fx *f = *state;
	struct verify_report r;

	assert_int_equal(store_verify(f->store, "/nonexistent", &r, &f->e), -1);
	assert_int_equal(f->e.code, ERR_IO);
}

static void
store_verify__byte_of_a_commit_flipped__its_revision(void **state)
{
	struct fx *f = *state;
	struct commit c;

	fill(f);
	flip(f, "log", mdb_bytes(revision_4, 8), 60, false);
	assert_differs(f, "commit 4 fails its checksum");
	assert_int_equal(view_commit(view(f), 4, &c, &f->e), -1);
	assert_int_equal(f->e.code, ERR_CORRUPT);
	assert_int_equal(view_commit(view(f), 5, &c, &f->e), 1);
}

static void
store_verify__commit_changed_and_sealed__chain_is_broken(void **state)
{
	struct fx *f = *state;

	fill(f);
	/* In the body's hash, which the fold does not look at. */
	flip(f, "log", mdb_bytes(revision_4, 8), 8 + 1 + 16 + 40, true);
	assert_differs(f, "commit 5 does not follow");
}

static void
store_verify__commit_gone__named(void **state)
{
	struct fx *f = *state;

	fill(f);
	drop(f, "log", mdb_bytes(revision_4, 8));
	assert_differs(f, "commit 4 is missing");
}

static void
store_verify__byte_of_a_record_flipped__named(void **state)
{
	struct fx *f = *state;
	struct stored s;

	fill(f);
	flip(f, "records", mdb_bytes(record_b, 2), RECORD_HEADER_LEN, false);
	assert_int_equal(view_get(view(f), KIND, "b", &s, &f->e), -1);
	assert_int_equal(f->e.code, ERR_CORRUPT);
	assert_non_null(strstr(f->e.msg, "7/b"));
	assert_differs(f, "records, key 7/b");
	assert_record(f, "a", 1, "x:1");
}

static void
store_verify__record_changed_and_sealed__named(void **state)
{
	struct fx *f = *state;

	fill(f);
	flip(f, "records", mdb_bytes(record_b, 2), RECORD_HEADER_LEN + 2, true);
	assert_record(f, "b", 2, "y:3"); /* only verify can tell */
	assert_differs(f, "records, key 7/b");
}

static void
store_verify__record_gone__named(void **state)
{
	struct fx *f = *state;

	fill(f);
	drop(f, "records", mdb_bytes(record_b, 2));
	assert_differs(f, "records, key 7/b");
}

static void
store_verify__index_key_gone_or_added__named(void **state)
{
	static char key[] = { 1, 'y', 0, 'b' }, more[] = { 1, 'x', 0, 'q' };
	struct fx *f = *state;
	MDB_val k = mdb_bytes(more, 4), none = { 0 };
	struct behind b;

	fill(f);
	drop(f, "index", mdb_bytes(key, 4));
	assert_differs(f, "index, key 1/y<00>b");
	behind_begin(&b, f, "index");
	assert_int_equal(mdb_put(b.txn, b.dbi, &k, &none, 0), 0);
	behind_end(&b, f);
	assert_differs(f, "index, key 1/x<00>q");
}

static void
store_verify__confirmation_flipped__named(void **state)
{
	static char scope[] = "m";
	struct fx *f = *state;

	fill(f);
	flip(f, "confirm", mdb_bytes(scope, 1), 7, false);
	assert_int_equal(view_scope_confirmed(view(f), "m", 1), 0);
	assert_differs(f, "confirmations, key m");
}

static void
store_open__last_commit_is_damaged__corrupt(void **state)
{
	static uint8_t last[8] = { 0, 0, 0, 0, 0, 0, 0, 7 };
	struct fx *f = *state;
	struct behind b;
	MDB_val key = mdb_bytes(last, 8), v = mdb_bytes(last, 8);

	fill(f);
	behind_begin(&b, f, "log");
	assert_int_equal(mdb_put(b.txn, b.dbi, &key, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(b.txn), 0);
	mdb_env_close(b.env);
	assert_null(store_open(&f->opts, &f->e));
	assert_int_equal(f->e.code, ERR_CORRUPT);
	assert_non_null(strstr(f->e.msg, "commit 7"));
}

static void
store_open__format_of_the_future__corrupt(void **state)
{
	static char name[] = "format";
	static uint8_t future[8] = { 0, 0, 0, 0, 0, 0, 0, 99 };
	struct fx *f = *state;
	struct behind b;
	MDB_val key = mdb_bytes(name, 6), v = mdb_bytes(future, 8);

	behind_begin(&b, f, "meta");
	assert_int_equal(mdb_put(b.txn, b.dbi, &key, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(b.txn), 0);
	mdb_env_close(b.env);
	assert_null(store_open(&f->opts, &f->e));
	assert_int_equal(f->e.code, ERR_CORRUPT);
	assert_non_null(strstr(f->e.msg, "format 99"));
}

static int
count_key(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	(void)key;
	(void)len;
	(void)id;
	(void)e;
	++*(unsigned *)arg;
	return 1;
}

static unsigned
keys_of(struct fx *f, uint8_t index)
{
	unsigned n = 0;

	assert_int_equal(view_each_index(view(f), index, "", 0, NULL, NULL,
			     count_key, &n, &f->e),
	    0);
	return n;
}

static void
store_open__index_version_changed__indexes_written_again(void **state)
{
	struct fx *f = *state;

	fill(f);
	assert_int_equal(keys_of(f, 3), 0);
	f->opts.schema = &fixture_schema_2;
	reopen(f);
	assert_int_equal(keys_of(f, 3), 2);
	assert_int_equal(keys_of(f, 1), 2);
	put(f, "d", "q:1");
	put(f, "b", "r:1");
	assert_int_equal(keys_of(f, 3), 3);
	assert_verifies(f);
	f->opts.schema = &fixture_schema;
	reopen(f);
	assert_int_equal(keys_of(f, 3), 0);
	assert_verifies(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_verify__nothing_wrong__counts),
		T(store_verify__scratch_is_absent__told),
		T(store_verify__byte_of_a_commit_flipped__its_revision),
		T(store_verify__commit_changed_and_sealed__chain_is_broken),
		T(store_verify__commit_gone__named),
		T(store_verify__byte_of_a_record_flipped__named),
		T(store_verify__record_changed_and_sealed__named),
		T(store_verify__record_gone__named),
		T(store_verify__index_key_gone_or_added__named),
		T(store_verify__confirmation_flipped__named),
		T(store_open__last_commit_is_damaged__corrupt),
		T(store_open__format_of_the_future__corrupt),
		T(store_open__index_version_changed__indexes_written_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
