/*
 * intern.h - byte strings, each kept once and numbered from 0.
 *
 * Pure.  Thread: one at a time.
 */
#ifndef DOMAIN_INTERN_H
#define DOMAIN_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct interned { /* where a string stands in `bytes` */
	uint32_t at, len;
};

struct intern {      /* zeroed: empty; read its first half */
	char *bytes; /* one behind the other, without anything between */
	struct interned *list;
	size_t n, used;

	size_t list_room, bytes_room;
	uint32_t *slots; /* number + 1, open addressing */
	size_t n_slots;
};

#define INTERN_FAILED UINT32_MAX

/* The number of the string, added if it is new.  It must not be in `bytes`.
 * INTERN_FAILED: no memory, or more than 4 GiB. */
uint32_t intern_add(struct intern *, const char *bytes, size_t len);
void intern_free(struct intern *);

/* A hash of bytes: no secret in it, the same everywhere. */
uint64_t intern_hash(const char *bytes, size_t len);

#endif
