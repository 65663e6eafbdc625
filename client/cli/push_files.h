/*
 * push_files.h - the files of one push: one file, standard input, or those of
 * a directory; read as often as the set has to be sent.
 *
 * Thread: one.  Blocks: on the files.
 */
#ifndef CLI_PUSH_FILES_H
#define CLI_PUSH_FILES_H

#include <stdio.h>

#include "cli.h"
#include "records.h"

struct push_file {
	char *name; /* as messages show it */
	FILE *file;
	const struct records_kind *kind; /* NULL: each record says it */
	bool csv;
	bool document; /* of data-inclusion; holds several kinds */
	const char *organisation_kind; /* of its structures, or NULL */
};

struct push_files {
	struct push_file *list; /* in the order in which they are sent */
	size_t n;
};

/*
 * Open what PATH names: a file, "-", or a directory in which files bear the
 * names of kinds (sites.csv, offers.jsonl).  Standard input is copied to a
 * nameless temporary file first, so that it can be read again.
 * `kind`: of a lone file, or NULL: its name or its records say it; of a
 * directory, the only kind that is taken.
 * Fails: an exit code, and has told the user; 0 otherwise.
 */
int push_files_open(struct push_files *, struct cli *, const char *path,
    const struct records_kind *kind);
void push_files_close(struct push_files *);

/* Structures of data-inclusion are organisations, too: of this kind. */
void push_files_organisations(struct push_files *, const char *kind);

/* Reads the records of one file from its beginning. */
struct push_reader;

struct push_reader *push_reader_open(struct push_file *);
enum records_got push_reader_next(struct push_reader *,
    Resopro__V1__SyncRecord **, unsigned *line, struct records_problem *);
void push_reader_close(struct push_reader *); /* NULL is allowed */

#endif
