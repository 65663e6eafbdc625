/* check.c - see check.h. */
#include "check.h"

#include <string.h>

#include "fail.h"
#include "wire/pb.h"
#include "wire/utf8.h"

#define DEPTH_MAX 32
/* What protobuf-c keeps for each field while it unpacks (its slabs double),
 * and what malloc adds to each allocation. */
#define FIELD_COST 96
#define ALLOC_COST 16

enum {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_LENGTH = 2,
	WIRE_32 = 5,
};

struct pass {
	size_t memory; /* still allowed */
	unsigned depth;
	struct rsp_error *e;
};

static int
bad(struct pass *p, const ProtobufCMessageDescriptor *d,
    const ProtobufCFieldDescriptor *f, const char *reason, const char *what)
{
	return rsp_fail(p->e, RSP_INTERNAL, reason, NULL,
	    "the message %s cannot be read: %s%s%s", d->short_name,
	    f != NULL ? f->name : "", f != NULL ? " " : "", what);
}

static int
spend(struct pass *p, size_t bytes)
{
	if (bytes <= p->memory) {
		p->memory -= bytes;
		return 0;
	}
	return rsp_fail(p->e, RSP_RESOURCE_EXHAUSTED, "MESSAGE_MEMORY",
	    "ask for less at once", "the message would take too much memory");
}

static unsigned
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

static int message(struct pass *, const ProtobufCMessageDescriptor *,
    struct pb_cursor);

/* How many values a packed list has; -1 when it is cut. */
static int64_t
packed_count(unsigned wire, const struct pb_field *in)
{
	struct pb_cursor c = { in->data, in->data + in->len };
	size_t width = wire == WIRE_64 ? 8 : 4;
	int64_t n = 0;
	uint64_t v;

	if (wire != WIRE_VARINT)
		return in->len % width == 0 ? (int64_t)(in->len / width) : -1;
	for (; c.at < c.end; n++)
		if (pb_varint(&c, &v) < 0)
			return -1;
	return n;
}

static int
text(struct pass *p, const ProtobufCMessageDescriptor *d,
    const ProtobufCFieldDescriptor *f, const struct pb_field *in)
{
	if (in->len > 0 && memchr(in->data, 0, in->len) != NULL)
		return bad(p, d, f, "NUL", "holds a NUL character");
	if (!utf8_valid(in->data, in->len))
		return bad(p, d, f, "UTF8", "is not UTF-8");
	return 0;
}

static int
known(struct pass *p, const ProtobufCMessageDescriptor *d,
    const ProtobufCFieldDescriptor *f, const struct pb_field *in)
{
	bool repeated = f->label == PROTOBUF_C_LABEL_REPEATED;
	unsigned wire = wire_of(f->type);

	if (repeated && wire != WIRE_LENGTH && in->wire_type == WIRE_LENGTH) {
		int64_t n = packed_count(wire, in);

		return n < 0 ? bad(p, d, f, "MALFORMED", "is cut short")
			     : spend(p, (size_t)n * 8);
	}
	if (in->wire_type != wire)
		return bad(p, d, f, "WIRE_TYPE", "is of another kind");
	if (spend(p, (repeated ? sizeof(ProtobufCBinaryData) : 0) +
			 (wire == WIRE_LENGTH ? in->len + 1 + ALLOC_COST : 0)) <
	    0)
		return -1;
	if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		struct pb_cursor c = { in->data, in->data + in->len };

		return message(p, f->descriptor, c);
	}
	return f->type == PROTOBUF_C_TYPE_STRING ? text(p, d, f, in) : 0;
}

static int
field(struct pass *p, const ProtobufCMessageDescriptor *d,
    const struct pb_field *in)
{
	const ProtobufCFieldDescriptor *f;

	if (in->number == 0 || in->number > 0x1FFFFFFF)
		return bad(p, d, NULL, "MALFORMED", "field number");
	if (spend(p, FIELD_COST) < 0)
		return -1;
	f = protobuf_c_message_descriptor_get_field(d, (unsigned)in->number);
	if (f != NULL)
		return known(p, d, f, in);
	return spend(p,
	    sizeof(ProtobufCMessageUnknownField) + in->len + 2 * ALLOC_COST);
}

static int
message(struct pass *p, const ProtobufCMessageDescriptor *d, struct pb_cursor c)
{
	struct pb_field in;
	int rc;

	if (p->depth == DEPTH_MAX)
		return bad(p, d, NULL, "DEPTH", "it is nested too deeply");
	if (spend(p, d->sizeof_message + ALLOC_COST) < 0)
		return -1;
	p->depth++;
	while ((rc = pb_next(&c, &in)) > 0)
		if (field(p, d, &in) < 0)
			return -1;
	p->depth--;
	return rc < 0 ? bad(p, d, NULL, "MALFORMED", "it is cut short") : 0;
}

int
rsp_check(const ProtobufCMessageDescriptor *d, const uint8_t *data, size_t len,
    size_t memory, struct rsp_error *e)
{
	struct pass p = { .memory = memory, .e = e };
	struct pb_cursor c = { data, data + len };

	return message(&p, d, c);
}
