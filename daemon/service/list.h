/* list.h - walking the records of one kind that match, by pages. */
#ifndef SERVICE_LIST_H
#define SERVICE_LIST_H

#include "domain/territory.h"
#include "domain/vocabulary.h"
#include "service/list_where.h"
#include "service/page.h"

struct list_filter { /* NULLs, "" and zeros: any */
	Resopro__V1__Kind kind;
	const char *owner;
	const char *organisation_id;
	const char *organisation_kind;
	const struct zone *zone;
	uint64_t changed_since;
	const char *active_on; /* statuses */
	struct list_where where;
	/* Today's, for the answers; NULL: they tell of the past. */
	const struct lease_clock *clock;
	unsigned freshness; /* bit an enum freshness */
	unsigned disputes;  /* bit a DisputeState */
	unsigned transfers; /* bit a TransferState, as it is at `now_ns` */
	int64_t now_ns;
	/* Activities: */
	const char *activity_kind, *from, *to;
	/* May the caller see it?  Records that it may not are left out. */
	const struct principal *who;
	const char *method;
};

/* Fill the page.  The filter's texts live as long. */
int list_fill(struct page *, const struct list_filter *,
    const struct territory *, struct err *);

/* A code of a vocabulary, or "".  Fails: ERR_INVALID with the closest. */
int list_code(const struct vocabularies *, const char *vocabulary,
    const char *field, const char *code, struct err *);

/* The zone of a filter; "" gives NULL.  Fails: ERR_INVALID. */
int list_zone(const struct territory *, const char *field, const char *code,
    const struct zone **, struct err *);

#endif
