#include "records_csv.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "text_lines.h"

enum {
	COLUMNS_MAX = 200,
	ROW_BYTES_MAX = 4 * TEXT_LINE_BYTES_MAX,
};

/* The cells of one row, NUL-terminated, one after the other. */
struct row {
	char *text;
	size_t used, room;
	size_t cells[COLUMNS_MAX]; /* offsets */
	size_t n;                  /* may pass COLUMNS_MAX: too many */
	bool complete;
	bool no_memory;
};

struct records_csv {
	const struct records_kind *kind;
	struct text_lines lines;
	struct csv_parser parser;
	bool parser_made, has_header, said_converted, ended;
	char separator;
	struct row row;
	unsigned row_line; /* where the row begins */
	bool row_begun;
	bool row_waits; /* read, not yet given */
	bool converted; /* some line was Windows-1252 */
	struct records_column columns[COLUMNS_MAX];
	char *headings[COLUMNS_MAX];
	size_t ncolumns;
	bool said_columns;
	unsigned header_line;
};

struct records_csv *
records_csv_open(FILE *file, const struct records_kind *kind)
{
	struct records_csv *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->kind = kind;
	text_lines_open(&r->lines, file);
	/* Strict: a quote out of place is better asked about than guessed. */
	if (csv_init(&r->parser,
		CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
		records_csv_close(r);
		return NULL;
	}
	r->parser_made = true;
	return r;
}

void
records_csv_close(struct records_csv *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->ncolumns; i++)
		free(r->headings[i]);
	if (r->parser_made)
		csv_free(&r->parser);
	text_lines_close(&r->lines);
	free(r->row.text);
	free(r);
}

/* ---- rows ---------------------------------------------------------------- */

static void
on_cell(void *bytes, size_t len, void *arg)
{
	struct row *row = arg;
	size_t need = row->used + len + 1;

	if (row->n >= COLUMNS_MAX) {
		row->n++;
		return;
	}
	if (need > row->room) {
		char *grown = realloc(row->text, 2 * need);

		if (grown == NULL) {
			row->no_memory = true;
			return;
		}
		row->text = grown;
		row->room = 2 * need;
	}
	if (len > 0)
		memcpy(row->text + row->used, bytes, len);
	row->text[row->used + len] = '\0';
	row->cells[row->n++] = row->used;
	row->used = need;
}

static void
on_row(int end, void *arg)
{
	struct row *row = arg;

	(void)end;
	row->complete = true;
}

static const char *
cell(const struct records_csv *r, size_t i)
{
	return r->row.text + r->row.cells[i];
}

static enum records_got
fatal(struct records_csv *r, struct records_problem *p, unsigned line)
{
	r->ended = true;
	p->line = line;
	return RECORDS_FATAL;
}

static enum records_got
text_fatal(struct records_csv *r, enum text_got got, struct records_problem *p)
{
	text_lines_problem(got, p->msg, sizeof p->msg, p->remedy,
	    sizeof p->remedy);
	return fatal(r, p, r->lines.number);
}

static enum records_got
quote_fatal(struct records_csv *r, struct records_problem *p)
{
	records_fault(p,
	    _("put the whole cell in double quotes, and write each quote in "
	      "it twice"),
	    "%s", _("a double quote out of place"));
	return fatal(r, p, r->row_begun ? r->row_line : r->lines.number);
}

static enum records_got
open_quote_fatal(struct records_csv *r, struct records_problem *p)
{
	records_fault(p, _("close it, or write a quote inside a cell twice"),
	    "%s", _("a double quote opened in this record is never closed"));
	return fatal(r, p, r->row_line);
}

/* How many of `c` stand outside quotes. */
static size_t
count_outside(const char *line, char c)
{
	size_t n = 0;
	bool quoted = false;

	for (; *line != '\0'; line++) {
		if (*line == '"')
			quoted = !quoted;
		else if (!quoted && *line == c)
			n++;
	}
	return n;
}

static char
find_separator(const char *line)
{
	static const char candidates[] = ",;\t";
	char best = ',';
	size_t most = 0;

	for (const char *c = candidates; *c != '\0'; c++) {
		size_t n = count_outside(line, *c);

		if (n > most) {
			most = n;
			best = *c;
		}
	}
	return best;
}

static bool
is_empty_line(const char *line)
{
	return line[strspn(line, " \t\n")] == '\0';
}

/* Before the first row: "sep=;", or what the header shows.  False: the line
 * is no part of the header. */
static bool
begin_header(struct records_csv *r)
{
	const char *line = r->lines.line;

	if (is_empty_line(line))
		return false;
	if (strncasecmp(line, "sep=", 4) == 0 && line[4] != '\0' &&
	    (line[5] == '\n' || line[5] == '\0')) {
		r->separator = line[4];
		csv_set_delim(&r->parser, (unsigned char)r->separator);
		return false;
	}
	if (r->separator == '\0') {
		r->separator = find_separator(line);
		csv_set_delim(&r->parser, (unsigned char)r->separator);
	}
	return true;
}

/* Blank lines between rows, inside none. */
static bool
skip_line(struct records_csv *r)
{
	if (r->row_begun)
		return false;
	if (!r->has_header)
		return !begin_header(r);
	return is_empty_line(r->lines.line) &&
	       (r->separator != '\t' || r->lines.line[0] == '\n');
}

static enum records_got
feed_line(struct records_csv *r, struct records_problem *p)
{
	if (!r->row_begun) {
		r->row_begun = true;
		r->row_line = r->lines.number;
	}
	if (csv_parse(&r->parser, r->lines.line, r->lines.len, on_cell, on_row,
		&r->row) != r->lines.len)
		return quote_fatal(r, p);
	if (r->row.used > ROW_BYTES_MAX ||
	    csv_get_buffer_size(&r->parser) > ROW_BYTES_MAX)
		return open_quote_fatal(r, p);
	return RECORDS_ITEM;
}

/* The last line may have no end. */
static enum records_got
finish_file(struct records_csv *r, struct records_problem *p)
{
	if (r->row_begun && csv_fini(&r->parser, on_cell, on_row, &r->row) != 0)
		return open_quote_fatal(r, p);
	return r->row.complete ? RECORDS_ITEM : RECORDS_END;
}

/* One complete row: RECORDS_ITEM, RECORDS_END or RECORDS_FATAL. */
static enum records_got
read_row(struct records_csv *r, struct records_problem *p)
{
	struct row *row = &r->row;

	row->used = row->n = 0;
	row->complete = r->row_begun = false;
	while (!row->complete) {
		enum text_got got = text_lines_next(&r->lines);
		enum records_got fed;

		if (got == TEXT_END)
			return finish_file(r, p);
		if (got != TEXT_LINE)
			return text_fatal(r, got, p);
		r->converted = r->converted || r->lines.converted;
		if (skip_line(r))
			continue;
		fed = feed_line(r, p);
		if (fed != RECORDS_ITEM)
			return fed;
	}
	if (row->no_memory) {
		records_fault(p, "", "%s", _("out of memory"));
		return fatal(r, p, r->row_line);
	}
	return RECORDS_ITEM;
}

/* ---- header -------------------------------------------------------------- */

static enum records_got
header_fatal(struct records_csv *r, size_t column, struct records_problem *p)
{
	p->column = (unsigned)column;
	return fatal(r, p, r->header_line);
}

static const struct records_column *
same_field_before(const struct records_csv *r, size_t i)
{
	const struct records_column *c = &r->columns[i];

	for (size_t j = 0; j < i && c->field != NULL; j++)
		if (r->columns[j].field == c->field)
			return &r->columns[j];
	return NULL;
}

static enum records_got
read_heading(struct records_csv *r, size_t i, struct records_problem *p)
{
	const char *heading = cell(r, i);
	const struct records_column *before;

	r->headings[i] = strdup(heading);
	r->ncolumns = i + 1;
	records_cut(p->field, sizeof p->field, heading);
	if (r->headings[i] == NULL) {
		records_fault(p, "", "%s", _("out of memory"));
		return header_fatal(r, i + 1, p);
	}
	if (records_column(r->kind, heading, &r->columns[i], p) != 0)
		return header_fatal(r, i + 1, p);
	before = same_field_before(r, i);
	if (before == NULL)
		return RECORDS_ITEM;
	records_fault(p, _("keep one of the two columns"),
	    _("\"%.60s\" and \"%.60s\" are the same field"),
	    r->headings[before - r->columns], heading);
	return header_fatal(r, i + 1, p);
}

static bool
has_field(const struct records_csv *r, const char *name)
{
	for (size_t i = 0; i < r->ncolumns; i++)
		if (r->columns[i].field != NULL &&
		    strcmp(r->columns[i].field->name, name) == 0)
			return true;
	return false;
}

/* Columns without which no record of the kind can be accepted. */
static const char *
missing_column(const struct records_csv *r)
{
	bool has_organisation = has_field(r, "organisation_id") ||
				has_field(r, "organisation_source_id");

	if (!has_field(r, "source_id") && !has_field(r, "id"))
		return "source_id";
	if (has_field(r, "retire")) /* those need no more than a name */
		return NULL;
	if (r->kind->kind == RESOPRO__V1__KIND__KIND_STATUS)
		return !has_organisation       ? "organisation_source_id"
		       : has_field(r, "title") ? NULL
					       : "title";
	return has_field(r, "nom") ? NULL : "nom";
}

static enum records_got
read_header(struct records_csv *r, struct records_problem *p)
{
	enum records_got got = read_row(r, p);
	const char *missing;

	r->header_line = r->row_line;
	if (got == RECORDS_END) {
		records_fault(p,
		    _("a header with the names of the columns is needed, even "
		      "when there are no records"),
		    "%s", _("the file is empty"));
		return fatal(r, p, 0);
	}
	if (got != RECORDS_ITEM)
		return got;
	if (r->row.n > COLUMNS_MAX) {
		records_fault(p, _("remove the columns that are not needed"),
		    _("more than %d columns"), COLUMNS_MAX);
		return header_fatal(r, 0, p);
	}
	for (size_t i = 0; i < r->row.n; i++)
		if ((got = read_heading(r, i, p)) != RECORDS_ITEM)
			return got;
	missing = missing_column(r);
	p->field[0] = '\0';
	if (missing != NULL) {
		records_fault(p, _("add it to the header"),
		    _("the column \"%s\" is missing"), missing);
		return header_fatal(r, 0, p);
	}
	r->has_header = true;
	return RECORDS_ITEM;
}

/* Columns that are read and not kept are said, once and together. */
static bool
remark(struct records_csv *r, struct records_problem *p)
{
	char names[160] = "";
	size_t used = 0;

	for (size_t i = 0; i < r->ncolumns && !r->said_columns; i++) {
		if (r->columns[i].place != PLACE_NOWHERE ||
		    r->headings[i][0] == '\0' || used > sizeof names - 40)
			continue;
		used += (size_t)snprintf(names + used, sizeof names - used,
		    "%s%.30s", used == 0 ? "" : ", ", r->headings[i]);
	}
	r->said_columns = true;
	if (used == 0)
		return false;
	p->line = r->header_line;
	records_fault(p, "", _("no fields of %s, not sent: %s"),
	    _(r->kind->title), names);
	return true;
}

/* ---- records ------------------------------------------------------------- */

static bool
row_is_empty(const struct records_csv *r)
{
	for (size_t i = 0; i < r->row.n && i < COLUMNS_MAX; i++)
		if (*cell(r, i) != '\0')
			return false;
	return r->row.n <= COLUMNS_MAX;
}

static int
fill(struct records_csv *r, Resopro__V1__SyncRecord *s,
    struct records_problem *p)
{
	if (r->row.n != r->ncolumns)
		return records_fault(p,
		    _("put cells that hold the separator in double quotes"),
		    _("%zu cells, but the header has %zu"), r->row.n,
		    r->ncolumns);
	for (size_t i = 0; i < r->ncolumns; i++)
		if (records_set(s, &r->columns[i], cell(r, i), p) != 0) {
			p->column = (unsigned)i + 1;
			records_cut(p->field, sizeof p->field, r->headings[i]);
			return -1;
		}
	return records_finish(s, p);
}

static enum records_got
make_record(struct records_csv *r, Resopro__V1__SyncRecord **out,
    struct records_problem *p)
{
	Resopro__V1__SyncRecord *s = records_new(r->kind);

	p->line = r->row_line;
	if (s == NULL) {
		records_fault(p, "", "%s", _("out of memory"));
		return fatal(r, p, r->row_line);
	}
	if (fill(r, s, p) == 0) {
		*out = s;
		return RECORDS_ITEM;
	}
	records_free(s);
	return RECORDS_BAD;
}

static enum records_got
say_converted(struct records_csv *r, struct records_problem *p)
{
	r->said_converted = true;
	p->line = r->row_line;
	records_fault(p, "", "%s",
	    _("not UTF-8 from here on: read as Windows-1252; have a look at "
	      "the accents"));
	return RECORDS_REMARK;
}

enum records_got
records_csv_next(struct records_csv *r, Resopro__V1__SyncRecord **out,
    unsigned *line, struct records_problem *p)
{
	enum records_got got = RECORDS_ITEM;

	*out = NULL;
	memset(p, 0, sizeof *p);
	if (r->ended)
		return RECORDS_END;
	if (!r->has_header && (got = read_header(r, p)) != RECORDS_ITEM)
		return got;
	memset(p, 0, sizeof *p);
	if (remark(r, p))
		return RECORDS_REMARK;
	if (!r->row_waits) {
		do
			got = read_row(r, p);
		while (got == RECORDS_ITEM && row_is_empty(r));
		if (got != RECORDS_ITEM) {
			r->ended = true;
			return got;
		}
		r->row_waits = true;
	}
	*line = r->row_line;
	if (r->converted && !r->said_converted)
		return say_converted(r, p);
	r->row_waits = false;
	return make_record(r, out, p);
}
