/*
 * fold.h - what a person typed and what a table says, made comparable.
 *
 * Pure: bytes in, bytes out.  Thread: any.
 */
#ifndef DOMAIN_FOLD_H
#define DOMAIN_FOLD_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Fold `len` bytes of UTF-8 into `out`, which has room for len + 1 (a fold is
 * never longer than its source).  Latin letters lose case and accents (composed
 * or combining), œ and æ become oe and ae, ß ss; everything that is neither
 * letter nor digit, and every byte that is not UTF-8, separates words; words
 * are joined by one space; "saint" and "sainte" (and plurals) become "st" and
 * "ste".  Letters of other scripts stay as they are.
 * Returns the length written, without the NUL.
 */
size_t fold_text(const char *text, size_t len, char *out);

/* Shortest form, no surrogates, nothing above U+10FFFF. */
bool fold_is_utf8(const char *text, size_t len);

#endif
