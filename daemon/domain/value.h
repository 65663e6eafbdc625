/*
 * value.h - the kinds of value that a text field holds, and what each accepts.
 *
 * One table row a kind (value_rule).  A record field names a kind; adding a
 * kind is one enum line, one row and one check.
 *
 * Every kind wants valid UTF-8, no control character and no blank at either
 * end; an empty text is refused (callers skip the fields that are not given).
 * A multi-line kind (rule->multiline: the description) accepts tab and newline
 * inside.
 *
 * Pure: bytes in, verdict out; nothing is allocated or normalised.
 * Thread: any.
 */
#ifndef DOMAIN_VALUE_H
#define DOMAIN_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/err.h"

enum value_kind {
	VALUE_TEXT,        /* the field's own bound applies besides */
	VALUE_NAME,        /* 3 to 150 characters, one line */
	VALUE_DESCRIPTION, /* 5 to 10,000 characters */
	VALUE_ID,          /* 1 to 80 of [a-z0-9-] */
	VALUE_SIREN,       /* 9 digits, Luhn */
	VALUE_SIRET,       /* 14 digits, Luhn, La Poste excepted */
	VALUE_RNA,         /* W and 9 digits (W9A overseas) */
	VALUE_UAI,         /* 7 digits and a check letter */
	VALUE_COMMUNE,     /* INSEE code: shape only, not existence */
	VALUE_POSTAL_CODE, /* 5 digits, metropolitan or overseas */
	VALUE_EMAIL,
	VALUE_PHONE,            /* E.164, French national or short number */
	VALUE_URL,              /* http or https, at most 2,083 */
	VALUE_OPENING_HOURS,    /* OpenStreetMap opening_hours */
	VALUE_DATE,             /* YYYY-MM-DD, 1900 to 2199 */
	VALUE_ZONE,             /* typed: com:14118, dep:14, epci:200065597 */
	VALUE_DEPARTEMENT,      /* 14, 2A, 974 */
	VALUE_EPCI,             /* SIREN of an EPCI */
	VALUE_VOCABULARY,       /* shape of a code; the file decides the rest */
	VALUE_SOURCE_ID,        /* 1 to 128 characters, one line */
	VALUE_ZONE_ELIGIBILITE, /* commune, departement, EPCI code or france */
	VALUE_KIND_COUNT
};

struct value_rule {
	enum value_kind kind;
	const char *name;   /* as messages call it: "SIRET" */
	const char *remedy; /* what would be accepted, with an example */
	size_t min_chars, max_chars; /* code points; max 0: no bound */
	bool multiline;              /* tab and newline are text here */
	/* What the bytes must be, once they are clean text within bounds: 0, or
	 * -1 with *reason (UPPER_SNAKE) and a short cause in why[why_cap]. */
	int (*check)(const char *s, size_t len, const char **reason, char *why,
	    size_t why_cap);
};

/* Room that a check may use for its cause. */
#define VALUE_WHY_MAX 128

/*
 * Is the text `s` of `len` bytes a value of the kind?  0, or -1 with `e` set:
 * ERR_INVALID, field, reason, a message that names the field, the kind and
 * what is wrong, and the remedy.  `e` may be NULL.  The reasons:
 *   EMPTY, UTF8, CONTROL, BLANK_ENDS, TOO_SHORT, TOO_LONG: any kind
 *   ID_SHAPE, SIREN_SHAPE, SIREN_CHECKSUM, SIRET_SHAPE, SIRET_CHECKSUM,
 *   RNA_SHAPE, UAI_SHAPE, UAI_CHECKSUM, COMMUNE_SHAPE, POSTAL_CODE_SHAPE,
 *   EMAIL_SHAPE, PHONE_SHAPE, URL_SHAPE, URL_SCHEME, OPENING_HOURS_SYNTAX,
 *   DATE_SHAPE, DATE_UNKNOWN, DATE_RANGE, ZONE_SHAPE, ZONE_TYPE,
 *   DEPARTEMENT_SHAPE, EPCI_SHAPE, EPCI_CHECKSUM, CODE_SHAPE,
 *   ZONE_ELIGIBILITE_SHAPE, and KIND for a kind that is none of the above.
 */
int value_check(enum value_kind, const char *field, const char *s, size_t len,
    struct err *e);

/* The row of a kind.  Never NULL: the row of VALUE_TEXT for an unknown kind. */
const struct value_rule *value_rule(enum value_kind);

/* Code points in valid UTF-8; each byte that starts none counts for none. */
size_t value_chars(const char *s, size_t len);

/* "prenom.nom@": a person's mailbox rather than a service's.  A guess, for a
 * warning; functional words (accueil, contact, mission, ...) clear it. */
bool value_email_looks_personal(const char *s, size_t len);

/* Free text that holds an e-mail address, a French phone number or a NIR
 * (social security number): never wanted in activities and referrals. */
bool value_note_has_personal_data(const char *s, size_t len);

#endif
