/* Catalogues: chosen by the environment, never trusted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../client/cli/i18n.h"

static char dir[] = "/tmp/test_i18n_XXXXXX";
static char mo[80];

/* A catalogue of "file" and "yes", in order; `cut` bytes are left off. */
static void
write_catalogue(size_t cut)
{
	static const char ids[] = "%lu file\0%lu files\0yes";
	static const char texts[] = "%lu fichier\0%lu fichiers\0oui";
	uint32_t words[15] = { 0x950412de, 0, 2, 28, 44, 0, 60 };
	uint32_t at = sizeof words;
	FILE *file = fopen(mo, "w");

	words[7] = 18;
	words[8] = at;
	words[9] = 3;
	words[10] = at + 19;
	words[11] = 24;
	words[12] = at + sizeof ids;
	words[13] = 3;
	words[14] = at + (uint32_t)sizeof ids + 25;
	fwrite(words, sizeof words, 1, file);
	fwrite(ids, sizeof ids, 1, file);
	fwrite(texts, sizeof texts - cut, 1, file);
	fclose(file);
}

static int
setup(void **state)
{
	char path[64];

	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/fr", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/fr/LC_MESSAGES", dir);
	mkdir(path, 0700);
	snprintf(mo, sizeof mo, "%s/resopro.mo", path);
	setenv("RESOPRO_LOCALE_DIR", dir, 1);
	return 0;
}

static int
teardown(void **state)
{
	char path[64];

	(void)state;
	i18n_free();
	unlink(mo);
	snprintf(path, sizeof path, "%s/fr/LC_MESSAGES", dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/fr", dir);
	rmdir(path);
	return rmdir(dir);
}

/* "yes" in the language of this environment; NULL leaves one unset. */
static void
assert_yes(const char *own, const char *all, const char *lang,
    const char *language, const char *expected)
{
	const char *const names[] = { "RESOPRO_LANG", "LC_ALL", "LANG",
		"LANGUAGE", "LC_MESSAGES" };
	const char *const values[] = { own, all, lang, language, NULL };
	size_t i;

	for (i = 0; i < 5; i++)
		if (values[i] != NULL)
			setenv(names[i], values[i], 1);
		else
			unsetenv(names[i]);
	i18n_init();
	assert_string_equal(i18n_text("yes"), expected);
}

static void
language__of_the_environment__chosen_as_gettext_does(void **state)
{
	(void)state;
	write_catalogue(0);
	assert_yes(NULL, NULL, "fr_FR.UTF-8", NULL, "oui");
	assert_string_equal(i18n_language(), "fr");
	assert_yes(NULL, "C.UTF-8", "fr_FR.UTF-8", NULL, "yes");
	assert_yes(NULL, NULL, "C.UTF-8", "de:fr", "oui");
	assert_yes(NULL, NULL, "fr_FR.UTF-8", "en:fr", "yes");
	assert_yes(NULL, "C", NULL, "fr", "yes");
	assert_yes("fr", "C", NULL, NULL, "oui");
	assert_yes("en", NULL, "fr", NULL, "yes");
	assert_yes("../fr", NULL, "fr", NULL, "yes");
	assert_yes(NULL, NULL, NULL, NULL, "yes");
}

static void
plural__in_french__zero_and_one_are_singular(void **state)
{
	(void)state;
	write_catalogue(0);
	assert_yes("fr", NULL, NULL, NULL, "oui");
	assert_string_equal(i18n_plural("%lu file", "%lu files", 0),
	    "%lu fichier");
	assert_string_equal(i18n_plural("%lu file", "%lu files", 2),
	    "%lu fichiers");
	assert_yes("en", NULL, NULL, NULL, "yes");
	assert_string_equal(i18n_plural("%lu file", "%lu files", 0),
	    "%lu files");
}

static void
catalogue__cut_short__not_used(void **state)
{
	size_t cut;

	(void)state;
	for (cut = 2; cut < 30; cut++) { /* the last NUL is not needed */
		write_catalogue(cut);
		assert_yes("fr", NULL, NULL, NULL, "yes");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    language__of_the_environment__chosen_as_gettext_does),
		cmocka_unit_test(plural__in_french__zero_and_one_are_singular),
		cmocka_unit_test(catalogue__cut_short__not_used),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
