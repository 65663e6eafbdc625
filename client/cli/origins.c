#include "origins.h"

#include <stdlib.h>
#include <string.h>

void
origins_free(struct origins *o)
{
	free(o->list);
	free(o->texts);
	free(o->slots);
	memset(o, 0, sizeof *o);
}

static uint64_t
hash(int kind, const char *s)
{
	uint64_t h = 14695981039346656037U ^ (uint64_t)(unsigned)kind;

	for (; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211U;
	return h ^ (h >> 29);
}

/* The slot of this identifier, or the free one where it belongs. */
static uint32_t *
slot_of(const struct origins *o, int kind, const char *source_id)
{
	size_t mask = o->nslots - 1;
	size_t i = (size_t)hash(kind, source_id) & mask;

	for (; o->slots[i] != 0; i = (i + 1) & mask) {
		const struct origin *x = &o->list[o->slots[i] - 1];

		if (x->kind == kind &&
		    strcmp(o->texts + x->source_id, source_id) == 0)
			break;
	}
	return &o->slots[i];
}

static int
grow_slots(struct origins *o)
{
	size_t n = o->nslots == 0 ? 1024 : 2 * o->nslots;
	uint32_t *old = o->slots;

	if (2 * (o->n + 1) <= o->nslots)
		return 0;
	o->slots = calloc(n, sizeof *o->slots);
	if (o->slots == NULL) {
		o->slots = old;
		return -1;
	}
	free(old);
	o->nslots = n;
	for (size_t i = 0; i < o->n; i++)
		*slot_of(o, o->list[i].kind, o->texts + o->list[i].source_id) =
		    (uint32_t)i + 1;
	return 0;
}

static int
grow_list(struct origins *o)
{
	size_t room = o->room == 0 ? 512 : 2 * o->room;
	struct origin *grown;

	if (o->n < o->room)
		return 0;
	grown = realloc(o->list, room * sizeof *grown);
	if (grown == NULL)
		return -1;
	o->list = grown;
	o->room = room;
	return 0;
}

static int
add_text(struct origins *o, const char *text, size_t *offset)
{
	size_t need = o->texts_len + strlen(text) + 1;

	if (need > o->texts_room) {
		char *grown = realloc(o->texts, 2 * need);

		if (grown == NULL)
			return -1;
		o->texts = grown;
		o->texts_room = 2 * need;
	}
	*offset = o->texts_len;
	strcpy(o->texts + o->texts_len, text);
	o->texts_len = need;
	return 0;
}

enum origins_added
origins_add(struct origins *o, unsigned file, unsigned line, int kind,
    const char *source_id, const struct origin **first)
{
	struct origin x = { .file = file, .line = line, .kind = kind };
	uint32_t *slot;

	*first = NULL;
	if (o->n == UINT32_MAX || grow_slots(o) != 0 || grow_list(o) != 0)
		return ORIGINS_NO_MEMORY;
	slot = slot_of(o, kind, source_id);
	if (*slot != 0) {
		*first = &o->list[*slot - 1];
		return ORIGINS_TWICE;
	}
	if (add_text(o, source_id, &x.source_id) != 0)
		return ORIGINS_NO_MEMORY;
	o->list[o->n++] = x;
	*slot = (uint32_t)o->n;
	return ORIGINS_ADDED;
}

const struct origin *
origins_at(const struct origins *o, uint32_t position)
{
	return position == 0 || position > o->n ? NULL : &o->list[position - 1];
}
