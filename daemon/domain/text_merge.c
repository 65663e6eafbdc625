/* text_merge.c - one index of several; see text_index.h. */
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"
#include "domain/text_parts.h"

#define DEAD UINT32_MAX

struct source { /* one of the indexes */
	const struct text_index *index;
	const uint64_t *dead;
	uint32_t *place; /* by its number: the number in the whole, or DEAD */
	uint32_t doc;    /* the next of its records */
	size_t term;     /* the next of its terms */
	struct text_walk walk; /* over the term that is being merged */
	uint32_t posting;      /* of the whole: the next; UINT32_MAX: none */
	char folded[FOLDED_NAME_MAX + 1]; /* name of `doc` */
};

struct merge {
	struct source *sources;
	size_t n;
	struct text_parts parts;
	struct text_index *out;
};

static bool
is_dead(const struct source *s, uint32_t doc)
{
	return s->dead != NULL && (s->dead[doc / 64] >> doc % 64 & 1) != 0;
}

static const char *
id_of(const struct source *s)
{
	return s->index->texts + s->index->docs[s->doc].text;
}

/* ---- records ------------------------------------------------------------------ */

/* Stand at the next living record, from `doc` on. */
static void
stand(struct source *s)
{
	while (s->doc < s->index->n_docs && is_dead(s, s->doc))
		s->place[s->doc++] = DEAD;
	if (s->doc < s->index->n_docs) {
		const char *name = text_behind(id_of(s));
		size_t len = strlen(name);

		fold_text(name, len < FOLDED_NAME_MAX ? len : FOLDED_NAME_MAX,
		    s->folded);
	}
}

static struct source *
first_doc(struct merge *m)
{
	struct source *first = NULL;

	for (size_t i = 0; i < m->n; i++) {
		struct source *s = &m->sources[i];

		if (s->doc == s->index->n_docs)
			continue;
		if (first == NULL ||
		    search_order(s->folded, id_of(s),
			s->index->docs[s->doc].kind, first->folded,
			id_of(first), first->index->docs[first->doc].kind) < 0)
			first = s;
	}
	return first;
}

static int
copy_doc(struct merge *m, struct source *s)
{
	const struct text_index *ix = s->index;
	const struct doc *from = &ix->docs[s->doc];
	const struct text_doc shown = text_index_doc(ix, s->doc);
	struct search_doc d = { .kind = from->kind,
		.id = shown.id,
		.name = shown.name,
		.other_name = text_behind(shown.name),
		.closed = shown.closed,
		.parent_id = shown.parent_id,
		.parent_name = shown.parent_name,
		.commune = shown.commune,
		.mark = shown.mark,
		.everywhere = from->area == AREA_EVERYWHERE };

	if (from->area > AREA_EVERYWHERE) {
		d.zones = ix->zones + ix->areas[from->area].first;
		d.n_zones = ix->areas[from->area].n;
	}
	if (m->parts.n_docs == TEXT_INDEX_DOCS_MAX)
		return -1;
	s->place[s->doc] = (uint32_t)m->parts.n_docs;
	return text_parts_add(&m->parts, &d);
}

static int
merge_docs(struct merge *m)
{
	struct source *s;

	for (size_t i = 0; i < m->n; i++)
		stand(&m->sources[i]);
	while ((s = first_doc(m)) != NULL) {
		if (copy_doc(m, s) < 0)
			return -1;
		s->doc++;
		stand(s);
	}
	return 0;
}

/* ---- terms -------------------------------------------------------------------- */

/* The least term that some source stands at; its length is 0 at the end. */
static struct search_word
first_term(const struct merge *m)
{
	struct search_word first = { NULL, 0 };

	for (size_t i = 0; i < m->n; i++) {
		const struct source *s = &m->sources[i];
		struct search_word w;

		if (s->term == s->index->n_terms)
			continue;
		w = term_of(s->index, s->term);
		if (first.len == 0 || text_compare_words(&w, &first) < 0)
			first = w;
	}
	return first;
}

/* Stand at the next posting of a living record, as the whole has it. */
static void
next_posting(struct source *s)
{
	uint32_t p;

	do {
		p = text_walk_next(&s->walk);
		s->posting = p;
		if (p != UINT32_MAX)
			s->posting = s->place[p & POSTING_DOC];
	} while (p != UINT32_MAX && s->posting == DEAD);
	if (p != UINT32_MAX)
		s->posting = posting(posting_field(p), s->posting);
}

static struct source *
first_posting(struct merge *m)
{
	struct source *first = NULL;

	for (size_t i = 0; i < m->n; i++) {
		struct source *s = &m->sources[i];

		if (s->posting != UINT32_MAX &&
		    (first == NULL || s->posting < first->posting))
			first = s;
	}
	return first;
}

/* Records keep their order, so the postings of each source are sorted. */
static void
merge_postings(struct merge *m, uint32_t *used)
{
	struct source *s;

	while ((s = first_posting(m)) != NULL) {
		m->out->postings[(*used)++] = s->posting;
		next_posting(s);
	}
}

static void
merge_term(struct merge *m, const struct search_word *w, uint32_t *used)
{
	uint32_t before = *used;

	for (size_t i = 0; i < m->n; i++) {
		struct source *s = &m->sources[i];
		struct search_word own;

		s->posting = UINT32_MAX;
		if (s->term == s->index->n_terms)
			continue;
		own = term_of(s->index, s->term);
		if (text_compare_words(&own, w) != 0)
			continue;
		s->walk = text_walk_term(s->index, s->term++);
		next_posting(s);
	}
	merge_postings(m, used);
	if (*used == before)
		return; /* only the dead had it */
	text_terms_add(m->out, w);
	m->out->posted_at[m->out->n_terms] = *used;
}

static int
merge_terms(struct merge *m)
{
	struct text_index *out = m->out;
	struct search_word w;
	size_t terms = 0, bytes = 0, postings = 0;
	uint32_t used = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct text_index *ix = m->sources[i].index;

		terms += ix->n_terms;
		bytes += ix->term_at[ix->n_terms];
		postings += ix->posted_at[ix->n_terms];
		for (size_t d = 0; d < ix->n_dense; d++)
			for (size_t k = 0; k < text_bit_words(ix); k++)
				postings += (size_t)__builtin_popcountll(
				    ix->dense[d].bits[k]);
	}
	out->postings = malloc((postings + 1) * sizeof *out->postings);
	if (out->postings == NULL || postings > UINT32_MAX ||
	    text_terms_room(out, terms, bytes) < 0)
		return -1;
	while ((w = first_term(m)).len > 0)
		merge_term(m, &w, &used);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------ */

/* Give back what the sum of the sources took too much. */
static void
shrink(struct text_index *ix)
{
	struct {
		uint32_t **list;
		size_t n;
	} lists[] = {
		{ &ix->term_at, ix->n_terms + 1 },
		{ &ix->posted_at, ix->n_terms + 1 },
		{ &ix->letters, ix->n_terms + 1 },
	};
	char *words = realloc(ix->words, ix->term_at[ix->n_terms] + 1);

	if (words != NULL)
		ix->words = words;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		uint32_t *less =
		    realloc(*lists[i].list, lists[i].n * sizeof *less);

		if (less != NULL)
			*lists[i].list = less;
	}
}

static int
in_order(struct merge *m)
{
	uint32_t *order = malloc((m->parts.n_docs + 1) * sizeof *order);
	int rc;

	if (order == NULL)
		return -1;
	for (size_t i = 0; i < m->parts.n_docs; i++)
		order[i] = (uint32_t)i;
	rc = text_parts_give(&m->parts, order, m->out);
	free(order);
	return rc < 0 ? -1 : text_make_dense(m->out);
}

static int
open_sources(struct merge *m, const struct text_part *parts)
{
	for (size_t i = 0; i < m->n; i++) {
		struct source *s = &m->sources[i];

		s->index = parts[i].index;
		s->dead = parts[i].dead;
		s->place = malloc((s->index->n_docs + 1) * sizeof *s->place);
		if (s->place == NULL)
			return -1;
	}
	return 0;
}

struct text_index *
text_index_merge(const struct text_part *parts, size_t n)
{
	struct merge m = { .n = n };
	bool done;

	m.sources = calloc(n, sizeof *m.sources);
	m.out = calloc(1, sizeof *m.out);
	done = m.sources != NULL && m.out != NULL &&
	       text_parts_init(&m.parts, parts[0].index->territory) == 0 &&
	       open_sources(&m, parts) == 0 && merge_docs(&m) == 0 &&
	       merge_terms(&m) == 0 && in_order(&m) == 0;
	for (size_t i = 0; m.sources != NULL && i < n; i++)
		free(m.sources[i].place);
	free(m.sources);
	text_parts_free(&m.parts);
	if (done) {
		shrink(m.out);
		return m.out;
	}
	text_index_free(m.out);
	return NULL;
}
