/*
 * authorise.h - the policy table applied to a principal and a record.
 */
#ifndef SERVICE_AUTHORISE_H
#define SERVICE_AUTHORISE_H

#include "domain/policy.h"
#include "service/context.h"

/* Does the record belong to the caller's body: owned by it, about it (its own
 * Organisation) or of it (organisation_id)?  NULLs and "" match nothing. */
bool principal_owns(const struct principal *, const char *owner,
    Resopro__V1__Kind, const char *id, const char *organisation_id);

/* What a record of this kind is to the policy (0: nothing that has an owner). */
enum subject authorise_subject(Resopro__V1__Kind);

/* The row that decides for this method and kind (0: none), or NULL. */
const struct policy_row *authorise_row(const char *method, Resopro__V1__Kind);

/* May `who` call `method` on a record of `kind` (0: none)?  -1 with ERR_DENIED,
 * the row's name and what would help. */
int authorise(const struct principal *who, const char *method,
    Resopro__V1__Kind kind, bool own, struct err *);

/* The same for a record as it is stored. */
int authorise_stored(const struct principal *who, const char *method,
    const struct stored *, struct err *);
int authorise_record(const struct principal *who, const char *method,
    const Resopro__V1__Record *, struct err *);

/* Could some role of the caller call it at all?  For admission, before any
 * request is read. */
int authorise_method(const struct principal *, const char *method,
    struct err *);

/* The agency's hand: may change the fields that only the agency owns. */
bool principal_is_agency(const struct principal *);

#endif
