/* cmd_explain.c - resopro explain: may this account do that, and by which rule? */
#include <resopro/v1/admin.pb-c.h>
#include <string.h>

#include "closest.h"
#include "commands.h"
#include "opts.h"
#include "output.h"
#include "term.h"

static const struct opt opts[] = { { .name = "field",
				       .arg = "NAME",
				       .help = N_(
					   "a field that would be changed") },
	{ 0 } };

static int
check_method(struct cli *cli, const char *name)
{
	struct closest near = { .word = name };
	const struct rsp_method *m;
	char remedy[160];
	size_t i;

	if (rsp_method_find(name) != NULL || strchr(name, '/') != NULL)
		return 0; /* a newer server may know more */
	for (i = 0; (m = rsp_method_at(i)) != NULL; i++) {
		const char *slash = strrchr(m->path, '/');

		closest_try(&near, slash + 1);
	}
	snprintf(remedy, sizeof remedy, _("Write it as Registry/%s."),
	    near.best != NULL ? near.best : "Put");
	return cli_fail(cli, EXIT_USAGE, remedy, _("“%.60s” is no method"),
	    name);
}

static int
print_answer(struct cli *cli, const ProtobufCMessage *message)
{
	const Resopro__V1__ExplainResponse *a =
	    (const Resopro__V1__ExplainResponse *)message;

	if (cli->format != FORMAT_TABLE) {
		output_message(cli, message);
	} else {
		term_print(cli->out, cli->colour_out,
		    a->allowed ? COLOUR_GOOD : COLOUR_BAD,
		    a->allowed ? _("allowed") : _("refused"));
		fputs("  ", cli->out);
		term_print(cli->out, false, COLOUR_NONE, a->rule);
		putc('\n', cli->out);
		term_print(cli->out, false, COLOUR_NONE, a->reason);
		if (*a->remedy != '\0') {
			fputs("\n→ ", cli->out);
			term_print(cli->out, false, COLOUR_NONE, a->remedy);
		}
		putc('\n', cli->out);
	}
	return output_done(cli, a->allowed ? EXIT_OK : EXIT_DENIED);
}

static int
run_explain(struct cli *cli, const struct args *args)
{
	Resopro__V1__ExplainRequest request;
	const char *account = args_operand(args, 0);
	const char *kind = args_operand(args, 2), *id = args_operand(args, 3);
	ProtobufCMessage *message;
	int code;

	resopro__v1__explain_request__init(&request);
	if (strcmp(account, "me") == 0 || strcmp(account, "-") == 0)
		account = "";
	if ((*account != '\0' && cli_id(cli, "ACCOUNT", account) != 0) ||
	    check_method(cli, args_operand(args, 1)) != 0 ||
	    (kind != NULL && cli_kind(cli, kind, &request.kind) != 0) ||
	    (id != NULL && cli_id(cli, "ID", id) != 0))
		return EXIT_USAGE;
	request.account_id = cli_field(account);
	request.method = cli_field(args_operand(args, 1));
	request.record_id = cli_field(id);
	request.field = cli_field(args_get(args, "field"));
	code = cli_call(cli, &rsp_admin_explain, &request.base, &message);
	if (code != 0)
		return code;
	code = print_answer(cli, message);
	rsp_message_free(message);
	return code;
}

const struct cmd cmd_explain = {
	.name = "explain",
	.args = "ACCOUNT|me METHOD [KIND [ID]]",
	.min = 2,
	.max = 4,
	.help = N_("whether an account may do something, and by which rule"),
	.details = N_("METHOD is written as Registry/Put. The exit code is 0 "
		      "when it is allowed, 4 when it is refused."),
	.opts = opts,
	.complete = "|methods|kinds",
	.run = run_explain,
};
