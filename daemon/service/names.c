/* names.c - see names.h. */
#include "service/names.h"

#include <stdlib.h>
#include <string.h>

int
names_add(struct names *s, struct arena *arena, Resopro__V1__Kind kind,
    const char *id)
{
	if (s->n == s->cap) {
		size_t cap = s->cap > 0 ? 2 * s->cap : 64;
		Resopro__V1__RecordName *grown =
		    arena_alloc(arena, cap * sizeof *grown);

		if (grown == NULL)
			return -1;
		if (s->n > 0)
			memcpy(grown, s->list, s->n * sizeof *grown);
		s->list = grown;
		s->cap = cap;
	}
	s->list[s->n].kind = kind;
	s->list[s->n++].id = (char *)(uintptr_t)id; /* only ever read */
	s->sorted = false;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const Resopro__V1__RecordName *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return strcmp(x->id, y->id);
}

void
names_sort(struct names *s)
{
	if (s->n > 1)
		qsort(s->list, s->n, sizeof *s->list, compare);
	s->sorted = true;
}

bool
names_has(const struct names *s, Resopro__V1__Kind kind, const char *id)
{
	Resopro__V1__RecordName key = { .kind = kind,
		.id = (char *)(uintptr_t)id };

	return s != NULL && s->n > 0 &&
	       bsearch(&key, s->list, s->n, sizeof key, compare) != NULL;
}
