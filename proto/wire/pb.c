/* pb.c - see pb.h. */
#include "wire/pb.h"

#include <string.h>

int
pb_varint(struct pb_cursor *c, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 70 && c->at < c->end; shift += 7) {
		uint8_t b = *c->at++;

		if (shift < 64)
			*v |= (uint64_t)(b & 0x7F) << shift;
		if ((b & 0x80) == 0)
			return 0;
	}
	return -1;
}

/* Most are of one byte. */
static inline int
short_varint(struct pb_cursor *c, uint64_t *v)
{
	if (c->at < c->end && *c->at < 0x80) {
		*v = *c->at++;
		return 0;
	}
	return pb_varint(c, v);
}

int
pb_next(struct pb_cursor *c, struct pb_field *f)
{
	uint64_t tag, len;

	if (c->at == c->end)
		return 0;
	if (short_varint(c, &tag) < 0)
		return -1;
	f->number = tag >> 3;
	f->wire_type = (unsigned)(tag & 7);
	f->value = 0;
	f->data = NULL;
	f->len = 0;
	switch (f->wire_type) {
	case 0:
		return short_varint(c, &f->value) < 0 ? -1 : 1;
	case 1:
		len = 8;
		break;
	case 2:
		if (short_varint(c, &len) < 0)
			return -1;
		break;
	case 5:
		len = 4;
		break;
	default:
		return -1;
	}
	if (len > (uint64_t)(c->end - c->at))
		return -1;
	f->data = c->at;
	f->len = (size_t)len;
	c->at += len;
	return 1;
}

size_t
varint_size(uint64_t v)
{
	size_t n = 1;

	for (; v >= 0x80; v >>= 7)
		n++;
	return n;
}

uint8_t *
varint_write(uint8_t *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*out++ = (uint8_t)v | 0x80;
	*out++ = (uint8_t)v;
	return out;
}
