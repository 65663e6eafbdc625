/*
 * text_parts.h - the parts of an index under construction: its records, and
 * its terms in order.  For text_*.c only.
 */
#ifndef DOMAIN_TEXT_PARTS_H
#define DOMAIN_TEXT_PARTS_H

#include "domain/intern.h"
#include "domain/text_internal.h"

/* Bytes of a folded name, at most; a longer one is cut. */
#define FOLDED_NAME_MAX 800

struct text_parts {
	const struct territory *territory;
	struct doc *docs; /* `parent`: a number in parents, or NO_PARENT */
	size_t n_docs, docs_room;
	char *texts;
	size_t texts_len, texts_room;
	struct intern parents; /* "id\0name\0" */
	struct intern areas;   /* the bytes of their zones */
};

int text_parts_init(struct text_parts *, const struct territory *);
void text_parts_free(struct text_parts *);

/* Only what is shown and what filters look at; -1: no memory. */
int text_parts_add(struct text_parts *, const struct search_doc *);

/* The records in this order (order[new] = old; no more than n_docs), with
 * their keys, into the index.  -1: no memory. */
int text_parts_give(struct text_parts *, const uint32_t *order,
    struct text_index *);

/* Room for `n` terms of `bytes` in all; then each in order. */
int text_terms_room(struct text_index *, size_t n, size_t bytes);
void text_terms_add(struct text_index *, const struct search_word *);

#endif
