/* Civil dates, and the day in Paris at an instant. */
#include "domain/date.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#define UNUSED(x) ((void)(x))

static struct date
day(const char *text)
{
	struct date d = { 0, 0, 0 };

	assert_int_equal(date_parse(text, strlen(text), &d), DATE_OK);
	return d;
}

static void
assert_day(struct date d, const char *text)
{
	char out[DATE_TEXT_SIZE];

	assert_string_equal(date_format(d, out), text);
}

static void
date_parse__days_of_the_calendar__are_read(void **state)
{
	struct date d = day("2026-08-31");

	UNUSED(state);
	assert_int_equal(d.year, 2026);
	assert_int_equal(d.month, 8);
	assert_int_equal(d.day, 31);
	assert_day(day("1900-01-01"), "1900-01-01");
	assert_day(day("2199-12-31"), "2199-12-31");
	assert_day(day("2024-02-29"), "2024-02-29");
	assert_day(day("2000-02-29"), "2000-02-29");
}

static void
date_parse__anything_else__says_why_and_writes_nothing(void **state)
{
	static const struct {
		const char *text;
		enum date_result want;
	} bad[] = {
		{ "", DATE_BAD_SHAPE },
		{ "2026-8-31", DATE_BAD_SHAPE },
		{ "2026/08/31", DATE_BAD_SHAPE },
		{ "31-08-2026", DATE_BAD_SHAPE },
		{ "2026-08-31 ", DATE_BAD_SHAPE },
		{ "2026-08-3a", DATE_BAD_SHAPE },
		{ "+026-08-31", DATE_BAD_SHAPE },
		{ "2025-02-29", DATE_NO_SUCH_DAY },
		{ "1900-02-29", DATE_NO_SUCH_DAY },
		{ "2100-02-29", DATE_NO_SUCH_DAY },
		{ "2026-04-31", DATE_NO_SUCH_DAY },
		{ "2026-13-01", DATE_NO_SUCH_DAY },
		{ "2026-00-10", DATE_NO_SUCH_DAY },
		{ "2026-01-00", DATE_NO_SUCH_DAY },
		{ "1899-12-31", DATE_OUT_OF_RANGE },
		{ "2200-01-01", DATE_OUT_OF_RANGE },
	};
	size_t i;

	UNUSED(state);
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct date d = { 1, 2, 3 };

		assert_int_equal(date_parse(bad[i].text, strlen(bad[i].text),
				     &d),
		    bad[i].want);
		assert_int_equal(d.year, 1);
	}
}

static void
date_format__not_a_day__writes_zeros(void **state)
{
	UNUSED(state);
	assert_day((struct date){ 2025, 2, 29 }, "0000-00-00");
	assert_day((struct date){ 0, 0, 0 }, "0000-00-00");
}

static void
date_days__every_day_of_the_bounds__comes_back(void **state)
{
	int32_t low = date_to_days((struct date){ 1900, 1, 1 });
	int32_t high = date_to_days((struct date){ 2199, 12, 31 });
	int weekday = 1; /* 1900-01-01 was a Monday */
	int32_t n;

	UNUSED(state);
	assert_int_equal(date_to_days(day("1970-01-01")), 0);
	assert_int_equal(high - low + 1, 109573);
	for (n = low; n <= high; n++) {
		struct date d = date_from_days(n);

		assert_true(date_valid(d));
		assert_int_equal(date_to_days(d), n);
		assert_int_equal(date_weekday(d), weekday);
		weekday = weekday % 7 + 1;
	}
	assert_false(date_valid(date_from_days(low - 1)));
	assert_false(date_valid(date_from_days(high + 1)));
	assert_false(date_valid(date_from_days(INT32_MAX)));
	assert_false(date_valid(date_from_days(INT32_MIN)));
}

static void
date_weekday__known_days__are_named(void **state)
{
	UNUSED(state);
	assert_int_equal(date_weekday(day("1970-01-01")), 4);
	assert_int_equal(date_weekday(day("2000-02-29")), 2);
	assert_int_equal(date_weekday(day("2026-11-24")), 2);
	assert_int_equal(date_weekday(day("2026-03-29")), 7);
}

static void
date_add__ends_of_months__stay_in_the_month(void **state)
{
	UNUSED(state);
	assert_day(date_add_years(day("2024-02-29"), 1), "2025-02-28");
	assert_day(date_add_years(day("2024-02-29"), 4), "2028-02-29");
	assert_day(date_add_years(day("2024-03-01"), 5), "2029-03-01");
	assert_day(date_add_months(day("2026-01-31"), 1), "2026-02-28");
	assert_day(date_add_months(day("2026-01-31"), -2), "2025-11-30");
	assert_day(date_add_months(day("2026-12-15"), 1), "2027-01-15");
	assert_day(date_add_days(day("2024-02-28"), 1), "2024-02-29");
	assert_day(date_add_days(day("2024-12-31"), 1), "2025-01-01");
	assert_day(date_add_days(day("2025-01-01"), -366), "2024-01-01");
}

static void
date_add__beyond_the_bounds__is_the_bound(void **state)
{
	UNUSED(state);
	assert_day(date_add_days(day("2199-12-30"), 5), "2199-12-31");
	assert_day(date_add_days(day("1900-01-02"), -5), "1900-01-01");
	assert_day(date_add_days(day("2000-01-01"), INT32_MAX), "2199-12-31");
	assert_day(date_add_days(day("2000-01-01"), INT32_MIN), "1900-01-01");
	assert_day(date_add_months(day("2199-12-30"), 1), "2199-12-31");
	assert_day(date_add_months(day("2000-01-01"), INT_MIN), "1900-01-01");
	assert_day(date_add_years(day("2000-01-01"), INT_MAX), "2199-12-31");
	assert_day(date_add_years(day("2000-01-01"), INT_MIN), "1900-01-01");
	assert_day(date_add_years(day("1950-06-01"), -100), "1900-01-01");
}

static void
date_compare__orders_days(void **state)
{
	UNUSED(state);
	assert_int_equal(date_compare(day("2026-01-31"), day("2026-02-01")),
	    -1);
	assert_int_equal(date_compare(day("2026-02-01"), day("2026-02-01")), 0);
	assert_int_equal(date_compare(day("2027-01-01"), day("2026-12-31")), 1);
	assert_int_equal(date_between(day("2024-02-28"), day("2024-03-01")), 2);
	assert_int_equal(date_between(day("2024-03-01"), day("2024-02-28")),
	    -2);
}

static void
date_from_unix__around_midnight__follows_legal_time(void **state)
{
	UNUSED(state);
	/* Winter: midnight in Paris is 23:00 UTC. */
	assert_day(date_from_unix(1767221999), "2025-12-31");
	assert_day(date_from_unix(1767222000), "2026-01-01");
	/* Summer: 22:00 UTC. */
	assert_day(date_from_unix(1782856799), "2026-06-30");
	assert_day(date_from_unix(1782856800), "2026-07-01");
	assert_day(date_from_unix(0), "1970-01-01");
	assert_day(date_from_unix(-3601), "1969-12-31");
	assert_day(date_from_unix(-3600), "1970-01-01");
}

static void
date_paris_offset__changes_of_hour__fall_on_last_sundays(void **state)
{
	UNUSED(state);
	/* 2026: 29 March and 25 October, 01:00 UTC. */
	assert_int_equal(date_paris_offset(1774745999), 3600);
	assert_int_equal(date_paris_offset(1774746000), 7200);
	assert_int_equal(date_paris_offset(1792889999), 7200);
	assert_int_equal(date_paris_offset(1792890000), 3600);
	/* 2024: 31 March and 27 October, the last Sunday is the 31st. */
	assert_int_equal(date_paris_offset(1711846799), 3600);
	assert_int_equal(date_paris_offset(1711846800), 7200);
	assert_int_equal(date_paris_offset(1729990799), 7200);
	assert_int_equal(date_paris_offset(1729990800), 3600);
}

static void
date_to_unix__start_of_day__is_the_first_second_of_it(void **state)
{
	struct date d = { 2023, 1, 1 };
	int i;

	UNUSED(state);
	for (i = 0; i < 4 * 366; i++) {
		struct date next = date_add_days(d, 1);
		int64_t start = date_to_unix(d);

		assert_int_equal(date_compare(date_from_unix(start), d), 0);
		assert_int_equal(date_compare(date_from_unix(start - 1), d),
		    -1);
		d = next;
	}
	/* The days of the changes last 23 and 25 hours. */
	assert_int_equal(date_to_unix(day("2026-03-30")) -
			     date_to_unix(day("2026-03-29")),
	    23 * 3600);
	assert_int_equal(date_to_unix(day("2026-10-26")) -
			     date_to_unix(day("2026-10-25")),
	    25 * 3600);
}

static void
date_from_unix__beyond_the_bounds__is_the_bound(void **state)
{
	UNUSED(state);
	assert_day(date_from_unix(INT64_MAX), "2199-12-31");
	assert_day(date_from_unix(INT64_MIN), "1900-01-01");
	assert_int_equal(date_paris_offset(INT64_MAX), 3600);
	assert_int_equal(date_paris_offset(INT64_MIN), 3600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(date_parse__days_of_the_calendar__are_read),
		cmocka_unit_test(
		    date_parse__anything_else__says_why_and_writes_nothing),
		cmocka_unit_test(date_format__not_a_day__writes_zeros),
		cmocka_unit_test(
		    date_days__every_day_of_the_bounds__comes_back),
		cmocka_unit_test(date_weekday__known_days__are_named),
		cmocka_unit_test(date_add__ends_of_months__stay_in_the_month),
		cmocka_unit_test(date_add__beyond_the_bounds__is_the_bound),
		cmocka_unit_test(date_compare__orders_days),
		cmocka_unit_test(
		    date_from_unix__around_midnight__follows_legal_time),
		cmocka_unit_test(
		    date_paris_offset__changes_of_hour__fall_on_last_sundays),
		cmocka_unit_test(
		    date_to_unix__start_of_day__is_the_first_second_of_it),
		cmocka_unit_test(
		    date_from_unix__beyond_the_bounds__is_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
