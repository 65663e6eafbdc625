/* cmd_pull.c - resopro pull: keep a copy of the register in a directory. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "kinds.h"
#include "opts.h"
#include "pull.h"

enum { KINDS_MAX = 16, FILTER_BYTES = 600 };

static const struct opt opts[] = {
	{ .name = "follow",
	    .help = N_("go on as the register changes, until told to stop") },
	{ .name = "kind",
	    .arg = "KIND",
	    .flags = OPT_MANY,
	    .complete = "kinds",
	    .help = N_("only records of this kind") },
	{ .name = "owner",
	    .arg = "ID",
	    .help = N_("only records that this organisation owns") },
	{ 0 }
};

/* What the mirror is a copy of, in words that are the same each time. */
static void
describe(const struct pull *p, char out[FILTER_BYTES])
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; kinds_at(i) != NULL; i++)
		for (size_t k = 0; k < p->request.n_kinds; k++)
			if (p->request.kinds[k] == kinds_at(i)->kind &&
			    n < FILTER_BYTES - 100)
				n += (size_t)snprintf(out + n, FILTER_BYTES - n,
				    "%s ", kinds_at(i)->words[1]);
	if (*p->request.owner != '\0')
		snprintf(out + n, FILTER_BYTES - n, "of %s", p->request.owner);
}

static int
read_options(struct pull *p, const struct args *args,
    Resopro__V1__Kind kinds[KINDS_MAX])
{
	const char *kind, *owner = args_get(args, "owner");

	for (size_t i = 0; (kind = args_nth(args, "kind", i)) != NULL; i++) {
		Resopro__V1__Kind k;

		if (cli_kind(p->cli, kind, &k) != 0)
			return EXIT_USAGE;
		if (p->request.n_kinds < KINDS_MAX)
			kinds[p->request.n_kinds++] = k;
	}
	if (owner != NULL && cli_id(p->cli, "--owner", owner) != 0)
		return EXIT_USAGE;
	p->request.kinds = kinds;
	p->request.owner = cli_field(owner);
	p->follow = args_has(args, "follow");
	return 0;
}

static void
say_outcome(struct cli *cli, const struct pull *p)
{
	uintmax_t revision = mirror_revision(p->mirror);

	if (p->anew)
		cli_say(cli, _("revision %ju: a new copy, %ju records"),
		    revision, p->changed);
	else
		cli_say(cli, _("revision %ju: %ju changed, %ju removed"),
		    revision, p->changed, p->removed);
}

static int
pull_into(struct pull *p, const char *dir)
{
	struct rsp_error e = { 0 };
	int code;

	p->mirror = mirror_open(dir, &e);
	if (p->mirror == NULL)
		return cli_fail(p->cli,
		    e.code == RSP_UNAVAILABLE  ? EXIT_UNAVAILABLE
		    : e.code == RSP_ERR_CONFIG ? EXIT_USAGE
					       : EXIT_INTERNAL,
		    e.remedy, "%s", e.msg);
	code = pull(p);
	if (code == EXIT_OK)
		say_outcome(p->cli, p);
	mirror_close(p->mirror);
	return code;
}

static int
run_pull(struct cli *cli, const struct args *args)
{
	struct pull p = { .cli = cli };
	Resopro__V1__Kind kinds[KINDS_MAX] = { 0 };
	char filter[FILTER_BYTES];

	resopro__v1__watch_request__init(&p.request);
	if (read_options(&p, args, kinds) != 0 || cli_client(cli) == NULL)
		return EXIT_USAGE;
	describe(&p, filter);
	p.filter = filter;
	return pull_into(&p, args_operand(args, 0));
}

const struct cmd cmd_pull = {
	.name = "pull",
	.args = "DIR",
	.min = 1,
	.max = 1,
	.help = N_("keep a copy of the register, for other programs"),
	.details = N_(
	    "DIR gets mirror.sqlite, with one table a kind, and one file of "
	    "JSON lines a kind. The first run copies all, each other one what "
	    "has changed since. A run that is cut off leaves the copy of the "
	    "one before; readers never see half a change."),
	.opts = opts,
	.complete = "files",
	.run = run_pull,
};
