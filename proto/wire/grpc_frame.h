/*
 * grpc_frame.h - gRPC messages cut out of a byte stream that arrives in any
 * pieces.
 *
 * Thread: one at a time.  Nothing here blocks.
 */
#ifndef WIRE_GRPC_FRAME_H
#define WIRE_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/buf.h"
#include "wire/err.h"
#include "wire/grpc.h"

struct grpc_frame { /* one whole message; borrowed until the next feed */
	const uint8_t *data;
	size_t len;
	bool compressed;
};

struct grpc_frame_reader {
	size_t max;      /* bytes one message may have, as sent */
	struct buf body; /* grows as bytes arrive, never by what is announced */
	uint8_t prefix[GRPC_FRAME_LEN];
	unsigned got_prefix; /* 0..5 */
	uint32_t want;       /* bytes of the message being read */
	bool done;           /* body holds a message already handed out */
};

void grpc_frame_reader_init(struct grpc_frame_reader *, size_t max);
/* Ready for another stream; memory up to `keep` bytes stays. */
void grpc_frame_reader_reset(struct grpc_frame_reader *, size_t keep);
void grpc_frame_reader_free(struct grpc_frame_reader *);

/*
 * Take bytes up to the end of one message.  `*used` of `len` were taken; feed
 * the rest again.
 * Returns 1: *out is a whole message.  0: more bytes are needed.
 * Fails: -1, ERR_LIMIT (longer than max: reason MESSAGE_TOO_LARGE),
 *        ERR_INTERNAL (the flag byte is neither 0 nor 1), ERR_NOMEM.
 */
int grpc_frame_feed(struct grpc_frame_reader *, const uint8_t *data, size_t len,
    size_t *used, struct grpc_frame *out, struct err *);

/* Is a message begun and not finished?  True at end of stream is an error. */
bool grpc_frame_partial(const struct grpc_frame_reader *);

#endif
