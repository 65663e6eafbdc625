/* What a person typed and what a table says compare equal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/fold.h"

static void
assert_fold(const char *text, const char *expected)
{
	char out[128];
	size_t n = fold_text(text, strlen(text), out);

	assert_string_equal(out, expected);
	assert_int_equal(n, strlen(expected));
	assert_true(n <= strlen(text));
}

static void
fold__accents_and_case__lost(void **state)
{
	(void)state;
	assert_fold("Évreux", "evreux");
	assert_fold("ÉVREUX", "evreux");
	assert_fold("E\xCC\x81vreux", "evreux"); /* combining acute */
	assert_fold("Mézidon Vallée d'Auge", "mezidon vallee d auge");
	assert_fold("Œuf Ægir straße", "oeuf aegir strasse");
}

static void
fold__hyphens_and_blanks__one_space(void **state)
{
	(void)state;
	assert_fold("Condé-en-Normandie", "conde en normandie");
	assert_fold("  Condé -- en\tNormandie ", "conde en normandie");
	assert_fold("L’Aigle", "l aigle"); /* typographic apostrophe */
	assert_fold("---", "");
	assert_fold("", "");
}

static void
fold__saint_as_a_word__short(void **state)
{
	(void)state;
	assert_fold("Saint-Lô", "st lo");
	assert_fold("St Lo", "st lo");
	assert_fold("Sainte-Mère-Église", "ste mere eglise");
	assert_fold("Saints", "sts");
	assert_fold("Toussaint", "toussaint");
	assert_fold("Saintines", "saintines");
}

static void
fold__not_utf8__separates(void **state)
{
	(void)state;
	assert_fold("\xC9vreux", "vreux"); /* Latin-1 */
	assert_fold("a\xFF"
		    "b",
	    "a b");
	assert_fold("a\xED\xA0\x80"
		    "b",
	    "a b"); /* a surrogate */
}

static void
fold__other_scripts__kept(void **state)
{
	(void)state;
	assert_fold("Ωmega", "Ωmega");
}

static void
is_utf8__shortest_forms_only(void **state)
{
	(void)state;
	assert_true(fold_is_utf8("Évreux", strlen("Évreux")));
	assert_true(fold_is_utf8("", 0));
	assert_false(fold_is_utf8("\xC0\x80", 2));         /* over-long NUL */
	assert_false(fold_is_utf8("\xED\xA0\x80", 3));     /* surrogate */
	assert_false(fold_is_utf8("\xF4\x90\x80\x80", 4)); /* > U+10FFFF */
	assert_false(fold_is_utf8("\xC3", 1));             /* cut */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fold__accents_and_case__lost),
		cmocka_unit_test(fold__hyphens_and_blanks__one_space),
		cmocka_unit_test(fold__saint_as_a_word__short),
		cmocka_unit_test(fold__not_utf8__separates),
		cmocka_unit_test(fold__other_scripts__kept),
		cmocka_unit_test(is_utf8__shortest_forms_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
