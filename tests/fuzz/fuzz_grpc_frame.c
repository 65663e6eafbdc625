/*
 * gRPC frames cut out of bytes in any pieces are those cut out of them in one,
 * and take no more memory than what has arrived.  The first byte seeds the
 * pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/grpc_frame.h"

#define MESSAGE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum { /* of what came out */
	uint64_t hash;
	size_t frames, bytes;
	enum err_code end;
	bool partial;
};

static void
add(struct sum *s, const struct grpc_frame *f)
{
	s->frames++;
	s->bytes += f->len;
	s->hash = s->hash * 31 + f->len + f->compressed;
	for (size_t i = 0; i < f->len; i++)
		s->hash = (s->hash ^ f->data[i]) * 1099511628211u;
}

static bool
feed(struct grpc_frame_reader *r, struct sum *s, const uint8_t *data,
    size_t len)
{
	struct err e = { 0 };

	while (len > 0) {
		struct grpc_frame f;
		size_t used = 0;
		int rc = grpc_frame_feed(r, data, len, &used, &f, &e);

		if (used > len || (rc == 0 && used < len))
			abort();
		s->end = e.code;
		if (rc < 0)
			return false;
		if (rc == 1)
			add(s, &f);
		if (r->body.cap > 4 * (size_t)MESSAGE_MAX)
			abort();
		data += used;
		len -= used;
	}
	return true;
}

static struct sum
run(const uint8_t *data, size_t size, unsigned seed)
{
	struct sum s = { .hash = 1 };
	struct grpc_frame_reader r;

	grpc_frame_reader_init(&r, MESSAGE_MAX);
	for (size_t at = 0; at < size;) {
		size_t piece = size;

		if (seed != 0) {
			seed = seed * 1103515245 + 12345;
			piece = 1 + (seed >> 16) % 17;
		}
		if (piece > size - at)
			piece = size - at;
		if (!feed(&r, &s, data + at, piece))
			break;
		at += piece;
	}
	s.partial = grpc_frame_partial(&r);
	grpc_frame_reader_free(&r);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole, pieces;

	if (size < 1)
		return 0;
	whole = run(data + 1, size - 1, 0);
	pieces = run(data + 1, size - 1, data[0] + 1u);
	if (whole.hash != pieces.hash || whole.frames != pieces.frames ||
	    whole.bytes != pieces.bytes || whole.end != pieces.end ||
	    whole.partial != pieces.partial)
		abort();
	return 0;
}
