/* sync.h - the benchmark's records into a register, by Registry.Sync. */
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include <resopro/client.h>

#include "records.h"
#include "resopro/v1/registry.pb-c.h"

/* One set: `n` records of which each is made when the set is made, so that
 * sending costs nothing but the sending. */
struct bench_set;

/* Sites first .. first + n - 1; every `changed`th of them in edition 1, the
 * others in edition 0; 0: none.  `with_bodies`: the organisations and their
 * titles come before them.
 * Owns: the caller.  Fails: NULL, out of memory. */
struct bench_set *bench_set_sites(const struct bench_communes *, unsigned first,
    unsigned n, unsigned changed, bool with_bodies);
void bench_set_free(struct bench_set *);

/* Send it, wait for the result: a whole set of `source` (FULL) or changes
 * (DELTA).  *result is the caller's: rsp_message_free().
 * Fails: -1, *e says why: the set was refused, or not sent.  Blocks. */
int bench_set_send(struct bench_set *, struct rsp_client *, const char *source,
    Resopro__V1__SyncMode, Resopro__V1__SyncResult **result,
    struct rsp_error *e);

#endif
