/* The index of searches follows the log: at any time it finds what a look at
 * each record finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/search_docs.h"
#include "service/search_index.h"
#include "service/service.h"
#include "writing.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define OFFER RESOPRO__V1__KIND__KIND_OFFER

#define BODIES 4
#define EACH 40 /* ids of sites, and of offers */

struct fixture {
	char dir[64];
	struct store *store;
	struct reader *reader;
	struct catalog *catalog;
	struct search_index *index;
	struct search_docs *docs;
	struct text_scratch *scratch;
	struct arena *arena;
	struct loop *loop;
	bool made[EACH], gone[EACH]; /* offers; an id is never used again */
};

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static uint64_t seed;

static unsigned
any(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *const names[] = { "Mission locale", "Antenne du Bocage",
	"CIO de Vire", "Accueil", "Atelier", "France Travail", "Antenne" };
static const char *const communes[] = { "14118", "61169", "14762", "50129" };
#define ANY(list) (list)[any(sizeof(list) / sizeof(list)[0])]

/* ---- writing ------------------------------------------------------------------ */

static void
put_body(struct fixture *f, unsigned i)
{
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Organisation o = RESOPRO__V1__ORGANISATION__INIT;
	char id[16];

	(void)snprintf(id, sizeof id, "b-%u", i);
	r.id = r.owner = id;
	r.kind = ORGANISATION;
	r.body_case = RESOPRO__V1__RECORD__BODY_ORGANISATION;
	r.organisation = &o;
	o.nom = text(ANY(names));
	o.sigle = text(any(2) == 0 ? "ML" : "ABC");
	o.kind = text(any(2) == 0 ? "mission-locale" : "cio");
	propose(f->store, f->arena, (uint8_t)ORGANISATION, id, &r);
}

static void
put_site(struct fixture *f, unsigned i)
{
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Site s = RESOPRO__V1__SITE__INIT;
	char id[16], body[16];

	(void)snprintf(id, sizeof id, "s-%u", i);
	(void)snprintf(body, sizeof body, "b-%u", i % BODIES);
	r.id = id;
	r.kind = SITE;
	r.body_case = RESOPRO__V1__RECORD__BODY_SITE;
	r.site = &s;
	s.organisation_id = body;
	s.nom = text(ANY(names));
	s.code_insee = text(ANY(communes));
	propose(f->store, f->arena, (uint8_t)SITE, id, &r);
}

static void
put_offer(struct fixture *f, unsigned i)
{
	Resopro__V1__Record r = RESOPRO__V1__RECORD__INIT;
	Resopro__V1__Offer o = RESOPRO__V1__OFFER__INIT;
	char id[16], body[16], site[16];

	(void)snprintf(id, sizeof id, "o-%u", i);
	(void)snprintf(body, sizeof body, "b-%u", i % BODIES);
	(void)snprintf(site, sizeof site, "s-%u", i);
	r.id = id;
	r.kind = OFFER;
	r.body_case = RESOPRO__V1__RECORD__BODY_OFFER;
	r.offer = &o;
	o.organisation_id = body;
	o.site_id = text(any(3) == 0 ? "" : site);
	o.nom = text(ANY(names));
	o.description = text("Un accompagnement vers l'emploi");
	propose(f->store, f->arena, (uint8_t)OFFER, id, &r);
	f->made[i] = true;
}

static void
delete_offer(struct fixture *f, unsigned i)
{
	char id[16];

	(void)snprintf(id, sizeof id, "o-%u", i);
	f->gone[i] = true;
	propose(f->store, f->arena, (uint8_t)OFFER, id, NULL);
}

static void
change_something(struct fixture *f)
{
	unsigned i = any(EACH), what = any(8);

	arena_reset(f->arena);
	if (what == 0)
		put_body(f, any(BODIES));
	else if (what < 4)
		put_site(f, i);
	else if (!f->gone[i] && f->made[i] && what == 4)
		delete_offer(f, i);
	else if (!f->gone[i])
		put_offer(f, i);
}

/* ---- reading -------------------------------------------------------------------- */

struct waiting {
	struct search_wait wait; /* first */
	struct loop *loop;
};

static void
arrived(struct loop_task *t)
{
	loop_stop(((struct waiting *)t)->loop);
}

static struct search_view *
wait_for(struct fixture *f, uint64_t revision)
{
	struct waiting w = { .wait = { .task = { .run = arrived },
				 .loop = f->loop,
				 .revision = revision },
		.loop = f->loop };

	search_index_wait(f->index, &w.wait);
	loop_run(f->loop);
	if (w.wait.view == NULL)
		print_error("%s\n", w.wait.err.msg);
	assert_non_null(w.wait.view);
	assert_true(search_view_revision(w.wait.view) >= revision);
	return w.wait.view;
}

/* Ids in a set that has no order: "kind id " of each, summed by hash. */
struct tally {
	size_t n;
	uint64_t sum;
};

static void
tally_add(struct tally *t, uint8_t kind, const char *id, unsigned rank)
{
	uint64_t h = kind * 31u + rank;

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(1099511628211);
	t->n++;
	t->sum += h * h;
}

static struct tally
by_index(struct fixture *f, const struct search_view *v,
    const struct search_query *q)
{
	struct tally t = { 0 };
	struct text_hit hits[500];

	for (size_t i = 0; i < search_view_parts(v); i++) {
		struct text_part part = search_view_part(v, i);
		struct text_question question = { .query = q, .kinds = ~0u };
		int n =
		    text_index_search(&part, &question, f->scratch, hits, 500);

		assert_true(n >= 0);
		for (int k = 0; k < n; k++) {
			struct text_doc d =
			    text_index_doc(part.index, hits[k].doc);

			tally_add(&t, d.kind, d.id, hits[k].rank);
		}
	}
	return t;
}

struct looking {
	struct fixture *f;
	const struct search_query *query;
	struct tally tally;
};

static int
look_at(const struct stored *s, void *arg, struct err *e)
{
	struct looking *l = arg;
	struct search_doc d;
	int rank;

	if (s->deleted)
		return 1;
	assert_int_equal(search_docs_make(l->f->docs, s, &d, e), 0);
	rank = search_match(l->query, catalog_search_words(l->f->catalog), &d,
	    false, NULL);
	if (rank >= 0)
		tally_add(&l->tally, d.kind, d.id, (unsigned)rank);
	return 1;
}

static struct tally
by_looking(struct fixture *f, struct view *v, const struct search_query *q)
{
	struct looking l = { .f = f, .query = q };
	struct err e = { 0 };

	for (int kind = ORGANISATION; kind <= (int)OFFER; kind++)
		assert_true(
		    view_each(v, (uint8_t)kind, NULL, look_at, &l, &e) >= 0);
	return l.tally;
}

static void
check(struct fixture *f)
{
	static const char *const queries[] = { "mission locale", "ml", "cio",
		"bocage", "antenne vire", "accueil caen", "abc", "emploi",
		"14118", "flers atel", "s-3", "france travail cherbourg" };
	struct err e = { 0 };
	struct view *v = reader_view(f->reader, &e);
	struct search_view *sv = wait_for(f, view_revision(v));

	search_docs_open(f->docs, v, view_revision(v), f->catalog);
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
		struct search_query q;
		struct tally found, seen;

		assert_int_equal(search_query_read(&q,
				     catalog_search_words(f->catalog),
				     queries[i], &e),
		    0);
		found = by_index(f, sv, &q);
		seen = by_looking(f, v, &q);
		if (found.n != seen.n)
			print_error("\"%s\": %zu instead of %zu\n", queries[i],
			    found.n, seen.n);
		assert_int_equal(found.n, seen.n);
		assert_true(found.sum == seen.sum);
	}
	search_view_unref(sv);
	reader_release(f->reader);
}

/* ---- tests ------------------------------------------------------------------------- */

static void
index__records_change__found_as_a_look_at_each(void **state)
{
	struct fixture *f = *state;

	seed = 11;
	check(f); /* nothing yet */
	for (unsigned i = 0; i < BODIES; i++)
		put_body(f, i);
	for (unsigned i = 0; i < EACH; i++)
		put_site(f, i);
	check(f);
	for (int round = 0; round < 60; round++) {
		for (unsigned n = any(12); n > 0; n--)
			change_something(f);
		check(f);
	}
}

static void
index__another_catalog__made_again(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	struct catalog *next = catalog_load("config", &e);

	put_body(f, 0);
	put_site(f, 0);
	check(f);
	assert_non_null(next);
	search_index_set_catalog(f->index, next);
	catalog_unref(f->catalog);
	f->catalog = next;
	check(f);
}

static void
index__stopped_while_somebody_waits__told(void **state)
{
	struct fixture *f = *state;
	struct waiting w = { .wait = { .task = { .run = arrived },
				 .loop = f->loop,
				 .revision = UINT64_MAX },
		.loop = f->loop };

	search_index_wait(f->index, &w.wait);
	search_index_free(f->index);
	f->index = NULL;
	loop_run(f->loop);
	assert_null(w.wait.view);
	assert_int_equal(w.wait.err.code, ERR_UNAVAILABLE);
}

static void
index__view_is_held__stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct search_view *old, *new;
	size_t before;

	put_body(f, 0);
	put_site(f, 0);
	old = wait_for(f, store_head(f->store));
	before = text_index_docs(search_view_part(old, 0).index);
	put_site(f, 4);
	new = wait_for(f, store_head(f->store));
	assert_ptr_not_equal(old, new);
	assert_int_equal(text_index_docs(search_view_part(old, 0).index),
	    before);
	search_view_unref(old);
	search_view_unref(new);
	assert_null(search_index_view(f->index, UINT64_MAX));
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct store_opts o = { .map_bytes = (size_t)64 << 20,
		.create = true,
		.schema = service_schema() };
	struct err e = { 0 };

	assert_non_null(f);
	strcpy(f->dir, "/tmp/resopro-search-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	o.dir = f->dir;
	f->arena = arena_new((size_t)16 << 20);
	f->catalog = catalog_load("config", &e);
	f->store = store_open(&o, &e);
	f->loop = loop_new(&e);
	assert_non_null(f->catalog);
	assert_non_null(f->store);
	f->reader = reader_new(f->store, &e);
	f->docs = search_docs_new(&e);
	f->scratch = text_scratch_new();
	f->index = search_index_new(f->store, f->catalog, &e);
	assert_non_null(f->reader);
	assert_non_null(f->index);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	search_index_free(f->index);
	text_scratch_free(f->scratch);
	search_docs_free(f->docs);
	reader_free(f->reader);
	store_close(f->store);
	catalog_unref(f->catalog);
	arena_free(f->arena);
	loop_free(f->loop);
	(void)snprintf(command, sizeof command, "rm -rf %s", f->dir);
	free(f);
	return system(command);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    index__records_change__found_as_a_look_at_each, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    index__another_catalog__made_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    index__stopped_while_somebody_waits__told, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    index__view_is_held__stays_as_it_was, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
