/* gzip.c - see gzip.h. */
#define ZLIB_CONST
#include "gzip.h"

#include <zlib.h>

#include "fail.h"

#define GZIP_WINDOW (15 + 16) /* zlib: with gzip's header, not its own */
#define CHUNK 16384

int
rsp_gzip(const uint8_t *data, size_t len, struct buf *out, struct rsp_error *e)
{
	z_stream z = { 0 };
	uint8_t *room;
	size_t bound;

	/* Level 1: most of the gain for little of the time. */
	if (deflateInit2(&z, 1, Z_DEFLATED, GZIP_WINDOW, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return rsp_fail_nomem(e);
	bound = deflateBound(&z, len);
	if ((room = buf_reserve(out, bound)) != NULL) {
		z.next_in = data;
		z.avail_in = (uInt)len;
		z.next_out = room;
		z.avail_out = (uInt)bound;
		(void)deflate(&z, Z_FINISH); /* cannot fail: it has room */
		buf_added(out, bound - z.avail_out);
	}
	deflateEnd(&z);
	return room != NULL ? 0 : rsp_fail_nomem(e);
}

static int
too_large(size_t max, struct rsp_error *e)
{
	return rsp_fail(e, RSP_RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE",
	    "raise max_message_bytes, or ask for less at once",
	    "the message has more than %zu bytes once decompressed", max);
}

static int
inflate_all(z_stream *z, size_t max, struct buf *out, struct rsp_error *e)
{
	int rc = Z_OK;

	while (rc != Z_STREAM_END) {
		uint8_t *room = buf_reserve(out, CHUNK);
		size_t got;

		if (room == NULL)
			return rsp_fail_nomem(e);
		z->next_out = room;
		z->avail_out = CHUNK;
		rc = inflate(z, Z_NO_FLUSH);
		got = CHUNK - z->avail_out;
		buf_added(out, got);
		if (z->total_out > max)
			return too_large(max, e);
		if (rc != Z_STREAM_END && (rc != Z_OK || got == 0))
			break;
	}
	if (rc == Z_STREAM_END && z->avail_in == 0)
		return 0;
	return rsp_fail(e, RSP_INTERNAL, "GZIP", NULL,
	    "the message is not gzip, or is cut");
}

int
rsp_gunzip(const uint8_t *data, size_t len, size_t max, struct buf *out,
    struct rsp_error *e)
{
	z_stream z = { 0 };
	int rc;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return rsp_fail_nomem(e);
	z.next_in = data;
	z.avail_in = (uInt)len;
	rc = inflate_all(&z, max, out, e);
	inflateEnd(&z);
	return rc;
}
