/*
 * output.h - answers in the format that the user chose: table, json, jsonl,
 * csv.  Everything written here is safe for a terminal in table form.
 *
 *	static const struct column columns[] = {
 *		{ N_("ID"), "id" }, { N_("NAME"), "organisation.nom" }, { 0 }
 *	};
 *	struct output *o = output_open(cli, columns, "records");
 *	for (...)
 *		output_item(o, &record->base);
 *	output_number(o, "revision", revision);
 *	return output_close(o);
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#include "cli.h"
#include "term.h"

enum {
	COLUMN_RIGHT = 1,  /* numbers */
	COLUMN_KEEP = 2,   /* never shortened (ids, codes) */
	COLUMN_CSV = 4,    /* only in csv */
	COLUMN_TABLE = 8,  /* not in csv */
	COLUMN_DAY = 16,   /* of a time, only the day (in a table) */
	COLUMN_WORDS = 32, /* `text` is for tables only */
	COLUMN_ZERO = 64   /* of a number: 0 is shown, not left out */
};

struct column {
	const char *title; /* N_(): heading of the table */
	const char *path;  /* field of the item: "site.nom"; its name is the
				 * csv heading */
	unsigned flags;
	/* Makes the text instead of `path`; free()d after. */
	char *(*text)(const ProtobufCMessage *item);
	/* Of its cell in a table, on a terminal; NULL: none. */
	enum colour (*colour)(const ProtobufCMessage *item);
};

struct output;

/*
 * A list.  json: {"<name>": [items...], then the numbers}; jsonl: one item a
 * line; csv: a heading, then a line an item; table: fitted to the terminal.
 * Items are written as they come (a table waits for the first 500 to know its
 * widths).  Never NULL: without memory the program ends.
 */
struct output *output_open(struct cli *, const struct column *,
    const char *name);
/* csv: every field of such items instead of the columns, the fields of
 * messages in it as their own; `body` names the member of the oneof that all
 * items have, or NULL.  Before the first item. */
void output_all_fields(struct output *, const ProtobufCMessageDescriptor *,
    const char *body);
void output_item(struct output *, const ProtobufCMessage *);
/* Beside the list, in json: a number of 64 bits is written as a string. */
void output_number(struct output *, const char *name, uint64_t value);
void output_small(struct output *, const char *name, uint32_t value);
void output_flag(struct output *, const char *name, bool value);
void output_text(struct output *, const char *name, const char *value);
size_t output_count(const struct output *);
/* Ends the list; frees.  Returns EXIT_OK, or EXIT_INTERNAL when it could not
 * be written, after having told the user. */
int output_close(struct output *);

/*
 * One message: json, jsonl as it is; csv: one heading and one line; table: a
 * line a field that is set, "name  value", long values wrapped.  Messages in
 * it are spread out; a record shows its body's fields after its own.
 */
int output_message(struct cli *, const ProtobufCMessage *);

/* As above for an answer that holds one item: json shows the whole answer, the
 * other formats the item. */
int output_answer(struct cli *, const ProtobufCMessage *answer,
    const ProtobufCMessage *item);

/* The text of a field by its path ("site.nom"), as a csv cell has it; "" when
 * not set or unknown.  free() it. */
char *output_path(const ProtobufCMessage *, const char *path);

/* Flush the standard output; EXIT_INTERNAL when something could not be written
 * (full disk), after having told the user; else `code`. */
int output_done(struct cli *, int code);

/* One csv cell, quoted when it must be. */
void output_csv_cell(FILE *, const char *text);

#endif
