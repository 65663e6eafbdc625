/* cmd_status.c - resopro status: state of the daemon and its store. */
#include <resopro/v1/admin.pb-c.h>

#include "commands.h"
#include "freshness.h"
#include "output.h"

/* How many records are confirmed, due and stale: for people only; programs
 * have `resopro freshness`. */
static int
show_freshness(struct cli *cli)
{
	Resopro__V1__FreshnessCountsRequest request;
	struct paging all = { .left = UINT64_MAX };

	resopro__v1__freshness_counts_request__init(&request);
	putc('\n', cli->out);
	return freshness_counts(cli, &request, &all);
}

static int
run_status(struct cli *cli, const struct args *args)
{
	Resopro__V1__StatusRequest request;
	ProtobufCMessage *answer;
	int code;

	resopro__v1__status_request__init(&request);
	(void)args;
	code = cli_call(cli, &rsp_admin_status, &request.base, &answer);
	if (code != 0)
		return code;
	if (((Resopro__V1__DaemonStatus *)answer)->writes_refused)
		cli_warn(cli, "%s",
		    _("Writes are refused: the quota or the disk is full."));
	code = output_message(cli, answer);
	rsp_message_free(answer);
	return code != 0 || cli->format != FORMAT_TABLE ? code
							: show_freshness(cli);
}

const struct cmd cmd_status = {
	.name = "status",
	.help = N_("state of the server and of its store"),
	.run = run_status,
};
