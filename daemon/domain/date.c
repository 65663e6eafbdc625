/* date.c - see date.h. */
#include "domain/date.h"

#include <string.h>

#define DAY 86400
#define HOUR 3600

static const struct date date_min = { DATE_YEAR_MIN, 1, 1 };
static const struct date date_max = { DATE_YEAR_MAX, 12, 31 };

bool
date_is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int
date_days_in_month(int year, int month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };

	if (month < 1 || month > 12)
		return 0;
	return month == 2 && date_is_leap(year) ? 29 : days[month - 1];
}

bool
date_valid(struct date d)
{
	return d.year >= DATE_YEAR_MIN && d.year <= DATE_YEAR_MAX &&
	       d.day >= 1 && d.day <= date_days_in_month(d.year, d.month);
}

static int
digits(const char *s, size_t n)
{
	int value = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
	}
	return value;
}

enum date_result
date_parse(const char *s, size_t len, struct date *out)
{
	int year, month, day;

	if (len != DATE_TEXT_SIZE - 1 || s[4] != '-' || s[7] != '-')
		return DATE_BAD_SHAPE;
	year = digits(s, 4);
	month = digits(s + 5, 2);
	day = digits(s + 8, 2);
	if (year < 0 || month < 0 || day < 0)
		return DATE_BAD_SHAPE;
	if (day < 1 || day > date_days_in_month(year, month))
		return DATE_NO_SUCH_DAY;
	if (year < DATE_YEAR_MIN || year > DATE_YEAR_MAX)
		return DATE_OUT_OF_RANGE;
	if (out != NULL)
		*out = (struct date){ (int16_t)year, (uint8_t)month,
			(uint8_t)day };
	return DATE_OK;
}

static void
put_digits(char *out, int value, size_t n)
{
	while (n-- > 0) {
		out[n] = (char)('0' + value % 10);
		value /= 10;
	}
}

char *
date_format(struct date d, char out[DATE_TEXT_SIZE])
{
	memcpy(out, "0000-00-00", DATE_TEXT_SIZE);
	if (!date_valid(d))
		return out;
	put_digits(out, d.year, 4);
	put_digits(out + 5, d.month, 2);
	put_digits(out + 8, d.day, 2);
	return out;
}

int
date_compare(struct date a, struct date b)
{
	int x = a.year * 10000 + a.month * 100 + a.day;
	int y = b.year * 10000 + b.month * 100 + b.day;

	return (x > y) - (x < y);
}

/*
 * Days and civil dates: years are counted from March, so that the leap day is
 * the last of its year; eras of 400 years have 146,097 days.
 */
#define ERA_DAYS 146097
#define EPOCH_SHIFT 719468 /* 0000-03-01 to 1970-01-01 */

static int32_t
floor_div(int32_t a, int32_t b)
{
	return a / b - (a % b < 0);
}

int32_t
date_to_days(struct date d)
{
	int32_t year = d.year - (d.month <= 2);
	int32_t era = floor_div(year, 400);
	int32_t of_era = year - era * 400;
	int32_t month = (d.month + 9) % 12; /* March is 0 */
	int32_t of_year = (153 * month + 2) / 5 + d.day - 1;

	return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - EPOCH_SHIFT;
}

struct date
date_from_days(int32_t days)
{
	int32_t limit = 10 * 1000 * 1000; /* years that an int16_t holds */
	int32_t era, day, year, of_year, month;

	days = days > limit ? limit : days < -limit ? -limit : days;
	days += EPOCH_SHIFT;
	era = floor_div(days, ERA_DAYS);
	day = days - era * ERA_DAYS;
	year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	of_year = day - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	day = of_year - (153 * month + 2) / 5 + 1;
	month += month < 10 ? 3 : -9;
	year += era * 400 + (month <= 2);
	return (struct date){ (int16_t)year, (uint8_t)month, (uint8_t)day };
}

int
date_weekday(struct date d)
{
	/* 1970-01-01 was a Thursday. */
	int32_t n = date_to_days(d) + 3;

	return n - floor_div(n, 7) * 7 + 1;
}

int32_t
date_between(struct date a, struct date b)
{
	return date_to_days(b) - date_to_days(a);
}

static struct date
clamp_days(int64_t days)
{
	if (days <= date_to_days(date_min))
		return date_min;
	if (days >= date_to_days(date_max))
		return date_max;
	return date_from_days((int32_t)days);
}

struct date
date_add_days(struct date d, int32_t days)
{
	return clamp_days((int64_t)date_to_days(d) + days);
}

struct date
date_add_months(struct date d, int months)
{
	int64_t n = (int64_t)d.year * 12 + (d.month - 1) + months;
	int year, month, last;

	if (n < (int64_t)DATE_YEAR_MIN * 12)
		return date_min;
	if (n >= ((int64_t)DATE_YEAR_MAX + 1) * 12)
		return date_max;
	year = (int)(n / 12);
	month = (int)(n % 12) + 1;
	last = date_days_in_month(year, month);
	return (struct date){ (int16_t)year, (uint8_t)month,
		(uint8_t)(d.day < last ? d.day : last) };
}

struct date
date_add_years(struct date d, int years)
{
	if (years > 1000)
		return date_max;
	if (years < -1000)
		return date_min;
	return date_add_months(d, years * 12);
}

/* ---- Paris -------------------------------------------------------------- */

/* 01:00 UTC of the last Sunday of a month of 31 days. */
static int64_t
last_sunday(int year, int month)
{
	struct date last = { (int16_t)year, (uint8_t)month, 31 };
	int32_t days = date_to_days(last) - date_weekday(last) % 7;

	return (int64_t)days * DAY + HOUR;
}

static int64_t
clamp_seconds(int64_t seconds)
{
	int64_t low = (int64_t)date_to_days(date_min) * DAY;
	int64_t high = ((int64_t)date_to_days(date_max) + 1) * DAY;

	return seconds < low ? low : seconds > high ? high : seconds;
}

static int64_t
days_of(int64_t seconds)
{
	return seconds / DAY - (seconds % DAY < 0);
}

int32_t
date_paris_offset(int64_t seconds)
{
	int64_t at = clamp_seconds(seconds);
	int year = date_from_days((int32_t)days_of(at)).year;

	return at >= last_sunday(year, 3) && at < last_sunday(year, 10)
		   ? 2 * HOUR
		   : HOUR;
}

struct date
date_from_unix(int64_t seconds)
{
	int64_t at = clamp_seconds(seconds);

	return clamp_days(days_of(at + date_paris_offset(at)));
}

int64_t
date_to_unix(struct date d)
{
	/* Winter's midnight is 23:00 UTC: one hour earlier in summer. */
	int64_t winter = (int64_t)date_to_days(d) * DAY - HOUR;

	return date_paris_offset(winter) == HOUR ? winter : winter - HOUR;
}
