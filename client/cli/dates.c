/* dates.c - see dates.h. */
#include "dates.h"

#include <stdio.h>
#include <string.h>

enum { DAY = 86400 };

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
month_days(int year, int month)
{
	static const char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1970-01-01 (Howard Hinnant, "chrono-compatible algorithms"). */
static int64_t
days_of(int year, int month, int day)
{
	int y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int yoe = y - era * 400;
	int doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return (int64_t)era * 146097 + doe - 719468;
}

static void
civil_of(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
	int doe = (int)(z - era * 146097);
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = yoe + (int)(era * 400) + (*month <= 2);
}

/* Digits only, exactly `n` of them; -1 otherwise. */
static int
digits(const char *text, int n)
{
	int i, value = 0;

	for (i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

/* "YYYY-MM-DD" at the start of the text. */
static bool
read_day(const char *text, int *year, int *month, int *day)
{
	if (strnlen(text, 10) < 10 || text[4] != '-' || text[7] != '-')
		return false;
	*year = digits(text, 4);
	*month = digits(text + 5, 2);
	*day = digits(text + 8, 2);
	return *year >= 1 && *month >= 1 && *month <= 12 && *day >= 1 &&
	       *day <= month_days(*year, *month);
}

bool
dates_is_day(const char *text)
{
	int year, month, day;

	return read_day(text, &year, &month, &day) && text[10] == '\0' &&
	       year >= 1900 && year <= 2199;
}

/* ".123" to nanoseconds; the text after it, or NULL. */
static const char *
read_fraction(const char *text, int32_t *nanos)
{
	int32_t unit = 100000000;

	*nanos = 0;
	if (*text != '.')
		return text;
	if (digits(++text, 1) < 0)
		return NULL;
	for (; digits(text, 1) >= 0; text++, unit /= 10)
		*nanos += unit * (*text - '0');
	return text;
}

/* "Z" or "+01:00" to seconds east; false when it is none. */
static bool
read_zone(const char *text, int *seconds)
{
	int hour, minute;

	*seconds = 0;
	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0)
		return true;
	if (strlen(text) != 6 || (*text != '+' && *text != '-') ||
	    text[3] != ':')
		return false;
	hour = digits(text + 1, 2);
	minute = digits(text + 4, 2);
	*seconds = (hour * 3600 + minute * 60) * (*text == '-' ? -1 : 1);
	return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

bool
dates_instant(const char *text, int64_t *seconds, int32_t *nanos)
{
	int year, month, day, hour, minute, second, east;

	if (!read_day(text, &year, &month, &day) || strnlen(text, 20) < 20 ||
	    strchr("Tt ", text[10]) == NULL || text[13] != ':' ||
	    text[16] != ':')
		return false;
	hour = digits(text + 11, 2);
	minute = digits(text + 14, 2);
	second = digits(text + 17, 2);
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
	    second > 59 || (text = read_fraction(text + 19, nanos)) == NULL ||
	    !read_zone(text, &east))
		return false;
	*seconds = days_of(year, month, day) * DAY + hour * 3600 + minute * 60 +
		   second - east;
	return true;
}

/* The instant at which summer time changes in a year: 01:00 UTC on the last
 * Sunday of the month (directive 2000/84/EC; before 1996 autumn differs). */
static int64_t
last_sunday(int year, int month)
{
	int64_t day = days_of(year, month, 31);
	int64_t weekday = (day + 4) % 7; /* 1970-01-01 was a Thursday */

	return (day - (weekday + 7) % 7) * DAY + 3600;
}

static int
france_offset(int64_t seconds)
{
	int64_t days = seconds / DAY - (seconds % DAY < 0);
	int year, month, day;

	civil_of(days, &year, &month, &day);
	return seconds >= last_sunday(year, 3) &&
		       seconds < last_sunday(year, 10)
		   ? 7200
		   : 3600;
}

int64_t
dates_end_of_day(const char *text)
{
	int year = 0, month = 0, day = 0;
	int64_t civil;

	read_day(text, &year, &month, &day);
	civil = days_of(year, month, day) * DAY + DAY - 1;
	/* Changes are at night: an hour off never crosses one. */
	return civil - france_offset(civil - 3600);
}

void
dates_show(int64_t seconds, char out[DATES_TEXT])
{
	int64_t civil = seconds + france_offset(seconds), days, rest;
	int year, month, day;

	days = civil / DAY - (civil % DAY < 0);
	rest = civil - days * DAY;
	civil_of(days, &year, &month, &day);
	snprintf(out, DATES_TEXT, "%04d-%02d-%02d %02d:%02d:%02d", year, month,
	    day, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
}
