/* cmd_activity.c - resopro activity: what members did, declared once. */
#include <resopro/v1/activities.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "form.h"
#include "input.h"
#include "json.h"
#include "kinds.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

static const struct opt declare_opts[] = {
	{ .letter = 'f',
	    .name = "file",
	    .arg = "FILE|-",
	    .complete = "files",
	    .help = N_("activities as JSON, one or many, instead of options") },
	{ .name = "source",
	    .arg = "NAME",
	    .help = N_("the member's system that holds the activity") },
	{ .name = "source-id",
	    .arg = "ID",
	    .help = N_("its identifier there: declared once only") },
	{ .name = "organisation", .arg = "ID", .help = N_("who did it") },
	{ .name = "site", .arg = "ID", .help = N_("at which of its sites") },
	{ .name = "kind", .arg = "CODE", .help = N_("A01 to A20") },
	{ .name = "title", .arg = "TEXT", .help = N_("3 to 150 characters") },
	{ .name = "start", .arg = "DATE", .help = N_("first day") },
	{ .name = "end",
	    .arg = "DATE",
	    .help = N_("last day; default: the first") },
	{ .name = "commune",
	    .arg = "CODE",
	    .flags = OPT_MANY,
	    .help = N_("INSEE code; may be repeated") },
	{ .name = "place-type", .arg = "CODE", .help = N_("kind of place") },
	{ .name = "uai", .arg = "CODE", .help = N_("the school, by its UAI") },
	{ .name = "people", .arg = "N", .help = N_("people met, in all") },
	{ .name = "audience",
	    .arg = "CODE=N",
	    .flags = OPT_MANY,
	    .help = N_("people by audience; may be repeated") },
	{ .name = "by-sex",
	    .arg = "CODE=N",
	    .flags = OPT_MANY,
	    .help = N_("people by sex (f, h, nr); may be repeated") },
	{ .name = "by-age",
	    .arg = "CODE=N",
	    .flags = OPT_MANY,
	    .help = N_("people by age class; may be repeated") },
	{ .name = "partial", .help = N_("the classes are not complete") },
	{ .name = "interviews",
	    .arg = "N",
	    .help = N_("number of interviews") },
	{ .name = "sessions", .arg = "N", .help = N_("number of sessions") },
	{ .name = "hours", .arg = "N", .help = N_("hours in all") },
	{ .name = "partner",
	    .arg = "ID",
	    .flags = OPT_MANY,
	    .help = N_("partner organisation; may be repeated") },
	{ .name = "psy-en",
	    .arg = "oui|non",
	    .complete = "oui non",
	    .help = N_("with psychologues de l'Éducation nationale") },
	{ .name = "mixite",
	    .arg = "LEVEL",
	    .complete = "aucune integree objet_principal",
	    .help = N_("aucune, integree or objet_principal") },
	{ .name = "mixite-effect",
	    .arg = "TEXT",
	    .help = N_("expected effect") },
	{ .name = "metier-sector",
	    .arg = "CODE",
	    .flags = OPT_MANY,
	    .help = N_("sector of occupations; may be repeated") },
	{ .name = "modality",
	    .arg = "CODE",
	    .help = N_("presentiel, distance or mixte") },
	{ .name = "region-financed",
	    .arg = "oui|non",
	    .complete = "oui non",
	    .help = N_("financed by the Region") },
	{ .name = "state",
	    .arg = "STATE",
	    .complete = "projet realise annule",
	    .help = N_("projet, realise (default) or annule") },
	{ .name = "event",
	    .arg = "ID",
	    .help = N_("event that several bodies declare") },
	{ .name = "event-lead", .help = N_("this body counts its people") },
	{ .name = "comment",
	    .arg = "TEXT",
	    .help = N_("at most 1,000 characters, about no person") },
	OPT_ROW_REQUEST_ID, { 0 }
};

static const struct form_row activity_form[] = {
	{ "organisation", "organisation_id", FORM_ID, true },
	{ "site", "site_id", FORM_ID, false },
	{ "kind", "activity_kind", FORM_TEXT, true },
	{ "title", "title", FORM_TEXT, true },
	{ "start", "start", FORM_DATE, true },
	{ "end", "end", FORM_DATE, false },
	{ "commune", "communes", FORM_TEXTS, false },
	{ "place-type", "place_type", FORM_TEXT, false },
	{ "uai", "etablissement_uai", FORM_TEXT, false },
	{ "people", "people", FORM_NUMBER, false },
	{ "audience", "audience", FORM_COUNTS, false },
	{ "by-sex", "by_sex", FORM_COUNTS, false },
	{ "by-age", "by_age", FORM_COUNTS, false },
	{ "partial", "partial", FORM_FLAG, false },
	{ "interviews", "interviews", FORM_NUMBER, false },
	{ "sessions", "sessions", FORM_NUMBER, false },
	{ "hours", "hours", FORM_DECIMAL, false },
	{ "partner", "partners", FORM_TEXTS, false },
	{ "psy-en", "psy_en", FORM_TEXT, false },
	{ "mixite", "mixite", FORM_TEXT, false },
	{ "mixite-effect", "mixite_effect", FORM_TEXT, false },
	{ "metier-sector", "metier_sectors", FORM_TEXTS, false },
	{ "modality", "modality", FORM_TEXT, false },
	{ "region-financed", "region_financed", FORM_TEXT, false },
	{ "state", "state", FORM_TEXT, false },
	{ "event", "event_id", FORM_ID, false },
	{ "event-lead", "event_lead", FORM_FLAG, false },
	{ "comment", "comment", FORM_TEXT, false }, { 0 }
};

/* The whole request, or the activity alone. */
static const struct input_form file_forms[] = {
	{ &resopro__v1__declare_request__descriptor, "activity" },
	{ &resopro__v1__activity__descriptor, NULL },
};

static const struct column declared_columns[] = {
	{ .title = N_("ID"), .path = "record.id", .flags = COLUMN_KEEP },
	{ .title = N_("KIND"),
	    .path = "record.activity.activity_kind",
	    .flags = COLUMN_KEEP },
	{ .title = N_("TITLE"), .path = "record.activity.title" },
	{ .title = N_("START"),
	    .path = "record.activity.start",
	    .flags = COLUMN_KEEP },
	{ .title = N_("REVISION"), .path = "revision", .flags = COLUMN_RIGHT },
	{ 0 }
};

/* ---- declare ------------------------------------------------------------------- */

/* A run of declarations: one, or a file of them. */
struct declare {
	struct cli *cli;
	struct output *out;
	size_t done, refused;
	int code; /* of the last failure */
};

static void
note(struct declare *d, int code)
{
	d->refused++;
	d->code = code;
}

static void
send_one(struct declare *d, Resopro__V1__DeclareRequest *request)
{
	struct cli *cli = d->cli;
	ProtobufCMessage *message;
	Resopro__V1__DeclareResponse *r;
	char id[65], *own = request->request_id;
	size_t i;
	int code = 0;

	if (*request->request_id == '\0') {
		code = cli_request_id(cli, id);
		request->request_id = id;
	}
	if (code == 0)
		code = cli_call(cli, &rsp_activities_declare, &request->base,
		    &message);
	request->request_id = own; /* who frees the request frees it */
	if (code != 0) {
		note(d, code);
		return;
	}
	r = (Resopro__V1__DeclareResponse *)message;
	for (i = 0; i < r->n_warnings; i++)
		cli_warn(cli, "%s", r->warnings[i]);
	if (d->out == NULL && cli->format == FORMAT_JSON &&
	    args_get(cli->args, "file") == NULL) {
		output_message(cli, message);
	} else {
		if (d->out == NULL)
			d->out = output_open(cli, declared_columns, "declared");
		output_item(d->out, message);
	}
	d->done++;
	rsp_message_free(message);
}

static void
send_file_item(struct declare *d, ProtobufCMessage *m, size_t form, int line)
{
	Resopro__V1__DeclareRequest request;
	size_t refused = d->refused;

	resopro__v1__declare_request__init(&request);
	if (form == 0) {
		send_one(d, (Resopro__V1__DeclareRequest *)m);
	} else {
		request.activity = (Resopro__V1__Activity *)m;
		request.source = cli_field(args_get(d->cli->args, "source"));
		request.source_id =
		    cli_field(args_get(d->cli->args, "source-id"));
		request.request_id = cli_field(NULL);
		send_one(d, &request);
	}
	if (d->refused > refused)
		cli_say(d->cli, _("it was the activity of line %d"), line);
}

/* Does it make sense to go on with the next one? */
static bool
is_over(const struct declare *d)
{
	return d->code == EXIT_UNAVAILABLE || d->code == EXIT_UNCERTAIN ||
	       d->code == EXIT_INTERRUPTED || d->code == EXIT_USAGE;
}

static void
send_file(struct declare *d, const char *path)
{
	ProtobufCMessage *m;
	struct input in;
	size_t form;
	int line, code = input_open(d->cli, &in, path);

	if (code != 0)
		note(d, code);
	while (code == 0 && !is_over(d)) {
		enum input_got got =
		    input_next(d->cli, &in, file_forms, &form, &line, &m);

		if (got == INPUT_END)
			break;
		if (got != INPUT_ITEM)
			note(d, EXIT_INVALID);
		if (got == INPUT_BROKEN)
			break;
		if (got == INPUT_ITEM) {
			send_file_item(d, m, form, line);
			json_message_free(m);
		}
	}
	if (code == 0 && d->done == 0 && d->refused == 0)
		note(d, cli_fail(d->cli, EXIT_INVALID,
			    _("Write activities as JSON, one after another."),
			    _("%s is empty"), in.path));
	input_close(&in);
}

static void
send_form(struct declare *d)
{
	Resopro__V1__DeclareRequest request;
	ProtobufCMessage *m = form_read(d->cli, activity_form,
	    &resopro__v1__activity__descriptor);

	resopro__v1__declare_request__init(&request);
	if (m == NULL) {
		note(d, EXIT_USAGE);
		return;
	}
	request.activity = (Resopro__V1__Activity *)m;
	request.source = cli_field(args_get(d->cli->args, "source"));
	request.source_id = cli_field(args_get(d->cli->args, "source-id"));
	request.request_id = cli_field(NULL);
	send_one(d, &request);
	json_message_free(m);
}

static int
run_declare(struct cli *cli, const struct args *args)
{
	struct declare d = { .cli = cli };
	const char *path = args_get(args, "file");

	if (path != NULL && form_is_used(cli, activity_form))
		return cli_usage(cli, "%s",
		    _("--file and options of the activity exclude each "
		      "other"));
	if (path != NULL && args_has(args, "request-id"))
		return cli_usage(cli, "%s",
		    _("in a file each activity has its own request_id"));
	if (path != NULL)
		send_file(&d, path);
	else
		send_form(&d);
	if (d.out != NULL && output_close(d.out) != 0)
		return EXIT_INTERNAL;
	if (d.refused == 0 || d.done == 0)
		return d.code;
	cli_warn(cli, _("%zu declared, %zu refused"), d.done, d.refused);
	return EXIT_PARTIAL;
}

/* ---- list ---------------------------------------------------------------------- */

static const struct opt list_opts[] = { { .name = "organisation",
					    .arg = "ID",
					    .help =
						N_("only those of this body") },
	{ .name = "kind", .arg = "CODE", .help = N_("only this kind, A01") },
	{ .name = "from",
	    .arg = "DATE",
	    .help = N_("only those that end on this day or later") },
	{ .name = "to",
	    .arg = "DATE",
	    .help = N_("only those that end on this day or sooner") },
	{ .name = "territory",
	    .arg = "ZONE",
	    .help = N_("only those that touch this zone") },
	OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 } };

static int
list_pages(struct cli *cli, Resopro__V1__ListActivitiesRequest *request)
{
	const struct kind *kind = kinds_of(RESOPRO__V1__KIND__KIND_ACTIVITY);
	struct output *out = NULL;
	ProtobufCMessage *message;
	struct paging page;
	char *token = NULL, *next;
	int code = paging_start(cli, &page);
	bool again = true;

	while (code == 0 && again) {
		Resopro__V1__ListActivitiesResponse *r;
		size_t i;

		request->page_size = page.size;
		code = cli_call(cli, &rsp_activities_list, &request->base,
		    &message);
		if (code != 0)
			break;
		r = (Resopro__V1__ListActivitiesResponse *)message;
		if (out == NULL) {
			out = output_open(cli, kind->columns, "records");
			output_all_fields(out, &resopro__v1__record__descriptor,
			    "activity");
			output_number(out, "revision", r->revision);
		}
		for (i = 0; i < r->n_records; i++)
			output_item(out, &r->records[i]->base);
		again = paging_next(&page, r->n_records, r->next_page_token);
		next = strdup(r->next_page_token);
		free(token);
		request->page_token = token = next;
		rsp_message_free(message);
	}
	if (out != NULL && page.more)
		output_text(out, "next_page_token", token);
	if (out != NULL && output_close(out) != 0)
		code = EXIT_INTERNAL;
	if (code == 0)
		paging_end(cli, &page);
	free(token);
	return code;
}

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__ListActivitiesRequest request;
	const char *from = args_get(args, "from"), *to = args_get(args, "to");

	resopro__v1__list_activities_request__init(&request);
	if ((from != NULL && cli_date(cli, "--from", from) != 0) ||
	    (to != NULL && cli_date(cli, "--to", to) != 0))
		return EXIT_USAGE;
	request.organisation_id = cli_field(args_get(args, "organisation"));
	request.activity_kind = cli_field(args_get(args, "kind"));
	request.from = cli_field(from);
	request.to = cli_field(to);
	request.territory = cli_field(args_get(args, "territory"));
	return list_pages(cli, &request);
}

static const struct cmd cmd_declare = {
	.name = "declare",
	.help = N_("declare activities, by options or from a file"),
	.details = N_("In a file each activity is the JSON of an Activity, or "
		      "{\"activity\": ..., \"source\": ..., \"source_id\": "
		      "...}. The same source and source_id twice is "
		      "refused: nothing is counted twice."),
	.opts = declare_opts,
	.run = run_declare,
};
static const struct cmd cmd_list_activities = {
	.name = "list",
	.help = N_("declared activities, filtered"),
	.opts = list_opts,
	.run = run_list,
};

static const struct cmd *const subs[] = { &cmd_declare, &cmd_list_activities,
	NULL };

const struct cmd cmd_activity = {
	.name = "activity",
	.help = N_("what members did, declared once for every report"),
	.subs = subs,
};
