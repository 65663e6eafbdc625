/*
 * sync_marks.h - what the records of one set claim of the register: values
 * that nobody else may hold, and records that must be there.
 */
#ifndef SERVICE_SYNC_MARKS_H
#define SERVICE_SYNC_MARKS_H

#include "resopro/v1/types.pb-c.h"
#include "service/sync_set.h"

struct sync_mark {
	/* The unique field; NULL: the record `value` is referred to. */
	const char *field;
	Resopro__V1__Kind kind;
	const char *value;
	struct sync_item *item; /* the first that said so */
};

struct sync_marks {
	struct sync_mark *list;
	uint32_t n, cap;
	uint32_t *slots; /* open addressing; position in `list` + 1 */
	uint32_t mask;
};

/*
 * Note it, unless it is there; the first that is there stays, and *first is
 * it.  `field` is borrowed, `value` copied.  All in one arena.
 * -1: no memory.
 */
int sync_marks_add(struct sync_marks *, struct arena *, const char *field,
    Resopro__V1__Kind, const char *value, struct sync_item *,
    const struct sync_mark **first);

/* NULL: there is none. */
const struct sync_mark *sync_marks_find(const struct sync_marks *,
    const char *field, Resopro__V1__Kind, const char *value);

#endif
