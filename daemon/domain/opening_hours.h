/*
 * opening_hours.h - the OpenStreetMap opening_hours notation: is it right?
 *
 *   Mo-Fr 09:00-12:30,13:30-17:00; Sa[1] 10:00-12:00; PH off
 *   week 1-53/2 We 14:00-17:00        Jul 14-Aug 31 closed "vacances"
 *   24/7    SH,PH Mo-Su 10:00+    Apr-Oct: Tu sunrise-sunset || "sur rdv"
 *
 * What is read: rules separated by `;` `,` or `||`; years, month and date
 * ranges (Easter too), weeks, weekdays with [nth], PH and SH, offsets in days,
 * times with `+`, periods and events of the sun, open/off/closed/unknown,
 * comments.  What is not: the French, full or lower-case names of days; the
 * error then says which word is wanted.
 *
 * Pure; time linear in the length.  Thread: any.
 */
#ifndef DOMAIN_OPENING_HOURS_H
#define DOMAIN_OPENING_HOURS_H

#include <stddef.h>

#define OPENING_HOURS_MAX 1000 /* characters */

struct opening_hours_error {
	size_t at;         /* 1-based character where reading stopped */
	const char *cause; /* "the hour is above 26" */
};

/* 0, or -1 with the error (which may be NULL). */
int opening_hours_check(const char *s, size_t len,
    struct opening_hours_error *);

#endif
