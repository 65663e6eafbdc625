/* The territories of Normandy, as they are shipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/slurp.h"
#include "domain/fold.h"
#include "domain/territory.h"

#define DIR "config/territories/"
#define ROOM 64

static struct territory *normandy;

static int
load(void **state)
{
	struct table_bytes t[3] = { { .name = "communes.csv" },
		{ .name = "anciens.csv" }, { .name = "zones.csv" } };
	char *bytes[3] = { slurp(DIR "communes.csv", &t[0].len),
		slurp(DIR "anciens.csv", &t[1].len),
		slurp(DIR "zones.csv", &t[2].len) };
	struct err e = { 0 };

	for (int i = 0; i < 3; i++)
		t[i].data = bytes[i];
	normandy = territory_new(&t[0], &t[1], &t[2], &e);
	for (int i = 0; i < 3; i++)
		free(bytes[i]);
	if (normandy == NULL)
		print_error("%s\n", e.msg);
	*state = normandy;
	return normandy != NULL ? 0 : -1;
}

static int
unload(void **state)
{
	territory_free(*state);
	return 0;
}

static void
assert_one(const char *text, enum match_kind kind, const char *code)
{
	struct match m[ROOM];
	size_t n = territory_resolve(normandy, text, m, ROOM);

	if (n != 1)
		print_error("\"%s\": %zu matches\n", text, n);
	assert_int_equal(n, 1);
	assert_int_equal(m[0].kind, kind);
	assert_string_equal(m[0].commune->code, code);
}

/* ---- communes ----------------------------------------------------------- */

static void
commune__every_code__found_and_no_other(void **state)
{
	const struct territory *t = *state;
	size_t found = 0;
	char code[8];

	assert_int_equal(territory_count(t), 2644);
	for (int i = 0; i < 100000; i++) {
		const struct commune *c;

		(void)snprintf(code, sizeof code, "%05d", i);
		c = territory_commune(t, code);
		if (c == NULL)
			continue;
		found++;
		assert_string_equal(c->code, code);
		assert_ptr_equal(c, territory_at(t, c->index));
	}
	assert_int_equal(found, 2644);
	assert_null(territory_at(t, 2644));
	assert_null(territory_commune(t, ""));
	assert_null(territory_commune(t, "1411"));
	assert_null(territory_commune(t, "141180"));
}

static void
commune__caen__knows_its_divisions(void **state)
{
	const struct commune *c = territory_commune(*state, "14118");

	assert_string_equal(c->nom, "Caen");
	assert_string_equal(c->departement, "14");
	assert_string_equal(c->arrondissement, "142");
	assert_string_equal(c->epci, "200065597");
	assert_false(c->estimated);
	assert_true(c->population > 100000);
	assert_string_equal(territory_millesime(*state), "2026");
}

static void
former__code_absorbed_or_its_own__the_current_commune(void **state)
{
	assert_string_equal(territory_former(*state, "50203")->code, "50129");
	assert_string_equal(territory_former(*state, "50129")->code, "50129");
	assert_string_equal(territory_former(*state, "14118")->code, "14118");
	assert_null(territory_former(*state, "99999"));
	assert_null(territory_former(*state, "Caen"));
}

/* ---- resolve ------------------------------------------------------------ */

static void
resolve__code__that_commune(void **state)
{
	(void)state;
	assert_one("14118", MATCH_CODE, "14118");
	assert_one(" 61169 ", MATCH_CODE, "61169");
}

static void
resolve__name__case_accents_hyphens_and_saint_do_not_count(void **state)
{
	(void)state;
	assert_one("Caen", MATCH_NAME, "14118");
	assert_one("EVREUX", MATCH_NAME, "27229");
	assert_one("Évreux", MATCH_NAME, "27229");
	assert_one("saint lo", MATCH_NAME, "50502");
	assert_one("St-Lô", MATCH_NAME, "50502");
	assert_one("conde en normandie", MATCH_NAME, "14174");
	assert_one("herouville st clair", MATCH_NAME, "14327");
	assert_one("L’Aigle", MATCH_NAME, "61214");
}

static void
resolve__former_name_or_code__the_commune_that_absorbed_it(void **state)
{
	struct match m;

	(void)state;
	assert_one("Cherbourg-Octeville", MATCH_FORMER_NAME, "50129");
	assert_one("CHERBOURG OCTEVILLE", MATCH_FORMER_NAME, "50129");
	assert_one("La Glacerie", MATCH_FORMER_NAME, "50129");
	assert_one("50203", MATCH_FORMER_CODE, "50129");
	assert_int_equal(territory_resolve(normandy, "la glacerie", &m, 1), 1);
	assert_string_equal(m.matched, "La Glacerie");
}

static void
resolve__name_of_three_communes__a_choice_that_a_departement_settles(
    void **state)
{
	struct match m[ROOM];

	(void)state;
	assert_int_equal(territory_resolve(normandy, "cuverville", m, ROOM), 3);
	assert_string_equal(m[0].commune->code, "14215");
	assert_string_equal(m[1].commune->code, "27194");
	assert_string_equal(m[2].commune->code, "76206");
	assert_one("Cuverville (76)", MATCH_NAME, "76206");
	assert_one("Cuverville (Seine-Maritime)", MATCH_NAME, "76206");
	assert_one("Cuverville, eure", MATCH_NAME, "27194");
	assert_int_equal(territory_resolve(normandy, "Cuverville (50)", m,
			     ROOM),
	    0);
}

static void
resolve__postal_code__every_commune_of_it(void **state)
{
	struct match m[ROOM];
	size_t n = territory_resolve(normandy, "14400", m, ROOM);

	(void)state;
	assert_int_equal(n, 32);
	/* Le Manoir has that postal code and, by chance, that INSEE code. */
	assert_int_equal(m[0].kind, MATCH_CODE);
	assert_string_equal(m[0].commune->nom, "Le Manoir");
	assert_int_equal(m[1].kind, MATCH_POSTAL_CODE);
	for (size_t i = 1; i < n; i++)
		assert_true(i == 1 || strcmp(m[i - 1].commune->code,
					  m[i].commune->code) < 0);
}

static void
resolve__little_room__the_best_and_the_count_of_all(void **state)
{
	struct match all[ROOM], few[3];
	size_t n = territory_resolve(normandy, "14400", all, ROOM);

	(void)state;
	assert_int_equal(territory_resolve(normandy, "14400", few, 3), n);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(few[i].commune, all[i].commune);
	assert_int_equal(territory_resolve(normandy, "14400", NULL, 0), n);
}

static void
resolve__beginning_of_a_name__only_when_nothing_matches_whole(void **state)
{
	struct match m[ROOM];

	(void)state;
	assert_one("Hérouville-Saint-C", MATCH_NAME, "14327");
	assert_true(territory_resolve(normandy, "cherb", m, ROOM) >= 1);
	assert_string_equal(m[0].commune->code, "50129");
	assert_int_equal(m[0].kind, MATCH_NAME);
	assert_int_equal(territory_resolve(normandy, "ch", m, ROOM), 0);
}

static void
resolve__nothing_known__no_match(void **state)
{
	char endless[600];
	struct match m[ROOM];

	(void)state;
	memset(endless, 'a', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	assert_int_equal(territory_resolve(normandy, "", m, ROOM), 0);
	assert_int_equal(territory_resolve(normandy, "()", m, ROOM), 0);
	assert_int_equal(territory_resolve(normandy, " -- ", m, ROOM), 0);
	assert_int_equal(territory_resolve(normandy, "Marseille", m, ROOM), 0);
	assert_int_equal(territory_resolve(normandy, endless, m, ROOM), 0);
}

static void
resolve__every_name__finds_its_commune_and_46_are_shared(void **state)
{
	const struct territory *t = *state;
	size_t shared = 0;

	for (size_t i = 0; i < territory_count(t); i++) {
		const struct commune *c = territory_at(t, i);
		struct match m[ROOM];
		size_t n = territory_resolve(t, c->nom, m, ROOM), here = 0;
		size_t same = 0;

		for (size_t j = 0; j < n && j < ROOM; j++) {
			here += m[j].commune == c;
			same += strcmp(m[j].commune->nom, c->nom) == 0;
		}
		assert_int_equal(here, 1);
		/* count a shared name once, at its first commune */
		shared += same > 1 && m[0].commune == c;
	}
	assert_int_equal(shared, 46);
}

static void
resolve__every_number__382_postal_codes(void **state)
{
	size_t codes = 0;

	for (int i = 0; i < 100000; i++) {
		struct match m[ROOM];
		char text[8];
		size_t n;
		bool postal = false;

		(void)snprintf(text, sizeof text, "%05d", i);
		n = territory_resolve(*state, text, m, ROOM);
		for (size_t j = 0; j < n && j < ROOM; j++)
			postal |= m[j].kind == MATCH_POSTAL_CODE;
		codes += postal;
	}
	assert_int_equal(codes, 382);
}

/* ---- zones -------------------------------------------------------------- */

static unsigned
communes_of(const char *zone)
{
	const struct zone *z = territory_zone(normandy, zone);
	unsigned n = 0;

	assert_non_null(z);
	for (size_t i = 0; i < territory_count(normandy); i++)
		n += zone_contains(z, territory_at(normandy, i));
	assert_int_equal(n, z->communes);
	return n;
}

static void
zone__each_type__holds_its_communes(void **state)
{
	(void)state;
	assert_int_equal(communes_of("reg:28"), 2644);
	assert_int_equal(communes_of("dep:14"), 526);
	assert_int_equal(communes_of("76"), 707);
	assert_int_equal(communes_of("arr:142"), 200);
	assert_int_equal(communes_of("catef:142"), 200);
	assert_int_equal(communes_of("epci:200065597"), 48);
	assert_int_equal(communes_of("com:14118"), 1);
	assert_int_equal(communes_of("14118"), 1);
}

static void
zone__com__names_its_commune(void **state)
{
	const struct zone *z = territory_zone(*state, "14118");

	assert_string_equal(z->code, "com:14118");
	assert_string_equal(z->nom, "Caen");
	assert_string_equal(z->millesime, "2026");
	assert_true(zone_contains(z, territory_commune(*state, "14118")));
	assert_false(zone_contains(z, territory_commune(*state, "14327")));
	assert_false(zone_contains(NULL, territory_commune(*state, "14327")));
	assert_false(zone_contains(z, NULL));
}

static void
zone__unknown__refused_with_what_is_allowed(void **state)
{
	static const char *const bad[] = { "", "com:99999", "99999", "dep:15",
		"15", "arr:", "xyz:1", "142", "epci:200065597x",
		"a text that is far too long to be the code of any zone" };
	struct err e;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		err_clear(&e);
		assert_null(territory_zone(*state, bad[i]));
		assert_int_equal(territory_check_zone(*state, "competence",
				     bad[i], &e),
		    -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_string_equal(e.field, "competence");
		assert_string_equal(e.reason, "ZONE_UNKNOWN");
		assert_non_null(strstr(e.remedy, "epci:200065597"));
	}
	assert_int_equal(territory_check_zone(*state, "x", "arr:142", &e), 0);
}

static void
zones__listed_by_type__the_counts_of_the_region(void **state)
{
	static const struct {
		const char *type;
		unsigned n;
	} types[] = { { "reg", 1 }, { "dep", 5 }, { "arr", 17 }, { "epci", 71 },
		{ "catef", 17 }, { "", 111 }, { "com", 0 }, { "ar", 0 } };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		size_t at = 0;
		unsigned n = 0;

		while (territory_next_zone(*state, types[i].type, &at) != NULL)
			n++;
		assert_int_equal(n, types[i].n);
	}
	assert_true(territory_has_zone_type(*state, "com"));
	assert_true(territory_has_zone_type(*state, "catef"));
	assert_false(territory_has_zone_type(*state, "bef"));
}

/* ---- distance ----------------------------------------------------------- */

static enum distance_class
class_of(const char *a, const char *b)
{
	return commune_distance_class(territory_commune(normandy, a),
	    territory_commune(normandy, b));
}

static void
distance_class__smallest_division_that_holds_both(void **state)
{
	(void)state;
	assert_int_equal(class_of("14118", "14118"), DISTANCE_COMMUNE);
	assert_int_equal(class_of("14118", "14327"), DISTANCE_EPCI);
	assert_int_equal(class_of("14118", "14258"), DISTANCE_ARRONDISSEMENT);
	assert_int_equal(class_of("14118", "14366"), DISTANCE_DEPARTEMENT);
	assert_int_equal(class_of("14118", "76540"), DISTANCE_REGION);
	assert_int_equal(class_of("14118", "75056"), DISTANCE_NOWHERE);
	assert_int_equal(commune_distance_m(territory_commune(normandy,
						"14118"),
			     NULL),
	    0);
	assert_in_range(commune_distance_m(territory_commune(normandy, "14118"),
			    territory_commune(normandy, "76540")),
	    100000, 115000);
}

/* ---- bad tables --------------------------------------------------------- */

#define COMMUNES_HEADER                                                        \
	"code;nom;departement;arrondissement;epci;codes_postaux;latitude;"     \
	"longitude;position;population\n"
#define ZONES_HEADER "zone;nom;millesime;composition\n"
#define ANCIENS_HEADER "ancien_code;nom;code\n"
#define CAEN "14118;Caen;14;142;200065597;14000;49.18;-0.36;exacte;108000\n"
#define ZONES                                                                  \
	ZONES_HEADER "reg:28;N;2026;\ndep:14;C;2026;\narr:142;A;2026;\n"       \
		     "epci:200065597;E;2026;\n"

static const struct bad {
	const char *communes, *anciens, *zones;
	const char *message; /* a part of it */
} bad_tables[] = {
	{ "", "", "", "communes.csv" },
	{ "nom;code\nx;y\n", "", "", "communes.csv:1: " },
	{ COMMUNES_HEADER CAEN "14119;x\n", "", "",
	    "communes.csv:3: departement" },
	{ COMMUNES_HEADER CAEN CAEN, "", "", "communes.csv:3: code" },
	{ COMMUNES_HEADER "14118;Caen;14;142;200065597;14000;49.18;-0.36;"
			  "exacte;108000;\n",
	    "", "", "communes.csv:2: line" },
	{ COMMUNES_HEADER "14118;Caen;14;142;200065597;14000;149.18;-0.36;"
			  "exacte;108000\n",
	    "", "", "communes.csv:2: latitude" },
	{ COMMUNES_HEADER "14118;Caen;14;142;200065597;14000;49.18;-0.36;"
			  "sure;108000\n",
	    "", "", "communes.csv:2: position" },
	{ COMMUNES_HEADER "14118;Caen;14;142;200065597;1400;49.18;-0.36;"
			  "exacte;108000\n",
	    "", "", "communes.csv:2: codes_postaux" },
	{ COMMUNES_HEADER "14118;\"Caen\";14;142;200065597;14000;49;0;exacte;"
			  "1\n",
	    "", "", "communes.csv:2: line" },
	{ COMMUNES_HEADER "14118;Ca\xE9n;14;142;200065597;14000;49;0;exacte;"
			  "1\n",
	    "", "", "communes.csv:2: line" },
	{ "\xEF\xBB\xBF" COMMUNES_HEADER CAEN, "", "", "communes.csv:1: code" },
	{ COMMUNES_HEADER CAEN "14119;x", "", "", "communes.csv:3: line" },
	{ COMMUNES_HEADER CAEN, "", "", "anciens.csv" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER "14000;x;14119\n", "",
	    "anciens.csv:2: code" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER "140;x;14118\n", "",
	    "anciens.csv:2: ancien_code" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, "", "zones.csv" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, ZONES "dep:27;E;2026;\n",
	    "zones.csv:6: zone: holds no commune" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, ZONES "dep:14;E;2026;\n",
	    "zones.csv:6: zone: stands twice" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, ZONES "com:14118;E;2026;\n",
	    "zones.csv:6: zone" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, ZONES "catef:1;E;2026;\n",
	    "zones.csv:6: composition" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER,
	    ZONES "catef:1;E;2026;arr:143\n", "zones.csv:6: composition" },
	{ COMMUNES_HEADER CAEN, ANCIENS_HEADER, ZONES_HEADER "reg:28;N;2026;\n",
	    "communes.csv:2: departement: there is no zone dep:14" },
};

static struct territory *
from_texts(const char *communes, const char *anciens, const char *zones,
    struct err *e)
{
	struct table_bytes c = { "communes.csv", communes, strlen(communes) };
	struct table_bytes a = { "anciens.csv", anciens, strlen(anciens) };
	struct table_bytes z = { "zones.csv", zones, strlen(zones) };

	return territory_new(&c, &a, &z, e);
}

static void
tables__each_fault__refused_with_table_line_and_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_tables / sizeof bad_tables[0]; i++) {
		const struct bad *b = &bad_tables[i];
		struct err e = { 0 };

		assert_null(from_texts(b->communes, b->anciens, b->zones, &e));
		assert_int_equal(e.code, ERR_INVALID);
		assert_true(e.remedy[0] != '\0');
		if (strstr(e.msg, b->message) == NULL)
			print_error("%zu: %s\n", i, e.msg);
		assert_non_null(strstr(e.msg, b->message));
	}
}

static void
tables__smallest_good_ones__loaded(void **state)
{
	struct err e = { 0 };
	struct territory *t = from_texts(COMMUNES_HEADER CAEN, ANCIENS_HEADER,
	    ZONES "bef:1;B;2026;com:14118 arr:142\n", &e);

	(void)state;
	assert_non_null(t);
	assert_int_equal(territory_zone(t, "bef:1")->communes, 1);
	territory_free(t);
	territory_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commune__every_code__found_and_no_other),
		cmocka_unit_test(commune__caen__knows_its_divisions),
		cmocka_unit_test(
		    former__code_absorbed_or_its_own__the_current_commune),
		cmocka_unit_test(resolve__code__that_commune),
		cmocka_unit_test(
		    resolve__name__case_accents_hyphens_and_saint_do_not_count),
		cmocka_unit_test(
		    resolve__former_name_or_code__the_commune_that_absorbed_it),
		cmocka_unit_test(
		    resolve__name_of_three_communes__a_choice_that_a_departement_settles),
		cmocka_unit_test(resolve__postal_code__every_commune_of_it),
		cmocka_unit_test(
		    resolve__little_room__the_best_and_the_count_of_all),
		cmocka_unit_test(
		    resolve__beginning_of_a_name__only_when_nothing_matches_whole),
		cmocka_unit_test(resolve__nothing_known__no_match),
		cmocka_unit_test(
		    resolve__every_name__finds_its_commune_and_46_are_shared),
		cmocka_unit_test(resolve__every_number__382_postal_codes),
		cmocka_unit_test(zone__each_type__holds_its_communes),
		cmocka_unit_test(zone__com__names_its_commune),
		cmocka_unit_test(zone__unknown__refused_with_what_is_allowed),
		cmocka_unit_test(
		    zones__listed_by_type__the_counts_of_the_region),
		cmocka_unit_test(
		    distance_class__smallest_division_that_holds_both),
		cmocka_unit_test(
		    tables__each_fault__refused_with_table_line_and_field),
		cmocka_unit_test(tables__smallest_good_ones__loaded),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
