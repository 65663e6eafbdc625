/* cmd_push.c - resopro push: send a member's records, show what changes. */
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cmd.h"
#include "commands.h"
#include "i18n.h"
#include "plan.h"
#include "push_check.h"
#include "push_files.h"
#include "push_send.h"

enum { KINDS_MAX = 4 };

struct push {
	struct cli *cli;
	struct push_files files;
	struct push_check check;
	struct plan plan;
	struct spool spool; /* .dir NULL: nothing is kept */
	Resopro__V1__SyncStart start;
	Resopro__V1__SyncScope scope;
	Resopro__V1__Kind kinds[KINDS_MAX];
	char request_id[65];
};

/* ---- what is asked for --------------------------------------------------- */

static char *
unconst(const char *text)
{
	return (char *)(uintptr_t)text; /* protobuf-c only reads it */
}

static int
read_options(struct push *p, const struct args *args)
{
	const char *confirm = args_get(args, "confirm-retire");
	const char *owner = args_get(args, "owner");
	const char *source = args_get(args, "source");
	uint64_t n = 0;

	resopro__v1__sync_start__init(&p->start);
	if (confirm != NULL && cli_number(p->cli, "--confirm-retire", confirm,
				   1, UINT32_MAX, &n) != 0)
		return EXIT_USAGE;
	if (confirm != NULL && !args_has(args, "full"))
		return cli_usage(p->cli, "%s",
		    _("--confirm-retire needs --full: only a full set retires "
		      "records"));
	if (owner != NULL && cli_id(p->cli, "--owner", owner) != 0)
		return EXIT_USAGE;
	p->start.confirm_retire = (uint32_t)n;
	p->start.owner = unconst(owner == NULL ? "" : owner);
	p->start.source = unconst(source == NULL ? "push" : source);
	p->start.mode = args_has(args, "full")
			    ? RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL
			    : RESOPRO__V1__SYNC_MODE__SYNC_MODE_DELTA;
	p->start.dry_run = args_has(args, "dry-run");
	p->start.accept_valid = args_has(args, "accept-valid");
	p->start.show_unchanged = args_has(args, "unchanged");
	return 0;
}

/* Add a name to one of the scope's lists; these are set whole or not at all, and
 * borrow the command line. */
static int
add_name(char ***list, size_t *n, const char *text)
{
	char **grown = realloc(*list, (*n + 1) * sizeof(*grown));

	if (grown == NULL)
		return -1;
	*list = grown;
	grown[(*n)++] = unconst(text);
	return 0;
}

/* "id:ml-caen" is the register's, anything else the member's own. */
static int
read_scope(struct push *p, const struct args *args)
{
	Resopro__V1__SyncScope *s = &p->scope;
	const char *x;
	int rc = 0;

	resopro__v1__sync_scope__init(s);
	for (size_t i = 0;
	     (x = args_nth(args, "only-organisation", i)) != NULL && rc == 0;
	     i++)
		rc = strncmp(x, "id:", 3) == 0
			 ? add_name(&s->organisation_ids,
			       &s->n_organisation_ids, x + 3)
			 : add_name(&s->organisation_source_ids,
			       &s->n_organisation_source_ids, x);
	for (size_t i = 0;
	     (x = args_nth(args, "only-site", i)) != NULL && rc == 0; i++)
		rc = strncmp(x, "id:", 3) == 0
			 ? add_name(&s->site_ids, &s->n_site_ids, x + 3)
			 : add_name(&s->site_source_ids, &s->n_site_source_ids,
			       x);
	if (args_has(args, "only-organisation") || args_has(args, "only-site"))
		p->start.scope = s;
	return rc == 0 ? 0
		       : cli_fail(p->cli, EXIT_INTERNAL, NULL, "%s",
			     _("out of memory"));
}

static void
free_scope(struct push *p)
{
	free(p->scope.organisation_ids);
	free(p->scope.organisation_source_ids);
	free(p->scope.site_ids);
	free(p->scope.site_source_ids);
}

static int
kind_option(struct push *p, const struct args *args,
    const struct records_kind **k)
{
	const char *text = args_get(args, "kind");
	Resopro__V1__Kind kind;

	*k = NULL;
	if (text == NULL)
		return 0;
	if (cli_kind(p->cli, text, &kind) != 0)
		return EXIT_USAGE;
	*k = records_kind_of(kind);
	if (*k != NULL)
		return 0;
	return cli_usage(p->cli, "%s",
	    _("--kind takes organisation, site, offer or status"));
}

/* A full set covers the kinds of its files and no other: sites.csv alone must
 * not retire the offers. */
static int
set_kinds(struct push *p)
{
	const struct records_kind *k;

	p->start.n_kinds = 0;
	p->start.kinds = p->kinds;
	for (size_t i = 0; (k = records_kind_at(i)) != NULL; i++)
		if (p->check.kinds & 1U << k->kind)
			p->kinds[p->start.n_kinds++] = k->kind;
	if (p->start.n_kinds > 0)
		return 0;
	return cli_fail(p->cli, EXIT_USAGE,
	    _("Give --kind to say which kind of record the file would hold."),
	    "%s", _("the file holds no record"));
}

/* ---- what the check found ------------------------------------------------ */

static int
judge_check(struct push *p)
{
	bool full = p->start.mode == RESOPRO__V1__SYNC_MODE__SYNC_MODE_FULL;

	if (p->check.bad == 0)
		return 0;
	if (!p->start.accept_valid)
		return cli_fail(p->cli, EXIT_INVALID,
		    _("Correct them, or add --accept-valid to send the "
		      "others."),
		    i18n_plural("%u record cannot be sent; nothing was sent",
			"%u records cannot be sent; nothing was sent",
			p->check.bad),
		    p->check.bad);
	if (full)
		return cli_fail(p->cli, EXIT_INVALID,
		    _("Correct them, or push without --full: a full set "
		      "retires what it does not hold."),
		    i18n_plural("%u record cannot be sent; nothing was sent",
			"%u records cannot be sent; nothing was sent",
			p->check.bad),
		    p->check.bad);
	return 0;
}

/* ---- sending ------------------------------------------------------------- */

/* Out of reach: on disk, to be sent by the next run. */
static int
keep(struct push *p, struct push_feed *feed, struct rsp_error *why)
{
	struct rsp_error e = { 0 };

	if (p->spool.dir == NULL)
		return cli_error(p->cli, why, NULL);
	if (spool_keep(&p->spool, feed, &p->start, (uint32_t)p->check.origins.n,
		&e) != 0) {
		cli_warn(p->cli, _("the set could not be kept: %s"), e.msg);
		return cli_error(p->cli, why, NULL);
	}
	return cli_fail(p->cli, EXIT_SPOOLED,
	    _("The next push sends it first; “resopro spool send” does it "
	      "now."),
	    _("%s; the set is kept in %s"), why->msg, p->spool.dir);
}

static int
send_own(struct push *p, struct push_feed *feed)
{
	struct rsp_error e = { 0 };
	int code = 0;

	plan_open(&p->plan, p->cli, &p->check.origins, &p->files, &p->start);
	if (push_send(p->cli, feed, (uint32_t)p->check.origins.n, &p->plan,
		p->check.bad, &code, &e) == PUSH_LATER)
		return p->start.dry_run ? cli_error(p->cli, &e, NULL)
					: keep(p, feed, &e);
	return code;
}

static int
send_set(struct push *p)
{
	struct push_feed *feed;
	struct rsp_error e = { 0 };
	enum push_sent before = PUSH_SENT;
	int code = 0, own;

	if (cli_client(p->cli) == NULL)
		return EXIT_USAGE;
	feed = push_feed_files(&p->files, &p->check, &p->start);
	if (feed == NULL)
		return cli_fail(p->cli, EXIT_INTERNAL, NULL, "%s",
		    _("out of memory"));
	/* What was kept earlier comes first. */
	if (p->spool.dir != NULL)
		before = push_send_waiting(&p->spool, &code, &e);
	own = before == PUSH_STUCK   ? code
	      : before == PUSH_LATER ? keep(p, feed, &e)
				     : send_own(p, feed);
	push_feed_free(feed);
	return own == EXIT_OK ? code : own;
}

/* ---- the command --------------------------------------------------------- */

static int
open_spool(struct push *p)
{
	char *dir = args_has(p->cli->args, "no-spool")
			? NULL
			: spool_directory(p->cli->args);

	return dir == NULL ? 0 : spool_open(&p->spool, p->cli, dir);
}

static int
push_opened(struct push *p)
{
	int rc = push_check(&p->check, p->cli, &p->files);

	if (rc == 0)
		rc = judge_check(p);
	if (rc == 0)
		rc = set_kinds(p);
	if (rc == 0)
		rc = cli_request_id(p->cli, p->request_id);
	p->start.request_id = p->request_id;
	if (rc == 0 && !p->start.dry_run)
		rc = open_spool(p);
	return rc == 0 ? send_set(p) : rc;
}

static int
run_push(struct cli *cli, const struct args *args)
{
	struct push p = { .cli = cli };
	const struct records_kind *kind;
	int rc = read_options(&p, args);

	if (rc == 0)
		rc = read_scope(&p, args);
	if (rc == 0)
		rc = kind_option(&p, args, &kind);
	if (rc == 0)
		rc =
		    push_files_open(&p.files, cli, args_operand(args, 0), kind);
	push_files_organisations(&p.files, args_get(args, "organisation-kind"));
	if (rc == 0)
		rc = push_opened(&p);
	push_check_free(&p.check);
	push_files_close(&p.files);
	free_scope(&p);
	spool_close(&p.spool);
	return rc;
}

static const struct opt opts[] = {
	{ .name = "full",
	    .help = N_("the set is all there is of its kinds: "
		       "what it lacks is retired") },
	{ .name = "only-organisation",
	    .arg = "ID",
	    .flags = OPT_MANY,
	    .help = N_("the set covers this organisation only, by your own "
		       "identifier or as id:ID; may be repeated") },
	{ .name = "only-site",
	    .arg = "ID",
	    .flags = OPT_MANY,
	    .help = N_("the same for one site and its offers") },
	{ .letter = 'n',
	    .name = "dry-run",
	    .help = N_("only show what would change") },
	{ .name = "confirm-retire",
	    .arg = "N",
	    .help = N_("so many records really end") },
	{ .name = "accept-valid",
	    .help = N_("apply the good records although others are refused") },
	{ .name = "owner",
	    .arg = "ID",
	    .help = N_("the organisation that owns the records (your own)") },
	{ .name = "source",
	    .arg = "NAME",
	    .help = N_("the system that they come from (push)") },
	{ .name = "kind",
	    .arg = "KIND",
	    .complete = "kinds",
	    .help = N_("what a lone file holds, when its name does not say") },
	{ .name = "organisation-kind",
	    .arg = "CODE",
	    .help = N_("structures of data-inclusion are organisations, too, "
		       "of this kind") },
	{ .name = "unchanged", .help = N_("list unchanged records too") },
	{ .name = "spool",
	    .arg = "DIR",
	    .complete = "files",
	    .help = N_("where a set is kept while the server is out of "
		       "reach") },
	{ .name = "no-spool",
	    .help = N_("neither keep this set nor send those that are kept") },
	{ .name = "request-id",
	    .arg = "ID",
	    .help = N_("repeat an earlier push: it is done once") },
	{ 0 },
};

const struct cmd cmd_push = {
	.name = "push",
	.args = "PATH",
	.min = 1,
	.max = 1,
	.complete = "files",
	.help = N_("send records from CSV, JSON lines or data-inclusion"),
	.details = N_(
	    "PATH is a CSV file, a file of JSON lines, - for standard input, "
	    "or a directory that holds organisations.csv, sites.csv, "
	    "offers.csv or statuses.csv (or .jsonl).\n"
	    "A CSV file has a header with the names of the fields; commas, "
	    "semicolons or tabs; lists apart by |. Each record has your own "
	    "identifier in source_id; sites and offers name their organisation "
	    "by organisation_id, or by organisation_source_id when it comes "
	    "from the same source; without either they are your own body's. "
	    "Without --full, a column retire (oui) ends a record. A JSON "
	    "array, or an object with structures and services, is read as "
	    "data-inclusion v1: sites and offers.\n"
	    "The plan says what is created (+), updated (~), retired (-) and "
	    "refused (!). Everything is applied in one step, or nothing is.\n"
	    "While the server is out of reach the set is kept on disk (see "
	    "resopro spool), and the next push sends it first. "
	    "Exit status: 8 when only a part was applied, 6 when it was "
	    "refused, 10 when it was kept to be sent later."),
	.opts = opts,
	.run = run_push,
};
