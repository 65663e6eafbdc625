/*
 * page.h - one page of records: what a listing collects, where it stopped, and
 * the answer copied from stored bytes.
 */
#ifndef SERVICE_PAGE_H
#define SERVICE_PAGE_H

#include "service/context.h"
#include "service/lease.h"
#include "wire/arena.h"

#define PAGE_MAX 1000
#define PAGE_DEFAULT 100
/* A client's default limit for one message is 4 MiB. */
#define PAGE_BYTES ((size_t)3 << 20)
#define PAGE_TOKEN_MAX 160

struct page {
	struct arena *arena;
	struct view *view;
	uint64_t revision; /* every page of a listing is read at it */
	uint64_t filters;  /* hash of what was asked */
	uint32_t size;     /* records wanted */
	char after[STORE_ID_MAX + 1]; /* "" from the start */

	const struct lease_clock *clock; /* NULL: the page tells of the past */
	struct stored *records;
	struct lease *leases;
	uint32_t n;
	size_t bytes;
	unsigned work;               /* records that may still be looked at */
	char last[STORE_ID_MAX + 1]; /* id looked at last */
	bool more;
};

/*
 * Read the size and the token; the first page is of the head.
 * Fails: ERR_INVALID (page_size, page_token).
 */
int page_open(struct page *, struct arena *, struct view *, uint64_t first,
    uint32_t size, const char *token, uint64_t filters, unsigned work,
    struct err *);

/* For other listings by pages: the size asked for, and a token that is none. */
int page_size(uint32_t asked, uint32_t *size, struct err *);
int page_bad_token(struct err *);

/* About to look at this record: false when the page is full or enough was
 * looked at for one turn; there is more then. */
bool page_looks(struct page *, const char *id);
/* Its lease, as the page will tell. */
int page_lease(struct page *, const struct stored *, struct lease *,
    struct err *);
/* Take it (borrowed from the view). */
int page_take(struct page *, const struct stored *, struct err *);

/* Answer { revision = 1; records = 2; next_page_token = 3; }. */
int page_reply(struct call *, struct page *, struct err *);

#endif
