/* ageing.c - see ageing.h. */
#include "service/ageing.h"

#include <stdlib.h>
#include <string.h>

#include "service/schema.h"

#define SLICE 1000                       /* records looked at a turn */
#define AGEING_BYTES ((size_t)256 << 20) /* of names, at most */

struct ageing {
	struct ageings *all;
	struct ageing *next;
	unsigned references; /* of watches, and one of its walk */
	int32_t from, to;
	struct loop_task step;
	bool found;

	/* The walk: */
	unsigned kind; /* being walked; 32: through */
	char after[STORE_ID_MAX + 1];

	struct arena *arena;
	struct aged **blocks; /* of BLOCK items each */
	size_t n, n_blocks, cap_blocks;
};

#define BLOCK 512

struct ageings {
	struct service *service;
	void (*found)(struct ageing *, const struct err *, void *);
	void *arg;
	struct ageing *list;
};

struct ageings *
ageings_new(struct service *s,
    void (*found)(struct ageing *, const struct err *, void *), void *arg,
    struct err *e)
{
	struct ageings *t = calloc(1, sizeof *t);

	if (t == NULL) {
		err_set(e, ERR_NOMEM, "watches");
		return NULL;
	}
	t->service = s;
	t->found = found;
	t->arg = arg;
	return t;
}

void
ageings_free(struct ageings *t)
{
	free(t);
}

void
ageing_unref(struct ageing *t)
{
	struct ageing **at;

	if (t == NULL || --t->references > 0)
		return;
	for (at = &t->all->list; *at != t; at = &(*at)->next)
		;
	*at = t->next;
	arena_free(t->arena);
	free(t->blocks);
	free(t);
}

bool
ageing_is_found(const struct ageing *t)
{
	return t->found;
}

int32_t
ageing_from(const struct ageing *t)
{
	return t->from;
}

int32_t
ageing_to(const struct ageing *t)
{
	return t->to;
}

const struct aged *
ageing_at(const struct ageing *t, size_t i)
{
	return i < t->n ? &t->blocks[i / BLOCK][i % BLOCK] : NULL;
}

/* ---- the walk ------------------------------------------------------------- */

static int
no_room(struct err *e)
{
	err_set(e, ERR_LIMIT, "too many records became due or stale at once");
	err_reason(e, "TOO_MANY_AGED");
	return err_remedy(e, "list them instead (freshness filter of List)");
}

static struct aged *
new_item(struct ageing *t)
{
	struct aged **grown;

	if (t->n % BLOCK != 0)
		return &t->blocks[t->n / BLOCK][t->n % BLOCK];
	if (t->n_blocks == t->cap_blocks) {
		size_t cap = t->cap_blocks != 0 ? 2 * t->cap_blocks : 16;

		grown = reallocarray(t->blocks, cap, sizeof(*grown));
		if (grown == NULL)
			return NULL;
		t->blocks = grown;
		t->cap_blocks = cap;
	}
	t->blocks[t->n_blocks] =
	    arena_alloc(t->arena, BLOCK * sizeof **t->blocks);
	return t->blocks[t->n_blocks] != NULL ? t->blocks[t->n_blocks++] : NULL;
}

static int
keep(struct ageing *t, const struct stored *s, struct err *e)
{
	struct aged *item = new_item(t);

	if (item == NULL)
		return no_room(e);
	item->kind = s->kind;
	item->id = arena_strdup(t->arena, s->id);
	if (item->id == NULL)
		return no_room(e);
	t->n++;
	return 0;
}

struct slice {
	struct ageing *ageing;
	struct view *view;
	unsigned looked;
};

static int
look(const struct stored *s, void *arg, struct err *e)
{
	struct slice *slice = arg;
	struct ageing *t = slice->ageing;
	const struct lease_clock *clock = &t->all->service->clock;
	struct record_facts facts;
	enum freshness was, is;
	int64_t confirmed;

	if (slice->looked++ == SLICE)
		return 0;
	memcpy(t->after, s->id, sizeof t->after);
	if (s->deleted)
		return 1;
	if (record_facts(s->record, &facts, e) < 0)
		return -1;
	confirmed = record_confirmed(slice->view, s, &facts);
	was = lease_on(clock, s, &facts, confirmed, t->from);
	is = lease_on(clock, s, &facts, confirmed, t->to);
	if (is >= FRESHNESS_DUE && is > was && keep(t, s, e) < 0)
		return -1;
	return 1;
}

/* 1: there is more; 0: through; -1. */
static int
walk_slice(struct ageing *t, struct err *e)
{
	const struct catalog_periods *periods = t->all->service->clock.periods;
	struct slice s = { .ageing = t,
		.view = service_view(t->all->service, e) };

	if (s.view == NULL)
		return -1;
	while (t->kind < 32 &&
	       (schema_of((Resopro__V1__Kind)t->kind) == NULL ||
		   lease_period(periods, (uint8_t)t->kind).days == 0))
		t->kind++;
	if (t->kind == 32)
		return 0;
	if (view_each(s.view, (uint8_t)t->kind, t->after, look, &s, e) < 0)
		return -1;
	if (s.looked <= SLICE) {
		t->kind++;
		t->after[0] = '\0';
	}
	return 1;
}

static void
run_step(struct loop_task *task)
{
	struct ageing *t =
	    (struct ageing *)((char *)task - offsetof(struct ageing, step));
	struct err e = { 0 };
	int rc = 0;

	if (t->references > 1) /* somebody waits for it */
		rc = walk_slice(t, &e);
	if (rc == 1) {
		loop_post(t->all->service->loop, &t->step);
		return;
	}
	t->found = true;
	if (t->references > 1)
		t->all->found(t, &e, t->all->arg);
	ageing_unref(t);
}

struct ageing *
ageings_get(struct ageings *all, int32_t from, int32_t to, struct err *e)
{
	struct ageing *t;

	for (t = all->list; t != NULL; t = t->next) {
		if (t->from == from && t->to == to) {
			t->references++;
			return t;
		}
	}
	t = calloc(1, sizeof *t);
	if (t == NULL || (t->arena = arena_new(AGEING_BYTES)) == NULL) {
		free(t);
		err_set(e, ERR_NOMEM, "watch");
		return NULL;
	}
	*t = (struct ageing){ .all = all,
		.next = all->list,
		.references = 2,
		.from = from,
		.to = to,
		.arena = t->arena,
		.step = { .run = run_step } };
	all->list = t;
	loop_post(all->service->loop, &t->step);
	return t;
}
