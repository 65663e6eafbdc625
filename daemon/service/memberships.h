/* memberships.h - titles: the methods of resopro.v1.Memberships and the rule
 * that every new title meets. */
#ifndef SERVICE_MEMBERSHIPS_H
#define SERVICE_MEMBERSHIPS_H

#include "service/put.h"

extern const struct rpc_method memberships_methods[];

/* Dates in order; no overlap with the same title of the same body and site. */
int memberships_check(const struct put *, struct write *, struct view *,
    struct err *);

/* Does the body hold a title on this date ("YYYY-MM-DD")?  1, 0, -1. */
int memberships_holds_any(struct view *, const char *organisation_id,
    const char *date, struct err *);

#endif
