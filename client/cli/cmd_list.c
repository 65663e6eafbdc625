/* cmd_list.c - resopro list: records of one kind, filtered. */
#include "commands.h"
#include "freshness.h"
#include "opts.h"
#include "paging.h"

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

enum { STATES_MAX = 8 };

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

	resopro__v1__list_request__init(&request);
	if (cli_kind(cli, args_operand(args, 0), &request.kind) != 0 ||
	    (since != NULL && cli_number(cli, "--changed-since", since, 0,
				  UINT64_MAX, &request.changed_since) != 0) ||
	    (when != NULL && cli_as_of(cli, when, &as_of, &time) != 0) ||
	    (day != NULL && cli_date(cli, "--active-on", day) != 0) ||
	    read_freshness(cli, args, states, &request.n_freshness) != 0)
		return EXIT_USAGE;
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
	.details = N_("Kinds: organisation, site (lieu), offer (prestation), "
		      "status (titre), activity (activite), dispute (litige). "
		      "csv has every field, in the columns that “resopro push” "
		      "reads."),
	.opts = opts,
	.complete = "kinds",
	.run = run_list,
};
