/* E-mail addresses, phone numbers, URLs, and people found in notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/contact.h"
#include "domain/note.h"

static const char *
url(const char *s, size_t len)
{
	return contact_url(s, len, NULL);
}

static void
assert_all(const char *(*check)(const char *, size_t), const char *const *list,
    bool good)
{
	size_t i;

	for (i = 0; list[i] != NULL; i++) {
		const char *cause = check(list[i], strlen(list[i]));

		if ((cause == NULL) != good)
			fail_msg("\"%s\": %s", list[i],
			    cause != NULL ? cause : "is taken");
	}
}

static void
assert_says(bool (*check)(const char *, size_t), const char *const *list,
    bool want)
{
	size_t i;

	for (i = 0; list[i] != NULL; i++)
		if (check(list[i], strlen(list[i])) != want)
			fail_msg("\"%s\": not %s", list[i],
			    want ? "yes" : "no");
}

static void
email__dot_atoms_at_domains__are_good(void **state)
{
	static const char *const good[] = { "accueil@exemple.fr",
		"ce.0140013n@ac-normandie.fr", "a@b.co", "a+b@sous.exemple.fr",
		"o'neil@exemple.fr", "A.B@EXEMPLE.FR", "1@xn--caf-dma.fr",
		NULL };
	static const char *const bad[] = { "", "@", "accueil", "@exemple.fr",
		"accueil@", "accueil@exemple", "accueil@.fr", "accueil@a..fr",
		"accueil@exemple.fr.", "accueil@-a.fr", "accueil@a-.fr",
		".a@exemple.fr", "a.@exemple.fr", "a..b@exemple.fr",
		"a b@exemple.fr", "a@exem ple.fr", "a@b@exemple.fr",
		"a@10.0.0.1", "a@exemple.fr, b@exemple.fr", "a@exemple.fr\n",
		"Accueil <a@exemple.fr>", "mailto:a@exemple.fr", "\"a\"@b.fr",
		"\xC3\xA9@exemple.fr", "a@\xC3\xA9.fr", NULL };

	(void)state;
	assert_all(contact_email, good, true);
	assert_all(contact_email, bad, false);
}

static void
email__bounds__are_64_before_at_and_254_in_all(void **state)
{
	char text[300];
	size_t i;

	(void)state;
	memset(text, 'a', sizeof text);
	memcpy(text + 64, "@b.fr", 5);
	assert_null(contact_email(text, 69));
	memset(text, 'a', sizeof text);
	memcpy(text + 65, "@b.fr", 5);
	assert_non_null(contact_email(text, 70));
	memset(text, 'a', sizeof text);
	text[1] = '@';
	for (i = 50; i < 250; i += 50)
		text[i] = '.';
	assert_null(contact_email(text, 254));
	assert_non_null(contact_email(text, 255));
	text[100] = 'a'; /* a label of 99 */
	assert_non_null(contact_email(text, 254));
}

static void
email_looks_personal__first_and_last_name__yes(void **state)
{
	static const char *const yes[] = { "jeanne.martin@exemple.fr",
		"jean-pierre.dupont@exemple.fr", "j.dupont@exemple.fr",
		"jeanne_martin@exemple.fr", "Jeanne.Martin2@exemple.fr", NULL };
	static const char *const no[] = { "accueil@exemple.fr",
		"mission.locale@exemple.fr", "cio.lisieux@ac-normandie.fr",
		"cio-caen.orientation@ac-normandie.fr",
		"cap.emploi14@exemple.fr", "ce.0140013n@ac-normandie.fr",
		"contact.caen@exemple.fr", "jeannemartin@exemple.fr",
		"a.b.c@exemple.fr", "jeanne.martin", "", "@", "a.b@exemple.fr",
		".martin@exemple.fr", "14.caen@exemple.fr", NULL };

	(void)state;
	assert_says(contact_email_looks_personal, yes, true);
	assert_says(contact_email_looks_personal, no, false);
}

static void
phone__international_national_and_short__are_good(void **state)
{
	static const char *const good[] = { "+33231123456", "+33 2 31 12 34 56",
		"0231123456", "02 31 12 34 56", "02.31.12.34.56",
		"02-31-12-34-56", "0801 902 902", "3949", "39 49", "36 95",
		"1014", "15", "17", "18", "112", "115", "116 111", "118712",
		"+262262123456", "+1 202 555 0123", "+4412345",
		"+123456789012345", NULL };
	static const char *const bad[] = { "", "+", "abc", "02311234567",
		"023112345", "0031231123456", "0033231123456", "1234567890",
		"+33 (0)2 31 12 34 56", "+330231123456", "+3323112345",
		"+332311234567", "+0231123456", "+123456", "+1234567890123456",
		"02  31 12 34 56", " 0231123456", "0231123456 ",
		"02 31 12 34 5O", "02 31 12 34 56 / 57",
		"0231123456;0231123457", "2949", "10", "20", "110", "113400",
		"119712", "02 31 12 34 56.", "++33231123456", NULL };

	(void)state;
	assert_all(contact_phone, good, true);
	assert_all(contact_phone, bad, false);
}

static void
url__http_with_a_host__is_good(void **state)
{
	static const char *const good[] = { "https://www.exemple.fr",
		"http://exemple.fr/", "HTTPS://EXEMPLE.FR/Accueil",
		"https://exemple.fr:8443/a?b=c&d=%20#e",
		"https://exemple.fr?x=1", "https://\xC3\xA9toile.fr/\xC3\xA0",
		"https://exemple.fr/@accueil", "https://192.0.2.1/", NULL };
	static const char *const bad[] = { "", "www.exemple.fr", "exemple.fr",
		"ftp://exemple.fr", "javascript:alert(1)", "https:/exemple.fr",
		"https://", "https:///accueil", "https://localhost/",
		"https://exemple..fr", "https://exemple.fr.", "https://-a.fr",
		"https://exemple.fr:", "https://exemple.fr:0",
		"https://exemple.fr:65536", "https://exemple.fr:x",
		"https://a:b@exemple.fr", "https://exemple.fr/a b",
		"https://exemple.fr/<a>", "https://exemple.fr/\"",
		"https://exemple.fr/\n", " https://exemple.fr",
		"https://exem_ple.fr", "https://[::1]/", NULL };
	bool scheme = false;

	(void)state;
	assert_all(url, good, true);
	assert_all(url, bad, false);
	assert_non_null(contact_url("ftp://exemple.fr", 16, &scheme));
	assert_true(scheme);
	assert_non_null(contact_url("https://exemple", 15, &scheme));
	assert_false(scheme);
}

static void
note__mail_addresses__are_seen(void **state)
{
	static const char *const yes[] = { "jeanne@exemple.fr",
		"Voir jeanne.martin@exemple.fr demain",
		"jeanne (at) exemple.fr", "jeanne at exemple.fr",
		"jeanne arobase exemple.fr", "jeanne[at]exemple.fr", NULL };
	static const char *const no[] = { "", "@", "@exemple", "a @ b",
		"Rencontre @ la mairie", "un stage at home", "a@b",
		"https://exemple.fr/accueil", NULL };

	(void)state;
	assert_says(note_has_email, yes, true);
	assert_says(note_has_email, no, false);
}

static void
note__phone_numbers__are_seen_however_they_are_cut(void **state)
{
	static const char *const yes[] = { "0612345678", "06 12 34 56 78",
		"06.12.34.56.78", "06-12-34-56-78", "06/12/34/56/78",
		"tel:0612345678.", "(06 12 34 56 78)", "06 12345678",
		"0612 345 678", "+33612345678", "+33 6 12 34 56 78",
		"+33 (0)6 12 34 56 78", "+33 06 12 34 56 78", "0033612345678",
		"06\xC2\xA0"
		"12\xC2\xA0"
		"34\xC2\xA0"
		"56\xC2\xA0"
		"78",
		"06  12  34  56  78", "06 - 12 - 34 - 56 - 78",
		"le 12 06 12 34 56 78", "06 12 34 56 78 14 heures", NULL };
	static const char *const no[] = { "", "12 accueils", "2026-03-14",
		"du 01/02/2026 au 15/02/2026", "01 02 2026 15 00", "14118",
		"0140013N", "0612345", "06123456789", "00 12 34 56 78",
		"20005340300016", "3949", "+33", "2026 0001", NULL };

	(void)state;
	assert_says(note_has_phone, yes, true);
	assert_says(note_has_phone, no, false);
}

static void
note__social_security_numbers__are_seen(void **state)
{
	static const char *const yes[] = { "185057800608436", "1850578006084",
		"1 85 05 78 006 084 36", "1 85 05 78 006 084",
		"2 99 12 2A 004 001", "2.85.05.78.006.084/36",
		"NIR 2 85 05 78 006 084 91, suivi", "299122B033001",
		"1 85 20 78 006 084", NULL };
	static const char *const no[] = { "", "20005340300016", "185057800608",
		"1 85 13 78 006 084", "5 85 05 78 006 084", "1850578006084361",
		"1 85 05 78", "2026-2027 : 12 accueils", "213 501 183 00012",
		NULL };

	(void)state;
	assert_says(note_has_nir, yes, true);
	assert_says(note_has_nir, no, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(email__dot_atoms_at_domains__are_good),
		cmocka_unit_test(
		    email__bounds__are_64_before_at_and_254_in_all),
		cmocka_unit_test(
		    email_looks_personal__first_and_last_name__yes),
		cmocka_unit_test(
		    phone__international_national_and_short__are_good),
		cmocka_unit_test(url__http_with_a_host__is_good),
		cmocka_unit_test(note__mail_addresses__are_seen),
		cmocka_unit_test(
		    note__phone_numbers__are_seen_however_they_are_cut),
		cmocka_unit_test(note__social_security_numbers__are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
