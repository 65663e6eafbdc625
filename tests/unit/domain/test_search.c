/* Which records a few words find, and by which of their fields. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/slurp.h"
#include "domain/distance.h"
#include "domain/search.h"

static struct search_words *shipped;

static int
load(void **state)
{
	struct err e = { 0 };
	size_t len;
	char *bytes = slurp("config/search-words.conf", &len);

	shipped = search_words_new("search-words.conf", bytes, len, &e);
	free(bytes);
	*state = shipped;
	return shipped != NULL ? 0 : -1;
}

static int
unload(void **state)
{
	search_words_free(*state);
	return 0;
}

static struct search_doc
site(const char *name, const char *body, const char *commune)
{
	struct search_doc d = { .kind = 2, .id = "site-1", .name = name };

	search_doc_add(&d, SEARCH_IN_NAME, name);
	search_doc_add(&d, SEARCH_IN_ORGANISATION, body);
	search_doc_add(&d, SEARCH_IN_COMMUNE, commune);
	return d;
}

static int
rank(const char *query, const struct search_doc *d, struct search_whys *why)
{
	struct search_query q;
	struct err e = { 0 };

	assert_int_equal(search_query_read(&q, shipped, query, &e), 0);
	return search_match(&q, shipped, d, false, why);
}

static int
misspelt(const char *query, const struct search_doc *d, struct search_whys *why)
{
	struct search_query q;
	struct err e = { 0 };

	assert_int_equal(search_query_read(&q, shipped, query, &e), 0);
	return search_match(&q, shipped, d, true, why);
}

#define RANK(field, how) ((int)search_rank(SEARCH_IN_##field, SEARCH_##how))

/* ---- ranks ----------------------------------------------------------------- */

static void
match__words_of_the_name__by_name(void **state)
{
	struct search_doc d = site("Antenne de Vire", "", "Vire Normandie");

	(void)state;
	assert_int_equal(rank("vire antenne", &d, NULL), RANK(NAME, WORD));
	assert_int_equal(rank("antennes", &d, NULL), RANK(NAME, WORD));
	assert_int_equal(rank("ANTENNE de la vir", &d, NULL),
	    RANK(NAME, BEGINNING));
	assert_int_equal(rank("vir antenne", &d, NULL), -1);
	assert_int_equal(rank("antenne caen", &d, NULL), -1);
}

static void
match__whole_name_or_id__exact(void **state)
{
	struct search_doc d = site("Antenne de Saint-Lô", "", "Saint-Lô");

	(void)state;
	assert_int_equal(rank("antenne de ST LO", &d, NULL), SEARCH_RANK_EXACT);
	assert_int_equal(rank(" SITE-1 ", &d, NULL), SEARCH_RANK_EXACT);
	assert_int_equal(rank("antenne saint lo", &d, NULL), RANK(NAME, WORD));
	d.other_name = "L'autre nom";
	assert_int_equal(rank("l autre nom", &d, NULL), SEARCH_RANK_EXACT);
}

static void
match__words_in_several_fields__the_least_telling_ranks(void **state)
{
	struct search_doc d =
	    site("Antenne de Vire", "Mission locale du Bocage", "Vire");
	struct search_whys why;

	(void)state;
	assert_int_equal(rank("mission locale vire", &d, &why),
	    RANK(ORGANISATION, WORD));
	assert_int_equal(why.n, 2);
	assert_int_equal(why.list[0].field, SEARCH_IN_ORGANISATION);
	assert_string_equal(why.list[0].found, "mission locale");
	assert_int_equal(why.list[1].field, SEARCH_IN_NAME);
	assert_int_equal(why.list[1].how, SEARCH_WORD);
}

static void
match__another_name_of_the_group__found_and_said(void **state)
{
	struct search_doc d = site("Accueil", "Pôle emploi", "Caen");
	struct search_whys why;

	(void)state;
	assert_int_equal(rank("france travail caen", &d, &why),
	    RANK(ORGANISATION, WORD));
	assert_int_equal(why.n, 2);
	assert_string_equal(why.list[0].asked, "france travail");
	assert_int_equal(why.list[0].how, SEARCH_SYNONYM);
	assert_string_equal(why.list[0].found, "france travail");
	assert_int_equal(rank("FT", &d, NULL), RANK(ORGANISATION, WORD));
	assert_int_equal(rank("ft caen", &d, NULL), RANK(ORGANISATION, WORD));
	assert_int_equal(rank("travail", &d, NULL), -1);
}

static void
match__words_of_a_group_apart__found_as_words(void **state)
{
	struct search_doc d =
	    site("Centre régional d'information et d'orientation", "", "");

	(void)state;
	assert_int_equal(rank("centre d'information et d'orientation", &d,
			     NULL),
	    RANK(NAME, WORD));
	assert_int_equal(rank("cio", &d, NULL), -1);
}

static void
match__one_letter_alone_or_digit__no_beginning(void **state)
{
	struct search_doc d = site("Caen", "", "");

	(void)state;
	assert_int_equal(rank("b", &d, NULL), -1);
	assert_int_equal(rank("ca", &d, NULL), RANK(NAME, BEGINNING));
	d = site("Caen", "", "Bayeux 7");
	assert_int_equal(rank("caen b", &d, NULL), RANK(COMMUNE, BEGINNING));
	assert_int_equal(rank("bayeux 7", &d, NULL), RANK(COMMUNE, WORD));
	d = site("Caen", "", "Bayeux 77");
	assert_int_equal(rank("bayeux 7", &d, NULL), -1);
}

/* ---- spelling ------------------------------------------------------------------ */

static void
match__slips__one_from_four_letters_two_from_eight(void **state)
{
	struct search_doc d = site("Orientation Caen Eu", "", "");
	struct search_whys why;

	(void)state;
	assert_int_equal(misspelt("cean", &d, &why), RANK(NAME, SPELLING));
	assert_string_equal(why.list[0].found, "caen");
	assert_int_equal(why.list[0].how, SEARCH_SPELLING);
	assert_int_equal(misspelt("caem", &d, NULL), RANK(NAME, SPELLING));
	assert_int_equal(misspelt("naec", &d, NULL), -1);
	assert_int_equal(misspelt("ue", &d, NULL), -1);
	assert_int_equal(misspelt("oreintatoin", &d, NULL),
	    RANK(NAME, SPELLING));
	assert_int_equal(misspelt("oreintatoim", &d, NULL), -1);
	/* The other words may be as they should. */
	assert_int_equal(misspelt("orientation cean", &d, NULL),
	    RANK(NAME, SPELLING));
}

static void
match__digits__never_misspelt(void **state)
{
	struct search_doc d = site("Caen", "", "14000");

	(void)state;
	assert_int_equal(rank("14000", &d, NULL), RANK(COMMUNE, WORD));
	assert_int_equal(rank("140", &d, NULL), RANK(COMMUNE, BEGINNING));
	assert_int_equal(misspelt("14001", &d, NULL), -1);
}

static void
distance__slips__counted(void **state)
{
	(void)state;
#define D(a, b, limit) distance_between(a, strlen(a), b, strlen(b), limit)
	assert_int_equal(D("caen", "caen", 2), 0);
	assert_int_equal(D("caen", "cean", 2), 1);
	assert_int_equal(D("caen", "caens", 2), 1);
	assert_int_equal(D("caen", "cae", 2), 1);
	assert_int_equal(D("caen", "coen", 2), 1);
	assert_int_equal(D("ca", "abc", 5), 3); /* no place twice */
	assert_int_equal(D("", "abc", 5), 3);
	assert_int_equal(D("abcdef", "ghijkl", 2), 3);
	assert_int_equal(D("abcdef", "abcdefgh", 1), 2);
#undef D
}

/* ---- queries ---------------------------------------------------------------------- */

static void
assert_refused(const char *text, const char *reason)
{
	struct search_query q;
	struct err e = { 0 };

	assert_int_equal(search_query_read(&q, shipped, text, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_string_equal(e.field, "query");
	assert_string_equal(e.reason, reason);
	assert_string_not_equal(e.remedy, "");
}

static void
query__without_sense__refused_with_a_remedy(void **state)
{
	char much[SEARCH_QUERY_CHARS + 2];

	(void)state;
	assert_refused("", "REQUIRED");
	assert_refused("  -- ", "REQUIRED");
	assert_refused("de la", "WORDS");
	assert_refused("un2 b2 c2 d2 e2 f2 g2 h2 i2", "COUNT");
	memset(much, 'x', sizeof much);
	much[sizeof much - 1] = '\0';
	assert_refused(much, "TOO_LONG");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(match__words_of_the_name__by_name),
		cmocka_unit_test(match__whole_name_or_id__exact),
		cmocka_unit_test(
		    match__words_in_several_fields__the_least_telling_ranks),
		cmocka_unit_test(
		    match__another_name_of_the_group__found_and_said),
		cmocka_unit_test(match__words_of_a_group_apart__found_as_words),
		cmocka_unit_test(
		    match__one_letter_alone_or_digit__no_beginning),
		cmocka_unit_test(
		    match__slips__one_from_four_letters_two_from_eight),
		cmocka_unit_test(match__digits__never_misspelt),
		cmocka_unit_test(distance__slips__counted),
		cmocka_unit_test(query__without_sense__refused_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
