/* sync_set.c - see sync_set.h. */
#include "service/sync_set.h"

#include <string.h>
#include <xxhash.h>

/* Where the set lies is its seed: nobody can choose names that collide. */
static uint32_t
hash(const struct sync_set *s, Resopro__V1__Kind kind, const char *text)
{
	return (uint32_t)XXH3_64bits_withSeed(text, strlen(text),
	    (uint64_t)(uintptr_t)s + (uint64_t)kind);
}

static const char *
key_of(const struct sync_item *i, bool by_id)
{
	return by_id ? i->id : i->source_id;
}

static void
insert(const struct sync_set *s, struct sync_table *t, bool by_id, uint32_t at)
{
	const struct sync_item *i = s->items[at];
	uint32_t h = hash(s, i->kind, key_of(i, by_id)) & t->mask;

	while (t->slots[h] != 0)
		h = (h + 1) & t->mask;
	t->slots[h] = at + 1;
}

/* At most half full once it holds `n`. */
static int
reserve(struct sync_set *s, struct sync_table *t, bool by_id, uint32_t n)
{
	uint32_t size = t->slots != NULL ? t->mask + 1 : 0, filled = size;
	const uint32_t *old = t->slots;

	if (n * 2 <= size)
		return 0;
	size = size != 0 ? size * 2 : 256;
	t->slots = arena_alloc(s->arena, size * sizeof *t->slots);
	if (t->slots == NULL)
		return -1;
	t->mask = size - 1;
	for (uint32_t i = 0; i < filled; i++) {
		if (old[i] != 0)
			insert(s, t, by_id, old[i] - 1);
	}
	return 0;
}

static struct sync_item *
find(const struct sync_set *s, const struct sync_table *t, bool by_id,
    Resopro__V1__Kind kind, const char *text)
{
	uint32_t h;

	if (t->slots == NULL)
		return NULL;
	for (h = hash(s, kind, text) & t->mask; t->slots[h] != 0;
	     h = (h + 1) & t->mask) {
		struct sync_item *i = s->items[t->slots[h] - 1];

		if (i->kind == kind && strcmp(key_of(i, by_id), text) == 0)
			return i;
	}
	return NULL;
}

static int
full(struct err *e)
{
	err_set(e, ERR_LIMIT, "the set is too large");
	err_reason(e, "SET_TOO_LARGE");
	return err_remedy(e,
	    "send it in parts, with another source for each, "
	    "or ask the administrator to raise limits.sync_max_bytes");
}

struct sync_item *
sync_set_add(struct sync_set *s, Resopro__V1__Kind kind, const char *source_id,
    struct err *e)
{
	struct sync_item *i = arena_alloc(s->arena, sizeof *i);
	char *copy = arena_strdup(s->arena, source_id);

	if (i == NULL || copy == NULL) {
		full(e);
		return NULL;
	}
	if (s->n == s->cap) {
		uint32_t cap = s->cap != 0 ? 2 * s->cap : 256;
		struct sync_item **grown =
		    arena_alloc(s->arena, cap * sizeof(*grown));

		if (grown == NULL) {
			full(e);
			return NULL;
		}
		if (s->n > 0)
			memcpy(grown, s->items, s->n * sizeof(*grown));
		s->items = grown;
		s->cap = cap;
	}
	if (reserve(s, &s->by_source, false, s->n + 1) < 0 ||
	    reserve(s, &s->by_id, true, s->n + 1) < 0) {
		full(e);
		return NULL;
	}
	i->kind = kind;
	i->source_id = copy;
	s->items[s->n++] = i;
	/* The first of a name is the one that is found. */
	if (copy[0] != '\0' && sync_set_by_source(s, kind, copy) == NULL)
		insert(s, &s->by_source, false, s->n - 1);
	return i;
}

int
sync_set_name(struct sync_set *s, struct sync_item *i, const char *id,
    struct err *e)
{
	uint32_t at = s->n - 1;

	/* Nearly always the newest; a deferred one is looked for. */
	while (s->items[at] != i)
		at--;
	if ((i->id = arena_strdup(s->arena, id)) == NULL)
		return full(e);
	insert(s, &s->by_id, true, at);
	return 0;
}

struct sync_item *
sync_set_by_id(const struct sync_set *s, Resopro__V1__Kind kind, const char *id)
{
	return find(s, &s->by_id, true, kind, id);
}

struct sync_item *
sync_set_by_source(const struct sync_set *s, Resopro__V1__Kind kind,
    const char *source_id)
{
	return find(s, &s->by_source, false, kind, source_id);
}

/* ---- what is said of an item ---------------------------------------------- */

/* Room for one more pointer: lists grow when their length is a power of two. */
static void **
grow(struct arena *arena, void **list, size_t n)
{
	void **grown;

	if (n != 0 && (n < 4 || (n & (n - 1)) != 0))
		return list;
	grown = arena_alloc(arena, (n < 4 ? 4 : 2 * n) * sizeof(*grown));
	if (grown != NULL && n > 0)
		memcpy(grown, list, n * sizeof(*grown));
	return grown;
}

int
sync_item_refuse(struct sync_set *s, struct sync_item *i, const char *field,
    const char *reason, const char *message, const char *remedy)
{
	Resopro__V1__Refusal *r = arena_alloc(s->arena, sizeof *r);
	Resopro__V1__Refusal **list = (Resopro__V1__Refusal **)grow(s->arena,
	    (void **)i->refusals, i->n_refusals);

	if (r == NULL || list == NULL)
		return -1;
	resopro__v1__refusal__init(r);
	r->field = arena_strdup(s->arena, field);
	r->reason = arena_strdup(s->arena, reason);
	r->message = arena_strdup(s->arena, message);
	r->remedy = arena_strdup(s->arena, remedy);
	if (r->field == NULL || r->reason == NULL || r->message == NULL ||
	    r->remedy == NULL)
		return -1;
	i->action = RESOPRO__V1__SYNC_ACTION__SYNC_ACTION_REFUSED;
	i->refusals = list;
	i->refusals[i->n_refusals++] = r;
	return 0;
}

int
sync_item_change(struct sync_set *s, struct sync_item *i, const char *field,
    const char *before, const char *after)
{
	Resopro__V1__FieldChange *c = arena_alloc(s->arena, sizeof *c);
	Resopro__V1__FieldChange **list =
	    (Resopro__V1__FieldChange **)grow(s->arena, (void **)i->changes,
		i->n_changes);

	if (c == NULL || list == NULL)
		return -1;
	resopro__v1__field_change__init(c);
	c->field = arena_strdup(s->arena, field);
	c->before = arena_strdup(s->arena, before);
	c->after = arena_strdup(s->arena, after);
	if (c->field == NULL || c->before == NULL || c->after == NULL)
		return -1;
	i->changes = list;
	i->changes[i->n_changes++] = c;
	return 0;
}

int
sync_item_warn(struct sync_set *s, struct sync_item *i, const char *text)
{
	char **list =
	    (char **)grow(s->arena, (void **)i->warnings, i->n_warnings);
	char *copy = arena_strdup(s->arena, text);

	if (list == NULL || copy == NULL)
		return -1;
	i->warnings = list;
	i->warnings[i->n_warnings++] = copy;
	return 0;
}
