/*
 * table.h - columns that fit a terminal.
 *
 * The first TABLE_AHEAD rows decide the widths; later ones are printed as they
 * come.  Cells are made safe for terminals.  Too wide a table is first
 * shortened ("…"), widest column first; then its last columns are left out.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "term.h"

enum { TABLE_AHEAD = 500, TABLE_COLUMNS_MAX = 16 };

struct table_column {
	const char *title; /* translated; borrowed until table_close() */
	bool right;        /* aligned to the right */
	bool keep;         /* never shortened */
};

struct table;

/* width 0: no limit.  Never NULL: without memory the program ends. */
struct table *table_open(FILE *, int width, bool colour,
    const struct table_column *, size_t ncolumns);

/* One row: as many cells as columns; copied.  `colours` of the cells, or NULL:
 * none. */
void table_add(struct table *, const char *const *cells,
    const enum colour *colours);

/* Print what waits; frees.  Returns how many columns were left out. */
size_t table_close(struct table *);

/* `text` in lines of at most `width` columns (0: no limit), the later ones
 * indented by `indent`; newlines are kept; a newline ends the last. */
void table_wrap(FILE *, const char *text, int width, int indent);

#endif
