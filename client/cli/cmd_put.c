/* cmd_put.c - resopro put: create or replace one record. */
#include <string.h>

#include "commands.h"
#include "input.h"
#include "json.h"
#include "kinds.h"
#include "opts.h"
#include "output.h"

static const struct opt opts[] = {
	{ .name = "if-version",
	    .arg = "N",
	    .help = N_("only if the record still has this version; 0: only if "
		       "it does not exist") },
	{ .name = "force",
	    .help = N_("whatever version is there: the last writer wins") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static const struct column columns[] = {
	{ .title = N_("KIND"), .path = "record.kind", .flags = COLUMN_KEEP },
	{ .title = N_("ID"), .path = "record.id", .flags = COLUMN_KEEP },
	{ .title = N_("VERSION"),
	    .path = "record.version",
	    .flags = COLUMN_RIGHT },
	{ .title = N_("REVISION"), .path = "revision", .flags = COLUMN_RIGHT },
	{ 0 }
};

/* A record, or the answer of `show --output json` around it. */
static const struct input_form forms[] = {
	{ &resopro__v1__get_response__descriptor, "record" },
	{ &resopro__v1__record__descriptor, NULL },
};

/* Exactly one record of the file; NULL after having told the user. */
static Resopro__V1__Record *
read_record(struct cli *cli, const char *path, ProtobufCMessage **owner,
    int *code)
{
	struct input in;
	ProtobufCMessage *second;
	Resopro__V1__Record *record = NULL;
	enum input_got got;
	size_t form;
	int line;

	*owner = NULL;
	*code = input_open(cli, &in, path);
	if (*code == 0) {
		*code = EXIT_INVALID;
		switch (input_next(cli, &in, forms, &form, &line, owner)) {
		case INPUT_ITEM:
			record =
			    form == 1
				? (Resopro__V1__Record *)*owner
				: ((Resopro__V1__GetResponse *)*owner)->record;
			break;
		case INPUT_END:
			cli_fail(cli, EXIT_INVALID,
			    _("Write one record as JSON; “resopro show KIND ID "
			      "--output json” shows the form."),
			    _("%s is empty"), in.path);
			break;
		default:
			break;
		}
	}
	if (record == NULL) {
		input_close(&in);
		return NULL;
	}
	got = input_next(cli, &in, forms, &form, &line, &second);
	if (got == INPUT_ITEM)
		json_message_free(second);
	if (got != INPUT_END) {
		cli_fail(cli, EXIT_INVALID,
		    _("“resopro push” sends many at once."),
		    _("%s:%d: more than one record"), in.path, line);
		record = NULL;
	}
	input_close(&in);
	return record;
}

/* The body says which kind it is. */
static void
infer_kind(Resopro__V1__Record *r)
{
	const ProtobufCFieldDescriptor *f =
	    protobuf_c_message_descriptor_get_field(
		&resopro__v1__record__descriptor, r->body_case);
	const struct kind *k = f != NULL ? kinds_by_word(f->name) : NULL;

	if (r->kind == RESOPRO__V1__KIND__KIND_UNSPECIFIED && k != NULL)
		r->kind = k->kind;
}

/* Which version must be there. */
static int
set_version(struct cli *cli, Resopro__V1__PutRequest *request)
{
	const char *version = args_get(cli->args, "if-version");

	if (version != NULL && args_has(cli->args, "force"))
		return cli_usage(cli, "%s",
		    _("--if-version and --force exclude each other"));
	if (version != NULL) {
		request->check_version = 1;
		return cli_number(cli, "--if-version", version, 0, UINT64_MAX,
		    &request->if_version);
	}
	/* The version that was shown is the one that was edited. */
	request->if_version = request->record->version;
	request->check_version =
	    request->if_version > 0 && !args_has(cli->args, "force");
	return 0;
}

static int
print_answer(struct cli *cli, ProtobufCMessage *message)
{
	Resopro__V1__PutResponse *answer = (Resopro__V1__PutResponse *)message;
	struct output *out;
	size_t i;

	for (i = 0; i < answer->n_warnings; i++)
		cli_warn(cli, "%s", answer->warnings[i]);
	if (cli->format == FORMAT_JSON || cli->format == FORMAT_JSONL)
		return output_message(cli, message);
	out = output_open(cli, columns, "records");
	output_item(out, message);
	return output_close(out);
}

static int
run_put(struct cli *cli, const struct args *args)
{
	Resopro__V1__PutRequest request;
	ProtobufCMessage *owner, *message;
	char id[65];
	int code;

	resopro__v1__put_request__init(&request);
	request.record = read_record(cli, args_operand(args, 0), &owner, &code);
	if (request.record != NULL) {
		infer_kind(request.record);
		request.request_id = id;
		code = set_version(cli, &request);
		if (code == 0)
			code = cli_request_id(cli, id);
		if (code == 0)
			code = cli_call(cli, &rsp_registry_put, &request.base,
			    &message);
		if (code == 0) {
			code = print_answer(cli, message);
			rsp_message_free(message);
		}
	}
	json_message_free(owner);
	return code;
}

const struct cmd cmd_put = {
	.name = "put",
	.args = "FILE|-",
	.min = 1,
	.max = 1,
	.help = N_("create or replace one record, written as JSON"),
	.details = N_("The record needs id, kind and a body; “resopro show "
		      "KIND ID --output json” gives one to edit. When it has "
		      "a version, that version must still be the current one."),
	.opts = opts,
	.complete = "files",
	.run = run_put,
};
