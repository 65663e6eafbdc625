/* Memory of one call: zeroed, aligned, capped. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/arena.h"

static void
arena_alloc__any_length__zeroed_and_aligned(void **state)
{
	struct arena *a = arena_new(1 << 20);

	(void)state;
	for (size_t len = 1; len < 9000; len = 2 * len + 1) {
		unsigned char *p = arena_alloc(a, len);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, len);
	}
	arena_free(a);
}

static void
arena_alloc__beyond_the_cap__refused_and_remembered_until_reset(void **state)
{
	struct arena *a = arena_new(64);

	(void)state;
	assert_non_null(arena_alloc(a, 48));
	assert_null(arena_alloc(a, 32));
	assert_true(arena_overflowed(a));
	assert_non_null(arena_alloc(a, 16));
	assert_true(arena_overflowed(a));
	arena_reset(a);
	assert_false(arena_overflowed(a));
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_alloc(a, 64));
	arena_free(a);
}

static void
arena_alloc__length_near_the_top__does_not_wrap(void **state)
{
	struct arena *a = arena_new(SIZE_MAX);

	(void)state;
	assert_null(arena_alloc(a, SIZE_MAX));
	assert_null(arena_alloc(a, SIZE_MAX - 7));
	assert_true(arena_overflowed(a));
	arena_free(a);
}

static void
arena__texts_and_bytes__are_copies(void **state)
{
	struct arena *a = arena_new(4096);
	char text[] = "avant";
	char *copy = arena_strdup(a, text);
	char *bytes = arena_memdup(a, text, 2);

	(void)state;
	memset(text, 'x', 5);
	assert_string_equal(copy, "avant");
	assert_memory_equal(bytes, "av", 2);
	assert_string_equal(arena_printf(a, "%s-%03d", "s", 7), "s-007");
	arena_free(a);
	arena_free(NULL);
}

static void
arena_reset__used_again__memory_is_zeroed_again(void **state)
{
	struct arena *a = arena_new(1 << 16);
	unsigned char *p;

	(void)state;
	for (int round = 0; round < 3; round++) {
		p = arena_alloc(a, 3000);
		assert_non_null(p);
		for (int i = 0; i < 3000; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xaa, 3000);
		arena_reset(a);
	}
	arena_free(a);
}

static void
arena_hold__freed_by_one__lives_for_the_other(void **state)
{
	struct arena *a = arena_new(1 << 20), *other = arena_hold(a);
	char *text = arena_strdup(a, "still there");

	(void)state;
	assert_true(arena_is_held(a));
	arena_free(a);
	assert_false(arena_is_held(other));
	assert_string_equal(text, "still there");
	arena_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_alloc__any_length__zeroed_and_aligned),
		cmocka_unit_test(
		    arena_alloc__beyond_the_cap__refused_and_remembered_until_reset),
		cmocka_unit_test(
		    arena_alloc__length_near_the_top__does_not_wrap),
		cmocka_unit_test(arena__texts_and_bytes__are_copies),
		cmocka_unit_test(
		    arena_reset__used_again__memory_is_zeroed_again),
		cmocka_unit_test(arena_hold__freed_by_one__lives_for_the_other),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
