/*
 * buf.h - a byte queue: append at the end, take from the front.
 * Thread: one at a time.  A zeroed struct is an empty buffer.
 */
#ifndef WIRE_BUF_H
#define WIRE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t start, end, cap; /* data[start..end) is queued */
};

/* Room for `len` more bytes at the end; NULL: no memory, nothing changed.
 * Borrowed until the next call; buf_added() makes them count. */
uint8_t *buf_reserve(struct buf *, size_t len);
void buf_added(struct buf *, size_t len);
int buf_append(struct buf *, const void *, size_t len); /* 0, -1 no memory */

static inline size_t
buf_len(const struct buf *b)
{
	return b->end - b->start;
}
static inline const uint8_t *
buf_head(const struct buf *b)
{
	return b->data != NULL ? b->data + b->start : NULL;
}
/* Drop `len` bytes from the front. */
void buf_take(struct buf *, size_t len);
/* Empty it; memory beyond `keep` bytes is given back. */
void buf_reset(struct buf *, size_t keep);
void buf_free(struct buf *);

#endif
