/* directory_near.c - who is near a commune: one list for each target of the
 * rules and each commune, made when it is asked for. */
#include <stdlib.h>
#include <string.h>

#include "service/directory_parts.h"

/* ---- groups ------------------------------------------------------------- */

void
groups_free(struct directory *d)
{
	size_t communes = d->catalog != NULL
			      ? territory_count(catalog_territory(d->catalog))
			      : 0;

	for (size_t i = 0; i < d->n_groups; i++) {
		struct group *g = &d->groups[i];

		for (size_t c = 0; g->near != NULL && c < communes; c++)
			free(g->near[c]);
		free(g->near);
		free(g->list);
	}
	free(d->groups);
	free(d->sights);
	d->groups = NULL;
	d->n_groups = 0;
	d->sights = NULL;
	d->sights_from = NULL;
}

int
groups_make(struct directory *d, struct err *e)
{
	size_t communes = territory_count(catalog_territory(d->catalog));
	size_t n = referral_targets(catalog_rules(d->catalog));

	if (n > (size_t)TARGET_WORDS * 64)
		return err_set(e, ERR_INTERNAL, "directory: %zu targets", n);
	d->groups = calloc(n + 1, sizeof *d->groups);
	d->sights = calloc(communes + 1, sizeof *d->sights);
	if (d->groups == NULL || d->sights == NULL)
		return err_set(e, ERR_NOMEM, "directory");
	d->n_groups = n;
	for (size_t i = 0; i < n; i++) {
		d->groups[i].generation = 1;
		d->groups[i].near = calloc(communes, sizeof(struct near *));
		if (d->groups[i].near == NULL)
			return err_set(e, ERR_NOMEM, "directory");
	}
	return 0;
}

static bool
has(const uint64_t targets[TARGET_WORDS], size_t i)
{
	return (targets[i / 64] >> (i % 64) & 1) != 0;
}

static int
group_add(struct group *g, struct body *b, struct err *e)
{
	if (g->n == g->cap) {
		size_t cap = g->cap > 0 ? 2 * g->cap : 16;
		struct body **more =
		    realloc(g->list, cap * sizeof(struct body *));

		if (more == NULL)
			return err_set(e, ERR_NOMEM, "directory");
		g->list = more;
		g->cap = cap;
	}
	g->list[g->n++] = b;
	return 0;
}

static void
group_remove(struct group *g, const struct body *b)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->list[i] == b) {
			g->list[i] = g->list[--g->n];
			return;
		}
}

void
groups_stir(struct directory *d, const struct body *b)
{
	for (size_t i = 0; i < d->n_groups; i++)
		if (has(b->targets, i))
			d->groups[i].generation++;
}

int
groups_enlist(struct directory *d, struct body *b,
    const uint64_t targets[TARGET_WORDS], struct err *e)
{
	groups_stir(d, b);
	for (size_t i = 0; i < d->n_groups; i++) {
		bool was = has(b->targets, i), is = has(targets, i);

		if (was && !is)
			group_remove(&d->groups[i], b);
		if (!was && is && group_add(&d->groups[i], b, e) < 0)
			return -1; /* all is read again */
	}
	memcpy(b->targets, targets, sizeof b->targets);
	groups_stir(d, b);
	return 0;
}

/* ---- placing ------------------------------------------------------------ */

static int
compare_placed(const void *a, const void *b)
{
	return placed_compare(a, b);
}

static size_t
count_places(const struct group *g)
{
	const struct candidate *list;
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		n += body_places(g->list[i], &list);
	return n;
}

static size_t
place_all(struct directory *d, size_t target, const struct commune *commune,
    const struct placed **out)
{
	const struct target *t =
	    referral_target(catalog_rules(d->catalog), target);
	const struct group *g = &d->groups[target];
	size_t room = count_places(g), n = 0;

	if (room > d->all_cap) {
		struct placed *more = realloc(d->all, room * sizeof *more);

		if (more == NULL)
			return 0; /* the nearest were offered before */
		d->all = more;
		d->all_cap = room;
	}
	for (size_t i = 0; i < g->n; i++) {
		const struct candidate *list;
		size_t places = body_places(g->list[i], &list);

		for (size_t j = 0; j < places; j++)
			if (target_takes(t, &list[j]))
				d->all[n++] =
				    candidate_place(&list[j], commune);
	}
	if (n > 1)
		qsort(d->all, n, sizeof *d->all, compare_placed);
	*out = d->all;
	return n;
}

/* Every list of one question is seen from the same commune. */
static void
look_from(struct directory *d, const struct commune *commune)
{
	const struct territory *t = catalog_territory(d->catalog);
	size_t n = territory_count(t);

	if (d->sights_from == commune)
		return;
	for (size_t i = 0; i < n; i++) {
		const struct commune *to = territory_at(t, i);

		d->sights[i].class =
		    (uint8_t)commune_distance_class(to, commune);
		d->sights[i].metres = commune_distance_m(to, commune);
	}
	d->sights[n] = (struct sight){ 0, DISTANCE_NOWHERE };
	d->sights_from = commune;
}

static void
keep_if_near(struct near *near, const struct placed *p)
{
	size_t at;

	if (near->n == REFERRAL_NEAR &&
	    placed_compare(p, &near->list[REFERRAL_NEAR - 1]) >= 0)
		return;
	at = near->n < REFERRAL_NEAR ? near->n++ : near->n - 1;
	for (; at > 0 && placed_compare(p, &near->list[at - 1]) < 0; at--)
		near->list[at] = near->list[at - 1];
	near->list[at] = *p;
}

/* As referral_place(), but each body is asked once what its places share. */
static void
find_near(struct directory *d, size_t target, const struct commune *commune,
    struct near *near)
{
	const struct target *t =
	    referral_target(catalog_rules(d->catalog), target);
	size_t nowhere = territory_count(catalog_territory(d->catalog));
	const struct group *g = &d->groups[target];

	look_from(d, commune);
	near->n = 0;
	for (size_t i = 0; i < g->n; i++) {
		const struct body *b = g->list[i];
		const struct candidate *list;
		size_t n = body_places(b, &list);
		bool competent = candidate_competent(&b->alone, commune);

		for (size_t j = 0; j < n; j++) {
			const struct candidate *c = &list[j];
			const struct sight *s =
			    &d->sights[c->commune != NULL ? c->commune->index
							  : nowhere];
			struct placed p = { .candidate = c,
				.metres = s->metres,
				.class = s->class,
				.competence = competent };

			if (b->n_site_titles == 0 || target_takes(t, c))
				keep_if_near(near, &p);
		}
	}
	near->generation = g->generation;
}

size_t
directory_placed(struct candidate_source *source, size_t target,
    const struct commune *commune, bool all, const struct placed **out)
{
	struct directory *d = (struct directory *)source;
	struct group *g = &d->groups[target];
	struct near *near = g->near[commune->index];

	*out = NULL;
	if (g->n == 0)
		return 0;
	if (near == NULL && (near = calloc(1, sizeof *near)) == NULL)
		return place_all(d, target, commune, out);
	g->near[commune->index] = near;
	if (near->generation != g->generation)
		find_near(d, target, commune, near);
	/* All of them, unless these are. */
	if (all && near->n == REFERRAL_NEAR)
		return place_all(d, target, commune, out);
	*out = near->list;
	return near->n;
}
