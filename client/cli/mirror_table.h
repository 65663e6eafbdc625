/*
 * mirror_table.h - the tables of a mirror, one for each kind of record, as the
 * messages describe them.
 */
#ifndef CLI_MIRROR_TABLE_H
#define CLI_MIRROR_TABLE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include <resopro/v1/types.pb-c.h>

struct kind;

struct mirror_column {
	char name[72];
	bool of_body;                       /* else of the record */
	const ProtobufCFieldDescriptor *in; /* message that holds it, or NULL */
	const ProtobufCFieldDescriptor *field;
};

struct mirror_table {
	const char *name;                     /* "sites" */
	Resopro__V1__Kind kind;               /* UNSPECIFIED: unknown ones */
	const ProtobufCFieldDescriptor *body; /* of the record; NULL: unknown */
	struct mirror_column *columns;        /* json and wire come after */
	size_t n;
	sqlite3_stmt *put, *remove;
	bool touched;          /* in the open transaction */
	sqlite3_int64 now;     /* changes of it so far */
	sqlite3_int64 written; /* those that its file has */
};

/* Its columns; `kind` NULL: of unknown kinds.  Fails: -1, no memory. */
int mirror_table_init(struct mirror_table *, const struct kind *);
void mirror_table_free(struct mirror_table *);

/* What it is made of, to see that it has grown: appended. */
char *mirror_table_describe(const struct mirror_table *, char *text);

/* SQLite's codes from here on. */

/* Make it, or add the columns that it lacks. */
int mirror_table_grow(const struct mirror_table *, sqlite3 *);
int mirror_table_prepare(struct mirror_table *, sqlite3 *);
int mirror_table_put(struct mirror_table *, const Resopro__V1__Record *);
int mirror_table_remove(struct mirror_table *, Resopro__V1__Kind,
    const char *id);

#endif
