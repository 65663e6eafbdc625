/*
 * records_di.h - records in a file of data-inclusion v1: an array of structures
 * or services, or an object {"structures": [...], "services": [...]}.
 *
 *	structure	a site, of the body that pushes; with a kind of
 *			organisation also the organisation that it is then of
 *	service		an offer at the site of its structure
 *
 * Identifiers become source_ids.  What the register does not keep is left out:
 * source, date_maj, a service's own address and the name of a contact person.
 *
 * Thread: one.  Blocks: on the file.  Memory: one element.
 */
#ifndef CLI_RECORDS_DI_H
#define CLI_RECORDS_DI_H

#include <stdio.h>

#include "records.h"

struct records_di;

/* Does the file, from its beginning, look like one?  It is rewound. */
bool records_di_looks_like(FILE *);

/* Borrows both until records_di_close().  `organisation_kind` may be NULL.
 * NULL without memory. */
struct records_di *records_di_open(FILE *, const char *organisation_kind);

/* As records_csv_next(). */
enum records_got records_di_next(struct records_di *,
    Resopro__V1__SyncRecord **, unsigned *line, struct records_problem *);

/* NULL is allowed. */
void records_di_close(struct records_di *);

/* What becomes of a field, for the check against the schema: 1 kept, 0 left
 * out on purpose, -1 not known. */
int records_di_field(bool service, const char *name);

#endif
