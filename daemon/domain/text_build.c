/* text_build.c - an index from records; see text_index.h. */
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/intern.h"
#include "domain/text_internal.h"
#include "domain/text_parts.h"

struct occurrence { /* of a term in a record */
	uint32_t term;
	uint8_t field;
};

struct text_builder {
	struct text_parts parts; /* the records, in the order of adding */
	struct intern terms;
	uint32_t *seen_in; /* by term: the record that had it last, + 1 */
	size_t seen_room;
	struct occurrence *list; /* one record behind the other */
	size_t n, room;
	uint32_t *first; /* by record: its first occurrence */
	size_t first_room;
};

/* ---- adding ----------------------------------------------------------------- */

struct text_builder *
text_builder_new(const struct territory *territory)
{
	struct text_builder *b = calloc(1, sizeof *b);

	if (b != NULL && text_parts_init(&b->parts, territory) < 0) {
		text_builder_free(b);
		return NULL;
	}
	return b;
}

void
text_builder_free(struct text_builder *b)
{
	if (b == NULL)
		return;
	text_parts_free(&b->parts);
	intern_free(&b->terms);
	free(b->seen_in);
	free(b->list);
	free(b->first);
	free(b);
}

static int
room_for_term(struct text_builder *b, uint32_t term)
{
	uint32_t *seen;
	size_t room = b->seen_room > 0 ? 2 * b->seen_room : 1024;

	if (term < b->seen_room)
		return 0;
	if ((seen = realloc(b->seen_in, room * sizeof *seen)) == NULL)
		return -1;
	memset(seen + b->seen_room, 0, (room - b->seen_room) * sizeof *seen);
	b->seen_in = seen;
	b->seen_room = room;
	return 0;
}

static int
add_occurrence(struct text_builder *b, uint32_t term, enum search_field field)
{
	uint32_t doc = (uint32_t)b->parts.n_docs; /* + 1: it is in already */

	if (room_for_term(b, term) < 0)
		return -1;
	if (b->seen_in[term] == doc)
		return 0; /* in a more telling field */
	b->seen_in[term] = doc;
	if (b->n == b->room) {
		size_t room = b->room > 0 ? 2 * b->room : 4096;
		struct occurrence *more = realloc(b->list, room * sizeof *more);

		if (more == NULL)
			return -1;
		b->list = more;
		b->room = room;
	}
	b->list[b->n++] = (struct occurrence){ term, (uint8_t)field };
	return 0;
}

static int
add_term(const struct search_term *t, void *arg)
{
	struct text_builder *b = arg;
	char group[1 + FOLDED_NAME_MAX];
	uint32_t term;

	if (t->group) {
		size_t len = t->word.len < FOLDED_NAME_MAX ? t->word.len
							   : FOLDED_NAME_MAX;

		group[0] = GROUP_MARK;
		memcpy(group + 1, t->word.text, len);
		term = intern_add(&b->terms, group, len + 1);
	} else {
		term = intern_add(&b->terms, t->word.text, t->word.len);
	}
	return term != INTERN_FAILED ? add_occurrence(b, term, t->field) : -1;
}

int
text_builder_add(struct text_builder *b, const struct search_words *words,
    const struct search_doc *d)
{
	size_t doc = b->parts.n_docs;

	if (doc == b->first_room) {
		size_t room = doc > 0 ? 2 * doc : 256;
		uint32_t *first = realloc(b->first, (room + 1) * sizeof *first);

		if (first == NULL)
			return -1;
		b->first = first;
		b->first_room = room;
	}
	if (doc == TEXT_INDEX_DOCS_MAX || text_parts_add(&b->parts, d) < 0)
		return -1;
	b->first[doc] = (uint32_t)b->n;
	if (search_doc_each(d, words, add_term, b) < 0)
		return -1;
	b->first[doc + 1] = (uint32_t)b->n;
	return 0;
}

size_t
text_builder_docs(const struct text_builder *b)
{
	return b->parts.n_docs;
}

/* ---- the order of records ----------------------------------------------------- */

struct placed_doc {
	const char *folded, *id;
	uint32_t old;
	uint8_t kind;
};

static int
compare_docs(const void *x, const void *y)
{
	const struct placed_doc *a = x, *b = y;

	return search_order(a->folded, a->id, a->kind, b->folded, b->id,
	    b->kind);
}

/* order[new] = old, by folded name, id and kind.  Puts the keys of the whole
 * names, by old number. */
static uint32_t *
order_docs(struct text_builder *b)
{
	struct text_parts *p = &b->parts;
	struct placed_doc *list = malloc((p->n_docs + 1) * sizeof *list);
	uint32_t *order = malloc((p->n_docs + 1) * sizeof *order);
	char *folded = malloc(p->texts_len + 1), *at = folded;

	if (list == NULL || order == NULL || folded == NULL) {
		free(list);
		free(order);
		free(folded);
		return NULL;
	}
	for (size_t i = 0; i < p->n_docs; i++) {
		const char *id = p->texts + p->docs[i].text;
		const char *name = text_behind(id);

		list[i] =
		    (struct placed_doc){ at, id, (uint32_t)i, p->docs[i].kind };
		at += fold_text(name, strlen(name), at) + 1;
	}
	qsort(list, p->n_docs, sizeof *list, compare_docs);
	for (size_t i = 0; i < p->n_docs; i++)
		order[i] = list[i].old;
	free(list);
	free(folded);
	return order;
}

/* ---- the order of terms --------------------------------------------------------- */

struct placed_term {
	struct search_word word;
	uint32_t old;
};

static int
compare_terms(const void *x, const void *y)
{
	const struct placed_term *a = x, *b = y;

	return text_compare_words(&a->word, &b->word);
}

/* Fill in the sorted terms; place[old] = new. */
static int
order_terms(const struct intern *terms, struct text_index *ix, uint32_t *place)
{
	struct placed_term *list = malloc((terms->n + 1) * sizeof *list);

	if (list == NULL || text_terms_room(ix, terms->n, terms->used) < 0) {
		free(list);
		return -1;
	}
	for (size_t i = 0; i < terms->n; i++) {
		const struct interned *x = &terms->list[i];

		list[i] =
		    (struct placed_term){ { terms->bytes + x->at, x->len },
			    (uint32_t)i };
	}
	qsort(list, terms->n, sizeof *list, compare_terms);
	for (size_t i = 0; i < terms->n; i++) {
		text_terms_add(ix, &list[i].word);
		place[list[i].old] = (uint32_t)i;
	}
	free(list);
	return 0;
}

/* ---- postings ----------------------------------------------------------------------- */

/* Those of a field, record by record in their order: so each term gets them
 * sorted. */
static void
post_field(struct text_builder *b, struct text_index *ix, uint8_t field,
    const uint32_t *order, const uint32_t *place, uint32_t *end)
{
	for (size_t i = 0; i < b->parts.n_docs; i++) {
		uint32_t at = b->first[order[i]];

		for (; at < b->first[order[i] + 1]; at++)
			if (b->list[at].field == field)
				ix->postings[end[place[b->list[at].term]]++] =
				    posting(field, (uint32_t)i);
	}
}

static int
post(struct text_builder *b, struct text_index *ix, const uint32_t *order,
    const uint32_t *place)
{
	uint32_t *end = malloc((ix->n_terms + 1) * sizeof *end);

	ix->postings = malloc((b->n + 1) * sizeof *ix->postings);
	if (end == NULL || ix->postings == NULL) {
		free(end);
		return -1;
	}
	memset(ix->posted_at, 0, (ix->n_terms + 1) * sizeof *ix->posted_at);
	for (size_t i = 0; i < b->n; i++)
		ix->posted_at[place[b->list[i].term] + 1]++;
	for (size_t i = 0; i < ix->n_terms; i++) {
		end[i] = ix->posted_at[i];
		ix->posted_at[i + 1] += ix->posted_at[i];
	}
	for (int f = SEARCH_IN_IDENTIFIER; f < SEARCH_FIELDS; f++)
		post_field(b, ix, (uint8_t)f, order, place, end);
	free(end);
	return 0;
}

struct text_index *
text_builder_finish(struct text_builder *b)
{
	struct text_index *ix = calloc(1, sizeof *ix);
	uint32_t *place = malloc((b->terms.n + 1) * sizeof *place);
	uint32_t *order = order_docs(b);
	int rc = -1;

	if (ix != NULL && place != NULL && order != NULL &&
	    order_terms(&b->terms, ix, place) == 0 &&
	    post(b, ix, order, place) == 0)
		rc = text_parts_give(&b->parts, order, ix);
	if (rc == 0)
		rc = text_make_dense(ix);
	free(place);
	free(order);
	text_builder_free(b);
	if (rc == 0)
		return ix;
	text_index_free(ix);
	return NULL;
}
