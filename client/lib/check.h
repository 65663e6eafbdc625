/*
 * check.h - protobuf bytes from outside, before protobuf-c sees them: it checks
 * neither UTF-8 nor NUL, depth or memory.
 *
 * Pure.  Thread: any.
 */
#ifndef CLIENT_CHECK_H
#define CLIENT_CHECK_H

#include <protobuf-c/protobuf-c.h>

#include <resopro/error.h>

/*
 * Would these bytes unpack, in about `memory` bytes at most?
 * Fails: -1 with RSP_INTERNAL (reason MALFORMED, WIRE_TYPE, DEPTH, UTF8, NUL;
 *        names the field), RSP_RESOURCE_EXHAUSTED (MESSAGE_MEMORY).
 */
int rsp_check(const ProtobufCMessageDescriptor *, const uint8_t *, size_t len,
    size_t memory, struct rsp_error *);

#endif
