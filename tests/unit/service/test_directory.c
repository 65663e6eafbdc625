/* The directory follows the log, in memory, as referrals ask it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "domain/date.h"
#include "service/directory.h"
#include "service/service.h"
#include "writing.h"

#define ORGANISATION RESOPRO__V1__KIND__KIND_ORGANISATION
#define SITE RESOPRO__V1__KIND__KIND_SITE
#define STATUS RESOPRO__V1__KIND__KIND_STATUS
#define TODAY 20261124

struct fixture {
	char dir[64];
	struct store *store;
	struct reader *reader;
	struct catalog *catalog;
	struct directory *directory;
	struct arena *arena;
	struct referral_answer answer;
};

/* ---- writing --------------------------------------------------------------- */

static char *
text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void
put_body(struct fixture *f, const char *id, const char *kind, const char *zone)
{
	Resopro__V1__Record r;
	Resopro__V1__Organisation o;
	char *zones[] = { text(zone) };

	resopro__v1__record__init(&r);
	resopro__v1__organisation__init(&o);
	r.id = r.owner = text(id);
	r.kind = ORGANISATION;
	r.body_case = RESOPRO__V1__RECORD__BODY_ORGANISATION;
	r.organisation = &o;
	o.nom = text("Le nom");
	o.kind = text(kind);
	o.telephone = text("0231000000");
	if (zone != NULL) {
		o.competence = zones;
		o.n_competence = 1;
	}
	propose(f->store, f->arena, (uint8_t)ORGANISATION, id, &r);
}

static void
put_site(struct fixture *f, const char *id, const char *body,
    const char *commune)
{
	Resopro__V1__Record r;
	Resopro__V1__Site s;

	resopro__v1__record__init(&r);
	resopro__v1__site__init(&s);
	r.id = text(id);
	r.owner = text(body);
	r.kind = SITE;
	r.body_case = RESOPRO__V1__RECORD__BODY_SITE;
	r.site = &s;
	s.organisation_id = text(body);
	s.nom = text("Le site");
	s.adresse = text("1 rue X");
	s.code_postal = text("14000");
	s.commune = text("Caen");
	s.code_insee = text(commune);
	propose(f->store, f->arena, (uint8_t)SITE, id, &r);
}

static void
put_site_title(struct fixture *f, const char *id, const char *body,
    const char *site, const char *title, const char *to)
{
	Resopro__V1__Record r;
	Resopro__V1__Status s;

	resopro__v1__record__init(&r);
	resopro__v1__status__init(&s);
	r.id = text(id);
	r.owner = text(body);
	r.kind = STATUS;
	r.body_case = RESOPRO__V1__RECORD__BODY_STATUS;
	r.status = &s;
	s.organisation_id = text(body);
	s.site_id = text(site);
	s.title = text(title);
	s.from = text("2020-01-01");
	s.to = text(to);
	propose(f->store, f->arena, (uint8_t)STATUS, id, &r);
}

static void
put_title(struct fixture *f, const char *id, const char *body,
    const char *title, const char *to)
{
	put_site_title(f, id, body, "", title, to);
}

/* ---- asking ------------------------------------------------------------- */

static struct referral_query
question(struct fixture *f, const char *commune, const char *situation)
{
	return (struct referral_query){
		.commune =
		    territory_commune(catalog_territory(f->catalog), commune),
		.day = TODAY,
		.age_min = 20,
		.age_max = 20,
		.situation = situation,
	};
}

/* `part` records a turn: each turn has a snapshot of its own. */
static const struct referral_line *
ask_in_parts(struct fixture *f, size_t part, const char *commune,
    const char *situation)
{
	struct referral_query q = question(f, commune, situation);
	struct err e = { 0 };
	int rc;

	do {
		struct view *v = reader_view(f->reader, &e);

		assert_non_null(v);
		rc = directory_advance(f->directory, v, f->catalog, part, &e);
		assert_true(rc >= 0);
		if (rc == 1)
			referral_find(catalog_rules(f->catalog), &q,
			    directory_source(f->directory), &f->answer);
		reader_release(f->reader);
	} while (rc == 0);
	return &f->answer.lines[0];
}

static const struct referral_line *
ask(struct fixture *f, const char *commune, const char *situation)
{
	return ask_in_parts(f, SIZE_MAX, commune, situation);
}

/* Nothing may be asked yet. */
static void
read_some(struct fixture *f, size_t part)
{
	struct err e = { 0 };
	struct view *v = reader_view(f->reader, &e);

	assert_non_null(v);
	assert_int_equal(directory_advance(f->directory, v, f->catalog, part,
			     &e),
	    0);
	reader_release(f->reader);
}

static const char *
first(struct fixture *f, const char *commune, const char *situation)
{
	const struct referral_line *l = ask(f, commune, situation);

	return l->candidate != NULL ? l->candidate->body->id : "-";
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
	strcpy(f->dir, "/tmp/resopro-directory-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	o.dir = f->dir;
	f->arena = arena_new((size_t)16 << 20);
	f->catalog = catalog_load("config", &e);
	if (f->catalog == NULL)
		print_error("%s (%s)\n", e.msg, e.remedy);
	assert_non_null(f->catalog);
	f->store = store_open(&o, &e);
	assert_non_null(f->store);
	f->reader = reader_new(f->store, &e);
	f->directory = directory_new(&e);
	assert_non_null(f->reader);
	assert_non_null(f->directory);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	directory_free(f->directory);
	reader_free(f->reader);
	store_close(f->store);
	catalog_unref(f->catalog);
	arena_free(f->arena);
	(void)snprintf(command, sizeof command, "rm -rf %s", f->dir);
	free(f);
	return system(command);
}

/* ---- tests -------------------------------------------------------------- */

static void
empty_register__answer_outside_the_network(void **state)
{
	assert_string_equal(first(*state, "14118", "sans_activite"), "-");
	assert_int_equal(directory_bodies(
			     ((struct fixture *)*state)->directory),
	    0);
}

static void
new_body_site_and_title__each_seen_at_the_next_question(void **state)
{
	struct fixture *f = *state;
	struct directory_place p;
	const struct referral_line *l;
	char today[DATE_TEXT_SIZE];
	struct err e = { 0 };

	assert_string_equal(first(f, "14118", "sans_activite"), "-");
	put_body(f, "ml", "mission-locale", NULL);
	assert_string_equal(first(f, "14118", "sans_activite"), "-");
	put_title(f, "ml-title", "ml", "cep-loi", "");
	l = ask(f, "14118", "sans_activite");
	assert_string_equal(l->candidate->body->id, "ml");
	assert_string_equal(l->candidate->site_id, "");
	assert_int_equal(l->placed.class, DISTANCE_NOWHERE);
	put_site(f, "ml-caen", "ml", "14118");
	l = ask(f, "14118", "sans_activite");
	assert_string_equal(l->candidate->site_id, "ml-caen");
	assert_int_equal(l->placed.class, DISTANCE_COMMUNE);
	assert_int_equal(l->proof->cercle, 2);
	assert_true(l->proof->spro);
	assert_int_equal(directory_show(f->directory,
			     reader_view(f->reader, &e), l->candidate, f->arena,
			     &p, &e),
	    0);
	assert_string_equal(p.adresse, "1 rue X, 14000 Caen");
	assert_string_equal(p.telephone, "0231000000");
	assert_string_equal(p.organisation_nom, "Le nom");
	assert_int_equal(directory_places(f->directory), 1);
	assert_int_equal(strlen(p.confirmed_on), strlen("2026-11-24"));
	assert_string_not_equal(p.confirmed_on,
	    date_format(date_from_unix(0), today));
	reader_release(f->reader);
}

static void
changes__moved_ended_deleted__followed(void **state)
{
	struct fixture *f = *state;

	put_body(f, "a", "mission-locale", NULL);
	put_title(f, "a-title", "a", "cep-loi", "");
	put_site(f, "a-site", "a", "14118");
	put_body(f, "b", "mission-locale", NULL);
	put_title(f, "b-title", "b", "cep-loi", "");
	put_site(f, "b-site", "b", "76540");
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
	assert_string_equal(first(f, "76540", "sans_activite"), "b");
	put_site(f, "a-site", "a", "50129"); /* it moves away */
	put_site(f, "b-site", "b", "14118");
	assert_string_equal(first(f, "14118", "sans_activite"), "b");
	put_title(f, "b-title", "b", "cep-loi", "2026-11-23");
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
	put_title(f, "b-title", "b", "cep-loi", "2026-11-24");
	assert_string_equal(first(f, "14118", "sans_activite"), "b");
	propose(f->store, f->arena, (uint8_t)STATUS, "b-title", NULL);
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
	put_body(f, "b", "mission-locale", "com:14118");
	put_title(f, "b-title2", "b", "cep-loi", "");
	propose(f->store, f->arena, (uint8_t)SITE, "b-site", NULL);
	assert_string_equal(first(f, "14118", "sans_activite"), "b");
	propose(f->store, f->arena, (uint8_t)STATUS, "b-title2", NULL);
	propose(f->store, f->arena, (uint8_t)ORGANISATION, "b", NULL);
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
	put_body(f, "a", "cio", NULL); /* another kind */
	assert_string_equal(first(f, "14118", "eleve"), "a");
	assert_int_equal(directory_places(f->directory), 1);
}

/* What was followed commit by commit is what a fresh reading gives. */
static void
followed_and_read_in_parts__same_answers(void **state)
{
	struct fixture *f = *state;
	struct directory *followed = f->directory;
	struct err e = { 0 };

	for (int i = 0; i < 40; i++) {
		const char *commune[] = { "14118", "76540", "50129", "61169" };
		const char *kind[] = { "mission-locale", "cio", "cfa" };
		char id[16], site[16], title[16];

		(void)snprintf(id, sizeof id, "org-%d", i % 13);
		(void)snprintf(site, sizeof site, "site-%d", i % 13);
		(void)snprintf(title, sizeof title, "t-%d", i % 13);
		put_body(f, id, kind[i % 3], i % 5 == 0 ? "dep:14" : NULL);
		put_site(f, site, id, commune[i % 4]);
		put_title(f, title, id, "cep-loi",
		    i % 7 == 0 ? "2021-01-01" : "");
		(void)first(f, "14118", "sans_activite");
	}
	for (int i = 0; i < 12; i++) {
		const char *commune[] = { "14118", "76540", "50129", "61169" };
		const char *who[] = { "sans_activite", "eleve", "apprenti" };
		struct referral_answer kept;

		(void)ask(f, commune[i % 4], who[i % 3]);
		kept = f->answer;
		f->directory = directory_new(&e);
		(void)ask_in_parts(f, (size_t)i + 1, commune[i % 4],
		    who[i % 3]);
		assert_int_equal(f->answer.n_lines, kept.n_lines);
		for (size_t l = 0; l < kept.n_lines; l++) {
			const struct candidate *x = kept.lines[l].candidate;
			const struct candidate *y =
			    f->answer.lines[l].candidate;

			assert_int_equal(x == NULL, y == NULL);
			if (x == NULL)
				continue;
			assert_string_equal(x->body->id, y->body->id);
			assert_string_equal(x->site_id, y->site_id);
		}
		directory_free(f->directory);
		f->directory = followed;
	}
}

static void
changes_between_two_parts__seen(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 8; i++) {
		char id[16], site[16], title[16];

		(void)snprintf(id, sizeof id, "org-%d", i);
		(void)snprintf(site, sizeof site, "site-%d", i);
		(void)snprintf(title, sizeof title, "t-%d", i);
		put_body(f, id, "mission-locale", NULL);
		put_site(f, site, id, "76540");
		put_title(f, title, id, "cep-loi", "");
	}
	read_some(f, 3);                         /* site-0 to site-2 */
	put_site(f, "site-1", "org-1", "14118"); /* read already */
	propose(f->store, f->arena, (uint8_t)SITE, "site-2", NULL);
	propose(f->store, f->arena, (uint8_t)SITE, "site-6",
	    NULL); /* not yet */
	read_some(f, 1);
	put_body(f, "new", "mission-locale", NULL);
	put_site(f, "new-site", "new", "50129");
	put_title(f, "new-title", "new", "cep-loi", "");
	assert_string_equal(ask_in_parts(f, 1, "14118", "sans_activite")
				->candidate->site_id,
	    "site-1");
	assert_int_equal(directory_places(f->directory), 7);
	assert_string_equal(first(f, "50129", "sans_activite"), "new");
}

/* The title of one site is no title of the others. */
static void
title_of_one_site__that_site_only(void **state)
{
	struct fixture *f = *state;

	put_body(f, "a", "mission-locale", NULL);
	put_site(f, "a-caen", "a", "14118");
	put_site(f, "a-rouen", "a", "76540");
	assert_string_equal(first(f, "14118", "sans_activite"), "-");
	put_site_title(f, "t", "a", "a-rouen", "cep-loi", "");
	assert_string_equal(ask(f, "14118", "sans_activite")
				->candidate->site_id,
	    "a-rouen");
	put_site(f, "a-caen-2", "a", "14118"); /* with none either */
	assert_string_equal(ask(f, "14118", "sans_activite")
				->candidate->site_id,
	    "a-rouen");
	put_title(f, "t2", "a", "cep-loi", "");
	assert_string_equal(ask(f, "14118", "sans_activite")
				->candidate->site_id,
	    "a-caen");
}

static void
another_catalog__read_again(void **state)
{
	struct fixture *f = *state;
	struct err e = { 0 };
	struct catalog *next;

	put_body(f, "a", "mission-locale", NULL);
	put_title(f, "a-title", "a", "cep-loi", "");
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
	next = catalog_load("config", &e);
	assert_non_null(next);
	catalog_unref(f->catalog);
	f->catalog = next;
	assert_string_equal(first(f, "14118", "sans_activite"), "a");
}

static void
catalog__absent_directory__refused_with_its_path(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_null(catalog_load("/nonexistent", &e));
	assert_int_equal(e.code, ERR_IO);
	assert_non_null(strstr(e.msg, "/nonexistent/territories"));
	assert_true(e.remedy[0] != '\0');
}

#define WITH_STORE(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(empty_register__answer_outside_the_network),
		WITH_STORE(
		    new_body_site_and_title__each_seen_at_the_next_question),
		WITH_STORE(changes__moved_ended_deleted__followed),
		WITH_STORE(followed_and_read_in_parts__same_answers),
		WITH_STORE(changes_between_two_parts__seen),
		WITH_STORE(title_of_one_site__that_site_only),
		WITH_STORE(another_catalog__read_again),
		cmocka_unit_test(
		    catalog__absent_directory__refused_with_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
