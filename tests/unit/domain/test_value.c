/* The kinds of value of the fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "domain/value.h"

static const char *
reason_of(enum value_kind kind, const char *s, size_t len)
{
	static struct err e;

	err_clear(&e);
	if (value_check(kind, "site.champ", s, len, &e) == 0)
		return "";
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.field, "site.champ");
	assert_true(strncmp(e.msg, "site.champ: ", 12) == 0);
	if ((unsigned)kind < VALUE_KIND_COUNT)
		assert_non_null(strstr(e.msg, value_rule(kind)->name));
	assert_true(strlen(e.remedy) > 5);
	return e.reason;
}

static void
value_check__good_and_bad_of_each_kind__say_the_reason(void **state)
{
	static const struct {
		enum value_kind kind;
		const char *text, *reason;
	} samples[] = {
		{ VALUE_TEXT, "a", "" },
		{ VALUE_TEXT, "ligne\nsuite", "CONTROL" },
		{ VALUE_TEXT, "a\tb", "CONTROL" },
		{ VALUE_TEXT, "", "EMPTY" },
		{ VALUE_NAME, "CIO", "" },
		{ VALUE_NAME, "\xC3\xA9t\xC3\xA9", "" },
		{ VALUE_NAME, "ML", "TOO_SHORT" },
		{ VALUE_NAME, "\xC3\xA9\xC3\xA9", "TOO_SHORT" },
		{ VALUE_DESCRIPTION, "Une.\n\tDeux.", "" },
		{ VALUE_DESCRIPTION, "Une.\r\nDeux.", "CONTROL" },
		{ VALUE_DESCRIPTION, "abcd", "TOO_SHORT" },
		{ VALUE_ID, "cio-de-lisieux", "" },
		{ VALUE_ID, "CIO", "ID_SHAPE" },
		{ VALUE_ID, "cio_1", "ID_SHAPE" },
		{ VALUE_ID, "\xC3\xA9", "ID_SHAPE" },
		{ VALUE_SIREN, "200053403", "" },
		{ VALUE_SIREN, "200053404", "SIREN_CHECKSUM" },
		{ VALUE_SIREN, "200 053 403", "SIREN_SHAPE" },
		{ VALUE_SIRET, "13000548100010", "" },
		{ VALUE_SIRET, "35600000049837", "" },
		{ VALUE_SIRET, "13000548100011", "SIRET_CHECKSUM" },
		{ VALUE_SIRET, "130005481 00010", "SIRET_SHAPE" },
		{ VALUE_RNA, "W142001234", "" },
		{ VALUE_RNA, "142001234", "RNA_SHAPE" },
		{ VALUE_UAI, "0140013N", "" },
		{ VALUE_UAI, "0140013A", "UAI_CHECKSUM" },
		{ VALUE_UAI, "0140013", "UAI_SHAPE" },
		{ VALUE_COMMUNE, "14118", "" },
		{ VALUE_COMMUNE, "Caen", "COMMUNE_SHAPE" },
		{ VALUE_POSTAL_CODE, "14000", "" },
		{ VALUE_POSTAL_CODE, "F-14000", "POSTAL_CODE_SHAPE" },
		{ VALUE_EMAIL, "accueil@exemple.fr", "" },
		{ VALUE_EMAIL, "accueil", "EMAIL_SHAPE" },
		{ VALUE_PHONE, "02 31 12 34 56", "" },
		{ VALUE_PHONE, "39 49", "" },
		{ VALUE_PHONE, "02 31", "PHONE_SHAPE" },
		{ VALUE_URL, "https://www.exemple.fr", "" },
		{ VALUE_URL, "www.exemple.fr", "URL_SCHEME" },
		{ VALUE_URL, "https://exemple", "URL_SHAPE" },
		{ VALUE_OPENING_HOURS, "Mo-Fr 09:00-12:00; PH off", "" },
		{ VALUE_OPENING_HOURS, "lun-ven 9h", "OPENING_HOURS_SYNTAX" },
		{ VALUE_DATE, "2024-02-29", "" },
		{ VALUE_DATE, "29/02/2024", "DATE_SHAPE" },
		{ VALUE_DATE, "2025-02-29", "DATE_UNKNOWN" },
		{ VALUE_DATE, "1899-12-31", "DATE_RANGE" },
		{ VALUE_ZONE, "com:14118", "" },
		{ VALUE_ZONE, "epci:200065597", "" },
		{ VALUE_ZONE, "arr:142", "" },
		{ VALUE_ZONE, "dep:14", "" },
		{ VALUE_ZONE, "catef:142", "" },
		{ VALUE_ZONE, "reg:28", "" },
		{ VALUE_ZONE, "14118", "ZONE_SHAPE" },
		{ VALUE_ZONE, "com:1411", "ZONE_SHAPE" },
		{ VALUE_ZONE, "dep:", "ZONE_SHAPE" },
		{ VALUE_ZONE, "canton:1401", "ZONE_TYPE" },
		{ VALUE_ZONE, ":14", "ZONE_TYPE" },
		{ VALUE_DEPARTEMENT, "2A", "" },
		{ VALUE_DEPARTEMENT, "20", "DEPARTEMENT_SHAPE" },
		{ VALUE_EPCI, "200065597", "" },
		{ VALUE_EPCI, "200065598", "EPCI_CHECKSUM" },
		{ VALUE_EPCI, "356000000", "EPCI_SHAPE" },
		{ VALUE_VOCABULARY, "A01", "" },
		{ VALUE_VOCABULARY, "numerique--acceder-a-du-materiel", "" },
		{ VALUE_VOCABULARY, "deux mots", "CODE_SHAPE" },
		{ VALUE_SOURCE_ID, "n\xC2\xB0 12/A", "" },
		{ VALUE_SOURCE_ID, "a\nb", "CONTROL" },
		{ VALUE_ZONE_ELIGIBILITE, "france", "" },
		{ VALUE_ZONE_ELIGIBILITE, "14", "" },
		{ VALUE_ZONE_ELIGIBILITE, "14118", "" },
		{ VALUE_ZONE_ELIGIBILITE, "200065597", "" },
		{ VALUE_ZONE_ELIGIBILITE, "99109", "" },
		{ VALUE_ZONE_ELIGIBILITE, "France", "ZONE_ELIGIBILITE_SHAPE" },
		{ VALUE_ZONE_ELIGIBILITE, "28000000",
		    "ZONE_ELIGIBILITE_SHAPE" },
		{ VALUE_KIND_COUNT, "a", "KIND" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		const char *got = reason_of(samples[i].kind, samples[i].text,
		    strlen(samples[i].text));

		if (strcmp(got, samples[i].reason) != 0)
			fail_msg("\"%s\": %s, not %s", samples[i].text, got,
			    samples[i].reason);
	}
}

static void
value_check__unclean_text__is_refused_by_every_kind(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *reason;
	} bad[] = {
		{ "", 0, "EMPTY" }, { "\xFF\xFE", 2, "UTF8" },
		{ "\xC3", 1, "UTF8" },
		{ "\xC0\x80", 2, "UTF8" },         /* NUL, too long */
		{ "\xED\xA0\x80", 3, "UTF8" },     /* surrogate */
		{ "\xF4\x90\x80\x80", 4, "UTF8" }, /* above 10FFFF */
		{ " texte", 6, "BLANK_ENDS" }, { "texte ", 6, "BLANK_ENDS" },
		{ "texte\n", 6, "BLANK_ENDS" },
		{ "\xC2\xA0texte", 7, "BLANK_ENDS" }, /* no-break space */
		{ "texte\xE2\x80\xAF", 8, "BLANK_ENDS" },
		{ "\xEF\xBB\xBFtexte", 8, "BLANK_ENDS" }, /* byte order mark */
		{ "te\0te", 5, "CONTROL" }, { "te\x1Bte", 5, "CONTROL" },
		{ "te\x7Fte", 5, "CONTROL" },
		{ "te\xC2\x85te", 6, "CONTROL" },     /* C1 */
		{ "te\xE2\x80\xAEte", 7, "CONTROL" }, /* right to left */
		{ "te\xE2\x80\xA8te", 7, "CONTROL" }, /* line separator */
	};
	size_t i;
	int kind;

	(void)state;
	for (kind = 0; kind < VALUE_KIND_COUNT; kind++)
		for (i = 0; i < sizeof bad / sizeof bad[0]; i++)
			assert_string_equal(reason_of((enum value_kind)kind,
						bad[i].text, bad[i].len),
			    bad[i].reason);
}

static void
value_check__bounds__count_characters_not_bytes(void **state)
{
	static const struct {
		enum value_kind kind;
		size_t max;
	} of[] = { { VALUE_NAME, 150 }, { VALUE_DESCRIPTION, 10000 },
		{ VALUE_SOURCE_ID, 128 } };
	char *text = malloc(30000);
	size_t i, j;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < sizeof of / sizeof of[0]; i++) {
		for (j = 0; j <= of[i].max; j++)
			memcpy(text + 2 * j, "\xC3\xA9", 2);
		assert_string_equal(reason_of(of[i].kind, text, 2 * of[i].max),
		    "");
		assert_string_equal(reason_of(of[i].kind, text,
					2 * of[i].max + 2),
		    "TOO_LONG");
	}
	memset(text, 'a', 30000);
	assert_string_equal(reason_of(VALUE_ID, text, 80), "");
	assert_string_equal(reason_of(VALUE_ID, text, 81), "TOO_LONG");
	memcpy(text, "https://exemple.fr/", 19);
	assert_string_equal(reason_of(VALUE_URL, text, 2083), "");
	assert_string_equal(reason_of(VALUE_URL, text, 2084), "TOO_LONG");
	free(text);
}

static void
value_check__every_message__quotes_short_and_clean(void **state)
{
	struct err e = { 0 };
	char text[200];
	size_t i;

	(void)state;
	value_check(VALUE_SIRET, "site.siret", "13000548100011", 14, &e);
	assert_string_equal(e.msg,
	    "site.siret: SIRET \"13000548100011\" has "
	    "a wrong check digit (Luhn): one digit is mistyped");
	assert_non_null(strstr(e.remedy, "13000548100010"));
	for (i = 0; i < 100; i++)
		memcpy(text + 2 * i, "\xC3\xA9", 2);
	value_check(VALUE_ID, "id", text + 0, 200, &e);
	assert_non_null(strstr(e.msg, "\xC3\xA9...\""));
	value_check(VALUE_ID, "id", "a\x1B[31m", 6, &e);
	assert_null(strchr(e.msg, 0x1B));
	value_check(VALUE_ID, "id",
	    "a\xC2\x9B"
	    "31m\xE2\x80\xAE",
	    9, &e);
	assert_non_null(strstr(e.msg, "\"a??31m???\""));
	/* Prose may tell of people. */
	value_check(VALUE_TEXT, "comment", "secret\x1B", 7, &e);
	assert_null(strstr(e.msg, "secret"));
	assert_int_equal(value_check(VALUE_ID, "id", "A", 1, NULL), -1);
}

static void
value_rule__every_kind__has_its_row_and_an_example(void **state)
{
	int kind;

	(void)state;
	for (kind = 0; kind < VALUE_KIND_COUNT; kind++) {
		const struct value_rule *r = value_rule((enum value_kind)kind);

		assert_int_equal(r->kind, kind);
		assert_non_null(r->name);
		assert_non_null(r->check);
		assert_true(strncmp(r->remedy, "give ", 5) == 0 ||
			    strncmp(r->remedy, "write ", 6) == 0);
		assert_true(strlen(r->remedy) < 192);
	}
	assert_ptr_equal(value_rule(VALUE_KIND_COUNT), value_rule(VALUE_TEXT));
}

static void
value_chars__counts_code_points(void **state)
{
	(void)state;
	assert_int_equal(value_chars("", 0), 0);
	assert_int_equal(value_chars("abc", 3), 3);
	assert_int_equal(value_chars("\xC3\xA9t\xC3\xA9", 5), 3);
	assert_int_equal(value_chars("\xF0\x9F\x98\x80", 4), 1);
}

static void
value_note_has_personal_data__any_of_three__yes(void **state)
{
	(void)state;
	assert_true(value_note_has_personal_data("a@b.fr", 6));
	assert_true(value_note_has_personal_data("06 12 34 56 78", 14));
	assert_true(value_note_has_personal_data("1850578006084", 13));
	assert_false(value_note_has_personal_data("12 accueils", 11));
	assert_false(value_note_has_personal_data("", 0));
	assert_true(value_email_looks_personal("jeanne.martin@a.fr", 18));
	assert_false(value_email_looks_personal("accueil@a.fr", 12));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    value_check__good_and_bad_of_each_kind__say_the_reason),
		cmocka_unit_test(
		    value_check__unclean_text__is_refused_by_every_kind),
		cmocka_unit_test(
		    value_check__bounds__count_characters_not_bytes),
		cmocka_unit_test(
		    value_check__every_message__quotes_short_and_clean),
		cmocka_unit_test(
		    value_rule__every_kind__has_its_row_and_an_example),
		cmocka_unit_test(value_chars__counts_code_points),
		cmocka_unit_test(
		    value_note_has_personal_data__any_of_three__yes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
