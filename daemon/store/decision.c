/* decision.c - see decision.h, and "writing" in store.h. */
#include "store/decision.h"

#include <string.h>

struct view *
decision_view(struct decision *d)
{
	return &d->view;
}

uint64_t
decision_revision(const struct decision *d)
{
	return d->revision;
}

int64_t
decision_time(const struct decision *d)
{
	return d->time_ns;
}

static struct bytes
text(const char *s)
{
	return (struct bytes){ (const uint8_t *)(s != NULL ? s : ""),
		s != NULL ? strlen(s) : 0 };
}

static struct commit
commit_of(const struct decision *d, const struct proposal *p)
{
	struct commit c = {
		.revision = d->revision,
		.time_ns = d->time_ns,
		.actor = text(p->actor),
		.request_id = p->request_id,
		.method = text(p->method),
		.note = { buf_head(&d->note), buf_len(&d->note) },
		.mutations = d->count,
	};

	memcpy(c.body_hash, p->body_hash, STORE_HASH_LEN);
	return c;
}

void
decision_reset(struct decision *d, uint64_t revision, int64_t time_ns)
{
	d->revision = revision;
	d->time_ns = time_ns;
	d->count = 0;
	buf_reset(&d->mutations, 1 << 20);
	buf_reset(&d->note, 4096);
}

void
decision_free(struct decision *d)
{
	buf_free(&d->mutations);
	buf_free(&d->note);
}

int
decision_encode(struct decision *d, const struct proposal *p,
    const uint8_t prev_hash[STORE_HASH_LEN], struct buf *out)
{
	struct commit c = commit_of(d, p);

	memcpy(c.prev_hash, prev_hash, STORE_HASH_LEN);
	return commit_encode(out, &c,
	    (struct bytes){ buf_head(&d->mutations), buf_len(&d->mutations) });
}

/* ---- emitting ----------------------------------------------------------- */

static int
emit(struct decision *d, const struct mutation *m, struct err *e)
{
	if (d->count == UINT32_MAX ||
	    buf_len(&d->mutations) > UINT32_MAX / 2 - m->record.len)
		return err_set(e, ERR_LIMIT,
		    "the change is too large for one "
		    "commit");
	if (mutation_encode(&d->mutations, m) < 0)
		return err_set(e, ERR_NOMEM, "commit");
	d->count++;
	return 0;
}

static int
check_id(const char *id, struct err *e)
{
	if (id[0] == '\0' || strnlen(id, STORE_ID_MAX + 1) > STORE_ID_MAX)
		return err_set(e, ERR_INVALID, "id must have 1 to %d bytes",
		    STORE_ID_MAX);
	return 0;
}

static int
absent(const char *id, struct err *e)
{
	err_set(e, ERR_NOT_FOUND, "%s does not exist", id);
	err_reason(e, "ABSENT");
	return err_remedy(e, "check the kind and the id");
}

static int
check_version(const struct stored *s, int found, uint64_t if_version,
    struct err *e)
{
	uint64_t now = found == 1 ? s->version : 0;

	if (found == 1 && s->deleted) {
		err_set(e, ERR_EXISTS, "%s was deleted; ids are never reused",
		    s->id);
		err_reason(e, "ID_DELETED");
		return err_remedy(e, "choose another id");
	}
	if (if_version == ANY_VERSION || if_version == now)
		return 0;
	err_set(e, ERR_CONFLICT, "version moved: saw %llu, now %llu",
	    (unsigned long long)if_version, (unsigned long long)now);
	err_reason(e, "VERSION_MOVED");
	return err_remedy(e, "read it again, merge, and send version %llu",
	    (unsigned long long)now);
}

static int
emit_change(struct decision *d, enum mutation_op op, uint8_t kind,
    const char *id, uint64_t if_version, struct bytes record, struct err *e)
{
	struct stored s = { 0 };
	struct mutation m = { .op = op, .kind = kind, .record = record };
	int found;

	if (check_id(id, e) < 0 ||
	    (found = view_get(&d->view, kind, id, &s, e)) < 0)
		return -1;
	if (op == MUTATION_DELETE && (found == 0 || s.deleted))
		return absent(id, e);
	if (check_version(&s, found, if_version, e) < 0)
		return -1;
	memcpy(m.id, id, strlen(id) + 1);
	m.version = found == 1 ? s.version + 1 : 1;
	m.prev_revision = found == 1 ? s.revision : 0;
	m.prev_offset = found == 1 ? s.offset : 0;
	return emit(d, &m, e);
}

int
decision_put(struct decision *d, uint8_t kind, const char *id,
    uint64_t if_version, struct bytes record, struct err *e)
{
	return emit_change(d, MUTATION_PUT, kind, id, if_version, record, e);
}

int
decision_delete(struct decision *d, uint8_t kind, const char *id,
    uint64_t if_version, struct err *e)
{
	return emit_change(d, MUTATION_DELETE, kind, id, if_version,
	    (struct bytes){ 0 }, e);
}

int
decision_confirm(struct decision *d, uint8_t kind, const char *id,
    struct err *e)
{
	struct stored s;
	struct mutation m = { .op = MUTATION_CONFIRM, .kind = kind };
	int found;

	if (check_id(id, e) < 0 ||
	    (found = view_get(&d->view, kind, id, &s, e)) < 0)
		return -1;
	if (found == 0 || s.deleted)
		return absent(id, e);
	memcpy(m.id, id, strlen(id) + 1);
	m.version = s.version;
	return emit(d, &m, e);
}

int
decision_confirm_scope(struct decision *d, const char *scope, size_t len,
    struct err *e)
{
	struct mutation m = { .op = MUTATION_CONFIRM_SCOPE };

	if (len == 0 || len > STORE_INDEX_KEY_MAX ||
	    memchr(scope, 0, len) != NULL)
		return err_set(e, ERR_INVALID, "scope must have 1 to %d bytes",
		    STORE_INDEX_KEY_MAX);
	memcpy(m.id, scope, len);
	m.id[len] = '\0';
	return emit(d, &m, e);
}

int
decision_note(struct decision *d, struct bytes note, struct err *e)
{
	buf_reset(&d->note, 4096);
	if (note.len > 1 << 20)
		return err_set(e, ERR_LIMIT, "note of %zu bytes", note.len);
	if (buf_append(&d->note, note.data, note.len) < 0)
		return err_set(e, ERR_NOMEM, "commit");
	return 0;
}
