/*
 * search_docs.h - what of a record is searched: its own words, those of the
 * body that it belongs to, of the commune where it is.
 *
 * One thread's.
 */
#ifndef SERVICE_SEARCH_DOCS_H
#define SERVICE_SEARCH_DOCS_H

#include "domain/search.h"
#include "service/catalog.h"
#include "store/store.h"

struct search_docs;

/* Owns: the caller's until search_docs_free().  Fails: ERR_NOMEM. */
struct search_docs *search_docs_new(struct err *);
void search_docs_free(struct search_docs *); /* NULL is a no-op */

/* Read in this snapshot, as of this revision; the catalog lives as long. */
void search_docs_open(struct search_docs *, struct view *, uint64_t revision,
    const struct catalog *);

/* Is it a kind that is searched? */
bool search_docs_kind(uint8_t kind);

/*
 * The record, which must live, as it is searched; borrowed until the next call.
 * Its mark changes when that which others take from it does: the sites and
 * offers of an organisation, the offers of a site.
 * Fails: ERR_CORRUPT, ERR_NOMEM.
 */
int search_docs_make(struct search_docs *, const struct stored *,
    struct search_doc *, struct err *);

#endif
