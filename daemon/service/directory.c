/* directory.c - see directory.h. */
#include "service/directory.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "domain/date.h"
#include "domain/vocabulary.h"
#include "resopro/v1/types.pb-c.h"
#include "service/record.h"
#include "service/schema.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define STATUS RESOPRO__V1__KIND__KIND_STATUS

#define BACKLOG_MAX 50000 /* commits, beyond which all is read again */
#define SCRATCH_BYTES ((size_t)64 << 20)
#define CHUNK_MIN 512
#define CHUNK_MAX 8192
#define ALIGNMENT sizeof(void *)

/* ---- what is held ------------------------------------------------------- */

struct chunk { /* memory that goes with one body */
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

struct slot { /* where a place stands in a target's list */
	size_t target, at;
};

struct place {
	struct directory_place shown; /* first: its first is the candidate */
	struct slot *slots;
	size_t n_slots;
	Resopro__V1__Kind kind; /* of the record that is confirmed */
	uint64_t confirmed_revision;
	char confirmed[DATE_TEXT_SIZE];
};

struct body {
	struct body *next; /* of those to make again */
	bool dirty;
	struct chunk *memory;
	struct place *places;
	size_t n_places;
	char id[]; /* of the organisation */
};

struct near { /* of one target, seen from one commune */
	uint64_t generation;
	size_t n;
	struct placed list[REFERRAL_NEAR];
};

struct entry { /* of a list: what placing reads, side by side */
	const struct candidate *candidate;
	const struct zone *const *competence; /* the body's; NULL none */
	size_t commune;                       /* index; the count: nowhere */
};

struct group { /* the places that one target takes */
	struct entry *list;
	size_t n, cap;
	uint64_t generation;
	struct near **near; /* by index of commune, made when asked for */
};

struct sight { /* of one commune from another */
	uint32_t metres;
	uint8_t class;
};

struct directory {
	struct candidate_source source; /* first */
	struct catalog *catalog;        /* one reference, or NULL */
	bool whole;                     /* it stands at `revision` */
	uint64_t revision;
	struct body **bodies; /* by id, open addressing */
	size_t n_bodies, n_slots, n_places;
	struct body *dirty;
	struct group *groups;
	size_t n_groups;
	struct sight *sights; /* of every commune, and of nowhere */
	const struct commune *sights_from;
	struct placed *all; /* room for the largest group */
	size_t all_cap;
	struct arena *scratch; /* records while a body is made */
};

/* ---- memory of a body --------------------------------------------------- */

static void *
body_alloc(struct body *b, size_t len)
{
	struct chunk *c = b->memory;
	size_t size;
	char *out;

	len = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (c == NULL || c->size - c->used < len) {
		size = c == NULL ? CHUNK_MIN : 2 * c->size;
		if (size > CHUNK_MAX)
			size = CHUNK_MAX;
		if (size < len)
			size = len;
		c = calloc(1, sizeof *c + size);
		if (c == NULL)
			return NULL;
		c->next = b->memory;
		c->size = size;
		b->memory = c;
	}
	out = (char *)c->data + c->used;
	c->used += len;
	return out;
}

static const char *
body_text(struct body *b, const char *s)
{
	char *out;

	if (s == NULL || s[0] == '\0')
		return "";
	out = body_alloc(b, strlen(s) + 1);
	return out != NULL ? strcpy(out, s) : NULL;
}

static void
body_clear(struct body *b)
{
	while (b->memory != NULL) {
		struct chunk *next = b->memory->next;

		free(b->memory);
		b->memory = next;
	}
	b->places = NULL;
	b->n_places = 0;
}

/* ---- groups ------------------------------------------------------------- */

static int
group_add(struct directory *d, struct place *p, size_t target, struct err *e)
{
	struct group *g = &d->groups[target];
	struct slot *slot = &p->slots[p->n_slots];
	const struct candidate *c = &p->shown.candidate;

	if (g->n == g->cap) {
		size_t cap = g->cap > 0 ? 2 * g->cap : 16;
		struct entry *more = realloc(g->list, cap * sizeof *more);

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "directory");
		g->list = more;
		g->cap = cap;
	}
	*slot = (struct slot){ .target = target, .at = g->n };
	p->n_slots++;
	g->list[g->n++] = (struct entry){
		.candidate = c,
		.competence = c->n_competence > 0 ? c->competence : NULL,
		.commune = c->commune != NULL
			       ? c->commune->index
			       : territory_count(catalog_territory(d->catalog)),
	};
	g->generation++;
	return 0;
}

/* A place as its owner may change it. */
static struct place *
own_place(const struct candidate *c)
{
	return (struct place *)(uintptr_t)c;
}

/* The last of the list takes the place of the one that goes. */
static void
group_remove(struct group *g, const struct slot *slot)
{
	struct place *last = own_place(g->list[g->n - 1].candidate);

	for (size_t i = 0; i < last->n_slots; i++)
		if (last->slots[i].target == slot->target)
			last->slots[i].at = slot->at;
	g->list[slot->at] = g->list[g->n - 1];
	g->n--;
	g->generation++;
}

static void
groups_free(struct directory *d)
{
	size_t communes = d->catalog != NULL
			      ? territory_count(catalog_territory(d->catalog))
			      : 0;

	for (size_t i = 0; i < d->n_groups; i++) {
		struct group *g = &d->groups[i];

		for (size_t c = 0; g->near != NULL && c < communes; c++)
			free(g->near[c]);
		free(g->near);
		free(g->list);
	}
	free(d->groups);
	free(d->sights);
	d->groups = NULL;
	d->n_groups = 0;
	d->sights = NULL;
	d->sights_from = NULL;
}

static int
groups_make(struct directory *d, struct err *e)
{
	size_t communes = territory_count(catalog_territory(d->catalog));
	size_t n = referral_targets(catalog_rules(d->catalog));

	d->groups = calloc(n + 1, sizeof *d->groups);
	d->sights = calloc(communes + 1, sizeof *d->sights);
	if (d->groups == NULL || d->sights == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	d->n_groups = n;
	for (size_t i = 0; i < n; i++) {
		d->groups[i].generation = 1;
		d->groups[i].near = calloc(communes, sizeof(struct near *));
		if (d->groups[i].near == NULL)
			return err_set(e, ERR_NOMEM, "directory");
	}
	return 0;
}

/* Which targets take the place, and into their lists. */
static int
place_enlist(struct directory *d, struct body *b, struct place *p,
    struct err *e)
{
	const struct referral_rules *rules = catalog_rules(d->catalog);
	size_t n = 0;

	for (size_t i = 0; i < d->n_groups; i++)
		n += target_takes(referral_target(rules, i),
		    &p->shown.candidate);
	p->slots = body_alloc(b, (n + 1) * sizeof *p->slots);
	if (p->slots == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	for (size_t i = 0; i < d->n_groups; i++)
		if (target_takes(referral_target(rules, i),
			&p->shown.candidate) &&
		    group_add(d, p, i, e) < 0)
			return -1;
	return 0;
}

/* ---- bodies ------------------------------------------------------------- */

static int
bodies_grow(struct directory *d, struct err *e)
{
	size_t n = d->n_slots > 0 ? 2 * d->n_slots : 1024;
	struct body **slots = calloc(n, sizeof(struct body *));

	if (slots == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	for (size_t i = 0; i < d->n_slots; i++) {
		struct body *b = d->bodies[i];
		size_t at;

		if (b == NULL)
			continue;
		at = (size_t)XXH3_64bits(b->id, strlen(b->id)) & (n - 1);
		while (slots[at] != NULL)
			at = (at + 1) & (n - 1);
		slots[at] = b;
	}
	free(d->bodies);
	d->bodies = slots;
	d->n_slots = n;
	return 0;
}

/* The body of an organisation, made empty if need be.  Ids are never used
 * again: a body never leaves the table. */
static struct body *
body_of(struct directory *d, const char *id, struct err *e)
{
	size_t len = strlen(id), at;
	struct body *b;

	if (2 * d->n_bodies >= d->n_slots && bodies_grow(d, e) < 0)
		return NULL;
	at = (size_t)XXH3_64bits(id, len) & (d->n_slots - 1);
	for (; (b = d->bodies[at]) != NULL; at = (at + 1) & (d->n_slots - 1))
		if (strcmp(b->id, id) == 0)
			return b;
	b = calloc(1, sizeof *b + len + 1);
	if (b == NULL) {
		err_set(e, ERR_NOMEM, "directory");
		return NULL;
	}
	memcpy(b->id, id, len);
	d->bodies[at] = b;
	d->n_bodies++;
	return b;
}

static int
touch(struct directory *d, const char *id, struct err *e)
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

/* Forget everything but the catalog. */
static void
forget(struct directory *d)
{
	for (size_t i = 0; i < d->n_slots; i++)
		if (d->bodies[i] != NULL) {
			body_clear(d->bodies[i]);
			free(d->bodies[i]);
		}
	free(d->bodies);
	d->bodies = NULL;
	d->n_bodies = d->n_slots = d->n_places = 0;
	d->dirty = NULL;
	d->whole = false;
	groups_free(d);
}

/* ---- a body from its records -------------------------------------------- */

struct making { /* all in the scratch arena, but the body */
	struct directory *d;
	struct view *view;
	struct body *body;
	Resopro__V1__Kind kind; /* of the list being read */
	const Resopro__V1__Record *organisation;
	const Resopro__V1__Record **sites, **statuses;
	size_t n_sites, n_statuses, room;
	const struct zone **competence, **sauf;
	size_t n_competence, n_sauf;
	bool failed; /* no memory in the body */
};

/* A text of the body; "" and a flag when there is no memory. */
static const char *
keep(struct making *m, const char *s)
{
	const char *out = body_text(m->body, s);

	m->failed |= out == NULL;
	return out != NULL ? out : "";
}

static int
read_one(const char *key, size_t len, const char *id, void *arg, struct err *e)
{
	struct making *m = arg;
	const Resopro__V1__Record ***list =
	    m->kind == SITE ? &m->sites : &m->statuses;
	size_t *n = m->kind == SITE ? &m->n_sites : &m->n_statuses;
	Resopro__V1__Record *r;
	struct stored s;
	int found = view_get(m->view, (uint8_t)m->kind, id, &s, e);

	(void)key;
	(void)len;
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 1;
	if (*n == m->room) {
		size_t room = m->room > 0 ? 2 * m->room : 16;
		const Resopro__V1__Record **more =
		    arena_alloc(m->d->scratch, room * sizeof *more);

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "directory");
		if (*n > 0)
			memcpy(more, *list, *n * sizeof *more);
		*list = more;
		m->room = room;
	}
	if ((r = record_unpack(m->d->scratch, s.record, e)) == NULL)
		return -1;
	if (m->kind == SITE ? r->body_case == RESOPRO__V1__RECORD__BODY_SITE
			    : r->body_case == RESOPRO__V1__RECORD__BODY_STATUS)
		(*list)[(*n)++] = r;
	return 1;
}

static int
read_list(struct making *m, Resopro__V1__Kind kind, struct err *e)
{
	char key[STORE_INDEX_KEY_MAX];
	size_t len = schema_key(key, kind, m->body->id);

	m->kind = kind;
	m->room = 0;
	return view_each_index(m->view, INDEX_ORGANISATION, key, len, NULL,
	    NULL, read_one, m, e);
}

static const struct zone **
keep_zones(struct making *m, char *const *codes, size_t n, size_t *kept)
{
	const struct territory *t = catalog_territory(m->d->catalog);
	const struct zone **out = body_alloc(m->body, (n + 1) * sizeof *out);

	*kept = 0;
	m->failed |= out == NULL;
	for (size_t i = 0; i < n && out != NULL; i++) {
		out[*kept] = territory_zone(t, codes[i]);
		*kept += out[*kept] != NULL; /* a zone of another year */
	}
	return out;
}

static bool
says_yes(const char *s)
{
	return s != NULL && (strcmp(s, "oui") == 0 || strcmp(s, "true") == 0 ||
				strcmp(s, "1") == 0);
}

static const struct suspension *
keep_suspensions(struct making *m, const Resopro__V1__Status *s)
{
	struct suspension *out =
	    body_alloc(m->body, (s->n_suspensions + 1) * sizeof *out);

	m->failed |= out == NULL;
	for (size_t i = 0; i < s->n_suspensions && out != NULL; i++) {
		out[i].from = day_from_text(s->suspensions[i]->from);
		out[i].to = day_from_text(s->suspensions[i]->to);
	}
	return out;
}

static struct title
keep_title(struct making *m, const Resopro__V1__Status *s)
{
	const struct vocabulary *titles =
	    vocabularies_find(catalog_vocabularies(m->d->catalog), "titles");
	const struct vocabulary_term *term =
	    titles != NULL ? vocabulary_term(titles, s->title) : NULL;
	const char *cercle =
	    term != NULL ? vocabulary_extra(term, "cercle") : NULL;
	struct title t = {
		.code = keep(m, s->title),
		.label = term != NULL ? term->libelle_fr : NULL,
		.decision_number = keep(m, s->decision_number),
		.from = day_from_text(s->from),
		.to = day_from_text(s->to),
		.spro = term != NULL &&
			says_yes(vocabulary_extra(term, "spro_member")),
		.suspensions = keep_suspensions(m, s),
		.n_suspensions = s->n_suspensions,
	};

	if (cercle != NULL && cercle[0] >= '1' && cercle[0] <= '4')
		t.cercle = (uint8_t)(cercle[0] - '0');
	return t;
}

/* The titles of the body and those of this site. */
static void
keep_titles(struct making *m, struct candidate *c)
{
	struct title *out;
	size_t n = 0;

	out = body_alloc(m->body, (m->n_statuses + 1) * sizeof *out);
	m->failed |= out == NULL;
	for (size_t i = 0; i < m->n_statuses && out != NULL; i++) {
		const Resopro__V1__Status *s = m->statuses[i]->status;

		if (s->site_id[0] == '\0' ||
		    strcmp(s->site_id, c->site_id) == 0)
			out[n++] = keep_title(m, s);
	}
	c->titles = out;
	c->n_titles = n;
}

static unsigned
modes_of(char *const *codes, size_t n)
{
	unsigned modes = 0;

	for (size_t i = 0; i < n; i++) {
		if (strstr(codes[i], "presentiel") != NULL)
			modes |= MODE_PRESENTIEL;
		if (strstr(codes[i], "distance") != NULL)
			modes |= MODE_DISTANCE;
	}
	return modes;
}

/* "12 rue X, bâtiment B, 14000 Caen". */
static const char *
one_line(struct making *m, const Resopro__V1__Site *s)
{
	char out[700];
	const char *parts[] = { s->adresse, s->complement_adresse };
	size_t n = 0;
	int k;

	out[0] = '\0';
	for (size_t i = 0; i < 2; i++) {
		if (parts[i][0] == '\0')
			continue;
		k = snprintf(out + n, sizeof out - n, "%s%.250s",
		    n > 0 ? ", " : "", parts[i]);
		n += k > 0 ? (size_t)k : 0;
		if (n >= sizeof out)
			return keep(m, out);
	}
	if (s->code_postal[0] != '\0' || s->commune[0] != '\0')
		(void)snprintf(out + n, sizeof out - n, "%s%s%s%.120s",
		    n > 0 ? ", " : "", s->code_postal,
		    s->code_postal[0] != '\0' && s->commune[0] != '\0' ? " "
								       : "",
		    s->commune);
	return keep(m, out);
}

static const char *
either(const char *first, const char *second)
{
	return first != NULL && first[0] != '\0' ? first : second;
}

static day_number
earlier(day_number a, day_number b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static void
place_from_body(struct making *m, struct place *p)
{
	const Resopro__V1__Organisation *o = m->organisation->organisation;
	struct candidate *c = &p->shown.candidate;

	p->kind = ORGANISATION;
	c->organisation_id = m->body->id;
	c->kind = keep(m, o->kind);
	c->site_id = "";
	c->competence = m->competence;
	c->n_competence = m->n_competence;
	c->sauf = m->sauf;
	c->n_sauf = m->n_sauf;
	c->closed = day_from_text(o->date_fermeture);
	p->shown.organisation_nom = keep(m, either(o->nom_usuel, o->nom));
	p->shown.site_nom = p->shown.adresse = "";
	p->shown.commune = p->shown.code_insee = "";
	p->shown.horaires_accueil = p->shown.accessibilite_lieu = "";
	p->shown.telephone = keep(m, o->telephone);
	p->shown.courriel = keep(m, o->courriel);
	p->shown.site_web = keep(m, o->site_web);
}

static void
place_at_site(struct making *m, struct place *p, const Resopro__V1__Record *r)
{
	const Resopro__V1__Site *s = r->site;
	struct candidate *c = &p->shown.candidate;
	size_t n = s->n_modes_accueil;

	p->kind = SITE;
	c->site_id = keep(m, r->id);
	c->commune =
	    territory_commune(catalog_territory(m->d->catalog), s->code_insee);
	c->closed = earlier(c->closed, day_from_text(s->date_fermeture));
	c->modes = modes_of(s->modes_accueil, n);
	p->shown.site_nom = keep(m, s->nom);
	p->shown.adresse = one_line(m, s);
	p->shown.commune =
	    keep(m, c->commune != NULL ? c->commune->nom : s->commune);
	p->shown.code_insee = keep(m, s->code_insee);
	p->shown.telephone = either(keep(m, s->telephone), p->shown.telephone);
	p->shown.courriel = either(keep(m, s->courriel), p->shown.courriel);
	p->shown.site_web = either(keep(m, s->site_web), p->shown.site_web);
	p->shown.horaires_accueil = keep(m, s->horaires_accueil);
	p->shown.accessibilite_lieu = keep(m, s->accessibilite_lieu);
	p->shown.modes_accueil = body_alloc(m->body, (n + 1) * sizeof(char *));
	m->failed |= p->shown.modes_accueil == NULL;
	for (size_t i = 0; i < n && p->shown.modes_accueil != NULL; i++)
		p->shown.modes_accueil[i] =
		    (char *)(uintptr_t)keep(m, s->modes_accueil[i]);
	p->shown.n_modes_accueil = n;
}

static int
make_places(struct making *m, struct err *e)
{
	const Resopro__V1__Organisation *o = m->organisation->organisation;
	struct body *b = m->body;
	size_t n = m->n_sites > 0 ? m->n_sites : 1;

	m->competence =
	    keep_zones(m, o->competence, o->n_competence, &m->n_competence);
	m->sauf =
	    keep_zones(m, o->competence_sauf, o->n_competence_sauf, &m->n_sauf);
	b->places = body_alloc(b, n * sizeof *b->places);
	if (b->places == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	for (size_t i = 0; i < n; i++) {
		struct place *p = &b->places[i];

		place_from_body(m, p);
		if (m->n_sites > 0)
			place_at_site(m, p, m->sites[i]);
		keep_titles(m, &p->shown.candidate);
		if (m->failed)
			return err_set(e, ERR_NOMEM, "directory");
		b->n_places++;
		m->d->n_places++;
		if (place_enlist(m->d, b, p, e) < 0)
			return -1;
	}
	return 0;
}

static int
body_make(struct directory *d, struct body *b, struct view *v, struct err *e)
{
	struct making m = { .d = d, .view = v, .body = b };
	struct stored s;
	int found;

	for (size_t i = 0; i < b->n_places; i++)
		for (size_t j = 0; j < b->places[i].n_slots; j++) {
			const struct slot *slot = &b->places[i].slots[j];

			group_remove(&d->groups[slot->target], slot);
		}
	d->n_places -= b->n_places;
	body_clear(b);
	arena_reset(d->scratch);
	found = view_get(v, (uint8_t)ORGANISATION, b->id, &s, e);
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 0;
	m.organisation = record_unpack(d->scratch, s.record, e);
	if (m.organisation == NULL)
		return -1;
	if (m.organisation->body_case != RESOPRO__V1__RECORD__BODY_ORGANISATION)
		return err_set(e, ERR_CORRUPT,
		    "organisation %s has the body "
		    "of another kind",
		    b->id);
	if (read_list(&m, SITE, e) < 0 || read_list(&m, STATUS, e) < 0)
		return -1;
	return make_places(&m, e);
}

/* ---- the source of candidates ------------------------------------------- */

static int
compare_placed(const void *a, const void *b)
{
	return placed_compare(a, b);
}

static size_t
place_all(struct directory *d, const struct group *g,
    const struct commune *commune, const struct placed **out)
{
	if (g->n > d->all_cap) {
		struct placed *more = realloc(d->all, g->n * sizeof *more);

		if (more == NULL)
			return 0; /* the nearest were offered before */
		d->all = more;
		d->all_cap = g->n;
	}
	for (size_t i = 0; i < g->n; i++)
		d->all[i] = candidate_place(g->list[i].candidate, commune);
	if (g->n > 1)
		qsort(d->all, g->n, sizeof *d->all, compare_placed);
	*out = d->all;
	return g->n;
}

/* Every list of one question is seen from the same commune. */
static void
look_from(struct directory *d, const struct commune *commune)
{
	const struct territory *t = catalog_territory(d->catalog);
	size_t n = territory_count(t);

	if (d->sights_from == commune)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct commune *to = territory_at(t, i);

		d->sights[i].class =
		    (uint8_t)commune_distance_class(to, commune);
		d->sights[i].metres = commune_distance_m(to, commune);
	}
	d->sights[n] = (struct sight){ 0, DISTANCE_NOWHERE };
	d->sights_from = commune;
}

/* As referral_place(), without a look at each candidate: sites of one body
 * stand side by side and share its competence. */
static void
find_near(struct directory *d, const struct group *g,
    const struct commune *commune, struct near *near)
{
	const struct zone *const *of = NULL;
	bool competent = false;

	look_from(d, commune);
	near->n = 0;
	for (size_t i = 0; i < g->n; i++) {
		const struct entry *x = &g->list[i];
		struct placed p = { .candidate = x->candidate,
			.metres = d->sights[x->commune].metres,
			.class = d->sights[x->commune].class };
		size_t at;

		if (x->competence != of)
			competent = candidate_competent(x->candidate, commune);
		of = x->competence;
		p.competence = competent;
		if (near->n == REFERRAL_NEAR &&
		    placed_compare(&p, &near->list[REFERRAL_NEAR - 1]) >= 0)
			continue;
		at = near->n < REFERRAL_NEAR ? near->n++ : near->n - 1;
		for (; at > 0 && placed_compare(&p, &near->list[at - 1]) < 0;
		     at--)
			near->list[at] = near->list[at - 1];
		near->list[at] = p;
	}
	near->generation = g->generation;
}

static size_t
directory_placed(struct candidate_source *source, size_t target,
    const struct commune *commune, bool all, const struct placed **out)
{
	struct directory *d = (struct directory *)source;
	struct group *g = &d->groups[target];
	struct near *near = g->near[commune->index];

	*out = NULL;
	if (g->n == 0)
		return 0;
	if (all && g->n > REFERRAL_NEAR)
		return place_all(d, g, commune, out);
	if (near == NULL) {
		near = calloc(1, sizeof *near);
		if (near == NULL)
			return place_all(d, g, commune, out);
		g->near[commune->index] = near;
	}
	if (near->generation != g->generation)
		find_near(d, g, commune, near);
	*out = near->list;
	return near->n;
}

struct candidate_source *
directory_source(struct directory *d)
{
	return &d->source;
}

const struct directory_place *
directory_place_of(const struct candidate *c)
{
	return (const struct directory_place *)c;
}

/* ---- following the log -------------------------------------------------- */

struct walk {
	struct directory *d;
};

static int
touch_each(const struct stored *s, void *arg, struct err *e)
{
	struct walk *w = arg;

	if (s->deleted)
		return 1;
	return touch(w->d, s->id, e) < 0 ? -1 : 1;
}

/* The organisation of a site's or a status's bytes. */
static int
touch_owner(struct directory *d, struct bytes record, struct err *e)
{
	const Resopro__V1__Record *r;

	arena_reset(d->scratch);
	r = record_unpack(d->scratch, record, e);
	if (r == NULL)
		return -1;
	if (r->body_case == RESOPRO__V1__RECORD__BODY_SITE)
		return touch(d, r->site->organisation_id, e);
	if (r->body_case == RESOPRO__V1__RECORD__BODY_STATUS)
		return touch(d, r->status->organisation_id, e);
	return 0;
}

static int
touch_mutation(struct directory *d, struct view *v, const struct mutation *m,
    struct err *e)
{
	struct stored before;

	if (m->op != MUTATION_PUT && m->op != MUTATION_DELETE)
		return 0;
	if (m->kind == (uint8_t)ORGANISATION)
		return touch(d, m->id, e);
	if (m->kind != (uint8_t)SITE && m->kind != (uint8_t)STATUS)
		return 0;
	if (m->op == MUTATION_PUT)
		return touch_owner(d, m->record, e);
	/* A tombstone says nothing; its body never changes: look before. */
	if (view_get_as_of(v, m->kind, m->id, m->prev_revision, &before, e) !=
	    1)
		return -1;
	return touch_owner(d, before.record, e);
}

static int
touch_commit(struct directory *d, struct view *v, uint64_t revision,
    struct err *e)
{
	struct mutation_iter it;
	struct mutation m;
	struct commit c;
	int rc = view_commit(v, revision, &c, e);

	if (rc != 1)
		return -1;
	mutation_first(&c, &it);
	while ((rc = mutation_next(&it, &m, e)) == 1)
		if (touch_mutation(d, v, &m, e) < 0)
			return -1;
	return rc;
}

static int
make_dirty(struct directory *d, struct view *v, struct err *e)
{
	while (d->dirty != NULL) {
		struct body *b = d->dirty;

		if (body_make(d, b, v, e) < 0)
			return -1;
		d->dirty = b->next;
		b->dirty = false;
	}
	arena_reset(d->scratch);
	return 0;
}

static int
follow(struct directory *d, struct view *v, struct err *e)
{
	uint64_t head = view_revision(v);

	for (uint64_t r = d->revision + 1; r <= head; r++)
		if (touch_commit(d, v, r, e) < 0)
			return -1;
	return make_dirty(d, v, e);
}

static int
read_everything(struct directory *d, struct view *v, struct err *e)
{
	struct walk w = { .d = d };

	forget(d);
	if (groups_make(d, e) < 0 ||
	    view_each(v, (uint8_t)ORGANISATION, NULL, touch_each, &w, e) < 0)
		return -1;
	return make_dirty(d, v, e);
}

int
directory_update(struct directory *d, struct view *v, struct catalog *catalog,
    struct err *e)
{
	uint64_t head = view_revision(v);
	int rc = -1;

	if (d->catalog != catalog) {
		forget(d);
		catalog_unref(d->catalog);
		d->catalog = catalog_ref(catalog);
	}
	if (d->whole && d->revision == head)
		return 0;
	if (d->whole && d->revision < head &&
	    head - d->revision <= BACKLOG_MAX &&
	    view_oldest(v) <= d->revision + 1) {
		d->whole = false; /* until it is done */
		rc = follow(d, v, e);
	}
	if (rc < 0) {
		err_clear(e); /* a commit was compacted, or worse: all again */
		rc = read_everything(d, v, e);
	}
	d->whole = rc == 0;
	d->revision = head;
	return rc;
}

/* ---- confirmations ------------------------------------------------------ */

int
directory_confirmed(struct directory *d, struct view *v,
    const struct directory_place *shown, const char **day, struct err *e)
{
	struct place *p = own_place(&shown->candidate);
	const char *id = p->kind == SITE ? shown->candidate.site_id
					 : shown->candidate.organisation_id;
	struct record_facts facts;
	struct stored s;

	*day = p->confirmed;
	if (p->confirmed_revision == d->revision)
		return 0;
	p->confirmed[0] = '\0';
	switch (view_get(v, (uint8_t)p->kind, id, &s, e)) {
	case 1:
		if (record_facts(s.record, &facts, e) < 0)
			return -1;
		date_format(date_from_unix(
				record_confirmed(v, &s, &facts) / 1000000000),
		    p->confirmed);
		break;
	case 0:
		break;
	default:
		return -1;
	}
	p->confirmed_revision = d->revision;
	return 0;
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
