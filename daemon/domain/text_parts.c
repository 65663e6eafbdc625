/* text_parts.c - see text_parts.h. */
#include "domain/text_parts.h"

#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"

int
text_parts_init(struct text_parts *p, const struct territory *t)
{
	/* Areas 0 and 1 are AREA_NONE and AREA_EVERYWHERE: of no zones, and of
	 * something that no list of zones is. */
	p->territory = t;
	return intern_add(&p->areas, "", 0) == AREA_NONE &&
		       intern_add(&p->areas, "everywhr", 8) == AREA_EVERYWHERE
		   ? 0
		   : -1;
}

void
text_parts_free(struct text_parts *p)
{
	free(p->docs);
	free(p->texts);
	intern_free(&p->parents);
	intern_free(&p->areas);
}

static int
add_text(struct text_parts *p, const char *text)
{
	size_t len = text != NULL ? strlen(text) + 1 : 1;

	if (len > p->texts_room - p->texts_len) {
		size_t room = 2 * p->texts_room + len + 4096;
		char *more = room < UINT32_MAX ? realloc(p->texts, room) : NULL;

		if (more == NULL)
			return -1;
		p->texts = more;
		p->texts_room = room;
	}
	memcpy(p->texts + p->texts_len, text != NULL ? text : "", len);
	p->texts_len += len;
	return 0;
}

static int
add_parent(struct text_parts *p, const struct search_doc *d, uint32_t *parent)
{
	char both[1024];
	size_t id, name;

	*parent = NO_PARENT;
	if (d->parent_id == NULL || d->parent_id[0] == '\0')
		return 0;
	id = strlen(d->parent_id) + 1;
	name = d->parent_name != NULL ? strlen(d->parent_name) + 1 : 1;
	if (id + name > sizeof both)
		return -1;
	memcpy(both, d->parent_id, id);
	memcpy(both + id, d->parent_name != NULL ? d->parent_name : "", name);
	*parent = intern_add(&p->parents, both, id + name);
	return *parent != INTERN_FAILED ? 0 : -1;
}

int
text_parts_add(struct text_parts *p, const struct search_doc *d)
{
	struct doc *doc;

	if (p->n_docs == p->docs_room) {
		size_t room = p->docs_room > 0 ? 2 * p->docs_room : 256;
		struct doc *more = realloc(p->docs, room * sizeof *more);

		if (more == NULL)
			return -1;
		p->docs = more;
		p->docs_room = room;
	}
	doc = &p->docs[p->n_docs];
	*doc = (struct doc){ .text = (uint32_t)p->texts_len,
		.kind = d->kind,
		.mark = d->mark };
	if (d->commune != NULL)
		doc->commune = (uint16_t)(d->commune->index + 1);
	if (d->everywhere)
		doc->area = AREA_EVERYWHERE;
	else if (d->n_zones > 0)
		doc->area = intern_add(&p->areas, (const char *)d->zones,
		    d->n_zones * sizeof(*d->zones));
	if (doc->area == INTERN_FAILED || add_parent(p, d, &doc->parent) < 0 ||
	    add_text(p, d->id) < 0 || add_text(p, d->name) < 0 ||
	    add_text(p, d->other_name) < 0 || add_text(p, d->closed) < 0)
		return -1;
	p->n_docs++;
	return 0;
}

/* ---- terms ------------------------------------------------------------------ */

int
text_terms_room(struct text_index *ix, size_t n, size_t bytes)
{
	ix->words = malloc(bytes + 1);
	ix->term_at = calloc(n + 1, sizeof *ix->term_at);
	ix->posted_at = calloc(n + 1, sizeof *ix->posted_at);
	ix->letters = calloc(n + 1, sizeof *ix->letters);
	return ix->words != NULL && ix->term_at != NULL &&
		       ix->posted_at != NULL && ix->letters != NULL
		   ? 0
		   : -1;
}

void
text_terms_add(struct text_index *ix, const struct search_word *w)
{
	uint32_t at = ix->term_at[ix->n_terms];

	memcpy(ix->words + at, w->text, w->len);
	ix->letters[ix->n_terms] = text_letters(w);
	if (w->text[0] < 'a' && w->text[0] > 0)
		ix->first_word = (uint32_t)ix->n_terms + 1;
	ix->term_at[++ix->n_terms] = at + (uint32_t)w->len;
}

/* ---- keys ------------------------------------------------------------------- */

static int
compare_keys(const void *x, const void *y)
{
	const doc_key *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

static int
make_keys(struct text_index *ix)
{
	char folded[FOLDED_NAME_MAX + 1];

	ix->keys = malloc((3 * ix->n_docs + 1) * sizeof *ix->keys);
	if (ix->keys == NULL)
		return -1;
	for (size_t i = 0; i < ix->n_docs; i++) {
		const struct doc *d = &ix->docs[i];
		const char *text = ix->texts + d->text;

		ix->keys[ix->n_keys++] =
		    text_id_key(d->kind, text, (uint32_t)i);
		for (int names = 0; names < 2; names++) {
			size_t len;

			text = text_behind(text);
			len = strlen(text);
			if (len == 0 || len > FOLDED_NAME_MAX)
				continue;
			len = fold_text(text, len, folded);
			ix->keys[ix->n_keys++] =
			    text_name_key(folded, len, (uint32_t)i);
		}
	}
	qsort(ix->keys, ix->n_keys, sizeof *ix->keys, compare_keys);
	return 0;
}

/* ---- giving ----------------------------------------------------------------- */

static int
give_areas(struct text_parts *p, struct text_index *ix)
{
	ix->n_areas = p->areas.n;
	ix->areas = calloc(ix->n_areas, sizeof *ix->areas);
	ix->n_zones = p->areas.used / sizeof(*ix->zones);
	ix->zones = calloc(ix->n_zones + 1, sizeof(*ix->zones));
	if (ix->areas == NULL || ix->zones == NULL)
		return -1;
	memcpy(ix->zones, p->areas.bytes, p->areas.used);
	for (size_t i = AREA_EVERYWHERE + 1; i < ix->n_areas; i++) {
		const struct interned *x = &p->areas.list[i];

		ix->areas[i].first = x->at / (uint32_t)sizeof(*ix->zones);
		ix->areas[i].n = x->len / (uint32_t)sizeof(*ix->zones);
	}
	return 0;
}

/* The texts as they are, then those of the parents. */
static int
give_texts(struct text_parts *p, struct text_index *ix)
{
	size_t len = p->texts_len + p->parents.used;
	char *all = len < UINT32_MAX ? realloc(p->texts, len + 1) : NULL;

	if (all == NULL)
		return -1;
	if (p->parents.used > 0)
		memcpy(all + p->texts_len, p->parents.bytes, p->parents.used);
	ix->texts = all;
	ix->texts_len = len;
	p->texts = NULL;
	return 0;
}

int
text_parts_give(struct text_parts *p, const uint32_t *order,
    struct text_index *ix)
{
	ix->territory = p->territory;
	ix->docs = malloc((p->n_docs + 1) * sizeof *ix->docs);
	if (ix->docs == NULL || give_areas(p, ix) < 0 || give_texts(p, ix) < 0)
		return -1;
	for (size_t i = 0; i < p->n_docs; i++) {
		struct doc *d = &ix->docs[i];

		*d = p->docs[order[i]];
		if (d->parent != NO_PARENT)
			d->parent = (uint32_t)p->texts_len +
				    p->parents.list[d->parent].at;
	}
	ix->n_docs = p->n_docs;
	return make_keys(ix);
}
