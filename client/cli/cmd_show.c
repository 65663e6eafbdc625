/* cmd_show.c - resopro show: one record, now or as it stood. */
#include "commands.h"
#include "opts.h"
#include "output.h"

static const struct opt opts[] = { OPT_ROW_AS_OF, { 0 } };

static int
run_show(struct cli *cli, const struct args *args)
{
	Resopro__V1__GetRequest request;
	Resopro__V1__GetResponse *answer;
	Resopro__V1__AsOf as_of;
	Google__Protobuf__Timestamp time;
	const char *id = args_operand(args, 1), *when = args_get(args, "as-of");
	ProtobufCMessage *message;
	int code;

	resopro__v1__get_request__init(&request);
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    cli_id(cli, "ID", id) != 0 ||
	    (when != NULL && cli_as_of(cli, when, &as_of, &time) != 0))
		return EXIT_USAGE;
	request.id = cli_field(id);
	request.as_of = when != NULL ? &as_of : NULL;
	code = cli_call(cli, &rsp_registry_get, &request.base, &message);
	if (code != 0)
		return code;
	answer = (Resopro__V1__GetResponse *)message;
	if (when != NULL)
		cli_say(cli, _("as it stood at revision %ju"),
		    (uintmax_t)answer->revision);
	code = answer->record == NULL
		   ? output_message(cli, message)
		   : output_answer(cli, message, &answer->record->base);
	rsp_message_free(message);
	return code;
}

const struct cmd cmd_show = {
	.name = "show",
	.args = "KIND ID",
	.min = 2,
	.max = 2,
	.help = N_("one record, now or as it stood"),
	.details = N_("With --output json the answer can be edited and sent "
		      "back with “resopro put”, which then refuses to "
		      "overwrite what someone else changed meanwhile."),
	.opts = opts,
	.complete = "kinds",
	.run = run_show,
};
