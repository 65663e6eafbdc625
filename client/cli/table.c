/* table.c - see table.h. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "term.h"

enum {
	GAP = 2,       /* blanks between columns */
	NARROWEST = 12 /* to which a column may be shortened */
};

struct cell {
	char *text; /* safe for a terminal */
	enum colour colour;
};

struct table {
	FILE *out;
	int width;
	bool colour, started;
	size_t n, visible;
	struct table_column columns[TABLE_COLUMNS_MAX];
	size_t widths[TABLE_COLUMNS_MAX];
	struct cell *ahead; /* cells that wait, row by row */
	size_t rows;
};

static void *
need(void *p)
{
	if (p == NULL) {
		fputs("resopro: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct table *
table_open(FILE *out, int width, bool colour,
    const struct table_column *columns, size_t n)
{
	struct table *t = need(calloc(1, sizeof *t));
	size_t i;

	t->out = out;
	t->width = width;
	t->colour = colour;
	t->n = n < TABLE_COLUMNS_MAX ? n : TABLE_COLUMNS_MAX;
	memcpy(t->columns, columns, t->n * sizeof *columns);
	for (i = 0; i < t->n; i++)
		t->widths[i] = term_width(columns[i].title);
	t->ahead = need(calloc(TABLE_AHEAD * t->n, sizeof *t->ahead));
	return t;
}

/* ---- widths ------------------------------------------------------------------ */

static size_t
total_width(const struct table *t)
{
	size_t i, total = 0;

	for (i = 0; i < t->visible; i++)
		total += t->widths[i] + (i > 0 ? GAP : 0);
	return total;
}

/* The widest column that may be shortened; t->visible when there is none. */
static size_t
widest(const struct table *t)
{
	size_t i, best = t->visible;

	for (i = 0; i < t->visible; i++)
		if (!t->columns[i].keep && t->widths[i] > NARROWEST &&
		    (best == t->visible || t->widths[i] > t->widths[best]))
			best = i;
	return best;
}

static void
fit(struct table *t)
{
	size_t natural[TABLE_COLUMNS_MAX], i;

	memcpy(natural, t->widths, sizeof natural);
	t->visible = t->n;
	if (t->width <= 0)
		return;
	while (total_width(t) > (size_t)t->width) {
		i = widest(t);
		if (i < t->visible) {
			t->widths[i]--;
		} else if (t->visible > 1) {
			t->visible--;
			memcpy(t->widths, natural, sizeof natural);
		} else {
			t->widths[0] = (size_t)t->width;
		}
	}
}

/* ---- rows -------------------------------------------------------------------- */

static void
put_cell(struct table *t, size_t i, const struct cell *c, bool last)
{
	const char *text = c->text;
	size_t width = term_width(text), column = t->widths[i], pad;

	/* Without a limit nothing is shortened, however late it comes. */
	pad = width < column ? column - width : 0;
	if (t->columns[i].right)
		fprintf(t->out, "%*s", (int)pad, "");
	fputs(term_start(t->colour, c->colour), t->out);
	if (width > column && t->width > 0 && column > 0)
		fprintf(t->out, "%.*s…", (int)term_fit(text, column - 1), text);
	else
		fputs(text, t->out);
	fputs(term_end(t->colour, c->colour), t->out);
	if (!last)
		fprintf(t->out, "%*s",
		    (int)(t->columns[i].right ? 0 : pad) + GAP, "");
}

static void
put_row(struct table *t, const struct cell *cells)
{
	size_t i, n = t->visible;

	while (n > 1 && *cells[n - 1].text == '\0')
		n--; /* no blanks at the end of a line */
	for (i = 0; i < n; i++)
		put_cell(t, i, &cells[i], i + 1 == n);
	putc('\n', t->out);
}

static void
put_titles(struct table *t)
{
	size_t i;

	fputs(term_start(t->colour, COLOUR_BOLD), t->out);
	for (i = 0; i < t->visible; i++) {
		union { /* only read */
			const char *in;
			char *out;
		} title = { .in = t->columns[i].title };
		struct cell c = { .text = title.out };

		put_cell(t, i, &c, i + 1 == t->visible);
	}
	fputs(term_end(t->colour, COLOUR_BOLD), t->out);
	putc('\n', t->out);
}

static void
start(struct table *t)
{
	size_t row, i;

	for (row = 0; row < t->rows; row++)
		for (i = 0; i < t->n; i++) {
			size_t w = term_width(t->ahead[row * t->n + i].text);

			if (w > t->widths[i])
				t->widths[i] = w;
		}
	fit(t);
	if (t->rows > 0)
		put_titles(t);
	for (row = 0; row < t->rows; row++)
		put_row(t, t->ahead + row * t->n);
	for (i = 0; i < t->rows * t->n; i++)
		free(t->ahead[i].text);
	t->rows = 0;
	t->started = true;
}

void
table_add(struct table *t, const char *const *cells, const enum colour *colours)
{
	struct cell safe[TABLE_COLUMNS_MAX];
	size_t i;

	for (i = 0; i < t->n; i++) {
		safe[i].text =
		    need(term_safe(cells[i], strlen(cells[i]), false));
		safe[i].colour = colours != NULL ? colours[i] : COLOUR_NONE;
	}
	if (!t->started && t->rows < TABLE_AHEAD) {
		memcpy(t->ahead + t->rows * t->n, safe, t->n * sizeof *safe);
		t->rows++;
		return;
	}
	if (!t->started)
		start(t);
	put_row(t, safe);
	for (i = 0; i < t->n; i++)
		free(safe[i].text);
}

size_t
table_close(struct table *t)
{
	size_t hidden;

	if (!t->started)
		start(t);
	hidden = t->n - t->visible;
	free(t->ahead);
	free(t);
	return hidden;
}

/* ---- wrapped text -------------------------------------------------------------- */

/* Bytes of one line of at most `room` columns, broken at a blank if it can. */
static size_t
line_bytes(const char *text, size_t len, size_t room)
{
	size_t fits = term_fit(text, room), i;

	if (fits >= len)
		return len;
	for (i = fits; i > 0; i--)
		if (text[i] == ' ')
			return i;
	return fits > 0 ? fits : 1;
}

void
table_wrap(FILE *out, const char *text, int width, int indent)
{
	char *safe = need(term_safe(text, strlen(text), true)), *p = safe;
	size_t room = width > indent + 10 ? (size_t)(width - indent) : 0;

	for (;;) {
		size_t len = strcspn(p, "\n");
		size_t n = room > 0 ? line_bytes(p, len, room) : len;

		fwrite(p, 1, n, out);
		putc('\n', out);
		p += n;
		while (n < len && *p == ' ') {
			p++;
			n++;
		}
		if (n == len && *p == '\n')
			p++;
		if (*p == '\0')
			break;
		fprintf(out, "%*s", indent, "");
	}
	free(safe);
}
