/* search_docs.c - see search_docs.h. */
#include "service/search_docs.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "domain/vocabulary.h"
#include "service/record.h"
#include "service/zones.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define OFFER RESOPRO__V1__KIND__KIND_OFFER

#define SCRATCH_BYTES ((size_t)64 << 20)
#define KEPT_BYTES ((size_t)4 << 20) /* of other records' facts */
#define KEPT 2048                    /* records; a power of two */

struct facts { /* of an organisation or a site, for what belongs to it */
	const char *id;
	const char *name, *other, *sigle, *kind; /* organisations */
	const struct commune *commune;           /* sites */
};

struct search_docs {
	struct view *view;
	uint64_t revision;
	const struct catalog *catalog;
	struct arena *scratch; /* the record that is made */
	struct arena *kept;
	struct facts *bodies[KEPT], *sites[KEPT]; /* by hash of id, or NULL */
};

struct search_docs *
search_docs_new(struct err *e)
{
	struct search_docs *d = calloc(1, sizeof *d);

	if (d == NULL || (d->scratch = arena_new(SCRATCH_BYTES)) == NULL ||
	    (d->kept = arena_new(KEPT_BYTES)) == NULL) {
		err_set(e, ERR_NOMEM, "search");
		search_docs_free(d);
		return NULL;
	}
	return d;
}

void
search_docs_free(struct search_docs *d)
{
	if (d == NULL)
		return;
	arena_free(d->scratch);
	arena_free(d->kept);
	free(d);
}

static void
forget(struct search_docs *d)
{
	memset(d->bodies, 0, sizeof d->bodies);
	memset(d->sites, 0, sizeof d->sites);
	arena_reset(d->kept);
}

void
search_docs_open(struct search_docs *d, struct view *v, uint64_t revision,
    const struct catalog *catalog)
{
	forget(d);
	d->view = v;
	d->revision = revision;
	d->catalog = catalog;
}

bool
search_docs_kind(uint8_t kind)
{
	return kind == (uint8_t)ORGANISATION || kind == (uint8_t)SITE ||
	       kind == (uint8_t)OFFER;
}

static const char *
label(const struct search_docs *d, const char *vocabulary, const char *code)
{
	const struct vocabulary *v =
	    vocabularies_find(catalog_vocabularies(d->catalog), vocabulary);
	const struct vocabulary_term *t =
	    v != NULL && code[0] != '\0' ? vocabulary_term(v, code) : NULL;

	return t != NULL ? t->libelle_fr : "";
}

static const char *
shown_name(const Resopro__V1__Organisation *o)
{
	return o->nom_usuel[0] != '\0' ? o->nom_usuel : o->nom;
}

static const struct commune *
commune_of(const struct search_docs *d, const Resopro__V1__Site *s)
{
	return territory_former(catalog_territory(d->catalog), s->code_insee);
}

/* ---- facts of other records --------------------------------------------------- */

/* The record, in the scratch arena beside what is made; NULL: absent. */
static int
read_record(struct search_docs *d, Resopro__V1__Kind kind, const char *id,
    Resopro__V1__Record **out, struct err *e)
{
	struct stored s;
	int found = view_revision(d->view) == d->revision
			? view_get(d->view, (uint8_t)kind, id, &s, e)
			: view_get_as_of(d->view, (uint8_t)kind, id,
			      d->revision, &s, e);

	*out = NULL;
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	*out = record_unpack(d->scratch, s.record, e);
	return *out != NULL ? 0 : -1;
}

static const char *
keep(struct search_docs *d, const char *s)
{
	return s[0] != '\0' ? arena_strdup(d->kept, s) : "";
}

static struct facts *
keep_facts(struct search_docs *d, Resopro__V1__Kind kind, const char *id,
    const Resopro__V1__Record *r)
{
	struct facts *f = arena_alloc(d->kept, sizeof *f);

	if (f == NULL)
		return NULL;
	f->id = arena_strdup(d->kept, id);
	f->name = f->other = f->sigle = f->kind = "";
	if (r != NULL && kind == ORGANISATION &&
	    r->body_case == RESOPRO__V1__RECORD__BODY_ORGANISATION) {
		f->name = keep(d, shown_name(r->organisation));
		f->other = keep(d, r->organisation->nom);
		f->sigle = keep(d, r->organisation->sigle);
		f->kind = label(d, "organisation-kinds", r->organisation->kind);
	}
	if (r != NULL && kind == SITE &&
	    r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		f->commune = commune_of(d, r->site);
	return arena_overflowed(d->kept) ? NULL : f;
}

/* Of the record of this id; an absent one has none.  NULL with *e set. */
static const struct facts *
facts_of(struct search_docs *d, Resopro__V1__Kind kind, const char *id,
    struct err *e)
{
	struct facts **cache = kind == ORGANISATION ? d->bodies : d->sites;
	size_t at = (size_t)XXH3_64bits(id, strlen(id)) & (KEPT - 1);
	Resopro__V1__Record *r;
	struct facts *f = cache[at];

	if (f != NULL && strcmp(f->id, id) == 0)
		return f;
	if (read_record(d, kind, id, &r, e) < 0)
		return NULL;
	if ((f = keep_facts(d, kind, id, r)) == NULL) {
		forget(d); /* it is full: begin again */
		f = keep_facts(d, kind, id, r);
	}
	if (f == NULL)
		err_set(e, ERR_NOMEM, "search");
	cache[at] = f;
	return f;
}

/* ---- the parts of a record ------------------------------------------------------ */

static int
add_body(struct search_docs *d, struct search_doc *out, const char *id,
    struct err *e)
{
	const struct facts *f = facts_of(d, ORGANISATION, id, e);

	if (f == NULL)
		return -1;
	out->parent_id = id;
	out->parent_name = f->name;
	search_doc_add(out, SEARCH_IN_ORGANISATION, f->name);
	search_doc_add(out, SEARCH_IN_ORGANISATION, f->other);
	search_doc_add(out, SEARCH_IN_ORGANISATION, f->sigle);
	search_doc_add(out, SEARCH_IN_ORGANISATION, f->kind);
	return 0;
}

static void
add_commune(struct search_docs *d, struct search_doc *out,
    const struct commune *c)
{
	const char *name;

	if (c == NULL)
		return;
	out->commune = c;
	search_doc_add(out, SEARCH_IN_COMMUNE, c->nom);
	search_doc_add(out, SEARCH_IN_COMMUNE, c->code);
	for (size_t i = 0;
	     (name = territory_former_name(catalog_territory(d->catalog), c,
		  i)) != NULL;
	     i++)
		search_doc_add(out, SEARCH_IN_COMMUNE, name);
}

/* Zones by their codes; a code of another year names none. */
static int
add_zones(struct search_docs *d, struct search_doc *out, char *const *codes,
    size_t n,
    const struct zone *(*zone)(const struct territory *, const char *code),
    struct err *e)
{
	const struct territory *t = catalog_territory(d->catalog);
	const struct zone **zones =
	    arena_alloc(d->scratch, (n + 1) * sizeof(*zones));

	if (zones == NULL)
		return err_set(e, ERR_NOMEM, "search");
	out->zones = zones;
	for (size_t i = 0; i < n; i++) {
		zones[out->n_zones] = zone(t, codes[i]);
		out->n_zones += zones[out->n_zones] != NULL;
	}
	return 0;
}

static int
add_own_zone(struct search_docs *d, struct search_doc *out,
    const struct commune *c, struct err *e)
{
	char *code;

	if (c == NULL)
		return 0;
	code = (char *)(uintptr_t)c->code;
	return add_zones(d, out, &code, 1, territory_zone, e);
}

static void
add_labels(struct search_docs *d, struct search_doc *out,
    const char *vocabulary, char *const *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		search_doc_add(out, SEARCH_IN_TEXT,
		    label(d, vocabulary, codes[i]));
}

/* What keep_facts() takes of it, in one number. */
static uint64_t
mark_of(const char *const *texts, size_t n)
{
	uint64_t mark = 0;

	for (size_t i = 0; i < n; i++)
		mark =
		    XXH3_64bits_withSeed(texts[i], strlen(texts[i]), mark + 1);
	return mark;
}

/* ---- the kinds ---------------------------------------------------------------------- */

static int
make_organisation(struct search_docs *d, const Resopro__V1__Organisation *o,
    struct search_doc *out, struct err *e)
{
	const char *const facts[] = { o->nom, o->nom_usuel, o->sigle, o->kind };

	out->mark = mark_of(facts, sizeof facts / sizeof facts[0]);
	out->name = shown_name(o);
	out->other_name = o->nom_usuel[0] != '\0' ? o->nom : "";
	out->closed = o->date_fermeture;
	search_doc_add(out, SEARCH_IN_IDENTIFIER,
	    o->siret[0] != '\0' ? o->siret : o->siren);
	search_doc_add(out, SEARCH_IN_IDENTIFIER, o->rna);
	search_doc_add(out, SEARCH_IN_IDENTIFIER, o->uai);
	search_doc_add(out, SEARCH_IN_NAME, o->nom);
	search_doc_add(out, SEARCH_IN_NAME, o->nom_usuel);
	search_doc_add(out, SEARCH_IN_SIGLE, o->sigle);
	search_doc_add(out, SEARCH_IN_KIND,
	    label(d, "organisation-kinds", o->kind));
	return add_zones(d, out, o->competence, o->n_competence, territory_zone,
	    e);
}

static int
make_site(struct search_docs *d, const Resopro__V1__Site *s,
    struct search_doc *out, struct err *e)
{
	const struct commune *c = commune_of(d, s);
	const char *const facts[] = { s->code_insee };

	out->mark = mark_of(facts, 1);
	out->name = s->nom;
	out->closed = s->date_fermeture;
	search_doc_add(out, SEARCH_IN_IDENTIFIER, s->siret);
	search_doc_add(out, SEARCH_IN_IDENTIFIER, s->uai);
	search_doc_add(out, SEARCH_IN_NAME, s->nom);
	search_doc_add(out, SEARCH_IN_COMMUNE, s->code_postal);
	search_doc_add(out, SEARCH_IN_COMMUNE, s->commune);
	add_commune(d, out, c);
	return add_body(d, out, s->organisation_id, e) < 0
		   ? -1
		   : add_own_zone(d, out, c, e);
}

/* The commune of an offer's site, NULL when it has none. */
static int
offer_commune(struct search_docs *d, const Resopro__V1__Offer *o,
    const struct commune **commune, struct err *e)
{
	const struct facts *site;

	*commune = NULL;
	if (o->site_id[0] == '\0')
		return 0;
	if ((site = facts_of(d, SITE, o->site_id, e)) == NULL)
		return -1;
	*commune = site->commune;
	return 0;
}

static int
make_offer(struct search_docs *d, const Resopro__V1__Offer *o,
    struct search_doc *out, struct err *e)
{
	const struct commune *c;

	/* The facts of the body are the last asked for: they stay. */
	if (offer_commune(d, o, &c, e) < 0 ||
	    add_body(d, out, o->organisation_id, e) < 0)
		return -1;
	out->name = o->nom;
	search_doc_add(out, SEARCH_IN_NAME, o->nom);
	add_commune(d, out, c);
	search_doc_add(out, SEARCH_IN_TEXT, o->description);
	search_doc_add(out, SEARCH_IN_TEXT,
	    label(d, "types-services", o->type));
	search_doc_add(out, SEARCH_IN_TEXT, o->publics_precisions);
	search_doc_add(out, SEARCH_IN_TEXT, o->conditions_acces);
	add_labels(d, out, "publics", o->publics, o->n_publics);
	add_labels(d, out, "besoins", o->besoins, o->n_besoins);
	add_labels(d, out, "thematiques", o->thematiques, o->n_thematiques);
	out->everywhere =
	    zones_say_everywhere(o->zone_eligibilite, o->n_zone_eligibilite);
	return o->n_zone_eligibilite == 0
		   ? add_own_zone(d, out, c, e)
		   : add_zones(d, out, o->zone_eligibilite,
			 o->n_zone_eligibilite, zones_of_eligibility, e);
}

int
search_docs_make(struct search_docs *d, const struct stored *s,
    struct search_doc *out, struct err *e)
{
	Resopro__V1__Record *r;

	arena_reset(d->scratch);
	memset(out, 0, sizeof *out);
	r = record_unpack(d->scratch, s->record, e);
	if (r == NULL)
		return -1;
	out->kind = s->kind;
	out->id = r->id;
	switch (r->body_case) {
	case RESOPRO__V1__RECORD__BODY_ORGANISATION:
		return make_organisation(d, r->organisation, out, e);
	case RESOPRO__V1__RECORD__BODY_SITE:
		return make_site(d, r->site, out, e);
	case RESOPRO__V1__RECORD__BODY_OFFER:
		return make_offer(d, r->offer, out, e);
	default:
		return err_set(e, ERR_CORRUPT,
		    "record %s has the body of another kind", s->id);
	}
}
