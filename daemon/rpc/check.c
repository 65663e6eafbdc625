/* check.c - see check.h. */
#include "rpc/check.h"

#include <stdio.h>
#include <string.h>

#include "wire/utf8.h"

enum wire {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_LENGTH = 2,
	WIRE_32 = 5,
};

/* What protobuf-c keeps for each field of a message while it unpacks (its
 * slabs double), and an allocation's rounding up. */
#define FIELD_COST 96
#define ALLOC_COST 16

struct level { /* where we are, for the field's path */
	const struct level *up;
	const ProtobufCFieldDescriptor *field;
};

struct pass {
	const uint8_t *at, *end; /* of the innermost message */
	size_t memory;           /* still allowed */
	unsigned depth;
	const struct level *level;
	struct err *e;
};

/* "record.organisation.nom" */
static size_t
path_write(const struct level *l, char *out, size_t cap)
{
	size_t len = 0;

	if (l == NULL || l->field == NULL)
		return 0;
	if (l->up != NULL && l->up->field != NULL) {
		len = path_write(l->up, out, cap);
		if (len + 1 < cap)
			out[len++] = '.';
	}
	for (const char *s = l->field->name; *s != '\0' && len + 1 < cap; s++)
		out[len++] = *s;
	out[len] = '\0';
	return len;
}

static int
bad(const struct pass *p, const char *reason, const char *what)
{
	char path[64] = "";

	path_write(p->level, path, sizeof path);
	err_set(p->e, ERR_INVALID, "%s: %s", path[0] != '\0' ? path : "request",
	    what);
	err_field(p->e, path);
	return err_reason(p->e, reason);
}

static int
spend(struct pass *p, size_t bytes)
{
	if (bytes <= p->memory) {
		p->memory -= bytes;
		return 0;
	}
	err_set(p->e, ERR_LIMIT, "the message would take too much memory");
	err_reason(p->e, "MESSAGE_MEMORY");
	return err_remedy(p->e, "send fewer fields or shorter lists at once");
}

/* 0, or -1: longer than ten bytes, or cut. */
static int
varint(struct pass *p, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 70 && p->at < p->end; shift += 7) {
		uint8_t b = *p->at++;

		if (shift < 64)
			*v |= (uint64_t)(b & 0x7F) << shift;
		if ((b & 0x80) == 0)
			return 0;
	}
	return bad(p, "MALFORMED", "is cut in a number");
}

static int
skip(struct pass *p, size_t len)
{
	if ((size_t)(p->end - p->at) < len)
		return bad(p, "MALFORMED", "is cut short");
	p->at += len;
	return 0;
}

/* Move past a value of this wire type; its bytes, for WIRE_LENGTH. */
static int
value(struct pass *p, enum wire wire, const uint8_t **data, size_t *len)
{
	uint64_t v;

	*data = NULL;
	*len = 0;
	switch (wire) {
	case WIRE_VARINT:
		return varint(p, &v);
	case WIRE_64:
		return skip(p, 8);
	case WIRE_32:
		return skip(p, 4);
	case WIRE_LENGTH:
		if (varint(p, &v) < 0)
			return -1;
		if (v > (uint64_t)(p->end - p->at))
			return bad(p, "MALFORMED", "is cut short");
		*data = p->at;
		*len = (size_t)v;
		p->at += v;
		return 0;
	default:
		return bad(p, "WIRE_TYPE", "has a wire type that is not used");
	}
}

static enum wire
wire_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_LENGTH;
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_64;
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_32;
	default:
		return WIRE_VARINT;
	}
}

static int message(struct pass *, const ProtobufCMessageDescriptor *);

static int
submessage(struct pass *p, const ProtobufCMessageDescriptor *d,
    const uint8_t *data, size_t len)
{
	const uint8_t *at = p->at, *end = p->end;

	if (p->depth == CHECK_DEPTH_MAX)
		return bad(p, "DEPTH", "is nested too deeply");
	p->depth++;
	p->at = data;
	p->end = data + len;
	if (message(p, d) < 0)
		return -1;
	p->depth--;
	p->at = at;
	p->end = end;
	return 0;
}

/* Each element of a packed list takes a byte at least and 8 in memory. */
static int
packed(struct pass *p, const ProtobufCFieldDescriptor *f, const uint8_t *data,
    size_t len)
{
	struct pass in = *p;
	size_t n = 0;
	uint64_t v;

	in.at = data;
	in.end = data + len;
	for (; in.at < in.end; n++) {
		const uint8_t *d;
		size_t l;

		if (wire_of(f->type) == WIRE_VARINT
			? varint(&in, &v) < 0
			: value(&in, wire_of(f->type), &d, &l) < 0)
			return -1;
	}
	return spend(p, n * 8);
}

static int
known(struct pass *p, const ProtobufCFieldDescriptor *f, enum wire wire)
{
	const uint8_t *data;
	size_t len;

	if (value(p, wire, &data, &len) < 0)
		return -1;
	if (wire == WIRE_LENGTH && wire_of(f->type) != WIRE_LENGTH &&
	    f->label == PROTOBUF_C_LABEL_REPEATED)
		return packed(p, f, data, len);
	if (wire != wire_of(f->type))
		return bad(p, "WIRE_TYPE",
		    "has the wire type of another kind "
		    "of value");
	if (f->label == PROTOBUF_C_LABEL_REPEATED &&
	    spend(p, sizeof(ProtobufCBinaryData)) < 0)
		return -1;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		return submessage(p, f->descriptor, data, len);
	if (wire == WIRE_LENGTH && spend(p, len + 1 + ALLOC_COST) < 0)
		return -1;
	if (f->type != PROTOBUF_C_TYPE_STRING)
		return 0;
	if (len > 0 && memchr(data, 0, len) != NULL)
		return bad(p, "NUL", "holds a NUL character");
	if (!utf8_valid(data, len))
		return bad(p, "UTF8", "is not UTF-8");
	return 0;
}

static int
one_field(struct pass *p, const ProtobufCMessageDescriptor *d)
{
	const ProtobufCFieldDescriptor *f;
	struct level here = { .up = p->level };
	const uint8_t *data;
	uint64_t tag;
	size_t len;
	int rc;

	if (varint(p, &tag) < 0 || spend(p, FIELD_COST) < 0)
		return -1;
	if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF)
		return bad(p, "MALFORMED", "has a field number out of range");
	f = protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
	if (f == NULL) {
		if (value(p, (enum wire)(tag & 7), &data, &len) < 0)
			return -1;
		return spend(p, sizeof(ProtobufCMessageUnknownField) + len +
				    2 * ALLOC_COST);
	}
	here.field = f;
	p->level = &here;
	rc = known(p, f, (enum wire)(tag & 7));
	p->level = here.up;
	return rc;
}

static int
message(struct pass *p, const ProtobufCMessageDescriptor *d)
{
	if (spend(p, d->sizeof_message + ALLOC_COST) < 0)
		return -1;
	while (p->at < p->end) {
		if (one_field(p, d) < 0)
			return -1;
	}
	return 0;
}

int
check_message(const ProtobufCMessageDescriptor *d, const uint8_t *data,
    size_t len, size_t memory, struct err *e)
{
	struct pass p = { .at = data,
		.end = len > 0 ? data + len : data,
		.memory = memory,
		.e = e };

	return message(&p, d);
}
