/*
 * claims.h - keys that one active record has: a SIRET.  What another record of
 * the same owner has is refused; what another owner's has is refused too, and
 * is a claim, from which a dispute is opened (disputes.h) once the refusal is
 * certain.
 */
#ifndef SERVICE_CLAIMS_H
#define SERVICE_CLAIMS_H

#include <stddef.h>

#include "resopro/v1/types.pb-c.h"
#include "store/store.h"

struct put;
struct put_company;
struct write;

struct claim {
	char dispute[STORE_ID_MAX + 1]; /* id of the dispute that it opens */
	char holder[STORE_ID_MAX + 1];  /* id of the record that has it */
	Resopro__V1__Kind kind;
	const char *siret;
	const Resopro__V1__Claim *claimant; /* in the write's arena */
};

/* Of one write: disputes that it would open beyond these wait for the next. */
#define CLAIMS_MAX 100
struct claims {
	struct claim *list; /* in the write's arena */
	size_t n;
	char named[STORE_ID_MAX +
		   1]; /* the dispute of the last refusal, or "" */
};

/*
 * May the record have the unique values that it bears?  -1 with *e: TAKEN,
 * DISPUTED (and, where no dispute is open yet, one more of the write's claims)
 * or DISPUTE_RESOLVED.
 */
int claims_check(const struct put *, struct write *, struct view *,
    const struct put_company *, struct err *);

#endif
