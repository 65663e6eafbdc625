/*
 * list_where.h - the filters of a listing that ask where and for whom: a
 * distance, publics, thematiques.
 */
#ifndef SERVICE_LIST_WHERE_H
#define SERVICE_LIST_WHERE_H

#include "domain/geo.h"
#include "domain/territory.h"
#include "resopro/v1/registry.pb-c.h"
#include "service/catalog.h"

struct list_where { /* zeroed: anywhere, for anybody */
	bool near;
	struct geo_point at;
	uint32_t metres;
	char *const *publics, *const *thematiques; /* the request's */
	size_t n_publics, n_thematiques;
};

/* Fails: ERR_INVALID: names near, publics or thematiques, what is wrong and
 * what would be accepted; the kind has no such field. */
int list_where_read(struct list_where *, const Resopro__V1__ListRequest *,
    const struct catalog *, struct err *);

/* Does it ask for anything? */
bool list_where_asks(const struct list_where *);

/* Is it for one of the publics, with one of the thematiques? */
bool list_where_codes(const struct list_where *, const Resopro__V1__Record *);

/* Is the site within the distance? */
bool list_where_site(const struct list_where *, const struct territory *,
    const Resopro__V1__Site *);

#endif
