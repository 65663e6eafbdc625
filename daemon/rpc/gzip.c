/* gzip.c - grpc-encoding: gzip, message by message (RFC 1952). */
#include <zlib.h>

#include "rpc/internal.h"

#define GZIP_WINDOW (15 + 16) /* zlib: a gzip header, not its own */
#define CHUNK 16384

static int
inflate_all(z_stream *z, size_t max, struct buf *out, struct err *e)
{
	size_t total = 0;
	int rc = Z_OK;

	while (rc != Z_STREAM_END) {
		uint8_t *room = buf_reserve(out, CHUNK);
		size_t got;

		if (room == NULL)
			return err_set(e, ERR_NOMEM, "no memory to decompress");
		z->next_out = room;
		z->avail_out = CHUNK;
		rc = inflate(z, Z_NO_FLUSH);
		got = CHUNK - z->avail_out;
		total += got;
		if (total > max) {
			err_set(e, ERR_LIMIT,
			    "the message has more than %zu "
			    "bytes once decompressed",
			    max);
			err_reason(e, "MESSAGE_TOO_LARGE");
			return err_remedy(e, "send smaller messages");
		}
		buf_added(out, got);
		if (rc != Z_STREAM_END && (rc != Z_OK || got == 0)) {
			err_set(e, ERR_INVALID,
			    "the message is not gzip, or "
			    "is cut");
			return err_reason(e, "GZIP");
		}
	}
	return 0;
}

int
gzip_decompress(const uint8_t *data, size_t len, size_t max, struct buf *out,
    struct err *e)
{
	z_stream z = { 0 };
	int rc;

	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return err_set(e, ERR_NOMEM, "no memory to decompress");
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	rc = inflate_all(&z, max, out, e);
	if (rc == 0 && z.avail_in > 0) {
		rc = err_set(e, ERR_INVALID, "bytes follow the gzip message");
		err_reason(e, "GZIP");
	}
	inflateEnd(&z);
	return rc;
}

int
gzip_compress(const uint8_t *data, size_t len, struct buf *out, struct err *e)
{
	z_stream z = { 0 };
	size_t bound;
	uint8_t *room;
	int rc;

	/* Level 1: the cost is ours, the gain is the line's. */
	if (deflateInit2(&z, 1, Z_DEFLATED, GZIP_WINDOW, 8,
		Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(e, ERR_NOMEM, "no memory to compress");
	bound = deflateBound(&z, len);
	if ((room = buf_reserve(out, bound)) == NULL) {
		deflateEnd(&z);
		return err_set(e, ERR_NOMEM, "no memory to compress");
	}
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)len;
	z.next_out = room;
	z.avail_out = (uInt)bound;
	rc = deflate(&z, Z_FINISH);
	buf_added(out, bound - z.avail_out);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : err_set(e, ERR_INTERNAL, "compress");
}
