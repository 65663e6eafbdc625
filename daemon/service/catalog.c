/* catalog.c - see catalog.h. */
#include "service/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/referral.h"
#include "domain/search_words.h"
#include "domain/territory.h"
#include "domain/vocabulary.h"

#define FILE_BYTES_MAX ((size_t)16 << 20)
#define PATH_BYTES 4096
#define SUFFIX ".csv"
#define RULES "referral-rules.conf"
#define SEARCH_WORDS "search-words.conf"

struct catalog {
	atomic_uint references;
	struct territory *territory;
	struct vocabularies *vocabularies;
	struct referral_rules *rules;
	struct catalog_periods periods;
	struct search_words *search_words;
};

/* ---- files -------------------------------------------------------------- */

static int
fail_file(const char *path, const char *what, struct err *e)
{
	err_set(e, ERR_IO, "%s: %s", path, what);
	err_reason(e, "CATALOG_FILE");
	return err_remedy(e, "the data directory needs territories/, "
			     "vocabularies/, " RULES " and " SEARCH_WORDS
			     ", readable by the daemon");
}

/* The whole file, at most FILE_BYTES_MAX; the caller frees it. */
static char *
read_file(const char *path, size_t *len, struct err *e)
{
	FILE *f = fopen(path, "re");
	char *out = NULL, *more;
	size_t room = 0, n;

	if (f == NULL) {
		fail_file(path, strerror(errno), e);
		return NULL;
	}
	*len = 0;
	do {
		room = room == 0 ? 65536 : 2 * room;
		more = room <= FILE_BYTES_MAX ? realloc(out, room) : NULL;
		if (more == NULL) {
			fail_file(path, "is too large", e);
			break;
		}
		out = more;
		n = fread(out + *len, 1, room - *len, f);
		*len += n;
	} while (*len == room);
	if (more != NULL && ferror(f)) {
		fail_file(path, "could not be read", e);
		more = NULL;
	}
	(void)fclose(f);
	if (more == NULL)
		free(out);
	return more;
}

static int
join(char *path, const char *dir, const char *name, struct err *e)
{
	int n = snprintf(path, PATH_BYTES, "%s/%s", dir, name);

	return n > 0 && n < PATH_BYTES
		   ? 0
		   : fail_file(dir, "is too long a path", e);
}

/* ---- territories -------------------------------------------------------- */

static int
load_territory(struct catalog *c, const char *dir, struct err *e)
{
	static const char *const names[] = { "territories/communes.csv",
		"territories/anciens.csv", "territories/zones.csv" };
	char paths[3][PATH_BYTES];
	struct table_bytes t[3];
	char *bytes[3] = { NULL, NULL, NULL };
	bool all = true;

	for (size_t i = 0; i < 3 && all; i++) {
		all = join(paths[i], dir, names[i], e) == 0 &&
		      (bytes[i] = read_file(paths[i], &t[i].len, e)) != NULL;
		t[i].name = paths[i];
		t[i].data = bytes[i];
	}
	if (all)
		c->territory = territory_new(&t[0], &t[1], &t[2], e);
	for (size_t i = 0; i < 3; i++)
		free(bytes[i]);
	return c->territory != NULL ? 0 : -1;
}

/* ---- vocabularies ------------------------------------------------------- */

static int
load_vocabulary(struct catalog *c, const char *dir, const char *file,
    struct err *e)
{
	char path[PATH_BYTES], name[256];
	size_t len;
	char *bytes;
	int rc;

	if (join(path, dir, file, e) < 0)
		return -1;
	(void)snprintf(name, sizeof name, "%.*s",
	    (int)(strlen(file) - strlen(SUFFIX)), file);
	bytes = read_file(path, &len, e);
	if (bytes == NULL)
		return -1;
	rc = vocabularies_add(c->vocabularies, name, bytes, len, e);
	free(bytes);
	return rc < 0 ? err_wrap(e, "%s/", dir) : 0;
}

static int
is_csv(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > strlen(SUFFIX) &&
	       strcmp(d->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
}

static int
load_vocabularies(struct catalog *c, const char *dir, struct err *e)
{
	char path[PATH_BYTES];
	struct dirent **files = NULL;
	int n, rc = 0;

	c->vocabularies = vocabularies_new();
	if (c->vocabularies == NULL)
		return err_set(e, ERR_NOMEM, "vocabularies");
	if (join(path, dir, "vocabularies", e) < 0)
		return -1;
	n = scandir(path, &files, is_csv, alphasort);
	if (n < 0)
		return fail_file(path, strerror(errno), e);
	if (n == 0)
		rc = fail_file(path, "holds no vocabulary", e);
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = load_vocabulary(c, path, files[i]->d_name, e);
		free(files[i]);
	}
	free(files);
	return rc;
}

/* ---- rules -------------------------------------------------------------- */

/* A rule may only name codes that exist; an absent vocabulary checks none. */
static bool
knows_code(const struct vocabularies *set, const char *vocabulary,
    const char *code)
{
	const struct vocabulary *v = vocabularies_find(set, vocabulary);

	return v == NULL || vocabulary_term(v, code) != NULL;
}

static int
load_rules(struct catalog *c, const char *dir, struct err *e)
{
	char path[PATH_BYTES];
	size_t len;
	char *bytes;

	if (join(path, dir, RULES, e) < 0 ||
	    (bytes = read_file(path, &len, e)) == NULL)
		return -1;
	c->rules = referral_rules_new(path, bytes, len, knows_code,
	    c->vocabularies, e);
	free(bytes);
	return c->rules != NULL ? 0 : -1;
}

static int
load_search_words(struct catalog *c, const char *dir, struct err *e)
{
	char path[PATH_BYTES];
	size_t len;
	char *bytes;

	if (join(path, dir, SEARCH_WORDS, e) < 0 ||
	    (bytes = read_file(path, &len, e)) == NULL)
		return -1;
	c->search_words = search_words_new(path, bytes, len, e);
	free(bytes);
	return c->search_words != NULL ? 0 : -1;
}

/* ---- the whole ---------------------------------------------------------- */

struct catalog *
catalog_load(const char *dir, struct err *e)
{
	struct catalog *c = calloc(1, sizeof *c);

	if (c == NULL) {
		err_set(e, ERR_NOMEM, "catalog");
		return NULL;
	}
	atomic_init(&c->references, 1);
	if (load_territory(c, dir, e) < 0 || load_vocabularies(c, dir, e) < 0 ||
	    load_rules(c, dir, e) < 0 || load_search_words(c, dir, e) < 0) {
		catalog_unref(c);
		return NULL;
	}
	return c;
}

struct catalog *
catalog_ref(struct catalog *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

void
catalog_unref(struct catalog *c)
{
	if (c == NULL || atomic_fetch_sub_explicit(&c->references, 1,
			     memory_order_acq_rel) > 1)
		return;
	territory_free(c->territory);
	vocabularies_free(c->vocabularies);
	referral_rules_free(c->rules);
	search_words_free(c->search_words);
	free(c);
}

void
catalog_set_periods(struct catalog *c, const struct catalog_periods *p)
{
	c->periods = *p;
}

const struct catalog_periods *
catalog_periods(const struct catalog *c)
{
	return &c->periods;
}

const struct territory *
catalog_territory(const struct catalog *c)
{
	return c->territory;
}

const struct vocabularies *
catalog_vocabularies(const struct catalog *c)
{
	return c->vocabularies;
}

const struct referral_rules *
catalog_rules(const struct catalog *c)
{
	return c->rules;
}

const struct search_words *
catalog_search_words(const struct catalog *c)
{
	return c->search_words;
}
