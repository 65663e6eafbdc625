/*
 * fail.h - fill in a struct rsp_error.
 *
 * Thread: any.  Nothing here blocks or allocates.  NULL errors are allowed: the
 * cause is dropped.
 */
#ifndef CLIENT_FAIL_H
#define CLIENT_FAIL_H

#include <resopro/error.h>

#include "wire/err.h"

/* What this side found.  `reason` and `remedy` may be NULL.  Returns -1, so
 * that `return rsp_fail(...)` reads as a failure. */
int rsp_fail(struct rsp_error *, enum rsp_code, const char *reason,
    const char *remedy, const char *fmt, ...) PRINTF_LIKE(5, 6);
int rsp_fail_nomem(struct rsp_error *);

/* Put context in front while unwinding: "host:7443: " + "refused".  -1. */
int rsp_fail_wrap(struct rsp_error *, const char *context);

/* Copy `text`, cut on a UTF-8 boundary where it does not fit. */
void rsp_text_copy(char *to, size_t cap, const char *text);

#endif
