/* main.c - resopro: parse, run one command, tell how it went. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "cli.h"
#include "commands.h"
#include "config.h"
#include "help.h"
#include "interrupt.h"
#include "output.h"
#include "term.h"

/* A closed stdout must not become the number of a socket. */
static void
keep_standard_fds(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			_exit(EXIT_INTERNAL);
}

static bool
wants_colour(const char *when, bool tty)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != NULL && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return tty && (no == NULL || *no == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static enum format
format_of(const char *word)
{
	static const char *const words[] = { [FORMAT_TABLE] = "table",
		[FORMAT_JSON] = "json",
		[FORMAT_JSONL] = "jsonl",
		[FORMAT_CSV] = "csv" };
	size_t i;

	for (i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum format)i;
	return FORMAT_TABLE;
}

static void
prepare(struct cli *cli, const struct args *args)
{
	const char *when = args_get(args, "color");

	cli->cmds = commands;
	cli->args = args;
	cli->out = stdout;
	cli->err = stderr;
	cli->tty_in = isatty(0);
	cli->tty_out = isatty(1);
	cli->tty_err = isatty(2);
	cli->colour_out = wants_colour(when, cli->tty_out);
	cli->colour_err = wants_colour(when, cli->tty_err);
	cli->width = term_columns(1);
	cli->format = format_of(args_get(args, "output"));
	cli->quiet = args_has(args, "quiet");
	cli->deadline_ms = RSP_DEADLINE_DEFAULT;
	cli->interrupt_fd = -1;
}

static int
run(struct cli *cli, const struct args *args)
{
	if (args->version) {
		printf("resopro %s, libresopro %s\n", RESOPRO_VERSION,
		    rsp_version());
		return EXIT_OK;
	}
	if (args->help) {
		help_print(cli);
		return EXIT_OK;
	}
	cli->interrupt_fd = interrupt_open();
	return args->cmd->run(cli, args);
}

int
main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct args args;
	struct rsp_error e = { 0 };
	int code;

	keep_standard_fds();
	signal(SIGPIPE, SIG_DFL); /* `resopro list | head` ends quietly */
	i18n_init();
	code = args_parse(&args, commands, argc, argv, &e);
	prepare(&cli, &args);
	if (code == 0) {
		code = output_done(&cli, run(&cli, &args));
	} else {
		code = cli_usage(&cli, "%s%s%s", e.msg,
		    *e.remedy != '\0' ? ". " : "", e.remedy);
	}
	rsp_client_free(cli.client);
	if (cli.settings != NULL)
		settings_free(cli.settings);
	free(cli.settings);
	args_free(&args);
	i18n_free();
	return code;
}
