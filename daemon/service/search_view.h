/*
 * search_view.h - how the sets of parts of search_index.h are made, one from
 * the one before.  For search_*.c only.
 */
#ifndef SERVICE_SEARCH_VIEW_H
#define SERVICE_SEARCH_VIEW_H

#include <stdatomic.h>

#include "service/search_index.h"

struct search_view *search_view_ref(struct search_view *);

/* One thread's; it reads the store with a reader of its own. */
struct search_maker;

/* `stop`: give up soon once it is set.  Fails: ERR_NOMEM, ERR_IO. */
struct search_maker *search_maker_new(struct store *, const atomic_bool *stop,
    struct err *);
void search_maker_free(struct search_maker *); /* NULL is a no-op */

/*
 * A view of the head of the log, with this catalog: from the commits since the
 * last one, or from every record the first time, with another catalog, and when
 * the log no longer goes back that far.  One reference, the caller's.
 * Fails:  ERR_CORRUPT, ERR_NOMEM, ERR_IO, ERR_CANCELLED (*stop).
 * Blocks: for as long as that takes.
 */
struct search_view *search_maker_advance(struct search_maker *,
    struct catalog *, struct err *);

#endif
