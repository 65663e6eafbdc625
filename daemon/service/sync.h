/*
 * sync.h - one Sync stream: its state, and the steps from its records to a
 * plan.  For the sync*.c files.
 *
 *	sync.c		the stream: what comes, and what is done when
 *	sync_plan.c	one record: identified, compared, planned
 *	sync_scope.c	what the set covers, and what it retires
 *	sync_check.c	the set against itself and the register; its verdict
 *	sync_emit.c	in the writer: one commit, or the refusal
 *	sync_answer.c	the plan and the result, also of a repeated request
 */
#ifndef SERVICE_SYNC_H
#define SERVICE_SYNC_H

#include "service/put.h"
#include "service/sync_marks.h"
#include "service/sync_set.h"
#include "service/write.h"

#define SYNC_CREATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_CREATE
#define SYNC_UPDATE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UPDATE
#define SYNC_UNCHANGED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNCHANGED
#define SYNC_RETIRE RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_RETIRE
#define SYNC_REFUSED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_REFUSED
#define SYNC_DEFERRED RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_UNSPECIFIED

enum sync_state {
	SYNC_READING,   /* batches come */
	SYNC_PLANNING,  /* the end has come; the set is worked through */
	SYNC_WRITING,   /* with the store: its done() frees it */
	SYNC_RECALLING, /* repeated: the first answer is read from the log */
	SYNC_ANSWERING, /* the plan is being sent */
};

/* Where a walk over many records stands between two turns of the loop. */
struct sync_walk {
	unsigned kind; /* position in schema_all() */
	bool started;
	char key[STORE_INDEX_KEY_MAX + 1];
	char id[STORE_ID_MAX + 1];
};

struct sync {
	struct write write;    /* first */
	struct loop_task step; /* PLANNING, RECALLING: the next slice */
	struct timer idle;     /* READING: the client must go on */
	enum sync_state state;
	bool counted; /* in service->syncs */
	size_t held;  /* counted in service->sync_bytes */

	/* SyncStart, copied: */
	const char *owner, *source;
	bool full, dry_run, accept_valid, show_unchanged, agency;
	uint32_t confirm_retire;
	unsigned kinds; /* bit a Kind */
	/* SyncScope: register ids, own ids; sorted.  Both empty: everything. */
	struct names scope_ids, scope_sources;

	struct sync_set set;
	struct sync_marks marks; /* unique values and references of the set */
	struct arena *scratch;   /* one record at a time */
	/* Changes up to this revision have been seen to leave the plan true. */
	uint64_t planned;
	uint64_t checked; /* head at the first check of this pass */
	uint32_t received;

	/* PLANNING: */
	unsigned stage;        /* of sync_work() */
	uint32_t next;         /* the stage's position in the set */
	struct sync_walk walk; /* retirements */
	uint32_t existing;     /* in the scope of a FULL set */
	struct names coming, leaving;
	uint32_t refused_late; /* in this pass of checks */
	unsigned passes;

	Resopro__V1__SyncResult result;
	struct err refusal; /* code set: the set is refused as a whole */

	/* RECALLING: */
	struct mutation_iter recall;
	uint32_t sent; /* ANSWERING: items looked at */
};

/* ---- records ---------------------------------------------------------------- */

/* One record of the stream: identified, compared, planned or deferred. */
int sync_take(struct sync *, struct view *, const Resopro__V1__SyncRecord *,
    struct err *);

/* A slice of those that waited for others of the set.  1: there are more. */
int sync_take_deferred(struct sync *, struct view *, struct err *);

/* The register's id of the member's own identifier, or "". */
int sync_known_id(struct sync *, struct view *, Resopro__V1__Kind,
    const char *source_id, char id[STORE_ID_MAX + 1], struct err *);

/* Refuse one item.  -1 only when there is no memory. */
int sync_refuse(struct sync *, struct sync_item *, const char *field,
    const char *reason, const char *message, const char *remedy, struct err *);
/* With what put_* said of it. */
int sync_refuse_as(struct sync *, struct sync_item *, const struct err *why,
    struct err *);
int sync_no_room(struct err *); /* -1 */

/* ---- scope ------------------------------------------------------------------ */

/* Take SyncScope from the start. */
int sync_scope_read(struct sync *, struct view *,
    const Resopro__V1__SyncScope *, struct err *);

/* False: it lies outside.  `with`: the member's own references, or NULL. */
bool sync_scope_has(const struct sync *, const Resopro__V1__Record *,
    const Resopro__V1__SyncRecord *with);

/* FULL: the set is all there is under (owner, source). */
bool sync_scope_whole(const struct sync *);

/* SyncRecord.retire. */
int sync_take_retirement(struct sync *, struct view *, struct sync_item *,
    const Resopro__V1__Record *, struct err *);

/* FULL: a slice of what the register has in the scope and the set has not.
 * 1: there are more. */
int sync_plan_retirements(struct sync *, struct view *, struct err *);

/* ---- checks ----------------------------------------------------------------- */

/* A record that will be written: its unique values and what it refers to. */
int sync_mark(struct sync *, struct sync_item *, const Resopro__V1__Record *,
    struct err *);

/* References and unique keys of a slice of items; 1: there are more.  With
 * accept_valid all are looked at again until none is refused any more. */
int sync_check_slice(struct sync *, struct view *, struct err *);

/* References and unique keys of one; *why is the refusal. */
int sync_check_change(struct sync *, struct view *, const struct sync_item *,
    struct err *why);

/*
 * Has anybody changed, meanwhile, what the plan takes for granted?  Looks at
 * the commits after `planned`, at most `most` of them.
 * 1: there are more; 0: none; -1: ERR_CONFLICT, or worse.
 */
int sync_catch_up(struct sync *, struct view *, unsigned most, struct err *);

/* Count, and decide whether the set is refused as a whole. */
void sync_judge(struct sync *);

/* ---- the end ---------------------------------------------------------------- */

/* Writer thread: emit it all. */
int sync_emit(struct sync *, struct decision *, struct err *);

/* A slice of the first answer of a repeated request.  1: there is more. */
int sync_recall_start(struct sync *, struct view *, struct err *);
int sync_recall_slice(struct sync *, struct view *, struct err *);

/* Send the plan as fast as it is taken, then the result; frees it. */
void sync_answer_start(struct sync *);
void sync_answer_go_on(struct sync *);

/* How much memory it holds now, for the limit of all. */
void sync_account(struct sync *);
void sync_free(struct sync *);
/* End the call with this error, and free. */
void sync_fail(struct sync *, const struct err *);

#endif
