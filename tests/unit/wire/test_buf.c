/* The byte queue. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/buf.h"

static void
buf__append_and_take_in_pieces__bytes_keep_their_order(void **state)
{
	struct buf b = { 0 };
	uint8_t in = 0, out = 0;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint8_t piece[37];
		size_t take;

		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = in++;
		assert_int_equal(buf_append(&b, piece, sizeof piece), 0);
		take = (size_t)(round * 7) % (buf_len(&b) + 1);
		for (size_t i = 0; i < take; i++)
			assert_int_equal(buf_head(&b)[i], out++);
		buf_take(&b, take);
	}
	for (size_t i = 0; i < buf_len(&b); i++)
		assert_int_equal(buf_head(&b)[i], out++);
	assert_int_equal(out, in);
	buf_free(&b);
}

static void
buf_reserve__fewer_added__only_those_count(void **state)
{
	struct buf b = { 0 };
	uint8_t *room = buf_reserve(&b, 100);

	(void)state;
	assert_non_null(room);
	memcpy(room, "abc", 3);
	assert_int_equal(buf_len(&b), 0);
	buf_added(&b, 3);
	assert_int_equal(buf_len(&b), 3);
	assert_memory_equal(buf_head(&b), "abc", 3);
	buf_free(&b);
}

static void
buf_reserve__more_than_memory__refused_and_unchanged(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(buf_append(&b, "abc", 3), 0);
	assert_null(buf_reserve(&b, SIZE_MAX - 2));
	assert_int_equal(buf_len(&b), 3);
	assert_memory_equal(buf_head(&b), "abc", 3);
	buf_free(&b);
}

static void
buf__long_lived__does_not_grow_with_what_passed_through(void **state)
{
	struct buf b = { 0 };
	uint8_t piece[1000] = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(buf_append(&b, piece, sizeof piece), 0);
		buf_take(&b, sizeof piece);
	}
	assert_true(b.cap < 1 << 16);
	buf_free(&b);
}

static void
buf_reset__beyond_keep__memory_is_given_back(void **state)
{
	struct buf b = { 0 };

	(void)state;
	assert_non_null(buf_reserve(&b, 1 << 20));
	buf_added(&b, 1 << 20);
	buf_reset(&b, 4096);
	assert_int_equal(buf_len(&b), 0);
	assert_true(b.cap <= 4096);
	assert_int_equal(buf_append(&b, "x", 1), 0);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    buf__append_and_take_in_pieces__bytes_keep_their_order),
		cmocka_unit_test(buf_reserve__fewer_added__only_those_count),
		cmocka_unit_test(
		    buf_reserve__more_than_memory__refused_and_unchanged),
		cmocka_unit_test(
		    buf__long_lived__does_not_grow_with_what_passed_through),
		cmocka_unit_test(buf_reset__beyond_keep__memory_is_given_back),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
