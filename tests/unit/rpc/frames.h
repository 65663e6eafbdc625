/* frames.h - gRPC frames by hand, for the tests of rpc. */
#ifndef TESTS_RPC_FRAMES_H
#define TESTS_RPC_FRAMES_H

#include <stdlib.h>
#include <string.h>

#include "echo.h"
#include "wire/buf.h"
#include "wire/grpc.h"

static inline void
frame_bytes(struct buf *out, int flag, const void *bytes, size_t len)
{
	uint8_t prefix[GRPC_FRAME_LEN];

	grpc_frame_write(prefix, 0, (uint32_t)len);
	prefix[0] = (uint8_t)flag;
	buf_append(out, prefix, sizeof prefix);
	buf_append(out, bytes, len);
}

/* A google.rpc.Status, framed. */
static inline void
frame_status(struct buf *out, int code, const char *text)
{
	char *copy = strdup(text);
	Google__Rpc__Status s = echo_message(code, copy);
	size_t len = google__rpc__status__get_packed_size(&s);
	uint8_t *bytes = malloc(len + 1);

	google__rpc__status__pack(&s, bytes);
	frame_bytes(out, 0, bytes, len);
	free(bytes);
	free(copy);
}

/* Take the first frame of `from`: its message, to be freed by the caller;
 * NULL: there is none whole, or it is compressed. */
static inline Google__Rpc__Status *
frame_take(struct buf *from)
{
	Google__Rpc__Status *s;
	size_t len;

	if (buf_len(from) < GRPC_FRAME_LEN || buf_head(from)[0] != 0)
		return NULL;
	len = grpc_frame_length(buf_head(from));
	if (buf_len(from) < GRPC_FRAME_LEN + len)
		return NULL;
	s = google__rpc__status__unpack(NULL, len,
	    buf_head(from) + GRPC_FRAME_LEN);
	buf_take(from, GRPC_FRAME_LEN + len);
	return s;
}

static inline void
frame_drop(Google__Rpc__Status *s)
{
	google__rpc__status__free_unpacked(s, NULL);
}

#endif
