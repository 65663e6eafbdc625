/* Messages cut out of a stream that comes in any pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/grpc_frame.h"

/* "abc", an empty message, a compressed "z". */
static const uint8_t stream[] = "\0\0\0\0\3abc\0\0\0\0\0\1\0\0\0\1z";
enum { STREAM_LEN = sizeof stream - 1 };

static void
feed__any_pieces__the_same_messages(void **state)
{
	static const char *const want[] = { "abc", "", "z" };

	(void)state;
	for (size_t piece = 1; piece <= STREAM_LEN; piece++) {
		struct grpc_frame_reader r;
		struct grpc_frame f;
		struct err e = { 0 };
		size_t at = 0, used, n = 0;

		grpc_frame_reader_init(&r, 16);
		while (at < STREAM_LEN) {
			size_t len =
			    STREAM_LEN - at < piece ? STREAM_LEN - at : piece;
			int got = grpc_frame_feed(&r, stream + at, len, &used,
			    &f, &e);

			assert_true(got >= 0 && used > 0);
			at += used;
			if (got == 0)
				continue;
			assert_int_equal(f.len, strlen(want[n]));
			assert_memory_equal(f.data, want[n], f.len);
			assert_int_equal(f.compressed, n == 2);
			assert_false(grpc_frame_partial(&r));
			n++;
		}
		assert_int_equal(n, 3);
		grpc_frame_reader_free(&r);
	}
}

static void
feed__length_beyond_the_limit__refused_before_its_bytes(void **state)
{
	struct grpc_frame_reader r;
	struct grpc_frame f;
	struct err e = { 0 };
	size_t used;

	(void)state;
	grpc_frame_reader_init(&r, 1000);
	assert_int_equal(grpc_frame_feed(&r,
			     (const uint8_t *)"\0\xff\xff\xff\xff", 5, &used,
			     &f, &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_string_equal(e.reason, "MESSAGE_TOO_LARGE");
	grpc_frame_reader_free(&r);
}

static void
feed__announced_and_not_sent__costs_no_memory(void **state)
{
	struct grpc_frame_reader r;
	struct grpc_frame f;
	struct err e = { 0 };
	size_t used;

	(void)state;
	grpc_frame_reader_init(&r, 64 << 20);
	assert_int_equal(grpc_frame_feed(&r, (const uint8_t *)"\0\3\0\0\0ab", 7,
			     &used, &f, &e),
	    0);
	assert_true(grpc_frame_partial(&r));
	assert_true(r.body.cap < 1 << 16);
	grpc_frame_reader_free(&r);
}

static void
feed__flag_is_neither_0_nor_1__internal(void **state)
{
	struct grpc_frame_reader r;
	struct grpc_frame f;
	struct err e = { 0 };
	size_t used;

	(void)state;
	grpc_frame_reader_init(&r, 16);
	assert_int_equal(grpc_frame_feed(&r, (const uint8_t *)"\2\0\0\0\0", 5,
			     &used, &f, &e),
	    -1);
	assert_int_equal(e.code, ERR_INTERNAL);
	grpc_frame_reader_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feed__any_pieces__the_same_messages),
		cmocka_unit_test(
		    feed__length_beyond_the_limit__refused_before_its_bytes),
		cmocka_unit_test(feed__announced_and_not_sent__costs_no_memory),
		cmocka_unit_test(feed__flag_is_neither_0_nor_1__internal),
	};

	return cmocka_run_group_tests_name("grpc_frame", tests, NULL, NULL);
}
