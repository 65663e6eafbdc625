/* stream.h - what unary.c and loop.c need of streams beyond <resopro/loop.h>.
 * Nothing here blocks. */
#ifndef CLIENT_STREAM_H
#define CLIENT_STREAM_H

#include "call.h"

/* End it where it has not, and delete it.  The server is told at the next
 * flush. */
void rsp_stream_drop(struct rsp_stream *);

/* The next whole message of what has come, or how the call ended after them.
 * TIMEOUT: neither yet. */
enum rsp_received rsp_stream_next(struct rsp_stream *, ProtobufCMessage **,
    struct rsp_error *);

#endif
