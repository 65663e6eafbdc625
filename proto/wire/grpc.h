/*
 * grpc.h - gRPC over HTTP/2 as bytes: status codes, the 5-byte frame, the
 * grpc-timeout and grpc-message headers, base64 of -bin headers.
 * Source: the gRPC protocol description (PROTOCOL-HTTP2), RFC 4648, RFC 3986.
 * Pure; any thread.
 */
#ifndef WIRE_GRPC_H
#define WIRE_GRPC_H

#include <stddef.h>
#include <stdint.h>

#include "wire/err.h"

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
	GRPC_STATUS_COUNT
};

const char *grpc_status_name(unsigned status); /* "NOT_FOUND"; "UNKNOWN" */
enum grpc_status grpc_status_of(enum err_code);

#define GRPC_FRAME_LEN 5 /* compressed flag, big-endian length */
void grpc_frame_write(uint8_t out[GRPC_FRAME_LEN], int compressed,
    uint32_t len);
uint32_t grpc_frame_length(const uint8_t in[GRPC_FRAME_LEN]);

/* "250m" -> nanoseconds; 1 to 8 digits and one of H M S m u n.
 * -1 when malformed. */
int grpc_timeout_parse(const char *, size_t len, int64_t *ns);
/* The other way, rounded up to milliseconds; `out` holds 16 bytes. */
void grpc_timeout_format(int64_t ns, char out[16]);

/* grpc-message: printable ASCII but '%' stays, the rest is %XX.  The length
 * written, cut so that `cap` holds it with a NUL. */
size_t grpc_message_encode(const char *text, char *out, size_t cap);
size_t grpc_message_decode(const char *in, size_t len, char *out, size_t cap);

/* Without padding, as gRPC sends it; both paddings are read.  `out` holds
 * 4 * ((len + 2) / 3) + 1, or 3 * (len / 4) + 3.  Decode: -1 malformed. */
size_t base64_encode(const uint8_t *in, size_t len, char *out);
int base64_decode(const char *in, size_t len, uint8_t *out, size_t *out_len);

#endif
