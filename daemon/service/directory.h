/*
 * directory.h - the bodies and sites that may answer a referral, in memory:
 * what choosing among them needs, some sixty bytes a site.  What is shown of
 * those that were chosen is read from the store.
 *
 * One a worker, for its thread.  It follows the log: it reads the commits since
 * it last looked.  The first time, after another catalog, or when the log no
 * longer goes back that far, it reads every site, organisation and status.
 */
#ifndef SERVICE_DIRECTORY_H
#define SERVICE_DIRECTORY_H

#include <stddef.h>

#include "domain/referral.h"
#include "service/catalog.h"
#include "store/store.h"
#include "wire/arena.h"

struct directory;

/* Empty.  Owns: the caller's until directory_free().  Fails: ERR_NOMEM. */
struct directory *directory_new(struct err *);
void directory_free(struct directory *); /* NULL is a no-op */

/*
 * Bring it nearer to the revision of the view, with this catalog (of which it
 * holds a reference), by looking at some `work` records.  1: it is there, and
 * the rest may be used with this view; 0: more is to be done, with this view
 * or a later one; -1.
 * Fails: ERR_CORRUPT, ERR_NOMEM: it starts anew at the next call.
 */
int directory_advance(struct directory *, struct view *, struct catalog *,
    size_t work, struct err *);

/* The candidates for referral_find(), until the next advance. */
struct candidate_source *directory_source(struct directory *);

/* What a line of an answer shows of a candidate; "" not known. */
struct directory_place {
	const char *organisation_nom;
	const char *site_nom;
	const char *adresse; /* one line */
	const char *commune, *code_insee;
	const char *telephone, *courriel, *site_web;
	const char *horaires_accueil, *accessibilite_lieu;
	char **modes_accueil;
	size_t n_modes_accueil;
	/* Day of the record's last confirmation, YYYY-MM-DD in France. */
	const char *confirmed_on;
};

/* Texts live as long as the arena and until the next advance.
 * Fails: ERR_CORRUPT, ERR_LIMIT (the arena's). */
int directory_show(struct directory *, struct view *, const struct candidate *,
    struct arena *, struct directory_place *, struct err *);

/* For tests and Status. */
size_t directory_bodies(const struct directory *);
size_t directory_places(const struct directory *);

#endif
