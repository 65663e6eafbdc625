/* cmd_confirm.c - resopro confirm: "still true". */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "opts.h"
#include "output.h"

enum {
	NAMES_MAX = 10000, /* of one request */
	FILE_BYTES_MAX = 4 << 20,
};

struct names {
	Resopro__V1__Kind kind;
	Resopro__V1__RecordName *list;
	size_t n, room;
	char *text; /* that the ids of a file lie in */
};

static const struct opt opts[] = { { .letter = 'f',
				       .name = "file",
				       .arg = "FILE",
				       .complete = "files",
				       .help = N_("ids, one a line; - for "
						  "standard input") },
	OPT_ROW_REQUEST_ID, { 0 } };

static void
names_free(struct names *s)
{
	free(s->list);
	free(s->text);
}

static int
add_id(struct names *s, struct cli *cli, const char *what, const char *id)
{
	int code = cli_id(cli, what, id);

	if (code != 0)
		return code;
	if (s->n == NAMES_MAX)
		return cli_fail(cli, EXIT_USAGE,
		    _("Confirm them in parts of at most so many."),
		    _("more than %d ids"), NAMES_MAX);
	if (s->n == s->room) {
		size_t room = s->room == 0 ? 64 : 2 * s->room;
		Resopro__V1__RecordName *grown =
		    realloc(s->list, room * sizeof *grown);

		if (grown == NULL)
			return cli_fail(cli, EXIT_INTERNAL, NULL, "%s",
			    _("out of memory"));
		s->list = grown;
		s->room = room;
	}
	resopro__v1__record_name__init(&s->list[s->n]);
	s->list[s->n].kind = s->kind;
	s->list[s->n++].id = cli_field(id);
	return 0;
}

/* The first word of each line that is neither empty nor a remark. */
static int
add_file(struct names *s, struct cli *cli, const char *path)
{
	char where[300], *line, *rest = NULL;
	unsigned number = 0;
	size_t len;
	int code = cli_read_file(cli, path, FILE_BYTES_MAX, &s->text, &len);

	for (rest = s->text; code == 0 && rest != NULL;) {
		line = strsep(&rest, "\n");
		number++;
		line += strspn(line, " \t\r");
		line[strcspn(line, " \t\r,;")] = '\0';
		if (*line == '\0' || *line == '#')
			continue;
		snprintf(where, sizeof where, "%s:%u", path, number);
		code = add_id(s, cli, where, line);
	}
	return code;
}

static int
read_names(struct names *s, struct cli *cli, const struct args *args)
{
	const char *path = args_get(args, "file"), *id;
	int code = cli_kind(cli, args_operand(args, 0), &s->kind);

	for (size_t i = 1; code == 0 && (id = args_operand(args, i)) != NULL;
	     i++)
		code = add_id(s, cli, "ID", id);
	if (code == 0 && path != NULL)
		code = add_file(s, cli, path);
	if (code == 0 && s->n == 0)
		return cli_usage(cli, "%s",
		    _("give the ids of the records, or --file"));
	return code;
}

static int
call_confirm(struct cli *cli, const Resopro__V1__ConfirmRequest *request)
{
	ProtobufCMessage *message;
	Resopro__V1__ConfirmResponse *answer;
	int code =
	    cli_call(cli, &rsp_registry_confirm, &request->base, &message);

	if (code != 0)
		return code;
	answer = (Resopro__V1__ConfirmResponse *)message;
	if (cli->format != FORMAT_TABLE)
		output_message(cli, message);
	else
		fprintf(cli->out,
		    i18n_plural("%u record confirmed at revision %ju\n",
			"%u records confirmed at revision %ju\n",
			answer->confirmed),
		    answer->confirmed, (uintmax_t)answer->revision);
	rsp_message_free(message);
	return output_done(cli, EXIT_OK);
}

static int
send_confirm(struct cli *cli, struct names *s)
{
	Resopro__V1__ConfirmRequest request;
	Resopro__V1__RecordName **list = calloc(s->n, sizeof(*list));
	char request_id[65];
	int code =
	    list != NULL ? cli_request_id(cli, request_id) : EXIT_INTERNAL;

	resopro__v1__confirm_request__init(&request);
	for (size_t i = 0; list != NULL && i < s->n; i++)
		list[i] = &s->list[i];
	request.request_id = request_id;
	request.names = list;
	request.n_names = s->n;
	if (code == 0)
		code = call_confirm(cli, &request);
	free(list);
	return code;
}

static int
run_confirm(struct cli *cli, const struct args *args)
{
	struct names s = { 0 };
	int code = read_names(&s, cli, args);

	if (code == 0)
		code = send_confirm(cli, &s);
	names_free(&s);
	return code;
}

const struct cmd cmd_confirm = {
	.name = "confirm",
	.args = "KIND [ID...]",
	.min = 1,
	.max = -1,
	.help = N_("say that records are still true, without changing them"),
	.details = N_(
	    "All of them, at most 10,000, are confirmed in one step, or none "
	    "is. A record that was sent by a push is confirmed already."),
	.opts = opts,
	.complete = "kinds",
	.run = run_confirm,
};
