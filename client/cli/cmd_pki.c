/* cmd_pki.c - resopro pki: keys and certificates for a register. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "cmd.h"
#include "commands.h"
#include "i18n.h"
#include "json.h"
#include "output.h"
#include "pki.h"
#include "term.h"

enum {
	DAY = 86400,
	DAYS_MAX = 36500,
};

/* One line of what is printed; `name` is for programs, `title` for people. */
struct fact {
	const char *name, *title, *value;
};

static void
day_text(char out[16], int64_t t)
{
	time_t at = (time_t)t;
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(out, 16, "%Y-%m-%d", &tm);
}

static void
print_json(FILE *f, const struct fact *facts)
{
	const char *sep = "{";

	for (; facts->name != NULL; facts++) {
		if (*facts->value == '\0')
			continue;
		fprintf(f, "%s\"%s\": ", sep, facts->name);
		json_write_string(f, facts->value);
		sep = ", ";
	}
	fputs("}\n", f);
}

static void
print_csv(FILE *f, const struct fact *facts)
{
	for (const struct fact *x = facts; x->name != NULL; x++)
		fprintf(f, "%s%s", x == facts ? "" : ",", x->name);
	fputc('\n', f);
	for (const struct fact *x = facts; x->name != NULL; x++) {
		if (x != facts)
			fputc(',', f);
		output_csv_cell(f, x->value);
	}
	fputc('\n', f);
}

static void
print_lines(struct cli *cli, const struct fact *facts)
{
	enum { TITLE = 14 };

	for (; facts->name != NULL; facts++) {
		const char *title = _(facts->title);
		size_t width = term_width(title);

		if (*facts->value == '\0')
			continue;
		term_print(cli->out, cli->colour_out, COLOUR_DIM, title);
		fprintf(cli->out, "%*s",
		    (int)(width < TITLE ? TITLE - width : 1), "");
		term_print(cli->out, cli->colour_out, COLOUR_NONE,
		    facts->value);
		fputc('\n', cli->out);
	}
}

static int
print_facts(struct cli *cli, const struct fact *facts)
{
	if (cli->format == FORMAT_TABLE)
		print_lines(cli, facts);
	else if (cli->format == FORMAT_CSV)
		print_csv(cli->out, facts);
	else
		print_json(cli->out, facts);
	return output_done(cli, EXIT_OK);
}

static int
print_cert(struct cli *cli, const struct pki_cert *c)
{
	char from[16], to[16];
	const struct fact facts[] = {
		{ "certificate", N_("Certificate"), c->cert_path },
		{ "key", N_("Key"), c->key_path },
		{ "usage", N_("Usage"), c->usage },
		{ "subject", N_("Subject"), c->subject },
		{ "issuer", N_("Signed by"), c->issuer },
		{ "names", N_("Names"), c->names },
		{ "serial", N_("Serial"), c->serial },
		{ "sha256", N_("Pin (SHA-256)"), c->sha256 },
		{ "not_before", N_("Valid from"), from },
		{ "not_after", N_("Expires"), to },
		{ 0 },
	};

	day_text(from, c->not_before);
	day_text(to, c->not_after);
	return print_facts(cli, facts);
}

static int
options_of(struct cli *cli, const struct args *args, struct pki_options *o)
{
	const char *days = args_get(args, "days");
	uint64_t n;

	memset(o, 0, sizeof *o);
	o->renew = args_has(args, "renew");
	if (days == NULL)
		return 0;
	if (cli_number(cli, "--days", days, 1, DAYS_MAX, &n) != 0)
		return EXIT_USAGE;
	o->days = (unsigned)n;
	return 0;
}

/* Wrong on this machine (a file, a name): all are the user's to put right. */
static int
failed(struct cli *cli, const struct rsp_error *e)
{
	return cli_error(cli, e, NULL);
}

static int
run_init(struct cli *cli, const struct args *args)
{
	const char *dir = args_operand(args, 0);
	struct pki_options o;
	struct pki_cert cert;
	struct rsp_error e = { 0 };

	if (options_of(cli, args, &o) != 0)
		return EXIT_USAGE;
	if (pki_init(dir, &o, &cert, &e) != 0)
		return failed(cli, &e);
	cli_say(cli,
	    _("Keep %s secret and backed up, best on a machine that "
	      "serves nothing: who has it can be anyone.\n"
	      "Next: resopro pki server %s NAME..., with the names by "
	      "which clients will call the server."),
	    cert.key_path, dir);
	return print_cert(cli, &cert);
}

static int
run_server(struct cli *cli, const struct args *args)
{
	const char *names[PKI_NAMES_MAX + 1];
	const char *dir = args_operand(args, 0);
	size_t n = 0;
	struct pki_options o;
	struct pki_cert cert;
	struct rsp_error e = { 0 };

	if (options_of(cli, args, &o) != 0)
		return EXIT_USAGE;
	o.name = args_get(args, "name");
	while (n <= PKI_NAMES_MAX &&
	       (names[n] = args_operand(args, n + 1)) != NULL)
		n++;
	if (pki_server(dir, names, n, &o, &cert, &e) != 0)
		return failed(cli, &e);
	cli_say(cli,
	    _("Next: name both files and %s/ca.pem in resoprod.conf, "
	      "then start resoprod or send it SIGHUP."),
	    dir);
	return print_cert(cli, &cert);
}

static int
run_account(struct cli *cli, const struct args *args)
{
	const char *dir = args_operand(args, 0), *id = args_operand(args, 1);
	struct pki_options o;
	struct pki_cert cert;
	struct rsp_error e = { 0 };

	if (options_of(cli, args, &o) != 0)
		return EXIT_USAGE;
	if (pki_account(dir, id, &o, &cert, &e) != 0)
		return failed(cli, &e);
	if (o.renew)
		cli_say(cli,
		    _("The old certificate stays good until it "
		      "expires: once the new one is in use, resopro "
		      "pki revoke %s %s/account-%s.pem.previous ends it."),
		    dir, dir, id);
	cli_say(cli,
	    _("Next: bring both files and %s/ca.pem to the member over "
	      "a safe channel. The certificate opens the account "
	      "\"%s\", which must exist (resopro account --help)."),
	    dir, id);
	return print_cert(cli, &cert);
}

static int
run_revoke(struct cli *cli, const struct args *args)
{
	const char *dir = args_operand(args, 0), *what = args_operand(args, 1);
	struct pki_options o = { 0 };
	struct rsp_error e = { 0 };
	struct pki_cert cert;
	unsigned n;

	if (access(what, F_OK) == 0) {
		if (pki_show(what, &cert, &e) != 0)
			return failed(cli, &e);
		what = cert.serial;
	}

	if (!cli_ask(cli, _("Revoke the certificates in force of %s?"), what))
		return EXIT_INTERRUPTED;
	if (pki_revoke(dir, what, &o, &n, &e) != 0)
		return failed(cli, &e);
	fprintf(cli->out,
	    i18n_plural("%u certificate revoked\n", "%u certificates revoked\n",
		n),
	    n);
	cli_say(cli,
	    _("Next: copy %s/crl.pem to the crl_file of resoprod.conf "
	      "and send resoprod SIGHUP."),
	    dir);
	return output_done(cli, EXIT_OK);
}

static int
run_crl(struct cli *cli, const struct args *args)
{
	const char *dir = args_operand(args, 0);
	struct pki_options o = { 0 };
	struct rsp_error e = { 0 };
	unsigned n;

	if (pki_crl(dir, &o, &n, &e) != 0)
		return failed(cli, &e);
	fprintf(cli->out,
	    i18n_plural("%s/crl.pem: %u revoked certificate\n",
		"%s/crl.pem: %u revoked certificates\n", n),
	    dir, n);
	return output_done(cli, EXIT_OK);
}

static int
run_show(struct cli *cli, const struct args *args)
{
	struct pki_cert cert;
	struct rsp_error e = { 0 };
	int64_t now = (int64_t)time(NULL);

	if (pki_show(args_operand(args, 0), &cert, &e) != 0)
		return failed(cli, &e);
	if (cert.not_after < now)
		cli_warn(cli, _("this certificate has expired"));
	else if (cert.not_after - now < 30 * (int64_t)DAY)
		cli_warn(cli, _("this certificate expires within 30 days: run "
				"the command that made it again, with "
				"--renew"));
	return print_cert(cli, &cert);
}

static const struct opt opts_ca[] = {
	{ .name = "renew",
	    .help = N_("a new certificate for the same key; the "
		       "old one stays as .previous") },
	{ .name = "days", .arg = "N", .help = N_("lifetime (3650)") },
	{ 0 },
};

static const struct opt opts_account[] = {
	{ .name = "renew",
	    .help = N_("a new key and certificate; the old ones "
		       "stay as .previous") },
	{ .name = "days",
	    .arg = "N",
	    .help = N_("lifetime (365), at most 398") },
	{ 0 },
};

static const struct opt opts_server[] = {
	{ .name = "renew",
	    .help = N_("a new key and certificate; the old ones "
		       "stay as .previous") },
	{ .name = "days",
	    .arg = "N",
	    .help = N_("lifetime (365), at most 398") },
	{ .name = "name",
	    .arg = "FILE",
	    .help = N_("name of the files, without .pem (server)") },
	{ 0 },
};

static const struct cmd pki_cmd_init = {
	.name = "init",
	.args = "DIR",
	.min = 1,
	.max = 1,
	.complete = "files",
	.help = N_("make a certification authority in a directory"),
	.opts = opts_ca,
	.run = run_init,
};
static const struct cmd pki_cmd_server = {
	.name = "server",
	.args = "DIR NAME...",
	.min = 2,
	.max = -1,
	.complete = "files|",
	.help = N_("a server's key and certificate"),
	.details = N_("NAME is a DNS name or an IP address by which clients "
		      "call the server; localhost, 127.0.0.1 and ::1 are "
		      "always added."),
	.opts = opts_server,
	.run = run_server,
};
static const struct cmd pki_cmd_account = {
	.name = "account",
	.args = "DIR ID",
	.min = 2,
	.max = 2,
	.complete = "files|",
	.help = N_("a client's key and certificate for an account"),
	.opts = opts_account,
	.run = run_account,
};
static const struct cmd pki_cmd_revoke = {
	.name = "revoke",
	.args = "DIR ID|SERIAL|FILE",
	.min = 2,
	.max = 2,
	.complete = "files|",
	.help = N_("revoke certificates and renew crl.pem"),
	.run = run_revoke,
};
static const struct cmd pki_cmd_crl = {
	.name = "crl",
	.args = "DIR",
	.min = 1,
	.max = 1,
	.complete = "files",
	.help = N_("write crl.pem again"),
	.run = run_crl,
};
static const struct cmd pki_cmd_show = {
	.name = "show",
	.args = "FILE",
	.min = 1,
	.max = 1,
	.complete = "files",
	.help = N_("what a certificate says: names, pin, expiry"),
	.run = run_show,
};

static const struct cmd *const pki_cmds[] = { &pki_cmd_init, &pki_cmd_server,
	&pki_cmd_account, &pki_cmd_revoke, &pki_cmd_crl, &pki_cmd_show, NULL };

const struct cmd cmd_pki = {
	.name = "pki",
	.help = N_("keys and certificates for a register"),
	.details = N_("DIR holds the authority (ca.pem, ca.key), a pair of "
		      "files for each server and account, crl.pem and an "
		      "index. Keys are P-256, mode 0600. No file is replaced "
		      "without --renew."),
	.subs = pki_cmds,
};
