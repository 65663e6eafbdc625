/*
 * put.h - the rules of one record's replacement, shared by Put, Sync,
 * Memberships and Activities: shape before the writer, the rest inside it.
 */
#ifndef SERVICE_PUT_H
#define SERVICE_PUT_H

#include "service/write.h"

struct put {
	Resopro__V1__Record *record;	/* stripped, in the write's arena */
	struct bytes head;		/* packed; redone when fields are kept */
	uint64_t if_version;		/* or ANY_VERSION */
};

/*
 * Copy `record` into the write's arena, fill in its owner, check its shape.
 * -1 with *e; every violation is in w->violations.
 */
int put_prepare(struct put *, struct write *w,
    const Resopro__V1__Record *record, struct err *);

/*
 * Writer thread: rights, field ownership, references, unique keys, immutable
 * fields; then emit.  Fields of the agency that a member leaves empty are
 * kept; other values are refused by name.
 */
int put_decide_one(struct put *, struct write *, struct decision *,
    struct err *);

/* FAILED_PRECONDITION naming one live record that refers to this one. */
int put_check_unreferenced(struct view *, Resopro__V1__Kind, const char *id,
    struct err *);

#endif
