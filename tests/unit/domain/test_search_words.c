/* Texts as words, and the names that mean the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/slurp.h"
#include "domain/search_words.h"

static struct search_words *shipped;

static int
load(void **state)
{
	struct err e = { 0 };
	size_t len;
	char *bytes = slurp("config/search-words.conf", &len);

	shipped = search_words_new("search-words.conf", bytes, len, &e);
	free(bytes);
	if (shipped == NULL)
		print_error("%s (%s)\n", e.msg, e.remedy);
	*state = shipped;
	return shipped != NULL ? 0 : -1;
}

static int
unload(void **state)
{
	search_words_free(*state);
	return 0;
}

static void
assert_words(const char *text, const char *expected)
{
	char room[SEARCH_SPLIT_ROOM(512)], out[512] = "";
	struct search_word w[32];
	size_t n = search_words_split(shipped, text, strlen(text), room, w, 32);

	for (size_t i = 0; i < n; i++)
		(void)snprintf(out + strlen(out), sizeof out - strlen(out),
		    "%s%.*s", i > 0 ? " " : "", (int)w[i].len, w[i].text);
	assert_string_equal(out, expected);
}

/* The group of the first words of a text, or "". */
static const char *
group_of(const char *text)
{
	static char room[SEARCH_SPLIT_ROOM(512)];
	struct search_word w[32];
	size_t n = search_words_split(shipped, text, strlen(text), room, w, 32);
	size_t taken;
	const char *group = search_words_group(shipped, w, n, 0, &taken);

	assert_true((group == NULL) == (taken == 0));
	return group != NULL ? group : "";
}

static void
split__articles_and_accents__left_out_and_folded(void **state)
{
	(void)state;
	assert_words("Mission locale de L'Aigle", "mission locale aigle");
	assert_words("Saint-Lô, Sainte-Mère-Église", "st lo ste mere eglise");
	assert_words("de la les", "");
	assert_words("", "");
}

static void
split__acronym_with_dots__one_word(void **state)
{
	(void)state;
	assert_words("C.I.O. de Caen", "cio caen");
	assert_words("C.I.O", "cio");
	assert_words("rue A.Briand", "rue briand"); /* "a" is passed over */
	assert_words("rue R.Briand.", "rue r briand");
	assert_words("St. Lo", "st lo");
	assert_words("...", "");
}

static void
split__long_word__cut_between_characters(void **state)
{
	char text[200], room[SEARCH_SPLIT_ROOM(200)];
	struct search_word w[2];

	(void)state;
	memset(text, 'x', 47);
	strcpy(text + 47, "\xCE\xA9\xCE\xA9"); /* capital omega, twice */
	assert_int_equal(search_words_split(shipped, text, strlen(text), room,
			     w, 2),
	    1);
	assert_int_equal(w[0].len, 47);
}

static void
group__any_of_its_names__the_first(void **state)
{
	(void)state;
	assert_string_equal(group_of("Pôle emploi"), "france travail");
	assert_string_equal(group_of("FT Caen"), "france travail");
	assert_string_equal(group_of("missions locales"), "mission locale");
	assert_string_equal(group_of("Centre d'information et d'orientation"),
	    "centre d information et d orientation");
	assert_string_equal(group_of("C.I.O."),
	    "centre d information et d orientation");
	assert_string_equal(group_of("Pôle de compétences"), "");
	assert_string_equal(group_of("Centre d'information"), "");
}

/* ---- the file ------------------------------------------------------------ */

static void
assert_refused(const char *bytes, const char *message)
{
	struct err e = { 0 };

	assert_null(search_words_new("f", bytes, strlen(bytes), &e));
	assert_int_equal(e.code, ERR_INVALID);
	assert_non_null(strstr(e.msg, message));
	assert_string_not_equal(e.remedy, "");
}

static void
file__not_as_it_must_be__refused_with_its_line(void **state)
{
	(void)state;
	assert_refused("ignore = de\nother = x\n", "f:2: line: is neither");
	assert_refused("same = a\n", "f:1: same: has one name only");
	assert_refused("same = a b, ,c\n", "f:1: same: has a name without");
	assert_refused("same = a b, c\nsame = d, A-B\n",
	    "f:2: same: has a name");
	assert_refused("same = a, b\nignore = x\n", "f:2: ignore: comes after");
	assert_refused("nothing\n", "f:1: line: has no =");
	assert_refused("ignore = de", "f:1: line: the last line is cut");
	assert_refused("same = \xFF, b\n", "f:1: line: is not UTF-8");
	assert_refused("same = a b c d e f g h i, x\n",
	    "f:1: same: has a name");
}

static void
file__empty_or_comments__no_words(void **state)
{
	static const char text[] = "# nothing\n\n  \n";
	struct err e = { 0 };
	struct search_words *s = search_words_new("f", text, strlen(text), &e);
	char room[SEARCH_SPLIT_ROOM(16)];
	struct search_word w[4];
	size_t taken;

	(void)state;
	assert_non_null(s);
	assert_int_equal(search_words_split(s, "de la", 5, room, w, 4), 2);
	assert_null(search_words_group(s, w, 2, 0, &taken));
	search_words_free(s);
	search_words_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    split__articles_and_accents__left_out_and_folded),
		cmocka_unit_test(split__acronym_with_dots__one_word),
		cmocka_unit_test(split__long_word__cut_between_characters),
		cmocka_unit_test(group__any_of_its_names__the_first),
		cmocka_unit_test(
		    file__not_as_it_must_be__refused_with_its_line),
		cmocka_unit_test(file__empty_or_comments__no_words),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
