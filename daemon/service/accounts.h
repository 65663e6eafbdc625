/*
 * accounts.h - who may call: the accounts of the register in memory, one copy
 * a worker, refreshed when a commit touches one.  Certificates are found by
 * pin or by SAN URI, tokens by the hash of their secret.
 */
#ifndef SERVICE_ACCOUNTS_H
#define SERVICE_ACCOUNTS_H

#include <stdint.h>

#include "service/context.h"

struct peer;

struct accounts *accounts_new(struct err *);
void accounts_free(struct accounts *);

/* Read every account of the view.  -1 leaves the old table in place. */
int accounts_load(struct accounts *, struct view *, struct err *);

/* Grows by one with each load: cached identities compare it. */
uint64_t accounts_generation(const struct accounts *);

/*
 * The caller behind a certificate and/or an "authorization" header (NULL when
 * absent); a token wins over a certificate.  Fails: ERR_UNAUTHENTICATED with
 * the reason (NO_CREDENTIAL, ACCOUNT_UNKNOWN, ACCOUNT_DISABLED,
 * CERTIFICATE_REVOKED, CERTIFICATE_NOT_PINNED, TOKEN_UNKNOWN, TOKEN_EXPIRED).
 */
int accounts_identify(const struct accounts *, const struct peer *,
    const char *authorization, int64_t now_s, struct principal *, struct err *);

/* Is a principal found earlier still good? */
int accounts_recheck(const struct accounts *, const struct principal *,
    int64_t now_s, struct err *);

/* The principal that an account would be, whatever its credential.  Fails:
 * ERR_NOT_FOUND, ERR_UNAUTHENTICATED (disabled). */
int accounts_principal(const struct accounts *, const char *id,
    struct principal *, struct err *);

/* The account itself, or NULL.  Borrowed until the next load. */
const Resopro__V1__Account *accounts_find(const struct accounts *,
    const char *id);

#endif
