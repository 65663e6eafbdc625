/* cmd_transfer.c - resopro transfer: a record on its way to another owner. */
#include <resopro/v1/ownership.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

enum { SECRET_BYTES = 200, DAYS_MAX = 90 };

static int
print_record(struct cli *cli, ProtobufCMessage *answer,
    const Resopro__V1__Record *record)
{
	int code = record == NULL ? output_message(cli, answer)
				  : output_answer(cli, answer, &record->base);

	rsp_message_free(answer);
	return code;
}

/* ---- list and show ------------------------------------------------------------ */

static const struct opt list_opts[] = {
	{ .name = "pending", .help = N_("only those that wait for an answer") },
	OPT_ROW_AS_OF, OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 }
};

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__TransferState pending =
	    RESOPRO__V1__TRANSFER_STATE__TRANSFER_STATE_PENDING;
	Resopro__V1__ListRequest request;
	Resopro__V1__AsOf as_of;
	Google__Protobuf__Timestamp time;
	const char *when = args_get(args, "as-of");

	resopro__v1__list_request__init(&request);
	if (when != NULL && cli_as_of(cli, when, &as_of, &time) != 0)
		return EXIT_USAGE;
	request.kind = RESOPRO__V1__KIND__KIND_TRANSFER;
	request.as_of = when != NULL ? &as_of : NULL;
	request.transfer_states = &pending;
	request.n_transfer_states = args_has(args, "pending");
	return paging_records(cli, &request);
}

static int
run_show(struct cli *cli, const struct args *args)
{
	Resopro__V1__GetRequest request;
	const char *id = args_operand(args, 0);
	ProtobufCMessage *message;
	int code;

	resopro__v1__get_request__init(&request);
	if (cli_id(cli, "ID", id) != 0)
		return EXIT_USAGE;
	request.kind = RESOPRO__V1__KIND__KIND_TRANSFER;
	request.id = cli_field(id);
	code = cli_call(cli, &rsp_registry_get, &request.base, &message);
	return code == 0 ? print_record(cli, message,
			       ((Resopro__V1__GetResponse *)message)->record)
			 : code;
}

/* ---- beginning ---------------------------------------------------------------- */

static const struct opt begin_opts[] = {
	{ .name = "to",
	    .arg = "ID",
	    .help = N_("the body that is to gain it") },
	{ .name = "days",
	    .arg = "N",
	    .help = N_("until it expires, 1 to 90 (14)") },
	{ .name = "message", .arg = "TEXT", .help = N_("for the other body") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static int
print_begun(struct cli *cli, ProtobufCMessage *message)
{
	Resopro__V1__BegunTransferResponse *r =
	    (Resopro__V1__BegunTransferResponse *)message;
	int code;

	if (cli->format != FORMAT_TABLE) {
		code = output_message(cli, message);
		rsp_message_free(message);
		return code;
	}
	fprintf(cli->out, _("transfer %s\nsecret %s\n"),
	    r->record != NULL ? r->record->id : "", r->secret);
	cli_say(cli, "%s",
	    _("The secret is not shown again: hand it to the other body "
	      "yourself, which needs it to approve."));
	rsp_message_free(message);
	return output_done(cli, EXIT_OK);
}

/* Both requests have the same fields, by the same names and numbers. */
static int
run_begin(struct cli *cli, const struct args *args, bool offer)
{
	Resopro__V1__RequestTransferRequest request;
	Resopro__V1__OfferTransferRequest given;
	const char *to = args_get(args, "to");
	const char *days = args_get(args, "days");
	const char *id = args_operand(args, 1);
	ProtobufCMessage *message;
	char request_id[65];
	uint64_t n = 0;
	int code;

	resopro__v1__request_transfer_request__init(&request);
	if (offer && to == NULL)
		return cli_usage(cli, "%s", _("--to must be given"));
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    cli_id(cli, "ID", id) != 0 ||
	    (to != NULL && cli_id(cli, "--to", to) != 0) ||
	    (days != NULL &&
		cli_number(cli, "--days", days, 1, DAYS_MAX, &n) != 0))
		return EXIT_USAGE;
	if ((code = cli_request_id(cli, request_id)) != 0)
		return code;
	request.request_id = request_id;
	request.record_id = cli_field(id);
	request.organisation_id = cli_field(to);
	request.days = (uint32_t)n;
	request.message = cli_field(args_get(args, "message"));
	resopro__v1__offer_transfer_request__init(&given);
	given.request_id = request.request_id;
	given.kind = request.kind;
	given.record_id = request.record_id;
	given.organisation_id = request.organisation_id;
	given.days = request.days;
	given.message = request.message;
	code = offer ? cli_call(cli, &rsp_ownership_offer_transfer, &given.base,
			   &message)
		     : cli_call(cli, &rsp_ownership_request_transfer,
			   &request.base, &message);
	return code == 0 ? print_begun(cli, message) : code;
}

static int
run_request(struct cli *cli, const struct args *args)
{
	return run_begin(cli, args, false);
}

static int
run_offer(struct cli *cli, const struct args *args)
{
	return run_begin(cli, args, true);
}

/* ---- ending ------------------------------------------------------------------- */

static const struct opt approve_opts[] = {
	{ .name = "secret-file",
	    .arg = "FILE|-",
	    .complete = "files",
	    .help = N_("file that holds the other body's secret") },
	{ .name = "reason",
	    .arg = "TEXT",
	    .help = N_("why; instead of the secret, for the agency") },
	OPT_ROW_REQUEST_ID, { 0 }
};
static const struct opt end_opts[] = {
	{ .name = "reason", .arg = "TEXT", .help = N_("why") },
	OPT_ROW_REQUEST_ID, { 0 }
};

/* The secret, without the blanks and the newline around it; free() it. */
static int
read_secret(struct cli *cli, const char *path, char **secret)
{
	size_t len, start;
	int code = cli_read_file(cli, path, SECRET_BYTES, secret, &len);

	if (code != 0)
		return code;
	len = strcspn(*secret, "\r\n");
	while (len > 0 && (*secret)[len - 1] == ' ')
		len--;
	(*secret)[len] = '\0';
	start = strspn(*secret, " ");
	memmove(*secret, *secret + start, len - start + 1);
	return 0;
}

static int
run_approve(struct cli *cli, const struct args *args)
{
	Resopro__V1__ApproveTransferRequest request;
	const char *path = args_get(args, "secret-file");
	const char *reason = args_get(args, "reason");
	ProtobufCMessage *message;
	char request_id[65], *secret = NULL;
	int code;

	resopro__v1__approve_transfer_request__init(&request);
	if (path == NULL && reason == NULL)
		return cli_usage(cli, "%s",
		    _("--secret-file must be given (or --reason, by the "
		      "agency)"));
	if (cli_id(cli, "ID", args_operand(args, 0)) != 0)
		return EXIT_USAGE;
	if (path != NULL && (code = read_secret(cli, path, &secret)) != 0)
		return code;
	code = cli_request_id(cli, request_id);
	request.request_id = request_id;
	request.id = cli_field(args_operand(args, 0));
	request.secret = cli_field(secret);
	request.reason = cli_field(reason);
	if (code == 0)
		code = cli_call(cli, &rsp_ownership_approve_transfer,
		    &request.base, &message);
	free(secret);
	return code == 0
		   ? print_record(cli, message,
			 ((Resopro__V1__OwnershipResponse *)message)->record)
		   : code;
}

static int
run_end(struct cli *cli, const struct args *args,
    const struct rsp_method *method)
{
	Resopro__V1__EndTransferRequest request;
	ProtobufCMessage *message;
	char request_id[65];
	int code;

	resopro__v1__end_transfer_request__init(&request);
	if (cli_id(cli, "ID", args_operand(args, 0)) != 0)
		return EXIT_USAGE;
	code = cli_request_id(cli, request_id);
	request.request_id = request_id;
	request.id = cli_field(args_operand(args, 0));
	request.reason = cli_field(args_get(args, "reason"));
	if (code == 0)
		code = cli_call(cli, method, &request.base, &message);
	return code == 0
		   ? print_record(cli, message,
			 ((Resopro__V1__OwnershipResponse *)message)->record)
		   : code;
}

static int
run_reject(struct cli *cli, const struct args *args)
{
	return run_end(cli, args, &rsp_ownership_reject_transfer);
}

static int
run_cancel(struct cli *cli, const struct args *args)
{
	return run_end(cli, args, &rsp_ownership_cancel_transfer);
}

/* ---- the commands ------------------------------------------------------------- */

static const struct cmd cmd_request = {
	.name = "request",
	.args = "KIND ID",
	.min = 2,
	.max = 2,
	.help = N_("ask another body for a record"),
	.opts = begin_opts,
	.complete = "kinds",
	.run = run_request,
};
static const struct cmd cmd_offer = {
	.name = "offer",
	.args = "KIND ID",
	.min = 2,
	.max = 2,
	.help = N_("give a record to another body"),
	.opts = begin_opts,
	.complete = "kinds",
	.run = run_offer,
};
static const struct cmd cmd_approve = {
	.name = "approve",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("say yes, with the secret of who began it"),
	.details = N_("All of it changes hands at once and keeps its ids. "
		      "Take it over by pushing it with its id. The fifth wrong "
		      "secret cancels the transfer."),
	.opts = approve_opts,
	.run = run_approve,
};
static const struct cmd cmd_reject = {
	.name = "reject",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("say no"),
	.opts = end_opts,
	.run = run_reject,
};
static const struct cmd cmd_cancel = {
	.name = "cancel",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("take back what one began"),
	.opts = end_opts,
	.run = run_cancel,
};
static const struct cmd cmd_list_transfers = {
	.name = "list",
	.help = N_("those of your body; all, for the agency"),
	.opts = list_opts,
	.run = run_list,
};
static const struct cmd cmd_show_transfer = {
	.name = "show",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("one transfer"),
	.run = run_show,
};

static const struct cmd *const subs[] = { &cmd_request, &cmd_offer,
	&cmd_approve, &cmd_reject, &cmd_cancel, &cmd_list_transfers,
	&cmd_show_transfer, NULL };

const struct cmd cmd_transfer = {
	.name = "transfer",
	.help = N_("records on their way to another owner"),
	.details = N_("One body asks or gives, the other approves with a "
		      "secret that was handed over, or the agency decides. An "
		      "organisation goes with its sites and offers, a site "
		      "with its offers."),
	.subs = subs,
};
