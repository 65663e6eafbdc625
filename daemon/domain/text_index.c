/* text_index.c - what an index holds; see text_index.h. */
#include <stdlib.h>
#include <string.h>

#include "domain/intern.h"
#include "domain/text_internal.h"

int
text_compare_words(const struct search_word *a, const struct search_word *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->text, b->text, n);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

uint32_t
text_letters(const struct search_word *w)
{
	uint32_t letters = 0;

	for (size_t i = 0; i < w->len; i++) {
		unsigned char c = (unsigned char)w->text[i];

		letters |= UINT32_C(1)
			   << (c >= 'a' && c <= 'z' ? c - 'a' : 26 + c % 6);
	}
	return letters;
}

/* ---- terms ------------------------------------------------------------------ */

/* The first term in [low, high) that is not before the word. */
static size_t
first_term(const struct text_index *ix, size_t low, size_t high,
    const struct search_word *w)
{
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct search_word t = term_of(ix, mid);

		if (text_compare_words(&t, w) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool
term_is(const struct text_index *ix, size_t term, const struct search_word *w)
{
	struct search_word t;

	if (term == ix->n_terms)
		return false;
	t = term_of(ix, term);
	return t.len == w->len && memcmp(t.text, w->text, w->len) == 0;
}

size_t
text_term(const struct text_index *ix, const struct search_word *w)
{
	size_t at = first_term(ix, 0, ix->n_terms, w);

	return term_is(ix, at, w) ? at : ix->n_terms;
}

size_t
text_group(const struct text_index *ix, const char *group)
{
	char mark[1 + SEARCH_QUERY_BYTES];
	struct search_word w = { mark, 1 };

	mark[0] = GROUP_MARK;
	w.len += strnlen(group, sizeof mark - 1);
	memcpy(mark + 1, group, w.len - 1);
	return text_term(ix, &w);
}

static bool
term_begins(const struct text_index *ix, size_t term,
    const struct search_word *w)
{
	struct search_word t;

	if (term >= ix->n_terms)
		return false;
	t = term_of(ix, term);
	return t.len >= w->len && memcmp(t.text, w->text, w->len) == 0;
}

/* The end is looked for in steps that double, for it is near. */
struct term_range
text_beginning(const struct text_index *ix, const struct search_word *w)
{
	size_t first = first_term(ix, 0, ix->n_terms, w), end = first;
	size_t step = 1;

	if (!term_begins(ix, first, w))
		return (struct term_range){ first, first };
	for (; term_begins(ix, end + step, w); step *= 2)
		end += step;
	for (; step > 0; step /= 2)
		if (term_begins(ix, end + step, w))
			end += step;
	return (struct term_range){ first, end + 1 };
}

size_t
text_same(const struct text_index *ix, const struct search_word *w,
    const struct term_range *range, size_t out[TEXT_SAME_MAX])
{
	char longer[SEARCH_WORD_MAX + 1];
	struct search_word plural = { longer, w->len + 1 };
	struct search_word singular = { w->text, search_word_stem(w) };
	size_t n = 0, at;

	memcpy(longer, w->text, w->len);
	if (term_is(ix, range->first, w))
		out[n++] = range->first;
	for (const char *ending = "sx"; *ending != '\0'; ending++) {
		longer[w->len] = *ending;
		at = first_term(ix, range->first, range->end, &plural);
		if (search_word_stem(&plural) == w->len && at < range->end &&
		    term_is(ix, at, &plural))
			out[n++] = at;
	}
	if (singular.len < w->len &&
	    (at = text_term(ix, &singular)) < ix->n_terms)
		out[n++] = at;
	return n;
}

/* ---- keys and records ----------------------------------------------------------- */

doc_key
text_id_key(uint8_t kind, const char *id, uint32_t doc)
{
	return (intern_hash(id, strlen(id)) * (2u * kind + 1)) >> 32 << 32 |
	       doc;
}

doc_key
text_name_key(const char *folded, size_t len, uint32_t doc)
{
	return (intern_hash(folded, len) * UINT64_C(0xD6E8FEB86659FD93)) >>
		   32 << 32 |
	       doc;
}

void
text_index_free(struct text_index *ix)
{
	if (ix == NULL)
		return;
	free(ix->docs);
	free(ix->texts);
	free(ix->areas);
	free(ix->zones);
	free(ix->keys);
	free(ix->words);
	free(ix->term_at);
	free(ix->posted_at);
	free(ix->postings);
	for (size_t i = 0; i < ix->n_dense; i++)
		free(ix->dense[i].bits);
	free(ix->dense);
	free(ix->letters);
	free(ix);
}

size_t
text_index_docs(const struct text_index *ix)
{
	return ix->n_docs;
}

size_t
text_index_bytes(const struct text_index *ix)
{
	return sizeof *ix + ix->n_docs * sizeof *ix->docs + ix->texts_len +
	       ix->n_areas * sizeof *ix->areas +
	       ix->n_zones * sizeof(*ix->zones) +
	       ix->n_keys * sizeof *ix->keys + ix->term_at[ix->n_terms] +
	       ix->n_terms * (sizeof *ix->term_at + sizeof *ix->posted_at +
				 sizeof *ix->letters) +
	       ix->posted_at[ix->n_terms] * sizeof *ix->postings +
	       ix->n_dense *
		   (sizeof *ix->dense + text_bit_words(ix) * sizeof(uint64_t));
}

size_t
text_first_key(const struct text_index *ix, doc_key key)
{
	size_t low = 0, high = ix->n_keys;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ix->keys[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int32_t
text_index_find(const struct text_index *ix, uint8_t kind, const char *id)
{
	doc_key key = text_id_key(kind, id, 0);

	for (size_t i = text_first_key(ix, key);
	     i < ix->n_keys && KEY_HASH(ix->keys[i]) == KEY_HASH(key); i++) {
		const struct doc *d = &ix->docs[KEY_DOC(ix->keys[i])];

		if (d->kind == kind && strcmp(ix->texts + d->text, id) == 0)
			return (int32_t)KEY_DOC(ix->keys[i]);
	}
	return -1;
}

struct text_doc
text_index_doc(const struct text_index *ix, uint32_t doc)
{
	const struct doc *d = &ix->docs[doc];
	struct text_doc out = { .kind = d->kind,
		.id = ix->texts + d->text,
		.mark = d->mark,
		.parent_id = "",
		.parent_name = "" };

	out.name = text_behind(out.id);
	out.closed = text_behind(text_behind(out.name));
	if (d->parent != NO_PARENT) {
		out.parent_id = ix->texts + d->parent;
		out.parent_name = text_behind(out.parent_id);
	}
	if (d->commune != 0)
		out.commune = territory_at(ix->territory, d->commune - 1u);
	return out;
}
