/*
 * text_internal.h - what an index is made of; for text_*.c only.
 *
 * Records are numbered in the order of hits of one rank, so that of two hits
 * the lower number comes first.  A posting is a record and the most telling
 * field in which it has the term; those of a term are sorted.
 */
#ifndef DOMAIN_TEXT_INTERNAL_H
#define DOMAIN_TEXT_INTERNAL_H

#include <string.h>

#include "domain/text_index.h"

/* A term is a word, or a group: GROUP_MARK and the group's name. */
#define GROUP_MARK '\x01'

#define POSTING_DOC_BITS 28
#define POSTING_DOC ((1u << POSTING_DOC_BITS) - 1)
#define posting(field, doc) ((uint32_t)(field) << POSTING_DOC_BITS | (doc))
#define posting_field(p) ((p) >> POSTING_DOC_BITS)

#define AREA_NONE 0
#define AREA_EVERYWHERE 1
#define NO_PARENT UINT32_MAX

struct doc {
	uint64_t mark;
	uint32_t text;   /* in texts: id, name, other name, closed; NULs */
	uint32_t parent; /* in texts: id, name; or NO_PARENT */
	uint32_t area;
	uint16_t commune; /* its index + 1; 0: none */
	uint8_t kind;
};

struct area {              /* a set of zones that some records share */
	uint32_t first, n; /* in zones */
};

/* Postings of one term in one field that many records have: a bit a record,
 * instead of numbers. */
struct dense {
	uint32_t term;
	uint8_t field;
	uint64_t *bits; /* text_bit_words() of them */
};

/* A hash in the high half, a record in the low one. */
typedef uint64_t doc_key;

struct text_index {
	const struct territory *territory;
	struct doc *docs;
	size_t n_docs;
	char *texts;
	size_t texts_len;

	struct area *areas; /* from AREA_EVERYWHERE + 1 on, at 0 */
	size_t n_areas;
	const struct zone **zones;
	size_t n_zones;

	doc_key *keys; /* of kind and id, of whole names; sorted */
	size_t n_keys;

	char *words;         /* the terms, sorted, one behind the other */
	uint32_t *term_at;   /* n_terms + 1 */
	uint32_t *posted_at; /* n_terms + 1 */
	uint32_t *postings;
	struct dense *dense; /* sorted by term and field */
	size_t n_dense;
	uint32_t *letters; /* of each term: see text_letters() */
	size_t n_terms;
	uint32_t first_word; /* the first term that starts with a letter */
};

/* ---- terms ---------------------------------------------------------------- */

static inline struct search_word
term_of(const struct text_index *ix, size_t term)
{
	return (struct search_word){ ix->words + ix->term_at[term],
		ix->term_at[term + 1] - ix->term_at[term] };
}

int text_compare_words(const struct search_word *, const struct search_word *);

/* The term that is this word; n_terms when none is. */
size_t text_term(const struct text_index *, const struct search_word *);

/* The same for a group. */
size_t text_group(const struct text_index *, const char *group);

struct term_range { /* terms that begin with a word */
	size_t first, end;
};
struct term_range text_beginning(const struct text_index *,
    const struct search_word *);

/* The terms that are the word, its plural or its singular; how many.  `range`
 * is its text_beginning(). */
#define TEXT_SAME_MAX 4
size_t text_same(const struct text_index *, const struct search_word *,
    const struct term_range *range, size_t out[TEXT_SAME_MAX]);

/* Which letters a word has, a bit each; two words that are one slip apart
 * differ in two bits at most. */
uint32_t text_letters(const struct search_word *);

/* ---- postings ------------------------------------------------------------- */

static inline size_t
text_bit_words(const struct text_index *ix)
{
	return (ix->n_docs + 63) / 64;
}

/* The first dense postings that are not before those of the term; n_dense
 * when there is none. */
size_t text_first_dense(const struct text_index *, size_t term);

/* Make dense what is better so.  The last step of making an index.  -1: no
 * memory. */
int text_make_dense(struct text_index *);

struct text_walk { /* over the postings of a term, in order */
	const struct text_index *ix;
	size_t term;
	uint32_t at, end; /* in postings */
	size_t dense;     /* the next */
	uint32_t doc;     /* in the dense one: the next record to look at */
};
struct text_walk text_walk_term(const struct text_index *, size_t term);
/* The next posting, or UINT32_MAX behind the last. */
uint32_t text_walk_next(struct text_walk *);

/* ---- records -------------------------------------------------------------- */

/* The two kinds of key.  NAME: of a whole name, folded. */
doc_key text_id_key(uint8_t kind, const char *id, uint32_t doc);
doc_key text_name_key(const char *folded, size_t len, uint32_t doc);
#define KEY_HASH(key) ((uint32_t)((key) >> 32))
#define KEY_DOC(key) ((uint32_t)(key))
/* Where the first key not before this one stands. */
size_t text_first_key(const struct text_index *, doc_key);

/* The text behind the NUL of this one. */
static inline const char *
text_behind(const char *s)
{
	return s + strlen(s) + 1;
}

#endif
