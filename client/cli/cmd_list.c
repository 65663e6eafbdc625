/* cmd_list.c - resopro list: records of one kind, filtered. */
#include <stdlib.h>

#include "commands.h"
#include "freshness.h"
#include "opts.h"
#include "paging.h"
#include "territory.h"

static const struct opt opts[] = {
	{ .name = "owner",
	    .arg = "ID",
	    .help = N_("only records that this organisation owns") },
	{ .name = "organisation",
	    .arg = "ID",
	    .help =
		N_("only sites, offers, statuses, activities of this one") },
	{ .name = "organisation-kind",
	    .arg = "CODE",
	    .help = N_("only organisations of this kind (mission-locale)") },
	{ .name = "territory",
	    .arg = "ZONE",
	    .help =
		N_("only in this zone: 14118, 14, epci:200065597, arr:142") },
	{ .name = "near",
	    .arg = "COMMUNE",
	    .help = N_("only sites and offers near it: code or name, or "
		       "LATITUDE,LONGITUDE; see --km") },
	{ .name = "km",
	    .arg = "KM",
	    .help = N_("with --near: at most so far (20)") },
	{ .name = "public",
	    .arg = "CODE",
	    .flags = OPT_MANY,
	    .help = N_("only offers for these people; may be repeated") },
	{ .name = "thematique",
	    .arg = "CODE",
	    .flags = OPT_MANY,
	    .help = N_("only offers on this, or of this group; may be "
		       "repeated") },
	{ .name = "changed-since",
	    .arg = "REVISION",
	    .help = N_("only what changed after this revision") },
	{ .name = "active-on",
	    .arg = "DATE",
	    .help = N_("only statuses that hold on this day") },
	{ .name = "freshness",
	    .arg = "STATE",
	    .flags = OPT_MANY,
	    .complete = "confirmed due stale",
	    .help = N_("only in this state: confirmed, due, stale; may be "
		       "repeated") },
	OPT_ROW_AS_OF, OPT_ROW_ALL, OPT_ROW_LIMIT, { 0 }
};

enum { STATES_MAX = 8, CODES_MAX = 20 };

static int
read_freshness(struct cli *cli, const struct args *args,
    Resopro__V1__Freshness states[STATES_MAX], size_t *n)
{
	const char *state;

	for (*n = 0; (state = args_nth(args, "freshness", *n)) != NULL &&
		     *n < STATES_MAX;
	     (*n)++)
		if (freshness_parse(cli, state, &states[*n]) != 0)
			return EXIT_USAGE;
	return 0;
}

/* The values of an option, borrowed. */
static int
read_codes(struct cli *cli, const struct args *args, const char *option,
    char *codes[CODES_MAX], size_t *n)
{
	const char *code;

	for (*n = 0; (code = args_nth(args, option, *n)) != NULL; (*n)++) {
		if (*n == CODES_MAX)
			return cli_usage(cli, _("--%s: at most %d"), option,
			    CODES_MAX);
		codes[*n] = cli_field(code);
	}
	return 0;
}

/* "49.18,-0.36". */
static bool
read_position(const char *text, Resopro__V1__Position *at)
{
	char rest;

	return sscanf(text, "%lf,%lf%c", &at->latitude, &at->longitude,
		   &rest) == 2;
}

struct near {
	Resopro__V1__Near message;
	Resopro__V1__Position position;
	char code[8], name[COMMUNE_NAME];
};

static int
read_near(struct cli *cli, const struct args *args, struct near *near,
    Resopro__V1__ListRequest *request)
{
	const char *place = args_get(args, "near"), *km = args_get(args, "km");
	char *end;
	int status;

	if (place == NULL)
		return km == NULL
			   ? 0
			   : cli_usage(cli, "%s", _("--km goes with --near"));
	resopro__v1__near__init(&near->message);
	resopro__v1__position__init(&near->position);
	near->message.km = 20;
	if (km != NULL) {
		near->message.km = strtod(km, &end);
		if (*km == '\0' || *end != '\0')
			return cli_usage(cli,
			    _("--km: “%.40s” is not a number"), km);
	}
	if (read_position(place, &near->position)) {
		near->message.position = &near->position;
	} else {
		status = territory_pick(cli, place, near->code, near->name);
		if (status != 0)
			return status;
		near->message.code_insee = near->code;
	}
	request->near = &near->message;
	return 0;
}

static int
run_list(struct cli *cli, const struct args *args)
{
	Resopro__V1__ListRequest request;
	Resopro__V1__AsOf as_of;
	Google__Protobuf__Timestamp time;
	Resopro__V1__Freshness states[STATES_MAX];
	const char *since = args_get(args, "changed-since");
	const char *when = args_get(args, "as-of");
	const char *day = args_get(args, "active-on");
	char *publics[CODES_MAX], *thematiques[CODES_MAX];
	struct near near;
	int status;

	resopro__v1__list_request__init(&request);
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    (since != NULL && cli_number(cli, "--changed-since", since, 0,
				  UINT64_MAX, &request.changed_since) != 0) ||
	    (when != NULL && cli_as_of(cli, when, &as_of, &time) != 0) ||
	    (day != NULL && cli_date(cli, "--active-on", day) != 0) ||
	    read_freshness(cli, args, states, &request.n_freshness) != 0 ||
	    read_codes(cli, args, "public", publics, &request.n_publics) != 0 ||
	    read_codes(cli, args, "thematique", thematiques,
		&request.n_thematiques) != 0)
		return EXIT_USAGE;
	if ((status = read_near(cli, args, &near, &request)) != 0)
		return status;
	request.publics = publics;
	request.thematiques = thematiques;
	request.freshness = states;
	request.as_of = when != NULL ? &as_of : NULL;
	request.owner = cli_field(args_get(args, "owner"));
	request.organisation_id = cli_field(args_get(args, "organisation"));
	request.organisation_kind =
	    cli_field(args_get(args, "organisation-kind"));
	request.territory = cli_field(args_get(args, "territory"));
	request.active_on = cli_field(args_get(args, "active-on"));
	return paging_records(cli, &request);
}

const struct cmd cmd_list = {
	.name = "list",
	.args = "KIND",
	.min = 1,
	.max = 1,
	.help = N_("records of one kind, filtered"),
	.details = N_(
	    "Kinds: organisation, site (lieu), offer (prestation), "
	    "status (titre), activity (activite), dispute (litige), transfer (transfert). "
	    "csv has every field, in the columns that “resopro push” "
	    "reads."),
	.opts = opts,
	.complete = "kinds",
	.run = run_list,
};
