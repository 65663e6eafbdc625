/* search_view.c - see search_view.h. */
#include "service/search_view.h"

#include <stdlib.h>
#include <string.h>

#include "domain/intern.h"
#include "resopro/v1/types.pb-c.h"
#include "service/schema.h"
#include "service/search_docs.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define OFFER RESOPRO__V1__KIND__KIND_OFFER

/* Records that changed since, beyond which all are read again: that is faster
 * for so many, and leaves no dead behind. */
#define BACKLOG_MAX 50000

/* ---- parts that views share --------------------------------------------------- */

struct shared_index {
	atomic_uint references;
	struct text_index *index;
};

struct dead_set { /* of one part; grows in copies */
	atomic_uint references;
	size_t n; /* bits set */
	uint64_t bits[];
};

struct part {
	struct shared_index *index;
	struct dead_set *dead; /* or NULL */
};

static void
part_ref(const struct part *p)
{
	atomic_fetch_add(&p->index->references, 1);
	if (p->dead != NULL)
		atomic_fetch_add(&p->dead->references, 1);
}

static void
part_unref(struct part *p)
{
	if (p->index != NULL &&
	    atomic_fetch_sub(&p->index->references, 1) == 1) {
		text_index_free(p->index->index);
		free(p->index);
	}
	if (p->dead != NULL && atomic_fetch_sub(&p->dead->references, 1) == 1)
		free(p->dead);
	*p = (struct part){ 0 };
}

static size_t
part_docs(const struct part *p)
{
	return text_index_docs(p->index->index);
}

static size_t
part_living(const struct part *p)
{
	return part_docs(p) - (p->dead != NULL ? p->dead->n : 0);
}

static struct text_part
part_read(const struct part *p)
{
	return (struct text_part){ p->index->index,
		p->dead != NULL ? p->dead->bits : NULL };
}

/* ---- views --------------------------------------------------------------------- */

struct search_view {
	atomic_uint references;
	uint64_t revision;
	struct catalog *catalog; /* one reference */
	size_t n;
	struct part parts[];
};

static struct search_view *
view_new(uint64_t revision, struct catalog *catalog, size_t n)
{
	struct search_view *v = calloc(1, sizeof *v + n * sizeof v->parts[0]);

	if (v == NULL)
		return NULL;
	atomic_init(&v->references, 1);
	v->revision = revision;
	v->catalog = catalog_ref(catalog);
	return v;
}

struct search_view *
search_view_ref(struct search_view *v)
{
	atomic_fetch_add(&v->references, 1);
	return v;
}

void
search_view_unref(struct search_view *v)
{
	if (v == NULL || atomic_fetch_sub(&v->references, 1) > 1)
		return;
	for (size_t i = 0; i < v->n; i++)
		part_unref(&v->parts[i]);
	catalog_unref(v->catalog);
	free(v);
}

uint64_t
search_view_revision(const struct search_view *v)
{
	return v->revision;
}

struct catalog *
search_view_catalog(const struct search_view *v)
{
	return v->catalog;
}

size_t
search_view_parts(const struct search_view *v)
{
	return v->n;
}

struct text_part
search_view_part(const struct search_view *v, size_t i)
{
	return part_read(&v->parts[i]);
}

/* ---- making --------------------------------------------------------------------- */

struct search_maker {
	struct reader *reader;
	struct search_docs *docs;
	const atomic_bool *stop;
	struct search_view *last; /* one reference, or NULL */

	/* The view that is being made: */
	struct view *view;
	struct catalog *catalog;
	struct part *parts;
	size_t n, room;
	struct text_builder *builder; /* of the next part, or NULL */
	struct intern touched;        /* kind and id of records that changed */
};

struct search_maker *
search_maker_new(struct store *store, const atomic_bool *stop, struct err *e)
{
	struct search_maker *m = calloc(1, sizeof *m);

	if (m == NULL) {
		err_set(e, ERR_NOMEM, "search");
		return NULL;
	}
	m->stop = stop;
	m->reader = reader_new(store, e);
	m->docs = search_docs_new(e);
	if (m->reader == NULL || m->docs == NULL) {
		search_maker_free(m);
		return NULL;
	}
	return m;
}

static void
drop_parts(struct search_maker *m)
{
	for (size_t i = 0; i < m->n; i++)
		part_unref(&m->parts[i]);
	m->n = 0;
	text_builder_free(m->builder);
	m->builder = NULL;
}

void
search_maker_free(struct search_maker *m)
{
	if (m == NULL)
		return;
	drop_parts(m);
	free(m->parts);
	intern_free(&m->touched);
	search_view_unref(m->last);
	search_docs_free(m->docs);
	reader_free(m->reader);
	free(m);
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, "no memory to index for searches");
}

static int
check_stop(const struct search_maker *m, struct err *e)
{
	return atomic_load_explicit(m->stop, memory_order_relaxed)
		   ? err_set(e, ERR_CANCELLED, "the daemon is stopping")
		   : 0;
}

/* Room for one part more. */
static int
room_for_part(struct search_maker *m, struct err *e)
{
	if (m->n == m->room) {
		size_t room = m->room > 0 ? 2 * m->room : 16;
		struct part *more = realloc(m->parts, room * sizeof *more);

		if (more == NULL)
			return no_memory(e);
		m->parts = more;
		m->room = room;
	}
	return 0;
}

static int
add_part(struct search_maker *m, struct text_index *ix, struct err *e)
{
	struct shared_index *shared = calloc(1, sizeof *shared);

	if (ix == NULL || shared == NULL || room_for_part(m, e) < 0) {
		free(shared);
		text_index_free(ix);
		return no_memory(e);
	}
	atomic_init(&shared->references, 1);
	shared->index = ix;
	m->parts[m->n++] = (struct part){ .index = shared };
	return 0;
}

/* The records added so far become a part. */
static int
finish_part(struct search_maker *m, struct err *e)
{
	struct text_builder *b = m->builder;

	m->builder = NULL;
	return b == NULL ? 0 : add_part(m, text_builder_finish(b), e);
}

static int
add_record(struct search_maker *m, const struct stored *s, uint64_t *mark,
    struct err *e)
{
	struct search_doc d;

	if (search_docs_make(m->docs, s, &d, e) < 0)
		return -1;
	*mark = d.mark;
	if (m->builder != NULL &&
	    text_builder_docs(m->builder) == TEXT_INDEX_DOCS_MAX &&
	    finish_part(m, e) < 0)
		return -1;
	if (m->builder == NULL)
		m->builder = text_builder_new(catalog_territory(m->catalog));
	if (m->builder == NULL || text_builder_add(m->builder,
				      catalog_search_words(m->catalog), &d) < 0)
		return no_memory(e);
	return 0;
}

/* ---- everything ------------------------------------------------------------------- */

static int
add_each(const struct stored *s, void *arg, struct err *e)
{
	struct search_maker *m = arg;
	uint64_t mark;

	if (check_stop(m, e) < 0)
		return -1;
	return s->deleted || add_record(m, s, &mark, e) == 0 ? 1 : -1;
}

static int
read_everything(struct search_maker *m, struct err *e)
{
	static const Resopro__V1__Kind kinds[] = { ORGANISATION, SITE, OFFER };

	drop_parts(m);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (view_each(m->view, (uint8_t)kinds[i], NULL, add_each, m,
			e) < 0)
			return -1;
	return finish_part(m, e);
}

/* ---- what changed ------------------------------------------------------------------- */

static int
touch(struct search_maker *m, uint8_t kind, const char *id, struct err *e)
{
	char key[1 + STORE_ID_MAX];
	size_t len = strnlen(id, STORE_ID_MAX);

	key[0] = (char)kind;
	memcpy(key + 1, id, len);
	return intern_add(&m->touched, key, len + 1) != INTERN_FAILED
		   ? 0
		   : no_memory(e);
}

struct dependants {
	struct search_maker *maker;
	uint8_t kind;
};

static int
touch_dependant(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct dependants *d = arg;

	(void)key;
	(void)len;
	return touch(d->maker, d->kind, id, e) < 0 ? -1 : 1;
}

static int
touch_of(struct search_maker *m, Resopro__V1__Kind kind, enum index_id index,
    const char *id, struct err *e)
{
	struct dependants d = { m, (uint8_t)kind };
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, kind, id);

	return view_each_index(m->view, (uint8_t)index, key, len, NULL, NULL,
	    touch_dependant, &d, e);
}

/* What takes words from this record. */
static int
touch_dependants(struct search_maker *m, uint8_t kind, const char *id,
    struct err *e)
{
	if (kind == (uint8_t)SITE)
		return touch_of(m, OFFER, INDEX_SITE, id, e);
	if (kind != (uint8_t)ORGANISATION)
		return 0;
	return touch_of(m, SITE, INDEX_ORGANISATION, id, e) < 0
		   ? -1
		   : touch_of(m, OFFER, INDEX_ORGANISATION, id, e);
}

static int
touch_commit(struct search_maker *m, uint64_t revision, struct err *e)
{
	struct mutation_iter it;
	struct mutation now;
	struct commit c;
	int rc = view_commit(m->view, revision, &c, e);

	if (rc != 1 || check_stop(m, e) < 0)
		return -1;
	mutation_first(&c, &it);
	while ((rc = mutation_next(&it, &now, e)) == 1)
		if ((now.op == MUTATION_PUT || now.op == MUTATION_DELETE) &&
		    search_docs_kind(now.kind) &&
		    touch(m, now.kind, now.id, e) < 0)
			return -1;
	return rc;
}

/* The bits of a part's dead, its own to change. */
static struct dead_set *
own_dead(struct part *p)
{
	size_t size = part_docs(p) / 64 * 8 + 8 + sizeof(struct dead_set);
	struct dead_set *d;

	if (p->dead != NULL && atomic_load(&p->dead->references) == 1)
		return p->dead;
	if ((d = calloc(1, size)) == NULL)
		return NULL;
	if (p->dead != NULL) {
		memcpy(d->bits, p->dead->bits, size - sizeof *d);
		d->n = p->dead->n;
		if (atomic_fetch_sub(&p->dead->references, 1) == 1)
			free(p->dead);
	}
	atomic_init(&d->references, 1);
	p->dead = d;
	return d;
}

/* Where it stood, it stands no more; 1 and its mark, 0 when it did not. */
static int
kill_record(struct search_maker *m, uint8_t kind, const char *id,
    uint64_t *mark, struct err *e)
{
	for (size_t i = 0; i < m->n; i++) {
		struct part *p = &m->parts[i];
		int32_t doc = text_index_find(p->index->index, kind, id);
		uint64_t bit = UINT64_C(1) << (doc < 0 ? 0 : doc % 64);
		struct dead_set *dead;

		if (doc < 0 ||
		    (p->dead != NULL && (p->dead->bits[doc / 64] & bit) != 0))
			continue;
		if ((dead = own_dead(p)) == NULL)
			return no_memory(e);
		dead->bits[doc / 64] |= bit;
		dead->n++;
		*mark = text_index_doc(p->index->index, (uint32_t)doc).mark;
		return 1;
	}
	return 0;
}

static int
index_record(struct search_maker *m, uint8_t kind, const char *id,
    struct err *e)
{
	struct stored s;
	uint64_t before = 0, mark;
	int stood = kill_record(m, kind, id, &before, e), found;

	if (stood < 0)
		return -1;
	found = view_get(m->view, kind, id, &s, e);
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	if (add_record(m, &s, &mark, e) < 0)
		return -1;
	return stood == 1 && mark != before ? touch_dependants(m, kind, id, e)
					    : 0;
}

/* The list may grow on the way. */
static int
index_touched(struct search_maker *m, struct err *e)
{
	for (size_t i = 0; i < m->touched.n; i++) {
		const struct interned *x = &m->touched.list[i];
		const char *key = m->touched.bytes + x->at;
		uint8_t kind = (uint8_t)key[0];
		char id[STORE_ID_MAX + 1] = "";

		memcpy(id, key + 1, x->len - 1);
		if (check_stop(m, e) < 0 || index_record(m, kind, id, e) < 0)
			return -1;
	}
	return finish_part(m, e);
}

/* ---- joining --------------------------------------------------------------------------- */

/* Join the parts from `first` on into one; none is left when all are dead. */
static int
join(struct search_maker *m, size_t first, struct err *e)
{
	struct text_part parts[2];
	struct text_index *ix;
	size_t n = m->n - first, living = 0;

	for (size_t i = 0; i < n; i++) {
		parts[i] = part_read(&m->parts[first + i]);
		living += part_living(&m->parts[first + i]);
	}
	ix = living > 0 ? text_index_merge(parts, n) : NULL;
	if (ix == NULL && living > 0)
		return no_memory(e);
	while (m->n > first)
		part_unref(&m->parts[--m->n]);
	return ix != NULL ? add_part(m, ix, e) : 0;
}

static void
swap(struct part *a, struct part *b)
{
	struct part was = *a;

	*a = *b;
	*b = was;
}

/* Make a part that is half dead again: alone, as the last. */
static int
renew_half_dead(struct search_maker *m, struct err *e)
{
	for (size_t i = m->n; i-- > 0;) {
		struct part *p = &m->parts[i];

		if (2 * part_living(p) >= part_docs(p))
			continue;
		swap(p, &m->parts[m->n - 1]);
		if (join(m, m->n - 1, e) < 0)
			return -1;
	}
	return 0;
}

static void
largest_first(struct search_maker *m)
{
	for (size_t i = 1; i < m->n; i++)
		for (size_t j = i; j > 0 && part_living(&m->parts[j]) >
						part_living(&m->parts[j - 1]);
		     j--)
			swap(&m->parts[j], &m->parts[j - 1]);
}

/* Each part is less than half of the one before it: so there are few, and each
 * record is copied a few times only. */
static int
tidy(struct search_maker *m, struct err *e)
{
	if (renew_half_dead(m, e) < 0)
		return -1;
	largest_first(m);
	while (m->n > 1) {
		size_t a = part_living(&m->parts[m->n - 2]);
		size_t b = part_living(&m->parts[m->n - 1]);

		if (a >= 2 * b || a + b > TEXT_INDEX_DOCS_MAX)
			break;
		if (join(m, m->n - 2, e) < 0)
			return -1;
		largest_first(m);
	}
	return 0;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int
begin_from_last(struct search_maker *m, struct err *e)
{
	drop_parts(m);
	for (size_t i = 0; i < m->last->n; i++) {
		if (room_for_part(m, e) < 0)
			return -1;
		m->parts[m->n++] = m->last->parts[i];
		part_ref(&m->last->parts[i]);
	}
	return 0;
}

static int
follow(struct search_maker *m, struct err *e)
{
	uint64_t head = view_revision(m->view);

	intern_free(&m->touched);
	if (begin_from_last(m, e) < 0)
		return -1;
	for (uint64_t r = m->last->revision + 1; r <= head; r++) {
		if (touch_commit(m, r, e) < 0)
			return -1;
		if (m->touched.n > BACKLOG_MAX)
			return err_set(e, ERR_LIMIT, "too many changes");
	}
	return index_touched(m, e) < 0 ? -1 : tidy(m, e);
}

static bool
may_follow(const struct search_maker *m)
{
	uint64_t head = view_revision(m->view);

	return m->last != NULL && m->last->catalog == m->catalog &&
	       m->last->revision <= head &&
	       head - m->last->revision <= BACKLOG_MAX &&
	       view_oldest(m->view) <= m->last->revision + 1;
}

static int
make(struct search_maker *m, struct err *e)
{
	int rc = -1;

	if (may_follow(m) && (rc = follow(m, e)) < 0 &&
	    e->code != ERR_CANCELLED)
		err_clear(e); /* a commit was compacted, or worse: all again */
	if (rc < 0 && e->code != ERR_CANCELLED)
		rc = read_everything(m, e);
	return rc;
}

struct search_view *
search_maker_advance(struct search_maker *m, struct catalog *catalog,
    struct err *e)
{
	struct search_view *v = NULL;
	uint64_t revision;

	if ((m->view = reader_view(m->reader, e)) == NULL)
		return NULL;
	m->catalog = catalog;
	revision = view_revision(m->view);
	search_docs_open(m->docs, m->view, revision, catalog);
	if (make(m, e) == 0) {
		if ((v = view_new(revision, catalog, m->n)) == NULL)
			no_memory(e);
	}
	for (; v != NULL && v->n < m->n; v->n++) {
		v->parts[v->n] = m->parts[v->n];
		m->parts[v->n] = (struct part){ 0 };
	}
	if (v != NULL) {
		m->n = 0;
		search_view_unref(m->last);
		m->last = search_view_ref(v);
	}
	drop_parts(m);
	reader_release(m->reader);
	return v;
}
