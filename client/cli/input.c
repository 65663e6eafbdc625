/* input.c - see input.h. */
#include "input.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { FILE_BYTES_MAX = 64 << 20 };

int
input_open(struct cli *cli, struct input *in, const char *path)
{
	int code;

	memset(in, 0, sizeof *in);
	in->path = strcmp(path, "-") == 0 ? _("standard input") : path;
	in->line = 1;
	code = cli_read_file(cli, path, FILE_BYTES_MAX, &in->text, &in->left);
	in->at = in->text;
	/* What Windows editors put in front of UTF-8. */
	if (code == 0 && strncmp(in->at, "\xef\xbb\xbf", 3) == 0) {
		in->at += 3;
		in->left -= 3;
	}
	return code;
}

void
input_close(struct input *in)
{
	free(in->text);
	memset(in, 0, sizeof *in);
}

static void
advance(struct input *in, size_t n)
{
	for (; n > 0; n--, in->left--)
		in->line += *in->at++ == '\n';
}

static void
tell(struct cli *cli, const struct input *in, const struct json_fault *f)
{
	cli_fail(cli, EXIT_INVALID, f->remedy, "%s:%d: %s%s%s", in->path,
	    f->line, f->path, *f->path != '\0' ? ": " : "", f->msg);
}

static void
tell_syntax(struct cli *cli, const struct input *in, const json_error_t *e)
{
	cli_fail(cli, EXIT_INVALID,
	    _("Check quotes, commas and brackets there."),
	    _("%s:%d: no JSON: %s (column %d)"), in->path,
	    in->line + (e->line > 0 ? e->line - 1 : 0), e->text, e->column);
}

enum input_got
input_next(struct cli *cli, struct input *in, const struct input_form *forms,
    size_t *form, int *line, ProtobufCMessage **message)
{
	struct json_fault fault;
	json_error_t e;
	json_t *value;

	advance(in, strspn(in->at, " \t\r\n"));
	*line = in->line;
	if (in->left == 0)
		return INPUT_END;
	value = json_loadb(in->at, in->left,
	    JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &e);
	if (value == NULL) {
		tell_syntax(cli, in, &e);
		return INPUT_BROKEN;
	}
	for (*form = 0; forms[*form].member != NULL; (*form)++)
		if (json_object_get(value, forms[*form].member) != NULL)
			break;
	*message =
	    json_read(forms[*form].type, value, in->at, in->line, &fault);
	json_decref(value);
	if (*message == NULL)
		tell(cli, in, &fault);
	advance(in, (size_t)e.position);
	return *message != NULL ? INPUT_ITEM : INPUT_BAD;
}
