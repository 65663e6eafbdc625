/* fold.c - see fold.h. */
#include "store/fold.h"

#include <stdlib.h>
#include <string.h>

/* ---- the keys of one record --------------------------------------------- */

static void
sink_reset(struct index_sink *s)
{
	buf_reset(&s->bytes, 64 * 1024);
	s->n = 0;
}

int
index_emit(struct index_sink *s, uint8_t index, const char *key, size_t len,
    struct err *e)
{
	struct index_key *grown;
	uint8_t *p;

	if (len > STORE_INDEX_KEY_MAX || memchr(key, 0, len) != NULL)
		return err_set(e, ERR_INVALID,
		    "index %u: key of %zu bytes is too long or holds a NUL",
		    index, len);
	if (s->n == s->cap) {
		size_t cap = s->cap != 0 ? 2 * s->cap : 16;

		grown = reallocarray(s->keys, cap, sizeof *grown);
		if (grown == NULL)
			return err_set(e, ERR_NOMEM, "index keys");
		s->keys = grown;
		s->cap = cap;
	}
	if ((p = buf_reserve(&s->bytes, 1 + len)) == NULL)
		return err_set(e, ERR_NOMEM, "index keys");
	p[0] = index;
	memcpy(p + 1, key, len);
	s->keys[s->n++] =
	    (struct index_key){ s->bytes.end - s->bytes.start, 1 + len };
	buf_added(&s->bytes, 1 + len);
	return 0;
}

static int
key_compare(const struct index_sink *a, size_t i, const struct index_sink *b,
    size_t j)
{
	const struct index_key *x = &a->keys[i], *y = &b->keys[j];
	size_t len = x->len < y->len ? x->len : y->len;
	int c = memcmp(buf_head(&a->bytes) + x->offset,
	    buf_head(&b->bytes) + y->offset, len);

	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

/* Sort and drop what was given twice.  By insertion: a record has few keys,
 * and most come in order. */
static void
sink_sort(struct index_sink *s)
{
	size_t last = 0;

	for (size_t i = 1; i < s->n; i++) {
		for (size_t j = i; j > 0; j--) {
			struct index_key swap = s->keys[j];

			if (key_compare(s, j - 1, s, j) <= 0)
				break;
			s->keys[j] = s->keys[j - 1];
			s->keys[j - 1] = swap;
		}
	}
	for (size_t i = 1; i < s->n; i++) {
		if (key_compare(s, last, s, i) != 0)
			s->keys[++last] = s->keys[i];
	}
	if (s->n > 0)
		s->n = last + 1;
}

static int
sink_fill(struct fold *f, struct index_sink *s, uint8_t kind, const char *id,
    struct bytes record, struct err *e)
{
	sink_reset(s);
	if (f->tables->schema == NULL || record.len == 0)
		return 0;
	if (f->tables->schema->index(kind, id, record, s, e) < 0)
		return err_wrap(e, "index %u/%s: ", kind, id);
	sink_sort(s);
	return 0;
}

/* ---- index writes ------------------------------------------------------- */

enum { INDEX_KEY_MAX = 1 + STORE_INDEX_KEY_MAX + 1 + STORE_ID_MAX };

static size_t
index_key(const struct index_sink *s, size_t i, const char *id,
    uint8_t out[INDEX_KEY_MAX])
{
	const struct index_key *k = &s->keys[i];
	size_t id_len = strlen(id);

	memcpy(out, buf_head(&s->bytes) + k->offset, k->len);
	out[k->len] = 0;
	memcpy(out + k->len + 1, id, id_len);
	return k->len + 1 + id_len;
}

static int
index_add(struct fold *f, MDB_txn *txn, size_t i, const char *id, struct err *e)
{
	uint8_t k[INDEX_KEY_MAX];
	MDB_val key = val(k, index_key(&f->after, i, id, k)), none = { 0 };
	int rc = mdb_put(txn, f->tables->index, &key, &none, 0);

	return rc != 0 ? tables_err(e, rc, "write the index") : 0;
}

static int
index_drop(struct fold *f, MDB_txn *txn, size_t i, const char *id,
    struct err *e)
{
	uint8_t k[INDEX_KEY_MAX];
	MDB_val key = val(k, index_key(&f->before, i, id, k));
	int rc = mdb_del(txn, f->tables->index, &key, NULL);

	return rc != 0 ? tables_err(e, rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc,
			     "write the index")
		       : 0;
}

/* Write only what differs between the two sorted lists. */
static int
index_update(struct fold *f, MDB_txn *txn, const char *id, struct err *e)
{
	size_t i = 0, j = 0;
	int c;

	while (i < f->before.n || j < f->after.n) {
		if (i == f->before.n)
			c = 1;
		else if (j == f->after.n)
			c = -1;
		else
			c = key_compare(&f->before, i, &f->after, j);
		if (c < 0 && index_drop(f, txn, i++, id, e) < 0)
			return -1;
		if (c > 0 && index_add(f, txn, j++, id, e) < 0)
			return -1;
		if (c == 0) {
			i++;
			j++;
		}
	}
	return 0;
}

/* ---- one mutation ------------------------------------------------------- */

static int
write_record(struct fold *f, MDB_txn *txn, const struct stored *s,
    struct err *e)
{
	uint8_t k[RECORD_KEY_MAX];
	MDB_val key = val(k, record_key(k, s->kind, s->id)), v;
	int rc;

	v = val(NULL, RECORD_HEADER_LEN + s->record.len);
	if ((rc = mdb_put(txn, f->tables->records, &key, &v, MDB_RESERVE)) != 0)
		return tables_err(e, rc, "write a record");
	record_encode(v.mv_data, s);
	return 0;
}

static int
count_deleted(struct fold *f, MDB_txn *txn, struct err *e)
{
	uint64_t n;

	if (meta_get(f->tables, txn, META_DELETED, 0, &n, e) < 0)
		return -1;
	return meta_put(f->tables, txn, META_DELETED, n + 1, e);
}

/* Does the mutation follow from the state that it meets? */
static int
check_follows(const struct mutation *m, const struct stored *s, bool found,
    uint64_t revision, struct err *e)
{
	if (found && s->revision == revision)
		return err_set(e, ERR_INTERNAL,
		    "%u/%s changes twice in commit "
		    "%llu",
		    m->kind, m->id, (unsigned long long)revision);
	if (found && s->deleted)
		return err_set(e, ERR_INTERNAL, "%u/%s changes after its end",
		    m->kind, m->id);
	if ((found ? s->version + 1 : 1) != m->version ||
	    (found ? s->revision : 0) != m->prev_revision)
		return err_set(e, ERR_INTERNAL,
		    "%u/%s: version %llu does not "
		    "follow",
		    m->kind, m->id, (unsigned long long)m->version);
	return 0;
}

static int
apply_change(struct fold *f, MDB_txn *txn, const struct commit *c,
    const struct mutation *m, struct err *e)
{
	struct stored s = { 0 };
	int found = record_read(f->tables, txn, m->kind, m->id, &s, e);

	if (found < 0 || check_follows(m, &s, found == 1, c->revision, e) < 0 ||
	    sink_fill(f, &f->before, m->kind, m->id, s.record, e) < 0 ||
	    sink_fill(f, &f->after, m->kind, m->id, m->record, e) < 0)
		return -1;
	s.kind = m->kind;
	memcpy(s.id, m->id, strlen(m->id) + 1);
	s.created_revision = found == 1 ? s.created_revision : c->revision;
	s.deleted = m->op == MUTATION_DELETE;
	s.version = m->version;
	s.prev_revision = m->prev_revision;
	s.prev_offset = m->prev_offset;
	s.revision = c->revision;
	s.offset = m->offset;
	s.confirmed_ns = 0; /* a change confirms by its own date */
	s.record = m->record;
	if (write_record(f, txn, &s, e) < 0 ||
	    index_update(f, txn, m->id, e) < 0)
		return -1;
	return s.deleted ? count_deleted(f, txn, e) : 0;
}

static int
apply_confirm(struct fold *f, MDB_txn *txn, const struct commit *c,
    const struct mutation *m, struct err *e)
{
	struct stored s;
	struct buf copy = { 0 };
	int rc = record_read(f->tables, txn, m->kind, m->id, &s, e);

	if (rc <= 0 || s.deleted)
		return rc < 0 ? -1
			      : err_set(e, ERR_INTERNAL,
				    "%u/%s is confirmed but absent", m->kind,
				    m->id);
	if (m->version != s.version)
		return err_set(e, ERR_INTERNAL,
		    "%u/%s is confirmed at version "
		    "%llu but has %llu",
		    m->kind, m->id, (unsigned long long)m->version,
		    (unsigned long long)s.version);
	/* The bytes move when the record is written again. */
	if (buf_append(&copy, s.record.data, s.record.len) < 0)
		return err_set(e, ERR_NOMEM, "confirm");
	s.record.data = buf_head(&copy);
	s.confirmed_ns = c->time_ns;
	rc = write_record(f, txn, &s, e);
	buf_free(&copy);
	return rc;
}

static int
apply_confirm_scope(struct fold *f, MDB_txn *txn, const struct commit *c,
    const struct mutation *m, struct err *e)
{
	uint8_t data[16];
	MDB_val key = val(m->id, strlen(m->id)), v = val(data, sizeof data);
	int rc;

	be64_put(data, (uint64_t)c->time_ns);
	be64_put(data + 8, checksum(data, 8));
	rc = mdb_put(txn, f->tables->confirm, &key, &v, 0);
	return rc != 0 ? tables_err(e, rc, "confirm a scope") : 0;
}

static int (*const appliers[])(struct fold *, MDB_txn *, const struct commit *,
    const struct mutation *, struct err *) = {
	[MUTATION_PUT] = apply_change,
	[MUTATION_DELETE] = apply_change,
	[MUTATION_CONFIRM] = apply_confirm,
	[MUTATION_CONFIRM_SCOPE] = apply_confirm_scope,
};

static int
append_log(struct fold *f, MDB_txn *txn, const struct commit *c, struct err *e)
{
	uint8_t k[8], *p;
	MDB_val key = val(k, sizeof k), v = val(NULL, 8 + c->encoded.len);
	int rc;

	be64_put(k, c->revision);
	rc = mdb_put(txn, f->tables->log, &key, &v, MDB_APPEND | MDB_RESERVE);
	if (rc != 0)
		return tables_err(e, rc, "append to the log");
	p = v.mv_data;
	memcpy(p + 8, c->encoded.data, c->encoded.len);
	be64_put(p, checksum(c->encoded.data, c->encoded.len));
	return 0;
}

int
apply(struct fold *f, MDB_txn *txn, const struct commit *c, struct err *e)
{
	struct mutation_iter it;
	struct mutation m;
	int rc;

	if (append_log(f, txn, c, e) < 0)
		return -1;
	mutation_first(c, &it);
	while ((rc = mutation_next(&it, &m, e)) == 1) {
		if (appliers[m.op](f, txn, c, &m, e) < 0)
			return err_wrap(e,
			    "apply %llu: ", (unsigned long long)c->revision);
	}
	return rc;
}

/* ---- the whole index ---------------------------------------------------- */

static int
reindex_one(struct fold *f, MDB_txn *txn, const MDB_val *key,
    const MDB_val *value, struct err *e)
{
	struct stored s = { 0 };
	const uint8_t *k = key->mv_data;

	if (key->mv_size < 2 || key->mv_size > RECORD_KEY_MAX)
		return err_set(e, ERR_CORRUPT, "record key of %zu bytes",
		    key->mv_size);
	memcpy(s.id, k + 1, key->mv_size - 1);
	if (record_decode((struct bytes){ value->mv_data, value->mv_size }, &s,
		e) < 0 ||
	    sink_fill(f, &f->after, k[0], s.id, s.record, e) < 0)
		return -1;
	for (size_t i = 0; i < f->after.n; i++) {
		if (index_add(f, txn, i, s.id, e) < 0)
			return -1;
	}
	return 0;
}

int
fold_reindex(struct fold *f, MDB_txn *txn, struct err *e)
{
	MDB_cursor *cursor;
	MDB_val key, v;
	int rc = mdb_drop(txn, f->tables->index, 0), failed = 0;

	if (rc != 0 ||
	    (rc = mdb_cursor_open(txn, f->tables->records, &cursor)) != 0)
		return tables_err(e, rc, "rebuild the index");
	while (
	    !failed && (rc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT)) == 0)
		failed = reindex_one(f, txn, &key, &v, e) < 0;
	mdb_cursor_close(cursor);
	if (failed)
		return err_wrap(e, "rebuild the index: ");
	return rc == MDB_NOTFOUND ? 0 : tables_err(e, rc, "rebuild the index");
}

void
fold_init(struct fold *f, const struct tables *t)
{
	memset(f, 0, sizeof *f);
	f->tables = t;
}

void
fold_free(struct fold *f)
{
	buf_free(&f->before.bytes);
	buf_free(&f->after.bytes);
	free(f->before.keys);
	free(f->after.keys);
	memset(f, 0, sizeof *f);
}
