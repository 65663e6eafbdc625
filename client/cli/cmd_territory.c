/* cmd_territory.c - resopro territory: communes and the zones made of them. */
#include <resopro/v1/territories.pb-c.h>
#include <string.h>

#include "commands.h"
#include "opts.h"
#include "output.h"
#include "table.h"
#include "territory.h"

static const struct column commune_columns[] = {
	{ .title = N_("CODE"), .path = "code", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "nom" },
	{ .title = N_("DEPARTMENT"),
	    .path = "departement",
	    .flags = COLUMN_KEEP },
	{ .title = N_("EPCI"), .path = "epci", .flags = COLUMN_KEEP },
	{ .title = N_("MATCH"), .path = "match" },
	{ .title = N_("FORMER NAME"), .path = "matched" },
	{ .title = "latitude",
	    .path = "position.latitude",
	    .flags = COLUMN_CSV },
	{ .title = "longitude",
	    .path = "position.longitude",
	    .flags = COLUMN_CSV },
	{ 0 }
};

static const struct column zone_columns[] = {
	{ .title = N_("ZONE"), .path = "code", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "nom" },
	{ .title = N_("COMMUNES"), .path = "communes", .flags = COLUMN_RIGHT },
	{ .title = N_("YEAR"), .path = "millesime", .flags = COLUMN_KEEP },
	{ 0 }
};

enum { CHOICE_MAX = 200 };

/* ---- one commune -------------------------------------------------------------- */

static int
resolve(struct cli *cli, const char *text, uint32_t limit,
    ProtobufCMessage **message)
{
	Resopro__V1__ResolveRequest request;

	resopro__v1__resolve_request__init(&request);
	request.text = cli_field(text);
	request.limit = limit;
	return cli_call(cli, &rsp_territories_resolve, &request.base, message);
}

/* "com:14400": the commune of that INSEE code, whose postal code it may be. */
static bool
is_code(const char *text)
{
	return strncmp(text, "com:", 4) == 0;
}

/* The only match.  Five digits may be one commune's INSEE code and the postal
 * code of others: that too is a choice, never a guess. */
static const Resopro__V1__Commune *
only(const char *text, const Resopro__V1__ResolveResponse *r)
{
	if (is_code(text))
		return r->n_communes > 0 &&
			       r->communes[0]->match ==
				   RESOPRO__V1__RESOLVE_MATCH__RESOLVE_MATCH_CODE
			   ? r->communes[0]
			   : NULL;
	return r->n_communes == 1 ? r->communes[0] : NULL;
}

static int
show_choice(struct cli *cli, const char *text,
    const Resopro__V1__ResolveResponse *r)
{
	const struct table_column columns[] = { { _("CODE"), false, true },
		{ _("NAME"), false, false }, { _("DEPARTMENT"), false, true },
		{ _("FORMER NAME"), false, false } };
	struct table *t;
	size_t i;

	if (r->n_communes == 0 || is_code(text))
		return cli_fail(cli, EXIT_NOT_FOUND,
		    _("Check the spelling, or give the INSEE code; who lives "
		      "elsewhere gives the commune where help is asked."),
		    _("no commune of the territory is called “%.60s”"), text);
	cli_fail(cli, EXIT_INVALID,
	    _("Choose one: give its code, as com:14118."),
	    i18n_plural("“%.60s” may be %u commune:",
		"“%.60s” may be %u communes:", r->total),
	    text, r->total);
	t = table_open(cli->err, 0, cli->colour_err, columns, 4);
	for (i = 0; i < r->n_communes; i++) {
		const Resopro__V1__Commune *c = r->communes[i];
		const char *cells[] = { c->code, c->nom, c->departement,
			c->matched };

		table_add(t, cells, NULL);
	}
	table_close(t);
	return EXIT_INVALID;
}

int
territory_pick(struct cli *cli, const char *text, char code[8],
    char name[COMMUNE_NAME])
{
	const Resopro__V1__ResolveResponse *r;
	const Resopro__V1__Commune *c;
	ProtobufCMessage *message;
	int status =
	    resolve(cli, text + (is_code(text) ? 4 : 0), CHOICE_MAX, &message);

	if (status != 0)
		return status;
	r = (const Resopro__V1__ResolveResponse *)message;
	c = only(text, r);
	if (c == NULL) {
		status = show_choice(cli, text, r);
	} else {
		snprintf(code, 8, "%s", c->code);
		snprintf(name, COMMUNE_NAME, "%s", c->nom);
	}
	rsp_message_free(message);
	return status;
}

/* ---- commands ------------------------------------------------------------------- */

static int
run_resolve(struct cli *cli, const struct args *args)
{
	const char *limit = args_get(args, "limit");
	const char *text = args_operand(args, 0);
	Resopro__V1__ResolveResponse *r;
	ProtobufCMessage *message;
	struct output *out;
	uint64_t n = 0;
	size_t i, count;
	int code;

	if (limit != NULL && cli_number(cli, "--limit", limit, 1, 200, &n) != 0)
		return EXIT_USAGE;
	code = resolve(cli, text, (uint32_t)n, &message);
	if (code != 0)
		return code;
	r = (Resopro__V1__ResolveResponse *)message;
	out = output_open(cli, commune_columns, "communes");
	for (i = 0; i < r->n_communes; i++)
		output_item(out, &r->communes[i]->base);
	output_number(out, "revision", r->revision);
	output_text(out, "millesime", r->millesime);
	count = r->n_communes;
	if (r->total > r->n_communes)
		cli_say(cli, _("%u match in all: --limit N shows more."),
		    r->total);
	rsp_message_free(message);
	code = output_close(out);
	if (code == 0 && count == 0)
		return cli_fail(cli, EXIT_NOT_FOUND,
		    _("Check the spelling; former names, INSEE and postal "
		      "codes are known too."),
		    _("no commune matches “%.60s”"), text);
	return code;
}

static int
run_zones(struct cli *cli, const struct args *args)
{
	Resopro__V1__ListZonesRequest request;
	Resopro__V1__ListZonesResponse *r;
	ProtobufCMessage *message;
	struct output *out;
	size_t i;
	int code;

	resopro__v1__list_zones_request__init(&request);
	request.type = cli_field(args_operand(args, 0));
	code =
	    cli_call(cli, &rsp_territories_list_zones, &request.base, &message);
	if (code != 0)
		return code;
	r = (Resopro__V1__ListZonesResponse *)message;
	out = output_open(cli, zone_columns, "zones");
	for (i = 0; i < r->n_zones; i++)
		output_item(out, &r->zones[i]->base);
	output_number(out, "revision", r->revision);
	code = output_close(out);
	rsp_message_free(message);
	return code;
}

static const struct opt resolve_opts[] = { OPT_ROW_LIMIT, { 0 } };

static const struct cmd cmd_resolve = {
	.name = "resolve",
	.args = "TEXT",
	.min = 1,
	.max = 1,
	.help = N_("communes by code, name, former name or postal code"),
	.opts = resolve_opts,
	.run = run_resolve,
};

static const struct cmd cmd_zones = {
	.name = "zones",
	.args = "[TYPE]",
	.min = 0,
	.max = 1,
	.help = N_("zones: dep, arr, epci, catef, reg, or all of them"),
	.complete = "dep arr epci catef reg",
	.run = run_zones,
};

static const struct cmd *const subs[] = { &cmd_resolve, &cmd_zones, NULL };

const struct cmd cmd_territory = {
	.name = "territory",
	.help = N_("communes and the zones made of them"),
	.subs = subs,
};
