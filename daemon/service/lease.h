/*
 * lease.h - what an answer says of a record beside its stored bytes: when it
 * was last confirmed, and how fresh that makes it today.
 */
#ifndef SERVICE_LEASE_H
#define SERVICE_LEASE_H

#include "domain/freshness.h"
#include "service/catalog.h"
#include "service/record.h"

/* The periods and the day that states are computed with; a worker's. */
struct lease_clock {
	const struct catalog_periods *periods; /* of the worker's catalog */
	int32_t today;                         /* in France, from 1970-01-01 */
};

struct lease {
	int64_t confirmed_ns;
	enum freshness state;
	int32_t stale_day; /* when there is a state */
};

/* The day in France at an instant. */
int32_t lease_day(int64_t ns);

/* The period of a kind; one of 0 days when it has none. */
struct freshness_period lease_period(const struct catalog_periods *,
    uint8_t kind);

/* With a NULL clock (an answer that tells of the past): no state. */
struct lease lease_of(const struct lease_clock *, struct view *,
    const struct stored *, const struct record_facts *);

/* The state that the record had (or will have) on another day, had nothing
 * confirmed it since. */
enum freshness lease_on(const struct lease_clock *, const struct stored *,
    const struct record_facts *, int64_t confirmed_ns, int32_t day);

/* "2026-11-02", in DATE_TEXT_SIZE bytes, and back: false when it is no day. */
void lease_day_text(int32_t day, char *out);
bool lease_day_parse(const char *text, int32_t *day);

#endif
