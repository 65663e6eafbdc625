/* How long a record may be believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/date.h"
#include "domain/freshness.h"

static int32_t
day(const char *text)
{
	struct date d;

	assert_int_equal(date_parse(text, DATE_TEXT_SIZE - 1, &d), DATE_OK);
	return date_to_days(d);
}

static const char *
text(int32_t days)
{
	static char out[DATE_TEXT_SIZE];

	return date_format(date_from_days(days), out);
}

static void
period__share_of_the_last_days__rounded_up(void **state)
{
	(void)state;
	assert_int_equal(freshness_period_of(180, 20).due, 36);
	assert_int_equal(freshness_period_of(90, 20).due, 18);
	assert_int_equal(freshness_period_of(91, 20).due, 19);
	assert_int_equal(freshness_period_of(180, 0).due, 0);
	assert_int_equal(freshness_period_of(180, 100).due, 180);
	assert_int_equal(freshness_period_of(FRESHNESS_DAYS_MAX, 100).due,
	    FRESHNESS_DAYS_MAX);
	assert_int_equal(freshness_period_of(1, 1).due, 1);
}

static void
no_period__any_day__no_lease(void **state)
{
	struct freshness_period none = freshness_period_of(0, 20);

	(void)state;
	assert_int_equal(freshness_on(none, 0, 100000), FRESHNESS_NONE);
}

/* 180 days from 1 September, over the end of summer time and of the year. */
static void
known_days__due_and_stale_from_the_right_one(void **state)
{
	struct freshness_period p = freshness_period_of(180, 20);
	int32_t confirmed = day("2027-09-01");

	(void)state;
	assert_string_equal(text(freshness_due_day(p, confirmed)),
	    "2028-01-23");
	assert_string_equal(text(freshness_stale_day(p, confirmed)),
	    "2028-02-28");
	assert_int_equal(freshness_on(p, confirmed, day("2028-01-22")),
	    FRESHNESS_CONFIRMED);
	assert_int_equal(freshness_on(p, confirmed, day("2028-01-23")),
	    FRESHNESS_DUE);
	assert_int_equal(freshness_on(p, confirmed, day("2028-02-27")),
	    FRESHNESS_DUE);
	assert_int_equal(freshness_on(p, confirmed, day("2028-02-28")),
	    FRESHNESS_STALE);
	/* Before it was confirmed: a clock was set back. */
	assert_int_equal(freshness_on(p, confirmed, day("2020-01-01")),
	    FRESHNESS_CONFIRMED);
}

static void
share_of_all__on_the_day_itself__confirmed(void **state)
{
	struct freshness_period p = freshness_period_of(10, 100);

	(void)state;
	assert_int_equal(freshness_on(p, 500, 500), FRESHNESS_CONFIRMED);
	assert_int_equal(freshness_on(p, 500, 501), FRESHNESS_DUE);
	assert_int_equal(freshness_on(p, 500, 510), FRESHNESS_STALE);
}

/* Three years, hour by hour, as a daemon that is asked all the time sees them:
 * one change a day at most, at midnight in France, at the right one. */
static void
three_years_of_hours__each_change_at_its_midnight(void **state)
{
	struct freshness_period p = freshness_period_of(90, 20);
	int64_t now = date_to_unix((struct date){ 2026, 1, 5 });
	int64_t end = now + (int64_t)3 * 366 * 86400;
	int32_t confirmed = date_to_days(date_from_unix(now));
	enum freshness before = FRESHNESS_CONFIRMED, is;
	unsigned changes = 0;

	(void)state;
	for (; now < end; now += 3600) {
		int32_t today = date_to_days(date_from_unix(now));

		is = freshness_on(p, confirmed, today);
		if (is != before) {
			changes++;
			assert_int_equal(is, before + 1);
			assert_int_equal(now,
			    date_to_unix(date_from_days(today)));
			assert_int_equal(today - confirmed,
			    is == FRESHNESS_DUE ? 72 : 90);
		}
		before = is;
		if (is == FRESHNESS_STALE && today - confirmed >= 100) {
			confirmed = today; /* at last */
			before = FRESHNESS_CONFIRMED;
		}
	}
	assert_int_equal(changes, 22); /* eleven leases, two each */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(period__share_of_the_last_days__rounded_up),
		cmocka_unit_test(no_period__any_day__no_lease),
		cmocka_unit_test(known_days__due_and_stale_from_the_right_one),
		cmocka_unit_test(share_of_all__on_the_day_itself__confirmed),
		cmocka_unit_test(
		    three_years_of_hours__each_change_at_its_midnight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
