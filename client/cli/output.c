/* output.c - lists of messages in every format; see output.h. */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dates.h"
#include "json.h"
#include "table.h"
#include "term.h"

typedef ProtobufCFieldDescriptor field_desc;
typedef ProtobufCMessageDescriptor message_desc;

enum { EXTRAS_MAX = 8 };

/* What stands beside the list in json. */
struct extra {
	const char *name;
	char *text;
	bool bare; /* a number or a boolean */
};

struct output {
	struct cli *cli;
	const struct column *columns;
	const char *name;
	size_t count;
	struct table *table;
	const message_desc *all; /* csv of every field, or NULL */
	const char *body;
	bool headed; /* the csv heading is out */
	struct extra extras[EXTRAS_MAX];
	size_t nextras;
};

static char *
need_text(char *text)
{
	if (text == NULL) {
		fputs("resopro: out of memory\n", stderr);
		exit(EXIT_INTERNAL);
	}
	return text;
}

/* ---- values --------------------------------------------------------------- */

static bool
is_timestamp(const field_desc *f)
{
	const message_desc *d = f->descriptor;

	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       strcmp(d->name, "google.protobuf.Timestamp") == 0;
}

/* A field that stands for the fields of the message that it holds. */
static bool
is_nested(const field_desc *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE &&
	       f->label != PROTOBUF_C_LABEL_REPEATED && !is_timestamp(f);
}

static const ProtobufCMessage *
child(const ProtobufCMessage *m, const field_desc *f)
{
	const ProtobufCMessage *c;

	if (!json_field_is_set(m, f))
		return NULL;
	memcpy(&c, (const char *)m + f->offset, sizeof c);
	return c;
}

/* The field that a path names and the message that holds it; NULL when there
 * is none. */
static const field_desc *
follow(const ProtobufCMessage **m, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, ".");
		char name[64];
		const field_desc *f;

		snprintf(name, sizeof name, "%.*s", (int)len, path);
		f = protobuf_c_message_descriptor_get_field_by_name(
		    (*m)->descriptor, name);
		if (f == NULL || path[len] == '\0')
			return f;
		if (f->type != PROTOBUF_C_TYPE_MESSAGE ||
		    (*m = child(*m, f)) == NULL)
			return NULL;
		path += len + 1;
	}
}

char *
output_path(const ProtobufCMessage *m, const char *path)
{
	const field_desc *f = follow(&m, path);

	return need_text(f == NULL ? strdup("") : json_field_text(m, f, "|"));
}

/* A time as people in France read it. */
static char *
time_text(const ProtobufCMessage *time, bool day_only)
{
	const field_desc *f = time->descriptor->fields;
	char text[DATES_TEXT];
	int64_t seconds;

	memcpy(&seconds, (const char *)time + f->offset, sizeof seconds);
	dates_show(seconds, text);
	if (day_only)
		text[strcspn(text, " ")] = '\0';
	return need_text(strdup(text));
}

/* A field as a table shows it. */
static char *
people_text(const ProtobufCMessage *m, const field_desc *f, bool day_only)
{
	const ProtobufCMessage *time;

	if (f->type == PROTOBUF_C_TYPE_BOOL && json_field_is_set(m, f))
		return need_text(strdup(_("yes")));
	if (is_timestamp(f) && f->label != PROTOBUF_C_LABEL_REPEATED &&
	    (time = child(m, f)) != NULL)
		return time_text(time, day_only);
	return need_text(json_field_text(m, f, ", "));
}

static char *
field_text(const struct column *c, const ProtobufCMessage *m, bool is_table)
{
	const field_desc *f;

	if (c->text != NULL && (is_table || !(c->flags & COLUMN_WORDS)))
		return need_text(c->text(m));
	if (!is_table)
		return output_path(m, c->path);
	f = follow(&m, c->path);
	return f == NULL ? need_text(strdup(""))
			 : people_text(m, f, c->flags & COLUMN_DAY);
}

static char *
column_text(const struct column *c, const ProtobufCMessage *m, bool is_table)
{
	char *text = field_text(c, m, is_table);

	if (*text != '\0' || !(c->flags & COLUMN_ZERO))
		return text;
	free(text);
	return need_text(strdup("0"));
}

/* ---- csv --------------------------------------------------------------------- */

void
output_csv_cell(FILE *out, const char *text)
{
	if (*text != '\0' && text[strcspn(text, ",\"\r\n")] == '\0' &&
	    *text != ' ' && text[strlen(text) - 1] != ' ') {
		fputs(text, out);
		return;
	}
	if (*text == '\0')
		return;
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

/* A cell of the csv that goes to a terminal must not act on it. */
static void
put_csv(struct cli *cli, bool first, const char *text)
{
	char *safe = NULL;

	if (!first)
		putc(',', cli->out);
	if (cli->tty_out)
		safe = term_safe(text, strlen(text), true);
	output_csv_cell(cli->out, safe != NULL ? safe : text);
	free(safe);
}

/* Every field of `d`; the values of `m`, or the headings when `m` is NULL and
 * `values` false. */
static void
csv_fields(struct cli *cli, const message_desc *d, const ProtobufCMessage *m,
    bool values, const char *body, bool *first)
{
	unsigned i;

	for (i = 0; i < d->n_fields; i++) {
		const field_desc *f = &d->fields[i];
		bool oneof = (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;

		if (oneof && (body == NULL || strcmp(f->name, body) != 0))
			continue;
		/* The body's own `kind` is the one worth a column. */
		if (body != NULL && (strcmp(f->name, "kind") == 0 ||
					strcmp(f->name, "deleted") == 0))
			continue;
		if (is_nested(f)) {
			csv_fields(cli, f->descriptor,
			    m != NULL ? child(m, f) : NULL, values, NULL,
			    first);
			continue;
		}
		if (!values) {
			put_csv(cli, *first, f->name);
		} else {
			char *text =
			    m == NULL ? need_text(strdup(""))
				      : need_text(json_field_text(m, f, "|"));

			put_csv(cli, *first, text);
			free(text);
		}
		*first = false;
	}
}

static const char *
column_name(const struct column *c)
{
	const char *dot = strrchr(c->path, '.');

	return dot != NULL ? dot + 1 : c->path;
}

static void
csv_columns(struct output *o, const ProtobufCMessage *m)
{
	const struct column *c;
	bool first = true;

	for (c = o->columns; c->title != NULL; c++) {
		char *text;

		if (c->flags & COLUMN_TABLE)
			continue;
		text = m != NULL ? column_text(c, m, false)
				 : need_text(strdup(column_name(c)));
		put_csv(o->cli, first, text);
		free(text);
		first = false;
	}
	putc('\n', o->cli->out);
}

static void
csv_row(struct output *o, const ProtobufCMessage *m)
{
	bool first = true;

	if (o->all == NULL) {
		csv_columns(o, m);
		return;
	}
	csv_fields(o->cli, o->all, m, m != NULL, o->body, &first);
	putc('\n', o->cli->out);
}

static void
csv_item(struct output *o, const ProtobufCMessage *m)
{
	if (!o->headed)
		csv_row(o, NULL);
	o->headed = true;
	if (m != NULL)
		csv_row(o, m);
}

/* ---- lists -------------------------------------------------------------------- */

static void
open_table(struct output *o)
{
	struct table_column columns[TABLE_COLUMNS_MAX];
	const struct column *c;
	size_t n = 0;

	for (c = o->columns; c->title != NULL && n < TABLE_COLUMNS_MAX; c++) {
		if (c->flags & COLUMN_CSV)
			continue;
		columns[n].title = _(c->title);
		columns[n].right = (c->flags & COLUMN_RIGHT) != 0;
		columns[n++].keep =
		    (c->flags & (COLUMN_KEEP | COLUMN_RIGHT)) != 0;
	}
	o->table = table_open(o->cli->out, o->cli->width, o->cli->colour_out,
	    columns, n);
}

struct output *
output_open(struct cli *cli, const struct column *columns, const char *name)
{
	struct output *o = calloc(1, sizeof *o);

	if (o == NULL)
		need_text(NULL);
	o->cli = cli;
	o->columns = columns;
	o->name = name;
	if (cli->format == FORMAT_TABLE)
		open_table(o);
	return o;
}

void
output_all_fields(struct output *o, const message_desc *d, const char *body)
{
	o->all = d;
	o->body = body;
}

static void
table_item(struct output *o, const ProtobufCMessage *m)
{
	char *cells[TABLE_COLUMNS_MAX];
	const char *shown[TABLE_COLUMNS_MAX] = { 0 };
	enum colour colours[TABLE_COLUMNS_MAX] = { COLOUR_NONE };
	const struct column *c;
	size_t n = 0, i;

	for (c = o->columns; c->title != NULL && n < TABLE_COLUMNS_MAX; c++) {
		if (c->flags & COLUMN_CSV)
			continue;
		cells[n] = column_text(c, m, true);
		shown[n] = cells[n];
		colours[n] = c->colour != NULL ? c->colour(m) : COLOUR_NONE;
		n++;
	}
	table_add(o->table, shown, colours);
	for (i = 0; i < n; i++)
		free(cells[i]);
}

void
output_item(struct output *o, const ProtobufCMessage *m)
{
	FILE *out = o->cli->out;

	switch (o->cli->format) {
	case FORMAT_TABLE:
		table_item(o, m);
		break;
	case FORMAT_CSV:
		csv_item(o, m);
		break;
	case FORMAT_JSONL:
		json_write(out, m, -1);
		putc('\n', out);
		break;
	case FORMAT_JSON:
		if (o->count == 0)
			fprintf(out, "{\n  \"%s\": [", o->name);
		fputs(o->count == 0 ? "\n    " : ",\n    ", out);
		json_write(out, m, 4);
		break;
	}
	o->count++;
}

static void
add_extra(struct output *o, const char *name, char *text, bool bare)
{
	if (o->nextras == EXTRAS_MAX) {
		free(text);
		return;
	}
	o->extras[o->nextras].name = name;
	o->extras[o->nextras].bare = bare;
	o->extras[o->nextras++].text = text;
}

void
output_number(struct output *o, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, value);
	add_extra(o, name, need_text(strdup(text)), false);
}

void
output_small(struct output *o, const char *name, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof text, "%" PRIu32, value);
	add_extra(o, name, need_text(strdup(text)), true);
}

void
output_flag(struct output *o, const char *name, bool value)
{
	add_extra(o, name, need_text(strdup(value ? "true" : "false")), true);
}

void
output_text(struct output *o, const char *name, const char *value)
{
	if (*value != '\0')
		add_extra(o, name, need_text(strdup(value)), false);
}

size_t
output_count(const struct output *o)
{
	return o->count;
}

static void
close_json(struct output *o)
{
	FILE *out = o->cli->out;
	size_t i;

	if (o->count == 0)
		fprintf(out, "{\n  \"%s\": [", o->name);
	fputs(o->count == 0 ? "]" : "\n  ]", out);
	for (i = 0; i < o->nextras; i++) {
		fprintf(out, ",\n  \"%s\": ", o->extras[i].name);
		if (o->extras[i].bare)
			fputs(o->extras[i].text, out);
		else
			json_write_string(out, o->extras[i].text);
	}
	fputs("\n}\n", out);
}

int
output_close(struct output *o)
{
	struct cli *cli = o->cli;
	size_t hidden = 0, i;

	if (cli->format == FORMAT_JSON)
		close_json(o);
	else if (cli->format == FORMAT_CSV)
		csv_item(o, NULL);
	if (o->table != NULL)
		hidden = table_close(o->table);
	for (i = 0; i < o->nextras; i++)
		free(o->extras[i].text);
	free(o);
	if (hidden > 0)
		cli_say(cli,
		    i18n_plural("%zu column did not fit: widen the terminal or "
				"use --output csv.",
			"%zu columns did not fit: widen the terminal or use "
			"--output csv.",
			hidden),
		    hidden);
	return output_done(cli, EXIT_OK);
}

/* ---- one message ----------------------------------------------------------------- */

/* What a line is called: the field, after that of its message when the outer
 * one has one of the same name ("organisation.kind" beside "kind"). */
static const char *
line_name(const ProtobufCMessage *outer, const field_desc *in,
    const field_desc *f, char *buf, size_t room)
{
	if (outer == NULL ||
	    protobuf_c_message_descriptor_get_field_by_name(outer->descriptor,
		f->name) == NULL)
		return f->name;
	snprintf(buf, room, "%s.%s", in->name, f->name);
	return buf;
}

/* How far values stand from the left. */
static void
measure(const ProtobufCMessage *outer, const field_desc *in,
    const ProtobufCMessage *m, size_t *label)
{
	char name[96];
	unsigned i;

	for (i = 0; i < m->descriptor->n_fields; i++) {
		const field_desc *f = &m->descriptor->fields[i];
		size_t len = strlen(line_name(outer, in, f, name, sizeof name));

		if (!json_field_is_set(m, f))
			continue;
		if (is_nested(f))
			measure(m, f, child(m, f), label);
		else if (len > *label)
			*label = len;
	}
}

/* The entries of a list of messages, one a line: "id x, date y". */
static char *
entries_text(const ProtobufCMessage *m, const field_desc *f)
{
	const ProtobufCMessage **entries;
	char *text = NULL, *value;
	size_t n, i, len;
	unsigned k;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return need_text(NULL);
	memcpy(&n, (const char *)m + f->quantifier_offset, sizeof n);
	memcpy(&entries, (const char *)m + f->offset, sizeof entries);
	for (i = 0; i < n; i++) {
		const message_desc *d = entries[i]->descriptor;
		const char *separator = i > 0 ? "\n" : "";

		for (k = 0; k < d->n_fields; k++) {
			if (!json_field_is_set(entries[i], &d->fields[k]))
				continue;
			value = people_text(entries[i], &d->fields[k], false);
			fprintf(out, "%s%s %s", separator, d->fields[k].name,
			    value);
			separator = ", ";
			free(value);
		}
	}
	fclose(out);
	return need_text(text);
}

static void
show_fields(struct cli *cli, const ProtobufCMessage *outer,
    const field_desc *in, const ProtobufCMessage *m, size_t label)
{
	char name[96];
	unsigned i;

	for (i = 0; i < m->descriptor->n_fields; i++) {
		const field_desc *f = &m->descriptor->fields[i];
		char *text;

		if (!json_field_is_set(m, f))
			continue;
		if (is_nested(f)) {
			show_fields(cli, m, f, child(m, f), label);
			continue;
		}
		text = f->type == PROTOBUF_C_TYPE_MESSAGE &&
			       f->label == PROTOBUF_C_LABEL_REPEATED &&
			       !json_is_count(f)
			   ? entries_text(m, f)
			   : people_text(m, f, false);
		fprintf(cli->out, "%s%-*s%s  ",
		    term_start(cli->colour_out, COLOUR_DIM), (int)label,
		    line_name(outer, in, f, name, sizeof name),
		    term_end(cli->colour_out, COLOUR_DIM));
		table_wrap(cli->out, text, cli->width, (int)label + 2);
		free(text);
	}
}

static void
csv_message(struct cli *cli, const ProtobufCMessage *m)
{
	const char *body = NULL;
	bool first = true;
	unsigned i;

	for (i = 0; i < m->descriptor->n_fields; i++) {
		const field_desc *f = &m->descriptor->fields[i];

		if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		    json_field_is_set(m, f))
			body = f->name;
	}
	csv_fields(cli, m->descriptor, NULL, false, body, &first);
	putc('\n', cli->out);
	first = true;
	csv_fields(cli, m->descriptor, m, true, body, &first);
	putc('\n', cli->out);
}

int
output_message(struct cli *cli, const ProtobufCMessage *m)
{
	size_t label = 0;

	switch (cli->format) {
	case FORMAT_TABLE:
		measure(NULL, NULL, m, &label);
		show_fields(cli, NULL, NULL, m, label);
		break;
	case FORMAT_CSV:
		csv_message(cli, m);
		break;
	case FORMAT_JSON:
	case FORMAT_JSONL:
		json_write(cli->out, m, cli->format == FORMAT_JSON ? 0 : -1);
		putc('\n', cli->out);
		break;
	}
	return output_done(cli, EXIT_OK);
}

int
output_answer(struct cli *cli, const ProtobufCMessage *answer,
    const ProtobufCMessage *item)
{
	return output_message(cli, cli->format == FORMAT_JSON ? answer : item);
}

int
output_done(struct cli *cli, int code)
{
	if (fflush(cli->out) == 0 && !ferror(cli->out))
		return code;
	if (code == EXIT_INTERNAL)
		return code; /* said already */
	if (errno == EPIPE)
		return EXIT_INTERNAL; /* the reader has left: nobody to tell */
	return cli_fail(cli, EXIT_INTERNAL,
	    _("Make room there, or write elsewhere; the answer is cut."),
	    _("the answer could not be written: %s"), strerror(errno));
}
