/*
 * fault.h - say in a struct rsp_error what went wrong on this side.
 *
 * Thread: any.  Nothing here blocks or allocates.
 */
#ifndef CLI_FAULT_H
#define CLI_FAULT_H

#include <resopro/error.h>

/* Replace *e (NULL: dropped) with a code, a sentence and what to do next
 * ("" or NULL: nothing).  Texts too long are cut.  Returns -1, so that
 * `return fault(...)` reads as a failure. */
int fault(struct rsp_error *e, enum rsp_code, const char *remedy,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
