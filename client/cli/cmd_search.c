/* cmd_search.c - resopro search: records by words. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "kinds.h"
#include "opts.h"
#include "output.h"
#include "paging.h"

enum { SEARCH_DEFAULT = 20, SEARCH_PAGE_MAX = 100, KINDS_MAX = 8 };

static const struct opt opts[] = {
	{ .name = "kind",
	    .arg = "KIND",
	    .flags = OPT_MANY,
	    .complete = "kinds",
	    .help = N_("only this kind: organisation, site, offer") },
	{ .name = "territory",
	    .arg = "ZONE",
	    .help =
		N_("only in this zone: 14118, 14, epci:200065597, arr:142") },
	{ .name = "why", .help = N_("which words were found where") },
	{ .letter = 'n',
	    .name = "limit",
	    .arg = "N",
	    .help = N_("at most so many (20)") },
	OPT_ROW_ALL, { 0 }
};

/* ---- columns -------------------------------------------------------------------- */

static char *
kind_text(const ProtobufCMessage *item)
{
	const Resopro__V1__SearchHit *hit =
	    (const Resopro__V1__SearchHit *)item;
	char buf[48];

	return strdup(kinds_name(hit->kind, buf));
}

static const char *
field_words(Resopro__V1__SearchField field)
{
	static const char *const words[] = { "", N_("identifier"), N_("name"),
		N_("acronym"), N_("commune"), N_("kind"), N_("organisation"),
		N_("offer") };

	return (unsigned)field > 0 && (unsigned)field < 8 ? _(words[field])
							  : "";
}

static const char *
how_words(Resopro__V1__SearchHow how)
{
	switch (how) {
	case RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_WHOLE:
		return _("whole");
	case RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_SYNONYM:
		return _("same as");
	case RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_BEGINNING:
		return _("begins");
	case RESOPRO__V1__SEARCH_HOW__SEARCH_HOW_SPELLING:
		return _("spelt");
	default:
		return "";
	}
}

/* "kind: ml (same as mission locale); commune: caen". */
static char *
why_text(const ProtobufCMessage *item)
{
	const Resopro__V1__SearchHit *hit =
	    (const Resopro__V1__SearchHit *)item;
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		return strdup("");
	for (size_t i = 0; i < hit->n_why; i++) {
		const Resopro__V1__SearchWhy *w = hit->why[i];
		const char *how = how_words(w->how);

		fprintf(f, "%s%s: %s", i > 0 ? "; " : "", field_words(w->field),
		    w->asked);
		if (*how != '\0')
			fprintf(f, " (%s %s)", how, w->found);
	}
	return fclose(f) == 0 ? out : NULL;
}

static const struct column columns[] = {
	{ .title = N_("KIND"), .path = "kind", .text = kind_text },
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "nom" },
	{ .title = N_("COMMUNE"), .path = "commune" },
	{ .title = N_("ORGANISATION"), .path = "organisation_nom" },
	{ .title = N_("CLOSED"), .path = "date_fermeture" }, { 0 }
};

static const struct column why_columns[] = {
	{ .title = N_("KIND"), .path = "kind", .text = kind_text },
	{ .title = N_("ID"), .path = "id", .flags = COLUMN_KEEP },
	{ .title = N_("NAME"), .path = "nom" },
	{ .title = N_("COMMUNE"), .path = "commune" },
	{ .title = N_("WHY"), .path = "why", .text = why_text }, { 0 }
};

/* ---- nothing found ------------------------------------------------------------------ */

/* The query with each unknown word in its nearest spelling, or without it. */
static char *
corrected(const Resopro__V1__SearchResponse *r)
{
	char *out = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		return NULL;
	for (i = 0; i < r->n_words; i++) {
		const Resopro__V1__SearchWord *w = r->words[i];
		const char *word = w->known ? w->word : w->nearest;

		if (*word != '\0')
			fprintf(f, " %s", word);
	}
	if (fclose(f) == 0 && *out != '\0')
		return out;
	free(out);
	return NULL;
}

/* Say what no record has, and what has the nearest spelling. */
static int
unknown(struct cli *cli, const char *query,
    const Resopro__V1__SearchResponse *r)
{
	char *other = corrected(r);
	size_t i;
	int code;

	for (i = 0; i < r->n_words; i++) {
		const Resopro__V1__SearchWord *w = r->words[i];

		if (w->known)
			continue;
		if (*w->nearest != '\0')
			cli_say(cli, _("“%s” is in no record; “%s” is."),
			    w->word, w->nearest);
		else
			cli_say(cli, _("“%s” is in no record."), w->word);
	}
	if (other != NULL)
		cli_say(cli, _("Try: resopro search%s"), other);
	code = cli_fail(cli, EXIT_NOT_FOUND,
	    _("Check the spelling, or try a name, an acronym or a commune."),
	    _("no record matches “%.100s”"), query);
	free(other);
	return code;
}

static int
nothing(struct cli *cli, const char *query,
    const Resopro__V1__SearchResponse *r, bool filtered)
{
	size_t i;

	for (i = 0; i < r->n_words; i++)
		if (!r->words[i]->known)
			return unknown(cli, query, r);
	return cli_fail(cli, EXIT_NOT_FOUND,
	    filtered ? _("Each word is in the register: try without --kind and "
			 "--territory, or with fewer words.")
		     : _("Each word is in the register, but not all in one "
			 "record: try with fewer."),
	    _("no record matches “%.100s”"), query);
}

/* ---- the command ----------------------------------------------------------------------- */

/* The operands with blanks between; NULL: no memory. */
static char *
join_words(const struct args *args)
{
	char *out = NULL;
	size_t len = 0, i;
	FILE *f = open_memstream(&out, &len);

	if (f == NULL)
		return NULL;
	for (i = 0; i < args_count(args); i++)
		fprintf(f, "%s%s", i > 0 ? " " : "", args_operand(args, i));
	return fclose(f) == 0 ? out : NULL;
}

static int
read_options(struct cli *cli, const struct args *args,
    Resopro__V1__SearchRequest *q, Resopro__V1__Kind *kinds,
    struct paging *page)
{
	const char *limit = args_get(args, "limit"), *kind;

	memset(page, 0, sizeof *page);
	page->left = args_has(args, "all") ? UINT64_MAX : SEARCH_DEFAULT;
	if (limit != NULL &&
	    cli_number(cli, "--limit", limit, 1, UINT32_MAX, &page->left) != 0)
		return EXIT_USAGE;
	q->kinds = kinds;
	while ((kind = args_nth(args, "kind", q->n_kinds)) != NULL) {
		if (q->n_kinds == KINDS_MAX)
			return cli_usage(cli, _("--kind: at most %d"),
			    KINDS_MAX);
		if (cli_kind(cli, kind, &kinds[q->n_kinds]) != 0)
			return EXIT_USAGE;
		q->n_kinds++;
	}
	q->territory = cli_field(args_get(args, "territory"));
	q->why = args_has(args, "why");
	return 0;
}

/* One page, printed; the token of the next into *token. */
static int
one_page(struct cli *cli, Resopro__V1__SearchRequest *q, struct output **out,
    struct paging *page, char **token)
{
	bool filtered = q->n_kinds > 0 || *q->territory != '\0';
	Resopro__V1__SearchResponse *r;
	ProtobufCMessage *message;
	size_t i;
	int code;

	q->page_size = page->left < SEARCH_PAGE_MAX ? (uint32_t)page->left
						    : SEARCH_PAGE_MAX;
	code = cli_call(cli, &rsp_registry_search, &q->base, &message);
	if (code != 0)
		return code;
	r = (Resopro__V1__SearchResponse *)message;
	if (*out == NULL) {
		*out = output_open(cli, q->why ? why_columns : columns, "hits");
		if (r->n_hits == 0)
			code = nothing(cli, q->query, r, filtered);
	}
	for (i = 0; i < r->n_hits; i++)
		output_item(*out, &r->hits[i]->base);
	paging_next(page, r->n_hits, r->next_page_token);
	free(*token);
	*token = strdup(r->next_page_token);
	q->page_token = *token;
	if (!page->more || page->left == 0) {
		output_number(*out, "revision", r->revision);
		if (page->more)
			output_text(*out, "next_page_token", *token);
	}
	rsp_message_free(message);
	return code;
}

static int
run_search(struct cli *cli, const struct args *args)
{
	Resopro__V1__SearchRequest request;
	Resopro__V1__Kind kinds[KINDS_MAX];
	struct output *out = NULL;
	char *token = NULL, *query = join_words(args);
	struct paging page;
	int code;

	resopro__v1__search_request__init(&request);
	request.query = query;
	code = query == NULL ? EXIT_INTERNAL
			     : read_options(cli, args, &request, kinds, &page);
	while (code == 0) {
		code = one_page(cli, &request, &out, &page, &token);
		if (!page.more || page.left == 0)
			break;
	}
	if (out != NULL && output_close(out) != 0)
		code = EXIT_INTERNAL;
	if (code == 0)
		paging_end(cli, &page);
	free(token);
	free(query);
	return code;
}

const struct cmd cmd_search = {
	.name = "search",
	.args = "WORD...",
	.min = 1,
	.max = -1,
	.help = N_("organisations, sites and offers by words, best first"),
	.details =
	    N_("Every word must be found: in a name, an acronym, a commune, "
	       "what an offer says. Accents, case, hyphens, St/Saint and "
	       "plurals do not matter; the last word may be the beginning of "
	       "one; ML finds mission locale. Small slips are forgiven when "
	       "nothing is found otherwise."),
	.opts = opts,
	.run = run_search,
};
