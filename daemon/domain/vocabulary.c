/*
 * vocabulary.c - see vocabulary.h.
 *
 * A vocabulary is one copy of its file, cut in place: lines into cells, each
 * ended by a NUL.  Terms point into it.
 */
#include "domain/vocabulary.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/date.h"
#include "domain/distance.h"
#include "domain/value.h"

enum column { CODE, LIBELLE_FR, LIBELLE_EN, SINCE, UNTIL, FIXED };
#define COLUMNS_MAX (FIXED + VOCABULARY_EXTRAS_MAX)

static const char *const fixed_columns[FIXED] = { "code", "libelle_fr",
	"libelle_en", "since", "until" };
static const char header[] = "code;libelle_fr;libelle_en;since;until";

struct vocabulary {
	char *name;
	char *text; /* the file, cut */
	const char *extras[VOCABULARY_EXTRAS_MAX];
	size_t n_extras;
	struct vocabulary_term *terms;
	const char **cells; /* the extra cells of all terms */
	uint32_t *by_code;  /* ranks, in order of code */
	size_t n;
};

struct vocabularies {
	struct vocabulary *list[VOCABULARIES_MAX]; /* in order of name */
	size_t n;
};

/* ---- reading one file --------------------------------------------------- */

struct reader {
	struct vocabulary *voc;
	struct err *e;
	char *at;
	size_t line;
	char *cells[COLUMNS_MAX];
	size_t columns;
};

static int
fail(struct reader *r, const char *column, const char *reason,
    const char *remedy, const char *cause)
{
	err_set(r->e, ERR_INVALID, "%s.csv:%zu: %s%s%s", r->voc->name, r->line,
	    column != NULL ? column : "", column != NULL ? " " : "", cause);
	err_field(r->e, column != NULL ? column : "");
	err_reason(r->e, reason);
	return err_remedy(r->e, "%s", remedy);
}

/* Cut the next line into cells: 1, or 0 at the end, or -1. */
static int
next_line(struct reader *r, size_t *n)
{
	char *end;

	if (*r->at == '\0')
		return 0;
	r->line++;
	*n = 0;
	end = strchr(r->at, '\n');
	if (end == NULL)
		return fail(r, NULL, "NO_END_OF_LINE",
		    "end the last line with "
		    "a line feed",
		    "the file is cut");
	*end = '\0';
	for (;;) {
		char *cut = strchr(r->at, ';');

		if (*n == COLUMNS_MAX)
			return fail(r, NULL, "TOO_MANY_COLUMNS",
			    "give 16 extra columns at most",
			    "there are too many columns");
		r->cells[(*n)++] = r->at;
		if (cut == NULL)
			break;
		*cut = '\0';
		r->at = cut + 1;
	}
	r->at = end + 1;
	return 1;
}

static int
check_extra_name(struct reader *r, const char *name, size_t seen)
{
	size_t i;

	if (*name == '\0' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") !=
		strlen(name))
		return fail(r, "header", "COLUMN_NAME",
		    "name columns with a-z, 0-9 and _",
		    "has a column whose name is not accepted");
	for (i = 0; i < FIXED + seen; i++)
		if (strcmp(name, r->cells[i]) == 0)
			return fail(r, "header", "COLUMN_TWICE",
			    "name each column once", "names a column twice");
	return 0;
}

static int
read_header(struct reader *r)
{
	size_t i, n = 0;
	int rc = next_line(r, &n);

	if (rc < 0)
		return -1;
	for (i = 0; i < FIXED; i++)
		if (i >= n || strcmp(r->cells[i], fixed_columns[i]) != 0) {
			if (rc == 0)
				r->line = 1;
			return fail(r, "header", "HEADER", header,
			    "does not start with the five columns");
		}
	for (i = FIXED; i < n; i++) {
		if (check_extra_name(r, r->cells[i], i - FIXED) < 0)
			return -1;
		r->voc->extras[i - FIXED] = r->cells[i];
	}
	r->columns = n;
	r->voc->n_extras = n - FIXED;
	return 0;
}

static int
check_cell(struct reader *r, size_t column, enum value_kind kind)
{
	const char *name = column < FIXED ? fixed_columns[column]
					  : r->voc->extras[column - FIXED];
	struct err cause = { 0 };

	if (value_check(kind, name, r->cells[column], strlen(r->cells[column]),
		&cause) == 0)
		return 0;
	err_set(r->e, ERR_INVALID, "%s.csv:%zu: %s", r->voc->name, r->line,
	    cause.msg);
	err_field(r->e, name);
	err_reason(r->e, cause.reason);
	return err_remedy(r->e, "%s", cause.remedy);
}

static int
check_row(struct reader *r, size_t n)
{
	size_t i;

	if (n != r->columns)
		return fail(r, NULL, "COLUMNS",
		    "give as many cells as the "
		    "header has columns; no quotes, no ; in a cell",
		    n < r->columns ? "cells are missing"
				   : "there are too many cells");
	if (check_cell(r, CODE, VALUE_VOCABULARY) < 0 ||
	    check_cell(r, LIBELLE_FR, VALUE_TEXT) < 0 ||
	    check_cell(r, LIBELLE_EN, VALUE_TEXT) < 0)
		return -1;
	for (i = SINCE; i < n; i++)
		if (r->cells[i][0] != '\0' &&
		    check_cell(r, i, i < FIXED ? VALUE_DATE : VALUE_TEXT) < 0)
			return -1;
	if (r->cells[SINCE][0] != '\0' && r->cells[UNTIL][0] != '\0' &&
	    strcmp(r->cells[UNTIL], r->cells[SINCE]) < 0)
		return fail(r, "until", "DATES",
		    "give a last day on or after "
		    "since",
		    "is before since");
	return 0;
}

static void
keep_row(struct reader *r)
{
	struct vocabulary *voc = r->voc;
	struct vocabulary_term *t = &voc->terms[voc->n];
	const char **extra = voc->cells + voc->n * voc->n_extras;
	size_t i;

	for (i = 0; i < voc->n_extras; i++)
		extra[i] = r->cells[FIXED + i];
	*t = (struct vocabulary_term){ voc, r->cells[CODE],
		r->cells[LIBELLE_FR], r->cells[LIBELLE_EN], r->cells[SINCE],
		r->cells[UNTIL], extra };
	voc->n++;
}

static int
make_room(struct reader *r)
{
	struct vocabulary *voc = r->voc;
	const char *p;
	size_t lines = 0;

	for (p = r->at; *p != '\0'; p++)
		lines += *p == '\n';
	if (lines > VOCABULARY_TERMS_MAX) {
		err_set(r->e, ERR_LIMIT, "%s.csv: more than %d terms",
		    voc->name, VOCABULARY_TERMS_MAX);
		return err_reason(r->e, "TOO_MANY_TERMS");
	}
	lines++; /* never an allocation of nothing */
	voc->terms = calloc(lines, sizeof *voc->terms);
	voc->by_code = calloc(lines, sizeof *voc->by_code);
	voc->cells = calloc(lines * (voc->n_extras + 1), sizeof *voc->cells);
	if (voc->terms == NULL || voc->by_code == NULL || voc->cells == NULL)
		return err_set(r->e, ERR_NOMEM, "%s.csv", voc->name);
	return 0;
}

/* Rank of the first term whose code is not before `code`. */
static size_t
lower_bound(const struct vocabulary *voc, size_t n, const char *code)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(voc->terms[voc->by_code[middle]].code, code) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The term just kept takes its place by code. */
static int
index_row(struct reader *r)
{
	struct vocabulary *voc = r->voc;
	size_t last = voc->n - 1;
	const char *code = voc->terms[last].code;
	size_t at = lower_bound(voc, last, code);

	if (at < last && strcmp(voc->terms[voc->by_code[at]].code, code) == 0)
		return fail(r, "code", "CODE_TWICE", "give each code once",
		    "is that of another line");
	memmove(voc->by_code + at + 1, voc->by_code + at,
	    (last - at) * sizeof *voc->by_code);
	voc->by_code[at] = (uint32_t)last;
	return 0;
}

static int
read_vocabulary(struct vocabulary *voc, struct err *e)
{
	struct reader r = { .voc = voc, .e = e, .at = voc->text };
	size_t n;
	int rc;

	if (read_header(&r) < 0 || make_room(&r) < 0)
		return -1;
	while ((rc = next_line(&r, &n)) > 0) {
		if (check_row(&r, n) < 0)
			return -1;
		keep_row(&r);
		if (index_row(&r) < 0)
			return -1;
	}
	if (rc == 0 && voc->n == 0)
		return fail(&r, NULL, "NO_TERM", "give one line a term",
		    "there is no term");
	return rc;
}

/* ---- the set ------------------------------------------------------------ */

static void
vocabulary_free(struct vocabulary *voc)
{
	if (voc == NULL)
		return;
	free(voc->name);
	free(voc->text);
	free(voc->terms);
	free(voc->cells);
	free(voc->by_code);
	free(voc);
}

static struct vocabulary *
vocabulary_new(const char *name, const char *bytes, size_t len, struct err *e)
{
	struct vocabulary *voc = calloc(1, sizeof *voc);

	if (voc == NULL)
		goto nomem;
	voc->name = strdup(name);
	voc->text = malloc(len + 1);
	if (voc->name == NULL || voc->text == NULL)
		goto nomem;
	if (len > 0)
		memcpy(voc->text, bytes, len);
	voc->text[len] = '\0';
	if (read_vocabulary(voc, e) == 0)
		return voc;
	vocabulary_free(voc);
	return NULL;
nomem:
	vocabulary_free(voc);
	err_set(e, ERR_NOMEM, "%s.csv", name);
	return NULL;
}

struct vocabularies *
vocabularies_new(void)
{
	return calloc(1, sizeof(struct vocabularies));
}

void
vocabularies_free(struct vocabularies *set)
{
	size_t i;

	if (set == NULL)
		return;
	for (i = 0; i < set->n; i++)
		vocabulary_free(set->list[i]);
	free(set);
}

static int
check_file(const struct vocabularies *set, const char *name, const char *bytes,
    size_t len, struct err *e)
{
	if (value_check(VALUE_ID, "vocabulary", name, strlen(name), e) < 0)
		return -1;
	if (vocabularies_find(set, name) != NULL) {
		err_set(e, ERR_EXISTS,
		    "%s.csv: this vocabulary is there "
		    "twice",
		    name);
		return err_reason(e, "VOCABULARY_TWICE");
	}
	if (set->n == VOCABULARIES_MAX || len > VOCABULARY_BYTES_MAX) {
		err_set(e, ERR_LIMIT, "%s.csv: %s", name,
		    set->n == VOCABULARIES_MAX
			? "too many vocabularies"
			: "the file has more than 1 MiB");
		return err_reason(e, "VOCABULARY_LIMIT");
	}
	if (len > 0 && memchr(bytes, '\0', len) != NULL) {
		err_set(e, ERR_INVALID, "%s.csv: holds a NUL byte", name);
		err_reason(e, "CONTROL");
		return err_remedy(e, "save the file as UTF-8 text");
	}
	return 0;
}

int
vocabularies_add(struct vocabularies *set, const char *name, const char *bytes,
    size_t len, struct err *e)
{
	struct vocabulary *voc;
	size_t at;

	if (check_file(set, name, bytes, len, e) < 0)
		return -1;
	voc = vocabulary_new(name, bytes, len, e);
	if (voc == NULL)
		return -1;
	for (at = set->n; at > 0; at--) {
		if (strcmp(set->list[at - 1]->name, name) < 0)
			break;
		set->list[at] = set->list[at - 1];
	}
	set->list[at] = voc;
	set->n++;
	return 0;
}

const struct vocabulary *
vocabularies_find(const struct vocabularies *set, const char *name)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		if (strcmp(set->list[i]->name, name) == 0)
			return set->list[i];
	return NULL;
}

size_t
vocabularies_count(const struct vocabularies *set)
{
	return set->n;
}

const struct vocabulary *
vocabularies_at(const struct vocabularies *set, size_t i)
{
	return i < set->n ? set->list[i] : NULL;
}

/* ---- terms -------------------------------------------------------------- */

const char *
vocabulary_name(const struct vocabulary *voc)
{
	return voc->name;
}

size_t
vocabulary_count(const struct vocabulary *voc)
{
	return voc->n;
}

const struct vocabulary_term *
vocabulary_at(const struct vocabulary *voc, size_t i)
{
	return i < voc->n ? &voc->terms[i] : NULL;
}

const struct vocabulary_term *
vocabulary_term(const struct vocabulary *voc, const char *code)
{
	size_t at = lower_bound(voc, voc->n, code);
	const struct vocabulary_term *t;

	if (at == voc->n)
		return NULL;
	t = &voc->terms[voc->by_code[at]];
	return strcmp(t->code, code) == 0 ? t : NULL;
}

size_t
vocabulary_extras(const struct vocabulary *voc)
{
	return voc->n_extras;
}

const char *
vocabulary_extra_name(const struct vocabulary *voc, size_t i)
{
	return i < voc->n_extras ? voc->extras[i] : NULL;
}

const char *
vocabulary_extra(const struct vocabulary_term *t, const char *column)
{
	size_t i;

	for (i = 0; i < t->vocabulary->n_extras; i++)
		if (strcmp(t->vocabulary->extras[i], column) == 0)
			return t->extra[i];
	return NULL;
}

bool
vocabulary_term_at(const struct vocabulary_term *t, const char *day)
{
	/* Days written YYYY-MM-DD compare as texts. */
	return (t->since[0] == '\0' || strcmp(t->since, day) <= 0) &&
	       (t->until[0] == '\0' || strcmp(day, t->until) <= 0);
}

/* ---- the closest code --------------------------------------------------- */

#define CODE_MAX 120

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z'   ? (char)(c - 'A' + 'a')
	       : c == '_' || c == ' ' ? '-'
				      : c;
}

/* As codes are compared: without case, `_` and blank as `-`. */
static void
lower_text(char *out, const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = lower(s[i]);
}

/* "cap emploi" for "cap-emploi-reseau-cheops": how codes start is known best. */
static bool
starts_code(const char *code, const char *value, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (lower(code[i]) != lower(value[i]))
			return false;
	return true;
}

const struct vocabulary_term *
vocabulary_closest(const struct vocabulary *voc, const char *value, size_t len)
{
	const struct vocabulary_term *best = NULL;
	unsigned least_seen = CODE_MAX + 1;
	char wanted[CODE_MAX], code[CODE_MAX];
	size_t i;

	if (len == 0 || len > CODE_MAX)
		return NULL;
	lower_text(wanted, value, len);
	for (i = 0; i < voc->n; i++) {
		size_t n = strlen(voc->terms[i].code);
		unsigned d;

		lower_text(code, voc->terms[i].code, n);
		d = distance_between(wanted, len, code, n, least_seen);
		if (d < least_seen) {
			best = &voc->terms[i];
			least_seen = d;
		}
	}
	if (best != NULL && least_seen * 3 <= strlen(best->code))
		return best;
	for (i = 0; len >= 3 && i < voc->n; i++)
		if (strlen(voc->terms[i].code) > len &&
		    starts_code(voc->terms[i].code, value, len))
			return &voc->terms[i];
	return NULL;
}

/* All codes when they fit in a remedy, else the first and where all are. */
static void
remedy_list(const struct vocabulary *voc, struct err *e)
{
	char list[sizeof e->remedy - 16] = "";
	size_t i, used = 0, first = 0;

	for (i = 0; i < voc->n; i++) {
		int n = snprintf(list + used, sizeof list - used, "%s%s",
		    i > 0 ? ", " : "", voc->terms[i].code);

		if (n < 0 || (size_t)n >= sizeof list - used) {
			(void)err_remedy(e,
			    "give one of: %.*s, ... (all: "
			    "vocabularies/%.32s.csv)",
			    (int)first, list, voc->name);
			return;
		}
		used += (size_t)n;
		if (used < sizeof list - 64)
			first = used;
	}
	(void)err_remedy(e, "give one of: %s", list);
}

/* Bytes of the value that a message shows: whole characters. */
static int
shown(const char *value, size_t len)
{
	size_t n = len < CODE_MAX ? len : CODE_MAX;

	while (n > 0 && n < len && ((unsigned char)value[n] & 0xC0) == 0x80)
		n--;
	return (int)n;
}

int
vocabulary_check(const struct vocabulary *voc, const char *field,
    const char *value, size_t len, struct err *e)
{
	const struct vocabulary_term *close;
	char code[CODE_MAX + 1];

	if (value_check(VALUE_VOCABULARY, field, value, len, NULL) == 0 &&
	    len <= CODE_MAX) {
		memcpy(code, value, len);
		code[len] = '\0';
		if (vocabulary_term(voc, code) != NULL)
			return 0;
	} else if (value_check(VALUE_SOURCE_ID, field, value, len, e) < 0) {
		return -1; /* no text at all: its own cause says more */
	}
	err_set(e, ERR_INVALID, "%s: code \"%.*s\" is not in the vocabulary %s",
	    field, shown(value, len), value, voc->name);
	err_field(e, field);
	err_reason(e, "CODE_UNKNOWN");
	close = vocabulary_closest(voc, value, len);
	if (close != NULL)
		return err_remedy(e, "give %s (%s)?", close->code,
		    close->libelle_fr);
	if (e != NULL)
		remedy_list(voc, e);
	return -1;
}
