/*
 * directory_parts.h - what the files of the directory share, and no other.
 *
 *   directory.c         reading everything in parts, following the log
 *   directory_body.c    one body: its titles, its places
 *   directory_near.c    who is near a commune, for each target of the rules
 *   directory_show.c    what a line shows
 */
#ifndef SERVICE_DIRECTORY_PARTS_H
#define SERVICE_DIRECTORY_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "service/directory.h"
#include "service/facts.h"

#define TARGET_WORDS 2 /* of 64 targets each */

struct chunk; /* memory that goes with one body */

struct site_title { /* a title of one site only */
	const char *site_id;
	struct title title;
};

struct body {
	struct candidate_body shared; /* first: candidates point to it */
	struct body *next;            /* of those to make again */
	bool dirty;
	bool exists;          /* the organisation does */
	struct chunk *memory; /* of what is made again: texts, titles */
	struct chunk *ids;    /* of sites: these are never used again */
	const char *nom, *telephone, *courriel, *site_web;
	struct title *titles; /* of the whole body */
	size_t n_titles;
	struct site_title *site_titles;
	size_t n_site_titles;
	uint64_t targets[TARGET_WORDS]; /* that take it, or a site of it */
	struct candidate alone;         /* the body, when it has no site */
	struct candidate *places;       /* its sites, by id */
	size_t n_places, cap;
	char id[]; /* of the organisation */
};

struct near { /* of one target, seen from one commune */
	uint64_t generation;
	size_t n;
	struct placed list[REFERRAL_NEAR];
};

struct group { /* the bodies that one target takes */
	struct body **list;
	size_t n, cap;
	uint64_t generation; /* of what is near: places come, go and move */
	struct near **near;  /* by index of commune, made when asked for */
};

struct sight { /* of one commune from another */
	uint32_t metres;
	uint8_t class;
};

enum directory_state {
	DIRECTORY_EMPTY,
	DIRECTORY_SITES,  /* reading: sites, by id */
	DIRECTORY_BODIES, /* reading: organisations with their titles */
	DIRECTORY_FOLLOWS,
};

struct directory {
	struct candidate_source source; /* first */
	struct catalog *catalog;        /* one reference, or NULL */
	enum directory_state state;
	uint64_t revision; /* all before and at it has been looked at */
	char after[STORE_ID_MAX + 1]; /* reading: the last id looked at */
	uint32_t mutation;            /* of revision + 1: those looked at */
	struct body **bodies;         /* by id, open addressing */
	size_t n_bodies, n_slots, n_places;
	struct body *dirty;
	struct group *groups;
	size_t n_groups;
	struct sight *sights; /* of every commune, and of nowhere */
	const struct commune *sights_from;
	struct placed *all; /* room for the largest group */
	size_t all_cap;
	struct arena *scratch; /* records while a body is made */
};

/* ---- directory_body.c ---------------------------------------------------- */

/* Of an organisation, made empty if need be.  Ids are never used again: a body
 * never leaves the table.  NULL: ERR_NOMEM. */
struct body *body_of(struct directory *, struct bytes id, struct err *);
void body_free(struct body *);
/* Its organisation and titles, as they are now. */
int body_make(struct directory *, struct body *, struct view *, struct err *);
/* A site as these bytes have it; it may be new. */
int body_put_site(struct directory *, const char *id, struct bytes record,
    struct err *);
void body_drop_site(struct directory *, struct body *, const char *id);
/* How many places it offers, and which. */
size_t body_places(const struct body *, const struct candidate **);

/* ---- directory_near.c ---------------------------------------------------- */

int groups_make(struct directory *, struct err *);
void groups_free(struct directory *);
/* The targets that take the body are now these. */
int groups_enlist(struct directory *, struct body *,
    const uint64_t targets[TARGET_WORDS], struct err *);
/* Something that placing looks at has changed. */
void groups_stir(struct directory *, const struct body *);
size_t directory_placed(struct candidate_source *, size_t target,
    const struct commune *, bool all, const struct placed **out);

#endif
