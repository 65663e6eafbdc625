/* note.c - see note.h. */
#include "domain/note.h"

#include <string.h>
#include <strings.h>

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

/* ---- e-mail ------------------------------------------------------------- */

/* "@", or what people write to hide it. */
static size_t
at_sign(const char *s, size_t len)
{
	static const char *const signs[] = { "@", "(at)", "[at]", " at ",
		" arobase ", "(arobase)", "\xEF\xBC\xA0" /* full width */ };
	size_t i;

	for (i = 0; i < sizeof signs / sizeof signs[0]; i++) {
		size_t n = strlen(signs[i]);

		if (n <= len && strncasecmp(s, signs[i], n) == 0)
			return n;
	}
	return 0;
}

/* "exemple.fr" at the start of the text. */
static bool
starts_with_domain(const char *s, size_t len)
{
	size_t i;

	if (len > 0 && s[0] == ' ')
		s++, len--;
	for (i = 0; i < len && (is_word(s[i]) || s[i] == '-'); i++)
		;
	return i > 0 && i + 2 < len && s[i] == '.' && is_word(s[i + 1]) &&
	       is_word(s[i + 2]);
}

bool
note_has_email(const char *s, size_t len)
{
	size_t i, n;

	for (i = 1; i < len; i++) {
		n = at_sign(s + i, len - i);
		if (n == 0)
			continue;
		if ((is_word(s[i - 1]) || s[i - 1] == ' ') &&
		    starts_with_domain(s + i + n, len - i - n))
			return true;
	}
	return false;
}

/* ---- digits with separators --------------------------------------------- */

#define RUN_MAX 15

struct run { /* signs of a number that may be cut in groups */
	char sign[RUN_MAX + 1];
	size_t group_of[RUN_MAX]; /* rank of the group of each sign */
	bool ends[RUN_MAX];       /* no digit follows at once */
	size_t n;
};

/* Length of one separator between groups, 0 when there is none. */
static size_t
separator(const char *s, size_t len)
{
	static const char *const wide[] = { "\xC2\xA0", "\xE2\x80\xAF",
		"\xE2\x80\x91", "\xE2\x80\x93", " - ", " / " };
	size_t i;

	for (i = 0; i < sizeof wide / sizeof wide[0]; i++)
		if (strlen(wide[i]) <= len &&
		    memcmp(s, wide[i], strlen(wide[i])) == 0)
			return strlen(wide[i]);
	if (len >= 2 && s[0] == ' ' && s[1] == ' ')
		return 2;
	return len > 0 && strchr(" .-/_", s[0]) != NULL && s[0] != '\0';
}

/* A Corsican département, "2A": its letter counts as a sign of the number. */
static bool
is_corsican(const char *s, size_t i)
{
	return i > 0 && s[i - 1] == '2' && strchr("ABab", s[i]) != NULL &&
	       s[i] != '\0';
}

static void
read_run(struct run *r, const char *s, size_t len)
{
	size_t i = 0, group = 0, gap;

	r->n = 0;
	while (i < len && r->n < RUN_MAX) {
		if (is_digit(s[i]) || is_corsican(s, i)) {
			r->sign[r->n] = s[i];
			r->group_of[r->n] = group;
			r->ends[r->n] = i + 1 == len || !is_digit(s[i + 1]);
			r->n++;
			i++;
			continue;
		}
		gap = separator(s + i, len - i);
		if (gap == 0 || i + gap >= len || !is_digit(s[i + gap]))
			break;
		i += gap;
		group++;
	}
}

static int
pair(const char *s)
{
	return is_digit(s[0]) && is_digit(s[1])
		   ? (s[0] - '0') * 10 + (s[1] - '0')
		   : -1;
}

static size_t
digits_only(const struct run *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (!is_digit(r->sign[i]))
			return i;
	return r->n;
}

/* ---- phone -------------------------------------------------------------- */

/* A group of four that is a year of our time, at sign `at`. */
static bool
is_year(const struct run *r, size_t at)
{
	size_t group = r->group_of[at];
	int century = pair(r->sign + at);

	return (century == 19 || century == 20) &&
	       r->group_of[at - 1] == group - 1 &&
	       r->group_of[at + 3] == group && r->group_of[at + 4] == group + 1;
}

/* "01 02 2026 15" or "02 2026 15 00": a date, then something else. */
static bool
is_date(const struct run *r)
{
	if (r->group_of[2] != 1)
		return false;
	return (pair(r->sign) <= 12 && is_year(r, 2)) ||
	       (pair(r->sign + 2) <= 12 && is_year(r, 4));
}

static bool
is_national(const struct run *r)
{
	return digits_only(r) >= 10 && r->sign[0] == '0' && r->sign[1] != '0' &&
	       r->ends[9] && !is_date(r);
}

/* After "+33" or "0033", with or without "(0)". */
static bool
is_after_prefix(const char *s, size_t len)
{
	struct run r;
	size_t gap = separator(s, len);

	s += gap;
	len -= gap;
	if (len >= 3 && memcmp(s, "(0)", 3) == 0) {
		s += 3;
		len -= 3;
		gap = separator(s, len);
		s += gap;
		len -= gap;
	}
	read_run(&r, s, len);
	if (digits_only(&r) >= 10 && r.sign[0] == '0' && r.ends[9])
		return true;
	return digits_only(&r) >= 9 && r.sign[0] != '0' && r.ends[8];
}

bool
note_has_phone(const char *s, size_t len)
{
	static const char *const prefixes[] = { "+33", "0033", "+ 33" };
	struct run r;
	size_t i, p;

	for (i = 0; i < len; i++) {
		if (i > 0 && is_digit(s[i - 1]))
			continue;
		for (p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
			size_t n = strlen(prefixes[p]);

			if (n <= len - i &&
			    memcmp(s + i, prefixes[p], n) == 0 &&
			    is_after_prefix(s + i + n, len - i - n))
				return true;
		}
		if (s[i] != '0')
			continue;
		read_run(&r, s + i, len - i);
		if (is_national(&r))
			return true;
	}
	return false;
}

/* ---- NIR ---------------------------------------------------------------- */

/* Sex, year, month, département, commune, rank: 13 signs, and a key of 2. */
static bool
is_nir(const struct run *r)
{
	int month;

	if (r->n < 13 || strchr("123478", r->sign[0]) == NULL)
		return false;
	if (!r->ends[12] && !(r->n == 15 && r->ends[14]))
		return false;
	month = pair(r->sign + 3);
	return (month >= 1 && month <= 12) || month >= 20;
}

/* Letters are only those of Corsica, at their place. */
static bool
has_nir_letters(const struct run *r)
{
	size_t n = digits_only(r);

	return n == r->n || (n == 6 && r->sign[5] == '2');
}

bool
note_has_nir(const char *s, size_t len)
{
	struct run r;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!is_digit(s[i]) || (i > 0 && is_digit(s[i - 1])))
			continue;
		read_run(&r, s + i, len - i);
		if (r.n >= 13 && has_nir_letters(&r) && is_nir(&r))
			return true;
	}
	return false;
}
