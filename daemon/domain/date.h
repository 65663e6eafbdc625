/*
 * date.h - civil dates in France, 1900-01-01 to 2199-12-31.
 *
 * Pure: no clock, no tz file; the European rule of summer time is computed, so
 * the same instant gives the same day on every machine.  Thread: any.
 */
#ifndef DOMAIN_DATE_H
#define DOMAIN_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct date {
	int16_t year;  /* 1900 to 2199 */
	uint8_t month; /* 1 to 12 */
	uint8_t day;   /* 1 to 31 */
};

#define DATE_YEAR_MIN 1900
#define DATE_YEAR_MAX 2199
#define DATE_TEXT_SIZE 11 /* "YYYY-MM-DD" and its NUL */

/* What date_parse finds. */
enum date_result {
	DATE_OK = 0,
	DATE_BAD_SHAPE = -1,    /* not YYYY-MM-DD */
	DATE_NO_SUCH_DAY = -2,  /* 2025-02-29 */
	DATE_OUT_OF_RANGE = -3, /* a day, but outside 1900 to 2199 */
};

/* Read exactly "YYYY-MM-DD".  DATE_OK, or a negative result and *out is not
 * touched.  `out` may be NULL. */
enum date_result date_parse(const char *s, size_t len, struct date *out);

/* Write "YYYY-MM-DD"; returns `out`.  A date that is not valid is written as
 * "0000-00-00". */
char *date_format(struct date, char out[DATE_TEXT_SIZE]);

/* Is it a day of the calendar within the bounds? */
bool date_valid(struct date);

bool date_is_leap(int year);
int date_days_in_month(int year, int month); /* 0 for no such month */

/* -1, 0 or 1: a before, same as, after b. */
int date_compare(struct date a, struct date b);

/* 1 Monday to 7 Sunday (ISO 8601). */
int date_weekday(struct date);

/* Days since 1970-01-01, and back; the result may be out of bounds: ask
 * date_valid. */
int32_t date_to_days(struct date);
struct date date_from_days(int32_t days);

/* Days from a to b; negative when b is before a. */
int32_t date_between(struct date a, struct date b);

/* Move by days, or by calendar months or years; the 29, 30 or 31 of a month
 * that has none becomes its last day.  A result outside the bounds is the
 * nearest bound. */
struct date date_add_days(struct date, int32_t days);
struct date date_add_months(struct date, int months);
struct date date_add_years(struct date, int years);

/* The day in Paris at an instant (seconds since 1970 UTC), clamped to the
 * bounds.  Summer time as since 1996: last Sunday of March 01:00 UTC to last
 * Sunday of October 01:00 UTC; that rule is used for every year. */
struct date date_from_unix(int64_t seconds);

/* The instant at which a day starts in Paris. */
int64_t date_to_unix(struct date);

/* Seconds to add to UTC to get the legal time of Paris: 3600 or 7200. */
int32_t date_paris_offset(int64_t seconds);

#endif
