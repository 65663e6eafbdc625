/*
 * directory.h - the bodies and sites that may answer a referral, in memory.
 *
 * One a worker, for its thread.  It follows the log: directory_update() reads
 * the commits since it last looked and makes again the bodies that they touch;
 * the first time, after another catalog, or when the log no longer goes back
 * that far, it reads every organisation, site and status.
 */
#ifndef SERVICE_DIRECTORY_H
#define SERVICE_DIRECTORY_H

#include "domain/referral.h"
#include "service/catalog.h"
#include "store/store.h"

struct directory;

/* Empty.  Owns: the caller's until directory_free().  Fails: ERR_NOMEM. */
struct directory *directory_new(struct err *);
void directory_free(struct directory *); /* NULL is a no-op */

/*
 * Bring it to the revision of the view, with this catalog (of which it holds a
 * reference).  Call it before each use of the rest.
 * Fails:  ERR_CORRUPT, ERR_NOMEM: it starts anew at the next call.
 * Blocks: the first time for as long as reading every record takes (about
 *         half a second for 100,000 sites): call it before the loop runs.
 */
int directory_update(struct directory *, struct view *, struct catalog *,
    struct err *);

/* The candidates for referral_find(), until the next update. */
struct candidate_source *directory_source(struct directory *);

/* What a line of an answer shows, beside the candidate; "" not known. */
struct directory_place {
	struct candidate candidate; /* first: one of ours is a place */
	const char *organisation_nom;
	const char *site_nom;
	const char *adresse; /* one line */
	const char *commune, *code_insee;
	const char *telephone, *courriel, *site_web;
	const char *horaires_accueil, *accessibilite_lieu;
	char **modes_accueil;
	size_t n_modes_accueil;
};

const struct directory_place *directory_place_of(const struct candidate *);

/* Day of the record's last confirmation, "YYYY-MM-DD" in France; the text
 * lives until the next update.  Fails: ERR_CORRUPT. */
int directory_confirmed(struct directory *, struct view *,
    const struct directory_place *, const char **day, struct err *);

/* For tests and Status. */
size_t directory_bodies(const struct directory *);
size_t directory_places(const struct directory *);

#endif
