/* Is it UTF-8, and what is left of what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "wire/utf8.h"

static void
utf8_valid__each_row__is_told_apart(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "", true },
		{ "a long text of ASCII, more than eight bytes", true },
		{ "d\xC3\xA9j\xC3\xA0", true },
		{ "\xE2\x82\xAC \xF0\x9F\x8C\xB3", true },
		{ "\xF4\x8F\xBF\xBF", true }, /* U+10FFFF */
		{ "caf\xE9", false },
		{ "\xC3", false },
		{ "\xE2\x82", false },
		{ "\x80", false },
		{ "\xC0\xAF", false },         /* not the shortest form */
		{ "\xE0\x80\xAF", false },     /* likewise */
		{ "\xED\xA0\x80", false },     /* a surrogate */
		{ "\xF4\x90\x80\x80", false }, /* beyond U+10FFFF */
		{ "\xFF\xFE", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (utf8_valid(rows[i].text, strlen(rows[i].text)) !=
		    rows[i].good)
			fail_msg("row %zu", i);
}

static void
utf8_repair__not_utf8__keeps_the_ascii(void **state)
{
	char bad[] = "caf\xE9 cr\xC3\xA8me", good[] = "cr\xC3\xA8me";

	(void)state;
	utf8_repair(bad);
	assert_string_equal(bad, "caf? cr??me");
	utf8_repair(good);
	assert_string_equal(good, "cr\xC3\xA8me");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_valid__each_row__is_told_apart),
		cmocka_unit_test(utf8_repair__not_utf8__keeps_the_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
