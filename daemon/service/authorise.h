/*
 * authorise.h - the policy table applied to a principal and a record.
 */
#ifndef SERVICE_AUTHORISE_H
#define SERVICE_AUTHORISE_H

#include "service/context.h"

/* May `who` call `method` on a record of `kind` (0: none) of `owner` (NULL:
 * none)?  -1 with ERR_DENIED, the row's name and what would help. */
int authorise(const struct principal *who, const char *method,
    Resopro__V1__Kind kind, const char *owner, struct err *);

/* The agency's hand: may change the fields that only the agency owns. */
bool principal_is_agency(const struct principal *);

#endif
