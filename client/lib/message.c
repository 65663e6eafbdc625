/* message.c - protobuf messages in and out of gRPC frames. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

#include "internal.h"
#include "wire/pb.h"
#include "wire/utf8.h"

#define GZIP_WINDOW (15 + 16)
#define CHUNK 16384
#define DEPTH_MAX 32
#define MEMORY_PER_BYTE 128	/* a decoded message against its bytes */

/* ---- gzip --------------------------------------------------------------- */

static int
compress_into(struct buf *out, const uint8_t *data, size_t len)
{
	z_stream z = { 0 };
	uint8_t *room;
	size_t bound;
	int rc;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8,
	    Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	bound = deflateBound(&z, len);
	if ((room = buf_reserve(out, bound)) == NULL) {
		deflateEnd(&z);
		return -1;
	}
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = room;
	z.avail_out = (uInt)bound;
	rc = deflate(&z, Z_FINISH);
	buf_added(out, bound - z.avail_out);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -1;
}

static int
decompress_into(struct buf *out, const uint8_t *data, size_t len, size_t max)
{
	z_stream z = { 0 };
	int rc = Z_OK;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return -1;
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	while (rc == Z_OK && buf_len(out) <= max) {
		uint8_t *room = buf_reserve(out, CHUNK);

		if (room == NULL)
			break;
		z.next_out = room;
		z.avail_out = CHUNK;
		rc = inflate(&z, Z_NO_FLUSH);
		buf_added(out, CHUNK - z.avail_out);
		if (rc == Z_OK && z.avail_out == CHUNK)
			break;	/* cut short */
	}
	inflateEnd(&z);
	return rc == Z_STREAM_END && buf_len(out) <= max ? 0 : -1;
}

/* ---- out ---------------------------------------------------------------- */

int
rsp_message_pack(const ProtobufCMessage *m, uint8_t **bytes, size_t *len,
    struct rsp_error *e)
{
	*len = protobuf_c_message_get_packed_size(m);
	*bytes = malloc(*len > 0 ? *len : 1);
	if (*bytes == NULL)
		return fail(e, RSP_ERR_NOMEM, "no memory for a message of %zu "
		    "bytes", *len);
	protobuf_c_message_pack(m, *bytes);
	return 0;
}

static int
too_large(struct rsp_error *e, size_t len, size_t max)
{
	fail(e, RSP_RESOURCE_EXHAUSTED, "the message has %zu bytes, the limit "
	    "is %zu", len, max);
	error_reason(e, "MESSAGE_TOO_LARGE");
	error_remedy(e, "send or ask for less at once");
	return -1;
}

int
message_frame(struct buf *out, const ProtobufCMessage *m, bool gzip,
    size_t max, struct rsp_error *e)
{
	struct buf small = { 0 };
	uint8_t *bytes, *frame;
	const uint8_t *body;
	size_t len;
	int rc = -1;

	if (rsp_message_pack(m, &bytes, &len, e) < 0)
		return -1;
	if (len > max) {
		free(bytes);
		return too_large(e, len, max);
	}
	body = bytes;
	gzip = gzip && len > 0 && compress_into(&small, bytes, len) == 0;
	if (gzip) {
		body = buf_head(&small);
		len = buf_len(&small);
	}
	frame = buf_reserve(out, GRPC_FRAME_LEN + len);
	if (frame != NULL) {
		grpc_frame_write(frame, gzip, (uint32_t)len);
		memcpy(frame + GRPC_FRAME_LEN, body, len);
		buf_added(out, GRPC_FRAME_LEN + len);
		rc = 0;
	} else {
		fail(e, RSP_ERR_NOMEM, "no memory for a message");
	}
	buf_free(&small);
	free(bytes);
	return rc;
}

/* ---- in ----------------------------------------------------------------- */

/* protobuf-c checks neither UTF-8 nor depth. */
static bool
well_formed(const ProtobufCMessageDescriptor *d, const uint8_t *data,
    size_t len, unsigned depth)
{
	struct pb_cursor c = { data, data + len };
	struct pb_field f;
	int rc;

	while ((rc = pb_next(&c, &f)) == 1) {
		const ProtobufCFieldDescriptor *fd =
		    protobuf_c_message_descriptor_get_field(d,
		    (unsigned)f.number);

		if (fd == NULL || f.wire_type != 2)
			continue;
		if (fd->type == PROTOBUF_C_TYPE_STRING &&
		    (!utf8_valid(f.data, f.len) ||
		    (f.len > 0 && memchr(f.data, 0, f.len) != NULL)))
			return false;
		if (fd->type == PROTOBUF_C_TYPE_MESSAGE &&
		    (depth == DEPTH_MAX || !well_formed(fd->descriptor, f.data,
		    f.len, depth + 1)))
			return false;
	}
	return rc == 0;
}

/* An allocator that stops: what a message may take follows from its bytes. */
struct bounded {
	size_t left;
};

static void *
bounded_alloc(void *arg, size_t len)
{
	struct bounded *b = arg;

	if (len > b->left)
		return NULL;
	b->left -= len;
	return malloc(len);
}

static void
bounded_free(void *arg, void *p)
{
	(void)arg;
	free(p);
}

ProtobufCMessage *
rsp_message_unpack(const ProtobufCMessageDescriptor *d, const uint8_t *bytes,
    size_t len, struct rsp_error *e)
{
	struct bounded b = { 65536 + len * MEMORY_PER_BYTE };
	ProtobufCAllocator a = { .alloc = bounded_alloc, .free = bounded_free,
		.allocator_data = &b };
	ProtobufCMessage *m;

	if (!well_formed(d, bytes, len, 0)) {
		fail(e, RSP_INTERNAL, "the answer is malformed");
		return NULL;
	}
	m = protobuf_c_message_unpack(d, &a, len, bytes);
	if (m == NULL)
		fail(e, RSP_RESOURCE_EXHAUSTED, "the answer takes too much "
		    "memory, or is malformed");
	return m;
}

void
rsp_message_free(ProtobufCMessage *m)
{
	if (m != NULL)
		protobuf_c_message_free_unpacked(m, NULL);
}

ProtobufCMessage *
message_from_frame(const struct grpc_frame *f, bool gzip,
    const ProtobufCMessageDescriptor *d, size_t max, struct rsp_error *e)
{
	struct buf plain = { 0 };
	ProtobufCMessage *m = NULL;

	if (!f->compressed)
		return rsp_message_unpack(d, f->data, f->len, e);
	if (!gzip)
		fail(e, RSP_INTERNAL, "the answer is compressed in a way that "
		    "was not announced");
	else if (decompress_into(&plain, f->data, f->len, max) < 0)
		fail(e, RSP_INTERNAL, "the answer does not decompress within "
		    "%zu bytes", max);
	else
		m = rsp_message_unpack(d, buf_head(&plain), buf_len(&plain),
		    e);
	buf_free(&plain);
	return m;
}

int
rsp_request_id(char out[33], struct rsp_error *e)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t random[16];
	ssize_t n;

	do
		n = getrandom(random, sizeof random, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof random)
		return fail(e, RSP_INTERNAL, "the system gives no randomness");
	for (size_t i = 0; i < sizeof random; i++) {
		out[2 * i] = hex[random[i] >> 4];
		out[2 * i + 1] = hex[random[i] & 15];
	}
	out[32] = '\0';
	return 0;
}
