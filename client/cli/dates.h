/*
 * dates.h - days and instants.  Civil time is that of France, where the
 * register is kept, whatever the time zone of the machine.
 */
#ifndef CLI_DATES_H
#define CLI_DATES_H

#include <stdbool.h>
#include <stdint.h>

enum { DATES_TEXT = 40 };

/* "2026-02-28", a day that exists, from 1900 to 2199. */
bool dates_is_day(const char *text);

/* RFC 3339: "2026-02-28T12:00:00.5+01:00".  False when it is none. */
bool dates_instant(const char *text, int64_t *seconds, int32_t *nanos);

/* The last second of a day in France.  The day is valid. */
int64_t dates_end_of_day(const char *day);

/* "2026-02-28 13:00:00", the civil time in France. */
void dates_show(int64_t seconds, char out[DATES_TEXT]);

#endif
