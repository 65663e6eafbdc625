/*
 * arena.h - memory that goes with one call: no per-field free, a hard cap, a
 * sticky overflow flag.
 *
 * Under AddressSanitizer each allocation is its own malloc, so that overruns
 * inside an arena are seen.  Thread: one at a time.
 */
#ifndef WIRE_ARENA_H
#define WIRE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/err.h"

struct arena;

/* At most `cap` bytes in all.  NULL: no memory. */
struct arena *arena_new(size_t cap);
/* One more holder: it goes when each has freed it. */
struct arena *arena_hold(struct arena *);
bool arena_is_held(const struct arena *); /* by others too: do not reset */
void arena_free(struct arena *);          /* NULL is a no-op */

/* Forget every allocation; keep the first chunk for the next use. */
void arena_reset(struct arena *);

/* Zeroed, aligned for any type.  NULL when beyond the cap or out of memory;
 * the flag then stays until arena_reset(). */
void *arena_alloc(struct arena *, size_t len);
bool arena_overflowed(const struct arena *);
size_t arena_used(const struct arena *);

char *arena_strdup(struct arena *, const char *);
void *arena_memdup(struct arena *, const void *, size_t len);
char *arena_printf(struct arena *, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
