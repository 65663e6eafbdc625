/* Vocabularies: the format, the look-ups, and every file of config/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/vocabulary.h"

#define DIR_NAME "config/vocabularies"
#define HEAD "code;libelle_fr;libelle_en;since;until"

static const char animals[] =
    HEAD ";cri;pattes\n"
	 "chat;Chat;Cat;;;miaou;4\n"
	 "chien;Chien;Dog;2020-01-01;2024-12-31;ouaf;4\n"
	 "poisson-rouge;Poisson rouge;Goldfish;;;;\n"
	 "A01;Autre;Other;2026-01-01;;;2\n";

static struct vocabularies *
set_of(const char *name, const char *text)
{
	struct vocabularies *set = vocabularies_new();
	struct err e = { 0 };

	assert_non_null(set);
	if (vocabularies_add(set, name, text, strlen(text), &e) < 0)
		fail_msg("%s", e.msg);
	return set;
}

static void
vocabulary__terms_of_a_file__are_found(void **state)
{
	struct vocabularies *set = set_of("animaux", animals);
	const struct vocabulary *voc = vocabularies_find(set, "animaux");
	const struct vocabulary_term *t;

	(void)state;
	assert_non_null(voc);
	assert_null(vocabularies_find(set, "animau"));
	assert_string_equal(vocabulary_name(voc), "animaux");
	assert_int_equal(vocabulary_count(voc), 4);
	t = vocabulary_term(voc, "chat");
	assert_non_null(t);
	assert_string_equal(t->libelle_fr, "Chat");
	assert_string_equal(t->libelle_en, "Cat");
	assert_string_equal(vocabulary_extra(t, "cri"), "miaou");
	assert_string_equal(vocabulary_extra(t, "pattes"), "4");
	assert_null(vocabulary_extra(t, "plumes"));
	t = vocabulary_term(voc, "poisson-rouge");
	assert_string_equal(vocabulary_extra(t, "cri"), "");
	assert_null(vocabulary_term(voc, "Chat"));
	assert_null(vocabulary_term(voc, "cha"));
	assert_null(vocabulary_term(voc, "zebre"));
	assert_null(vocabulary_term(voc, ""));
	vocabularies_free(set);
}

static void
vocabulary__iteration__keeps_the_order_of_the_file(void **state)
{
	struct vocabularies *set = set_of("animaux", animals);
	const struct vocabulary *voc = vocabularies_at(set, 0);

	(void)state;
	assert_string_equal(vocabulary_at(voc, 0)->code, "chat");
	assert_string_equal(vocabulary_at(voc, 3)->code, "A01");
	assert_null(vocabulary_at(voc, 4));
	assert_int_equal(vocabulary_extras(voc), 2);
	assert_string_equal(vocabulary_extra_name(voc, 1), "pattes");
	assert_null(vocabulary_extra_name(voc, 2));
	assert_ptr_equal(vocabulary_at(voc, 1)->vocabulary, voc);
	vocabularies_free(set);
}

static void
vocabularies__names__are_sorted_and_once(void **state)
{
	static const char text[] = HEAD "\na;A;A;;\n";
	struct vocabularies *set = set_of("m", text);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(vocabularies_add(set, "z", text, strlen(text), &e), 0);
	assert_int_equal(vocabularies_add(set, "a", text, strlen(text), &e), 0);
	assert_int_equal(vocabularies_count(set), 3);
	assert_string_equal(vocabulary_name(vocabularies_at(set, 0)), "a");
	assert_string_equal(vocabulary_name(vocabularies_at(set, 1)), "m");
	assert_string_equal(vocabulary_name(vocabularies_at(set, 2)), "z");
	assert_null(vocabularies_at(set, 3));
	assert_int_equal(vocabularies_add(set, "m", text, strlen(text), &e),
	    -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(vocabularies_add(set, "../m", text, strlen(text), &e),
	    -1);
	assert_int_equal(e.code, ERR_INVALID);
	assert_int_equal(vocabularies_count(set), 3);
	vocabularies_free(set);
	vocabularies_free(NULL);
}

static void
vocabulary_term_at__since_and_until__are_included(void **state)
{
	struct vocabularies *set = set_of("animaux", animals);
	const struct vocabulary *voc = vocabularies_at(set, 0);
	const struct vocabulary_term *dog = vocabulary_term(voc, "chien");

	(void)state;
	assert_false(vocabulary_term_at(dog, "2019-12-31"));
	assert_true(vocabulary_term_at(dog, "2020-01-01"));
	assert_true(vocabulary_term_at(dog, "2024-12-31"));
	assert_false(vocabulary_term_at(dog, "2025-01-01"));
	assert_true(
	    vocabulary_term_at(vocabulary_term(voc, "chat"), "1900-01-01"));
	assert_true(
	    vocabulary_term_at(vocabulary_term(voc, "A01"), "2199-12-31"));
	vocabularies_free(set);
}

static void
vocabularies_add__malformed_files__name_line_and_remedy(void **state)
{
	static const struct {
		const char *text, *message, *field, *reason;
	} bad[] = {
		{ "", "v.csv:1: header", "header", "HEADER" },
		{ "a;b\n", "v.csv:1: header", "header", "HEADER" },
		{ "\xEF\xBB\xBF" HEAD "\na;A;A;;\n", "v.csv:1: header",
		    "header", "HEADER" },
		{ HEAD "\r\na;A;A;;\r\n", "v.csv:1: header", "header",
		    "HEADER" },
		{ HEAD, "v.csv:1: the file is cut", "", "NO_END_OF_LINE" },
		{ HEAD "\n", "v.csv:1: there is no term", "", "NO_TERM" },
		{ HEAD "\na;A;A;;", "v.csv:2: the file is cut", "",
		    "NO_END_OF_LINE" },
		{ HEAD ";X\na;A;A;;;\n", "v.csv:1: header has a column",
		    "header", "COLUMN_NAME" },
		{ HEAD ";\na;A;A;;;\n", "v.csv:1: header has a column",
		    "header", "COLUMN_NAME" },
		{ HEAD ";x;x\na;A;A;;;;\n", "v.csv:1: header names", "header",
		    "COLUMN_TWICE" },
		{ HEAD ";code\na;A;A;;;\n", "v.csv:1: header names", "header",
		    "COLUMN_TWICE" },
		{ HEAD ";a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q\n",
		    "v.csv:1: there are too many columns", "",
		    "TOO_MANY_COLUMNS" },
		{ HEAD "\na;A;A;\n", "v.csv:2: cells are missing", "",
		    "COLUMNS" },
		{ HEAD "\na;A;A;;;\n", "v.csv:2: there are too many cells", "",
		    "COLUMNS" },
		{ HEAD "\na;A;A;;\n\nb;B;B;;\n", "v.csv:3: cells are missing",
		    "", "COLUMNS" },
		{ HEAD "\n;A;A;;\n", "v.csv:2: code", "code", "EMPTY" },
		{ HEAD "\na b;A;A;;\n", "v.csv:2: code", "code", "CODE_SHAPE" },
		{ HEAD "\na;;A;;\n", "v.csv:2: libelle_fr", "libelle_fr",
		    "EMPTY" },
		{ HEAD "\na;A;;;\n", "v.csv:2: libelle_en", "libelle_en",
		    "EMPTY" },
		{ HEAD "\na;A ;A;;\n", "v.csv:2: libelle_fr", "libelle_fr",
		    "BLANK_ENDS" },
		{ HEAD "\na;\xE9;A;;\n", "v.csv:2: libelle_fr", "libelle_fr",
		    "UTF8" },
		{ HEAD "\na;A;A;01/01/2026;\n", "v.csv:2: since", "since",
		    "DATE_SHAPE" },
		{ HEAD "\na;A;A;;2025-02-29\n", "v.csv:2: until", "until",
		    "DATE_UNKNOWN" },
		{ HEAD "\na;A;A;2026-01-02;2026-01-01\n", "v.csv:2: until",
		    "until", "DATES" },
		{ HEAD ";x\na;A;A;;;\tb\n", "v.csv:2: x", "x", "BLANK_ENDS" },
		{ HEAD "\na;A;A;;\nb;B;B;;\na;C;C;;\n",
		    "v.csv:4: code is that of another line", "code",
		    "CODE_TWICE" },
	};
	struct vocabularies *set = vocabularies_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct err e = { 0 };

		if (vocabularies_add(set, "v", bad[i].text, strlen(bad[i].text),
			&e) == 0)
			fail_msg("taken: %s", bad[i].text);
		assert_int_equal(e.code, ERR_INVALID);
		if (strncmp(e.msg, bad[i].message, strlen(bad[i].message)) != 0)
			fail_msg("\"%s\", not \"%s\"", e.msg, bad[i].message);
		assert_string_equal(e.field, bad[i].field);
		assert_string_equal(e.reason, bad[i].reason);
		assert_true(e.remedy[0] != '\0');
		assert_int_equal(vocabularies_count(set), 0);
	}
	vocabularies_free(set);
}

static void
vocabularies_add__nul_and_limits__are_refused(void **state)
{
	struct vocabularies *set = vocabularies_new();
	struct err e = { 0 };
	size_t i, len = VOCABULARY_BYTES_MAX + 1, used;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	memset(text, 'a', len);
	assert_int_equal(vocabularies_add(set, "v", text, len, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	text[9] = '\0';
	assert_int_equal(vocabularies_add(set, "v", text, 20, &e), -1);
	assert_int_equal(e.code, ERR_INVALID);
	used = (size_t)sprintf(text, HEAD "\n");
	for (i = 0; i <= VOCABULARY_TERMS_MAX; i++)
		used += (size_t)sprintf(text + used, "c%zu;A;A;;\n", i);
	assert_int_equal(vocabularies_add(set, "v", text, used, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	used -= strlen("c5000;A;A;;\n");
	assert_int_equal(vocabularies_add(set, "v", text, used, &e), 0);
	assert_non_null(vocabulary_term(vocabularies_at(set, 0), "c4999"));
	for (i = 1; i < VOCABULARIES_MAX; i++) {
		char name[16];

		(void)snprintf(name, sizeof name, "v%zu", i);
		assert_int_equal(vocabularies_add(set, name, animals,
				     strlen(animals), &e),
		    0);
	}
	assert_int_equal(vocabularies_add(set, "w", animals, strlen(animals),
			     &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	free(text);
	vocabularies_free(set);
}

static void
vocabulary_check__slips__have_the_closest_code_as_remedy(void **state)
{
	static const struct {
		const char *value, *remedy;
	} slips[] = {
		{ "chein", "give chien (Chien)?" }, /* swapped */
		{ "chta", "give chat (Chat)?" },
		{ "Chat", "give chat (Chat)?" },
		{ "poisson rouge", "give poisson-rouge (Poisson rouge)?" },
		{ "poisson_rouje", "give poisson-rouge (Poisson rouge)?" },
		{ "poisson", "give poisson-rouge (Poisson rouge)?" },
		{ "a01", "give A01 (Autre)?" },
		{ "hippopotame",
		    "give one of: chat, chien, poisson-rouge, A01" },
		{ "\xC3\xA9l\xC3\xA9phant",
		    "give one of: chat, chien, poisson-rouge, A01" },
	};
	struct vocabularies *set = set_of("animaux", animals);
	const struct vocabulary *voc = vocabularies_at(set, 0);
	struct err e = { 0 };
	char text[400];
	size_t i;

	(void)state;
	assert_int_equal(vocabulary_check(voc, "f", "chat", 4, &e), 0);
	assert_int_equal(vocabulary_check(voc, "f", "chatX", 4, &e), 0);
	/* Dates do not count: old records keep old codes. */
	assert_int_equal(vocabulary_check(voc, "f", "chien", 5, &e), 0);
	for (i = 0; i < sizeof slips / sizeof slips[0]; i++) {
		const char *v = slips[i].value;

		assert_int_equal(vocabulary_check(voc, "site.animal", v,
				     strlen(v), &e),
		    -1);
		assert_int_equal(e.code, ERR_INVALID);
		assert_string_equal(e.reason, "CODE_UNKNOWN");
		assert_string_equal(e.field, "site.animal");
		assert_string_equal(e.remedy, slips[i].remedy);
		assert_non_null(strstr(e.msg, "animaux"));
	}
	assert_int_equal(vocabulary_check(voc, "f", "", 0, &e), -1);
	assert_string_equal(e.reason, "EMPTY");
	assert_int_equal(vocabulary_check(voc, "f", "chat\n", 5, &e), -1);
	assert_string_equal(e.reason, "BLANK_ENDS");
	memset(text, 'a', sizeof text);
	assert_int_equal(vocabulary_check(voc, "f", text, 121, &e), -1);
	assert_string_equal(e.reason, "CODE_UNKNOWN");
	assert_int_equal(vocabulary_check(voc, "f", text, 400, &e), -1);
	assert_int_equal(vocabulary_check(voc, "f", "x", 1, NULL), -1);
	vocabularies_free(set);
}

/* ---- the files of config/ ----------------------------------------------- */

static void
load(struct vocabularies *set, const char *file)
{
	static char bytes[VOCABULARY_BYTES_MAX];
	char path[320], name[256];
	struct err e = { 0 };
	size_t len;
	FILE *f;

	(void)snprintf(path, sizeof path, DIR_NAME "/%.200s", file);
	(void)snprintf(name, sizeof name, "%.*s",
	    (int)(strlen(file) - strlen(".csv")), file);
	f = fopen(path, "rb");
	assert_non_null(f);
	len = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	if (vocabularies_add(set, name, bytes, len, &e) < 0)
		fail_msg("%s; %s", e.msg, e.remedy);
}

static struct vocabularies *
load_all(void)
{
	struct vocabularies *set = vocabularies_new();
	DIR *dir = opendir(DIR_NAME);
	struct dirent *d;

	if (dir == NULL)
		fail_msg("run from the root of the tree: no %s", DIR_NAME);
	while ((d = readdir(dir)) != NULL)
		if (strlen(d->d_name) > 4 &&
		    strcmp(d->d_name + strlen(d->d_name) - 4, ".csv") == 0)
			load(set, d->d_name);
	(void)closedir(dir);
	return set;
}

static void
config__every_vocabulary__loads_with_the_codes_that_records_use(void **state)
{
	static const struct {
		const char *name;
		size_t terms;
		const char *codes[40];
	} of[] = {
		{ "organisation-kinds", 0,
		    { "agence-regionale", "autorite-region",
			"autorite-prefecture-region", "autorite-etat", "saio",
			"onisep", "carif-oref", "mission-locale", "paio",
			"france-travail", "france-travail-direction",
			"cap-emploi", "apec", "operateur-cep-actifs", "cci",
			"cma", "chambre-agriculture", "cio", "suio", "cfa",
			"organisme-formation", "partenaire-jeunes",
			"entrepreneuriat", "entrepreneuriat-ess",
			"tete-de-reseau", "information-jeunesse-crij",
			"partenaire", "cite-des-metiers", "proximite-ccas" } },
		{ "titles", 0,
		    { "coordination", "cep-loi", "cep-marche", "consulaire",
			"convention-etat", "label-spro-conseil", "prc-vae",
			"information-jeunesse", "reseau-proximite" } },
		{ "publics", 14, { "tous-publics" } },
		{ "thematiques", 69, { "se-former--trouver-sa-formation" } },
		{ "modes-accueil", 2, { "a-distance", "en-presentiel" } },
		{ "types-services", 6, { "information" } },
		{ "frais", 2, { "gratuit", "payant" } },
		{ "modes-mobilisation", 4, { "se-presenter" } },
		{ "personnes-mobilisatrices", 2, { "usagers" } },
		{ "reseaux-porteurs", 108, { "mission-locale" } },
		{ "besoins", 13, { "vae", "demission_reconversion" } },
		{ "situations", 9, { "eleve", "demandeur_emploi" } },
		{ "secteurs-projet", 6, { "ess" } },
		{ "age-bands", 7, { "16-17", "30", "55+" } },
		{ "activity-kinds", 20, { "A01", "A20" } },
		{ "audiences", 11, { "eleves-college", "autre" } },
		{ "age-classes", 6, { "18-25", "nr" } },
		{ "sex-classes", 3, { "f", "h", "nr" } },
		{ "place-types", 0, { "site", "etablissement", "en-ligne" } },
		{ "modalites", 0, { "presentiel", "distance" } },
		{ "oui-non", 2, { "oui", "non" } },
		{ "poles-metiers", 16, { "numerique" } },
	};
	struct vocabularies *set = load_all();
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof of / sizeof of[0]; i++) {
		const struct vocabulary *voc =
		    vocabularies_find(set, of[i].name);

		if (voc == NULL)
			fail_msg("no %s", of[i].name);
		if (of[i].terms > 0)
			assert_int_equal(vocabulary_count(voc), of[i].terms);
		for (j = 0; of[i].codes[j] != NULL; j++)
			if (vocabulary_term(voc, of[i].codes[j]) == NULL)
				fail_msg("%s: no %s", of[i].name,
				    of[i].codes[j]);
	}
	vocabularies_free(set);
}

static const char *
extra(const struct vocabulary_term *t, const char *column)
{
	const char *value = vocabulary_extra(t, column);

	assert_non_null(value);
	return value;
}

static bool
is_answer(const char *value)
{
	return strcmp(value, "oui") == 0 || strcmp(value, "non") == 0;
}

/* The usual title of a kind, and what both say of it, agree. */
static void
config__kinds_and_titles__agree(void **state)
{
	struct vocabularies *set = load_all();
	const struct vocabulary *titles = vocabularies_find(set, "titles");
	const struct vocabulary *kinds =
	    vocabularies_find(set, "organisation-kinds");
	size_t i;

	(void)state;
	for (i = 0; i < vocabulary_count(titles); i++) {
		const struct vocabulary_term *t = vocabulary_at(titles, i);

		assert_true(is_answer(extra(t, "spro_member")));
		assert_true(is_answer(extra(t, "cep")));
		assert_int_equal(strlen(extra(t, "cercle")), 1);
		assert_in_range(extra(t, "cercle")[0], '1', '4');
		assert_true(extra(t, "legal_basis")[0] != '\0');
		assert_true(extra(t, "authority")[0] != '\0');
		assert_true(extra(t, "decision")[0] != '\0');
	}
	for (i = 0; i < vocabulary_count(kinds); i++) {
		const struct vocabulary_term *k = vocabulary_at(kinds, i), *t;
		const char *title = extra(k, "title");

		assert_true(is_answer(extra(k, "spro_member")));
		assert_true(is_answer(extra(k, "cep_operator")));
		if (title[0] == '\0') {
			assert_string_equal(extra(k, "cercle"), "");
			assert_string_equal(extra(k, "spro_member"), "non");
			continue;
		}
		t = vocabulary_term(titles, title);
		if (t == NULL)
			fail_msg("%s: no title %s", k->code, title);
		assert_string_equal(extra(k, "cercle"), extra(t, "cercle"));
		assert_string_equal(extra(k, "cep_operator"), extra(t, "cep"));
		assert_string_equal(extra(k, "spro_member"),
		    extra(t, "spro_member"));
		assert_string_equal(extra(k, "authority"),
		    extra(t, "authority"));
	}
	vocabularies_free(set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vocabulary__terms_of_a_file__are_found),
		cmocka_unit_test(
		    vocabulary__iteration__keeps_the_order_of_the_file),
		cmocka_unit_test(vocabularies__names__are_sorted_and_once),
		cmocka_unit_test(
		    vocabulary_term_at__since_and_until__are_included),
		cmocka_unit_test(
		    vocabularies_add__malformed_files__name_line_and_remedy),
		cmocka_unit_test(vocabularies_add__nul_and_limits__are_refused),
		cmocka_unit_test(
		    vocabulary_check__slips__have_the_closest_code_as_remedy),
		cmocka_unit_test(
		    config__every_vocabulary__loads_with_the_codes_that_records_use),
		cmocka_unit_test(config__kinds_and_titles__agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
