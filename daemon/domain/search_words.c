/* search_words.c - see search_words.h and the head of search-words.conf. */
#include "domain/search_words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fold.h"

#define FILE_BYTES_MAX (1u << 20)
#define IGNORED_MAX 500
#define GROUPS_MAX 500
#define NAMES_MAX 20 /* of one group */
#define NAME_BYTES 200
#define PLURAL_LETTERS 4 /* from which a last s or x may be a plural's */

struct name { /* that a group has */
	const char *group;
	struct search_word words[SEARCH_GROUP_WORDS]; /* stems */
	size_t n;
	struct name *next; /* whose first word hashes alike */
};

#define BUCKETS 1024 /* a power of two */

struct search_words {
	char *texts; /* what everything points into */
	size_t used;
	struct search_word ignored[IGNORED_MAX];
	size_t n_ignored;
	struct name *names;
	size_t n_names, n_groups;
	struct name *by_first[BUCKETS]; /* of the first word */
	bool ignores[BUCKETS];          /* some word to ignore is here */
};

/* ---- words -------------------------------------------------------------- */

static bool
same(const struct search_word *a, const struct search_word *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static size_t
bucket(const struct search_word *w)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < w->len; i++)
		h = (h ^ (unsigned char)w->text[i]) * 16777619u;
	return (h ^ h >> 15) & (BUCKETS - 1);
}

size_t
search_word_stem(const struct search_word *w)
{
	char last = w->text[w->len - 1];

	return w->len >= PLURAL_LETTERS && (last == 's' || last == 'x')
		   ? w->len - 1
		   : w->len;
}

static bool
is_ignored(const struct search_words *s, const struct search_word *w)
{
	if (!s->ignores[bucket(w)])
		return false;
	for (size_t i = 0; i < s->n_ignored; i++)
		if (same(&s->ignored[i], w))
			return true;
	return false;
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The dot at `i` stands behind a single letter, and before another or the end
 * of the word: not that of "A.Briand". */
static bool
of_acronym(const char *text, size_t len, size_t i, size_t letters)
{
	if (text[i] != '.' || letters != 1)
		return false;
	return i + 1 == len || !is_letter(text[i + 1]) || i + 2 == len ||
	       !is_letter(text[i + 2]);
}

/* "C.I.O." without its dots. */
static size_t
drop_dots(const char *text, size_t len, char *out)
{
	size_t n = 0, letters = 0; /* since a mark or a blank */

	for (size_t i = 0; i < len; i++) {
		if (!of_acronym(text, len, i, letters))
			out[n++] = text[i];
		letters = is_letter(text[i]) ? letters + 1 : 0;
	}
	return n;
}

/* Up to SEARCH_WORD_MAX bytes, whole characters. */
static size_t
cut(const char *word, size_t len)
{
	if (len <= SEARCH_WORD_MAX)
		return len;
	for (len = SEARCH_WORD_MAX; ((unsigned char)word[len] & 0xC0) == 0x80;)
		len--;
	return len;
}

/* Words of a folded text; NULL: none is ignored. */
static size_t
split_folded(const struct search_words *s, const char *folded,
    struct search_word *out, size_t max)
{
	size_t n = 0;

	while (folded[0] != '\0' && n < max) {
		size_t len = strcspn(folded, " ");
		struct search_word w = { folded, cut(folded, len) };

		if (s == NULL || !is_ignored(s, &w))
			out[n++] = w;
		folded += len + (folded[len] == ' ');
	}
	return n;
}

size_t
search_words_split(const struct search_words *s, const char *text, size_t len,
    char *room, struct search_word *out, size_t max)
{
	if (memchr(text, '.', len) != NULL) {
		char *plain = room + len + 1;

		len = drop_dots(text, len, plain);
		text = plain;
	}
	fold_text(text, len, room);
	return split_folded(s, room, out, max);
}

/* ---- groups ------------------------------------------------------------- */

static bool
name_stands(const struct name *name, const struct search_word *words, size_t n)
{
	if (name->n > n)
		return false;
	for (size_t i = 0; i < name->n; i++)
		if (name->words[i].len != search_word_stem(&words[i]) ||
		    memcmp(name->words[i].text, words[i].text,
			name->words[i].len) != 0)
			return false;
	return true;
}

const char *
search_words_group(const struct search_words *s, const struct search_word *w,
    size_t n, size_t at, size_t *taken)
{
	struct search_word stem = { w[at].text, search_word_stem(&w[at]) };
	const struct name *best = NULL;

	for (const struct name *x = s->by_first[bucket(&stem)]; x != NULL;
	     x = x->next)
		if ((best == NULL || x->n > best->n) &&
		    name_stands(x, w + at, n - at))
			best = x;
	*taken = best != NULL ? best->n : 0;
	return best != NULL ? best->group : NULL;
}

const char *
search_words_next_group(const struct search_words *s,
    const struct search_word *w, size_t n, size_t at, size_t *place)
{
	struct search_word stem = { w[at].text, search_word_stem(&w[at]) };
	const struct name *x =
	    *place > 0 ? s->names[*place - 1].next : s->by_first[bucket(&stem)];

	for (; x != NULL; x = x->next)
		if (name_stands(x, w + at, n - at)) {
			*place = (size_t)(x - s->names) + 1;
			return x->group;
		}
	return NULL;
}

/* ---- the file ------------------------------------------------------------ */

struct reading {
	struct search_words *words;
	const char *file;
	unsigned line;
	struct err *e;
};

static int
fail(const struct reading *r, const char *key, const char *what,
    const char *remedy)
{
	err_set(r->e, ERR_INVALID, "%s:%u: %s: %s", r->file, r->line, key,
	    what);
	err_field(r->e, key);
	err_reason(r->e, "SEARCH_WORDS");
	return err_remedy(r->e, "%s", remedy);
}

/* The words of `text`, folded, kept with the whole. */
static size_t
keep_words(struct reading *r, const char *text, size_t len,
    const struct search_words *without, struct search_word *out, size_t max)
{
	char *room = r->words->texts + r->words->used;

	r->words->used += SEARCH_SPLIT_ROOM(len);
	return search_words_split(without, text, len, room, out, max);
}

static int
read_ignored(struct reading *r, const char *value, size_t len)
{
	struct search_words *s = r->words;
	size_t n = keep_words(r, value, len, NULL, s->ignored + s->n_ignored,
	    IGNORED_MAX - s->n_ignored);

	if (n == 0 || s->n_ignored + n == IGNORED_MAX)
		return fail(r, "ignore", "has no word, or too many",
		    "give 1 to 499 words, a blank between them");
	if (s->n_names > 0)
		return fail(r, "ignore", "comes after a line of same",
		    "put the lines of ignore first");
	for (size_t i = 0; i < n; i++)
		s->ignores[bucket(&s->ignored[s->n_ignored + i])] = true;
	s->n_ignored += n;
	return 0;
}

static int
read_name(struct reading *r, const char *text, size_t len, const char **group)
{
	struct search_words *s = r->words;
	struct name *name = &s->names[s->n_names];
	struct search_word words[SEARCH_GROUP_WORDS + 1];
	size_t n, taken, first;

	if (len > NAME_BYTES)
		return fail(r, "same", "has a name that is too long",
		    "give at most 200 bytes a name");
	n = keep_words(r, text, len, s, words, SEARCH_GROUP_WORDS + 1);
	if (n == 0 || n > SEARCH_GROUP_WORDS)
		return fail(r, "same", "has a name without words, or of many",
		    "give names of 1 to 8 words that are not ignored");
	if (search_words_group(s, words, n, 0, &taken) != NULL && taken == n)
		return fail(r, "same", "has a name that stands before",
		    "give each name once");
	for (size_t i = 0; i < n; i++)
		name->words[i] = (struct search_word){ words[i].text,
			search_word_stem(&words[i]) };
	if (*group == NULL) { /* its first name, folded, names the group */
		*group = s->texts + s->used;
		s->used += fold_text(text, len, s->texts + s->used) + 1;
	}
	name->n = n;
	name->group = *group;
	first = bucket(&name->words[0]);
	name->next = s->by_first[first];
	s->by_first[first] = name;
	s->n_names++;
	return 0;
}

static int
read_same(struct reading *r, const char *value, size_t len)
{
	const char *group = NULL, *end = value + len;
	size_t names = 0;

	if (++r->words->n_groups > GROUPS_MAX)
		return fail(r, "same", "is a group too many",
		    "give at most 500 groups");
	while (value <= end) {
		const char *comma = memchr(value, ',', (size_t)(end - value));
		const char *stop = comma != NULL ? comma : end;

		if (++names > NAMES_MAX)
			return fail(r, "same", "has too many names",
			    "give 2 to 20 names, a comma between them");
		if (read_name(r, value, (size_t)(stop - value), &group) < 0)
			return -1;
		value = stop + 1;
	}
	return names >= 2 ? 0
			  : fail(r, "same", "has one name only",
				"give 2 to 20 names, a comma between them");
}

static int
read_line(struct reading *r, const char *line, size_t len)
{
	const char *equal = memchr(line, '=', len), *value;
	size_t key;

	while (len > 0 && (line[0] == ' ' || line[0] == '\t')) {
		line++;
		len--;
	}
	if (len == 0 || line[0] == '#')
		return 0;
	if (!fold_is_utf8(line, len))
		return fail(r, "line", "is not UTF-8", "save it as UTF-8");
	if (equal == NULL)
		return fail(r, "line",
		    "has no =", "write ignore = WORDS or same = NAME, NAME");
	value = equal + 1;
	for (key = (size_t)(equal - line); key > 0 && line[key - 1] == ' ';)
		key--;
	len -= (size_t)(value - line);
	if (key == strlen("ignore") && memcmp(line, "ignore", key) == 0)
		return read_ignored(r, value, len);
	if (key == strlen("same") && memcmp(line, "same", key) == 0)
		return read_same(r, value, len);
	return fail(r, "line", "is neither ignore nor same",
	    "write ignore = WORDS or same = NAME, NAME");
}

static int
read_lines(struct reading *r, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	while (bytes < end) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));

		r->line++;
		if (stop == NULL)
			return fail(r, "line", "the last line is cut",
			    "end every line with LF");
		if (read_line(r, bytes, (size_t)(stop - bytes)) < 0)
			return -1;
		bytes = stop + 1;
	}
	return 0;
}

static size_t
count(const char *bytes, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += bytes[i] == c;
	return n;
}

struct search_words *
search_words_new(const char *name, const char *bytes, size_t len, struct err *e)
{
	struct search_words *s;
	struct reading r = { .file = name, .e = e };
	size_t names;

	if (len > FILE_BYTES_MAX) {
		err_set(e, ERR_INVALID, "%s: %zu bytes", name, len);
		err_remedy(e, "give at most %u", FILE_BYTES_MAX);
		return NULL;
	}
	s = r.words = calloc(1, sizeof *s);
	/* Each name is split once and its group's name folded once more. */
	names = count(bytes, len, ',') + count(bytes, len, '\n') + 1;
	if (s == NULL || (s->texts = malloc(4 * len + 4 * names + 4)) == NULL ||
	    (s->names = calloc(names, sizeof *s->names)) == NULL) {
		err_set(e, ERR_NOMEM, "%s", name);
		search_words_free(s);
		return NULL;
	}
	if (read_lines(&r, bytes, len) < 0) {
		search_words_free(s);
		return NULL;
	}
	return s;
}

void
search_words_free(struct search_words *s)
{
	if (s == NULL)
		return;
	free(s->texts);
	free(s->names);
	free(s);
}
