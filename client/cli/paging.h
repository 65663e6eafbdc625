/* paging.h - lists that the server gives page by page. */
#ifndef CLI_PAGING_H
#define CLI_PAGING_H

#include "cli.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

/* How much of a list the user wants: --all, --limit. */
struct paging {
	uint64_t left; /* items still wanted */
	uint32_t size; /* of the page to ask for */
	bool more;     /* the list went on when it was left */
	bool any;      /* there was an item */
};

/* From the options of the command; 0 or an exit code. */
int paging_start(struct cli *, struct paging *);

/* After a page: should another be asked for?  Sets `size`. */
bool paging_next(struct paging *, size_t got, const char *token);

/* Say, in a table, that there is more, or nothing. */
void paging_end(struct cli *, const struct paging *);

/* Registry.List with this request (page fields are set here), printed. */
int paging_records(struct cli *, Resopro__V1__ListRequest *);

#endif
