/*
 * catalog.h - the data files that change yearly: territories, vocabularies,
 * referral rules, search words; and the periods of freshness, which are reloaded
 * with them.  Immutable once loaded, shared by reference count, replaced whole
 * on reload.
 */
#ifndef SERVICE_CATALOG_H
#define SERVICE_CATALOG_H

#include "domain/freshness.h"
#include "wire/err.h"

struct catalog;
struct referral_rules;
struct search_words;
struct territory;
struct vocabularies;

/*
 * Read DIR/territories/{communes,anciens,zones}.csv, every
 * DIR/vocabularies/NAME.csv, DIR/referral-rules.conf and
 * DIR/search-words.conf.
 * Owns:   the result holds one reference.
 * Fails:  ERR_INVALID, ERR_IO: the message names file, line, field, remedy;
 *         nothing is kept.
 * Blocks: yes; not on a worker's loop.
 */
struct catalog *catalog_load(const char *dir, struct err *);
struct catalog *catalog_ref(struct catalog *); /* any thread */
void catalog_unref(struct catalog *);          /* any thread; NULL is a no-op */

/* How long a confirmation holds, by kind; none has a lease until they are set:
 * before the catalog is shared. */
struct catalog_periods {
	struct freshness_period organisation, site, offer;
};
void catalog_set_periods(struct catalog *, const struct catalog_periods *);
const struct catalog_periods *catalog_periods(const struct catalog *);

const struct territory *catalog_territory(const struct catalog *);
const struct vocabularies *catalog_vocabularies(const struct catalog *);
const struct referral_rules *catalog_rules(const struct catalog *);
const struct search_words *catalog_search_words(const struct catalog *);

#endif
