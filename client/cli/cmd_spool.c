/* cmd_spool.c - resopro spool: sets that wait for the server. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "json.h"
#include "output.h"
#include "push_send.h"
#include "term.h"

#define OPT_ROW_SPOOL                                                          \
	{                                                                      \
		.name = "spool", .arg = "DIR", .complete = "files",            \
		.help = N_("the directory of the sets")                        \
	}

/* The spool with its sets; close_all() in any case. */
struct kept {
	struct spool spool;
	struct spool_set *list;
	size_t n;
};

static int
open_all(struct kept *k, struct cli *cli)
{
	char *dir = spool_directory(cli->args);
	int code;

	memset(k, 0, sizeof *k);
	if (dir == NULL)
		return cli_fail(cli, EXIT_USAGE,
		    _("Give --spool DIR, or set RESOPRO_SPOOL."), "%s",
		    _("no directory for kept sets is named"));
	code = spool_open(&k->spool, cli, dir);
	return code == 0 ? spool_list(&k->spool, &k->list, &k->n) : code;
}

static void
close_all(struct kept *k)
{
	spool_close(&k->spool);
	free(k->list);
}

/* By its name, or by a part of it that no other has. */
static int
find(struct kept *k, struct cli *cli, const char *text, size_t *at)
{
	size_t found = 0;

	for (size_t i = 0; i < k->n; i++)
		if (strstr(k->list[i].name, text) != NULL) {
			*at = i;
			found++;
		}
	if (found == 1)
		return 0;
	return cli_fail(cli, found == 0 ? EXIT_NOT_FOUND : EXIT_USAGE,
	    _("“resopro spool list” shows the names."),
	    found == 0 ? _("no kept set is called “%.80s”")
		       : _("several kept sets are called “%.80s”"),
	    text);
}

/* ---- list ------------------------------------------------------------------- */

static void
when(const struct spool_set *x, char out[20])
{
	time_t t = (time_t)x->created;
	struct tm tm;

	strftime(out, 20, "%Y-%m-%d %H:%M", localtime_r(&t, &tm));
}

static void
print_set(struct cli *cli, const struct spool_set *x)
{
	char day[20];

	when(x, day);
	fprintf(cli->out, "%s  %s  %s %s%s%s  ", x->name, day, x->mode,
	    x->owner, *x->owner == '\0' ? "" : "/", x->source);
	fprintf(cli->out, i18n_plural("%u record", "%u records", x->records),
	    x->records);
	fprintf(cli->out, "  %s",
	    x->aside            ? _("set aside")
	    : spool_is_stale(x) ? _("too old")
				: _("waits"));
	fputc('\n', cli->out);
	if (*x->why == '\0')
		return;
	fputs("    → ", cli->out);
	term_print(cli->out, cli->colour_out, COLOUR_NONE, x->why);
	fputc('\n', cli->out);
}

static void
print_json(struct cli *cli, const struct spool_set *x)
{
	const char *const texts[] = { "name", x->name, "request_id",
		x->request_id, "mode", x->mode, "owner", x->owner, "source",
		x->source, "server", x->server, "why", x->why };

	fputc('{', cli->out);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i += 2) {
		fprintf(cli->out, "\"%s\": ", texts[i]);
		json_write_string(cli->out, texts[i + 1]);
		fputs(", ", cli->out);
	}
	fprintf(cli->out,
	    "\"created\": %" PRId64 ", \"records\": %u, \"bytes\": %" PRIu64
	    ", \"set_aside\": %s}\n",
	    x->created, x->records, x->bytes, x->aside ? "true" : "false");
}

static int
run_list(struct cli *cli, const struct args *args)
{
	struct kept k;
	int code = open_all(&k, cli);

	(void)args;
	for (size_t i = 0; code == 0 && i < k.n; i++) {
		if (cli->format == FORMAT_TABLE)
			print_set(cli, &k.list[i]);
		else
			print_json(cli, &k.list[i]);
	}
	if (code == 0 && k.n == 0)
		cli_say(cli, _("nothing is kept in %s"), k.spool.dir);
	close_all(&k);
	return output_done(cli, code);
}

/* ---- send ------------------------------------------------------------------- */

static int
send_named(struct kept *k, struct cli *cli, const struct args *args)
{
	struct rsp_error e = { 0 };
	const char *text;
	size_t at = 0;
	int code = 0;

	for (size_t i = 0; code == 0 && (text = args_operand(args, i)) != NULL;
	     i++) {
		code = find(k, cli, text, &at);
		if (code == 0 && push_send_spooled(&k->spool, &k->list[at],
				     &code, &e) == PUSH_LATER)
			code = cli_error(cli, &e, NULL);
	}
	return code;
}

static int
send_all(struct kept *k, struct cli *cli)
{
	struct rsp_error e = { 0 };
	int code;

	if (push_send_waiting(&k->spool, &code, &e) == PUSH_LATER)
		return cli_error(cli, &e, NULL);
	for (size_t i = 0; i < k->n; i++)
		if (!k->list[i].aside && !spool_is_ours(&k->spool, &k->list[i]))
			cli_say(cli, _("%s is for another server or account"),
			    k->list[i].name);
	return code;
}

static int
run_send(struct cli *cli, const struct args *args)
{
	struct kept k = { 0 };
	int code = cli_client(cli) == NULL ? EXIT_USAGE : open_all(&k, cli);

	if (code == 0)
		code = args_count(args) > 0 ? send_named(&k, cli, args)
					    : send_all(&k, cli);
	if (k.spool.dir != NULL)
		close_all(&k);
	return code;
}

/* ---- drop ------------------------------------------------------------------- */

static int
run_drop(struct cli *cli, const struct args *args)
{
	struct kept k;
	const char *text;
	size_t at = 0;
	int code = open_all(&k, cli);

	for (size_t i = 0; code == 0 && (text = args_operand(args, i)) != NULL;
	     i++) {
		code = find(&k, cli, text, &at);
		if (code != 0)
			break;
		if (!cli_ask(cli, _("Drop %s (%u records)?"), k.list[at].name,
			k.list[at].records))
			continue;
		code = spool_remove(&k.spool, &k.list[at]);
	}
	close_all(&k);
	return code;
}

static const struct opt opts[] = { OPT_ROW_SPOOL, { 0 } };

static const struct cmd cmd_list_kept = {
	.name = "list",
	.max = 0,
	.help = N_("sets that wait, and those that were refused"),
	.opts = opts,
	.run = run_list,
};
static const struct cmd cmd_send = {
	.name = "send",
	.args = "[NAME...]",
	.max = -1,
	.help = N_("send those that wait, or these"),
	.opts = opts,
	.run = run_send,
};
static const struct cmd cmd_drop = {
	.name = "drop",
	.args = "NAME...",
	.min = 1,
	.max = -1,
	.help = N_("forget sets: they are not sent"),
	.opts = opts,
	.run = run_drop,
};
static const struct cmd *const subs[] = { &cmd_list_kept, &cmd_send, &cmd_drop,
	NULL };

const struct cmd cmd_spool = {
	.name = "spool",
	.help = N_("sets kept while the server was out of reach"),
	.subs = subs,
};
