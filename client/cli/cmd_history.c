/* cmd_history.c - resopro history: who changed what, and when. */
#include <string.h>

#include "commands.h"
#include "dates.h"
#include "json.h"
#include "opts.h"
#include "output.h"
#include "paging.h"
#include "table.h"
#include "term.h"

static const struct opt opts[] = {
	{ .name = "before",
	    .arg = "REVISION",
	    .help = N_("only changes older than this revision") },
	OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 }
};

static const struct column columns[] = { { .title = N_("REVISION"),
					     .path = "revision" },
	{ .title = N_("VERSION"), .path = "version" },
	{ .title = N_("TIME"), .path = "time" },
	{ .title = N_("ACTOR"), .path = "actor" },
	{ .title = N_("METHOD"), .path = "method" },
	{ .title = N_("CHANGE"), .path = "type" },
	{ .title = N_("FIELDS"), .path = "changes" }, { 0 } };

static enum colour
colour_of(Resopro__V1__ChangeType type)
{
	switch (type) {
	case RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_CREATED:
		return COLOUR_GOOD;
	case RESOPRO__V1__CHANGE_TYPE__CHANGE_TYPE_DELETED:
		return COLOUR_BAD;
	default:
		return COLOUR_CHANGE;
	}
}

static void
show_value(struct cli *cli, enum colour colour, const char *text)
{
	char *plain = json_plain(text);

	term_print(cli->out, cli->colour_out, colour,
	    plain != NULL ? plain : text);
	free(plain);
}

static void
show_change(struct cli *cli, const Resopro__V1__FieldChange *c, int width)
{
	fputs("    ", cli->out);
	term_print(cli->out, cli->colour_out, COLOUR_DIM, c->field);
	fprintf(cli->out, "%*s", width - (int)strlen(c->field) + 2, "");
	if (*c->before != '\0') {
		show_value(cli, COLOUR_BAD, c->before);
		fputs(" → ", cli->out);
	}
	show_value(cli, COLOUR_GOOD, *c->after != '\0' ? c->after : "∅");
	putc('\n', cli->out);
}

static void
show_entry(struct cli *cli, const Resopro__V1__HistoryEntry *e)
{
	char when[DATES_TEXT] = "", type[48];
	int width = 0;
	size_t i;

	if (e->time != NULL)
		dates_show(e->time->seconds, when);
	json_enum_short(&resopro__v1__change_type__descriptor, (int)e->type,
	    type);
	fprintf(cli->out, _("revision %ju  version %ju  %s  "),
	    (uintmax_t)e->revision, (uintmax_t)e->version, when);
	term_print(cli->out, cli->colour_out, colour_of(e->type), type);
	fputs("  ", cli->out);
	term_print(cli->out, false, COLOUR_NONE, e->actor);
	fputs("  ", cli->out);
	term_print(cli->out, cli->colour_out, COLOUR_DIM, e->method);
	putc('\n', cli->out);
	for (i = 0; i < e->n_changes; i++)
		if ((int)strlen(e->changes[i]->field) > width)
			width = (int)strlen(e->changes[i]->field);
	for (i = 0; i < e->n_changes; i++)
		show_change(cli, e->changes[i], width);
}

/* One page into the output (or onto the screen); the revision to go on from. */
static uint64_t
take_page(struct cli *cli, struct output *out,
    const Resopro__V1__HistoryResponse *r)
{
	size_t i;

	for (i = 0; i < r->n_entries; i++) {
		if (out != NULL)
			output_item(out, &r->entries[i]->base);
		else
			show_entry(cli, r->entries[i]);
	}
	return r->next_before_revision;
}

static int
read_pages(struct cli *cli, Resopro__V1__HistoryRequest *request)
{
	struct paging page;
	struct output *out = NULL;
	ProtobufCMessage *message;
	int code = paging_start(cli, &page);
	bool again = true;

	while (code == 0 && again) {
		Resopro__V1__HistoryResponse *r;

		request->limit = page.size;
		code = cli_call(cli, &rsp_registry_history, &request->base,
		    &message);
		if (code != 0)
			break;
		r = (Resopro__V1__HistoryResponse *)message;
		if (out == NULL && cli->format != FORMAT_TABLE)
			out = output_open(cli, columns, "entries");
		request->before_revision = take_page(cli, out, r);
		again = paging_next(&page, r->n_entries,
		    request->before_revision > 0 ? "more" : "");
		if (!again && out != NULL) {
			output_number(out, "revision", r->revision);
			output_number(out, "next_before_revision",
			    request->before_revision);
		}
		rsp_message_free(message);
	}
	if (out != NULL && output_close(out) != 0)
		code = EXIT_INTERNAL;
	if (code == 0)
		paging_end(cli, &page);
	return code;
}

static int
run_history(struct cli *cli, const struct args *args)
{
	Resopro__V1__HistoryRequest request;
	const char *id = args_operand(args, 1);
	const char *before = args_get(args, "before");

	resopro__v1__history_request__init(&request);
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    cli_id(cli, "ID", id) != 0 ||
	    (before != NULL && cli_number(cli, "--before", before, 1,
				   UINT64_MAX, &request.before_revision) != 0))
		return EXIT_USAGE;
	request.id = cli_field(id);
	return read_pages(cli, &request);
}

const struct cmd cmd_history = {
	.name = "history",
	.args = "KIND ID",
	.min = 2,
	.max = 2,
	.help = N_("who changed a record and when, field by field"),
	.details = N_("Newest first. Times are those of France."),
	.opts = opts,
	.complete = "kinds",
	.run = run_history,
};
