/*
 * kinds.h - the kinds of record: their words, their name field, their columns.
 */
#ifndef CLI_KINDS_H
#define CLI_KINDS_H

#include <resopro/v1/types.pb-c.h>
#include <stddef.h>

#include "output.h"

struct kind {
	Resopro__V1__Kind kind;
	/* What users may type, English first: one, then several ("site",
	 * "sites", which also names tables and files); ends with NULL. */
	const char *const *words;
	const char *title; /* field that names it to people: "site.nom" */
	const struct column *columns; /* of a list */
	const ProtobufCMessageDescriptor *body;
};

/* NULL past the last. */
const struct kind *kinds_at(size_t i);
/* By any word, whatever the case, or "KIND_SITE"; NULL when unknown. */
const struct kind *kinds_by_word(const char *);
const struct kind *kinds_of(Resopro__V1__Kind);

/* "site"; a number when this program does not know it (written into
 * `buf`). */
const char *kinds_name(Resopro__V1__Kind, char buf[48]);

/* The name that people know a record by; "" when it has none.  Borrows. */
const char *kinds_record_name(const Resopro__V1__Record *);

#endif
