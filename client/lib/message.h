/*
 * message.h - messages as gRPC frames them: five bytes, then protobuf, gzipped
 * or not.
 *
 * Thread: any.  Nothing here blocks.
 */
#ifndef CLIENT_MESSAGE_H
#define CLIENT_MESSAGE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include <resopro/error.h>

#include "wire/buf.h"
#include "wire/grpc_frame.h"

/* Append one framed message to `out`.
 * Fails: -1, `out` unchanged: RSP_RESOURCE_EXHAUSTED (more than `max` bytes),
 *        RSP_ERR_NOMEM. */
int rsp_frame_pack(const ProtobufCMessage *, bool gzip, size_t max,
    struct buf *out, struct rsp_error *);

/* Read one framed message; `gzip`: the answer's grpc-encoding.
 * Fails: NULL with RSP_INTERNAL, RSP_RESOURCE_EXHAUSTED, RSP_ERR_NOMEM. */
ProtobufCMessage *rsp_frame_unpack(const ProtobufCMessageDescriptor *,
    const struct grpc_frame *, bool gzip, size_t max, struct rsp_error *);

/* Does this request say who it is, so that repeating it is safe? */
bool rsp_message_has_request_id(const ProtobufCMessage *);

#endif
