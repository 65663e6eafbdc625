/* cmd_account.c - resopro account: who may call, with which credentials. */
#include <resopro/v1/admin.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "certfile.h"
#include "commands.h"
#include "form.h"
#include "input.h"
#include "json.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

enum { PINS_MAX = 2 };

static const struct column columns[] = {
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("ORGANISATION"), .path = "organisation_id" },
	{ .title = N_("ROLES"), .path = "roles" },
	{ .title = N_("TERRITORIES"), .path = "territories" },
	{ .title = N_("DISABLED"), .path = "disabled" },
	{ .title = N_("LABEL"), .path = "label" }, { 0 }
};

/* ---- reading ------------------------------------------------------------------- */

static const struct opt list_opts[] = { OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 } };

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__ListAccountsRequest request;
	struct output *out = NULL;
	ProtobufCMessage *message;
	struct paging page;
	char *token = NULL, *next;
	int code = paging_start(cli, &page);
	bool again = true;

	resopro__v1__list_accounts_request__init(&request);
	(void)args;
	while (code == 0 && again) {
		Resopro__V1__ListAccountsResponse *r;
		size_t i;

		request.page_size = page.size;
		code = cli_call(cli, &rsp_admin_list_accounts, &request.base,
		    &message);
		if (code != 0)
			break;
		r = (Resopro__V1__ListAccountsResponse *)message;
		if (out == NULL) {
			out = output_open(cli, columns, "accounts");
			output_number(out, "revision", r->revision);
		}
		for (i = 0; i < r->n_accounts; i++)
			output_item(out, &r->accounts[i]->base);
		again = paging_next(&page, r->n_accounts, r->next_page_token);
		next = strdup(r->next_page_token);
		free(token);
		request.page_token = token = next;
		rsp_message_free(message);
	}
	if (out != NULL && output_close(out) != 0)
		code = EXIT_INTERNAL;
	if (code == 0)
		paging_end(cli, &page);
	free(token);
	return code;
}

static int
get_account(struct cli *cli, const char *id, ProtobufCMessage **message)
{
	Resopro__V1__GetAccountRequest request;

	resopro__v1__get_account_request__init(&request);
	*message = NULL;
	if (cli_id(cli, "ID", id) != 0)
		return EXIT_USAGE;
	request.id = cli_field(id);
	return cli_call(cli, &rsp_admin_get_account, &request.base, message);
}

/* Print an AccountResponse and free it. */
static int
print_account(struct cli *cli, ProtobufCMessage *message)
{
	int code = output_message(cli, message);

	rsp_message_free(message);
	return code;
}

static int
run_show(struct cli *cli, const struct args *args)
{
	ProtobufCMessage *message;
	int code = get_account(cli, args_operand(args, 0), &message);

	return code == 0 ? print_account(cli, message) : code;
}

/* ---- writing ------------------------------------------------------------------- */

static int
put_account(struct cli *cli, Resopro__V1__PutAccountRequest request)
{
	ProtobufCMessage *message;
	char id[65];
	int code = cli_request_id(cli, id);

	request.request_id = id;
	if (code == 0)
		code = cli_call(cli, &rsp_admin_put_account, &request.base,
		    &message);
	return code == 0 ? print_account(cli, message) : code;
}

static const struct opt put_opts[] = {
	{ .letter = 'f',
	    .name = "file",
	    .arg = "FILE|-",
	    .complete = "files",
	    .help = N_("the account as JSON, instead of the options below") },
	{ .name = "organisation",
	    .arg = "ID",
	    .help = N_("the body that it acts for") },
	{ .name = "role",
	    .arg = "ROLE",
	    .flags = OPT_MANY,
	    .complete = "agency_admin agency_coordinator region_signatory "
			"crefop prefecture member_writer member_reader "
			"proximity operator",
	    .help = N_("what it may do; may be repeated") },
	{ .name = "territory",
	    .arg = "ZONE",
	    .flags = OPT_MANY,
	    .help = N_("zone of a coordinator; may be repeated") },
	{ .name = "label", .arg = "TEXT", .help = N_("for people") },
	{ .name = "if-version",
	    .arg = "N",
	    .help = N_("only if the account still has this version; 0: only "
		       "if it does not exist") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static const struct form_row account_form[] = {
	{ "organisation", "organisation_id", FORM_ID, false },
	{ "role", "roles", FORM_TEXTS, true },
	{ "territory", "territories", FORM_TEXTS, false },
	{ "label", "label", FORM_TEXT, false }, { 0 }
};

static const struct input_form file_forms[] = {
	{ &resopro__v1__account_response__descriptor, "account" },
	{ &resopro__v1__account__descriptor, NULL },
};

/* The account of a file, by `show --output json` or bare; *version when it has
 * one.  *owner is to be freed. */
static Resopro__V1__Account *
account_of_file(struct cli *cli, const char *path, ProtobufCMessage **owner,
    uint64_t *version)
{
	struct input in;
	size_t form;
	int line;
	enum input_got got = INPUT_BAD;

	if (input_open(cli, &in, path) == 0) {
		got = input_next(cli, &in, file_forms, &form, &line, owner);
		if (got == INPUT_END)
			cli_fail(cli, EXIT_INVALID,
			    _("“resopro account show ID --output json” shows "
			      "the form."),
			    _("%s is empty"), in.path);
	}
	input_close(&in);
	if (got != INPUT_ITEM)
		return NULL;
	if (form == 1)
		return (Resopro__V1__Account *)*owner;
	*version = ((Resopro__V1__AccountResponse *)*owner)->version;
	return ((Resopro__V1__AccountResponse *)*owner)->account;
}

/* Options describe a new account, or replace what they name in an old one. */
static int
set_id(struct cli *cli, Resopro__V1__Account *a, char **saved)
{
	const char *id = args_operand(cli->args, 0);

	*saved = a->id;
	if (id == NULL)
		return *a->id != '\0'
			   ? 0
			   : cli_usage(cli, "%s", _("the account has no id"));
	if (cli_id(cli, "ID", id) != 0)
		return EXIT_USAGE;
	a->id = cli_field(id);
	return 0;
}

/* Options cannot say pins nor being disabled: these stay as they are.  What
 * *now holds, to be freed, is lent to *a. */
static int
keep_unsaid(struct cli *cli, Resopro__V1__Account *a, ProtobufCMessage **now)
{
	struct rsp_client *client = cli_client(cli);
	Resopro__V1__GetAccountRequest request;
	const Resopro__V1__Account *old;
	struct rsp_error e = { 0 };

	if (client == NULL)
		return EXIT_USAGE;
	resopro__v1__get_account_request__init(&request);
	request.id = a->id;
	if (rsp_call(client, &rsp_admin_get_account, &request.base, now,
		cli->deadline_ms, &e) != 0)
		return e.code == RSP_NOT_FOUND ? 0 : cli_error(cli, &e, NULL);
	old = ((const Resopro__V1__AccountResponse *)*now)->account;
	if (old == NULL)
		return 0;
	a->disabled = old->disabled;
	a->n_certificate_pins = old->n_certificate_pins;
	a->certificate_pins = old->certificate_pins;
	return 0;
}

static int
put_by_options(struct cli *cli, Resopro__V1__PutAccountRequest request)
{
	Resopro__V1__Account account = *request.account;
	ProtobufCMessage *now = NULL;
	int code = keep_unsaid(cli, &account, &now);

	request.account = &account;
	if (code == 0)
		code = put_account(cli, request);
	rsp_message_free(now);
	return code;
}

static int
run_put(struct cli *cli, const struct args *args)
{
	Resopro__V1__PutAccountRequest request;
	const char *path = args_get(args, "file");
	const char *version = args_get(args, "if-version");
	ProtobufCMessage *owner = NULL;
	char *saved;
	int code;

	resopro__v1__put_account_request__init(&request);
	if (path != NULL && form_is_used(cli, account_form))
		return cli_usage(cli, "%s",
		    _("--file and options of the account exclude each other"));
	if (path != NULL)
		request.account =
		    account_of_file(cli, path, &owner, &request.if_version);
	else if ((owner = form_read(cli, account_form,
		      &resopro__v1__account__descriptor)) != NULL)
		request.account = (Resopro__V1__Account *)owner;
	code = request.account != NULL ? 0
	       : path != NULL          ? EXIT_INVALID
				       : EXIT_USAGE;
	if (code == 0 && version != NULL)
		code = cli_number(cli, "--if-version", version, 0, UINT64_MAX,
		    &request.if_version);
	request.check_version = version != NULL || request.if_version > 0;
	if (code == 0) {
		code = set_id(cli, request.account, &saved);
		if (code == 0)
			code = path == NULL ? put_by_options(cli, request)
					    : put_account(cli, request);
		request.account->id = saved;
	}
	json_message_free(owner);
	return code;
}

/* A copy of an account to change; what changed lives here, the rest is the
 * answer's. */
struct edited {
	Resopro__V1__Account account;
	char *pins[PINS_MAX];
	char sha256[65];
};

/* Read, change one thing, write: refused when someone else wrote meanwhile. */
static int
change(struct cli *cli, const char *id,
    int (*edit)(struct cli *, struct edited *))
{
	struct edited edited;
	Resopro__V1__PutAccountRequest request;
	Resopro__V1__AccountResponse *r;
	ProtobufCMessage *message;
	int code = get_account(cli, id, &message);

	resopro__v1__put_account_request__init(&request);
	if (code != 0)
		return code;
	r = (Resopro__V1__AccountResponse *)message;
	if (r->account != NULL)
		edited.account = *r->account;
	if (r->account != NULL && (code = edit(cli, &edited)) == 0) {
		request.account = &edited.account;
		request.if_version = r->version;
		request.check_version = 1;
		code = put_account(cli, request);
	}
	rsp_message_free(message);
	return code;
}

static int
disable(struct cli *cli, struct edited *e)
{
	if (!cli_ask(cli,
		_("%s can then do nothing, and its open watches "
		  "end."),
		e->account.id))
		return cli_fail(cli, EXIT_INTERRUPTED, NULL, "%s",
		    _("nothing was done"));
	e->account.disabled = 1;
	return 0;
}

static int
enable(struct cli *cli, struct edited *e)
{
	(void)cli;
	e->account.disabled = 0;
	return 0;
}

static int
run_disable(struct cli *cli, const struct args *args)
{
	return change(cli, args_operand(args, 0), disable);
}

static int
run_enable(struct cli *cli, const struct args *args)
{
	return change(cli, args_operand(args, 0), enable);
}

/* ---- certificates ---------------------------------------------------------------- */

/* Add the pin; with two already there the older one goes. */
static int
pin(struct cli *cli, struct edited *e)
{
	Resopro__V1__Account *a = &e->account;
	int code = certfile_sha256(cli, args_operand(cli->args, 1), e->sha256);
	size_t i;

	if (code != 0)
		return code;
	for (i = 0; i < a->n_certificate_pins; i++)
		if (strcmp(a->certificate_pins[i], e->sha256) == 0)
			return cli_fail(cli, EXIT_CONFLICT,
			    _("Nothing is left to do."),
			    _("%s has this certificate already"), a->id);
	if (a->n_certificate_pins >= PINS_MAX)
		cli_say(cli, _("the older pin %s is dropped"),
		    a->certificate_pins[0]);
	if (a->n_certificate_pins > 0)
		e->pins[0] = a->certificate_pins[a->n_certificate_pins - 1];
	a->n_certificate_pins = a->n_certificate_pins > 0 ? PINS_MAX : 1;
	e->pins[a->n_certificate_pins - 1] = e->sha256;
	a->certificate_pins = e->pins;
	return 0;
}

static int
run_pin(struct cli *cli, const struct args *args)
{
	return change(cli, args_operand(args, 0), pin);
}

static int
run_revoke_cert(struct cli *cli, const struct args *args)
{
	Resopro__V1__RevokeCertificateRequest request;
	const char *account = args_operand(args, 0);
	ProtobufCMessage *message;
	char sha256[65], id[65];
	int code;

	resopro__v1__revoke_certificate_request__init(&request);
	if (cli_id(cli, "ACCOUNT", account) != 0 ||
	    certfile_sha256(cli, args_operand(args, 1), sha256) != 0)
		return EXIT_USAGE;
	if (!cli_ask(cli,
		_("the certificate %s will never be accepted "
		  "again."),
		sha256))
		return cli_fail(cli, EXIT_INTERRUPTED, NULL, "%s",
		    _("nothing was done"));
	request.account_id = cli_field(account);
	request.sha256 = sha256;
	request.request_id = id;
	code = cli_request_id(cli, id);
	if (code == 0)
		code = cli_call(cli, &rsp_admin_revoke_certificate,
		    &request.base, &message);
	return code == 0 ? print_account(cli, message) : code;
}

/* ---- tokens ------------------------------------------------------------------------ */

static const struct opt token_opts[] = {
	{ .name = "label", .arg = "TEXT", .help = N_("for people") },
	{ .name = "days",
	    .arg = "N",
	    .help = N_("for so long, 1 to 730 (365)") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static int
print_token(struct cli *cli, ProtobufCMessage *message)
{
	const Resopro__V1__CreateTokenResponse *r =
	    (const Resopro__V1__CreateTokenResponse *)message;
	int code = EXIT_OK;

	if (cli->format == FORMAT_TABLE)
		fprintf(cli->out, "%s\n", r->secret);
	else
		code = output_message(cli, message);
	cli_say(cli,
	    _("token %s; it is not shown again: keep it in a file "
	      "of mode 0600 (--token-file, RESOPRO_TOKEN)"),
	    r->token_id);
	rsp_message_free(message);
	return output_done(cli, code);
}

static int
run_create_token(struct cli *cli, const struct args *args)
{
	Resopro__V1__CreateTokenRequest request;
	const char *account = args_operand(args, 0);
	const char *days = args_get(args, "days");
	ProtobufCMessage *message;
	uint64_t n = 0;
	char id[65];
	int code;

	resopro__v1__create_token_request__init(&request);
	if (cli_id(cli, "ACCOUNT", account) != 0 ||
	    (days != NULL && cli_number(cli, "--days", days, 1, 730, &n) != 0))
		return EXIT_USAGE;
	request.account_id = cli_field(account);
	request.label = cli_field(args_get(args, "label"));
	request.days = (uint32_t)n;
	request.request_id = id;
	code = cli_request_id(cli, id);
	if (code == 0)
		code = cli_call(cli, &rsp_admin_create_token, &request.base,
		    &message);
	return code == 0 ? print_token(cli, message) : code;
}

static const struct opt revoke_opts[] = { OPT_ROW_REQUEST_ID, { 0 } };

static int
run_revoke_token(struct cli *cli, const struct args *args)
{
	Resopro__V1__RevokeTokenRequest request;
	const char *account = args_operand(args, 0);
	ProtobufCMessage *message;
	char id[65];
	int code;

	resopro__v1__revoke_token_request__init(&request);
	if (cli_id(cli, "ACCOUNT", account) != 0)
		return EXIT_USAGE;
	request.account_id = cli_field(account);
	request.token_id = cli_field(args_operand(args, 1));
	request.request_id = id;
	code = cli_request_id(cli, id);
	if (code == 0)
		code = cli_call(cli, &rsp_admin_revoke_token, &request.base,
		    &message);
	return code == 0 ? print_account(cli, message) : code;
}

/* ---- the tables -------------------------------------------------------------------- */

static const struct cmd cmd_list_accounts = {
	.name = "list",
	.help = N_("every account"),
	.opts = list_opts,
	.run = run_list,
};
static const struct cmd cmd_show_account = {
	.name = "show",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("one account"),
	.run = run_show,
};
static const struct cmd cmd_put_account = {
	.name = "put",
	.args = "[ID]",
	.min = 0,
	.max = 1,
	.help = N_("create or replace an account"),
	.details = N_("By options (a new account needs ID and --role), or from "
		      "--file: “resopro account show ID --output json” gives "
		      "one to edit. What is not given is removed; tokens "
		      "and revocations stay, and with options pins and being "
		      "disabled."),
	.opts = put_opts,
	.run = run_put,
};
static const struct cmd cmd_disable = {
	.name = "disable",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("refuse the account from now on; its watches end"),
	.opts = revoke_opts,
	.run = run_disable,
};
static const struct cmd cmd_enable = {
	.name = "enable",
	.args = "ID",
	.min = 1,
	.max = 1,
	.help = N_("accept the account again"),
	.opts = revoke_opts,
	.run = run_enable,
};
static const struct cmd cmd_create_token = {
	.name = "create",
	.args = "ACCOUNT",
	.min = 1,
	.max = 1,
	.help = N_("a new API token, shown once"),
	.opts = token_opts,
	.run = run_create_token,
};
static const struct cmd cmd_revoke_token = {
	.name = "revoke",
	.args = "ACCOUNT TOKEN",
	.min = 2,
	.max = 2,
	.help = N_("refuse a token from now on"),
	.opts = revoke_opts,
	.run = run_revoke_token,
};
static const struct cmd cmd_pin = {
	.name = "pin",
	.args = "ACCOUNT FILE|SHA256",
	.min = 2,
	.max = 2,
	.help = N_("accept only this certificate, and the one pinned before"),
	.opts = revoke_opts,
	.complete = "|files",
	.run = run_pin,
};
static const struct cmd cmd_revoke_cert = {
	.name = "revoke",
	.args = "ACCOUNT FILE|SHA256",
	.min = 2,
	.max = 2,
	.help = N_("refuse a certificate for ever"),
	.opts = revoke_opts,
	.complete = "|files",
	.run = run_revoke_cert,
};

static const struct cmd *const token_subs[] = { &cmd_create_token,
	&cmd_revoke_token, NULL };
static const struct cmd *const cert_subs[] = { &cmd_pin, &cmd_revoke_cert,
	NULL };

static const struct cmd cmd_token = {
	.name = "token",
	.help = N_("API tokens of an account"),
	.subs = token_subs,
};
static const struct cmd cmd_cert = {
	.name = "cert",
	.help = N_("certificates of an account"),
	.subs = cert_subs,
};

static const struct cmd *const subs[] = { &cmd_list_accounts, &cmd_show_account,
	&cmd_put_account, &cmd_disable, &cmd_enable, &cmd_token, &cmd_cert,
	NULL };

const struct cmd cmd_account = {
	.name = "account",
	.help = N_("who may call, with which roles and credentials"),
	.subs = subs,
};
