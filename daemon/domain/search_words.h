/*
 * search_words.h - a text as the words that Search compares, and the names
 * that it takes for one another.
 *
 * A struct search_words is config/search-words.conf, read: immutable, any
 * number of threads may read it.  Pure: the bytes come from the caller.
 */
#ifndef DOMAIN_SEARCH_WORDS_H
#define DOMAIN_SEARCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/err.h"

struct search_words;

#define SEARCH_WORD_MAX 48 /* bytes; a longer word is cut there */
#define SEARCH_GROUP_WORDS 8

/*
 * Read the file's bytes; `name` is named by errors.
 * Owns:   the result is the caller's, until search_words_free().
 * Fails:  ERR_INVALID (line, key and remedy), ERR_NOMEM.
 */
struct search_words *search_words_new(const char *name, const char *bytes,
    size_t len, struct err *);
void search_words_free(struct search_words *); /* NULL is a no-op */

/* ---- words -------------------------------------------------------------- */

struct search_word {
	const char *text; /* folded (fold.h), no NUL behind it */
	size_t len;       /* 1 to SEARCH_WORD_MAX */
};

/* Bytes of room that splitting a text of `len` bytes takes. */
#define SEARCH_SPLIT_ROOM(len) (2 * (len) + 2)

/*
 * The words of a text in order, without those to ignore, at most `max` of them;
 * how many.  "C.I.O." is one word.  They point into `room`.
 */
size_t search_words_split(const struct search_words *, const char *text,
    size_t len, char *room, struct search_word *out, size_t max);

/* Without its plural ending: the length up to a last s or x, of words of four
 * letters or more. */
size_t search_word_stem(const struct search_word *);

/* ---- names that mean the same -------------------------------------------- */

/*
 * The group that has a name made of the words from `at` on, the longest such
 * name; *taken is how many words it has.  NULL when there is none.
 * A group is named by its first name, folded.
 */
const char *search_words_group(const struct search_words *,
    const struct search_word *, size_t n, size_t at, size_t *taken);

/* Each such group, of longer and of shorter names: start with *place 0; NULL
 * past the last. */
const char *search_words_next_group(const struct search_words *,
    const struct search_word *, size_t n, size_t at, size_t *place);

#endif
