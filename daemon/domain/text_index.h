/*
 * text_index.h - many records, found by words in microseconds: search.h's rule
 * without a look at each record.
 *
 * A struct text_index is immutable: any number of threads may read it.  What
 * changes is a set of them: a record that changed stands in a newer one, and
 * is dead in the older (a bit each, kept by the caller); text_index_merge()
 * makes one of several, without the dead.
 *
 * Memory: about 150 bytes a record of a dozen words; each further word of an
 * offer's text takes 4.  Pure.
 */
#ifndef DOMAIN_TEXT_INDEX_H
#define DOMAIN_TEXT_INDEX_H

#include "domain/search.h"

struct text_builder;
struct text_index;

#define TEXT_INDEX_DOCS_MAX (1u << 17) /* records of one index */

/* ---- making ----------------------------------------------------------------- */

/* For records whose zones and communes are of this territory, which lives as
 * long as the index.  Owns: the caller's until one of the next two.  NULL: no
 * memory. */
struct text_builder *text_builder_new(const struct territory *);
void text_builder_free(struct text_builder *); /* NULL is a no-op */

/* Add a record; its kind and id must not have been added before.
 * Fails: -1, no memory, or TEXT_INDEX_DOCS_MAX are in it. */
int text_builder_add(struct text_builder *, const struct search_words *,
    const struct search_doc *);
size_t text_builder_docs(const struct text_builder *);

/* The index; frees the builder.  NULL: no memory. */
struct text_index *text_builder_finish(struct text_builder *);

/* An index and its dead: one bit a record, set when it is; NULL: none is. */
struct text_part {
	const struct text_index *index;
	const uint64_t *dead;
};

/* One of several of one territory, TEXT_INDEX_DOCS_MAX living records at most.
 * No record may live in two.  NULL: no memory. */
struct text_index *text_index_merge(const struct text_part *, size_t n);

void text_index_free(struct text_index *); /* NULL is a no-op */

/* ---- records ------------------------------------------------------------------ */

size_t text_index_docs(const struct text_index *);
size_t text_index_bytes(const struct text_index *); /* of memory, about */

/* The number of a record, or -1. */
int32_t text_index_find(const struct text_index *, uint8_t kind,
    const char *id);

struct text_doc { /* borrowed from the index */
	uint8_t kind;
	const char *id, *name, *closed;
	const char *parent_id, *parent_name;
	const struct commune *commune; /* or NULL */
	uint64_t mark;
};
struct text_doc text_index_doc(const struct text_index *, uint32_t doc);

/* ---- searching ------------------------------------------------------------------ */

/* A place in the order of hits: the next page begins behind it. */
struct text_position {
	unsigned rank;
	const char *name, *id;
	uint8_t kind;
};

struct text_question {
	const struct search_query *query;
	unsigned kinds;          /* bits (1 << kind) wanted */
	const struct zone *zone; /* NULL: anywhere */
	bool spelling;           /* only with slips: see search_match() */
	const struct text_position *after; /* NULL: from the best */
};

struct text_hit {
	unsigned rank;
	uint32_t doc;
};

/* Memory of a search, reused; one thread's.  NULL: no memory. */
struct text_scratch *text_scratch_new(void);
void text_scratch_free(struct text_scratch *); /* NULL is a no-op */

/*
 * The first `room` hits behind `after`, in order; how many.  Work is bounded by
 * the postings of the query's words: well below a millisecond for most, a few
 * for eight words that every record has.  Fails: -1, no memory.
 */
int text_index_search(const struct text_part *, const struct text_question *,
    struct text_scratch *, struct text_hit *out, size_t room);

/* Does a living record hold the word, its plural or its singular; or a name of
 * the group? */
bool text_index_has(const struct text_part *, const struct search_word *);
bool text_index_has_group(const struct text_part *, const char *group);

/*
 * The word of living records that is nearest to one that they do not have, by
 * fewer than *distance slips, which becomes its distance; else nothing is
 * written.
 */
void text_index_nearest(const struct text_part *, const struct search_word *,
    unsigned *distance, char nearest[SEARCH_WORD_MAX + 1]);

#endif
