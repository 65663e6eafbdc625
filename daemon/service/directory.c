/* directory.c - see directory.h: reading everything in parts, following the
 * log. */
#include <stdlib.h>
#include <string.h>

#include "resopro/v1/types.pb-c.h"
#include "service/directory_parts.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define STATUS RESOPRO__V1__KIND__KIND_STATUS

#define BACKLOG_MAX 50000 /* commits, beyond which all is read again */
#define SCRATCH_BYTES ((size_t)64 << 20)
#define BODY_WORK 10 /* a body costs as much as so many sites */

/* Forget everything but the catalog. */
static void
forget(struct directory *d)
{
	for (size_t i = 0; i < d->n_slots; i++)
		if (d->bodies[i] != NULL)
			body_free(d->bodies[i]);
	free(d->bodies);
	d->bodies = NULL;
	d->n_bodies = d->n_slots = d->n_places = 0;
	d->dirty = NULL;
	d->state = DIRECTORY_EMPTY;
	groups_free(d);
}

/* ---- reading everything -------------------------------------------------- */

/* Each part is read from a snapshot of its own.  What changes after the first
 * of them is found in the log when all is read, and looked at again. */
static int
begin(struct directory *d, struct view *v, struct err *e)
{
	forget(d);
	if (groups_make(d, e) < 0)
		return -1;
	d->revision = view_revision(v);
	d->mutation = 0;
	d->after[0] = '\0';
	d->state = DIRECTORY_SITES;
	return 0;
}

struct part {
	struct directory *d;
	struct view *view;
	size_t *work; /* that may still be done */
	size_t cost;  /* of one record */
};

static int
read_one(const struct stored *s, void *arg, struct err *e)
{
	struct part *p = arg;
	struct directory *d = p->d;
	struct bytes id = { (const uint8_t *)s->id, strlen(s->id) };
	struct body *b;

	if (*p->work == 0)
		return 0;
	*p->work -= *p->work < p->cost ? *p->work : p->cost;
	memcpy(d->after, s->id, id.len + 1);
	if (s->deleted)
		return 1;
	if (s->kind == (uint8_t)SITE)
		return body_put_site(d, s->id, s->record, e) < 0 ? -1 : 1;
	if ((b = body_of(d, id, e)) == NULL)
		return -1;
	return body_make(d, b, p->view, e) < 0 ? -1 : 1;
}

static int
read_part(struct directory *d, struct view *v, size_t *work, struct err *e)
{
	bool sites = d->state == DIRECTORY_SITES;
	struct part p = { d, v, work, sites ? 1 : BODY_WORK };

	if (view_each(v, (uint8_t)(sites ? SITE : ORGANISATION), d->after,
		read_one, &p, e) < 0)
		return -1;
	if (*work == 0)
		return 0;
	d->after[0] = '\0';
	d->state = sites ? DIRECTORY_BODIES : DIRECTORY_FOLLOWS;
	return 0;
}

/* ---- following the log -------------------------------------------------- */

static int
touch(struct directory *d, struct bytes id, struct err *e)
{
	struct body *b = body_of(d, id, e);

	if (b == NULL)
		return -1;
	if (!b->dirty) {
		b->dirty = true;
		b->next = d->dirty;
		d->dirty = b;
	}
	return 0;
}

/* A tombstone says nothing; whose it was never changes: look before. */
static int
follow_deleted(struct directory *d, struct view *v, const struct mutation *m,
    struct err *e)
{
	struct stored before;
	struct bytes id;
	struct body *b;

	if (view_get_as_of(v, m->kind, m->id, m->prev_revision, &before, e) !=
		1 ||
	    facts_organisation(before.record, &id, e) < 0)
		return -1;
	if (m->kind == (uint8_t)STATUS)
		return touch(d, id, e);
	if ((b = body_of(d, id, e)) == NULL)
		return -1;
	body_drop_site(d, b, m->id);
	return 0;
}

static int
follow_mutation(struct directory *d, struct view *v, const struct mutation *m,
    struct err *e)
{
	struct bytes id = { (const uint8_t *)m->id, strlen(m->id) };

	if (m->op != MUTATION_PUT && m->op != MUTATION_DELETE)
		return 0;
	if (m->kind == (uint8_t)ORGANISATION)
		return touch(d, id, e);
	if (m->kind != (uint8_t)SITE && m->kind != (uint8_t)STATUS)
		return 0;
	if (m->op == MUTATION_DELETE)
		return follow_deleted(d, v, m, e);
	if (m->kind == (uint8_t)SITE)
		return body_put_site(d, m->id, m->record, e);
	if (facts_organisation(m->record, &id, e) < 0)
		return -1;
	return touch(d, id, e);
}

/* The commit after d->revision, from the mutation where the last part ended. */
static int
follow_commit(struct directory *d, struct view *v, size_t *work, struct err *e)
{
	struct mutation_iter it;
	struct mutation m;
	struct commit c;
	uint32_t seen = 0;
	int rc = view_commit(v, d->revision + 1, &c, e);

	if (rc != 1)
		return -1;
	mutation_first(&c, &it);
	while ((rc = mutation_next(&it, &m, e)) == 1) {
		if (seen++ < d->mutation)
			continue;
		if (*work == 0)
			return 0;
		--*work;
		if (follow_mutation(d, v, &m, e) < 0)
			return -1;
		d->mutation = seen;
	}
	if (rc < 0)
		return -1;
	d->revision++;
	d->mutation = 0;
	*work -= *work > 0;
	return 0;
}

static int
make_dirty(struct directory *d, struct view *v, size_t *work, struct err *e)
{
	while (d->dirty != NULL && *work > 0) {
		struct body *b = d->dirty;

		if (body_make(d, b, v, e) < 0)
			return -1;
		*work -= *work < BODY_WORK ? *work : BODY_WORK;
		d->dirty = b->next;
		b->dirty = false;
	}
	arena_reset(d->scratch);
	return 0;
}

static bool
lost(const struct directory *d, const struct view *v)
{
	uint64_t head = view_revision(v);

	return d->state == DIRECTORY_EMPTY || d->revision > head ||
	       head - d->revision > BACKLOG_MAX ||
	       (d->revision < head && view_oldest(v) > d->revision + 1);
}

static int
go_on(struct directory *d, struct view *v, size_t work, struct err *e)
{
	if (lost(d, v) && begin(d, v, e) < 0)
		return -1;
	while (work > 0 && d->state != DIRECTORY_FOLLOWS)
		if (read_part(d, v, &work, e) < 0)
			return -1;
	while (work > 0 && d->revision < view_revision(v))
		if (follow_commit(d, v, &work, e) < 0)
			return -1;
	if (work > 0 && d->dirty != NULL && make_dirty(d, v, &work, e) < 0)
		return -1;
	return d->state == DIRECTORY_FOLLOWS &&
	       d->revision == view_revision(v) && d->dirty == NULL;
}

int
directory_advance(struct directory *d, struct view *v, struct catalog *catalog,
    size_t work, struct err *e)
{
	int rc;

	if (d->catalog != catalog) {
		forget(d);
		catalog_unref(d->catalog);
		d->catalog = catalog_ref(catalog);
	}
	rc = go_on(d, v, work, e);
	if (rc < 0)
		forget(d);
	return rc;
}

/* ---- the whole ---------------------------------------------------------- */

struct directory *
directory_new(struct err *e)
{
	struct directory *d = calloc(1, sizeof *d);

	if (d == NULL || (d->scratch = arena_new(SCRATCH_BYTES)) == NULL) {
		free(d);
		err_set(e, ERR_NOMEM, "directory");
		return NULL;
	}
	d->source.placed = directory_placed;
	return d;
}

void
directory_free(struct directory *d)
{
	if (d == NULL)
		return;
	forget(d);
	catalog_unref(d->catalog);
	arena_free(d->scratch);
	free(d->all);
	free(d);
}

struct candidate_source *
directory_source(struct directory *d)
{
	return &d->source;
}

size_t
directory_bodies(const struct directory *d)
{
	return d->n_bodies;
}

size_t
directory_places(const struct directory *d)
{
	return d->n_places;
}
