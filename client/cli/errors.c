/* errors.c - every failure to an exit code and to words that help. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "cli.h"
#include "term.h"

/* One kind of failure.  The remedy is used when the server gave none. */
static const struct row {
	enum rsp_code code;
	enum exit_code exit;
	const char *head; /* what it means, before the message; or NULL */
	const char *remedy;
} rows[] = {
	{ RSP_CANCELLED, EXIT_UNAVAILABLE, N_("cancelled"),
	    N_("Try again; if it goes on, ask the operator of the server.") },
	{ RSP_INVALID_ARGUMENT, EXIT_INVALID, N_("refused"),
	    N_("Correct what is named above and send it again.") },
	{ RSP_DEADLINE_EXCEEDED, EXIT_UNAVAILABLE, N_("too late"),
	    N_("Try again, or give it longer: --timeout SECONDS.") },
	{ RSP_NOT_FOUND, EXIT_NOT_FOUND, N_("not found"),
	    N_("Check the kind and the id; “resopro list KIND” shows those "
	       "that "
	       "exist.") },
	{ RSP_ALREADY_EXISTS, EXIT_CONFLICT, N_("exists already"),
	    N_("Look at it with “resopro show”, or choose another id.") },
	{ RSP_PERMISSION_DENIED, EXIT_DENIED, N_("not allowed"),
	    N_("“resopro whoami” shows your roles; “resopro explain” shows the "
	       "rule.") },
	{ RSP_RESOURCE_EXHAUSTED, EXIT_UNAVAILABLE, N_("limit reached"),
	    N_("Send less at once, or try again later.") },
	{ RSP_FAILED_PRECONDITION, EXIT_INVALID, N_("refused by a rule"),
	    N_("Satisfy the rule named above, then try again.") },
	{ RSP_ABORTED, EXIT_CONFLICT, N_("changed meanwhile"),
	    N_("Read it again with “resopro show”, redo the change, send it "
	       "again.") },
	{ RSP_OUT_OF_RANGE, EXIT_INVALID, N_("out of range"),
	    N_("Ask for a later revision; “resopro status” shows the oldest "
	       "one; "
	       "a watch can start over with --snapshot.") },
	{ RSP_UNIMPLEMENTED, EXIT_INTERNAL, N_("unknown to this server"),
	    N_("The server is older than this program: have it upgraded.") },
	{ RSP_UNAVAILABLE, EXIT_UNAVAILABLE, N_("server not reached"),
	    N_("Check --server and the network, then try again; nothing was "
	       "done.") },
	{ RSP_DATA_LOSS, EXIT_INTERNAL, N_("the stored data is damaged"),
	    N_("Tell the operator of the server now; it is not your "
	       "request.") },
	{ RSP_UNAUTHENTICATED, EXIT_DENIED, N_("not authenticated"),
	    N_("Give a certificate (--cert, --key) or a token (RESOPRO_TOKEN) "
	       "of "
	       "an account that is not disabled.") },
	{ RSP_UNCERTAIN, EXIT_UNCERTAIN, N_("connection lost"), NULL },
	{ RSP_ERR_CONFIG, EXIT_USAGE, NULL,
	    N_("resopro(1) describes options, environment and profiles.") },
	{ RSP_ERR_TLS, EXIT_DENIED, N_("no secure connection"),
	    N_("Check --ca, --cert and --key, and the dates of the "
	       "certificates.") },
	{ RSP_ERR_USAGE, EXIT_INTERNAL, N_("bug in this program"),
	    N_("Please report it with the command that you typed.") },
	{ RSP_ERR_NOMEM, EXIT_INTERNAL, N_("out of memory"),
	    N_("Free memory, or ask for less at once.") },
	{ RSP_INTERNAL, EXIT_INTERNAL, N_("internal error"),
	    N_("Not your request: tell the operator of the server, with the "
	       "time "
	       "and the message.") },
};

static const struct row *
row_of(enum rsp_code code)
{
	size_t i, n = sizeof rows / sizeof *rows;

	for (i = 0; i < n; i++)
		if (rows[i].code == code)
			return &rows[i];
	return &rows[n - 1];
}

static bool
is_interrupt(const struct rsp_error *e)
{
	return e->code == RSP_CANCELLED &&
	       strcmp(e->reason, "INTERRUPTED") == 0;
}

enum exit_code
cli_exit_code(const struct rsp_error *e)
{
	if (e->maybe_written || e->code == RSP_UNCERTAIN)
		return EXIT_UNCERTAIN;
	if (is_interrupt(e))
		return EXIT_INTERRUPTED;
	return row_of(e->code)->exit;
}

/* ---- writing ---------------------------------------------------------------- */

/* "resopro: " in front, safe for the terminal. */
static void
put_message(struct cli *cli, enum colour colour, const char *text)
{
	fprintf(cli->err, "%sresopro:%s ", term_start(cli->colour_err, colour),
	    term_end(cli->colour_err, colour));
	term_print(cli->err, false, COLOUR_NONE, text);
	putc('\n', cli->err);
}

static void
put_remedy(struct cli *cli, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	fputs("  → ", cli->err);
	term_print(cli->err, false, COLOUR_NONE, text);
	putc('\n', cli->err);
}

__attribute__((format(printf, 3, 0))) static void
say(struct cli *cli, enum colour colour, const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) < 0)
		return;
	fflush(cli->out);
	put_message(cli, colour, text);
	free(text);
}

int
cli_fail(struct cli *cli, enum exit_code code, const char *remedy,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, COLOUR_BAD, fmt, ap);
	va_end(ap);
	put_remedy(cli, remedy);
	return code;
}

int
cli_usage(struct cli *cli, const char *fmt, ...)
{
	char help[160];
	va_list ap;

	va_start(ap, fmt);
	say(cli, COLOUR_BAD, fmt, ap);
	va_end(ap);
	snprintf(help, sizeof help, _("See “resopro %s%s--help”."),
	    cli->args->path, *cli->args->path != '\0' ? " " : "");
	put_remedy(cli, help);
	return EXIT_USAGE;
}

void
cli_say(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	if (cli->quiet)
		return;
	va_start(ap, fmt);
	say(cli, COLOUR_DIM, fmt, ap);
	va_end(ap);
}

void
cli_warn(struct cli *cli, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(cli, COLOUR_CHANGE, fmt, ap);
	va_end(ap);
}

bool
cli_ask(struct cli *cli, const char *fmt, ...)
{
	char answer[32];
	va_list ap;

	if (args_has(cli->args, "yes") || !cli->tty_in || !cli->tty_err)
		return true;
	va_start(ap, fmt);
	say(cli, COLOUR_CHANGE, fmt, ap);
	va_end(ap);
	/* TRANSLATORS: the answer starts with y in every language, or o. */
	fputs(_("  Go on? [y/N] "), cli->err);
	fflush(cli->err);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return strchr("yYoO", *answer) != NULL && *answer != '\0';
}

/* ---- errors of calls ---------------------------------------------------------- */

/* How much of `text` comes before "; REMEDY", which is shown on its own line. */
static size_t
without_remedy(const char *text, const char *remedy)
{
	size_t len = strlen(text), tail = strlen(remedy);

	if (tail > 0 && len > tail + 2 &&
	    strcmp(text + len - tail, remedy) == 0 &&
	    strncmp(text + len - tail - 2, "; ", 2) == 0)
		return len - tail - 2;
	return len;
}

/* The text without the field that already stands before it. */
static const char *
without_field(const struct rsp_violation *v, const char *text)
{
	size_t len = strlen(v->field);

	return len > 0 && strncmp(text, v->field, len) == 0 &&
		       strncmp(text + len, ": ", 2) == 0
		   ? text + len + 2
		   : text;
}

/* A broken rule may come as a violation of the rule and of its field. */
static bool
said_before(const struct rsp_error *e, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (strcmp(e->violations[i].field, e->violations[n].field) ==
			0 &&
		    strcmp(e->violations[i].description,
			e->violations[n].description) == 0)
			return true;
	return false;
}

/* Does the message, above, say all that the description does? */
static bool
is_message(const struct rsp_error *e, const struct rsp_violation *v)
{
	const char *a = without_field(v, e->msg);
	const char *b = without_field(v, v->description);
	size_t len = without_remedy(a, e->remedy);

	return len == without_remedy(b, e->remedy) && strncmp(a, b, len) == 0;
}

/* Returns whether the remedy of the error was shown among them. */
static bool
put_violations(struct cli *cli, const struct rsp_error *e)
{
	unsigned distinct = e->violations_omitted, i;
	bool remedy = false;
	char line[480];

	for (i = 0; i < e->nviolations; i++)
		distinct += !said_before(e, i);
	for (i = 0; i < e->nviolations; i++) {
		const struct rsp_violation *v = &e->violations[i];
		const char *text = without_field(v, v->description);

		if (said_before(e, i))
			continue;
		if (distinct == 1 && is_message(e, v))
			text = "";
		if (*text == '\0' && *v->reason == '\0')
			continue;
		remedy =
		    remedy || without_remedy(text, e->remedy) < strlen(text);
		snprintf(line, sizeof line, "  %s%s%s%s%s%s", v->field,
		    *v->field != '\0' && *text != '\0' ? ": " : "", text,
		    *v->reason != '\0' ? " [" : "", v->reason,
		    *v->reason != '\0' ? "]" : "");
		term_print(cli->err, false, COLOUR_NONE, line);
		putc('\n', cli->err);
	}
	if (e->violations_omitted > 0)
		fprintf(cli->err,
		    i18n_plural("  and %u more\n", "  and %u more\n",
			e->violations_omitted),
		    e->violations_omitted);
	return remedy;
}

static void
put_facts(struct cli *cli, const struct rsp_error *e)
{
	const char *version = rsp_error_fact(e, "current_version");
	const char *oldest = rsp_error_fact(e, "oldest_revision");
	char line[200];

	if (version != NULL) {
		snprintf(line, sizeof line, _("The version is now %s."),
		    version);
		put_remedy(cli, line);
	}
	if (oldest != NULL) {
		snprintf(line, sizeof line, _("The oldest revision is %s."),
		    oldest);
		put_remedy(cli, line);
	}
	if (e->retry_after_ms > 0) {
		snprintf(line, sizeof line, _("Try again in %u s."),
		    (e->retry_after_ms + 999) / 1000);
		put_remedy(cli, line);
	}
}

/* It may have been written: only the same request id makes a repeat safe. */
static void
put_uncertain(struct cli *cli)
{
	char line[240];

	if (*cli->request_id != '\0')
		snprintf(line, sizeof line,
		    _("It may have been written. Repeat the command with "
		      "--request-id %s: it is then done once."),
		    cli->request_id);
	else
		snprintf(line, sizeof line, "%s",
		    _("It may have been written: look with “resopro show” or "
		      "“resopro history” before you repeat it."));
	put_remedy(cli, line);
}

int
cli_error(struct cli *cli, const struct rsp_error *e, const char *what)
{
	const struct row *row = row_of(e->code);
	enum exit_code code = cli_exit_code(e);
	const char *head = row->head != NULL ? _(row->head) : "";
	const char *msg = is_interrupt(e) ? "" : e->msg;
	bool remedied;
	char *text;

	if (is_interrupt(e))
		head = _("interrupted");
	if (asprintf(&text, "%s%s%s%s%.*s", what != NULL ? what : "",
		what != NULL ? _(": ") : "", head,
		*head != '\0' && *msg != '\0' ? _(": ") : "",
		(int)without_remedy(msg, e->remedy), msg) >= 0) {
		fflush(cli->out);
		put_message(cli, COLOUR_BAD, text);
		free(text);
	}
	remedied = put_violations(cli, e);
	put_facts(cli, e);
	if (code == EXIT_UNCERTAIN)
		put_uncertain(cli);
	else if (*e->remedy != '\0' && !remedied)
		put_remedy(cli, e->remedy);
	else if (*e->remedy == '\0' && !is_interrupt(e) && row->remedy != NULL)
		put_remedy(cli, _(row->remedy));
	return code;
}
