/* text_words.c - the words of an index by themselves, for who found nothing. */
#include <string.h>

#include "domain/distance.h"
#include "domain/text_internal.h"

static bool
lives(const struct text_part *part, size_t term)
{
	struct text_walk w = text_walk_term(part->index, term);
	uint32_t p;

	while ((p = text_walk_next(&w)) != UINT32_MAX) {
		uint32_t doc = p & POSTING_DOC;

		if (part->dead == NULL ||
		    (part->dead[doc / 64] >> doc % 64 & 1) == 0)
			return true;
	}
	return false;
}

bool
text_index_has(const struct text_part *part, const struct search_word *w)
{
	struct term_range range = text_beginning(part->index, w);
	size_t same[TEXT_SAME_MAX];
	size_t n = text_same(part->index, w, &range, same);

	for (size_t i = 0; i < n; i++)
		if (lives(part, same[i]))
			return true;
	return false;
}

bool
text_index_has_group(const struct text_part *part, const char *group)
{
	size_t term = text_group(part->index, group);

	return term < part->index->n_terms && lives(part, term);
}

/* Letters that two words do not share, less than twice so many: else they are
 * further apart. */
static bool
may_be_near(uint32_t a, uint32_t b, unsigned distance)
{
	uint32_t other = a ^ b;

	for (unsigned i = 0; i + 1 < distance; i++) {
		other &= other - 1;
		other &= other - 1;
	}
	return other == 0;
}

void
text_index_nearest(const struct text_part *part, const struct search_word *w,
    unsigned *distance, char nearest[SEARCH_WORD_MAX + 1])
{
	const struct text_index *ix = part->index;
	uint32_t letters = text_letters(w);

	for (size_t i = ix->first_word; i<ix->n_terms && * distance> 0; i++) {
		struct search_word t = term_of(ix, i);
		unsigned d;

		if (!may_be_near(letters, ix->letters[i], *distance))
			continue;
		d = distance_between(w->text, w->len, t.text, t.len,
		    *distance - 1);
		if (d >= *distance || !lives(part, i))
			continue;
		*distance = d;
		memcpy(nearest, t.text, t.len);
		nearest[t.len] = '\0';
	}
}
