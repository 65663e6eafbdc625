/* Where records came from, by position; identifiers that come twice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../client/cli/origins.h"

static void
at__position_of_each_record__file_and_line(void **state)
{
	struct origins o = { 0 };
	const struct origin *first;
	char id[16];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(id, sizeof id, "s%u", i);
		assert_int_equal(origins_add(&o, i % 3, i + 2, 2, id, &first),
		    ORIGINS_ADDED);
	}
	for (unsigned i = 0; i < 20000; i++) {
		const struct origin *x = origins_at(&o, i + 1);

		assert_int_equal(x->file, i % 3);
		assert_int_equal(x->line, i + 2);
	}
	assert_null(origins_at(&o, 0));
	assert_null(origins_at(&o, 20001));
	origins_free(&o);
}

static void
add__identifier_twice__first_is_told_and_no_position_taken(void **state)
{
	struct origins o = { 0 };
	const struct origin *first;

	(void)state;
	origins_add(&o, 0, 2, 2, "a", &first);
	origins_add(&o, 0, 3, 2, "b", &first);
	assert_int_equal(origins_add(&o, 1, 9, 2, "a", &first), ORIGINS_TWICE);
	assert_int_equal(first->file, 0);
	assert_int_equal(first->line, 2);
	assert_int_equal(o.n, 2);
	/* Another kind has identifiers of its own. */
	assert_int_equal(origins_add(&o, 1, 9, 3, "a", &first), ORIGINS_ADDED);
	assert_int_equal(origins_at(&o, 3)->line, 9);
	origins_free(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at__position_of_each_record__file_and_line),
		cmocka_unit_test(
		    add__identifier_twice__first_is_told_and_no_position_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
