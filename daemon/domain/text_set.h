/*
 * text_set.h - a set of the records of an index, for the time of a search.
 * For text_search.c only.
 */
#ifndef DOMAIN_TEXT_SET_H
#define DOMAIN_TEXT_SET_H

#include <string.h>

#include "domain/text_index.h"

/* 512 records are one block, a line of the cache.  The map tells which blocks
 * hold something; what is in the others is not to be read.  Dense postings are
 * not copied: they are looked at where the other words of a query hold
 * something. */
#define BLOCK_WORDS 8
#define BLOCK_DOCS (BLOCK_WORDS * 64)
#define MAP_WORDS (TEXT_INDEX_DOCS_MAX / BLOCK_DOCS / 64)
#define SET_DENSE 32

struct set {
	const uint64_t *dense[SET_DENSE];
	size_t n_dense;
	size_t dense_words; /* of each */
	uint64_t map[MAP_WORDS];
	uint64_t words[TEXT_INDEX_DOCS_MAX / 64];
};

static inline void
set_clear(struct set *s)
{
	memset(s->map, 0, sizeof s->map);
	s->n_dense = 0;
}

static inline bool
map_has(const struct set *s, uint32_t block)
{
	return (s->map[block / 64] >> block % 64 & 1) != 0;
}

static inline void
set_open(struct set *s, uint32_t block)
{
	if (map_has(s, block))
		return;
	s->map[block / 64] |= UINT64_C(1) << block % 64;
	memset(&s->words[(size_t)block * BLOCK_WORDS], 0,
	    BLOCK_WORDS * sizeof s->words[0]);
}

static inline void
set_add(struct set *s, uint32_t doc)
{
	set_open(s, doc / BLOCK_DOCS);
	s->words[doc / 64] |= UINT64_C(1) << doc % 64;
}

static inline void
set_join(struct set *s, const uint64_t *bits, size_t n)
{
	if (s->n_dense < SET_DENSE) {
		s->dense[s->n_dense++] = bits;
		s->dense_words = n;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		set_open(s, (uint32_t)(i / BLOCK_WORDS));
		s->words[i] |= bits[i];
	}
}

static inline uint64_t
set_word(const struct set *s, uint32_t block, unsigned i)
{
	size_t at = (size_t)block * BLOCK_WORDS + i;
	uint64_t word = map_has(s, block) ? s->words[at] : 0;

	for (size_t d = 0; d < s->n_dense && at < s->dense_words; d++)
		word |= s->dense[d][at];
	return word;
}

/* Which of 64 blocks may hold something. */
static inline uint64_t
set_map(const struct set *s, size_t at)
{
	size_t blocks;

	if (s->n_dense == 0)
		return s->map[at];
	blocks = (s->dense_words + BLOCK_WORDS - 1) / BLOCK_WORDS;
	if (blocks >= (at + 1) * 64)
		return ~UINT64_C(0);
	return blocks <= at * 64
		   ? s->map[at]
		   : s->map[at] | ((UINT64_C(1) << blocks % 64) - 1);
}

#endif
