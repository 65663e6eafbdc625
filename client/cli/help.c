/* help.c - see help.h. */
#include "help.h"

#include <string.h>

#include "args.h"
#include "table.h"
#include "term.h"

enum { INDENT = 2, GAP = 2 };

static void
head(struct cli *cli, const char *text)
{
	fprintf(cli->out, "\n%s%s%s\n",
	    term_start(cli->colour_out, COLOUR_BOLD), text,
	    term_end(cli->colour_out, COLOUR_BOLD));
}

/* "-n, --name VALUE" */
static int
option_name(const struct opt *o, char *out, size_t size)
{
	return o->letter != 0 ? snprintf(out, size, "-%c, --%s%s%s", o->letter,
				    o->name, o->arg != NULL ? " " : "",
				    o->arg != NULL ? o->arg : "")
			      : snprintf(out, size, "    --%s%s%s", o->name,
				    o->arg != NULL ? " " : "",
				    o->arg != NULL ? o->arg : "");
}

static void
line(struct cli *cli, const char *name, int width, const char *text)
{
	fprintf(cli->out, "%*s%-*s%*s", INDENT, "", width, name, GAP, "");
	table_wrap(cli->out, text, cli->width, INDENT + width + GAP);
}

static void
print_options(struct cli *cli, const struct opt *opts)
{
	char name[80];
	const struct opt *o;
	int width = 0, n;

	for (o = opts; o->name != NULL; o++)
		if ((n = option_name(o, name, sizeof name)) > width)
			width = n;
	for (o = opts; o->name != NULL; o++) {
		option_name(o, name, sizeof name);
		line(cli, name, width, _(o->help));
	}
}

static void
print_commands(struct cli *cli, const struct cmd *const *cmds)
{
	int width = 0;
	size_t i;

	for (i = 0; cmds[i] != NULL; i++)
		if ((int)strlen(cmds[i]->name) > width)
			width = (int)strlen(cmds[i]->name);
	for (i = 0; cmds[i] != NULL; i++)
		line(cli, cmds[i]->name, width, _(cmds[i]->help));
}

static void
print_all(struct cli *cli)
{
	fprintf(cli->out, "%s resopro [OPTION]... %s\n", _("Usage:"),
	    _("COMMAND ..."));
	fputs(_("Client of the register of a regional guidance network.\n"),
	    cli->out);
	head(cli, _("Commands"));
	print_commands(cli, cli->cmds);
	head(cli, _("Options"));
	print_options(cli, general_options);
	fputs(_("\n“resopro COMMAND --help” describes a command; resopro(1) "
		"describes all.\n"),
	    cli->out);
}

void
help_print(struct cli *cli)
{
	const struct cmd *c = cli->args->cmd;

	if (c == NULL) {
		print_all(cli);
		return;
	}
	fprintf(cli->out, "%s resopro %s%s%s%s\n", _("Usage:"), cli->args->path,
	    c->args != NULL ? " " : "", c->args != NULL ? c->args : "",
	    c->subs != NULL ? _(" COMMAND ...") : _(" [OPTION]..."));
	table_wrap(cli->out, _(c->help), cli->width, 0);
	if (c->details != NULL) {
		putc('\n', cli->out);
		table_wrap(cli->out, _(c->details), cli->width, 0);
	}
	if (c->subs != NULL) {
		head(cli, _("Commands"));
		print_commands(cli, c->subs);
	}
	if (c->opts != NULL) {
		head(cli, _("Options"));
		print_options(cli, c->opts);
	}
	fputs(_("\n“resopro --help” lists the general options.\n"), cli->out);
}
