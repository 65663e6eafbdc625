/*
 * put.h - the rules of one record's replacement, shared by Put, Sync,
 * Memberships and Activities: shape and a first merge on the worker, the rest
 * inside the writer.
 */
#ifndef SERVICE_PUT_H
#define SERVICE_PUT_H

#include "service/names.h"
#include "service/write.h"

struct put {
	struct arena *arena; /* of what follows; NULL: the write's */
	const Resopro__V1__Record *asked; /* stripped */
	Resopro__V1__Record *record;      /* the same, merged */
	uint64_t if_version;              /* or ANY_VERSION */
	/* A push by the agency on a record of another owner: only the agency's
	 * fields are taken, the member's are kept. */
	bool agency_fields_only;
	/* The pushing body takes the record into its own scope (Sync). */
	bool adopt;

	/* What put_merge() found out: */
	struct bytes head; /* packed */
	uint64_t seen;     /* version that it was merged with */
	bool exists, unchanged;
	int64_t created_ns; /* of the record that exists; 0: not known yet */
	/* What put_emit() wrote, at which revision and time. */
	struct bytes written;
	uint64_t revision;
	int64_t time_ns;
};

/* Other changes of the same commit. NULLs: none. */
struct put_company {
	const struct names *coming;  /* created or kept: may be referred to */
	const struct names *leaving; /* retired: refer to nothing any more */
};

/*
 * Copy `record` into the write's arena and check its shape.
 * -1 with *e; every violation is in w->violations.
 */
int put_prepare(struct put *, struct write *w,
    const Resopro__V1__Record *record, struct err *);
/* The same without a copy: the record, and all that it points to, outlives the
 * put and does not change. */
int put_take(struct put *, struct write *w, const Resopro__V1__Record *record,
    struct err *);

/*
 * Complete the record with what the register knows (owner, source, fields that
 * the caller does not own), check rights and immutable fields, pack it.
 * Any thread, with a view of its own.
 */
int put_merge(struct put *, struct write *, struct view *, struct err *);

/*
 * put_merge() ahead of the writer, to spare it the work.  Where that refuses a
 * request that has an id, the writer is left to say so: it knows whether the
 * request was answered before, when the register was another.
 */
int put_merge_early(struct put *, struct write *, struct view *, struct err *);

/* What depends on other records: references, unique keys, rules of the kind. */
int put_check_others(const struct put *, struct write *, struct view *,
    const struct put_company *, struct err *);

/* Writer thread: emit the merged record, its version and dates appended. */
int put_emit(struct put *, struct decision *, struct err *);

/* Writer thread: a record that the register itself changes or makes, as it is
 * to be; it is stripped.  At most one version a commit. */
int put_replace(struct decision *, struct arena *, Resopro__V1__Record *,
    struct err *);

/* Writer thread: the three above; merges again if the record moved.  What is
 * unchanged is confirmed and keeps its version. */
int put_decide_one(struct put *, struct write *, struct decision *,
    struct err *);

/* The id of the record that has this identifier of its owner's, or "". */
int put_source_holder(struct view *, Resopro__V1__Kind, const char *owner,
    const char *source, const char *source_id, char id[STORE_ID_MAX + 1],
    struct err *);

/* FAILED_PRECONDITION naming one live record that refers to this one and is
 * not leaving too (NULL: none is). */
int put_check_unreferenced(struct view *, Resopro__V1__Kind, const char *id,
    const struct names *leaving, struct err *);

/* Fail the call with every violation of the write, or with *e. Frees w. */
int put_refuse(struct call *, struct write *, struct err *);

#endif
