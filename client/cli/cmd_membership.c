/* cmd_membership.c - resopro membership: titles, by which right and when. */
#include <resopro/v1/memberships.pb-c.h>
#include <string.h>

#include "commands.h"
#include "form.h"
#include "input.h"
#include "json.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

static const struct opt record_opts[] = {
	{ .letter = 'f',
	    .name = "file",
	    .arg = "FILE|-",
	    .complete = "files",
	    .help = N_("the status as JSON, instead of the options below") },
	{ .name = "id",
	    .arg = "ID",
	    .help = N_("id of the status; default: the register makes one") },
	{ .name = "organisation",
	    .arg = "ID",
	    .help = N_("the body that holds the title") },
	{ .name = "site",
	    .arg = "ID",
	    .help = N_("the site to which it is attached") },
	{ .name = "title", .arg = "CODE", .help = N_("which title") },
	{ .name = "legal-basis",
	    .arg = "TEXT",
	    .help = N_("default: that of the title") },
	{ .name = "authority",
	    .arg = "TEXT",
	    .help = N_("who decided; default: that of the title") },
	{ .name = "decision-number",
	    .arg = "TEXT",
	    .help = N_("number of the decision") },
	{ .name = "decision-date",
	    .arg = "DATE",
	    .help = N_("day of the decision") },
	{ .name = "notification-date",
	    .arg = "DATE",
	    .help = N_("day of its notification") },
	{ .name = "from", .arg = "DATE", .help = N_("first day") },
	{ .name = "to",
	    .arg = "DATE",
	    .help = N_("last day; default: without end") },
	{ .name = "evidence",
	    .arg = "TEXT",
	    .help = N_("reference of the proof") },
	{ .name = "if-version",
	    .arg = "N",
	    .help = N_("correct the status that has this version") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static const struct form_row status_form[] = {
	{ "organisation", "organisation_id", FORM_ID, true },
	{ "site", "site_id", FORM_ID, false },
	{ "title", "title", FORM_TEXT, true },
	{ "legal-basis", "legal_basis", FORM_TEXT, false },
	{ "authority", "authority", FORM_TEXT, false },
	{ "decision-number", "decision_number", FORM_TEXT, false },
	{ "decision-date", "decision_date", FORM_DATE, false },
	{ "notification-date", "notification_date", FORM_DATE, false },
	{ "from", "from", FORM_DATE, true }, { "to", "to", FORM_DATE, false },
	{ "evidence", "evidence", FORM_TEXT, false }, { 0 }
};

static const struct input_form file_forms[] = {
	{ &resopro__v1__status__descriptor, NULL },
};

static int
print_status(struct cli *cli, ProtobufCMessage *message)
{
	Resopro__V1__StatusResponse *r = (Resopro__V1__StatusResponse *)message;
	int code = r->record == NULL
		       ? output_message(cli, message)
		       : output_answer(cli, message, &r->record->base);

	rsp_message_free(message);
	return code;
}

/* The status of the file, or of the options; NULL after telling. */
static ProtobufCMessage *
read_status(struct cli *cli, const struct args *args)
{
	const char *path = args_get(args, "file");
	ProtobufCMessage *m = NULL;
	struct input in;
	size_t form;
	int line;

	if (path == NULL)
		return form_read(cli, status_form, file_forms[0].type);
	if (form_is_used(cli, status_form)) {
		cli_usage(cli, "%s",
		    _("--file and options of the status exclude each other"));
		return NULL;
	}
	if (input_open(cli, &in, path) == 0 &&
	    input_next(cli, &in, file_forms, &form, &line, &m) == INPUT_END)
		cli_fail(cli, EXIT_USAGE, _("Write one status as JSON."),
		    _("%s is empty"), in.path);
	input_close(&in);
	return m;
}

static int
run_record(struct cli *cli, const struct args *args)
{
	Resopro__V1__RecordStatusRequest request;
	const char *version = args_get(args, "if-version");
	const char *id = args_get(args, "id");
	ProtobufCMessage *status, *message;
	char request_id[65];
	int code;

	resopro__v1__record_status_request__init(&request);
	if ((id != NULL && cli_id(cli, "--id", id) != 0) ||
	    (version != NULL && cli_number(cli, "--if-version", version, 1,
				    UINT64_MAX, &request.if_version) != 0))
		return EXIT_USAGE;
	if ((status = read_status(cli, args)) == NULL)
		return args_has(args, "file") ? EXIT_INVALID : EXIT_USAGE;
	request.id = cli_field(id);
	request.status = (Resopro__V1__Status *)status;
	request.request_id = request_id;
	code = cli_request_id(cli, request_id);
	if (code == 0)
		code = cli_call(cli, &rsp_memberships_record_status,
		    &request.base, &message);
	json_message_free(status);
	return code == 0 ? print_status(cli, message) : code;
}

static const struct opt end_opts[] = {
	{ .name = "to",
	    .arg = "DATE",
	    .help = N_("last day on which it holds (required)") },
	{ .name = "reason", .arg = "TEXT", .help = N_("why (required)") },
	{ .name = "decision-number",
	    .arg = "TEXT",
	    .help = N_("number of the decision") },
	OPT_ROW_IF_VERSION, OPT_ROW_REQUEST_ID, { 0 }
};

static int
run_end(struct cli *cli, const struct args *args)
{
	Resopro__V1__EndStatusRequest request;
	const char *version = args_get(args, "if-version");
	const char *to = args_get(args, "to");
	const char *reason = args_get(args, "reason");
	ProtobufCMessage *message;
	char request_id[65];
	int code;

	resopro__v1__end_status_request__init(&request);
	if (to == NULL || reason == NULL)
		return cli_usage(cli, "%s",
		    _("--to and --reason must be given"));
	if (cli_id(cli, "ID", args_operand(args, 0)) != 0 ||
	    cli_date(cli, "--to", to) != 0 ||
	    (version != NULL && cli_number(cli, "--if-version", version, 1,
				    UINT64_MAX, &request.if_version) != 0))
		return EXIT_USAGE;
	request.id = cli_field(args_operand(args, 0));
	request.to = cli_field(to);
	request.reason = cli_field(reason);
	request.decision_number = cli_field(args_get(args, "decision-number"));
	request.request_id = request_id;
	code = cli_request_id(cli, request_id);
	if (code == 0)
		code = cli_call(cli, &rsp_memberships_end_status, &request.base,
		    &message);
	return code == 0 ? print_status(cli, message) : code;
}

static const struct opt list_opts[] = { { .name = "organisation",
					    .arg = "ID",
					    .help =
						N_("only those of this body") },
	{ .name = "active-on",
	    .arg = "DATE",
	    .help = N_("only those that hold on this day") },
	OPT_ROW_AS_OF, OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 } };

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__ListRequest request;
	Resopro__V1__AsOf as_of;
	Google__Protobuf__Timestamp time;
	const char *when = args_get(args, "as-of");
	const char *day = args_get(args, "active-on");

	resopro__v1__list_request__init(&request);
	if ((when != NULL && cli_as_of(cli, when, &as_of, &time) != 0) ||
	    (day != NULL && cli_date(cli, "--active-on", day) != 0))
		return EXIT_USAGE;
	request.kind = RESOPRO__V1__KIND__KIND_STATUS;
	request.as_of = when != NULL ? &as_of : NULL;
	request.active_on = cli_field(day);
	request.organisation_id = cli_field(args_get(args, "organisation"));
	return paging_records(cli, &request);
}

static const struct cmd cmd_record = {
	.name = "record",
	.help = N_("record a dated title"),
	.opts = record_opts,
	.run = run_record,
};
static const struct cmd cmd_end = {
	.name = "end",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("end a title on a day; the past keeps it"),
	.opts = end_opts,
	.run = run_end,
};
static const struct cmd cmd_list_statuses = {
	.name = "list",
	.help = N_("titles, of one body or on one day"),
	.opts = list_opts,
	.run = run_list,
};

static const struct cmd *const subs[] = { &cmd_record, &cmd_end,
	&cmd_list_statuses, NULL };

const struct cmd cmd_membership = {
	.name = "membership",
	.help = N_("titles by which bodies belong to the network"),
	.subs = subs,
};
