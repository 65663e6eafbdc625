/* sync_scope.c - what a set covers, and what of it ends. */
#include <stdio.h>
#include <string.h>

#include "service/authorise.h"
#include "service/record.h"
#include "service/schema.h"
#include "service/sync.h"

#define SCOPE_MAX 10000 /* names */
#define SLICE 500       /* records looked at a turn */

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE

/* ---- the scope -------------------------------------------------------------- */

static int
add_name(struct sync *s, struct names *to, Resopro__V1__Kind kind,
    const char *text, struct err *e)
{
	const char *copy = arena_strdup(s->write.arena, text);

	if (copy == NULL || names_add(to, s->write.arena, kind, copy) < 0)
		return sync_no_room(e);
	return 0;
}

static int
add_ids(struct sync *s, Resopro__V1__Kind kind, const char *field,
    char *const *list, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (value_check(VALUE_ID, field, list[i], strlen(list[i]), e) <
			0 ||
		    add_name(s, &s->scope_ids, kind, list[i], e) < 0)
			return -1;
	}
	return 0;
}

/* The member's own: as they are, and as the register knows them by now. */
static int
add_sources(struct sync *s, struct view *v, Resopro__V1__Kind kind,
    const char *field, char *const *list, size_t n, struct err *e)
{
	char id[STORE_ID_MAX + 1];

	for (size_t i = 0; i < n; i++) {
		if (value_check(VALUE_SOURCE_ID, field, list[i],
			strlen(list[i]), e) < 0 ||
		    add_name(s, &s->scope_sources, kind, list[i], e) < 0 ||
		    sync_known_id(s, v, kind, list[i], id, e) < 0 ||
		    (id[0] != '\0' &&
			add_name(s, &s->scope_ids, kind, id, e) < 0))
			return -1;
	}
	return 0;
}

int
sync_scope_read(struct sync *s, struct view *v, const Resopro__V1__SyncScope *q,
    struct err *e)
{
	size_t n;

	if (q == NULL)
		return 0;
	n = q->n_organisation_ids + q->n_organisation_source_ids +
	    q->n_site_ids + q->n_site_source_ids;
	if (n == 0 || n > SCOPE_MAX) {
		err_set(e, ERR_INVALID, "start.scope: %zu names", n);
		err_field(e, "start.scope");
		err_reason(e, "COUNT");
		return err_remedy(e, "give 1 to %d names, or no scope",
		    SCOPE_MAX);
	}
	if (add_ids(s, ORGANISATION, "start.scope.organisation_ids",
		q->organisation_ids, q->n_organisation_ids, e) < 0 ||
	    add_ids(s, SITE, "start.scope.site_ids", q->site_ids, q->n_site_ids,
		e) < 0 ||
	    add_sources(s, v, ORGANISATION,
		"start.scope.organisation_source_ids",
		q->organisation_source_ids, q->n_organisation_source_ids,
		e) < 0 ||
	    add_sources(s, v, SITE, "start.scope.site_source_ids",
		q->site_source_ids, q->n_site_source_ids, e) < 0)
		return -1;
	names_sort(&s->scope_ids);
	names_sort(&s->scope_sources);
	return 0;
}

static bool
narrow(const struct sync *s)
{
	return s->scope_ids.n + s->scope_sources.n > 0;
}

bool
sync_scope_whole(const struct sync *s)
{
	return s->full && !narrow(s);
}

static bool
named(const struct sync *s, Resopro__V1__Kind kind, const char *id,
    const char *source_id)
{
	return names_has(&s->scope_ids, kind, id) ||
	       names_has(&s->scope_sources, kind, source_id);
}

bool
sync_scope_has(const struct sync *s, const Resopro__V1__Record *r,
    const Resopro__V1__SyncRecord *with)
{
	return !narrow(s) || named(s, r->kind, r->id, r->source_id) ||
	       named(s, ORGANISATION, schema_string(r, "organisation_id"),
		   with != NULL ? with->organisation_source_id : "") ||
	       named(s, SITE, schema_string(r, "site_id"),
		   with != NULL ? with->site_source_id : "");
}

/* ---- retired by name -------------------------------------------------------- */

/* Unknown or ended already: nothing to do, and said so. */
static int
nothing_to_retire(struct sync *s, struct sync_item *i, struct err *e)
{
	i->action = SYNC_UNCHANGED;
	return sync_item_warn(&s->set, i,
		   "there is no such record (any more): nothing to retire") < 0
		   ? sync_no_room(e)
		   : 0;
}

/* The live record that it names, in scratch memory; NULL without *e: there is
 * none. */
static Resopro__V1__Record *
find_target(struct sync *s, struct view *v, const struct sync_item *i,
    const char *given, struct stored *now, struct err *e)
{
	char id[STORE_ID_MAX + 1];

	if (given[0] != '\0') {
		if (strlen(given) > STORE_ID_MAX)
			return NULL;
		(void)snprintf(id, sizeof id, "%s", given);
	} else if (sync_known_id(s, v, i->kind, i->source_id, id, e) < 0 ||
		   id[0] == '\0') {
		return NULL;
	}
	if (view_get(v, (uint8_t)i->kind, id, now, e) != 1 || now->deleted)
		return NULL;
	return record_unpack(s->scratch, now->record, e);
}

static int
retire(struct sync *s, struct sync_item *i, const Resopro__V1__Record *r,
    uint64_t version, struct err *e)
{
	if (sync_set_name(&s->set, i, r->id, e) < 0)
		return -1;
	i->action = SYNC_RETIRE;
	i->exists = true;
	i->seen = version;
	i->name = arena_strdup(s->set.arena, schema_name(r));
	return i->name != NULL ? 0 : sync_no_room(e);
}

int
sync_take_retirement(struct sync *s, struct view *v, struct sync_item *i,
    const Resopro__V1__Record *given, struct err *e)
{
	Resopro__V1__Record *r;
	struct err why = { 0 };
	struct stored now;

	r = find_target(s, v, i, given->id, &now, e);
	if (r == NULL)
		return e->code != ERR_NONE ? -1 : nothing_to_retire(s, i, e);
	if (sync_set_by_id(&s->set, i->kind, r->id) != NULL)
		return sync_refuse(s, i, "id", "DUPLICATE",
		    "id: is that of another record of the set",
		    "name each record once", e);
	if (strcmp(r->owner, s->owner) != 0)
		return sync_refuse(s, i, "id", "OWNER",
		    "id: is that of a record of another owner",
		    "name a record of this owner's", e);
	if (!sync_scope_has(s, r, NULL))
		return sync_refuse(s, i, "id", "SCOPE",
		    "the record lies outside the scope of the set",
		    "retire it in a set of its own, or widen the scope", e);
	if (authorise_record(&s->write.who, s->write.proposal.method, r, &why) <
	    0)
		return sync_refuse_as(s, i, &why, e);
	return retire(s, i, r, now.version, e);
}

/* ---- retired because it is missing ------------------------------------------ */

struct retire_walk {
	struct sync *sync;
	struct view *view;
	Resopro__V1__Kind kind;
	unsigned left; /* of this slice */
};

/* In the scope, and not in the set: it ends. */
static int
retire_missing(struct sync *s, struct view *v, Resopro__V1__Kind kind,
    const char *id, struct err *e)
{
	struct sync_item *i;
	Resopro__V1__Record *r;
	struct stored now;

	arena_reset(s->scratch);
	if (view_get(v, (uint8_t)kind, id, &now, e) != 1 ||
	    (r = record_unpack(s->scratch, now.record, e)) == NULL)
		return e->code != ERR_NONE ? -1 : 0;
	if (!sync_scope_has(s, r, NULL))
		return 0;
	s->existing++;
	/* It came, but was refused: that is no reason to end it. */
	i = sync_set_by_source(&s->set, kind, r->source_id);
	if (i != NULL && i->action == SYNC_REFUSED)
		return 0;
	if (authorise_record(&s->write.who, s->write.proposal.method, r, e) < 0)
		return -1;
	i = sync_set_add(&s->set, kind, r->source_id, e);
	return i != NULL ? retire(s, i, r, now.version, e) : -1;
}

static int
walk_one(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct retire_walk *w = arg;
	struct sync_walk *at = &w->sync->walk;

	memcpy(at->key, key, len);
	at->key[len] = '\0';
	(void)snprintf(at->id, sizeof at->id, "%s", id);
	at->started = true;
	if (sync_set_by_id(&w->sync->set, w->kind, id) != NULL)
		w->sync->existing++;
	else if (retire_missing(w->sync, w->view, w->kind, id, e) < 0)
		return -1;
	return --w->left > 0;
}

/* One kind of the scope, from where the walk stands.  1: there are more. */
static int
walk_kind(struct sync *s, struct view *v, Resopro__V1__Kind kind, struct err *e)
{
	struct retire_walk w = { s, v, kind, SLICE };
	struct sync_walk at = s->walk;
	char key[STORE_INDEX_KEY_MAX];
	/* Every source id of the scope begins like this. */
	size_t len = schema_source_key(key, kind, s->owner, s->source, "");

	if (view_each_index(v, INDEX_SOURCE, key, len,
		at.started ? at.key : NULL, at.started ? at.id : NULL, walk_one,
		&w, e) < 0)
		return -1;
	return w.left == 0;
}

int
sync_plan_retirements(struct sync *s, struct view *v, struct err *e)
{
	const struct kind_schema *const *all = schema_all();
	const struct kind_schema *ks = all[s->walk.kind];
	int rc = 0;

	if (!s->full || ks == NULL)
		return 0;
	if ((s->kinds & 1u << ks->kind) != 0)
		rc = walk_kind(s, v, ks->kind, e);
	if (rc == 0) {
		s->walk.kind++;
		s->walk.started = false;
	}
	return rc < 0 ? -1 : 1;
}
