/* slurp.h - a whole file in memory, for tests.  They run from the top of the
 * tree, so paths like "config/territories/communes.csv" work. */
#ifndef TESTS_SUPPORT_SLURP_H
#define TESTS_SUPPORT_SLURP_H

#include <stddef.h>

/* NUL-terminated; the caller frees it.  Aborts when there is no such file. */
char *slurp(const char *path, size_t *len);

#endif
