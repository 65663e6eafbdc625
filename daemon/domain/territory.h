/*
 * territory.h - communes, and the zones made of them.
 *
 * The commune (INSEE code) is the only territorial atom; every zone is a typed
 * set of communes of one millésime.  A struct territory is immutable: any
 * number of threads may read it.  Everything given out is borrowed from it.
 *
 * Pure: the bytes of the three tables come from the caller.
 */
#ifndef DOMAIN_TERRITORY_H
#define DOMAIN_TERRITORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain/geo.h"
#include "wire/err.h"

struct territory;

#define COMMUNE_CODE_LEN 5
#define ZONE_CODE_MAX 40 /* "epci:200065597", no NUL */

struct commune {
	char code[COMMUNE_CODE_LEN + 1]; /* INSEE, current */
	char departement[4];             /* "14" */
	char arrondissement[5];          /* "142" */
	char epci[10];                   /* SIREN */
	const char *nom;
	struct geo_point position; /* of its centre */
	bool estimated;            /* ... as far as known */
	uint32_t population;
	uint16_t index; /* 0 to territory_count() - 1, in code order */
};

/* Nearest first: the classes in which a body may be close to a person. */
enum distance_class {
	DISTANCE_NOWHERE, /* one of the two is not known */
	DISTANCE_COMMUNE,
	DISTANCE_EPCI,
	DISTANCE_ARRONDISSEMENT,
	DISTANCE_DEPARTEMENT,
	DISTANCE_REGION,
};

/* ---- build -------------------------------------------------------------- */

struct table_bytes {
	const char *name; /* named by errors: "communes.csv" */
	const char *data;
	size_t len;
};

/*
 * Read the three tables (format: config/territories/README).
 * Owns:   the result is the caller's, until territory_free(); the bytes are
 *         not needed afterwards.
 * Fails:  ERR_INVALID (table, line, field and remedy), ERR_NOMEM.
 */
struct territory *territory_new(const struct table_bytes *communes,
    const struct table_bytes *anciens, const struct table_bytes *zones,
    struct err *);
void territory_free(struct territory *); /* NULL is a no-op */

/* ---- communes ----------------------------------------------------------- */

/* The current commune of this code, or NULL. */
const struct commune *territory_commune(const struct territory *,
    const char *code);

/* The current commune that absorbed the commune of this former code, or that
 * has this code itself; NULL when the code never was one. */
const struct commune *territory_former(const struct territory *,
    const char *code);

/* The i-th of the names that the commune, or one that it absorbed, had; NULL
 * past the last. */
const char *territory_former_name(const struct territory *,
    const struct commune *, size_t i);

size_t territory_count(const struct territory *);
/* By index, or NULL beyond the end. */
const struct commune *territory_at(const struct territory *, size_t index);

/* Year of the geography, e.g. "2026". */
const char *territory_millesime(const struct territory *);

/* What in a text named a commune; a lower value is a better match. */
enum match_kind {
	MATCH_NONE,
	MATCH_CODE,
	MATCH_NAME,
	MATCH_FORMER_CODE,
	MATCH_FORMER_NAME,
	MATCH_POSTAL_CODE,
};

struct match {
	const struct commune *commune;
	enum match_kind kind;
	const char *matched; /* the code or name as the tables have it */
};

/*
 * The communes that a text may name: a code, a name, a former code or name, a
 * postal code; a name may be qualified by its département ("Cuverville (76)",
 * "Cuverville, Eure").  Case, accents, hyphens, St/Saint do not matter.
 * Several communes are a choice, in the order of kind, then of code; one
 * commune is given once, by its best kind.  When names match exactly, no
 * beginning is looked for; when nothing does, every name that begins with the
 * text is a match (3 letters or more).
 *
 * Writes at most `room` matches; returns how many there are in all.
 */
size_t territory_resolve(const struct territory *, const char *text,
    struct match *out, size_t room);

/* ---- zones -------------------------------------------------------------- */

struct zone {
	const char *code; /* "epci:200065597" */
	const char *nom;
	const char *millesime;
	unsigned communes; /* how many */
};

/* Every zone of a type ("dep", "arr", ...; "" or NULL: all) in table order:
 * the first at or after *at, which moves past it; NULL at the end.  Start
 * with *at = 0. */
const struct zone *territory_next_zone(const struct territory *,
    const char *type, size_t *at);

/* The zone of a typed code: "reg:28", "dep:14", "arr:142", "epci:200065597",
 * "catef:142", "com:14118"; also "14118" for com: and "14" for dep:.  NULL
 * when there is no such zone. */
const struct zone *territory_zone(const struct territory *, const char *code);

/* Is it such a code?  Fails: ERR_INVALID with the field, ZONE_UNKNOWN and what
 * would be accepted. */
int territory_check_zone(const struct territory *, const char *field,
    const char *code, struct err *);

/* false when the zone is NULL. */
bool zone_contains(const struct zone *, const struct commune *);

/* Do they share a commune?  false when one is NULL. */
bool zones_meet(const struct zone *, const struct zone *);

/* A type that zones have: "com", "dep", ... */
bool territory_has_zone_type(const struct territory *, const char *type);

/* ---- distance ----------------------------------------------------------- */

/* The smallest division that holds both; DISTANCE_NOWHERE when one is NULL. */
enum distance_class commune_distance_class(const struct commune *,
    const struct commune *);
/* Metres between the two centres; 0 when one is NULL. */
uint32_t commune_distance_m(const struct commune *, const struct commune *);

#endif
