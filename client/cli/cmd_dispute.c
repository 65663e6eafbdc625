/* cmd_dispute.c - resopro dispute: two owners who claim one SIRET. */
#include <resopro/v1/ownership.pb-c.h>

#include "commands.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

static int
print_dispute(struct cli *cli, ProtobufCMessage *message)
{
	Resopro__V1__OwnershipResponse *r =
	    (Resopro__V1__OwnershipResponse *)message;
	int code = r->record == NULL
		       ? output_message(cli, message)
		       : output_answer(cli, message, &r->record->base);

	rsp_message_free(message);
	return code;
}

/* ---- list and show ------------------------------------------------------------ */

static const struct opt list_opts[] = {
	{ .name = "open", .help = N_("only those that nobody has decided") },
	OPT_ROW_AS_OF, OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 }
};

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__DisputeState open =
	    RESOPRO__V1__DISPUTE_STATE__DISPUTE_STATE_OPEN;
	Resopro__V1__ListRequest request;
	Resopro__V1__AsOf as_of;
	Google__Protobuf__Timestamp time;
	const char *when = args_get(args, "as-of");

	resopro__v1__list_request__init(&request);
	if (when != NULL && cli_as_of(cli, when, &as_of, &time) != 0)
		return EXIT_USAGE;
	request.kind = RESOPRO__V1__KIND__KIND_DISPUTE;
	request.as_of = when != NULL ? &as_of : NULL;
	request.dispute_states = &open;
	request.n_dispute_states = args_has(args, "open");
	return paging_records(cli, &request);
}

static int
run_show(struct cli *cli, const struct args *args)
{
	Resopro__V1__GetRequest request;
	Resopro__V1__GetResponse *answer;
	const char *id = args_operand(args, 0);
	ProtobufCMessage *message;
	int code;

	resopro__v1__get_request__init(&request);
	if (cli_id(cli, "ID", id) != 0)
		return EXIT_USAGE;
	request.kind = RESOPRO__V1__KIND__KIND_DISPUTE;
	request.id = cli_field(id);
	code = cli_call(cli, &rsp_registry_get, &request.base, &message);
	if (code != 0)
		return code;
	answer = (Resopro__V1__GetResponse *)message;
	code = answer->record == NULL
		   ? output_message(cli, message)
		   : output_answer(cli, message, &answer->record->base);
	rsp_message_free(message);
	return code;
}

/* ---- ending one --------------------------------------------------------------- */

static const struct opt resolve_opts[] = {
	{ .name = "for",
	    .arg = "ID",
	    .help = N_("the party whose SIRET it is (required)") },
	{ .name = "reason", .arg = "TEXT", .help = N_("why (required)") },
	OPT_ROW_IF_VERSION, OPT_ROW_REQUEST_ID, { 0 }
};
static const struct opt withdraw_opts[] = {
	{ .name = "reason", .arg = "TEXT", .help = N_("why") },
	OPT_ROW_IF_VERSION, OPT_ROW_REQUEST_ID, { 0 }
};

/* --if-version, the id and a request id; 0, or an exit code after telling. */
static int
read_common(struct cli *cli, const struct args *args, uint64_t *if_version,
    char request_id[65])
{
	const char *version = args_get(args, "if-version");

	if (cli_id(cli, "ID", args_operand(args, 0)) != 0 ||
	    (version != NULL && cli_number(cli, "--if-version", version, 1,
				    UINT64_MAX, if_version) != 0))
		return EXIT_USAGE;
	return cli_request_id(cli, request_id);
}

static int
run_resolve(struct cli *cli, const struct args *args)
{
	Resopro__V1__ResolveDisputeRequest request;
	const char *party = args_get(args, "for");
	const char *reason = args_get(args, "reason");
	ProtobufCMessage *message;
	char request_id[65];
	int code;

	resopro__v1__resolve_dispute_request__init(&request);
	if (party == NULL || reason == NULL)
		return cli_usage(cli, "%s",
		    _("--for and --reason must be given"));
	if (cli_id(cli, "--for", party) != 0)
		return EXIT_USAGE;
	code = read_common(cli, args, &request.if_version, request_id);
	request.request_id = request_id;
	request.id = cli_field(args_operand(args, 0));
	request.resolved_for = cli_field(party);
	request.reason = cli_field(reason);
	if (code == 0)
		code = cli_call(cli, &rsp_ownership_resolve_dispute,
		    &request.base, &message);
	return code == 0 ? print_dispute(cli, message) : code;
}

static int
run_withdraw(struct cli *cli, const struct args *args)
{
	Resopro__V1__WithdrawDisputeRequest request;
	ProtobufCMessage *message;
	char request_id[65];
	int code;

	resopro__v1__withdraw_dispute_request__init(&request);
	code = read_common(cli, args, &request.if_version, request_id);
	request.request_id = request_id;
	request.id = cli_field(args_operand(args, 0));
	request.reason = cli_field(args_get(args, "reason"));
	if (code == 0 &&
	    !cli_ask(cli,
		_("Your body gives up the SIRET of %s; a record of yours that "
		  "has it loses it."),
		request.id))
		return EXIT_OK;
	if (code == 0)
		code = cli_call(cli, &rsp_ownership_withdraw_dispute,
		    &request.base, &message);
	return code == 0 ? print_dispute(cli, message) : code;
}

static const struct cmd cmd_list_disputes = {
	.name = "list",
	.help = N_("those of your body; all, for the agency"),
	.opts = list_opts,
	.run = run_list,
};
static const struct cmd cmd_show_dispute = {
	.name = "show",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("one dispute: who holds the SIRET, who claims it"),
	.run = run_show,
};
static const struct cmd cmd_resolve = {
	.name = "resolve",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("decide it for one party (the agency)"),
	.details = N_("A record of the other party that has the SIRET loses "
		      "it at once, and the other cannot claim it again. What "
		      "was decided may be decided otherwise."),
	.opts = resolve_opts,
	.run = run_resolve,
};
static const struct cmd cmd_withdraw = {
	.name = "withdraw",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("give up your body's claim"),
	.opts = withdraw_opts,
	.run = run_withdraw,
};

static const struct cmd *const subs[] = { &cmd_list_disputes, &cmd_show_dispute,
	&cmd_resolve, &cmd_withdraw, NULL };

const struct cmd cmd_dispute = {
	.name = "dispute",
	.help = N_("SIRETs that two bodies claim"),
	.details = N_("The register opens one when a push or a put is refused "
		      "because another body's record has its SIRET. Both "
		      "bodies and the agency see it."),
	.subs = subs,
};
