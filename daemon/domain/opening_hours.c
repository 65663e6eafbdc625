/*
 * opening_hours.c - see opening_hours.h.
 *
 * A reader by descent without recursion: each read_* takes one part of the
 * grammar from r->at, or fails with the place and the cause.  A comma may go
 * on with a list or start another rule: each list looks at what follows.
 */
#include "domain/opening_hours.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct reader {
	const char *s;
	size_t len, at;
	const char *cause; /* NULL: all good so far */
};

static const char *const weekdays[] = { "Mo", "Tu", "We", "Th", "Fr", "Sa",
	"Su", NULL };
static const char *const holidays[] = { "PH", "SH", NULL };
static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec", NULL };
static const char *const events[] = { "dawn", "sunrise", "sunset", "dusk",
	NULL };
static const char *const states[] = { "open", "closed", "off", "unknown",
	NULL };
static const char *const week_word[] = { "week", NULL };
static const char *const easter_word[] = { "easter", NULL };
static const char *const day_words[] = { "day", "days", NULL };

/* ---- signs and words ---------------------------------------------------- */

static bool
fail(struct reader *r, const char *cause)
{
	if (r->cause == NULL)
		r->cause = cause;
	return false;
}

static char
peek(const struct reader *r, size_t ahead)
{
	return r->len - r->at > ahead ? r->s[r->at + ahead] : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_sign(char c)
{
	return c == '+' || c == '-';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (unsigned char)c >= 0x80;
}

static void
skip_blanks(struct reader *r)
{
	while (peek(r, 0) == ' ')
		r->at++;
}

static bool
take(struct reader *r, char c)
{
	if (peek(r, 0) != c)
		return false;
	r->at++;
	return true;
}

/* Rank in the table of the word `ahead`, or -1. */
static int
word_at(const struct reader *r, size_t ahead, const char *const *table)
{
	size_t n = 0;
	int i;

	while (is_letter(peek(r, ahead + n)))
		n++;
	for (i = 0; n > 0 && table[i] != NULL; i++)
		if (strlen(table[i]) == n &&
		    memcmp(table[i], r->s + r->at + ahead, n) == 0)
			return i;
	return -1;
}

static int
take_word(struct reader *r, const char *const *table)
{
	int i = word_at(r, 0, table);

	if (i >= 0)
		r->at += strlen(table[i]);
	return i;
}

static size_t
digits_at(const struct reader *r, size_t ahead)
{
	size_t n = 0;

	while (is_digit(peek(r, ahead + n)))
		n++;
	return n;
}

/* A number of at most `max_digits` within bounds. */
static bool
read_number(struct reader *r, size_t max_digits, int low, int high, int *value,
    const char *cause)
{
	size_t i, n = digits_at(r, 0);
	int v = 0;

	if (n == 0 || n > max_digits)
		return fail(r, cause);
	for (i = 0; i < n; i++)
		v = v * 10 + (peek(r, i) - '0');
	if (v < low || v > high)
		return fail(r, cause);
	r->at += n;
	if (value != NULL)
		*value = v;
	return true;
}

/* "9:00" or "09:00" `ahead`: digits, a colon, a digit. */
static bool
time_at(const struct reader *r, size_t ahead)
{
	size_t n = digits_at(r, ahead);

	return n > 0 && n <= 2 && peek(r, ahead + n) == ':' &&
	       is_digit(peek(r, ahead + n + 1));
}

static bool
year_at(const struct reader *r, size_t ahead)
{
	return digits_at(r, ahead) == 4 && peek(r, ahead + 4) != ':';
}

/* Where the item after a comma would start, 0 when there is no comma. */
static size_t
after_comma(const struct reader *r)
{
	size_t n = 1;

	if (peek(r, 0) != ',')
		return 0;
	while (peek(r, n) == ' ')
		n++;
	return n;
}

/* ---- times -------------------------------------------------------------- */

static bool
read_clock(struct reader *r, int max_hour)
{
	int hour;

	if (digits_at(r, 0) != 2)
		return fail(r, "a time has two digits, a colon and two "
			       "digits, as 09:00");
	if (!read_number(r, 2, 0, max_hour, &hour,
		max_hour == 24 ? "an hour of start is from 00 to 24"
			       : "an hour is from 00 to 48"))
		return false;
	if (!take(r, ':'))
		return fail(r, "a colon is wanted between hour and minutes, "
			       "as 09:00");
	if (digits_at(r, 0) != 2)
		return fail(r, "minutes have two digits");
	return read_number(r, 2, 0, hour == max_hour ? 0 : 59, NULL,
	    "minutes are from 00 to 59");
}

static bool
read_time(struct reader *r, int max_hour)
{
	if (take(r, '(')) {
		if (take_word(r, events) < 0)
			return fail(r, "dawn, sunrise, sunset or dusk is "
				       "wanted");
		if (!take(r, '+') && !take(r, '-'))
			return fail(r, "+ or - and a duration is wanted");
		if (!read_clock(r, 24))
			return false;
		return take(r, ')') || fail(r, ") is wanted");
	}
	if (take_word(r, events) >= 0)
		return true;
	return read_clock(r, max_hour);
}

static bool
times_at(const struct reader *r, size_t ahead)
{
	return (is_digit(peek(r, ahead)) && !year_at(r, ahead)) ||
	       peek(r, ahead) == '(' || word_at(r, ahead, events) >= 0;
}

static bool
read_span(struct reader *r)
{
	if (!read_time(r, 24))
		return false;
	if (take(r, '+'))
		return true;
	if (!take(r, '-'))
		return fail(r, "a time alone is no opening: write 09:00-12:00 "
			       "or 09:00+, without blanks");
	if (!read_time(r, 48))
		return false;
	if (take(r, '+'))
		return true;
	if (!take(r, '/'))
		return true;
	return time_at(r, 0)
		   ? read_clock(r, 24)
		   : read_number(r, 4, 1, 1440, NULL, "a period is in minutes");
}

static bool
read_times(struct reader *r)
{
	size_t next;

	do {
		if (!read_span(r))
			return false;
		next = after_comma(r);
		if (next == 0 || !times_at(r, next))
			return true;
		r->at += next;
	} while (true);
}

/* ---- days --------------------------------------------------------------- */

/* " +1 day", " -2 days", when there is one. */
static bool
read_offset(struct reader *r)
{
	size_t ahead = 0;

	while (peek(r, ahead) == ' ')
		ahead++;
	if (ahead == 0 || !is_sign(peek(r, ahead)) ||
	    !is_digit(peek(r, ahead + 1)))
		return true;
	r->at += ahead + 1;
	if (!read_number(r, 3, 1, 366, NULL, "an offset is from 1 to 366 days"))
		return false;
	skip_blanks(r);
	return take_word(r, day_words) >= 0 ||
	       fail(r, "an offset ends with day or days");
}

/* "[1]", "[-1]", "[2-3,5]", when there is one. */
static bool
read_nth(struct reader *r)
{
	static const char cause[] = "the rank of a day in its month is from 1 "
				    "to 5, or -1 to -5";

	if (!take(r, '['))
		return true;
	do {
		bool last = take(r, '-');

		if (!read_number(r, 1, 1, 5, NULL, cause))
			return false;
		if (!last && take(r, '-') &&
		    !read_number(r, 1, 1, 5, NULL, cause))
			return false;
	} while (take(r, ','));
	return take(r, ']') || fail(r, "] is wanted");
}

static bool
read_weekday(struct reader *r)
{
	if (take(r, '-'))
		return take_word(r, weekdays) >= 0 ||
		       fail(r, "a day is wanted: Mo Tu We Th Fr Sa Su");
	return read_nth(r) && read_offset(r);
}

static bool
days_at(const struct reader *r, size_t ahead)
{
	return word_at(r, ahead, weekdays) >= 0 ||
	       word_at(r, ahead, holidays) >= 0;
}

static bool
read_day_list(struct reader *r, bool *only_holidays)
{
	size_t next;

	*only_holidays = true;
	do {
		if (take_word(r, weekdays) >= 0) {
			*only_holidays = false;
			if (!read_weekday(r))
				return false;
		} else {
			(void)take_word(r, holidays);
			if (!read_offset(r))
				return false;
		}
		next = after_comma(r);
		if (next == 0 || !days_at(r, next))
			return true;
		r->at += next;
	} while (true);
}

/* "SH Mo-Fr": days within holidays. */
static bool
read_days(struct reader *r)
{
	bool only_holidays;

	if (!read_day_list(r, &only_holidays))
		return false;
	skip_blanks(r);
	if (!only_holidays || word_at(r, 0, weekdays) < 0)
		return true;
	return read_day_list(r, &only_holidays);
}

/* ---- years, dates, weeks ------------------------------------------------ */

static bool
read_year(struct reader *r)
{
	return read_number(r, 4, 1900, 2199, NULL,
	    "a year is from 1900 to 2199");
}

static bool
read_years(struct reader *r)
{
	size_t next;

	do {
		if (!read_year(r))
			return false;
		if (take(r, '+'))
			return true;
		if (take(r, '-') && !read_year(r))
			return false;
		if (take(r, '/') && !read_number(r, 2, 1, 99, NULL,
					"a step of years is from 1 to 99"))
			return false;
		next = after_comma(r);
		if (next == 0 || !year_at(r, next))
			return true;
		r->at += next;
	} while (true);
}

/* A day of the month `ahead` of blanks, and not a time. */
static bool
day_number_at(const struct reader *r, size_t ahead)
{
	size_t n = digits_at(r, ahead);

	return n > 0 && n <= 2 && !time_at(r, ahead);
}

struct day {
	int month; /* 0 January; -1 Easter */
	bool has_number;
};

static bool
read_day_number(struct reader *r, int month)
{
	static const int last[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return read_number(r, 2, 1, month < 0 ? 31 : last[month], NULL,
	    "the month has no such day");
}

/* "+Su", " -1 day" after a date. */
static bool
read_date_offset(struct reader *r)
{
	size_t ahead = 0;

	while (peek(r, ahead) == ' ')
		ahead++;
	if (ahead == 0 || !is_sign(peek(r, ahead)))
		return true;
	if (word_at(r, ahead + 1, weekdays) < 0)
		return read_offset(r);
	r->at += ahead + 1;
	(void)take_word(r, weekdays);
	return true;
}

/* "Jan", "Jan 05", "2026 Jan 05", "easter". */
static bool
read_date(struct reader *r, struct day *d)
{
	size_t blanks = 0;

	if (year_at(r, 0)) {
		if (!read_year(r))
			return false;
		skip_blanks(r);
	}
	d->has_number = true;
	d->month = -1;
	if (take_word(r, easter_word) >= 0)
		return read_date_offset(r);
	d->month = take_word(r, months);
	if (d->month < 0)
		return fail(r, "a month is wanted: Jan Feb Mar Apr May Jun Jul "
			       "Aug Sep Oct Nov Dec");
	while (peek(r, blanks) == ' ')
		blanks++;
	d->has_number = day_number_at(r, blanks);
	if (!d->has_number)
		return true;
	r->at += blanks;
	return read_day_number(r, d->month) && read_date_offset(r);
}

static bool
read_dates_range(struct reader *r)
{
	struct day from, to;

	if (!read_date(r, &from))
		return false;
	if (from.has_number && take(r, '+'))
		return true;
	if (!take(r, '-'))
		return true;
	if (from.has_number && day_number_at(r, 0))
		return read_day_number(r, from.month);
	if (!read_date(r, &to))
		return false;
	return from.has_number == to.has_number ||
	       fail(r, "both ends of a range of dates have a day, or neither");
}

static bool
dates_at(const struct reader *r, size_t ahead)
{
	if (year_at(r, ahead)) {
		ahead += 4;
		while (peek(r, ahead) == ' ')
			ahead++;
	}
	return word_at(r, ahead, months) >= 0 ||
	       word_at(r, ahead, easter_word) >= 0;
}

static bool
read_dates(struct reader *r)
{
	size_t next;

	do {
		if (!read_dates_range(r))
			return false;
		next = after_comma(r);
		if (next == 0 || !dates_at(r, next))
			return true;
		r->at += next;
	} while (true);
}

static bool
read_weeks(struct reader *r)
{
	static const char cause[] = "a week is from 1 to 53";
	size_t next;

	skip_blanks(r);
	do {
		if (!read_number(r, 2, 1, 53, NULL, cause))
			return false;
		if (take(r, '-') && !read_number(r, 2, 1, 53, NULL, cause))
			return false;
		if (take(r, '/') && !read_number(r, 2, 1, 53, NULL,
					"a step of weeks is from 1 to 53"))
			return false;
		next = after_comma(r);
		if (next == 0 || !day_number_at(r, next))
			return true;
		r->at += next;
	} while (true);
}

/* ---- rules -------------------------------------------------------------- */

static bool
read_comment(struct reader *r)
{
	size_t start = ++r->at;

	while (r->at < r->len && r->s[r->at] != '"')
		r->at++;
	if (r->at == start && r->at < r->len)
		return fail(r, "a comment is empty");
	return take(r, '"') || fail(r, "a comment has no closing quote");
}

/* "été": ... a comment that a colon makes a season. */
static bool
season_at(const struct reader *r)
{
	const char *end;
	size_t left = r->len - r->at;

	if (peek(r, 0) != '"')
		return false;
	end = memchr(r->s + r->at + 1, '"', left - 1);
	return end != NULL && (size_t)(end + 1 - r->s) < r->len &&
	       end[1] == ':';
}

/* Years, dates, weeks: all may lack. */
static bool
read_wide(struct reader *r, bool *any)
{
	size_t start = r->at;

	if (season_at(r)) {
		if (!read_comment(r))
			return false;
	} else {
		if (year_at(r, 0) && !read_years(r))
			return false;
		skip_blanks(r);
		if (dates_at(r, 0) && !read_dates(r))
			return false;
		skip_blanks(r);
		if (take_word(r, week_word) >= 0 && !read_weeks(r))
			return false;
	}
	if (r->at == start)
		return true;
	*any = true;
	skip_blanks(r);
	(void)take(r, ':');
	return true;
}

static bool
read_small(struct reader *r, bool *any)
{
	skip_blanks(r);
	if (days_at(r, 0)) {
		*any = true;
		if (!read_days(r))
			return false;
	}
	skip_blanks(r);
	if (times_at(r, 0)) {
		*any = true;
		return read_times(r);
	}
	return true;
}

static bool
read_modifier(struct reader *r, bool *any)
{
	skip_blanks(r);
	if (take_word(r, states) >= 0)
		*any = true;
	skip_blanks(r);
	if (peek(r, 0) != '"')
		return true;
	*any = true;
	return read_comment(r);
}

static bool
take_always(struct reader *r)
{
	if (r->len - r->at < 4 || memcmp(r->s + r->at, "24/7", 4) != 0 ||
	    is_digit(peek(r, 4)))
		return false;
	r->at += 4;
	return true;
}

/* Why nothing could be read here. */
static const char *
cause_here(const struct reader *r)
{
	static const char *const french[] = { "lu", "ma", "me", "je", "ve",
		"sa", "di", "mo", "tu", "we", "th", "fr", "su" };
	size_t i;

	if (r->at >= r->len)
		return "a rule is missing at the end";
	if (peek(r, 0) == ':')
		return "a colon belongs inside a time, or after dates";
	if (peek(r, 0) == '-')
		return "a range has no blank around -";
	if (days_at(r, 0) || times_at(r, 0) || dates_at(r, 0))
		return "a comma or a semicolon is wanted before it";
	for (i = 0; i < sizeof french / sizeof french[0]; i++)
		if (r->len - r->at >= 2 &&
		    strncasecmp(r->s + r->at, french[i], 2) == 0)
			return "days are written Mo Tu We Th Fr Sa Su, months "
			       "Jan to Dec";
	return "days (Mo-Fr), times (09:00-12:00), off, or a comment in "
	       "quotes is wanted";
}

static bool
read_rule(struct reader *r)
{
	bool any = false;

	skip_blanks(r);
	if (take_always(r)) {
		any = true;
	} else if (!read_wide(r, &any) || !read_small(r, &any)) {
		return false;
	}
	if (!read_modifier(r, &any))
		return false;
	skip_blanks(r);
	return any || fail(r, cause_here(r));
}

static bool
take_rule_separator(struct reader *r)
{
	if (take(r, ';') || take(r, ','))
		return true;
	if (peek(r, 0) != '|' || peek(r, 1) != '|')
		return false;
	r->at += 2;
	return true;
}

static size_t
characters(const char *s, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xC0) != 0x80;
	return n;
}

int
opening_hours_check(const char *s, size_t len, struct opening_hours_error *e)
{
	struct reader r = { .s = s, .len = len };

	if (characters(s, len) > OPENING_HOURS_MAX)
		(void)fail(&r, "there are more than 1,000 characters");
	while (r.cause == NULL && read_rule(&r) && r.at < len)
		if (!take_rule_separator(&r))
			(void)fail(&r, cause_here(&r));
	if (r.cause == NULL)
		return 0;
	if (e != NULL) {
		e->at = characters(s, r.at) + 1;
		e->cause = r.cause;
	}
	return -1;
}
