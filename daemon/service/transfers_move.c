/* transfers_move.c - see transfers.h: which records go along, and their move. */
#include <string.h>

#include "service/put.h"
#include "service/record.h"
#include "service/schema.h"
#include "service/transfers.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define OFFER RESOPRO__V1__KIND__KIND_OFFER
#define STATUS RESOPRO__V1__KIND__KIND_STATUS

#define HISTORY_MAX 100 /* versions looked at for a former owner */

static int
refuse(struct err *e, const char *reason, const char *remedy, const char *what,
    Resopro__V1__Kind kind, const char *id)
{
	err_set(e, ERR_PRECONDITION, "record_id: %s %s %s",
	    schema_of(kind)->name, id, what);
	err_field(e, "record_id");
	err_reason(e, reason);
	return err_remedy(e, "%s", remedy);
}

/* A site or an offer of the losing body becomes the gaining body's. */
static bool
changes_body(const struct moving *m)
{
	return m->root->kind != ORGANISATION &&
	       strcmp(schema_string(m->root, "organisation_id"), m->from) == 0;
}

static int
add(struct moving *m, Resopro__V1__Kind kind, const char *id, struct err *e)
{
	if (m->n == TRANSFER_RECORDS_MAX) {
		err_set(e, ERR_PRECONDITION,
		    "record_id: more than %d records go along",
		    TRANSFER_RECORDS_MAX);
		err_field(e, "record_id");
		err_reason(e, "TOO_MANY");
		return err_remedy(e, "transfer its sites one by one");
	}
	m->items[m->n].kind = kind;
	m->items[m->n].id = arena_strdup(m->arena, id);
	return m->items[m->n++].id != NULL ? 0
					   : err_set(e, ERR_NOMEM, "transfer");
}

struct walk {
	struct moving *moving;
	Resopro__V1__Kind kind;
};

/* A record that belongs to the one that moves. */
static int
seen(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct walk *w = arg;
	struct moving *m = w->moving;
	Resopro__V1__Record *r;
	struct stored s;
	const char *to;

	(void)key;
	(void)len;
	if (view_get(m->view, (uint8_t)w->kind, id, &s, e) != 1 || s.deleted)
		return e->code != ERR_NONE ? -1 : 1;
	if ((r = record_unpack(m->arena, s.record, e)) == NULL)
		return -1;
	if (w->kind == STATUS) {
		to = r->status->to;
		if (!changes_body(m) ||
		    (to[0] != '\0' && strcmp(to, m->today) < 0))
			return 1;
		return refuse(e, "TITLE_HELD",
		    "end that title first: it is the losing body's",
		    "holds at this site", STATUS, id);
	}
	if (strcmp(r->owner, m->from) == 0)
		return add(m, w->kind, id, e) < 0 ? -1 : 1;
	if (m->root->kind == SITE && changes_body(m))
		return refuse(e, "OFFER_OF_ANOTHER",
		    "transfer or delete that offer first",
		    "of another owner is at this site", OFFER, id);
	return 1;
}

static int
walk(struct moving *m, uint8_t index, Resopro__V1__Kind kind, struct err *e)
{
	struct walk w = { m, kind };
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, kind, m->root->id);

	return view_each_index(m->view, index, key, len, NULL, NULL, seen, &w,
	    e);
}

int
transfers_gather(struct moving *m, struct err *e)
{
	m->n = 0;
	m->items =
	    arena_alloc(m->arena, TRANSFER_RECORDS_MAX * sizeof *m->items);
	if (m->items == NULL)
		return err_set(e, ERR_NOMEM, "transfer");
	if (add(m, m->root->kind, m->root->id, e) < 0)
		return -1;
	switch (m->root->kind) {
	case ORGANISATION:
		return walk(m, INDEX_ORGANISATION, SITE, e) < 0
			   ? -1
			   : walk(m, INDEX_ORGANISATION, OFFER, e);
	case SITE:
		return walk(m, INDEX_SITE, STATUS, e) < 0
			   ? -1
			   : walk(m, INDEX_SITE, OFFER, e);
	default:
		if (changes_body(m) &&
		    schema_string(m->root, "site_id")[0] != '\0')
			return refuse(e, "AT_A_SITE",
			    "transfer that site (its offers go along), or take "
			    "the site off the offer first",
			    "is at a site of the losing body", OFFER,
			    m->root->id);
		return 0;
	}
}

/* ---- moving --------------------------------------------------------------- */

static int
move_one(struct moving *m, struct decision *d, const struct moving_item *item,
    Resopro__V1__MovedRecord *told, struct err *e)
{
	static char none[] = "";
	char *to = arena_strdup(m->arena, m->to);
	Resopro__V1__Record *r;
	struct stored s;

	if (to == NULL ||
	    view_get(m->view, (uint8_t)item->kind, item->id, &s, e) != 1 ||
	    (r = record_unpack(m->arena, s.record, e)) == NULL)
		return e->code != ERR_NONE ? -1
					   : err_set(e, ERR_NOMEM, "transfer");
	resopro__v1__moved_record__init(told);
	told->kind = r->kind;
	told->id = r->id;
	told->source = r->source;
	told->source_id = r->source_id;
	r->owner = to;
	r->source = r->source_id = none;
	if (changes_body(m) && r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		r->site->organisation_id = to;
	if (changes_body(m) && r->body_case == RESOPRO__V1__RECORD__BODY_OFFER)
		r->offer->organisation_id = to;
	return put_replace(d, m->arena, r, e);
}

int
transfers_move(struct moving *m, struct decision *d, Resopro__V1__Transfer *t,
    struct err *e)
{
	Resopro__V1__MovedRecord *told =
	    arena_alloc(m->arena, m->n * sizeof *told);

	t->moved = arena_alloc(m->arena, m->n * sizeof(*t->moved));
	if (told == NULL || t->moved == NULL)
		return err_set(e, ERR_NOMEM, "transfer");
	for (size_t i = 0; i < m->n; i++) {
		if (move_one(m, d, &m->items[i], &told[i], e) < 0)
			return -1;
		t->moved[i] = &told[i];
	}
	t->n_moved = m->n;
	return 0;
}

/* ---- what has gone -------------------------------------------------------- */

static bool
is(const char *a, struct bytes b)
{
	return strlen(a) == b.len && memcmp(a, b.data, b.len) == 0;
}

int
transfers_gone(struct view *v, struct arena *arena, Resopro__V1__Kind kind,
    const char *id, const char *owner, const char *source,
    const char *source_id, const char **now, struct err *e)
{
	struct record_facts f;
	struct stored s;
	int rc = view_get(v, (uint8_t)kind, id, &s, e);

	if (rc <= 0 || s.deleted)
		return rc < 0 ? -1 : 0;
	if (record_facts(s.record, &f, e) < 0)
		return -1;
	if (is(owner, f.owner))
		return 0; /* its own still */
	*now = arena_printf(arena, "%.*s", (int)f.owner.len,
	    (const char *)f.owner.data);
	for (unsigned n = 0; n < HISTORY_MAX; n++) {
		if ((rc = view_previous(v, &s, e)) <= 0)
			break;
		if (record_facts(s.record, &f, e) < 0)
			return -1;
		if (is(owner, f.owner) && is(source, f.source) &&
		    is(source_id, f.source_id))
			return *now != NULL ? 1
					    : err_set(e, ERR_NOMEM, "transfer");
	}
	if (rc < 0 && e->code != ERR_COMPACTED)
		return -1;
	err_clear(e);
	return 0;
}
