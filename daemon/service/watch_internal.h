/*
 * watch_internal.h - one watch, for watch.c (the log) and watch_records.c
 * (records as they stand: the snapshot, and what became due or stale).
 */
#ifndef SERVICE_WATCH_INTERNAL_H
#define SERVICE_WATCH_INTERNAL_H

#include "service/ageing.h"
#include "service/names.h"
#include "service/watch.h"

struct watch {
	struct call_user user; /* first */
	struct watchers *all;
	struct watch *next, **link;
	struct arena *arena; /* the filter */
	const struct principal *who;
	unsigned kinds;    /* bit a kind that is wanted and may be read */
	unsigned own_only; /* of those: only the caller's own */
	const char *owner;
	struct names names;
	uint64_t cursor; /* the next revision to deliver */
	size_t part;     /* of that commit: parts already sent */
	struct timer progress;
	int64_t progress_ns;
	bool told;     /* something was sent since the timer started */
	uint64_t said; /* revision of the latest message with events */
	bool behind;   /* has not caught up with the log since it began */

	/* A snapshot, while it lasts: */
	bool snapshot;
	uint64_t at;  /* its revision */
	uint8_t kind; /* being walked */
	char after[STORE_ID_MAX + 1];

	/* Freshness, when it is asked for: */
	bool fresh;
	int32_t fresh_day;     /* the states of this day are known */
	struct ageing *ageing; /* from that day to a later one, or NULL */
	size_t aged;           /* of its records: looked at */

	struct loop_task more; /* the next slice of any of them */
	bool more_posted, closed;
};

struct watchers {
	struct service *service;
	struct feed *feed;
	struct ageings *ageings;
	struct watch *list;
	uint64_t open;
};

/* Is a record of this name and owner to be told? */
bool watch_wants(const struct watch *, Resopro__V1__Kind, const char *id,
    const char *owner, const char *organisation_id);
void watch_end(struct watch *, const struct err *);
/* A turn later: others are served between. */
void watch_go_on_later(struct watch *);

/* ---- watch_records.c ------------------------------------------------------ */

/* The next slice of the snapshot.  False: not at its end yet, or the watch has
 * ended. */
bool watch_snapshot(struct watch *);
/* What became due or stale since fresh_day, as far as it is found and there is
 * room.  May end the watch. */
void watch_freshness(struct watch *);

/* The text of fresh_day, or "" when it is not asked for. */
const char *watch_fresh_day(const struct watch *, char out[11]);

#endif
