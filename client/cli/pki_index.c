#include "pki_index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "i18n.h"

enum { LINE_MAX_BYTES = 400 };

static bool
parse_line(const char *line, struct pki_entry *x)
{
	char state, at[24];
	int end = 0;

	memset(x, 0, sizeof *x);
	if (sscanf(line, "%47s %c %" SCNd64 " %23s %111s %64s%n", x->serial,
		&state, &x->not_after, at, x->name, x->sha256, &end) != 6)
		return false;
	x->revoked = state == 'R';
	x->revoked_at = x->revoked ? strtoll(at, NULL, 10) : 0;
	return (state == 'V' || state == 'R') && line[end] == '\0';
}

int
pki_index_add(struct pki_index *index, const struct pki_entry *x,
    struct rsp_error *e)
{
	struct pki_entry *grown =
	    realloc(index->entries, (index->n + 1) * sizeof *grown);

	if (grown == NULL)
		return fault(e, RSP_ERR_NOMEM, "", _("out of memory"));
	index->entries = grown;
	grown[index->n++] = *x;
	return 0;
}

int
pki_index_load(const struct pki_dir *d, struct pki_index *index,
    struct rsp_error *e)
{
	char *text, *line, *rest;
	size_t len;
	unsigned number = 0;
	int rc = 0;

	memset(index, 0, sizeof *index);
	if (!pki_file_exists(d, "index"))
		return 0;
	text = pki_file_read(d, "index", &len, e);
	if (text == NULL)
		return -1;
	rest = text;
	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL) {
		struct pki_entry x;

		number++;
		if (*line == '\0')
			continue;
		if (parse_line(line, &x))
			rc = pki_index_add(index, &x, e);
		else
			rc = fault(e, RSP_ERR_CONFIG,
			    _("restore the file from a backup: it says what is "
			      "revoked"),
			    _("%s/index, line %u: not a line of the index"),
			    d->path, number);
	}
	free(text);
	return rc;
}

static int
format_line(char *out, const struct pki_entry *x)
{
	char at[24] = "-";

	if (x->revoked)
		snprintf(at, sizeof at, "%" PRId64, x->revoked_at);
	return snprintf(out, LINE_MAX_BYTES,
	    "%s\t%c\t%" PRId64 "\t%s\t%s\t%s\n", x->serial,
	    x->revoked ? 'R' : 'V', x->not_after, at, x->name, x->sha256);
}

int
pki_index_save(const struct pki_dir *d, const struct pki_index *index,
    struct rsp_error *e)
{
	char *text = malloc(index->n * LINE_MAX_BYTES + 1);
	size_t len = 0;
	int rc;

	if (text == NULL)
		return fault(e, RSP_ERR_NOMEM, "", _("out of memory"));
	for (size_t i = 0; i < index->n; i++)
		len += (size_t)format_line(text + len, &index->entries[i]);
	rc = pki_file_write(d, "index", PKI_REPLACE, 0600, text, len, e);
	free(text);
	return rc;
}

void
pki_index_free(struct pki_index *index)
{
	free(index->entries);
	memset(index, 0, sizeof *index);
}
