/*
 * referrals.h - Referrals: where to send a person, by which rule.
 *
 * The directory that answers is read in parts, a part a turn, from the start of
 * the worker on; a question that comes before it is whole waits for it.
 */
#ifndef SERVICE_REFERRALS_H
#define SERVICE_REFERRALS_H

#include "rpc/call.h"
#include "wire/err.h"

struct referrals;

extern const struct rpc_method referrals_methods[];

/* One a worker.  Owns: the caller's until referrals_free().  Fails: NOMEM. */
struct referrals *referrals_new(struct service *, struct err *);
/* After the last call.  NULL is a no-op. */
void referrals_free(struct referrals *);

/* Begin to read, from the next turn on. */
void referrals_start(struct referrals *);

#endif
