/* message.c - see message.h and <resopro/client.h>. */
#include "message.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <resopro/client.h>

#include "check.h"
#include "fail.h"
#include "gzip.h"

/* Lists of small messages take more room than their bytes: this much more. */
#define MEMORY_MIN ((size_t)64 << 20)
#define MEMORY_FACTOR 16

void
rsp_message_free(ProtobufCMessage *m)
{
	if (m != NULL)
		protobuf_c_message_free_unpacked(m, NULL);
}

int
rsp_message_pack(const ProtobufCMessage *m, uint8_t **bytes, size_t *len,
    struct rsp_error *e)
{
	*len = protobuf_c_message_get_packed_size(m);
	if ((*bytes = malloc(*len + 1)) == NULL)
		return rsp_fail_nomem(e);
	protobuf_c_message_pack(m, *bytes);
	return 0;
}

ProtobufCMessage *
rsp_message_unpack(const ProtobufCMessageDescriptor *d, const uint8_t *bytes,
    size_t len, struct rsp_error *e)
{
	static const uint8_t none[1];
	ProtobufCMessage *m;
	size_t memory =
	    len > MEMORY_MIN / MEMORY_FACTOR ? len * MEMORY_FACTOR : MEMORY_MIN;

	if (bytes == NULL)
		bytes = none;
	if (rsp_check(d, bytes, len, memory, e) != 0)
		return NULL;
	/* What the check lets through unpacks, but for want of memory. */
	m = protobuf_c_message_unpack(d, NULL, len, bytes);
	if (m == NULL)
		rsp_fail_nomem(e);
	return m;
}

static int
too_large(size_t len, size_t max, struct rsp_error *e)
{
	return rsp_fail(e, RSP_RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE",
	    "send less at once, or raise max_message_bytes",
	    "the message has %zu bytes; at most %zu may be sent", len, max);
}

static int
append_gzipped(const ProtobufCMessage *m, struct buf *out, struct rsp_error *e)
{
	uint8_t *plain;
	size_t len;
	int rc;

	if (rsp_message_pack(m, &plain, &len, e) != 0)
		return -1;
	rc = rsp_gzip(plain, len, out, e);
	free(plain);
	return rc;
}

static int
append_plain(const ProtobufCMessage *m, size_t len, struct buf *out,
    struct rsp_error *e)
{
	uint8_t *room = buf_reserve(out, len + 1);

	if (room == NULL)
		return rsp_fail_nomem(e);
	protobuf_c_message_pack(m, room);
	buf_added(out, len);
	return 0;
}

int
rsp_frame_pack(const ProtobufCMessage *m, bool gzip, size_t max,
    struct buf *out, struct rsp_error *e)
{
	static const uint8_t prefix[GRPC_FRAME_LEN];
	size_t before = buf_len(out), len, body;

	len = protobuf_c_message_get_packed_size(m);
	if (len > max)
		return too_large(len, max, e);
	if (buf_append(out, prefix, sizeof prefix) != 0)
		return rsp_fail_nomem(e);
	if ((gzip ? append_gzipped(m, out, e) : append_plain(m, len, out, e)) !=
	    0) {
		out->end = out->start + before;
		return -1;
	}
	body = buf_len(out) - before - GRPC_FRAME_LEN;
	grpc_frame_write(out->data + out->start + before, gzip, (uint32_t)body);
	return 0;
}

ProtobufCMessage *
rsp_frame_unpack(const ProtobufCMessageDescriptor *d,
    const struct grpc_frame *f, bool gzip, size_t max, struct rsp_error *e)
{
	struct buf plain = { 0 };
	ProtobufCMessage *m = NULL;

	if (!f->compressed)
		return rsp_message_unpack(d, f->data, f->len, e);
	if (!gzip)
		rsp_fail(e, RSP_INTERNAL, "ENCODING", NULL,
		    "the server compressed a message without saying how");
	else if (rsp_gunzip(f->data, f->len, max, &plain, e) == 0)
		m = rsp_message_unpack(d, buf_head(&plain), buf_len(&plain), e);
	buf_free(&plain);
	return m;
}

bool
rsp_message_has_request_id(const ProtobufCMessage *m)
{
	const ProtobufCFieldDescriptor *f =
	    protobuf_c_message_descriptor_get_field_by_name(m->descriptor,
		"request_id");
	const char *id;

	if (f == NULL || f->type != PROTOBUF_C_TYPE_STRING ||
	    f->label == PROTOBUF_C_LABEL_REPEATED)
		return false;
	memcpy(&id, (const char *)m + f->offset, sizeof id);
	return id != NULL && *id != '\0';
}

int
rsp_request_id(char out[33], struct rsp_error *e)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t random[16];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return rsp_fail(e, RSP_INTERNAL, "RANDOM", NULL,
		    "the system has no random numbers to give: %m");
	for (size_t i = 0; i < sizeof random; i++) {
		out[2 * i] = hex[random[i] >> 4];
		out[2 * i + 1] = hex[random[i] & 15];
	}
	out[32] = '\0';
	return 0;
}
