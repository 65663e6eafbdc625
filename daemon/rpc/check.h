/*
 * check.h - hostile protobuf bytes, before anything is unpacked: one pass that
 * bounds depth and memory, and checks what protobuf-c does not.
 *
 * Pure.  Thread: any.
 */
#ifndef RPC_CHECK_H
#define RPC_CHECK_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/err.h"

#define CHECK_DEPTH_MAX 32

/*
 * Would these bytes unpack to at most `memory` bytes, with valid UTF-8 and no
 * NUL in every string, wire types that fit the fields, no group and no more
 * than CHECK_DEPTH_MAX levels?  Unknown fields are counted and let through.
 * Only the lists of one message that is sent in many pieces, which protobuf-c
 * merges, may take more: unpack into an arena with a cap.
 * Fails: ERR_INVALID (names the field; reasons UTF8, NUL, WIRE_TYPE, MALFORMED,
 *        DEPTH), ERR_LIMIT (reason MESSAGE_MEMORY).
 */
int check_message(const ProtobufCMessageDescriptor *, const uint8_t *,
    size_t len, size_t memory, struct err *);

#endif
