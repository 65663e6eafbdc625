/*
 * records.h - records as files hold them: kinds, columns, cells.
 *
 * What records_csv.h and records_jsonl.h have in common.  A record is read
 * into a SyncRecord; its cells are set by the names of the .proto files.
 *
 * Thread: any.  Nothing here does I/O.  Texts are translated.
 */
#ifndef CLI_RECORDS_H
#define CLI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <resopro/v1/registry.pb-c.h>

/* What is wrong, or deserves a look, and where. */
struct records_problem {
	unsigned line;   /* from 1; 0: the whole file */
	unsigned column; /* from 1; 0: the whole line */
	char field[64];  /* heading of the column, or JSON path */
	char value[96];  /* beginning of the cell, or "" */
	char msg[256];
	char remedy[256];
};

/* What a reader's next() found. */
enum records_got {
	RECORDS_END,
	RECORDS_ITEM,   /* a record; the caller's, records_free() */
	RECORDS_REMARK, /* *problem deserves a look; go on */
	RECORDS_BAD,    /* *problem spoils one record; go on for the others */
	RECORDS_FATAL,  /* *problem ends the file */
};

/* ---- kinds --------------------------------------------------------------- */

struct records_kind {
	Resopro__V1__Kind kind;
	const char *name;         /* of the body's field in Record: "site" */
	const char *title;        /* N_(): plural, "sites" */
	const char *const *stems; /* of file names: "sites", "lieux" */
	const ProtobufCMessageDescriptor *body;
};

/* Those that can be sent, in the order in which they must be (a site's
 * organisation before it); NULL past the last. */
const struct records_kind *records_kind_at(size_t i);
const struct records_kind *records_kind_of(Resopro__V1__Kind);

/* By "sites.csv" or "dir/2026-sites.jsonl"; NULL when the name does not say. */
const struct records_kind *records_kind_of_file(const char *path);

/* ---- columns ------------------------------------------------------------- */

enum records_place {
	PLACE_NOWHERE, /* known, but not kept in such a record */
	PLACE_SYNC,    /* beside the record: organisation_source_id */
	PLACE_RECORD,  /* id, source_id */
	PLACE_BODY,
	PLACE_POSITION, /* in the body's position */
};

struct records_column {
	enum records_place place;
	const ProtobufCFieldDescriptor *field; /* NULL: nowhere */
};

/*
 * What a heading means: a proto field's name or an alias; case, accents and
 * blanks do not matter.
 * Fails: -1, *problem has msg and remedy (the closest name).
 */
int records_column(const struct records_kind *, const char *heading,
    struct records_column *, struct records_problem *);

/* ---- one record ---------------------------------------------------------- */

/* Empty, with an empty body of this kind; NULL without memory. */
Resopro__V1__SyncRecord *records_new(const struct records_kind *);
void records_free(Resopro__V1__SyncRecord *); /* NULL is allowed */

/*
 * Set one field from a cell ("": left unset).  A list's entries stand apart by
 * '|'; numbers may have a decimal comma; yes and no are said in English,
 * French, or 1 and 0.
 * Fails: -1, *problem has value, msg and remedy.
 */
int records_set(Resopro__V1__SyncRecord *, const struct records_column *,
    const char *cell, struct records_problem *);

/* What makes the record one that can be sent: source_id.  A record with an id
 * alone gets it as source_id too.  Fails: -1, *problem has msg, remedy. */
int records_finish(Resopro__V1__SyncRecord *, struct records_problem *);

/* Fill in msg and remedy; returns -1. */
int records_fault(struct records_problem *, const char *remedy, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Copy what fits, never half a UTF-8 character. */
void records_cut(char *out, size_t size, const char *text);

#endif
