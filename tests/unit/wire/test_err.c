/* Errors: codes, texts cut on a character, context, remedies. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/err.h"

static void
err_set__with_texts__all_parts_stand_and_the_result_is_a_failure(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_set(&e, ERR_INVALID, "%s: %d", "x", 3), -1);
	assert_int_equal(err_field(&e, "site.siret"), -1);
	assert_int_equal(err_reason(&e, "BAD_SIRET"), -1);
	assert_int_equal(err_remedy(&e, "give %d digits", 14), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.msg, "x: 3");
	assert_string_equal(e.field, "site.siret");
	assert_string_equal(e.reason, "BAD_SIRET");
	assert_string_equal(e.remedy, "give 14 digits");
}

static void
err_set__second_time__nothing_of_the_first_stays(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, ERR_INVALID, "first");
	err_field(&e, "f");
	err_remedy(&e, "r");
	err_set(&e, ERR_IO, "second");
	assert_int_equal(e.code, ERR_IO);
	assert_string_equal(e.msg, "second");
	assert_string_equal(e.field, "");
	assert_string_equal(e.remedy, "");
}

static void
err_wrap__set_before__context_comes_first(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, ERR_LIMIT, "map full");
	assert_int_equal(err_wrap(&e, "put %s: ", "cio-14"), -1);
	assert_string_equal(e.msg, "put cio-14: map full");
	assert_int_equal(e.code, ERR_LIMIT);
}

static void
err_set__text_too_long__cut_between_characters(void **state)
{
	struct err e = { 0 };
	char text[2 * sizeof e.msg] = "";
	size_t len;

	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'a', shift);
		for (size_t i = shift; i + 3 < sizeof text; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		err_set(&e, ERR_INVALID, "%s", text);
		len = strlen(e.msg);
		assert_true(len >= sizeof e.msg - 4 && len < sizeof e.msg);
		assert_int_equal((len - shift) % 3, 0);
	}
}

static void
err__null__dropped_without_harm(void **state)
{
	(void)state;
	err_clear(NULL);
	assert_int_equal(err_set(NULL, ERR_IO, "x"), -1);
	assert_int_equal(err_wrap(NULL, "x"), -1);
	assert_int_equal(err_field(NULL, "x"), -1);
	assert_int_equal(err_remedy(NULL, "x"), -1);
}

static void
err_code_name__every_code__has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++) {
		const char *name = err_code_name((enum err_code)i);

		assert_non_null(name);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name,
			    err_code_name((enum err_code)j));
	}
	assert_non_null(err_code_name((enum err_code)ERR_COUNT));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    err_set__with_texts__all_parts_stand_and_the_result_is_a_failure),
		cmocka_unit_test(
		    err_set__second_time__nothing_of_the_first_stays),
		cmocka_unit_test(err_wrap__set_before__context_comes_first),
		cmocka_unit_test(
		    err_set__text_too_long__cut_between_characters),
		cmocka_unit_test(err__null__dropped_without_harm),
		cmocka_unit_test(err_code_name__every_code__has_its_own_name),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
