/* pbw.c - see pbw.h. */
#include "pbw.h"

#include <string.h>

#include "load.h"
#include "wire/grpc.h"
#include "wire/pb.h"

static uint8_t *
room(struct buf *b, size_t len)
{
	uint8_t *p = buf_reserve(b, len);

	if (p == NULL)
		die("no memory for a message");
	return p;
}

static void
tag(struct buf *b, unsigned field, unsigned type, uint64_t value)
{
	uint8_t *p = room(b, 20), *end;

	end = varint_write(varint_write(p, (uint64_t)field << 3 | type), value);
	buf_added(b, (size_t)(end - p));
}

void
pbw_number(struct buf *b, unsigned field, uint64_t value)
{
	if (value != 0)
		tag(b, field, 0, value);
}

void
pbw_bytes(struct buf *b, unsigned field, const void *p, size_t len)
{
	tag(b, field, 2, len);
	if (len > 0)
		memcpy(room(b, len), p, len);
	buf_added(b, len);
}

void
pbw_text(struct buf *b, unsigned field, const char *text)
{
	if (text[0] != '\0')
		pbw_bytes(b, field, text, strlen(text));
}

void
pbw_message(struct buf *b, unsigned field, const struct buf *m)
{
	pbw_bytes(b, field, buf_head(m), buf_len(m));
}

size_t
frame_begin(struct buf *b)
{
	size_t at = buf_len(b);

	(void)room(b, GRPC_FRAME_LEN);
	buf_added(b, GRPC_FRAME_LEN);
	return at;
}

void
frame_end(struct buf *b, size_t begun)
{
	grpc_frame_write(b->data + b->start + begun, 0,
	    (uint32_t)(buf_len(b) - begun - GRPC_FRAME_LEN));
}
