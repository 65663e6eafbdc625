/* grpc_frame.c - see grpc_frame.h. */
#include "wire/grpc_frame.h"

#include <string.h>

void
grpc_frame_reader_init(struct grpc_frame_reader *r, size_t max)
{
	memset(r, 0, sizeof *r);
	r->max = max;
}

void
grpc_frame_reader_reset(struct grpc_frame_reader *r, size_t keep)
{
	buf_reset(&r->body, keep);
	r->got_prefix = 0;
	r->want = 0;
	r->done = false;
}

void
grpc_frame_reader_free(struct grpc_frame_reader *r)
{
	grpc_frame_reader_reset(r, 0);
	buf_free(&r->body);
}

static int
prefix_check(struct grpc_frame_reader *r, struct err *e)
{
	const uint8_t *p = r->prefix;

	r->want = grpc_frame_length(p);
	if (p[0] > 1) {
		err_set(e, ERR_INTERNAL,
		    "message prefix: the compressed flag is %u, only 0 and 1 "
		    "are defined",
		    p[0]);
		return err_reason(e, "COMPRESSED_FLAG");
	}
	if (r->want > r->max) {
		err_set(e, ERR_LIMIT,
		    "the message has %u bytes, the limit is %zu",
		    (unsigned)r->want, r->max);
		err_reason(e, "MESSAGE_TOO_LARGE");
		return err_remedy(e, "send less at once");
	}
	return 0;
}

/* Bytes of the prefix taken, or -1. */
static int
take_prefix(struct grpc_frame_reader *r, const uint8_t *data, size_t len,
    struct err *e)
{
	size_t n = GRPC_FRAME_LEN - r->got_prefix;

	if (n > len)
		n = len;
	memcpy(r->prefix + r->got_prefix, data, n);
	r->got_prefix += (unsigned)n;
	if (r->got_prefix == GRPC_FRAME_LEN && prefix_check(r, e) != 0)
		return -1;
	return (int)n;
}

int
grpc_frame_feed(struct grpc_frame_reader *r, const uint8_t *data, size_t len,
    size_t *used, struct grpc_frame *out, struct err *e)
{
	size_t n = 0;

	*used = 0;
	if (r->done) {
		buf_reset(&r->body, SIZE_MAX);
		r->got_prefix = 0;
		r->done = false;
	}
	if (r->got_prefix < GRPC_FRAME_LEN) {
		int took = len == 0 ? 0 : take_prefix(r, data, len, e);

		if (took < 0)
			return -1;
		n = (size_t)took;
		*used = n;
		if (r->got_prefix < GRPC_FRAME_LEN)
			return 0;
	}
	if (len - n > r->want - buf_len(&r->body))
		len = n + (r->want - buf_len(&r->body));
	if (buf_append(&r->body, data + n, len - n) != 0)
		return err_set(e, ERR_NOMEM, "no memory for the message");
	*used = len;
	if (buf_len(&r->body) < r->want)
		return 0;
	out->data = r->want == 0 ? r->prefix : buf_head(&r->body);
	out->len = r->want;
	out->compressed = r->prefix[0] == 1;
	r->done = true;
	return 1;
}

bool
grpc_frame_partial(const struct grpc_frame_reader *r)
{
	return !r->done && r->got_prefix > 0;
}
