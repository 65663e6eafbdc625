/*
 * text_lines.h - the lines of a text file, as UTF-8, whatever wrote it.
 *
 * Ends of line: LF, CRLF or CR.  A byte order mark is skipped.  A line that is
 * not UTF-8 is taken as Windows-1252 (Latin-1 and the euro): said once.
 *
 * Thread: one.  Blocks: on the file.  Memory: one line.
 */
#ifndef CLI_TEXT_LINES_H
#define CLI_TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TEXT_LINE_BYTES_MAX = 1 << 20 };

enum text_got {
	TEXT_END,
	TEXT_LINE,
	TEXT_UNREADABLE,  /* errno says why */
	TEXT_TOO_LONG,    /* over TEXT_LINE_BYTES_MAX */
	TEXT_NUL,         /* a NUL byte: no text */
	TEXT_UTF16,       /* a byte order mark of UTF-16 */
	TEXT_UNKNOWN_BYTE /* neither UTF-8 nor Windows-1252 */
};

struct text_lines {
	FILE *file; /* borrowed */
	char *line; /* this line, its end as "\n" ("" at the end of
				 * a file that has none), NUL-terminated */
	size_t len;
	unsigned number; /* of this line, from 1 */
	bool converted;  /* this line was Windows-1252 */
	bool pending_lf; /* the LF of a CRLF is still to be skipped */
	char *raw;
	size_t room, raw_room;
};

/* Begin at the file's position.  Zeroed is also a valid, empty state. */
void text_lines_open(struct text_lines *, FILE *);

/* The next line, in .line; only TEXT_LINE may be followed by another call. */
enum text_got text_lines_next(struct text_lines *);

/* What such an end means and what to do about it, translated. */
void text_lines_problem(enum text_got, char *msg, size_t msg_size, char *remedy,
    size_t remedy_size);

void text_lines_close(struct text_lines *);

#endif
