/* grpc-encoding: gzip, both ways. */
#include "harness.h"

#define GZIP "grpc-encoding: gzip"
#define ACCEPT "grpc-accept-encoding: identity,deflate,gzip"

static const char *const both[] = { GZIP, ACCEPT, NULL };

/* Compress what `in` holds, a frame, into a compressed frame. */
static void
compress_in(void)
{
	struct buf out = { 0 };
	struct err e = { 0 };

	assert_int_equal(gzip_compress(buf_head(&in) + GRPC_FRAME_LEN,
			     buf_len(&in) - GRPC_FRAME_LEN, &out, &e),
	    0);
	buf_reset(&in, SIZE_MAX);
	frame_bytes(&in, 1, buf_head(&out), buf_len(&out));
	buf_free(&out);
}

static char *
text_of(size_t len)
{
	char *text = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 26);
	text[len] = '\0';
	return text;
}

static struct http2_stream *
echo_gzip(const char *text, const char *const *extra)
{
	struct http2_stream *st = fake_call("/t.Echo/Unary", extra);

	frame_status(&in, 5, text);
	compress_in();
	send_in(st);
	fake_end(st);
	fake_read_all(st);
	return st;
}

static void
round_trip__any_length__gives_the_bytes_back(void **state)
{
	static const size_t lens[] = { 0, 1, 1000, 16383, 16384, 16385,
		300000 };

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		struct buf small = { 0 }, large = { 0 };
		struct err e = { 0 };
		char *text = text_of(lens[i]);

		assert_int_equal(gzip_compress((uint8_t *)text, lens[i], &small,
				     &e),
		    0);
		assert_int_equal(gzip_decompress(buf_head(&small),
				     buf_len(&small), lens[i], &large, &e),
		    0);
		assert_int_equal(buf_len(&large), lens[i]);
		if (lens[i] > 0)
			assert_memory_equal(buf_head(&large), text, lens[i]);
		buf_free(&small);
		buf_free(&large);
		free(text);
	}
}

static void
decompress__cut_or_followed__is_invalid(void **state)
{
	struct buf small = { 0 }, out = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(gzip_compress((const uint8_t *)"some text", 9, &small,
			     &e),
	    0);
	for (size_t n = 0; n < buf_len(&small); n++) {
		assert_int_equal(gzip_decompress(buf_head(&small), n, 1000,
				     &out, &e),
		    -1);
		assert_int_equal(e.code, ERR_INVALID);
		buf_free(&out);
	}
	buf_append(&small, "x", 1);
	assert_int_equal(gzip_decompress(buf_head(&small), buf_len(&small),
			     1000, &out, &e),
	    -1);
	buf_free(&out);
	buf_free(&small);
}

static void
request__compressed__is_understood(void **state)
{
	struct http2_stream *st = echo_gzip("squeezed", both);

	(void)state;
	assert_message(st, 5, "squeezed"); /* short: not compressed back */
	assert_int_equal(fake_status(st), GRPC_OK);
	assert_nothing_waits();
}

static void
request__flag_clear_under_gzip__is_understood(void **state)
{
	(void)state;
	assert_message(unary("plain", both), 7, "plain");
}

static void
request__a_bomb__is_refused_before_it_unfolds(void **state)
{
	struct rpc_limits limits = { .max_request_bytes = 100000 };
	struct http2_stream *st;
	char *text = text_of(100000);

	(void)state;
	restart(&limits);
	st = echo_gzip(text, both);
	assert_int_equal(fake_status(st), GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(app.messages, 0);
	assert_nothing_waits();
	free(text);
}

static void
request__rubbish_for_gzip__is_invalid(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", both);

	(void)state;
	frame_bytes(&in, 1, "rubbish", 7);
	send_in(st);
	fake_read_all(st);
	assert_int_equal(fake_status(st), GRPC_INVALID_ARGUMENT);
	assert_nothing_waits();
}

static void
stream__compressed_messages__are_understood(void **state)
{
	struct http2_stream *st = fake_call("/t.Echo/Collect", both);

	(void)state;
	for (int i = 0; i < 3; i++) {
		frame_status(&in, i, "again");
		compress_in();
		send_in(st);
	}
	fake_end(st);
	fake_read_all(st);
	assert_message(st, 3, "again");
}

static void
answer__long_and_wanted__is_compressed(void **state)
{
	char *text = text_of(5000);
	struct http2_stream *st = echo_gzip(text, both);
	struct buf plain = { 0 };
	struct err e = { 0 };
	Google__Rpc__Status *s;

	(void)state;
	assert_string_equal(fake_head(st, "grpc-encoding"), "gzip");
	assert_int_equal(buf_head(&st->body)[0], 1);
	assert_true(buf_len(&st->body) < 1000);
	assert_int_equal(gzip_decompress(buf_head(&st->body) + GRPC_FRAME_LEN,
			     buf_len(&st->body) - GRPC_FRAME_LEN, 10000, &plain,
			     &e),
	    0);
	s = google__rpc__status__unpack(NULL, buf_len(&plain),
	    buf_head(&plain));
	assert_string_equal(s->message, text);
	frame_drop(s);
	buf_free(&plain);
	free(text);
}

static void
answer__not_wanted__is_not_compressed(void **state)
{
	const char *only_sends[] = { GZIP, NULL };
	const char *only_accepts[] = { ACCEPT, NULL };
	char *text = text_of(5000);

	(void)state;
	assert_message(echo_gzip(text, only_sends), 5, text);
	assert_message(unary(text, only_accepts), 7, text);
	free(text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(round_trip__any_length__gives_the_bytes_back),
		T(decompress__cut_or_followed__is_invalid),
		T(request__compressed__is_understood),
		T(request__flag_clear_under_gzip__is_understood),
		T(request__a_bomb__is_refused_before_it_unfolds),
		T(request__rubbish_for_gzip__is_invalid),
		T(stream__compressed_messages__are_understood),
		T(answer__long_and_wanted__is_compressed),
		T(answer__not_wanted__is_not_compressed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
