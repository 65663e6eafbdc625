/*
 * replay.h - which request ids were answered, and at which revision: a bounded
 * map of the newest, in memory, rebuilt from the log's tail.  The log itself
 * holds what they said.  Writer thread only.
 */
#ifndef STORE_REPLAY_H
#define STORE_REPLAY_H

#include "store/store.h"

struct replay_map;

struct replay_map *replay_new(size_t capacity, struct err *);
void replay_free(struct replay_map *); /* NULL is a no-op */

/* A revision that may hold this actor's request id, or 0.  Equal ids always
 * give it; another id hardly ever does (128-bit hash). */
uint64_t replay_find(const struct replay_map *, struct bytes actor,
    struct bytes request_id);

/* Remember the newest; the oldest falls out when full.  Cannot fail. */
void replay_add(struct replay_map *, struct bytes actor,
    struct bytes request_id, uint64_t revision);

/* Remember one older than all that are there, while rebuilding from the tail.
 * False: full. */
bool replay_add_older(struct replay_map *, struct bytes actor,
    struct bytes request_id, uint64_t revision);

/* Forget those added with replay_add() above this revision: their transaction
 * was aborted. */
void replay_forget_above(struct replay_map *, uint64_t revision);

#endif
