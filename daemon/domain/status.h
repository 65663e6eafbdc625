/*
 * status.h - titles: what a body is, by what right, from a day to a day.
 *
 * Cercle (1 to 4) and membership of the SPRO are read from the titles that
 * hold on a day; they are never stored.  Days are numbers, YYYYMMDD, so that
 * comparing them is comparing dates.
 *
 * Pure.  Thread: any.  Borrows everything it is given.
 */
#ifndef DOMAIN_STATUS_H
#define DOMAIN_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int32_t day_number; /* 20260501; 0: no day */

/* "2026-05-01" as 20260501; 0 for "" and for anything of another shape. */
day_number day_from_text(const char *);
#define DAY_TEXT_MAX 11
/* Back again; "" for 0. */
void day_to_text(day_number, char out[DAY_TEXT_MAX]);

struct suspension {          /* time without right, inside the title's dates */
	day_number from, to; /* to: last day, 0 while it lasts */
};

struct title {
	const char *code;            /* of the vocabulary `titles` */
	const char *label;           /* of that code, in French; or NULL */
	const char *decision_number; /* or "" */
	day_number from, to;         /* to: last day, 0 without end */
	uint8_t cercle;              /* that it gives: 1 to 4, 0 none */
	bool spro;                   /* it makes a member of the SPRO */
	const struct suspension *suspensions;
	size_t n_suspensions;
};

enum title_state {
	TITLE_TO_COME,
	TITLE_HELD,
	TITLE_SUSPENDED,
	TITLE_ENDED,
};

enum title_state title_state_at(const struct title *, day_number);
bool title_holds(const struct title *, day_number);

/* The first cercle (1 is the centre) of the titles that hold; 0: none. */
unsigned titles_cercle(const struct title *, size_t n, day_number);
/* Does a title that holds make a member of the SPRO? */
bool titles_spro(const struct title *, size_t n, day_number);

/* The title to show as proof: it holds, its cercle comes first, then it is the
 * oldest.  NULL when none holds. */
const struct title *titles_proof(const struct title *, size_t n, day_number);

/* "membre de droit depuis le 2020-05-01", "labellisé du 2024-03-01 au
 * 2029-02-28, décision 2024-12": in French.  Returns the length, as snprintf
 * does. */
size_t title_text(const struct title *, char *out, size_t room);

#endif
