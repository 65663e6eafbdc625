/*
 * sync.h - one Sync stream: its state, and the steps from its records to a
 * plan.  For sync.c and sync_plan.c.
 */
#ifndef SERVICE_SYNC_H
#define SERVICE_SYNC_H

#include "service/put.h"
#include "service/sync_set.h"
#include "service/write.h"

enum sync_state {
	SYNC_READING,   /* batches come */
	SYNC_PLANNING,  /* the end has come; the set is worked through */
	SYNC_WRITING,   /* with the store: its done() frees it */
	SYNC_ANSWERING, /* the plan is being sent */
};

/* A unique value that a record of the set would hold. */
struct sync_claim {
	const char *field, *value;
	struct sync_item *item;
};

struct sync {
	struct write write;    /* first */
	struct loop_task step; /* PLANNING: the next slice */
	struct timer idle;     /* READING: the client must go on */
	enum sync_state state;
	bool counted; /* in service->syncs */

	/* SyncStart, copied: */
	const char *owner, *source;
	bool full, dry_run, accept_valid, show_unchanged, agency;
	uint32_t confirm_retire;
	unsigned kinds; /* bit a Kind */

	struct sync_set set;
	struct arena *scratch;   /* one record at a time, loop thread */
	uint64_t planned;        /* head when the first record was planned */
	uint32_t received, next; /* next: position of the slice */
	uint32_t existing;       /* in the scope of a FULL set */
	struct names coming, leaving;
	uint32_t refused_late; /* in this pass of sync_check_slice() */
	struct sync_claim *claims;
	size_t n_claims, cap_claims;
	Resopro__V1__SyncResult result;
	struct err refusal; /* code set: the set is refused as a whole */
	uint32_t sent;      /* items looked at while answering */
};

/* One record of the stream: identified, compared, planned or deferred. */
int sync_take(struct sync *, struct view *, const Resopro__V1__SyncRecord *,
    struct err *);

/* Those that waited for others of the set. */
int sync_take_deferred(struct sync *, struct view *, struct err *);

/* Two records of the set may not hold one unique value. */
int sync_check_claims(struct sync *, struct err *);

/* FULL: what the register has in the scope and the set has not. */
int sync_plan_retirements(struct sync *, struct view *, struct err *);

/* References and unique keys of a slice of items; true: there are more.  With
 * accept_valid all are looked at again until none is refused any more. */
bool sync_check_slice(struct sync *, struct view *, struct err *);

/* Count, and decide whether the set is refused as a whole. */
void sync_judge(struct sync *);

/* Writer thread: emit it all. */
int sync_emit(struct sync *, struct decision *, struct err *);

#endif
