/* cmd_whoami.c - resopro whoami: who we are to the server. */
#include <resopro/v1/admin.pb-c.h>

#include "commands.h"
#include "output.h"

static int
run_whoami(struct cli *cli, const struct args *args)
{
	Resopro__V1__WhoAmIRequest request;
	ProtobufCMessage *answer;
	int code;

	resopro__v1__who_am_irequest__init(&request);
	(void)args;
	code = cli_call(cli, &rsp_admin_who_am_i, &request.base, &answer);
	if (code != 0)
		return code;
	code = output_message(cli, answer);
	rsp_message_free(answer);
	return code;
}

const struct cmd cmd_whoami = {
	.name = "whoami",
	.help = N_("the account, roles and credential that the server sees"),
	.run = run_whoami,
};
