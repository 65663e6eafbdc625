/* cmd_delete.c - resopro delete: leave a tombstone. */
#include "commands.h"
#include "kinds.h"
#include "opts.h"
#include "output.h"

static const struct opt opts[] = { OPT_ROW_IF_VERSION, OPT_ROW_REQUEST_ID,
	{ 0 } };

static int
send_delete(struct cli *cli, Resopro__V1__DeleteRequest *request)
{
	ProtobufCMessage *message;
	char name[48];
	int code =
	    cli_call(cli, &rsp_registry_delete, &request->base, &message);

	if (code != 0)
		return code;
	if (cli->format == FORMAT_TABLE)
		fprintf(cli->out, _("%s %s deleted at revision %ju\n"),
		    kinds_name(request->kind, name), request->id,
		    (uintmax_t)((Resopro__V1__DeleteResponse *)message)
			->revision);
	else
		output_message(cli, message);
	rsp_message_free(message);
	return output_done(cli, EXIT_OK);
}

static int
run_delete(struct cli *cli, const struct args *args)
{
	Resopro__V1__DeleteRequest request;
	const char *id = args_operand(args, 1);
	const char *version = args_get(args, "if-version");
	char request_id[65];
	int code;

	resopro__v1__delete_request__init(&request);
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    cli_id(cli, "ID", id) != 0 ||
	    (version != NULL && cli_number(cli, "--if-version", version, 1,
				    UINT64_MAX, &request.if_version) != 0))
		return EXIT_USAGE;
	if ((code = cli_request_id(cli, request_id)) != 0)
		return code;
	if (!cli_ask(cli,
		_("%s %s will be deleted; its id is never used "
		  "again."),
		args_operand(args, 0), id))
		return cli_fail(cli, EXIT_INTERRUPTED, NULL, "%s",
		    _("nothing was done"));
	request.id = cli_field(id);
	request.request_id = request_id;
	return send_delete(cli, &request);
}

const struct cmd cmd_delete = {
	.name = "delete",
	.args = "KIND ID",
	.min = 2,
	.max = 2,
	.help = N_("delete one record; its history and its id remain"),
	.opts = opts,
	.complete = "kinds",
	.run = run_delete,
};
