/*
 * disputes.h - two owners who claim one SIRET: the record of it, how it opens
 * and ends; Ownership.ResolveDispute and WithdrawDispute.
 */
#ifndef SERVICE_DISPUTES_H
#define SERVICE_DISPUTES_H

#include "service/write.h"

/* The id of the dispute about a SIRET between two owners, in either order. */
void disputes_id(char out[STORE_ID_MAX + 1], Resopro__V1__Kind,
    const char *siret, const char *owner, const char *other);

/* The dispute of this id, in the arena; 1, 0 there is none, -1. */
int disputes_read(struct view *, struct arena *, const char *id,
    Resopro__V1__Record **, struct err *);

/* The one, if any, by which the agency gave the SIRET to another than this
 * owner.  1, 0, -1. */
int disputes_lost(struct view *, struct arena *, Resopro__V1__Kind,
    const char *siret, const char *owner, Resopro__V1__Record **, struct err *);

/* Writer thread: open what the write's claims ask for and is not open. */
int disputes_open(struct write *, struct decision *, struct err *);

/* Writer thread: a record is written; a dispute in which its owner claimed the
 * SIRET that it bears is settled. */
int disputes_settle(struct decision *, struct arena *, Resopro__V1__Kind,
    struct bytes head, struct err *);

/* Handlers. */
int disputes_resolve(struct call *, const ProtobufCMessage *, struct err *);
int disputes_withdraw(struct call *, const ProtobufCMessage *, struct err *);

#endif
