/* claims.c - see claims.h. */
#include "service/claims.h"

#include <stdio.h>
#include <string.h>

#include "service/disputes.h"
#include "service/put.h"
#include "service/record.h"
#include "service/schema.h"

struct check { /* of one value of one record */
	const struct put *put;
	struct write *write;
	struct view *view;
	const struct put_company *with;
	const struct field_rule *field;
	const char *value;
	bool holds;                  /* the record itself has it already */
	Resopro__V1__Record *holder; /* another that has it, or NULL */
};

static int
refuse(struct check *c, const char *reason, const char *msg, const char *remedy,
    struct err *e)
{
	const struct kind_schema *ks = schema_of(c->put->record->kind);
	struct err v = { 0 };
	char path[64];

	(void)snprintf(path, sizeof path, "%s.%s", ks->name, c->field->name);
	err_set(&v, ERR_PRECONDITION, "%s: %s", path, msg);
	err_field(&v, path);
	err_reason(&v, reason);
	err_remedy(&v, "%s", remedy);
	violations_add(&c->write->violations, &v);
	*e = c->write->violations.first;
	return -1;
}

static bool
closed(const Resopro__V1__Record *r)
{
	return schema_string(r, "date_fermeture")[0] != '\0';
}

/* Some record that has the value. */
static int
seen_holder(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct check *c = arg;
	const Resopro__V1__Record *r = c->put->record;
	Resopro__V1__Record *other;
	struct stored s;

	(void)key;
	(void)len;
	if (strcmp(id, r->id) == 0) {
		c->holds = true;
		return 1;
	}
	if (names_has(c->with->leaving, r->kind, id))
		return 1;
	if (view_get(c->view, (uint8_t)r->kind, id, &s, e) != 1)
		return e->code != ERR_NONE ? -1 : 1;
	if ((other = record_unpack(c->put->arena, s.record, e)) == NULL)
		return -1;
	/* An owner may give one SIRET to several of its organisations. */
	if (closed(other) || ((c->field->flags & FIELD_UNIQUE) == 0 &&
				 strcmp(other->owner, r->owner) == 0))
		return 1;
	c->holder = other;
	return 0;
}

/* ---- claims --------------------------------------------------------------- */

/* What the refused record says, copied: the write outlives it. */
static const Resopro__V1__Claim *
copy_claim(struct write *w, const Resopro__V1__Record *r)
{
	Resopro__V1__Claim *c = arena_alloc(w->arena, sizeof *c);
	const struct {
		char **to;
		const char *from;
	} texts[] = {
		{ &c->id, r->id },
		{ &c->owner, r->owner },
		{ &c->source, r->source },
		{ &c->source_id, r->source_id },
		{ &c->nom, schema_string(r, "nom") },
		{ &c->adresse, schema_string(r, "adresse") },
		{ &c->code_postal, schema_string(r, "code_postal") },
		{ &c->commune, schema_string(r, "commune") },
		{ &c->code_insee, schema_string(r, "code_insee") },
	};

	if (c == NULL)
		return NULL;
	resopro__v1__claim__init(c);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		*texts[i].to = arena_strdup(w->arena, texts[i].from);
		if (*texts[i].to == NULL)
			return NULL;
	}
	return c;
}

static int
remember(struct check *c, const char *dispute, struct err *e)
{
	struct write *w = c->write;
	struct claims *all = &w->claims;
	struct claim *claim;

	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(all->list[i].dispute, dispute) == 0)
			return 0;
	}
	if (all->n == CLAIMS_MAX)
		return 0;
	if (all->list == NULL)
		all->list =
		    arena_alloc(w->arena, CLAIMS_MAX * sizeof *all->list);
	if (all->list == NULL)
		return err_set(e, ERR_NOMEM, "claims");
	claim = &all->list[all->n];
	(void)snprintf(claim->dispute, sizeof claim->dispute, "%s", dispute);
	(void)snprintf(claim->holder, sizeof claim->holder, "%s",
	    c->holder->id);
	claim->kind = c->put->record->kind;
	claim->siret = arena_strdup(w->arena, c->value);
	claim->claimant = copy_claim(w, c->put->record);
	if (claim->siret == NULL || claim->claimant == NULL)
		return err_set(e, ERR_NOMEM, "claims");
	all->n++;
	return 0;
}

/* ---- the three refusals --------------------------------------------------- */

static int
refuse_lost(struct check *c, const Resopro__V1__Record *dispute, struct err *e)
{
	char msg[240], remedy[160];

	(void)snprintf(c->write->claims.named, sizeof c->write->claims.named,
	    "%s", dispute->id);
	(void)snprintf(msg, sizeof msg, "%s was given to %s (dispute %s)",
	    c->value, dispute->dispute->resolved_for, dispute->id);
	(void)snprintf(remedy, sizeof remedy,
	    "take it off the record; only the agency may decide otherwise "
	    "(dispute show %s)",
	    dispute->id);
	return refuse(c, "DISPUTE_RESOLVED", msg, remedy, e);
}

static int
refuse_taken(struct check *c, struct err *e)
{
	char msg[200];

	(void)snprintf(msg, sizeof msg, "%s is already that of %s %s", c->value,
	    schema_of(c->put->record->kind)->name, c->holder->id);
	return refuse(c, "TAKEN", msg,
	    "correct it, or close the other one first", e);
}

/* Another owner has it. */
static int
contest(struct check *c, struct err *e)
{
	const Resopro__V1__Record *r = c->put->record;
	char id[STORE_ID_MAX + 1], msg[280], remedy[160];
	Resopro__V1__Record *d;
	bool open;
	int found;

	disputes_id(id, r->kind, c->value, r->owner, c->holder->owner);
	(void)snprintf(c->write->claims.named, sizeof c->write->claims.named,
	    "%s", id);
	found = disputes_read(c->view, c->put->arena, id, &d, e);
	if (found < 0)
		return -1;
	if (found == 1 &&
	    d->dispute->state ==
		RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_RESOLVED &&
	    strcmp(d->dispute->resolved_for, r->owner) != 0)
		return refuse_lost(c, d, e);
	open = found == 1 && d->dispute->state ==
				 RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_OPEN;
	if (!open && remember(c, id, e) < 0)
		return -1;
	(void)snprintf(msg, sizeof msg,
	    "%s is already that of %s %s, of %s: %sdispute %s", c->value,
	    schema_of(r->kind)->name, c->holder->id, c->holder->owner,
	    open ? "" : "opens ", id);
	(void)snprintf(remedy, sizeof remedy,
	    "correct it; if it is yours, the agency decides (dispute show %s)",
	    id);
	return refuse(c, "DISPUTED", msg, remedy, e);
}

static int
check_value(struct check *c, struct err *e)
{
	const Resopro__V1__Record *r = c->put->record;
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, r->kind, c->value);
	Resopro__V1__Record *d;
	int lost;

	if (view_each_index(c->view, c->field->index, key, len, NULL, NULL,
		seen_holder, c, e) < 0)
		return -1;
	if (c->holder != NULL)
		return strcmp(c->holder->owner, r->owner) == 0
			   ? refuse_taken(c, e)
			   : contest(c, e);
	if (c->holds)
		return 0;
	lost = disputes_lost(c->view, c->put->arena, r->kind, c->value,
	    r->owner, &d, e);
	return lost == 1 ? refuse_lost(c, d, e) : lost;
}

int
claims_check(const struct put *p, struct write *w, struct view *v,
    const struct put_company *with, struct err *e)
{
	const struct kind_schema *ks = schema_of(p->record->kind);

	if (closed(p->record))
		return 0;
	for (const struct field_rule *f = ks->fields; f->name != NULL; f++) {
		struct check c = { .put = p,
			.write = w,
			.view = v,
			.with = with,
			.field = f,
			.value = schema_string(p->record, f->name) };

		if ((f->flags & (FIELD_UNIQUE | FIELD_CLAIMED)) != 0 &&
		    c.value[0] != '\0' && check_value(&c, e) < 0)
			return -1;
	}
	return 0;
}
