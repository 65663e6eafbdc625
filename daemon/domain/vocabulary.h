/*
 * vocabulary.h - closed lists of codes that change without a new release.
 *
 * A vocabulary is one CSV file of config/vocabularies (its README states the
 * format).  Built from bytes that the caller read: no I/O here.  A set is
 * filled by one thread, then immutable: any number of threads may read it.
 */
#ifndef DOMAIN_VOCABULARY_H
#define DOMAIN_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/err.h"

struct vocabularies; /* a set of named vocabularies */
struct vocabulary;

struct vocabulary_term {
	const struct vocabulary *vocabulary;
	const char *code;
	const char *libelle_fr;    /* never "" */
	const char *libelle_en;    /* never "" */
	const char *since, *until; /* "YYYY-MM-DD", until included; or "" */
	const char *const *extra;  /* one a column; see vocabulary_extra */
};

#define VOCABULARIES_MAX 64 /* vocabularies in a set */
#define VOCABULARY_TERMS_MAX 5000
#define VOCABULARY_EXTRAS_MAX 16
#define VOCABULARY_BYTES_MAX (1u << 20) /* of one file */

/* An empty set, or NULL when memory lacks.  Free with vocabularies_free,
 * which invalidates every vocabulary and term of the set. */
struct vocabularies *vocabularies_new(void);
void vocabularies_free(struct vocabularies *);

/* Read the CSV `bytes` of `len` bytes as vocabulary `name` (the file name
 * without ".csv"); copied.  0, or -1 and the set is as before: ERR_INVALID
 * (message "NAME.csv:LINE: ...", field = column, remedy), ERR_EXISTS (a name
 * twice), ERR_LIMIT, ERR_NOMEM. */
int vocabularies_add(struct vocabularies *, const char *name, const char *bytes,
    size_t len, struct err *e);

/* NULL when the set has none of that name. */
const struct vocabulary *vocabularies_find(const struct vocabularies *,
    const char *name);

/* Iteration, in order of name. */
size_t vocabularies_count(const struct vocabularies *);
const struct vocabulary *vocabularies_at(const struct vocabularies *, size_t i);

const char *vocabulary_name(const struct vocabulary *);
/* Terms in the order of the file, which is the order to show. */
size_t vocabulary_count(const struct vocabulary *);
const struct vocabulary_term *vocabulary_at(const struct vocabulary *,
    size_t i);

/* The term of an exact code, or NULL. */
const struct vocabulary_term *vocabulary_term(const struct vocabulary *,
    const char *code);

/* Value of an extra column, "" when the row has none; NULL when the file has
 * no such column. */
const char *vocabulary_extra(const struct vocabulary_term *,
    const char *column);

/* Names of the extra columns. */
size_t vocabulary_extras(const struct vocabulary *);
const char *vocabulary_extra_name(const struct vocabulary *, size_t i);

/* Is the term in force on a day "YYYY-MM-DD" (since <= day <= until)? */
bool vocabulary_term_at(const struct vocabulary_term *, const char *day);

/* Is the value a code of the vocabulary (whatever its dates: old records keep
 * old codes)?  0, or -1 ERR_INVALID, reason CODE_UNKNOWN, whose remedy is the
 * closest code, or the list when none is close and the list is short. */
int vocabulary_check(const struct vocabulary *, const char *field,
    const char *value, size_t len, struct err *e);

/* The code nearest to a value by Damerau-Levenshtein distance, case apart, or
 * NULL when none is near enough to be a slip (a third of its length). */
const struct vocabulary_term *vocabulary_closest(const struct vocabulary *,
    const char *value, size_t len);

#endif
