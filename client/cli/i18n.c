/* i18n.c - reads one .mo catalogue; see i18n.h. */
#include "i18n.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef RESOPRO_LOCALEDIR
#define RESOPRO_LOCALEDIR "/usr/share/locale"
#endif

enum {
	MO_MAX = 4 << 20, /* ours is 100 KB */
	MO_HEADER = 20,   /* bytes that are read of the header */
	LANG_MAX = 16
};

#define MO_MAGIC 0x950412deu

/* Language is of the process, as with gettext: messages are asked for where
 * no cli is at hand. */
static struct catalogue {
	char lang[LANG_MAX];
	char *bytes; /* the .mo file, and a NUL */
	size_t len;
	uint32_t count, ids, texts; /* entries; offsets of the two tables */
} catalogue;

/* ---- the file ------------------------------------------------------------ */

static uint32_t
word(const struct catalogue *c, size_t at)
{
	uint32_t w;

	memcpy(&w, c->bytes + at, sizeof w);
	return w;
}

/* The i-th string of a table, its length too; NULL when out of the file. */
static const char *
entry(const struct catalogue *c, uint32_t table, uint32_t i, uint32_t *len)
{
	size_t at = (size_t)table + (size_t)i * 8;
	uint32_t offset;

	*len = word(c, at);
	offset = word(c, at + 4);
	if ((uint64_t)offset + *len >= c->len + 1 ||
	    c->bytes[offset + *len] != '\0')
		return NULL;
	return c->bytes + offset;
}

static bool
check(struct catalogue *c)
{
	uint32_t i, len;

	if (c->len < MO_HEADER || word(c, 0) != MO_MAGIC)
		return false;
	c->count = word(c, 8);
	c->ids = word(c, 12);
	c->texts = word(c, 16);
	if ((uint64_t)c->ids + (uint64_t)c->count * 8 > c->len ||
	    (uint64_t)c->texts + (uint64_t)c->count * 8 > c->len)
		return false;
	for (i = 0; i < c->count; i++)
		if (entry(c, c->ids, i, &len) == NULL ||
		    entry(c, c->texts, i, &len) == NULL)
			return false;
	return true;
}

static bool
read_all(int fd, char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, bytes + done, len - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool
load(struct catalogue *c, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = false;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	    st.st_size <= MO_MAX &&
	    (c->bytes = malloc((size_t)st.st_size + 1)) != NULL) {
		c->len = (size_t)st.st_size;
		c->bytes[c->len] = '\0';
		ok = read_all(fd, c->bytes, c->len) && check(c);
	}
	close(fd);
	if (!ok) {
		free(c->bytes);
		c->bytes = NULL;
	}
	return ok;
}

/* ---- the language --------------------------------------------------------- */

/* Look for LANG in one directory. */
static bool
load_in(struct catalogue *c, const char *dir, const char *lang)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s/LC_MESSAGES/resopro.mo", dir,
	    lang);

	return n > 0 && (size_t)n < sizeof path && load(c, path);
}

/* The directory of the running program, "" when not known. */
static void
program_dir(char out[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
	char *slash;

	out[n > 0 ? n : 0] = '\0';
	if ((slash = strrchr(out, '/')) != NULL)
		*slash = '\0';
}

static bool
load_language(struct catalogue *c, const char *lang)
{
	static const char *const beside[] = { "/../share/locale", "/locale" };
	const char *own = getenv("RESOPRO_LOCALE_DIR");
	char base[PATH_MAX], dir[PATH_MAX + 32];
	size_t i;

	if (own != NULL && *own != '\0')
		return load_in(c, own, lang);
	program_dir(base);
	for (i = 0; *base != '\0' && i < 2; i++) {
		snprintf(dir, sizeof dir, "%s%s", base, beside[i]);
		if (load_in(c, dir, lang))
			return true;
	}
	return load_in(c, RESOPRO_LOCALEDIR, lang);
}

/* Take one locale name ("fr_FR.UTF-8"); false when it gives no language. */
static bool
try_locale(struct catalogue *c, const char *name, size_t len)
{
	char lang[LANG_MAX];
	size_t n = 0;

	while (n < len && n < LANG_MAX - 1 &&
	       strchr("abcdefghijklmnopqrstuvwxyz", name[n]) != NULL) {
		lang[n] = name[n];
		n++;
	}
	lang[n] = '\0';
	if (n < 2 || n > 3 || (n < len && strchr("_.@", name[n]) == NULL))
		return false;
	if (strcmp(lang, "en") != 0 && !load_language(c, lang))
		return false;
	memcpy(c->lang, lang, n + 1);
	return true;
}

static const char *
env_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	const char *value;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if ((value = getenv(names[i])) != NULL && *value != '\0')
			return value;
	return "C";
}

void
i18n_init(void)
{
	struct catalogue *c = &catalogue;
	const char *own = getenv("RESOPRO_LANG"), *locale = env_locale();
	const char *list = getenv("LANGUAGE");

	i18n_free();
	strcpy(c->lang, "en");
	if (own != NULL && *own != '\0') {
		try_locale(c, own, strlen(own));
		return;
	}
	if (strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0)
		return;
	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ":");

		if (try_locale(c, list, n))
			return;
		list += n + (list[n] == ':');
	}
	try_locale(c, locale, strlen(locale));
}

void
i18n_free(void)
{
	free(catalogue.bytes);
	memset(&catalogue, 0, sizeof catalogue);
}

const char *
i18n_language(void)
{
	return *catalogue.lang != '\0' ? catalogue.lang : "en";
}

/* ---- the texts ------------------------------------------------------------ */

/* The translation and its length, or NULL.  Ids are sorted in the file. */
static const char *
find(const struct catalogue *c, const char *msgid, uint32_t *len)
{
	uint32_t low = 0, high = c->count, n;

	while (c->bytes != NULL && low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(msgid, entry(c, c->ids, middle, &n));

		if (order == 0) {
			const char *text = entry(c, c->texts, middle, len);

			return *len > 0 ? text : NULL;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const char *
i18n_text(const char *msgid)
{
	uint32_t len;
	const char *text;

	if (*msgid == '\0')
		return msgid; /* the catalogue's own header */
	text = find(&catalogue, msgid, &len);
	return text != NULL ? text : msgid;
}

const char *
i18n_plural(const char *one, const char *many, unsigned long n)
{
	uint32_t len;
	const char *text = find(&catalogue, one, &len);
	size_t first;

	if (text == NULL)
		return n == 1 ? one : many;
	/* French: 0 and 1 are singular; other languages as English. */
	if (strcmp(catalogue.lang, "fr") == 0 ? n <= 1 : n == 1)
		return text;
	first = strlen(text);
	return first + 1 < len ? text + first + 1 : text;
}
