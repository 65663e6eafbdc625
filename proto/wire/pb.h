/*
 * pb.h - protobuf's wire format, field by field: for the few places that read
 * or write bytes without unpacking a message.
 *
 * Pure; any thread.  Nothing is allocated, everything is borrowed.
 */
#ifndef WIRE_PB_H
#define WIRE_PB_H

#include <stddef.h>
#include <stdint.h>

struct pb_cursor {
	const uint8_t *at, *end;
};

struct pb_field {
	uint64_t number;
	unsigned wire_type;  /* 0, 1, 2, 5 */
	uint64_t value;      /* type 0 */
	const uint8_t *data; /* types 1, 2, 5 */
	size_t len;
};

/* 1 and the next field; 0 at the end; -1 malformed (groups are). */
int pb_next(struct pb_cursor *, struct pb_field *);
/* 0, -1 when cut or longer than ten bytes. */
int pb_varint(struct pb_cursor *, uint64_t *);

size_t varint_size(uint64_t);
/* Returns the byte after it. */
uint8_t *varint_write(uint8_t *out, uint64_t);

#endif
