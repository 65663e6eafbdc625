/*
 * store.h - the log and its fold: durable, ordered, checked.  Hides LMDB.
 *
 * Every change is a commit: a revision (+1 each), a time, an actor, a request
 * id, a method and its mutations.  The log of commits is the truth; the
 * record table, the indexes and the confirmations are its fold, written by
 * nothing but apply() in the same LMDB transaction as the commit itself.
 * The store knows bytes, keys and revisions; what a label is, it does not.
 *
 * Threads: the store owns one writer thread.  A reader belongs to one thread.
 * Everything else says so where it differs.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "wire/err.h"

struct store;

#define STORE_ID_MAX 80         /* bytes of a record id, no NUL */
#define STORE_REQUEST_ID_MIN 16 /* bytes of a request id */
#define STORE_REQUEST_ID_MAX 64
#define STORE_INDEX_KEY_MAX 300 /* bytes of an index key, no NUL */
#define STORE_HASH_LEN 32       /* SHA-256 */

struct bytes { /* borrowed, never NUL-terminated by promise */
	const uint8_t *data;
	size_t len;
};

/* ---- schema: how records give index keys ------------------------------ */

struct index_sink;
/* Add key `key` of index `index` (1..255) for the record being indexed.
 * The order of calls does not matter; a key given twice counts once.
 * Fails: ERR_INVALID when the key is too long or holds a NUL. */
int index_emit(struct index_sink *, uint8_t index, const char *key, size_t len,
    struct err *);

struct store_schema {
	/* Changes whenever `index` would give other keys for the same bytes:
	 * the store then rebuilds its indexes from the records at open. */
	uint32_t index_version;
	/* Deterministic, reads no clock, no I/O.  Runs on the writer thread,
	 * and on the opening thread while refolding. */
	int (*index)(uint8_t kind, const char *id, struct bytes record,
	    struct index_sink *, struct err *);
};

/* ---- open and close ---------------------------------------------------- */

struct store_opts {
	const char *dir;    /* created (0700) if absent */
	size_t map_bytes;   /* address space reserved, sparse */
	size_t quota_bytes; /* writes refused beyond; 0: map minus a reserve */
	size_t request_ids; /* replays remembered; 0: 200,000 */
	unsigned max_readers; /* threads and jobs; 0: 126 */
	unsigned max_batch;   /* proposals a group commit takes; 0: 4096 */
	bool read_only;       /* no writer thread; for verify and tools */
	bool create;          /* false: absent directory is an error */
	const struct store_schema *schema;
};

/*
 * Open the store, take its lock, check its format, rebuild the request-id map
 * from the log's tail and start the writer thread.
 * Owns:   the result is the caller's, until store_close().
 * Fails:  ERR_IO (directory, permission, disk), ERR_CONFLICT (another daemon
 *         holds it; the message tells its pid), ERR_CORRUPT (format, checksum),
 *         ERR_NOT_FOUND (absent and not `create`).  The message names `dir`.
 * Blocks: yes; call it before the loops start.
 */
struct store *store_open(const struct store_opts *, struct err *);

/* Finish the queued proposals, stop the writer, close.  Every reader must be
 * freed before.  NULL is a no-op.  Blocks. */
void store_close(struct store *);

struct store_stats {
	uint64_t head_revision, oldest_revision;
	int64_t head_time_ns; /* of the head commit; 0 when empty */
	uint64_t records;     /* live, all kinds */
	size_t used_bytes, quota_bytes, map_bytes;
	uint64_t commits, batches, proposals, refused,
	    replayed;                            /* since open */
	uint64_t commit_us_total, commit_us_max; /* fsync included */
	unsigned format;
	bool writes_refused; /* quota, disk full or broken, right now */
};
/* Any thread; does not block. */
void store_stats(struct store *, struct store_stats *);

/* The newest revision on disk: what a view taken from now on shows at least.
 * Any thread; costs one load. */
uint64_t store_head(const struct store *);

/* Touch every page of the file once so that later reads find it in the page
 * cache.  Blocks for long: run it on a job thread.  Stops early when *stop. */
int store_prefault(struct store *, const bool *stop, struct err *);

/* ---- reading ----------------------------------------------------------- */

struct reader; /* one thread's eyes on the store */
struct view;   /* one snapshot */

struct reader *reader_new(struct store *, struct err *);
void reader_free(struct reader *); /* NULL is a no-op */

/* The snapshot of now.  Cheap when one is already open: the same one is given
 * until reader_release().  Borrowed bytes live until reader_release().
 * A view never lives across two turns of a loop: the turn's end releases. */
struct view *reader_view(struct reader *, struct err *);
void reader_release(struct reader *);

uint64_t view_revision(const struct view *); /* head in this snapshot */
uint64_t view_oldest(const struct view *);   /* oldest readable revision */

struct stored { /* a record as it stands in a snapshot; all borrowed */
	uint8_t kind;
	char id[STORE_ID_MAX + 1];
	bool deleted;      /* a tombstone: `record` is empty */
	uint64_t version;  /* 1.. of this record */
	uint64_t revision; /* of its last change */
	uint64_t created_revision;
	int64_t confirmed_ns; /* explicit confirmation, or 0 */
	struct bytes record;
	uint64_t prev_revision; /* of the change before, or 0 */
	uint32_t prev_offset;   /* internal: where in that commit */
	uint32_t offset;        /* internal: where in `revision` */
};

/* 1 found (tombstones too), 0 absent, -1 error (ERR_CORRUPT: checksum). */
int view_get(struct view *, uint8_t kind, const char *id, struct stored *,
    struct err *);

/* As it stood once `revision` was applied.  1, 0 (not yet created), -1.
 * Fails: ERR_COMPACTED when the chain leaves the log. */
int view_get_as_of(struct view *, uint8_t kind, const char *id,
    uint64_t revision, struct stored *, struct err *);

/* The change before the one that `s` shows, in place.  1, 0 (that was the
 * first), -1.  Walks a record's history backwards. */
int view_previous(struct view *, struct stored *s, struct err *);

/* Last revision whose commit time is <= time_ns; 0 when none. */
int view_revision_at(struct view *, int64_t time_ns, uint64_t *revision,
    struct err *);

/* When were all records of `scope` last confirmed at once (ns), or 0. */
int64_t view_scope_confirmed(struct view *, const char *scope, size_t len);

/* Walk the records of one kind by id, tombstones included, from the first id
 * > `after` ("" or NULL: from the start).  Stop by returning 0; -1 fails with
 * *e set; 1 goes on.  `seen` must not write. */
typedef int record_fn(const struct stored *, void *arg, struct err *);
int view_each(struct view *, uint8_t kind, const char *after, record_fn *seen,
    void *arg, struct err *);

/* Walk the ids whose index key has the prefix `key`, in (key, id) order, from
 * the first strictly after (after_key, after_id); NULLs: from the start. */
typedef int index_fn(const char *key, size_t key_len, const char *id, void *arg,
    struct err *);
int view_each_index(struct view *, uint8_t index, const char *key,
    size_t key_len, const char *after_key, const char *after_id, index_fn *seen,
    void *arg, struct err *);

/* ---- the log ----------------------------------------------------------- */

enum mutation_op {
	MUTATION_PUT = 1,           /* create or replace */
	MUTATION_DELETE = 2,        /* leave a tombstone */
	MUTATION_CONFIRM = 3,       /* still true: moves confirmed_ns only */
	MUTATION_CONFIRM_SCOPE = 4, /* `id` is the scope; kind is 0 */
};

struct mutation {
	enum mutation_op op;
	uint8_t kind;
	char id[STORE_INDEX_KEY_MAX + 1];
	uint64_t version;       /* after */
	uint64_t prev_revision; /* this record's change before, or 0 */
	uint32_t prev_offset;
	uint32_t offset;     /* of this mutation in its commit */
	struct bytes record; /* after; empty but for PUT */
};

struct commit { /* borrowed from the view */
	uint64_t revision;
	int64_t time_ns;         /* wall clock, never decreasing */
	struct bytes actor;      /* account id */
	struct bytes request_id; /* as the client chose it, or empty */
	struct bytes method;     /* "/resopro.v1.Registry/Put" */
	struct bytes note;       /* the writer's own, e.g. a summary */
	uint8_t body_hash[STORE_HASH_LEN]; /* of the request, with request_id */
	uint8_t prev_hash[STORE_HASH_LEN]; /* SHA-256 of the commit before */
	uint32_t mutations;
	struct bytes encoded;
};

/* 1, 0 (beyond the head), -1 (ERR_COMPACTED, ERR_CORRUPT). */
int view_commit(struct view *, uint64_t revision, struct commit *,
    struct err *);

struct mutation_iter {
	struct bytes rest;
	uint32_t offset, left;
};
void mutation_first(const struct commit *, struct mutation_iter *);
/* 1, 0 (end), -1 (ERR_CORRUPT). */
int mutation_next(struct mutation_iter *, struct mutation *, struct err *);
/* The one at an offset that a `prev_offset` names. */
int store_mutation_at(const struct commit *, uint32_t offset, struct mutation *,
    struct err *);

/* Call `moved` on `loop` (by loop_post) after each group commit; several
 * commits may come as one call.  Unsubscribe on the loop's own thread; no call
 * comes after.  Any thread may subscribe. */
struct store_watch;
typedef void moved_fn(struct store_watch *, uint64_t head, void *arg);
struct store_watch *store_watch_new(struct store *, struct loop *, moved_fn *,
    void *arg, struct err *);
void store_watch_free(struct store_watch *);

/* ---- writing ----------------------------------------------------------- */

struct decision; /* what one proposal may see and emit, in the writer */

/* The view sees every commit before this one, those of the same batch too. */
struct view *decision_view(struct decision *);
uint64_t decision_revision(const struct decision *); /* if accepted */
int64_t decision_time(const struct decision *);      /* ns, of the commit */

/* Emit mutations; at most one a record and commit (ERR_INTERNAL otherwise).
 * `record` is copied.  `if_version`: UINT64_MAX to not compare, else the
 * version expected before (0: absent); a tombstone is never revived.
 * Fails: ERR_CONFLICT (message and current version), ERR_EXISTS (tombstone:
 *        ids are never reused), ERR_NOT_FOUND (delete, confirm), ERR_LIMIT. */
#define ANY_VERSION UINT64_MAX
int decision_put(struct decision *, uint8_t kind, const char *id,
    uint64_t if_version, struct bytes record, struct err *);
int decision_delete(struct decision *, uint8_t kind, const char *id,
    uint64_t if_version, struct err *);
int decision_confirm(struct decision *, uint8_t kind, const char *id,
    struct err *);
int decision_confirm_scope(struct decision *, const char *scope, size_t len,
    struct err *);
/* Copied into the commit; what a replay needs to repeat its answer. */
int decision_note(struct decision *, struct bytes note, struct err *);

/*
 * One unit of work.  Embed it first in your own struct; it is yours again in
 * done().  Fill the top half, zero the rest.
 */
struct proposal {
	struct loop *origin; /* where done() runs; NULL: writer thread */
	const char *actor;   /* account id; lives until done() */
	const char *method;
	struct bytes request_id;           /* empty: no replay protection */
	uint8_t body_hash[STORE_HASH_LEN]; /* of the request body */
	/*
	 * Writer thread.  Check against the view, then emit; returning -1 (with
	 * *e) refuses and leaves nothing.  0 mutations and 0 returned: nothing
	 * is committed, `revision` is the head.  May run twice when a batch is
	 * retried one by one: it must not depend on what it did before.
	 */
	int (*decide)(struct proposal *, struct decision *, struct err *);
	/* Exactly once, on `origin`, after the commit is on disk or refused. */
	void (*done)(struct proposal *);

	/* Outcome, valid in done(): */
	struct err err;    /* code ERR_NONE: accepted */
	uint64_t revision; /* of the commit, or of the first answer */
	int64_t time_ns;
	bool replayed; /* this request id was answered before */

	struct loop_task task; /* the way back to `origin` */
	struct proposal *next; /* the queue's */
	bool cancelled;        /* store_cancel()'s, atomic */
};

/* Queue it.  Any thread; does not block.  Never fails: refusals (closing,
 * ERR_UNAVAILABLE; full, ERR_LIMIT) arrive through done(). */
void store_propose(struct store *, struct proposal *);

/* Nobody waits for it any more: unless it has begun by then, it is refused
 * (ERR_CANCELLED) and leaves nothing; done() comes in any case.  Any thread,
 * between store_propose() and done(). */
void store_cancel(struct proposal *);

/* Same request id, another body: ERR_EXISTS, reason REQUEST_ID_REUSED.  Same
 * body: `replayed` and the first revision, decide() is not called. */

/* ---- verify ------------------------------------------------------------ */

struct verify_report {
	uint64_t commits, records, index_keys;
	uint64_t head_revision;
	uint8_t head_hash[STORE_HASH_LEN];
};
/*
 * Check every checksum and the hash chain, refold the whole log into an empty
 * environment in `scratch_dir` (NULL: below the store's directory) and compare
 * it byte for byte with the state.  Uses its own snapshot: runs beside a live
 * writer.  Fails: ERR_CORRUPT naming the first revision, kind and id that
 * differ.  Blocks for long: job thread or tool.
 */
int store_verify(struct store *, const char *scratch_dir,
    struct verify_report *, struct err *);

#endif
