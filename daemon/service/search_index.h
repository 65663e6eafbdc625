/*
 * search_index.h - the index that Search reads: one for all workers, kept by a
 * thread of its own.
 *
 * It is made of immutable parts (domain/text_index.h).  A reader takes the set
 * of parts of the moment and lets go of it; the thread makes new sets beside
 * it.  So all workers share one copy in memory, no loop ever indexes, and a
 * start does not wait.  The thread works once the log has been still for a
 * moment, or at once when somebody waits: a flood of writes costs nothing.
 *
 * Memory: that of text_index.h; while two parts are joined, both and the new
 * one.  Nothing of it is on disk: it is read again from the records at start,
 * 100,000 of them in about half a second.
 */
#ifndef SERVICE_SEARCH_INDEX_H
#define SERVICE_SEARCH_INDEX_H

#include "base/loop.h"
#include "domain/text_index.h"
#include "service/catalog.h"
#include "store/store.h"

struct search_index;

/* Owns: the caller's until search_index_free(), which goes before the store's
 * end and after that of all who use it.  Fails: ERR_NOMEM.  Does not block. */
struct search_index *search_index_new(struct store *, struct catalog *,
    struct err *);
void search_index_free(struct search_index *); /* NULL is a no-op; blocks */

/* The catalog was replaced: everything is indexed again.  Any thread. */
void search_index_set_catalog(struct search_index *, struct catalog *);

/* The log has grown.  Any thread, NULL is a no-op; costs next to nothing. */
void search_index_moved(struct search_index *);

/* ---- reading ------------------------------------------------------------------ */

struct search_view; /* the index at one revision */

/* That of the moment, if it is made of the newest catalog and is not older than
 * `revision`; one reference.  NULL: wait for it.  Any thread. */
struct search_view *search_index_view(struct search_index *, uint64_t revision);
void search_view_unref(struct search_view *); /* NULL is a no-op */

uint64_t search_view_revision(const struct search_view *);
struct catalog *search_view_catalog(const struct search_view *);
size_t search_view_parts(const struct search_view *);
struct text_part search_view_part(const struct search_view *, size_t i);

struct search_wait { /* embed it; yours again once the task runs */
	struct loop_task task;
	struct loop *loop;
	uint64_t revision;
	/* Then: the view, one reference; NULL and why. */
	struct search_view *view;
	struct err err;
	struct search_wait *next;
};
/* Post the task on the loop once there is such a view, or there will be none.
 * Always posted, within the time that indexing takes. */
void search_index_wait(struct search_index *, struct search_wait *);

#endif
