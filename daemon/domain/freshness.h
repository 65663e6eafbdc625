/*
 * freshness.h - how long a record may be believed: a lease that its owner
 * renews by saying that it is still true.
 *
 * The state follows from the day of the last confirmation, the day of today
 * and the period of the record's kind; nothing else, and nothing is kept.  Days
 * are those of France, numbered from 1970-01-01 (date_to_days): a state changes
 * at midnight there, whatever the time of day of the confirmation.
 *
 * Pure.  Thread: any.
 */
#ifndef DOMAIN_FRESHNESS_H
#define DOMAIN_FRESHNESS_H

#include <stdint.h>

enum freshness { /* numbers of Freshness in types.proto; they grow with age */
	FRESHNESS_NONE = 0, /* no lease: nothing is asked of the owner */
	FRESHNESS_CONFIRMED = 1,
	FRESHNESS_DUE = 2,   /* in the last days of its period */
	FRESHNESS_STALE = 3, /* its period is over */
};

struct freshness_period {
	int32_t days; /* a confirmation holds for so many; 0: no lease */
	int32_t due;  /* the last of them, on which it is due; 0 to days */
};

#define FRESHNESS_DAYS_MAX 3650

/* `days` of which the last `percent` (0 to 100, rounded up) are due. */
struct freshness_period freshness_period_of(uint32_t days, uint32_t percent);

/* The state, on `day`, of what was last confirmed on `confirmed`.  A day
 * before the confirmation is one on which it holds. */
enum freshness freshness_on(struct freshness_period, int32_t confirmed,
    int32_t day);

/* The first day on which it is due, and stale, unless it is confirmed again.
 * Of a period with a lease. */
int32_t freshness_due_day(struct freshness_period, int32_t confirmed);
int32_t freshness_stale_day(struct freshness_period, int32_t confirmed);

#endif
