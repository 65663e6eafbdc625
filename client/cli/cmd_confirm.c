/* cmd_confirm.c - resopro confirm: "still true". */
#include <stdlib.h>

#include "commands.h"
#include "opts.h"
#include "output.h"

static const struct opt opts[] = { OPT_ROW_REQUEST_ID, { 0 } };

static int
send_confirm(struct cli *cli, Resopro__V1__ConfirmRequest *request)
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
run_confirm(struct cli *cli, const struct args *args)
{
	Resopro__V1__ConfirmRequest request;
	size_t n = args_count(args) - 1, i;
	Resopro__V1__RecordName *names = calloc(n, sizeof *names);
	Resopro__V1__RecordName **list = calloc(n, sizeof *list);
	Resopro__V1__Kind kind;
	char request_id[65];
	int code = cli_kind(cli, args_operand(args, 0), &kind);

	resopro__v1__confirm_request__init(&request);
	if (names == NULL || list == NULL)
		code = EXIT_INTERNAL;
	for (i = 0; code == 0 && i < n; i++) {
		resopro__v1__record_name__init(&names[i]);
		names[i].kind = kind;
		names[i].id = cli_field(args_operand(args, i + 1));
		list[i] = &names[i];
		code = cli_id(cli, "ID", names[i].id);
	}
	if (code == 0)
		code = cli_request_id(cli, request_id);
	if (code == 0) {
		request.request_id = request_id;
		request.names = list;
		request.n_names = n;
		code = send_confirm(cli, &request);
	}
	free(names);
	free(list);
	return code;
}

const struct cmd cmd_confirm = {
	.name = "confirm",
	.args = "KIND ID...",
	.min = 2,
	.max = -1,
	.help = N_("say that records are still true, without changing them"),
	.opts = opts,
	.complete = "kinds",
	.run = run_confirm,
};
