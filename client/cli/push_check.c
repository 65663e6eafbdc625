#include "push_check.h"

#include <stdlib.h>
#include <string.h>

#include "i18n.h"
#include "term.h"

enum { TOLD_MAX = 50 };

static void
print_safe(FILE *f, const char *text)
{
	term_print(f, false, COLOUR_NONE, text);
}

static void
print_place(struct cli *cli, const char *file, const struct records_problem *p)
{
	FILE *f = cli->err;

	print_safe(f, file);
	if (p->line != 0)
		fprintf(f, ":%u", p->line);
	fputs(": ", f);
	if (p->column != 0 && *p->field != '\0') {
		fprintf(f, _("column %u"), p->column);
		fputs(" (", f);
		print_safe(f, p->field);
		fputs("): ", f);
	} else if (*p->field != '\0') {
		print_safe(f, p->field);
		fputs(": ", f);
	}
}

void
push_tell(struct cli *cli, const char *file, const struct records_problem *p)
{
	FILE *f = cli->err;

	print_place(cli, file, p);
	if (*p->value != '\0') {
		fputc('"', f);
		print_safe(f, p->value);
		fputs("\": ", f);
	}
	print_safe(f, p->msg);
	fputc('\n', f);
	if (*p->remedy == '\0')
		return;
	fputs("    → ", f);
	print_safe(f, p->remedy);
	fputc('\n', f);
}

void
push_check_free(struct push_check *c)
{
	origins_free(&c->origins);
	free(c->left_out);
	memset(c, 0, sizeof *c);
}

static int
no_memory(struct cli *cli)
{
	return cli_fail(cli, EXIT_INTERNAL, NULL, "%s", _("out of memory"));
}

static int
leave_out(struct push_check *c, struct cli *cli, unsigned file, unsigned line)
{
	if (c->bad == c->room) {
		size_t room = c->room == 0 ? 64 : 2 * c->room;
		struct origin *grown =
		    realloc(c->left_out, room * sizeof *grown);

		if (grown == NULL)
			return no_memory(cli);
		c->left_out = grown;
		c->room = room;
	}
	c->left_out[c->bad++] = (struct origin){ .file = file, .line = line };
	return 0;
}

static int
add_bad(struct push_check *c, struct cli *cli, struct push_files *files,
    unsigned file, unsigned line, const struct records_problem *p)
{
	if (c->bad < TOLD_MAX)
		push_tell(cli, files->list[file].name, p);
	else if (c->bad == TOLD_MAX)
		cli_warn(cli, _("and more"));
	return leave_out(c, cli, file, line);
}

static int
add_twice(struct push_check *c, struct cli *cli, struct push_files *files,
    unsigned file, unsigned line, const struct origin *first,
    const char *source_id)
{
	struct records_problem p = { .line = line };

	snprintf(p.field, sizeof p.field, "source_id");
	records_cut(p.value, sizeof p.value, source_id);
	records_fault(&p, _("give each record an identifier of its own"),
	    _("is that of %.150s:%u too"), files->list[first->file].name,
	    first->line);
	return add_bad(c, cli, files, file, line, &p);
}

static int
add_record(struct push_check *c, struct cli *cli, struct push_files *files,
    unsigned file, unsigned line, const Resopro__V1__SyncRecord *s)
{
	const char *source_id = s->record->source_id;
	int kind = (int)s->record->kind;
	const struct origin *first;

	switch (origins_add(&c->origins, file, line, kind, source_id, &first)) {
	case ORIGINS_ADDED:
		c->kinds |= 1U << kind;
		return 0;
	case ORIGINS_TWICE:
		return add_twice(c, cli, files, file, line, first, source_id);
	default:
		return no_memory(cli);
	}
}

static int
check_file(struct push_check *c, struct cli *cli, struct push_files *files,
    unsigned file)
{
	struct push_reader *r = push_reader_open(&files->list[file]);
	const char *name = files->list[file].name;
	Resopro__V1__SyncRecord *s = NULL;
	struct records_problem p;
	enum records_got got = RECORDS_ITEM;
	unsigned line = 0;
	int rc = r == NULL ? no_memory(cli) : 0;

	while (rc == 0 && got != RECORDS_END) {
		got = push_reader_next(r, &s, &line, &p);
		if (got == RECORDS_ITEM)
			rc = add_record(c, cli, files, file, line, s);
		else if (got == RECORDS_BAD)
			rc = add_bad(c, cli, files, file, p.line, &p);
		else if (got == RECORDS_REMARK && !cli->quiet)
			push_tell(cli, name, &p);
		else if (got == RECORDS_FATAL) {
			push_tell(cli, name, &p);
			rc = cli_fail(cli, EXIT_INVALID,
			    _("Correct the file and push it again; nothing was "
			      "sent."),
			    _("%s cannot be read to its end"), name);
		}
		records_free(s);
		s = NULL;
	}
	push_reader_close(r);
	return rc;
}

int
push_check(struct push_check *c, struct cli *cli, struct push_files *files)
{
	int rc = 0;

	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < files->n && rc == 0; i++) {
		if (files->list[i].kind != NULL && !files->list[i].document)
			c->kinds |= 1U << files->list[i].kind->kind;
		rc = check_file(c, cli, files, (unsigned)i);
	}
	return rc;
}
