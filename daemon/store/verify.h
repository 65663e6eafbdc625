/* verify.h - fold the log again and compare.  For this folder only. */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/tables.h"

/* See store_verify(). */
int verify(const struct tables *, const char *dir, size_t map_bytes,
    const char *scratch_dir, struct verify_report *, struct err *);

#endif
