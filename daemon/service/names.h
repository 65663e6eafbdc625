/* names.h - a set of (kind, id), filled once and then asked.  In an arena. */
#ifndef SERVICE_NAMES_H
#define SERVICE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "resopro/v1/registry.pb-c.h"
#include "wire/arena.h"

struct names {
	Resopro__V1__RecordName *list;
	size_t n, cap;
	bool sorted;
};

/* -1: no memory.  `id` is borrowed. */
int names_add(struct names *, struct arena *, Resopro__V1__Kind,
    const char *id);
void names_sort(struct names *); /* after the last names_add() */
/* False for NULL. */
bool names_has(const struct names *, Resopro__V1__Kind, const char *id);

#endif
