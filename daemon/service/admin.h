/* admin.h - the methods of resopro.v1.Admin. */
#ifndef SERVICE_ADMIN_H
#define SERVICE_ADMIN_H

#include "service/context.h"

extern const struct rpc_method admin_methods[];

/* Wait for the job of this worker, if one runs.  Blocks. */
void admin_stop(struct service *);

/* In credentials.c: what changes accounts. */
int admin_put_account(struct call *, const ProtobufCMessage *, struct err *);
int admin_create_token(struct call *, const ProtobufCMessage *, struct err *);
int admin_revoke_token(struct call *, const ProtobufCMessage *, struct err *);
int admin_revoke_certificate(struct call *, const ProtobufCMessage *,
    struct err *);

#define KIND_ACCOUNT RESOPRO__V1__KIND__KIND_ACCOUNT

/* An account in arena memory: 1, 0 absent, -1. */
int admin_read_account(struct view *, struct arena *, const char *id,
    uint64_t revision, Resopro__V1__Account **, struct stored *, struct err *);
/* As it is served: without the hashes of its tokens. */
void admin_hide_secrets(Resopro__V1__Account *);

#endif
