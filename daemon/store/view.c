/* view.c - what a snapshot shows: records, their past, indexes, the log. */
#include "store/view.h"

#include <stdlib.h>
#include <string.h>

uint64_t
view_revision(const struct view *v)
{
	return v->head;
}

uint64_t
view_oldest(const struct view *v)
{
	return v->oldest;
}

/* ---- one record --------------------------------------------------------- */

int
view_get(struct view *v, uint8_t kind, const char *id, struct stored *s,
    struct err *e)
{
	if (id[0] == '\0' || strnlen(id, STORE_ID_MAX + 1) > STORE_ID_MAX)
		return 0;
	return record_read(v->tables, v->txn, kind, id, s, e);
}

int
view_commit(struct view *v, uint64_t revision, struct commit *c, struct err *e)
{
	int rc;

	if (revision > v->head || revision == 0)
		return 0;
	if (revision < v->oldest) {
		err_set(e, ERR_COMPACTED,
		    "revision %llu is no longer in the "
		    "log",
		    (unsigned long long)revision);
		err_reason(e, "REVISION_COMPACTED");
		return err_remedy(e, "start from revision %llu",
		    (unsigned long long)v->oldest);
	}
	/* A walk through one large commit checks it once. */
	rc = log_read(v->tables, v->txn, revision, v->verified != revision, c,
	    e);
	if (rc == 0)
		return err_set(e, ERR_CORRUPT, "commit %llu is missing",
		    (unsigned long long)revision);
	if (rc == 1)
		v->verified = revision;
	return rc;
}

int
store_mutation_at(const struct commit *c, uint32_t offset, struct mutation *m,
    struct err *e)
{
	return mutation_decode(c->encoded, offset, m, NULL, e);
}

int
view_previous(struct view *v, struct stored *s, struct err *e)
{
	struct commit c;
	struct mutation m;

	if (s->prev_revision == 0)
		return 0;
	if (s->prev_revision >= s->revision)
		return err_set(e, ERR_CORRUPT,
		    "history of %u/%s: commit %llu "
		    "follows %llu",
		    s->kind, s->id, (unsigned long long)s->prev_revision,
		    (unsigned long long)s->revision);
	if (view_commit(v, s->prev_revision, &c, e) <= 0 ||
	    mutation_decode(c.encoded, s->prev_offset, &m, NULL, e) < 0)
		return err_wrap(e, "history of %u/%s: ", s->kind, s->id);
	if (m.kind != s->kind || strcmp(m.id, s->id) != 0 ||
	    m.version + 1 != s->version)
		return err_set(e, ERR_CORRUPT,
		    "history of %u/%s: commit %llu "
		    "tells of %u/%s",
		    s->kind, s->id, (unsigned long long)s->prev_revision,
		    m.kind, m.id);
	s->revision = s->prev_revision;
	s->offset = s->prev_offset;
	s->version = m.version;
	s->deleted = m.op == MUTATION_DELETE;
	s->record = m.record;
	s->prev_revision = m.prev_revision;
	s->prev_offset = m.prev_offset;
	s->confirmed_ns = 0;
	return 1;
}

int
view_get_as_of(struct view *v, uint8_t kind, const char *id, uint64_t revision,
    struct stored *s, struct err *e)
{
	int rc = view_get(v, kind, id, s, e);

	while (rc == 1 && s->revision > revision)
		rc = view_previous(v, s, e);
	return rc;
}

/* ---- time --------------------------------------------------------------- */

int
view_revision_at(struct view *v, int64_t time_ns, uint64_t *revision,
    struct err *e)
{
	uint64_t low = v->oldest,
		 high = v->head + 1; /* answer in [low-1, high) */
	struct commit c;

	*revision = 0;
	if (v->head == 0)
		return 0;
	while (low < high) {
		uint64_t mid = low + (high - low) / 2;
		int rc = log_read(v->tables, v->txn, mid, false, &c, e);

		if (rc <= 0)
			return rc < 0 ? -1
				      : err_set(e, ERR_CORRUPT,
					    "commit %llu is missing",
					    (unsigned long long)mid);
		if (c.time_ns <= time_ns)
			low = mid + 1;
		else
			high = mid;
	}
	*revision = low - 1;
	if (*revision < v->oldest && v->oldest > 1) {
		err_set(e, ERR_COMPACTED,
		    "the log no longer goes back that "
		    "far");
		err_reason(e, "REVISION_COMPACTED");
		return err_remedy(e, "ask for revision %llu or later",
		    (unsigned long long)v->oldest);
	}
	return 0;
}

int64_t
view_scope_confirmed(struct view *v, const char *scope, size_t len)
{
	MDB_val key = val(scope, len), out;
	const uint8_t *p;

	if (len == 0 || len > STORE_INDEX_KEY_MAX ||
	    mdb_get(v->txn, v->tables->confirm, &key, &out) != 0 ||
	    out.mv_size != 16)
		return 0;
	p = out.mv_data;
	return be64_get(p + 8) == checksum(p, 8) ? (int64_t)be64_get(p) : 0;
}

/* ---- walks -------------------------------------------------------------- */

static int
each_record(MDB_cursor *cursor, uint8_t kind, const char *after,
    record_fn *seen, void *arg, struct err *e)
{
	uint8_t k[RECORD_KEY_MAX];
	size_t start = record_key(k, kind, after != NULL ? after : "");
	MDB_val key = val(k, start), v;
	int rc = mdb_cursor_get(cursor, &key, &v, MDB_SET_RANGE);

	/* MDB_SET_RANGE finds `after` itself, if it is there. */
	if (rc == 0 && start > 1 && key.mv_size == start &&
	    memcmp(key.mv_data, k, start) == 0)
		rc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT)) {
		const uint8_t *at = key.mv_data;
		struct stored s;
		int go;

		if (key.mv_size < 2 || key.mv_size > RECORD_KEY_MAX)
			return err_set(e, ERR_CORRUPT, "record key");
		if (at[0] != kind)
			return 0;
		s.kind = kind;
		memcpy(s.id, at + 1, key.mv_size - 1);
		s.id[key.mv_size - 1] = '\0';
		if (record_decode((struct bytes){ v.mv_data, v.mv_size }, &s,
			e) < 0)
			return err_wrap(e, "record %u/%s: ", kind, s.id);
		if ((go = seen(&s, arg, e)) <= 0)
			return go;
	}
	return rc == MDB_NOTFOUND ? 0 : tables_err(e, rc, "read records");
}

int
view_each(struct view *v, uint8_t kind, const char *after, record_fn *seen,
    void *arg, struct err *e)
{
	MDB_cursor *cursor;
	int rc = mdb_cursor_open(v->txn, v->tables->records, &cursor);

	if (rc != 0)
		return tables_err(e, rc, "read records");
	rc = each_record(cursor, kind, after, seen, arg, e);
	mdb_cursor_close(cursor);
	return rc;
}

enum { INDEX_KEY_MAX = 1 + STORE_INDEX_KEY_MAX + 1 + STORE_ID_MAX };

/* index, key, 0, id: the bytes of one entry, cut in its parts. */
static int
split_index(const MDB_val *entry, const char **key, size_t *key_len,
    char id[STORE_ID_MAX + 1], struct err *e)
{
	const char *at = entry->mv_data;
	const char *nul =
	    entry->mv_size > 2 ? memchr(at + 1, 0, entry->mv_size - 1) : NULL;
	size_t id_len;

	if (nul == NULL)
		return err_set(e, ERR_CORRUPT, "index key");
	*key = at + 1;
	*key_len = (size_t)(nul - *key);
	id_len = entry->mv_size - 1 - *key_len - 1;
	if (id_len == 0 || id_len > STORE_ID_MAX)
		return err_set(e, ERR_CORRUPT, "index key");
	memcpy(id, nul + 1, id_len);
	id[id_len] = '\0';
	return 0;
}

static size_t
index_start(uint8_t *out, uint8_t index, const char *key, size_t key_len,
    const char *after_key, const char *after_id)
{
	size_t len = 1;

	out[0] = index;
	if (after_key == NULL) {
		memcpy(out + 1, key, key_len);
		return 1 + key_len;
	}
	len += strnlen(after_key, STORE_INDEX_KEY_MAX);
	memcpy(out + 1, after_key, len - 1);
	out[len++] = 0;
	if (after_id != NULL) {
		size_t id_len = strnlen(after_id, STORE_ID_MAX);

		memcpy(out + len, after_id, id_len);
		len += id_len;
	}
	return len;
}

static int
each_index(MDB_cursor *cursor, uint8_t index, const char *prefix,
    size_t prefix_len, const uint8_t *from, size_t from_len, bool skip_equal,
    index_fn *seen, void *arg, struct err *e)
{
	MDB_val key = val(from, from_len), v;
	int rc = mdb_cursor_get(cursor, &key, &v, MDB_SET_RANGE);

	if (rc == 0 && skip_equal && key.mv_size == from_len &&
	    memcmp(key.mv_data, from, from_len) == 0)
		rc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT);
	for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &v, MDB_NEXT)) {
		const uint8_t *at = key.mv_data;
		char id[STORE_ID_MAX + 1];
		const char *k = NULL;
		size_t k_len = 0;
		int go;

		if (key.mv_size < 1 + prefix_len || at[0] != index ||
		    memcmp(at + 1, prefix, prefix_len) != 0)
			return 0;
		if (split_index(&key, &k, &k_len, id, e) < 0)
			return -1;
		if ((go = seen(k, k_len, id, arg, e)) <= 0)
			return go;
	}
	return rc == MDB_NOTFOUND ? 0 : tables_err(e, rc, "read the index");
}

int
view_each_index(struct view *v, uint8_t index, const char *key, size_t key_len,
    const char *after_key, const char *after_id, index_fn *seen, void *arg,
    struct err *e)
{
	uint8_t from[INDEX_KEY_MAX];
	MDB_cursor *cursor;
	size_t len;
	int rc;

	if (key_len > STORE_INDEX_KEY_MAX)
		return 0;
	/* What comes before the prefix does not count. */
	if (after_key != NULL && strncmp(after_key, key, key_len) < 0)
		after_key = NULL;
	len = index_start(from, index, key, key_len, after_key, after_id);
	if ((rc = mdb_cursor_open(v->txn, v->tables->index, &cursor)) != 0)
		return tables_err(e, rc, "read the index");
	rc = each_index(cursor, index, key, key_len, from, len,
	    after_key != NULL, seen, arg, e);
	mdb_cursor_close(cursor);
	return rc;
}
