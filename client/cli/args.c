/* args.c - see args.h. */
#include "args.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "closest.h"
#include "fault.h"
#include "i18n.h"

const struct opt general_options[] = {
	{ .letter = 'o',
	    .name = "output",
	    .arg = "FORMAT",
	    .complete = "table json jsonl csv",
	    .help = N_("how answers are written: table, json, jsonl or csv") },
	{ .letter = 'p',
	    .name = "profile",
	    .arg = "NAME",
	    .complete = "profiles",
	    .help = N_("the profile of the configuration file to use") },
	{ .name = "config",
	    .arg = "FILE",
	    .complete = "files",
	    .help = N_("the configuration file, instead of the user's") },
	{ .name = "server",
	    .arg = "HOST[:PORT][,...]",
	    .help = N_("where resoprod listens") },
	{ .name = "ca",
	    .arg = "FILE",
	    .complete = "files",
	    .help =
		N_("authority that signed the server's certificate (PEM)") },
	{ .name = "cert",
	    .arg = "FILE",
	    .complete = "files",
	    .help = N_("certificate of the account (PEM)") },
	{ .name = "key",
	    .arg = "FILE",
	    .complete = "files",
	    .help = N_("private key of the certificate (PEM, mode 0600)") },
	{ .name = "token-file",
	    .arg = "FILE",
	    .complete = "files",
	    .help =
		N_("file that holds an API token, instead of a certificate") },
	{ .name = "server-name",
	    .arg = "NAME",
	    .help = N_("name that the server's certificate must bear") },
	{ .name = "timeout",
	    .arg = "SECONDS",
	    .help = N_("give up after this long (30 by default)") },
	{ .name = "color",
	    .arg = "WHEN",
	    .complete = "auto always never",
	    .help = N_("colour: auto (on a terminal), always or never") },
	{ .letter = 'q',
	    .name = "quiet",
	    .help = N_("no remarks, only answers and errors") },
	{ .letter = 'y',
	    .name = "yes",
	    .help = N_("do not ask for confirmation") },
	{ .letter = 'h', .name = "help", .help = N_("show this help") },
	{ .name = "version", .help = N_("show the version") }, { 0 }
};

/* Where the parser stands. */
struct parser {
	struct args *args;
	const struct cmd *const *cmds;
	int argc, at;
	char **argv;
	bool only_operands; /* after "--" */
	struct rsp_error *error;
};

/* ---- options -------------------------------------------------------------- */

static const struct opt *
find_in(const struct opt *o, const char *name, size_t len, char letter)
{
	for (; o != NULL && o->name != NULL; o++) {
		if (letter != 0 ? o->letter == letter
				: strlen(o->name) == len &&
				      strncmp(o->name, name, len) == 0)
			return o;
	}
	return NULL;
}

/* The command's own options come first. */
static const struct opt *
find_opt(const struct args *args, const char *name, size_t len, char letter)
{
	const struct opt *o = args->cmd == NULL
				  ? NULL
				  : find_in(args->cmd->opts, name, len, letter);

	return o != NULL ? o : find_in(general_options, name, len, letter);
}

static int
unknown_option(struct parser *p, const char *name, size_t len)
{
	char typed[64];
	struct closest near = { .word = typed };
	const struct opt *o;

	snprintf(typed, sizeof typed, "%.*s", (int)len, name);
	for (o = p->args->cmd != NULL ? p->args->cmd->opts : NULL;
	     o != NULL && o->name != NULL; o++)
		closest_try(&near, o->name);
	for (o = general_options; o->name != NULL; o++)
		closest_try(&near, o->name);
	if (near.best == NULL)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("unknown option --%s"), typed);
	fault(p->error, RSP_ERR_CONFIG, "", _("unknown option --%s"), typed);
	snprintf(p->error->remedy, sizeof p->error->remedy,
	    _("Did you mean --%s?"), near.best);
	return -1;
}

bool
args_is_special(const char *complete)
{
	static const char *const special[] = { "kinds", "files", "profiles",
		"methods", "commands" };
	size_t i;

	for (i = 0; i < sizeof special / sizeof *special; i++)
		if (strcmp(complete, special[i]) == 0)
			return true;
	return false;
}

/* Is `value` one of the words that the option takes? */
static bool
is_allowed(const struct opt *o, const char *value)
{
	const char *p = o->complete;
	size_t len = strlen(value);

	if (p == NULL || args_is_special(p))
		return true;
	while (*p != '\0') {
		size_t n = strcspn(p, " ");

		if (n == len && strncmp(p, value, n) == 0)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

static int
add_value(struct parser *p, const struct opt *o, const char *value)
{
	struct args *a = p->args;
	char remedy[200];

	if (value != NULL && !is_allowed(o, value)) {
		snprintf(remedy, sizeof remedy, _("Allowed: %s."), o->complete);
		return fault(p->error, RSP_ERR_CONFIG, remedy,
		    _("--%s: “%.60s” is not one of the values"), o->name,
		    value);
	}
	a->values[a->nvalues].opt = o;
	a->values[a->nvalues++].value = value;
	if (strcmp(o->name, "help") == 0)
		a->help = true;
	else if (strcmp(o->name, "version") == 0)
		a->version = true;
	return 0;
}

/* An option that takes a value: `inside` is what follows it in its word. */
static int
take_value(struct parser *p, const struct opt *o, const char *inside)
{
	if (inside != NULL)
		return add_value(p, o, inside);
	if (p->at + 1 >= p->argc)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("--%s wants a value: %s"), o->name, o->arg);
	return add_value(p, o, p->argv[++p->at]);
}

static int
long_option(struct parser *p, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *inside = word[len] == '=' ? word + len + 1 : NULL;
	const struct opt *o = find_opt(p->args, word, len, 0);

	if (o == NULL)
		return unknown_option(p, word, len);
	if (o->arg != NULL)
		return take_value(p, o, inside);
	if (inside != NULL)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("--%s takes no value"), o->name);
	return add_value(p, o, NULL);
}

static int
short_options(struct parser *p, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct opt *o = find_opt(p->args, NULL, 0, *letters);

		if (o == NULL)
			return fault(p->error, RSP_ERR_CONFIG, "",
			    _("unknown option -%c"), *letters);
		if (o->arg != NULL)
			return take_value(p, o,
			    letters[1] != '\0' ? letters + 1 : NULL);
		if (add_value(p, o, NULL) != 0)
			return -1;
	}
	return 0;
}

/* ---- commands and operands -------------------------------------------------- */

static int
unknown_command(struct parser *p, const char *word,
    const struct cmd *const *among)
{
	struct closest near = { .word = word };
	char remedy[300] = "";
	size_t i;

	for (i = 0; among[i] != NULL; i++)
		closest_try(&near, among[i]->name);
	if (near.best != NULL)
		snprintf(remedy, sizeof remedy, _("Did you mean “%s”?"),
		    near.best);
	return fault(p->error, RSP_ERR_CONFIG, remedy,
	    _("unknown command “%s%s%.40s”"), p->args->path,
	    *p->args->path != '\0' ? " " : "", word);
}

static int
choose(struct parser *p, const char *word)
{
	struct args *a = p->args;
	const struct cmd *const *among =
	    a->cmd == NULL ? p->cmds : a->cmd->subs;
	size_t i, len = strlen(a->path);

	for (i = 0; among[i] != NULL; i++) {
		if (strcmp(among[i]->name, word) != 0)
			continue;
		a->cmd = among[i];
		snprintf(a->path + len, sizeof a->path - len, "%s%s",
		    len > 0 ? " " : "", word);
		return 0;
	}
	return unknown_command(p, word, among);
}

static int
take_operand(struct parser *p, const char *word)
{
	struct args *a = p->args;

	if (a->cmd == NULL && strcmp(word, "help") == 0) {
		a->help = true;
		return 0;
	}
	if (a->cmd == NULL || a->cmd->subs != NULL)
		return choose(p, word);
	a->operands[a->noperands++] = word;
	return 0;
}

static int
take_word(struct parser *p, const char *word)
{
	if (p->only_operands || *word != '-' || word[1] == '\0')
		return take_operand(p, word);
	if (strcmp(word, "--") == 0) {
		p->only_operands = true;
		return 0;
	}
	return word[1] == '-' ? long_option(p, word + 2)
			      : short_options(p, word + 1);
}

/* An option that may come once came twice? */
static int
check_repeats(const struct parser *p)
{
	const struct args *a = p->args;
	size_t i, j;

	for (i = 0; i < a->nvalues; i++)
		for (j = 0; j < i; j++)
			if (a->values[i].opt == a->values[j].opt &&
			    a->values[i].opt->arg != NULL &&
			    !(a->values[i].opt->flags & OPT_MANY))
				return fault(p->error, RSP_ERR_CONFIG,
				    _("Keep one of them."),
				    _("--%s is given twice"),
				    a->values[i].opt->name);
	return 0;
}

static int
check_operands(const struct parser *p)
{
	const struct args *a = p->args;

	if (a->help || a->version)
		return 0;
	if (a->cmd == NULL)
		return fault(p->error, RSP_ERR_CONFIG, "", "%s",
		    _("no command is given"));
	if (a->cmd->subs != NULL)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("“%s” wants one of its commands"), a->path);
	if (a->noperands < (size_t)a->cmd->min)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("something is missing: resopro %s %s"), a->path,
		    a->cmd->args);
	if (a->cmd->max >= 0 && a->noperands > (size_t)a->cmd->max)
		return fault(p->error, RSP_ERR_CONFIG, "",
		    _("“%.60s” is too much: resopro %s%s%s"),
		    a->operands[a->cmd->max], a->path,
		    a->cmd->args != NULL ? " " : "",
		    a->cmd->args != NULL ? a->cmd->args : "");
	return 0;
}

int
args_parse(struct args *args, const struct cmd *const *cmds, int argc,
    char **argv, struct rsp_error *e)
{
	struct parser p = { .args = args,
		.cmds = cmds,
		.argc = argc,
		.argv = argv,
		.error = e };
	size_t room = 1;
	int i;

	memset(args, 0, sizeof *args);
	for (i = 0; i < argc; i++)
		room += strlen(argv[i]) + 1; /* "-qqq" is three */
	args->values = calloc(room, sizeof *args->values);
	args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
	if (args->values == NULL || args->operands == NULL)
		return fault(e, RSP_ERR_NOMEM, "", "%s", _("out of memory"));
	for (p.at = 1; p.at < argc; p.at++)
		if (take_word(&p, argv[p.at]) != 0)
			return -1;
	return check_repeats(&p) != 0 ? -1 : check_operands(&p);
}

void
args_free(struct args *args)
{
	free(args->values);
	free(args->operands);
	memset(args, 0, sizeof *args);
}

/* ---- what commands ask ------------------------------------------------------- */

const char *
args_nth(const struct args *args, const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < args->nvalues; i++)
		if (strcmp(args->values[i].opt->name, name) == 0 && n-- == 0)
			return args->values[i].value;
	return NULL;
}

const char *
args_get(const struct args *args, const char *name)
{
	assert(find_opt(args, name, strlen(name), 0) != NULL);
	return args_nth(args, name, 0);
}

bool
args_has(const struct args *args, const char *name)
{
	size_t i;

	for (i = 0; i < args->nvalues; i++)
		if (strcmp(args->values[i].opt->name, name) == 0)
			return true;
	return false;
}

size_t
args_count(const struct args *args)
{
	return args->noperands;
}

const char *
args_operand(const struct args *args, size_t i)
{
	return i < args->noperands ? args->operands[i] : NULL;
}
