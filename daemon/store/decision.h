/* decision.h - what one proposal emits, before it is applied.  For this
 * folder only; the writer's thread. */
#ifndef STORE_DECISION_H
#define STORE_DECISION_H

#include "store/view.h"

struct decision {
	struct view view; /* of the write transaction */
	uint64_t revision;
	int64_t time_ns;
	struct buf mutations; /* encoded */
	uint32_t count;
	struct buf note;
};

/* Ready for the next proposal; memory is kept. */
void decision_reset(struct decision *, uint64_t revision, int64_t time_ns);
void decision_free(struct decision *);

/* The commit of what was emitted; -1: no memory. */
int decision_encode(struct decision *, const struct proposal *,
    const uint8_t prev_hash[STORE_HASH_LEN], struct buf *out);

#endif
