/* status.c - see status.h. */
#include "domain/status.h"

#include <stdio.h>
#include <string.h>

day_number
day_from_text(const char *s)
{
	day_number n = 0;

	if (strnlen(s, DAY_TEXT_MAX) != DAY_TEXT_MAX - 1)
		return 0;
	for (size_t i = 0; i < DAY_TEXT_MAX - 1; i++) {
		if (i == 4 || i == 7) {
			if (s[i] != '-')
				return 0;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return 0;
		n = n * 10 + (s[i] - '0');
	}
	return n;
}

void
day_to_text(day_number n, char out[DAY_TEXT_MAX])
{
	out[0] = '\0';
	if (n > 0 && n <= 99991231)
		(void)snprintf(out, DAY_TEXT_MAX, "%04u-%02u-%02u",
		    (unsigned)n / 10000 % 10000, (unsigned)n / 100 % 100,
		    (unsigned)n % 100);
}

static bool
covers(day_number from, day_number to, day_number day)
{
	return from <= day && (to == 0 || day <= to);
}

enum title_state
title_state_at(const struct title *t, day_number day)
{
	if (day < t->from)
		return TITLE_TO_COME;
	if (!covers(t->from, t->to, day))
		return TITLE_ENDED;
	for (size_t i = 0; i < t->n_suspensions; i++)
		if (covers(t->suspensions[i].from, t->suspensions[i].to, day))
			return TITLE_SUSPENDED;
	return TITLE_HELD;
}

bool
title_holds(const struct title *t, day_number day)
{
	return title_state_at(t, day) == TITLE_HELD;
}

unsigned
titles_cercle(const struct title *t, size_t n, day_number day)
{
	unsigned first = 0;

	for (size_t i = 0; i < n; i++)
		if (t[i].cercle != 0 && title_holds(&t[i], day) &&
		    (first == 0 || t[i].cercle < first))
			first = t[i].cercle;
	return first;
}

bool
titles_spro(const struct title *t, size_t n, day_number day)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].spro && title_holds(&t[i], day))
			return true;
	return false;
}

/* No cercle comes after cercle 4. */
static unsigned
place_of(const struct title *t)
{
	return t->cercle != 0 ? t->cercle : UINT8_MAX;
}

const struct title *
titles_proof(const struct title *t, size_t n, day_number day)
{
	const struct title *best = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!title_holds(&t[i], day))
			continue;
		if (best == NULL || place_of(&t[i]) < place_of(best) ||
		    (place_of(&t[i]) == place_of(best) &&
			t[i].from < best->from))
			best = &t[i];
	}
	return best;
}

size_t
title_text(const struct title *t, char *out, size_t room)
{
	const char *label = t->label != NULL ? t->label : t->code;
	bool decided = t->decision_number[0] != '\0';
	char from[DAY_TEXT_MAX], to[DAY_TEXT_MAX];
	int n;

	day_to_text(t->from, from);
	day_to_text(t->to, to);
	n = snprintf(out, room, "%s %s %s%s%s%s%s", label,
	    t->to != 0 ? "du" : "depuis le", from, t->to != 0 ? " au " : "", to,
	    decided ? ", décision " : "", t->decision_number);
	return n > 0 ? (size_t)n : 0;
}
