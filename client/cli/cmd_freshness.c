/* cmd_freshness.c - resopro freshness: how many are confirmed, due, stale. */
#include "commands.h"
#include "freshness.h"
#include "opts.h"

static const struct opt opts[] = {
	{ .name = "owner",
	    .arg = "ID",
	    .help = N_("only records that this organisation owns") },
	{ .name = "by-owner", .help = N_("one line for each owner") },
	OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 }
};

static int
run_freshness(struct cli *cli, const struct args *args)
{
	Resopro__V1__FreshnessCountsRequest request;
	const char *kind = args_operand(args, 0);
	const char *owner = args_get(args, "owner");
	struct paging page;
	int code = paging_start(cli, &page);

	resopro__v1__freshness_counts_request__init(&request);
	if (code == 0 && kind != NULL)
		code = cli_kind(cli, kind, &request.kind);
	if (code == 0 && owner != NULL)
		code = cli_id(cli, "--owner", owner);
	if (code != 0)
		return code;
	request.owner = cli_field(owner);
	request.by_owner = args_has(args, "by-owner");
	code = freshness_counts(cli, &request, &page);
	if (code == 0)
		paging_end(cli, &page);
	return code;
}

const struct cmd cmd_freshness = {
	.name = "freshness",
	.args = "[KIND]",
	.min = 0,
	.max = 1,
	.help = N_("how many records are confirmed, due and stale"),
	.details = N_("A confirmation holds for a period that the server sets "
		      "for each kind; in its last days a record is due, after "
		      "it stale. “resopro list KIND --freshness stale” shows "
		      "them, “resopro confirm” renews them."),
	.opts = opts,
	.complete = "kinds",
	.run = run_freshness,
};
