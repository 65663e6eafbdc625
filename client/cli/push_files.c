#include "push_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "i18n.h"
#include "records_csv.h"
#include "records_di.h"
#include "records_jsonl.h"

enum { PEEK = 4096 };

void
push_files_close(struct push_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->list[i].name);
		if (f->list[i].file != NULL)
			fclose(f->list[i].file);
	}
	free(f->list);
	memset(f, 0, sizeof *f);
}

static int
add_file(struct push_files *f, struct cli *cli, const char *name, FILE *file,
    const struct records_kind *kind, bool csv)
{
	struct push_file *grown = realloc(f->list, (f->n + 1) * sizeof *grown);
	char *copy = strdup(name);

	if (grown != NULL)
		f->list = grown;
	if (grown == NULL || copy == NULL) {
		free(copy);
		fclose(file);
		return cli_fail(cli, EXIT_INTERNAL, NULL, "%s",
		    _("out of memory"));
	}
	f->list[f->n++] = (struct push_file){ .name = copy,
		.file = file,
		.kind = kind,
		.csv = csv,
		.document = !csv && records_di_looks_like(file) };
	return 0;
}

static const char *
extension(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash == NULL ? name : slash, '.');

	return dot == NULL ? "" : dot + 1;
}

static bool
is_csv_name(const char *name)
{
	const char *x = extension(name);

	return strcasecmp(x, "csv") == 0 || strcasecmp(x, "tsv") == 0 ||
	       strcasecmp(x, "txt") == 0;
}

static bool
is_json_name(const char *name)
{
	const char *x = extension(name);

	return strcasecmp(x, "jsonl") == 0 || strcasecmp(x, "ndjson") == 0 ||
	       strcasecmp(x, "json") == 0;
}

/* No name to tell by: what begins with a brace is JSON. */
static bool
looks_like_json(FILE *file)
{
	char head[PEEK];
	size_t n = fread(head, 1, sizeof head, file);
	size_t i = n >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	rewind(file);
	while (i < n && strchr(" \t\r\n", head[i]) != NULL)
		i++;
	return i < n && (head[i] == '{' || head[i] == '[');
}

static int
add_lone(struct push_files *f, struct cli *cli, const char *name, FILE *file,
    const struct records_kind *kind)
{
	bool csv = is_csv_name(name) ||
		   (!is_json_name(name) && !looks_like_json(file));

	if (kind == NULL)
		kind = records_kind_of_file(name);
	if (csv && kind == NULL) {
		fclose(file);
		return cli_fail(cli, EXIT_USAGE,
		    _("Give --kind site (or organisation, offer, status), or "
		      "name the file sites.csv."),
		    _("%s: what kind of record does it hold?"), name);
	}
	return add_file(f, cli, name, file, kind, csv);
}

/* A pipe is read once: a set may have to be sent again. */
static FILE *
copy_of(FILE *from)
{
	FILE *copy = tmpfile();
	char buf[1 << 16];
	size_t n;

	if (copy == NULL)
		return NULL;
	while ((n = fread(buf, 1, sizeof buf, from)) > 0)
		if (fwrite(buf, 1, n, copy) != n)
			break;
	if (!ferror(from) && !ferror(copy) && fflush(copy) == 0) {
		rewind(copy);
		return copy;
	}
	fclose(copy);
	return NULL;
}

static FILE *
open_lone(const char *path)
{
	FILE *file = fopen(path, "re"), *copy;

	if (file == NULL || lseek(fileno(file), 0, SEEK_CUR) >= 0)
		return file;
	copy = copy_of(file);
	fclose(file);
	return copy;
}

static int
cannot_open(struct cli *cli, const char *path)
{
	return cli_fail(cli, EXIT_USAGE,
	    _("Check the path, and that you may read it."), "%s: %s", path,
	    strerror(errno));
}

static bool
is_kind_name(const char *name)
{
	const struct records_kind *k = records_kind_of_file(name);
	size_t n = strcspn(name, ".");

	for (const char *const *s = k == NULL ? NULL : k->stems;
	     s != NULL && *s != NULL; s++)
		if (strlen(*s) == n && strncasecmp(*s, name, n) == 0)
			return true;
	return false;
}

static int
add_entry(struct push_files *f, struct cli *cli, const char *dir,
    const char *entry)
{
	char *path = NULL;
	FILE *file;
	int rc;

	if (asprintf(&path, "%s/%s", dir, entry) < 0)
		return cli_fail(cli, EXIT_INTERNAL, NULL, "%s",
		    _("out of memory"));
	file = fopen(path, "re");
	rc = file == NULL
		 ? cannot_open(cli, path)
		 : add_file(f, cli, path, file, records_kind_of_file(entry),
		       is_csv_name(entry));
	free(path);
	return rc;
}

static int
is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.' &&
	       (is_csv_name(d->d_name) || is_json_name(d->d_name));
}

/* What refers comes after what it refers to. */
static int
by_kind(const void *a, const void *b)
{
	const struct push_file *x = a, *y = b;

	if (x->kind != y->kind)
		return (int)x->kind->kind - (int)y->kind->kind;
	return strcmp(x->name, y->name);
}

static int
open_directory(struct push_files *f, struct cli *cli, const char *dir,
    const struct records_kind *only)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, is_visible, alphasort), rc = 0;

	if (n < 0)
		return cannot_open(cli, dir);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (rc == 0 && is_kind_name(name)) {
			if (only == NULL || records_kind_of_file(name) == only)
				rc = add_entry(f, cli, dir, name);
		} else if (rc == 0)
			cli_say(cli,
			    _("%s/%s: not sent, its name is not that "
			      "of a kind of record"),
			    dir, name);
		free(entries[i]);
	}
	free(entries);
	if (rc == 0 && f->n == 0)
		return cli_fail(cli, EXIT_USAGE,
		    _("Name the files organisations.csv, sites.csv, offers.csv "
		      "or statuses.csv (or .jsonl)."),
		    _("%s: nothing to send in this directory"), dir);
	if (f->n > 0)
		qsort(f->list, f->n, sizeof *f->list, by_kind);
	return rc;
}

int
push_files_open(struct push_files *f, struct cli *cli, const char *path,
    const struct records_kind *kind)
{
	struct stat st;
	FILE *file;
	int rc;

	memset(f, 0, sizeof *f);
	if (strcmp(path, "-") == 0) {
		file = copy_of(stdin);
		rc = file == NULL ? cannot_open(cli, "-")
				  : add_lone(f, cli, "stdin", file, kind);
	} else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		rc = open_directory(f, cli, path, kind);
	} else {
		file = open_lone(path);
		rc = file == NULL ? cannot_open(cli, path)
				  : add_lone(f, cli, path, file, kind);
	}
	if (rc != 0)
		push_files_close(f);
	return rc;
}

void
push_files_organisations(struct push_files *f, const char *kind)
{
	for (size_t i = 0; i < f->n; i++)
		f->list[i].organisation_kind = kind;
}

/* ---- reading ------------------------------------------------------------- */

struct push_reader {
	struct records_csv *csv; /* one of the three */
	struct records_jsonl *jsonl;
	struct records_di *di;
};

struct push_reader *
push_reader_open(struct push_file *f)
{
	struct push_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	rewind(f->file);
	if (f->document)
		r->di = records_di_open(f->file, f->organisation_kind);
	else if (f->csv)
		r->csv = records_csv_open(f->file, f->kind);
	else
		r->jsonl = records_jsonl_open(f->file, f->kind);
	if (r->csv != NULL || r->jsonl != NULL || r->di != NULL)
		return r;
	free(r);
	return NULL;
}

enum records_got
push_reader_next(struct push_reader *r, Resopro__V1__SyncRecord **out,
    unsigned *line, struct records_problem *p)
{
	if (r->di != NULL)
		return records_di_next(r->di, out, line, p);
	return r->csv != NULL ? records_csv_next(r->csv, out, line, p)
			      : records_jsonl_next(r->jsonl, out, line, p);
}

void
push_reader_close(struct push_reader *r)
{
	if (r == NULL)
		return;
	records_csv_close(r->csv);
	records_jsonl_close(r->jsonl);
	records_di_close(r->di);
	free(r);
}
