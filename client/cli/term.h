/*
 * term.h - text for terminals: what is safe to print, how wide it is, colour.
 */
#ifndef CLI_TERM_H
#define CLI_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_GOOD,   /* green: created, accepted */
	COLOUR_CHANGE, /* yellow: updated, warning */
	COLOUR_BAD     /* red: removed, refused */
};

/* Print `text` in colour when `on`.  The text is made safe first. */
void term_print(FILE *, bool on, enum colour, const char *text);

/* Start and end of a colour, "" when not `on`. */
const char *term_start(bool on, enum colour);
const char *term_end(bool on, enum colour);

/* Could this code point act on a terminal, or hide or turn what follows? */
bool term_is_unsafe(int32_t c);

/*
 * A copy in which nothing can act on a terminal: control characters (C0, DEL,
 * C1), line and paragraph separators and bidirectional overrides appear as
 * \x1b or \u{202e}; invalid UTF-8 as U+FFFD.  With keep_lines a newline stays.
 * free() it; NULL without memory.
 */
char *term_safe(const char *text, size_t len, bool keep_lines);

/* Columns that UTF-8 text takes on a terminal; wide and combining characters
 * are counted as terminals show them. */
size_t term_width(const char *text);

/* How many bytes of `text` fit in `columns`, never splitting a character from
 * the marks on it. */
size_t term_fit(const char *text, size_t columns);

/* Columns of the terminal at `fd`; COLUMNS in the environment overrides; 0 when
 * it is no terminal. */
int term_columns(int fd);

#endif
