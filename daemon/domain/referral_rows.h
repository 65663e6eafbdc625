/*
 * referral_rows.h - rules of referral in memory: between the parser
 * (referral_rules.c) and the loop (referral.c).  Not for others.
 */
#ifndef DOMAIN_REFERRAL_ROWS_H
#define DOMAIN_REFERRAL_ROWS_H

#include "domain/referral.h"

#define ROWS_MAX 200
#define ROW_CONDITIONS_MAX 8
#define ROW_TARGETS_MAX 8
#define ROW_TARGETS_ALL 120
#define ROW_NAME_MAX 15
#define FIELD_CODES_MAX 60

/* What a condition may look at. */
enum row_field {
	ROW_AGE,
	ROW_SITUATION,
	ROW_CADRE,
	ROW_BOETH,
	ROW_RSA,
	ROW_HANDICAP_PRINCIPAL,
	ROW_DEJA_SUIVI,
	ROW_BESOIN,
	ROW_SEUL_BESOIN, /* the only need */
	ROW_SECTEUR,
	ROW_MODALITE,
	ROW_AUTRE_REGLE,  /* another rule has given a line */
	ROW_SANS_REPONSE, /* there is no line yet */
	ROW_FIELDS
};

/* A value is a bit: codes by their place in the field's list. */
#define BIT_UNKNOWN (UINT64_C(1) << 63) /* "inconnu": not said */
#define BIT_YES (UINT64_C(1) << 62)
#define BIT_NO (UINT64_C(1) << 61)

struct condition {
	enum row_field field;
	uint64_t values;    /* any of these */
	unsigned low, high; /* of an age, when high > 0 */
};

struct row {
	const char *name;               /* "R04a.2" */
	char rule_id[ROW_NAME_MAX + 1]; /* "R04a" */
	unsigned line;                  /* where it starts */
	unsigned seen;                  /* bits of keys given */
	struct condition conditions[ROW_CONDITIONS_MAX]; /* all of these */
	size_t n_conditions;
	struct condition unless[ROW_CONDITIONS_MAX]; /* none of these */
	size_t n_unless;
	uint16_t targets[ROW_TARGETS_MAX]; /* any of these */
	size_t n_targets;
	bool forbids; /* `targets` are never given from here on */
	unsigned priority, count;
	const char *legal_source, *reason, *note;
	const char *hors_reseau, *site_web, *telephone;
	const char *hors_reseau_reason; /* or NULL: `reason` then too */
};

struct referral_rules {
	char *text; /* cut into words */
	struct row *rows;
	size_t n_rows;
	struct target targets[ROW_TARGETS_ALL];
	size_t n_targets;
	struct {
		const char *codes[FIELD_CODES_MAX];
		size_t n;
	} fields[ROW_FIELDS];
};

#endif
