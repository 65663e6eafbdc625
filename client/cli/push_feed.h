/*
 * push_feed.h - the messages of one set, in their order: a start, batches, an
 * end; from the member's files, or as they were kept in a spool.
 *
 * Byte for byte the same each time: a request id means one content.
 *
 * Thread: one.  Blocks: on the files.
 */
#ifndef CLI_PUSH_FEED_H
#define CLI_PUSH_FEED_H

#include <resopro/error.h>
#include <stdio.h>

#include "push_check.h"

struct push_feed;

/* Borrows all of them until push_feed_free().  NULL without memory. */
struct push_feed *push_feed_files(struct push_files *,
    const struct push_check *, const Resopro__V1__SyncStart *);

/* Messages one after another in a file, each after its length (32 bits, big
 * endian), up to a length of 0; from where the file stands now. */
struct push_feed *push_feed_spooled(FILE *);

void push_feed_free(struct push_feed *); /* NULL is allowed */

/* Begin at the start again. */
void push_feed_rewind(struct push_feed *);

/*
 * The next message; *request is the feed's, until the next call.
 * Returns 1; 0 after the end; -1 with RSP_ERR_CONFIG when a file changed since
 * it was checked, or is damaged.
 */
int push_feed_next(struct push_feed *, const Resopro__V1__SyncRequest **request,
    struct rsp_error *);

/* Records given so far. */
uint32_t push_feed_records(const struct push_feed *);

#endif
