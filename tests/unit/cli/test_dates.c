/* Days and instants, in the civil time of France. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../../client/cli/dates.h"

static void
day__that_does_not_exist__refused(void **state)
{
	(void)state;
	assert_true(dates_is_day("2024-02-29"));
	assert_true(dates_is_day("2199-12-31"));
	assert_false(dates_is_day("2026-02-29"));
	assert_false(dates_is_day("2100-02-29"));
	assert_false(dates_is_day("1899-12-31"));
	assert_false(dates_is_day("2026-13-01"));
	assert_false(dates_is_day("2026-1-01"));
	assert_false(dates_is_day("2026-01-01 "));
	assert_false(dates_is_day(""));
}

static void
instant__of_rfc_3339__seconds_and_nanos(void **state)
{
	int64_t seconds;
	int32_t nanos;

	(void)state;
	assert_true(dates_instant("1970-01-01T00:00:00Z", &seconds, &nanos));
	assert_int_equal(seconds, 0);
	assert_true(
	    dates_instant("2026-02-28T12:00:00.25+01:00", &seconds, &nanos));
	assert_int_equal(seconds, 1772276400);
	assert_int_equal(nanos, 250000000);
	assert_true(dates_instant("1969-12-31T23:59:59Z", &seconds, &nanos));
	assert_int_equal(seconds, -1);
	assert_false(dates_instant("2026-02-28T12:00:00", &seconds, &nanos));
	assert_false(dates_instant("2026-02-28T25:00:00Z", &seconds, &nanos));
	assert_false(dates_instant("2026-02-28T12:00:00.Z", &seconds, &nanos));
	assert_false(dates_instant("2026-02-28", &seconds, &nanos));
}

/* The end of a day in France, and the instant shown again. */
static void
assert_end(const char *day, const char *utc, const char *shown)
{
	char text[DATES_TEXT];
	int64_t seconds;
	int32_t nanos;

	assert_true(dates_instant(utc, &seconds, &nanos));
	assert_int_equal(dates_end_of_day(day), seconds);
	dates_show(seconds, text);
	assert_string_equal(text, shown);
}

static void
end_of_day__around_summer_time__that_of_france(void **state)
{
	(void)state;
	assert_end("2026-01-15", "2026-01-15T22:59:59Z", "2026-01-15 23:59:59");
	assert_end("2026-03-28", "2026-03-28T22:59:59Z", "2026-03-28 23:59:59");
	assert_end("2026-03-29", "2026-03-29T21:59:59Z", "2026-03-29 23:59:59");
	assert_end("2026-10-24", "2026-10-24T21:59:59Z", "2026-10-24 23:59:59");
	assert_end("2026-10-25", "2026-10-25T22:59:59Z", "2026-10-25 23:59:59");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(day__that_does_not_exist__refused),
		cmocka_unit_test(instant__of_rfc_3339__seconds_and_nanos),
		cmocka_unit_test(
		    end_of_day__around_summer_time__that_of_france),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
