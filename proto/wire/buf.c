/* buf.c - see buf.h. */
#include "wire/buf.h"

#include <stdlib.h>
#include <string.h>

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
	size_t have = buf_len(b), cap = b->cap > 0 ? b->cap : 256;
	uint8_t *data;

	if (b->data != NULL && b->cap - b->end >= len)
		return b->data + b->end;
	if (b->data != NULL && b->cap - have >= len && b->start >= have) {
		memcpy(b->data, b->data + b->start, have);
		b->start = 0;
		b->end = have;
		return b->data + b->end;
	}
	if (len > SIZE_MAX / 4 - have)
		return NULL;
	while (cap - have < len)
		cap *= 2;
	data = malloc(cap);
	if (data == NULL)
		return NULL;
	if (have > 0)
		memcpy(data, b->data + b->start, have);
	free(b->data);
	*b = (struct buf){ .data = data, .end = have, .cap = cap };
	return b->data + b->end;
}

void
buf_added(struct buf *b, size_t len)
{
	b->end += len;
}

int
buf_append(struct buf *b, const void *from, size_t len)
{
	uint8_t *to;

	if (len == 0)
		return 0;
	to = buf_reserve(b, len);
	if (to == NULL)
		return -1;
	memcpy(to, from, len);
	b->end += len;
	return 0;
}

void
buf_take(struct buf *b, size_t len)
{
	b->start += len;
	if (b->start == b->end)
		b->start = b->end = 0;
}

void
buf_reset(struct buf *b, size_t keep)
{
	b->start = b->end = 0;
	if (b->cap > keep)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
