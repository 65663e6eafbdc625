/* text_postings.c - which records have a term, and in which field. */
#include <stdlib.h>
#include <string.h>

#include "domain/text_internal.h"

/* Dense from this share of the records on: then a bit each takes about as much
 * room as a number for those that have it, and is joined far faster. */
#define DENSE_SHARE 64

size_t
text_first_dense(const struct text_index *ix, size_t term)
{
	size_t low = 0, high = ix->n_dense;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ix->dense[mid].term < term)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- making dense ----------------------------------------------------------- */

static int
add_dense(struct text_index *ix, size_t *room, size_t term,
    const uint32_t *from, size_t n)
{
	struct dense *d;

	if (ix->n_dense == *room) {
		*room = *room > 0 ? 2 * *room : 32;
		d = realloc(ix->dense, *room * sizeof *d);
		if (d == NULL)
			return -1;
		ix->dense = d;
	}
	d = &ix->dense[ix->n_dense];
	*d = (struct dense){ .term = (uint32_t)term,
		.field = (uint8_t)posting_field(from[0]),
		.bits = calloc(text_bit_words(ix) + 1, sizeof *d->bits) };
	if (d->bits == NULL)
		return -1;
	ix->n_dense++;
	for (size_t i = 0; i < n; i++) {
		uint32_t doc = from[i] & POSTING_DOC;

		d->bits[doc / 64] |= UINT64_C(1) << doc % 64;
	}
	return 0;
}

/* The end of the postings of one field that begin at `at`. */
static uint32_t
end_of_field(const struct text_index *ix, uint32_t at, uint32_t end)
{
	uint32_t next = posting(posting_field(ix->postings[at]) + 1, 0);

	while (at < end && ix->postings[at] < next)
		at++;
	return at;
}

int
text_make_dense(struct text_index *ix)
{
	uint32_t kept = 0, at = 0;
	uint32_t *less;
	size_t room = 0;

	for (size_t term = 0; term < ix->n_terms; term++) {
		uint32_t end = ix->posted_at[term + 1];

		ix->posted_at[term] = kept;
		while (at < end) {
			uint32_t stop = end_of_field(ix, at, end);

			if ((stop - at) * DENSE_SHARE >= ix->n_docs) {
				if (add_dense(ix, &room, term,
					ix->postings + at, stop - at) < 0)
					return -1;
			} else {
				memmove(ix->postings + kept, ix->postings + at,
				    (stop - at) * sizeof *ix->postings);
				kept += stop - at;
			}
			at = stop;
		}
	}
	ix->posted_at[ix->n_terms] = kept;
	less = realloc(ix->postings, (kept + 1) * sizeof *less);
	if (less != NULL)
		ix->postings = less;
	return 0;
}

/* ---- walking ------------------------------------------------------------------ */

struct text_walk
text_walk_term(const struct text_index *ix, size_t term)
{
	return (struct text_walk){ .ix = ix,
		.term = term,
		.at = ix->posted_at[term],
		.end = ix->posted_at[term + 1],
		.dense = text_first_dense(ix, term) };
}

/* The next record of the dense postings from w->doc on; false at their end. */
static bool
next_bit(struct text_walk *w, const struct dense *d)
{
	size_t word = w->doc / 64, n = text_bit_words(w->ix);
	uint64_t bits;

	if (word >= n)
		return false;
	bits = d->bits[word] >> w->doc % 64 << w->doc % 64;
	while (bits == 0) {
		if (++word == n)
			return false;
		bits = d->bits[word];
	}
	w->doc = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
	return true;
}

uint32_t
text_walk_next(struct text_walk *w)
{
	const struct text_index *ix = w->ix;

	while (w->dense < ix->n_dense && ix->dense[w->dense].term == w->term) {
		const struct dense *d = &ix->dense[w->dense];

		if (w->at < w->end &&
		    posting_field(ix->postings[w->at]) < d->field)
			break;
		if (next_bit(w, d))
			return posting(d->field, w->doc++);
		w->dense++;
		w->doc = 0;
	}
	return w->at < w->end ? ix->postings[w->at++] : UINT32_MAX;
}
