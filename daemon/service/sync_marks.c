/* sync_marks.c - see sync_marks.h. */
#include "service/sync_marks.h"

#include <string.h>
#include <xxhash.h>

/* Where the marks lie is their seed: nobody can choose values that collide.
 * Fields are few: the value and the kind tell apart well enough. */
static uint32_t
hash(const struct sync_marks *m, Resopro__V1__Kind kind, const char *value)
{
	return (uint32_t)XXH3_64bits_withSeed(value, strlen(value),
	    (uint64_t)(uintptr_t)m + (uint64_t)kind);
}

static bool
same_field(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static uint32_t *
slot_of(const struct sync_marks *m, const char *field, Resopro__V1__Kind kind,
    const char *value)
{
	uint32_t h = hash(m, kind, value) & m->mask;

	for (; m->slots[h] != 0; h = (h + 1) & m->mask) {
		const struct sync_mark *x = &m->list[m->slots[h] - 1];

		if (x->kind == kind && same_field(x->field, field) &&
		    strcmp(x->value, value) == 0)
			break;
	}
	return &m->slots[h];
}

/* At most half full with one more. */
static int
reserve(struct sync_marks *m, struct arena *arena)
{
	uint32_t size = m->slots != NULL ? m->mask + 1 : 0;
	struct sync_mark *list = m->list;

	if (m->n == m->cap) {
		m->cap = m->cap != 0 ? 2 * m->cap : 128;
		list = arena_alloc(arena, m->cap * sizeof *list);
		if (list == NULL)
			return -1;
		if (m->n > 0)
			memcpy(list, m->list, m->n * sizeof *list);
		m->list = list;
	}
	if (2 * (m->n + 1) <= size)
		return 0;
	size = size != 0 ? 2 * size : 256;
	m->slots = arena_alloc(arena, size * sizeof *m->slots);
	if (m->slots == NULL)
		return -1;
	m->mask = size - 1;
	for (uint32_t i = 0; i < m->n; i++)
		*slot_of(m, list[i].field, list[i].kind, list[i].value) = i + 1;
	return 0;
}

int
sync_marks_add(struct sync_marks *m, struct arena *arena, const char *field,
    Resopro__V1__Kind kind, const char *value, struct sync_item *item,
    const struct sync_mark **first)
{
	char *copy;
	uint32_t *slot;

	if (reserve(m, arena) < 0)
		return -1;
	slot = slot_of(m, field, kind, value);
	if (*slot == 0) {
		if ((copy = arena_strdup(arena, value)) == NULL)
			return -1;
		m->list[m->n++] = (struct sync_mark){ field, kind, copy, item };
		*slot = m->n;
	}
	*first = &m->list[*slot - 1];
	return 0;
}

const struct sync_mark *
sync_marks_find(const struct sync_marks *m, const char *field,
    Resopro__V1__Kind kind, const char *value)
{
	const uint32_t *slot;

	if (m->slots == NULL)
		return NULL;
	slot = slot_of(m, field, kind, value);
	return *slot != 0 ? &m->list[*slot - 1] : NULL;
}
