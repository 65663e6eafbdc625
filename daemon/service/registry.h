/*
 * registry.h - the methods of resopro.v1.Registry, and what they share.
 */
#ifndef SERVICE_REGISTRY_H
#define SERVICE_REGISTRY_H

#include "resopro/v1/registry.pb-c.h"
#include "service/context.h"
#include "wire/arena.h"

extern const struct rpc_method registry_methods[];

int registry_get(struct call *, const ProtobufCMessage *, struct err *);
int registry_batch_get(struct call *, const ProtobufCMessage *, struct err *);
int registry_list(struct call *, const ProtobufCMessage *, struct err *);
int registry_search(struct call *, const ProtobufCMessage *, struct err *);
void registry_search_closed(struct call *);
int registry_put(struct call *, const ProtobufCMessage *, struct err *);
int registry_delete(struct call *, const ProtobufCMessage *, struct err *);
int registry_confirm(struct call *, const ProtobufCMessage *, struct err *);
int registry_history(struct call *, const ProtobufCMessage *, struct err *);
int registry_sync(struct call *, const ProtobufCMessage *, struct err *);
int registry_sync_half_close(struct call *, struct err *);
void registry_sync_writable(struct call *);
void registry_sync_closed(struct call *);
int registry_watch(struct call *, const ProtobufCMessage *, struct err *);
void registry_watch_writable(struct call *);
void registry_watch_closed(struct call *);
int registry_freshness_counts(struct call *, const ProtobufCMessage *,
    struct err *);
void registry_freshness_counts_closed(struct call *);

/* A kind that the Registry serves, and an id of the right shape. */
int registry_check_name(Resopro__V1__Kind, const char *id, struct err *);

/* ERR_NOT_FOUND in words. Returns -1. */
int registry_not_found(Resopro__V1__Kind, const char *id, bool deleted,
    struct err *);

/* The revision that an AsOf means in this snapshot; 0: before the first. */
int registry_as_of(struct view *, const Resopro__V1__AsOf *, uint64_t *revision,
    struct err *);

/* As view_get() at a revision up to the head. */
int registry_read(struct view *, Resopro__V1__Kind, const char *id,
    uint64_t revision, struct stored *, struct err *);

/* Answer with { revision = 1; record = 2; }, copying the stored bytes.  The
 * clock is NULL in an answer that tells of the past. */
int registry_reply_record(struct call *, struct view *, const struct stored *,
    uint64_t revision, const struct lease_clock *);

/* The record with what its lease says, in arena memory. */
Resopro__V1__Record *registry_unpack(struct arena *, struct view *,
    const struct stored *, const struct lease_clock *, struct err *);

#endif
