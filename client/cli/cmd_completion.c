/* cmd_completion.c - resopro completion: what a shell may offer. */
#include "completion.h"

#include <string.h>

#include "args.h"
#include "commands.h"
#include "config.h"
#include "kinds.h"
#include "output.h"

/* The same text as resopro.bash, which is installed; a test compares them. */
const char completion_bash[] =
    "# bash completion for resopro(1); printed by `resopro completion bash`.\n"
    "# The program itself says what may follow, from the tables of its "
    "commands.\n"
    "_resopro()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words\n"
    "\n"
    "\tCOMPREPLY=()\n"
    "\twords=$(\"${COMP_WORDS[0]}\" completion words -- \\\n"
    "\t    \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null) || return 0\n"
    "\tif [[ $words == :files ]]; then\n"
    "\t\tcompopt -o filenames 2>/dev/null\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "\telse\n"
    "\t\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "\tfi\n"
    "}\n"
    "complete -F _resopro resopro\n";

/* What the words before the one to complete mean. */
struct state {
	const struct cmd *cmd;     /* NULL: none yet */
	const struct opt *pending; /* its value is to be completed */
	size_t operands;           /* of the command, so far */
};

static const struct opt *
find(const struct opt *o, const char *word)
{
	for (; o != NULL && o->name != NULL; o++)
		if ((word[1] == '-' && strcmp(word + 2, o->name) == 0) ||
		    (word[1] == o->letter && word[2] == '\0'))
			return o;
	return NULL;
}

/* One word before the last. */
static void
step(struct cli *cli, struct state *s, const char *word)
{
	const struct cmd *const *among =
	    s->cmd == NULL ? cli->cmds : s->cmd->subs;
	const struct opt *o;
	size_t i;

	if (s->pending != NULL) {
		s->pending = NULL;
		return;
	}
	if (*word == '-' && word[1] != '\0') {
		o = s->cmd != NULL ? find(s->cmd->opts, word) : NULL;
		if (o == NULL)
			o = find(general_options, word);
		s->pending = o != NULL && o->arg != NULL ? o : NULL;
		return;
	}
	for (i = 0; among != NULL && among[i] != NULL; i++) {
		if (strcmp(among[i]->name, word) == 0) {
			s->cmd = among[i];
			return;
		}
	}
	s->operands++;
}

static void
print_word(const char *word)
{
	puts(word);
}

static void
print_options(struct cli *cli, const struct opt *o)
{
	for (; o != NULL && o->name != NULL; o++)
		fprintf(cli->out, "--%s\n", o->name);
}

static void
print_names(struct cli *cli, const struct cmd *const *among)
{
	size_t i;

	for (i = 0; among[i] != NULL; i++)
		fprintf(cli->out, "%s\n", among[i]->name);
}

/* What a "complete" of the tables stands for. */
static void
print_values(struct cli *cli, const char *what, size_t len)
{
	const struct rsp_method *m;
	size_t i;

	if (len == 5 && strncmp(what, "files", 5) == 0) {
		fputs(":files\n", cli->out);
	} else if (len == 5 && strncmp(what, "kinds", 5) == 0) {
		for (i = 0; kinds_at(i) != NULL; i++)
			fprintf(cli->out, "%s\n", kinds_at(i)->words[0]);
	} else if (len == 8 && strncmp(what, "profiles", 8) == 0) {
		settings_profiles(cli->args, print_word);
	} else if (len == 7 && strncmp(what, "methods", 7) == 0) {
		for (i = 0; (m = rsp_method_at(i)) != NULL; i++)
			fprintf(cli->out, "%s\n",
			    m->path + sizeof "/resopro.v1." - 1);
	} else {
		fprintf(cli->out, "%.*s\n", (int)len, what);
	}
}

/* The part of "a|b|c" for the n-th operand; the last is for all that follow. */
static void
print_operand(struct cli *cli, const char *complete, size_t n)
{
	const char *bar;

	while (n-- > 0 && (bar = strchr(complete, '|')) != NULL)
		complete = bar + 1;
	if (*complete != '\0')
		print_values(cli, complete, strcspn(complete, "|"));
}

static int
print_candidates(struct cli *cli, const struct args *args)
{
	struct state s = { 0 };
	size_t i, n = args_count(args);
	const char *last = n > 1 ? args_operand(args, n - 1) : "";

	for (i = 1; i + 1 < n; i++)
		step(cli, &s, args_operand(args, i));
	if (s.pending != NULL) {
		if (s.pending->complete != NULL)
			print_values(cli, s.pending->complete,
			    strlen(s.pending->complete));
	} else if (*last == '-') {
		print_options(cli, s.cmd != NULL ? s.cmd->opts : NULL);
		print_options(cli, general_options);
	} else if (s.cmd == NULL || s.cmd->subs != NULL) {
		print_names(cli, s.cmd == NULL ? cli->cmds : s.cmd->subs);
	} else if (s.cmd->complete != NULL) {
		print_operand(cli, s.cmd->complete, s.operands);
	}
	return output_done(cli, EXIT_OK);
}

static int
run_completion(struct cli *cli, const struct args *args)
{
	const char *what = args_operand(args, 0);

	if (strcmp(what, "words") == 0)
		return print_candidates(cli, args);
	if (strcmp(what, "bash") != 0 || args_count(args) > 1)
		return cli_usage(cli, _("no completion for “%.40s”: only bash"),
		    what);
	fputs(completion_bash, cli->out);
	return output_done(cli, EXIT_OK);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.args = "bash",
	.min = 1,
	.max = -1,
	.help = N_("print the completion for a shell"),
	.details = N_("In ~/.bashrc: source <(resopro completion bash)"),
	.complete = "bash",
	.run = run_completion,
};
