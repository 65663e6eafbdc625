/*
 * writer.h - the thread that orders proposals and commits them: the local
 * engine of the log.  Another engine (a consensus log) would replace this file
 * behind the same four functions; apply() stays.
 * For this folder only.
 */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/tables.h"

struct writer;

struct writer_opts {
	const struct tables *tables;
	size_t quota_bytes, request_ids;
	unsigned max_batch;
	/* Writer thread, after each group commit and before its answers. */
	void (*moved)(struct store *, const struct head *);
	struct store *store;
};

/* Start the thread.  It rebuilds its memory of request ids from the log
 * before it takes the first proposal. */
struct writer *writer_start(const struct writer_opts *, struct err *);
void writer_propose(struct writer *, struct proposal *); /* any thread */
/* Take no more, finish what is queued, end the thread, free.  Blocks. */
void writer_stop(struct writer *);

struct writer_counts {
	uint64_t commits, batches, proposals, refused, replayed;
	uint64_t commit_us_total, commit_us_max;
	size_t used_bytes;
	bool writes_refused;
};
void writer_counts(struct writer *, struct writer_counts *); /* any thread */

#endif
