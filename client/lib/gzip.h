/* gzip.h - grpc-encoding: gzip, a message at a time.  Thread: any. */
#ifndef CLIENT_GZIP_H
#define CLIENT_GZIP_H

#include <resopro/error.h>

#include "wire/buf.h"

/* Append to `out`.  Fails: -1, RSP_ERR_NOMEM. */
int rsp_gzip(const uint8_t *, size_t len, struct buf *out, struct rsp_error *);

/* The same back; at most `max` bytes come out, whatever goes in.
 * Fails: -1, RSP_INTERNAL (no gzip), RSP_RESOURCE_EXHAUSTED, RSP_ERR_NOMEM. */
int rsp_gunzip(const uint8_t *, size_t len, size_t max, struct buf *out,
    struct rsp_error *);

#endif
