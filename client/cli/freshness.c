/* freshness.c - see freshness.h. */
#include "freshness.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "output.h"

#define CONFIRMED RESOPRO__V1__FRESHNESS__FRESHNESS_CONFIRMED
#define DUE RESOPRO__V1__FRESHNESS__FRESHNESS_DUE
#define STALE RESOPRO__V1__FRESHNESS__FRESHNESS_STALE

typedef Resopro__V1__FreshnessCount count;

/* ---- words and colours -------------------------------------------------------- */

static const char *
word(Resopro__V1__Freshness state)
{
	static const char *const words[] = { "", N_("confirmed"), N_("due"),
		N_("stale") };

	return (unsigned)state < 4 && state != 0 ? _(words[state]) : "";
}

static enum colour
colour(Resopro__V1__Freshness state)
{
	return state == STALE ? COLOUR_BAD
	       : state == DUE ? COLOUR_CHANGE
			      : COLOUR_NONE;
}

char *
freshness_of_record(const ProtobufCMessage *m)
{
	return strdup(word(((const Resopro__V1__Record *)m)->freshness));
}

enum colour
freshness_colour_of_record(const ProtobufCMessage *m)
{
	return colour(((const Resopro__V1__Record *)m)->freshness);
}

int
freshness_parse(struct cli *cli, const char *text,
    Resopro__V1__Freshness *state)
{
	static const char *const words[] = { "", "confirmed", "due", "stale" };

	for (unsigned i = 1; i < 4; i++) {
		if (strcmp(text, words[i]) == 0) {
			*state = (Resopro__V1__Freshness)i;
			return 0;
		}
	}
	return cli_usage(cli, _("“%.40s” is no state of freshness"), text);
}

/* ---- counts ------------------------------------------------------------------- */

static enum colour
colour_of_due(const ProtobufCMessage *m)
{
	return ((const count *)m)->due > 0 ? colour(DUE) : COLOUR_NONE;
}

static enum colour
colour_of_stale(const ProtobufCMessage *m)
{
	return ((const count *)m)->stale > 0 ? colour(STALE) : COLOUR_NONE;
}

/* The first is left out where owners are counted together. */
static const struct column columns[] = {
	{ .title = N_("OWNER"), .path = "owner", .flags = COLUMN_KEEP },
	{ .title = N_("KIND"), .path = "kind" },
	{ .title = N_("CONFIRMED"),
	    .path = "confirmed",
	    .flags = COLUMN_RIGHT | COLUMN_ZERO },
	{ .title = N_("DUE"),
	    .path = "due",
	    .flags = COLUMN_RIGHT | COLUMN_ZERO,
	    .colour = colour_of_due },
	{ .title = N_("STALE"),
	    .path = "stale",
	    .flags = COLUMN_RIGHT | COLUMN_ZERO,
	    .colour = colour_of_stale },
	{ .title = N_("HOLDS (DAYS)"),
	    .path = "period_days",
	    .flags = COLUMN_RIGHT | COLUMN_ZERO },
	{ 0 }
};

int
freshness_counts(struct cli *cli, Resopro__V1__FreshnessCountsRequest *request,
    struct paging *page)
{
	ProtobufCMessage *message;
	struct output *out = NULL;
	char *token = NULL;
	uint64_t revision = 0;
	bool again = true;
	int code = 0;

	while (again) {
		Resopro__V1__FreshnessCountsResponse *r;

		request->page_size = request->by_owner ? page->size : 0;
		code = cli_call(cli, &rsp_registry_freshness_counts,
		    &request->base, &message);
		if (code != 0)
			break;
		r = (Resopro__V1__FreshnessCountsResponse *)message;
		if (out == NULL)
			out = output_open(cli,
			    request->by_owner ? columns : columns + 1,
			    "counts");
		for (size_t i = 0; i < r->n_counts; i++)
			output_item(out, &r->counts[i]->base);
		revision = r->revision;
		again = paging_next(page, r->n_counts, r->next_page_token);
		free(token);
		request->page_token = token = strdup(r->next_page_token);
		rsp_message_free(message);
	}
	if (out != NULL) {
		output_number(out, "revision", revision);
		if (page->more)
			output_text(out, "next_page_token", token);
		code = output_close(out) != 0 ? EXIT_INTERNAL : code;
	}
	free(token);
	request->page_token = NULL;
	return code;
}
