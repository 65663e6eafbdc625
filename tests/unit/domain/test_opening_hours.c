/* The opening_hours notation of OpenStreetMap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "domain/opening_hours.h"

static void
opening_hours__texts_of_the_specification__are_read(void **state)
{
	static const char *const good[] = {
		"24/7",
		"24/7; Su off",
		"Mo-Fr 09:00-12:30,13:30-17:00; Sa[1] 10:00-12:00; PH off",
		"Mo-Fr 09:00-12:30, 13:30-17:00",
		"Mo-Fr 08:30-20:00, We 08:30-21:00",
		"Mo,Tu,Th 09:00-17:00",
		"Mo, Tu 09:00-17:00",
		"Mo-Sa 09:00-18:00;Su off",
		"Fr-Mo 09:00-12:00",
		"10:00-12:00",
		"10:00+",
		"17:00-02:00",
		"20:00-26:00",
		"10:00-24:00",
		"22:00-48:00",
		"00:00-24:00",
		"sunrise-sunset",
		"Mo (sunrise+02:00)-(sunset-04:30)",
		"10:00-16:00/01:30",
		"10:00-16:00/90",
		"Mo 14:00-17:00+",
		"PH off",
		"SH off",
		"SH,PH Mo-Su 10:00+",
		"SH Mo-Fr 10:00-12:00",
		"Mo-Su,PH 10:00-12:00",
		"PH +1 day off",
		"PH -1 day 09:00-12:00",
		"Th[1-2,-1] 10:00-12:00",
		"Sa[-1] off",
		"Fr[1] +2 days 10:00-12:00",
		"week 1-53/2 We 14:00-17:00",
		"week 4,6,8-10 Mo 09:00-12:00",
		"week 20: 10:00-12:00",
		"Jan-Mar 10:00-12:00",
		"Nov-Feb Mo 10:00-12:00",
		"Jan,Jul 10:00-12:00",
		"Jul 14-Aug 31 closed \"vacances\"",
		"Dec 25 off",
		"Dec 24-26 off",
		"Dec 25,Jan 01 off",
		"Dec 25, May 1 off",
		"Feb 29 off",
		"Jan 10+ off",
		"2026 off",
		"2026-2028 Mo 10:00-12:00",
		"2026-2040/2 off",
		"2026+ Mo 10:00-12:00",
		"2026,2028 off",
		"2026 Dec 24-2027 Jan 02 off",
		"2026 Dec 24,2027 Jan 02 off",
		"easter off",
		"easter -2 days off",
		"easter -2 days-easter +1 day off",
		"Jan 01 +Su off",
		"Apr-Oct: Tu sunrise-sunset || \"sur rendez-vous\"",
		"\"sur rendez-vous\"",
		"\"\xC3\xA9t\xC3\xA9\": Mo 10:00-12:00",
		"Mo \"sur rendez-vous\"",
		"Mo 10:00-12:00 \"atelier\"; Tu closed \"r\xC3\xA9union\"",
		"Mo 10:00-12:00 open \"atelier\"",
		"Mo 10:00-12:00 unknown",
		"off",
		"closed",
		"open",
		"Mo",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct opening_hours_error e = { 0, "" };

		if (opening_hours_check(good[i], strlen(good[i]), &e) != 0)
			fail_msg("\"%s\": %zu: %s", good[i], e.at, e.cause);
	}
}

static void
opening_hours__slips__say_where_and_what(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *cause;
	} bad[] = {
		{ "", 1, "rule is missing" },
		{ ";", 1, "wanted" },
		{ "Mo 10:00-12:00;", 16, "rule is missing" },
		{ "Mo 10:00-12:00,", 16, "rule is missing" },
		{ "Mo 10:00-12:00 |", 16, "wanted" },
		{ "Lu-Ve 09:00-12:00", 1, "Mo Tu We" },
		{ "mo-fr 09:00-12:00", 1, "Mo Tu We" },
		{ "Mo-Ve 09:00-12:00", 4, "a day is wanted" },
		{ "lundi 9h-12h", 1, "Mo Tu We" },
		{ "Mo 9:00-12:00", 4, "two digits" },
		{ "Mo 09h00-12h00", 6, "colon" },
		{ "Mo 9h-12h", 4, "two digits" },
		{ "Mo 09:00", 9, "a time alone" },
		{ "Mo 09:00 - 12:00", 9, "a time alone" },
		{ "Mo 09:00-", 10, "two digits" },
		{ "Mo 09:00-12", 12, "colon" },
		{ "Mo 09:0-12:00", 7, "minutes have two" },
		{ "Mo 09:60-12:00", 7, "00 to 59" },
		{ "Mo 25:00-26:00", 4, "00 to 24" },
		{ "Mo 24:01-26:00", 7, "00 to 59" },
		{ "Mo 22:00-49:00", 10, "00 to 48" },
		{ "Mo 22:00-48:01", 13, "00 to 59" },
		{ "Mo 09:00-12:00 14:00-17:00", 16, "comma" },
		{ "Mo: 09:00-12:00", 3, "colon" },
		{ "Mo - Fr 09:00-12:00", 4, "no blank" },
		{ "Mo[0] 09:00-12:00", 4, "rank" },
		{ "Mo[6] 09:00-12:00", 4, "rank" },
		{ "Mo[1 09:00-12:00", 5, "]" },
		{ "PH +1 off", 7, "day or days" },
		{ "PH +0 day off", 5, "1 to 366" },
		{ "week 54 off", 6, "1 to 53" },
		{ "week 0 off", 6, "1 to 53" },
		{ "week Mo 10:00-12:00", 6, "1 to 53" },
		{ "Jan 32 off", 5, "no such day" },
		{ "Feb 30 off", 5, "no such day" },
		{ "Apr 31 off", 5, "no such day" },
		{ "Dec 00 off", 5, "no such day" },
		{ "Jan 10-Feb off", 11, "both ends" },
		{ "Jan-Feb 10 off", 11, "both ends" },
		{ "Jan-Mo off", 5, "a month is wanted" },
		{ "1899 off", 1, "1900 to 2199" },
		{ "2200 off", 1, "1900 to 2199" },
		{ "2026- off", 6, "1900 to 2199" },
		{ "\"sans fin", 10, "closing quote" },
		{ "\"\"", 2, "empty" },
		{ "(noon+01:00)-17:00", 2, "dawn" },
		{ "(sunset 01:00)-17:00", 8, "+ or -" },
		{ "(sunset+01:00-17:00", 14, ") is" },
		{ "24/70", 3, "colon" },
		{ "\xC3\xA9t\xC3\xA9 Mo", 1, "wanted" },
		{ "\"\xC3\xA9t\xC3\xA9\" Mo", 7, "comma" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct opening_hours_error e = { 0, "" };

		if (opening_hours_check(bad[i].text, strlen(bad[i].text), &e) ==
		    0)
			fail_msg("\"%s\" is taken", bad[i].text);
		if (e.at != bad[i].at || strstr(e.cause, bad[i].cause) == NULL)
			fail_msg("\"%s\": %zu: %s", bad[i].text, e.at, e.cause);
	}
	assert_int_equal(opening_hours_check("Lu", 2, NULL), -1);
}

static void
opening_hours__every_cut_of_a_good_text__ends_within_it(void **state)
{
	const char text[] =
	    "2026 Dec 24-2027 Jan 02,easter -2 days week 1-9/2: "
	    "SH Mo[1]-Fr,PH +1 day (sunset-01:00)-24:00+ off "
	    "\"x\" || 24/7";
	size_t i;

	(void)state;
	for (i = 0; i < sizeof text - 1; i++) {
		char copy[sizeof text];
		struct opening_hours_error e = { 1, "" };

		memcpy(copy, text, i); /* no NUL: the length rules */
		memset(copy + i, '1', sizeof copy - i);
		(void)opening_hours_check(copy, i, &e);
		assert_in_range(e.at, 1, i + 1);
	}
}

static void
opening_hours__too_long__is_refused(void **state)
{
	char text[OPENING_HOURS_MAX + 2];
	struct opening_hours_error e = { 0, "" };

	(void)state;
	memset(text, 'x', sizeof text);
	text[0] = '"';
	text[OPENING_HOURS_MAX - 1] = '"';
	assert_int_equal(opening_hours_check(text, OPENING_HOURS_MAX, &e), 0);
	text[OPENING_HOURS_MAX - 1] = 'x';
	text[OPENING_HOURS_MAX] = '"';
	assert_int_equal(opening_hours_check(text, OPENING_HOURS_MAX + 1, &e),
	    -1);
	assert_non_null(strstr(e.cause, "1,000"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    opening_hours__texts_of_the_specification__are_read),
		cmocka_unit_test(opening_hours__slips__say_where_and_what),
		cmocka_unit_test(
		    opening_hours__every_cut_of_a_good_text__ends_within_it),
		cmocka_unit_test(opening_hours__too_long__is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
