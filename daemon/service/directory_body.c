/* directory_body.c - one body of the directory: from its records to what
 * choosing needs. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "domain/vocabulary.h"
#include "resopro/v1/types.pb-c.h"
#include "service/directory_parts.h"
#include "service/record.h"
#include "service/schema.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define STATUS RESOPRO__V1__KIND__KIND_STATUS

#define CHUNK_MIN 256
#define CHUNK_MAX 8192
#define ALIGNMENT sizeof(void *)

/* ---- memory of a body --------------------------------------------------- */

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

static void *
chunk_alloc(struct chunk **list, size_t len)
{
	struct chunk *c = *list;
	size_t size;
	char *out;

	if (c == NULL || c->size - c->used < len) {
		size = c == NULL ? CHUNK_MIN : 2 * c->size;
		if (size > CHUNK_MAX)
			size = CHUNK_MAX;
		if (size < len)
			size = len;
		c = calloc(1, sizeof *c + size);
		if (c == NULL)
			return NULL;
		c->next = *list;
		c->size = size;
		*list = c;
	}
	out = (char *)c->data + c->used;
	c->used += len;
	return out;
}

static void
chunks_free(struct chunk **list)
{
	while (*list != NULL) {
		struct chunk *next = (*list)->next;

		free(*list);
		*list = next;
	}
}

static void *
body_alloc(struct body *b, size_t len)
{
	return chunk_alloc(&b->memory,
	    (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

/* ---- the table of bodies ------------------------------------------------ */

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

static struct body *
body_new(struct bytes id)
{
	struct body *b = calloc(1, sizeof *b + id.len + 1);

	if (b == NULL)
		return NULL;
	memcpy(b->id, id.data, id.len);
	b->shared.id = b->id;
	b->shared.kind = "";
	b->alone.body = &b->shared;
	b->alone.site_id = "";
	return b;
}

struct body *
body_of(struct directory *d, struct bytes id, struct err *e)
{
	struct body *b;
	size_t at;

	if (2 * d->n_bodies >= d->n_slots && bodies_grow(d, e) < 0)
		return NULL;
	at = (size_t)XXH3_64bits(id.data, id.len) & (d->n_slots - 1);
	for (; (b = d->bodies[at]) != NULL; at = (at + 1) & (d->n_slots - 1))
		if (strlen(b->id) == id.len &&
		    memcmp(b->id, id.data, id.len) == 0)
			return b;
	if ((b = body_new(id)) == NULL) {
		err_set(e, ERR_NOMEM, "directory");
		return NULL;
	}
	d->bodies[at] = b;
	d->n_bodies++;
	return b;
}

void
body_free(struct body *b)
{
	chunks_free(&b->memory);
	chunks_free(&b->ids);
	free(b->places);
	free(b);
}

size_t
body_places(const struct body *b, const struct candidate **list)
{
	*list = b->n_places > 0 ? b->places : &b->alone;
	if (!b->exists)
		return 0;
	return b->n_places > 0 ? b->n_places : 1;
}

/* ---- its organisation and its titles ------------------------------------ */

struct making { /* all in the scratch arena, but the body */
	struct directory *d;
	struct view *view;
	struct body *body;
	const Resopro__V1__Record **statuses;
	size_t n, room;
	bool failed; /* no memory in the body */
};

/* A text of the body; "" and a flag when there is no memory. */
static const char *
keep(struct making *m, const char *s)
{
	size_t len = s != NULL ? strlen(s) : 0;
	char *out;

	if (len == 0)
		return "";
	out = chunk_alloc(&m->body->memory,
	    (len + ALIGNMENT) / ALIGNMENT * ALIGNMENT);
	m->failed |= out == NULL;
	return out != NULL ? memcpy(out, s, len + 1) : "";
}

static int
read_status(const char *key, size_t len, const char *id, void *arg,
    struct err *e)
{
	struct making *m = arg;
	Resopro__V1__Record *r;
	struct stored s;
	int found = view_get(m->view, (uint8_t)STATUS, id, &s, e);

	(void)key;
	(void)len;
	if (found <= 0 || s.deleted)
		return found < 0 ? -1 : 1;
	if (m->n == m->room) {
		size_t room = m->room > 0 ? 2 * m->room : 16;
		const Resopro__V1__Record **more =
		    arena_alloc(m->d->scratch, room * sizeof *more);

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "directory");
		if (m->n > 0)
			memcpy(more, m->statuses, m->n * sizeof *more);
		m->statuses = more;
		m->room = room;
	}
	if ((r = record_unpack(m->d->scratch, s.record, e)) == NULL)
		return -1;
	if (r->body_case == RESOPRO__V1__RECORD__BODY_STATUS)
		m->statuses[m->n++] = r;
	return 1;
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

/* Those of the whole body, and those of one of its sites. */
static void
keep_titles(struct making *m)
{
	struct body *b = m->body;

	b->titles = body_alloc(b, (m->n + 1) * sizeof *b->titles);
	b->site_titles = body_alloc(b, (m->n + 1) * sizeof *b->site_titles);
	b->n_titles = b->n_site_titles = 0;
	m->failed |= b->titles == NULL || b->site_titles == NULL;
	for (size_t i = 0; i < m->n && !m->failed; i++) {
		const Resopro__V1__Status *s = m->statuses[i]->status;

		if (s->site_id[0] == '\0')
			b->titles[b->n_titles++] = keep_title(m, s);
		else
			b->site_titles[b->n_site_titles++] =
			    (struct site_title){ keep(m, s->site_id),
				    keep_title(m, s) };
	}
}

static void
keep_organisation(struct making *m, const Resopro__V1__Organisation *o)
{
	struct body *b = m->body;

	b->exists = true;
	b->shared.kind = keep(m, o->kind);
	b->shared.closed = day_from_text(o->date_fermeture);
	b->shared.competence = keep_zones(m, o->competence, o->n_competence,
	    &b->shared.n_competence);
	b->shared.sauf = keep_zones(m, o->competence_sauf, o->n_competence_sauf,
	    &b->shared.n_sauf);
	b->nom = keep(m, o->nom_usuel[0] != '\0' ? o->nom_usuel : o->nom);
	b->telephone = keep(m, o->telephone);
	b->courriel = keep(m, o->courriel);
	b->site_web = keep(m, o->site_web);
}

/* The titles of the body and those of this site. */
static int
give_titles(struct body *b, struct candidate *c, struct err *e)
{
	struct title *own;
	size_t n = 0;

	c->titles = b->titles;
	c->n_titles = (uint32_t)b->n_titles;
	for (size_t i = 0; i < b->n_site_titles; i++)
		n += strcmp(b->site_titles[i].site_id, c->site_id) == 0;
	if (n == 0)
		return 0;
	if ((own = body_alloc(b, (b->n_titles + n) * sizeof *own)) == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	if (b->n_titles > 0)
		memcpy(own, b->titles, b->n_titles * sizeof *own);
	n = b->n_titles;
	for (size_t i = 0; i < b->n_site_titles; i++)
		if (strcmp(b->site_titles[i].site_id, c->site_id) == 0)
			own[n++] = b->site_titles[i].title;
	c->titles = own;
	c->n_titles = (uint32_t)n;
	return 0;
}

/* ---- which targets take it ---------------------------------------------- */

static int
enlist(struct directory *d, struct body *b, struct err *e)
{
	const struct referral_rules *rules = catalog_rules(d->catalog);
	uint64_t targets[TARGET_WORDS] = { 0 };
	const struct candidate *list;
	size_t n = body_places(b, &list);

	/* All its places are alike, but for titles of a site. */
	if (n > 1 && b->n_site_titles == 0)
		n = 1;
	for (size_t i = 0; i < d->n_groups; i++)
		for (size_t j = 0; j < n; j++)
			if (target_takes(referral_target(rules, i), &list[j])) {
				targets[i / 64] |= UINT64_C(1) << (i % 64);
				break;
			}
	return groups_enlist(d, b, targets, e);
}

static int
make_from(struct making *m, const Resopro__V1__Record *organisation,
    struct err *e)
{
	struct body *b = m->body;
	char key[STORE_INDEX_KEY_MAX];

	if (organisation->body_case != RESOPRO__V1__RECORD__BODY_ORGANISATION)
		return err_set(e, ERR_CORRUPT,
		    "organisation %s has the body "
		    "of another kind",
		    b->id);
	if (view_each_index(m->view, INDEX_ORGANISATION, key,
		schema_key(key, STATUS, b->id), NULL, NULL, read_status, m,
		e) < 0)
		return -1;
	keep_organisation(m, organisation->organisation);
	keep_titles(m);
	if (m->failed)
		return err_set(e, ERR_NOMEM, "directory");
	if (give_titles(b, &b->alone, e) < 0)
		return -1;
	for (size_t i = 0; i < b->n_places; i++)
		if (give_titles(b, &b->places[i], e) < 0)
			return -1;
	return enlist(m->d, b, e);
}

int
body_make(struct directory *d, struct body *b, struct view *v, struct err *e)
{
	static const uint64_t none[TARGET_WORDS];
	struct making m = { .d = d, .view = v, .body = b };
	struct stored s;
	const Resopro__V1__Record *r;
	int found = view_get(v, (uint8_t)ORGANISATION, b->id, &s, e);

	chunks_free(&b->memory);
	arena_reset(d->scratch);
	b->exists = false;
	if (found < 0)
		return -1;
	if (found == 0 || s.deleted)
		return groups_enlist(d, b, none, e);
	r = record_unpack(d->scratch, s.record, e);
	return r != NULL ? make_from(&m, r, e) : -1;
}

/* ---- its sites ---------------------------------------------------------- */

/* Where the site is, or belongs. */
static size_t
find_site(const struct body *b, const char *id, bool *found)
{
	size_t low = 0, high = b->n_places;

	*found = false;
	/* They are read in order: most belong at the end. */
	if (high > 0 && strcmp(b->places[high - 1].site_id, id) < 0)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(b->places[mid].site_id, id);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
text_holds(struct bytes text, const char *word)
{
	return memmem(text.data, text.len, word, strlen(word)) != NULL;
}

static unsigned
modes_of(const struct site_facts *f)
{
	struct pb_cursor c = { f->body.data, f->body.data + f->body.len };
	struct bytes mode;
	unsigned modes = 0;

	while (site_next_mode(&c, &mode) == 1) {
		if (text_holds(mode, "presentiel"))
			modes |= MODE_PRESENTIEL;
		if (text_holds(mode, "distance"))
			modes |= MODE_DISTANCE;
	}
	return modes;
}

static void
short_text(struct bytes from, char *out, size_t cap)
{
	size_t len = from.len < cap ? from.len : 0;

	if (len > 0)
		memcpy(out, from.data, len);
	out[len] = '\0';
}

/* What choosing looks at.  True: something of it is new. */
static bool
set_site(const struct directory *d, struct candidate *c,
    const struct site_facts *f)
{
	struct candidate was = *c;
	char code[COMMUNE_CODE_LEN + 1], day[DAY_TEXT_MAX];

	short_text(f->code_insee, code, sizeof code);
	short_text(f->date_fermeture, day, sizeof day);
	c->commune = territory_commune(catalog_territory(d->catalog), code);
	c->closed = day_from_text(day);
	c->modes = modes_of(f);
	return c->commune != was.commune || c->closed != was.closed ||
	       c->modes != was.modes;
}

static int
add_site(struct directory *d, struct body *b, size_t at, const char *id,
    struct err *e)
{
	size_t len = strlen(id) + 1;
	char *copy = chunk_alloc(&b->ids, len);

	if (b->n_places == b->cap) {
		size_t cap = b->cap + b->cap / 4 + 2;
		struct candidate *more = realloc(b->places, cap * sizeof *more);

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "directory");
		b->places = more;
		b->cap = cap;
	}
	if (copy == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	memmove(&b->places[at + 1], &b->places[at],
	    (b->n_places - at) * sizeof *b->places);
	b->places[at] = (struct candidate){ .body = &b->shared,
		.site_id = memcpy(copy, id, len) };
	b->n_places++;
	d->n_places++;
	return give_titles(b, &b->places[at], e);
}

int
body_put_site(struct directory *d, const char *id, struct bytes record,
    struct err *e)
{
	struct site_facts f;
	struct body *b;
	bool found, moved;
	size_t at;
	int rc = site_facts(record, &f, e);

	if (rc <= 0)
		return rc;
	if ((b = body_of(d, f.organisation_id, e)) == NULL)
		return -1;
	at = find_site(b, id, &found);
	if (!found && add_site(d, b, at, id, e) < 0)
		return -1;
	moved = set_site(d, &b->places[at], &f);
	if (!found && b->n_site_titles > 0)
		return enlist(d, b, e);
	if (!found || moved)
		groups_stir(d, b);
	return 0;
}

void
body_drop_site(struct directory *d, struct body *b, const char *id)
{
	bool found;
	size_t at = find_site(b, id, &found);

	if (!found)
		return;
	b->n_places--;
	d->n_places--;
	memmove(&b->places[at], &b->places[at + 1],
	    (b->n_places - at) * sizeof *b->places);
	groups_stir(d, b);
}
