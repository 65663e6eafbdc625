/*
 * records_jsonl.h - records in a file of JSON lines: one object a line, in
 * proto3 JSON.  Four shapes are read, and may be mixed:
 *
 *	{"source_id": "s1", "site": {"nom": "..."}}	a Record, as `resopro
 *							list --output jsonl`
 *							writes it
 *	{"record": {...}, "organisation_source_id": "o1"}	a SyncRecord
 *	{"source_id": "s1", "nom": "..."}		its fields alone, when
 *							the kind is known
 *	{"source_id": "s1", "kind": "site", "retire": true}	it is gone;
 *							nothing else is read
 *
 * Thread: one.  Blocks: on the file.  Memory: one record.
 */
#ifndef CLI_RECORDS_JSONL_H
#define CLI_RECORDS_JSONL_H

#include <stdio.h>

#include "records.h"

struct records_jsonl;

/* `kind` NULL: each record says it.  Borrows the file until
 * records_jsonl_close().  NULL without memory. */
struct records_jsonl *records_jsonl_open(FILE *, const struct records_kind *);

/* As records_csv_next(). */
enum records_got records_jsonl_next(struct records_jsonl *,
    Resopro__V1__SyncRecord **, unsigned *line, struct records_problem *);

/* NULL is allowed. */
void records_jsonl_close(struct records_jsonl *);

#endif
