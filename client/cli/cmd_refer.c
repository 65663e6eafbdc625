/* cmd_refer.c - resopro refer: where to send someone, and by which rule.
 *
 * The question has no name and is written nowhere. */
#include <resopro/v1/referrals.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "opts.h"
#include "output.h"
#include "table.h"
#include "term.h"
#include "territory.h"

enum { NEEDS_MAX = 16, INDENT = 4 };

static const struct opt opts[] = {
	{ .name = "commune",
	    .arg = "CODE|NAME",
	    .help = N_("where the person lives (required)") },
	{ .name = "age", .arg = "YEARS", .help = N_("from 11 to 120") },
	{ .name = "age-band",
	    .arg = "CODE",
	    .help = N_("instead of an age (16-17, 18-25 ...)") },
	{ .name = "situation",
	    .arg = "CODE",
	    .help = N_("sans_activite, salarie_prive, eleve ...") },
	{ .name = "besoin",
	    .arg = "CODE",
	    .flags = OPT_MANY,
	    .help = N_("what is needed; may be repeated") },
	{ .name = "cadre", .help = N_("executive or young graduate") },
	{ .name = "boeth",
	    .help = N_("has the recognition of disabled worker") },
	{ .name = "handicap-principal",
	    .help = N_("disability is the main obstacle") },
	{ .name = "rsa", .help = N_("receives the RSA") },
	{ .name = "deja-suivi",
	    .help = N_("already followed by France Travail") },
	{ .name = "secteur",
	    .arg = "CODE",
	    .help = N_("sector of the project") },
	{ .name = "modalite",
	    .arg = "CODE",
	    .complete = "presentiel distance mixte",
	    .help = N_("presentiel, distance or mixte") },
	{ .name = "date",
	    .arg = "DATE",
	    .help =
		N_("as the law and the network stood then; default: today") },
	{ .name = "why", .help = N_("also what was left out, and why") },
	{ .letter = 'n',
	    .name = "limit",
	    .arg = "N",
	    .help = N_("at most so many answers, 1 to 20 (5)") },
	{ 0 }
};

static const struct column columns[] = { { .title = N_("RANK"),
					     .path = "rank" },
	{ .title = "organisation_id", .path = "organisation_id" },
	{ .title = "organisation_nom", .path = "organisation_nom" },
	{ .title = "site_id", .path = "site_id" },
	{ .title = "site_nom", .path = "site_nom" },
	{ .title = "adresse", .path = "adresse" },
	{ .title = "commune", .path = "commune" },
	{ .title = "code_insee", .path = "code_insee" },
	{ .title = "telephone", .path = "telephone" },
	{ .title = "courriel", .path = "courriel" },
	{ .title = "distance_class", .path = "distance_class" },
	{ .title = "distance_metres", .path = "distance_metres" },
	{ .title = "rule_id", .path = "rule_id" },
	{ .title = "legal_source", .path = "legal_source" },
	{ .title = "reason", .path = "reason" },
	{ .title = "status_proof", .path = "status_proof" },
	{ .title = "confirmed_on", .path = "confirmed_on" },
	{ .title = "freshness", .path = "freshness" },
	{ .title = "note", .path = "note" }, { 0 } };

/* ---- the answer, for people ----------------------------------------------------- */

static const char *
distance_words(Resopro__V1__DistanceClass class)
{
	static const char *const words[] = { "", N_("in the commune"),
		N_("in the same intercommunality"),
		N_("in the same arrondissement"), N_("in the same département"),
		N_("in the region") };

	return (unsigned)class > 0 && (unsigned)class < 6 ? _(words[class])
							  : "";
}

/* One indented line, when there is something to say. */
static void
detail(struct cli *cli, const char *label, const char *text)
{
	size_t width = term_width(label);

	if (*text == '\0')
		return;
	fprintf(cli->out, "%*s%s%s%s%*s", INDENT, "",
	    term_start(cli->colour_out, COLOUR_DIM), label,
	    term_end(cli->colour_out, COLOUR_DIM),
	    width < 12 ? (int)(12 - width) : 1, "");
	table_wrap(cli->out, text, cli->width, INDENT + 12);
}

static void
show_place(struct cli *cli, const Resopro__V1__FindLine *l)
{
	char *text;

	if (asprintf(&text, "%s%s%s", l->adresse,
		*l->adresse != '\0' && *l->commune != '\0' &&
			strstr(l->adresse, l->commune) == NULL
		    ? ", "
		    : "",
		strstr(l->adresse, l->commune) == NULL ? l->commune : "") < 0)
		return;
	detail(cli, _("Address"), text);
	free(text);
	if (l->distance_class == 0)
		return;
	if (asprintf(&text, l->distance_metres > 0 ? "%s (%u km)" : "%s",
		distance_words(l->distance_class),
		(l->distance_metres + 500) / 1000) < 0)
		return;
	detail(cli, _("Distance"), text);
	free(text);
}

static void
show_line(struct cli *cli, const Resopro__V1__FindLine *l)
{
	char *law;

	fprintf(cli->out, "\n%s%2u.%s ",
	    term_start(cli->colour_out, COLOUR_GOOD), l->rank,
	    term_end(cli->colour_out, COLOUR_GOOD));
	term_print(cli->out, cli->colour_out, COLOUR_BOLD, l->organisation_nom);
	if (*l->site_nom != '\0' &&
	    strcmp(l->site_nom, l->organisation_nom) != 0) {
		fputs(" – ", cli->out);
		term_print(cli->out, false, COLOUR_NONE, l->site_nom);
	}
	putc('\n', cli->out);
	show_place(cli, l);
	detail(cli, _("Phone"), l->telephone);
	detail(cli, _("E-mail"), l->courriel);
	detail(cli, _("Hours"), l->horaires_accueil);
	detail(cli, _("Web"), l->site_web);
	detail(cli, _("Why"), l->reason);
	if (asprintf(&law, "%s – %s", l->rule_id, l->legal_source) >= 0) {
		detail(cli, _("Rule"), law);
		free(law);
	}
	detail(cli, _("Title"), l->status_proof);
	detail(cli, _("Confirmed"), l->confirmed_on);
	if (*l->note == '\0')
		return;
	fprintf(cli->out, "%*s%s⚠%s ", INDENT, "",
	    term_start(cli->colour_out, COLOUR_CHANGE),
	    term_end(cli->colour_out, COLOUR_CHANGE));
	table_wrap(cli->out, l->note, cli->width, INDENT + 2);
}

static const char *
excluded_name(const Resopro__V1__FindExclusion *e)
{
	return *e->organisation_id != '\0' ? e->organisation_id
					   : e->organisation_kind;
}

static bool
same_cause(const Resopro__V1__FindExclusion *a,
    const Resopro__V1__FindExclusion *b)
{
	return strcmp(a->rule_id, b->rule_id) == 0 &&
	       strcmp(a->reason, b->reason) == 0 &&
	       strcmp(a->legal_source, b->legal_source) == 0;
}

/* All that the cause of the i-th left out; nothing when an earlier one told. */
static void
show_cause(struct cli *cli, const Resopro__V1__FindResponse *r, size_t i)
{
	const Resopro__V1__FindExclusion *e = r->excluded[i];
	char *text = NULL;
	size_t len, j;
	FILE *f;

	for (j = 0; j < i; j++)
		if (same_cause(r->excluded[j], e))
			return;
	f = open_memstream(&text, &len);
	if (f == NULL)
		return;
	fputs(excluded_name(e), f);
	for (j = i + 1; j < r->n_excluded; j++)
		if (same_cause(r->excluded[j], e))
			fprintf(f, ", %s", excluded_name(r->excluded[j]));
	fprintf(f, _(": %s (%s%s%s)"), e->reason, e->rule_id,
	    *e->legal_source != '\0' ? ", " : "", e->legal_source);
	if (fclose(f) == 0) {
		fprintf(cli->out, "%*s", INDENT, "");
		table_wrap(cli->out, text, cli->width, INDENT);
	}
	free(text);
}

static void
show_excluded(struct cli *cli, const Resopro__V1__FindResponse *r)
{
	size_t i;

	if (r->n_excluded > 0)
		fprintf(cli->out, "\n%s%s%s\n",
		    term_start(cli->colour_out, COLOUR_BOLD), _("Left out"),
		    term_end(cli->colour_out, COLOUR_BOLD));
	for (i = 0; i < r->n_excluded; i++)
		show_cause(cli, r, i);
}

static void
show_answer(struct cli *cli, const Resopro__V1__FindResponse *r,
    const char *code, const char *name)
{
	size_t i;

	term_print(cli->out, cli->colour_out, COLOUR_BOLD, name);
	fprintf(cli->out, _(" (%s), on %s, revision %ju\n"), code, r->date,
	    (uintmax_t)r->revision);
	for (i = 0; i < r->n_lines; i++)
		show_line(cli, r->lines[i]);
	show_excluded(cli, r);
	for (i = 0; i < r->n_notes; i++) {
		fputs(i == 0 ? "\n  ℹ " : "  ℹ ", cli->out);
		table_wrap(cli->out, r->notes[i], cli->width, INDENT);
	}
}

static int
print_answer(struct cli *cli, const ProtobufCMessage *message, const char *code,
    const char *name)
{
	const Resopro__V1__FindResponse *r =
	    (const Resopro__V1__FindResponse *)message;
	struct output *out;
	size_t i;

	if (cli->format == FORMAT_TABLE) {
		show_answer(cli, r, code, name);
		return output_done(cli, EXIT_OK);
	}
	if (cli->format == FORMAT_JSON)
		return output_message(cli, message);
	out = output_open(cli, columns, "lines");
	for (i = 0; i < r->n_lines; i++)
		output_item(out, &r->lines[i]->base);
	return output_close(out);
}

/* ---- the question ----------------------------------------------------------------- */

static Resopro__V1__Answer
yes_if(const struct args *args, const char *flag)
{
	return args_has(args, flag) ? RESOPRO__V1__ANSWER__ANSWER_OUI
				    : RESOPRO__V1__ANSWER__ANSWER_UNSPECIFIED;
}

static int
read_question(struct cli *cli, const struct args *args,
    Resopro__V1__FindRequest *q)
{
	const char *age = args_get(args, "age");
	const char *date = args_get(args, "date");
	const char *limit = args_get(args, "limit");
	uint64_t n = 0;

	if (args_get(args, "commune") == NULL)
		return cli_usage(cli, "%s", _("--commune is missing"));
	if (age != NULL && cli_number(cli, "--age", age, 11, 120, &n) != 0)
		return EXIT_USAGE;
	q->age = (uint32_t)n;
	n = 0;
	if (limit != NULL && cli_number(cli, "--limit", limit, 1, 20, &n) != 0)
		return EXIT_USAGE;
	q->limit = (uint32_t)n;
	if (date != NULL && cli_date(cli, "--date", date) != 0)
		return EXIT_USAGE;
	q->date = cli_field(date);
	q->age_band = cli_field(args_get(args, "age-band"));
	q->situation = cli_field(args_get(args, "situation"));
	q->secteur_projet = cli_field(args_get(args, "secteur"));
	q->modalite = cli_field(args_get(args, "modalite"));
	q->cadre = yes_if(args, "cadre");
	q->boeth = yes_if(args, "boeth");
	q->rsa = yes_if(args, "rsa");
	q->handicap_principal = yes_if(args, "handicap-principal");
	q->deja_suivi = yes_if(args, "deja-suivi");
	q->why = args_has(args, "why");
	return 0;
}

static int
run_refer(struct cli *cli, const struct args *args)
{
	Resopro__V1__FindRequest question;
	char *needs[NEEDS_MAX], code[8], name[COMMUNE_NAME];
	ProtobufCMessage *message;
	const char *need;
	int status;

	resopro__v1__find_request__init(&question);
	status = read_question(cli, args, &question);
	if (status != 0)
		return status;
	for (; question.n_besoins < NEEDS_MAX &&
	       (need = args_nth(args, "besoin", question.n_besoins)) != NULL;)
		needs[question.n_besoins++] = cli_field(need);
	if (args_nth(args, "besoin", NEEDS_MAX) != NULL)
		return cli_usage(cli, _("--besoin: at most %d"), NEEDS_MAX);
	question.besoins = needs;
	status = territory_pick(cli, args_get(args, "commune"), code, name);
	if (status != 0)
		return status;
	question.commune = code;
	status = cli_call(cli, &rsp_referrals_find, &question.base, &message);
	if (status != 0)
		return status;
	status = print_answer(cli, message, code, name);
	rsp_message_free(message);
	return status;
}

const struct cmd cmd_refer = {
	.name = "refer",
	.args = "--commune CODE|NAME",
	.help = N_("where to send someone, by which rule of law"),
	.details = N_("The question has no name, birth date or address; it is "
		      "answered from memory and written nowhere. A commune "
		      "name that several bear is refused with the choice, "
		      "and so is a code that is also a postal code: "
		      "com:14400 is the commune."),
	.opts = opts,
	.run = run_refer,
};
