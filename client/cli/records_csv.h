/*
 * records_csv.h - records in a CSV file: a header, then one record a line.
 *
 * Separator: comma, semicolon or tab, found in the header (or said by a first
 * line "sep=;").  Cells with separators, quotes or line breaks stand in double
 * quotes.  Encodings: see text_lines.h.  Empty lines are skipped.
 *
 * Thread: one.  Blocks: on the file.  Memory: one record.
 */
#ifndef CLI_RECORDS_CSV_H
#define CLI_RECORDS_CSV_H

#include <stdio.h>

#include "records.h"

struct records_csv;

/* Read records of one kind from the file's position.  Borrows the file until
 * records_csv_close().  NULL without memory. */
struct records_csv *records_csv_open(FILE *, const struct records_kind *);

/*
 * The next record, remark or problem.  *line is where the record begins.
 * RECORDS_FATAL ends the file: a header that cannot be used, a stray quote, a
 * line too long; RECORDS_BAD one record: a wrong cell, too many cells.
 * Owns: the record is the caller's, records_free().
 */
enum records_got records_csv_next(struct records_csv *,
    Resopro__V1__SyncRecord **, unsigned *line, struct records_problem *);

/* NULL is allowed. */
void records_csv_close(struct records_csv *);

#endif
