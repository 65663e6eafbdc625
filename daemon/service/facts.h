/*
 * facts.h - what stored bytes say, read without unpacking them: for those that
 * look at every record there is.
 *
 * Pure; any thread.  Everything is borrowed from the bytes; an absent text is
 * empty.
 */
#ifndef SERVICE_FACTS_H
#define SERVICE_FACTS_H

#include "store/store.h"
#include "wire/pb.h"

struct site_facts {
	struct bytes organisation_id;
	struct bytes nom, adresse, complement_adresse, code_postal, commune;
	struct bytes code_insee, telephone, courriel, site_web;
	struct bytes horaires_accueil, accessibilite_lieu, date_fermeture;
	struct bytes body; /* of the Site: its modes_accueil are there */
};

/* 1, 0 (the record has no Site), -1 (ERR_CORRUPT). */
int site_facts(struct bytes record, struct site_facts *, struct err *);

/* The next of a site's modes_accueil; start with a cursor over `body`.
 * 1, 0 (that was the last). */
int site_next_mode(struct pb_cursor *, struct bytes *mode);

/* organisation_id of a Site or a Status.  1, 0 (it is neither), -1. */
int facts_organisation(struct bytes record, struct bytes *id, struct err *);

#endif
