/* stream.h - what retry.c needs of streams beyond <resopro/client.h>. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "call.h"

/* rsp_stream_open() with an instant (clock.h) instead of a duration. */
struct rsp_stream *rsp_stream_start(struct rsp_client *,
    const struct rsp_method *, int64_t deadline, struct rsp_error *);

#endif
