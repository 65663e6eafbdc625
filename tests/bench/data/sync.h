/* sync.h - the benchmark's records into a register, by Registry.Sync. */
#ifndef BENCH_SYNC_H
#define BENCH_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include <resopro/client.h>

#include "records.h"
#include "resopro/v1/registry.pb-c.h"

/* A set of records, made before it is sent. */
struct bench_set;

/* Sites first .. first + n - 1; `with_bodies`: the organisations and their
 * titles come before them.
 * Owns: the caller.  Fails: NULL, out of memory. */
struct bench_set *bench_set_sites(const struct bench_communes *, unsigned first,
    unsigned n, bool with_bodies);
void bench_set_free(struct bench_set *);

/* Send it as changes of BENCH_SOURCE, wait for the result.
 * Fails: -1, *e says why: the set was refused, or not sent.  Blocks. */
int bench_set_send(struct bench_set *, struct rsp_client *,
    struct rsp_error *e);

#endif
